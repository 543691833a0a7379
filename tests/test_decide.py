"""Which links are fetched: the source's rule, and what the store knows already."""

from __future__ import annotations

import datetime as dt

import pytest

from crawler.spiders.decide import FETCH, RETRY_AFTER, follows_rule, is_new
from hexapolis.records import EntryPoint, Link, Outcome, Source, Verdict
from store.pages import KnownPage

ENTRY = "https://www.sz.gov.cn/zwgk/index.html"
NOW = dt.datetime(2024, 7, 1, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def reason(
    url: str, rule: str | None = None, since: dt.date | None = None, listed_on: dt.date | None = None
) -> str:
    """Why a link is left out; empty when it is followed."""
    source = Source("s", "S", (EntryPoint("list", ENTRY),), article_url=rule)
    decision = follows_rule(Link(url, listed_on=listed_on), source, [ENTRY], since)
    assert decision.fetch == (decision == FETCH)
    assert decision.fetch or decision.outcome is Outcome.FILTERED
    return decision.detail


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://www.sz.gov.cn/zwgk/1.html", ""),
        ("http://sz.gov.cn/1", ""),
        ("https://fgw.sz.gov.cn/1", ""),  # a bureau of the same city
        ("https://www.gz.gov.cn/1", "another site"),
        ("https://gov.cn/1", "another site"),
        ("https://www.sz.gov.cn.evil.example/1", "another site"),
        ("https://evil.example/www.sz.gov.cn/1", "another site"),
        ("https://www.sz.gov.cn:8443/1", ""),
        ("mailto:a@sz.gov.cn", "scheme"),
        ("javascript:void(0)", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("ftp://www.sz.gov.cn/1", "scheme"),
        ("data:text/html,x", "scheme"),
        ("https:///1", "host"),
        ("https://user:pw@www.sz.gov.cn/1", "credentials"),
        ("https://www.sz.gov.cn:99999/1", "malformed"),
        ("https://www.sz.gov.cn/a.css", "asset"),
        ("https://www.sz.gov.cn/a.JPG?x=1", "asset"),
        ("https://www.sz.gov.cn/plan.pdf", "attachment"),
        ("https://www.sz.gov.cn/%70lan.docx", "attachment"),
    ],
)
def test_without_a_rule_every_page_of_the_site_counts(url: str, why: str) -> None:
    assert reason(url) == why


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://www.sz.gov.cn/content/post_1.html", ""),
        ("https://www.sz.gov.cn/content/post_x.html", "not an article address"),
        ("https://evil.example/content/post_1.html", "another site"),
        ("file:///content/post_1.html", "scheme"),
        ("https://www.sz.gov.cn/content/post_1.html.pdf", "attachment"),
    ],
)
def test_a_rule_for_the_path_keeps_to_the_site(url: str, why: str) -> None:
    assert reason(url, r"/post_\d+\.html") == why


def test_a_rule_that_names_a_host_may_leave_the_site() -> None:
    rule = r"^https://mp\.weixin\.example/s/"
    assert reason("https://mp.weixin.example/s/1", rule) == ""
    assert reason("https://www.sz.gov.cn/1", rule) == "not an article address"
    assert reason("ftp://mp.weixin.example/s/1", rule) == "scheme"


@pytest.mark.parametrize(
    ("listed_on", "why"),
    [
        (None, ""),  # unknown is not early
        (dt.date(2024, 3, 15), ""),
        (dt.date(2024, 3, 16), ""),
        (dt.date(2024, 3, 14), "listed on 2024-03-14, before 2024-03-15"),
    ],
)
def test_since_leaves_out_what_is_listed_earlier(listed_on: dt.date | None, why: str) -> None:
    assert reason("https://www.sz.gov.cn/1", None, dt.date(2024, 3, 15), listed_on) == why
    assert reason("https://www.sz.gov.cn/1", None, None, listed_on) == ""


def known(
    verdict: str | None, age: dt.timedelta, status: int = 200, hint: dt.datetime | None = None
) -> KnownPage:
    return KnownPage("k", status, verdict, NOW - age, None, None, hint)


def fetched_again(page: KnownPage | None, modified_at: dt.datetime | None = None) -> bool:
    decision = is_new(Link("https://www.sz.gov.cn/1", modified_at=modified_at), page, NOW)
    assert decision.fetch or decision.outcome is Outcome.KNOWN
    return decision.fetch


def test_what_nobody_knows_is_new() -> None:
    assert fetched_again(None)


@pytest.mark.parametrize(
    "verdict", [None, Verdict.ARTICLE, Verdict.LIST, Verdict.NOT_HTML, Verdict.TOO_LARGE]
)
def test_settled_pages_are_left_alone(verdict: str | None) -> None:
    assert not fetched_again(known(verdict, 400 * RETRY_AFTER))


@pytest.mark.parametrize("verdict", ["stub", "soft_404", "challenge", "empty", "error", "unreadable"])
def test_others_are_tried_again_after_a_day(verdict: str) -> None:
    page = known(verdict, RETRY_AFTER - HOUR)
    assert not fetched_again(page)
    assert verdict in is_new(Link("https://www.sz.gov.cn/1"), page, NOW).detail
    assert fetched_again(known(verdict, RETRY_AFTER))


def test_errors_of_the_server_are_tried_again_at_once() -> None:
    assert fetched_again(known("error", HOUR, status=503))
    assert not fetched_again(known("error", HOUR, status=404))


@pytest.mark.parametrize("verdict", ["article", "stub", None])
def test_a_later_time_of_change_asks_for_another_visit(verdict: str | None) -> None:
    page = known(verdict, 10 * HOUR)
    assert fetched_again(page, NOW - 9 * HOUR)
    assert not fetched_again(page, NOW - 10 * HOUR)
    assert not fetched_again(page, NOW - 11 * HOUR)


def test_times_of_change_are_compared_with_one_another() -> None:
    """A site whose clock is wrong, or that states tomorrow, is not fetched on every run."""
    tomorrow = NOW + 24 * HOUR
    page = known("article", HOUR, hint=tomorrow)
    assert not fetched_again(page, tomorrow)
    assert fetched_again(page, tomorrow + HOUR)
