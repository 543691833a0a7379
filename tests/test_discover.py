"""Discovery: small sites on loopback, one for each way in which a site can be read."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import resource
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from loopback import Reply, Site

from crawler.discovery.article_rule import choose_rule, list_rows
from crawler.discovery.conversation import NoAnswerError, RobotsRefusedError
from crawler.discovery.page_clues import read_clues
from crawler.discovery.proposal import Proposal, entry_text, source_id
from crawler.discovery.search import Discovery, DiscoveryError
from crawler.discovery.url_shapes import shapes, stated_day
from crawler.extract import judge_page
from hexapolis.records import Ask, EntryPoint, Judgement, Link, Page, Selectors

TODAY = dt.date(2026, 11, 24)
MENU = '<nav><a href="/">首页</a> <a href="/about.html">关于我们</a> <a href="/map/">网站地图</a></nav>'


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as opened:
        yield opened


def look(site: Site, path: str = "/", refused: str = "/refused/", **more: Any) -> Proposal:
    """What discovery makes of a site; `refused`: what its robots.txt does not allow."""

    async def fetch(ask: Ask) -> Page:
        if refused in ask.url:
            raise RobotsRefusedError(ask.url, "robots.txt does not allow it")
        data = ask.body.encode() if ask.body else None
        try:
            with urllib.request.urlopen(urllib.request.Request(ask.url, data)) as answer:
                return page_of(ask, answer, answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return page_of(ask, error, error.code)
        except urllib.error.URLError as error:
            raise NoAnswerError(ask.url, str(error.reason)) from error

    async def judge(page: Page, selectors: Selectors) -> Judgement:
        return judge_page(page, selectors)

    discovery = Discovery(fetch, judge, more.pop("place_of", lambda name, url: (None, None)), TODAY, **more)
    return asyncio.run(discovery.propose(site.url + path))


def page_of(ask: Ask, answer: Any, status: int) -> Page:
    headers = tuple(answer.headers.items())
    return Page(answer.url, ask.url, status, headers, answer.read(), dt.datetime.now(dt.UTC))


def day(number: int) -> dt.date:
    return TODAY - dt.timedelta(days=number)


def rows(links: list[str], element: str = "li") -> str:
    """Rows of a list, newest first, with the date beside each link."""
    return "".join(
        f'<{element}><a href="{link}">第{i}号算力通告：支持企业使用智能算力</a>'
        f"<span>{day(i)}</span></{element}>"
        for i, link in enumerate(links)
    )


def html(body: str, title: str = "某市人民政府", head: str = "") -> str:
    return f"<html><head><title>{title}</title>{head}</head><body>{MENU}{body}</body></html>"


def put_list(
    site: Site, path: str, links: list[str], title: str = "通知公告_某市科学技术局", tail: str = ""
) -> None:
    site.pages[path] = Reply(html(f"<ul class=list>{rows(links)}</ul>{tail}", title))


def articles(site: Site, shape: str, count: int = 8) -> list[str]:
    """Articles at addresses made from a shape with {i}, {day:…}."""
    return [site.article(shape.format(i=i + 100, day=day(i)), i) for i in range(count)]


def kinds(proposal: Proposal) -> list[str]:
    return [entry.kind for entry in proposal.entry_points]


# --- families -----------------------------------------------------------------------------------------------


def test_trs(site: Site) -> None:
    links = articles(site, "/zwgk/tzgg/{day:%Y%m}/t{day:%Y%m%d}_{i}.html", 12)
    script = '<script>createPageHTML(2, 0, "index", "html");</script>'
    put_list(site, "/zwgk/tzgg/", links[:6], tail=script)
    put_list(site, "/zwgk/tzgg/index_1.html", links[6:])
    found = look(site, "/zwgk/tzgg/")
    assert (kinds(found), found.family, found.article_url) == (["list"], "trs", None)
    assert found.entry_points[0].url == f"{site.url}/zwgk/tzgg/"
    assert found.entry_points[0].paging.scheme == "zero_based"
    assert found.name_zh == "某市科学技术局"
    assert found.language == "zh"
    assert [sample.verdict for sample in found.samples] == ["article"] * 3
    assert [sample.title for sample in found.samples] == [f"第{i}号算力通告" for i in range(3)]
    assert "paging" not in entry_text(found, TODAY), "the family says it"


def test_the_pager_is_tried_not_assumed(site: Site) -> None:
    links = articles(site, "/tzgg/{day:%Y%m}/t{day:%Y%m%d}_{i}.html", 12)
    script = "<script>createPageHTML('paging', 2, 1, 'index', 'html');</script>"
    put_list(site, "/tzgg/", links[:6], tail=script)
    put_list(site, "/tzgg/index_2.html", links[6:])
    put_list(site, "/tzgg/index_1.html", links[:6])  # the first page under another name
    found = look(site, "/tzgg/")
    assert (found.family, found.entry_points[0].paging.scheme) == ("trs", "one_based")
    assert "paging: one_based" in entry_text(found, TODAY)


def test_nfcms_front_page_leads_to_its_columns(site: Site) -> None:
    news = articles(site, "/xw/content/post_{i}.html", 6)
    notices = [site.article(f"/zwgk/tzgg/content/post_{i}.html", i) for i in range(300, 306)]
    put_list(site, "/xw/index.html", news, "新闻动态_某区人民政府")
    put_list(site, "/zwgk/tzgg/index.html", notices, "通知公告_某区人民政府")
    menu = '<a href="/xw/index.html">新闻动态</a><a href="/zwgk/tzgg/index.html">通知公告</a>'
    site.pages["/"] = Reply(html(f"<div>{menu}</div>", head='<meta name="SiteName" content="某区人民政府">'))
    found = look(site)
    assert found.family == "nfcms"
    assert [(e.kind, e.url.removeprefix(site.url)) for e in found.entry_points] == [
        ("list", "/xw/index.html"),
        ("list", "/zwgk/tzgg/index.html"),
    ]
    assert found.name_zh == "某区人民政府"
    assert found.samples[0].verdict == "article"


def test_gkmlpt(site: Site) -> None:
    site.pages["/gkmlpt/index"] = Reply(
        html(
            "<div id=app></div><script>window._CONFIG = {SID: '755017', DETAIL: {}}</script>",
            "政府信息公开平台",
        )
    )
    links = articles(site, "/gkmlpt/content/1/2/post_{i}.html", 5)
    listed = [
        {"title": f"通知{i}", "url": site.url + link, "display_publish_time": f"{day(i)} 10:00:00"}
        for i, link in enumerate(links)
    ]
    site.pages["/gkmlpt/api/all/0?page=1&sid=755017"] = Reply(
        json.dumps({"articles": listed, "classify": {"post_count": 5}}), type="application/json"
    )
    found = look(site, "/gkmlpt/index")
    assert (kinds(found), found.family) == (["gkmlpt"], "gkmlpt")
    assert found.entry_points[0].url == f"{site.url}/gkmlpt/index"
    assert [sample.verdict for sample in found.samples] == ["article"] * 3


def test_jpage(site: Site) -> None:
    links = articles(site, "/art/{day:%Y}/{day.month}/{day.day}/art_77_{i}.html", 6)
    records = "".join(
        f'<record><![CDATA[<li><a href="{link}">第{i}号通告</a><b>{day(i)}</b></li>]]></record>'
        for i, link in enumerate(links)
    )
    store = (
        '<div id="123"><script type="text/xml"><datastore><nextgroup></nextgroup>'
        f"<recordset>{records}</recordset></datastore></script></div>"
        "<script>var jpage_config = {};</script>"
    )
    site.pages["/col/col77/index.html"] = Reply(html(store, "通知公告_某厅"))
    found = look(site, "/col/col77/index.html")
    assert found.family == "jpage"
    assert kinds(found) == ["jpage"]
    assert [sample.verdict for sample in found.samples] == ["article"] * 3


def test_wordpress(site: Site) -> None:
    links = articles(site, "/{day:%Y/%m/%d}/city-funds-computing-{i}/", 5)
    posts = [
        {"link": site.url + link, "date": f"{day(i)}T08:00:00", "title": {"rendered": f"Post {i}"},
         "content": {"rendered": f"<p>{ENGLISH}</p>" * 5}}
        for i, link in enumerate(links)
    ]  # fmt: skip
    head = (
        '<meta name="generator" content="WordPress 6.8"><meta property="og:site_name" content="City Watch">'
    )
    body = "".join(
        f'<article><h2><a href="{link}">A city funds computing</a></h2></article>' for link in links
    )
    site.pages["/"] = Reply(f"<html><head><title>City Watch</title>{head}</head><body>{body}</body></html>")
    query = "per_page=20&_fields=id,date,date_gmt,modified_gmt,link,title,excerpt,content&page=1"
    site.pages[f"/wp-json/wp/v2/posts?{query}"] = Reply(json.dumps(posts), type="application/json")
    found = look(site)
    assert (kinds(found), found.family, found.article_url) == (["wordpress"], "wordpress", None)
    assert (found.name, found.id) == ("City Watch", source_id(site.url))
    assert found.samples[0].verdict == "article"


def feed(links: list[str], age: int = 0) -> str:
    items = "".join(
        f"<item><title>Notice {i}</title><link>{link}</link>"
        f"<pubDate>{day(i + age):%a, %d %b %Y} 09:00:00 +0800</pubDate></item>"
        for i, link in enumerate(links)
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>x</title>{items}</channel></rss>'


def test_a_feed_that_the_head_names(site: Site) -> None:
    links = [site.url + link for link in articles(site, "/story/{i}.html", 5)]
    site.pages["/news.xml"] = Reply(feed(links), type="application/rss+xml")
    head = '<link rel="alternate" type="application/rss+xml" href="/news.xml">'
    site.pages["/"] = Reply(html("<p>Welcome</p>", "X", head))
    found = look(site)
    assert [(e.kind, e.url) for e in found.entry_points] == [("feed", f"{site.url}/news.xml")]
    assert found.article_url == rf"^https?://127\.0\.0\.1:{site.port}/story/\d+\.html(?:$|[?#])"


def test_a_feed_at_a_usual_address_and_one_given_itself(site: Site) -> None:
    links = [site.url + link for link in articles(site, "/story/{i}.html", 5)]
    site.pages["/rss.xml"] = Reply(feed(links), type="application/rss+xml")
    site.pages["/"] = Reply(html("<p>Welcome</p>", "X"))
    for path in ("/", "/rss.xml"):
        found = look(site, path)
        assert [(e.kind, e.url) for e in found.entry_points] == [("feed", f"{site.url}/rss.xml")]


def test_a_forgotten_feed_gives_way_to_a_living_list(site: Site) -> None:
    old = [site.url + link for link in articles(site, "/old/{i}.html", 5)]
    site.pages["/feed.xml"] = Reply(feed(old, age=3000), type="application/rss+xml")
    links = articles(site, "/c/{day:%Y-%m-%d}/{i}.html", 6)
    head = '<link rel="alternate" type="application/rss+xml" href="/feed.xml">'
    site.pages["/"] = Reply(html(f"<ul>{rows(links)}</ul>", "X", head))
    found = look(site)
    assert kinds(found) == ["list"]
    site.pages["/"] = Reply(html("<p>Welcome</p>", "X", head))
    found = look(site)
    assert kinds(found) == ["feed"]
    assert any("forgotten" in note for note in found.notes)


def test_sitemap_only(site: Site) -> None:
    links = [site.url + link for link in articles(site, "/report/{i}.html", 6)]
    site.pages["/"] = Reply(html("<p>Welcome</p>", "X"))
    site.pages["/robots.txt"] = Reply(f"User-agent: *\nAllow: /\nSitemap: {site.url}/maps/all.xml\n")
    index = f"<sitemapindex><sitemap><loc>{site.url}/maps/pages.xml</loc></sitemap>"
    index += f"<sitemap><loc>{site.url}/maps/news.xml</loc></sitemap></sitemapindex>"
    site.pages["/maps/all.xml"] = Reply(index, type="text/xml")
    urls = "".join(f"<url><loc>{url}</loc><lastmod>{day(i)}</lastmod></url>" for i, url in enumerate(links))
    site.pages["/maps/news.xml"] = Reply(f"<urlset>{urls}</urlset>", type="text/xml")
    found = look(site)
    assert [(e.kind, e.url) for e in found.entry_points] == [("sitemap", f"{site.url}/maps/all.xml")]
    assert found.article_url == rf"^https?://127\.0\.0\.1:{site.port}/report/\d+\.html(?:$|[?#])"


ENGLISH = (
    "The city will build a computing centre and give vouchers to firms that rent computing power, the mayor "
    "said on Monday. The plan sets aside five hundred million yuan a year for model developers and chips. "
)


def test_english_news_site(site: Site) -> None:
    names = [
        "mayor-opens-ai-park",
        "city-funds-new-chip-lab",
        "robot-makers-get-vouchers",
        "port-tests-cars-at-night",
        "schools-teach-model-safety",
    ]
    cards = ""
    for i, name in enumerate(names):
        cards += (
            f'<div class="card"><h3><a href="/news/{name}">{name.replace("-", " ").title()}</a></h3>'
            f'<time datetime="{day(i)}T08:00:00+08:00">some days ago</time><p>Summary of the story.</p></div>'
        )
        site.pages[f"/news/{name}"] = Reply(
            f"<html lang=en><head><title>{name}</title></head><body><h1>{name}</h1><p>November 3, 2026</p>"
            + f"<article>{''.join(f'<p>{ENGLISH}</p>' for _ in range(6))}</article></body></html>"
        )
    menu = '<nav><a href="/">Home</a><a href="/news/">News</a><a href="/about-our-small-team">About</a></nav>'
    page = (
        f"<html lang=en><head><title>Latest | The Delta Post</title></head><body>{menu}{cards}</body></html>"
    )
    site.pages["/news/"] = Reply(page)
    site.pages["/"] = Reply(
        f"<html lang=en><head><title>The Delta Post</title></head><body>{menu}</body></html>"
    )
    for path in ("/news/", "/"):
        found = look(site, path)
        assert [(e.kind, e.url) for e in found.entry_points] == [("list", f"{site.url}/news/")]
        assert (found.language, found.family, found.name_zh) == ("en", None, None)
        assert found.name == "The Delta Post"
        assert found.article_url is not None
        assert f"{site.port}/news/" in found.article_url
        assert found.samples[0].verdict == "article"


# --- what is no source --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply("gone", 404), "answers with status 404"),
        (Reply(b"%PDF-1.7 x", type="application/pdf"), "this is a file (PDF)"),
        (Reply(""), "is empty"),
        (Reply("<html><body></body></html>"), "is empty"),
        (Reply("<title>Just a moment...</title><body>Checking your browser</body>"), "bot check"),
        (Reply('{"a": [1]}', type="application/json"), "this is a file (JSON)"),
        (Reply("<?xml version='1.0'?><rss version='2.0'><channel/></rss>", type="text/xml"), "this is XML"),
        (Reply(html("<p>我们的网站</p>" * 30)), "no feed, sitemap or list of articles was found"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_source_says_why(site: Site, reply: Reply, words: str) -> None:
    site.pages["/"] = reply
    with pytest.raises(DiscoveryError) as caught:
        look(site)
    assert words in str(caught.value)
    assert str(caught.value).startswith(site.url)
    assert "\n" not in str(caught.value)


def test_a_page_built_by_scripts_is_said_to_be_one(site: Site) -> None:
    site.pages["/"] = Reply(
        "<html><head><title>某市</title></head><body><div id=app></div>"
        + "<script src=/a.js></script>" * 4
        + "</body></html>"
    )
    with pytest.raises(
        DiscoveryError, match="4 scripts and 0 links: its lists are likely built in the browser"
    ):
        look(site)


def test_robots_that_close_the_feed_are_named(site: Site) -> None:
    head = '<link rel="alternate" type="application/rss+xml" href="/refused/feed.xml">'
    site.pages["/"] = Reply(html("<p>Welcome</p>", "X", head))
    with pytest.raises(DiscoveryError, match=r"robots\.txt does not allow it"):
        look(site)


def test_articles_that_cannot_be_read_are_no_proof(site: Site) -> None:
    links = [f"/refused/{i}.html" for i in range(100, 108)]
    put_list(site, "/list.html", links)
    found = look(site, "/list.html")
    assert not found.is_tried
    assert {sample.detail for sample in found.samples} == {"robots.txt does not allow it"}


def test_articles_that_robots_close_are_taken_from_the_feed_that_has_them(site: Site) -> None:
    items = "".join(
        f"<item><title>Notice {i}</title><link>{site.url}/refused/{i}.html</link>"
        f"<description>short</description>"
        f"<content:encoded><![CDATA[{f'<p>{ENGLISH}</p>' * 5}]]></content:encoded></item>"
        for i in range(100, 105)
    )
    space = 'xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    site.pages["/feed"] = Reply(
        f"<rss version='2.0' {space}><channel>{items}</channel></rss>", type="text/xml"
    )
    found = look(site, "/feed")
    assert (found.content, found.is_tried) == ("feed", True)
    assert "content: feed\n" in entry_text(found, TODAY)


# --- text from strangers ------------------------------------------------------------------------------------


def test_a_title_cannot_become_a_field(site: Site, tmp_path: Any) -> None:
    from crawler.discovery.add_entry import append_entry

    links = articles(site, "/c/{day:%Y-%m-%d}/{i}.html", 6)
    evil = "x\" \\\n  enabled: false\n# é\u2028- id: other\x7f '}"
    site.pages["/list"] = Reply(
        html(
            f"<ul>{rows(links)}</ul>", "t", f"<meta name=SiteName content='{evil.replace(chr(39), '&#39;')}'>"
        )
    )
    found = look(site, "/list")
    path = tmp_path / "sources.yaml"
    catalogue = append_entry(path, entry_text(found, TODAY))
    (source,) = catalogue.sources
    assert source.enabled
    assert source.name.startswith('x" \\ enabled: false')
    assert source.entry_points == found.entry_points


# --- addresses ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("urls", "pattern"),
    [
        (["/zwgk/tz/202403/t20240315_1.html", "/zwgk/zc/202404/t20240401_22.html"],
         r"/zwgk/(?:[^/?#]+/)*\d{6}/t\d{8}_\d+\.html(?:$|[?#])"),
        (["/2024-03/15/content_" + "0a" * 16 + ".shtml", "/2024-11/05/content_" + "b1" * 16 + ".shtml"],
         r"/\d{4}-\d{1,2}/\d{1,2}/content_[0-9a-f]{32}\.shtml(?:$|[?#])"),
        (["/show.php?id=123", "/show.php?id=4567"], r"/show\.php\?(?:[^#]*&)?id=\d+(?:$|[&#])"),
        (["/2024/03/15/short/", "/2024/03/16/a-longer-title-here/"],
         r"/\d{4}/\d{1,2}/\d{1,2}/[^/?#]+/?(?:$|[?#])"),
        (["/news/a-title-of-words", "/news/b-title-of-words-2"],
         r"/news/[^/?#\s_-]+(?:[-_]+[^/?#\s_-]+){2,}/?(?:$|[?#])"),
        (["/detail/1234", "/detail/99999"], r"/detail/\d+/?(?:$|[?#])"),
    ],
)  # fmt: skip
def test_addresses_of_one_shape(urls: list[str], pattern: str) -> None:
    host = "https://a.example"
    menu = ["/", "/index.html", "/index_2.html", "/about", "/zwgk/", "/list/col123/", "/page/2"]
    (shape,) = shapes([host + url for url in [*menu, *urls]])
    assert shape.pattern == r"^https?://a\.example" + pattern
    assert shape.urls == tuple(host + url for url in urls)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/202403/t20240315_1.html", dt.date(2024, 3, 15)),
        ("/art/2024/3/5/art_1_2.html", dt.date(2024, 3, 5)),
        ("/2024-03/15/c_1.htm", dt.date(2024, 3, 15)),
        ("/post_20249999.html", None),
        ("/202403/x.html", None),
        ("/2024/mayor.html", None),
    ],
)
def test_the_day_in_an_address(url: str, expected: dt.date | None) -> None:
    assert stated_day("https://a.example" + url) == expected


def test_long_hostile_addresses_cost_nothing() -> None:
    import re

    slow = "https://a.example/news/" + "a-" * 4000
    (shape,) = shapes([f"https://a.example/news/title-of-some-words-{i}" for i in "abcd"])
    assert not re.search(shape.pattern, slow + "/x?")
    assert len(shapes([slow, "https://a.example/" + "1a" * 4000, "https://a.example/" + "f" * 8000])) <= 3


def test_a_large_hostile_page_costs_little(site: Site) -> None:
    links = "".join(f"<a href='/{'f' * 300}{i}.html'>x</a>" for i in range(20_000))
    body = f"<div>{'<b>y</b>' * 50_000}{links}{'window._CONFIG=' * 20_000}{'<recordset' * 20_000}</div>"
    began = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    page = Page(site.url, site.url, 200, (), html(body).encode(), dt.datetime.now(dt.UTC))
    clues = read_clues(page)
    list_rows(clues)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - began < 20
    assert len(clues.links) <= 3_000


def test_a_rule_never_takes_in_a_list() -> None:
    urls = [f"https://a.example/news/{i}.html" for i in range(1000, 1008)]
    links = [Link(url, "x", day(1)) for url in urls]
    rule = choose_rule(links, (), ["https://a.example/", "https://a.example/news/"])
    assert rule is not None
    assert [link.url for link in rule.links] == urls
    assert not rule.matches("https://a.example/news/")
    assert choose_rule(links, (), ["https://a.example/news/2024.html"]) is None
    assert choose_rule(links[:2] + [Link(f"https://a.example/{c}", c) for c in "abcdef"], (), []) is None


def test_ids() -> None:
    assert source_id("https://www.sz.gov.cn/") == "sz-gov"
    assert source_id("https://www.sz.gov.cn/", {"sz-gov"}) == "sz-gov-2"
    assert source_id("http://127.0.0.1:8000/") == "127-0-0-1-8000"
    assert source_id("https://xn--fiqs8s.cn/") == "xn-fiqs8s"


def test_text_stays_on_one_line_and_can_be_printed() -> None:
    strange = 'a"b\n  enabled: false\x1b[31m\u2028\x85\x7f\u202e# é'
    entry = EntryPoint("feed", "https://a.example/feed")
    text = entry_text(Proposal("a", strange, (entry,), name_zh=strange, notes=(strange,)), TODAY)
    assert len(text.split("\n")) == len(text.splitlines()) + 1 == 10
    assert all(char.isprintable() or char == "\n" for char in text)
    assert r'name: "a\"b enabled: false[31m # é"' in text


def test_entry_text_says_nothing_twice() -> None:
    proposal = Proposal("a", "A", (EntryPoint("feed", "https://a.example/feed"),), notes=("one\ntwo",))
    assert entry_text(proposal, TODAY) == (
        "  # one two\n  - id: a\n    name: \"A\"\n    language: zh\n    kind: media\n    entry_points:\n"
        '      - {type: feed, url: "https://a.example/feed"}\n'
        '    evidence: ["found by hexapolis sources add on 2026-11-24"]\n'
    )  # fmt: skip
