"""Rates put right for the classifier's errors: what stands beside a cell's raw rate.

A classifier that misses some texts and tags others by mistake gives a biased rate. How an estimate is made
from a number of tagged texts is handed in; here it is made for each language of a row, whose error rates
differ, and put together. Raw counts are in `compare/coverage.py` and stay as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from compare.coverage import FEW, grouped
from hexapolis.records import DIMENSIONS, TaggedArticle

Estimate = tuple[float, float, float]  # a share and the ends of its 95 % interval, from 0 to 1
Estimator = Callable[[str, str, int, int], Estimate | None]
"""From dimension, language, tagged texts and all texts to a share; None where it cannot be told."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """A cell's rate after correction; without a rate, `note` says why there is none."""

    rate: float | None
    low: float | None  # 95 % interval
    high: float | None
    note: str = ""


def corrected(
    articles: Iterable[TaggedArticle],
    estimate: Estimator,
    *,
    by_month: bool = False,
    cities: Sequence[str] = (),
) -> dict[tuple[str, str | None], dict[str, Corrected]]:
    """Corrected rates of the rows that `coverage` makes of the same articles: by city code and period.

    A rate is a share of the row's distinct stories. A row of several languages has the mean of their
    estimates, weighted by stories; the distances to the ends of the interval add up as those of independent
    estimates do (the root of the sum of their squares).
    """
    groups, _ = grouped(articles, by_month=by_month, cities=cities)
    return {key: _row(members, estimate) for key, members in groups.items()}


def _row(articles: Sequence[TaggedArticle], estimate: Estimator) -> dict[str, Corrected]:
    dims: dict[int, set[str]] = {}
    language: dict[int, str] = {}
    for article in articles:
        dims.setdefault(article.story_id, set()).update(article.dims)
        language.setdefault(article.story_id, article.language)
    if len(dims) < FEW:
        return dict.fromkeys(DIMENSIONS, Corrected(None, None, None, "fewer than ten stories"))
    by_language: dict[str, list[set[str]]] = {}
    for story, carried in dims.items():
        by_language.setdefault(language[story], []).append(carried)
    return {dimension: _cell(dimension, by_language, estimate) for dimension in DIMENSIONS}


def _cell(dimension: str, stories: dict[str, list[set[str]]], estimate: Estimator) -> Corrected:
    total = sum(map(len, stories.values()))
    rate = below = above = 0.0
    for language, carried in sorted(stories.items()):
        found = estimate(dimension, language, sum(dimension in dims for dims in carried), len(carried))
        if found is None:
            note = f"the error rates for texts in {language!r} are unknown, or too high to correct for"
            return Corrected(None, None, None, note)
        weight = len(carried) / total
        rate += weight * found[0]
        below += (weight * (found[0] - found[1])) ** 2
        above += (weight * (found[2] - found[0])) ** 2
    rate = min(1.0, max(0.0, rate))  # the weights sum to 1 but for rounding
    return Corrected(rate, max(0.0, rate - math.sqrt(below)), min(1.0, rate + math.sqrt(above)))
