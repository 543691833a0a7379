"""Importing WARC files of any size: records found in any file, filters, progress, memory, kills."""

from __future__ import annotations

import base64
import gc
import gzip
import hashlib
import random
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import brotli  # type: ignore[import-untyped]
import pytest
from conftest import Result
from loopback import environment
from sqlalchemy import func, select
from warc_files import PACKINGS, chunked, deflated, html, http, packed, pages, record, response, write

from crawler import saved_pages
from crawler.import_filter import ImportFilter, guess_language, import_filter
from crawler.saved_pages import SavedRecord, read_warc
from crawler.spiders import recorder, saved
from hexapolis.config import Settings
from hexapolis.errors import InputFileError, UsageError
from hexapolis.records import Judgement, Verdict
from store.engine import Store
from store.imports import ImportProgress
from store.pages import pages_to_process
from store.results import PageResult, save_model, store_results
from store.runs import LedgerRow
from store.schema import article, crawl_run, import_progress, ledger, page, prediction, version

ALL = ImportFilter()
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


class QuickProcessor:
    """Says of every page that it is no article, a few pages at a turn; notes how many waited."""

    damaged = 0

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs: list[int] = []
        self.most_waiting = 0
        self.most_rows = 0
        with store.write() as connection:
            save_model(connection, "m", "c", {}, saved.dt.datetime.now(saved.dt.UTC))

    def only(self, run_ids: Sequence[int]) -> None:
        self._runs = list(run_ids)

    def rewind(self) -> None:
        raise AssertionError("nothing needs it")

    def pump(self, limit: int = 8) -> bool:
        with self._store.read() as connection:
            waiting = pages_to_process(connection, "x", "m", run_ids=self._runs, limit=5_000)
        self.most_waiting = max(self.most_waiting, len(waiting))
        self.most_rows = max(self.most_rows, sum(isinstance(o, LedgerRow) for o in gc.get_objects()))
        results = [
            PageResult(
                *(w.page_id, w.run_id, w.source_id, w.url_key, w.status, w.fetched_at, "x", "m"),
                *(Judgement(Verdict.STUB, "short"), w.url, w.url_key),
            )
            for w in waiting[:limit]
        ]
        with self._store.write() as connection:
            store_results(connection, results, saved.dt.datetime.now(saved.dt.UTC))
        return bool(waiting)

    def run(self) -> None:
        while self.pump(500):
            pass


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data")


def bring_in(
    store: Store, settings: Settings, *files: Path, wanted: ImportFilter = ALL
) -> tuple[saved.ImportResult, QuickProcessor]:
    processor = QuickProcessor(store)
    return saved.import_files(files, store, settings, processor, wanted), processor


def rows(store: Store, *columns: Any) -> list[tuple[Any, ...]]:
    with store.read() as connection:
        return sorted(tuple(row) for row in connection.execute(select(*columns)))


def test_thousands_of_records_hold_little_in_memory(
    tmp_path: Path, store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved, "RUN_URLS", 400)
    monkeypatch.setattr(saved, "WAITING_MAX", 100)
    monkeypatch.setattr(saved, "WAIT_SECONDS", 0)
    path = write(tmp_path / "a.warc.gz", [part for one in pages(3000) for part in (NEWS[0], one)])
    result, processor = bring_in(store, settings, path)
    assert (result.records, result.imported, result.filtered) == (6000, 3000, {"not_response": 3000})
    assert processor.most_waiting <= 100 + saved.PUMP_EVERY + 32
    assert processor.most_rows <= 2 * 400, "the ledger of a run, and what is being written of it"
    assert len(result.runs) == 8
    assert {run.status for run in result.runs} == {"done"}
    assert sum(run.urls_seen for run in result.runs) == 3000
    assert rows(store, func.count(ledger.c.url_key), func.count(ledger.c.url_key.distinct())) == [
        (3000, 3000)
    ]
    assert rows(store, import_progress.c.offset, import_progress.c.records, import_progress.c.skipped) == [
        (path.stat().st_size, 6000, 3000)
    ]


def test_every_record_is_imported_known_filtered_or_broken(
    tmp_path: Path, store: Store, settings: Settings
) -> None:
    one = pages(1)[0]
    later = response("https://www.sz.gov.cn/post_0.html", html(0), date="2024-03-16T12:00:00Z")
    path = write(tmp_path / "a.warc", [*NEWS, one, one, later, BROKEN["no status"][0]], "plain")
    result, _ = bring_in(store, settings, path)
    assert (result.records, result.imported, result.known) == (19, 4, 2)
    assert result.filtered == {"not_response": 5, "not_html": 5, "status": 2}
    assert result.broken == {"http": 1}
    (run,) = result.runs
    assert (run.status, run.urls_seen) == ("done", 3)
    assert run.reason == (
        "12 records filtered: not_html 5, not_response 5, status 2; 1 records broken: http 1"
    )
    times = rows(store, page.c.url_key, page.c.fetched_at)
    assert [t.day for key, t in times if key.endswith("post_0.html")] == [15, 16]


def test_a_finished_file_is_read_once_a_changed_one_anew_and_no_visit_twice(
    tmp_path: Path, store: Store, settings: Settings
) -> None:
    path = write(tmp_path / "a.warc.gz", pages(3))
    assert bring_in(store, settings, path)[0].imported == 3
    again, _ = bring_in(store, settings, path)
    assert (again.finished, again.records, again.runs[0].status) == ([path], 0, "done")
    write(path, pages(5))
    grown, _ = bring_in(store, settings, path)
    assert (grown.records, grown.imported, grown.known, grown.resumed) == (5, 2, 3, {})
    assert grown.runs[0].outcomes == {"known": 3, "not_article": 2}
    assert len(rows(store, page.c.id)) == 5


def test_another_filter_is_another_reading(tmp_path: Path, store: Store, settings: Settings) -> None:
    path = write(tmp_path / "a.warc.gz", [*pages(2), *pages(2, "news.example.com")])
    narrow, _ = bring_in(store, settings, path, wanted=import_filter(["sz.gov.cn"]))
    assert (narrow.imported, narrow.filtered) == (2, {"host": 2})
    wide, _ = bring_in(store, settings, path)
    assert (wide.imported, wide.known, wide.finished) == (2, 2, [])
    assert bring_in(store, settings, path, wanted=import_filter(["sz.gov.cn"]))[0].finished == [path]


def test_a_file_without_any_record_is_no_progress(tmp_path: Path, store: Store, settings: Settings) -> None:
    noise = tmp_path / "noise.warc"
    noise.write_bytes(b"noise\n" * 50)
    result, _ = bring_in(store, settings, noise)
    assert result.skipped == [(noise, "cannot be read as a WARC file: no record begins where one should")]
    assert (result.records, result.runs[0].status) == (0, "failed")
    assert rows(store, import_progress.c.name) == []
    huge = tmp_path / "huge.warc"
    huge.write_bytes(b"WARC/1.0\r\nX: y\r\n\r\n" * 5_000)
    assert "length" in bring_in(store, settings, huge)[0].skipped[0][1]


class Stop(BaseException):
    """Stands for whatever ends an import in the middle."""


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("moment", ["archive", "before", "after", "process"])
def test_an_import_that_stops_anywhere_ends_in_the_same_store(
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    packing: str,
    moment: str,
) -> None:
    path = write(tmp_path / "a.warc", [part for one in pages(70) for part in (NEWS[0], one)], packing)
    straight, broken_off = (Store.open(f"sqlite:///{tmp_path / name}.db") for name in ("one", "two"))
    bring_in(straight, settings, path)
    places: dict[str, tuple[Any, str, bool]] = {
        "archive": (saved.ArchiveWriter, "write", True),
        "before": (saved.Recorder, "flush", True),
        "after": (saved.Recorder, "flush", False),
        "process": (QuickProcessor, "pump", True),
    }
    owner, name, first = places[moment]
    monkeypatch.setattr(recorder, "BATCH", 7)
    original = getattr(owner, name)
    for allowed in (5, 20, 30) if moment == "archive" else (1, 2, 3):
        calls = 0

        def stopping(*args: Any, **more: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > allowed and first:  # noqa: B023
                raise Stop
            result = original(*args, **more)
            if calls > allowed:  # noqa: B023
                raise Stop
            return result

        monkeypatch.setattr(owner, name, stopping)
        with pytest.raises(Stop):
            bring_in(broken_off, settings, path)
        monkeypatch.setattr(owner, name, original)
    bring_in(broken_off, settings, path)
    for columns in (
        (page.c.url_key, page.c.digest, page.c.fetched_at, page.c.verdict),
        (
            import_progress.c.name,
            import_progress.c.offset,
            import_progress.c.records,
            import_progress.c.skipped,
        ),
        (ledger.c.url_key, ledger.c.outcome),
    ):
        assert rows(broken_off, *columns) == rows(straight, *columns)
    assert len(rows(straight, page.c.id)) == 70
    straight.close()
    broken_off.close()


KILLED = """
import os, signal, sys
module, name, calls, first = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "before"
sys.argv = sys.argv[4:]
sys.argv[0] = "hexapolis"
import importlib
owner_name, _, attribute = name.rpartition(".")
owner = importlib.import_module(module)
for part in filter(None, owner_name.split(".")):
    owner = getattr(owner, part)
original = getattr(owner, attribute)
count = 0
def killing(*args, **more):
    global count
    count += 1
    if count == calls and first:
        os.kill(os.getpid(), signal.SIGKILL)
    result = original(*args, **more)
    if count == calls:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
setattr(owner, attribute, killing)
from hexapolis.__main__ import main
sys.exit(main())
"""


MOMENTS = (  # module, function, at which call, on which side of it
    ("crawler.archive", "ArchiveWriter.write", 20, "after"),
    (
        "crawler.spiders.recorder",
        "write_ledger",
        1,
        "after",
    ),  # inside the transaction, before it is committed
    ("crawler.spiders.recorder", "Recorder.flush", 2, "after"),
    ("pipeline", "store_results", 1, "after"),
    ("crawler.spiders.recorder", "save_import_progress", 2, "before"),
    ("pipeline", "Processor._commit", 1, "after"),
    ("crawler.spiders.recorder", "Recorder.close_run", 1, "before"),
)


def test_kill_9_at_several_moments_and_the_same_final_store(
    hexapolis: Callable[..., Result], data: Path, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.warc.gz", [part for one in pages(200) for part in (one, NEWS[0])])
    command = ["--data", str(data), "import", str(path), "--json"]
    kills = 0
    for moment in MOMENTS:
        words = [sys.executable, "-c", KILLED, *map(str, moment), *command]
        done = subprocess.run(
            words, capture_output=True, env=environment(), cwd=data.parent, timeout=240, check=False
        )
        assert done.returncode == -9, done.stderr.decode()
        kills += 1
    last = hexapolis("import", path, "--json")
    assert last.code == 0, last.err
    assert last.row["finished"] + len(last.row["resumed_from"]) == 1
    assert kills == len(MOMENTS)

    broken_off = Store.open(f"sqlite:///{data / 'hexapolis.db'}")
    (data / "hexapolis.db").rename(tmp_path / "broken_off.db")
    broken_off.close()
    for left in data.glob("hexapolis.db-*"):
        left.rename(tmp_path / left.name.replace("hexapolis", "broken_off"))
    straight = hexapolis("import", path, "--json")
    assert (straight.row["records"], straight.row["imported"]) == (400, 200)
    one, two = (
        Store.open(f"sqlite:///{name}") for name in (tmp_path / "broken_off.db", data / "hexapolis.db")
    )
    for columns in (
        (page.c.url_key, page.c.digest, page.c.fetched_at, page.c.verdict),
        (article.c.url_key, article.c.first_seen_at, article.c.last_seen_at),
        (version.c.number, version.c.text_sha256, version.c.published_on),
        (ledger.c.url_key, ledger.c.outcome),
        (import_progress.c.offset, import_progress.c.records, import_progress.c.skipped),
        (func.count(prediction.c.id),),
    ):
        assert rows(one, *columns) == rows(two, *columns)
    assert rows(one, page.c.processed_at.is_(None), func.count(page.c.id))[0] == (False, 200)
    assert {status for (status,) in rows(one, crawl_run.c.status)} <= {"done", "interrupted"}
    one.close()
    two.close()


def test_the_command(hexapolis: Callable[..., Result], data: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "a.warc.gz", [*NEWS, BROKEN["half a gzip"][0]])
    done = hexapolis("import", path, "--host", "*.sz.gov.cn", "--language", "zh", "--json")
    assert done.code == 0, done.err
    row = done.row
    assert (row["files"], row["records"], row["imported"], row["known"]) == (1, 16, 2, 0)
    assert row["filtered"] == {"host": 2, "language": 0, "not_response": 5, "status": 2, "not_html": 5}
    assert (row["broken"], row["resumed_from"], row["urls_seen"]) == ({}, {}, 2)
    again = hexapolis("import", path, "--host", "*.sz.gov.cn", "--language", "zh")
    assert again.code == 0
    assert f"{path}: imported before and unchanged since; left out" in again.err
    rest = hexapolis("import", path, "--json")
    assert (rest.code, rest.row["imported"], rest.row["known"], rest.row["broken"]) == (
        3,
        1,
        2,
        {"encoding": 1},
    )
    assert "1 broken records; the first: the body ends early (gzip)" in rest.err
    for wrong in (("--host", "http://x.cn"), ("--language", "fr")):
        refused = hexapolis("import", path, *wrong)
        assert (refused.code, refused.out, refused.err.count("\n")) == (2, "", 1)


def test_progress_says_when_a_file_is_done() -> None:
    assert not ImportProgress("a", 10, 9, 1, 0).finished
    assert ImportProgress("a", 10, 10, 1, 0).finished
