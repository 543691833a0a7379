"""What sort of text a document is, and at what level of government, from its title and a part of its text.

A plan and a news item about it are not the same evidence. The rules are in `kinds.yaml`, in order: the first
that fits decides, and its words are the reason. Only the title, the first 2,000 and the last 500 characters
are read. Not for what the text is about: that is the model's work.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from classify.beginnings import Searcher, Sightings, Sought
from classify.levels import Reason, level_of
from classify.place_names import to_simplified
from classify.public_bodies import load_rules
from classify.terms import without_surrogates
from hexapolis.records import DocumentKind, Level

__all__ = ["KindAnswer", "Reason", "kind_of"]

OPENING = 2_000  # characters
ENDING = 500
_TITLE = 300
_FIELD = 200  # characters of issuer and document number
_LEAD = 260
_FIRST = 60
# Kinds that are an act of the body that issues them; the others tell of somebody's act.
_OWN_DOCUMENTS = frozenset(
    (DocumentKind.PLAN, DocumentKind.REGULATION, DocumentKind.NOTICE, DocumentKind.REPORT, DocumentKind.OTHER)
)
_SPLIT = re.compile(r"\s*_+\s*|\s+[-|–—]+\s+(?=[^|–—]{2,24}$)")  # between a title and the site's name
_SITE = re.compile(
    r"网$|门户|政府$|频道|在线|日报|[局厅委]$|(?:news|daily|online|times|post|net|\.com|\.gov\.cn)$",
    re.IGNORECASE,
)
_QUOTED = re.compile(
    r"《([^《》]{2,90})》|(?:印发|发布|公布|转发|批转)(.{2,90}?)的(?:通知|公告|通告|函|决定)"
)


@dataclass(frozen=True, slots=True)
class KindAnswer:
    """The kind and the level of a document, each with what it rests on."""

    kind: DocumentKind
    reason: Reason
    level: Level
    level_reason: Reason


@dataclass(frozen=True, slots=True)
class _Rule:
    kind: DocumentKind | None  # None: the kind of the document that is forwarded
    where: str
    match: re.Pattern[str] | None  # None: the kind of the source alone decides
    unless: re.Pattern[str] | None
    source_kind: str | None
    sought: int | None  # the pattern's number among those of its place whose beginnings are known


@functools.cache
def _rules() -> tuple[tuple[_Rule, ...], re.Pattern[str], dict[str, Searcher]]:
    """The rules in order, the names of regulations, and by place the patterns whose beginnings are known."""
    raw = load_rules()
    words = {
        name: value if isinstance(value, str) else "|".join(value) for name, value in raw["words"].items()
    }

    def compiled(pattern: str | None) -> re.Pattern[str] | None:
        if pattern is None:
            return None
        for name, value in words.items():
            pattern = pattern.replace(f"{{{name}}}", value)
        return re.compile(pattern, re.IGNORECASE)

    rules: list[_Rule] = []
    sought: dict[str, list[Sought]] = {}
    for row in raw["kinds"]:
        match, where, number = compiled(row.get("match")), row.get("in", "source_kind"), None
        if match is not None and "starts" in row:
            of_place = sought.setdefault(where, [])
            number = len(of_place)
            of_place.append(Sought(match, tuple(row["starts"])))
        kind = DocumentKind(row["kind"]) if "kind" in row else None
        unless = compiled(row.get("unless"))
        rules.append(_Rule(kind, where, match, unless, row.get("source_kind"), number))
    regulation = compiled("(?:{regulation_zh}){tail}$|(?:{regulation_en})")
    assert regulation is not None
    return tuple(rules), regulation, {where: Searcher(found) for where, found in sought.items()}


def kind_of(
    title: str | None,
    text: str,
    *,
    issuer: str | None = None,
    document_number: str | None = None,
    source_kind: str | None = None,
) -> KindAnswer:
    """What sort of text this is, and at what level of government.

    Args:
        title: the headline, with or without the site's name behind it.
        text: the whole text; only its first and last part are read.
        issuer: the body that the page names as the one that issued it (发文机关, 发布机构).
        document_number: 文号, such as 国发〔2025〕11号.
        source_kind: what the source is, as in the catalogue: government, media, research, company.
    """
    opening, ending = text[:OPENING], text[OPENING:][-ENDING:]
    parts = [
        " ".join((title or "")[:_TITLE].split()),
        opening.lstrip(),
        ending,
        (issuer or "")[:_FIELD].strip(),
        (document_number or "")[:_FIELD].strip(),
    ]
    parts = _simplified(parts)
    headline, label = _headline(parts[0])
    kind, reason = _kind(headline, label, parts[1], source_kind)
    answer = level_of(
        headline,
        parts[1],
        parts[2],
        own_document=kind in _OWN_DOCUMENTS,
        spoken=kind is DocumentKind.SPEECH,
        issuer=parts[3],
        document_number=parts[4],
    )
    return KindAnswer(kind, reason, answer.level, answer.reason)


def _simplified(parts: list[str]) -> list[str]:
    """Traditional folded to Simplified, all at once: a short title alone may not show its script."""
    whole = to_simplified(without_surrogates("\x00".join(part.replace("\x00", " ") for part in parts)))
    return whole.split("\x00")


def _headline(title: str) -> tuple[str, str]:
    """The title without the names of site and column, and these."""
    head, *rest = _SPLIT.split(title)
    if rest and len(head) < 6 and not _SITE.search(rest[0]):
        head, rest = rest[0], [head, *rest[1:]]  # Opinion - How …
    labels = [part for part in rest if part]
    return head, " ".join(labels)


def _kind(title: str, label: str, opening: str, source_kind: str | None) -> tuple[DocumentKind, Reason]:
    rules, regulation, searchers = _rules()
    sightings: dict[str, Sightings] = {}
    places = {
        "title": title,
        "label": label,
        "opening": opening,
        "lead": opening[:_LEAD],
        "first": opening[:_FIRST],
    }
    for rule in rules:
        if rule.source_kind is not None and rule.source_kind != source_kind:
            continue
        if rule.match is None:
            assert rule.kind is not None
            if title or opening:
                return rule.kind, Reason(source_kind or "", rule.where)
            continue
        place = places[rule.where]
        if rule.sought is None:
            found = rule.match.search(place)
        else:
            if rule.where not in sightings:
                sightings[rule.where] = searchers[rule.where].read(place)
            found = sightings[rule.where].search(rule.sought)
        if found is None or (rule.unless is not None and rule.unless.search(place)):
            continue
        where = rule.where if rule.where in ("title", "label") else "opening"
        reason = Reason(found[0].strip(), where)
        if rule.kind is not None:
            return rule.kind, reason
        forwarded = _QUOTED.search(title) or _QUOTED.search(opening[:_LEAD])
        name = (forwarded[1] or forwarded[2]) if forwarded else title
        return DocumentKind.REGULATION if regulation.search(name) else DocumentKind.PLAN, reason
    return DocumentKind.OTHER, Reason("", "nowhere")
