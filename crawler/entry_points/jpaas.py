"""Hanweb jpaas (Zhejiang, Hangzhou, ministries): a column page, and the pieces of HTML that fill it.

The column page names them in attributes: `url`, of the interface, and `queryData`, of its parameters. The
interface answers with JSON whose `data.html` holds the rows, and mostly a pager that states rows, count and
page. Page N is asked for with `paramJson={"pageNo":N,"pageSize":M}`; as parameters of their own the two have
no effect.
"""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from lxml import html as lxml_html

from crawler.entry_points import EntryPointError, Listing
from crawler.entry_points.json_list import links_in_html, load_json, value_at
from crawler.entry_points.list_page import page_text, read_list_page
from crawler.entry_points.values import absolute
from crawler.html_bytes import html_bytes
from hexapolis.records import Ask, EntryPoint, Link, Page, Paging

MAX_UNITS = 5  # menus and side columns are units, too
MAX_COUNTS = 50  # scripts count all sorts of things
PAGE_SIZE = 15  # rows, where the pager does not say
_INTERFACE = "/page/build/unit"
_PAIR = re.compile(r"""['"](\w{1,40})['"]\s{0,9}:\s{0,9}(?:'([^']{0,500})'|"([^"]{0,500})"|(-?\w{1,40}))""")
_STATED = r"""(?<![\w-])%s['"]?\s{0,9}[:=]\s{0,9}['"]?(\d{1,9})(?!\w)"""
_ROWS, _COUNT, _PAGE_NO = (re.compile(_STATED % name) for name in ("rows", "count", "(?i:pageNo)"))


class _Pager(NamedTuple):
    page_size: int
    total: int
    number: int | None  # which page it says this is


def read_jpaas(entry: EntryPoint, page: Page) -> Listing:
    """The column page's own rows with the requests for the rest, or the rows of such a request.

    Raises:
        EntryPointError: a column with neither rows nor parameters, or an answer without `data.html`.
    """
    return _read_unit(entry, page) if _is_interface(page.url) else _read_column(entry, page)


def _is_interface(url: str) -> bool:
    return urlsplit(url).path.rstrip("/").endswith(_INTERFACE)


def _read_column(entry: EntryPoint, page: Page) -> Listing:
    found = read_list_page(_single(entry), page, 1).links
    links = tuple(link for link in found if absolute(page.url, link.url))
    text = page_text(page)
    units = _units(page, text)
    if not links and not units:
        raise EntryPointError(f"{page.url}: a column without rows, and without queryData to ask for them")
    pager = _pager(text)
    if pager is not None and len(units) == 1 and _has_rows(entry, links):  # its first page is already here
        return Listing(links, _next_ask(entry, units[0], 1, pager))
    return Listing(links, tuple(Ask(url, referer=entry.url) for url in units))


def _read_unit(entry: EntryPoint, page: Page) -> Listing:
    number = _number(page.url)
    fragment = value_at(load_json(page), "data.html")
    if not isinstance(fragment, str):
        raise EntryPointError(f"{page.url}: an answer without HTML at 'data.html'")
    # Relative links are the column's; its host is the one that answered.
    column = page.url if _is_interface(entry.url) else urljoin(page.url, urlsplit(entry.url).path)
    links = links_in_html(entry, page, fragment, column)
    pager = _pager(fragment)
    if pager is None or not links or pager.number not in (number, None):  # another page: ours was not heard
        return Listing(links)
    return Listing(links, _next_ask(entry, page.url, number, pager))


def _single(entry: EntryPoint) -> EntryPoint:
    return EntryPoint("list", entry.url, Paging("none"), entry.item, entry.link, entry.date)


def _has_rows(entry: EntryPoint, links: tuple[Link, ...]) -> bool:
    return bool(links) if entry.item else any(link.listed_on for link in links)


def _units(page: Page, text: str) -> list[str]:
    """The addresses of the pieces that the page asks for, in its order, each once."""
    parser = lxml_html.HTMLParser(encoding="utf-8")
    root = lxml_html.fromstring(html_bytes(text), parser=parser)
    units: dict[str, None] = {}
    for node in root.iterfind(".//*[@querydata]"):
        address = absolute(page.url, node.get("url"))
        parameters = {m[1]: m[2] or m[3] or m[4] or "" for m in _PAIR.finditer(node.get("querydata", ""))}
        if address and _is_interface(address) and parameters:
            units[_with(address, parameters)] = None
    return list(units)[:MAX_UNITS]


def _pager(text: str) -> _Pager | None:
    for count in islice(_COUNT.finditer(text), MAX_COUNTS):
        around = text[max(0, count.start() - 500) : count.end() + 500]  # one element states all three
        rows, number = _ROWS.search(around), _PAGE_NO.search(around)
        if int(count[1]) and (rows or number):  # else it counts something else
            page_size = int(rows[1]) if rows else 0
            return _Pager(page_size or PAGE_SIZE, int(count[1]), int(number[1]) if number else None)
    return None


def _next_ask(entry: EntryPoint, unit: str, number: int, pager: _Pager) -> tuple[Ask, ...]:
    if number * pager.page_size >= pager.total:
        return ()
    wanted = json.dumps({"pageNo": number + 1, "pageSize": pager.page_size}, separators=(",", ":"))
    return (Ask(_with(unit, {"paramJson": wanted}), referer=entry.url),)


def _number(url: str) -> int:
    """Which page of the piece an address asks for."""
    parameters = dict(parse_qsl(urlsplit(url).query))
    stated = _PAGE_NO.search(parameters.get("paramJson", ""))
    return max(1, int(stated[1])) if stated else 1


def _with(url: str, parameters: dict[str, str]) -> str:
    """The address with these parameters set; the others stay."""
    base, _, query = url.partition("#")[0].partition("?")
    return f"{base}?{urlencode({**dict(parse_qsl(query, keep_blank_values=True)), **parameters})}"
