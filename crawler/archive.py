"""Everything that is fetched, kept as it came in WARC files (ISO 28500) that any replay tool reads.

A record holds the body after transfer and content decoding; the headers that described the coding are kept
under
`X-Archive-Orig-` names, as web archives do. Each process writes files of its own, so a killed writer can
only leave an unfinished record at the end of a file that nothing points to.
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import io
import os
import re
import socket
import zlib
from http import HTTPStatus
from pathlib import Path
from typing import Any

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from hexapolis import __version__
from hexapolis.errors import ArchiveError
from hexapolis.records import ArchiveRef, Page

ROTATE_BYTES = 512 * 1024 * 1024
GZIP_LEVEL = 4
_CODING_HEADERS = {"content-encoding", "transfer-encoding", "content-length"}
_NOT_IN_NAMES = re.compile(r"[^!#$%&'*+.^_`|~0-9A-Za-z-]")  # what is no `tchar` of RFC 9110


def body_digest(body: bytes) -> str:
    """The digest that identifies a body: `sha256:` and 64 hex digits."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


class ArchiveWriter:
    """Appends pages to WARC files below a folder. `flush` before telling anyone that a page is stored."""

    def __init__(self, folder: Path, rotate_bytes: int = ROTATE_BYTES) -> None:
        self._folder = folder
        self._rotate_bytes = rotate_bytes
        self._file: io.BufferedWriter | None = None
        self._name = ""
        self._count = 0
        self._writer = WARCWriter(io.BytesIO(), gzip=False)  # makes records; `_append` writes them

    def write(self, page: Page) -> ArchiveRef:
        """Append one page; where it went. The bytes are safe only after `flush`."""
        try:
            file = self._open(page.fetched_at)
            offset = file.tell()
            length = self._append(self._record(page))
            file.flush()
        except OSError as error:
            raise ArchiveError(f"{self._folder / self._name}: cannot be written: {error.strerror}") from error
        return ArchiveRef(self._name, offset, length, body_digest(page.body))

    def flush(self) -> None:
        """Return when everything written so far is on the disk."""
        if self._file is not None:
            try:
                os.fsync(self._file.fileno())
            except OSError as error:
                raise ArchiveError(
                    f"{self._folder / self._name}: cannot be written: {error.strerror}"
                ) from error

    def close(self) -> None:
        """Finish the current file."""
        if self._file is not None:
            file, self._file = self._file, None
            try:
                with file:  # on a full disk closing fails as well
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise ArchiveError(
                    f"{self._folder / self._name}: cannot be written: {error.strerror}"
                ) from error

    def _open(self, now: dt.datetime) -> io.BufferedWriter:
        if self._file is not None and self._file.tell() >= self._rotate_bytes:
            self.close()
        if self._file is None:
            folder = self._folder / f"{now:%Y}" / f"{now:%m}"
            folder.mkdir(parents=True, exist_ok=True)
            while True:
                self._count += 1
                path = folder / f"hexapolis-{now:%Y%m%d%H%M%S}-{os.getpid()}-{self._count:04d}.warc.gz"
                try:
                    self._file = open(path, "xb")  # noqa: SIM115 - it stays open until `close`
                    break
                except FileExistsError:
                    continue
            self._name = path.relative_to(self._folder).as_posix()
            info = {
                "software": f"Hexapolis/{__version__}",
                "hostname": socket.gethostname(),
                "format": "WARC File Format 1.1",
            }
            self._append(self._writer.create_warcinfo_record(path.name, info))
        return self._file

    def _append(self, record: Any) -> int:
        """Write one record as a gzip member of its own, as the standard wants; its length in the file."""
        assert self._file is not None
        plain = io.BytesIO()
        WARCWriter(plain, gzip=False).write_record(record)
        # warcio's own compression is zlib's slowest; this takes 0.4 of its time for 4 % in size.
        return self._file.write(gzip.compress(plain.getvalue(), GZIP_LEVEL, mtime=0))

    def _record(self, page: Page) -> Any:
        if page.status == 0:
            return self._file_record(page)
        headers = []
        for name, value in page.headers:
            name = _NOT_IN_NAMES.sub("", name)
            original = name.lower() in _CODING_HEADERS
            if name:
                headers.append((f"X-Archive-Orig-{name}" if original else name, _one_line(value)))
        headers.append(("Content-Length", str(len(page.body))))
        http = StatusAndHeaders(f"{page.status} {_phrase(page.status)}", headers, protocol="HTTP/1.1")
        warc_headers = {"WARC-Date": _warc_date(page.fetched_at)}
        if page.requested_url != page.url:
            warc_headers["X-Hexapolis-Requested-URI"] = _one_word(page.requested_url)
        return self._writer.create_warc_record(
            _one_word(page.url),
            "response",
            payload=io.BytesIO(page.body),
            length=len(page.body),
            http_headers=http,
            warc_headers_dict=warc_headers,
        )

    def _file_record(self, page: Page) -> Any:
        """A saved file was not fetched by us: a `resource` record claims no HTTP exchange."""
        return self._writer.create_warc_record(
            _one_word(page.url),
            "resource",
            payload=io.BytesIO(page.body),
            length=len(page.body),
            warc_content_type=_one_line(page.header("content-type") or "application/octet-stream"),
            warc_headers_dict={"WARC-Date": _warc_date(page.fetched_at)},
        )


def read_body(folder: Path, ref: ArchiveRef) -> bytes:
    """The body of an archived page, checked against its digest.

    Raises:
        ArchiveError: the file is missing or damaged, or the bytes are not the ones that were stored.
    """
    path = folder / ref.file
    try:
        with path.open("rb") as file:
            file.seek(ref.offset)
            raw = io.BytesIO(file.read(ref.length))
        record = next(iter(ArchiveIterator(raw)))
        body = bytes(record.content_stream().read())
    except FileNotFoundError as error:
        raise ArchiveError(f"{path}: archive file is missing; restore it from a backup") from error
    except (OSError, StopIteration, ArchiveLoadFailed, zlib.error, EOFError, AttributeError) as error:
        # AttributeError: warcio stumbles over a record whose address is damaged.
        raise ArchiveError(
            f"{path}: record at {ref.offset} cannot be read: {error or 'nothing is there'}"
        ) from error
    if body_digest(body) != ref.digest:
        raise ArchiveError(f"{path}: record at {ref.offset} does not hold the bytes that were stored")
    return body


def _warc_date(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _one_line(value: str) -> str:
    """A header's value without line breaks, and without lone surrogates, which no encoding has."""
    return " ".join(value.encode("utf-8", "replace").decode().split())


def _one_word(url: str) -> str:
    return _one_line(url).replace(" ", "%20")
