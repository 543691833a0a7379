"""Feeds, sitemaps and list pages: which links they offer, and that hostile ones do no harm."""

from __future__ import annotations

import contextlib
import datetime as dt
import gzip
import random
import re
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import html

from crawler.entry_points import EntryPointError, Listing, feed, read_entry_point, sitemap
from crawler.entry_points.hidden_rows import UNKNOWN, written_markup
from crawler.entry_points.paging import next_page_url, next_page_urls, numbered, stated_pages
from hexapolis.records import Ask, EntryPoint, Link, Page, Paging

NOW = dt.datetime(2024, 7, 1, tzinfo=dt.UTC)
UTC, DATE = dt.UTC, dt.date
NS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:n="http://www.google.com/schemas/sitemap-news/0.9"'


def read(
    kind: str, body: str | bytes, url: str = "https://city.example/a/", number: int = 1, **entry: object
) -> Listing:
    body = body.encode() if isinstance(body, str) else body
    kinds = {"feed": "text/xml", "sitemap": "application/xml"}
    media = kinds.get(kind) or str(entry.pop("type", "text/html"))
    page = Page(url, url, 200, (("Content-Type", media),), body, NOW)
    return read_entry_point(EntryPoint(kind, str(entry.pop("first", url)), **entry), page, number)  # type: ignore[arg-type]


def urls(listing: Listing) -> list[str]:
    return [link.url for link in listing.links]


def rss(items: str, head: str = "") -> str:
    return f'<?xml version="1.0"?>{head}<rss version="2.0"><channel><title>t</title>{items}</channel></rss>'


def urlset(rows: str) -> str:
    return f"<urlset {NS}>{rows}</urlset>"


# --- feeds --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "day"),
    [
        ("Wed, 12 Jun 2024 09:00:00 +0800", DATE(2024, 6, 12)),
        ("Wed, 12 Jun 2024 00:30:00 +0800", DATE(2024, 6, 12)),  # the day before in UTC
        ("Tue, 11 Jun 2024 16:30:00 GMT", DATE(2024, 6, 12)),  # the day after in China
        ("Tue, 11 Jun 2024 15:59:59 GMT", DATE(2024, 6, 11)),
        ("2024-06-11T16:00:00Z", DATE(2024, 6, 12)),
        ("2024-06-11T12:30:00-04:00", DATE(2024, 6, 12)),
        ("2024-06-12 20:30:00", DATE(2024, 6, 12)),  # no zone: the site's own clock
        ("2024-06-12", DATE(2024, 6, 12)),
        ("12 June 2024", DATE(2024, 6, 12)),
        ("soon", None),
        ("9999-12-31T23:59:59Z", None),
    ],
)
def test_date_of_a_feed_entry_is_the_day_in_china(stated: str, day: dt.date | None) -> None:
    (link,) = read("feed", rss(f"<item><link>/x</link><pubDate>{stated}</pubDate></item>")).links
    assert link.listed_on == day


def test_rss_gives_absolute_links_and_titles_in_its_order() -> None:
    found = read(
        "feed",
        rss(
            "<item><title> A\n &amp; B </title><link> b.html </link></item>"
            "<item><title>no link</title></item>"
            "<item><link>https://other.example/c?x=1&amp;y=2</link></item>"
            "<item><link>http://[::1</link></item><item><link>/d</link></item>"
        ),
        "https://city.example/a/feed.xml",
    )
    assert found.links[0] == Link("https://city.example/a/b.html", "A & B")
    assert urls(found)[1:] == ["https://other.example/c?x=1&y=2", "https://city.example/d"]


def test_atom_gives_publication_and_change() -> None:
    (link,) = read(
        "feed",
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><entry><title>新闻</title>'
        '<link href="/n/1"/><published>2024-06-11T23:00:00+08:00</published>'
        "<updated>2024-06-13T08:00:00+08:00</updated></entry></feed>",
    ).links
    assert link == Link(
        "https://city.example/n/1", "新闻", DATE(2024, 6, 11), dt.datetime(2024, 6, 13, 0, 0, tzinfo=UTC)
    )


def test_a_change_alone_is_no_publication() -> None:
    (link,) = read(
        "feed",
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="/n"/>'
        "<updated>2024-06-13T08:00:00Z</updated></entry></feed>",
    ).links
    assert link.listed_on is None
    assert link.modified_at == dt.datetime(2024, 6, 13, 8, tzinfo=UTC)


def test_rdf_is_a_feed() -> None:
    found = read(
        "feed",
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="x"><title>t</title></channel>'
        '<item rdf:about="/r"><title>r</title><link>/r</link>'
        "<dc:date>2024-06-11T18:00:00Z</dc:date></item></rdf:RDF>",
    )
    assert urls(found) == ["https://city.example/r"]


def test_gbk_feed_keeps_its_titles() -> None:
    text = rss("<item><title>算力券</title><link>/1</link></item>").replace(
        '"1.0"', '"1.0" encoding="gb2312"'
    )
    assert read("feed", text.encode("gb18030")).links[0].title == "算力券"


@pytest.mark.parametrize(
    "body", ["", "hello", "<html><body><p>404</p></body></html>", '{"items": []}', "\x00\x01", "<a>"]
)
def test_what_is_no_feed_is_refused(body: str) -> None:
    with pytest.raises(EntryPointError, match=r"https://city\.example/a/.*not a feed"):
        read("feed", body)


def test_a_body_that_names_a_file_is_not_that_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret.xml"
    secret.write_text(rss("<item><title>secret</title><link>/secret</link></item>"))
    with pytest.raises(EntryPointError):
        read("feed", str(secret))


# --- hostile XML --------------------------------------------------------------------------------------------


@pytest.fixture
def canary() -> Iterator[tuple[int, list[object]]]:
    """A port that notes who connects."""
    connections: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        closing = threading.Event()

        def listen() -> None:
            while not closing.is_set():
                try:
                    client, address = server.accept()
                    connections.append(address)
                    client.close()
                except TimeoutError:
                    continue

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield server.getsockname()[1], connections
        closing.set()
        thread.join()


def external(kind: str, system: str) -> str:
    if kind == "feed":
        body = rss("<item><title>&x;</title><link>/a</link></item>")
        return body.replace("<rss", f'<!DOCTYPE rss SYSTEM "{system}" [<!ENTITY x SYSTEM "{system}">]><rss')
    return f'<!DOCTYPE urlset SYSTEM "{system}" [<!ENTITY x SYSTEM "{system}">]>' + urlset(
        "<url><loc>/a&x;</loc></url>"
    )


@pytest.mark.parametrize("kind", ["feed", "sitemap"])
def test_external_entities_are_never_read(
    kind: str, canary: tuple[int, list[object]], tmp_path: Path
) -> None:
    port, connections = canary
    secret = tmp_path / "secret.txt"
    secret.write_text("canary-in-a-file")
    for system in (f"http://127.0.0.1:{port}/x", f"http://localhost:{port}/x", secret.as_uri(), str(secret)):
        assert "canary-in-a-file" not in str(read(kind, external(kind, system)))
    assert connections == []
    with socket.create_connection(("127.0.0.1", port)):  # the canary is alive
        pass


BOMBS = """
import datetime as dt, resource, sys
sys.path[:0] = [sys.argv[1]]
from test_entry_points import read, rss, urlset
from crawler.entry_points import EntryPointError
from crawler.entry_points.feed import MAX_BYTES
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
laughs = "".join(f'<!ENTITY a{i} "' + f"&a{i - 1};" * 10 + '">' for i in range(1, 12))
laughs = f'<!DOCTYPE r [<!ENTITY a0 "ha">{laughs}]>'
long = '<!DOCTYPE r [<!ENTITY q "' + "x" * 100_000 + '">]>'
for kind, body in [
    ("feed", rss("<item><title>&a11;</title><link>/a</link></item>", laughs)),
    ("feed", rss("<item><title>" + "&q;" * 20_000 + "</title><link>/a</link></item>", long)),
    ("feed", rss("<item><description>" + "<a>" * 300_000)),
    ("feed", rss("<item>" * 200_000)),
    ("feed", rss("<![CDATA[" * 100_000)),
    ("feed", "<rss " + "x" * (MAX_BYTES + 1)),
    ("sitemap", laughs + urlset("<url><loc>/a&a11;</loc></url>")),
    ("sitemap", long + urlset("<url><loc>/a" + "&q;" * 20_000 + "</loc></url>")),
    ("sitemap", urlset("<url>" * 200_000)),
    ("list", "<div>" * 200_000 + "<a href=/a>a</a>"),
    ("list", "<a href=/a>下一页" + " " * 1_000_000 + "x</a>"),
    ("list", "<li>" + "<a href=/x>x</a>" * 100_000),
    ("list", "<p>" + "<!-- <a href=/1>2024-01-01" * 40_000),
    ("list", "<p>" + "<!-- <li><a href=/1>2024-01-01</a> -->" * 40_000),
    ("list", "<p>" + "<textarea><a href=/1>2024-01-01" * 40_000),
    ("list", "<script>x='y';" + "x=x+x;" * 50_000 + "document.write('<a href='+x+'>')</script>"),
    ("list", "<script>x='y';" + "x+=x;" * 50_000 + "document.write(x)</script>"),
    ("list", "<script>document.write(" + "'" * 500_001 + "</script>"),
    ("list", "<script>document.write(" + '\\\\"' * 200_000 + "</script>"),
    ("list", "<script>document.write(" + "(" * 500_000 + "</script>"),
    ("list", "<script>" + "document.write('<div>');" * 40_000 + "</script>"),
    ("list", "<script>/*" + "/*" * 300_000 + "document.write</script>"),
    ("jpage", "<script type=text/xml>" + "<datastore><record><![CDATA[<a href=/1>" * 20_000),
    ("jpage", "<p>" + "<nextgroup><![CDATA[<a href='" * 30_000),
    ("jpage", "<p>" + "$('#1').jpage({totalRecord:9,ajaxParam:{columnid:" * 20_000),
]:
    try:
        found = read(kind, body)
        assert len(str(found)) < 1_000_000, kind
    except EntryPointError:
        pass
print("survived")
"""


def test_bombs_cost_neither_memory_nor_time() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BOMBS, str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.stdout == "survived\n", done.stderr[-500:]


# --- sitemaps -----------------------------------------------------------------------------------------------


def test_urlset_with_dates() -> None:
    found = read(
        "sitemap",
        '<?xml version="1.0" encoding="UTF-8"?>'
        + urlset(
            "<url><loc> /1.html </loc><lastmod>2024-06-12</lastmod></url>"
            "<url><loc>https://city.example/2.html</loc><lastmod>2024-06-12T10:00:00+08:00</lastmod>"
            "<n:news><n:title>二</n:title><n:publication_date>2024-06-11T20:00:00Z</n:publication_date></n:news></url>"
            "<url><lastmod>2024-06-12</lastmod></url><url><loc></loc></url><url><loc>http://[::1</loc></url>"
            "<url><loc>/3</loc><lastmod>yesterday</lastmod>"
            "<n:news><n:publication_date>2024-06-11</n:publication_date></n:news></url>"
            "<url><loc>/4</loc><lastmod>0001-01-01T00:00:00+08:00</lastmod></url>"
        ),
    )
    assert found.next_asks == ()
    assert found.links == (
        Link("https://city.example/1.html", None, None, dt.datetime(2024, 6, 12, tzinfo=UTC)),
        Link("https://city.example/2.html", "二", DATE(2024, 6, 12), dt.datetime(2024, 6, 12, 2, tzinfo=UTC)),
        Link("https://city.example/3", None, DATE(2024, 6, 11)),
        Link("https://city.example/4"),
    )


def test_a_sitemap_without_a_namespace_is_one() -> None:
    assert urls(read("sitemap", "<urlset><url><loc>/1</loc></url></urlset>")) == ["https://city.example/1"]


def test_index_offers_sitemaps_and_no_articles() -> None:
    found = read(
        "sitemap",
        f"<sitemapindex {NS}><sitemap><loc>/s/1.xml</loc></sitemap><sitemap></sitemap>"
        "<sitemap><loc>https://city.example/s/2.xml.gz</loc></sitemap></sitemapindex>",
    )
    assert found == Listing((), (Ask("https://city.example/s/1.xml"), Ask("https://city.example/s/2.xml.gz")))


def test_gzip_is_seen_in_the_bytes() -> None:
    packed = gzip.compress(urlset("<url><loc>/1</loc></url>").encode())
    assert urls(read("sitemap", packed)) == ["https://city.example/1"]
    with pytest.raises(EntryPointError, match="damaged gzip"):
        read("sitemap", packed[:-12])
    with pytest.raises(EntryPointError, match="damaged gzip"):
        read("sitemap", packed[:20] + b"\xff" * 20 + packed[40:])


def test_gzip_bomb_is_refused_at_the_limit() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    bomb = gzip.compress(bytes(sitemap.MAX_BYTES), 9) * 8  # 400 MB in 400 kB
    with pytest.raises(EntryPointError, match="larger than 52428800 bytes"):
        read("sitemap", bomb)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 250_000  # kB


def test_sitemap_of_more_than_the_protocol_allows_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemap, "MAX_URLS", 3)
    assert len(read("sitemap", urlset("<url><loc>/a</loc></url>" * 5)).links) == 3


def test_feed_of_too_many_entries_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "MAX_ENTRIES", 3)
    assert len(read("feed", rss("<item><link>/a</link></item>" * 5)).links) == 3


@pytest.mark.parametrize("body", ["", "hello", rss(""), "<html><body>404</body></html>", "\x00"])
def test_what_is_no_sitemap_is_refused(body: str) -> None:
    with pytest.raises(EntryPointError, match="not a sitemap"):
        read("sitemap", body)


def test_damaged_sitemap_gives_what_it_has() -> None:
    assert urls(read("sitemap", urlset("<url><loc>/1</loc></url><url><loc>/2?a=1&b=2</loc>")[:-9])) != []


# --- list pages ---------------------------------------------------------------------------------------------

ROWS = """<html><body><nav><a href="/about">关于</a></nav><ul class="news">
<li><span>置顶</span><a href="2.html" title="很长的标题全文">很长的标…</a> <em>2024-06-12</em></li>
<li><a class="tag" href="/tag/1">标签</a><a class="t" href="./3.html">三
 号</a><em>2024年6月11日</em></li>
<li>没有链接</li><li><a name="top">无址</a></li>
<li><a href="4.html">四</a><em>[2024/02/30]</em></li>
</ul></body></html>"""


def test_rows_by_selector() -> None:
    found = read("list", ROWS, item="ul.news li", link="a:not(.tag)", date="em")
    assert found.links == (
        Link("https://city.example/a/2.html", "很长的标题全文", DATE(2024, 6, 12)),
        Link("https://city.example/a/3.html", "三 号", DATE(2024, 6, 11)),
        Link("https://city.example/a/4.html", "四", None),  # there is no such day
    )


def test_without_a_link_selector_the_first_link_of_a_row_counts() -> None:
    assert urls(read("list", ROWS, item="LI"))[:2] == [
        "https://city.example/a/2.html",
        "https://city.example/tag/1",
    ]


def test_a_row_may_be_the_link_itself() -> None:
    found = read(
        "list", "<div><a class=r href=/1>一 <i>2024-01-02</i></a><a href=/x>x</a></div>", item="a.r", date="i"
    )
    assert found.links == (Link("https://city.example/1", "一 2024-01-02", DATE(2024, 1, 2)),)


def test_without_selectors_every_link_counts_once() -> None:
    body = (
        "<p><a href='#top'>x</a><a href=''>y</a><a href='/1'>一</a><a href='/1'>一</a></p>"
        "<a href='javascript:go()'>z</a><a href='http://[bad/'>w</a>"
        "<ul><li><a href='/2'>二</a><span>2024-06-12 10:00</span></li>"
        "<li><a href='/3'>三</a><a href='/4'>四</a><a href='/5'>五</a>2024-06-13</li></ul>"
    )
    found = {
        link.url.removeprefix("https://city.example"): link.listed_on for link in read("list", body).links
    }
    assert found == {
        "/1": None,
        "javascript:go()": None,
        "/2": DATE(2024, 6, 12),
        "/3": None,
        "/4": None,
        "/5": None,
    }


@pytest.mark.parametrize(
    ("beside", "day"),
    [
        ("2024-6-1", DATE(2024, 6, 1)),
        ("2024.06.01", DATE(2024, 6, 1)),
        ("（2024/06/01）", DATE(2024, 6, 1)),
        ("2024年6月1日", DATE(2024, 6, 1)),
        ("06-01", None),
        ("12024-06-01", None),
        ("2024-13-01", None),
        ("电话 010-62024", None),
    ],
)
def test_date_beside_a_link(beside: str, day: dt.date | None) -> None:
    (link,) = read("list", f"<ul><li><a href=/1>通知</a> {beside}</li></ul>").links
    assert link.listed_on == day


def test_base_href_counts_for_links_and_for_the_next_page() -> None:
    body = "<base href='/deep/er/'><p><a href='1.html'>一</a><a href='p2.html'>下一页</a></p>"
    found = read("list", body, paging=Paging("next_link"))
    assert urls(found) == ["https://city.example/deep/er/1.html", "https://city.example/deep/er/p2.html"]
    assert found.next_asks == (Ask("https://city.example/deep/er/p2.html"),)


def test_an_unreadable_base_is_no_base() -> None:
    for base in ("http://[::1", "javascript:x", "mailto:a@b", "https://", "data:text/html,x"):
        assert urls(read("list", f"<base href='{base}'><a href='1.html'>一</a>")) == [
            "https://city.example/a/1.html"
        ]


@pytest.mark.parametrize("declared", ["text/html; charset=gb2312", "text/html", "text/html; charset=utf-8"])
def test_gb18030_lists(declared: str) -> None:
    body = '<html><head><meta charset="gbk"></head><body>' + "".join(
        f'<li><a href="/{i}.html">关于印发人工智能产业若干措施的通知（第{i}号）</a><b>2024-06-0{i}</b></li>'
        for i in range(1, 6)
    )
    found = read("list", body.encode("gb18030"), type=declared, item="li")
    assert [link.title for link in found.links] == [
        f"关于印发人工智能产业若干措施的通知（第{i}号）" for i in range(1, 6)
    ]
    assert [link.listed_on for link in found.links] == [DATE(2024, 6, i) for i in range(1, 6)]


@pytest.mark.parametrize(
    "body", [b"", b"   ", b"<!-- -->", b"%PDF-1.4", b"\x00" * 50, b"\xff\xfe", b"{}", b"<?xml?>"]
)
def test_what_is_no_list_offers_nothing(body: bytes) -> None:
    with contextlib.suppress(EntryPointError):
        assert read("list", body).links == ()


# --- paging -------------------------------------------------------------------------------------------------

EMPTY = html.fromstring("<html><body></body></html>")


def next_of(paging: Paging, first: str, number: int, text: str = "") -> str | None:
    root = html.fromstring(text) if "<" in text else EMPTY
    return next_page_url(paging, first, "https://c.example/l/", "https://c.example/l/", number, root, text)


@pytest.mark.parametrize(
    ("scheme", "first", "number", "wanted"),
    [
        ("none", "/l/index.html", 1, None),
        ("zero_based", "/l/index.html", 1, "/l/index_1.html"),
        ("zero_based", "/l/index.html", 2, "/l/index_2.html"),
        ("zero_based", "/l/", 1, "/l/index_1.html"),
        ("one_based", "/l/index.html", 1, "/l/index_2.html"),
        ("one_based", "/l/common_list.shtml", 4, "/l/common_list_5.shtml"),
        ("one_based", "/l/node_9671.htm?a=1", 1, "/l/node_9671_2.htm?a=1"),
        ("one_based", "/l/list", 1, "/l/list_2"),
    ],
)
def test_numbered_pages(scheme: str, first: str, number: int, wanted: str | None) -> None:
    found = next_of(Paging(scheme), f"https://c.example{first}", number)
    assert found == (f"https://c.example{wanted}" if wanted else None)


def test_template_counts_from_its_first_page() -> None:
    paging = Paging("template", "https://c.example/l?p={page}", first=0)
    assert [next_of(paging, "https://c.example/l?p=0", n) for n in (1, 2)] == [
        "https://c.example/l?p=1",
        "https://c.example/l?p=2",
    ]
    assert (
        next_of(Paging("template", "https://c.example/{page}"), "https://c.example/1", 1)
        == "https://c.example/2"
    )


@pytest.mark.parametrize(
    "script",
    [
        'createPageHTML(3, 0, "index", "html");',
        "createPageHTML(3,0,'index','html')",
        "createPage(0, 3)",
        "createPageHTML('page_div',3, 1,'index','shtml',20)",
        "var countPage = 3",
        "totalPage: 3,",
        'totalPages="3"',
        "pageCount=3;",
    ],
)
def test_stated_total_ends_the_pages(script: str) -> None:
    assert stated_pages(script) == 3
    for paging in (Paging("zero_based"), Paging("one_based"), Paging("template", "https://c.example/{page}")):
        assert next_of(paging, "https://c.example/index.html", 2, script) is not None
        assert next_of(paging, "https://c.example/index.html", 3, script) is None


@pytest.mark.parametrize(
    "script",
    [
        "",
        "createPage()",
        "totalPage: many",
        "totalPage=" + "9" * 5000,
        f"createPage({'9' * 5000}, 1)",
        "mytotalPage2=3",
    ],
)
def test_a_total_that_is_none(script: str) -> None:
    assert stated_pages(script) is None
    assert next_of(Paging("one_based"), "https://c.example/index.html", 7, script) is not None


@pytest.mark.parametrize(
    ("link", "wanted"),
    [
        ("<a href='2.html'>下一页</a>", "/l/2.html"),
        ("<a href='2.html'>\n 下页 &raquo; </a>", "/l/2.html"),
        ("<a href='?p=2'>Next</a>", "/l/?p=2"),
        ("<a href='/2'><span>›</span></a>", "/2"),
        ("<a rel='next' href='/2'>2</a>", "/2"),
        ("<link rel='Next' href='/2'>", "/2"),
        ("<a href='/2'>下一篇文章</a>", None),
        ("<a href='/2'>Next week's weather</a>", None),
        ("<a>下一页</a>", None),
        ("<a href='./'>下一页</a>", None),
        ("<a href='http://[::1'>下一页</a>", None),
    ],
)
def test_next_link(link: str, wanted: str | None) -> None:
    found = next_of(
        Paging("next_link"), "https://c.example/l/", 1, f"<html><body>{link}<p>x</p></body></html>"
    )
    assert found == (f"https://c.example{wanted}" if wanted else None)


def test_numbered_keeps_the_folder() -> None:
    assert numbered("https://c.example", 2) == "https://c.example/index_2.html"


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("<span>共13条 第1/3页</span>", 3),
        ("第 2 / 12 页", 12),
        ('createPageHTML(5, 0, "index", "html")', 5),
        ("发布于 2024/03/15", None),
    ],
)
def test_the_number_of_pages_is_read_from_the_pager(text: str, pages: int | None) -> None:
    assert stated_pages(text) == pages


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("共<b>25</b>页", 25),
        ("共 25 页", 25),
        ("$('.pagination').pagination({totalPage: 322, callback: go})", 322),
        ("createPageHTML('paging',25,1,'index','html',500);", 25),
        ("totalPage = 0", None),  # a default that a script fills in
        ("jpage({totalRecord:47,perPage:15})", 4),
        ("var totalData = 45, showData = 15", 3),
        ("totalRecord:47", None),
        ("totalRecord:47,perPage:0", None),
    ],
)
def test_more_ways_to_state_the_number_of_pages(text: str, pages: int | None) -> None:
    assert stated_pages(text) == pages


def further(
    scheme: str, text: str = "", number: int = 1, page: str = "/l/index.html", first: str = "/l/index.html"
) -> list[str]:
    host = "https://c.example"
    root = html.fromstring(f"<html><body>{text}<p>x</p></body></html>")
    found = next_page_urls(Paging(scheme), host + first, host + page, host + page, number, root, text)
    return [url.removeprefix(host) for url in found]


@pytest.mark.parametrize(
    ("scheme", "text", "wanted"),
    [
        ("concat", "", "/l/index2.html"),
        (
            "zero_based",
            "<script>createPageHTML('paging',25,1,'index','html',500)</script>",
            "/l/index_2.html",
        ),
        ("one_based", '<script>createPageHTML(3,0,"index","html")</script>', "/l/index_1.html"),
        ("one_based", "<script>createPage(0, 3)</script>", "/l/index_1.html"),
        ("zero_based", "<a href='index_2.html'>2</a>", "/l/index_2.html"),
        ("zero_based", "<a href='./index_2.html'><i>下一页</i></a>", "/l/index_2.html"),
        ("one_based", "<a href='/l/index_1.html'>2</a>", "/l/index_1.html"),
        ("one_based", "<a tagname='/l/index_1.html'>下页</a>", "/l/index_1.html"),
        ("one_based", "<a href='#' data-url='index_1.html'>&gt;</a>", "/l/index_1.html"),
        ("one_based", "<a href='javascript:;' onclick=\"go('index_1.html')\">2</a>", "/l/index_1.html"),
        ("one_based", "<a href=\"javascript:go('index_1.html')\">2</a>", "/l/index_1.html"),
        # What is no pager's link decides nothing.
        ("one_based", "<a href='index_1.html'>3</a><a href='/m/index_1.html'>2</a>", "/l/index_2.html"),
        ("one_based", "<a href='index_7.html'>下一页</a><a href='index.html'>2</a>", "/l/index_2.html"),
        ("one_based", "<a href='t20240102_1.html'>下一页</a><a href='http://[::1'>2</a>", "/l/index_2.html"),
    ],
)
def test_what_the_pager_says_wins_over_the_scheme(scheme: str, text: str, wanted: str) -> None:
    assert further(scheme, text) == [wanted]


def test_further_pages_go_on_as_the_second_one_began() -> None:
    assert further("zero_based", number=2, page="/l/index_2.html") == ["/l/index_3.html"]
    assert further("one_based", number=2, page="/l/index_1.html") == ["/l/index_2.html"]
    assert further("concat", number=2, page="/l/index2.html") == ["/l/index3.html"]
    script = "<script>createPageHTML('paging',25,25,'index','html',500)</script>"
    assert further("zero_based", script, 25, "/l/index_25.html") == []
    assert further("zero_based", script, 24, "/l/index_24.html") == ["/l/index_25.html"]
    assert further("one_based", number=2, page="/l/index_9.html") == [], "a redirect has led past it"


def test_a_folder_is_named_by_its_pager_or_by_its_second_page() -> None:
    def folder(text: str, number: int = 1, page: str = "/l/") -> list[str]:
        return further("zero_based", text, number, page, "/l/")

    assert folder("<script>createPage(3,0,'index','shtml')</script>") == ["/l/index_1.shtml"]
    assert folder("<a href='list_1.htm'>2</a>") == ["/l/list_1.htm"]
    assert folder("", 2, "/l/list_1.htm") == ["/l/list_2.htm"]
    assert folder("") == ["/l/index_1.html"]


YEARS = "".join(
    f"<li><a href='{href}'><h4>{text}</h4></a></li>"
    for text, href in [
        ("2019年", "/y19/index.html"),
        ("2021年度", "/y21/index.html"),
        ("2020", "/y20/"),
        ("2020年", "/y20/"),
        ("2021年工作要点", "/l/20210304/abc.html"),  # an article
        ("2018年", "https://other.example/index.html"),
        ("2017年", "http://[::1"),
        ("下载", "/y16/index.html"),
    ]
)


def test_an_index_of_years_offers_the_newest_first() -> None:
    assert further("year_archives", YEARS) == ["/y21/index.html", "/y20/", "/y19/index.html"]
    assert further("year_archives", "totalPage: 4") == ["/l/index_2.html"], "a list without years"
    assert further("year_archives", YEARS + "totalPage: 4")[0] == "/l/index_2.html", "the newest year itself"


def test_the_list_of_a_year_is_one_based_and_offers_no_years() -> None:
    text = YEARS + "<script>pagination({totalPage: 3})</script>"
    assert further("year_archives", text, 2, "/y21/index.html") == ["/y21/index_2.html"]
    assert further("year_archives", text, 3, "/y21/index_2.html") == ["/y21/index_3.html"]
    assert further("year_archives", text, 4, "/y21/index_3.html") == []
    assert further("year_archives", text, 2, "/y20/") == ["/y20/index_2.html"]


def test_the_pages_of_a_numbered_list_are_no_articles() -> None:
    body = "<a href='index_1.html'>2</a><a href='index_2.html'>3</a><a href='index_20240612.html'>一</a>"
    assert urls(read("list", body, paging=Paging("zero_based"))) == [
        "https://city.example/a/index_20240612.html"
    ]


@pytest.mark.parametrize(
    "stub",
    [
        "<html><head><script>location='/'</script></head><body></body></html>",
        "<html><body><h1>404</h1><p>您访问的页面不存在</p></body></html>",
        "404 not found",
        "<html></html>",
    ],
)
def test_a_stub_ends_a_list(stub: str) -> None:
    for scheme in ("zero_based", "one_based", "concat", "year_archives"):
        assert read("list", stub, number=9, paging=Paging(scheme)) == Listing(())


# --- rows that a parser does not see ------------------------------------------------------------------------


def test_rows_in_comments_templates_and_scripts_follow_the_visible_ones() -> None:
    body = r"""<ul class="list"><!-- <li><a href="/202402/t20240203_3.html">藏</a><i>2024-02-03</i></li>
    <li><a href="/old/">旧版</a></li> <li><a href="{{url}}">名</a><i>2024-02-09</i></li> -->
    <li><a href="/1.html">一</a> <!-- <a href="/20240101.html">从前</a> --> 2024-02-01</li>
    <textarea><li><a href="/4.html">文</a><i>2024-02-04</i></li></textarea>
    <script type="text/template"><li><a href="/5.html">模</a><i>2024-02-05</i></li></script>
    <script>document.write('<li><a href="\/2.html" title="二\'号">…<\/a><i>2024-02-02<\/i><\/li>')</script>
    <!--[if IE]><a href="/20240607.html">旧浏览器</a><![endif]--></ul>"""
    wanted = [
        Link("https://city.example/1.html", "一", DATE(2024, 2, 1)),
        Link("https://city.example/202402/t20240203_3.html", "藏", DATE(2024, 2, 3)),
        Link("https://city.example/4.html", "文", DATE(2024, 2, 4)),
        Link("https://city.example/5.html", "模", DATE(2024, 2, 5)),
        Link("https://city.example/2.html", "二'号", DATE(2024, 2, 2)),
    ]
    assert list(read("list", body).links) == wanted
    by_selector = [link for link in read("list", body, item="ul.list > li").links if "/old/" not in link.url]
    assert by_selector == wanted


def test_rows_written_from_variables_stand_in_their_own_row() -> None:
    rows = "".join(
        f"""<li><script>var url = "./202402/t2024020{i}_{i}.shtml"; var title = "";
        if (title == "") {{ title = "第{i}号\\"算力\\"通知"; }}
        document.writeln("<a href=" + url + " target='_blank'>" + title + "<\\/a>");
        document.writeln("2024-02-0{i} 17:32");</script></li>"""
        for i in (1, 2)
    )
    pager = "<script>function p(n){document.write('<a href=index_'+n+'.html>'+n+'</a>')}</script>"
    for entry in ({}, {"item": "ul > li"}):
        assert read("list", f"<ul>{rows}</ul>{pager}", **entry).links == tuple(  # type: ignore[arg-type]
            Link(
                f"https://city.example/a/202402/t2024020{i}_{i}.shtml",
                f'第{i}号"算力"通知',
                DATE(2024, 2, i),
            )
            for i in (1, 2)
        )


@pytest.mark.parametrize(
    ("script", "markup"),
    [
        (r"""document.write("a\"b\/c" + 'd')""", 'a"b/cd'),
        (r"""document.write('\u7b97\u529b\x41\u{1F600}\n')""", "算力A😀\n"),
        ("document.write('a', 'b')", "ab"),
        ("window.document.writeln(`a`);", "a\n"),
        ("var t = 'a'; if (x) { t = '' } document.write(t)", "a"),
        ("var t = 'a'; var t = ''; document.write(t + 'b')", "b"),
        ("// document.write('a')\ndocument.write('b') /* document.write('c') */", "b"),
        ("var h = '<p>'; h += 'a'; h += \"</p>\"; document.write(h)", "<p>a</p>"),
        ("document.write('a' + location.href + f('x') + (1 ? 'b' : 'c'))", None),
        ("for (var i = 0; i < 3; i++) document.write('index_' + i)", f"index_{UNKNOWN}"),
        ("document.write('http://a/' + \"'\")", "http://a/'"),
        ("document.write('unfinished", "unfinished"),
        ("document.write(", ""),
        ("writeln('a'); mydocument.write('b')", ""),
    ],
)
def test_what_a_script_writes_is_read_not_run(script: str, markup: str | None) -> None:
    found = written_markup(script)
    assert found == markup if markup is not None else UNKNOWN in found


def test_hidden_rows_are_bounded() -> None:
    row = "<li><a href='/{0}.html'>{0}</a>2024-01-01</li>"
    many = "".join(f"<!--{row.format(i)}-->" for i in range(6_000))
    assert len(read("list", f"<p>{many}").links) <= 5_000
    assert urls(read("list", f"<p><!--{'x' * 1_100_000}{row.format(1)}-->{row.format(2)}")) == [
        "https://city.example/2.html"
    ]


# --- jpage --------------------------------------------------------------------------------------------------

COLUMN = "https://city.example/col/col84242/index.html"
PROXY = "https://city.example/module/web/jpage/dataproxy.jsp"


def record(i: int) -> str:
    return (
        f'<record><![CDATA[\n<li class="row"><a href="/art/2024/6/{i}/art_84242_{i}.html" title="第{i}号">'
        f'…</a><span class="time">\n2024-\n06-\n{i:02d}\n</span></li>]]></record>'
    )


def store(rows: range, head: str = "") -> str:
    records = "".join(map(record, rows))
    return f'<datastore>{head}<recordset><ul class="list"></ul>{records}</recordset></datastore>'


def column(total: int = 20, group: str = "", unit: int = 356383, number: int = 84242) -> str:
    """A column page as jpage makes it: six rows of `total` are in it, two to a page."""
    return (
        f'<html><body><div id="{unit}"><script type="text/xml">{store(range(1, 7), group)}</script></div>'
        f"<script>$(function(){{$('#{unit}').jpage({{themeName:'default',totalRecord:{total},openCookies:0,"
        "dataBefore:'',groupSize:3,proxyUrl:'/module/web/jpage/dataproxy.jsp',perPage:2,ajaxParam:{col:1,"
        f"appid:'1',webid:1,path:'/',columnid:{number},sourceContentType:3,unitid:'{unit}',"
        "webname:'某市政府',permissiontype:0}});});</script></body></html>"
    )


def asked(listing: Listing) -> list[str]:
    """The rows that the next request asks for, and of which column and unit."""
    (ask,) = listing.next_asks
    assert ask.url.startswith(PROXY + "?")
    query = dict(part.split("=") for part in ask.url.partition("?")[2].split("&"))
    return [query[name] for name in ("startrecord", "endrecord", "perpage", "columnid", "unitid", "webid")]


@pytest.mark.parametrize("entry", [{}, {"item": "ul.list li.row", "link": "a[title]", "date": "span.time"}])
def test_jpage_rows_come_from_the_store_in_the_column(entry: dict[str, str]) -> None:
    found = read("jpage", column(), COLUMN, **entry)
    assert found.links == tuple(
        Link(f"https://city.example/art/2024/6/{i}/art_84242_{i}.html", f"第{i}号", DATE(2024, 6, i))
        for i in range(1, 7)
    )
    assert asked(found) == ["7", "12", "2", "84242", "356383", "1"]
    assert found.next_asks[0].referer == COLUMN


def test_jpage_asks_on_until_the_stated_number_of_rows() -> None:
    assert read("jpage", column(total=6), COLUMN).next_asks == ()
    assert asked(read("jpage", column(total=8), COLUMN))[:2] == ["7", "8"]
    ask = read("jpage", column(), COLUMN).next_asks[0]
    for first, wanted in ((7, ["13", "18"]), (13, ["19", "20"])):
        answer = store(range(first, first + 6), "<totalrecord>20</totalrecord><totalpage>10</totalpage>")
        found = read("jpage", answer, ask.url, number=2, first=COLUMN)
        assert len(found.links) == 6
        assert asked(found)[:2] == wanted
        ask = found.next_asks[0]
    last = store(range(19, 21), "<totalrecord>20</totalrecord>")
    assert read("jpage", last, ask.url, number=4, first=COLUMN).next_asks == ()


def test_jpage_without_a_total_ends_with_a_short_answer() -> None:
    url = f"{PROXY}?startrecord=7&endrecord=12&perpage=2&columnid=1&unitid=2&webid=3"
    assert asked(read("jpage", store(range(7, 13)), url, first=COLUMN))[:2] == ["13", "18"]
    assert read("jpage", store(range(7, 10)), url, first=COLUMN).next_asks == ()
    assert read("jpage", store(range(0)), url, first=COLUMN) == Listing(())
    capped = url.replace("=12", "=9")  # the column has stated that this is the last row
    assert read("jpage", store(range(7, 10)), capped, first=COLUMN).next_asks == ()


def test_jpage_follows_the_stores_own_link_where_no_total_is_stated() -> None:
    link = '<nextgroup><![CDATA[<a href="/module/web/jpage/dataproxy.jsp?page={}&amp;columnid=8&amp;path=/">'
    link += "</a>]]></nextgroup>"
    page = column(group=link.format(1)).replace(".jpage(", ".other(")
    (ask,) = read("jpage", page, COLUMN).next_asks
    assert ask.url == f"{PROXY}?page=1&columnid=8&path=%2F"
    (ask,) = read("jpage", store(range(7, 13), link.format(2)), ask.url, first=COLUMN).next_asks
    assert ask.url == f"{PROXY}?page=2&columnid=8&path=%2F"
    for group in (1, 2):  # the same group again, or an earlier one
        assert read("jpage", store(range(7, 13), link.format(group)), ask.url, first=COLUMN).next_asks == ()
    counted = "<totalpage>3</totalpage>"
    (ask,) = read("jpage", store(range(7, 13), counted), ask.url, first=COLUMN).next_asks
    assert "page=3&" in ask.url
    assert read("jpage", store(range(7, 13), counted), ask.url, first=COLUMN).next_asks == ()


def test_jpage_takes_the_list_of_the_column_not_of_its_side() -> None:
    side = column(total=900, unit=11, number=777)
    assert asked(read("jpage", side + column() + side, COLUMN))[3:5] == ["84242", "356383"]
    assert asked(read("jpage", column() + side, "https://city.example/news/"))[3:5] == ["777", "11"]


def test_jpage_parameters_may_stand_in_a_variable_or_in_the_stores_link() -> None:
    link = (
        f'<nextgroup><![CDATA[<a href="{PROXY}?page=1&webid=9&columnid=84242&unitid=356383">]]></nextgroup>'
    )
    bare = column(group=link).replace("ajaxParam:{", "other:param,x:{").replace("columnid:", "z:")
    assert asked(read("jpage", bare, COLUMN))[3:] == ["84242", "356383", "1"]
    variable = "<script>var param_356383={columnid:5,unitid:'6',webid:'7'};</script>"
    assert asked(read("jpage", variable + bare.replace("webid:1", ""), COLUMN))[3:] == ["5", "356383", "7"]


@pytest.mark.parametrize("body", ["", "<html><body>维护中</body></html>", "{}", "<html><head></head></html>"])
def test_what_is_no_jpage_is_refused(body: str) -> None:
    for url in (COLUMN, f"{PROXY}?startrecord=1&endrecord=2"):
        with pytest.raises(EntryPointError):
            read("jpage", body, url, first=COLUMN)


def test_a_store_is_read_in_a_list_of_any_kind() -> None:
    assert len(read("list", column(), COLUMN).links) == 6


# --- sitemaps that are plain text ---------------------------------------------------------------------------


def test_text_sitemap_has_an_address_on_each_line() -> None:
    lines = (
        "\ufeffhttps://city.example/1.html\r\n\r\n  https://city.example/算力.html \nftp://x/\na\nhttps://a b"
    )
    wanted = ["https://city.example/1.html", "https://city.example/算力.html"]
    assert urls(read("sitemap", lines)) == wanted
    assert urls(read("sitemap", gzip.compress(lines.encode()))) == wanted
    with pytest.raises(EntryPointError, match="not a sitemap"):
        read("sitemap", "hello\nhttps://city.example/1.html")


# --- whatever a server may send -----------------------------------------------------------------------------

PIECES = re.findall(
    r"\S+",
    """<a href=" </a> <li> </li> <ul> <!-- --> <script> </script> <textarea> <base href="http://[ ?x" #
index_1.html index_2.html 下一页 2 2024-06-12 createPageHTML(3,0,"index","html") totalPage:9 </record> ]]>
<script type="text/xml"> <datastore> <record><![CDATA[ <nextgroup> </datastore> .jpage({ totalRecord:99, });
perPage:2, columnid:5, unitid:'6' proxyUrl:'//[/dataproxy.jsp' document.write(" document.writeln(' ") ') + var
x= \\u00 \\" {{ http://[::1 javascript: \x00 \ud800 &#0; &amp; <svg> <template> 1999年 /y/ <link rel=next""",
)
SCHEMES = ("none", "zero_based", "one_based", "concat", "next_link", "year_archives")


@pytest.mark.parametrize("kind", ["list", "jpage", "sitemap"])
def test_hostile_pages_give_absolute_links_or_one_kind_of_error(kind: str) -> None:
    dice = random.Random(20240612)
    pages = read_any = 0
    for _ in range(1_500):
        text = " ".join(dice.choices(PIECES, k=dice.randrange(1, 40))).replace(
            " ", dice.choice(["", " ", "\n"])
        )
        body = (
            text.encode("utf-8", "surrogatepass")
            if dice.random() < 0.5
            else text.encode("gb18030", "replace")
        )
        number = dice.randrange(1, 4)
        suffix = dice.choice(["", "index.html", "index_1.html", "index_2.html", "dataproxy.jsp?page=1"])
        url = f"https://city.example/a/{suffix}"
        selectors = dice.choice([{}, {"item": "li"}, {"item": "li", "link": "a", "date": "span"}])
        entry = {
            "first": "https://city.example/a/index.html",
            "paging": Paging(dice.choice(SCHEMES)),
            **selectors,
        }
        pages += 1
        try:
            found = read(kind, body, url, number, **entry)
        except EntryPointError:
            continue
        read_any += 1
        for address in [*urls(found), *(ask.url for ask in found.next_asks)]:
            assert ":" in address.split("/")[0], address
        assert url not in [ask.url for ask in found.next_asks]
    assert read_any > pages // 10 or kind == "sitemap"


@pytest.mark.parametrize("scheme", SCHEMES[1:4])
def test_a_numbered_list_only_goes_up(scheme: str) -> None:
    dice = random.Random(12)
    pager = [
        "index_1.html",
        "index_2.html",
        "index_9.html",
        "index2.html",
        "index.html",
        "./",
        "/b/index_3.html",
    ]
    for _ in range(600):
        links = "".join(
            f"<a href='{dice.choice(pager)}'>{dice.choice(['1', '2', '3', '4', '下一页', '末页'])}</a>"
            for _ in range(dice.randrange(6))
        )
        script = dice.choice(
            ["", "createPageHTML({},{},'index','html')", "createPageHTML('paging',{},{},'a','b')"]
        )
        text = links + script.format(dice.randrange(9), dice.randrange(9))
        page, number, highest = "/l/index.html", 1, 0
        while number < 30 and (found := further(scheme, text, number, page)):
            (page,) = found
            reached = int("".join(filter(str.isdigit, page)))
            assert reached > highest, (text, page)
            highest, number = reached, number + 1
