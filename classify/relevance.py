"""Whose work a text speaks of: what relevance is decided from.

The scores of a text's units say what it is about; relevance asks besides whether that is a city's doing. Both
are put together into a few figures for the whole text: how strongly the headline, the sentences that name a
city, and those of a city's own voice carry something, beside how much of the text speaks for a province, the
nation, abroad or a company. What the figures are worth is learnt (`train.py`) as a sum of small trees.
"""

from __future__ import annotations

import bisect
import functools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.features import TOPIC_CLASSES, Outline
from classify.gazetteer import city_by_code, city_by_name, provinces
from classify.lexicon import load_lexicon
from classify.passages import width
from classify.place_names import find_hits, to_simplified
from hexapolis.records import CityRole, CityTag

LIMIT = 6.0
"""Log-odds beyond which a score says no more; its negative stands for "no such place in the text"."""

FEATURES = (
    "content of the headline",
    "relevance of the headline",
    "headline names a city",
    "headline names a province",
    "headline speaks of a wider area",
    "best content of a sentence that names a city",
    "second content of such sentences",
    "best content of a clause that names a city",
    "best content of a sentence in a city's own voice",
    "best content of a sentence that names a province and no city",
    "best content",
    "second content",
    "best content beside one subject city",
    "best content beside one subject city that is a municipality",
    "best relevance",
    "second relevance",
    "best relevance where a city is named or speaks",
    "relevance where nothing is named and nobody speaks",
    "speaks as a city",
    "speaks for a wider area",
    "share of sentences that do",
    "share of sentences that name a province",
    "share of sentences on other countries",
    "share of sentences of company news",
    "share of sentences on actors of cities",
    "share of sentences on the topic",
    "cities named",
    "a subject city",
    "no city named",
    "length",
    "spoken of here and there",
)
"""What the figures are, in order. Content is the highest score of a dimension."""

_HEADLINE_WIDTH = 60.0  # Chinese characters
_MUNICIPALITY = "municipality"


DEPTH = 3
"""Questions asked by one tree."""


@dataclass(frozen=True, slots=True)
class Trees:
    """A sum of small decision trees, each complete: node n asks, and leads to node 2n + 1 (no) or 2n + 2."""

    figure: NDArray[np.int32]  # one row a tree, one column a node: which figure is asked about
    limit: NDArray[np.float64]  # the same shape: the answer is yes above it
    value: NDArray[np.float64]  # one row a tree, one column a leaf: what it adds, in log-odds
    start: float  # log-odds before any tree

    def score(self, figures: NDArray[np.float64]) -> float:
        """Log-odds of one text."""
        figures = figures.astype(np.float32)  # as in training
        tree = np.arange(len(self.figure))
        node = np.zeros(len(self.figure), dtype=np.intp)
        for _ in range(DEPTH):
            above = figures[self.figure[tree, node]] > self.limit[tree, node]
            node = 2 * node + 1 + above
        return self.start + float(self.value[tree, node - (1 << DEPTH) + 1].sum())

    @classmethod
    def of(cls, model: Any) -> Trees:
        """The trees of a fitted scikit-learn `GradientBoostingClassifier` of that depth and two classes."""
        inner, leaves = (1 << DEPTH) - 1, 1 << DEPTH
        count = len(model.estimators_)
        figure = np.zeros((count, inner), dtype=np.int32)
        limit = np.full((count, inner), np.inf)
        value = np.zeros((count, leaves))
        for number, (estimator,) in enumerate(model.estimators_):
            tree = estimator.tree_
            waiting = [(0, 0)]  # a node of the tree and its place here
            while waiting:
                node, place = waiting.pop()
                is_leaf = tree.children_left[node] < 0
                if place >= inner:
                    value[number, place - inner] = model.learning_rate * tree.value[node].item()
                    continue
                if not is_leaf:
                    figure[number, place], limit[number, place] = tree.feature[node], tree.threshold[node]
                for step, children in ((1, tree.children_left), (2, tree.children_right)):
                    waiting.append((node if is_leaf else int(children[node]), 2 * place + step))
        prior = model.init_.class_prior_[1]
        return cls(figure, limit, value, math.log(prior / (1 - prior)))


NO_TREES = Trees(np.zeros((0, 7), dtype=np.int32), np.zeros((0, 7)), np.zeros((0, 8)), 0.0)
"""For a model of which only the units' scores are wanted."""


def relevance_features(
    outline: Outline, units: NDArray[np.float64], cities: Sequence[CityTag]
) -> NDArray[np.float64]:
    """The figures of one text, in the order of `FEATURES`.

    Args:
        outline: the text.
        units: raw scores, one row a unit; a column for each dimension and the last one for relevance.
        cities: the cities found in it.
    """
    number_of = _class_numbers()
    own = outline.features[: outline.length]
    headline = _has_headline(outline)
    named = _naming_sentences(outline) if cities else frozenset()
    voice = {n for n, one in enumerate(outline.features) if number_of["own_city"] in one}
    province = {n for n, line in enumerate(outline.raw) if _province_names().search(line)}
    content, relevance = units[:, :-1].max(axis=1, initial=-LIMIT), units[:, -1]
    head = [-LIMIT, -LIMIT]
    of_named, of_clauses, of_voice, of_province = [], [], [], []
    everywhere, relevances, there = [], [], []
    for number, (owner, (first, last)) in enumerate(zip(outline.owners, outline.units, strict=True)):
        if headline and (first, last) == (0, 1):
            head = [float(content[number]), float(relevance[number])]
            continue
        if owner not in outline.scored or not is_smallest(outline, number):
            continue
        sentences = range(first, last)
        names, speaks = not named.isdisjoint(sentences), not voice.isdisjoint(sentences)
        if first >= outline.length:
            of_clauses += [float(content[number])] * names
            continue
        everywhere.append(float(content[number]))
        relevances.append(float(relevance[number]))
        of_named += [float(content[number])] * names
        of_voice += [float(content[number])] * speaks
        of_province += [float(content[number])] * (not names and not province.isdisjoint(sentences))
        there += [float(relevance[number])] * (names or speaks)
    subjects = [city for city in cities if city.role is CityRole.SUBJECT]
    lone = len(subjects) == 1
    found = city_by_code(subjects[0].city_code) if lone else None
    municipal = found is not None and found.level == _MUNICIPALITY

    def share(*classes: str) -> float:
        """Of sentences with a word of one of the classes."""
        numbers = {number_of[name] for name in classes}
        return sum(not numbers.isdisjoint(one) for one in own) / max(1, len(own))

    wider = share("wider_area")
    silent = not cities and not voice and not wider
    return np.array(
        [
            _limited(head[0]),
            _limited(head[1]),
            float(headline and 0 in named),
            float(headline and 0 in province),
            float(headline and number_of["wider_area"] in outline.features[0]),
            _nth(of_named, 0),
            _nth(of_named, 1),
            _nth(of_clauses, 0),
            _nth(of_voice, 0),
            _nth(of_province, 0),
            _nth(everywhere, 0),
            _nth(everywhere, 1),
            _nth(everywhere, 0) if lone else -LIMIT,
            _nth(everywhere, 0) if municipal else -LIMIT,
            _nth(relevances, 0),
            _nth(relevances, 1),
            _nth(there, 0),
            max(_nth(relevances, 0), _limited(head[1])) if silent else -LIMIT,
            float(bool(voice)),
            float(wider > 0),
            wider,
            len(province) / max(1, len(outline.raw)),
            share("abroad"),
            share("company_news"),
            share("city_actor"),
            share(*TOPIC_CLASSES),
            math.log1p(len(cities)),
            float(bool(subjects)),
            float(not cities),
            math.log1p(outline.width) / 10,
            float(outline.scattered),
        ]
    )


def _has_headline(outline: Outline) -> bool:
    """Whether the first sentence is a headline: a title, or a short first line that more text follows."""
    if outline.units and outline.owners[0] < 0:
        return True
    first = outline.raw[0].strip() if outline.raw else ""
    return (
        len(outline.raw) > 1
        and width(first) <= _HEADLINE_WIDTH
        and not first.endswith(("。", "；", ";", "."))
    )


@functools.cache
def _province_names() -> re.Pattern[str]:
    names = [name for zh, _, en in provinces().values() for name in (zh, en)]
    return re.compile("|".join(re.escape(name) for name in names if city_by_name(name) is None))


@functools.cache
def _class_numbers() -> dict[str, int]:
    return {name: number for number, name in enumerate(load_lexicon().classes)}


def _limited(score: float) -> float:
    return min(LIMIT, max(-LIMIT, score))


def _nth(scores: Sequence[float], n: int) -> float:
    """The n-th highest of the scores, from 0; -LIMIT when there are not so many."""
    return _limited(sorted(scores, reverse=True)[n]) if n < len(scores) else -LIMIT


def _naming_sentences(outline: Outline) -> frozenset[int]:
    """Sentences that name a city, and clauses that do."""
    named = _lines_with_names(outline.raw)
    clauses = outline.sentences[outline.length :]
    chinese = _lines_with_names(clauses)  # they are folded, so English names are lost: the sentence decides
    for n, (clause, source) in enumerate(zip(clauses, outline.sources, strict=True)):
        if n in chinese or (clause.isascii() and source in named):
            named.add(outline.length + n)
    return frozenset(named)


def _lines_with_names(lines: Sequence[str]) -> set[int]:
    starts, at = [], 0
    for line in lines:
        starts.append(at)
        at += len(line) + 1
    hits = find_hits(to_simplified("\n".join(lines))) if lines else []
    return {bisect.bisect_right(starts, hit.start) - 1 for hit in hits}


def is_smallest(outline: Outline, number: int) -> bool:
    """Whether a unit is a run of sentences or a clause, or the whole of a passage that has no runs."""
    owner, (first, last) = outline.owners[number], outline.units[number]
    return not any(
        0 <= other < len(outline.units)
        and outline.owners[other] == owner
        and first <= outline.units[other][0]
        and outline.units[other][1] <= last
        for other in (number - 1, number + 1)
    )
