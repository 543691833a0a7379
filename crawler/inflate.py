"""Undoes a body's `Content-Encoding`, never making more of it than the limit.

A few kilobytes can unfold to gigabytes, and one encoding can hide another. So each step is taken in small
pieces and given up at the limit; and a body that ends early or is damaged is refused, because half an article
must not pass for a whole one.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator, Sequence

import brotli  # type: ignore[import-untyped]

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE = 65_536  # bytes that are unfolded at a time
MAX_LAYERS = 2  # one encoding is usual, two happen when a proxy adds its own; more are an attack
MAX_MEMBERS = 100  # of one gzip or zstd body; one is usual
ACCEPT_ENCODING = b"gzip, deflate, br, zstd"
"""What the crawler says it can read: exactly the encodings that are unfolded here."""

# RFC 9659: no more than 8 MB of window for zstd on the web. The library's own default would take 128 MB.
_ZSTD_OPTIONS: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 23}


class InflateError(ValueError):
    """A body that cannot be unfolded; says why in a few words."""


def inflate(body: bytes, encodings: Sequence[str], limit: int) -> tuple[bytes, list[str]]:
    """The body without its encodings.

    Args:
        body: as it came.
        encodings: in the order in which they were applied, as in the header.
        limit: bytes that no step may exceed.

    Returns:
        The body, and the encodings that are unknown and stay. An unknown name is left alone, as browsers do:
        some servers write a charset there.

    Raises:
        InflateError: larger than the limit, damaged, cut short, or encoded more often than anybody needs.
    """
    left = [name.strip().lower() for name in encodings if name.strip()]
    left = [name for name in left if name != "identity"]
    layers = 0
    while left and body and left[-1] in _PIECES:
        layers += 1
        if layers > MAX_LAYERS:
            raise InflateError(f"the body is encoded more than {MAX_LAYERS} times")
        body = _joined(left.pop(), body, limit)
    return body, left if body else []


def _joined(encoding: str, body: bytes, limit: int) -> bytes:
    pieces, size = [], 0
    try:
        for piece in _PIECES[encoding](body):
            size += len(piece)
            if size > limit:
                raise InflateError(
                    f"the body is larger than the download limit ({encoding}, {len(body)} bytes as sent)"
                )
            pieces.append(piece)
    except (zlib.error, brotli.error, zstd.ZstdError) as error:
        raise InflateError(f"the body is not readable as {encoding}") from error
    return b"".join(pieces)


def _zlib_pieces(body: bytes, wbits: int, name: str) -> Iterator[bytes]:
    """The stream, and the further ones behind it; zeros and other padding at the end do not count."""
    members = 0
    while body and (not members or body[:2] == b"\x1f\x8b"):
        members = _one_more(members, name)
        stream = zlib.decompressobj(wbits)
        yield stream.decompress(body, PIECE)
        while not stream.eof:
            waiting = stream.unconsumed_tail
            piece = stream.decompress(waiting, PIECE)
            if not piece and len(stream.unconsumed_tail) == len(waiting) and not stream.eof:
                raise InflateError(f"the body ends early ({name})")
            yield piece
        body = stream.unused_data


def _one_more(members: int, name: str) -> int:
    """Each member copies what follows it: a body of a million empty ones would take hours."""
    if members >= MAX_MEMBERS:
        raise InflateError(f"the body is in more than {MAX_MEMBERS} parts ({name})")
    return members + 1


def _gzip(body: bytes) -> Iterator[bytes]:
    return _zlib_pieces(body, 16 + zlib.MAX_WBITS, "gzip")


def _deflate(body: bytes) -> Iterator[bytes]:
    """The format of zlib, as the standard says, or the bare one, as some servers send."""
    try:
        zlib.decompressobj().decompress(body, 1)
    except zlib.error:
        return _zlib_pieces(body, -zlib.MAX_WBITS, "deflate")
    return _zlib_pieces(body, zlib.MAX_WBITS, "deflate")


def _brotli(body: bytes) -> Iterator[bytes]:
    stream = brotli.Decompressor()
    yield stream.process(body, output_buffer_limit=PIECE)
    while not stream.is_finished():
        piece = stream.process(b"", output_buffer_limit=PIECE)
        if not piece and not stream.is_finished():
            raise InflateError("the body ends early (br)")
        yield piece


def _zstd(body: bytes) -> Iterator[bytes]:
    frames = 0
    while body:
        frames = _one_more(frames, "zstd")
        stream = zstd.ZstdDecompressor(options=_ZSTD_OPTIONS)
        yield stream.decompress(body, PIECE)
        while not stream.eof:
            if stream.needs_input:
                raise InflateError("the body ends early (zstd)")
            yield stream.decompress(b"", PIECE)
        body = stream.unused_data


_PIECES: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
