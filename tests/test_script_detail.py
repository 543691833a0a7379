"""Pages of the disclosure platform whose article stands in a script."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from crawler.extract import judge_page
from hexapolis.records import (
    Article,
    DateSource,
    FoundDate,
    Judgement,
    Page,
    Selectors,
    TitleSource,
    Verdict,
)

URL = "https://www.haizhou.example/gkmlpt/content/9/9817/post_9817101.html"
FETCHED = dt.datetime(2025, 6, 1, 12, tzinfo=dt.UTC)
TITLE = "海州市人民政府关于印发人工智能行动计划的通知"
LINES = [
    "各区人民政府，市直各单位：",
    "现将《海州市人工智能行动计划》印发给你们，请结合实际认真组织实施。",
    "一、建设智能算力中心，面向中小企业发放算力券，三年内达到一千P。",
]
CONTENT = "".join(f"<p>{line}</p>" for line in LINES)
DETAIL = {
    "id": 9817101,
    "title": TITLE,
    "document_number": "海府〔2025〕 3 号",
    "publisher": "海州市人民政府办公室",
    "date": 1741708800,  # 12 March 2025 in China
    "display_publish_time": 1742227200,  # 18 March 2025
    "content": CONTENT,
    "attachment": [
        {"name": "海州市人工智能行动计划.pdf", "url": "/attachment/0/1/9817101.pdf", "size": 7},
        {"name": "script", "url": "javascript:alert(1)"},
        "odd",
    ],
}


def escaped(value: object) -> str:
    return json.dumps(value).replace("<", "\\u003C").replace(">", "\\u003E").replace("/", "\\/")


def judge(script: str, visible: str = "", selectors: Selectors | None = None) -> Judgement:
    html = (
        "<html><head><meta charset=utf-8><title>政府信息公开</title></head><body><div id=app></div>"
        "<table><tr><td>索引号</td><td>K0000-2025-00007</td></tr></table>"
        f"<div class=article-content>{visible}</div><script>{script}</script></body></html>"
    )
    page = Page(URL, URL, 200, (("content-type", "text/html"),), html.encode(), FETCHED)
    return judge_page(page, selectors or Selectors())


def article(script: str, visible: str = "", selectors: Selectors | None = None) -> Article:
    judgement = judge(script, visible, selectors)
    assert judgement.verdict is Verdict.ARTICLE and judgement.article is not None, judgement
    return judgement.article


@pytest.mark.parametrize("selectors", [Selectors(), Selectors(body=".article-content", title="h1")])
@pytest.mark.parametrize(
    "script",
    [
        f"window._CONFIG = {{SID: '755001', TREE: [{{}}], DETAIL: {escaped(DETAIL)}, AREA: here()}};",
        f"window._CONFIG={{}};window._CONFIG.DETAIL = {escaped(DETAIL)}",
        'var a = 1;window._CONFIG = {"DETAIL":' + json.dumps(DETAIL, ensure_ascii=False) + "}",
    ],
)
def test_the_script_s_article_is_read(script: str, selectors: Selectors) -> None:
    found = article(script, selectors=selectors)
    assert found.text.split("\n") == LINES
    assert (found.title, found.title_from) == (TITLE, TitleSource.API)
    assert found.published == FoundDate(dt.date(2025, 3, 18), DateSource.API)
    assert found.written == FoundDate(dt.date(2025, 3, 12), DateSource.API)
    assert (found.issuer, found.document_number) == ("海州市人民政府办公室", "海府〔2025〕3号")
    assert [(a.url, a.name) for a in found.attachments] == [
        ("https://www.haizhou.example/attachment/0/1/9817101.pdf", "海州市人工智能行动计划.pdf")
    ]


def test_a_javascript_literal_is_read_as_data() -> None:
    quoted = CONTENT.replace("/", "\\/").replace("实施", "实\\\n施").replace("<p>一", "<p>\\u4e00")
    literal = (
        f"{{id: 7, title: '{TITLE}', /* note */ 'content': '{quoted}', // end\n flags: [true, null, -1.5e3,],"
        " attachment: [], date: 0, is_expired: undefined,}"
    )
    found = article(f"window._CONFIG = {{SID: '7', DETAIL: {literal}}}")
    assert found.text.split("\n") == LINES
    assert found.title == TITLE
    assert found.published is None


def test_html_that_was_escaped_once_more_is_read() -> None:
    twice = {**DETAIL, "content": CONTENT.replace("<", "&lt;").replace(">", "&gt;")}
    assert article(f"window._CONFIG = {{DETAIL: {json.dumps(twice)}}}").text.split("\n") == LINES


def test_what_is_visible_already_is_not_read_twice() -> None:
    found = article(f"window._CONFIG = {{DETAIL: {escaped(DETAIL)}}}", CONTENT)
    assert found.text.split("\n") == LINES
    assert found.title_from is TitleSource.API


def test_what_is_visible_beside_the_script_s_article_stays() -> None:
    more = "<p>二、开放应用场景，对首次上线的示范项目给予资助，具体办法另行制定。</p>"
    found = article(f"window._CONFIG = {{DETAIL: {escaped(DETAIL)}}}", CONTENT + more)
    assert found.text.split("\n") == [*LINES, more[3:-4]]


def test_a_short_article_of_a_script_is_no_shell() -> None:
    short = {**DETAIL, "content": "<p>现将有关事项通知如下，请各单位认真执行。</p>", "attachment": []}
    assert article(f"window._CONFIG = {{DETAIL: {escaped(short)}}}").text == short["content"][3:-4]


def test_a_page_that_only_announces_its_attachment_is_a_document_stub() -> None:
    judgement = judge(f"window._CONFIG = {{DETAIL: {escaped({**DETAIL, 'content': '<p>详见附件</p>'})}}}")
    assert judgement.verdict is Verdict.STUB_DOCUMENT
    assert [document.name for document in judgement.documents] == ["海州市人工智能行动计划.pdf"]


def test_dates_that_cannot_be_are_not_taken() -> None:
    odd = {**DETAIL, "date": 4102444800, "display_publish_time": -7, "created_at": "2025-03-18 09:30:00"}
    found = article(f"window._CONFIG = {{DETAIL: {escaped(odd)}}}")
    assert found.published == FoundDate(dt.date(2025, 3, 18), DateSource.API)
    assert found.written is None


def test_other_pages_with_such_words_are_left_alone() -> None:
    detail = escaped(DETAIL)
    for script in (f"window.OTHER = {{DETAIL: {detail}}}", f"window._CONFIG = {{MYDETAIL: {detail}}}"):
        assert judge(script).verdict is not Verdict.ARTICLE


@pytest.mark.parametrize(
    "value",
    [
        "{content: load('x')}",
        "{content: 'a' + b}",
        "{content: `a`}",
        "{content: 7}",
        "{content: ''}",
        "{content}",
        "{content: '" + "\\'" * 500_000,
        '{"content": "' + "\\\\" * 500_000,
        "{content: " + "[" * 500_000,
        '{"content":' * 100_000,
        "{content: /*" * 200_000,
        "{" + "a:'b'," * 200_000,
        "{content: -" + "1" * 500_000,
        "{content: " + " " * 900_000 + "'",
        "{a:1" * 100_000,
        'DETAIL:{"a":' * 80_000,
    ],
)  # fmt: skip
def test_what_is_no_data_is_left_alone(value: str) -> None:
    judgement = judge(f"window._CONFIG = {{DETAIL: {value}}}")
    assert judgement.article is None and "crash" not in judgement.detail


def test_scripts_and_files_in_the_content_stay_what_they_are() -> None:
    content = (
        CONTENT + "<script>alert(1)</script><style>p{}</style><iframe src='file:///etc/passwd'></iframe>"
    )
    found = article(f"window._CONFIG = {{DETAIL: {escaped({**DETAIL, 'content': content})}}}")
    assert found.text.split("\n") == LINES


def test_content_of_too_many_elements_is_refused() -> None:
    judgement = judge(f"window._CONFIG = {{DETAIL: {escaped({**DETAIL, 'content': '<p>x' * 61_000})}}}")
    assert judgement.verdict is Verdict.UNREADABLE and "elements" in judgement.detail
