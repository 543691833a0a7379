"""Saved pages on the disk: HTML files, plain or gzip, and WARC files, read as if just fetched.

A saved HTML file does not know its address. It is the page's own canonical link or `og:url` where that names
an article, else one made from the file's digest, so that importing a file twice gives one article.
"""

from __future__ import annotations

import datetime as dt
import gzip
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

from lxml import etree
from lxml import html as lxml_html

from crawler.archive import body_digest
from crawler.import_filter import ImportFilter
from crawler.sniff import not_html
from crawler.urls import is_fetchable
from crawler.warc_http import decoded_body, parse_response
from crawler.warc_records import (
    HEADER_MAX,
    BrokenRecordError,
    RecordHeader,
    WarcRecord,
    check_digest,
    read_records,
)
from hexapolis.errors import InputFileError
from hexapolis.records import Page

MAX_BYTES = 50_000_000  # of one saved page, unpacked
_HTML = re.compile(r"\.(?:html?|shtml|xhtml)(?:\.gz)?$", re.IGNORECASE)
_WARC = re.compile(r"\.warc(?:\.gz)?$", re.IGNORECASE)
_BROKEN_FIRST = 1_000  # so many broken records and nothing else: it is no WARC file
_HEAD_BYTES = 200_000  # a canonical link stands in the head
_CODE = re.compile(
    r"text/(?:css|(?:java|ecma)script)|application/(?:x-)?(?:java|ecma)script|application/json", re.I
)
_ROBOTS = re.compile(r"https?://[^/?#]*/robots\.txt(?:[?#]|$)", re.I)
FILTERED = ("host", "language", "not_response", "status", "not_html")
"""Why a record that can be read gives no page."""


def find_files(paths: Sequence[Path]) -> list[Path]:
    """The saved pages among these files and below these folders, each once, sorted.

    Raises:
        InputFileError: a path does not exist, or nothing below the folders is a saved page.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(
                p for p in path.rglob("*") if p.is_file() and (_HTML.search(p.name) or _WARC.search(p.name))
            )
            if not inside:
                raise InputFileError(path, "no .html, .html.gz, .warc or .warc.gz files in this folder")
            found.update(dict.fromkeys(inside))
        elif path.is_file():
            found[path] = None
        else:
            raise InputFileError(path, "no such file or folder")
    return list(found)


def is_warc(path: Path) -> bool:
    """Whether a file is read as a WARC file, by its name."""
    return bool(_WARC.search(path.name))


def read_saved_page(path: Path) -> Page:
    """One saved HTML file as a page.

    Raises:
        InputFileError: missing, unreadable, damaged gzip, or too large.
    """
    try:
        modified = dt.datetime.fromtimestamp(os.stat(path).st_mtime, dt.UTC)
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            body = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise InputFileError(path, "no such file") from error
    except (OSError, EOFError, zlib.error) as error:
        raise InputFileError(path, f"cannot be read: {error}") from error
    if len(body) > MAX_BYTES:
        raise InputFileError(path, f"larger than {MAX_BYTES} bytes")
    url = stated_address(body) or f"urn:{body_digest(body)}"
    return Page(url, url, 0, (("content-type", "text/html"),), body, modified)


@dataclass(frozen=True, slots=True)
class SavedRecord:
    """One record of a WARC file: a page, or why it gives none; and where a later reading goes on."""

    page: Page | None
    filtered: str = ""  # not wanted: a kind of FILTERED
    broken: str = ""  # cannot be read: a kind of `BrokenRecordError`
    detail: str = ""
    restart: int | None = None  # offset in the file; None where a reading must begin at the start


def read_warc(path: Path, wanted: ImportFilter, offset: int = 0, skip: int = 0) -> Iterator[SavedRecord]:
    """The records of a WARC file, one after the other, in memory that does not depend on the file's length.

    Args:
        path: the file; `.warc` or `.warc.gz`, packed in any way.
        wanted: which pages are taken. A host that is not wanted is known from a record's header, so its body
            is not decoded.
        offset: where to begin: 0, or the `restart` of a record.
        skip: how many records from there on are known already.

    Raises:
        InputFileError: it cannot be opened, or there is no record in it.
    """
    found = offset > 0 or skip > 0
    held: list[SavedRecord] = []  # broken ones, until there is a record that is none
    try:
        with path.open("rb") as file:
            saved = dt.datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, dt.UTC)
            records = read_records(file, lambda header: _wanted_bytes(header, wanted), offset)
            for record in islice(records, skip, None):
                found = found or _is_record(record)
                held.append(_saved_record(record, wanted, saved))
                if found:
                    yield from held
                    held.clear()
                elif len(held) == _BROKEN_FIRST:
                    break
    except OSError as error:
        raise InputFileError(path, f"cannot be read as a WARC file: {error.strerror}") from error
    if held:
        raise InputFileError(path, f"cannot be read as a WARC file: {held[0].detail}")


def _is_record(record: WarcRecord) -> bool:
    header = record.header
    return header is not None and (header.type != "response" or bool(header.url))


def _wanted_bytes(header: RecordHeader, wanted: ImportFilter) -> int:
    """How much of a record is worth keeping in memory."""
    if _not_wanted(header, wanted):
        return 0
    if header.length > MAX_BYTES + HEADER_MAX:  # its beginning tells whether a page is lost
        return HEADER_MAX + _HEAD_BYTES
    return header.length


def _not_wanted(header: RecordHeader, wanted: ImportFilter) -> str:
    """The kind of FILTERED that a record's header alone tells; empty when the record is to be opened."""
    if header.type != "response":
        return "not_response"
    if not header.url:
        return ""  # it is broken
    if not header.url.lower().startswith(("http://", "https://")):
        return "not_response"  # of DNS, FTP, Gopher
    return "" if wanted.admits_host(header.url) else "host"


def _saved_record(record: WarcRecord, wanted: ImportFilter, saved: dt.datetime) -> SavedRecord:
    try:
        if record.broken is not None:
            raise record.broken
        assert record.header is not None
        kind = _not_wanted(record.header, wanted)
        made = kind or _page(record.header, record.block, wanted, saved)
    except BrokenRecordError as error:
        return SavedRecord(None, broken=error.kind, detail=str(error), restart=record.restart)
    if isinstance(made, Page):
        return SavedRecord(made, restart=record.restart)
    return SavedRecord(None, filtered=made, restart=record.restart)


def _page(header: RecordHeader, block: bytes, wanted: ImportFilter, saved: dt.datetime) -> Page | str:
    """The page in a record, or the kind of FILTERED for which it is left out.

    Raises:
        BrokenRecordError: it cannot be read, or only half of it is there.
    """
    if not header.url:
        raise BrokenRecordError("header", "a response has no address")
    response = parse_response(block)
    if response.status != 200:
        return "status"
    if _ROBOTS.match(header.url) or is_fetchable(header.url) == "asset":
        return "not_html"
    if header.cut:
        raise BrokenRecordError("truncated", f"its fetcher cut {header.url}: {header.cut}")
    if len(block) < header.length:  # too long to be held
        if not_html(response.coded_body):
            return "not_html"
        raise BrokenRecordError(
            "too_large", f"{header.url} has {header.length} bytes, the limit is {MAX_BYTES}"
        )
    check_digest(header, block)
    body = decoded_body(response, MAX_BYTES)
    declared = response.header("content-type")
    if not_html(body) or _is_code(declared, body):
        return "not_html"
    if not wanted.admits_language(body, declared):
        return "language"
    return Page(header.url, header.url, response.status, response.headers, body, _date(header.date, saved))


def _is_code(content_type: str, body: bytes) -> bool:
    """Whether a body is a style sheet or script, which look like plain text: said so, and without tags."""
    return bool(_CODE.match(content_type)) and not body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def _date(value: str, saved: dt.datetime) -> dt.datetime:
    """When a record was fetched; the file's own time, as for a saved page, where it does not say."""
    try:
        moment = dt.datetime.fromisoformat(value)
    except ValueError:
        return saved
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)


def stated_address(body: bytes) -> str | None:
    """The address a page gives itself, if absolute, http(s), and not a front page; else None."""
    try:
        root = lxml_html.document_fromstring(
            body[:_HEAD_BYTES], parser=lxml_html.HTMLParser(encoding="iso-8859-1")
        )
    except (etree.ParserError, ValueError):
        return None
    candidates = [
        *(
            node.get("href")
            for node in root.iter("link")
            if "canonical" in (node.get("rel") or "").lower().split()
        ),
        *(
            node.get("content")
            for node in root.iter("meta")
            if (node.get("property") or "").lower() == "og:url"
        ),
    ]
    for address in candidates:
        try:
            parts = urlsplit(_readable(address or "").strip())
        except ValueError:
            continue
        if parts.scheme in ("http", "https") and parts.hostname and (parts.path.strip("/") or parts.query):
            return parts.geturl()
    return None


def _readable(address: str) -> str:
    """An address whose bytes were taken for Latin-1, as what they are: UTF-8, else GB18030."""
    try:
        raw = address.encode("iso-8859-1")
    except UnicodeEncodeError:  # it has character references, which need no decoding
        return address
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("gb18030", "replace")
