"""Short conversations with a site outside a crawl: the shape of asking, and why an answer may not come.

Whoever asks (`discover`, the check of a catalogue) takes a `Fetch` and knows nothing of the network behind
it; `crawler/spiders/fetch.py` makes real ones. An answer with an error status is an answer: it comes as a
page.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

from hexapolis.errors import HexapolisError
from hexapolis.records import Ask, Page


class Fetch(Protocol):
    """Asks for one page, politely and under guard."""

    async def __call__(self, ask: Ask) -> Page:
        """The answer, whatever its status.

        Raises:
            FetchError: there is none; its class says why.
        """
        ...


class FetchError(HexapolisError):
    """No answer came that could be used.

    Args:
        url: what was asked for.
        reason: why, in a few words.
    """

    state: ClassVar[str] = "failed"  # what a check of sources calls it: failed, robots or blocked

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(f"{url}: {reason}")


class RobotsRefusedError(FetchError):
    """robots.txt does not allow the address."""

    state = "robots"


class PrivateAddressError(FetchError):
    """The safety guard refused to connect."""

    def __init__(self, url: str, host: str, address: str) -> None:
        self.host = host
        self.address = address
        where = host if host == address else f"{host} is at {address}, which"
        super().__init__(url, f"{where} is not a public address; it can be allowed with allow_hosts")


class OtherSiteError(FetchError):
    """A redirect leads to another site, or out of http and https."""


class NoAnswerError(FetchError):
    """Unknown host, refused connection, no answer in time, or one that broke off."""


class TooLargeError(FetchError):
    """The body is over the download limit."""


class LeftAloneError(FetchError):
    """The site has answered an earlier request with a challenge or a limit; nothing more is asked of it."""

    state = "blocked"


class BudgetSpentError(FetchError):
    """The conversation has sent as many requests as it may."""
