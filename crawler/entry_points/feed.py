"""RSS, Atom and RDF feeds: their entries, with summary and, where the feed carries it, the whole text."""

from __future__ import annotations

import calendar
import datetime as dt
import html
import io
import re
from time import struct_time
from typing import Any

import feedparser

from crawler.entry_points import EntryPointError, Listing
from crawler.entry_points.values import CHINA, MAX_SUMMARY, MAX_TITLE, absolute, plain_text
from hexapolis.records import Link, Page

MAX_ENTRIES = 5_000
MAX_BYTES = 8_000_000  # feedparser takes a second and more for each megabyte
MAX_DEPTH = 5_000  # elements inside each other; feedparser's time grows with the square of it
_MARK = re.compile(rb"<!\[CDATA\[|<(/?)[A-Za-z_][^<>]*>")
_ZONE = re.compile(r"(?:Z|[A-Z]{3,4}|[+-]\d\d:?\d\d)\s*$", re.IGNORECASE)


def read_feed(page: Page) -> Listing:
    """The entries of a feed, in its order.

    Raises:
        EntryPointError: these bytes are not a feed, or are too large for one.
    """
    _refuse_monsters(page)
    headers = {"content-type": page.header("content-type") or "", "content-location": page.url}
    # As a stream: feedparser takes bytes for the name of a file, and opens it if there is one.
    try:
        parsed = feedparser.parse(io.BytesIO(page.body), response_headers=headers, sanitize_html=False)
    except Exception as error:  # damage makes it raise whatever its parts do: `chr` on &#1114112;
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise EntryPointError(f"{page.url}: this feed cannot be read: {reason}"[:500]) from error
    if not parsed.get("version") and not parsed.entries:
        raise EntryPointError(f"{page.url}: this is not a feed")
    links = []
    for entry in parsed.entries[:MAX_ENTRIES]:
        if address := absolute(page.url, entry.get("link")):
            title = plain_text(entry.get("title"), MAX_TITLE)
            published, changed = _published_on(entry), _moment(entry, "updated_parsed")
            links.append(Link(address, title, published, changed, *_summary_and_text(entry)))
    return Listing(tuple(links))


def _refuse_monsters(page: Page) -> None:
    """Refuse what would keep feedparser busy for minutes."""
    if len(page.body) > MAX_BYTES:
        raise EntryPointError(f"{page.url}: larger than {MAX_BYTES} bytes, which no feed is")
    body = page.body.replace(b"\0", b"")  # so that UTF-16 can be read, too
    depth = position = 0
    while depth <= MAX_DEPTH and (mark := _MARK.search(body, position)):
        position = mark.end()
        if mark[1] is None:
            position = body.find(b"]]>", position)
            if position < 0:
                return
        elif not mark[0].endswith(b"/>"):
            depth += -1 if mark[1] else 1
    if depth > MAX_DEPTH:
        raise EntryPointError(
            f"{page.url}: more than {MAX_DEPTH} elements inside each other, which no feed has"
        )


def _summary_and_text(entry: Any) -> tuple[str | None, str | None]:
    """The summary as plain text, and the article's HTML if the feed has more of it than the summary."""
    texts = [text for part in entry.get("content") or () if (text := _as_html(part))]
    # Where there is no summary, feedparser puts the content in its place.
    contents = {part.get("value") for part in entry.get("content") or ()}
    stated = entry.get("summary")
    summary = stated if stated not in contents else None
    text = max(texts, key=len, default=None)
    if text is not None and summary is not None and _length(text) <= _length(summary):
        text = None
    return plain_text(summary or text, MAX_SUMMARY), text


def _as_html(part: Any) -> str | None:
    value, kind = part.get("value"), part.get("type")
    if not isinstance(value, str) or not value.strip():
        return None
    if kind == "text/plain":
        return "".join(f"<p>{html.escape(line)}</p>" for line in value.splitlines() if line.strip())
    return value if kind in ("text/html", "application/xhtml+xml") else None


def _length(text: str) -> int:
    return len(plain_text(text, MAX_BYTES) or "")


def _moment(entry: Any, field: str) -> dt.datetime | None:
    if field not in entry:  # `get` falls back to other fields
        return None
    value: struct_time | None = entry[field]
    try:
        return dt.datetime.fromtimestamp(calendar.timegm(value), dt.UTC) if value else None
    except (ValueError, OverflowError, OSError):
        return None


def _published_on(entry: Any) -> dt.date | None:
    """The day in China; a time without a zone is taken as the site's own."""
    moment = _moment(entry, "published_parsed")
    if moment is None or not _ZONE.search(entry.get("published", "")):
        return moment.date() if moment else None
    try:
        return moment.astimezone(CHINA).date()
    except OverflowError:
        return None
