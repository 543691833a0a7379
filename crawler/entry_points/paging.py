"""Where the next page of a list is.

Schemes (`Paging.scheme`), for a first page `index.html`:

- `none`: there is one page.
- `zero_based`: page 2 is `index_1.html` (TRS t-date).
- `one_based`: page 2 is `index_2.html` (NFCMS, UCAP, Shanghai).
- `concat`: page 2 is `index2.html` (people.com.cn).
- `template`: an address with `{page}`, counted from `first`.
- `next_link`: the page's own link to the next one.
- `year_archives`: the first page links to a list for each year, newest first; each is then one-based.

What a page says of itself wins over the scheme: of two bureaus of one city, one may count from 0 and the
other from 1. The link to page 2 tells it, else the page number in the pager's script; further pages go on as
the second one began. The number of pages is read from the pager where it states one; otherwise the crawler
goes on until a page is missing or offers nothing new. A numbered page never leads to itself or to a lower
number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urljoin, urlsplit, urlunsplit

from lxml.html import HtmlElement

from hexapolis.records import Paging

MAX_YEARS = 60
NUMBERED = frozenset({"zero_based", "one_based", "concat"})
_ADDRESS_ATTRIBUTES = ("tagname", "data-url", "data-href")

# createPageHTML(3, 0, "index", "html"), createPage(total, current, …), createPageHTML('paging', 25, 1, …)
_CREATE_PAGE = re.compile(
    r"createPage(?:HTML)?\s*\(\s*(?:['\"][\w-]{0,60}['\"]\s*,\s*)?(\d{1,9})\s*,\s*(\d{1,9})\b"
    r"(?:\s*,\s*['\"]([\w-]{1,60})['\"]\s*,\s*['\"](\w{1,8})['\"])?"
)
_TOTAL = re.compile(
    r"\b(?:total_?pages?|totalPageCount|countPage|page_?count|maxPage)['\"]?\s*[:=]\s*['\"]?(\d{1,9})\b",
    re.IGNORECASE,
)
_OF_TOTAL = re.compile(r"第?\s*\d{1,9}\s*/\s*(\d{1,9})\s*页")  # 第1/3页
_IN_ALL = re.compile(r"共\s*(?:<[^<>]{1,80}>\s*)?(\d{1,9})\s*(?:<[^<>]{1,80}>\s*)?页")  # 共<b>3</b>页
_ROWS = re.compile(r"\btotal(?:Record|Data|Rows?)['\"]?\s*[:=]\s*['\"]?(\d{1,9})\b", re.IGNORECASE)
_ROWS_OF_A_PAGE = re.compile(
    r"\b(?:per_?page|page_?size|showData)['\"]?\s*[:=]\s*['\"]?(\d{1,4})\b", re.IGNORECASE
)
_NEXT_TEXT = re.compile(
    r"(?:下一?[页頁]|后一页|next(?: page)?|older(?: posts)?|[>»›]{1,2}) ?[>»›]*", re.IGNORECASE
)
_IN_SCRIPT = re.compile(r"['\"]([^'\"\s]{1,500}\.\w{2,5}(?:\?[^'\"\s]{0,500})?)['\"]")
_YEAR = re.compile(r"((?:19|20)\d\d) ?年?度?[^\d\s]{0,8}")
_LATER_NAME = re.compile(r"^([A-Za-z]+)_?\d{1,4}(\.\w{2,5})$")  # index_2.html
_FOLDER = re.compile(r"(?:/|/(?:index|default|list)\.\w{2,5})$")


@dataclass(frozen=True, slots=True)
class _ScriptPager:
    """What a TRS pager's script call says."""

    total: int
    current: int
    name: str | None  # of page 1's file


def stated_pages(text: str) -> int | None:
    """How many pages the pager says there are; None when it does not say."""
    if pager := _script_pager(text):
        return pager.total
    match = _TOTAL.search(text) or _OF_TOTAL.search(text) or _IN_ALL.search(text)
    if match and int(match[1]):
        return int(match[1])
    rows, rows_of_a_page = _ROWS.search(text), _ROWS_OF_A_PAGE.search(text)
    if rows and rows_of_a_page and int(rows[1]) and int(rows_of_a_page[1]):
        return -(-int(rows[1]) // int(rows_of_a_page[1]))
    return None


def _script_pager(text: str) -> _ScriptPager | None:
    if not (match := _CREATE_PAGE.search(text)):
        return None
    numbers = sorted((int(match[1]), int(match[2])))  # the order of total and current differs between sites
    return _ScriptPager(numbers[1], numbers[0], f"{match[3]}.{match[4]}" if match[3] else None)


def next_page_urls(
    paging: Paging, first_url: str, page_url: str, base_url: str, number: int, root: HtmlElement, text: str
) -> list[str]:
    """The addresses of the pages that follow this one: none or one, but for an index of years.

    Args:
        paging: the entry point's scheme.
        first_url: address of page 1.
        page_url: address of this page.
        base_url: what its relative links start from.
        number: which page this is, counted from 1.
        root: the parsed page.
        text: its source, where scripts state the number of pages.
    """
    if paging.scheme != "year_archives":
        url = next_page_url(paging, first_url, page_url, base_url, number, root, text)
        return [url] if url else []
    years = _years(page_url, base_url, root) if number == 1 else []
    if years and (stated_pages(text) or 1) <= 1:
        return years
    # The list of one year, which the index of all years may be itself. Its own name says which page it is.
    parts = urlsplit(page_url)
    folder, _, name = parts.path.rpartition("/")
    first = urlunsplit(parts._replace(path=f"{folder}/{_first_name(name)}"))
    number = _Pages.of(first, "_").number_of(page_url) or 1
    url = _numbered_next("one_based", first, page_url, base_url, number, root, text)
    return [*([url] if url else []), *years]


def next_page_url(
    paging: Paging, first_url: str, page_url: str, base_url: str, number: int, root: HtmlElement, text: str
) -> str | None:
    """The address of page `number + 1`, or None after the last one; see `next_page_urls`."""
    if paging.scheme == "none":
        return None
    if paging.scheme == "next_link":
        return _next_link(first_url, page_url, base_url, root)
    if paging.scheme == "template":
        total = stated_pages(text)
        if total is not None and number >= total:
            return None
        return (paging.template or "").replace("{page}", str(paging.first + number))
    return _numbered_next(paging.scheme, first_url, page_url, base_url, number, root, text)


def other_pages(paging: Paging, first_url: str) -> Callable[[str], bool]:
    """A test of addresses: whether one is another page of this numbered list, and so no article."""
    if paging.scheme not in NUMBERED:
        return lambda url: False
    pages = _Pages.of(first_url, _separator(paging.scheme))
    return lambda url: pages.number_of(url) is not None


def _separator(scheme: str) -> str:
    return "" if scheme == "concat" else "_"


@dataclass(frozen=True, slots=True)
class _Pages:
    """How the pages of one list are named: `{start}{separator}{number}{end}`."""

    scheme: str
    start: str  # without the scheme, which a redirect may change
    separator: str
    end: str

    @classmethod
    def of(cls, first_url: str, separator: str, name: str | None = None) -> _Pages:
        """Of a list by its first page; a folder is taken as its `name`, else its `index.html`."""
        parts = urlsplit(first_url)
        folder, _, own_name = parts.path.rpartition("/")
        name = own_name or name or "index.html"
        stem, dot, extension = name.rpartition(".")
        if not dot:
            stem, extension = name, ""
        query = f"?{parts.query}" if parts.query else ""
        return cls(parts.scheme, f"//{parts.netloc}{folder}/{stem}", separator, f"{dot}{extension}{query}")

    def page(self, number: int) -> str:
        return f"{self.scheme}:{self.start}{self.separator}{number}{self.end}"

    def number_of(self, url: str) -> int | None:
        """The number in an address; None for the first page and for what is no page of this list."""
        start, rest = self.start + self.separator, url.partition(":")[2]
        if not (rest.startswith(start) and rest.endswith(self.end)):
            return None
        digits = rest[len(start) : len(rest) - len(self.end)]
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 4 else None


def numbered(first_url: str, suffix: int, separator: str = "_") -> str:
    """`…/index.html` → `…/index_2.html`; a folder is taken as its `index.html`."""
    return _Pages.of(first_url, separator).page(suffix)


def _numbered_next(
    scheme: str, first_url: str, page_url: str, base_url: str, number: int, root: HtmlElement, text: str
) -> str | None:
    pager = _script_pager(text)
    name = pager.name if pager else None
    if name is None and number > 1:  # a folder's later pages say what its first one is called
        name = _first_name(_file_name(page_url)) or None
    pages = _Pages.of(first_url, _separator(scheme), name)
    is_named = bool(_file_name(first_url))
    own = pages.number_of(page_url)
    reached = own if own is not None else 0
    began = own is not None and number > 1 and own in (number - 1, number)
    wanted = (reached + 1,) if began else (number, number + 1)
    for address in _addresses(root, base_url, {str(number + 1)}):
        linked = pages
        if not is_named:
            linked = _Pages.of(first_url, pages.separator, _first_name(_file_name(address)))
        found = linked.number_of(address)
        if found is not None and found in wanted and found > reached:
            return linked.page(found)
    total = stated_pages(text)
    if total is not None and number >= total:
        return None
    if began:
        following = reached + 1
    elif pager is not None and pager.current in (number - 1, number):
        following = pager.current + 1
    else:
        following = number if scheme == "zero_based" else number + 1
    return pages.page(following) if following > reached else None


def _file_name(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[2]


def _first_name(name: str) -> str:
    """`index_2.html` → `index.html`: the name of page 1's file, by that of another page."""
    return _LATER_NAME.sub(r"\1\2", name)


def _addresses(root: HtmlElement, base_url: str, words: Container[str]) -> Iterator[str]:
    """Where the links go whose text is one of some words, or says that they lead to the next page."""
    for node in root.iter("a", "button"):
        if node.text and len(node.text) > 30:
            continue
        text = " ".join("".join(islice(node.itertext(), 20)).split())
        is_pager = len(text) <= 20 and (text in words or _NEXT_TEXT.fullmatch(text))
        if is_pager and (address := _address(node, base_url)):
            yield address


def _address(node: HtmlElement, base_url: str) -> str | None:
    """The address of a pager's link, also where a script is to read it from another attribute."""
    href = (node.get("href") or "").strip()
    if not href or href.startswith("#") or href.lower().startswith("javascript:"):
        in_script = _IN_SCRIPT.search(f"{href} {node.get('onclick') or ''}"[:2_000])
        given = next((node.get(name) for name in _ADDRESS_ATTRIBUTES if node.get(name)), None)
        href = (given or (in_script[1] if in_script else "")).strip()
    try:
        return urljoin(base_url, href).partition("#")[0] if href else None
    except ValueError:
        return None


def _next_link(first_url: str, page_url: str, base_url: str, root: HtmlElement) -> str | None:
    declared = (node for node in root.iter("a", "link") if "next" in (node.get("rel") or "").lower().split())
    candidates = [address for node in declared if (address := _address(node, base_url))]
    for address in (*candidates, *_addresses(root, base_url, ())):
        return address if address not in (page_url, first_url) else None
    return None


def _years(page_url: str, base_url: str, root: HtmlElement) -> list[str]:
    """The lists of single years that a page links to, newest first."""
    found: dict[str, int] = {}
    host = urlsplit(page_url).netloc
    for node in root.iter("a"):
        text = " ".join("".join(islice(node.itertext(), 20)).split())
        year = _YEAR.fullmatch(text) if len(text) <= 20 else None
        address = _address(node, base_url) if year else None
        if year and address and address != page_url:
            parts = urlsplit(address)
            if parts.netloc == host and _FOLDER.search(parts.path):
                found.setdefault(address, int(year[1]))
    return sorted(found, key=lambda address: -found[address])[:MAX_YEARS]
