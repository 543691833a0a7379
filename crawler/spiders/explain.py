"""Why a request got no answer, in the ledger's words."""

from __future__ import annotations

from urllib.parse import urlsplit

from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
)
from twisted.python.failure import Failure

from crawler.guard import AddressGuard
from crawler.spiders.download import reason_of
from crawler.spiders.middlewares import HopRefused, RobotsRefused, RobotsUnreachable, RunStopped
from hexapolis.records import Outcome

_REASONS: dict[type[Exception], str] = {
    CannotResolveHostError: "the host name is unknown",
    DownloadConnectionRefusedError: "the connection was refused",
    DownloadTimeoutError: "no answer in time",
    DownloadCancelledError: "the body is larger than the download limit",
}


def explain(failure: Failure, guard: AddressGuard) -> tuple[Outcome, str]:
    """The ledger's outcome and reason for a request that got no answer."""
    error = failure.value
    assert error is not None
    parts = urlsplit(failure.request.url)  # type: ignore[attr-defined]  # Scrapy puts it there
    host = (parts.hostname or "").rstrip("."), parts.port or (443 if parts.scheme == "https" else 80)
    if isinstance(error, RobotsRefused):
        return Outcome.ROBOTS, str(error)
    if isinstance(error, HopRefused):
        return Outcome.FILTERED, str(error)
    if isinstance(error, RunStopped):
        return Outcome.BUDGET, str(error)
    if isinstance(error, RobotsUnreachable) and error.__cause__ is not None:
        outcome, reason = _explain(error.__cause__, host, guard)
        return outcome, reason if outcome is Outcome.FILTERED else f"{reason} (robots.txt)"
    return _explain(error, host, guard)


def _explain(error: BaseException, host: tuple[str, int], guard: AddressGuard) -> tuple[Outcome, str]:
    if host in guard.refused:
        return Outcome.FILTERED, f"{host[0]} is at {guard.refused[host]}, which is not a public address"
    if words := reason_of(error):
        return Outcome.FAILED, words
    for kind, reason in _REASONS.items():
        if isinstance(error, kind):
            return Outcome.FAILED, reason
    return Outcome.FAILED, " ".join(f"{type(error).__name__}: {error}".split())[:300]
