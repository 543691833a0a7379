"""Which source is due, and when.

Each enabled source is crawled at its own interval, counted from the start of its last run, so the store knows
what is due and a restart forgets nothing. Every crawl is a child process with a time limit: a hang or a crash
costs one run, and that run is recorded. APScheduler keeps the time, with its jobs in memory only.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from hexapolis.config import Settings
from hexapolis.errors import UsageError
from hexapolis.records import Source
from store.engine import Store
from store.runs import RunSummary, last_runs, record_end

log = structlog.get_logger(__name__)

STOP_SECONDS = 20.0  # how long a crawl may take to end when asked to
LOOK_SECONDS = 0.5  # how soon a waiting thread notices that the scheduler is stopped
TAIL_BYTES = 2_000  # of a child's messages that are kept when it fails


def due_at(source: Source, last: RunSummary | None, now: dt.datetime) -> dt.datetime:
    """When a source is to be crawled next: an interval after its last run began, at once if that is past."""
    if last is None:
        return now
    return max(now, last.started_at + dt.timedelta(minutes=source.interval_minutes))


@contextlib.contextmanager
def only_scheduler(data: Path) -> Iterator[None]:
    """Hold the place of the one scheduler of a data folder.

    Raises:
        UsageError: another scheduler is running, or the folder cannot be written.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / "scheduler.lock").open("w")
    except OSError as error:
        raise UsageError(
            f"{data}: cannot be used: {error.strerror}; choose another folder with --data"
        ) from error
    with lock as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(f"{data}: another scheduler is running on this folder") from error
        yield


class Scheduler:
    """Crawls sources when they are due.

    Args:
        sources: the enabled ones.
        store: says when each was crawled last, and takes the record of runs that died.
        settings: limits.
        command: makes the command line of the child that crawls one source.
        on_end: called after each run, from the thread that waited for it.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        store: Store,
        settings: Settings,
        command: Callable[[Source], Sequence[str]],
        on_end: Callable[[RunSummary], None],
    ) -> None:
        self._sources = sources
        self._store = store
        self._settings = settings
        self._command = command
        self._on_end = on_end
        self._stopping = threading.Event()

    def run_due(self) -> None:
        """Crawl what is due now, each source once, and return."""
        now = dt.datetime.now(dt.UTC)
        with self._store.read() as connection:
            last = last_runs(connection)
        for source in self._sources:
            if due_at(source, last.get(source.id), now) <= now:
                self.crawl(source)

    def run_forever(self) -> None:
        """Crawl each source whenever it is due, until `stop`."""
        clock = BackgroundScheduler(
            timezone=dt.UTC,
            executors={"default": ThreadPoolExecutor(self._settings.concurrent_crawls)},
            # A run that could not begin in time is made up for once; a source never overlaps itself.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        now = dt.datetime.now(dt.UTC)
        with self._store.read() as connection:
            last = last_runs(connection)
        for source in self._sources:
            clock.add_job(
                self.crawl,
                IntervalTrigger(minutes=source.interval_minutes, timezone=dt.UTC),
                args=[source],
                id=source.id,
                next_run_time=due_at(source, last.get(source.id), now),
            )
        clock.start()
        self._stopping.wait()
        clock.shutdown(wait=True)

    def stop(self) -> None:
        """Ask running crawls to end and start no others; those that do not end are killed.

        Fit for a signal handler.
        """
        self._stopping.set()  # whoever waits for a child looks at it

    def crawl(self, source: Source) -> None:
        """Crawl one source in a child process and record how it ended."""
        if self._stopping.is_set():
            return
        began = dt.datetime.now(dt.UTC)
        with (self._settings.data / f"crawl-{source.id}.log").open("wb+") as messages:
            child = subprocess.Popen(
                self._command(source),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=messages,
                start_new_session=True,  # so that the child's own workers can be ended with it
            )
            try:
                reason = self._wait(child)
            finally:
                _kill_group(child)  # workers that have outlived it
            messages.seek(max(0, messages.tell() - TAIL_BYTES))
            tail = messages.read().decode("utf-8", "replace").strip().splitlines()
        if reason is None and child.returncode not in (0, 3):
            reason = f"the crawl ended with {child.returncode}" + (f": {tail[-1]}" if tail else "")
        with self._store.write() as connection:
            summary = record_end(connection, source, child.pid, began, reason, dt.datetime.now(dt.UTC))
        self._on_end(summary)

    def _wait(self, child: subprocess.Popen[bytes]) -> str | None:
        """Wait for a child within its time; why it had to be ended, if it had to."""
        limit = self._settings.crawl_seconds
        reason = "ended by the scheduler, which was stopped"
        end = time.monotonic() + limit
        while not self._stopping.is_set():
            try:
                child.wait(max(0.0, min(LOOK_SECONDS, end - time.monotonic())))
                return None
            except subprocess.TimeoutExpired:
                if time.monotonic() >= end:
                    reason = f"ended by the scheduler after {limit:g} s"
                    break
        child.terminate()  # the child alone: it ends its workers itself
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            _kill_group(child)
            child.wait()
        return reason


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    """Kill what is left of a child and the processes it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
