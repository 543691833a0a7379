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
from pathlib import Path
from urllib.parse import urlsplit

from lxml import etree
from lxml import html as lxml_html
from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed

from crawler.archive import body_digest
from hexapolis.errors import InputFileError
from hexapolis.records import Page

MAX_BYTES = 50_000_000  # of one saved page, unpacked
_HTML = re.compile(r"\.(?:html?|shtml|xhtml)(?:\.gz)?$", re.IGNORECASE)
_WARC = re.compile(r"\.warc(?:\.gz)?$", re.IGNORECASE)
_HEAD_BYTES = 200_000  # a canonical link stands in the head


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


def read_warc(path: Path) -> Iterator[Page]:
    """The HTTP responses of a WARC file, one after the other.

    Raises:
        InputFileError: not a WARC file, or damaged from some record on.
    """
    try:
        with path.open("rb") as file:
            for record in ArchiveIterator(file):
                if record.format != "warc":  # warcio takes any line of five words for the older ARC format
                    raise ArchiveLoadFailed("no WARC record")
                if record.rec_type != "response" or record.http_headers is None:
                    continue
                url = record.rec_headers.get_header("WARC-Target-URI")
                if not url or not url.startswith(("http://", "https://")):
                    continue
                body = record.content_stream().read(MAX_BYTES + 1)
                if len(body) > MAX_BYTES:
                    continue
                while record.raw_stream.read(1 << 16):  # what may follow a coded body
                    pass
                if getattr(record.raw_stream, "limit", 0) > 0:  # warcio does not say so by itself
                    raise EOFError(f"it ends in the middle of the record of {url}")
                status = int(record.http_headers.get_statuscode() or 0)
                headers = tuple((str(k), str(v)) for k, v in record.http_headers.headers)
                yield Page(
                    url, url, status, headers, body, _warc_date(record.rec_headers.get_header("WARC-Date"))
                )
    except (OSError, ArchiveLoadFailed, EOFError, zlib.error, ValueError, AttributeError) as error:
        # AttributeError: warcio stumbles over a record without an address.
        raise InputFileError(path, f"cannot be read as a WARC file: {error}") from error


def _warc_date(value: str | None) -> dt.datetime:
    moment = dt.datetime.fromisoformat(value) if value else dt.datetime.now(dt.UTC)
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
