"""The spider: walks the entry points of one source and fetches the articles that are new.

It only downloads and decides; reading, tagging and storing happen elsewhere. Every address it comes upon gets
a row in the run's ledger, whatever becomes of it.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from scrapy import Request, Spider, signals
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
)
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.entry_points import EntryPointError, first_ask, read_entry_point
from crawler.guard import AddressGuard
from crawler.spiders.decide import follows_rule, is_new
from crawler.spiders.middlewares import HopRefused, RobotsRefused, RobotsUnreachable, RunStopped
from crawler.spiders.recorder import Recorder, RunLedger
from crawler.urls import same_host, url_identity
from hexapolis.errors import ArchiveError, StoreError
from hexapolis.records import Ask, EntryPoint, Link, Outcome, Page
from store.pages import KnownPage
from store.results import BLOCKED_STATUSES

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

MAX_SITEMAPS = 500  # of one entry point in one run
MAX_SITEMAP_DEPTH = 3  # an index of indexes is against the protocol, but there are some


@dataclass(frozen=True, slots=True)
class CrawlOptions:
    """What the user asked of this crawl."""

    max_pages: int | None = None  # article pages; None: the source's own limit
    since: dt.date | None = None
    deep: bool = True  # go through every list page, even after one that offers nothing new


class SourceSpider(Spider):
    """Crawls one source. Made by `crawler.spiders.run`, which hands over the run's ledger."""

    name = "source"

    def __init__(
        self, run: RunLedger, recorder: Recorder, guard: AddressGuard, options: CrawlOptions, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.run = run
        self.source = run.source
        self.recorder = recorder
        self.guard = guard
        self.options = options
        self.budget = options.max_pages if options.max_pages is not None else self.source.politeness.max_pages
        self._entry_urls = [entry.url for entry in self.source.entry_points]
        self._entry_keys: set[str] = set()  # list pages that were asked for
        self._sitemaps: Counter[str] = Counter()  # by entry point

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """Scrapy's way of making a spider."""
        spider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider._on_callback_error, signals.spider_error)
        return spider

    async def start(self) -> AsyncIterator[Request]:
        """Ask for the first page of every entry point."""
        for entry in self.source.entry_points:
            if request := self._entry_request(entry, first_ask(entry), 1):
                yield request

    def _entry_request(self, entry: EntryPoint, ask: Ask, number: int) -> Request | None:
        url = ask.address
        key = url_identity(url)
        if key in self._entry_keys:
            return None
        self._entry_keys.add(key)
        self.run.see(url)  # a pager's link has often been seen, as one that is no article
        self.run.settle(key, Outcome.BUDGET, "seen, not fetched when the run ended")
        headers = {"Content-Type": ask.content_type, "Referer": ask.referer}
        return Request(
            ask.url,
            method=ask.method,
            body=ask.body,
            headers={name: value for name, value in headers.items() if value},
            callback=self._on_entry,
            errback=self._on_entry_error,
            cb_kwargs={"key": key, "entry": entry, "number": number, "address": url},
            meta={"key": key, "number": number},
            # Know what there is before fetching it, and the first pages of all entry points before their
            # second ones: an endless pager must not keep another list from its turn.
            priority=1_000_000 - number,
            dont_filter=True,
        )

    def _on_entry(
        self, response: Response, key: str, entry: EntryPoint, number: int, address: str
    ) -> Iterator[Request]:
        page = _page(response, address)
        if response.status in (404, 410) and number > 1 and entry.kind == "list":
            self.run.listing_page(
                key, page, Outcome.LISTING, f"status {response.status}: the list ends before"
            )
            return
        if response.status != 200:
            blocked = response.status in BLOCKED_STATUSES
            outcome = Outcome.BLOCKED if blocked else Outcome.FAILED
            self.run.listing_page(key, page, outcome, f"status {response.status}")
            if number == 1:
                self.run.problems.append(f"{entry.url}: status {response.status}")
            return
        try:
            listing = read_entry_point(entry, page, number)
        except EntryPointError as error:
            self.run.listing_page(key, page, Outcome.FAILED, str(error))
            self.run.problems.append(str(error))
            return
        self.run.entry_points_read += 1
        self.run.listing_page(key, page, Outcome.LISTING, f"{len(listing.links)} links")
        # Without a rule for article addresses, a pager's link would pass for an article.
        further = {url_identity(ask.url) for ask in listing.next_asks}
        articles = [link for link in listing.links if url_identity(link.url) not in further]
        requests = self._article_requests(articles)
        yield from requests
        yield from self._next_pages(entry, number, listing.next_asks, fruitful=bool(requests))

    def _next_pages(
        self, entry: EntryPoint, number: int, asks: tuple[Ask, ...], fruitful: bool
    ) -> Iterator[Request]:
        for ask in asks:
            url = ask.address
            if not same_host(url, entry.url):
                self._leave(url, Outcome.FILTERED, "a further page on another host")
            elif number >= entry.paging.max_pages and entry.kind == "list":
                self._leave(url, Outcome.BUDGET, f"limit of {entry.paging.max_pages} list pages")
            elif entry.kind == "sitemap" and not self._sitemap_fits(entry, number):
                self._leave(
                    url, Outcome.BUDGET, f"limit of {MAX_SITEMAPS} sitemaps on {MAX_SITEMAP_DEPTH} levels"
                )
            elif entry.kind != "list" or fruitful or self.options.deep:
                if request := self._entry_request(entry, ask, number + 1):
                    yield request
            else:
                self._leave(url, Outcome.FILTERED, "a further list page, after one that offers nothing new")

    def _leave(self, url: str, outcome: Outcome, detail: str) -> None:
        """Settle a further page that is not asked for, unless something else became of its address."""
        key = url_identity(url)
        if self.run.see(url) or self.run.outcome(key) is Outcome.FILTERED:
            self.run.settle(key, outcome, detail)

    def _sitemap_fits(self, entry: EntryPoint, number: int) -> bool:
        self._sitemaps[entry.url] += 1
        return number < MAX_SITEMAP_DEPTH and self._sitemaps[entry.url] < MAX_SITEMAPS

    def _article_requests(self, links: Sequence[Link]) -> list[Request]:
        """Requests for the links that are new articles; all others are settled in the ledger."""
        candidates: dict[str, Link] = {}
        for link in links:
            key = self.run.see(link.url)
            if key is None:
                continue
            decision = follows_rule(link, self.source, self._entry_urls, self.options.since)
            if decision.fetch:
                candidates[key] = link
            else:
                self.run.settle(key, decision.outcome, decision.detail)
        known = self.recorder.known(candidates)
        now = dt.datetime.now(dt.UTC)
        requests = []
        for key, link in candidates.items():
            decision = is_new(link, known.get(key), now)
            if not decision.fetch:
                self.run.settle(key, decision.outcome, decision.detail)
            elif self.budget <= 0 or self.run.stopped:
                self.run.settle(key, Outcome.BUDGET, self.run.stopped or "the run's page limit was reached")
            else:
                self.budget -= 1
                requests.append(self._article_request(key, link, known.get(key)))
        return requests

    def _article_request(self, key: str, link: Link, known: KnownPage | None) -> Request:
        headers = {}
        if known is not None and known.verdict == "article":
            if known.etag:
                headers["If-None-Match"] = known.etag
            if known.last_modified:
                headers["If-Modified-Since"] = known.last_modified
        return Request(
            link.url,
            callback=self._on_article,
            errback=self._on_error,
            cb_kwargs={"key": key, "link": link},
            meta={"key": key},
            headers=headers,
            dont_filter=True,
        )

    def _on_article(self, response: Response, key: str, link: Link) -> None:
        if response.status == 304:
            self.run.settle(key, Outcome.UNCHANGED, "not modified")
            return
        self.run.article_page(key, _page(response), link)

    def _on_callback_error(self, failure: Failure, response: Response) -> None:
        """Scrapy swallows what a callback raises: our own error must not look like a crawl that went well."""
        error, key = failure.value, response.meta["key"]
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        self.run.settle(key, Outcome.FAILED, reason)
        self.run.problems.append(f"{response.url}: {reason}")
        if isinstance(error, (StoreError, ArchiveError)):  # nothing can be kept: go no further
            self.run.error = self.run.error or error
            self.run.stopped = self.run.stopped or reason

    def _on_entry_error(self, failure: Failure) -> None:
        request = _request(failure)
        outcome, detail = self._explain(failure)
        self.run.settle(request.meta["key"], outcome, detail)
        if request.meta["number"] == 1:
            self.run.problems.append(f"{request.url}: {detail}")

    def _on_error(self, failure: Failure) -> None:
        self.run.settle(_request(failure).meta["key"], *self._explain(failure))

    def _explain(self, failure: Failure) -> tuple[Outcome, str]:
        """The ledger's outcome and reason for a request that got no answer."""
        error = failure.value
        assert error is not None
        parts = urlsplit(_request(failure).url)
        host = (parts.hostname or "").rstrip("."), parts.port or (443 if parts.scheme == "https" else 80)
        if isinstance(error, RobotsRefused):
            return Outcome.ROBOTS, str(error)
        if isinstance(error, HopRefused):
            return Outcome.FILTERED, str(error)
        if isinstance(error, RunStopped):
            return Outcome.BUDGET, str(error)
        if isinstance(error, RobotsUnreachable) and error.__cause__ is not None:
            outcome, reason = self._explain_error(error.__cause__, host)
            return outcome, reason if outcome is Outcome.FILTERED else f"{reason} (robots.txt)"
        return self._explain_error(error, host)

    def _explain_error(self, error: BaseException, host: tuple[str, int]) -> tuple[Outcome, str]:
        if host in self.guard.refused:
            return (
                Outcome.FILTERED,
                f"{host[0]} is at {self.guard.refused[host]}, which is not a public address",
            )
        for kind, words in _REASONS.items():
            if isinstance(error, kind):
                return Outcome.FAILED, words
        return Outcome.FAILED, " ".join(f"{type(error).__name__}: {error}".split())[:300]


_REASONS: dict[type[Exception], str] = {
    CannotResolveHostError: "the host name is unknown",
    DownloadConnectionRefusedError: "the connection was refused",
    DownloadTimeoutError: "no answer in time",
    DownloadCancelledError: "the body is larger than the download limit",
}


def _request(failure: Failure) -> Request:
    request: Request = failure.request  # type: ignore[attr-defined]  # Scrapy puts it there
    return request


def _page(response: Response, address: str | None = None) -> Page:
    """A response as a record; `address` is what a request that is more than its URL goes by."""
    request = response.request
    assert request is not None
    hops = request.meta.get("redirect_urls")
    headers = tuple(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, values in response.headers.items()
        for value in values
    )
    posted = request.method != "GET" and address is not None
    return Page(
        address if posted and address else response.url,
        address or (hops[0] if hops else request.url),
        response.status,
        headers,
        response.body,
        dt.datetime.now(dt.UTC),
    )
