"""Whether a link is fetched. Data in, decision out; nothing here touches the network or the store."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

from crawler.urls import is_fetchable, same_site
from hexapolis.records import Link, Outcome, Source, Verdict
from store.pages import KnownPage

RETRY_AFTER = dt.timedelta(days=1)
"""A page that was not an article is looked at again after this time: stubs and error pages may become
articles.
"""

SETTLED = frozenset(
    {
        None,
        Verdict.ARTICLE,
        Verdict.LIST,
        Verdict.NOT_HTML,
        Verdict.PAYWALL,
        Verdict.STUB_DOCUMENT,
        Verdict.TOO_LARGE,
    }
)
"""Verdicts (None: archived, not read yet) that another visit would not change."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Fetch it, or the ledger's outcome and reason."""

    fetch: bool
    outcome: Outcome = Outcome.WAITING
    detail: str = ""


FETCH = Decision(True)


def follows_rule(
    link: Link,
    source: Source,
    entry_urls: Sequence[str],
    since: dt.date | None = None,
    until: dt.date | None = None,
) -> Decision:
    """Whether a link is one of the source's articles, by its address alone.

    Args:
        link: what the entry point offers.
        source: with the rule for article addresses; without one, every other page of the site counts.
        entry_urls: the addresses of the source's entry points.
        since: links with an earlier date beside them are left out.
        until: and those with a later one.
    """
    if reason := is_fetchable(link.url):
        return Decision(False, Outcome.FILTERED, reason)
    if source.article_url is None:
        if not any(same_site(link.url, entry) for entry in entry_urls):
            return Decision(False, Outcome.FILTERED, "another site")
    elif not re.search(source.article_url, link.url):
        return Decision(False, Outcome.FILTERED, "not an article address")
    elif "://" not in source.article_url and not any(same_site(link.url, entry) for entry in entry_urls):
        return Decision(False, Outcome.FILTERED, "another site")
    if since is not None and link.listed_on is not None and link.listed_on < since:
        return Decision(False, Outcome.FILTERED, f"listed on {link.listed_on}, before {since}")
    if until is not None and link.listed_on is not None and link.listed_on > until:
        return Decision(False, Outcome.FILTERED, f"listed on {link.listed_on}, after {until}")
    return FETCH


def is_new(link: Link, known: KnownPage | None, now: dt.datetime) -> Decision:
    """Whether an article's address has to be fetched, given what the store knows of it.

    A sitemap or feed that states a later time of change than it did when the page was fetched asks for
    another visit.
    """
    if known is None:
        return FETCH
    if link.modified_at is not None:
        earlier = known.modified_hint or known.fetched_at
        if link.modified_at > earlier:
            return FETCH
    if known.verdict in SETTLED:
        return Decision(False, Outcome.KNOWN)
    if known.status >= 500 or now - known.fetched_at >= RETRY_AFTER:
        return FETCH
    return Decision(False, Outcome.KNOWN, f"{known.verdict} when last fetched; tried again after a day")
