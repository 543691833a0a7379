"""The clock: what is due is crawled once, in a child process that cannot take the scheduler down with it."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import loopback
import pytest
from loopback import Reply, Site, eventually

import scheduler
from hexapolis.config import Settings
from hexapolis.errors import UsageError
from hexapolis.records import EntryPoint, Source
from scheduler import Scheduler, due_at, only_scheduler
from store.engine import Store
from store.runs import RunSummary, finish_run, last_runs, save_source, start_run

NOW = dt.datetime(2024, 7, 1, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """SQLite alone: what is tested here is above the store, whose own tests run on both databases."""
    return f"sqlite:///{tmp_path / 'store.db'}"


def source(name: str, minutes: float = 60) -> Source:
    entry = EntryPoint("list", f"https://{name}.example/")
    return Source(name, name.upper(), (entry,), interval_minutes=minutes)  # type: ignore[arg-type]


def ran(started_at: dt.datetime, status: str = "done") -> RunSummary:
    return RunSummary(1, "s", "schedule", status, "", started_at, None, 0, {})


@pytest.mark.parametrize(
    ("last", "due"),
    [
        (None, NOW),
        (ran(NOW), NOW + 60 * MINUTE),
        (ran(NOW - 59 * MINUTE), NOW + MINUTE),
        (ran(NOW - 60 * MINUTE), NOW),
        (ran(NOW - 9999 * MINUTE), NOW),  # missed runs are not made up for one by one
        (ran(NOW - MINUTE, "failed"), NOW + 59 * MINUTE),  # a dead site is not asked without pause
        (ran(NOW + 5 * MINUTE), NOW + 65 * MINUTE),
    ],
)
def test_due_an_interval_after_the_last_run_began(last: RunSummary | None, due: dt.datetime) -> None:
    assert due_at(source("s"), last, NOW) == due


class Clock:
    """A scheduler whose children run a given Python program instead of a crawl."""

    def __init__(self, store: Store, folder: Path, program: str, *sources: Source, **settings: float) -> None:
        self.store, self.folder, self.ended = store, folder, list[RunSummary]()
        self.scheduler = Scheduler(
            sources,
            store,
            Settings(data=folder, **settings),
            lambda wanted: [sys.executable, "-c", program, str(folder), wanted.id],
            self.ended.append,
        )

    def lines(self) -> list[str]:
        """What the children have written."""
        file = self.folder / "lines"
        return file.read_text().splitlines() if file.exists() else []

    @property
    def summary(self) -> RunSummary:
        (summary,) = self.ended
        return summary


SAY = "import os, sys, pathlib; print(sys.argv[2], file=open(sys.argv[1] + '/lines', 'a'), flush=True);"


def alive(pid: str) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_each_due_source_is_crawled_once_and_recorded(store: Store, tmp_path: Path) -> None:
    now = dt.datetime.now(dt.UTC)
    sources = [source("never"), source("just"), source("long-ago"), source("other", 5)]
    with store.write() as connection:
        for name, began in (
            ("just", now - MINUTE),
            ("long-ago", now - 61 * MINUTE),
            ("other", now - 6 * MINUTE),
        ):
            save_source(connection, source(name), began)
            finish_run(connection, start_run(connection, name, "manual", began), "done", "", 0, began)
    program = SAY + "print('first\\nthe last word', file=sys.stderr); sys.exit(7)"
    clock = Clock(store, tmp_path, program, *sources)
    clock.scheduler.run_due()
    assert clock.lines() == ["never", "long-ago", "other"]
    assert [(run.source_id, run.status, run.trigger) for run in clock.ended] == [
        (name, "failed", "schedule") for name in clock.lines()
    ]
    assert {run.reason for run in clock.ended} == {"the crawl ended with 7: the last word"}
    with store.read() as connection:
        assert last_runs(connection)["never"] == clock.ended[0]
    clock.scheduler.run_due()  # the same moment: nothing is due, failed or not
    assert len(clock.lines()) == 3


def test_a_child_that_hangs_is_ended_with_its_own_children(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "STOP_SECONDS", 0.3)
    program = (
        "import os, signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); pid = os.fork();"
        "print(os.getpid(), file=open(sys.argv[1] + '/lines', 'a'), flush=True);"
        "[signal.pause() for _ in iter(int, 1)]"
    )
    clock = Clock(store, tmp_path, program, source("hangs"), crawl_seconds=1.0)
    clock.scheduler.run_due()
    assert (clock.summary.status, clock.summary.reason) == ("failed", "ended by the scheduler after 1 s")
    assert len(clock.lines()) == 2
    eventually(lambda: not any(map(alive, clock.lines())))


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("os.kill(os.getpid(), 9)", "the crawl ended with -9"),
        ("os._exit(0)", "the crawl recorded nothing"),
        ("1 / 0", "the crawl ended with 1: ZeroDivisionError: division by zero"),
        ("sys.stderr.write('x' * 100_000 + '\\nlast'); sys.exit(9)", "the crawl ended with 9: last"),
    ],
)
def test_a_child_that_dies_is_recorded(store: Store, tmp_path: Path, end: str, reason: str) -> None:
    clock = Clock(store, tmp_path, SAY + end, source("dies"))
    clock.scheduler.run_due()
    assert (clock.summary.status, clock.summary.reason) == ("failed", reason)
    assert clock.summary.finished_at is not None


def test_what_a_dead_child_has_started_is_ended(store: Store, tmp_path: Path) -> None:
    program = (
        "import os, signal, sys\nif os.fork() == 0:\n"
        "  print(os.getpid(), file=open(sys.argv[1] + '/lines', 'a'), flush=True); signal.pause()\n"
        "while not os.path.exists(sys.argv[1] + '/lines'): pass\n"
        "os.kill(os.getpid(), 9)"
    )
    clock = Clock(store, tmp_path, program, source("dies"))
    clock.scheduler.run_due()
    assert len(clock.lines()) == 1
    eventually(lambda: not any(map(alive, clock.lines())))


def test_a_run_that_its_child_left_open_is_closed(store: Store, store_url: str, tmp_path: Path) -> None:
    program = (
        "import os, sys, datetime as dt; from store.engine import Store; from store.runs import *;"
        "from hexapolis.records import *; "
        f"store = Store.open({store_url!r})\n"
        "with store.write() as c:\n"
        "  now = dt.datetime.now(dt.UTC); save_source(c, Source('open', 'O', ()), now)\n"
        "  write_ledger(c, start_run(c, 'open', 'schedule', now), [LedgerRow('k', 'u', Outcome.KNOWN)])\n"
        "os.kill(os.getpid(), 9)"
    )
    clock = Clock(store, tmp_path, program, source("open"))
    clock.scheduler.run_due()
    assert (clock.summary.run_id, clock.summary.status, clock.summary.urls_seen) == (1, "failed", 1)
    assert clock.summary.reason == "the crawl ended with -9"


def forever(clock: Clock) -> Callable[[], None]:
    """Run the clock beside the test; the function returned stops it and waits."""
    thread = threading.Thread(target=clock.scheduler.run_forever)
    thread.start()

    def stop() -> None:
        clock.scheduler.stop()
        thread.join(60)
        assert not thread.is_alive()

    return stop


def test_a_source_never_overlaps_itself(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = SAY + "import time\nwhile not os.path.exists(sys.argv[1] + '/go'): time.sleep(0.01)"
    clock = Clock(
        store, tmp_path, program, source("slow", minutes=1 / 60), source("other"), concurrent_crawls=4
    )
    with caplog.at_level(logging.WARNING, "apscheduler"):
        stop = forever(clock)
        try:
            # Its next turn has come while it still runs, and was left out.
            eventually(lambda: "maximum number of running instances" in caplog.text)
            assert sorted(clock.lines()) == ["other", "slow"]
            (tmp_path / "go").touch()
            eventually(lambda: clock.lines().count("slow") >= 2)
        finally:
            (tmp_path / "go").touch()
            stop()
    assert clock.lines().count("other") == 1


def test_stop_ends_children_even_those_that_will_not(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "STOP_SECONDS", 0.3)
    stubborn = (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        + SAY
        + "[signal.pause() for _ in iter(int, 1)]"
    )
    clock = Clock(store, tmp_path, stubborn, source("a"), source("b"), source("c"))
    stop = forever(clock)
    eventually(lambda: len(clock.lines()) == 2)  # two at a time
    stop()
    assert [run.status for run in clock.ended] == ["failed", "failed"], "the third never began"
    assert {run.reason for run in clock.ended} == {"ended by the scheduler, which was stopped"}


def test_one_scheduler_for_one_folder(tmp_path: Path) -> None:
    with (
        only_scheduler(tmp_path / "new"),
        pytest.raises(UsageError, match="another scheduler is running on this folder"),
        only_scheduler(tmp_path / "new"),
    ):
        pytest.fail("two schedulers")
    with only_scheduler(tmp_path / "new"):  # the place is free again
        pass


# --- the command --------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, models: Path) -> Path:
    data = tmp_path / "data"
    data.mkdir()
    (data / "models").symlink_to(models)
    return data


def test_schedule_once(folder: Path) -> None:
    with Site() as site:
        site.listing("/list.html", [site.article("/1.html", 1)])
        catalogue = folder / "c.yaml"
        text = "sources:\n" + loopback.source(site, "good") + loopback.source(site, "gone", "/gone.html")
        catalogue.write_text(
            text + loopback.source(site, "resting", "/off.html", enabled="false", disabled_reason="rests")
        )
        words = ("schedule", "--once", "--catalogue", catalogue, "--json")
        first = loopback.run(folder, *words)
        assert first.code == 3, first.err
        runs = {run["source"]: run for run in first.rows}
        assert list(runs) == ["good", "gone"]
        assert (runs["good"]["status"], runs["good"]["outcomes"]) == ("done", {"listing": 1, "stored": 1})
        assert (runs["gone"]["status"], runs["gone"]["outcomes"]) == ("failed", {"failed": 1})
        assert {run["trigger"] for run in runs.values()} == {"schedule"}
        asked = len(site.asked)
        again = loopback.run(folder, *words)
        assert (again.code, again.out, again.err) == (0, "", ""), "nothing is due"
        assert len(site.asked) == asked


def test_sigterm_ends_the_schedule_and_its_crawl(folder: Path) -> None:
    with Site() as site:
        never = threading.Event()
        site.listing("/list.html", [site.article("/1.html", 1), site.article("/2.html", 2, hold=never)])
        site.pages["/robots.txt"] = Reply("", 404)
        catalogue = folder / "c.yaml"
        catalogue.write_text("sources:\n" + loopback.source(site, "slow"))
        with loopback.started(folder, "schedule", "--catalogue", catalogue, "--json") as child:
            eventually(lambda: site.count("/2.html"))
            second = loopback.run(folder, "schedule", "--catalogue", catalogue)
            assert second.code == 2
            assert "another scheduler is running" in second.err
            with Store.open(f"sqlite:///{folder / 'hexapolis.db'}").read() as connection:
                (pid,) = connection.exec_driver_sql("select pid from crawl_run").scalars()
            child.send_signal(signal.SIGTERM)
            out, err = child.communicate(timeout=60)
        never.set()
        assert child.returncode == 0, err
        run = json.loads(out)
        assert (run["status"], run["reason"]) == ("interrupted", "stopped by a signal")
        assert run["outcomes"]["budget"] == 1
        assert run["outcomes"].get("waiting", 0) + run["outcomes"].get("stored", 0) == 1
        assert not alive(str(pid))
        assert os.getpid() != pid
