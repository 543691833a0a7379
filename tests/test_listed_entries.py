"""Entries that stand for pages which must not be fetched: their bytes, and the articles they become."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.extract import judge_page
from crawler.listed_entries import ENTRY_TYPE, entry_page
from hexapolis.records import (
    Article,
    DateSource,
    FoundDate,
    Judgement,
    Link,
    Page,
    TitleSource,
    Verdict,
)

FEED = "https://haizhou-notes.example/feed"
FETCHED = dt.datetime(2025, 6, 1, 12, tzinfo=dt.UTC)
LINK = Link(
    "https://haizhou-notes.example/p/computing-centre",
    "Haizhou opens a computing centre for small firms",
    dt.date(2025, 5, 3),
    dt.datetime(2025, 5, 4, 8, tzinfo=dt.timezone(dt.timedelta(hours=8))),
    "The city rents out accelerators by the hour.",
    "<p>The city of Haizhou has opened a public computing centre.</p><p>Small firms pay a third of the usual "
    "price, and <a href='/p/x'>universities</a> pay nothing until the end of the year.</p>",
)


def judge(page: Page) -> Judgement:
    return judge_page(page)


def article(link: Link, content: str) -> Article:
    judgement = judge(entry_page(link, content, FETCHED, FEED))
    assert judgement.verdict is Verdict.ARTICLE and judgement.article is not None, judgement
    return judgement.article


def entry(body: bytes, status: int = 0, kind: str = ENTRY_TYPE) -> Judgement:
    return judge(
        Page("https://x.example/a", "https://x.example/a", status, (("content-type", kind),), body, FETCHED)
    )


def test_the_bytes_are_those_of_the_entry_and_of_nothing_else() -> None:
    page = entry_page(LINK, "feed", FETCHED, FEED)
    later = entry_page(LINK, "feed", FETCHED + dt.timedelta(days=3), FEED)
    assert page.body == later.body and later.fetched_at != page.fetched_at
    assert (page.url, page.requested_url, page.status) == (LINK.url, LINK.url, 0)
    assert page.header("content-type") == "application/vnd.hexapolis.entry+json"
    said = json.loads(page.body)
    assert list(said) == sorted(said)
    assert said == {
        "date": "2025-05-03",
        "entry": 1,
        "html": LINK.html,
        "listed_in": FEED,
        "modified": "2025-05-04T00:00:00+00:00",
        "summary": LINK.summary,
        "title": LINK.title,
        "url": LINK.url,
    }


def test_of_a_headline_source_the_article_s_html_is_not_kept() -> None:
    assert b"universities" not in entry_page(LINK, "headline", FETCHED, FEED).body


def test_chinese_is_written_as_it_is() -> None:
    assert (
        "海州出台算力券办法".encode()
        in entry_page(Link("https://x.example/a", "海州出台算力券办法"), "feed", FETCHED, FEED).body
    )


def test_a_feed_s_entry_is_a_whole_article() -> None:
    found = article(LINK, "feed")
    assert found.text.split("\n") == [
        "The city of Haizhou has opened a public computing centre.",
        "Small firms pay a third of the usual price, and universities pay nothing until the end of the year.",
    ]
    assert (found.title, found.title_from) == (LINK.title, TitleSource.API)
    assert found.published == FoundDate(dt.date(2025, 5, 3), DateSource.LISTING)
    assert found.language == "en"
    assert not found.headline_only


def test_a_headline_is_an_article_of_its_summary_or_title() -> None:
    found = article(LINK, "headline")
    assert (found.text, found.headline_only) == (LINK.summary, True)
    found = article(Link("https://x.example/a", "海州出台算力券办法"), "headline")
    assert (found.text, found.headline_only, found.language) == ("海州出台算力券办法", True, "zh")
    assert found.published is None


def test_a_feed_that_carries_less_than_its_summary_gives_the_summary() -> None:
    for html in (None, "", "<p>Read on.</p>", "<script>1</script>"):
        found = article(
            Link("https://x.example/a", "A title", summary="The city rents out chips.", html=html), "feed"
        )
        assert (found.text, found.headline_only) == ("The city rents out chips.", True)


def test_a_short_entry_of_a_feed_is_no_stub() -> None:
    found = article(Link("https://x.example/a", "海州", html="<div>海州市今起发放算力券。</div>"), "feed")
    assert (found.text, found.headline_only) == ("海州市今起发放算力券。", False)


def test_a_long_chinese_entry_keeps_every_paragraph() -> None:
    lines = [
        f"第{n}条　市人民政府安排专项资金支持企业参与应用场景建设，具体办法另行制定。" for n in range(1, 30)
    ]
    found = article(
        Link("https://x.example/a", "办法", html="".join(f"<section>{s}</section>" for s in lines)), "feed"
    )
    assert found.text.split("\n") == [line.replace("　", " ") for line in lines]


def test_an_entry_that_says_nothing_is_empty() -> None:
    assert judge(entry_page(Link("https://x.example/a"), "feed", FETCHED, FEED)).verdict is Verdict.EMPTY


@pytest.mark.parametrize("day", ["2099-01-01", "0001-01-01", "1970-01-01", "2025-13-01", "soon", ""])
def test_a_day_that_cannot_be_is_unknown(day: str) -> None:
    found = entry(json.dumps({"entry": 1, "title": "海州出台办法", "date": day}).encode()).article
    assert found is not None and found.published is None


def test_only_what_no_server_sent_is_an_entry() -> None:
    body = entry_page(LINK, "feed", FETCHED, FEED).body
    assert entry(body).verdict is Verdict.ARTICLE
    assert entry(body, kind=ENTRY_TYPE.upper() + "; charset=utf-8").verdict is Verdict.ARTICLE
    assert entry(body, status=200).verdict is Verdict.NOT_HTML
    assert entry(body, kind="application/json").verdict is Verdict.NOT_HTML


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"entry": 2, "title": "x"}',
        b'{"title": "no mark"}',
        b"[" * 200_000,
        b'{"entry":' * 50_000,
        b"1" * 10_000,
        b"\xff\xfe\x00",
        b"\x00" * 50,
        b"<html><body>no JSON</body></html>",
        b'{"entry": 1, "html": "' + b"<div>" * 5_000 + b'x"}',
        b'{"entry": 1, "html": "' + b"<p>x" * 70_000 + b'"}',
    ],
)
def test_what_is_no_entry_is_unreadable_and_raises_nothing(body: bytes) -> None:
    judgement = entry(body)
    assert judgement.verdict is Verdict.UNREADABLE and judgement.article is None
    assert judgement.detail and "crash" not in judgement.detail


def test_fields_of_another_type_are_missing() -> None:
    fields = {"entry": 1, "title": 7, "summary": ["x"], "html": {}, "date": 20250101}
    assert entry(json.dumps(fields).encode()).verdict is Verdict.EMPTY
    found = entry(json.dumps({**fields, "title": "\ud800海州\x00办法\u202e"}).encode()).article
    assert found is not None and found.title == "\ufffd海州办法"


def test_half_characters_can_be_archived() -> None:
    page = entry_page(Link("https://x.example/a", "海州\ud83d办法"), "headline", FETCHED, FEED)
    assert article(Link("https://x.example/a", "海州\ud83d办法"), "headline").title == "海州?办法"
    assert page.body.decode("utf-8")


@settings(max_examples=80, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["entry", "title", "summary", "html", "date", "listed_in"]),
        st.one_of(st.just(1), st.text(max_size=40), st.none(), st.lists(st.integers()), st.floats()),
    )
)
def test_any_entry_gets_a_judgement(fields: dict[str, object]) -> None:
    judgement = entry(json.dumps({"entry": 1, **fields}).encode())
    assert judgement.verdict in (Verdict.ARTICLE, Verdict.EMPTY, Verdict.UNREADABLE)
    assert "crash" not in judgement.detail
