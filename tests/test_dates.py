"""Dates: which of several is taken, in every form in which pages write it, and what is no date."""

from __future__ import annotations

import datetime as dt

import pytest
from dated_pages import read_pages, score

from crawler.date_text import read_dates, read_epoch, read_moments
from crawler.dates import url_dates
from crawler.extract import judge_page
from hexapolis.records import Article, DateSource, FoundDate, Page, Selectors

NO_SELECTORS = Selectors()
FETCHED = dt.datetime(2025, 6, 1, 12, tzinfo=dt.UTC)
BODY_ZH = (
    "<p>市人民政府决定在全市范围内开放一批人工智能应用场景，并安排专项资金支持企业参与建设，请各单位认真组织实施。</p>"
    * 3
)
BODY_EN = (
    "<p>The city opened a public computing centre, and small firms will pay a third of the price for it.</p>"
    "<p>A second hall of the same size follows, said the mayor, once the power line has been finished.</p>"
    "<p>Eleven firms have signed up so far, most of them from shipping, weather and hospital work.</p>"
)


def article(
    *, head: str = "", before: str = "", after: str = "", english: bool = False, url: str =
    "https://x.example/a.html", title: str = "", selectors: Selectors = NO_SELECTORS,
) -> Article:  # fmt: skip
    title = title or ("City opens a computing centre" if english else "关于开放人工智能应用场景的通知")
    text = BODY_EN if english else BODY_ZH
    html = (
        f"<html><head><meta charset='utf-8'><title>{title}</title>{head}</head><body><h1>{title}</h1>"
        f"<div>{before}</div><div id='zoom'>{text}</div>{after}</body></html>"
    )
    judgement = judge_page(Page(url, url, 200, (), html.encode(), FETCHED), selectors)
    assert judgement.article is not None, judgement
    return judgement.article


def published(**page: object) -> tuple[str, DateSource] | None:
    found = article(**page).published  # type: ignore[arg-type]
    return (found.value.isoformat(), found.source) if found else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024年3月15日", "2024-03-15"),
        ("2024 年 03 月 05 日", "2024-03-05"),
        ("二〇二四年三月十五日", "2024-03-15"),
        ("二○二四年十二月三十一日", "2024-12-31"),
        ("2024-3-15 08:00", "2024-03-15"),
        ("2024/03/15", "2024-03-15"),
        ("2024.03.15", "2024-03-15"),
        ("20240315", "2024-03-15"),
        ("20240315093000", "2024-03-15"),
        ("2024-03-1509:30", "2024-03-15"),
        ("2024-03-15-10:20:30", "2024-03-15"),
        ("March 15, 2024", "2024-03-15"),
        ("Mar. 5th 2024", "2024-03-05"),
        ("15 March 2024", "2024-03-15"),
        ("15-Mar-2024", "2024-03-15"),
        ("Sept 1, 2024", "2024-09-01"),
    ],
)
def test_forms_of_a_date(text: str, expected: str) -> None:
    assert [d.isoformat() for d in read_dates(text)][:1] == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "2024年3月",
        "2024",
        "March 2024",
        "2024-13-45",
        "1.2024.3.15.7",
        "国发〔2024〕3号",
        "120240315",
        "二〇二四年三月",
    ],
)
def test_what_is_no_full_date(text: str) -> None:
    assert list(read_dates(text)) == []


def test_utc_on_a_chinese_page_is_the_day_in_shanghai_and_an_offset_is_kept() -> None:
    assert next(read_dates("2024-03-15T18:30:00Z", chinese=True)) == dt.date(2024, 3, 16)
    assert next(read_dates("2024-03-15T18:30:00Z")) == dt.date(2024, 3, 15)
    assert next(read_dates("2024-03-15T23:30:00+08:00", chinese=True)) == dt.date(2024, 3, 15)
    assert next(read_dates("2024-03-15T23:30:00-05:00", chinese=True)) == dt.date(2024, 3, 15)


def test_glued_pubdate_gives_its_first_date() -> None:
    head = '<meta name="PubDate" content="2025-03-18 09:30:002025-03-20 16:00:00">'
    assert published(head=head) == ("2025-03-18", DateSource.META)


@pytest.mark.parametrize(
    "meta",
    [
        '<meta name="firstpublishedtime" content="2025-03-18-09:30:00">',
        '<meta name="publishdate" content="2025-03-18">',
        '<meta property="article:published_time" content="2025-03-18T09:30:00+08:00">',
        '<meta name="PubDate" content="2025-03-17T17:00:00Z">',
        '<meta itemprop="datePublished" content="20250318">',
    ],
)
def test_meta_names(meta: str) -> None:
    assert published(head=meta) == ("2025-03-18", DateSource.META)


def test_json_ld_comes_before_meta() -> None:
    head = (
        '<meta name="PubDate" content="2025-03-20">'
        '<script type="application/ld+json">{"@type":"NewsArticle","datePublished":"2025-03-18"}</script>'
    )
    assert published(head=head) == ("2025-03-18", DateSource.JSON_LD)


def test_broken_json_ld_is_passed_over() -> None:
    head = (
        '<script type="application/ld+json">{"@type": oops</script><meta name="PubDate" content="2025-03-20">'
    )
    assert published(head=head) == ("2025-03-20", DateSource.META)


@pytest.mark.parametrize(
    "line",
    [
        "<p>发布时间：2025-03-18 来源：市工业和信息化局</p>",
        "<p>发布日期: 2025年3月18日</p>",
        "<table><tr><td>发布日期</td><td>2025-03-18</td></tr></table>",
        "<p>时间：2025-03-18 10:20 来源：海州日报</p>",
        "<p>日期：2025/3/18</p>",
        "<p>2025年03月18日 10:20 来源：海州日报</p>",
        "<span id='pubtime_baidu'>2025-03-18 10:20:00</span>",
        "<div class='pubtime'>2025-03-18</div>",
    ],
)
def test_visible_lines(line: str) -> None:
    assert published(before=line) == ("2025-03-18", DateSource.VISIBLE)


@pytest.mark.parametrize(
    "line",
    ["<p>Updated: May 3, 2025</p>", "<p>Published on 3 May 2025 by the desk</p>", "<p>May 3, 2025</p>"],
)
def test_visible_lines_in_english(line: str) -> None:
    assert published(before=line, english=True) == ("2025-05-03", DateSource.VISIBLE)


def test_time_tag() -> None:
    tag = '<time datetime="2025-05-03T08:00:00+01:00">last Saturday</time>'
    assert published(before=tag, english=True) == ("2025-05-03", DateSource.TIME_TAG)


def test_written_and_published_are_kept_apart() -> None:
    written = "<tr><td>成文日期</td><td>2025年3月12日</td></tr>"
    released = "<tr><td>发布日期</td><td>2025年3月18日</td></tr>"
    found = article(before=f"<table>{written}{released}</table>")
    assert found.written == FoundDate(dt.date(2025, 3, 12), DateSource.VISIBLE)
    assert found.published == FoundDate(dt.date(2025, 3, 18), DateSource.VISIBLE)


def test_the_signature_of_a_document_is_its_date_of_writing() -> None:
    signature = "<p>海州市人民政府办公室</p><p>2025年3月12日</p>"
    head = '<meta name="PubDate" content="2025-03-18">'
    html_body = BODY_ZH + signature
    page = (
        f"<html><head><meta charset=utf-8><title>关于开放应用场景的通知</title>{head}</head>"
        f"<body><h1>关于开放应用场景的通知</h1><div id='zoom'>{html_body}</div></body></html>"
    )
    found = judge_page(Page("https://x.example/a", "u", 200, (), page.encode(), FETCHED)).article
    assert found is not None and found.written == FoundDate(dt.date(2025, 3, 12), DateSource.VISIBLE)
    assert found.text.endswith("2025年3月12日")


@pytest.mark.parametrize(
    "after",
    [
        "<footer>© 2019 海州市人民政府 版权所有</footer>",
        "<div>Copyright 2019-2024 市政府 ICP备2019000001号</div>",
        "<p>会议时间：2025年5月20日上午九时，地点在市民中心，请相关企业派一名负责人准时参加会议。</p>",
        "<div>本网站自2019年5月1日起运行，欢迎提出意见。</div>",
    ],
)
def test_footers_and_dates_of_events_are_no_date_of_publication(after: str) -> None:
    assert published(after=after) is None


def test_a_chinese_date_in_the_text_is_not_the_date_of_publication() -> None:
    assert published(after="<p>该办法自2024年3月15日起施行，有效期五年，原办法同时废止。</p>") is None


@pytest.mark.parametrize("day", ["2025-06-04", "2031-01-01", "1989-12-31", "1970-01-01"])
def test_impossible_days_are_refused_and_the_next_place_is_asked(day: str) -> None:
    head = f'<meta name="PubDate" content="{day}">'
    assert published(head=head) is None
    assert published(head=head, before="<p>发布时间：2025-03-18</p>") == ("2025-03-18", DateSource.VISIBLE)


def test_tomorrow_is_believed_because_clocks_differ() -> None:
    assert published(head='<meta name="PubDate" content="2025-06-02">') == ("2025-06-02", DateSource.META)


@pytest.mark.parametrize(
    "url",
    [
        "https://x.example/zwgk/202503/t20250318_4711.html",
        "https://x.example/2025/03/18/story.html",
        "https://x.example/2025/3/18/art_12_3456.html",
        "https://x.example/content/2025-03/18/content_99.htm",
    ],
)
def test_the_address_is_the_last_resort(url: str) -> None:
    assert published(url=url) == ("2025-03-18", DateSource.URL)
    assert published(url=url, before="<p>发布时间：2025-03-20</p>") == ("2025-03-20", DateSource.VISIBLE)


@pytest.mark.parametrize("url", ["https://x.example/202503/a.html", "https://x.example/post_20259999.html"])
def test_an_address_without_a_full_day_has_no_date(url: str) -> None:
    assert list(url_dates(url)) == []


def test_the_source_s_own_selector_comes_first() -> None:
    head = '<meta name="PubDate" content="2025-03-20">'
    found = article(head=head, before="<b class='when'>2025年3月18日</b>", selectors=Selectors(date=".when"))
    assert found.published == FoundDate(dt.date(2025, 3, 18), DateSource.VISIBLE)


def test_hand_made_pages_of_every_form_and_trap() -> None:
    pages = read_pages()
    result = score()
    dated = sum(case.published is not None for case in pages)
    assert len(pages) >= 100 and dated >= 60
    assert not result.misses


@pytest.mark.parametrize(
    ("text", "chinese", "expected"),
    [
        ("2025-03-18 09:30", True, "2025-03-18T09:30:00+08:00"),
        ("2025-03-18 09:30", False, None),
        ("2025-03-18", True, None),
        ("2025-03-18 00:00:00", True, None),
        ("2025-03-18T00:00:00+08:00", True, "2025-03-18T00:00:00+08:00"),
        ("2025年3月18日 星期二 下午3:20", True, "2025-03-18T15:20:00+08:00"),
        ("2025年3月18日15时20分", True, "2025-03-18T15:20:00+08:00"),
        ("Mar. 5, 2024 9:30 a.m. (GMT+8)", False, "2024-03-05T09:30:00+08:00"),
        ("March 5, 2024, 5 p.m. EST", False, "2024-03-05T17:00:00-05:00"),
        ("12:05 am UTC, March 5, 2024", False, "2024-03-05T00:05:00+00:00"),
        ("2024-03-15T23:30:00-05:00", False, "2024-03-15T23:30:00-05:00"),
        ("2025-03-18 10:20-11:30", True, "2025-03-18T10:20:00+08:00"),
        ("2025-03-18 18:30:00 CST", False, None),
        ("2025-03-18 18:30:00 CST", True, "2025-03-18T18:30:00+08:00"),
        ("2025-03-18 25:30", True, None),
        ("2025-03-18 第3版", True, None),
    ],
)
def test_a_moment_needs_a_time_and_a_known_offset(text: str, chinese: bool, expected: str | None) -> None:
    moment = next(read_moments(text, chinese=chinese))
    assert (moment.at.isoformat() if moment.at else None) == expected


@pytest.mark.parametrize(
    ("text", "day_first", "expected"),
    [
        ("03/05/2024", False, "2024-03-05"),
        ("03/05/2024", True, "2024-05-03"),
        ("17/05/2024", False, "2024-05-17"),
        ("14.12.2011", False, "2011-12-14"),
    ],
)
def test_the_order_of_day_and_month_follows_the_country(text: str, day_first: bool, expected: str) -> None:
    assert [m.day.isoformat() for m in read_moments(text, day_first=day_first)] == [expected]


@pytest.mark.parametrize("value", [True, "174223080", "x", None, 3.5, "20250318"])
def test_what_is_no_epoch(value: object) -> None:
    assert read_epoch(value) is None
