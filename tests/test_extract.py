"""Extraction: text, metadata and language of whole pages, and what hostile pages come to."""

from __future__ import annotations

import datetime as dt
import logging
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crawler.extract
from crawler.extract import EXTRACTOR_VERSION, judge_page
from crawler.language import detect_language
from crawler.lines import strip_furniture
from crawler.metadata import absolute_link, find_document_number
from crawler.titles import strip_site_name
from hexapolis.records import Article, DateSource, FoundDate, Judgement, Page, Selectors, Verdict

FIXTURES = Path(__file__).parent / "fixtures" / "pages"
NO_SELECTORS = Selectors()
FETCHED = dt.datetime(2025, 6, 1, 12, tzinfo=dt.UTC)
URL = "https://www.haizhou.example/zwgk/content/post_101.html"
PARAGRAPH = (
    "<p>市人民政府决定在全市范围内开放一批人工智能应用场景，"
    "并安排专项资金支持企业参与建设，请各单位认真组织实施。</p>"
)
SECOND = "<p>各区应当在六月底前报送场景清单，市工业和信息化局会同有关部门组织评审，评审结果向社会公布。</p>"


def judge(html: str | bytes, selectors: Selectors = NO_SELECTORS, url: str = URL) -> Judgement:
    body = html.encode("utf-8", "surrogatepass") if isinstance(html, str) else html
    return judge_page(Page(url, url, 200, (("Content-Type", "text/html"),), body, FETCHED), selectors)


def article(html: str | bytes, selectors: Selectors = NO_SELECTORS) -> Article:
    judgement = judge(html, selectors)
    assert judgement.article is not None, judgement
    return judgement.article


@pytest.fixture(scope="module")
def notice() -> str:
    return (FIXTURES / "notice.html").read_text("utf-8")


def test_a_government_notice(notice: str) -> None:
    found = article(notice)
    assert found.title == "关于印发海州市人工智能应用场景清单的通知"
    assert found.text.split("\n") == [
        "各区人民政府，市直各单位：",
        "为加快人工智能在政务、医疗、教育等领域的应用，经市人民政府同意，现将《海州市人工智能应用场景清单》印发给你们，"
        "请结合实际认真组织实施。",
        "一、市政务服务中心率先上线智能问答与材料预审，年底前覆盖一百项高频事项；各区选取不少于三个街道开展城市治理智能巡查试点。",
        "二、市卫生健康委组织五家医院开展影像辅助诊断应用，市教育局在二十所中小学建设人工智能实验室，所需经费由市区两级财政分担。",
        "海州市人民政府办公室",
        "2025年3月12日",
        "附件：海州市人工智能应用场景清单.pdf",
    ]
    assert found.language == "zh"
    at = dt.datetime.fromisoformat("2025-03-18T09:30:00+08:00")
    assert found.published == FoundDate(dt.date(2025, 3, 18), DateSource.META, at)
    assert found.written == FoundDate(dt.date(2025, 3, 12), DateSource.VISIBLE)
    assert found.issuer == "海州市人民政府办公室"
    assert found.source_line == "市工业和信息化局"
    assert found.document_number == "海府办〔2025〕12号"
    assert found.canonical_link == "https://www.haizhou.example/zwgk/content/post_101.html"
    assert [(a.url, a.name) for a in found.attachments] == [
        ("https://www.haizhou.example/files/W020250318.pdf", "海州市人工智能应用场景清单.pdf")
    ]


def test_an_english_news_page() -> None:
    found = article((FIXTURES / "news_en.html").read_bytes())
    assert found.title == "Haizhou opens a computing centre for small firms"
    assert found.language == "en"
    assert found.author == "Mara Quill"
    at = dt.datetime.fromisoformat("2024-05-03T22:15:00-04:00")
    assert found.published == FoundDate(dt.date(2024, 5, 3), DateSource.JSON_LD, at)
    assert "two thousand accelerator cards" in found.text
    assert "Eleven firms have signed up." in found.text
    for furniture in ("Ferry prices", "Business", "All rights reserved"):
        assert furniture not in found.text


def test_charsets_give_one_text(notice: str) -> None:
    expected = article(notice).text
    for codec, label in [
        ("gb18030", "gb2312"),
        ("gb18030", "utf-8"),
        ("gb18030", ""),
        ("utf-8", "gbk"),
        ("utf-16", ""),
    ]:
        page = notice.replace('<meta charset="utf-8">', f'<meta charset="{label}">' if label else "")
        judgement = judge(page.encode(codec))
        assert judgement.article is not None and judgement.article.text == expected, (codec, label)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1024", "99,317"),
        ("浏览次数：", "阅读量："),
        ('<a href="/hd/">互动交流</a>', '<a href="/hd/">互动交流</a> <a href="/new/">专题专栏</a>'),
        ("关于开展数据要素试点的通知", "关于智能机器人试点的通知"),
        ("新闻发布会实录", "专家解读之三"),
        ("分享到：微信 微博", "分享到：微信 微博 QQ空间"),
        ("© 2019", "© 2026"),
        ("责任编辑：林小雨", "责任编辑：高原"),
        (
            "<p>责任编辑：林小雨</p>",
            "<p>责任编辑：林小雨</p><p>扫一扫在手机打开当前页</p><p>浏览次数：31 次</p>",
        ),
    ],
)
def test_counters_menus_and_neighbours_do_not_change_the_text(notice: str, old: str, new: str) -> None:
    assert old in notice
    assert article(notice.replace(old, new)).text == article(notice).text


def test_an_edited_sentence_changes_the_text(notice: str) -> None:
    assert article(notice.replace("一百项", "两百项")).text != article(notice).text


def test_the_order_of_pages_does_not_matter(notice: str) -> None:
    english = (FIXTURES / "news_en.html").read_text("utf-8")
    before = (judge(notice), judge(english))
    for _ in range(3):
        judge(f"<html><body>{PARAGRAPH * 5}</body></html>")
    assert (judge(english), judge(notice)) == (before[1], before[0])


def test_selectors_of_a_source_are_honoured() -> None:
    html = (
        "<html><head><title>门户</title></head><body><h1>海州门户</h1><div class='t'>算力券发放办法</div>"
        f"<div class='by'>周禾</div><div class='wrong'>{PARAGRAPH * 4}</div>"
        f"<div class='right'>{SECOND}{PARAGRAPH}</div></body></html>"
    )
    found = article(html, Selectors(title=".t", body=".right", author=".by"))
    assert (found.title, found.author) == ("算力券发放办法", "周禾")
    assert found.text.split("\n") == [re.sub("<.*?>", "", SECOND), re.sub("<.*?>", "", PARAGRAPH)]


def test_selectors_that_match_nothing_fall_back() -> None:
    html = f"<html><head><title>场景开放通知</title></head><body><div>{PARAGRAPH}{SECOND}</div></body></html>"
    assert article(html, Selectors(title=".none", body="#none")).text == article(html).text


def test_a_broken_selector_is_reported_and_does_not_raise() -> None:
    judgement = judge(f"<html><body>{PARAGRAPH}{SECOND}</body></html>", Selectors(body="div["))
    assert judgement.verdict is Verdict.UNREADABLE
    assert "Selector" in judgement.detail


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("海州发布算力券办法_通知公告_海州市人民政府门户网站", "海州发布算力券办法"),
        ("海州发布算力券办法 - 海州日报网", "海州发布算力券办法"),
        ("海州发布算力券办法-海州新闻网", "海州发布算力券办法"),
        ("海州出台办法——算力券怎么领", "海州出台办法——算力券怎么领"),
        ("Haizhou opens a centre | The Coast Gazette", "Haizhou opens a centre"),
        ("State-of-the-art chips arrive", "State-of-the-art chips arrive"),
        ("海州日报", "海州日报"),
    ],
)
def test_the_site_s_name_is_cut_from_the_title(title: str, expected: str) -> None:
    assert strip_site_name(title) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["文号：国发〔2025〕11号"], "国发〔2025〕11号"),
        (["深府办〔2024〕3号"], "深府办〔2024〕3号"),
        (["发文字号", "海工信规〔2024〕 7 号"], "海工信规〔2024〕7号"),
        (["（海府〔2023〕15号）"], "海府〔2023〕15号"),
        (["根据《关于印发规划的通知》（海府办〔2023〕15号）的要求，制定本办法。"], None),
        (["2024年3月15日"], None),
    ],
)
def test_document_numbers(lines: list[str], expected: str | None) -> None:
    assert find_document_number(lines, "") == expected


@pytest.mark.parametrize(
    "href", ["javascript:void(0)", "mailto:a@x.example", "file:///etc/passwd", "http://[::1", "data:,x"]
)
def test_links_that_lead_nowhere_are_left_out(href: str) -> None:
    assert absolute_link(href, URL) is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("各区人民政府应当建设智能算力平台。", "zh"),
        ("各區政府應當建設智慧運算平臺。", "zh"),
        ("使用 DeepSeek 与 Qwen 大模型的企业可以申领补贴。", "zh"),
        ("The city opened a public computing centre on Friday, and small firms will pay a third.", "en"),
        (
            "La ville a ouvert un centre de calcul public vendredi, les firmes y paieront moins.",
            "fr",
        ),
        ("市は計算センターを作ります。小さな会社にもひらかれています。", "ja"),
        ("시는 인공지능 산업을 위하여 계산 센터를 만들고 열어 두기로 하였다.", "ko"),
        ("12 345", "und"),
        ("", "und"),
    ],
)
def test_languages(text: str, code: str) -> None:
    assert detect_language(text) == code


def test_furniture_goes_and_sentences_stay() -> None:
    lines = [
        "打印 关闭",
        "【字体：大 中 小】",
        "浏览次数：1,203",
        "一、推广在线打印和分享服务，让群众少跑腿。",
        "市打印设备协会应当关闭落后产能。",
        "责任编辑：李木（实习）",
        "上一篇：旧闻",
        "下一条：新闻",
        "相关链接",
    ]
    assert strip_furniture(lines) == [lines[3], lines[4]]


def test_one_linked_line_between_paragraphs_stays_and_a_block_of_links_goes() -> None:
    links = {"《算力券办法》全文", "新闻一", "新闻二"}
    assert strip_furniture(["甲段。", "《算力券办法》全文", "乙段。", "新闻一", "新闻二"], links) == [
        "甲段。",
        "《算力券办法》全文",
        "乙段。",
    ]


def test_a_hidden_summary_that_repeats_a_paragraph_is_dropped_and_real_repetition_stays() -> None:
    long = "市人民政府决定在全市范围内开放一批人工智能应用场景，并安排专项资金支持。"
    assert strip_furniture([long, long, "乙段。", "丙段。"]) == [long, "乙段。", "丙段。"]
    assert strip_furniture([long, long, long, "乙段。", "丙段。"]) == [long, long, long, "乙段。", "丙段。"]


HEAD = "<html><head><meta charset=utf-8><title>开放应用场景</title></head><body>"
HOSTILE = {
    "20,000 nested divs": HEAD + "<div>" * 20_000 + PARAGRAPH * 3,
    "unclosed paragraphs": HEAD + "<p>" * 330_000,
    "1 MB of paragraphs": HEAD + PARAGRAPH * 6_000,
    "50,000 links": HEAD + "<a href='/x.html'>link</a>" * 50_000,
    "deep links": HEAD + "<div>" * 900 + "<a href='/x.pdf'>l</a>" * 30_000,
    "one long word": HEAD + "<p>" + "a" * 1_500_000,
    "nested tables": HEAD + "<table><tr><td>" * 300 + PARAGRAPH * 3,
    "entities": "<!DOCTYPE html [<!ENTITY a SYSTEM 'file:///etc/passwd'><!ENTITY b '&a;&a;'>]>"
    + HEAD
    + "<p>&b;"
    + PARAGRAPH * 3,
    "deep JSON-LD": HEAD
    + "<script type='application/ld+json'>"
    + "[" * 100_000
    + "</script>"
    + PARAGRAPH * 3,
    "odd JSON-LD": HEAD
    + '<script type="application/ld+json">{"@type":["Article",3],"author":[[[]],7,{"name":[]}],"headline":{},'
    '"datePublished":["x"],"@graph":"no"}</script>' + PARAGRAPH * 3,
    "bad addresses": HEAD
    + "<link rel=canonical href='http://[bad'><a href='http://[::/x.pdf'>x</a>"
    + PARAGRAPH * 3,
    "surrogate references": HEAD + "<p>&#xD800;&#55357;</p>" + PARAGRAPH * 3,
    "surrogate bytes": HEAD + "<p>\ud800</p>" + PARAGRAPH * 3,
    "control characters": HEAD + "<p>\x00\x01\x0b\x1f\u202e\ufffe</p>" + PARAGRAPH * 3,
    "no markup": "plain text without any tag",
    "only a doctype": "<!DOCTYPE html>",
    "only a comment": "<!-- nothing -->",
}


@pytest.mark.parametrize("html", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_pages_get_a_judgement(html: str) -> None:
    judgement = judge(html)
    assert judgement.verdict in Verdict
    if judgement.article is None:
        assert judgement.detail
    else:
        assert judgement.article.text and "root:" not in judgement.article.text


def test_paragraphs_in_other_elements_do_not_run_together() -> None:
    lines = [
        f"第{n}条市人民政府安排专项资金支持企业参与应用场景建设，具体办法另行制定。" for n in range(1, 20)
    ]
    body = "".join(f"<section><span>{line}</span></section>" for line in lines)
    found = article(f"<html><head><title>办法</title></head><body><div id=zoom>{body}</div></body></html>")
    assert found.text.split("\n") == lines


def test_what_is_too_deep_or_too_long_says_so() -> None:
    assert "nested" in judge(HOSTILE["20,000 nested divs"]).detail
    assert "elements" in judge(HOSTILE["unclosed paragraphs"]).detail


def test_text_has_no_control_characters_and_is_nfc() -> None:
    text = article(HOSTILE["control characters"].replace("全市", "全市cafe\u0301\x07\u200b")).text
    assert "café" in text
    assert text == unicodedata.normalize("NFC", text)
    assert all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cs") for c in text)
    assert all(line and line == line.strip() for line in text.split("\n"))


def test_a_page_with_nul_bytes_is_read_to_its_end() -> None:
    html = f"<html><body><div>{PARAGRAPH}\x00\x00{SECOND}</div></body></html>"
    assert article(html).text.endswith("评审结果向社会公布。")


@pytest.mark.parametrize(
    "sign", ["\x0b", "\x1f", "\ufffe", "\uffff", "&#11;", "&#0031", "&#x1F;", "&#65534;", "&#xFFFF;"]
)
def test_signs_that_no_tree_may_hold_are_left_out_and_cost_no_text(sign: str) -> None:
    html = f"<html><body><div>{PARAGRAPH}<p>分享到</p>尾{sign} 声{SECOND}</div></body></html>"
    text = article(html).text
    assert text.endswith("评审结果向社会公布。")
    assert all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cn") for c in text)


def test_references_to_other_signs_stay() -> None:
    signs = "<p>编号&#65;&#x4E2D;&#12345;&#x1f600;&#31532;一批。</p>"
    html = f"<html><body><div>{PARAGRAPH}{signs}{SECOND}</div></body></html>"
    assert "编号A中〹\U0001f600第一批。" in article(html).text


def test_a_crash_of_a_parser_is_a_verdict_and_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("parser gave up")

    monkeypatch.setattr(crawler.extract, "find_content", crash)
    with caplog.at_level(logging.WARNING):
        judgement = judge(f"<html><body>{PARAGRAPH}{SECOND}</body></html>")
    assert judgement.verdict is Verdict.UNREADABLE
    assert "RuntimeError: parser gave up" in judgement.detail
    assert URL in caplog.text


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["<p>", "</p>", "<div id=zoom>", "</div>", "<a href='/x'>", "</a>", "<table>",
"<td>", "<", ">", "&#0;", "<script>", "<!--", "<h1>", "发布时间：2025-99-99", "来源：", "市人民政府决定，",
"<title>", "\x00", "�", "\n", "'"]), max_size=60))  # fmt: skip
def test_any_soup_gets_a_judgement(pieces: list[str]) -> None:
    assert judge("<html><body>" + "".join(pieces)).verdict in Verdict


def test_the_version_names_trafilatura_too() -> None:
    assert re.fullmatch(r"\d+\+trafilatura\.\d+(\.\d+)+", EXTRACTOR_VERSION)
