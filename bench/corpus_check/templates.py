"""Signs that texts were made from one mould: openings, closings, long runs of words, and sentence skeletons.

All soft: officials do write in set phrases, and a reader has to say what is one and what is a template.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from bench.corpus_check.copies import Alike
from bench.corpus_check.entries import Entry, Finding

EDGE = {"zh": 8, "en": 24}
"""Letters of an opening or closing: a clause's beginning, longer than the name of a province or city."""

EDGE_SHARE = 0.004
"""Of a language's texts; an opening or closing that more of them have is over-frequent."""

RUN = {"zh": 12, "en": 12}
"""Characters in Chinese, words in English; set phrases of administration are shorter."""

RUN_TEXTS = 3
"""So many texts with the same run, beside those that are alike anyway, are a template."""

SKELETON = 9
"""Function words and marks in a sentence; shorter skeletons are alike by chance."""

_SENTENCE = re.compile(r"[。！？!?\n]+|(?<=[a-z\d)])\.\s")
_BONES = {
    "zh": re.compile(r"[的了在将对等为与和以及由从到把被让按不其中个，；：、“”（）《》]|第|并|每|已|还|只"),
    "en": re.compile(
        r"\b(?:the|a|an|of|in|on|at|by|for|to|and|or|but|with|from|that|which|who|is|are|was|were|be|been|has"
        r"|have|had|shall|will|may|not|its|their|it|as|up|than|per|each)\b|[,;:()\"]",
        re.IGNORECASE,
    ),
}
_DIGITS = re.compile(r"[\d〇零一二三四五六七八九十百千万亿]+")


def find_templates(entries: Sequence[Entry], pairs: Iterable[Alike]) -> list[Finding]:
    """All template smells; texts that are pairs or alike count once, for `copies` has them already."""
    groups = _groups(entries, pairs)
    return [
        *_edges(entries, groups, "opening"),
        *_edges(entries, groups, "closing"),
        *_shared(entries, groups, _runs, "repeated run"),
        *_shared(entries, groups, _skeletons, "sentence skeleton"),
    ]


def _groups(entries: Sequence[Entry], pairs: Iterable[Alike]) -> dict[str, str]:
    """For each text the id that stands for all that are alike."""
    parent = {entry.id: entry.id for entry in entries}

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    named: dict[str, str] = {}
    for entry in entries:
        if entry.pair:
            parent[root(entry.id)] = root(named.setdefault(entry.pair, entry.id))
    for pair in pairs:
        parent[root(pair.one.id)] = root(pair.other.id)
    return {entry.id: root(entry.id) for entry in entries}


def _edges(entries: Sequence[Entry], groups: Mapping[str, str], check: str) -> list[Finding]:
    found = []
    for language, length in EDGE.items():
        own = [entry for entry in entries if entry.language == language]
        places: dict[str, list[str]] = defaultdict(list)
        for entry in own:
            letters = _DIGITS.sub("", entry.letters)
            places[letters[:length] if check == "opening" else letters[-length:]].append(entry.id)
        limit = max(4, round(EDGE_SHARE * len(own)))
        for edge, ids in places.items():
            if len({groups[name] for name in ids}) > limit:
                found.append(Finding(check, tuple(ids), f"{len(ids)} texts: {edge!r}"))
    return found


def _shared(
    entries: Sequence[Entry],
    groups: Mapping[str, str],
    pieces: Callable[[Entry], set[str]],
    check: str,
) -> list[Finding]:
    places: dict[str, dict[str, None]] = defaultdict(dict)
    for entry in entries:
        for piece in pieces(entry):
            places[piece][entry.id] = None
    found: dict[tuple[str, ...], str] = {}
    for piece, names in places.items():
        if len({groups[name] for name in names}) >= RUN_TEXTS:
            found.setdefault(tuple(names), piece)  # runs that overlap are in the same texts
    return [Finding(check, ids, f"{len(ids)} texts: {piece!r}") for ids, piece in found.items()]


def _runs(entry: Entry) -> set[str]:
    if entry.language == "zh":
        text, length = entry.letters, RUN["zh"]
        return {text[n : n + length] for n in range(len(text) - length + 1)}
    words, length = re.findall(r"[a-z\d]+", entry.item.text.lower()), RUN["en"]
    return {" ".join(words[n : n + length]) for n in range(len(words) - length + 1)}


def _skeletons(entry: Entry) -> set[str]:
    bones = _BONES[entry.language]
    found = set()
    for sentence in _SENTENCE.split(entry.item.text):
        skeleton = [bone.lower() for bone in bones.findall(sentence)]
        if len(skeleton) >= SKELETON and len(set(skeleton)) >= SKELETON // 2:
            found.add(" ".join(skeleton))
    return found
