"""The one door to the network: every request of a crawl, whatever made it, goes out through here.

It waits for its host's turn, looks once more whether the run still goes on, and turns what goes wrong into a
reason for the ledger. Not here: which requests are made at all (`middlewares.py`), and which addresses may be
connected to (`crawler/guard.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from OpenSSL import SSL
from scrapy import Request
from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
    _LenientHTTPClientParser,
)
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from scrapy.http import Response
from twisted.internet.error import ConnectError
from twisted.web._newclient import ParseError

from crawler.inflate import InflateError
from crawler.spiders.throttle import TURNS, host_of
from crawler.spiders.tls import CertificateRefused, TlsPolicy

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from twisted.internet.interfaces import IAddress
    from twisted.web.iweb import IPolicyForHTTPS

    from crawler.spiders.recorder import RunLedger

MAX_HEADER_BYTES = 262_144
"""Bytes of status line and headers, those of interim answers too. Browsers stop at a quarter of a million."""

MAX_HEADER_LINE = 65_536  # bytes


class RunStopped(IgnoreRequest):
    """The run of this source is over; the request was waiting."""


class AnswerRefused(Exception):  # noqa: N818 - the ledger's word for it
    """The server's answer cannot be used, and would not be better the next time; says why."""


class ConnectionBroken(DownloadFailedError):  # noqa: N818 - as above
    """The connection ended before the answer; another one may hold."""


class BodyCut(ResponseDataLossError):  # noqa: N818 - as above
    """The connection ended before the body; another one may hold."""


class Download(HTTP11DownloadHandler):
    """Scrapy's HTTP/1.1 client, with turns, a limit on headers, and certificates that are checked."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._run: RunLedger = crawler.spider.run  # type: ignore[union-attr]
        polite = self._run.source.politeness
        self._delay = polite.delay
        self._contextFactory = cast("IPolicyForHTTPS", TlsPolicy(p256=polite.tls_p256))
        self._pool._factory = _Factory

    async def download_request(self, request: Request) -> Response:
        """Fetch when it is the host's turn.

        Raises:
            RunStopped: the run was stopped while the request waited.
            CertificateRefused, AnswerRefused: no usable answer; asking again would not help.
            ConnectionBroken, BodyCut, Scrapy's own errors: no answer; it may go better the next time.
        """
        self._check()
        async with TURNS.turn(host_of(request.url), self._delay) as turn:
            self._check()
            try:
                response = await super().download_request(request)
            except DownloadFailedError as error:
                raise _lasting(error) or ConnectionBroken("the connection was lost") from error
            except ResponseDataLossError as error:
                raise BodyCut("the body ended early") from error
            turn.answered(request.meta.get("download_latency"), good=response.status < 400)
            return response

    def _check(self) -> None:
        if self._run.stopped:
            raise RunStopped(self._run.stopped)


class _Parser(_LenientHTTPClientParser):
    """Gives up on an answer whose headers have no end."""

    MAX_LENGTH = MAX_HEADER_LINE
    _head = 0  # bytes of the lines of the head so far

    def lineReceived(self, line: bytes) -> None:  # noqa: N802 - Twisted's interface
        self._head += len(line) + len(self.delimiter)
        if self._head > MAX_HEADER_BYTES:
            raise AnswerRefused(f"the headers are longer than {MAX_HEADER_BYTES} bytes")
        super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802 - Twisted's interface
        raise AnswerRefused(f"a line of the headers is longer than {MAX_HEADER_LINE} bytes")


class _Protocol(_LenientHTTP11ClientProtocol):
    """Reads answers with our parser."""

    def request(self, request: Any) -> Any:
        answer = super().request(request)
        assert self._parser is not None
        self._parser.__class__ = _Parser  # Scrapy puts its own there in the same way; there is no other
        return answer


class _Factory(_LenientHTTP11ClientFactory):
    def buildProtocol(self, addr: IAddress | None) -> _Protocol:  # noqa: N802 - Twisted's interface
        return _Protocol(self._quiescentCallback)


def _lasting(error: DownloadFailedError) -> Exception | None:
    """What made the download fail, where it would fail again."""
    for cause in _causes(error):
        if isinstance(cause, (CertificateRefused, AnswerRefused)):
            return cause
        if isinstance(cause, SSL.Error):
            return AnswerRefused(f"no secure connection: {_openssl_words(cause)}")
        if isinstance(cause, (ParseError, ValueError)):
            return AnswerRefused("the answer is not HTTP")
    return None


def _causes(error: BaseException) -> list[BaseException]:
    """The errors inside an error of Twisted's client."""
    found = []
    for failure in getattr(error.__cause__, "reasons", ()):
        found.append(failure.value)
        found += _causes_of(failure.value)
    return found


def _causes_of(error: BaseException) -> list[BaseException]:
    return [inner.value for inner in getattr(error, "reasons", ())]


def _openssl_words(error: SSL.Error) -> str:
    """The words of OpenSSL's last error, such as `sslv3 alert handshake failure`."""
    errors = error.args[0] if error.args and isinstance(error.args[0], (list, tuple)) else []
    words = [str(entry[-1]) for entry in errors if isinstance(entry, tuple) and entry]
    return words[-1] if words else "the handshake failed"


_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (CannotResolveHostError, "the host name is unknown"),
    (DownloadConnectionRefusedError, "the connection was refused"),
    (DownloadTimeoutError, "no answer in time"),
    (DownloadCancelledError, "the body is larger than the download limit"),
    (ConnectError, "the host cannot be reached"),
)


def reason_of(error: BaseException) -> str | None:
    """Why a request got no usable answer, in words for the ledger; None for an error of another kind."""
    if isinstance(error, (CertificateRefused, AnswerRefused, ConnectionBroken, BodyCut, InflateError)):
        return str(error)
    return next((words for kind, words in _WORDS if isinstance(error, kind)), None)
