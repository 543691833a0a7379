"""The spider: walks the entry points of one source and fetches the articles that are new.

It only downloads and decides; reading, tagging and storing happen elsewhere. Every address it comes upon gets
a row in the run's ledger, whatever becomes of it.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scrapy import Request
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.entry_points import EntryPointError, first_ask, read_entry_point
from crawler.guard import AddressGuard
from crawler.listed_entries import entry_page
from crawler.spiders.decide import follows_rule, is_new
from crawler.spiders.exchange import RunSpider, conditional, conditions, page_of, request_of
from crawler.spiders.explain import explain
from crawler.spiders.recorder import Recorder, RunLedger
from crawler.urls import same_host, url_identity
from hexapolis.records import Ask, EntryPoint, Link, Outcome, Page
from store.pages import KnownPage
from store.results import BLOCKED_STATUSES

if TYPE_CHECKING:
    pass

MAX_URLS = 200_000  # of one run; more than any site in the catalogue can offer
MAX_SITEMAPS = 500  # of one entry point in one run
MAX_SITEMAP_DEPTH = 3  # an index of indexes is against the protocol, but there are some


@dataclass(frozen=True, slots=True)
class CrawlOptions:
    """What the user asked of this crawl."""

    max_pages: int | None = None  # article pages; None: the source's own limit
    since: dt.date | None = None
    until: dt.date | None = None
    list_pages: int | None = None  # of each list; None: the catalogue's limit
    deep: bool = True  # go through every list page, even after one that offers nothing new
    conditional: bool = False  # the last run left nothing open: an unchanged entry point need not be sent
    left_over: tuple[str, ...] = ()  # addresses that the last run saw and did not come to

    @property
    def backfill(self) -> bool:
        """Whether a stretch of time is wanted, not what is new."""
        return self.since is not None or self.until is not None


class SourceSpider(RunSpider):
    """Crawls one source. Made by `crawler.spiders.run`, which hands over the run's ledger."""

    name = "source"

    def __init__(
        self,
        run: RunLedger,
        recorder: Recorder,
        guard: AddressGuard,
        options: CrawlOptions,
        **kwargs: Any,
    ) -> None:
        super().__init__(run, recorder, guard, **kwargs)
        self.source = run.source
        self.options = options
        self.budget = options.max_pages if options.max_pages is not None else self.source.politeness.max_pages
        self._entry_urls = [entry.url for entry in self.source.entry_points]
        self._entry_keys: set[str] = set()  # list pages that were asked for
        self._sitemaps: Counter[str] = Counter()  # by entry point
        self._offered: dict[str, set[str]] = {}  # by entry point: addresses its pages have offered

    async def start(self) -> AsyncIterator[Request]:
        """Ask for the first page of every entry point, then for what is due again and what was left.

        What is left and due is chosen first, so that its addresses are not taken for news, and asked for
        last: a refusal then says something of the entry points, too.
        """
        articles = list(self._due_requests())
        if self.options.left_over and not self.options.backfill and self.source.content == "page":
            articles += self._article_requests([Link(url) for url in self.options.left_over])
        for entry in self.source.entry_points:
            if request := self._entry_request(entry, first_ask(entry), 1):
                yield request
        for article in articles:
            yield article

    def _entry_request(self, entry: EntryPoint, ask: Ask, number: int) -> Request | None:
        url = ask.address
        key = url_identity(url)
        if key in self._entry_keys:
            return None
        self._entry_keys.add(key)
        self.run.see(url)  # a pager's link has often been seen, as one that is no article
        self.run.settle(key, Outcome.BUDGET, "list page, not read when the run ended")
        headers = {"Content-Type": ask.content_type, "Referer": ask.referer}
        if number == 1 and self.options.conditional and _shows_news(entry):
            headers |= conditions(self.recorder.known([key]).get(key))
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
        if response.status == 304:
            self.run.entry_points_read += 1
            self.run.settle(key, Outcome.UNCHANGED, "not modified")
            return
        page = page_of(response, address)
        if response.status in (400, 404, 410) and number > 1 and entry.kind not in ("feed", "sitemap"):
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
        # Without a rule for article addresses, a pager's link would pass for an article.
        further = {url_identity(ask.url) for ask in listing.next_asks}
        articles = [link for link in listing.links if url_identity(link.url) not in further]
        offered = self._offered.setdefault(first_ask(entry).address, set())
        before = len(offered)
        offered.update(link.url for link in articles)
        self.run.listing_page(key, page, Outcome.LISTING, f"{len(listing.links)} links")
        if self.source.content == "page":
            requests = self._article_requests(articles)
            new = len(requests)
            yield from requests
        else:
            new = self._take_entries(articles, page)
        over = ""
        if entry.kind != "sitemap" and number > 1 and len(offered) == before:
            over = "a stub, or the same rows again"  # some servers answer every number with page 1
        elif self._too_old(articles):
            over = "a page of older articles"
        if over:
            for ask in listing.next_asks:
                self._leave(ask.address, Outcome.FILTERED, f"a further list page, after {over}")
            return
        # A frame, or an index of years: links of a menu may be there, but none that passes for an article.
        passing = any(follows_rule(link, self.source, self._entry_urls).fetch for link in articles)
        fruitful = bool(new) or (number == 1 and not passing)
        yield from self._next_pages(entry, number, listing.next_asks, fruitful)

    def _too_old(self, links: Sequence[Link]) -> bool:
        """Whether a list, newest first, has come to the time before the one that is wanted."""
        days = [link.listed_on for link in links if link.listed_on is not None]
        since = self.options.since
        return since is not None and len(days) >= 3 and 2 * len(days) >= len(links) and max(days) < since

    def _next_pages(
        self, entry: EntryPoint, number: int, asks: tuple[Ask, ...], fruitful: bool
    ) -> Iterator[Request]:
        for ask in asks:
            url = ask.address
            if not same_host(url, entry.url):
                self._leave(url, Outcome.FILTERED, "a further page on another host")
            elif number >= (limit := self._page_limit(entry)) and entry.kind not in ("feed", "sitemap"):
                self._leave(url, Outcome.BUDGET, f"limit of {limit} list pages")
            elif entry.kind == "sitemap" and not self._sitemap_fits(entry, number):
                self._leave(
                    url, Outcome.BUDGET, f"limit of {MAX_SITEMAPS} sitemaps on {MAX_SITEMAP_DEPTH} levels"
                )
            elif entry.kind in ("feed", "sitemap") or fruitful or self._goes_deep:
                if request := self._entry_request(entry, ask, number + 1):
                    yield request
            else:
                self._leave(url, Outcome.FILTERED, "a further list page, after one that offers nothing new")

    @property
    def _goes_deep(self) -> bool:
        return self.options.deep or self.options.backfill

    def _page_limit(self, entry: EntryPoint) -> int:
        return self.options.list_pages or entry.paging.max_pages

    def _leave(self, url: str, outcome: Outcome, detail: str) -> None:
        """Settle a further page that is not asked for, unless something else became of its address."""
        key = url_identity(url)
        if self.run.see(url) or self.run.outcome(key) is Outcome.FILTERED:
            self.run.settle(key, outcome, detail)

    def _sitemap_fits(self, entry: EntryPoint, number: int) -> bool:
        self._sitemaps[entry.url] += 1
        return number < MAX_SITEMAP_DEPTH and self._sitemaps[entry.url] < MAX_SITEMAPS

    def _candidates(self, links: Sequence[Link]) -> dict[str, Link]:
        """The links that are articles, by address; all others are settled in the ledger."""
        candidates: dict[str, Link] = {}
        options = self.options
        if self.run.seen + len(links) > MAX_URLS:
            self.run.stopped = self.run.stopped or f"stopped: limit of {MAX_URLS} addresses"
            self.run.problems.append(f"{len(links)} links were not looked at")
            return {}
        for link in links:
            key = self.run.see(link.url)
            if key is None:
                continue
            decision = follows_rule(link, self.source, self._entry_urls, options.since, options.until)
            if decision.fetch:
                candidates[key] = link
            else:
                self.run.settle(key, decision.outcome, decision.detail)
        return candidates

    def _new(self, candidates: dict[str, Link]) -> Iterator[tuple[str, Link, KnownPage | None]]:
        """Those that are new, within the budget; all others are settled in the ledger."""
        known = self.recorder.known(candidates)
        now = dt.datetime.now(dt.UTC)
        for key, link in candidates.items():
            decision = is_new(link, known.get(key), now)
            if not decision.fetch:
                self.run.settle(key, decision.outcome, decision.detail)
            elif self.budget <= 0 or self.run.stopped:
                self.run.settle(key, Outcome.BUDGET, self.run.stopped or "the run's page limit was reached")
            else:
                self.budget -= 1
                yield key, link, known.get(key)

    def _article_requests(self, links: Sequence[Link]) -> list[Request]:
        """Requests for the links that are new articles."""
        return [self._article_request(*new) for new in self._new(self._candidates(links))]

    def _take_entries(self, links: Sequence[Link], listing: Page) -> int:
        """Take what the entry point itself says of its new articles, whose pages are not asked for."""
        new = list(self._new(self._candidates(links)))
        for key, link, _ in new:
            entry = entry_page(link, self.source.content, listing.fetched_at, listing.requested_url)
            self.run.article_page(key, entry, link)
        return len(new)

    def _due_requests(self) -> Iterator[Request]:
        """Requests for stored articles that are looked at again, for at most half of the run's pages."""
        if self.options.backfill or self.source.content != "page":
            return
        due = {
            key: Link(look.url)
            for look in self.recorder.due(self.run, self.budget // 2)
            if (key := self.run.see(look.url))
        }
        known = self.recorder.known(due)
        self.budget -= len(due)
        for key, link in due.items():
            yield self._article_request(key, link, known.get(key), priority=-1)

    def _article_request(self, key: str, link: Link, known: KnownPage | None, priority: int = 0) -> Request:
        return Request(
            link.url,
            callback=self._on_article,
            errback=self._on_error,
            cb_kwargs={"key": key, "link": link},
            meta={"key": key},
            headers=conditions(known) if known is not None and known.verdict == "article" else {},
            priority=priority,
            dont_filter=True,
        )

    def _on_article(self, response: Response, key: str, link: Link) -> None:
        if response.status == 304:
            if conditional(response):
                self.run.unchanged(key, dt.datetime.now(dt.UTC))
            else:
                self.run.settle(key, Outcome.FAILED, "status 304, though nothing was known of the page")
            return
        self.run.article_page(key, page_of(response), link)

    def _on_entry_error(self, failure: Failure) -> None:
        request = request_of(failure)
        outcome, detail = explain(failure, self.guard)
        self.run.settle(request.meta["key"], outcome, detail)
        if request.meta["number"] == 1:
            self.run.problems.append(f"{request.url}: {detail}")

    def _on_error(self, failure: Failure) -> None:
        self.run.settle(request_of(failure).meta["key"], *explain(failure, self.guard))


def _shows_news(entry: EntryPoint) -> bool:
    """Whether the first page changes when something new appears; others are a frame that stays as it is."""
    kinds = ("feed", "sitemap", "list", "wordpress")
    return entry.kind in kinds and entry.paging.scheme != "year_archives"
