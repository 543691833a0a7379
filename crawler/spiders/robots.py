"""What robots.txt allows, and how fast."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog
from scrapy import Request
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.robotstxt import RobotParser

from crawler.spiders.fetching_run import FetchingRun, keep, page_of
from crawler.spiders.throttle import MAX_CRAWL_DELAY, TURNS, host_of, kept_crawl_delay

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

log = structlog.get_logger(__name__)

CHALLENGE_STATUSES = frozenset({412, 429, 451, 521})
"""Answers that mean: leave us alone."""

_REFUSE_ALL = b"User-agent: *\nDisallow: /\n"
_ROBOTS_BYTES = 512_000  # RFC 9309: at least 500 KiB are to be read; nobody needs more
_ROBOTS_AGENT = "Hexapolis"


class RobotsRefused(IgnoreRequest):
    """robots.txt does not allow this address."""


class RobotsUnreachable(IgnoreRequest):
    """robots.txt could not be fetched, so nobody knows what it allows."""


class Robots(RobotsTxtMiddleware):
    """robots.txt as RFC 9309 has it, and stricter where it leaves a choice.

    2xx is read, with its `Crawl-delay`; 401 and 403 are what the source's `robots_forbidden` says: a refusal
    (an operator who hides the rules has not given leave), or no rules. Bot checks are a refusal, other 4xx
    mean that there are no rules, 5xx or no answer that they cannot be known now: nothing is fetched.
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
        run: FetchingRun = self.crawler.spider.run  # type: ignore[union-attr]
        keep(run, "robots_page", page_of(response, response.request or request))
        forbidden = run.source.politeness.robots_forbidden != "allow" and response.status in (401, 403)
        if forbidden or response.status in CHALLENGE_STATUSES or response.status >= 500:
            response = response.replace(body=_REFUSE_ALL)
        elif response.status >= 300:
            response = response.replace(body=b"")
        elif len(response.body) > _ROBOTS_BYTES:
            response = response.replace(body=response.body[:_ROBOTS_BYTES])
        await super()._parse_robots(response, netloc, request)
        self._respect_delay(netloc, request)

    def _respect_delay(self, netloc: str, request: Request) -> None:
        rules = self._parsers[netloc]
        if not isinstance(rules, RobotParser):
            return
        stated = rules.crawl_delay(_ROBOTS_AGENT)
        kept = kept_crawl_delay(stated)
        if kept and kept != stated:
            log.warning("Crawl-delay is shortened", host=netloc, stated=stated, kept=MAX_CRAWL_DELAY)
        TURNS.crawl_delay(host_of(request.url), kept)

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        self._unreachable[netloc] = exc
        super()._robots_error(exc, netloc)
