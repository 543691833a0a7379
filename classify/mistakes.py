"""Where a tagger is wrong: which dimensions it takes for another, and its worst errors with their passages.

Counts and quotes for a person who reads them; no score comes from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np

from classify.answers import RELEVANCE, Answers
from hexapolis.records import DIMENSIONS, LabelledText, Tagging

QUOTE_LENGTH = 80  # characters, with the ellipsis


class Tags(Protocol):
    """What tags texts: a `classify.model.Tagger`."""

    def tag_many(self, docs: Sequence[tuple[str | None, str]]) -> list[Tagging]:
        """Tag (title, text) pairs, in their order."""
        ...


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """The false alarms of one dimension, and what their texts really carry."""

    count: int
    really: Mapping[str, int]  # by other dimension; a text that carries two counts in both
    none: int  # texts that carry no dimension, contested ones included


class Kind(StrEnum):
    """Which way an answer is wrong."""

    FALSE_ALARM = "false alarm"  # the model says yes, the label no
    MISS = "miss"  # the model says no, the label yes


class Quoted(StrEnum):
    """Where a quote was taken from, and so what its probability means."""

    EVIDENCE = "evidence"  # the strongest evidence that the model gave
    PASSAGE = "passage"  # the passage that scores highest when it is tagged as a text of its own
    TITLE = "title"  # the same; the title scores higher than any passage


@dataclass(frozen=True, slots=True)
class Quote:
    """A piece of a text, cut for display, with the probability that it alone has."""

    text: str
    probability: float
    quoted: Quoted


@dataclass(frozen=True, slots=True)
class Mistake:
    """One wrong answer."""

    id: str
    target: str  # a dimension, or `relevance`
    kind: Kind
    probability: float  # of yes
    threshold: float
    confidence: float  # the probability given to the wrong answer: that of yes, or of no for a miss
    quote: Quote | None  # None for a text without passages


def false_alarms(items: Sequence[LabelledText], answers: Mapping[str, Answers]) -> dict[str, FalseAlarms]:
    """For each dimension, the dimensions that the texts of its false alarms carry."""
    table = {}
    for dimension in DIMENSIONS:
        rows = np.flatnonzero(answers[dimension].wrong & answers[dimension].said).tolist()
        carried = [items[n].dims - items[n].contested for n in rows]
        table[dimension] = FalseAlarms(
            count=len(rows),
            really={other: sum(other in dims for dims in carried) for other in DIMENSIONS},
            none=sum(not items[n].dims | items[n].contested for n in rows),
        )
    return table


def worst_mistakes(
    tagger: Tags,
    items: Sequence[LabelledText],
    taggings: Sequence[Tagging],
    answers: Mapping[str, Answers],
    limit: int,
) -> tuple[Mistake, ...]:
    """The most confident wrong answers, the worst first, each with the passage that best explains it.

    A false alarm is explained by its strongest evidence. A miss has none, and neither has relevance: there
    the passages and the title are tagged one by one, and the one that scores highest is quoted.
    """
    found = []
    for target, table in answers.items():
        for n in np.flatnonzero(table.wrong).tolist():
            probability = float(table.probability[n])
            found.append((probability if table.said[n] else 1 - probability, n, target))
    found.sort(key=lambda one: (-one[0], items[one[1]].id, one[2]))
    found = found[:limit]
    quotes = _quotes(tagger, items, taggings, [(n, target) for _, n, target in found])
    return tuple(
        Mistake(
            id=items[n].id,
            target=target,
            kind=Kind.FALSE_ALARM if answers[target].said[n] else Kind.MISS,
            probability=float(answers[target].probability[n]),
            threshold=float(answers[target].threshold[n]),
            confidence=round(confidence, 6),
            quote=quote,
        )
        for (confidence, n, target), quote in zip(found, quotes, strict=True)
    )


def _quotes(
    tagger: Tags,
    items: Sequence[LabelledText],
    taggings: Sequence[Tagging],
    wanted: Sequence[tuple[int, str]],
) -> list[Quote | None]:
    without = sorted({n for n, target in wanted if not _evidence(taggings[n], target)})
    parts: dict[int, list[tuple[str, Quoted]]] = {
        n: [(items[n].text[p.start : p.end], Quoted.PASSAGE) for p in taggings[n].passages] for n in without
    }
    for n in without:
        if title := items[n].title:
            parts[n].append((title, Quoted.TITLE))
    alone = iter(tagger.tag_many([(None, text) for n in without for text, _ in parts[n]]))
    tagged = {n: [(text, quoted, next(alone)) for text, quoted in parts[n]] for n in without}
    quotes: list[Quote | None] = []
    for n, target in wanted:
        if evidence := _evidence(taggings[n], target):
            start, end, score = evidence
            quotes.append(Quote(shorten(items[n].text[start:end]), score, Quoted.EVIDENCE))
            continue
        best = max(tagged[n], key=lambda part: _probability(part[2], target), default=None)
        quotes.append(best and Quote(shorten(best[0]), _probability(best[2], target), best[1]))
    return quotes


def _evidence(tagging: Tagging, target: str) -> tuple[int, int, float] | None:
    if target == RELEVANCE or not tagging.dimensions[target].evidence:
        return None
    best = max(tagging.dimensions[target].evidence, key=lambda one: one.score)
    return best.start, best.end, best.score


def _probability(tagging: Tagging, target: str) -> float:
    return tagging.relevance if target == RELEVANCE else tagging.dimensions[target].probability


def shorten(text: str, length: int = QUOTE_LENGTH) -> str:
    """One line of at most `length` characters; what is cut off is replaced by an ellipsis."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"
