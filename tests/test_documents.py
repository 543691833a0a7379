"""Documents: their text, what hostile ones come to, and what they mean for the page that links them."""

from __future__ import annotations

import datetime as dt
import io
import random
import subprocess
import sys
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from document_files import (
    EM,
    LEFT,
    STEP,
    TOP,
    WORD,
    docx,
    english_pdf,
    package,
    paragraph,
    pdf,
    pdf_of,
    rows_of,
    squeezed,
    stream,
)

from crawler.documents import CHARACTERS_MAX, DocumentError, DocumentText, document_text
from crawler.documents.pdf_lines import Line, paragraphs
from crawler.extract import judge_page
from hexapolis.records import Article, Attachment, Judgement, Page, TitleSource, Verdict

URL = "https://www.haizhou.example/zwgk/content/post_7.html"
FETCHED = dt.datetime(2025, 6, 1, 12, tzinfo=dt.UTC)
PLAN = [
    "海州市人工智能行动计划",
    "一、总体要求",
    "到2027年，全市智能算力规模达到一万五千P以上，建成三个面向中小企业的公共算力服务平台，人工智能核心产业规模超过八百亿元。",
    "（一）建设智能算力中心",
    "支持企业开放应用场景，对首次上线的示范项目给予最高500万元资助，所需经费由市区两级财政按比例分担，具体办法另行制定。",
    "各区、各部门要高度重视，结合实际抓好落实，重要情况及时报告市人民政府，由市工业和信息化局汇总后通报各有关单位。",
]
NOTICE = (
    "<p>各区人民政府，市直各单位：</p><p>现将《海州市人工智能行动计划》印发给你们，请结合实际认真组织实施。</p>"
    "<p>海州市人民政府</p><p>2025年3月12日</p>"
)


def text_of(body: bytes) -> DocumentText:
    return document_text(body, "https://www.haizhou.example/files/a.pdf", "application/pdf")


def refusal(body: bytes) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        text_of(body)
    assert caught.value.detail
    return caught.value


def plan_pdf() -> bytes:
    return pdf([rows_of(PLAN)])


# Text


def test_lines_of_a_chinese_pdf_become_paragraphs_again() -> None:
    found = text_of(plan_pdf())
    assert found.text.split("\n") == PLAN
    assert (found.kind, found.pages, found.truncated) == ("pdf", 1, False)


def test_a_paragraph_goes_on_over_the_page_and_running_heads_and_page_numbers_go() -> None:
    text = [f"第{n}段：" + PLAN[2] + PLAN[4] for n in "一二三四五六七八九十"]
    rows = rows_of(text)
    pages = []
    for number in range(0, len(rows), 11):
        body = [
            (x, TOP - STEP * place, row, size)
            for place, (x, _, row, size) in enumerate(rows[number : number + 11])
        ]
        foot = (280.0, 40.0, f"— {len(pages) + 1} —", 9.0)
        pages.append([(200.0, 800.0, "海州市人民政府公报", 9.0), *body, foot])
    assert len(pages) >= 3
    assert text_of(pdf(pages)).text.split("\n") == text


def test_lines_of_an_english_pdf_are_joined_with_a_blank_and_cut_words_without() -> None:
    lines = (
        b"The city of Haizhou will build a public compu-",
        b"ting centre for small firms, with a well known",
        b"laboratory.",
    )
    shown = b"".join(b"BT /F 12 Tf 72 %d Td (%b) Tj ET\n" % (700 - 16 * n, s) for n, s in enumerate(lines))
    assert text_of(english_pdf(shown)).text == (
        "The city of Haizhou will build a public computing centre for small firms, "
        "with a well known laboratory."
    )


def test_the_name_and_the_content_type_are_not_believed() -> None:
    found = document_text(plan_pdf(), "https://www.haizhou.example/a.html", "text/html")
    assert found.text.startswith(PLAN[0])
    error = refusal(b"<html><body><h1>404</h1></body></html>")
    assert error.kind == "unsupported"
    assert "a.pdf is HTML" in error.detail and "application/pdf" in error.detail


def test_a_docx_gives_its_paragraphs_and_cells() -> None:
    cell = "<w:tc>{}</w:tc>".format
    body = (
        paragraph("海州市", "行动计划")
        + "<w:tbl><w:tr>" + cell(paragraph("任务")) + cell(paragraph("单位")) + "</w:tr></w:tbl>"
        + "<w:p><w:r><w:t>第一行</w:t><w:br/><w:t>第二行</w:t><w:tab/><w:t>之后</w:t></w:r></w:p>"
        + "<w:p><w:del><w:r><w:delText>旧</w:delText><w:t>旧文</w:t></w:r></w:del>"
        + "<w:r><w:t>新文</w:t></w:r></w:p>"
        + "<w:sdt><w:sdtContent>" + paragraph("控件中的一段话也是正文的一部分。") + "</w:sdtContent></w:sdt>"
    )  # fmt: skip
    found = text_of(docx(body, parts={"word/header1.xml": "<w:hdr/>"}))
    assert found.text.split("\n") == [
        "海州市行动计划",
        "任务",
        "单位",
        "第一行",
        "第二行 之后",
        "新文",
        "控件中的一段话也是正文的一部分。",
    ]
    assert (found.kind, found.pages, found.truncated) == ("docx", None, False)


def test_a_text_box_is_read_once() -> None:
    mc = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    box = f"<w:txbxContent>{paragraph('框里的一句话，也在正文之中。')}</w:txbxContent>"
    choice = (
        f"<mc:AlternateContent {mc}><mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback>"
        "</mc:AlternateContent>"
    )
    found = text_of(
        docx(f"<w:p><w:r><w:t>框外的前半句和</w:t>{choice}<w:t>后半句，合成一段。</w:t></w:r></w:p>")
    )
    assert sorted(found.text.split("\n")) == sorted(
        ["框里的一句话，也在正文之中。", "框外的前半句和后半句，合成一段。"]
    )


def test_the_main_part_may_have_another_name() -> None:
    relation = (
        "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>"
        "<Relationship Id='r' "
        "Type='http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument' "
        "Target='/word/document2.xml'/></Relationships>"
    )
    main = f"<w:document {WORD}><w:body>{paragraph(PLAN[2])}</w:body></w:document>"
    body = package({"[Content_Types].xml": "<T/>", "_rels/.rels": relation, "word/document2.xml": main})
    assert text_of(body).text == PLAN[2]


# Lines to paragraphs


def line(text: str, row: int, left: float = 72, *, page: int = 0, em: float = EM) -> Line:
    width = em * sum(1 if char > "\u2e7f" else 0.5 for char in text)
    bottom = 700.0 - STEP * row
    return Line(page, left, left + width, bottom, bottom + em, text)


FULL = "支持企业开放应用场景并且对首次上线的示范项目给予资助，所需经费由市区分担"  # 36 letters


def test_a_numbered_item_begins_a_paragraph_and_one_in_a_sentence_does_not() -> None:
    found = paragraphs(
        [
            line(FULL[:34], 0, LEFT + 2 * EM),
            line("（二）项以外的其他情形，由市工业和信息化局另行规定并报市人民政府批准。", 1),
            line("（三）加强人才培养，推动产教融合。", 2, LEFT + 2 * EM),
            line("1．设立人工智能学院。", 3, LEFT + 2 * EM),
        ]
    )
    assert [text[:6] for text in found] == [FULL[:6], "（三）加强人", "1．设立人工"]


@pytest.mark.parametrize(
    "item", ["第一章 总则", "二、重点任务", "（一）算力", "2. 数据", "附件：清单", "① 人才"]
)
def test_an_item_after_a_full_line_stands_alone(item: str) -> None:
    assert paragraphs([line(FULL, 0), line(FULL[:35] + "。", 1), line(item, 2), line(FULL, 3)])[1] == item


def test_a_short_line_a_gap_and_an_indent_end_a_paragraph() -> None:
    lines = [line(FULL, 0), line("短行。", 1), line(FULL, 2), line(FULL, 5), line(FULL, 6, LEFT + 2 * EM)]
    assert len(paragraphs(lines)) == 4


@pytest.mark.parametrize("edges", [(400.0, 72.0), (float("nan"), 72.0), (72.0, float("nan"))])
@pytest.mark.parametrize("number", [0, 1])
def test_edges_that_a_damaged_file_has_the_wrong_way_round_cost_no_text(
    number: int, edges: tuple[float, float]
) -> None:
    lines = [line(FULL, 0), line("短行。", 1)]
    lines[number] = replace(lines[number], left=edges[0], right=edges[1])
    assert "".join(paragraphs(lines)) == FULL + "短行。"


def test_a_number_cut_in_two_is_one_again() -> None:
    assert paragraphs([line(FULL[:34] + "20", 0), line("26年全市建成。", 1)]) == [
        FULL[:34] + "2026年全市建成。"
    ]


def test_columns_are_read_one_after_the_other() -> None:
    left = [line(FULL[:18], row) for row in range(3)]
    right = [line(FULL[18:], row, 320) for row in range(3)]
    assert paragraphs([*left, *right]) == [FULL[:18] * 3 + FULL[18:] * 3]


def test_a_large_title_of_two_lines_is_one() -> None:
    lines = [
        line("海州市人民政府办公室关于印发", 0, 132, em=20),
        line("人工智能行动计划的通知", 1, 162, em=20),
        *(line(FULL, row) for row in range(4, 9)),
    ]
    assert paragraphs(lines)[0] == "海州市人民政府办公室关于印发人工智能行动计划的通知"


def test_radicals_are_written_as_the_characters_they_stand_for() -> None:
    assert paragraphs([line("⼈⼯智能产业⻓期⽀持", 0)]) == ["人工智能产业长期支持"]


def test_letters_set_apart_are_a_word_again() -> None:
    assert paragraphs([line("海 州 市 人 民 政 府", 0)]) == ["海州市人民政府"]


def test_what_few_pages_repeat_stays_and_pages_of_one_line_stay() -> None:
    pages = [
        [line("海州市人民政府公报", 0, page=n), line(FULL, 1, page=n), line("短行。", 2, page=n)]
        for n in range(2)
    ]
    assert "海州市人民政府公报" in paragraphs([part for page in pages for part in page])
    assert paragraphs([line("第1号 算力券", 0, page=n) for n in range(5)]) == ["第1号 算力券"] * 5


# Hostile and broken files


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "unsupported"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "unsupported"),
        (b"Rar!\x1a\x07\x00" * 9, "unsupported"),
        (package({"OFD.xml": "<x/>", "Doc_0/Document.xml": "<x/>"}), "unsupported"),
        (package({"xl/workbook.xml": "<x/>"}), "unsupported"),
        (package({"ppt/presentation.xml": "<x/>"}), "unsupported"),
        (package({"readme.txt": "x"}), "unsupported"),
        (b"PK\x03\x04" + b"\x00" * 60, "damaged"),
        (b"%PDF-1.7\n", "damaged"),
        (b"%PDF-1.7\n" + random.Random(1).randbytes(5_000), "damaged"),
        (docx("<w:p>"), "damaged"),
        (docx("<w:p>" * 4_000), "damaged"),
        (docx(""), "no_text"),
        (docx(paragraph("&x;"), head="<!DOCTYPE d [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"), "damaged"),
        (docx(paragraph(PLAN[2]), head="<!DOCTYPE d SYSTEM 'http://127.0.0.1:1/x.dtd'>"), "damaged"),
        (docx(paragraph("&b;"), head="<!DOCTYPE d [<!ENTITY a 'xx'><!ENTITY b '&a;&a;&a;'>]>"), "damaged"),
        (docx(" " * 101_000_000), "too_large"),
        (package({f"word/p{n}.xml": "" for n in range(5_001)} | {"word/document.xml": ""}), "too_large"),
    ],
)  # fmt: skip
def test_what_is_no_readable_document_is_refused(body: bytes, kind: str) -> None:
    assert refusal(body).kind == kind


def test_an_outside_file_is_not_opened() -> None:
    relation = (
        "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>"
        "<Relationship Id='r' "
        "Type='http://x/officeDocument' TargetMode='External' Target='file:///etc/passwd'/></Relationships>"
    )
    found = text_of(docx(paragraph(PLAN[2]), parts={"_rels/.rels": relation}))
    assert found.text == PLAN[2]


def test_a_bomb_in_another_part_costs_nothing() -> None:
    file = io.BytesIO(docx(paragraph(PLAN[2])))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as made:
        made.writestr("word/media/image1.png", b"\0" * 50_000_000)
    assert text_of(file.getvalue()).text == PLAN[2]


def test_a_part_that_lies_about_its_size_is_not_read_to_its_end() -> None:
    body = docx(" " * 101_000_000)
    with zipfile.ZipFile(io.BytesIO(body)) as made:
        size = made.getinfo("word/document.xml").file_size
    lying = body.replace(size.to_bytes(4, "little"), (1_000).to_bytes(4, "little"))
    assert lying != body
    assert refusal(lying).kind in ("too_large", "damaged", "no_text")


def test_a_locked_part_is_said_to_be_locked() -> None:
    body = bytearray(docx(paragraph(PLAN[2])))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = 0
        while (start := body.find(mark, start)) >= 0:
            body[start + place] |= 1
            start += 4
    assert refusal(bytes(body)).kind == "encrypted"


def test_a_pdf_that_needs_a_password_says_so() -> None:
    locked = b"/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<%b>/U<%b>>>/ID[<00><00>]" % (b"11" * 32, b"22" * 32)
    assert refusal(pdf([rows_of(PLAN)], trailer=locked)).kind == "encrypted"


def test_scanned_pages_have_no_text() -> None:
    image = stream(
        b"\x00" * 64, b"/Type/XObject/Subtype/Image/Width 8/Height 8/BitsPerComponent 8/ColorSpace/DeviceGray"
    )
    error = refusal(english_pdf(b"q 595 0 0 842 0 0 cm /X Do Q", more=[image]))
    assert (error.kind, error.detail) == ("no_text", "no text (scanned?)")


def test_letters_without_a_meaning_are_no_text() -> None:
    to_unicode = b"1 beginbfrange <0000> <FFFF> <E000> endbfrange"
    cmap = b"/CIDInit /ProcSet findresource begin begincmap "
    cmap += b"1 begincodespacerange <0000> <FFFF> endcodespacerange "
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        stream(b"BT /F 12 Tf 72 700 Td <" + b"".join(b"%04X" % n for n in range(1, 60)) + b"> Tj ET"),
        b"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[6 0 R]/ToUnicode 7 0 R>>",
        b"<</Type/Font/Subtype/CIDFontType2/BaseFont/X"
        b"/CIDSystemInfo<</Registry(A)/Ordering(I)/Supplement 0>>>>",
        stream(cmap + to_unicode + b" endcmap end"),
    ]
    assert refusal(pdf_of(objects)).kind == "garbled"


def test_only_the_first_pages_of_a_very_long_pdf_are_read() -> None:
    pages = [[(LEFT, TOP, f"第{n}页的内容是关于算力的", 12.0)] for n in range(10_000)]
    found = text_of(pdf(pages))
    assert (found.pages, found.truncated) == (200, True)
    assert "第199页" in found.text and "第200页" not in found.text


@pytest.mark.parametrize("file", [docx(paragraph("字" * 300_000)), pdf([rows_of(["字" * 3_000])] * 100)])
def test_no_more_than_the_limit_of_characters_is_taken(file: bytes) -> None:
    found = text_of(file)
    assert found.truncated
    assert 0.9 * CHARACTERS_MAX < len(found.text) <= CHARACTERS_MAX


@pytest.mark.parametrize("again", [b"/X Do", b"/X Do /X Do"])
def test_a_pdf_that_draws_itself_comes_to_an_end(again: bytes) -> None:
    shown = b"BT /F 12 Tf 72 700 Td (The city will build a computing centre.) Tj ET /X Do"
    inner = b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources<</XObject<</X 6 0 R>>>>"
    try:
        found = text_of(english_pdf(shown, more=[stream(again, inner)]))
    except DocumentError as error:
        assert error.kind in ("crash", "timeout")
    else:
        assert found.text == "The city will build a computing centre."


def test_a_pdf_whose_pages_hold_themselves_comes_to_an_end() -> None:
    pages = b"<</Type/Pages/Count 9/Parent 2 0 R/Kids[2 0 R 2 0 R 2 0 R]>>"
    assert refusal(pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", pages])).kind in ("damaged", "no_text", "crash")


READ_APART = """
import resource, sys
from crawler.documents import DocumentError, document_text
try:
    document_text(sys.stdin.buffer.read(), "https://city.example/plan.pdf", None)
except DocumentError as error:
    print(error.kind, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def read_apart(file: bytes) -> tuple[str, int]:
    """Why a document is refused, and the kilobytes that its reader took; no other child confuses that."""
    done = subprocess.run(
        [sys.executable, "-c", READ_APART],
        input=file,
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    kind, largest = done.stdout.decode().split()
    return kind, int(largest)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_pdf_that_unpacks_to_more_than_may_be_held_costs_only_itself(layers: int) -> None:
    data = squeezed(900_000_000)
    for _ in range(layers - 1):
        data = zlib.compress(data, 9)
    bomb = english_pdf(data, b"/Filter[" + b"/FlateDecode" * layers + b"]")
    kind, largest = read_apart(bomb)
    assert kind in ("crash", "too_large", "no_text")
    assert largest < 800_000


def test_a_pdf_that_shows_too_much_costs_only_itself() -> None:
    shown = zlib.compress(b"BT /F 12 Tf 72 700 Td " + b"(Hello) Tj " * 4_000_000 + b"ET", 9)
    kind, largest = read_apart(english_pdf(shown, b"/Filter/FlateDecode"))
    assert kind in ("crash", "timeout")
    assert largest < 800_000


def test_files_that_end_early_are_refused_or_marked() -> None:
    whole = pdf([rows_of(PLAN)] * 3)
    for part in (0.3, 0.6, 0.9, 0.99):
        try:
            assert text_of(whole[: int(part * len(whole))]).truncated
        except DocumentError as error:
            assert error.kind in ("damaged", "no_text")
    file = docx("".join(map(paragraph, PLAN)))
    for end in range(4, len(file), max(1, len(file) // 60)):
        assert refusal(file[:end]).kind == "damaged"


def test_damaged_docx_files_raise_nothing_else() -> None:
    rng = random.Random(7)
    whole = docx("".join(map(paragraph, PLAN)))
    for _ in range(300):
        file = bytearray(whole)
        for _ in range(rng.randint(1, 8)):
            file[rng.randrange(4, len(file))] = rng.randrange(256)
        try:
            text_of(bytes(file))
        except DocumentError as error:
            assert error.kind in ("damaged", "encrypted", "no_text", "unsupported", "too_large")


def test_damaged_pdf_files_raise_nothing_else() -> None:
    rng = random.Random(7)
    whole = plan_pdf()
    for _ in range(12):
        file = bytearray(whole)
        for _ in range(rng.randint(1, 30)):
            file[rng.randrange(8, len(file))] = rng.randrange(256)
        try:
            text_of(bytes(file))
        except DocumentError as error:
            assert error.detail


# Pages with documents


def judge(
    body: str,
    documents: list[tuple[Attachment, bytes]] | None = None,
    title: str = "关于印发海州市人工智能行动计划的通知",
) -> Judgement:
    html = (
        f"<html><head><meta charset=utf-8><title>{title}_海州市人民政府</title></head><body>"
        "<div class=menu><a href=/>首页</a><a href=/zwgk>政务公开</a></div>"
        f"<h1>{title}</h1><p>发布时间：2025-03-18</p><div id=zoom>{body}</div>"
        "<div class=footer-box><a href=/files/help.pdf>网站帮助</a>主办：海州市人民政府办公室</div>"
    )
    page = Page(URL, URL, 200, (("content-type", "text/html"),), html.encode(), FETCHED)
    return judge_page(page, documents=documents or [])


def link(name: str, href: str = "") -> str:
    return f'<p><a href="{href or "/files/" + name}">{name}</a></p>'


def attachment(name: str) -> Attachment:
    return Attachment(f"https://www.haizhou.example/files/{name}", name)


def article_of(judgement: Judgement) -> Article:
    assert judgement.verdict is Verdict.ARTICLE and judgement.article is not None, judgement
    return judgement.article


def names(judgement: Judgement) -> list[str]:
    return [document.name for document in judgement.documents]


def test_a_page_that_only_links_its_text_is_a_document_stub() -> None:
    judgement = judge(link("海州市人工智能行动计划.pdf"))
    assert judgement.verdict is Verdict.STUB_DOCUMENT and judgement.article is None
    assert judgement.documents == (attachment("海州市人工智能行动计划.pdf"),)


def test_names_of_documents_are_no_text() -> None:
    offered = [
        "海州市人工智能行动计划（2025—2027年）.pdf",
        "附件2：海州市人工智能行动计划重点任务分解.pdf",
        "全文.ofd",
    ]
    judgement = judge("<p>附件：</p>" + "".join(map(link, offered)) + "<p>2025年3月12日。</p>")
    assert judgement.verdict is Verdict.STUB_DOCUMENT
    assert names(judgement) == offered[:2]


def test_a_page_without_text_and_without_documents_stays_what_it_was() -> None:
    for body in ("", link("海州市人工智能行动计划.ofd"), link("海州市人工智能行动计划.doc")):
        assert judge(body, title="行动计划").verdict is not Verdict.STUB_DOCUMENT


def test_a_short_notice_is_an_article_and_wants_its_plan() -> None:
    judgement = judge(NOTICE + link("海州市人工智能行动计划.pdf"))
    assert "印发给你们" in article_of(judgement).text
    assert names(judgement) == ["海州市人工智能行动计划.pdf"]


def test_a_long_article_wants_nothing() -> None:
    judgement = judge("".join(f"<p>{text}</p>" for text in PLAN * 3) + link("海州市人工智能行动计划.pdf"))
    article_of(judgement)
    assert judgement.documents == ()


def test_the_text_comes_first_then_aids_and_no_forms() -> None:
    offered = [
        "一图读懂行动计划.pdf",
        "项目申报书.docx",
        "任务分解.pdf",
        "海州市人工智能行动计划.pdf",
        "名单.xlsx",
    ]
    assert names(judge(NOTICE + "".join(map(link, offered)))) == [
        "海州市人工智能行动计划.pdf",
        "任务分解.pdf",
        "一图读懂行动计划.pdf",
    ]


def test_a_form_is_wanted_where_there_is_nothing_else() -> None:
    assert names(judge(link("项目申报书.docx"))) == ["项目申报书.docx"]


def test_of_two_formats_one_is_wanted() -> None:
    assert names(judge(NOTICE + link("行动计划.pdf") + link("行动计划.docx"))) == ["行动计划.docx"]


def test_five_are_enough() -> None:
    assert (
        len(judge(NOTICE + "".join(link(f"附件{n}：第{n}批清单.pdf") for n in range(1, 10))).documents) == 5
    )


def test_files_of_other_sites_and_of_the_foot_are_not_wanted() -> None:
    elsewhere = link("国家行动计划.pdf", "https://www.other.test/a.pdf")
    assert names(judge(NOTICE + elsewhere)) == []
    used = '<img src="https://static.other.test/logo.png">' + link(
        "行动计划.pdf", "https://static.other.test/a.pdf"
    )
    assert names(judge(NOTICE + used)) == ["行动计划.pdf"]


def test_a_plan_that_is_given_becomes_the_article_s_text() -> None:
    document = attachment("海州市人工智能行动计划.pdf")
    judgement = judge(NOTICE + link(document.name), [(document, plan_pdf())])
    found = article_of(judgement)
    lines = found.text.split("\n")
    assert lines[0] == "各区人民政府，市直各单位："
    assert lines[-len(PLAN) :] == PLAN  # its name is its own first line, and stands once
    assert judgement.documents == () and judgement.detail == ""
    assert found.title == "关于印发海州市人工智能行动计划的通知"
    assert found.written is not None and found.written.value == dt.date(2025, 3, 12)


def test_each_document_stands_under_its_name() -> None:
    given = [
        (attachment("附件1：行动计划（216KB）.pdf"), plan_pdf()),
        (attachment("附件2：任务分解.docx"), docx(paragraph("建设公共算力服务平台，年底前完成。"))),
    ]
    lines = article_of(judge(NOTICE, given)).text.split("\n")
    assert lines[4:6] == ["附件1：行动计划（216KB）", PLAN[0]]
    assert lines[-2:] == ["附件2：任务分解", "建设公共算力服务平台，年底前完成。"]


def test_a_document_makes_an_article_of_a_stub() -> None:
    document = attachment("海州市人工智能行动计划.pdf")
    found = article_of(judge(link(document.name), [(document, plan_pdf())]))
    assert found.text.split("\n") == PLAN
    assert found.language == "zh"


def test_what_cannot_be_read_is_said() -> None:
    document = attachment("海州市人工智能行动计划.pdf")
    broken = [(document, b"<html>404</html>"), (attachment("附件2.docx"), b"PK\x03\x04")]
    judgement = judge(link(document.name), broken)
    assert judgement.verdict is Verdict.STUB_DOCUMENT and judgement.article is None
    assert "海州市人工智能行动计划: " in judgement.detail and "附件2: " in judgement.detail
    judgement = judge(NOTICE + link(document.name), broken)
    assert "印发给你们" in article_of(judgement).text
    assert "is HTML" in judgement.detail


def test_documents_together_have_a_limit() -> None:
    given = [(attachment(f"附件{n}.docx"), docx(paragraph("字" * 45_000))) for n in range(4)]
    judgement = judge(NOTICE, given)
    assert len(article_of(judgement).text) < CHARACTERS_MAX + 1_000
    assert "附件2: read in part" in judgement.detail and "附件3: left out" in judgement.detail


def test_the_same_files_give_the_same_judgement() -> None:
    given = [(attachment("行动计划.pdf"), plan_pdf()), (attachment("附件.docx"), docx(paragraph(PLAN[2])))]
    assert judge(NOTICE, given) == judge(NOTICE, given)


def test_error_pages_stay_errors_whatever_they_link() -> None:
    judgement = judge("<p>您访问的页面不存在</p>" + link("网站使用帮助.pdf"), title="404")
    assert judgement.verdict is Verdict.SOFT_404 and judgement.documents == ()


# Documents fetched as pages


def judge_file(
    body: bytes, url: str = "https://www.haizhou.example/files/plan.pdf", status: int = 200
) -> Judgement:
    return judge_page(Page(url, url, status, (("content-type", "application/pdf"),), body, FETCHED))


def test_a_pdf_fetched_as_a_page_is_an_article() -> None:
    found = article_of(judge_file(pdf([rows_of(PLAN + PLAN[2:])])))
    assert (found.title, found.title_from) == (PLAN[0], TitleSource.TEXT)
    assert found.text.startswith("\n".join(PLAN))
    assert found.language == "zh"


def test_the_title_of_the_file_is_taken_unless_a_program_left_it() -> None:
    rows = rows_of(["海府〔2025〕3号", *PLAN[1:], *PLAN[2:]])
    found = article_of(judge_file(pdf([rows], title="海州市人工智能行动计划（2025年）")))
    assert (found.title, found.title_from) == ("海州市人工智能行动计划（2025年）", TitleSource.META)
    assert found.document_number == "海府〔2025〕3号"
    found = article_of(judge_file(pdf([rows], title="Microsoft Word - 附件1.doc")))
    assert found.title == "一、总体要求"


def test_a_docx_fetched_as_a_page_is_an_article() -> None:
    assert article_of(judge_file(docx("".join(map(paragraph, PLAN * 2))))).title == PLAN[0]


def test_a_file_with_little_text_or_none_is_no_html() -> None:
    for body, why in ((pdf([rows_of(PLAN[:3])]), "characters of text"), (b"%PDF-1.4", "damaged")):
        judgement = judge_file(body)
        assert judgement.verdict is Verdict.NOT_HTML and judgement.article is None
        assert why in judgement.detail


def test_a_file_sent_with_an_error_is_an_error() -> None:
    assert judge_file(pdf([rows_of(PLAN * 2)]), status=404).verdict is Verdict.ERROR
