"""Sources and crawl runs: who was asked when, and what became of every URL.

A run's ledger has one row for each URL that the run saw. `finish_run` compares it with the spider's own
count, so a run whose sums do not agree cannot end as done.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import socket
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select, update

from hexapolis.errors import UsageError
from hexapolis.records import Outcome, Source
from store.schema import crawl_run, ledger, source
from store.upsert import upsert


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """What became of one URL in one run."""

    url_key: str
    url: str
    outcome: Outcome
    detail: str = ""
    page_id: int | None = None


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One crawl of one source."""

    run_id: int
    source_id: str
    trigger: str
    status: str
    reason: str
    started_at: dt.datetime
    finished_at: dt.datetime | None
    urls_seen: int
    outcomes: Mapping[str, int]
    limited: bool = False  # its user left pages out, so a source may have more that was never looked at


def save_source(connection: Connection, entry: Source, now: dt.datetime) -> None:
    """Keep the catalogue's entry as it is now."""
    row = {"id": entry.id, "name": entry.name, "definition": asdict(entry), "updated_at": now}
    upsert(connection, source, [row], ["id"], ["name", "definition", "updated_at"])


def has_sources(connection: Connection) -> bool:
    """Whether anything was ever crawled or brought in."""
    return connection.execute(select(source.c.id).limit(1)).first() is not None


def start_run(
    connection: Connection, source_id: str, trigger: str, now: dt.datetime, *, limited: bool = False
) -> int:
    """Open a run. Runs of the source whose process is gone are closed as interrupted first.

    Args:
        connection: a writing transaction.
        source_id: the source, which must be stored.
        trigger: who asked: manual, schedule, import or demo.
        now: the time.
        limited: whether the user has told the run to leave pages out.

    Raises:
        UsageError: another live process is crawling this source.
    """
    close_dead_runs(connection, now, source_id=source_id)
    running = connection.execute(
        select(crawl_run.c.pid).where(crawl_run.c.source_id == source_id, crawl_run.c.status == "running")
    ).scalar()
    if running is not None:
        raise UsageError(f"source {source_id!r} is being crawled by process {running}; wait until it ends")
    row = {
        "source_id": source_id,
        "trigger": trigger,
        "limited": limited,
        "status": "running",
        "reason": "",
        "started_at": now,
        "urls_seen": 0,
        "host": socket.gethostname(),
        "pid": os.getpid(),
    }
    return int(connection.execute(crawl_run.insert().values(row).returning(crawl_run.c.id)).scalar_one())


def close_dead_runs(connection: Connection, now: dt.datetime, source_id: str | None = None) -> int:
    """Mark runs of this host whose process has ended without a word as interrupted; how many there were."""
    query = select(crawl_run.c.id, crawl_run.c.pid).where(
        crawl_run.c.status == "running", crawl_run.c.host == socket.gethostname()
    )
    if source_id is not None:
        query = query.where(crawl_run.c.source_id == source_id)
    dead = [row.id for row in connection.execute(query) if not _alive(row.pid)]
    if dead:
        seen = select(func.count()).where(ledger.c.run_id == crawl_run.c.id).scalar_subquery()
        connection.execute(
            update(crawl_run)
            .where(crawl_run.c.id.in_(dead))
            .values(
                status="interrupted",
                reason="the process ended before the run",
                finished_at=now,
                urls_seen=seen,
            )
        )
    return len(dead)


def _alive(pid: int) -> bool:
    """Whether a crawling process has this id. Ids are used again, in containers at every start."""
    if pid == os.getpid():  # this process asks because it has not begun
        return False
    command = Path(f"/proc/{pid}/cmdline")
    if command.exists() and b"hexapolis" not in command.read_bytes():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def write_ledger(connection: Connection, run_id: int, rows: Iterable[LedgerRow]) -> None:
    """Write or overwrite the rows of some URLs."""
    values = [
        {
            "run_id": run_id,
            "url_key": row.url_key,
            "url": row.url,
            "outcome": row.outcome.value,
            "detail": row.detail,
            "page_id": row.page_id,
        }
        for row in rows
    ]
    upsert(connection, ledger, values, ["run_id", "url_key"], ["outcome", "detail", "page_id"])


def outcomes(connection: Connection, run_id: int) -> dict[str, int]:
    """How many URLs of a run ended how."""
    rows = connection.execute(
        select(ledger.c.outcome, func.count()).where(ledger.c.run_id == run_id).group_by(ledger.c.outcome)
    )
    return {outcome: count for outcome, count in sorted(rows)}  # noqa: C416 - dict() does not know rows


def ledger_rows(connection: Connection, run_id: int) -> list[LedgerRow]:
    """The whole ledger of a run, in the order of the addresses."""
    rows = connection.execute(select(ledger).where(ledger.c.run_id == run_id).order_by(ledger.c.url_key))
    return [LedgerRow(r.url_key, r.url, Outcome(r.outcome), r.detail, r.page_id) for r in rows]


_READ = {str(o) for o in (Outcome.STORED, Outcome.UNCHANGED, Outcome.KNOWN, Outcome.NOT_ARTICLE)}


def finish_run(
    connection: Connection, run_id: int, status: str, reason: str, urls_seen: int, now: dt.datetime
) -> RunSummary:
    """Close a run: as failed if its sums do not agree, as partial if URLs are left waiting; both say so."""
    counts = outcomes(connection, run_id)
    total = sum(counts.values())
    if total != urls_seen:
        status, reason = (
            "failed",
            f"the ledger has {total} rows for {urls_seen} URLs seen; {reason}".rstrip("; "),
        )
    elif counts.get(Outcome.WAITING.value) and status == "done":
        status, reason = "partial", "some pages wait to be processed: run `hexapolis process`"
    elif status == "done" and counts.get(Outcome.FAILED.value) and not counts.keys() & _READ:
        status, reason = "partial", "none of its articles could be fetched and read"
    connection.execute(
        update(crawl_run)
        .where(crawl_run.c.id == run_id)
        .values(status=status, reason=reason, finished_at=now, urls_seen=urls_seen)
    )
    return run_summary(connection, run_id)


def run_summary(connection: Connection, run_id: int) -> RunSummary:
    """One run with the counts of its ledger."""
    row = connection.execute(select(crawl_run).where(crawl_run.c.id == run_id)).one()
    return _summary(row, outcomes(connection, run_id))


def last_runs(connection: Connection) -> dict[str, RunSummary]:
    """The newest run of each source that has one."""
    newest = select(func.max(crawl_run.c.id)).group_by(crawl_run.c.source_id)
    rows = connection.execute(select(crawl_run).where(crawl_run.c.id.in_(newest))).all()
    return {row.source_id: _summary(row, outcomes(connection, row.id)) for row in rows}


_TRAP = 20  # pages of one shape without a single article: more of them are not worth a visit
_DIGITS = re.compile(r"\d+")


def left_over(connection: Connection, run_id: int) -> tuple[str, ...]:
    """Addresses of articles that a run saw and did not come to, in the order of the addresses.

    Without those that look like many which that run did fetch and found not to be articles, but for their
    numbers: the days of a calendar, the pages of a search.
    """
    rows = connection.execute(
        select(ledger.c.url, ledger.c.outcome, ledger.c.detail)
        .where(ledger.c.run_id == run_id)
        .order_by(ledger.c.url_key)
    ).all()
    articles = {str(o) for o in (Outcome.STORED, Outcome.UNCHANGED, Outcome.KNOWN)}
    good = {_shape(row.url) for row in rows if row.outcome in articles}
    poor = Counter(_shape(row.url) for row in rows if row.outcome == Outcome.NOT_ARTICLE.value)
    return tuple(
        row.url
        for row in rows
        if row.outcome == Outcome.BUDGET.value
        and not row.detail.startswith(("list page", "limit of"))
        and (poor[_shape(row.url)] < _TRAP or _shape(row.url) in good)
    )


def _shape(url: str) -> str:
    return _DIGITS.sub("#", url)


def _summary(row: Any, counts: Mapping[str, int]) -> RunSummary:
    return RunSummary(
        row.id,
        row.source_id,
        row.trigger,
        row.status,
        row.reason,
        row.started_at,
        row.finished_at,
        row.urls_seen,
        counts,
        row.limited,
    )


def record_end(
    connection: Connection, entry: Source, pid: int, began: dt.datetime, reason: str | None, now: dt.datetime
) -> RunSummary:
    """The run that a child process has left behind, closed if the child did not close it.

    Args:
        entry: the source that the child was to crawl.
        pid: the child's process id.
        began: when it was started.
        reason: why the run failed, as its parent saw it; None when it ended well.
        now: the time.
    """
    found = connection.execute(
        select(crawl_run.c.id, crawl_run.c.status)
        .where(crawl_run.c.source_id == entry.id, crawl_run.c.pid == pid, crawl_run.c.started_at >= began)
        .order_by(crawl_run.c.id.desc())
    ).first()
    if found is None:  # it died before it could say anything
        save_source(connection, entry, now)
        row = {
            "source_id": entry.id,
            "trigger": "schedule",
            "limited": False,
            "status": "failed",
            "reason": reason or "the crawl recorded nothing",
            "started_at": began,
            "finished_at": now,
            "urls_seen": 0,
            "host": socket.gethostname(),
            "pid": pid,
        }
        run_id = connection.execute(crawl_run.insert().values(row).returning(crawl_run.c.id)).scalar_one()
        return run_summary(connection, run_id)
    if found.status == "running":
        seen = sum(outcomes(connection, found.id).values())
        return finish_run(
            connection, found.id, "failed", reason or "the crawl ended before its run", seen, now
        )
    return run_summary(connection, found.id)
