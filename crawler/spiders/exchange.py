"""What the spiders of a run have in common, and how Scrapy's answers become our records."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Self

from scrapy import Request, Spider, signals
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.guard import AddressGuard
from crawler.spiders.recorder import Recorder, RunLedger
from hexapolis.errors import ArchiveError, StoreError
from hexapolis.records import Outcome, Page
from store.pages import KnownPage

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class RunSpider(Spider):
    """A spider that fetches for one run and answers for every URL in its ledger."""

    name = "run"

    def __init__(self, run: RunLedger, recorder: Recorder, guard: AddressGuard, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.run = run
        self.recorder = recorder
        self.guard = guard

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """Scrapy's way of making a spider."""
        spider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider._on_callback_error, signals.spider_error)
        return spider

    def _on_callback_error(self, failure: Failure, response: Response) -> None:
        """Scrapy swallows what a callback raises: our own error must not look like a crawl that went well."""
        error, key = failure.value, response.meta["key"]
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        self.run.settle(key, Outcome.FAILED, reason)
        self.run.problems.append(f"{response.url}: {reason}")
        if isinstance(error, (StoreError, ArchiveError)):  # nothing can be kept: go no further
            self.run.error = self.run.error or error
            self.run.stopped = self.run.stopped or reason


def request_of(failure: Failure) -> Request:
    """The request that a failure is about."""
    request: Request = failure.request  # type: ignore[attr-defined]  # Scrapy puts it there
    return request


def page_of(response: Response, address: str | None = None) -> Page:
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


def conditions(known: KnownPage | None) -> dict[str, str]:
    """The headers that ask for a page only if it has changed since it was fetched."""
    headers = {}
    if known is not None and known.status == 200:
        if known.etag:
            headers["If-None-Match"] = known.etag
        if known.last_modified:
            headers["If-Modified-Since"] = known.last_modified
    return headers


def conditional(response: Response) -> bool:
    """Whether a page was asked for only if it had changed; a 304 to any other request says nothing."""
    request = response.request
    return request is not None and bool({b"If-None-Match", b"If-Modified-Since"} & set(request.headers))
