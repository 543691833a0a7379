"""RSS, Atom and RDF feeds."""

from __future__ import annotations

import calendar
import datetime as dt
from time import struct_time
from typing import Any
from urllib.parse import urljoin

import feedparser

from crawler.entry_points import EntryPointError, Listing
from hexapolis.records import Link, Page

CHINA = dt.timezone(dt.timedelta(hours=8))
MAX_ENTRIES = 5_000


def read_feed(page: Page) -> Listing:
    """The entries of a feed, in its order.

    Raises:
        EntryPointError: these bytes are not a feed.
    """
    headers = {"content-type": page.header("content-type") or "", "content-location": page.url}
    parsed = feedparser.parse(page.body, response_headers=headers, sanitize_html=False)
    if not parsed.get("version") and not parsed.entries:
        raise EntryPointError(f"{page.url}: this is not a feed")
    links = []
    for entry in parsed.entries[:MAX_ENTRIES]:
        if address := entry.get("link"):
            links.append(
                Link(
                    urljoin(page.url, address.strip()),
                    " ".join(entry.get("title", "").split()) or None,
                    _date(entry, "published_parsed"),
                    _moment(entry, "updated_parsed"),
                )
            )
    return Listing(tuple(links))


def _moment(entry: Any, field: str) -> dt.datetime | None:
    value: struct_time | None = entry[field] if field in entry else None  # `get` falls back to other fields
    try:
        return dt.datetime.fromtimestamp(calendar.timegm(value), dt.UTC) if value else None
    except (ValueError, OverflowError, OSError):
        return None


def _date(entry: Any, field: str) -> dt.date | None:
    moment = _moment(entry, field)
    return moment.astimezone(CHINA).date() if moment else None
