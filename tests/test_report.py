"""The comparison as one HTML file: nothing that a page said can run in it, and every link leads somewhere."""

from __future__ import annotations

import datetime as dt
from typing import Any

import lxml.html
import pytest
from lxml.html import HtmlElement

from classify.codebook import load_codebook
from compare.coverage import coverage
from compare.report import render_report
from hexapolis.records import DIMENSIONS, TaggedArticle

PLAN = dict.fromkeys(DIMENSIONS, 1 / 6)
SZ = {"city": "Shenzhen", "city_code": "440300", "role": "subject"}
BJ = {"city": "Beijing", "city_code": "110000", "role": "subject"}
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'>&lt;"


def article(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "url": f"https://x.cn/{number}",
        "title": f"Title {number}",
        "source_id": "sz",
        "language": "zh",
        "published_on": dt.date(2024, 3, 15),
        "story_id": number,
        "model_id": "0123456789abcdef",
        "dims": ["compute"],
        "cities": [SZ],
        "quotes": {"compute": f"quote {number}"},
    } | fields


def rendered(*articles: dict[str, Any], notes: tuple[str, ...] = (), by_month: bool = False) -> HtmlElement:
    tagged = [
        TaggedArticle(
            a["id"],
            a["story_id"],
            a["source_id"],
            a["title"],
            a["url"],
            a["language"],
            a["published_on"],
            tuple(a["dims"]),
            tuple((c["city_code"], c["city"]) for c in a["cities"]),
        )
        for a in articles
    ]
    page = render_report(coverage(tagged, PLAN, by_month=by_month), articles, load_codebook(), notes)
    return lxml.html.document_fromstring(page.encode(), parser=lxml.html.HTMLParser(encoding="utf-8"))


def test_what_a_page_said_is_text() -> None:
    fields = ("title", "source_id", "language", "model_id")
    page = rendered(
        article(
            1, quotes={"compute": HOSTILE}, url=f"https://x.cn/{HOSTILE}", **dict.fromkeys(fields, HOSTILE)
        ),
        notes=(HOSTILE,),
    )
    assert {e.tag for e in page.iter() if isinstance(e.tag, str)}.isdisjoint(
        {"script", "img", "iframe", "object", "base"}
    )
    assert not [name for e in page.iter() for name in e.attrib if name.startswith("on")]
    (item,) = page.cssselect("ul.articles li")
    assert item.cssselect("div a")[0].text == HOSTILE
    assert item.cssselect("blockquote")[0].text_content().endswith(HOSTILE)
    assert HOSTILE in item.cssselect(".meta")[0].text_content()
    assert page.cssselect("p.note")[0].text == HOSTILE
    assert HOSTILE in page.cssselect("footer")[0].text_content()


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "\x01javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "urn:sha256:abc",
        "//evil.cn/",
        "http://[",
        "",
    ],
)
def test_an_address_that_is_not_of_the_web_is_no_link(url: str) -> None:
    page = rendered(article(1, url=url, title="A title"))
    assert [a.get("href") for a in page.cssselect("ul.articles a")] == []
    assert page.cssselect("ul.articles li div")[0].text == "A title"


def test_web_addresses_are_links_that_tell_nobody_where_they_are() -> None:
    page = rendered(article(1, url='https://x.cn/?a=1&b="2"'), article(2, url="http://x.cn/2"))
    links = page.cssselect("ul.articles a")
    assert [a.get("href") for a in links] == ['https://x.cn/?a=1&b="2"', "http://x.cn/2"]
    assert {a.get("rel") for a in links} == {"noreferrer noopener"}


@pytest.mark.parametrize("by_month", [False, True])
def test_every_number_leads_to_its_articles(by_month: bool) -> None:
    page = rendered(
        article(1, dims=["compute", "support"], cities=[SZ, BJ]),
        article(2, dims=["support", "industry"], published_on=None),
        article(3, dims=[]),
        article(4, cities=[]),
        article(12, dims=["compute"], story_id=1),
        by_month=by_month,
    )
    names = [e.get("id") for e in page.iter() if e.get("id")]
    assert len(names) == len(set(names))
    links = [a.get("href") for a in page.cssselect("table a")]
    assert links
    assert all(link.startswith("#") and link[1:] in names for link in links)
    assert {"#city-440300", "#city-110000", "#compute-440300", "#industry-440300", "#support-110000"} <= set(
        links
    )
    items = page.xpath("//h2[@id='city-440300']/following-sibling::ul[1]/li")
    assert len(items) == 4
    (first,) = page.xpath("//*[@id='industry-440300']/ancestor::li")
    assert "Title 2" in first.text_content()
    assert page.xpath("count(//h2[@id='city-110000'])") == 1


def test_the_file_needs_nothing_else() -> None:
    page = rendered(article(1))
    assert not page.xpath("//@src | //link | //style[contains(., 'url(')] | //style[contains(., '@import')]")
    (policy,) = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert "default-src 'none'" in policy


def test_the_table_says_what_coverage_counted() -> None:
    page = rendered(article(1), article(2, dims=["compute", "support"]), article(3, cities=[]))
    plan, row = page.cssselect("tbody tr")
    assert [cell.text_content() for cell in plan.cssselect("td")][1:] == ["17%"] * 6
    assert [" ".join(c.text_content().split()) for c in row.cssselect("td")] == [
        "2",
        "267%",
        "0",
        "0",
        "0",
        "0",
        "133%",
    ]
    assert "1 relevant stories name no subject city" in page.text_content()
    assert "quote 1" in page.cssselect("blockquote")[0].text_content()


def test_an_empty_table_is_a_page_too() -> None:
    page = rendered()
    assert "0 distinct stories in 0 articles" in " ".join(page.text_content().split())
