"""Importing WARC files of any size: progress, memory, kills, the command."""

from __future__ import annotations

import gc
import gzip
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Result
from loopback import environment
from sqlalchemy import func, select
from warc_files import NEWS, PACKINGS, html, http, pages, record, response, write

from crawler.import_filter import ImportFilter, import_filter
from crawler.saved_pages import SavedRecord, read_warc
from crawler.spiders import recorder, saved
from hexapolis.config import Settings
from hexapolis.records import Judgement, Verdict
from store.engine import Store
from store.imports import ImportProgress
from store.pages import pages_to_process
from store.results import PageResult, save_model, store_results
from store.runs import LedgerRow
from store.schema import article, crawl_run, import_progress, ledger, page, prediction, version

ALL = ImportFilter()
WITHOUT_STATUS = record("https://x.cn/1", b"<html>hello</html>")
HALF_A_GZIP = record(
    "https://x.cn/1", http(gzip.compress(html(1))[:-30], "HTTP/1.1 200 OK", "Content-Encoding: gzip")
)


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """SQLite alone: what is tested here is above the store, whose own tests run on both databases."""
    return f"sqlite:///{tmp_path / 'store.db'}"


def read(path: Path, wanted: ImportFilter = ALL, **start: int) -> list[SavedRecord]:
    return list(read_warc(path, wanted, **start))


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
    path = write(tmp_path / "a.warc", [*NEWS, one, one, later, WITHOUT_STATUS], "plain")
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
    path = write(tmp_path / "a.warc.gz", [*NEWS, HALF_A_GZIP])
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
