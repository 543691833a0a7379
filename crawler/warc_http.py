"""What an HTTP response in a WARC file says: its status, its headers and its body without codings.

The body of a record is as it went over the wire, or as its writer has already decoded it without saying so
in the headers; both occur. Half a body is refused: half a page must not pass for an edit. Not for finding
records, see `crawler.warc_records`.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

from warcio.statusandheaders import StatusAndHeadersParser

from crawler.inflate import InflateError, inflate
from crawler.warc_records import HEADER_MAX, BrokenRecordError

_END_OF_HEADER = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(r"HTTP/\d(?:\.\d)? +(\d{3})(?: |$)", re.IGNORECASE)
_CHUNK = re.compile(rb"\s*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]{0,1000})?(?:\r?\n|\Z)")
_PLAIN_START = b"\xef\xbb\xbf \t\r\n"  # what may stand before the first tag


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An HTTP response whose body still has its codings."""

    status: int
    headers: tuple[tuple[str, str], ...]
    coded_body: bytes

    def header(self, name: str) -> str:
        """All values of a header, joined with commas; empty where there is none."""
        return ", ".join(v for k, v in self.headers if k.lower() == name)


def parse_response(block: bytes) -> HttpResponse:
    """The response in a record's block.

    Raises:
        BrokenRecordError: kind `http`, if it is none.
    """
    end = _END_OF_HEADER.search(block, 0, HEADER_MAX)
    head = block[: end.end()] if end else block
    found = _STATUS.match(head[:200].partition(b"\n")[0].decode("latin-1").strip())
    if found is None or (end is None and len(block) >= HEADER_MAX):
        raise BrokenRecordError("http", "a response without a status line or without an end of its header")
    parsed = StatusAndHeadersParser(["HTTP/"], verify=False).parse(io.BytesIO(head))
    # Databases do not take NULs.
    headers = tuple((name.replace("\0", ""), value.replace("\0", "")) for name, value in parsed.headers)
    return HttpResponse(int(found[1]), headers, block[len(head) :])


def decoded_body(response: HttpResponse, limit: int) -> bytes:
    """The body without transfer and content codings.

    Args:
        response: as `parse_response` gave it.
        limit: bytes that the body may have.

    Raises:
        BrokenRecordError: kind `encoding`, if it ends early or cannot be decoded; `too_large`.
    """
    body = response.coded_body
    transfer = [name.strip().lower() for name in response.header("transfer-encoding").split(",")]
    if "chunked" in transfer:
        body = _without_chunks(body)
    codings = [name for name in response.header("content-encoding").split(",") if name.strip()]
    codings += [name for name in transfer if name not in ("", "chunked", "identity")]
    if codings:
        try:
            body, _ = inflate(body, codings, limit)
        except InflateError as error:
            if "larger than" in str(error):
                raise BrokenRecordError("too_large", str(error)) from error
            if not body.lstrip(_PLAIN_START).startswith(b"<"):  # else it is decoded already
                raise BrokenRecordError("encoding", str(error)) from error
    if len(body) > limit:
        raise BrokenRecordError("too_large", f"a body of {len(body)} bytes, the limit is {limit}")
    return body


def _without_chunks(body: bytes) -> bytes:
    parts: list[bytes] = []
    at = 0
    while True:
        line = _CHUNK.match(body, at)
        if line is None:
            if at == 0:  # its writer has put it together already
                return body
            raise BrokenRecordError("encoding", "the body ends early (chunked)")
        size = int(line[1], 16)
        if size == 0:
            return b"".join(parts)
        part = body[line.end() : line.end() + size]
        if len(part) < size:
            raise BrokenRecordError("encoding", "the body ends early (chunked)")
        parts.append(part)
        at = line.end() + size
