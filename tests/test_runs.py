"""Crawl runs and their ledgers."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from hexapolis.errors import UsageError
from hexapolis.records import Outcome, Source
from store.engine import Store
from store.integrity import find_faults
from store.runs import (
    LedgerRow,
    close_dead_runs,
    finish_run,
    last_runs,
    ledger_rows,
    outcomes,
    record_end,
    run_summary,
    save_source,
    start_run,
    write_ledger,
)
from store.schema import crawl_run, ledger

NOON = dt.datetime(2024, 3, 15, 12, 0, tzinfo=dt.UTC)
LATER = NOON + dt.timedelta(minutes=5)
SOURCE = Source("sz", "Shenzhen", ())


def row(name: str, outcome: Outcome = Outcome.STORED, detail: str = "") -> LedgerRow:
    return LedgerRow(f"https://x.cn/{name}", f"http://x.cn/{name}", outcome, detail)


def run_begins(store: Store, source: Source = SOURCE, now: dt.datetime = NOON) -> int:
    with store.write() as connection:
        save_source(connection, source, now)
        return start_run(connection, source.id, "manual", now)


def belongs_to(store: Store, run_id: int, *, pid: int, host: str | None = None) -> None:
    with store.write() as connection:
        values = {"pid": pid} | ({"host": host} if host else {})
        connection.execute(update(crawl_run).where(crawl_run.c.id == run_id).values(values))


@pytest.fixture
def living_pid() -> Iterator[int]:
    """The number of a process that looks like one of ours and goes on."""
    with subprocess.Popen([sys.executable, "-c", "input()", "hexapolis"], stdin=subprocess.PIPE) as child:
        yield child.pid
        child.communicate(b"\n")


@pytest.fixture
def strange_pid() -> Iterator[int]:
    """The number of a process that is none of ours: an id that was used again."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        yield child.pid
        child.communicate()


@pytest.fixture
def dead_pid() -> int:
    """The number of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_each_url_has_one_row_and_the_last_word_counts(store: Store) -> None:
    run_id = run_begins(store)
    with store.write() as connection:
        write_ledger(
            connection, run_id, [row("a", Outcome.BUDGET, "seen"), row("b", Outcome.ROBOTS, "not allowed")]
        )
        write_ledger(connection, run_id, [row("a", Outcome.STORED), row("c", Outcome.KNOWN)])
        write_ledger(connection, run_id, [])
    with store.read() as connection:
        assert ledger_rows(connection, run_id) == [
            row("a"),
            row("b", Outcome.ROBOTS, "not allowed"),
            row("c", Outcome.KNOWN),
        ]
        assert outcomes(connection, run_id) == {"known": 1, "robots": 1, "stored": 1}


def test_a_run_whose_sums_agree_is_done(store: Store) -> None:
    run_id = run_begins(store)
    with store.write() as connection:
        write_ledger(connection, run_id, [row("a"), row("b", Outcome.UNCHANGED)])
        summary = finish_run(connection, run_id, "done", "", 2, LATER)
    assert (summary.status, summary.reason, summary.urls_seen) == ("done", "", 2)
    assert (summary.started_at, summary.finished_at) == (NOON, LATER)
    assert summary.outcomes == {"stored": 1, "unchanged": 1}
    with store.read() as connection:
        assert run_summary(connection, run_id) == summary
        assert find_faults(connection) == []


@pytest.mark.parametrize("seen", [1, 3])
def test_a_run_whose_sums_disagree_has_failed_and_says_so(store: Store, seen: int) -> None:
    run_id = run_begins(store)
    with store.write() as connection:
        write_ledger(connection, run_id, [row("a"), row("b")])
        summary = finish_run(connection, run_id, "done", "feed unreadable", seen, LATER)
    assert summary.status == "failed"
    assert summary.reason == f"the ledger has 2 rows for {seen} URLs seen; feed unreadable"


def test_a_run_with_urls_left_waiting_is_partial(store: Store) -> None:
    run_id = run_begins(store)
    with store.write() as connection:
        write_ledger(connection, run_id, [row("a"), row("b", Outcome.WAITING)])
        summary = finish_run(connection, run_id, "done", "", 2, LATER)
    assert summary.status == "partial"
    assert "hexapolis process" in summary.reason


def test_the_self_check_notices_a_ledger_that_lost_a_row(store: Store) -> None:
    run_id = run_begins(store)
    with store.write() as connection:
        write_ledger(connection, run_id, [row("a"), row("b")])
        finish_run(connection, run_id, "done", "", 2, LATER)
        connection.execute(ledger.delete().where(ledger.c.url_key == row("a").url_key))
        assert find_faults(connection) == ["the ledgers of 1 runs do not have a row for every URL seen"]


def test_a_source_that_is_being_crawled_is_refused(store: Store, living_pid: int) -> None:
    belongs_to(store, run_begins(store), pid=living_pid)
    with pytest.raises(UsageError, match=rf"'sz' is being crawled by process {living_pid}"):
        run_begins(store)
    other = Source("bj", "Beijing", ())
    assert run_begins(store, other) > 0
    with store.read() as connection:
        assert [r.status for r in connection.execute(select(crawl_run))] == ["running", "running"]


def test_a_run_whose_process_is_gone_is_interrupted_when_the_next_begins(store: Store, dead_pid: int) -> None:
    first = run_begins(store)
    with store.write() as connection:
        write_ledger(connection, first, [row("a"), row("b", Outcome.BUDGET)])
    belongs_to(store, first, pid=dead_pid)
    second = run_begins(store, now=LATER)
    with store.read() as connection:
        closed = run_summary(connection, first)
        assert last_runs(connection)["sz"].run_id == second
    assert (closed.status, closed.finished_at, closed.urls_seen) == ("interrupted", LATER, 2)
    assert "ended before the run" in closed.reason


@pytest.mark.skipif(
    not Path("/proc").is_dir(), reason="a process's command is read from /proc, which is not here"
)
def test_a_process_id_that_was_used_again_does_not_hold_a_source(store: Store, strange_pid: int) -> None:
    first, own = run_begins(store), run_begins(store, Source("bj", "Beijing", ()))
    belongs_to(store, first, pid=strange_pid)
    with store.write() as connection:
        assert close_dead_runs(connection, LATER) == 2
        assert {run_summary(connection, i).status for i in (first, own)} == {"interrupted"}


def test_only_dead_runs_of_this_host_are_closed(store: Store, dead_pid: int, living_pid: int) -> None:
    living, dead, elsewhere = (run_begins(store, Source(i, i, ())) for i in ("living", "dead", "elsewhere"))
    belongs_to(store, living, pid=living_pid)
    belongs_to(store, dead, pid=dead_pid)
    belongs_to(store, elsewhere, pid=dead_pid, host="another-host")
    with store.write() as connection:
        assert close_dead_runs(connection, LATER) == 1
        assert close_dead_runs(connection, LATER) == 0
        found = {i: run_summary(connection, i).status for i in (living, dead, elsewhere)}
    assert found == {living: "running", dead: "interrupted", elsewhere: "running"}


def test_a_child_that_recorded_nothing_gets_a_failed_run(store: Store) -> None:
    with store.write() as connection:
        summary = record_end(connection, SOURCE, 4711, NOON, "killed after 60 s", LATER)
    assert (summary.status, summary.reason, summary.urls_seen) == ("failed", "killed after 60 s", 0)
    assert (summary.started_at, summary.finished_at) == (NOON, LATER)
    with store.read() as connection:
        assert last_runs(connection) == {"sz": summary}


def test_a_child_that_died_in_its_run_gets_it_closed_with_what_it_saw(store: Store) -> None:
    run_id = run_begins(store)
    belongs_to(store, run_id, pid=4711)
    with store.write() as connection:
        write_ledger(connection, run_id, [row("a"), row("b"), row("c", Outcome.WAITING)])
        summary = record_end(connection, SOURCE, 4711, NOON, "killed by signal 9", LATER)
    assert (summary.run_id, summary.status, summary.reason) == (run_id, "failed", "killed by signal 9")
    assert summary.urls_seen == 3


def test_a_child_that_closed_its_run_is_left_alone(store: Store) -> None:
    run_id = run_begins(store)
    belongs_to(store, run_id, pid=4711)
    with store.write() as connection:
        done = finish_run(connection, run_id, "done", "", 0, LATER)
        assert (
            record_end(connection, SOURCE, 4711, NOON, "a signal too late", LATER + dt.timedelta(1)) == done
        )


def test_an_earlier_run_with_the_same_process_number_is_not_the_childs(store: Store) -> None:
    run_id = run_begins(store, now=NOON - dt.timedelta(days=1))
    belongs_to(store, run_id, pid=4711)
    with store.write() as connection:
        finish_run(connection, run_id, "done", "", 0, NOON - dt.timedelta(hours=23))
        summary = record_end(connection, SOURCE, 4711, NOON, None, LATER)
    assert summary.run_id != run_id
    assert (summary.status, summary.reason) == ("failed", "the crawl recorded nothing")
