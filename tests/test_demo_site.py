"""The demo site keeps its promises: what `demo/truth.jsonl` says is what its outlets serve."""

from __future__ import annotations

import email.utils
import gzip
import http.client
import json
import re
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from typing import Any

import feedparser
import opencc
import pytest
import yaml
from lxml import etree, html

from demo.content import OUTLETS, pages
from demo.server import BASE_PORT, DemoSite
from demo.truth import TRUTH, as_text
from hexapolis.records import DIMENSIONS, Verdict

LINES: list[dict[str, Any]] = [json.loads(line) for line in TRUTH.read_text("utf-8").splitlines()]
PAGES = [line for line in LINES if "trap" not in line]
ARTICLES = [
    line
    for line in PAGES
    if line["verdict"] == Verdict.ARTICLE
    and "robots" not in line
    # the second line of the edited page is the same article
    and not (line["day"] == 2 and any(o is not line and o["path"] == line["path"] for o in PAGES))
]
BODY = {  # where each outlet's article text stands
    "sz": ".//div[@class='news_cont_d_wrap']",
    "bj": ".//div[@class='TRS_Editor']",
    "cd": ".//div[@id='zoomcon']",
    "wh": ".//div[@id='artibody']",
    "wire": ".//div[@id='detail']",
    "hk": ".//div[@class='story-body']",
    "en": ".//div[@class='entry-content']",
    "tech": ".//section[@class='post-content']",
}


class Answer:
    """One answer of the site, read to its end."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()


def ask(site: DemoSite, outlet: str, path: str, method: str = "GET", **headers: str) -> Answer:
    address = urllib.parse.urlsplit(site.url(outlet))
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    try:
        connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        return Answer(connection.getresponse())
    finally:
        connection.close()


def tree(outlet: str, answer: Answer) -> html.HtmlElement:
    return html.document_fromstring(answer.body.decode("gb18030" if outlet == "wh" else "utf-8"))


def text_of(outlet: str, answer: Answer) -> str:
    """The article's paragraphs, joined by newlines."""
    body = tree(outlet, answer).find(BODY[outlet])
    return "\n".join(block.text_content().strip() for block in body if isinstance(block.tag, str))


def links(site: DemoSite, outlet: str, path: str) -> list[str]:
    """Paths of this outlet that the page links to."""
    base = site.url(outlet) + path
    hrefs = tree(outlet, ask(site, outlet, path)).xpath("//a/@href")
    absolute = [urllib.parse.urljoin(base, href) for href in hrefs]
    return [link.removeprefix(site.url(outlet)) for link in absolute if link.startswith(site.url(outlet))]


def expected(outlet: str, day: int = 1) -> set[str]:
    """Every listed page of an outlet on that day, the quarantined ones and the disallowed one included."""
    return {line["path"] for line in PAGES if line["outlet"] == outlet and line["day"] <= day}


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite() as running:
        yield running


@pytest.fixture
def fresh_site() -> Iterator[DemoSite]:
    with DemoSite() as running:
        yield running


# --- the answer sheet ---------------------------------------------------------------------------------------


def test_truth_file_is_what_the_content_says() -> None:
    assert TRUTH.read_text("utf-8") == as_text(), "run `python -m demo.truth`"


def test_truth_uses_only_known_words() -> None:
    for line in LINES:
        assert line["outlet"] in OUTLETS
        Verdict(line["verdict"])
    for line in PAGES:
        assert line["dims"] == [d for d in DIMENSIONS if d in line["dims"]]
        assert line["language"] in ("zh", "en")
        if line["dims"]:
            assert line["relevant"] is True
        if line["relevant"]:
            assert line["cities"]
        else:
            assert line["cities"] == []


def test_there_is_enough_of_everything() -> None:
    assert len(ARTICLES) >= 66
    assert sum(line["language"] == "en" for line in ARTICLES) >= 22
    assert len({city for line in ARTICLES for city in line["cities"]}) >= 12
    dims = Counter(dim for line in ARTICLES for dim in line["dims"])
    assert all(dims[dim] >= 8 for dim in DIMENSIONS), dims
    assert sum(line["relevant"] is True and not line["dims"] for line in ARTICLES) >= 6
    assert sum(line["relevant"] is False for line in ARTICLES) >= 10
    assert {line["verdict"] for line in PAGES} == {"article", "soft_404", "challenge"}


def test_addresses_are_distinct() -> None:
    seen = Counter((line["outlet"], line["path"], line["day"]) for line in PAGES)
    assert max(seen.values()) == 1


# --- pages --------------------------------------------------------------------------------------------------


def assert_served_as_stated(site: DemoSite, line: dict[str, Any]) -> None:
    outlet, path = line["outlet"], line["path"]
    answer = ask(site, outlet, path)
    assert answer.status == 200
    page = tree(outlet, answer)
    assert page.find(".//h1").text_content().strip() == line["title"]
    text = text_of(outlet, answer)
    assert text.count("\n") >= 2, "several paragraphs"
    if line["language"] == "zh":
        assert 250 <= len(re.sub(r"\s", "", text)) <= 900
    else:
        assert 120 <= len(text.split()) <= 350
    everything = answer.body.decode("gb18030" if outlet == "wh" else "utf-8")
    year, month, day = line["published"].split("-")
    written_as = (line["published"], f"{year}年{month}月{day}日")
    assert any(form in everything for form in written_as)
    if line["written"]:
        assert line["written"] in everything
        assert line["written"] != line["published"]
    footer = page.find(".//footer").text_content()
    assert "Hexapolis" in footer
    assert re.search("虚构演示页面|虛構演示頁面|fictional demonstration page", footer)
    assert page.find(".//nav") is not None
    assert len(page.xpath("//*[contains(@class,'related')]//li/a")) == 4


@pytest.mark.parametrize("line", ARTICLES, ids=lambda line: f"{line['outlet']}{line['path']}")
def test_article_is_served_as_stated(site: DemoSite, line: dict[str, Any]) -> None:
    if line["day"] == 1:
        assert_served_as_stated(site, line)
    else:
        assert ask(site, line["outlet"], line["path"]).status == 404


def test_nothing_is_loaded_from_another_host(site: DemoSite) -> None:
    for line in PAGES:
        if line["day"] == 1:
            page = tree(line["outlet"], ask(site, line["outlet"], line["path"]))
            loaded = page.xpath(
                "//img/@src | //script/@src | //iframe/@src | //link[@rel='stylesheet']/@href"
            )
            assert all(address.startswith("/") and address[1] != "/" for address in loaded), line["path"]


def test_every_internal_link_of_the_home_pages_works(site: DemoSite) -> None:
    for outlet in OUTLETS:
        for path in {*links(site, outlet, "/"), "/assets/site.css", "/robots.txt"}:
            assert ask(site, outlet, path.partition("#")[0]).status == 200, outlet + path


def test_unknown_address_is_404(site: DemoSite) -> None:
    for outlet in OUTLETS:
        assert ask(site, outlet, "/nothing/here.html").status == 404


def test_soft_404_looks_fine_to_a_machine(site: DemoSite) -> None:
    line = next(line for line in PAGES if line["verdict"] == Verdict.SOFT_404)
    answer = ask(site, line["outlet"], line["path"])
    assert answer.status == 200
    assert "您访问的页面不存在或已被删除" in answer.body.decode()


def test_challenge_page_is_a_small_browser_check(site: DemoSite) -> None:
    line = next(line for line in PAGES if line["verdict"] == Verdict.CHALLENGE)
    answer = ask(site, line["outlet"], line["path"])
    assert answer.status == 200
    assert len(answer.body) < 3000
    assert b"Just a moment..." in answer.body
    assert b"document.cookie" in answer.body


def test_old_portal_says_gb2312_and_means_gb18030(site: DemoSite) -> None:
    beyond = 0
    for line in ARTICLES:
        if line["outlet"] == "wh":
            answer = ask(site, "wh", line["path"])
            assert "charset" not in answer.headers["Content-Type"]
            assert b"charset=gb2312" in answer.body
            assert line["title"] in answer.body.decode("gb18030")
            with pytest.raises(UnicodeDecodeError):
                answer.body.decode("utf-8")
            with pytest.raises(UnicodeDecodeError):
                answer.body.decode("gb2312")
            beyond += any(ord(char) > 0xFFFF for char in answer.body.decode("gb18030"))
    assert beyond >= 1, "one page holds a character of four bytes that GBK lacks"


def test_glued_date_and_government_meta_names(site: DemoSite) -> None:
    page = tree("bj", ask(site, "bj", "/zhengce/202404/t20240422_10277.html"))
    assert page.xpath("//meta[@name='PubDate']/@content") == ["2024-04-22 09:30:002024-04-22 09:30:00"]
    page = tree("sz", ask(site, "sz", "/zwgk/content/post_1001.html"))
    assert {"SiteName", "ArticleTitle", "PubDate", "ContentSource", "ColumnName"} <= set(
        page.xpath("//meta/@name")
    )


def test_english_pages_carry_json_ld(site: DemoSite) -> None:
    for line in ARTICLES:
        if line["outlet"] == "en":
            page = tree("en", ask(site, "en", line["path"]))
            data = json.loads(page.xpath("//script[@type='application/ld+json']/text()")[0])
            assert data["@type"] == "NewsArticle"
            assert data["headline"] == line["title"]
            assert data["datePublished"].startswith(line["published"])


# --- ways to the pages --------------------------------------------------------------------------------------


LIST_PAGES = {
    "sz": ["/zwgk/index.html", "/zwgk/index_2.html", "/zwgk/index_3.html"],
    "bj": ["/zhengce/index.html", "/zhengce/index_1.html", "/zhengce/index_2.html"],
    "cd": ["/cdzw/common_list.shtml", "/cdzw/common_list_2.shtml"],
    "wh": ["/xwzx/list.html"],
}
AFTER_THE_LAST = {
    "sz": "/zwgk/index_4.html",
    "bj": "/zhengce/index_3.html",
    "cd": "/cdzw/common_list_3.shtml",
    "wh": "/xwzx/list_2.html",
}


@pytest.mark.parametrize("outlet", LIST_PAGES)
def test_lists_lead_to_every_page(site: DemoSite, outlet: str) -> None:
    found = [link for path in LIST_PAGES[outlet] for link in links(site, outlet, path)]
    assert expected(outlet) <= set(found)
    assert ask(site, outlet, AFTER_THE_LAST[outlet]).status == 404


def test_pager_of_the_trs_portal_counts_from_zero(site: DemoSite) -> None:
    for number, path in enumerate(LIST_PAGES["bj"]):
        call = f'createPageHTML(3, {number}, "index", "html")'
        assert call in ask(site, "bj", path).body.decode()


FEEDS = [("wire", "/rss.xml"), ("hk", "/atom.xml"), ("tech", "/feed.xml")]


@pytest.mark.parametrize(("outlet", "path"), FEEDS)
def test_feed_leads_to_every_page(site: DemoSite, outlet: str, path: str) -> None:
    feed = feedparser.parse(ask(site, outlet, path).body)
    assert not feed.bozo
    found = {urllib.parse.urlsplit(entry.link).path for entry in feed.entries}
    assert found == expected(outlet)
    titles = {line["path"]: line["title"] for line in ARTICLES if line["outlet"] == outlet}
    for entry in feed.entries:
        assert entry.published_parsed is not None
        assert len(entry.summary) < 200
        path_of_entry = urllib.parse.urlsplit(entry.link).path
        assert titles.get(path_of_entry, entry.title) == entry.title


def test_one_article_is_linked_with_two_sets_of_tracking_parameters(site: DemoSite) -> None:
    entries = feedparser.parse(ask(site, "tech", "/feed.xml").body).entries
    tracked = [entry.link.removeprefix(site.url("tech")) for entry in entries if "utm_" in entry.link]
    assert len(tracked) == len(set(tracked)) == 2
    bodies = {ask(site, "tech", path).body for path in (*tracked, tracked[0].partition("?")[0])}
    assert len(bodies) == 1


def sitemap_entries(site: DemoSite) -> dict[str, str]:
    """Path and lastmod of every page in the sitemaps, found from robots.txt."""
    named = re.search(r"^Sitemap: (\S+)$", ask(site, "en", "/robots.txt").body.decode(), re.MULTILINE)
    assert named is not None
    index = etree.fromstring(ask(site, "en", named[1].removeprefix(site.url("en"))).body)
    found: dict[str, str] = {}
    parts = index.xpath("//*[local-name()='loc']/text()")
    assert len(parts) == 2
    assert sum(part.endswith(".gz") for part in parts) == 1
    for part in parts:
        body = ask(site, "en", part.removeprefix(site.url("en"))).body
        urlset = etree.fromstring(gzip.decompress(body) if part.endswith(".gz") else body)
        for url in urlset:
            location, changed = (child.text for child in url)
            found[location.removeprefix(site.url("en"))] = changed
    return found


def test_sitemaps_lead_to_every_page(site: DemoSite) -> None:
    found = sitemap_entries(site)
    assert set(found) == expected("en")
    for line in ARTICLES:
        if line["outlet"] == "en":
            assert found[line["path"]].startswith(line["published"])


def test_robots_disallows_one_page_that_a_list_links(site: DemoSite) -> None:
    closed = [line for line in PAGES if line.get("robots")]
    assert [line["outlet"] for line in closed] == ["sz"]
    assert closed[0]["path"].startswith("/internal/")
    assert "Disallow: /internal/" in ask(site, "sz", "/robots.txt").body.decode()
    assert any(closed[0]["path"] in links(site, "sz", path) for path in LIST_PAGES["sz"])


def test_calendar_never_ends(site: DemoSite) -> None:
    sources = yaml.safe_load(site.catalogue())["sources"]
    pattern = next(source["article_url"] for source in sources if source["id"] == "demo-cd")
    path = "/rili/2024-04.shtml"
    assert path in links(site, "cd", "/cdzw/common_list.shtml")
    seen = set()
    for _ in range(30):
        assert path not in seen
        seen.add(path)
        page = tree("cd", ask(site, "cd", path))
        days = page.xpath("//table//a/@href")
        assert len(days) >= 28
        assert all(re.search(pattern, day) for day in days)
        path = page.xpath("//a[@class='next'][text()='下一页']/@href")[0]
    day = ask(site, "cd", days[0])
    assert day.status == 200
    assert len(tree("cd", day).find(".//div[@class='wrap']").text_content()) < 60
    assert ask(site, "cd", "/rili/9999-11.shtml").status == 200
    assert ask(site, "cd", "/rili/2024-13.shtml").status == 404
    assert ask(site, "cd", "/rili/day/2024-02-30.shtml").status == 404


def test_catalogue_fits_the_site(site: DemoSite) -> None:
    sources = {source["id"]: source for source in yaml.safe_load(site.catalogue())["sources"]}
    assert list(sources) == [f"demo-{outlet}" for outlet in OUTLETS]
    for outlet in OUTLETS:
        source = sources[f"demo-{outlet}"]
        assert source["politeness"]["delay"] == 0
        for point in source["entry_points"]:
            assert point["url"].startswith(site.url(outlet) + "/")
            assert ask(site, outlet, point["url"].removeprefix(site.url(outlet))).status == 200
        assert all(re.search(source["article_url"], path) for path in expected(outlet))
        listings = [*LIST_PAGES.get(outlet, []), "/", "/about.html", "/robots.txt", "/assets/site.css"]
        assert not any(re.search(source["article_url"], path) for path in listings)


# --- the re-posted story ------------------------------------------------------------------------------------


def test_reposts_fold_to_the_same_text_and_title(site: DemoSite) -> None:
    family = [line for line in ARTICLES if line["story"]]
    assert [line["outlet"] for line in family] == ["sz", "wire", "hk"]
    fold = opencc.OpenCC("t2s").convert
    places = [(line["outlet"], line["path"]) for line in family]
    texts = {outlet: text_of(outlet, ask(site, outlet, path)) for outlet, path in places}
    assert texts["hk"] != texts["wire"]
    assert fold(texts["hk"]) == texts["wire"] == texts["sz"]
    assert len({fold(line["title"]) for line in family}) == 1
    assert len({line["published"] for line in family}) == 2
    assert len({tuple(line["dims"]) for line in family}) == 1


def test_no_other_two_articles_share_a_paragraph() -> None:
    fold = opencc.OpenCC("t2s").convert
    seen: dict[str, str] = {}
    for outlet in OUTLETS:
        for page in pages(outlet, 2):
            for block in page.blocks:
                if not block.heading:
                    other = seen.setdefault(fold(block.text), page.story or outlet + page.path)
                    assert other == (page.story or outlet + page.path), block.text


# --- HTTP ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outlet", OUTLETS)
def test_conditional_requests(site: DemoSite, outlet: str) -> None:
    path = next(line["path"] for line in ARTICLES if line["outlet"] == outlet)
    answer = ask(site, outlet, path)
    assert email.utils.parsedate_to_datetime(answer.headers["Last-Modified"]).tzinfo is not None
    again = ask(site, outlet, path, If_None_Match=answer.headers["ETag"])
    assert (again.status, again.body) == (304, b"")
    assert ask(site, outlet, path, If_None_Match='"other"').status == 200
    assert ask(site, outlet, path, If_Modified_Since=answer.headers["Last-Modified"]).status == 304
    assert ask(site, outlet, path, If_Modified_Since="Sat, 01 Jan 2000 00:00:00 GMT").status == 200
    assert ask(site, outlet, path, If_Modified_Since="yesterday").status == 200


def test_head_gives_the_headers_alone(site: DemoSite) -> None:
    full, head = (ask(site, "en", "/about.html", method) for method in ("GET", "HEAD"))
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == str(len(full.body)) == full.headers["Content-Length"]
    assert head.headers["ETag"] == full.headers["ETag"]


def test_requests_are_logged(fresh_site: DemoSite) -> None:
    ask(fresh_site, "hk", "/")
    ask(fresh_site, "wire", "/rss.xml?x=1", "HEAD")
    ask(fresh_site, "en", "/gone")
    assert fresh_site.requests == [
        ("hk", "GET", "/", 200),
        ("wire", "HEAD", "/rss.xml?x=1", 200),
        ("en", "GET", "/gone", 404),
    ]


def test_preferred_ports_are_given_up_when_one_is_taken() -> None:
    with DemoSite.preferred() as first, DemoSite.preferred() as second:
        origins = [site.url(outlet) for site in (first, second) for outlet in OUTLETS]
        assert len(set(origins)) == 2 * len(OUTLETS)
        well_known = [f"http://127.0.0.1:{BASE_PORT + number}" for number in range(len(OUTLETS))]
        assert not set(well_known) & set(origins[len(OUTLETS) :])
        assert ask(second, "sz", "/").status == 200


def test_given_ports_are_kept_or_refused() -> None:
    with DemoSite() as first:
        taken = [int(first.url(outlet).rpartition(":")[2]) for outlet in OUTLETS]
        with pytest.raises(OSError, match="in use"), DemoSite(taken):
            pass
    with pytest.raises(ValueError, match="8 ports"):
        DemoSite([1, 2])


# --- day two ------------------------------------------------------------------------------------------------


def every_body(site: DemoSite) -> dict[tuple[str, str], bytes]:
    return {
        (line["outlet"], line["path"]): answer.body
        for line in PAGES
        if (answer := ask(site, line["outlet"], line["path"])).status == 200
    }


def test_day_two_changes_three_pages_and_no_other(fresh_site: DemoSite) -> None:
    before, lastmods = every_body(fresh_site), sitemap_entries(fresh_site)
    feed_before = feedparser.parse(ask(fresh_site, "wire", "/rss.xml").body)
    fresh_site.advance()
    assert fresh_site.day == 2
    after, feed = every_body(fresh_site), feedparser.parse(ask(fresh_site, "wire", "/rss.xml").body)

    [new] = set(after) - set(before)
    edited = ("en", "/2024/05/hangzhou-computing-vouchers.html")
    counted = ("sz", "/zwgk/content/post_1003.html")
    assert {key for key in before if before[key] != after[key]} == {edited, counted}

    assert {entry.link for entry in feed.entries} - {entry.link for entry in feed_before.entries} == {
        fresh_site.url(new[0]) + new[1]
    }
    assert [(line["outlet"], line["path"]) for line in PAGES if line["day"] == 2] == [new, edited]

    for line in PAGES:
        if line["day"] == 2:
            assert_served_as_stated(fresh_site, line)

    changed = {path for path, value in sitemap_entries(fresh_site).items() if value != lastmods[path]}
    assert changed == {edited[1]}
    assert sitemap_entries(fresh_site)[edited[1]] > lastmods[edited[1]]


def test_the_edit_is_in_the_text_and_the_new_counter_is_not(fresh_site: DemoSite) -> None:
    def both() -> tuple[str, str]:
        return (
            text_of("en", ask(fresh_site, "en", "/2024/05/hangzhou-computing-vouchers.html")),
            text_of("sz", ask(fresh_site, "sz", "/zwgk/content/post_1003.html")),
        )

    edited_before, counted_before = both()
    tag = ask(fresh_site, "en", "/2024/05/hangzhou-computing-vouchers.html").headers["ETag"]
    fresh_site.advance()
    edited_after, counted_after = both()
    differing = [
        (old, new)
        for old, new in zip(edited_before.split("\n"), edited_after.split("\n"), strict=True)
        if old != new
    ]
    assert len(differing) == 1
    assert "80 million" in differing[0][0]
    assert "95 million" in differing[0][1]
    assert counted_after == counted_before
    again = ask(fresh_site, "en", "/2024/05/hangzhou-computing-vouchers.html", If_None_Match=tag)
    assert again.status == 200
