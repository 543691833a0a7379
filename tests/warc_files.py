"""WARC files of every kind for tests, written byte by byte so that they can be wrong on purpose."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

DATE = "2024-03-15T12:00:00Z"
PACKINGS = ("members", "whole", "plain", "blocks")


def record(
    url: str | None,
    block: bytes,
    type: str = "response",
    content_type: str = "application/http; msgtype=response",
    length: int | None = None,
    **more: str,
) -> bytes:
    """One record; `length` is what its header claims."""
    lines = ["WARC/1.0", f"WARC-Type: {type}", f"WARC-Date: {more.pop('date', DATE)}"]
    lines += [f"WARC-Target-URI: {url}"] if url else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
    lines += [
        f"Content-Type: {content_type}",
        f"Content-Length: {len(block) if length is None else length}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def http(body: bytes, status: str = "HTTP/1.1 200 OK", *headers: str, type: str = "text/html") -> bytes:
    """A response as it goes over the wire."""
    lines = [status, f"Content-Type: {type}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def html(number: int, text: str = "市政府安排算力中心建设，支持人工智能企业租用智能算力。") -> bytes:
    """A page of its own for each number."""
    paragraphs = "".join(f"<p>第{number}号通告第{i}段：{text}</p>" for i in range(4))
    return f"<html><head><title>第{number}号</title></head><body>{paragraphs}</body></html>".encode()


def response(url: str, body: bytes, **more: str) -> bytes:
    """The record of a page that was fetched as usual."""
    return record(url, http(body), **more)


def pages(count: int, host: str = "www.sz.gov.cn") -> list[bytes]:
    """Records of so many pages."""
    return [response(f"https://{host}/post_{i}.html", html(i)) for i in range(count)]


def packed(records: Sequence[bytes], packing: str) -> bytes:
    """A file's bytes: gzip by record, as a whole, not at all, or in blocks that begin anywhere."""
    if packing == "members":
        return b"".join(gzip.compress(one, 6, mtime=0) for one in records)
    whole = b"".join(records)
    if packing == "whole":
        return gzip.compress(whole, 6, mtime=0)
    if packing == "blocks":
        return b"".join(gzip.compress(whole[i : i + 1500], 6, mtime=0) for i in range(0, len(whole), 1500))
    return whole


def write(path: Path, records: Sequence[bytes], packing: str = "members") -> Path:
    """A WARC file on the disk."""
    path.write_bytes(packed(records, packing))
    return path


def chunked(body: bytes, size: int = 700) -> bytes:
    """A body as `Transfer-Encoding: chunked` sends it."""
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x;x=y\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"


def deflated(body: bytes) -> bytes:
    """A body as bare deflate."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


ENGLISH = (
    b"<html><body><p>The Shenzhen municipal government said on Tuesday that it has set up a fund of ten billion "
    b"yuan to support artificial intelligence companies across the whole city, open to firms of every size.</p>"
    b"</body></html>"
)
FRENCH = (
    "<html><body><p>La municipalité de Shenzhen a annoncé mardi la création d'un fonds de dix milliards de yuans "
    "pour soutenir les entreprises d'intelligence artificielle dans toute la ville.</p></body></html>"
).encode()
# ruff: noqa: E501 - paragraphs of HTML
# fmt: off
NEWS = [  # what lies between the pages of a news crawl's file
    record(None, b"software: x\r\n", "warcinfo", "application/warc-fields"),
    record("https://www.sz.gov.cn/post_0.html", b"GET / HTTP/1.1\r\n\r\n", "request", "application/http; msgtype=request"),
    response("https://www.sz.gov.cn/post_0.html", html(0)),
    record("https://www.sz.gov.cn/post_0.html", b"fetchTimeMs: 5\r\n", "metadata", "application/warc-fields"),
    record("dns:www.sz.gov.cn", b"20240315\nwww.sz.gov.cn. IN A 192.0.2.1\n", "response", "text/dns"),
    record("https://www.sz.gov.cn/post_1.html", http(b""), "revisit"),
    response("https://www.sz.gov.cn/robots.txt", b"User-agent: *\nDisallow: /a\n"),
    record("https://www.sz.gov.cn/gone.html", http(html(7), "HTTP/1.1 404 Not Found")),
    record("https://www.sz.gov.cn/old.html", http(b"", "HTTP/1.1 301 Moved", "Location: /new.html")),
    response("https://www.sz.gov.cn/a.pdf", b"%PDF-1.7 ..."),
    response("https://www.sz.gov.cn/photo", b"\xff\xd8\xff\xe0 ...."),
    record("https://www.sz.gov.cn/style", http(b"p { color: red }", type="text/css")),
    response("https://www.sz.gov.cn/app.js", b"var a = '<div>'"),
    response("http://news.example.com/en.html", ENGLISH),
    response("http://NEWS.sz.gov.cn:8080/post_2.html", html(2)),
]
# fmt: on
