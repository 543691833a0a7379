"""Hanweb jpage (Jiangsu, Shandong, Liaoning): a column page with an XML store of rows, and its proxy.

The column page holds the first rows as `<record><![CDATA[<li>…]]></record>` in a script, and beside them the
settings of the plug-in that turns the pages: the number of rows, the rows of a page, the proxy's address,
column and unit. The proxy is asked for rows by their numbers; all that the answer to one request needs for
the next is in the request's own address. Where no number of rows is stated, the store's `<nextgroup>` link is
followed.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from crawler.entry_points import EntryPointError, Listing
from crawler.entry_points.hidden_rows import parse_fragment, records
from crawler.entry_points.list_page import keep, page_text, read_list_page, row_link, select
from hexapolis.records import Ask, EntryPoint, Link, Page, Paging

PROXY = "/module/web/jpage/dataproxy.jsp"
PER_PAGE, GROUP = 15, 3  # the plug-in's defaults: rows of a page, and pages in one answer
MAX_PER_PAGE, MAX_GROUP = 100, 10
MAX_UNITS = 20  # side columns have stores of their own
_SETTINGS_LENGTH = 3_000  # characters of the plug-in's call

_CALL = re.compile(r"\.jpage\s{0,9}\(")
_STORE = re.compile(r"<datastore\b(.*?)(?:</datastore>|\Z)", re.DOTALL | re.IGNORECASE)
_NEXT = re.compile(
    r"<nextgroup>\s{0,99}<!\[CDATA\[[^<>]{0,99}<a\s[^<>]{0,99}?href=([\"'])(.{1,2000}?)\1", re.IGNORECASE
)
_TOTAL_IN_XML = re.compile(r"<totalrecords?>\s{0,99}(?:<!\[CDATA\[)?\s{0,99}(\d{1,9})", re.IGNORECASE)
_PAGES_IN_XML = re.compile(r"<totalpages?>\s{0,99}(?:<!\[CDATA\[)?\s{0,99}(\d{1,9})", re.IGNORECASE)
_SETTING = re.compile(
    r"""(?<![\w-])['"]?(\w{1,30})['"]?\s{0,9}[:=]\s{0,9}(?:'([^'<>]{0,500})'|"([^"<>]{0,500})"|(\d{1,9})(?!\w))"""
)
_COLUMN = re.compile(r"/col/?(?:col)?(\d{1,12})(?:/|$)")
# What the plug-in sends along; `path` and the names are of no use to the proxy, but are always there.
_PARAMETERS = (
    "col",
    "appid",
    "webid",
    "path",
    "columnid",
    "sourceContentType",
    "unitid",
    "webname",
    "permissiontype",
)


@dataclass(frozen=True, slots=True)
class _Unit:
    """One list of a column page."""

    proxy: str
    parameters: Mapping[str, str]
    total: int
    per_page: int
    group: int


def read_jpage(entry: EntryPoint, page: Page, number: int) -> Listing:
    """The rows of a column page or of the proxy's answer, and the request for the next ones.

    Raises:
        EntryPointError: a column page without rows and store, or an answer that is not the proxy's.
    """
    text = page_text(page)
    if _is_answer(page.url):
        return _read_answer(entry, page, text)
    links: dict[str, Link] = {}
    keep(links, read_list_page(replace(entry, kind="list", paging=Paging("none")), page, 1).links)
    stores = [match[1] for match in islice(_STORE.finditer(text), MAX_UNITS)]
    _keep_records(links, entry, page.url, text)
    unit = _main_unit(text, page.url, stores)
    if not links and not stores and unit is None:
        raise EntryPointError(f"{page.url}: a column without rows, and without the settings to ask for them")
    if unit is None:
        return Listing(tuple(links.values()), _next_group(entry, page.url, max(stores, key=len, default="")))
    shown = len(records(_store_of(unit, stores, text)))
    return Listing(tuple(links.values()), _rows_from(entry, unit, shown + 1))


def _is_answer(url: str) -> bool:
    return urlsplit(url).path.lower().endswith("dataproxy.jsp")


def _keep_records(links: dict[str, Link], entry: EntryPoint, base_url: str, text: str) -> int:
    """Add the links of the records; how many records there are."""
    found = records(text)
    for record in found:
        body = parse_fragment(record)
        if body is not None:
            rows = (select(entry.item, body) if entry.item else []) or [body]
            keep(links, (link for row in rows if (link := row_link(entry, base_url, row, links))))
    return len(found)


def _read_answer(entry: EntryPoint, page: Page, text: str) -> Listing:
    if "<record" not in text.lower() and "<datastore" not in text.lower():
        raise EntryPointError(f"{page.url}: this is not an answer of jpage's proxy")
    links: dict[str, Link] = {}
    count = _keep_records(links, entry, page.url, text)
    asked = dict(parse_qsl(urlsplit(page.url).query, keep_blank_values=True))
    first, last, per_page = (_number(asked, name) for name in ("startrecord", "endrecord", "perpage"))
    if not count:
        return Listing(())
    if not first or last < first:
        return Listing(tuple(links.values()), _next_group(entry, page.url, text))
    span = last - first + 1
    total = _TOTAL_IN_XML.search(text)
    # Without a total: fewer rows than were asked for, or fewer asked for than is usual, since that was all.
    is_last = last >= int(total[1]) if total else count < span or bool(per_page and span % per_page)
    if is_last:
        return Listing(tuple(links.values()))
    end = min(last + span, int(total[1])) if total else last + span
    following = {**asked, "startrecord": str(last + 1), "endrecord": str(end)}
    return Listing(tuple(links.values()), (_ask(entry, page.url.partition("?")[0], following),))


def _number(parameters: Mapping[str, str], name: str) -> int:
    value = parameters.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 9 else 0


def _ask(entry: EntryPoint, proxy: str, parameters: Mapping[str, str]) -> Ask:
    return Ask(f"{proxy}?{urlencode(parameters)}", referer=entry.url)


def _rows_from(entry: EntryPoint, unit: _Unit, first: int) -> tuple[Ask, ...]:
    """The request for the next rows of a column's list, if there are any."""
    if first > unit.total:
        return ()
    last = min(first + unit.per_page * unit.group - 1, unit.total)
    span = {"startrecord": first, "endrecord": last, "perpage": unit.per_page}
    return (_ask(entry, unit.proxy, {**{k: str(v) for k, v in span.items()}, **unit.parameters}),)


def _next_group(entry: EntryPoint, url: str, store: str) -> tuple[Ask, ...]:
    """The request that a store's own link makes, if it leads on; else the next page, if there are more."""
    page = _number(dict(parse_qsl(urlsplit(url).query)), "page")
    if link := _group_link(url, store):
        proxy, _, query = link.partition("?")
        parameters = dict(parse_qsl(query, keep_blank_values=True))
        return (_ask(entry, proxy, parameters),) if _number(parameters, "page") > page else ()
    pages = _PAGES_IN_XML.search(store)
    if not page or not pages or page >= int(pages[1]):
        return ()
    parameters = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    return (_ask(entry, url.partition("?")[0], {**parameters, "page": str(page + 1)}),)


def _group_link(url: str, store: str) -> str | None:
    match = _NEXT.search(store)
    try:
        link = urljoin(url, html.unescape(match[2]).strip()) if match else ""
        return link if _is_answer(link) else None
    except ValueError:
        return None


def _main_unit(text: str, url: str, stores: list[str]) -> _Unit | None:
    """The list that the column is about: that of the column in the address, else the longest."""
    units = [
        unit
        for call in islice(_CALL.finditer(text), MAX_UNITS)
        if (unit := _unit(text, text[call.end() : call.end() + _SETTINGS_LENGTH], url, stores))
    ]
    column = _COLUMN.search(urlsplit(url).path)
    own = [unit for unit in units if column and unit.parameters["columnid"] == column[1]]
    return max(own or units, key=lambda unit: unit.total, default=None)


def _unit(text: str, settings: str, url: str, stores: list[str]) -> _Unit | None:
    end = settings.find("});")
    given = _settings(settings if end < 0 else settings[:end])
    total, per_page, group = (_number(given, name) for name in ("totalRecord", "perPage", "groupSize"))
    parameters = {name: given[name] for name in _PARAMETERS if given.get(name)}
    links = [link for store in stores if (link := _group_link(url, store))]
    if "columnid" not in parameters or "unitid" not in parameters:  # ajaxParam: param_356383
        variable = re.search(r"\bparam_?(\w{1,40})\s{0,9}=\s{0,9}\{([^{}]{1,2000})\}", text)
        named = _settings(variable[2]) if variable else {}
        linked = dict(parse_qsl(urlsplit(links[0]).query)) if len(links) == 1 else {}
        found = {**linked, **named}
        parameters = {name: found[name] for name in _PARAMETERS if found.get(name)} | parameters
    if not total or "columnid" not in parameters or "unitid" not in parameters:
        return None
    try:
        proxy = urljoin(url, given.get("proxyUrl") or (links[0].partition("?")[0] if links else PROXY))
    except ValueError:
        return None
    if not _is_answer(proxy):  # its answers would not be known again
        return None
    return _Unit(
        proxy.partition("?")[0],
        parameters,
        total,
        min(per_page, MAX_PER_PAGE) or PER_PAGE,
        min(group, MAX_GROUP) or GROUP,
    )


def _settings(source: str) -> dict[str, str]:
    """The literals in a script's object, by name."""
    return {m[1]: m[2] or m[3] or m[4] or "" for m in _SETTING.finditer(source)}


def _store_of(unit: _Unit, stores: list[str], text: str) -> str:
    """The store with the first rows of a unit: the one that names it, else the longest."""
    name = re.escape(unit.parameters["unitid"])
    named = [store for store in stores if re.search(rf"unitid=['\"]?{name}\b", store[:5_000])]
    if not named and (place := re.search(rf"\bid=['\"]?{name}['\"]?[^<>]{{0,200}}>", text)):
        behind = text[place.end() :].partition("<datastore")[2]
        named = [store for store in stores if behind.startswith(store)]
    return max(named or stores, key=len, default="")
