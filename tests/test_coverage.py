"""The comparison table: what is counted, and what it is divided by."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.coverage import FEW, Coverage, Row, coverage, wilson
from hexapolis.records import DIMENSIONS, TaggedArticle

PLAN = dict(zip(DIMENSIONS, (0.1, 0.3, 0.1, 0.2, 0.2, 0.1), strict=True))
SZ, BJ, SH = ("440300", "Shenzhen"), ("110000", "Beijing"), ("310000", "Shanghai")
MARCH, APRIL = dt.date(2024, 3, 15), dt.date(2024, 4, 1)


def article(
    story: int,
    dims: tuple[str, ...] = ("compute",),
    cities: tuple[tuple[str, str], ...] = (SZ,),
    day: dt.date | None = MARCH,
    number: int = 0,
) -> TaggedArticle:
    return TaggedArticle(number or story, story, "s", "t", "https://x.cn/1", "zh", day, dims, cities)


def row(table: Coverage, city: tuple[str, str], period: str | None = None) -> Row:
    (found,) = (r for r in table.rows if (r.city_code, r.period) == (city[0], period))
    return found


def test_copies_count_once_as_stories_and_each_as_articles() -> None:
    table = coverage([article(1), article(1, number=2), article(2, ("compute", "support"))], PLAN)
    found = row(table, SZ)
    assert (found.city, found.stories, found.articles, found.tags) == ("Shenzhen", 2, 3, 3)
    assert (found.cells["compute"].stories, found.cells["compute"].articles) == (2, 3)
    assert (found.cells["support"].stories, found.cells["support"].articles) == (1, 1)
    assert (found.cells["compute"].rate, found.cells["support"].rate) == (1.0, 0.5)
    assert (found.cells["compute"].share, found.cells["support"].share) == (2 / 3, 1 / 3)
    assert (table.stories, table.articles, table.without_city) == (2, 3, 0)
    assert list(found.cells) == list(DIMENSIONS)
    assert table.plan == PLAN


def test_a_story_of_several_cities_is_in_each_row_and_once_in_the_sum() -> None:
    table = coverage([article(1, cities=(SZ, BJ)), article(2, cities=(BJ,))], PLAN)
    assert [(r.city, r.stories) for r in table.rows] == [("Beijing", 2), ("Shenzhen", 1)]
    assert (table.stories, table.articles) == (2, 2)


def test_stories_without_a_city_are_counted_apart() -> None:
    table = coverage(
        [article(1), article(2, cities=()), article(2, cities=(), number=3), article(4, cities=())], PLAN
    )
    assert (table.stories, table.articles, table.without_city) == (1, 1, 2)


def test_a_story_that_has_a_city_in_one_copy_is_not_without_city() -> None:
    table = coverage([article(1), article(1, cities=(), number=2)], PLAN)
    assert (table.stories, table.articles, table.without_city) == (1, 1, 0)


def test_by_month() -> None:
    articles = [
        article(1),
        article(2, day=APRIL),
        article(3, day=None),
        article(4, day=dt.date(2023, 12, 31)),
        article(5),
    ]
    table = coverage(articles, PLAN, by_month=True)
    assert [(r.period, r.stories) for r in table.rows] == [
        ("2023-12", 1),
        ("2024-03", 2),
        ("2024-04", 1),
        ("undated", 1),
    ]
    assert table.stories == 5


def test_months_of_one_city_stay_together_and_the_larger_city_comes_first() -> None:
    articles = [
        article(1, cities=(BJ,)),
        article(2, day=APRIL),
        article(3),
        article(4, cities=(BJ,)),
        article(5),
    ]
    table = coverage(articles, PLAN, by_month=True)
    assert [(r.city, r.period) for r in table.rows] == [
        ("Shenzhen", "2024-03"),
        ("Shenzhen", "2024-04"),
        ("Beijing", "2024-03"),
    ]


def test_rows_with_as_many_stories_come_in_the_order_of_their_codes() -> None:
    articles = [
        article(1, cities=(SZ,)),
        article(2, cities=(SH,)),
        article(3, cities=(BJ,)),
        article(4, cities=(SH,)),
    ]
    assert [r.city for r in coverage(articles, PLAN).rows] == ["Shanghai", "Beijing", "Shenzhen"]


def test_only_the_cities_that_are_asked_for() -> None:
    articles = [article(1, cities=(SZ, BJ)), article(2, cities=(SH,)), article(3, cities=())]
    table = coverage(articles, PLAN, cities=["110000", "310000"])
    assert [(r.city, r.stories) for r in table.rows] == [("Beijing", 1), ("Shanghai", 1)]
    assert (table.stories, table.articles) == (2, 2)
    assert coverage(articles, PLAN, cities=["999999"]).rows == ()


def test_a_row_without_tags_has_no_shares_and_an_empty_table_no_rows() -> None:
    cell = row(coverage([article(1, ())], PLAN), SZ).cells["compute"]
    assert (cell.stories, cell.rate, cell.share) == (0, 0.0, None)
    assert (cell.low, cell.high) == wilson(0, 1)
    empty = coverage([], PLAN)
    assert (empty.rows, empty.stories, empty.articles, empty.without_city) == ((), 0, 0, 0)


def test_few_stories_are_marked() -> None:
    assert row(coverage([article(i) for i in range(FEW - 1)], PLAN), SZ).few
    assert not row(coverage([article(i) for i in range(FEW)], PLAN), SZ).few


def test_as_dict_is_plain() -> None:
    plain = coverage([article(1)], PLAN).as_dict()
    assert plain["rows"][0]["cells"]["compute"]["stories"] == 1
    assert plain["plan"] == PLAN


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (0, 10, 0.0, 0.2775328),  # z²/(n + z²)
        (10, 10, 0.7224672, 1.0),
        (5, 10, 0.2365931, 0.7634069),
        (1, 1, 0.2065493, 1.0),
        (81, 263, 0.2552885, 0.3662096),
        (15, 148, 0.0623864, 0.1604872),
    ],
)
def test_wilson_against_known_values(successes: int, trials: int, low: float, high: float) -> None:
    """81 of 263 and 15 of 148 are examples of Newcombe (1998), who gives .2553, .3662 and .0624, .1605."""
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-7)


def test_wilson_without_trials() -> None:
    assert wilson(0, 0) == (None, None)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_bounds_are_where_the_score_test_just_fails(pair: tuple[int, int]) -> None:
    successes, trials = pair
    low, high = wilson(successes, trials)
    assert low is not None
    assert high is not None
    assert 0 <= low <= successes / trials <= high <= 1
    for bound in (low, high):
        if 1e-9 < bound < 1 - 1e-9:
            z = abs(successes / trials - bound) / math.sqrt(bound * (1 - bound) / trials)
            assert z == pytest.approx(1.959963984540054, rel=1e-6)


ARTICLES = st.lists(
    st.builds(
        article,
        st.integers(1, 6),
        st.lists(st.sampled_from(DIMENSIONS), unique=True).map(tuple),
        st.lists(st.sampled_from([SZ, BJ, SH]), unique=True).map(tuple),
        st.sampled_from([MARCH, APRIL, None]),
    ),
    max_size=25,
)


@given(ARTICLES, st.data(), st.booleans())
def test_a_copy_never_changes_the_stories(
    articles: list[TaggedArticle], data: st.DataObject, by_month: bool
) -> None:
    before = coverage(articles, PLAN, by_month=by_month)
    if not articles:
        return
    copy = replace(data.draw(st.sampled_from(articles)), article_id=99, source_id="another")
    after = coverage([*articles, copy], PLAN, by_month=by_month)

    def stories(table: Coverage) -> object:
        rows = [
            (r.city, r.period, r.stories, r.tags, [(c.stories, c.rate, c.share) for c in r.cells.values()])
            for r in table.rows
        ]
        return rows, table.stories, table.without_city

    assert stories(after) == stories(before)
    assert after.articles == before.articles + bool(copy.cities)


@given(ARTICLES, st.booleans())
def test_the_sums_hold(articles: list[TaggedArticle], by_month: bool) -> None:
    table = coverage(articles, PLAN, by_month=by_month)
    for found in table.rows:
        shares = [c.share for c in found.cells.values()]
        assert found.tags == sum(c.stories for c in found.cells.values())
        if found.tags:
            assert sum(s for s in shares if s is not None) == pytest.approx(1)
        else:
            assert set(shares) == {None}
        assert 1 <= found.stories <= found.articles
        assert all(0 <= c.stories <= min(c.articles, found.stories) for c in found.cells.values())
    by_city = {city: {a.story_id for a in articles if city in a.cities} for city in (SZ, BJ, SH)}
    if not by_month:
        assert {(r.city_code, r.stories) for r in table.rows} == {
            (c[0], len(s)) for c, s in by_city.items() if s
        }
    placed = set().union(*by_city.values())
    assert table.stories == len(placed)
    assert table.without_city == len({a.story_id for a in articles} - placed)


@given(ARTICLES, st.randoms(use_true_random=False))
def test_the_order_of_the_articles_does_not_matter(articles: list[TaggedArticle], random: object) -> None:
    mixed = list(articles)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    table = coverage(articles, PLAN, by_month=True)
    assert coverage(mixed, PLAN, by_month=True) == table
    totals = Counter[str]()
    for found in table.rows:
        totals[found.city_code] += found.stories
    keys = [(-totals[r.city_code], r.city_code, r.period or "") for r in table.rows]
    assert keys == sorted(keys)
