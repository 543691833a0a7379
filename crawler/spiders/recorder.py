"""What a crawl has seen, on its way to the disk.

Pages are written to the archive first, then to the store, in batches; a page is acknowledged when `flush`
returns. The ledger of each run is kept here while the run goes on: one row for each URL, the last word
counts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import replace

import structlog

from crawler.archive import ArchiveWriter, body_digest
from crawler.spiders.throttle import host_of
from crawler.urls import url_identity
from hexapolis.errors import ArchiveError, StoreError
from hexapolis.records import Link, Outcome, Page, Source
from store.cooldown import Cooldown, Strike, clear, cooling, strike
from store.documents import WantedDocuments, read_again, wanted_documents
from store.engine import Store
from store.imports import ImportProgress, save_import_progress, visit_is_stored
from store.looks import DueLook, due_looks, save_unchanged
from store.pages import KnownPage, NewPage, count_waiting, insert_pages, known_pages
from store.runs import LedgerRow, RunSummary, finish_run, outcomes, save_source, start_run, write_ledger

log = structlog.get_logger(__name__)

BATCH = 32  # pages in one transaction


class RunLedger:
    """The URLs of one run and what became of each."""

    def __init__(self, run_id: int, source: Source, recorder: Recorder) -> None:
        self.run_id = run_id
        self.source = source
        self._recorder = recorder
        self._rows: dict[str, LedgerRow] = {}
        self._changed: set[str] = set()
        self.problems: list[str] = []  # entry points that could not be read, and why
        self.entry_points_read = 0
        self.stopped = ""  # why the run was cut short, if it was
        self.error: StoreError | ArchiveError | None = None  # why nothing can be kept any more
        self.strike: Strike | None = None  # the refusal that stopped it
        self.good_hosts: set[str] = set()  # hosts that gave a good answer

    def see(self, url: str) -> str | None:
        """Note that the run has come upon an address; its key, or None when it was seen before."""
        key = url_identity(url)
        if key in self._rows:
            return None
        self._set(LedgerRow(key, url, Outcome.BUDGET, "seen, not fetched when the run ended"))
        return key

    def settle(self, key: str, outcome: Outcome, detail: str = "") -> None:
        """Say what became of a URL that was seen."""
        row = self._rows[key]
        self._set(LedgerRow(key, row.url, outcome, detail, row.page_id))

    def outcome(self, key: str) -> Outcome:
        """What became of a URL so far."""
        return self._rows[key].outcome

    def article_page(self, key: str, page: Page, link: Link) -> None:
        """A fetched page that is to be read as an article."""
        self.settle(key, Outcome.WAITING)
        self._recorder.add(self, key, page, "article", link)

    def listing_page(self, key: str, page: Page, outcome: Outcome, detail: str) -> None:
        """A fetched page that is read for its links only."""
        self.settle(key, outcome, detail)
        self._recorder.add(self, key, page, "listing", None)

    def robots_page(self, page: Page) -> None:
        """A robots.txt, kept because it says what was allowed at the time."""
        self._recorder.add(self, None, page, "robots", None)

    def hop_page(self, page: Page) -> None:
        """An answer that led to another address."""
        self._recorder.add(self, None, page, "hop", None)

    def unchanged(self, key: str, at: dt.datetime) -> None:
        """The server says that an article is as it was."""
        self.settle(key, Outcome.UNCHANGED, "not modified")
        self._recorder.unchanged[key] = at

    def count(self, outcome: Outcome) -> int:
        """How many URLs have ended so, as far as the run knows."""
        return sum(row.outcome is outcome for row in self._rows.values())

    @property
    def seen(self) -> int:
        """How many URLs the run has seen."""
        return len(self._rows)

    def _set(self, row: LedgerRow) -> None:
        self._rows[row.url_key] = row
        self._changed.add(row.url_key)

    def remember_page(self, key: str, page_id: int) -> None:
        """The page of a URL is in the store; its row is written next."""
        row = self._rows[key]
        self._set(LedgerRow(key, row.url, row.outcome, row.detail, page_id))

    @property
    def has_changes(self) -> bool:
        """Whether there are rows that the store does not have yet."""
        return bool(self._changed)

    def take_changes(self) -> list[LedgerRow]:
        """The rows that the store does not have yet."""
        rows = [self._rows[key] for key in sorted(self._changed)]
        self._changed.clear()
        return rows


class Recorder:
    """Writes what all runs of one process fetch.

    Args:
        store: where rows go.
        archive: where bytes go.
        now: the clock.
    """

    def __init__(self, store: Store, archive: ArchiveWriter, now: Callable[[], dt.datetime]) -> None:
        self._store = store
        self._archive = archive
        self._now = now
        self._runs: dict[int, RunLedger] = {}
        self._pages: list[tuple[RunLedger, str | None, NewPage]] = []
        self._parents: list[int] = []  # pages that get documents with the next batch
        self.unchanged: dict[str, dt.datetime] = {}  # by address, when the server said so
        self._marks: dict[str, ImportProgress] = {}  # how far files are read, by name

    def open_run(self, source: Source, trigger: str, *, limited: bool = False) -> RunLedger:
        """Begin the run of one source; `limited` when the user leaves pages out.

        Raises:
            UsageError: another process is crawling it.
        """
        with self._store.write() as connection:
            save_source(connection, source, self._now())
            run_id = start_run(connection, source.id, trigger, self._now(), limited=limited)
        self._runs[run_id] = RunLedger(run_id, source, self)
        return self._runs[run_id]

    def known(self, url_keys: Collection[str]) -> dict[str, KnownPage]:
        """What the store has of these addresses."""
        with self._store.read() as connection:
            return known_pages(connection, url_keys)

    def add(self, run: RunLedger, key: str | None, page: Page, role: str, link: Link | None) -> None:
        """Write a page to the archive; the store gets it with the next batch.

        Args:
            run: the run that fetched it.
            key: its row in the ledger; None for what no entry point offers (robots.txt, hops).
            page: what was fetched.
            role: what it is for, see `store.pages.NewPage`.
            link: the link that led to it.
        """
        self._pages.append((run, key, self._archived(run, key, page, role, link)))
        if len(self._pages) >= BATCH:
            self.flush()

    def add_documents(
        self, run: RunLedger, wanted: WantedDocuments, documents: list[tuple[str, NewPage]]
    ) -> None:
        """Store all documents of a page together, and have the page read again."""
        self._pages += [(run, key, document) for key, document in documents]
        self._parents.append(wanted.page_id)
        if wanted.run_id == run.run_id:
            run.settle(wanted.url_key, Outcome.WAITING)
        self.flush()

    def document(self, run: RunLedger, key: str, page: Page, parent_id: int) -> NewPage:
        """Write a document to the archive, for `add_documents`."""
        return replace(self._archived(run, key, page, "document", None), parent_id=parent_id)

    def _archived(self, run: RunLedger, key: str | None, page: Page, role: str, link: Link | None) -> NewPage:
        ref = self._archive.write(page)
        return NewPage(
            run.source.id,
            run.run_id,
            role,
            key or url_identity(page.requested_url),
            replace(page, body=b""),  # the archive has it
            ref,
            len(page.body),
            link.listed_on if link else None,
            link.modified_at if link else None,
        )

    def mark(self, progress: ImportProgress) -> None:
        """Say how far a file is read, before the last of its pages is added: one batch has both."""
        self._marks[progress.name] = progress

    def has_visit(self, key: str, page: Page) -> bool:
        """Whether these bytes, fetched at that time from there, are stored or in the next batch."""
        digest = body_digest(page.body)
        for _, _, new in self._pages:
            if (new.url_key, new.page.fetched_at, new.ref.digest) == (key, page.fetched_at, digest):
                return True
        with self._store.read() as connection:
            return visit_is_stored(connection, key, page.fetched_at, digest)

    def flush(self) -> None:
        """Return when all that was recorded so far is safe."""
        self._archive.flush()
        pages, self._pages = self._pages, []
        parents, self._parents = self._parents, []
        unchanged, self.unchanged = self.unchanged, {}
        marks, self._marks = self._marks, {}
        changed = any(run.has_changes for run in self._runs.values())
        if not (pages or parents or unchanged or changed or marks):
            return
        with self._store.write() as connection:
            for (run, key, _), page_id in zip(
                pages, insert_pages(connection, [new for _, _, new in pages]), strict=True
            ):
                if key is not None:
                    run.remember_page(key, page_id)
            read_again(connection, parents)
            save_unchanged(connection, unchanged)
            for run in self._runs.values():
                write_ledger(connection, run.run_id, run.take_changes())
            save_import_progress(connection, marks.values(), self._now())

    def wanted(self, run: RunLedger) -> list[WantedDocuments]:
        """The documents that pages of a run, or of a killed run before it, need for their text."""
        with self._store.read() as connection:
            return wanted_documents(connection, run.source.id, run.run_id)

    def waiting(self, run: RunLedger) -> int:
        """How many pages of a run have not been read."""
        with self._store.read() as connection:
            return count_waiting(connection, [run.run_id])

    def due(self, run: RunLedger, limit: int) -> list[DueLook]:
        """Stored articles of a run's source that are to be looked at again."""
        with self._store.read() as connection:
            return due_looks(connection, run.source.id, self._now(), limit)

    def cooling(self, run: RunLedger) -> list[Cooldown]:
        """Hosts of a run's entry points that are to be left alone now."""
        hosts = {host_of(entry.url) for entry in run.source.entry_points}
        with self._store.read() as connection:
            return list(cooling(connection, hosts, self._now()).values())

    def settle_hosts(self, run: RunLedger) -> Cooldown | None:
        """Note which hosts refused this run and which answered; how long a refusing one is left alone."""
        good, run.good_hosts = run.good_hosts, set()
        refusal, run.strike = run.strike, None
        if not good and refusal is None:
            return None
        with self._store.write() as connection:
            for host in sorted(good - {refusal.host if refusal else ""}):
                clear(connection, host)
            if refusal is None:
                return None
            return strike(connection, refusal.host, refusal.reason, self._now(), refusal.retry_after)

    def close_run(self, run: RunLedger, status: str, reason: str) -> RunSummary:
        """End a run whose pages are all processed. Call `flush` before the pages are processed."""
        del self._runs[run.run_id]
        with self._store.write() as connection:
            return finish_run(connection, run.run_id, status, reason, run.seen, self._now())

    def next_run(self, run: RunLedger, trigger: str, reason: str) -> tuple[RunSummary, RunLedger]:
        """End a run as `close_run` does and begin another of its source; no other process gets between."""
        with self._store.write() as connection:
            ended = finish_run(connection, run.run_id, "done", reason, run.seen, self._now())
            run_id = start_run(connection, run.source.id, trigger, self._now())
        del self._runs[run.run_id]
        self._runs[run_id] = RunLedger(run_id, run.source, self)
        return ended, self._runs[run_id]

    def abandon(self, runs: list[RunLedger], reason: str) -> None:
        """End runs after an error, as far as the store still takes it."""
        for run in runs:
            try:
                with self._store.write() as connection:
                    seen = sum(outcomes(connection, run.run_id).values())
                    finish_run(
                        connection, run.run_id, "failed", " ".join(reason.split())[:500], seen, self._now()
                    )
            except StoreError as error:
                # The next start closes it as interrupted; what went wrong is told by whoever gave up.
                log.debug("the run cannot be closed", run=run.run_id, reason=str(error))
