"""From text to numbers: the units that are scored, and the features of each.

A document is cut into passages, these into sentences. In a text that speaks of AI throughout, the scored
units are its passages and, inside the longer ones, runs of few sentences. In a long text that speaks of it
here and there (a work report, a news bulletin) only the sentences that name AI, a model, computing or data
are scored, each on its own: what the rest says of talent, funds or industry is not about AI. Each unit has
two blocks of features: lexicon classes (`lexicon.py`) and hashed character n-grams. Nothing here is learnt;
see `train.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classify.folding import fold
from classify.lexicon import Lexicon
from classify.passages import is_bare_heading, sentences, split_passages, width
from hexapolis.records import Passage

MAX_CHARACTERS = 200_000
"""What is read of one text; the rest of a longer one is left out."""

MAX_TITLE = 1_000
"""What is read of a title, in characters."""

FORMAT = 4
"""Raised when the meaning of a feature changes without the lexicon file changing."""

LANGUAGES = ("zh", "en")
"""What a text is read as; a model has calibration and thresholds for each."""

WINDOW_WIDTH = 120.0
"""Widest run of sentences scored on its own, in Chinese characters."""

TOPIC_CLASSES = ("ai", "compute", "data", "model")
"""A sentence with a word of one of these lexicon classes is on the topic.

`model` is there for sentences that name no AI at all: "a dispatching model sends each lorry a time".
"""

CLAUSE_WIDTH = 8.0
"""Narrowest clause scored on its own, in Chinese characters."""

SHORT_WIDTH = 200.0
TOPIC_SHARE = 0.5
"""A text over `SHORT_WIDTH` with fewer sentences on the topic than this speaks of it here and there."""

HASH_BITS = 18
_CLAUSE_END = re.compile(r"[,;:](?!\d)")
_HASH_SIZE = 1 << HASH_BITS
_MULTIPLIERS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x165667B19E3779F9))


@dataclass(frozen=True, slots=True)
class Outline:
    """A document cut up: passages for people, folded sentences, and the units that are scored."""

    passages: tuple[Passage, ...]
    sentences: tuple[str, ...]  # folded, without newlines; behind the text's own, clauses scored apart
    length: int  # how many of them are the text's own
    width: float  # of the title and the text that is read
    features: tuple[set[int], ...]  # lexicon features of each sentence
    units: tuple[tuple[int, int], ...]  # half-open ranges of sentences
    owners: tuple[int, ...]  # passage of each unit; -1 for the title
    scored: frozenset[int]  # passages that count for the document
    raw: tuple[str, ...]  # the text's own sentences before folding
    sources: tuple[int, ...]  # the sentence each clause behind `length` comes from
    scattered: bool  # a long text that speaks of the topic here and there
    language: str  # one of LANGUAGES


def outline(title: str | None, text: str, lexicon: Lexicon) -> Outline:
    """Cut up one document; the title, if any, is one more unit without a passage."""
    text = text[:MAX_CHARACTERS]
    passages = split_passages(text)
    headings = {n for n, p in enumerate(passages) if is_bare_heading(text[p.start : p.end])}
    scored = frozenset(range(len(passages))) - headings or headings
    folded: list[str] = []
    widths: list[float] = []
    ranges: list[tuple[int, int]] = []  # of sentences, one a passage
    raw: list[str] = []
    sources: list[int] = []
    titled = bool(title and title.strip())
    if title and titled:
        raw.append(title[:MAX_TITLE])
        folded.append(_line(title[:MAX_TITLE]))
        widths.append(width(title[:MAX_TITLE]))
    for passage in passages:
        first = len(folded)
        for start, end in sentences(text, passage.start, passage.end):
            raw.append(text[start:end])
            folded.append(_line(text[start:end]))
            widths.append(width(text[start:end]))
        ranges.append((first, len(folded)))
    features = lexicon.sentence_features(folded)
    topical = [lexicon.holds(one, TOPIC_CLASSES) for one in features]
    units: list[tuple[int, int]] = [(0, 1)] if titled else []
    owners: list[int] = [-1] if titled else []
    scattered = (
        sum(widths) > SHORT_WIDTH
        and sum(topical) < TOPIC_SHARE * len(topical)
        and not (titled and topical[0])
    )
    length = len(folded)
    clauses: list[tuple[int, int, str]] = []  # with their passage and sentence
    for number, (first, last) in enumerate(ranges):
        if not scattered:
            runs = _runs(widths, first, last)
        else:
            runs = [(n, n + 1) for n in range(first, last) if topical[n]]
            clauses += [(number, n, clause) for n, _ in runs for clause in _clauses(folded[n])]
        units += runs
        owners += [number] * len(runs)
    of_clauses = lexicon.sentence_features([clause for _, _, clause in clauses])
    for (number, sentence, clause), found in zip(clauses, of_clauses, strict=True):
        if lexicon.holds(found, TOPIC_CLASSES):
            units.append((len(folded), len(folded) + 1))
            owners.append(number)
            folded.append(clause)
            features.append(found)
            sources.append(sentence)
    return Outline(
        passages=tuple(passages),
        sentences=tuple(folded),
        length=length,
        width=sum(widths),
        features=tuple(features),
        units=tuple(units),
        owners=tuple(owners),
        scored=frozenset(scored),
        raw=tuple(raw),
        sources=tuple(sources),
        scattered=scattered,
        language=text_language(text if text.strip() else title or ""),
    )


def text_language(text: str) -> str:
    """`zh` when a tenth or more of the beginning is Chinese characters, else `en`."""
    sample = text[:2000]
    return "zh" if 10 * sum("\u4e00" <= char <= "\u9fff" for char in sample) > len(sample) else "en"


def _clauses(sentence: str) -> list[str]:
    """Clauses of a folded sentence that has several, short ones joined to the next; none if there is one."""
    clauses: list[str] = []
    open_end = False
    for piece in _CLAUSE_END.split(sentence):
        if open_end:
            clauses[-1] += "," + piece
        else:
            clauses.append(piece)
        open_end = width(clauses[-1]) < CLAUSE_WIDTH
    return clauses if len(clauses) > 1 else []


def _runs(widths: Sequence[float], first: int, last: int) -> list[tuple[int, int]]:
    """Runs of adjacent sentences up to `WINDOW_WIDTH`, and the whole passage if that is more than one."""
    runs: list[tuple[int, int]] = []
    start, used = first, 0.0
    for number in range(first, last):
        if number > start and used + widths[number] > WINDOW_WIDTH:
            runs.append((start, number))
            start, used = number, 0.0
        used += widths[number]
    if start < last:
        runs.append((start, last))
    return [*runs, (first, last)] if len(runs) > 1 else runs


def _line(text: str) -> str:
    return fold(text).replace("\n", " ")


@dataclass(frozen=True, slots=True)
class NgramCounts:
    """How often each unit holds each hashed n-gram; unit n's are `columns[indptr[n]:indptr[n + 1]]`."""

    indptr: NDArray[np.int64]  # one more than there are units
    columns: NDArray[np.int64]  # hash values, from 0 to 2 ** HASH_BITS - 1, ascending in each unit
    counts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @property
    def rows(self) -> NDArray[np.int64]:
        """The unit of each entry."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))

    def take(self, units: NDArray[np.intp]) -> NgramCounts:
        """The counts of some units alone, in ascending order of the units."""
        kept = np.zeros(len(self), dtype=bool)
        kept[units] = True
        entries = kept[self.rows]
        lengths = np.diff(self.indptr)[kept]
        return NgramCounts(
            np.concatenate(([0], np.cumsum(lengths))), self.columns[entries], self.counts[entries]
        )


def lexicon_rows(outlines: Sequence[Outline], lexicon: Lexicon) -> list[list[int]]:
    """The lexicon features of every unit over all outlines in order, each ascending."""
    return [
        sorted(lexicon.unit_features(one.features[first:last]))
        for one in outlines
        for first, last in one.units
    ]


def ngram_counts(outlines: Sequence[Outline]) -> NgramCounts:
    """Counts of hashed character 2- to 4-grams, one row a unit; n-grams do not cross sentence ends."""
    lines = [sentence for one in outlines for sentence in one.sentences]
    hashed, ends = _sentence_ngrams(lines)
    starts = [0, *ends]
    keys: list[NDArray[np.int64]] = []
    base = unit = 0
    for one in outlines:
        for first, last in one.units:
            keys.append(hashed[starts[base + first] : starts[base + last]] + (unit << HASH_BITS))
            unit += 1
        base += len(one.sentences)
    if not keys:
        nothing = np.empty(0, dtype=np.int64)
        return NgramCounts(np.zeros(1, dtype=np.int64), nothing, nothing)
    found, counts = np.unique(np.concatenate(keys), return_counts=True)
    indptr = np.searchsorted(found, np.arange(unit + 1, dtype=np.int64) << HASH_BITS)
    return NgramCounts(indptr, found & (_HASH_SIZE - 1), counts)


def _sentence_ngrams(lines: Sequence[str]) -> tuple[NDArray[np.int64], list[int]]:
    """The hashed n-grams of all lines, line after line, and where each line's end."""
    codes = np.frombuffer("\n".join([*lines, ""]).encode("utf-32-le", "replace"), dtype=np.uint32).astype(
        np.uint64
    )
    breaks = codes == 10
    parts: list[NDArray[np.int64]] = []
    places: list[NDArray[np.intp]] = []
    hashed = codes
    clean = ~breaks
    for step, multiplier in enumerate(_MULTIPLIERS, 1):
        hashed = (hashed[:-1] * multiplier) ^ codes[step:]
        clean = clean[:-1] & ~breaks[step:]
        place = np.flatnonzero(clean)
        parts.append(((hashed[place] * _MULTIPLIERS[0]) >> np.uint64(64 - HASH_BITS)).astype(np.int64))
        places.append(place)
    place = np.concatenate(places)
    order = np.argsort(place, kind="stable")
    ends = np.searchsorted(place[order], np.flatnonzero(breaks))
    return np.concatenate(parts)[order], ends.tolist()
