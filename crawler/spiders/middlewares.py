"""What stands between the spider and the network: which requests are made, which answers end the run.

The check of every request and every hop of a redirect, the rules for stopping when a site refuses us, and the
limit of requests of a run. Not here: robots.txt (`robots.py`), the pace (`throttle.py`) and the connection
itself (`download.py`).
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scrapy import Request, Spider
from scrapy.downloadermiddlewares.redirect import RedirectMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

from crawler.inflate import ACCEPT_ENCODING, InflateError, inflate
from crawler.spiders.download import RunStopped
from crawler.spiders.fetching_run import FetchingRun, keep, page_of
from crawler.spiders.robots import CHALLENGE_STATUSES, RobotsRefused, RobotsUnreachable
from crawler.spiders.throttle import host_of, retry_after
from crawler.urls import is_fetchable, same_site
from store.cooldown import Strike

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

__all__ = ["HopRefused", "RobotsRefused", "RobotsUnreachable", "RunStopped"]

DOUBTFUL_STATUSES = frozenset({202, 403})
"""Answers that may be about one document (403 for a withdrawn one) or about us (a bot check, which often
comes as 202). They end the run on an entry point, and on articles when several come in a row.
"""

DOUBTFUL_IN_A_ROW = 3
REQUEST_LIMIT = 500
"""Requests of one run, robots.txt and redirects included; more when more pages are asked for."""

_CHALLENGE_HEADERS = ("cf-mitigated", "x-amzn-waf-action")  # two common walls say so themselves

_WEB_PORTS = frozenset({80, 443})
_LOWEST_FREE_PORT = 1024  # below are the ports of other services: mail, name, file servers


class HopRefused(IgnoreRequest):
    """The address, or the one a redirect leads to, is one where the crawler does not go."""


def _is_robots(request: Request) -> bool:
    return bool(request.meta.get("dont_obey_robotstxt"))  # Scrapy marks its own request for it


class _Part:
    """A middleware that knows the run."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> _Part:
        """Scrapy's way of making a middleware."""
        return cls(crawler)

    @property
    def _run(self) -> FetchingRun:
        run: FetchingRun = self._crawler.spider.run  # type: ignore[union-attr]
        return run


class RequestGate(_Part):
    """The first check of each request, of each hop of a redirect, and of robots.txt."""

    _requests = 0

    def process_request(self, request: Request) -> None:
        """Let the request pass.

        Raises:
            RunStopped: nothing more is asked of this source.
            HopRefused: the address, or the redirect to it, leaves the web or the source's own site.
        """
        run = self._run
        if run.stopped:
            raise RunStopped(run.stopped)
        if self._requests >= self._limit:
            run.stopped = f"stopped: limit of {self._limit} requests"
            raise RunStopped(run.stopped)
        hops = request.meta.get("redirect_urls")
        prefix = f"redirect to {request.url}: " if hops else ""
        if urlsplit(request.url).scheme not in ("http", "https"):
            raise HopRefused(f"{prefix}refused scheme")
        if (reason := is_fetchable(request.url)) in ("credentials", "malformed", "host", "trap"):
            raise HopRefused(f"{prefix}{reason}")
        if not self._web_port(request.url):
            raise HopRefused(f"{prefix}the port of another service")
        if hops and not same_site(hops[0], request.url):
            raise HopRefused(f"redirect to another site: {request.url}")
        self._requests += 1

    @property
    def _limit(self) -> int:
        """A user or a source that asks for more pages gets more requests; a trap gets no more than these."""
        options = getattr(self._crawler.spider, "options", None)
        asked = getattr(options, "max_pages", None)
        pages: int = asked if asked is not None else self._run.source.politeness.max_pages
        return REQUEST_LIMIT if pages <= REQUEST_LIMIT else pages + REQUEST_LIMIT

    def _web_port(self, url: str) -> bool:
        port = urlsplit(url).port
        own = {urlsplit(entry.url).port for entry in self._run.source.entry_points}
        return port is None or port >= _LOWEST_FREE_PORT or port in _WEB_PORTS or port in own


class Answers(_Part):
    """Stops the run when the site asks to be left alone: here, before another request can set out.

    The first 412, 429, 451, 521, answer of a wall that names itself, or 503 with `Retry-After` does. A 403 or
    202 does on an entry point, and as the third in a row on articles.

    The run object is told: `strike` is the refusal, and `good_hosts` are the hosts that gave a good answer.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._doubtful = 0  # in a row, on articles

    def process_response(self, request: Request, response: Response) -> Response:
        """Look at every answer as it comes from the server."""
        run = self._run
        now = dt.datetime.now(dt.UTC)
        header = response.headers.get("Retry-After")
        wait = retry_after(header.decode("latin-1") if header else None, now)
        host = host_of(response.url)
        if self._refuses(request, response, wait):
            reason = f"the site answered with status {response.status}"
            if not run.stopped:
                run.stopped = f"stopped: {reason}"
                run.strike = Strike(host, reason, wait)
        elif response.status < 400 and not (_is_robots(request) or response.status in DOUBTFUL_STATUSES):
            self._doubtful = 0
            run.good_hosts = getattr(run, "good_hosts", set()) | {host}
        return response

    def _refuses(self, request: Request, response: Response, wait: dt.timedelta | None) -> bool:
        status = response.status
        if status in CHALLENGE_STATUSES or any(name in response.headers for name in _CHALLENGE_HEADERS):
            return True
        if status == 503 and wait is not None:  # a server that says when to come back
            return True
        if status not in DOUBTFUL_STATUSES or _is_robots(request):
            return False
        self._doubtful += 1
        return "number" in request.meta or self._doubtful >= DOUBTFUL_IN_A_ROW


class Inflate(_Part):
    """Asks for the encodings that can be unfolded within limits, and unfolds them."""

    def process_request(self, request: Request) -> None:
        """Say what we can read."""
        request.headers.setdefault("Accept-Encoding", ACCEPT_ENCODING)

    def process_response(self, request: Request, response: Response) -> Response:
        """The answer with its plain body.

        Raises:
            InflateError: a body of a good answer that is too large, damaged or cut short. The body of an
                error or a redirect is kept as it came.
        """
        header = b",".join(response.headers.getlist("Content-Encoding")).decode("latin-1")
        if not header:
            return response
        limit = self._crawler.settings.getint("DOWNLOAD_MAXSIZE")
        try:
            body, left = inflate(response.body, header.split(","), limit)
        except InflateError:
            if 200 <= response.status < 300:
                raise
            return response
        headers = response.headers.copy()
        headers.pop("Content-Encoding")
        if left:
            headers["Content-Encoding"] = ", ".join(left)
        return response.replace(body=body, headers=headers)


class Redirects(RedirectMiddleware):
    """Follows redirects, and hands each answer on the way to the run."""

    def handle_referer(self, request: Request, response: Response) -> None:
        """No page hears from which other one we come."""
        request.headers.pop("Referer", None)

    def process_response(
        self, request: Request, response: Response, spider: Spider | None = None
    ) -> Request | Response:
        """The next hop, or the answer where there is none.

        Raises:
            HopRefused: to an address that cannot be read.
            IgnoreRequest: too many hops.
        """
        run: FetchingRun = self.crawler.spider.run  # type: ignore[union-attr]
        try:
            result = super().process_response(request, response)
        except IgnoreRequest:
            keep(run, "hop_page", page_of(response, request))
            raise
        except ValueError as error:
            keep(run, "hop_page", page_of(response, request))
            raise HopRefused("redirect to an address that cannot be read") from error
        if isinstance(result, Request):
            keep(run, "hop_page", page_of(response, request))
        return result
