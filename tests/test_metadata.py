"""What a page says about itself: title, number, issuer, source, author, keywords, declared properties."""

from __future__ import annotations

import datetime as dt

import pytest

from crawler.declared import DECLARED_MAX, VALUE_MAX, find_declared, find_keywords
from crawler.document_number import find_document_number
from crawler.extract import judge_page
from crawler.html_tree import parse_html
from crawler.metadata import Head, read_head
from hexapolis.records import Article, Page, Selectors, TitleSource

NO_SELECTORS = Selectors()
FETCHED = dt.datetime(2025, 6, 1, 12, tzinfo=dt.UTC)
URL = "https://www.haizhou.example/zwgk/content/post_101.html"
TITLE = "关于开放人工智能应用场景的通知"
TEXT = (
    "<p>市人民政府决定在全市范围内开放一批人工智能应用场景，"
    "并安排专项资金支持企业参与建设，请各单位认真组织实施。</p>"
) * 3
GOVERNMENT = (
    '<meta name="SiteName" content="海州市人民政府门户网站">'
    '<meta name="SiteDomain" content="www.haizhou.example">'
    '<meta name="SiteIDCode" content="9900000001"><meta name="ColumnName" content="政策文件">'
    '<meta name="ColumnType" content="政策文件"><meta name="ArticleTitle" content="关于开放场景的通知">'
    '<meta name="PubDate" content="2025-03-18 09:30"><meta name="ContentSource" content="市数据局">'
    '<meta name="Keywords" content="海州市人民政府,人工智能，应用场景;人工智能">'
    '<meta name="Author" content="林小雨">'
    '<meta name="Description" content="开放场景"><meta name="Url" content="https://www.haizhou.example/1">'
)


def json_ld(fields: str) -> str:
    return f'<script type="application/ld+json">{{"@type":"NewsArticle",{fields}}}</script>'


def article(
    *,
    head: str = "",
    before: str = "",
    title: str = f"<title>{TITLE}</title>",
    heading: str = f"<h1>{TITLE}</h1>",
    selectors: Selectors = NO_SELECTORS,
) -> Article:
    html = (
        f"<html><head><meta charset='utf-8'>{title}{head}</head><body>{heading}{before}"
        f"<div id='zoom'>{TEXT}</div></body></html>"
    )
    found = judge_page(Page(URL, URL, 200, (), html.encode(), FETCHED), selectors)
    assert found.article is not None, found
    return found.article


def head_of(markup: str) -> Head:
    return read_head(parse_html(f"<html><head>{markup}</head><body>x</body></html>"))


@pytest.mark.parametrize(
    ("page", "expected", "source"),
    [
        ({"head": GOVERNMENT}, "关于开放场景的通知", TitleSource.META),
        ({"title": f"<title>{TITLE}_海州市人民政府</title>"}, TITLE, TitleSource.HEADING),
        ({"heading": ""}, TITLE, TitleSource.TITLE_TAG),
        (
            {"heading": "", "title": "", "head": '<meta property="og:title" content="开放应用场景">'},
            "开放应用场景",
            TitleSource.OPEN_GRAPH,
        ),
        (
            {
                "heading": "",
                "title": "",
                "head": json_ld('"headline":"开放应用场景"'),
            },
            "开放应用场景",
            TitleSource.JSON_LD,
        ),
        (
            {"before": "<b class='t'>另一个标题</b>", "selectors": Selectors(title=".t")},
            "另一个标题",
            TitleSource.SELECTOR,
        ),
    ],
)
def test_the_title_and_where_it_was_read(page: dict[str, object], expected: str, source: TitleSource) -> None:
    found = article(**page)  # type: ignore[arg-type]
    assert (found.title, found.title_from) == (expected, source)


def test_a_page_without_a_title_is_called_by_its_first_line() -> None:
    found = article(heading="", title="")
    assert found.title.startswith("市人民政府决定") and found.title_from is TitleSource.TEXT


@pytest.mark.parametrize(
    ("lines", "title", "expected"),
    [
        (["发文字号：国发〔2025〕11号"], "", "国发〔2025〕11号"),
        (["文　号： 深府办规〔2024〕3号 发布日期：2024-03-05"], "", "深府办规〔2024〕3号"),
        (["【发文字号】", "深府办规[2024]3号"], "", "深府办规〔2024〕3号"),
        (["文号: 海数函（２０２５）第 ８ 号"], "", "海数函〔2025〕第8号"),
        (["文号：海府(2025) 9 号"], "", "海府〔2025〕9号"),
        (["文号：海府规【2025】2号"], "", "海府规〔2025〕2号"),
        (["文号：海府〔2025〕9"], "", "海府〔2025〕9"),
        (["国发〔2025〕11号"], "", "国发〔2025〕11号"),
        (["国 发 〔 2025 〕 11 号"], "", None),  # letters set apart are not put together
        (["国发 〔 2025 〕 11 号"], "", "国发〔2025〕11号"),
        (["海府人〔2025〕7号 2025-03-15"], "", "海府人〔2025〕7号"),
        (["海州市人民政府办公室文件", "海府办〔2025〕12号", TITLE, "各区："], TITLE, "海府办〔2025〕12号"),
        (["国家数据局公告2025年第3号"], "", "国家数据局公告2025年第3号"),
        ([TITLE + "（海数〔2025〕8号）"], TITLE + "（海数〔2025〕8号）", "海数〔2025〕8号"),
        (["根据《海州市数据条例》（海人发〔2024〕5号）制定本办法。"], TITLE, None),
        (["按照国发〔2025〕11号文件要求，现通知如下。"], TITLE, None),
        (["现将有关事项通知如下（文号：海府办〔2023〕15号同时废止）。"], TITLE, None),
        (["中华人民共和国主席令第八十四号公布的数据安全法第三条规定"], TITLE, None),
        (["2025年3月18日", "第12期"], "", None),
        (["文号：", "无"], "", None),
    ],
)
def test_document_numbers_and_their_variants(lines: list[str], title: str, expected: str | None) -> None:
    assert find_document_number(lines, title) == expected


def test_a_table_of_properties() -> None:
    table = (
        "<table><tr><td>索引号：</td><td>11990000/2025-00012</td><td>主题分类：</td><td>科技、教育\\人工智能</td></tr>"
        "<tr><td>发文机关：</td><td>海州市人民政府</td><td>成文日期：</td><td>2025年03月12日</td></tr>"
        "<tr><td>发文字号：</td><td>海府〔2025〕3号</td><td>发布日期：</td><td>2025年03月18日</td></tr>"
        "<tr><td>有效性：</td><td>有效</td><td>生效日期：</td><td>2025年05月01日</td></tr>"
        "<tr><td>失效日期：</td><td></td><td>主题词：</td><td>-</td></tr></table>"
    )
    found = article(before=table)
    assert dict(found.declared) == {
        "index_number": "11990000/2025-00012",
        "subject": "科技、教育\\人工智能",
        "validity": "有效",
        "effective_date": "2025年05月01日",
    }
    assert found.issuer == "海州市人民政府"
    assert found.document_number == "海府〔2025〕3号"
    assert found.published and found.published.value == dt.date(2025, 3, 18)
    assert found.written and found.written.value == dt.date(2025, 3, 12)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ["索 引 号：1199/2025-1 主题分类：科技 有效性：有效"],
            {"index_number": "1199/2025-1", "subject": "科技", "validity": "有效"},
        ),
        (
            ["【索引号】 1199/2025-1", "【有效性】 失效"],
            {"index_number": "1199/2025-1", "validity": "失效"},
        ),
        (
            ["索引号", "1199/2025-1", "信息名称", "某某通知", "公开方式", "主动公开"],
            {"index_number": "1199/2025-1", "disclosure": "主动公开"},
        ),
        (["有效性：不限", "主题词：【打印】 【字体：大 中 小】"], {}),  # a search form
        (["第十七条 申请人应当对提交材料的真实性、合法性和有效性负责。"], {}),
        (["生效日期：2025-05-01"], {}),  # one label is a word of the text
    ],
)
def test_properties_in_lines(lines: list[str], expected: dict[str, str]) -> None:
    assert find_declared(head_of(""), lines) == expected


def test_the_government_s_meta_set_in_lower_case() -> None:
    assert dict(article(head=GOVERNMENT).declared) == {
        "sitename": "海州市人民政府门户网站",
        "sitedomain": "www.haizhou.example",
        "siteidcode": "9900000001",
        "columnname": "政策文件",
        "columntype": "政策文件",
        "articletitle": "关于开放场景的通知",
        "pubdate": "2025-03-18 09:30",
        "contentsource": "市数据局",
        "keywords": "海州市人民政府,人工智能，应用场景;人工智能",
        "author": "林小雨",
        "description": "开放场景",
        "url": "https://www.haizhou.example/1",
    }


def test_description_and_keywords_alone_are_anybody_s() -> None:
    assert (
        find_declared(
            head_of('<meta name="description" content="x y"><meta name="keywords" content="z">'), []
        )
        == {}
    )


def test_declared_values_are_bounded() -> None:
    long = GOVERNMENT.replace('开放场景">', "长" * 5_000 + '">')
    found = find_declared(head_of(long), [f"索引号：{'9' * 150}", "有效性：有效"])
    assert len(found) <= DECLARED_MAX and max(map(len, found.values())) == VALUE_MAX


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        (GOVERNMENT, ("人工智能", "应用场景")),
        ('<meta name="keywords" content="算力 数据 低空经济">', ("算力", "数据", "低空经济")),
        ('<meta name="keywords" content="data halls, Robots;robots">', ("data halls", "Robots")),
        (
            '<meta property="og:site_name" content="海州新闻网">'
            '<meta name="keywords" content="海州新闻网、首页、海州、机器人">',
            ("机器人",),
        ),
        (
            '<meta property="article:tag" content="chips"><meta property="article:tag" content="ports">',
            ("chips", "ports"),
        ),
        (
            json_ld('"keywords":["chips","ports, cranes"]'),
            ("chips", "ports", "cranes"),
        ),
        ('<meta name="keywords" content="">', ()),
    ],
)
def test_keywords(markup: str, expected: tuple[str, ...]) -> None:
    assert find_keywords(head_of(markup)) == expected


def test_the_ids_that_media_expose() -> None:
    line = (
        '<div><span id="pubtime_baidu">2025-03-18 10:20:00</span>'
        '<span id="source_baidu">来源：海州日报</span>'
        '<span id="author_baidu">作者：林小雨</span></div>'
    )
    found = article(before=line)
    assert (found.source_line, found.author) == ("海州日报", "林小雨")
    assert found.published is not None and found.published.at is not None
    assert found.published.at.isoformat() == "2025-03-18T10:20:00+08:00"


@pytest.mark.parametrize(
    ("markup", "closed"),
    [
        (
            json_ld('"isAccessibleForFree":false'),
            True,
        ),
        (
            json_ld('"isAccessibleForFree":"False"'),
            True,
        ),
        (
            json_ld('"isAccessibleForFree":true'),
            False,
        ),
        ('<meta property="article:content_tier" content="locked">', True),
        ('<meta property="article:content_tier" content="free">', False),
        ("", False),
    ],
)
def test_a_head_may_say_that_the_text_is_not_free(markup: str, closed: bool) -> None:
    assert head_of(markup).closed is closed
