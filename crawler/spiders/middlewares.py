"""What stands between the spider and the network: robots.txt, and the check of every hop of a redirect."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.robotstxt import RobotParser

from crawler.urls import same_site

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from crawler.spiders.recorder import RunLedger

CHALLENGE_STATUSES = frozenset({412, 429, 521})
"""Answers that mean: leave us alone. Nothing more is asked of the source in this run after the first one."""

_REFUSE_ALL = b"User-agent: *\nDisallow: /\n"
_ROBOTS_BYTES = 512_000  # RFC 9309: at least 500 KiB are to be read; nobody needs more


class RobotsRefused(IgnoreRequest):
    """robots.txt does not allow this address."""


class HopRefused(IgnoreRequest):
    """A redirect leads where the crawler does not go."""


class RobotsUnreachable(IgnoreRequest):
    """robots.txt could not be fetched, so nobody knows what it allows."""


class Robots(RobotsTxtMiddleware):
    """robots.txt as RFC 9309 has it, and stricter where it leaves a choice.

    2xx is read; 401, 403 and bot challenges are taken as a refusal (an operator who hides the rules has not
    given leave); other 4xx mean that there are no rules; 5xx or no answer mean that the rules cannot be known
    now, so nothing is fetched.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._unreachable: dict[str, Exception] = {}

    def process_request_2(self, rp: RobotParser | None, request: Request) -> None:
        """Refuse what the rules do not allow.

        Raises:
            RobotsRefused: the rules forbid the address.
            RobotsUnreachable: there are no rules to go by; the reason is chained.
        """
        error = self._unreachable.get(urlsplit(request.url).netloc)
        if error is not None:
            raise RobotsUnreachable("robots.txt cannot be fetched") from error
        try:
            super().process_request_2(rp, request)
        except IgnoreRequest as refused:
            raise RobotsRefused("robots.txt does not allow it") from refused

    async def _parse_robots(self, response: Response, netloc: str, request: Request) -> None:
        if response.status in (401, 403, *CHALLENGE_STATUSES) or response.status >= 500:
            response = response.replace(body=_REFUSE_ALL)
        elif response.status >= 300:
            response = response.replace(body=b"")
        elif len(response.body) > _ROBOTS_BYTES:
            response = response.replace(body=response.body[:_ROBOTS_BYTES])
        await super()._parse_robots(response, netloc, request)

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        self._unreachable[netloc] = exc
        super()._robots_error(exc, netloc)


class RunStopped(IgnoreRequest):
    """The run of this source is over; the request was waiting."""


class RequestGate:
    """The last check before each request, and before each hop of a redirect."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> RequestGate:
        """Scrapy's way of making a middleware."""
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """Let the request pass.

        Raises:
            RunStopped: nothing more is asked of this source.
            HopRefused: a redirect leaves http and https, or the source's own site.
        """
        run: RunLedger = self._crawler.spider.run  # type: ignore[union-attr]
        if run.stopped:
            raise RunStopped(run.stopped)
        hops = request.meta.get("redirect_urls")
        if not hops:
            return
        if urlsplit(request.url).scheme not in ("http", "https"):
            raise HopRefused(f"redirect to {request.url}: refused scheme")
        if not same_site(hops[0], request.url):
            raise HopRefused(f"redirect to another site: {request.url}")

    def process_response(self, request: Request, response: Response) -> Response:
        """Stop the run when the site asks to be left alone: here, before another request can set out."""
        run: RunLedger = self._crawler.spider.run  # type: ignore[union-attr]
        if response.status in CHALLENGE_STATUSES and not run.stopped:
            run.stopped = f"stopped: the site answered with status {response.status}"
        return response
