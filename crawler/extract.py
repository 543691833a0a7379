"""Turn one fetched page into a judgement and, if it is one, an article. Only this module imports trafilatura.

`judge_page` is what a worker process runs on each page. It raises for no input; a page that cannot be read
gets a verdict that says so. It keeps nothing between pages: the same page gives the same article in any
order. Time limits are the caller's: kill the worker.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import trafilatura
from lxml.html import HtmlElement

from crawler import dates, metadata, verdict
from crawler.content import find_content
from crawler.date_text import SHANGHAI
from crawler.declared import find_declared, find_keywords
from crawler.decode import Decoded, decode
from crawler.documents import DOCUMENT_BYTES_MAX, document_kind
from crawler.documents.attached import says_little, sentences, text_beside, wanted_documents, with_documents
from crawler.documents.page import judge_document
from crawler.html_tree import (
    check_size,
    drop_furniture,
    page_of,
    parse_html,
    select,
    select_text,
    visible_text,
)
from crawler.language import detect_language, script_language
from crawler.lines import clean_line, strip_furniture, visible_lines
from crawler.listed_entries import is_entry, judge_entry
from crawler.script_detail import all_attachments, find_detail, show_detail, with_detail
from crawler.sniff import not_html
from crawler.titles import find_title
from crawler.verdict_words import COOKIE_CHECK_STATUS
from hexapolis.errors import ExtractionError
from hexapolis.records import (
    Article,
    Attachment,
    DateSource,
    Judgement,
    Page,
    Selectors,
    TitleSource,
    Verdict,
)

_OWN_VERSION = "3"
EXTRACTOR_VERSION: str = f"{_OWN_VERSION}+trafilatura.{trafilatura.__version__}"

_ON_PAGE = frozenset(DateSource) - {DateSource.URL, DateSource.HTMLDATE}
_ENOUGH = 80.0  # weight in Han characters from which the container's text is taken without a second opinion
_RESCUE = 1.5  # the general extractor must find so many times more to be preferred
_COMPLETE = 0.9  # of a Chinese container's visible text that trafilatura must keep to be believed
_MERGED = 4  # visible lines for one line of the text: paragraphs have run together
_THIN = frozenset({Verdict.STUB, Verdict.EMPTY, Verdict.SHELL})  # an attached document may have the text
# Below this a page's documents are wanted too. Notices that go out with a plan have one to three hundred Han
# characters, pages that only point to an attachment have been counted up to 400.
_SHORT_ARTICLE = verdict.LONG_TEXT

_NO_SELECTORS = Selectors()

log = logging.getLogger(__name__)


def judge_page(
    page: Page,
    selectors: Selectors = _NO_SELECTORS,
    *,
    max_bytes: int = 2_000_000,
    documents: Sequence[tuple[Attachment, bytes]] = (),
) -> Judgement:
    """Judge one page and extract its article.

    Args:
        page: what was fetched; or a PDF or DOCX, or an entry of a list that stands for a page.
        selectors: CSS selectors of the source; each is used where it matches, else the general way.
        max_bytes: larger bodies are not opened; PDF and DOCX files have a limit of their own.
        documents: what was fetched of the `documents` that an earlier judgement wanted. Their texts follow
            the page's own.

    Returns:
        A judgement; its `article` is set exactly when the verdict is `article`. Its `documents` are the
        attachments whose text is wanted: for `stub_document` because there is no other, for a short article
        because the text it announces is there. Unexpected failures of a parser give the verdict `unreadable`
        with the exception's type and text.
    """
    limit = DOCUMENT_BYTES_MAX if document_kind(page.body) else max_bytes
    if len(page.body) > limit:
        return Judgement(Verdict.TOO_LARGE, f"{len(page.body)} bytes, the limit is {limit}")
    if not page.body.strip():
        if page.status in COOKIE_CHECK_STATUS:
            return Judgement(Verdict.CHALLENGE, f"status {page.status}, no bytes")
        if page.status >= 400:
            return Judgement(Verdict.ERROR, f"status {page.status}")
        return Judgement(Verdict.EMPTY, "no bytes")
    decoded: Decoded | None = None
    try:
        if is_entry(page):
            return judge_entry(page, _entry_text)
        if not_html(page.body):
            if page.status >= 400:
                return Judgement(Verdict.ERROR, f"status {page.status}")
            return judge_document(page)
        decoded = decode(page.body, page.header("content-type"))
        return _judge(page, decoded, selectors, documents)
    except ExtractionError as error:
        detail = str(error)
    except Exception as error:
        # The parsers below are third-party and see hostile input: whatever they raise costs this page only.
        log.warning("extraction failed: %s", page.url, exc_info=True)
        detail = f"crash: {type(error).__name__}: {error}"[:300]
    if decoded is None:
        return Judgement(Verdict.UNREADABLE, detail)
    return Judgement(Verdict.UNREADABLE, detail, None, decoded.encoding, decoded.found_by)


def _judge(
    page: Page, decoded: Decoded, selectors: Selectors, documents: Sequence[tuple[Attachment, bytes]]
) -> Judgement:
    def ruled(ruling: verdict.Ruling, wanted: tuple[Attachment, ...] = ()) -> Judgement:
        return Judgement(ruling.verdict, ruling.detail, None, decoded.encoding, decoded.found_by, wanted)

    if page.status < 400 and not decoded.text.strip(" \t\r\n\x00\ufeff"):
        return ruled(verdict.Ruling(Verdict.EMPTY, "no text at all"))
    tree = parse_html(decoded.text)
    elements = list(tree.iter())  # held to the end: lxml would make the objects anew for each pass
    check_size(elements)
    detail = find_detail(tree, decoded.text, page.url)
    shown = show_detail(tree, detail) if detail else None
    attachments = all_attachments(tree, detail, page.url)
    seen = visible_text(tree)
    page_title = clean_line(next((e.text_content() for e in tree.iter("title")), ""))
    early = verdict.before_extraction(page.status, decoded.text, page_title, seen)
    if early and not (
        early.verdict in _THIN
        and (detail or wanted_documents(attachments, tree, page_title, page.url, forms=True))
    ):
        return ruled(early)
    head = metadata.read_head(tree)
    title, title_from = find_title(head, tree)
    if selected := select_text(tree, selectors.title):
        title, title_from = selected, TitleSource.SELECTOR
    if detail and detail.title:
        title, title_from = detail.title, TitleSource.API
    visible = "\n".join(seen.lines)
    chinese = script_language(visible) == "zh"
    day = select_text(tree, selectors.date)
    found = dates.find_dates(
        dates.DatePage(head, tree, seen.lines, title, page.url, page.fetched_at, chinese, day)
    )
    content = _content_lines(tree, selectors.body, shown, chinese, seen.link_texts)
    text = _article_text(tree, content, seen.link_texts)
    late = (None if detail else early) or verdict.after_extraction(
        text,
        title,
        dated=detail is not None
        or found.written is not None
        or (found.published is not None and found.published.source in _ON_PAGE),
        declared=detail is not None or head.declares_article,
        page=seen,
        content=content.visible,
        closed=head.closed,
    )
    thin = late is not None and late.verdict in _THIN
    if late and not thin:
        return ruled(late)
    wanted: tuple[Attachment, ...] = ()
    if thin or verdict.weight(text) < _SHORT_ARTICLE:
        wanted = wanted_documents(attachments, tree, title, page.url, forms=thin)
    problems: list[str] = []
    own = text_beside(text, title, attachments) if wanted or documents else text
    if late is None and own is not text and says_little(own):
        late = verdict.Ruling(Verdict.STUB, f"{len(own)} characters beside the names of documents")
    if documents:
        kept = text if late is None else sentences(own)
        text, problems = with_documents(kept, documents)
        wanted = ()
        if text != kept and verdict.weight(text) >= verdict.SHORT_TEXT:
            late = None
    if late:
        if not (wanted or documents):
            return ruled(late)
        return ruled(verdict.Ruling(Verdict.STUB_DOCUMENT, "; ".join([late.detail, *problems])), wanted)
    article = Article(
        title=title or text.split("\n", 1)[0][:100],
        text=text,
        language=detect_language(text),
        published=found.published,
        written=found.written
        or dates.signature_date(
            text.split("\n"),
            found.published.value if found.published else page.fetched_at.astimezone(SHANGHAI).date(),
        ),
        author=select_text(tree, selectors.author) or metadata.find_author(head, tree, visible),
        issuer=metadata.find_issuer(head, visible),
        source_line=metadata.find_source_line(head, tree, visible),
        document_number=metadata.find_document_number(seen.lines, title),
        canonical_link=metadata.find_canonical_link(head, tree, page.url),
        attachments=attachments,
        title_from=title_from or TitleSource.TEXT,
        keywords=find_keywords(head),
        declared=find_declared(head, seen.lines),
    )
    if detail:
        article = with_detail(article, detail, page.fetched_at)
    return replace(ruled(verdict.Ruling(Verdict.ARTICLE, "; ".join(problems)), wanted), article=article)


def _entry_text(html: str) -> str:
    """The text of an article's HTML that a feed carries: there is nothing around it."""
    tree = parse_html(f"<html><body><div>{html}</div></body></html>")
    check_size(list(tree.iter()))
    seen = visible_text(tree)
    content = _element_lines(tree, True, seen.link_texts)
    return _finish(content.chosen, seen.link_texts) or "\n".join(seen.lines)


@dataclass(frozen=True, slots=True)
class _Content:
    """The part of a page taken for the article: what is visible of it, and the lines chosen as its text."""

    visible: list[str]
    chosen: list[str]
    by_source: bool  # a selector of the source found it, or its script has it


def _content_lines(
    tree: HtmlElement,
    body: str | None,
    shown: HtmlElement | None,
    chinese: bool,
    link_texts: Collection[str],
) -> _Content:
    if shown is not None:  # the script's own text: nothing has to be looked for
        return replace(_element_lines(shown, True, link_texts), by_source=True)
    selected = [line for element in select(tree, body) for line in visible_lines(element)]
    if selected:
        return _Content(selected, selected, True)
    element = find_content(tree)
    return _Content([], [], False) if element is None else _element_lines(element, chinese, link_texts)


def _element_lines(element: HtmlElement, complete: bool, link_texts: Collection[str]) -> _Content:
    """The lines of an element; `complete` where most of what is visible in it must be in the text."""
    lines = visible_lines(element)
    document = page_of(element)
    drop_furniture(document)
    if not complete:  # precision leaves out captions, teasers and bylines
        return _Content(lines, _run(document).split("\n"), False)
    # Chinese editors put paragraphs into any element, and trafilatura passes some of them over. A document
    # that lost a measure, or whose paragraphs have run together, is worse than one that kept a caption, so
    # then the container's visible lines are the text.
    found = _run(document, recall=True).split("\n")
    kept, whole = (verdict.weight(_finish(part, link_texts)) for part in (found, lines))
    merged = _MERGED * len(found) < len(lines) and not any(
        "|" in line for line in found
    )  # but for table rows
    return _Content(lines, lines if merged or kept < _COMPLETE * whole else found, False)


def _article_text(tree: HtmlElement, content: _Content, link_texts: Collection[str]) -> str:
    """The clean text of the article; empty if there is none."""
    text = _finish(content.chosen, link_texts)
    if (content.by_source and text) or verdict.weight(text) >= _ENOUGH:
        return text
    # Little was found: the page is short or unusual. The general extractor sees the whole page.
    general = _finish(_run(tree).split("\n"), link_texts)
    return general if verdict.weight(general) > _RESCUE * verdict.weight(text) else text


def _finish(lines: list[str], link_texts: Collection[str]) -> str:
    cleaned = [line for line in map(clean_line, lines) if line]
    return "\n".join(strip_furniture(cleaned, link_texts))


def _run(tree: HtmlElement, *, recall: bool = False) -> str:
    """The text trafilatura finds in a tree, which it copies; without its metadata and its duplicate cache."""
    document = trafilatura.bare_extraction(
        tree,
        favor_precision=not recall,
        favor_recall=recall,
        include_comments=False,
        with_metadata=False,
        deduplicate=False,
    )
    return (getattr(document, "text", None) or "") if document is not None else ""
