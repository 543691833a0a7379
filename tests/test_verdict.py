"""Verdicts: error pages, bot checks, shells, stubs and lists are found; articles are left alone."""

from __future__ import annotations

import datetime as dt
import gzip
from itertools import product
from pathlib import Path

import pytest
from page_frames import Section, read_articles, read_sections

from crawler.extract import judge_page
from hexapolis.records import Page, Verdict

FETCHED = dt.datetime(2025, 6, 1, 12, tzinfo=dt.UTC)
FIXTURES = Path(__file__).parent / "fixtures" / "pages"
REAL_PAGES = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "pages"

MENU = "".join(
    f'<li><a href="/{n}">{name}</a></li>'
    for n, name in enumerate(
        [
            "首页",
            "政务公开",
            "政务服务",
            "互动交流",
            "走进海州",
            "新闻中心",
            "通知公告",
            "政策文件",
            "政策解读",
            "规划计划",
            "统计",
        ]
    )
)
FOOTER = (
    "<div class='foot'>主办单位：海州市人民政府办公室 承办单位：海州市政务服务中心 "
    "版权所有 © 2020 ICP备00000000号</div>"
)
PARAGRAPH = (
    "<p>市人民政府决定在全市范围内开放一批人工智能应用场景，"
    "并安排专项资金支持企业参与建设，请各单位认真组织实施。</p>"
)
PLAIN = "{body}"
SITE = f"<ul class='nav'>{MENU}</ul><div class='main'>{{body}}</div>{FOOTER}"

MISSING_ZH = [
    "抱歉，您访问的页面不存在",
    "对不起，您要访问的网页找不到了。",
    "404 页面没有找到",
    "很抱歉，您查看的文章已被删除或不存在。",
    "该页面无法访问，请检查地址是否正确。",
    "系统错误，请稍后再试。",
    "您所访问的内容已下线",
    "出错了！页面走丢了，请返回首页。",
    "没有找到您需要的页面，可能已经过期。",
    "服务器内部错误",
]
MISSING_EN = [
    "Page not found",
    "Sorry, the page you are looking for could not be found.",
    "404 Not Found",
    "The article you requested is no longer available.",
    "This content has been removed.",
    "Oops! We can't find that page.",
    "Something went wrong. Please try again.",
    "The requested document does not exist.",
]
CHALLENGES = [
    "<title>Just a moment...</title><body><script src='/cdn-cgi/challenge-platform/h/b'></script></body>",
    "<title>Attention Required! | Cloudflare</title><body><h1>Sorry, you have been blocked</h1></body>",
    "<script>document.cookie='__jsl_clearance_s=1|-1|x;path=/';location.href=location.pathname</script>",
    "<html><script>var arg1='AB12';setCookie('acw_sc__v2','x');</script></html>",
    "<html><body>请开启JavaScript并刷新该页</body></html>",
    "<title>安全验证</title><body><div>请完成验证后继续访问</div></body>",
    "<body><p>您的请求已被拦截，疑似攻击行为。事件编号 12345。</p></body>",
    "<body><p>访问过于频繁，请输入验证码继续。</p><input name=code></body>",
    "<body><h2>Checking your browser before accessing the site.</h2><p>DDoS protection by Shield</p></body>",
    "<html><head><script>$_ts=window['$_ts'];if(!$_ts)$_ts={};</script></head><body></body></html>",
    "<body>Please verify you are a human. Press and hold the button.</body>",
    "<body>Access Denied. You don't have permission to access this server. Reference #18.2d</body>",
]
SHELLS = [
    '<body><div id="app"></div><script src="/js/main.js"></script></body>',
    '<body><noscript>You need to enable JavaScript to run this app.</noscript><div id="root"></div></body>',
    "<body><script>window.__NUXT__={}</script></body>",
    "<head><meta http-equiv='refresh' content='0;url=/index.html'></head><body>正在跳转</body>",
    "<body><script>window.location.href='/new/index.html'</script></body>",
    "<frameset cols='20,80'><frame src='a.html'><frame src='b.html'></frameset>",
]


def verdict(html: str | bytes, status: int = 200, content_type: str = "text/html; charset=utf-8") -> Verdict:
    body = html.encode() if isinstance(html, str) else html
    url = "https://x.example/a.html"
    judgement = judge_page(Page(url, url, status, (("Content-Type", content_type),), body, FETCHED))
    assert (judgement.article is not None) == (judgement.verdict is Verdict.ARTICLE)
    assert bool(judgement.detail) == (judgement.verdict is not Verdict.ARTICLE)
    return judgement.verdict


def page(body: str, title: str = "海州市人民政府门户网站", frame: str = PLAIN) -> str:
    head = f"<head><meta charset=utf-8><title>{title}</title></head>"
    return f"<html>{head}<body>{frame.format(body=body)}</body></html>"


def test_soft_404_pages_are_found_bare_and_inside_a_site_s_frame() -> None:
    pages = [
        page(f"{tag[0]}{text}{tag[1]}<p><a href='/'>返回首页</a></p>", title, frame)
        for text, frame, title, tag in product(
            MISSING_ZH + MISSING_EN,
            [PLAIN, SITE],
            ["海州市人民政府门户网站", "404", "错误提示"],
            [("<p>", "</p>"), ("<h1>", "</h1>")],
        )
    ]
    missed = [html for html in pages if verdict(html) is not Verdict.SOFT_404]
    assert len(missed) <= 0.05 * len(pages), missed


@pytest.mark.parametrize("html", CHALLENGES)
@pytest.mark.parametrize("status", [200, 202, 403, 412, 503, 521])
def test_bot_checks_with_every_status(html: str, status: int) -> None:
    assert verdict(html, status) is Verdict.CHALLENGE


@pytest.mark.parametrize(
    ("status", "expected"), [(412, Verdict.CHALLENGE), (521, Verdict.CHALLENGE), (403, Verdict.ERROR)]
)
def test_empty_answers_of_cookie_checks(status: int, expected: Verdict) -> None:
    assert verdict("", status) is expected
    assert verdict("<html><body></body></html>", status) is expected


@pytest.mark.parametrize("status", [404, 410, 500, 502])
def test_an_error_status_is_an_error_whatever_the_text(status: int) -> None:
    assert verdict(page(PARAGRAPH * 20), status) is Verdict.ERROR
    assert verdict("", status) is Verdict.ERROR


@pytest.mark.parametrize("html", SHELLS)
def test_script_shells_redirects_and_frames_are_shells(html: str) -> None:
    assert verdict(html) is Verdict.SHELL


@pytest.mark.parametrize(
    "body",
    [
        "<p>请先登录后查看全文。</p>",
        "<p>剩余80%内容未读，开通会员继续阅读。</p>",
        "<p>Subscribe to continue reading.</p>",
    ],
)
def test_logins_and_subscriptions_are_walls(body: str) -> None:
    assert verdict(page(body)) is Verdict.PAYWALL
    assert verdict(page(body, frame=SITE)) is Verdict.PAYWALL


@pytest.mark.parametrize("text", ["ok", "1", "信息公开目录", "全市人工智能企业数量稳步增长。"])
def test_a_few_words_without_a_date_are_no_article(text: str) -> None:
    assert verdict(page(f"<p>{text}</p>")) in (Verdict.STUB, Verdict.EMPTY)
    assert verdict(text) in (Verdict.STUB, Verdict.EMPTY)


@pytest.mark.parametrize(
    "body", [b"", b" \r\n ", b"\xef\xbb\xbf", b"<html></html>", b"<html><body>  </body></html>"]
)
def test_nothing_is_empty(body: bytes) -> None:
    assert verdict(body) is Verdict.EMPTY


@pytest.mark.parametrize(
    "body",
    [
        b"%PDF-1.7\n1 0 obj <html> in a PDF",
        b"\x89PNG\r\n\x1a\n",
        b"PK\x03\x04 docx",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b'{"code": 200, "data": []}',
        b"\x1f\x8b\x08\x00\x00",
        b"<?xml version='1.0'?><rss version='2.0'><channel></channel></rss>",
        b"<?xml version='1.0'?><urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'></urlset>",
        bytes(range(256)) * 20,
    ],
)
def test_what_is_not_html_is_known_whatever_the_header_says(body: bytes) -> None:
    assert verdict(body) is Verdict.NOT_HTML


def test_a_page_over_the_limit_is_not_opened() -> None:
    url = "https://x.example/a"
    html = page(PARAGRAPH * 20).encode()
    assert (
        judge_page(Page(url, url, 200, (), html, FETCHED), max_bytes=len(html) - 1).verdict
        is Verdict.TOO_LARGE
    )
    assert judge_page(Page(url, url, 200, (), html, FETCHED), max_bytes=len(html)).verdict is Verdict.ARTICLE


def test_a_list_page_is_a_list() -> None:
    assert verdict((FIXTURES / "list.html").read_bytes()) is Verdict.LIST


def test_a_list_with_summaries_is_a_list() -> None:
    rows = "".join(
        f"<div><h3><a href='/{n}'>第{n}批人工智能应用场景清单公布</a></h3>"
        f"<p>记者从海州市获悉，第{n}批清单共有{n}0个场景，涉及政务、医疗和教育等领域，各区将组织企业对接……</p></div>"
        for n in range(1, 13)
    )
    assert verdict(page(f"<div class='list'>{rows}</div>", "新闻中心")) is Verdict.LIST


def test_a_short_notice_with_title_and_date_is_an_article() -> None:
    body = (
        "<h1>关于算力券申报延期的通知</h1><p>发布时间：2025-03-18</p>"
        "<div id='zoom'><p>各有关企业：二〇二五年第一批算力券申报截止时间延长至四月十日，"
        "请尚未提交材料的企业通过市政务服务网补充提交，逾期不再受理，特此通知。</p></div>"
    )
    assert verdict(page(body, "关于算力券申报延期的通知")) is Verdict.ARTICLE
    assert verdict(page(body, "关于算力券申报延期的通知", SITE)) is Verdict.ARTICLE


@pytest.mark.parametrize(
    ("title", "sentence"),
    [
        (
            "关于门户网站系统升级维护的公告",
            "因系统升级，门户网站将于本周六暂停服务，届时页面无法访问，敬请谅解。",
        ),
        (
            "关于开展数据安全验证工作的通知",
            "各单位应当开展安全验证，发现异常访问行为及时上报，请求被拦截的要说明原因。",
        ),
        ("海州开出首张算力券", "企业登录后可查看补贴额度，请先登录市政务服务网，页面不存在重复申报的问题。"),
        (
            "City drops its old portal",
            "Readers who find the old page not found should use the new address instead.",
        ),
    ],
)
def test_an_article_may_say_what_error_pages_say(title: str, sentence: str) -> None:
    body = f"<h1>{title}</h1><p>发布时间：2025-03-18</p><div id='zoom'>{PARAGRAPH * 3}<p>{sentence}</p></div>"
    assert verdict(page(body, title, SITE)) is Verdict.ARTICLE


def test_an_article_page_may_load_scripts_of_a_firewall() -> None:
    scripts = (
        "<script>var x='acw_sc__v2';var w='waf_captcha';$_ts={}</script>"
        "<script src='/cdn-cgi/challenge-platform'></script>"
    )
    html = page(f"{scripts}<div id='zoom'>{PARAGRAPH * 4}</div>", frame=SITE)
    assert verdict(html) is Verdict.ARTICLE


@pytest.mark.skipif(not REAL_PAGES.is_dir(), reason="the folder of real pages is not beside this checkout")
def test_hardly_any_real_page_is_called_something_else() -> None:
    paths = sorted(REAL_PAGES.glob("*.html.gz"))
    wrong = [p.name for p in paths if verdict(gzip.decompress(p.read_bytes())) is not Verdict.ARTICLE]
    assert paths and len(wrong) <= 0.01 * len(paths), wrong


def _judged(sections: list[Section]) -> list[tuple[Section, Verdict]]:
    return [(section, verdict(section.html)) for section in sections]


@pytest.mark.parametrize("group", ["", "held_out_"])
def test_pages_that_are_no_articles_are_known_in_every_frame(group: str) -> None:
    judged = _judged(read_sections(f"{group}not_articles.txt"))
    taken = [section.name for section, found in judged if found is Verdict.ARTICLE]
    assert len({section.kind for section, _ in judged}) >= 10
    assert len(judged) >= 40 and len(taken) <= 0.05 * len(judged), taken
    # A message in words that are not known is a stub, and never something that it is not.
    inexact = [(s.name, found) for s, found in judged if found not in (*s.verdicts, Verdict.STUB)]
    assert len(inexact) <= 0.05 * len(judged), inexact


def test_short_articles_are_articles_whatever_they_are_about() -> None:
    judged = _judged(read_articles("short_articles.txt") + read_articles("held_out_short_articles.txt"))
    refused = [(section.name, found) for section, found in judged if found is not Verdict.ARTICLE]
    # Text of under thirty characters is sometimes not found beside a longer footer.
    assert len(judged) >= 100 and len(refused) <= 0.035 * len(judged), refused
    assert all(found is Verdict.STUB for _, found in refused), refused


TEASER = "<p>十一家企业分走了新一轮算力券的大半额度，没有入围的企业主问：标准究竟是什么？</p>"
CLOSED = '<script type="application/ld+json">{"@type":"NewsArticle","isAccessibleForFree":false}</script>'


def test_a_barrier_below_a_teaser_is_a_wall_and_below_the_whole_text_is_not() -> None:
    barrier = "<p>此文为付费内容，订阅后继续阅读全文。</p>"
    dateline = "<h1>算力补贴谁买单</h1><p>2025-03-18 10:20 来源：海州财经</p>"
    assert verdict(page(dateline + TEASER + barrier, "算力补贴谁买单")) is Verdict.PAYWALL
    assert verdict(page(dateline + PARAGRAPH * 20 + barrier, "算力补贴谁买单")) is Verdict.ARTICLE


def test_weak_words_of_a_wall_count_where_the_head_says_that_the_text_is_closed() -> None:
    body = f"<h1>算力补贴谁买单</h1><p>2025-03-18 10:20</p>{TEASER}<p>成为会员</p>"
    assert verdict(page(body, "算力补贴谁买单")) is Verdict.ARTICLE
    assert verdict(page(CLOSED + body, "算力补贴谁买单")) is Verdict.PAYWALL


def test_quotation_marks_make_the_words_of_an_error_page_talk_about_one() -> None:
    title = "政府网站错链清理行动启动"
    head = f"<h1>{title}</h1><p>2025-03-09 来源：海州日报</p>"
    assert (
        verdict(page(f"{head}<p>页面显示“您访问的页面不存在”，记者连点五次都是如此。</p>", title))
        is Verdict.ARTICLE
    )
    assert verdict(page(f"{head}<p>您访问的页面不存在</p>", title)) is Verdict.SOFT_404
