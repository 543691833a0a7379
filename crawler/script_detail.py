"""The article that a page of Guangdong's disclosure platform (gkmlpt) carries in a script.

Its pages set `window._CONFIG = {…, DETAIL: {content: "<p>…", title: …}}`, and a script of theirs shows it.
The value is read as data, JSON or the literal of a JavaScript object, and nothing is run. A value that holds
anything else (a call, a sum, a template) is not read. Time is linear in the script. Not for the platform's
lists: `crawler/entry_points/gkmlpt.py`.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import unescape
from typing import Any

from lxml.html import HtmlElement

from crawler.dates import EARLIEST
from crawler.entry_points.values import CHINA, listed_day, plain_text
from crawler.html_tree import check_size, parse_html
from crawler.lines import clean_line, visible_lines
from crawler.metadata import absolute_link, find_attachments
from hexapolis.records import Article, Attachment, DateSource, FoundDate

_BEGIN = re.compile(r"""(?<![\w$])(?:_CONFIG\.)?DETAIL["']?\s{0,20}[:=]\s{0,20}(?=\{)""")
_PLACES_MAX = 3  # in one script that may begin the value
_DEPTH_MAX = 30
_ATTACHMENTS_MAX = 100
_PUBLISHED = ("display_publish_time", "first_publish_time", "publish_time", "created_at")
_BODIES = ("content", "content_html")

# Every part takes what no other part can: a string or a comment that does not end costs linear time. No group
# is possessive: before Python 3.11.5 such a group takes more than it may (CPython gh-100061, gh-106052).
_TOKEN = re.compile(
    r"""(?:\s|//[^\n]*+|/\*[^*]*+\*++(?:[^/*][^*]*+\*++)*/)*(?:
        (?P<string>"[^"\\\n]*+(?:\\[\s\S][^"\\\n]*+)*"|'[^'\\\n]*+(?:\\[\s\S][^'\\\n]*+)*')
      | (?P<number>[-+]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d{1,3})?(?![\w$]))
      | (?P<name>[A-Za-z_$][\w$]*+)
      | (?P<sign>[{}\[\]:,])
    )""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{2})|([\s\S]))")
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": ""}
_NAMES: Mapping[str, Any] = {"true": True, "false": False, "null": None, "undefined": None, "NaN": None}


@dataclass(frozen=True, slots=True)
class ScriptDetail:
    """An article as the script gives it."""

    html: str
    title: str | None  # of the document
    publisher: str | None
    document_number: str | None
    published: dt.date | None
    written: dt.date | None
    attachments: tuple[Attachment, ...]


def find_detail(tree: HtmlElement, text: str, url: str) -> ScriptDetail | None:
    """The article in a page's scripts; None if there is none, or if it cannot be read as data.

    Args:
        tree: the page.
        text: the page's source: most pages are told from it at once.
        url: its address, for the links of the attachments.
    """
    if "DETAIL" not in text or "_CONFIG" not in text:
        return None
    for script in tree.iter("script"):
        source = script.text or ""
        if "_CONFIG" not in source:
            continue
        for number, match in enumerate(_BEGIN.finditer(source)):
            if number == _PLACES_MAX:
                break
            value = _read_object(source, match.end())
            if value is not None and (detail := _detail(value, url)):
                return detail
    return None


def _detail(value: Mapping[str, Any], url: str) -> ScriptDetail | None:
    html = next((v for name in _BODIES if isinstance(v := value.get(name), str) and v.strip()), "")
    if "<" not in html and "&lt;" in html:
        html = unescape(html)
    attachments = _attachments(value.get("attachment") or value.get("attachments"), url)
    if not html and not attachments:
        return None
    published = (listed_day(value.get(name)) for name in _PUBLISHED if value.get(name))
    return ScriptDetail(
        html,
        plain_text(value.get("title"), 300),
        plain_text(value.get("publisher"), 80),
        re.sub(r"\s+", "", plain_text(value.get("document_number"), 60) or "") or None,
        next((day for day in published if day), None),
        listed_day(value.get("date")) if value.get("date") else None,  # 成文日期; 0 is unknown
        attachments,
    )


def _attachments(value: object, url: str) -> tuple[Attachment, ...]:
    found: dict[str, Attachment] = {}
    for item in value[:_ATTACHMENTS_MAX] if isinstance(value, list) else ():
        if not isinstance(item, dict):
            continue
        href = next((v for name in ("url", "path", "src") if isinstance(v := item.get(name), str) and v), "")
        address = absolute_link(href, url) if href else None
        if address:
            name = plain_text(item.get("name") or item.get("title"), 200) or clean_line(address[-200:])
            found.setdefault(address, Attachment(address, name))
    return tuple(found.values())


def _read_object(source: str, start: int) -> Mapping[str, Any] | None:
    """The object that begins at `start`, as JSON or else as a literal."""
    try:
        value, _ = json.JSONDecoder(strict=False).raw_decode(source, start)
    except (ValueError, RecursionError):
        try:
            value, _ = _literal(source, start, 0)
        except (_NotDataError, ValueError):
            return None
    return value if isinstance(value, dict) else None


class _NotDataError(Exception):
    pass


def _token(source: str, place: int) -> tuple[str, str, int]:
    match = _TOKEN.match(source, place)
    if match is None or match.lastgroup is None:
        raise _NotDataError
    return match.lastgroup, match[match.lastgroup], match.end()


def _literal(source: str, place: int, depth: int) -> tuple[Any, int]:
    """The value at a place, and where it ends."""
    kind, token, place = _token(source, place)
    if kind == "string":
        return _unescaped(token), place
    if kind == "number":
        return float(token), place
    if kind == "name" and token in _NAMES:
        return _NAMES[token], place
    if token not in ("{", "[") or depth == _DEPTH_MAX:
        raise _NotDataError
    close = "}" if token == "{" else "]"
    items: list[Any] = []
    fields: dict[str, Any] = {}
    while True:
        kind, token, after = _token(source, place)
        if token == close and kind == "sign":
            return (fields if close == "}" else items), after
        if close == "}":
            if kind == "sign":
                raise _NotDataError
            name = _unescaped(token) if kind == "string" else token
            kind, token, place = _token(source, after)
            if (kind, token) != ("sign", ":"):
                raise _NotDataError
            fields[name], place = _literal(source, place, depth + 1)
        else:
            value, place = _literal(source, place, depth + 1)
            items.append(value)
        kind, token, after = _token(source, place)
        if (kind, token) == ("sign", ","):
            place = after
        elif (kind, token) != ("sign", close):
            raise _NotDataError


def _unescaped(token: str) -> str:
    def character(match: re.Match[str]) -> str:
        code = match[1] or match[2] or match[3]
        if code:
            return chr(int(code, 16)) if int(code, 16) < 0x110000 else "\ufffd"
        return _LETTERS.get(match[4], match[4])

    text = _ESCAPE.sub(character, token[1:-1]) if "\\" in token else token[1:-1]
    # Pairs of surrogates are one character; half of one is none.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def show_detail(tree: HtmlElement, detail: ScriptDetail) -> HtmlElement | None:
    """Put the script's article into the page, as the page's own script does; None if it is visible already.

    Returns:
        The element that now holds it.

    Raises:
        ExtractionError: it has too many elements.
    """
    if not detail.html:
        return None
    fragment = parse_html(f"<html><body><div>{detail.html}</div></body></html>")
    check_size(list(fragment.iter()))
    lines = visible_lines(fragment)
    body = tree.find("body")
    if not lines or body is None or max(lines, key=len) in visible_lines(tree):
        return None
    holder = fragment.find("body/div")
    if holder is None:
        return None
    body.append(holder)
    return holder


def with_detail(article: Article, detail: ScriptDetail, fetched_at: dt.datetime) -> Article:
    """The article with what the script says of it, the platform's own record."""
    latest = fetched_at.astimezone(CHINA).date() + dt.timedelta(days=1)

    def found(day: dt.date | None, before: FoundDate | None) -> FoundDate | None:
        return FoundDate(day, DateSource.API) if day and EARLIEST <= day <= latest else before

    return replace(
        article,
        published=found(detail.published, article.published),
        written=article.written or found(detail.written, None),  # what the document itself bears
        issuer=detail.publisher or article.issuer,
        document_number=detail.document_number or article.document_number,
    )


def all_attachments(tree: HtmlElement, detail: ScriptDetail | None, url: str) -> tuple[Attachment, ...]:
    """What the page links, then what its script lists beside, each address once."""
    linked = find_attachments(tree, url)
    if detail is None:
        return linked
    known = {attachment.url for attachment in linked}
    return linked + tuple(a for a in detail.attachments if a.url not in known)
