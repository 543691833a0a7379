"""docs/sources.md is what the catalogue says, and the catalogue keeps to what is known of its sources."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
import yaml

from classify.gazetteer import city_by_code
from crawler.catalogue import BUNDLED, Catalogue, load_catalogue
from crawler.catalogue_page import CITY_NAMES, STATE_MEDIA, render_page
from crawler.entry_points import first_ask, read_entry_point
from hexapolis.records import EntryPoint, Page, Source

ROOT = Path(__file__).resolve().parents[1]
FACTS = ROOT.parent / "shared" / "sources" / "known-sources.yaml"
HEX = "0123456789abcdef0123456789abcdef"

SOURCE = Source(
    id="a-gov", name="A | B", entry_points=(EntryPoint("list", "https://a.cn/"),), city_code="440300",
    kind="government",
)  # fmt: skip


@pytest.fixture(scope="module")
def bundled() -> Catalogue:
    return load_catalogue()


# --------------------------------------------------------------------------------------------- the page


def test_the_page_is_in_step_with_the_catalogue(bundled: Catalogue) -> None:
    page = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    assert page == render_page(bundled), (
        "docs/sources.md is out of step; run: python -m crawler.catalogue_page > docs/sources.md"
    )


def test_every_source_has_one_row_and_the_totals_add_up(bundled: Catalogue) -> None:
    page = render_page(bundled)
    rows = re.findall(r"^\| .*\(`([a-z0-9_-]+)`\) \| .*$", page, re.MULTILINE)
    assert Counter(rows) == Counter(source.id for source in bundled.sources)
    on = sum(source.enabled for source in bundled.sources)
    assert f"**{len(rows)} sources**: {on} on, {len(rows) - on} off." in page
    groups = re.findall(r"^\| ([A-Z][\w ]+) \| (\d+) \| (\d+) \| (\d+) \|$", page, re.MULTILINE)
    assert [name for name, *_ in groups] == re.findall(r"^## (.*)$", page, re.MULTILINE)
    sums = [sum(int(group[column]) for group in groups) for column in (1, 2, 3)]
    assert sums == [len(rows), on, len(rows) - on]


def test_a_row_says_where_how_and_why_not() -> None:
    feed = EntryPoint("feed", "https://b.cn/feed")
    off = replace(
        SOURCE, id="b-news", name="B", name_zh="乙", kind="media", city_code=None, scope="national",
        language="en", entry_points=(feed, feed, EntryPoint("json", "https://b.cn/j")), content="headline",
        enabled=False, disabled_reason="it moved", confidence="guessed",
    )  # fmt: skip
    page = render_page(Catalogue(BUNDLED, (SOURCE, off)))
    assert (
        "| A \\| B (`a-gov`) | Shenzhen 440300 | Chinese | government | generic | 1 list page | on "
        "| seen-in-code |"
    ) in page
    assert (
        "| B, 乙 (`b-news`) | national | English | media | generic | 2 feeds, 1 JSON interface; headline and "
        "summary only | off: it moved | guessed |"
    ) in page
    assert page.index("## Cities") < page.index("## Technology and business media")
    assert "## Research" not in page


@pytest.mark.parametrize(
    ("group", "change"),
    [
        ("Cities", {}),
        ("Provinces", {"scope": "province", "city_code": None}),
        ("National bodies", {"scope": "national", "city_code": None}),
        ("State media", {"kind": "media", "id": "cgtn", "scope": "national"}),
        ("City and provincial media", {"kind": "media"}),
        ("City and provincial media", {"kind": "media", "scope": "province"}),
        ("Technology and business media", {"kind": "media", "scope": "international"}),
        ("Research", {"kind": "research"}),
        ("Companies", {"kind": "company"}),
    ],
)
def test_each_source_has_its_group(group: str, change: dict[str, str]) -> None:
    page = render_page(Catalogue(BUNDLED, (replace(SOURCE, **change),)))  # type: ignore[arg-type]
    assert re.findall(r"^## (.*)$", page, re.MULTILINE) == [group]


# ---------------------------------------------------------------------------------- what the page relies on


def test_cities_are_named_as_in_the_gazetteer(bundled: Catalogue) -> None:
    codes = {source.city_code for source in bundled.sources if source.city_code}
    assert set(CITY_NAMES) == codes
    for code in codes:
        city = city_by_code(code)
        assert city is not None, code
        assert city.en == CITY_NAMES[code]
    assert len(codes) >= 25
    assert len({source.city_code for source in bundled.select([]) if source.city_code}) >= 20


def test_state_media_exist_and_are_national_media(bundled: Catalogue) -> None:
    for source_id in STATE_MEDIA:
        source = bundled.get(source_id)
        assert (source.kind, source.scope) == ("media", "national")


# ------------------------------------------------------------------------------------- the bundled catalogue


def test_names_and_requests_are_unique(bundled: Catalogue) -> None:
    names = [name for s in bundled.sources for name in (s.name, s.name_zh) if name]
    assert [name for name, n in Counter(names).items() if n > 1] == []
    asks = [(entry.url, entry.body) for s in bundled.sources for entry in s.entry_points]
    assert [ask for ask, n in Counter(asks).items() if n > 1] == []


CRAWL_DELAYS = {"people.com.cn": 120, "people.cn": 120, "scmp.com": 10}  # seconds, from their robots.txt
CLOSED = {  # beginnings of paths that robots.txt disallows; "" is the whole host
    "www.yicai.com": ("/api/", "/search"),
    "36kr.com": ("/search", "/api", "/detail"),
    "www.jiemian.com": ("/Con",),
    "www.cac.gov.cn": ("/wxzf/",),
    "www.pbc.gov.cn": ("",),
}


def test_no_source_asks_more_than_its_robots_txt_is_known_to_allow(bundled: Catalogue) -> None:
    for source in bundled.sources:
        assert source.politeness.delay >= 3, source.id
        assert source.politeness.robots, source.id
        assert source.politeness.robots_forbidden == "refuse", source.id
        for entry in source.entry_points:
            parts = urlsplit(entry.url)
            host = parts.hostname or ""
            for domain, delay in CRAWL_DELAYS.items():
                if host == domain or host.endswith(f".{domain}"):
                    assert source.politeness.delay >= delay, source.id
            assert not parts.path.startswith(CLOSED.get(host, ("\0",))), entry.url


def test_owners_who_allow_less_than_the_page_are_heeded(bundled: Catalogue) -> None:
    newsletters = {s.id for s in bundled.sources if s.family == "substack"}
    assert newsletters == {s.id for s in bundled.sources if s.content == "feed"}
    headlines = {s.id for s in bundled.sources if s.content == "headline"}
    assert headlines == {"36kr", "caixin", "caixin-global", "scmp-tech"}
    assert newsletters <= {s.id for s in bundled.select([])}


def test_a_guess_that_is_on_says_what_is_assumed(bundled: Catalogue) -> None:
    for source in bundled.select([]):
        if source.confidence == "guessed":
            assert "assumed" in (source.access or ""), source.id


# Shapes of addresses from the families' sites, relative to a list's folder; `/…` is from the root.
TAILS = {
    "trs": tuple(f"202403/t20240315_3589001.{ext}" for ext in ("html", "shtml", "htm")),
    "nfcms": ("content/post_11234567.html",),
    "gkmlpt": ("content/post_11234567.html", "/gkmlpt/content/11/11234/post_11234567.html"),
    "jpage": ("/art/2024/3/15/art_84242_11234567.html",),
    "jpaas": ("/art/2024/3/15/art_1229063389_1840001.html", f"/art/2024/art_{HEX}.html"),
    "ucap": (f"202403/{HEX}.shtml", f"2024/3/15/{HEX}.shtml", f"2024-03/15/content_{HEX}.shtml"),
    "shanghai": (f"20240315/{HEX}.html",),
    "wuxi": ("/doc/2024/03/15/4186001.shtml",),
    "cms-node": ("/2024-03/15/content_37201234.htm", "/content/2024-03/15/content_30816001.htm"),
    "substack": ("/p/a-city-plans",),
}
OWN_SHAPES = {
    "cn-gov": "https://www.gov.cn/zhengce/zhengceku/202403/content_6939001.htm",
    "cn-gov-en": "https://english.www.gov.cn/policies/latestreleases/202403/15/content_WS65f3c0d0c6d0868f4e8e5123.html",
    "cn-cac": "https://www.cac.gov.cn/2024-03/15/c_1712345678901234.htm",
    "cn-nda": "https://www.nda.gov.cn/sjj/zwgk/zcfb/0315/20240315103012345678901_pc.html",
    "cn-tc260": "https://www.tc260.org.cn/portal/article/2/20240315103012a1",
    "hf-gov": "https://www.hefei.gov.cn/public/1741/110445001.html",
    "xa-gov": "https://www.xa.gov.cn/gk/zcfg/szfbgtwj/1768123456789012345.html",
    "zz-gov": "https://public.zhengzhou.gov.cn/D0104X/8253001.jhtml",
    "xinhua-zh": f"https://www.news.cn/tech/20240315/{HEX}/c.html",
    "xinhua-en": f"https://english.news.cn/20240315/{HEX}/c.html",
    "people-zh": "http://finance.people.com.cn/n1/2024/0315/c1004-40196001.html",
    "people-en": "http://en.people.cn/n3/2024/0315/c202936-20145001.html",
    "chinadaily": "https://www.chinadaily.com.cn/a/202403/15/WS65f3c0d0a31082fc043bc001.html",
    "cgtn": "https://news.cgtn.com/news/2024-03-15/A-city-plans-1s0ABCdefGh/p.html",
    "globaltimes": "https://www.globaltimes.cn/page/202403/1308901.shtml",
    "chinanews": "https://www.chinanews.com.cn/cj/2024/03-15/10180901.shtml",
    "ecns": "https://www.ecns.cn/news/sci-tech/2024-03-15/detail-ihcyvkxp1234567.shtml",
    "stdaily": "https://www.stdaily.com/web/gdxw/2024-03/15/content_210901.html",
    "southcn": "https://news.southcn.com/node_179d29f1ce/0a1b2c3d4e.shtml",
    "bjd": "https://news.bjd.com.cn/2024/03/15/10721901.shtml",
    "jfdaily": "https://www.jfdaily.com/news/detail?id=727901",
    "thepaper": "https://www.thepaper.cn/newsDetail_forward_26690901",
    "newsgd": "https://www.newsgd.com/node_a21acd2229/0a1b2c3d4e.shtml",
    "tsinghua-aiig": "https://aiig.tsinghua.edu.cn/info/1296/1999.htm",
    "yicai": "https://www.yicai.com/news/102020901.html",
    "jiemian": "https://www.jiemian.com/article/10920901.html",
    "qbitai": "https://www.qbitai.com/2024/03/127001.html",
    "leiphone": "https://www.leiphone.com/category/ai/0a1B2c3D4e5F6g7H.html",
    "tmtpost": "https://www.tmtpost.com/6990901.html",
    "36kr": "https://36kr.com/p/2690901234567890",
    "caixin": "https://economy.caixin.com/2024-03-15/102175901.html",
    "jiqizhixin": "https://www.jiqizhixin.com/articles/2024-03-15-2",
    "pandaily": "https://pandaily.com/a-city-plans/",
    "technode": "https://technode.com/2024/03/15/a-city-plans/",
    "krasia": "https://kr-asia.com/a-city-plans",
    "sixthtone": "https://www.sixthtone.com/news/1014801/a-city-plans",
    "syncedreview": "https://syncedreview.com/2024/03/15/a-city-plans/",
    "cnrobopedia": "https://cnrobopedia.com/a-city-plans",
    "scmp-tech": "https://www.scmp.com/tech/policy/article/3255901/city-plans",
    "caixin-global": "https://www.caixinglobal.com/2024-03-15/a-city-plans-102175901.html",
    "yicai-global": "https://www.yicaiglobal.com/news/a-city-plans",
    "digichina": "https://digichina.stanford.edu/work/a-city-plans/",
    "cset": "https://cset.georgetown.edu/publication/a-city-plans/",
    "merics": "https://merics.org/en/report/city-plans",
    "chinalawtranslate": "https://www.chinalawtranslate.com/en/a-city-plans/",
}
# Addresses of articles that are on record.
SEEN = {
    "dl-gov": "https://www.dl.gov.cn/art/2025/6/13/art_8741_2444791.html",
    "xm-gov": "https://gxj.xm.gov.cn/xwzx/tzgg/202510/t20251011_2959669.htm",
}


def test_each_rule_fits_the_articles_of_its_own_lists(bundled: Catalogue) -> None:
    own = {s.id for s in bundled.sources if s.family not in TAILS}
    assert set(OWN_SHAPES) == own
    for source_id, address in {**OWN_SHAPES, **SEEN}.items():
        assert re.search(bundled.get(source_id).article_url or "", address), source_id
    for source in bundled.sources:
        for entry in source.entry_points:
            if entry.kind == "gkmlpt":
                shapes: tuple[str, ...] = ("/gkmlpt/content/11/11234/post_11234567.html",)
            elif source.family in TAILS and entry.kind in ("list", "feed", "jpage", "jpaas"):
                shapes = TAILS[source.family]
            else:
                continue
            addresses = [urljoin(entry.url, shape) for shape in shapes]
            assert any(re.search(source.article_url or "", a) for a in addresses), (source.id, addresses)


def test_no_page_of_a_list_is_taken_for_an_article(bundled: Catalogue) -> None:
    for source in bundled.sources:
        for entry in source.entry_points:
            further = (entry.paging.template or entry.url).replace("{page}", "2")
            numbered = urljoin(entry.url, "index_2.html") if entry.kind == "list" else entry.url
            for address in (entry.url, further, numbered):
                assert not re.search(source.article_url or "", address), (source.id, address)


ROW = "深圳出台人工智能行动方案"
MIDNIGHT = 1710432000000  # 2024-03-15 in China, in milliseconds
ANSWERS: dict[str, Any] = {  # what the interfaces send, with one row, by the beginning of their address
    "https://www.gov.cn/zhengce/": [
        {"TITLE": ROW, "URL": OWN_SHAPES["cn-gov"], "DOCRELPUBTIME": "2024-03-15"},
    ],
    "https://sousuo.www.gov.cn/": {
        "searchVO": {"listVO": [
            {"title": f"<em>{ROW[:2]}</em>{ROW[2:]}", "url": OWN_SHAPES["cn-gov"], "pubtime": MIDNIGHT},
        ]},
    },
    "https://www.miit.gov.cn/": {
        "data": {"searchResult": {"dataResults": [
            {"data": {"title": ROW, "url": f"/zwgk/art/2024/art_{HEX}.html", "deploytime": "2024-03-15"}},
        ]}},
    },
    "https://www.cac.gov.cn/": {
        "list": [{"topic": ROW, "infourl": "//www.cac.gov.cn/2024-03/15/c_1712345678901234.htm",
                  "pubtime": "2024-03-15 10:00:00"}],
        "totalRec": 41,
    },
    "http://www.suzhou.gov.cn/": {
        "data": {"list": [
            {"TITLE": ROW, "URL": f"https://www.suzhou.gov.cn/szsrmzf/zfwj/202403/{HEX}.shtml",
             "PUBLISHED_TIME_FORMAT": "2024-03-15"},
        ]},
    },
    "https://www.news.cn/": {
        "datasource": [{"title": ROW, "publishUrl": f"/tech/20240315/{HEX}/c.html",
                        "publishTime": "2024-03-15 09:00:00", "summary": ""}],
    },
    "https://api.nfapp.southcn.com/": {
        "data": {"list": [{"title": ROW, "shareUrl": "https://pc.nfapp.southcn.com/38/8234567.html",
                           "updateTime": "2024-03-15 09:00:00"}]},
    },
    "https://cache.thepaper.cn/": {
        "data": {"hotNews": [{"name": ROW, "contId": "26690901", "pubTimeLong": MIDNIGHT}]},
    },
}  # fmt: skip


def test_each_interface_is_read_by_its_shape(bundled: Catalogue) -> None:
    read = set()
    for source in bundled.sources:
        for entry in source.entry_points:
            if entry.kind != "json":
                continue
            (start,) = [start for start in ANSWERS if entry.url.startswith(start)]
            read.add(start)
            body = json.dumps(ANSWERS[start]).encode()
            headers = (("Content-Type", "application/json"),)
            page = Page(entry.url, entry.url, 200, headers, body, dt.datetime(2024, 3, 16, tzinfo=dt.UTC))
            listing = read_entry_point(entry, page, 1)
            (link,) = listing.links
            assert (link.title, link.listed_on) == (ROW, dt.date(2024, 3, 15)), entry.url
            assert re.search(source.article_url or "", link.url), link.url
            assert len(listing.next_asks) == (entry.paging.scheme == "template"), entry.url
            assert all(ask.address != first_ask(entry).address for ask in listing.next_asks), entry.url
    assert read == set(ANSWERS)


def test_nothing_is_left_to_fill_in(bundled: Catalogue) -> None:
    """{page} is the one placeholder of an address, and where it stands something counts."""
    for source in bundled.sources:
        for entry in source.entry_points:
            placeholders = set(re.findall(r"\{[^}]*\}", f"{entry.url}{entry.paging.template}{entry.body}"))
            assert placeholders <= {"{page}"}, entry.url
            if entry.body and "{page}" in entry.body:
                assert entry.paging.scheme == "template", entry.url
                assert entry.method == "POST", entry.url


@pytest.mark.skipif(not FACTS.exists(), reason="the collected facts about sources are not on this machine")
def test_the_catalogue_holds_every_collected_source_and_no_other_host(bundled: Catalogue) -> None:
    facts = yaml.safe_load(FACTS.read_text(encoding="utf-8"))
    known = [*facts["sources"], *facts["reserve_sources"]]
    hosts = {urlsplit(e["url"]).hostname for s in known for e in s["entry_points"]}
    channels = {f"{name}.caixin.com" for name in ("economy", "china", "companies")}  # beside its interface
    ours = {urlsplit(e.url).hostname for s in bundled.sources for e in s.entry_points}
    assert ours - hosts - channels == set()
    for source in known:
        if source["id"] == "caixin":
            continue
        assert {urlsplit(e["url"]).hostname for e in source["entry_points"]} & ours, source["id"]
