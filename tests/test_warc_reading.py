"""Reading WARC files: records found in any file, codings, damage, filters."""

from __future__ import annotations

import base64
import gzip
import hashlib
import random
import tracemalloc
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import brotli  # type: ignore[import-untyped]
import pytest
from warc_files import (
    ENGLISH,
    FRENCH,
    NEWS,
    PACKINGS,
    chunked,
    deflated,
    html,
    http,
    packed,
    pages,
    record,
    response,
    write,
)

from crawler import saved_pages
from crawler.import_filter import ImportFilter, guess_language, import_filter
from crawler.saved_pages import SavedRecord, read_warc
from hexapolis.errors import InputFileError, UsageError

ALL = ImportFilter()


def read(path: Path, wanted: ImportFilter = ALL, **start: int) -> list[SavedRecord]:
    return list(read_warc(path, wanted, **start))


def kinds(records: Sequence[SavedRecord]) -> list[str]:
    return [r.filtered or r.broken or "page" for r in records]


def bodies(records: Sequence[SavedRecord]) -> list[bytes]:
    return [r.page.body for r in records if r.page is not None]


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_news_crawls_file(tmp_path: Path, packing: str) -> None:
    records = read(write(tmp_path / "a.warc", NEWS, packing))
    assert kinds(records) == [
        *("not_response", "not_response", "page", "not_response", "not_response", "not_response"),
        *("not_html", "status", "status", "not_html", "not_html", "not_html", "not_html", "page", "page"),
    ]
    assert bodies(records) == [html(0), ENGLISH, html(2)]


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_reading_goes_on_behind_any_record(tmp_path: Path, packing: str) -> None:
    """Also behind damage: what it then finds is what one reading without a break finds."""
    parts = [*NEWS, *pages(4)]
    content = bytearray(packed(parts, packing))
    content[len(content) // 2 : len(content) // 2 + 3] = b"\xff\x00\xff"
    path = tmp_path / "a.warc"
    path.write_bytes(bytes(content[:-40]))
    whole = read(path)
    assert any(r.broken for r in whole)
    for count, last in enumerate(whole, 1):
        start = {"offset": last.restart} if last.restart else {"skip": count}
        assert read(path, **start) == whole[count:]
    if packing in ("members", "plain"):
        assert all(r.restart for r in whole), "a reading can go on in the middle of such a file"


CODED = {
    "plain": http(html(1)),
    "HTTP/1.0": http(html(1), "HTTP/1.0 200 OK"),
    "HTTP/2": http(html(1), "HTTP/2 200"),
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Type: text/html\n\n" + html(1),
    "chunked": http(chunked(html(1)), "HTTP/1.1 200 OK", "Transfer-Encoding: chunked"),
    "gzip": http(gzip.compress(html(1)), "HTTP/1.1 200 OK", "Content-Encoding: gzip"),
    "br": http(brotli.compress(html(1)), "HTTP/1.1 200 OK", "content-encoding: br"),
    "deflate": http(deflated(html(1)), "HTTP/1.1 200 OK", "Content-Encoding: deflate"),
    "gzip, chunked": http(
        chunked(gzip.compress(html(1)), 50),
        "HTTP/1.1 200 OK",
        "Content-Encoding: gzip",
        "Transfer-Encoding: chunked",
    ),
    "transfer gzip": http(
        chunked(gzip.compress(html(1)), 50), "HTTP/1.1 200 OK", "Transfer-Encoding: gzip, chunked"
    ),
    "said to be gzip": http(html(1), "HTTP/1.1 200 OK", "Content-Encoding: gzip"),
    "said to be br": http(html(1), "HTTP/1.1 200 OK", "Content-Encoding: br"),
    "said to be chunked": http(html(1), "HTTP/1.1 200 OK", "Transfer-Encoding: chunked"),
}


@pytest.mark.parametrize("name", CODED)
def test_codings_of_a_body(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "a.warc.gz", [record("<https://x.cn/1>", CODED[name])])
    (found,) = read(path)
    assert found.page is not None, found
    assert (found.page.body, found.page.url) == (html(1), "https://x.cn/1")
    assert found.page.header("Content-Type") == "text/html"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5", "SHA-256"])
def test_digests_of_a_block(tmp_path: Path, algorithm: str) -> None:
    digest = hashlib.new(algorithm.replace("-", ""), http(html(1)))
    forms = [digest.hexdigest(), base64.b32encode(digest.digest()).decode()]
    parts = [
        record("https://x.cn/1", http(html(1)), WARC_Block_Digest=f"{algorithm}:{form}") for form in forms
    ]
    parts += [record("https://x.cn/1", http(html(1)), WARC_Block_Digest="xxh3:00")]
    parts += [record("https://x.cn/1", http(html(2)), WARC_Block_Digest=f"{algorithm}:{forms[0]}")]
    assert kinds(read(write(tmp_path / "a.warc", parts))) == ["page", "page", "page", "digest"]


def cut_short(block: bytes) -> bytes:
    return block[:-30]


BROKEN = {
    "no status": (record("https://x.cn/1", b"<html>hello</html>"), "http"),
    "empty": (record("https://x.cn/1", b""), "http"),
    "endless header": (record("https://x.cn/1", b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 10_000), "http"),
    "half a gzip": (record("https://x.cn/1", cut_short(CODED["gzip"])), "encoding"),
    "half a br": (record("https://x.cn/1", cut_short(CODED["br"])), "encoding"),
    "half a chunked": (record("https://x.cn/1", cut_short(CODED["chunked"])), "encoding"),
    "a bomb": (
        record(
            "https://x.cn/1",
            http(gzip.compress(b" " * 60_000_000, 9), "HTTP/1.1 200 OK", "Content-Encoding: gzip"),
        ),
        "too_large",
    ),
    "cut by its fetcher": (record("https://x.cn/1", http(html(1)), WARC_Truncated="length"), "truncated"),
    "another digest": (
        record("https://x.cn/1", http(html(1)), WARC_Block_Digest="sha1:" + "A" * 32),
        "digest",
    ),
    "no address": (record(None, http(html(1))), "header"),
    "no type": (record("https://x.cn/1", http(html(1))).replace(b"WARC-Type", b"X-Type"), "header"),
    "no length": (record("https://x.cn/1", http(html(1))).replace(b"Content-Length", b"X-Length"), "header"),
    "negative length": (record("https://x.cn/1", http(html(1)), length=-5), "header"),
    "version 7": (record("https://x.cn/1", http(html(1))).replace(b"WARC/1.0", b"WARC/7.0"), "header"),
    "garbage": (b"\x00\x01garbage\r\nmore of it\r\n\r\n", "header"),
    "too long": (record("https://x.cn/1", http(html(1)), length=len(http(html(1))) - 50), "length"),
    "too short": (record("https://x.cn/1", http(html(1)), length=len(http(html(1))) + 99), "length"),
    "beyond the file": (record("https://x.cn/1", http(html(1)), length=10**15), "length"),
}


@pytest.mark.parametrize("packing", ["members", "plain"])
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_record_costs_itself_only(tmp_path: Path, name: str, packing: str) -> None:
    broken, kind = BROKEN[name]
    one, two, three = pages(3)
    records = read(write(tmp_path / "a.warc", [one, broken, two, three], packing))
    assert kinds(records) == ["page", kind, "page", "page"]
    assert bodies(records) == [html(0), html(1), html(2)]
    first = read(write(tmp_path / "b.warc", [broken, one], packing))
    assert kinds(first) == [kind, "page"]


@pytest.mark.parametrize("where", ["begin", "middle", "checksum"])
def test_a_damaged_member_costs_itself_only(tmp_path: Path, where: str) -> None:
    members = [bytearray(gzip.compress(one, mtime=0)) for one in pages(5)]
    at = {"begin": 0, "middle": len(members[2]) // 2, "checksum": len(members[2]) - 6}[where]
    members[2][at : at + 4] = b"\xde\xad\xbe\xef"
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(members) + bytes(200_000))  # and zeros at the end, as tapes have
    records = read(path)
    assert kinds(records) == ["page", "page", "gzip", "page", "page"]
    assert bodies(records) == [html(0), html(1), html(3), html(4)]


def test_damage_in_a_file_packed_as_a_whole_costs_the_rest(tmp_path: Path) -> None:
    texts = [random.Random(i).randbytes(10_000).hex() for i in range(20)]
    blocks = [http(html(i, text)) for i, text in enumerate(texts)]
    parts = [
        record(f"https://x.cn/{i}", block, WARC_Block_Digest=f"sha1:{hashlib.sha1(block).hexdigest()}")
        for i, block in enumerate(blocks)
    ]
    content = bytearray(packed(parts, "whole"))
    half = len(content) // 2
    content[half : half + 200] = bytes(200)
    path = tmp_path / "a.warc.gz"
    path.write_bytes(bytes(content))
    records = read(path)
    assert 5 <= len(bodies(records)) <= 10
    assert bodies(records) == [html(i, text) for i, text in enumerate(texts)][: len(bodies(records))]
    assert any(r.broken for r in records[len(bodies(records)) :])


@pytest.mark.parametrize("packing", PACKINGS)
def test_every_cut_of_a_file_gives_its_whole_records_and_says_that_it_is_cut(
    tmp_path: Path, packing: str
) -> None:
    content = packed(pages(3), packing)
    path = tmp_path / "a.warc"
    for cut in range(40, len(content), 97):
        path.write_bytes(content[:cut])
        try:
            records = read(path)
        except InputFileError:  # not one record is there
            continue
        pages_found, rest = bodies(records), [k for k in kinds(records) if k != "page"]
        assert pages_found == [html(i) for i in range(len(pages_found))]
        assert rest in ([], ["truncated"], ["header"]), cut
        assert rest or packing in ("members", "plain", "blocks"), "a cut whole file is seen to be cut"


@pytest.mark.parametrize("packing", PACKINGS)
def test_noise_in_a_file_never_stops_a_reading(tmp_path: Path, packing: str) -> None:
    """Whatever is damaged: the reading ends, and a page that it gives has an address and a status."""
    rng = random.Random(packing)
    whole = packed([*NEWS, *(record(f"https://x.cn/{n}", b) for n, b in enumerate(CODED.values()))], packing)
    path = tmp_path / "a.warc"
    for _ in range(150):
        content = bytearray(whole)
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(content))
            match rng.randrange(4):
                case 0:
                    content[at] = rng.randrange(256)
                case 1:
                    del content[at : at + rng.randint(1, 300)]
                case 2:
                    content[at:at] = rng.choice(
                        [b"WARC/1.0\r\n", b"\r\n\r\n", b"\0", b"[", b"9", b"\xff" * 9]
                    )
                case 3:
                    content[at:at] = content[: rng.randint(1, 2000)]
        path.write_bytes(bytes(content))
        try:
            records = read(path)
        except InputFileError:
            continue
        assert all(bool(r.page) + bool(r.filtered) + bool(r.broken) == 1 for r in records)
        assert all(r.page.status == 200 and r.page.url.startswith("http") for r in records if r.page)
        for count in range(0, len(records), 7):
            start = {"offset": records[count].restart} if records[count].restart else {"skip": count + 1}
            assert kinds(read(path, **start)) == kinds(records)[count + 1 :]


@pytest.mark.parametrize(
    "url", ["http://[broken/1", "http:///", "http://a:b@c:99999999/", "https://x.cn/\u4e2d 1"]
)
def test_odd_addresses_are_pages_all_the_same(tmp_path: Path, url: str) -> None:
    assert kinds(read(write(tmp_path / "a.warc", [response(url, html(1)), *pages(1)]))) == ["page", "page"]


def test_records_over_the_limit_are_counted_in_little_memory(tmp_path: Path) -> None:
    size = saved_pages.MAX_BYTES + 1_000_000
    path = tmp_path / "a.warc.gz"
    with path.open("wb") as file:
        for type, start in (("text/html", b"<html><body>"), ("video/mp4", b"\0\0\0\x18ftypmp42")):
            with gzip.open(file, "wb", 1) as member:
                head = http(start, type=type)
                member.write(
                    record("https://x.cn/big", head, length=len(head) + size).removesuffix(b"\r\n\r\n")
                )
                for _ in range(size // 1_000_000):
                    member.write(b"x" * 1_000_000)
                member.write(b"x" * (size % 1_000_000) + b"\r\n\r\n")
        file.write(gzip.compress(pages(1)[0]))
    tracemalloc.start()
    try:
        assert kinds(read(path)) == ["too_large", "not_html", "page"]
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("pattern", "url", "wanted"),
    [
        ("sz.gov.cn", "https://sz.gov.cn/a", True),
        ("sz.gov.cn", "http://WWW.sz.gov.cn:81/a", True),
        ("sz.gov.cn", "https://xsz.gov.cn/a", False),
        ("sz.gov.cn", "https://sz.gov.cn.example.com/a", False),
        ("*.gov.cn", "https://www.sz.gov.cn/a", True),
        ("*.gov.cn", "https://gov.cn/a", False),
        ("*.GOV.cn.", "https://a.gov.cn/a", True),
        ("深圳.中国", "http://www.xn--fes124c.xn--fiqs8s/a", True),
        ("127.0.0.1", "http://127.0.0.1:8080/a", True),
        ("sz.gov.cn", "urn:sha256:00", False),
        ("sz.gov.cn", "http://[broken/a", False),
    ],
)
def test_hosts(pattern: str, url: str, wanted: bool) -> None:
    assert import_filter([pattern]).admits_host(url) is wanted
    assert ALL.admits_host(url)


@pytest.mark.parametrize(
    "pattern", ["", "*", "*.", "a.*.cn", "http://x.cn", "x.cn/a", "x.cn:80", "a b", "a@b"]
)
def test_what_is_no_host_pattern(pattern: str) -> None:
    with pytest.raises(UsageError, match=r"--host .*give a host like"):
        import_filter([pattern])


SCRIPT = b"<script>" + b"var some = 'English words in a program'; " * 100 + b"</script>"


@pytest.mark.parametrize(
    ("body", "language"),
    [
        (html(1), "zh"),
        (html(1).replace(b"<html>", b'<html lang="en">' + SCRIPT), "zh"),
        (html(1).decode().encode("gb18030"), "zh"),
        (ENGLISH, "en"),
        (
            (ENGLISH * 2).replace(
                b"<html>", b"<html lang=zh-CN>" + "<a>首页</a><a>新闻中心</a>".encode() * 30
            ),
            "en",
        ),
        (FRENCH, "fr"),
        (b"<html lang='en-GB'><body>" + SCRIPT * 30, "en"),  # no text in the first 64 kB
        (b"<html><body>" + SCRIPT * 30 + html(1), None),
        (b"", None),
        (b"\x81\x8d\x8f\x90\x9d" * 500, None),
    ],
)
def test_the_guess_of_the_language(body: bytes, language: str | None) -> None:
    assert guess_language(body, "text/html") == language
    assert import_filter([], "en").admits_language(body, None) == (language in ("en", None))


def test_filters_are_counted_by_what_they_leave_out(tmp_path: Path) -> None:
    path = write(tmp_path / "a.warc.gz", NEWS)
    assert Counter(kinds(read(path, import_filter(["*.sz.gov.cn"], "zh")))) == {
        "not_response": 5,
        "not_html": 5,
        "status": 2,
        "host": 1,
        "page": 2,
    }
    assert Counter(kinds(read(path, import_filter([], "en"))))["language"] == 2
