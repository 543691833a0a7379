"""HTML list pages: the rows' links, their titles and dates, and the addresses of the next pages."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Container, Iterable, Iterator
from functools import lru_cache
from itertools import islice
from urllib.parse import urljoin

from lxml import html as lxml_html
from lxml.cssselect import CSSSelector
from lxml.etree import ParserError
from lxml.html import HtmlElement

from crawler.decode import decode
from crawler.entry_points import EntryPointError, Listing
from crawler.entry_points.hidden_rows import ROW_TAGS, UNKNOWN, HiddenRows, open_hidden_rows
from crawler.entry_points.paging import next_page_urls, other_pages
from crawler.html_bytes import html_bytes
from hexapolis.errors import ExtractionError
from hexapolis.records import Ask, EntryPoint, Link, Page

MAX_LINKS = 5_000
_DATE = re.compile(r"(?<!\d)(20\d\d|19\d\d)\s?[-./年]\s*(\d{1,2})\s?[-./月]\s*(\d{1,2})(?!\d)")
_PLACE = re.compile(r"https?://[^/?#\\]")
_PLACEHOLDER = re.compile(rf"[{{}}<>{UNKNOWN}]")  # in the address of a template's row
_ARTICLE_NAME = re.compile(r"\d{4}[^/?#]*(?:[?#].*)?$|[0-9a-f]{16}")


def read_list_page(entry: EntryPoint, page: Page, number: int) -> Listing:
    """The links of one list page, in its order, and the next pages' addresses where there are any.

    Rows that only a browser would show come after the visible ones. A page without links, such as the stub
    that many sites send in place of a missing page, ends the list.

    Raises:
        EntryPointError: the page has no HTML.
    """
    text = page_text(page)
    try:
        root = lxml_html.fromstring(html_bytes(text), parser=lxml_html.HTMLParser(encoding="utf-8"))
    except (ParserError, ValueError) as error:
        raise EntryPointError(f"{page.url}: this is not an HTML page: {error}") from error
    base_url = base_address(page, root)
    links: dict[str, Link] = {}
    keep(links, _visible_links(entry, base_url, root, links))
    further = next_page_urls(entry.paging, entry.url, page.url, base_url, number, root, text)
    if hidden := open_hidden_rows(root):
        keep(links, _hidden_links(entry, base_url, root, hidden, links))
    if not links:
        return Listing(())
    is_list = other_pages(entry.paging, entry.url)
    return Listing(
        tuple(link for link in links.values() if not is_list(link.url)), tuple(Ask(url) for url in further)
    )


def page_text(page: Page) -> str:
    """The text of a page.

    Raises:
        EntryPointError: the bytes are no text.
    """
    try:
        return decode(page.body, page.header("content-type")).text
    except ExtractionError as error:
        raise EntryPointError(f"{page.url}: this is not an HTML page: {error}") from error


def base_address(page: Page, root: HtmlElement) -> str:
    """What the relative links of a page start from."""
    base = root.find(".//base[@href]")
    address = _absolute(page.url, base.get("href", "")) if base is not None else None
    return address if address and _PLACE.match(address) else page.url


def keep(links: dict[str, Link], found: Iterable[Link]) -> None:
    """Add links at the end, each address once, up to the limit of one page."""
    for link in found:
        if len(links) >= MAX_LINKS:
            return
        links.setdefault(link.url, link)


def row_link(entry: EntryPoint, base_url: str, row: HtmlElement, known: Container[str] = ()) -> Link | None:
    """The link of one row, by the entry's selectors where it has them; None when it has none that is new."""
    own = [row] if row.tag == "a" else row.findall(".//a[@href]")
    found = select(entry.link, row) if entry.link else own
    anchor = next((a for a in found if a.get("href")), None)
    address = _absolute(base_url, anchor.get("href", "")) if anchor is not None else None
    if anchor is None or address is None or address in known:
        return None
    if entry.date:
        dates = select(entry.date, row)
        listed_on = _first_date(dates[0].text_content()) if dates else None
    else:
        listed_on = _first_date(" ".join(row.itertext()))
    return Link(address, _title(anchor), listed_on)


def select(selector: str, node: HtmlElement) -> list[HtmlElement]:
    """The elements below a node that a CSS selector finds."""
    return list(_compiled(selector)(node))


@lru_cache(maxsize=256)
def _compiled(selector: str) -> CSSSelector:
    return CSSSelector(selector, translator="html")


def _visible_links(
    entry: EntryPoint, base_url: str, root: HtmlElement, known: Container[str]
) -> Iterator[Link]:
    if entry.item is None:
        yield from _anchor_links(base_url, root.iterfind(".//a[@href]"), known)
        return
    for row in select(entry.item, root):
        if link := row_link(entry, base_url, row, known):
            yield link


def _hidden_links(
    entry: EntryPoint, base_url: str, root: HtmlElement, hidden: list[HiddenRows], known: Container[str]
) -> Iterator[Link]:
    """Links that are there only since the hidden rows were opened."""
    if entry.item:
        found = _visible_links(entry, base_url, root, known)
        yield from (link for link in found if not _PLACEHOLDER.search(link.url))
        return
    for rows in hidden:
        for link in _anchor_links(base_url, rows.element.iter("a"), known):
            # Templates and what was commented out long ago hold links of all kinds.
            likely = rows.written or link.listed_on or _ARTICLE_NAME.search(link.url)
            if likely and not _PLACEHOLDER.search(link.url):
                yield link


def _anchor_links(base_url: str, anchors: Iterable[HtmlElement], known: Container[str]) -> Iterator[Link]:
    for anchor in anchors:
        address = _absolute(base_url, anchor.get("href", ""))
        if address and address not in known:
            yield Link(address, _title(anchor), _date_beside(anchor))


def _absolute(base: str, href: str) -> str | None:
    """The address that a link leads to; None for a place on the page itself and for what is no address."""
    href = href.strip()
    if not href or href.startswith("#"):
        return None
    # `urljoin` takes as long as all the rest together, and most links are simple.
    if href.isprintable() and "/." not in href and "[" not in href:
        if href.startswith(("https://", "http://")):
            return href
        if href[0] == "/" and not href.startswith("//"):
            return _places(base)[0] + href
        if href.startswith("./") and "?" not in href:
            return _places(base)[1] + href[2:]
    try:
        return urljoin(base, href)
    except ValueError:
        return None


@lru_cache(maxsize=256)
def _places(base: str) -> tuple[str, str]:
    """The site and the folder of an address."""
    return urljoin(base, "/")[:-1], urljoin(base, "./")


def _title(anchor: HtmlElement) -> str | None:
    """The title attribute first: lists cut long titles off in the visible text."""
    title = anchor.get("title") or anchor.text_content()
    return " ".join(title.replace(UNKNOWN, " ").split()) or None


def _date_beside(anchor: HtmlElement) -> dt.date | None:
    """The date in the nearest row around a link, if it holds this link alone."""
    row = next((a for a in anchor.iterancestors() if a.tag in ROW_TAGS), None)
    if row is None or len(list(islice(row.iterfind(".//a[@href]"), 3))) > 2:
        return None
    return _first_date(" ".join(row.itertext()))


def _first_date(text: str) -> dt.date | None:
    match = _DATE.search(text)
    try:
        return dt.date(*map(int, match.groups())) if match else None
    except ValueError:
        return None
