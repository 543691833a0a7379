"""JSON interfaces, gkmlpt, jpaas, WordPress, full-text feeds: what they offer; hostile ones do no harm.

The answers are made by hand after descriptions of the real ones.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crawler.catalogue import load_catalogue
from crawler.entry_points import EntryPointError, Listing, first_ask, json_list, read_entry_point
from crawler.entry_points.values import absolute, listed_day, plain_text, utc_moment
from hexapolis.records import Ask, EntryPoint, JsonShape, Link, Page, Paging

NOW = dt.datetime(2024, 7, 1, tzinfo=dt.UTC)
UTC, DATE = dt.UTC, dt.date
MakeEntry = Callable[[str], EntryPoint]


def page_of(body: Any, url: str, **headers: str) -> Page:
    raw = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Page(url, url, 200, named, raw, NOW)


def read(entry: EntryPoint, body: Any, number: int = 1, url: str | None = None, **headers: str) -> Listing:
    return read_entry_point(entry, page_of(body, url or first_ask(entry).address, **headers), number)


def urls(listing: Listing) -> list[str]:
    return [link.url for link in listing.links]


@pytest.fixture
def entry(tmp_path: Path) -> MakeEntry:
    """The entry point that a line of YAML makes."""

    def from_flow(flow: str) -> EntryPoint:
        path = tmp_path / "one.yaml"
        path.write_text(f"sources:\n  - id: one\n    name: One\n    entry_points:\n      - {flow}\n", "utf-8")
        return load_catalogue(path).sources[0].entry_points[0]

    return from_flow


# --- sites that the catalogue names, each with `type: json` alone -----------------------------------------


def test_xinhua_static_json(entry: MakeEntry) -> None:
    xinhua = entry(
        "{type: json, url: 'https://www.news.cn/tech/ds_fd79514d92f34849bc8baef7ce3d5aae.json', "
        "shape: {rows: datasource, link: publishUrl, date: publishTime, summary: summary}}"
    )
    row = {
        "title": "<a href='x'>大模型</a>上新",
        "publishUrl": "../20240315/0123456789abcdef0123456789abcdef/c.html",
        "publishTime": "2024-03-15 08:30:00",
        "summary": "　　多地发布措施。",
    }
    found = read(xinhua, {"totalPage": 1, "datasource": [row]})
    address = "https://www.news.cn/20240315/0123456789abcdef0123456789abcdef/c.html"
    assert found == Listing((Link(address, "大模型上新", DATE(2024, 3, 15), summary="多地发布措施。"),))
    assert first_ask(xinhua) == Ask("https://www.news.cn/tech/ds_fd79514d92f34849bc8baef7ce3d5aae.json")


def test_government_static_json(entry: MakeEntry) -> None:
    gov = entry(
        "{type: json, url: 'https://www.gov.cn/zhengce/zuixin/ZUIXINZHENGCE.json', "
        "shape: {link: URL, title: TITLE, date: DOCRELPUBTIME}}"
    )
    address = "https://www.gov.cn/zhengce/content/202403/content_6939153.htm"
    found = read(gov, [{"TITLE": "通知", "URL": address, "DOCRELPUBTIME": "2024-03-15"}])
    assert found.links == (Link(address, "通知", DATE(2024, 3, 15)),)


def test_government_search_interface(entry: MakeEntry) -> None:
    search = entry(
        "{type: json, url: 'https://sousuo.www.gov.cn/search-gov/data?t=zhengcelibrary_bm&p={page}&n=20', "
        "paging: {first: 0, max_pages: 9}, referer: 'https://sousuo.www.gov.cn/zcwjk/policyDocumentLibrary', "
        "shape: {rows: searchVO.listVO, date: pubtime, summary: summary, pages: searchVO.totalpage}}"
    )
    answer = {
        "code": 200,
        "searchVO": {
            "totalpage": 2,
            "listVO": [
                {
                    "title": "关于<em>人工智能</em>的&nbsp;意见",
                    "url": "https://www.gov.cn/zhengce/zhengceku/202403/content_1.htm",
                    "pubtime": 1710466200000,
                }
            ],
        },
    }
    assert first_ask(search).url.endswith("p=0&n=20")
    assert search.paging.max_pages == 9
    found = read(search, answer)
    assert (found.links[0].title, found.links[0].listed_on) == ("关于人工智能的 意见", DATE(2024, 3, 15))
    referer = "https://sousuo.www.gov.cn/zcwjk/policyDocumentLibrary"
    address = "https://sousuo.www.gov.cn/search-gov/data?t=zhengcelibrary_bm&p=1&n=20"
    assert found.next_asks == (Ask(address, referer=referer),)
    assert read(search, answer, 2).next_asks == ()
    assert read(search, {"code": 1001, "msg": "no data"}, 3) == Listing(())


def test_cyberspace_administration_is_asked_by_post(entry: MakeEntry) -> None:
    cac = entry(
        "{type: json, url: 'https://www.cac.gov.cn/cms/JsonList', method: POST, "
        "body: 'channelCode=A093702&perPage=20&pageno={page}', referer: 'https://www.cac.gov.cn/', "
        "shape: {rows: list, link: infourl, title: topic, date: pubtime, total: totalRec}}"
    )
    form = "application/x-www-form-urlencoded"
    asks = [
        Ask("https://www.cac.gov.cn/cms/JsonList", "POST", f"channelCode=A093702&perPage=20&pageno={n}", form,
            "https://www.cac.gov.cn/")
        for n in (1, 2)
    ]  # fmt: skip
    row = {
        "topic": "公告",
        "infourl": "//www.cac.gov.cn/2024-03/15/c_1.htm",
        "pubtime": "2024-03-15 09:00:00.0",
    }
    assert first_ask(cac) == asks[0]
    found = read(cac, {"totalRec": 2, "list": [row]})
    assert found == Listing(
        (Link("https://www.cac.gov.cn/2024-03/15/c_1.htm", "公告", DATE(2024, 3, 15)),), (asks[1],)
    )
    assert read(cac, {"totalRec": 2, "list": [row]}, 2).next_asks == ()


def test_suzhou_load_data(entry: MakeEntry) -> None:
    suzhou = entry(
        "{type: json, url: 'http://www.suzhou.gov.cn/szinf/xxgk/interfacesWebZcwj/loadData?pageSize=15', "
        "method: POST, body: 'pageIndex={page}&channel_id=dc1a3f5691e541108d5a18bdd028949b', "
        "shape: {rows: data.list, link: URL, title: TITLE, date: PUBLISHED_TIME_FORMAT, "
        "pages: data.totalPage}}"
    )
    address = "http://www.suzhou.gov.cn/szsrmzf/zfwj/202403/0123456789abcdef0123456789abcdef.shtml"
    row = {
        "TITLE": "措施",
        "URL": address,
        "PUBLISHED_TIME_FORMAT": "2024-03-15",
        "C_WJBH": "苏府〔2024〕1号",
    }
    found = read(suzhou, {"data": {"allRow": 16, "totalPage": "2", "list": [row]}})
    assert found.links == (Link(address, "措施", DATE(2024, 3, 15)),)
    assert found.next_asks[0].body == "pageIndex=2&channel_id=dc1a3f5691e541108d5a18bdd028949b"
    assert found.next_asks[0].url == suzhou.url


def test_chengdu_search(entry: MakeEntry) -> None:
    chengdu = entry(
        "{type: json, url: 'https://www.chengdu.gov.cn/es-search/search/2b8f?_template=ucap/cdtf&_pageSize=20"
        "&page={page}', paging: template, shape: {rows: results, date: publishedTimeStr}}"
    )
    rows = [
        {"title": "一", "url": "/cdsrmzf/c1/2024-03/15/content_a.shtml", "publishedTimeStr": "2024-03-15"}
    ]
    found = read(chengdu, {"results": rows})
    assert urls(found) == ["https://www.chengdu.gov.cn/cdsrmzf/c1/2024-03/15/content_a.shtml"]
    assert found.next_asks[0].url.endswith("page=2")  # nothing states an end
    assert read(chengdu, {"results": []}, 2) == Listing(())


def test_the_paper_wants_json_and_names_its_articles_by_number(entry: MakeEntry) -> None:
    paper = entry(
        "{type: json, url: 'https://api.thepaper.cn/contentapi/nodeCont/getByChannelId', method: POST, "
        """body: '{"channelId":"119908","pageSize":20,"pageNum":{page}}', """
        "shape: {rows: data.list, link: 'https://www.thepaper.cn/newsDetail_forward_{contId}', title: name, "
        "date: pubTimeLong}}"
    )
    assert first_ask(paper).body == '{"channelId":"119908","pageSize":20,"pageNum":1}'
    assert first_ask(paper).content_type == "application/json"
    assert first_ask(paper).address != read(paper, {"data": {"list": [{"contId": 7}]}}).next_asks[0].address
    rows = [
        {"contId": "26690001", "name": "算力", "pubTimeLong": 1710432000000},
        {"contId": None, "name": "无"},
    ]
    assert read(paper, {"data": {"list": rows}}).links == (
        Link("https://www.thepaper.cn/newsDetail_forward_26690001", "算力", DATE(2024, 3, 15)),
    )


# --- JSON lists in general ----------------------------------------------------------------------------------


def list_of(
    rows: str = "", link: str = "url", url: str = "https://c.example/a/api", **more: Any
) -> EntryPoint:
    paging = (
        Paging("template", "https://c.example/a/api?p={page}") if more.pop("paged", False) else Paging("none")
    )
    return EntryPoint("json", url, paging, shape=JsonShape(rows, link=link, **more))


ROWS = [{"url": "/1", "title": "关于印发人工智能产业措施的通知"}]
TEXT = json.dumps(ROWS, ensure_ascii=False)


@pytest.mark.parametrize(
    "body",
    [
        TEXT.encode(),
        b"\xef\xbb\xbf" + TEXT.encode(),
        TEXT.encode("gb18030"),
        TEXT.encode("utf-16"),
        json.dumps(ROWS).encode(),
        b"\xef\xbb\xbf\xef\xbb\xbf" + TEXT.encode() + b"\n\0",
        f"callback({TEXT});".encode(),
        f" /**/jQuery.cb_1( {TEXT} ) ;\n".encode(),
    ],
)
def test_json_in_any_dress(body: bytes) -> None:
    assert read(list_of(), body, content_type="application/json").links == (
        Link("https://c.example/1", ROWS[0]["title"]),
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "this is not JSON"),
        (b"<html>404</html>", "this is not JSON"),
        (b"callback(", "this is not JSON"),
        (b"x" * 5_000_001, "larger than 5000000 bytes"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"a":' * 100_000, "nested too deep"),
        (b"[" + b"9" * 5000 + b"]", "this is not JSON"),
        (gzip.compress(b"[]" * 100, mtime=0), "this is not JSON"),
        (b'{"rows": []}', "no array at the top, but an object"),
        (b"null", "no array at the top, but nothing"),
        (b'"text"', "no array at the top, but text"),
        (b"1", "no array at the top, but a number"),
        (b'[{"link": "/1"}, 7, "/2"]', "none of the 3 rows has an address at 'url'"),
    ],
)
def test_what_is_no_list_is_refused_in_one_line(body: bytes, reason: str) -> None:
    with pytest.raises(EntryPointError, match=reason) as error:
        read(list_of(), body)
    assert str(error.value).startswith("https://c.example/a/api: ")
    assert "\n" not in str(error.value) and len(str(error.value)) < 300


@pytest.mark.parametrize(
    ("row", "link", "wanted"),
    [
        ({"a": {"b": ["/x", "y"]}}, "a.b.1", "https://c.example/a/y"),
        ({"url": " b.html\n"}, "url", "https://c.example/a/b.html"),
        ({"url": "//d.example/b"}, "url", "https://d.example/b"),
        ("/plain", "", "https://c.example/plain"),
        ({"id": 7, "c": "x/y"}, "/{c}/{id}.html", "https://c.example/x/y/7.html"),
        ({"id": "a b#c"}, "/{id}", "https://c.example/a%20b%23c"),
        ({"a": {"id": 5}}, "https://w.example/{a.id}", "https://w.example/5"),
    ],
)
def test_where_a_row_leads(row: Any, link: str, wanted: str) -> None:
    assert urls(read(list_of(link=link), [row])) == [wanted]


@pytest.mark.parametrize(
    ("row", "link"),
    [
        ({"url": None}, "url"),
        ({"url": 7}, "url"),
        ({"url": ["/x"]}, "url"),
        ({"url": "javascript:go()"}, "url"),
        ({"url": "mailto:a@b.example"}, "url"),
        ({"url": "http://[::1"}, "url"),
        ({"url": "/\ud800"}, "url"),
        ({"url": "data:text/html,x"}, "url"),
        ({"url": "http:///x"}, "url"),
        ({"url": "/" + "x" * 9000}, "url"),
        ({"id": True}, "/{id}"),
        ({"id": 1.5}, "/{id}"),
        ({"id": ""}, "/{id}"),
        ({}, "/{id}"),
        ("text", "url.0"),
    ],
)
def test_a_row_without_a_usable_address_is_left_out(row: Any, link: str) -> None:
    good = {"url": "/good", "id": "good"}
    found = read(
        list_of(link=link if isinstance(row, dict) else "url"), [row, good, "row", None, 3, [], good]
    )
    assert urls(found) == ["https://c.example/good"]


def test_all_parts_of_a_row() -> None:
    shape = {"date": "d", "modified": "m", "summary": "s", "content": "c"}
    row = {
        "url": "/1", "title": "A &amp; B &lt;em&gt;C&lt;/em&gt; 关于印发<深圳市…>的通知", "d": 1710460800,
        "m": "2024-03-16T08:00:00+08:00", "s": "<p>一</p><p>二</p><script>no()</script>" + "三" * 2000,
        "c": "<p>全文\ud800\0</p>",
    }  # fmt: skip
    (link,) = read(list_of(**shape), [row]).links
    assert link.title == "A & B C 关于印发<深圳市…>的通知"
    assert (link.listed_on, link.modified_at) == (DATE(2024, 3, 15), dt.datetime(2024, 3, 16, tzinfo=UTC))
    assert link.summary is not None and link.summary.startswith("一 二 三三")
    assert len(link.summary) == 1000
    assert link.html == "<p>全文?</p>"
    (bare,) = read(list_of(**shape), [{"url": "/1", "title": 5, "d": None, "m": [], "s": {}, "c": 1}]).links
    assert bare == Link("https://c.example/1")


def test_html_inside_json_is_read_by_selectors(entry: MakeEntry) -> None:
    wrapped = entry(
        "{type: json, url: 'https://c.example/a/api?p={page}', item: li, date: i, "
        "shape: {html: data.html, pages: data.pages}}"
    )
    rows = "<li><a href='1.html' title='全文'>全…</a><i>2024-03-15</i></li><a href=/x>x</a>"
    body = {"data": {"html": rows, "pages": 2}}
    found = read(wrapped, body)
    assert found.links == (Link("https://c.example/a/1.html", "全文", DATE(2024, 3, 15)),)
    assert found.next_asks == (Ask("https://c.example/a/api?p=2"),)
    assert read(wrapped, {"data": {"html": " "}}, 2) == Listing(())
    with pytest.raises(EntryPointError, match=r"no HTML at 'data\.html', but an array"):
        read(wrapped, {"data": {"html": []}})


@pytest.mark.parametrize(
    ("stated", "number", "more"),
    [
        ({}, 1, True),
        ({}, 40, True),  # the limit of pages is minded by who walks them
        ({"pages": 3}, 2, True),
        ({"pages": 3}, 3, False),
        ({"pages": " 3 "}, 3, False),
        ({"pages": 0}, 1, True),
        ({"pages": "many"}, 9, True),
        ({"pages": True}, 9, True),
        ({"pages": -1}, 9, True),
        ({"total": 2}, 1, True),
        ({"total": 2}, 2, False),
        ({"total": 1}, 1, False),
        ({"total": None}, 9, True),
    ],
)
def test_pages_end_where_the_answer_says(stated: dict[str, Any], number: int, more: bool) -> None:
    paged = list_of("rows", pages="pages", total="total", paged=True)
    found = read(paged, {"rows": [{"url": "/1"}], **stated}, number)
    assert found.next_asks == ((Ask(f"https://c.example/a/api?p={number + 1}"),) if more else ())


@pytest.mark.parametrize("rows", [[], None])
def test_a_page_without_rows_ends_the_list(rows: Any) -> None:
    assert read(list_of("rows", paged=True), {"rows": rows}, 2) == Listing(())
    assert read(list_of("rows", paged=True), {"rows": []}, 1) == Listing(())


def test_a_list_without_a_page_number_is_one_page() -> None:
    assert read(list_of(), ROWS).next_asks == ()


def test_an_address_counts_once_and_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    assert urls(read(list_of(), [{"url": "/1"}, {"url": "/1"}])) == ["https://c.example/1"]
    monkeypatch.setattr(json_list, "MAX_LINKS", 3)
    assert len(read(list_of(), [{"url": f"/{i}"} for i in range(9)]).links) == 3


# --- dates and texts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2024-03-15", DATE(2024, 3, 15)),
        ("2024/3/5", DATE(2024, 3, 5)),
        ("2024年3月5日", DATE(2024, 3, 5)),
        ("2024-03-15 23:59:59", DATE(2024, 3, 15)),
        ("2024-03-15-09:30:00", DATE(2024, 3, 15)),
        ("2024-03-15T15:59:59Z", DATE(2024, 3, 15)),
        ("2024-03-15T16:00:00.000Z", DATE(2024, 3, 16)),
        ("2024-03-15T16:00:00+0000", DATE(2024, 3, 16)),
        ("2024-03-15T23:30:00-05:00", DATE(2024, 3, 16)),
        ("发布时间：2024-03-15 09:00", DATE(2024, 3, 15)),
        (1710431999, DATE(2024, 3, 14)),
        (1710432000, DATE(2024, 3, 15)),  # midnight in China
        (1710432000000, DATE(2024, 3, 15)),
        (1710432000.5, DATE(2024, 3, 15)),
        ("1710432000", DATE(2024, 3, 15)),
        ("1710432000000", DATE(2024, 3, 15)),
        (20240315, DATE(2024, 3, 15)),
        ("20240315", DATE(2024, 3, 15)),
        ("20240315233000", DATE(2024, 3, 15)),
        ("202403151200", DATE(2024, 3, 15)),
    ],
)
def test_the_day_in_china(value: Any, day: dt.date | None) -> None:
    assert listed_day(value) == day


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 0, -1, 1, 5e18, float("nan"), float("inf"), -float("inf"), 10**400, [], {}, "", "soon"),
        *("2024-02-30", "2024-13-01", "0000-00-00 00:00:00", "9999-12-31T23:59:59Z", "0001-01-01", "2024-03"),
        *("2024-03-15T10:00:00+99:00", "2024-03-15 25:00", "99999999999999", "12024-03-15", "2024-03-155"),
        "１７１０４３２０００",
    ],
)
def test_what_is_no_date(value: Any) -> None:
    assert listed_day(value) is None
    assert utc_moment(value) is None


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2024-03-15 08:00:00", dt.datetime(2024, 3, 15, 0, tzinfo=UTC)),  # China's time
        ("2024-03-15T08:00:00Z", dt.datetime(2024, 3, 15, 8, tzinfo=UTC)),
        ("2024-03-15T08:00:00+02:00", dt.datetime(2024, 3, 15, 6, tzinfo=UTC)),
        (1710432000, dt.datetime(2024, 3, 14, 16, tzinfo=UTC)),
        ("never", None),
    ],
)
def test_the_moment_in_utc(value: Any, moment: dt.datetime | None) -> None:
    assert utc_moment(value) == moment


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("人工<em class='x'>智能</em>", "人工智能"),
        ("a<br/>b<div>c</div>d", "a b c d"),
        ("1 < 2 & 3 > 2", "1 < 2 & 3 > 2"),
        ("&#x4eba;&#24037; &mdash; &hellip;", "人工 — …"),
        ("use the &lt;div&gt; tag", "use the <div> tag"),
        ("a<!-- b --><style>c</style>d", "a d"),
        ("a<script>b", "a"),
        ("零\u200b宽\u3000空\x00格", "零宽 空格"),
        ("<p> </p>", None),
        (None, None),
        (7, None),
    ],
)
def test_plain_text(value: Any, text: str | None) -> None:
    assert plain_text(value, 100) == text


# --- gkmlpt -------------------------------------------------------------------------------------------------

INDEX = "https://www.sz.gov.cn/gkmlpt/index"


@pytest.mark.parametrize(
    "config",
    [
        "window._CONFIG = {SERVICE_AREA_ID: 3, SID: '755001', TREE: []}",
        'window._CONFIG={"TREE":[],"SID":"755001"}',
        "window['_CONFIG'] = { sid : 755001 };",
        "var _CONFIG = {'SID' : 755001}",
        "window._CONFIG = {}; window._CONFIG.SID = '755001';",
        "window._CONFIG = {SITE_ID: 755001}",
        "var SID='9'; window._CONFIG = {SID: '755001'}",
    ],
)
def test_gkmlpt_begins_with_its_index(config: str, entry: MakeEntry) -> None:
    gkmlpt = entry(f"{{type: gkmlpt, url: '{INDEX}'}}")
    assert first_ask(gkmlpt) == Ask(INDEX)
    found = read(gkmlpt, f"<html><script>{config}</script></html>")
    assert found == Listing(
        (), (Ask("https://www.sz.gov.cn/gkmlpt/api/all/0?page=1&sid=755001", referer=INDEX),)
    )


def test_gkmlpt_categories_stand_behind_the_address(entry: MakeEntry) -> None:
    gkmlpt = entry(f"{{type: gkmlpt, url: '{INDEX}#123,456', paging: {{max_pages: 3}}}}")
    assert gkmlpt.paging.max_pages == 3
    assert first_ask(gkmlpt) == Ask(INDEX)
    asks = read(gkmlpt, "<script>window._CONFIG = {SID: '2'}</script>").next_asks
    assert [ask.url.removeprefix("https://www.sz.gov.cn/gkmlpt/api/all/") for ask in asks] == [
        "123?page=1&sid=2",
        "456?page=1&sid=2",
    ]


def test_gkmlpt_below_a_folder_and_after_a_redirect(entry: MakeEntry) -> None:
    gkmlpt = entry("{type: gkmlpt, url: 'http://www.szns.gov.cn/nsqkcj/gkmlpt/index'}")
    (ask,) = read(
        gkmlpt, "_CONFIG={SID:'1'}", url="https://www.szns.gov.cn/nsqkcj/gkmlpt/index?x=1"
    ).next_asks
    assert ask.url == "https://www.szns.gov.cn/nsqkcj/gkmlpt/api/all/0?page=1&sid=1"
    (ask,) = read(gkmlpt, "_CONFIG={SID:'1'}", url="https://www.szns.gov.cn/login").next_asks
    assert ask.url == "http://www.szns.gov.cn/nsqkcj/gkmlpt/api/all/0?page=1&sid=1"


@pytest.mark.parametrize(
    "body", ["", "<html></html>", "window._CONFIG = {PHPSESSID: '1', SID: ''}", "\x00\xff"]
)
def test_gkmlpt_without_a_site_number(body: str, entry: MakeEntry) -> None:
    with pytest.raises(EntryPointError, match=f"{INDEX}: "):
        read(entry(f"{{type: gkmlpt, url: '{INDEX}'}}"), body)


API = "https://www.sz.gov.cn/gkmlpt/api/all/0?page={}&sid=755001"


def test_gkmlpt_list(entry: MakeEntry) -> None:
    gkmlpt = entry(f"{{type: gkmlpt, url: '{INDEX}'}}")
    rows = [
        {"title": "一", "url": "http://www.sz.gov.cn/gkmlpt/content/11/11234/post_11234567.html#20044",
         "display_publish_time": 1710466200, "created_at": "2024-03-10 08:00:00", "abstract": "摘要"},
        {"title": "二", "url": "https://mp.weixin.qq.com/s/x", "create_time": 1710466200,
         "post_url": "/gkmlpt/content/11/11234/mpost_7.html?jump=true"},
        {"title": "三", "url": "http://www.sz.gov.cn/gkmlpt/content/11/11234/post_11234567.html?jump=true"},
        {"title": "四", "url": "https://mp.weixin.qq.com/s/x?a=1#b", "created_at": "2024-03-10 08:00:00"},
        {"title": "五", "url": ""}, "六", None,
    ]  # fmt: skip
    found = read(gkmlpt, {"total": 15, "articles": rows}, 2, API.format(1))
    assert found.links == (
        Link("http://www.sz.gov.cn/gkmlpt/content/11/11234/post_11234567.html", "一", DATE(2024, 3, 15),
             summary="摘要"),
        Link("https://www.sz.gov.cn/gkmlpt/content/11/11234/mpost_7.html", "二", DATE(2024, 3, 15)),
        Link("https://mp.weixin.qq.com/s/x?a=1#b", "四", DATE(2024, 3, 10)),
    )  # fmt: skip
    assert found.next_asks == (Ask(API.format(2), referer=API.format(1)),)


@pytest.mark.parametrize(
    ("page", "answer", "following"),
    [
        (1, {"total": 2}, 2),
        (2, {"total": 2}, None),
        (1, {"classify": {"post_count": 2}}, 2),
        (2, {"classify": {"post_count": "2"}}, None),
        (7, {}, 8),
        (0, {"total": 2}, 2),  # page 0 is page 1
    ],
)
def test_gkmlpt_goes_on_until_all_rows_are_read(page: int, answer: Any, following: int | None) -> None:
    row = {"url": "/gkmlpt/content/1/2/post_3.html"}
    found = read(EntryPoint("gkmlpt", INDEX), {"articles": [row], **answer}, 2, API.format(page))
    assert [ask.url for ask in found.next_asks] == ([API.format(following)] if following else [])


def test_gkmlpt_list_without_rows() -> None:
    gkmlpt = EntryPoint("gkmlpt", INDEX)
    assert read(gkmlpt, {"total": 9, "articles": []}, 3, API.format(2)) == Listing(())
    with pytest.raises(EntryPointError, match="no array at 'articles', but nothing"):
        read(gkmlpt, {"code": 500}, 2, API.format(1))


# --- jpaas --------------------------------------------------------------------------------------------------

COLUMN = "https://www.hangzhou.gov.cn/col/col1229063389/index.html"
UNIT = "https://www.hangzhou.gov.cn/api-gateway/jpaas-publish-server/front/page/build/unit"
SCRIPT = (
    '<script url="/api-gateway/jpaas-publish-server/front/page/build/unit" queryData="'
    "{'parseType':'bulidstatic','webId':'149','tplSetId':'LWYU','pageType':'column','tagId':'列表',"
    "'editType':'null','pageId':'1229063389'}\"></script>"
)
ROW = "<li><a href='/art/2024/3/15/art_1_2.html' title='一'>一…</a><b>2024-03-15</b></li>"
PAGER = "<div class=\"pagination\" queryData=\"{'rows':'15','count':'31','pageNo':'%d'}\"></div>"


def jpaas(**more: Any) -> EntryPoint:
    return EntryPoint("jpaas", COLUMN, **more)


def asked(ask: Ask) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(ask.url).query).items()}


def test_jpaas_column_names_its_interface() -> None:
    found = read(jpaas(item="li"), f"<html><body>{SCRIPT}<ul></ul></body></html>")
    (ask,) = found.next_asks
    assert found.links == ()
    assert ask.url.startswith(UNIT + "?")
    assert asked(ask) == {
        "parseType": "bulidstatic", "webId": "149", "tplSetId": "LWYU", "pageType": "column", "tagId": "列表",
        "editType": "null", "pageId": "1229063389",
    }  # fmt: skip
    assert ask.referer == COLUMN


def test_jpaas_answer_holds_rows_and_leads_to_the_next_page() -> None:
    first = UNIT + "?webId=149&pageId=1"
    found = read(jpaas(item="li"), {"success": True, "data": {"html": ROW + PAGER % 1}}, 2, first)
    assert found.links == (
        Link("https://www.hangzhou.gov.cn/art/2024/3/15/art_1_2.html", "一", DATE(2024, 3, 15)),
    )
    (second,) = found.next_asks
    assert asked(second) == {"webId": "149", "pageId": "1", "paramJson": '{"pageNo":2,"pageSize":15}'}
    (third,) = read(jpaas(item="li"), {"data": {"html": ROW + PAGER % 2}}, 3, second.url).next_asks
    assert asked(third)["paramJson"] == '{"pageNo":3,"pageSize":15}'
    assert read(jpaas(item="li"), {"data": {"html": ROW + PAGER % 3}}, 4, third.url).next_asks == ()


def test_jpaas_that_does_not_hear_the_page_number_ends() -> None:
    second = UNIT + "?webId=149&paramJson=%7B%22pageNo%22%3A2%2C%22pageSize%22%3A15%7D"
    found = read(jpaas(item="li"), {"data": {"html": ROW + PAGER % 1}}, 3, second)
    assert len(found.links) == 1 and found.next_asks == ()


def test_jpaas_column_with_rows_of_its_own_goes_on_with_page_two() -> None:
    found = read(jpaas(item="li"), f"<html>{ROW}{SCRIPT}{PAGER % 1}</html>")
    assert urls(found) == ["https://www.hangzhou.gov.cn/art/2024/3/15/art_1_2.html"]
    assert [asked(ask)["paramJson"] for ask in found.next_asks] == ['{"pageNo":2,"pageSize":15}']
    unpaged = read(jpaas(item="li"), f"<html>{ROW}{SCRIPT}<script>var count = 12</script></html>")
    assert len(unpaged.links) == 1 and "paramJson" not in asked(unpaged.next_asks[0])


def test_jpaas_relative_links_start_from_the_column() -> None:
    found = read(
        jpaas(), {"data": {"html": "<li><a href='art/2024/art_1.html'>一</a></li>"}}, 2, UNIT + "?webId=1"
    )
    assert urls(found) == ["https://www.hangzhou.gov.cn/col/col1229063389/art/2024/art_1.html"]


def test_jpaas_address_of_the_interface_itself(entry: MakeEntry) -> None:
    direct = entry(f"{{type: jpaas, url: '{UNIT}?webId=149&pageId=1', item: li, paging: {{max_pages: 4}}}}")
    found = read(direct, {"data": {"html": ROW + PAGER % 1}})
    assert len(found.links) == len(found.next_asks) == 1


@pytest.mark.parametrize(
    ("body", "url"),
    [
        ("<html><p>x</p></html>", COLUMN),
        ("<html><script queryData=\"{'a':'b'}\" url='javascript:x'></script></html>", COLUMN),
        ("", COLUMN),
        ({"success": False}, UNIT),
        ({"data": {"html": 5}}, UNIT),
        ("<html>", UNIT),
    ],
)
def test_jpaas_without_rows_and_parameters(body: Any, url: str) -> None:
    with pytest.raises(EntryPointError, match=r"^https://www\.hangzhou\.gov\.cn/"):
        read(jpaas(), body, 1, url)


def test_jpaas_unit_without_rows_is_empty() -> None:
    assert read(jpaas(), {"data": {"html": ""}}, 2, UNIT) == Listing(())


def test_jpaas_asks_for_few_pieces_and_each_once() -> None:
    body = SCRIPT * 3 + "".join(SCRIPT.replace("149", str(n)) for n in range(20))
    assert len(read(jpaas(), f"<html>{body}</html>").next_asks) == 5


# --- WordPress ----------------------------------------------------------------------------------------------

POST = {
    "id": 1,
    "date": "2024-03-15T23:30:00",
    "date_gmt": "2024-03-15T16:30:00",
    "modified_gmt": "2024-03-16T01:00:00",
    "link": "https://w.example/2024/03/ai/",
    "title": {"rendered": "China&#8217;s <i>AI</i> plan"},
    "excerpt": {"rendered": "<p>In short &hellip;</p>\n"},
    "content": {"rendered": "<p>At length.</p>", "protected": False},
}


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("https://w.example/", "https://w.example/wp-json/wp/v2/posts?per_page=20"),
        ("https://w.example", "https://w.example/wp-json/wp/v2/posts?per_page=20"),
        ("https://w.example/blog/", "https://w.example/blog/wp-json/wp/v2/posts?per_page=20"),
        ("https://w.example/wp-json/wp/v2/document", "https://w.example/wp-json/wp/v2/document?per_page=20"),
        ("https://w.example/wp-json/wp/v2/posts?per_page=5&categories=7",
         "https://w.example/wp-json/wp/v2/posts?per_page=5"),
        ("https://w.example/?rest_route=/wp/v2/posts", "https://w.example/?per_page=20"),
    ],
)  # fmt: skip
def test_wordpress_address(address: str, wanted: str, entry: MakeEntry) -> None:
    url = first_ask(entry(f"{{type: wordpress, url: '{address}'}}")).url
    assert url.startswith(wanted)
    assert "&page=1" in url and "_fields=id,date,date_gmt" in url
    assert ("categories=7" in url) == ("categories" in address)
    assert ("rest_route=/wp/v2/posts" in url) == ("rest_route" in address)


def test_wordpress_posts_come_whole() -> None:
    found = read(EntryPoint("wordpress", "https://w.example/"), [POST], X_WP_TotalPages="2")
    assert found.links == (
        Link("https://w.example/2024/03/ai/", "China’s AI plan", DATE(2024, 3, 16),
             dt.datetime(2024, 3, 16, 1, tzinfo=UTC), "In short …", "<p>At length.</p>"),
    )  # fmt: skip
    assert "&page=2" in found.next_asks[0].url


@pytest.mark.parametrize(
    ("rows", "number", "headers", "more"),
    [
        (20, 1, {"X_WP_TotalPages": "2"}, True),
        (20, 2, {"X_WP_TotalPages": "2"}, False),
        (20, 2, {"X_WP_TotalPages": "two"}, True),
        (20, 1, {}, True),
        (19, 1, {}, False),
        (0, 1, {"X_WP_TotalPages": "0"}, False),
    ],
)
def test_wordpress_pages(rows: int, number: int, headers: dict[str, str], more: bool) -> None:
    posts = [{"link": f"https://w.example/{i}"} for i in range(rows)]
    found = read(EntryPoint("wordpress", "https://w.example/"), posts, number, **headers)
    assert bool(found.next_asks) == more


def test_wordpress_post_with_odd_parts() -> None:
    posts = [
        {**POST, "date_gmt": "0000-00-00T00:00:00", "content": {"rendered": "x", "protected": True}},
        {"link": "/b", "title": "plain", "excerpt": [], "content": None, "date": 5, "modified_gmt": False},
        "post",
    ]
    first, second = read(EntryPoint("wordpress", "https://w.example/"), posts).links
    assert (first.listed_on, first.html) == (DATE(2024, 3, 15), None)
    assert second == Link("https://w.example/b")
    with pytest.raises(EntryPointError, match="no array at the top, but an object"):
        read(EntryPoint("wordpress", "https://w.example/"), {"code": "rest_no_route", "message": "…"})


# --- feeds that carry the text ------------------------------------------------------------------------------


def feed(item: str) -> Link:
    body = (
        '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><item>'
        f"<link>https://n.example/a</link>{item}</item></channel></rss>"
    )
    return read(EntryPoint("feed", "https://n.example/feed"), body).links[0]


SHORT = "<description>In &lt;b&gt;short&lt;/b&gt; &amp;amp; sweet</description>"
TEXT_OF_IT = "<p>In short &amp; sweet, and then at <a href='/x'>length</a>.</p>"
LONG = f"<content:encoded><![CDATA[{TEXT_OF_IT}]]></content:encoded>"


@pytest.mark.parametrize("item", [SHORT + LONG, LONG + SHORT])
def test_a_feed_gives_summary_and_text(item: str) -> None:
    link = feed(item)
    assert link.summary == "In short & sweet"
    assert link.html is not None and link.html.startswith("<p>In short &amp; sweet, and then at <a href=")


def test_a_feed_without_content_gives_its_description_alone() -> None:
    link = feed(f"<title>A &lt;em&gt;B&lt;/em&gt;</title><description>{'长' * 3000}</description>")
    assert (link.title, link.summary, link.html) == ("A B", "长" * 1000, None)


def test_content_no_longer_than_the_summary_is_no_text() -> None:
    link = feed(
        "<description>All of it.</description><content:encoded>&lt;p&gt;All.&lt;/p&gt;</content:encoded>"
    )
    assert (link.summary, link.html) == ("All of it.", None)


@pytest.mark.parametrize(
    ("content", "summary", "html"),
    [
        ('<content type="html">&lt;p&gt;whole&lt;/p&gt;</content>', "whole", "<p>whole</p>"),
        ('<summary>s</summary><content type="html">&lt;p&gt;whole&lt;/p&gt;</content>', "s", "<p>whole</p>"),
        (
            '<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>w</p></div></content>',
            "w",
            "<p>w</p>",
        ),
        ("<content>a &lt;b\nc</content>", "a <b c", "<p>a &lt;b</p><p>c</p>"),
        ('<content src="/x.html" type="text/html"/>', None, None),
        ('<content type="image/png">aGVsbG8=</content>', None, None),
        ("", None, None),
    ],
)
def test_atom_content(content: str, summary: str | None, html: str | None) -> None:
    body = f'<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="/n"/>{content}</entry></feed>'
    (link,) = read(EntryPoint("feed", "https://n.example/feed"), body).links
    assert (link.summary, link.html) == (summary, html)


# --- requests -----------------------------------------------------------------------------------------------


def test_the_referer_goes_with_every_request(entry: MakeEntry) -> None:
    for flow in (
        "{type: list, url: 'https://c.example/l/', paging: one_based, referer: 'https://c.example/'}",
        "{type: wordpress, url: 'https://c.example/', referer: 'https://c.example/'}",
        "{type: json, url: 'https://c.example/?p={page}', referer: 'https://c.example/'}",
    ):
        one = entry(flow)
        assert first_ask(one).referer == "https://c.example/"
    found = read(entry("{type: list, url: 'https://c.example/l/', paging: one_based, referer: 'https://c.example/'}"),
                 "<html><a href=/1>1</a></html>")  # fmt: skip
    assert [ask.referer for ask in found.next_asks] == ["https://c.example/"]


# --- anything at all ----------------------------------------------------------------------------------------

KEYS = st.sampled_from(
    [
        *(
            "url",
            "title",
            "date",
            "m",
            "s",
            "c",
            "rows",
            "data",
            "html",
            "list",
            "pages",
            "total",
            "articles",
        ),
        *("post_url", "link", "rendered", "content", "excerpt", "date_gmt", "modified_gmt", "created_at"),
        *("classify", "post_count", "display_publish_time", "abstract", "protected", "id"),
    ]
) | st.text(max_size=5)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
    | st.integers(10**8, 10**14) | st.text("<>/a& ;!-'\"=x\ud800", max_size=40)
    | st.sampled_from(["/1", "//x", "http://[", "https://a.example/ b", "2024-03-15", "?", "#", "1710466200",
                       "javascript:x", "<a href='http://[x'>a</a>", "<li><a href='mailto:x'>1</a></li>"])
)  # fmt: skip
VALUES = st.recursive(
    LEAVES, lambda v: st.lists(v, max_size=4) | st.dictionaries(KEYS, v, max_size=5), max_leaves=30
)
SHAPED = st.fixed_dictionaries(
    {"rows": VALUES, "articles": VALUES, "data": st.fixed_dictionaries({"html": VALUES}) | VALUES}
)
PARTS = {"title": "title", "date": "date", "modified": "m", "summary": "s", "content": "c", "pages": "pages"}
READERS = [
    (list_of("rows", paged=True, total="total", **PARTS), "https://c.example/a/api"),
    (list_of("", paged=True, **PARTS), "https://c.example/a/api"),
    (list_of("rows", link="/{id}/{title}", paged=True), "https://c.example/a/api"),
    (
        list_of("", link="", url="https://c.example/?__wb_method=POST&{}"),
        "https://c.example/?__wb_method=POST&{}",
    ),
    (
        EntryPoint("json", "https://c.example/", shape=JsonShape(html="data.html"), item="li"),
        "https://c.example/",
    ),
    (EntryPoint("json", "https://c.example/", shape=JsonShape(html="data.html")), "https://c.example/"),
    (EntryPoint("gkmlpt", INDEX), API.format(1)),
    (EntryPoint("jpaas", COLUMN), UNIT + "?webId=1"),
    (EntryPoint("wordpress", "https://w.example/"), "https://w.example/wp-json/wp/v2/posts?per_page=2"),
]


def sound(listing: Listing) -> None:
    for link in listing.links:
        parts = urlsplit(link.url)
        assert parts.scheme in ("http", "https") and parts.hostname
        assert link.url.isprintable()
        for text in (link.url, link.title, link.summary, link.html):
            assert text is None or (text and text.encode() and "\0" not in text)
        assert link.title is None or len(link.title) <= 1000
        assert link.summary is None or len(link.summary) <= 1000
        assert link.listed_on is None or type(link.listed_on) is dt.date
        assert link.modified_at is None or link.modified_at.utcoffset() == dt.timedelta(0)
    for ask in listing.next_asks:
        assert urlsplit(ask.address).scheme in ("http", "https")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=VALUES | SHAPED | SHAPED.map(lambda v: v["rows"]), number=st.integers(1, 60))
def test_no_json_whatsoever_breaks_a_reader(value: Any, number: int) -> None:
    for one, url in READERS:
        try:
            found = read(one, json.dumps(value).encode(), number, url)
        except EntryPointError as error:
            assert "\n" not in str(error)
        else:
            sound(found)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    body=st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace"))
    | st.text("[]{}\",:0123eE.-ntf()a<>= '", max_size=60).map(str.encode),
    number=st.integers(1, 60),
)  # fmt: skip
def test_no_bytes_whatsoever_break_a_reader(body: bytes, number: int) -> None:
    columns = [(EntryPoint("gkmlpt", INDEX), INDEX), (EntryPoint("jpaas", COLUMN), COLUMN)]
    for one, url in [*READERS, *columns]:
        try:
            sound(read(one, body, number, url))
        except EntryPointError as error:
            assert "\n" not in str(error)


@settings(max_examples=300, deadline=None)
@given(value=LEAVES)
def test_no_value_breaks_the_small_readers(value: Any) -> None:
    listed_day(value), utc_moment(value), plain_text(value, 50)
    address = absolute("https://c.example/a/", value)
    assert address is None or address.startswith(("http://", "https://"))
