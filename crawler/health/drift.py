"""Whether what is read from a source's articles has changed against the source's own earlier articles.

Every rule asks the same question of a yes-or-no property of pages (gave no article, has no date, is far too
short): is there a last stretch of runs in which nearly all pages have it, and would that be chance? A stretch
counts when

- it is at least RUNS runs long, and pages of at least two of them have the property: one bad hour is none;
- at least LEAST pages have it, and they are SHARE of its pages: a new template spares a few old pages;
- at the rate of the pages before it, (hits + 1/2) / (pages + 1), so many come by chance (binomial) in fewer
  than CHANCE of cases: three in a row where such pages do not happen, eight where every third page is one. At
  least BASE pages before the stretch are needed to say so.

A source with one article a run is therefore judged after three of them, a busy one after three runs. Not
here: lists that cannot be read, which need no statistics, and the verdict on the source.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from hexapolis.records import ArticleFacts

RUNS = 3
LEAST = 3
SHARE = 0.8
CHANCE = 0.00025
BASE = 6
SHORT = 0.2  # of the median length before: a lead without its article, a menu, a notice
ALIKE_BEFORE = 0.3  # up to this share, equal titles or openings are not a source's habit


@dataclass(frozen=True, slots=True)
class Tally:
    """The pages of one run."""

    run_id: int
    hits: int  # pages with the property
    pages: int
    again: int = 0  # of pages that had it before and have it again: the newest run that one had it first in


@dataclass(frozen=True, slots=True)
class Change:
    """A stretch of runs, up to the newest, in which nearly all pages have a property."""

    since_run: int
    hits: int
    pages: int
    hits_before: int
    pages_before: int


def chance(hits: int, pages: int, rate: float) -> float:
    """The probability of so many hits or more, each page having the property at this rate."""
    log_rate, log_rest = math.log(rate), math.log1p(-rate)
    terms = (
        math.lgamma(pages + 1)
        - math.lgamma(k + 1)
        - math.lgamma(pages - k + 1)
        + k * log_rate
        + (pages - k) * log_rest
        for k in range(hits, pages + 1)
    )
    return min(1.0, sum(math.exp(term) for term in terms))


def last_change(tallies: Sequence[Tally], runs: Sequence[int]) -> Change | None:
    """The longest last stretch in which nearly all pages have the property; None when there is none.

    Args:
        tallies: of runs with pages, oldest first.
        runs: ids of all runs that asked the source and got an answer, ascending.
    """
    all_hits, all_pages = sum(t.hits for t in tallies), sum(t.pages for t in tallies)
    hits = pages = 0
    found = None
    for place in range(len(tallies) - 1, -1, -1):
        first, stretch = tallies[place].run_id, tallies[place:]
        hits, pages = hits + stretch[0].hits, pages + stretch[0].pages
        if not _is_wrong(stretch[0]) or hits < LEAST or hits < SHARE * pages:
            continue
        telling = sum(t.hits > 0 or t.again >= first for t in stretch)
        change = Change(first, hits, pages, all_hits - hits, all_pages - pages)
        if telling >= 2 and _length(runs, first) >= RUNS and _is_unusual(change):
            found = change
    return found


def _is_wrong(run: Tally) -> bool:
    """Whether a stretch may begin with this run: a healthy one before two bad ones does not make three."""
    return run.hits > 0 and run.hits >= SHARE * run.pages


def _length(runs: Sequence[int], first: int) -> int:
    """How many runs there are from this one on."""
    return len(runs) - bisect_left(runs, first)


def _is_unusual(change: Change) -> bool:
    before = change.pages_before
    if before < BASE:  # too little to compare with, unless nothing has ever been right
        return before == change.hits_before and change.hits == change.pages >= BASE
    return chance(change.hits, change.pages, (change.hits_before + 0.5) / (before + 1)) < CHANCE


def property_change(
    articles: Sequence[ArticleFacts], has: Callable[[ArticleFacts], bool], runs: Sequence[int]
) -> Change | None:
    """`last_change` for a property of each article alone."""
    tallies = []
    for run_id, group in groupby(articles, key=lambda a: a.run_id):
        members = [has(article) for article in group]
        tallies.append(Tally(run_id, sum(members), len(members)))
    change = last_change(tallies, runs)
    return change if change is not None and change.pages_before >= BASE else None


def shortened(articles: Sequence[ArticleFacts], runs: Sequence[int]) -> tuple[Change, int, int] | None:
    """The stretch in which texts are under SHORT of the median before it, with both medians."""
    lengths = [article.length for article in articles]
    before: list[int] = []
    for start in _starts(articles):
        for length in lengths[len(before) : start]:
            insort(before, length)
        after = sorted(lengths[start:])
        if len(before) < BASE or len(after) < LEAST:
            continue
        usual = before[len(before) // 2]
        limit = SHORT * usual
        if after[math.ceil(SHARE * len(after)) - 1] >= limit:
            continue
        change = property_change(articles, partial(_is_shorter, limit), runs)
        if change is not None and change.since_run == articles[start].run_id:
            return change, usual, after[len(after) // 2]
    return None


def _is_shorter(limit: float, article: ArticleFacts) -> bool:
    return article.length < limit


def alike(
    articles: Sequence[ArticleFacts],
    value: Callable[[ArticleFacts], str],
    runs: Sequence[int],
    *,
    compare: bool = True,
) -> tuple[Change, str] | None:
    """The stretch in which different addresses give the same text, opening or title, and that value.

    Args:
        articles: in the order of their runs.
        value: what is compared; empty values are equal to nothing.
        runs: as for `last_change`.
        compare: whether equal values have to be new. The same text at LEAST addresses is wrong in any case.
    """
    newest = [v for article in articles[-5:] if (v := value(article))]
    if len(set(newest)) == len(newest) and len(newest) >= LEAST:
        return None  # which spares most sources the rest
    for start in _starts(articles):
        after, before = articles[start:], articles[:start]
        if len(after) < LEAST:
            break
        common, hits = _most_common(value, after)
        if hits < max(LEAST, SHARE * len(after)) or value(after[0]) != common:
            continue
        first = after[0].run_id
        change = Change(first, hits, len(after), sum(value(a) == common for a in before), len(before))
        if compare:
            usual = _most_common(value, before)[1]
            if len(before) < BASE or usual > ALIKE_BEFORE * len(before) or not _is_unusual(change):
                continue
        with_hits = len({a.run_id for a in after if value(a) == common})
        if with_hits >= 2 and _length(runs, first) >= RUNS:
            return change, common
    return None


def _starts(articles: Sequence[ArticleFacts]) -> list[int]:
    """The places at which a run's articles begin."""
    return [i for i, a in enumerate(articles) if i == 0 or a.run_id != articles[i - 1].run_id]


def _most_common(value: Callable[[ArticleFacts], str], articles: Sequence[ArticleFacts]) -> tuple[str, int]:
    counts = Counter(v for article in articles if (v := value(article)))
    return counts.most_common(1)[0] if counts else ("", 0)
