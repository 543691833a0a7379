"""Turn one fetched page into a judgement and, if it is one, an article. Only this module imports trafilatura.

`judge_page` is what a worker process runs on each page. It raises for no input; a page that cannot be read
gets a verdict that says so. It keeps nothing between pages: the same page gives the same article in any
order. Time limits are the caller's: kill the worker.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from copy import deepcopy
from dataclasses import dataclass
from functools import cache

import lxml.etree
import lxml.html
import trafilatura
from lxml.cssselect import CSSSelector
from lxml.html import HtmlElement

from crawler import dates, metadata, verdict
from crawler.content import find_content
from crawler.date_text import SHANGHAI
from crawler.decode import Decoded, decode
from crawler.language import detect_language, script_language
from crawler.lines import clean_line, is_furniture, strip_furniture, visible_lines
from crawler.sniff import not_html
from crawler.titles import find_title
from crawler.verdict_words import COOKIE_CHECK_STATUS
from hexapolis.errors import ExtractionError
from hexapolis.records import Article, DateSource, Judgement, Page, Selectors, Verdict

_OWN_VERSION = "1"
EXTRACTOR_VERSION: str = f"{_OWN_VERSION}+trafilatura.{trafilatura.__version__}"

_ELEMENTS_MAX = (
    60_000  # trafilatura is superlinear: 45,000 short paragraphs take seconds, 300,000 take minutes
)
_DEPTH_MAX = 1_000  # libxml2 drops what is nested deeper than 2,048
_STEPS_MAX = 3_000_000  # sum of all elements' depths: many algorithms walk from each element to the root
_ON_PAGE = frozenset(DateSource) - {DateSource.URL, DateSource.HTMLDATE}
_ENOUGH = 80.0  # weight in Han characters from which the container's text is taken without a second opinion
_RESCUE = 1.5  # the general extractor must find so many times more to be preferred
_COMPLETE = 0.9  # of a Chinese container's visible text that trafilatura must keep to be believed
_LINK_TEXT_MAX = 200  # characters; a longer link is a paragraph


_NO_SELECTORS = Selectors()

log = logging.getLogger(__name__)


def judge_page(page: Page, selectors: Selectors = _NO_SELECTORS, *, max_bytes: int = 2_000_000) -> Judgement:
    """Judge one page and extract its article.

    Args:
        page: what was fetched.
        selectors: CSS selectors of the source; each is used where it matches, else the general way.
        max_bytes: larger bodies are not opened.

    Returns:
        A judgement; its `article` is set exactly when the verdict is `article`. Unexpected failures of a
        parser give the verdict `unreadable` with the exception's type and text.
    """
    if len(page.body) > max_bytes:
        return Judgement(Verdict.TOO_LARGE, f"{len(page.body)} bytes, the limit is {max_bytes}")
    if not page.body.strip():
        if page.status in COOKIE_CHECK_STATUS:
            return Judgement(Verdict.CHALLENGE, f"status {page.status}, no bytes")
        return (
            Judgement(Verdict.ERROR, f"status {page.status}")
            if page.status >= 400
            else Judgement(Verdict.EMPTY, "no bytes")
        )
    if kind := not_html(page.body):
        return (
            Judgement(Verdict.ERROR, f"status {page.status}")
            if page.status >= 400
            else Judgement(Verdict.NOT_HTML, kind)
        )
    try:
        decoded = decode(page.body, page.header("content-type"))
    except ExtractionError as error:
        return Judgement(Verdict.UNREADABLE, str(error))
    try:
        return _judge(page, decoded, selectors)
    except ExtractionError as error:
        return Judgement(Verdict.UNREADABLE, str(error), None, decoded.encoding, decoded.found_by)
    except Exception as error:
        # The parsers below are third-party and see hostile input: whatever they raise costs this page only.
        log.warning("extraction failed: %s", page.url, exc_info=True)
        detail = f"crash: {type(error).__name__}: {error}"[:300]
        return Judgement(Verdict.UNREADABLE, detail, None, decoded.encoding, decoded.found_by)


def _judge(page: Page, decoded: Decoded, selectors: Selectors) -> Judgement:
    def ruled(ruling: verdict.Ruling) -> Judgement:
        return Judgement(ruling.verdict, ruling.detail, None, decoded.encoding, decoded.found_by)

    if page.status < 400 and not decoded.text.strip(" \t\r\n\x00\ufeff"):
        return ruled(verdict.Ruling(Verdict.EMPTY, "no text at all"))
    tree = parse_html(decoded.text)
    # lxml makes a Python object for an element each time one is reached; holding them all makes passes
    # cheaper.
    elements = list(tree.iter())
    _check_size(elements)
    seen = _visible_text(tree)
    page_title = clean_line(next((e.text_content() for e in tree.iter("title")), ""))
    if early := verdict.before_extraction(page.status, decoded.text, page_title, seen):
        return ruled(early)
    head = metadata.read_head(tree)
    title = _selected(tree, selectors.title) or find_title(head, tree)
    visible = "\n".join(seen.lines)
    chinese = script_language(visible) == "zh"
    found = dates.find_dates(
        dates.DatePage(
            head, tree, seen.lines, title, page.url, page.fetched_at, chinese, _selected(tree, selectors.date)
        )
    )
    content = _content_lines(tree, selectors.body, chinese, seen.link_texts)
    text = _article_text(tree, content, seen.link_texts)
    late = verdict.after_extraction(
        text,
        title,
        dated=found.written is not None
        or (found.published is not None and found.published.source in _ON_PAGE),
        declared=head.declares_article,
        page=seen,
        content=content.visible,
    )
    if late:
        return ruled(late)
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
        author=_selected(tree, selectors.author) or metadata.find_author(head, tree, visible),
        issuer=metadata.find_issuer(head, visible),
        source_line=metadata.find_source_line(head, tree, visible),
        document_number=metadata.find_document_number(seen.lines, title),
        canonical_link=metadata.find_canonical_link(head, tree, page.url),
        attachments=metadata.find_attachments(tree, page.url),
    )
    return Judgement(Verdict.ARTICLE, "", article, decoded.encoding, decoded.found_by)


def parse_html(text: str) -> HtmlElement:
    """Parse a decoded page.

    Raises:
        ExtractionError: `no_text`, if nothing can be parsed.
    """
    # Bytes with a stated charset: lxml refuses text that carries an XML declaration. NULs go, as in browsers.
    body = text.replace("\x00", "").encode("utf-8", "replace")
    parser = lxml.html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        return lxml.html.document_fromstring(body, parser=parser)
    except (lxml.etree.ParserError, lxml.etree.XMLSyntaxError) as error:
        raise ExtractionError("no_text", f"no HTML in the page ({error})") from error


def _check_size(elements: list[HtmlElement]) -> None:
    """Refuse what would take minutes.

    Raises:
        ExtractionError: `too_large`, if there are too many elements or levels.
    """
    if len(elements) > _ELEMENTS_MAX:
        raise ExtractionError("too_large", f"{len(elements)} elements, the limit is {_ELEMENTS_MAX}")
    if len(elements) < _DEPTH_MAX:
        return
    depth: dict[HtmlElement | None, int] = {None: 0}
    for element in elements:  # parents come before their children
        depth[element] = depth[element.getparent()] + 1
    deepest = max(depth.values())
    if deepest > _DEPTH_MAX:
        raise ExtractionError("too_large", f"elements nested deeper than {_DEPTH_MAX}")
    if sum(depth.values()) > _STEPS_MAX:
        raise ExtractionError("too_large", f"{len(elements)} elements nested {deepest} deep")


@cache
def _css(selector: str) -> CSSSelector:
    return CSSSelector(selector)


def _select(tree: HtmlElement, selector: str | None) -> list[HtmlElement]:
    return [e for e in _css(selector)(tree) if isinstance(e, HtmlElement)] if selector else []


def _selected(tree: HtmlElement, selector: str | None) -> str | None:
    """What the selector's first match says: its `content`, `datetime` or text; None if there is no match."""
    for element in _select(tree, selector):
        value = clean_line(
            element.get("content") or element.get("datetime") or " ".join(visible_lines(element))
        )
        if value:
            return value
    return None


def _visible_text(tree: HtmlElement) -> verdict.VisibleText:
    """The lines of a page and its links to other pages; linked documents and paragraphs count as text."""
    texts: set[str] = set()
    link_weight = 0.0
    for anchor in tree.iter("a"):
        text = clean_line(anchor.text_content())
        if 0 < len(text) <= _LINK_TEXT_MAX and not metadata.is_attachment(anchor.get("href") or ""):
            texts.add(text)
            link_weight += verdict.weight(text)
    return verdict.VisibleText(visible_lines(tree), texts, link_weight)


@dataclass(frozen=True, slots=True)
class _Content:
    """The part of a page taken for the article: what is visible of it, and the lines chosen as its text."""

    visible: list[str]
    chosen: list[str]
    by_source: bool  # a selector of the source found it


def _content_lines(
    tree: HtmlElement, body: str | None, chinese: bool, link_texts: Collection[str]
) -> _Content:
    selected = [line for element in _select(tree, body) for line in visible_lines(element)]
    if selected:
        return _Content(selected, selected, True)
    element = find_content(tree)
    if element is None:
        return _Content([], [], False)
    lines = visible_lines(element)
    document = _document(element)
    _drop_furniture(document)
    if not chinese:  # precision leaves out captions, teasers and bylines
        return _Content(lines, _run(document).split("\n"), False)
    # Chinese editors put paragraphs into any element, and trafilatura passes some of them over. A document
    # that lost a measure is worse than one that kept a caption, so then the container's visible lines are
    # the text.
    found = _run(document, recall=True).split("\n")
    kept, whole = (verdict.weight(_finish(part, link_texts)) for part in (found, lines))
    return _Content(lines, found if kept >= _COMPLETE * whole else lines, False)


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


def _document(content: HtmlElement) -> HtmlElement:
    """A page whose body is a copy of one element."""
    inner = deepcopy(content)
    inner.tail = None
    if inner.tag in ("body", "html"):
        inner.tag = "div"
    root = lxml.html.Element("html")
    lxml.etree.SubElement(root, "body").append(inner)
    return root


def _drop_furniture(document: HtmlElement) -> None:
    """Take counters, buttons and editors' names out: what trafilatura keeps depends on its neighbours."""
    for element in list(document.iter("p", "div", "span", "li", "td", "section")):
        text = clean_line(element.text_content())
        if text and len(text) <= _LINK_TEXT_MAX and is_furniture(text):
            element.drop_tree()


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
