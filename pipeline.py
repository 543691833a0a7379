"""Joins the stages for pages that wait: archive → extraction → tags → store.

Worker processes read a page's bytes from the archive, extract and tag; each page has a time limit, after
which its worker is killed and the page is recorded as unreadable. This process alone writes, in batches and
in the order in which the pages were fetched, so a run over the same pages always ends in the same store.
Work to do is state in the
database: whatever was killed in the middle is still waiting and is done next time.
"""

from __future__ import annotations

import datetime as dt
import itertools
import multiprocessing
import os
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field, replace
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from pebble import ProcessExpired, ProcessPool

from hexapolis.config import Settings
from hexapolis.errors import ArchiveError, HexapolisError
from hexapolis.records import (
    Article,
    DateSource,
    DocumentSort,
    FoundDate,
    Judgement,
    Page,
    Selectors,
    Source,
    Tagging,
    Verdict,
)
from store.engine import Store
from store.pages import StoredPage, pages_to_process
from store.results import PageResult, save_model, store_results

if TYPE_CHECKING:
    from classify.model import Tagger

log = structlog.get_logger(__name__)

BATCH = 64  # pages in one transaction
_PRELOAD = [
    "classify.model",
    "compare.stories",
    "crawler.archive",
    "classify.kinds",
    "crawler.extract",
    "skops.io",
]
NICENESS = 5  # of the workers: the parent's next request must not wait for the end of their time slice
WINDOW = 192  # pages handed to the workers ahead of the one that is stored next
TASK_PAGES = 8  # handed to a worker at once, tagged together


@dataclass(frozen=True, slots=True)
class PageRules:
    """What the catalogue says of a source's pages."""

    selectors: Selectors = field(default_factory=Selectors)
    article_url: str | None = None  # what an article's address matches
    source_kind: str | None = None  # government, media, research, company
    city_code: str | None = None  # the source's own city: a prior for names that several cities share


def rules_of(sources: Iterable[Source]) -> dict[str, PageRules]:
    """The rules of each source, by its id."""
    return {s.id: PageRules(s.selectors, s.article_url, s.kind, s.city_code) for s in sources}


@dataclass(frozen=True, slots=True)
class WorkItem:
    """What a worker needs to know of a page."""

    page: StoredPage
    rules: PageRules
    page_bytes: int


@dataclass(frozen=True, slots=True)
class WorkResult:
    """What a worker made of a page."""

    judgement: Judgement
    article_url: str
    tagging: Tagging | None = None
    story_key: str | None = None
    sort: DocumentSort | None = None


@dataclass(frozen=True, slots=True)
class _Task:
    items: list[WorkItem]
    future: Any  # pebble's


def prepare_workers() -> ForkServerContext:
    """Have the libraries of the workers loaded: once for all of them, while the caller loads its own.

    `Processor` calls it; a command that has more to load first calls it before that.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the workers share the cores; more threads are in the way
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOAD)
    forkserver.ensure_running()
    return context


class Processor:
    """Extracts and tags what waits in a store.

    Use as a context manager. `run` works until nothing waits; `pump` does what can be done now without
    waiting, for a caller that has other things to do (the crawler, between downloads).

    Args:
        store: where results go.
        settings: archive folder, limits, number of workers.
        rules: by source id, see `rules_of`.
        every: also pages that have a result of the current extractor and model.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        rules: Mapping[str, PageRules] | None = None,
        *,
        every: bool = False,
    ) -> None:
        from classify.active import ensure_card
        from crawler.extract import EXTRACTOR_VERSION

        self._store = store
        self._settings = settings
        self._rules = rules or {}
        self._every = every
        self._extractor_version = EXTRACTOR_VERSION
        card = ensure_card(settings.models)
        self.model_id: str = card["model_id"]
        with store.write() as connection:
            save_model(connection, self.model_id, card["codebook_version"], dict(card), _now())
        self._run_ids: list[int] | None = None
        self._after = 0
        self._queue: deque[_Task] = deque()
        self.outcomes: Counter[str] = Counter()
        self.pages = 0
        self._damaged: set[int] = set()
        context = prepare_workers()
        self._pool = ProcessPool(
            max_workers=settings.workers,
            context=context,
            initializer=_start_worker,
            initargs=[settings.archive, settings.models, self.model_id],
        )
        for _ in range(settings.workers):  # the workers load while their caller gets ready
            self._pool.schedule(_ready)

    def __enter__(self) -> Processor:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.stop()
        self._pool.join()

    def only(self, run_ids: Iterable[int]) -> None:
        """Restrict the work to the pages of these runs."""
        self._run_ids = list(run_ids)

    @property
    def damaged(self) -> int:
        """Pages whose bytes the archive does not have; they go on waiting."""
        return len(self._damaged)

    def rewind(self) -> None:
        """Look from the start again for pages that wait: some may have got documents."""
        if not self._queue and not self._every:
            self._after = 0

    def run(self, progress: Callable[[int], None] | None = None) -> None:
        """Work until nothing waits. `progress` is called with the number of pages done so far."""
        while True:
            self._fill()
            if not self._queue:
                return
            for task in itertools.islice(self._queue, -(-BATCH // TASK_PAGES)):  # a commit costs a sync
                task.future.exception()
            self._commit()
            if progress is not None:
                progress(self.pages)

    def pump(self) -> bool:
        """Hand out work and store what is done; whether pages are still with the workers or waiting."""
        ready = sum(len(task.items) for task in self._queue if task.future.done())
        if self._queue and ready >= min(BATCH, self._handed_out):
            self._commit()
        self._fill()
        return bool(self._queue)

    @property
    def _handed_out(self) -> int:
        return sum(len(task.items) for task in self._queue)

    def _fill(self) -> None:
        room = WINDOW - self._handed_out
        if room < BATCH:
            return
        with self._store.read() as connection:
            pages = pages_to_process(
                connection,
                self._extractor_version,
                self.model_id,
                after=self._after,
                run_ids=self._run_ids,
                every=self._every,
                limit=room,
            )
        items = []
        for page in pages:
            self._after = page.page_id
            if page.page_id in self._damaged:
                continue
            rules = self._rules.get(page.source_id, PageRules())
            items.append(WorkItem(page, rules, self._settings.page_bytes))
        size = min(TASK_PAGES, -(-len(items) // self._settings.workers))  # every worker gets some
        for at in range(0, len(items), size or 1):
            self._queue.append(self._hand_out(items[at : at + size]))

    def _hand_out(self, items: list[WorkItem]) -> _Task:
        future = self._pool.schedule(_process_pages, args=[items], timeout=self._settings.page_seconds)
        return _Task(items, future)

    def _commit(self) -> None:
        """Store the results at the head of the queue, as far as they are there."""
        results: list[PageResult] = []
        while self._queue and len(results) < BATCH and self._queue[0].future.done():
            task = self._queue.popleft()
            if len(task.items) > 1 and task.future.exception() is not None:
                # One of these pages takes too long or breaks what reads it: each for itself, to see which.
                self._queue.extendleft([self._hand_out([item]) for item in task.items][::-1])
                break
            try:
                results += [
                    self._result(item, work) for item, work in zip(task.items, self._work(task), strict=True)
                ]
            except ArchiveError as error:  # nothing is known of the page now; what is stored of it stays
                self._damaged.add(task.items[0].page.page_id)
                if self.damaged <= 3:  # the first few say what is wrong
                    log.error(
                        "page is not in the archive", page=task.items[0].page.page_id, reason=str(error)
                    )
        if not results:
            return
        with self._store.write() as connection:
            outcomes = store_results(connection, results, _now())
        self.outcomes.update(outcome.value for outcome in outcomes)
        self.pages += len(results)

    def _work(self, task: _Task) -> list[WorkResult]:
        """What the worker made of a task's pages; a failed task has a single one."""
        page = task.items[0].page
        try:
            made: list[WorkResult] = task.future.result()
            return made
        except FutureTimeoutError:
            detail = f"timeout: no result within {self._settings.page_seconds:g} s"
        except ProcessExpired as error:
            detail = f"crash: the worker ended with {error.exitcode}"
        except HexapolisError:
            raise
        except Exception as error:  # costs this page only, else it would stop every later run
            detail = f"crash: {type(error).__name__}: {error}"[:300]
        return [WorkResult(Judgement(Verdict.UNREADABLE, detail), page.url)]

    def _result(self, item: WorkItem, work: WorkResult) -> PageResult:
        from crawler.urls import url_identity

        page = item.page
        if work.judgement.verdict is Verdict.UNREADABLE:
            log.warning("page cannot be read", page=page.page_id, url=page.url, reason=work.judgement.detail)
        return PageResult(
            page.page_id,
            page.run_id,
            page.source_id,
            page.url_key,
            page.status,
            page.fetched_at,
            self._extractor_version,
            self.model_id,
            work.judgement,
            work.article_url,
            url_identity(work.article_url),
            work.tagging,
            work.story_key,
            work.sort,
        )


_archive: Path
_tagger: Tagger


def _start_worker(archive: Path, models: Path, model_id: str) -> None:
    """Load what every page needs, once for each worker process: loading does not count to a page's time."""
    import signal

    import crawler.archive
    import crawler.extract  # noqa: F401
    from classify.model import Tagger

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    os.nice(NICENESS)
    global _archive, _tagger
    _archive = archive
    _tagger = Tagger.load(models / model_id)


def _ready() -> None:
    """Does nothing, in a worker that has loaded what it needs."""


def _process_pages(items: Sequence[WorkItem]) -> list[WorkResult]:
    """The whole way of some pages inside a worker: bytes → judgements → tags."""
    from compare.stories import story_key

    judged = [_judge(item) for item in items]
    taggings = iter(
        _tagger.tag_many(
            [(j.article.title, j.article.text) for j in judged if j.article is not None],
            source_cities=[
                i.rules.city_code for i, j in zip(items, judged, strict=True) if j.article is not None
            ],
        )
    )
    results = []
    for item, judgement in zip(items, judged, strict=True):
        url, article = item.page.url, judgement.article
        if article is None:
            results.append(WorkResult(judgement, url))
            continue
        judgement = _with_listing_date(judgement, article, item.page.listed_on)
        url = _article_address(url, article.canonical_link, item.rules.article_url)
        sort = _sort(article, item.rules.source_kind)
        results.append(WorkResult(judgement, url, next(taggings), story_key(article.text), sort))
    return results


def _sort(article: Article, source_kind: str | None) -> DocumentSort:
    from classify.kinds import kind_of

    found = kind_of(
        article.title,
        article.text,
        issuer=article.issuer,
        document_number=article.document_number,
        source_kind=source_kind,
    )
    reasons = [f"{reason.words} ({reason.where})".strip() for reason in (found.reason, found.level_reason)]
    return DocumentSort(found.kind, found.level, *reasons)


def _judge(item: WorkItem) -> Judgement:
    """Read a page, and its documents, from the archive and judge it."""
    from crawler.archive import read_body
    from crawler.extract import judge_page

    stored = item.page
    body = read_body(_archive, stored.ref)
    headers = (("content-type", stored.content_type),) if stored.content_type else ()
    page = Page(stored.url, stored.requested_url, stored.status, headers, body, stored.fetched_at)
    documents = [(link, read_body(_archive, ref)) for link, ref in stored.documents]
    judgement = judge_page(
        page,
        item.rules.selectors,
        max_bytes=item.page_bytes,
        **({"documents": documents} if documents else {}),
    )
    if documents:  # they stay the page's, whatever another extractor would want
        judgement = replace(judgement, documents=tuple(link for link, _ in documents))
    return judgement


def _with_listing_date(judgement: Judgement, article: Article, listed_on: dt.date | None) -> Judgement:
    """The date beside the link dates an article whose page gives none."""
    if article.published is not None or listed_on is None:
        return judgement
    return replace(judgement, article=replace(article, published=FoundDate(listed_on, DateSource.LISTING)))


def _article_address(url: str, canonical_link: str | None, rule: str | None) -> str:
    """The address an article goes by: the page's own canonical link, believed only where it cannot mislead.

    It must be on the same site and fit the source's rule for article addresses; a template that names the
    front page on every article would merge them all otherwise.
    """
    from crawler.urls import same_site

    if canonical_link and rule and same_site(url, canonical_link) and re.search(rule, canonical_link):
        return canonical_link
    return url


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
