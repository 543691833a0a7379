"""A decoded page as a tree: parsing, bounds on its size, what a selector finds, what a reader sees.

Not for judging a page or taking its text.
"""

from __future__ import annotations

from copy import deepcopy
from functools import cache

import lxml.etree
import lxml.html
from lxml.cssselect import CSSSelector
from lxml.html import HtmlElement

from crawler.html_bytes import html_bytes
from crawler.lines import clean_line, is_furniture, visible_lines
from crawler.metadata import is_attachment
from crawler.verdict import VisibleText, weight
from hexapolis.errors import ExtractionError

_ELEMENTS_MAX = (
    60_000  # trafilatura is superlinear: 45,000 short paragraphs take seconds, 300,000 take minutes
)
_DEPTH_MAX = 1_000  # libxml2 drops what is nested deeper than 2,048
_LINK_TEXT_MAX = 200  # characters; a longer link is a paragraph
_FURNITURE_MAX = 200  # characters of an element that is looked at as a whole
_STEPS_MAX = 3_000_000  # sum of all elements' depths: many algorithms walk from each element to the root


def parse_html(text: str) -> HtmlElement:
    """Parse a decoded page.

    Raises:
        ExtractionError: `no_text`, if nothing can be parsed.
    """
    parser = lxml.html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        return lxml.html.document_fromstring(html_bytes(text), parser=parser)
    except (lxml.etree.ParserError, lxml.etree.XMLSyntaxError) as error:
        raise ExtractionError("no_text", f"no HTML in the page ({error})") from error


def check_size(elements: list[HtmlElement]) -> None:
    """Refuse what would take minutes.

    Args:
        elements: of the whole tree, parents before their children.

    Raises:
        ExtractionError: `too_large`, if there are too many elements or levels.
    """
    if len(elements) > _ELEMENTS_MAX:
        raise ExtractionError("too_large", f"{len(elements)} elements, the limit is {_ELEMENTS_MAX}")
    if len(elements) < _DEPTH_MAX:
        return
    depth: dict[HtmlElement | None, int] = {None: 0}
    for element in elements:
        depth[element] = depth[element.getparent()] + 1
    deepest = max(depth.values())
    if deepest > _DEPTH_MAX:
        raise ExtractionError("too_large", f"elements nested deeper than {_DEPTH_MAX}")
    if sum(depth.values()) > _STEPS_MAX:
        raise ExtractionError("too_large", f"{len(elements)} elements nested {deepest} deep")


@cache
def _css(selector: str) -> CSSSelector:
    return CSSSelector(selector)


def select(tree: HtmlElement, selector: str | None) -> list[HtmlElement]:
    """The elements that a CSS selector finds; none for no selector."""
    return [e for e in _css(selector)(tree) if isinstance(e, HtmlElement)] if selector else []


def select_text(tree: HtmlElement, selector: str | None) -> str | None:
    """What the selector's first match says: its `content`, `datetime` or text; None if there is no match."""
    for element in select(tree, selector):
        value = clean_line(
            element.get("content") or element.get("datetime") or " ".join(visible_lines(element))
        )
        if value:
            return value
    return None


def visible_text(tree: HtmlElement) -> VisibleText:
    """The lines of a page and its links to other pages; linked documents and paragraphs count as text."""
    texts: set[str] = set()
    link_weight = 0.0
    for anchor in tree.iter("a"):
        text = clean_line(anchor.text_content())
        if 0 < len(text) <= _LINK_TEXT_MAX and not is_attachment(anchor.get("href") or ""):
            texts.add(text)
            link_weight += weight(text)
    return VisibleText(visible_lines(tree), texts, link_weight)


def page_of(content: HtmlElement) -> HtmlElement:
    """A page whose body is a copy of one element."""
    inner = deepcopy(content)
    inner.tail = None
    if inner.tag in ("body", "html"):
        inner.tag = "div"
    root = lxml.html.Element("html")
    lxml.etree.SubElement(root, "body").append(inner)
    return root


def drop_furniture(document: HtmlElement) -> None:
    """Take counters, buttons and editors' names out: what trafilatura keeps depends on its neighbours."""
    for element in list(document.iter("p", "div", "span", "li", "td", "section")):
        text = clean_line(element.text_content())
        if text and len(text) <= _FURNITURE_MAX and is_furniture(text):
            element.drop_tree()
