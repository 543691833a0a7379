"""What listings hold in many spellings, brought into one: plain text, days, moments, addresses.

Everything here takes whatever a stranger's file holds, of any type, and answers None where it makes no sense.
Nothing here raises, and nothing takes more than linear time. Not for the dates of article pages, which are
written for people: see `crawler/dates.py`.
"""

from __future__ import annotations

import datetime as dt
import html
import re
from typing import Any
from urllib.parse import urljoin, urlsplit

from crawler.urls import MAX_URL_LENGTH

CHINA = dt.timezone(dt.timedelta(hours=8))
MAX_TITLE = 1_000  # characters
MAX_SUMMARY = 1_000  # characters
_YEARS = range(1900, 2201)  # what lies outside is a mistake, and at the ends of the calendar zones overflow

# An unfinished element or comment ends with the text, so that many beginnings are not searched many times.
_UNSEEN = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1[^<>]*>|\Z)", re.DOTALL | re.IGNORECASE)
_BREAK = re.compile(r"</?(?:p|br|div|li|ul|ol|tr|td|th|h[1-6]|blockquote|figure)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")  # not <深圳市…>, which is a title in some titles
# Search interfaces mark the words that were found; some escape these tags once more.
_HIGHLIGHT = re.compile(r"</?(?:em|font|span|b|i|u|strong|mark)\b[^<>]*>", re.IGNORECASE)

_STAMP = re.compile(
    r"(?<!\d)(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})(?!\d)日?"
    r"(?:[T\s-]{1,3}(\d{1,2}):(\d\d)(?::(\d\d))?(?:[.,]\d{1,9})?\s?(Z|UTC|GMT|[+-]\d\d:?\d\d)?)?"
)
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?")


def plain_text(value: Any, limit: int) -> str | None:
    """A text without tags, entities and runs of blanks, cut at `limit`; None if nothing is left."""
    if not isinstance(value, str):
        return None
    if "<" in value:
        value = _TAG.sub("", _BREAK.sub(" ", _UNSEEN.sub(" ", value)))
    if "&" in value:
        value = _HIGHLIGHT.sub("", html.unescape(value))
    # Half characters (\ud83d alone) can be written in JSON, but neither be stored nor printed.
    value = value.encode("utf-8", "replace").decode("utf-8")
    value = "".join(c for c in value[: 20 * limit] if c.isprintable() or c.isspace() or c in "\u200d\ufe0f")
    return " ".join(value.split())[:limit].rstrip() or None


def listed_day(value: Any) -> dt.date | None:
    """The day in China of a date, a time, or seconds or milliseconds since 1970."""
    moment = _moment(value)
    return moment.astimezone(CHINA).date() if moment else None


def utc_moment(value: Any) -> dt.datetime | None:
    """The same as a moment in UTC; a day is taken from its beginning."""
    moment = _moment(value)
    return moment.astimezone(dt.UTC) if moment else None


def absolute(base: str, href: Any) -> str | None:
    """The http or https address that a link leads to, seen from `base`."""
    if not isinstance(href, str) or not href.strip():
        return None
    try:
        address = urljoin(base, href.strip())
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:  # such as an IPv6 address without its closing bracket
        return None
    if parts.scheme not in ("http", "https") or not host or len(address) > MAX_URL_LENGTH:
        return None
    return address if address.isprintable() else None  # half a character is not


def _moment(value: Any) -> dt.datetime | None:
    if isinstance(value, str):
        text = value.strip()[:100]
        if not re.fullmatch(r"[0-9]{8,14}(?:\.[0-9]{1,6})?", text):
            return _written(_STAMP.search(text))
        # 20240315 and 20240315093000 are written; 1710466200 and 1710466200000 are counted
        if compact := _COMPACT.fullmatch(text):
            return _written(compact)
        value = float(text)
    if not isinstance(value, (int, float)):
        return None
    if 19000101 <= value <= 22001231 and value == int(value):
        return _written(_COMPACT.fullmatch(str(int(value))))
    if 1e8 <= value < 1e10:  # seconds, from 1973 on
        return dt.datetime.fromtimestamp(value, dt.UTC)
    if 1e11 <= value < 7e12:  # milliseconds, from 1973 to 2191
        return dt.datetime.fromtimestamp(value / 1000, dt.UTC)
    return None


def _written(match: re.Match[str] | None) -> dt.datetime | None:
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(match[i] or 0) for i in range(1, 7))
    if year not in _YEARS:
        return None
    try:
        zone = _zone(match[7]) if match.re is _STAMP else CHINA
        return dt.datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:  # 2024-02-30, 25:00
        return None


def _zone(text: str | None) -> dt.timezone:
    """A time without a zone is China's: that is whose sites these are."""
    if text is None:
        return CHINA
    if text in ("Z", "UTC", "GMT"):
        return dt.UTC
    offset = dt.timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return dt.timezone(-offset if text[0] == "-" else offset)  # ValueError from 24 hours on
