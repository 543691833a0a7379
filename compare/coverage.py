"""Coverage: cities × dimensions, counted in distinct stories, beside the plan.

A city's *stories* are the distinct texts whose subject it is; copies of one text count once (or each, when
asked). Two figures stand beside each count, and they answer different questions:

- `rate`: how many of the city's stories carry the dimension (0 to 1; over six dimensions they may sum to
  more than 1), with a 95 % Wilson interval;
- `share`: how the city's tags divide over the dimensions (they sum to 1), which is what can be set beside
the plan's profile.

A city that was not collected is not in the table: absence of crawling is not absence of policy.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hexapolis.records import DIMENSIONS, TaggedArticle

Z95 = 1.959963984540054  # the normal distribution's 97.5 % point
FEW = 10  # under this many stories a share says nothing reliable


@dataclass(frozen=True, slots=True)
class Cell:
    """One city (or one city and period) and one dimension."""

    stories: int
    articles: int
    rate: float | None  # stories / the row's stories; None when there are none
    low: float | None  # 95 % interval of the rate
    high: float | None
    share: float | None  # stories / all tags of the row; None when there are none


@dataclass(frozen=True, slots=True)
class Row:
    """One city, or one city in one period."""

    city: str
    city_code: str
    period: str | None  # such as 2024-03; `undated` where the articles give no date; None: the whole time
    stories: int  # distinct relevant stories with this subject city: the denominator of `rate`
    articles: int
    tags: int  # stories × their dimensions: the denominator of `share`
    cells: Mapping[str, Cell]

    @property
    def few(self) -> bool:
        """Whether there are too few stories for a comparison."""
        return self.stories < FEW


@dataclass(frozen=True, slots=True)
class Coverage:
    """The whole table."""

    plan: Mapping[str, float]  # the plan's own profile: share of each dimension, summing to 1
    rows: tuple[Row, ...]
    stories: int  # distinct relevant stories in the table, each once however many cities it has
    articles: int
    without_city: int  # relevant stories with no subject city: in no row

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def coverage(
    articles: Sequence[TaggedArticle],
    plan: Mapping[str, float],
    *,
    by_month: bool = False,
    cities: Sequence[str] = (),
) -> Coverage:
    """Count relevant articles into the table.

    Args:
        articles: current versions, relevant ones only.
        plan: the plan's profile, by dimension.
        by_month: one row for each city and month of publication.
        cities: only the cities with these codes; all when empty.

    Returns:
        Rows ordered by number of stories, then by code; months in order.
    """
    groups, names = grouped(articles, by_month=by_month, cities=cities)
    counted = [article for article in articles if any(code in names for code, _ in article.cities)]
    homeless = {article.story_id for article in articles if not article.cities}
    housed = {article.story_id for article in articles if article.cities}
    rows = [_row(names[code], code, period, members) for (code, period), members in groups.items()]
    totals: dict[str, int] = {}
    for row in rows:
        totals[row.city_code] = totals.get(row.city_code, 0) + row.stories
    rows.sort(key=lambda r: (-totals[r.city_code], r.city_code, r.period or ""))
    return Coverage(
        dict(plan), tuple(rows), len({a.story_id for a in counted}), len(counted), len(homeless - housed)
    )


def grouped(
    articles: Iterable[TaggedArticle], *, by_month: bool, cities: Sequence[str]
) -> tuple[dict[tuple[str, str | None], list[TaggedArticle]], dict[str, str]]:
    """The articles of each row, by city code and period, and the cities' names; see `coverage`."""
    wanted = set(cities)
    groups: dict[tuple[str, str | None], list[TaggedArticle]] = {}
    names: dict[str, str] = {}
    for article in articles:
        for code, name in article.cities:
            if not wanted or code in wanted:
                names[code] = name
                period = _month(article.published_on) if by_month else None
                groups.setdefault((code, period), []).append(article)
    return groups, names


def _month(day: dt.date | None) -> str:
    return f"{day:%Y-%m}" if day else "undated"


def _row(city: str, code: str, period: str | None, articles: Sequence[TaggedArticle]) -> Row:
    stories: dict[int, set[str]] = {}
    for article in articles:
        stories.setdefault(article.story_id, set()).update(article.dims)
    tags = sum(len(dims) for dims in stories.values())
    cells = {}
    for dimension in DIMENSIONS:
        count = sum(dimension in dims for dims in stories.values())
        low, high = wilson(count, len(stories))
        cells[dimension] = Cell(
            stories=count,
            articles=sum(dimension in article.dims for article in articles),
            rate=count / len(stories) if stories else None,
            low=low,
            high=high,
            share=count / tags if tags else None,
        )
    return Row(city, code, period, len(stories), len(articles), tags, cells)


def wilson(successes: int, trials: int) -> tuple[float | None, float | None]:
    """95 % interval of a proportion (Wilson 1927, no continuity correction); None without trials."""
    if trials == 0:
        return None, None
    p, z2 = successes / trials, Z95**2
    middle = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z95 * math.sqrt(p * (1 - p) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    # The ends are exact at 0 and 1, where rounding would leave 5e-17.
    return (middle - half if successes else 0.0), (middle + half if successes < trials else 1.0)
