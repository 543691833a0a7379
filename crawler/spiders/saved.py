"""Importing saved pages: runs like a crawl's, with files instead of a network.

A WARC file may hold millions of records, so nothing here grows with it. Reading waits while too many pages
wait to be processed. A run ends after so many URLs and another begins, because a run's ledger is held in
memory until it ends. How far a file is read is stored together with the pages read from it: an import that
was killed goes on where it stopped when it is started again.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from crawler.archive import ArchiveWriter, body_digest
from crawler.import_filter import ImportFilter
from crawler.saved_pages import SavedRecord, is_warc, read_saved_page, read_warc
from crawler.spiders.recorder import Recorder, RunLedger
from crawler.spiders.run import PageProcessor
from crawler.urls import url_identity
from hexapolis.config import Settings
from hexapolis.errors import InputFileError
from hexapolis.records import EntryPoint, Link, Outcome, Page, Source
from store.engine import Store
from store.imports import ImportProgress, import_progress_of
from store.pages import runs_with_unread_pages
from store.runs import RunSummary

PUMP_EVERY = 16  # pages between two turns of processing
WAITING_MAX = 256  # pages that may wait for processing while reading goes on
WAIT_SECONDS = 0.02  # between two looks at whether they have become fewer
RUN_URLS = 2_000  # in one run; their ledger rows are held in memory
MARK_EVERY = 500  # records after which progress is stored, also where none of them gave a page

IMPORTED = Source(
    id="import",
    name="Imported files",
    name_zh="导入的文件",
    entry_points=(EntryPoint("list", "file:import"),),
    scope="national",
    evidence=(),
)


@dataclass
class ImportResult:
    """What an import has done. Every record is imported, known, filtered or broken.

    A saved HTML file counts as one record.
    """

    runs: list[RunSummary] = field(default_factory=list)  # in the order in which they ended
    records: int = 0  # read this time
    imported: int = 0  # pages stored
    known: int = 0  # visits that were stored already: same address, time and bytes
    filtered: Counter[str] = field(default_factory=Counter)  # by kind, see `saved_pages.FILTERED`
    broken: Counter[str] = field(default_factory=Counter)  # by kind, see `BrokenRecordError`
    skipped: list[tuple[Path, str]] = field(default_factory=list)  # files that cannot be read, and why
    damaged: dict[Path, tuple[int, str]] = field(default_factory=dict)  # broken records, why the first is
    finished: list[Path] = field(default_factory=list)  # imported earlier, the same size since
    resumed: dict[Path, ImportProgress] = field(default_factory=dict)  # where reading went on

    @property
    def reason(self) -> str:
        """In a few words, what was left out."""
        parts = [f"{len(self.skipped)} files skipped"] if self.skipped else []
        for name, counts in (("filtered", self.filtered), ("broken", self.broken)):
            if counts:
                kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
                parts.append(f"{counts.total()} records {name}: {kinds}")
        return "; ".join(parts)


def import_files(
    files: Sequence[Path],
    store: Store,
    settings: Settings,
    processor: PageProcessor,
    wanted: ImportFilter | None = None,
    progress: Callable[[Path, ImportResult], None] | None = None,
) -> ImportResult:
    """Store and process saved pages.

    Two files that state one address are two visits of one article, and the ledger's row says how the last
    one ended. The same bytes under the same address are taken once from the HTML files of one import; from
    WARC files, which say when a page was fetched, the same visit is taken once and for all.

    Args:
        files: HTML and WARC files.
        store: where the results go; also knows how far earlier imports came.
        settings: archive folder, limits.
        processor: reads and tags the pages.
        wanted: which pages are taken; all when None.
        progress: called now and then with the file that is being read.

    Raises:
        UsageError: another import is running.
        StoreError, ArchiveError: the pages cannot be kept.
    """
    archive = ArchiveWriter(settings.archive)
    recorder = Recorder(store, archive, lambda: dt.datetime.now(dt.UTC))
    run = recorder.open_run(IMPORTED, "import")
    work = _Import(store, recorder, processor, wanted or ImportFilter(), run, progress)
    try:
        work.read_left_over()
        for path in files:
            try:
                if is_warc(path):
                    work.read_warc(path)
                else:
                    work.read_page(path)
            except InputFileError as error:
                work.result.skipped.append((path, str(error).removeprefix(f"{path}: ")))
        work.finish()
    except BaseException as error:
        recorder.abandon([work.run], f"{type(error).__name__}: {error}")
        raise
    finally:
        archive.close()
    return work.result


class _Import:
    def __init__(
        self,
        store: Store,
        recorder: Recorder,
        processor: PageProcessor,
        wanted: ImportFilter,
        run: RunLedger,
        progress: Callable[[Path, ImportResult], None] | None,
    ) -> None:
        self.run = run
        self.result = ImportResult()
        self._store = store
        self._recorder = recorder
        self._processor = processor
        self._wanted = wanted
        self._progress = progress
        self._visits: set[tuple[str, str]] = set()  # of the HTML files
        self._damaged_before = 0

    def read_left_over(self) -> None:
        """Process what a killed import has stored and not processed, then turn to this run."""
        with self._store.read() as connection:
            left = runs_with_unread_pages(connection, [IMPORTED.id])
        if left:
            self._processor.only(left)
            self._processor.run()
        self._begin(self.run)

    def _begin(self, run: RunLedger) -> None:
        self.run = run
        self._damaged_before = self._processor.damaged
        self._processor.only([run.run_id])

    def read_page(self, path: Path) -> None:
        """Take one HTML file."""
        page = read_saved_page(path)
        self._count(path)
        if not self._wanted.admits_host(page.url):
            self.result.filtered["host"] += 1
        elif not self._wanted.admits_language(page.body, None):
            self.result.filtered["language"] += 1
        elif (visit := (url_identity(page.requested_url), body_digest(page.body))) in self._visits:
            self.result.known += 1
        else:
            self._visits.add(visit)
            self._take(visit[0], page)

    def read_warc(self, path: Path) -> None:
        """Take the records of a WARC file, from where an earlier import stopped."""
        name = f"{path.resolve()} {self._wanted}".rstrip()
        try:
            size = os.stat(path).st_size
        except OSError as error:
            raise InputFileError(path, f"cannot be read as a WARC file: {error.strerror}") from error
        with self._store.read() as connection:
            done = import_progress_of(connection, name)
        if done is None or done.size != size:  # another file now: it is read anew
            done = ImportProgress(name, size, 0, 0, 0)
        elif done.finished:
            self.result.finished.append(path)
            return
        else:
            self.result.resumed[path] = done
        known = done.records if done.offset == 0 else 0
        for record in read_warc(path, self._wanted, done.offset, known):
            self._count(path)
            skipped = done.skipped + (record.page is None)
            done = replace(done, offset=record.restart or 0, records=done.records + 1, skipped=skipped)
            self._recorder.mark(done)  # before the page: the transaction that has it may be written at once
            self._take_record(path, record)
            if done.records % MARK_EVERY == 0:
                self._recorder.flush()
        self._recorder.mark(replace(done, offset=size))

    def _count(self, path: Path) -> None:
        self.result.records += 1
        if self._progress is not None and self.result.records % PUMP_EVERY == 0:
            self._progress(path, self.result)

    def _take_record(self, path: Path, record: SavedRecord) -> None:
        page = record.page
        if page is None:
            if record.broken:
                self.result.broken[record.broken] += 1
                count, first = self.result.damaged.get(path, (0, record.detail))
                self.result.damaged[path] = (count + 1, first)
            else:
                self.result.filtered[record.filtered] += 1
            return
        key = url_identity(page.requested_url)
        if not self._recorder.has_visit(key, page):
            self._take(key, page)
            return
        self.result.known += 1
        if self.run.see(page.requested_url) is not None:
            self.run.settle(key, Outcome.KNOWN, "the same visit is stored already")

    def _take(self, key: str, page: Page) -> None:
        self.result.imported += 1
        self.run.see(page.requested_url)
        self.run.article_page(key, page, Link(page.url))
        if self.result.imported % PUMP_EVERY == 0:
            self._let_work()
        if self.run.seen >= RUN_URLS:
            self._recorder.flush()
            self._processor.run()
            ended, run = self._recorder.next_run(self.run, "import", "a part of an import")
            self.result.runs.append(ended)
            self._begin(run)

    def _let_work(self) -> None:
        """Give processing its turn; return when few enough pages wait for it."""
        more = self._processor.pump()
        while more and self._waiting() > WAITING_MAX:
            time.sleep(WAIT_SECONDS)
            more = self._processor.pump()

    def _waiting(self) -> int:
        return self._recorder.waiting(self.run) - (self._processor.damaged - self._damaged_before)

    def finish(self) -> None:
        """Process what waits and close the run."""
        self._recorder.flush()
        self._processor.run()
        nothing = self.result.skipped and not self.result.records and not self.result.finished
        status = "failed" if nothing else "done"
        self.result.runs.append(self._recorder.close_run(self.run, status, self.result.reason))
