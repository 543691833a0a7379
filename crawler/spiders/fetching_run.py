"""What the middlewares and the run of a source know of each other."""

from __future__ import annotations

import datetime as dt
from typing import Protocol

from scrapy import Request
from scrapy.http import Response

from hexapolis.errors import ArchiveError, StoreError
from hexapolis.records import Page, Source
from store.cooldown import Strike


class FetchingRun(Protocol):
    """What the middlewares need of a run, and what they tell it.

    It may also have `robots_page(page)` and `hop_page(page)`, which get what is fetched beside entry points
    and articles.
    """

    source: Source
    stopped: str  # why nothing more is asked for; empty while it goes on
    error: Exception | None  # why nothing can be kept any more
    strike: Strike | None  # the refusal that stopped it
    good_hosts: set[str]  # hosts that gave a good answer


def page_of(response: Response, request: Request) -> Page:
    """An answer as a record."""
    hops = request.meta.get("redirect_urls")
    headers = tuple(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, values in response.headers.items()
        for value in values
    )
    requested = hops[0] if hops else request.url
    return Page(response.url, requested, response.status, headers, response.body, dt.datetime.now(dt.UTC))


def keep(run: FetchingRun, hook: str, page: Page) -> None:
    """Hand a page that is no entry point and no article to the run, where it wants such pages."""
    take = getattr(run, hook, None)
    if take is None:
        return
    try:
        take(page)
    except (StoreError, ArchiveError) as error:  # nothing can be kept: go no further
        run.error = run.error or error
        run.stopped = run.stopped or " ".join(str(error).split())
        raise
