"""Fetching outside a crawl: short conversations with sites, polite and guarded; nothing is stored.

The machinery is the crawl's: the guard checks every connection of every hop, robots.txt is obeyed, requests
to a host wait for each other, bodies and times are limited. The reactor of a process can be started once, so
`run_fetches` or `run_conversations` may be called once in a process, and not beside a crawl.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlsplit

from scrapy import Request, Spider, signals
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    IgnoreRequest,
)
from scrapy.http.request import NO_CALLBACK

from crawler.discovery.conversation import (
    BudgetSpentError,
    Fetch,
    FetchError,
    LeftAloneError,
    NoAnswerError,
    OtherSiteError,
    PrivateAddressError,
    RobotsRefusedError,
    TooLargeError,
)
from crawler.guard import AddressGuard, GuardedResolver
from crawler.spiders.fetching_run import page_of
from crawler.spiders.middlewares import HopRefused, RobotsRefused, RobotsUnreachable, RunStopped
from crawler.spiders.scrapy_settings import scrapy_settings, source_settings
from crawler.urls import canonical_url
from hexapolis.config import Settings
from hexapolis.errors import UsageError
from hexapolis.records import Ask, Page, Source
from store.cooldown import Strike

if TYPE_CHECKING:
    from scrapy.crawler import AsyncCrawlerRunner

T = TypeVar("T")

BUDGET = 40  # requests of one conversation, robots.txt and every hop of a redirect included
CONCURRENT_SITES = 16


@dataclass(frozen=True, slots=True)
class Conversation(Generic[T]):
    """What is said to one site.

    Args:
        source: how gently: delay, robots.txt. Its entry points name the hosts that wait for each other.
        body: asks, and makes something of the answers.
        budget: requests it may send.
    """

    source: Source
    body: Callable[[Fetch], Awaitable[T]]
    budget: int = BUDGET


def run_fetches(
    settings: Settings,
    body: Callable[[Fetch], Awaitable[T]],
    source: Source,
    *,
    allowed: Iterable[str] = (),
    budget: int = BUDGET,
) -> T:
    """Hold one conversation and return what its body returns; see `run_conversations`."""
    (result,) = run_conversations(settings, [Conversation(source, body, budget)], allowed=allowed)
    return result


def run_conversations(
    settings: Settings, conversations: Sequence[Conversation[T]], *, allowed: Iterable[str] = ()
) -> list[T]:
    """Hold several conversations, those with different hosts side by side.

    Args:
        settings: user agent, limits, private hosts that are allowed.
        conversations: what is asked of whom.
        allowed: further private hosts that may be connected to, as `host` or `host:port`.

    Returns:
        What the bodies return, in the order of the conversations.

    Raises:
        KeyboardInterrupt: a signal has ended it.
        Exception: whatever a body raises; the other conversations are then given up.
    """
    guard = AddressGuard({*settings.allow_hosts, *allowed})
    talks = [_Talk(conversation, guard) for conversation in conversations]

    async def hold_all(runner: AsyncCrawlerRunner) -> None:
        hosts: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        sites = asyncio.Semaphore(CONCURRENT_SITES)
        async with asyncio.TaskGroup() as tasks:
            for talk in talks:
                tasks.create_task(_hold(talk, runner, hosts, sites))

    _in_reactor(settings, guard, hold_all)
    return [talk.result for talk in talks]


async def _hold(
    talk: _Talk[Any],
    runner: AsyncCrawlerRunner,
    hosts: defaultdict[str, asyncio.Lock],
    sites: asyncio.Semaphore,
) -> None:
    entries = talk.conversation.source.entry_points
    async with contextlib.AsyncExitStack() as turn:
        for host in sorted({urlsplit(entry.url).netloc.lower() for entry in entries}):
            await turn.enter_async_context(hosts[host])
        await turn.enter_async_context(sites)
        await runner.crawl(
            type("Spider", (_Spider,), {"custom_settings": source_settings(talk.conversation.source)}),
            run=talk,
        )
    if talk.raised is not None:
        raise talk.raised


class _Talk(Generic[T]):
    """One conversation while it goes on; to the middlewares it is the run."""

    result: T

    def __init__(self, conversation: Conversation[T], guard: AddressGuard) -> None:
        self.conversation = conversation
        self.source = conversation.source
        self.stopped = ""  # set when the site asks to be left alone
        self.error: Exception | None = None
        self.strike: Strike | None = None
        self.good_hosts: set[str] = set()
        self.raised: BaseException | None = None  # by the body
        self.sent = 0
        self._guard = guard

    async def hold(self, spider: Spider) -> None:
        """Run the body."""

        async def fetch(ask: Ask) -> Page:
            return await self._fetch(spider, ask)

        try:
            self.result = await self.conversation.body(fetch)
        except BaseException as error:  # Scrapy would swallow it
            self.raised = error

    def count(self) -> None:
        """A request sets out."""
        self.sent += 1

    async def _fetch(self, spider: Spider, ask: Ask) -> Page:
        try:
            canonical_url(ask.url)
        except UsageError as error:
            raise FetchError(ask.url, "not an address that can be fetched") from error
        if self.sent >= self.conversation.budget:
            raise BudgetSpentError(
                ask.url, f"not asked for: {self.conversation.budget} requests were sent already"
            )
        headers = {"Content-Type": ask.content_type, "Referer": ask.referer}
        request = Request(
            ask.url,
            method=ask.method,
            body=ask.body,
            headers={name: value for name, value in headers.items() if value},
            callback=NO_CALLBACK,
        )
        refused = set(self._guard.refused)
        try:
            response = await spider.crawler.engine.download_async(request)
        except Exception as error:
            raise self._explained(ask.url, error, refused) from error
        page = page_of(response, request)
        return page if ask.method == "GET" else replace(page, url=ask.address, requested_url=ask.address)

    def _explained(self, url: str, error: BaseException, refused: set[tuple[str, int]]) -> FetchError:
        """Why there is no answer. `refused`: what the guard had refused before."""
        parts = urlsplit(url)
        own = (parts.hostname or "").rstrip("."), parts.port or (443 if parts.scheme == "https" else 80)
        unresolved: BaseException | None = error
        while unresolved is not None and not isinstance(unresolved, CannotResolveHostError):
            unresolved = unresolved.__cause__
        if unresolved is not None:
            for host, port in [own, *(self._guard.refused.keys() - refused)]:
                if (host, port) in self._guard.refused:
                    return PrivateAddressError(url, host, self._guard.refused[host, port])
        if isinstance(error, RobotsRefused):
            return RobotsRefusedError(url, str(error))
        if isinstance(error, HopRefused):
            return OtherSiteError(url, str(error))
        if isinstance(error, RunStopped):
            return LeftAloneError(url, str(error))
        if isinstance(error, RobotsUnreachable) and error.__cause__ is not None:
            return NoAnswerError(url, f"{_reason(error.__cause__)} (robots.txt)")
        if isinstance(error, DownloadCancelledError) or (
            isinstance(error, IgnoreRequest) and "DOWNLOAD_MAXSIZE" in str(error)
        ):
            return TooLargeError(url, "the body is larger than the download limit")
        return NoAnswerError(url, _reason(error))


def _reason(error: BaseException) -> str:
    for kind, words in _REASONS.items():
        if isinstance(error, kind):
            return words
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


_REASONS: dict[type[Exception], str] = {
    CannotResolveHostError: "the host name is unknown",
    DownloadConnectionRefusedError: "the connection was refused",
    DownloadTimeoutError: "no answer in time",
}


class _Spider(Spider):
    """A spider that only lends its engine: the body of the conversation says what is asked for."""

    name = "fetch"

    def __init__(self, run: _Talk[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.run = run

    async def start(self) -> AsyncIterator[Request]:
        """Hold the conversation; ask for nothing after it."""
        self.crawler.signals.connect(self.run.count, signals.request_reached_downloader)
        await self.run.hold(self)
        nothing: tuple[Request, ...] = ()
        for request in nothing:
            yield request


def _in_reactor(
    settings: Settings, guard: AddressGuard, main: Callable[[AsyncCrawlerRunner], Awaitable[None]]
) -> None:
    """Run the reactor until `main` is done or a signal comes."""
    from scrapy.utils.reactor import install_reactor

    install_reactor("twisted.internet.asyncioreactor.AsyncioSelectorReactor")
    from scrapy.crawler import AsyncCrawlerRunner
    from twisted.internet import reactor

    twisted: Any = reactor
    for name in ("scrapy", "twisted", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # errors reach the caller as exceptions
    twisted.installNameResolver(GuardedResolver(twisted.nameResolver, guard))
    runner = AsyncCrawlerRunner(scrapy_settings(settings))
    ended: list[BaseException] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    running: list[asyncio.Task[None]] = []  # the loop keeps weak references only

    async def work() -> None:
        try:
            await main(runner)
        except asyncio.CancelledError:
            ended.append(KeyboardInterrupt())
        except BaseException as error:
            ended.append(_first(error))
        finally:
            for number in numbers:
                asyncio.get_running_loop().remove_signal_handler(number)
            twisted.stop()

    def begin() -> None:
        loop = asyncio.get_event_loop()
        running.append(loop.create_task(work()))
        for number in numbers:
            loop.add_signal_handler(number, running[0].cancel)

    twisted.callWhenRunning(begin)
    twisted.run(installSignalHandlers=False)
    if ended:
        raise ended[0]


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
