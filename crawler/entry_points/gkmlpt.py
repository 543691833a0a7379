"""gkmlpt, the disclosure platform of Guangdong's governments: its index page, then its lists of 100 rows.

The index names the site's number (SID), which every request for a list carries:
`/gkmlpt/api/all/{category}?page=N&sid=SID`. A fragment of the entry point's address names the categories,
`…/gkmlpt/index#123` or `#123,456`; without one it is category 0, which is everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urldefrag

from crawler.entry_points import EntryPointError, Listing
from crawler.entry_points.json_list import is_last, links_of, load_json, number_at, rows_at, value_at
from crawler.entry_points.list_page import page_text
from crawler.entry_points.values import MAX_SUMMARY, MAX_TITLE, absolute, listed_day, plain_text
from hexapolis.records import Ask, EntryPoint, Link, Page

MAX_CATEGORIES = 50  # of one entry point
_ROOT = re.compile(r"https?://[^?#]*?/gkmlpt(?=[/?#]|$)")
_API = re.compile(r"(https?://[^?#]*?/gkmlpt/api/all/\d{1,9})\?(?:[^#]*&)?page=(\d{1,6})(?:&|$)")
_SID = re.compile(
    r"""(?<![\w-])(?:SID|SITE_?ID)["']?\s{0,9}[:=]\s{0,9}["']?(\d{1,12})(?!\w)""", re.IGNORECASE
)
_SID_IN_QUERY = re.compile(r"[?&]sid=(\d{1,12})(?:&|$)")
_ARTICLE = re.compile(r"/gkmlpt/content/\d+/\d+/m?post_\d+\.html")
_DATES = ("display_publish_time", "first_publish_time", "create_time", "created_at")


def first_gkmlpt_ask(entry: EntryPoint) -> Ask:
    """The request for the index page, or for the list itself where the address is already its own."""
    return Ask(urldefrag(entry.url).url, referer=entry.referer)


def read_gkmlpt(entry: EntryPoint, page: Page) -> Listing:
    """The requests for the categories' lists, from the index; or one page of such a list.

    Raises:
        EntryPointError: an index without SID, or a list that is no JSON or has no rows.
    """
    if list_page := _API.match(page.url):
        return _read_list(page, list_page[1], int(list_page[2]))
    root = _ROOT.match(page.url) or _ROOT.match(entry.url)
    if root is None:
        raise EntryPointError(f"{page.url}: not an address below /gkmlpt/")
    sid = _sid(page)
    return Listing(
        (),
        tuple(
            _list_ask(f"{root[0]}/api/all/{category}", 1, sid, entry.url) for category in _categories(entry)
        ),
    )


def _read_list(page: Page, address: str, number: int) -> Listing:
    data = load_json(page)
    rows = rows_at(page, data, "articles", number)
    links = links_of(page, rows, _links(page, rows), "url")
    total = number_at(data, "total") or number_at(data, "classify.post_count")
    sid = _SID_IN_QUERY.search(page.url)
    if not rows or sid is None or is_last(max(number, 1), len(rows), None, total):
        return Listing(links)
    # Page 0 is page 1 under another name.
    return Listing(links, (_list_ask(address, max(number, 1) + 1, sid[1], page.url),))


def _links(page: Page, rows: list[Any]) -> Iterator[Link]:
    for row in rows:
        addresses = [absolute(page.url, value_at(row, name)) for name in ("url", "post_url")]
        offered = [address for address in addresses if address]
        if not offered:
            continue
        address = next((a for a in offered if _ARTICLE.search(a)), offered[0])
        if _ARTICLE.search(address):  # `#…` and `?jump=true` behind it change nothing
            address = re.split(r"[?#]", address, maxsplit=1)[0]
        days = (listed_day(value_at(row, name)) for name in _DATES)
        yield Link(
            address,
            plain_text(value_at(row, "title"), MAX_TITLE),
            next((day for day in days if day), None),
            summary=plain_text(value_at(row, "abstract"), MAX_SUMMARY),
        )


def _list_ask(address: str, number: int, sid: str, referer: str) -> Ask:
    return Ask(f"{address}?page={number}&sid={sid}", referer=urldefrag(referer).url)


def _categories(entry: EntryPoint) -> list[str]:
    found = re.findall(r"\d{1,9}", urldefrag(entry.url).fragment)
    return list(dict.fromkeys(found))[:MAX_CATEGORIES] or ["0"]


def _sid(page: Page) -> str:
    text = page_text(page)
    start = max(text.find("_CONFIG"), 0)
    if found := _SID.search(text, start):
        return found[1]
    raise EntryPointError(f"{page.url}: its _CONFIG has no SID, without which the lists cannot be asked for")
