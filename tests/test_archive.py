"""The WARC archive: what goes in comes out, nothing that a server says can break the file."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import os
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from crawler.archive import ArchiveWriter, body_digest, read_body
from hexapolis.errors import ArchiveError
from hexapolis.records import ArchiveRef, Page

NOON = dt.datetime(2024, 3, 15, 12, 0, tzinfo=dt.UTC)
HTML = (("Content-Type", "text/html; charset=utf-8"),)


def page(
    body: bytes, url: str = "https://x.cn/1", headers: tuple[tuple[str, str], ...] = HTML, status: int = 200
) -> Page:
    return Page(url, url, status, headers, body, NOON)


def archived(folder: Path, *pages: Page) -> list[ArchiveRef]:
    writer = ArchiveWriter(folder)
    refs = [writer.write(p) for p in pages]
    writer.close()
    return refs


def records(path: Path) -> list[dict[str, Any]]:
    """A file as warcio itself reads it, every digest checked."""
    with path.open("rb") as file:
        return [
            {
                "type": record.rec_type,
                "url": record.rec_headers.get_header("WARC-Target-URI"),
                "warc": record.rec_headers.headers,
                "http": record.http_headers.headers if record.http_headers else None,
                "status": record.http_headers.get_statuscode() if record.http_headers else None,
                "body": record.content_stream().read(),
            }
            for record in ArchiveIterator(file, check_digests="raise")
        ]


@pytest.mark.parametrize(
    "body",
    [
        "深圳市人工智能".encode(),
        bytes(range(256)),
        b"",
        b"\r\n\r\nHTTP/1.1 500 No\r\n",
        gzip.compress(b"x"),
        os.urandom(1 << 20),
    ],
    ids=["utf-8", "binary", "empty", "http in http", "gzip", "1 MB"],
)
@pytest.mark.parametrize("status", [200, 0], ids=["fetched", "saved file"])
def test_what_goes_in_comes_out(tmp_path: Path, body: bytes, status: int) -> None:
    before, ref, after = archived(tmp_path, page(b"before"), page(body, status=status), page(b"after"))
    assert read_body(tmp_path, ref) == body
    assert ref.digest == body_digest(body)
    assert [read_body(tmp_path, r) for r in (before, after)] == [b"before", b"after"]


def test_another_tool_reads_the_file(tmp_path: Path) -> None:
    urls = ["https://x.cn/1", "https://x.cn/2?a=b&c=%E6%96%B0", "urn:sha256:abc"]
    refs = archived(tmp_path, *(page(u.encode(), u, status=0 if u.startswith("urn:") else 200) for u in urls))
    assert len({ref.file for ref in refs}) == 1
    info, *found = records(tmp_path / refs[0].file)
    assert info["type"] == "warcinfo"
    assert b"Hexapolis" in info["body"]
    assert [(r["url"], r["body"].decode()) for r in found] == [(u, u) for u in urls]
    assert [r["type"] for r in found] == ["response", "response", "resource"]
    assert dict(found[0]["warc"])["WARC-Date"] == "2024-03-15T12:00:00Z"
    assert found[0]["status"] == "200"
    assert dict(found[0]["http"]) == {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Length": str(len(urls[0])),
    }


def test_a_record_stands_where_its_reference_says(tmp_path: Path) -> None:
    for ref, body in zip(archived(tmp_path, page(b"one"), page(b"two")), (b"one", b"two"), strict=True):
        content = (tmp_path / ref.file).read_bytes()[ref.offset : ref.offset + ref.length]
        assert gzip.decompress(content).rstrip(b"\r\n").endswith(body)


def test_the_address_that_was_asked_for_is_kept(tmp_path: Path) -> None:
    (ref,) = archived(tmp_path, replace(page(b"x"), requested_url="http://x.cn/old"))
    assert dict(records(tmp_path / ref.file)[1]["warc"])["X-Hexapolis-Requested-URI"] == "http://x.cn/old"


def test_headers_of_the_transfer_do_not_change_the_body(tmp_path: Path) -> None:
    """The body is decoded already; a reader must not decode it again."""
    headers = (
        ("Content-Encoding", "gzip"),
        ("transfer-encoding", "chunked"),
        ("Content-Length", "7"),
        (" Content-Encoding", "br"),
        ("Transfer-Encoding ", "chunked"),
    )
    (ref,) = archived(tmp_path, page(b"a body", headers=headers))
    (found,) = records(tmp_path / ref.file)[1:]
    assert found["body"] == b"a body"
    names = [name.lower() for name, _ in found["http"]]
    assert names.count("content-length") == 1
    assert {"content-encoding", "transfer-encoding"}.isdisjoint(names)
    assert ("X-Archive-Orig-Content-Encoding", "gzip") in found["http"]


def test_wrong_digest(tmp_path: Path) -> None:
    first, second = archived(tmp_path, page(b"one"), page(b"two"))
    for ref in (
        replace(first, digest=second.digest),
        replace(second, offset=first.offset, length=first.length),
    ):
        with pytest.raises(ArchiveError, match=r"^[^\n]*does not hold the bytes that were stored$"):
            read_body(tmp_path, ref)


def test_missing_file(tmp_path: Path) -> None:
    (ref,) = archived(tmp_path, page(b"one"))
    (tmp_path / ref.file).unlink()
    with pytest.raises(ArchiveError, match=r"^[^\n]*archive file is missing; restore it[^\n]*$"):
        read_body(tmp_path, ref)


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9])
def test_truncated_file(tmp_path: Path, part: float) -> None:
    one, two = archived(tmp_path, page(b"one"), page(os.urandom(3000)))
    path = tmp_path / two.file
    path.write_bytes(path.read_bytes()[: two.offset + int(two.length * part)])
    with pytest.raises(ArchiveError, match=r"^[^\n]+$"):
        read_body(tmp_path, two)
    assert read_body(tmp_path, one) == b"one"


@settings(max_examples=60, deadline=None)
@given(flips=st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 255)), min_size=1, max_size=4))
def test_a_damaged_record_never_gives_wrong_bytes(flips: list[tuple[int, int]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        body = b"The city builds a computing centre. " * 20
        (ref,) = archived(folder, page(body))
        path = folder / ref.file
        content = bytearray(path.read_bytes())
        for place, bits in flips:
            content[ref.offset + place % ref.length] ^= bits
        path.write_bytes(content)
        with suppress(ArchiveError):
            assert read_body(folder, ref) == body


def test_a_record_whose_address_is_damaged(tmp_path: Path) -> None:
    (ref,) = archived(tmp_path, page(b"one"))
    path = tmp_path / ref.file
    record = gzip.decompress(path.read_bytes()[ref.offset :]).replace(b"WARC-Target-URI", b"WARC-Target-ABC")
    path.write_bytes(gzip.compress(record))
    with pytest.raises(ArchiveError, match=r"^[^\n]*record at 0 cannot be read[^\n]*$"):
        read_body(tmp_path, ArchiveRef(ref.file, 0, path.stat().st_size, ref.digest))


def test_a_full_file_is_followed_by_another(tmp_path: Path) -> None:
    writer = ArchiveWriter(tmp_path, rotate_bytes=2000)
    bodies = [os.urandom(900) for _ in range(6)]
    refs = [writer.write(page(body)) for body in bodies]
    writer.close()
    files = sorted({ref.file for ref in refs})
    assert len(files) == 3
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.warc.gz")) == files
    assert all(file.startswith("2024/03/") for file in files)
    assert [read_body(tmp_path, ref) for ref in refs] == bodies
    assert [
        r["body"] for file in files for r in records(tmp_path / file) if r["type"] == "response"
    ] == bodies


def test_two_writers_never_share_a_file(tmp_path: Path) -> None:
    one, two = ArchiveWriter(tmp_path), ArchiveWriter(tmp_path)
    refs = [writer.write(page(body)) for writer, body in ((one, b"1"), (two, b"2"), (one, b"3"))]
    one.close()
    two.close()
    assert refs[0].file == refs[2].file != refs[1].file
    assert [read_body(tmp_path, ref) for ref in refs] == [b"1", b"2", b"3"]


def test_an_unfinished_tail_does_not_hurt_what_is_before_it(tmp_path: Path) -> None:
    one, two, killed = archived(tmp_path, page(b"one"), page(b"two"), page(os.urandom(2000)))
    path = tmp_path / killed.file
    os.truncate(path, killed.offset + killed.length // 2)
    assert [read_body(tmp_path, ref) for ref in (one, two)] == [b"one", b"two"]
    with path.open("rb") as file:
        records = ArchiveIterator(file)
        assert next(records).rec_type == "warcinfo"
        assert [next(records).content_stream().read() for _ in range(2)] == [b"one", b"two"]
    (later,) = archived(tmp_path, page(b"a new process"))
    assert later.file != killed.file
    assert read_body(tmp_path, later) == b"a new process"


def test_what_is_written_can_be_read_before_the_file_is_closed(tmp_path: Path) -> None:
    writer = ArchiveWriter(tmp_path)
    ref = writer.write(page(b"one"))
    writer.flush()
    assert read_body(tmp_path, ref) == b"one"
    writer.close()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("a file")
    with pytest.raises(ArchiveError, match=r"^[^\n]*cannot be written[^\n]*$"):
        ArchiveWriter(tmp_path / "archive").write(page(b"x"))


EVIL = "a\r\nEvil: 1\r\n\r\nHTTP/1.1 200 OK\r\n\r\nWARC/1.1\nEvil: 2\rEvil: 3"
EVIL_SIGNS = f"{EVIL}\x85Evil: 4\u2028Evil: 5"  # warcio encodes a value that is not ASCII in another way


@pytest.mark.parametrize("evil", [EVIL, EVIL_SIGNS], ids=["ascii", "other signs"])
def test_line_breaks_cannot_forge_headers_or_records(tmp_path: Path, evil: str) -> None:
    """An address, a value or a name with CR and LF ends no line and begins no record."""
    headers = (("Server", evil), (f"X{evil}", "value"), ("\r\n\r\n", "x"), ("", "x"), ("Ok", "yes"))
    hostile = Page(f"https://x.cn/{evil}", f"https://x.cn/?{evil}", 200, headers, b"body", NOON)
    saved = Page(f"https://x.cn/{evil}", "u", 0, (("Content-Type", evil),), b"body", NOON)
    one, two, three = archived(tmp_path, hostile, saved, page(b"next"))
    _, found, resource, after = records(tmp_path / one.file)
    assert [found["body"], resource["body"], after["body"]] == [b"body", b"body", b"next"]
    for name, _ in (*found["warc"], *found["http"], *resource["warc"]):
        assert not name.startswith("Evil")
    assert found["http"][0][0] == "Server"
    assert ("Ok", "yes") in found["http"]
    raw = gzip.decompress((tmp_path / one.file).read_bytes()[one.offset : one.offset + one.length])
    assert raw.count(b"\r\n\r\n") == 3  # after the WARC headers, after the HTTP headers, at the end
    assert [read_body(tmp_path, ref) for ref in (one, two, three)] == [b"body", b"body", b"next"]


@settings(max_examples=80, deadline=None)
@given(
    body=st.binary(max_size=400),
    headers=st.lists(st.tuples(st.text(max_size=12), st.text(max_size=20)), max_size=4),
    path=st.text(max_size=20),
    status=st.sampled_from([0, 200, 204, 304, 404, 599, 999]),
)
def test_any_page_round_trips(body: bytes, headers: list[tuple[str, str]], path: str, status: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ref, after = archived(
            folder, page(body, f"https://x.cn/{path}", tuple(headers), status), page(b"after")
        )
        assert read_body(folder, ref) == body
        assert read_body(folder, after) == b"after"
        content = io.BytesIO((folder / ref.file).read_bytes())
        assert [r.content_stream().read() for r in ArchiveIterator(content)][1:] == [body, b"after"]
