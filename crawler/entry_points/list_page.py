"""HTML list pages: the rows' links, their titles and dates, and the address of the next page."""

from __future__ import annotations

import datetime as dt
import re
from itertools import islice
from urllib.parse import urljoin

from lxml import html as lxml_html
from lxml.cssselect import CSSSelector
from lxml.etree import ParserError
from lxml.html import HtmlElement

from crawler.decode import decode
from crawler.entry_points import EntryPointError, Listing
from crawler.entry_points.paging import next_page_url
from hexapolis.errors import ExtractionError
from hexapolis.records import Ask, EntryPoint, Link, Page

MAX_LINKS = 5_000
_DATE = re.compile(r"(?<!\d)(20\d\d|19\d\d)[-./年](\d{1,2})[-./月](\d{1,2})(?!\d)")
_ROW_TAGS = frozenset({"li", "tr", "dd", "dt", "article", "p"})


def read_list_page(entry: EntryPoint, page: Page, number: int) -> Listing:
    """The links of one list page, in its order, and the next page's address where there is one.

    Raises:
        EntryPointError: the page has no HTML.
    """
    try:
        text = decode(page.body, page.header("content-type")).text
        # lxml wants bytes where the text declares an encoding
        root = lxml_html.fromstring(
            text.encode("utf-8", "replace"), parser=lxml_html.HTMLParser(encoding="utf-8")
        )
    except (ExtractionError, ParserError, ValueError) as error:
        raise EntryPointError(f"{page.url}: this is not an HTML page: {error}") from error
    base = root.find(".//base[@href]")
    base_url = (_absolute(page.url, base.get("href", "")) if base is not None else None) or page.url
    links: dict[str, Link] = {}
    for row in _select(entry.item, root) if entry.item else [root]:
        anchors = _anchors(entry, row)
        for anchor in anchors:
            address = _absolute(base_url, anchor.get("href", ""))
            if address and address not in links and len(links) < MAX_LINKS:
                links[address] = Link(
                    address, _title(anchor), _listed_on(entry, row if entry.item else anchor)
                )
    next_url = next_page_url(entry.paging, entry.url, page.url, base_url, number, root, text)
    return Listing(tuple(links.values()), (Ask(next_url),) if next_url else ())


def _select(selector: str, node: HtmlElement) -> list[HtmlElement]:
    return list(CSSSelector(selector, translator="html")(node))


def _anchors(entry: EntryPoint, row: HtmlElement) -> list[HtmlElement]:
    if entry.item is None:
        return list(row.iterfind(".//a[@href]"))
    found = (
        _select(entry.link, row) if entry.link else ([row] if row.tag == "a" else row.findall(".//a[@href]"))
    )
    return [a for a in found if a.get("href")][:1]


def _absolute(base: str, href: str) -> str | None:
    href = href.strip()
    if not href or href.startswith("#"):
        return None
    try:
        return urljoin(base, href)
    except ValueError:
        return None


def _title(anchor: HtmlElement) -> str | None:
    """The title attribute first: lists cut long titles off in the visible text."""
    return " ".join((anchor.get("title") or anchor.text_content()).split()) or None


def _listed_on(entry: EntryPoint, node: HtmlElement) -> dt.date | None:
    if entry.date and entry.item:
        found = _select(entry.date, node)
        return _first_date(found[0].text_content()) if found else None
    if not entry.item:  # the nearest row around the link, if it holds this link alone
        row = next((a for a in node.iterancestors() if a.tag in _ROW_TAGS), None)
        if row is None or len(list(islice(row.iterfind(".//a[@href]"), 3))) > 2:
            return None
        node = row
    return _first_date(" ".join(node.itertext()))


def _first_date(text: str) -> dt.date | None:
    match = _DATE.search(text)
    try:
        return dt.date(*map(int, match.groups())) if match else None
    except ValueError:
        return None
