"""Crawls sources: one Scrapy engine for each, all in one reactor, while what they fetch is processed.

The reactor of a process can be started once, so `crawl_sources` may be called once in a process; schedulers
and tests start `hexapolis crawl` as a child.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

import structlog

from crawler.archive import ArchiveWriter
from crawler.entry_points import first_ask
from crawler.guard import AddressGuard, GuardedResolver, named_private_hosts
from crawler.spiders.documents import DocumentSpider
from crawler.spiders.recorder import Recorder, RunLedger
from crawler.spiders.scrapy_settings import scrapy_settings, source_settings
from crawler.spiders.source import CrawlOptions, SourceSpider
from hexapolis.config import Settings
from hexapolis.records import Outcome, Source
from store.cooldown import Cooldown
from store.documents import WantedDocuments, runs_without_documents
from store.engine import Store
from store.pages import runs_with_unread_pages
from store.runs import RunSummary, last_runs, left_over

log = structlog.get_logger(__name__)

PUMP_SECONDS = 0.2  # how often processing gets its turn between downloads
FLUSH_SECONDS = 1.0  # a fetched page is in the store after this time at the latest
CONCURRENT_SITES = 16
STOP_SECONDS = 5.0  # how long downloads that are under way may take to end when the run is stopped


class PageProcessor(Protocol):
    """What reads and tags the pages while the crawl goes on."""

    @property
    def damaged(self) -> int:
        """How many pages it cannot have because the archive does not have them."""

    def only(self, run_ids: Sequence[int]) -> None:
        """Work on the pages of these runs only."""

    def pump(self) -> bool:
        """Do what can be done now; whether there is more to do."""

    def run(self) -> None:
        """Work until nothing waits."""

    def rewind(self) -> None:
        """Look from the start again for pages that wait."""


def crawl_sources(
    sources: Sequence[Source],
    store: Store,
    settings: Settings,
    processor: PageProcessor,
    *,
    trigger: str = "manual",
    max_pages: int | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    list_pages: int | None = None,
    progress: Callable[[str, int], None] | None = None,
) -> list[RunSummary]:
    """Crawl sources and process what they bring.

    Args:
        sources: each is crawled once; those on one host wait for each other.
        store: where the results go.
        settings: archive folder, limits, user agent, private hosts that are allowed.
        processor: reads and tags the fetched pages.
        trigger: who asked, for the record.
        max_pages: article pages for each source; None: the source's own limit.
        since: leave out links with an earlier date beside them.
        until: leave out links with a later one.
        list_pages: pages of each list; None: the catalogue's limit.
        progress: called now and then with the number of URLs seen by a source.

    Returns:
        One summary for each source, in the order given.

    Raises:
        UsageError: another process is crawling one of the sources.
        StoreError, ArchiveError: what was fetched cannot be kept.
    """
    archive = ArchiveWriter(settings.archive)
    recorder = Recorder(store, archive, _now)
    with store.read() as connection:
        earlier = last_runs(connection)
        open_links = {s.id: left_over(connection, earlier[s.id].run_id) for s in sources if s.id in earlier}
    runs: dict[str, RunLedger] = {}
    finished: dict[str, RunSummary] = {}
    crawl: _Crawl | None = None
    try:
        for source in sources:
            limited = any(limit is not None for limit in (max_pages, since, until))
            runs[source.id] = recorder.open_run(source, trigger, limited=limited)
        # What a killed run has left behind is read with what this one brings.
        with store.read() as connection:
            left = {
                *runs_with_unread_pages(connection, list(runs)),
                *runs_without_documents(connection, runs),
            }
        processor.only([*sorted(left), *(run.run_id for run in runs.values())])
        guard = AddressGuard({*settings.allow_hosts, *named_private_hosts(sources)})
        options = {
            s.id: CrawlOptions(
                max_pages,
                since,
                until,
                list_pages,
                deep=not _complete(earlier.get(s.id)),
                conditional=_nothing_open(earlier.get(s.id)),
                left_over=open_links.get(s.id, ()),
            )
            for s in sources
        }
        crawl = _Crawl(runs, recorder, guard, options, settings, processor, progress)
        crawl.start()
        recorder.flush()
        if not crawl.interrupted:
            try:
                with _signals_interrupt():
                    processor.run()
                    processor.rewind()  # for pages that have got documents
                    processor.run()
            except KeyboardInterrupt:
                crawl.interrupted = True  # the rest waits
        for source in sources:
            run = runs.pop(source.id)
            finished[source.id] = recorder.close_run(run, *_status(run, interrupted=crawl.interrupted))
    except BaseException as error:
        recorder.abandon(list(runs.values()), f"{type(error).__name__}: {error}")
        raise
    finally:
        archive.close()
    return [finished[source.id] for source in sources]


def _status(run: RunLedger, *, interrupted: bool) -> tuple[str, str]:
    reason = "; ".join(part for part in (run.stopped, *run.problems) if part)
    if interrupted:
        return "interrupted", "stopped by a signal"
    if run.problems and not run.entry_points_read:
        return "failed", reason
    if run.stopped or run.problems:
        return "partial", reason
    left = run.count(Outcome.BUDGET)
    return "done", f"{left} addresses were seen and left: a limit of pages was reached" if left else ""


@contextlib.contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Both signals end the work inside with KeyboardInterrupt."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


class _Crawl:
    """The reactor's part of a crawl."""

    def __init__(
        self,
        runs: dict[str, RunLedger],
        recorder: Recorder,
        guard: AddressGuard,
        options: dict[str, CrawlOptions],
        settings: Settings,
        processor: PageProcessor,
        progress: Callable[[str, int], None] | None,
    ) -> None:
        self._runs = dict(runs)
        self._recorder = recorder
        self._guard = guard
        self._options = options
        self._settings = settings
        self._processor = processor
        self._progress = progress
        self._error: BaseException | None = None
        self.interrupted = False

    def start(self) -> None:
        """Run the reactor until every source is done or a signal asks to stop."""
        from scrapy.utils.reactor import install_reactor

        install_reactor("twisted.internet.asyncioreactor.AsyncioSelectorReactor")
        from scrapy.crawler import AsyncCrawlerRunner
        from twisted.internet import reactor

        for name in ("scrapy", "twisted", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # the ledger says what became of every URL
        twisted: Any = reactor
        twisted.installNameResolver(GuardedResolver(twisted.nameResolver, self._guard))
        self._runner = AsyncCrawlerRunner(scrapy_settings(self._settings))
        twisted.callWhenRunning(self._begin)
        twisted.run(installSignalHandlers=False)
        if self._error is not None:
            raise self._error

    def _begin(self) -> None:
        loop = asyncio.get_event_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        self._main = loop.create_task(self._run())

    def _stop(self) -> None:
        self.interrupted = True
        for run in self._runs.values():
            run.stopped = run.stopped or "the run was stopped"
        asyncio.get_running_loop().call_later(STOP_SECONDS, self._main.cancel)

    async def _run(self) -> None:
        from twisted.internet import reactor

        beside = asyncio.create_task(self._work_beside())
        try:
            limit = asyncio.Semaphore(CONCURRENT_SITES)
            async with asyncio.TaskGroup() as tasks:
                for group in _by_host([run.source for run in self._runs.values()]):
                    tasks.create_task(self._crawl_group(group, limit))
        except (
            asyncio.CancelledError
        ):  # by `_stop`: what is under way is given up, and its URLs keep their outcome
            pass
        except BaseException as error:
            self._error = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().remove_signal_handler(number)
            beside.cancel()
            await asyncio.gather(beside, return_exceptions=True)
            reactor.stop()  # type: ignore[misc]

    async def _crawl_group(self, sources: Sequence[Source], limit: asyncio.Semaphore) -> None:
        async with limit:
            for source in sources:
                if not self.interrupted:
                    await self._crawl_one(self._runs[source.id])

    async def _crawl_one(self, run: RunLedger) -> None:
        if cooling := self._recorder.cooling(run):
            _leave_alone(run, cooling)
            return
        await self._walk(run)
        if await self._all_read(run) and (wanted := self._recorder.wanted(run)):
            await self._walk(run, wanted)
        if cooldown := self._recorder.settle_hosts(run):
            run.stopped += f"; {cooldown.host} is left alone until {_shown(cooldown.until)}"
        log.info("source crawled", source=run.source.id, urls=run.seen)

    async def _all_read(self, run: RunLedger) -> bool:
        """Wait until the pages of a run are processed; False when the crawl is to stop before."""
        self._recorder.flush()
        while not (self.interrupted or run.stopped):
            if self._recorder.waiting(run) <= self._processor.damaged:
                return True
            await asyncio.sleep(PUMP_SECONDS)
        return False

    async def _walk(self, run: RunLedger, documents: Sequence[WantedDocuments] = ()) -> None:
        """One Scrapy engine's work: a source's entry points and articles, or documents of its pages."""
        settings = {"custom_settings": source_settings(run.source)}
        common = {"run": run, "recorder": self._recorder, "guard": self._guard}
        if documents:
            spider = type(f"Documents_{run.run_id}", (DocumentSpider,), settings)
            await self._runner.crawl(spider, **common, documents=documents)
        else:
            spider = type(f"Spider_{run.run_id}", (SourceSpider,), settings)
            await self._runner.crawl(spider, **common, options=self._options[run.source.id])
        if run.error is not None:
            raise run.error

    async def _work_beside(self) -> None:
        """Flush and process while the spiders wait for the network."""
        loop = asyncio.get_running_loop()
        flushed = loop.time()
        while True:
            await asyncio.sleep(PUMP_SECONDS)
            try:
                if loop.time() - flushed >= FLUSH_SECONDS:
                    self._recorder.flush()
                    flushed = loop.time()
                    for run in self._runs.values():
                        if self._progress is not None:
                            self._progress(run.source.id, run.seen)
                if not self.interrupted:  # the same signal may have ended the workers
                    self._processor.pump()
            except Exception as error:  # the crawl cannot go on when nothing can be kept
                self._error = self._error or error
                self._stop()
                return


def _leave_alone(run: RunLedger, cooling: Sequence[Cooldown]) -> None:
    """Ask nothing of a source whose host has refused us lately."""
    rest = cooling[0]
    reason = f"{rest.host} is left alone until {_shown(rest.until)}: {rest.reason}"
    for entry in run.source.entry_points:
        if key := run.see(first_ask(entry).address):
            run.settle(key, Outcome.BLOCKED, reason)
    run.problems.append(reason)


def _shown(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%MZ}"


def _complete(run: RunSummary | None) -> bool:
    """Whether a run went through all that its source offered, so that the next may stop at what is known."""
    return run is not None and run.status == "done" and not run.limited


def _nothing_open(run: RunSummary | None) -> bool:
    """Whether a run came to everything that it saw, so that only what changes afterwards matters."""
    unsettled = (Outcome.BUDGET, Outcome.FAILED, Outcome.BLOCKED, Outcome.WAITING)
    return _complete(run) and run is not None and not any(run.outcomes.get(o.value) for o in unsettled)


def _by_host(sources: Sequence[Source]) -> list[list[Source]]:
    """Sources that share a host go into one group and are crawled one after the other."""
    groups: list[tuple[set[str], list[Source]]] = []
    for source in sources:
        hosts = {urlsplit(entry.url).netloc.lower() for entry in source.entry_points}
        members = [source]
        rest = []
        for other_hosts, others in groups:
            if hosts & other_hosts:
                hosts |= other_hosts
                members = others + members
            else:
                rest.append((other_hosts, others))
        groups = [*rest, (hosts, members)]
    return [members for _, members in groups]


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
