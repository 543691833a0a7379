"""Reading pages as articles outside a crawl: in a process of its own, because a page may take too long."""

from __future__ import annotations

import asyncio
import multiprocessing
from types import TracebackType
from typing import Self

from pebble import ProcessExpired, ProcessPool

from hexapolis.config import Settings
from hexapolis.records import Judgement, Page, Selectors, Verdict


class PageJudge:
    """Judges pages one after the other; use as a context manager.

    Args:
        settings: the limits of size and time of one page.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool: ProcessPool | None = None  # made for the first page: many conversations get none

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.stop()
            self._pool.join()

    async def __call__(self, page: Page, selectors: Selectors) -> Judgement:
        """The verdict on a page; one that takes too long or crashes the reader is unreadable."""
        if self._pool is None:
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(["crawler.extract"])
            self._pool = ProcessPool(max_workers=1, context=context)
            self._pool.schedule(_ready)  # loading does not count as reading
        future = self._pool.schedule(
            _judge, args=[page, selectors, self._settings.page_bytes], timeout=self._settings.page_seconds
        )
        try:
            judgement: Judgement = await asyncio.wrap_future(future)
        except TimeoutError:
            return Judgement(Verdict.UNREADABLE, f"took longer than {self._settings.page_seconds:g} s")
        except ProcessExpired as ended:
            return Judgement(Verdict.UNREADABLE, f"crash: {ended}")
        return judgement


def _ready() -> None:
    import crawler.extract  # noqa: F401


def _judge(page: Page, selectors: Selectors, max_bytes: int) -> Judgement:
    from crawler.extract import judge_page

    return judge_page(page, selectors, max_bytes=max_bytes)
