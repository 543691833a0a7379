"""Hand-made pages that carry one date, several or none, with what is right; see `fixtures/dates/pages.txt`.

    === name | language | published | moment | written
    url: and head: where a page needs its own
    the HTML of the body, with {text} for the article's paragraphs, or {text:<p>and more</p>}

A hyphen stands for unknown.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from crawler.extract import judge_page
from hexapolis.records import Article, Page

FETCHED = dt.datetime(2025, 6, 1, 12, tzinfo=dt.UTC)
TITLES = {"zh": "关于开放人工智能应用场景的通知", "en": "City opens a computing centre"}
TEXTS = {
    "zh": (
        "<p>市人民政府决定在全市范围内开放一批人工智能应用场景，"
        "并安排专项资金支持企业参与建设，请各单位认真组织实施。</p>"
    )
    * 3,
    "en": "<p>The city opened a public computing centre, and small firms will pay a third of the price.</p>"
    "<p>A second hall of the same size follows, said the mayor, once the power line has been finished.</p>"
    "<p>Eleven firms have signed up so far, most of them from shipping, weather and hospital work.</p>",
}


@dataclass(frozen=True)
class DatedPage:
    """A page, and its date of publication, the moment of it and its date of writing; None where unknown."""

    name: str
    page: Page
    published: str | None
    at: str | None
    written: str | None


def read_pages() -> list[DatedPage]:
    """Every page of the file."""
    text = (Path(__file__).parent / "fixtures" / "dates" / "pages.txt").read_text("utf-8")
    return [_page(block) for block in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]]


def _page(block: str) -> DatedPage:
    first, *lines = block.strip().split("\n")
    name, language, *answers = (part.strip() for part in first.split("|"))
    fields = {"url": "https://x.example/a.html", "head": ""}
    while match := re.match(r"(url|head): (.*)", lines[0]):
        fields[match[1]] = match[2]
        lines.pop(0)
    title = TITLES[language[:2]]
    text = TEXTS[language[:2]]
    body = re.sub(r"\{text:?(.*?)\}", lambda m: f"<div id='zoom'>{text}{m[1]}</div>", "\n".join(lines))
    html = (
        f"<html lang='{language}'><head><meta charset='utf-8'><title>{title}</title>{fields['head']}</head>"
        f"<body><h1>{title}</h1>{body}</body></html>"
    )
    published, at, written = (None if answer == "-" else answer for answer in answers)
    page = Page(fields["url"], fields["url"], 200, (), html.encode(), FETCHED)
    return DatedPage(name, page, published, at, written)


def compare(expected: str | None, found: object) -> str:
    """`right`, `wrong` or `unknown` of one date, where None is the right answer if nothing is expected."""
    text = None if found is None else found.isoformat()  # type: ignore[attr-defined]
    if text == expected:
        return "right"
    return "unknown" if text is None else "wrong"


@dataclass(frozen=True)
class Score:
    """How many of each field were right, unknown and wrong, and a line for every one that was not right."""

    counts: Counter[tuple[str, str]]
    misses: list[str]


def score() -> Score:
    """Judge every page."""
    counts: Counter[tuple[str, str]] = Counter()
    misses = []
    for case in read_pages():
        article: Article | None = judge_page(case.page).article
        assert article is not None, case.name
        published, written = article.published, article.written
        for field, expected, found in (
            ("published", case.published, published and published.value),
            ("moment", case.at, published and published.at),
            ("written", case.written, written and written.value),
        ):
            answer = compare(expected, found)
            counts[field, answer] += 1
            if answer != "right":
                misses.append(f"{case.name}: {field} {found}, expected {expected}")
    return Score(counts, misses)
