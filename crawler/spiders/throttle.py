"""When the next request to a host may set out: one at a time, not before the delay, later when it is slow.

Kept here, beside Scrapy's own throttle and instead of it: that one counts for each engine alone, and a crawl
runs an engine for each source; and its random delays go down to half of what was promised. Not here: whether
a host may be asked at all (`middlewares.py`), and how long it is left alone after a refusal
(`store/cooldown.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import email.utils
import math
import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

MAX_CRAWL_DELAY = 120.0
"""Seconds. The longest `Crawl-delay` that is kept: with a day's delay nothing would ever be read."""

MAX_SLOWDOWN = 60.0
"""Seconds. Slow answers lengthen the pause up to this, unless the delay itself is longer."""

JITTER = 1.5
"""A pause is between one and this many times the delay."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


def host_of(url: str) -> str:
    """The host as politeness counts it: `www.sz.gov.cn`, with its port where it is not that of the scheme.

    So http and https of a name are one host, and two servers on one machine are two. Empty for an address
    without a readable host.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return ""
    host = f"[{host}]" if ":" in host else host
    return host if port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f"{host}:{port}"


def slowed(pause: float, floor: float, latency: float, *, good: bool) -> float:
    """The pause after an answer, in seconds: half-way to the time that it took, or all the way if longer.

    Args:
        pause: the pause so far.
        floor: the delay that is never undercut.
        latency: how long the server took to begin its answer, or to give none.
        good: whether it was a good answer. Error pages come fast from a server in trouble, so they never
            shorten the pause.
    """
    target = max(latency, (pause + latency) / 2)
    wanted = min(max(target, floor), max(floor, MAX_SLOWDOWN))
    return wanted if good else max(wanted, pause)


def kept_crawl_delay(value: float | None) -> float:
    """The seconds of a `Crawl-delay` that are kept: 0 for none or for nonsense, at most MAX_CRAWL_DELAY."""
    if value is None or math.isnan(value) or value <= 0:
        return 0.0
    return min(value, MAX_CRAWL_DELAY)


def retry_after(value: str | None, now: dt.datetime) -> dt.timedelta | None:
    """What a `Retry-After` header asks for, as a time from now; None when absent, past or unreadable.

    Args:
        value: seconds, or an HTTP date.
        now: aware, in UTC.
    """
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return dt.timedelta(seconds=int(text)) or None
    try:
        moment = email.utils.parsedate_to_datetime(text)
        wait = moment.replace(tzinfo=moment.tzinfo or dt.UTC) - now
    except (TypeError, ValueError, OverflowError):
        return None
    return wait if wait > dt.timedelta() else None


@dataclass(slots=True)
class Turn:
    """One request's turn. Say what came of it with `answered`; a turn without an answer counts as slow."""

    _latency: float | None = None
    _good: bool = False

    def answered(self, latency: float | None, *, good: bool) -> None:
        """An answer came: seconds until it began, and whether it was a good one."""
        self._latency, self._good = latency, good


@dataclass(slots=True)
class _Host:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    free_since: float | None = None  # when the last answer was over
    crawl_delay: float = 0.0
    pause: float = 0.0
    factor: float = 1.0


class Turns:
    """Gives each request to a host its turn.

    Args:
        clock: seconds that only go up.
        sleep: waits for so many seconds.
        jitter: a number between its two arguments.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._clock, self._sleep, self._jitter = clock, sleep, jitter
        self._hosts: dict[str, _Host] = {}

    def crawl_delay(self, host: str, seconds: float) -> None:
        """From now on, at least so many seconds between two requests to this host."""
        state = self._hosts.setdefault(host, _Host())
        state.crawl_delay = max(state.crawl_delay, seconds)

    def pause(self, host: str, delay: float) -> float:
        """The pause before the next request, in seconds and before jitter."""
        state = self._hosts.setdefault(host, _Host())
        floor = max(delay, state.crawl_delay)
        return max(floor, state.pause) if floor else 0.0

    @contextlib.asynccontextmanager
    async def turn(self, host: str, delay: float) -> AsyncIterator[Turn]:
        """Wait for the turn, and hold it while the request is under way.

        The pause is counted from the end of the last answer, so a long download is followed by a whole one.

        Args:
            host: see `host_of`.
            delay: seconds that the source asks for; 0 (a server of one's own) is never slowed down.
        """
        state = self._hosts.setdefault(host, _Host())
        async with state.lock:
            if state.free_since is not None:
                wait = state.free_since + self.pause(host, delay) * state.factor - self._clock()
                if wait > 0:
                    await self._sleep(wait)
            started, turn = self._clock(), Turn()
            try:
                yield turn
            finally:
                state.free_since = self._clock()
                latency = turn._latency if turn._latency is not None else state.free_since - started
                floor = max(delay, state.crawl_delay)
                state.pause = slowed(max(state.pause, floor), floor, latency, good=turn._good)
                state.factor = self._jitter(1.0, JITTER)


TURNS = Turns()
"""Those of this process: whichever source's engine asks, a host sees one crawler."""
