"""The article of a PDF or DOCX that was fetched as a page: some lists link documents, not pages about them.

What a page says of itself is not there, so title and dates come from the text, the file's properties and the
address. Documents with little text stay what they are, no HTML.
"""

from __future__ import annotations

import datetime as dt
import re

from crawler import dates, metadata, verdict
from crawler.date_text import SHANGHAI
from crawler.documents import DocumentError, DocumentText, document_kind, document_text
from crawler.documents.attached import document_name
from crawler.language import detect_language
from crawler.sniff import not_html
from hexapolis.records import (
    Article,
    Attachment,
    DateSource,
    FoundDate,
    Judgement,
    Page,
    TitleSource,
    Verdict,
)

_HAN_MIN = 200  # Han characters from which a document is an article …
_WORDS_MIN = 120  # … or words of a text in other letters
_TITLE_MIN, _TITLE_MAX = 4, 120  # characters
_TITLE_LINES = 8  # first lines among which the title stands; letterhead and number come before it
# Left in a file's properties by the program that wrote it.
_NO_TITLE = re.compile(
    r"untitled|\(?anonymous\)?|microsoft|幻灯片|演示文稿|文档\s?\d*$|新建|未命名|^word "
    r"|\.(?:docx?|pdf|wps|pptx?|dot)$"
    r"|^[\W\d_]*$|^[\w\-]{1,20}$(?<![\u4e00-\u9fff])",
    re.IGNORECASE,
)
_TITLE_LINE = re.compile(
    r"(?:通知|意见|办法|规定|方案|规划|计划|措施|条例|细则|指南|纲要|公告|通告|报告|决定|批复|函|清单|政策|行动|解读|若干)"
    r"(?:\s*[（(].{1,30}[）)])?$|^关于"
)
_LETTERHEAD = re.compile(r"(?:政府|委员会|办公厅|办公室|局|厅|部)(?:文件)?$|文件$|^附\s?件")


def judge_document(page: Page) -> Judgement:
    """The judgement on a page whose bytes are not HTML: an article if it is a document with enough text."""
    what = not_html(page.body) or "unknown"
    if document_kind(page.body) is None:
        return Judgement(Verdict.NOT_HTML, what)
    try:
        found = document_text(page.body, page.url, page.header("content-type"))
    except DocumentError as error:
        return Judgement(Verdict.NOT_HTML, f"{what}: {error.detail}"[:300])
    words = len(re.findall(r"[A-Za-z]{2,}", found.text))
    if verdict.weight(found.text) < _HAN_MIN or (words < _WORDS_MIN and _han(found.text) < _HAN_MIN):
        return Judgement(Verdict.NOT_HTML, f"{what} with {len(found.text)} characters of text")
    return Judgement(Verdict.ARTICLE, "read in part" if found.truncated else "", _article(page, found))


def _han(text: str) -> int:
    return len(re.findall(r"[\u3400-\u9fff]", text))


def _article(page: Page, found: DocumentText) -> Article:
    lines = found.text.split("\n")
    title, source = _title(lines, found.title, page.url)
    today = page.fetched_at.astimezone(SHANGHAI).date()
    day = next((d for d in dates.url_dates(page.url) if dates.EARLIEST <= d <= today + dt.timedelta(1)), None)
    return Article(
        title=title,
        title_from=source,
        text=found.text,
        language=detect_language(found.text),
        published=FoundDate(day, DateSource.URL) if day else None,
        written=dates.signature_date(lines, day or today),
        document_number=metadata.find_document_number(lines, title),
    )


def _title(lines: list[str], declared: str | None, url: str) -> tuple[str, TitleSource | None]:
    """The title, and where it is from: the file's properties, the text, or (None) its address."""
    first = [line for line in lines[:_TITLE_LINES] if _TITLE_MIN <= len(line) <= _TITLE_MAX]
    if declared and _TITLE_MIN <= len(declared) <= _TITLE_MAX and not _NO_TITLE.search(declared):
        # A title that the first lines carry on, or say in full, is the beginning of the document's.
        fuller = next((line for line in first if metadata.fold(declared) in metadata.fold(line)), None)
        return (fuller, TitleSource.TEXT) if fuller else (declared, TitleSource.META)
    for line in first:
        if _TITLE_LINE.search(line) and not re.search(r"[。；;，,]$", line):
            return line, TitleSource.TEXT
    for line in first:
        if not _LETTERHEAD.search(line) and not metadata.find_document_number([line], ""):
            return line, TitleSource.TEXT
    return document_name(Attachment(url, ""))[:_TITLE_MAX], None
