"""The records of a WARC file, one after the other, the damaged ones too: each is said to be broken, and why.

Reads what is found in the wild: files packed record by record, packed as a whole or plain; records of any
type; wrong lengths; damaged and cut files. After damage it goes on at the next record that can be found; a
damaged stretch counts as one broken record, since nobody can know how many it held. The memory used does not
depend on the length of the file or of a record. Not for what is in a record: `crawler.warc_http` opens it.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from warcio.statusandheaders import StatusAndHeaders, StatusAndHeadersParser
from warcio.statusandheaders import StatusAndHeadersParserException as HeaderError

from crawler.warc_stream import PIECE, DamagedError, WarcStream

HEADER_MAX = 65_536  # bytes of a record's header, or of an HTTP header
_VERSIONS = ["WARC/1.1", "WARC/1.0", "WARC/0.17", "WARC/0.18"]


class BrokenRecordError(Exception):
    """A record that cannot be read.

    `kind` is a short, stable word: `header` (of the record), `length` (of the record is wrong), `gzip`
    (damaged), `digest` (of the block is another), `truncated` (the file ends in it, or whoever fetched it
    cut it), `http` (its header), `encoding` (of its body), `too_large`.
    """

    def __init__(self, kind: str, detail: str) -> None:
        self.kind = kind
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class RecordHeader:
    """What stands before a record's block."""

    type: str  # response, request, revisit, warcinfo, metadata, resource, conversion, continuation …
    url: str  # empty where it has none
    content_type: str
    date: str
    cut: str  # why the fetcher cut the block; empty where it did not
    digest: str  # of the block, such as `sha1:` and 32 characters; empty where it is not given
    length: int  # bytes of the block


@dataclass(frozen=True, slots=True)
class WarcRecord:
    """A record, or what is known of a broken one, and where a later reading goes on behind it."""

    header: RecordHeader | None
    block: bytes  # the kept bytes from its start
    broken: BrokenRecordError | None
    restart: int | None  # offset in the file; None inside of a gzip member


def read_records(
    file: BinaryIO, keep: Callable[[RecordHeader], int], offset: int = 0
) -> Iterator[WarcRecord]:
    """The records from an offset on.

    Args:
        file: opened for reading bytes, seekable.
        keep: how many bytes of a record's block are wanted; the rest is read over.
        offset: where to begin: 0, or the `restart` of a record.

    Raises:
        OSError: the file cannot be read.
    """
    reader = _Reader(file, offset)
    while True:
        try:
            if (found := reader.next(keep)) is None:
                return
            header, block = found
            yield WarcRecord(header, block, None, reader.stream.restart)
        except BrokenRecordError as error:
            yield WarcRecord(reader.header, b"", error, reader.stream.restart)


def check_digest(header: RecordHeader, block: bytes) -> None:
    """Compare a whole block with the digest in its header; one of an unknown algorithm passes.

    Raises:
        BrokenRecordError: kind `digest`.
    """
    algorithm, _, stated = header.digest.partition(":")
    algorithm = algorithm.lower().replace("-", "")
    if algorithm not in ("sha1", "sha256", "md5"):
        return
    digest = hashlib.new(algorithm, block, usedforsecurity=False)
    forms = (digest.hexdigest(), base64.b32encode(digest.digest()).decode().rstrip("=").lower())
    if stated.strip().rstrip("=").lower() not in forms:
        raise BrokenRecordError("digest", f"the bytes of {header.url} are not those that were written")


class _Reader:
    def __init__(self, file: BinaryIO, offset: int) -> None:
        self.stream = WarcStream(file, offset)
        self.header: RecordHeader | None = None  # of the record that is being read
        self._size = os.fstat(file.fileno()).st_size

    def next(self, keep: Callable[[RecordHeader], int]) -> tuple[RecordHeader, bytes] | None:
        """The next record; behind a broken one the stream stands where the following one begins."""
        self.header = None
        start: int | None = None
        try:
            while self.stream.more():
                self.stream.skip_blank()
                if self.stream.more(within=True):
                    break
            start = self.stream.restart
            if not self.stream.more():
                return None
            if not self.stream.begins_record():
                raise BrokenRecordError("header", "no record begins where one should")
            self.header = _header(self._header_bytes())
            block = self._block(self.header, keep(self.header))
            blank_lines = self.stream.skip_blank()
            follows = self.stream.more(within=True)
            if follows and blank_lines < 2 and not self.stream.begins_record(within=True):
                raise BrokenRecordError("length", "the record is longer than its header says")
        except DamagedError as error:
            found = self.stream.step_over()
            kind = "truncated" if error.early and not found else "gzip"
            raise BrokenRecordError(kind, str(error)) from error
        except BrokenRecordError as error:
            found = self._find_record(start if error.kind in ("length", "truncated") else None)
            if error.kind == "truncated" and found:  # it is not the file that ends, the length is too large
                raise BrokenRecordError("length", "the record is shorter than its header says") from error
            raise
        return self.header, block

    def _header_bytes(self) -> bytes:
        lines, size = [], 0
        while size < HEADER_MAX:
            line = self.stream.line(HEADER_MAX - size)
            if not line:
                raise BrokenRecordError("truncated", "the file ends in the header of a record")
            lines.append(line)
            size += len(line)
            if not line.strip():
                return b"".join(lines)
        raise BrokenRecordError("header", f"the header of a record is longer than {HEADER_MAX} bytes")

    def _block(self, header: RecordHeader, keep: int) -> bytes:
        pieces, left = [], header.length
        if not self.stream.packed and (at := self.stream.restart) is not None and at + left > self._size:
            raise self._cut(header)  # known without reading to the end
        while left:
            if not self.stream.more():
                raise self._cut(header)
            if self.stream.entered and self.stream.begins_record():
                raise BrokenRecordError("length", "the record is shorter than its header says")
            piece = self.stream.read(min(left, PIECE))
            left -= len(piece)
            if keep > 0:
                pieces.append(piece[:keep])
                keep -= len(piece)
        return b"".join(pieces)

    @staticmethod
    def _cut(header: RecordHeader) -> BrokenRecordError:
        return BrokenRecordError(
            "truncated", f"it ends in the middle of the record of {header.url or header.type}"
        )

    def _find_record(self, again_from: int | None) -> bool:
        """Go to the next line that begins a record; False at the end of the file.

        Args:
            again_from: where the broken record began, if its length may have led too far; a packed file
                cannot be read again.
        """
        if again_from is not None and not self.stream.packed:
            self.stream.rewind(again_from)
            self.stream.line(HEADER_MAX)  # the broken record's own first line
        while True:
            try:
                if not self.stream.more():
                    return False
                if self.stream.begins_record():
                    return True
                while (line := self.stream.line(HEADER_MAX)) and not line.endswith(b"\n"):
                    pass
            except DamagedError:
                if not self.stream.step_over():
                    return False


def _header(raw: bytes) -> RecordHeader:
    try:
        parsed: StatusAndHeaders = StatusAndHeadersParser(_VERSIONS).parse(io.BytesIO(raw))
    except HeaderError as error:
        raise BrokenRecordError("header", "an unknown version of the format") from error
    values = {name.lower(): value.strip() for name, value in reversed(parsed.headers)}
    length = values.get("content-length", "")
    if not (length.isascii() and length.isdigit() and len(length) < 19):
        raise BrokenRecordError("header", f"a record's length is {length[:40]!r}")
    if not values.get("warc-type"):
        raise BrokenRecordError("header", "a record has no type")
    url = values.get("warc-target-uri", "")
    if "\0" in url:
        raise BrokenRecordError("header", "a record's address has a NUL in it")
    if url.startswith("<") and url.endswith(">"):  # as an early version of the standard writes it
        url = url[1:-1]
    return RecordHeader(
        values["warc-type"].lower(),
        url.replace(" ", "%20"),
        values.get("content-type", ""),
        values.get("warc-date", ""),
        values.get("warc-truncated", ""),
        values.get("warc-block-digest", ""),
        int(length),
    )
