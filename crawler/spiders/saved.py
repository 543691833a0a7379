"""Importing saved pages: a run like a crawl's, with files instead of a network."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path

from crawler.archive import ArchiveWriter, body_digest
from crawler.saved_pages import is_warc, read_saved_page, read_warc
from crawler.spiders.recorder import Recorder
from crawler.spiders.run import PageProcessor
from crawler.urls import url_identity
from hexapolis.config import Settings
from hexapolis.errors import InputFileError
from hexapolis.records import EntryPoint, Link, Page, Source
from store.engine import Store
from store.runs import RunSummary

PUMP_EVERY = 16  # files between two turns of processing

IMPORTED = Source(
    id="import",
    name="Imported files",
    name_zh="导入的文件",
    entry_points=(EntryPoint("list", "file:import"),),
    scope="national",
    evidence=(),
)


def import_files(
    files: Sequence[Path], store: Store, settings: Settings, processor: PageProcessor
) -> tuple[RunSummary, list[tuple[Path, str]]]:
    """Store and process saved pages.

    Two files that state one address are two visits of one article, and the ledger's row says how the last
    one ended; the same bytes under the same address are taken once.

    Returns:
        The run, and the files that could not be read, with the reason.
    """
    archive = ArchiveWriter(settings.archive)
    recorder = Recorder(store, archive, lambda: dt.datetime.now(dt.UTC))
    skipped: list[tuple[Path, str]] = []
    visits: set[tuple[str, str]] = set()
    run = recorder.open_run(IMPORTED, "import")
    try:
        processor.only([run.run_id])
        for path in files:
            try:
                for page in _pages(path):
                    key = url_identity(page.requested_url)
                    visit = (key, body_digest(page.body))
                    if visit not in visits:
                        visits.add(visit)
                        run.see(page.requested_url)
                        run.article_page(key, page, Link(page.url))
                        if len(visits) % PUMP_EVERY == 0:
                            processor.pump()
            except InputFileError as error:
                skipped.append((path, str(error).removeprefix(f"{path}: ")))
        recorder.flush()
        processor.run()
        status = "failed" if skipped and not run.seen else "done"
        return recorder.close_run(run, status, f"{len(skipped)} files skipped" if skipped else ""), skipped
    except BaseException as error:
        recorder.abandon([run], f"{type(error).__name__}: {error}")
        raise
    finally:
        archive.close()


def _pages(path: Path) -> Iterator[Page]:
    if is_warc(path):
        yield from read_warc(path)
    else:
        yield read_saved_page(path)
