"""Tables for spreadsheets."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.coverage import coverage
from compare.export import ARTICLE_FIELDS, article_csv, csv_text, safe_cell
from hexapolis.cli.comparison import coverage_csv
from hexapolis.records import DIMENSIONS, TaggedArticle


def read(content: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content, newline="")))


def article(**fields: Any) -> dict[str, Any]:
    return dict.fromkeys(ARTICLE_FIELDS) | {"id": 1, "dims": [], "cities": []} | fields


FORMULAS = [
    '=HYPERLINK("http://evil.cn","x")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(A1)",
]


@pytest.mark.parametrize("cell", FORMULAS)
@pytest.mark.parametrize("field", ["title", "url", "author", "source_line", "text"])
def test_a_cell_that_a_spreadsheet_would_run_is_neutralised(cell: str, field: str) -> None:
    (row,) = read(article_csv([article(**{field: cell})]))
    assert row[field] == "'" + cell


@pytest.mark.parametrize("cell", ["深圳 = 算力", "a+b", "100%", "", "2024-03-15", "'quoted'"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert safe_cell(cell) == cell


@pytest.mark.parametrize("value", [-1, -0.5, None, True, dt.date(2024, 3, 15)])
def test_what_is_no_text_is_no_formula(value: object) -> None:
    assert safe_cell(value) is value


def test_articles_parse_back() -> None:
    title = '深圳, "算力"; 第1号\r\n第二行'
    cities = [
        {"city": "Shenzhen", "city_code": "440300", "role": "subject"},
        {"city": "Xi'an", "city_code": "610100", "role": "subject"},
    ]
    content = article_csv(
        [
            article(id=7, title=title, published_on=dt.date(2024, 3, 15), relevant=True, relevance=0.75)
            | {"dims": ["compute", "support"], "cities": cities, "text": "第一段\n第二段"},
            article(id=8),
        ]
    )
    assert content.startswith(",".join(ARTICLE_FIELDS) + "\r\n")
    one, two = read(content)
    assert (one["id"], one["title"], one["published_on"]) == ("7", title, "2024-03-15")
    assert (one["dims"], one["cities"], one["city_codes"]) == (
        "compute;support",
        "Shenzhen;Xi'an",
        "440300;610100",
    )
    assert (one["text"], one["relevance"], one["relevant"]) == ("第一段\n第二段", "0.75", "True")
    assert {two[f] for f in ARTICLE_FIELDS if f != "id"} == {""}


@given(
    st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2), max_size=5)
)
def test_any_cells_parse_back(rows: list[list[str]]) -> None:
    heading, *found = csv.reader(io.StringIO(csv_text(("a", "b"), rows), newline=""))
    assert heading == ["a", "b"]
    assert [[cell.removeprefix("'") for cell in row] for row in found] == [
        [c.removeprefix("'") for c in r] for r in rows
    ]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for row in found for cell in row)


def test_coverage_as_csv() -> None:
    plan = dict(zip(DIMENSIONS, (0.1, 0.3, 0.1, 0.2, 0.2, 0.1), strict=True))
    cities = (("440300", "Shenzhen"), ("610100", "Xi'an"))
    articles = [
        TaggedArticle(1, 1, "s", "t", "u", "zh", dt.date(2024, 3, 1), ("compute", "support"), cities),
        TaggedArticle(2, 1, "s", "t", "u", "zh", dt.date(2024, 3, 2), ("compute", "support"), cities),
        TaggedArticle(3, 2, "s", "t", "u", "zh", None, (), cities[:1]),
    ]
    rows = read(coverage_csv(coverage(articles, plan, by_month=True)))
    assert [(r["city"], r["period"]) for r in rows[::6]] == [
        ("Shenzhen", "2024-03"),
        ("Shenzhen", "undated"),
        ("Xi'an", "2024-03"),
    ]
    assert [r["dimension"] for r in rows] == [*DIMENSIONS] * 3
    first = rows[0]
    assert (first["stories"], first["articles"], first["row_stories"], first["row_tags"]) == (
        "1",
        "2",
        "1",
        "2",
    )
    assert [float(first[f]) for f in ("rate", "share", "plan_share", "high")] == [1.0, 0.5, 0.1, 1.0]
    assert (rows[6]["share"], rows[6]["rate"], rows[6]["low"]) == ("", "0.0", "0.0")
    assert {r["period"] for r in read(coverage_csv(coverage(articles, plan)))} == {""}
