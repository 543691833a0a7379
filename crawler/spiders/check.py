"""Check entry points of the catalogue: read each as a crawl would, one or two pages, and one of its articles.

Nothing is stored, so a check may run at any time, beside a crawl in another process too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from crawler.discovery.conversation import Fetch, FetchError
from crawler.discovery.proposal import Sample
from crawler.discovery.search import Judge, sample_of
from crawler.discovery.url_shapes import shapes
from crawler.entry_points import EntryPointError, first_ask, read_entry_point
from crawler.spiders.decide import follows_rule
from crawler.spiders.fetch import BUDGET
from crawler.urls import same_host, url_identity
from hexapolis.records import Ask, EntryPoint, Link, Page, Selectors, Source, Verdict
from store.results import BLOCKED_STATUSES

ASKS = 4  # requests of one entry point, its sample included: robots.txt and redirects come on top
PAGES = 2  # pages with links that are read


@dataclass(frozen=True, slots=True)
class EntryCheck:
    """What one entry point gave."""

    source: str
    kind: str
    url: str
    state: str = "ok"  # ok, empty, no match, blocked, robots, failed
    reason: str = ""
    status: int | None = None  # of its first page
    pages: int = 0  # that were read
    links: int = 0
    matching: int = 0  # links that are articles by the source's rule
    unknown: int | None = None  # of those, how many the store does not have; None: there is no store
    newest: dt.date | None = None
    title: str | None = None  # of the first article in the list
    sample: Sample | None = None


def requests_of(source: Source) -> int:
    """How many requests the check of a source may send."""
    return max(BUDGET, 2 * ASKS * len(source.entry_points))


async def check_source(
    fetch: Fetch,
    source: Source,
    judge: Judge,
    known: Callable[[Collection[str]], Collection[str]] | None,
    done: Callable[[EntryCheck], None] = lambda check: None,
) -> list[EntryCheck]:
    """Check the entry points of one source, one after the other.

    Args:
        fetch: asks the site.
        source: from the catalogue.
        judge: reads a page as an article.
        known: which of these keys (`url_identity`) the store has; None where there is no store.
        done: told of each result.
    """
    checks = []
    for entry in source.entry_points:
        checks.append(await _check_entry(fetch, source, entry, judge, known))
        done(checks[-1])
    return checks


async def _check_entry(
    fetch: Fetch,
    source: Source,
    entry: EntryPoint,
    judge: Judge,
    known: Callable[[Collection[str]], Collection[str]] | None,
) -> EntryCheck:
    check = EntryCheck(source.id, entry.kind, entry.url)
    links: dict[str, Link] = {}
    ask, number = first_ask(entry), 1
    while number < ASKS and check.pages < PAGES:
        try:
            page = await fetch(ask)
        except FetchError as error:
            if number > 1:  # the list itself was read
                check = replace(check, reason=f"page {number}: {error.reason}")
                break
            return replace(check, state=error.state, reason=error.reason)
        if number == 1:
            check = replace(check, status=page.status)
        if page.status != 200:
            if number > 1:
                check = replace(check, reason=f"page {number} answers with status {page.status}")
                break
            state = "blocked" if page.status in BLOCKED_STATUSES else "failed"
            return replace(check, state=state, reason=f"status {page.status}")
        try:
            listing = read_entry_point(entry, page, number)
        except EntryPointError as error:
            reason = str(error).removeprefix(f"{page.url}: ")
            return await _unreadable(check, page, judge, f"page {number}: {reason}" if number > 1 else reason)
        further = {url_identity(ask.url) for ask in listing.next_asks}
        fresh = {key: link for link in listing.links if (key := url_identity(link.url)) not in further}
        if number > 1 and links and not fresh.keys() - links.keys():
            check = replace(check, reason=f"page {number} offers only what page 1 has")
            break
        links |= {key: link for key, link in fresh.items() if key not in links}
        check = replace(check, pages=check.pages + bool(fresh) if number > 1 else int(bool(fresh)))
        if number == 1 and not fresh and not listing.next_asks:
            return await _unreadable(replace(check, state="empty"), page, judge, "no links")
        if not listing.next_asks or not same_host(listing.next_asks[0].url, entry.url):
            break
        ask, number = listing.next_asks[0], number + 1
    if not links:
        return replace(check, state="empty", reason=check.reason or "no links")
    return await _weighed(replace(check, links=len(links)), links, fetch, source, judge, known)


async def _unreadable(check: EntryCheck, page: Page, judge: Judge, reason: str) -> EntryCheck:
    """A page without links may be a bot check; then it says so."""
    judgement = await judge(page, Selectors())
    state = "empty" if check.state == "empty" or judgement.verdict is Verdict.EMPTY else "failed"
    if judgement.verdict is Verdict.CHALLENGE:
        return replace(check, state="blocked", reason=f"a bot check ({judgement.detail})")
    if judgement.verdict not in (Verdict.ARTICLE, Verdict.LIST, Verdict.NOT_HTML):
        reason += f"; the page is {judgement.verdict.value}: {judgement.detail}"
    return replace(check, state=state, reason=reason)


async def _weighed(
    check: EntryCheck,
    links: dict[str, Link],
    fetch: Fetch,
    source: Source,
    judge: Judge,
    known: Callable[[Collection[str]], Collection[str]] | None,
) -> EntryCheck:
    """The links held against the source's rule, and one of the articles."""
    entry_urls = [entry.url for entry in source.entry_points]
    articles = {key: link for key, link in links.items() if follows_rule(link, source, entry_urls).fetch}
    check = replace(
        check,
        matching=len(articles),
        unknown=len(articles) - len(set(known(list(articles)))) if known is not None else None,
        newest=max((link.listed_on for link in articles.values() if link.listed_on), default=None),
        title=next((link.title for link in articles.values() if link.title), None),
    )
    if not articles:
        return replace(check, state="no match", reason=_shape_of(list(links.values())))
    if source.content != "page":  # no article page is asked for
        return check
    link = next(iter(articles.values()))
    try:
        page = await fetch(Ask(link.url))
    except FetchError as error:
        sample = Sample(link.url, None, error.reason, link.title, link.listed_on)
        return replace(check, sample=sample, state=error.state, reason=f"its article: {error.reason}")
    sample = sample_of(page, await judge(page, source.selectors), link)
    check = replace(check, sample=sample)
    if page.status in BLOCKED_STATUSES or sample.verdict == Verdict.CHALLENGE:
        return replace(check, state="blocked", reason=f"its article: {sample.detail}")
    if sample.verdict != Verdict.ARTICLE and not check.reason:
        return replace(check, reason=f"its article reads as {sample.verdict}: {sample.detail}")
    return check


def _shape_of(links: Sequence[Link]) -> str:
    """What the links look like that the rule does not take in."""
    common = shapes(link.url for link in links)
    if not common:
        return "the rule takes in none of the links, and none looks like an article's address"
    shape = f"{common[0].example} ({len(common[0].urls)})"
    return f"the rule takes in none of the links; the commonest shape is {shape}"
