"""Search a site for its entry points: interfaces, feeds, list pages, sitemaps; the best there are.

Begins with the clues of one page and asks for few others. What a source is made of them is in `discover.py`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from crawler.discovery.article_rule import choose_rule, list_rows
from crawler.discovery.conversation import BudgetSpentError, Fetch, FetchError
from crawler.discovery.page_clues import Clues, read_clues, site_root
from crawler.entry_points import EntryPointError, first_ask, read_entry_point
from crawler.entry_points.paging import numbered
from crawler.families import FAMILIES
from crawler.sniff import not_html
from crawler.urls import same_site
from hexapolis.errors import ExtractionError
from hexapolis.records import Ask, EntryPoint, Link, Page, Paging

MAX_SECTIONS = 5
MAX_FEEDS = 3
STALE = dt.timedelta(days=180)  # a feed whose newest item is older has been forgotten, as many are
_SYSTEMS = ("gkmlpt", "jpage", "jpaas")  # families that are read by a kind of entry point of their own
_NUMBERS = {"zero_based": 1, "one_based": 2}  # scheme → number of the second page
_GUESSED_FEEDS = ("/feed", "/rss.xml")
_FRONT = re.compile(r"/?(?:index|default|home)?(?:\.[a-z]{3,5})?", re.IGNORECASE)
_NEWEST_MAP = re.compile(r"news|post|article|xinwen|zixun", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """One entry point that offers articles."""

    entry: EntryPoint
    links: tuple[Link, ...]  # the articles it offers, as far as they were seen
    page_url: str = ""

    @property
    def newest(self) -> dt.date | None:
        """The newest date it states."""
        return max((link.listed_on for link in self.links if link.listed_on), default=None)


@dataclass(slots=True)
class EntrySearch:
    """One search on one site.

    Args:
        fetch: asks the site.
        start: the address where it begins.
        today: to tell a feed that has been forgotten.
        say: told what is being looked at.
        signs: publishing systems whose marks were seen.
        lists: addresses that are no articles; grows while lists are read.
        notes: what whoever adds the source should know; grows.
    """

    fetch: Fetch
    start: str
    today: dt.date
    say: Callable[[str], None]
    signs: tuple[str, ...] = ()
    lists: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    _tried: set[str] = field(default_factory=set)

    async def given(self, page: Page) -> list[Found]:
        """The address is that of a feed or sitemap itself."""
        feed = await self._read(EntryPoint("feed", page.requested_url), page)
        sitemap = None if feed else await self._read(EntryPoint("sitemap", page.requested_url), page)
        return [found for found in (feed, sitemap) if found]

    async def from_page(self, clues: Clues) -> list[Found]:
        """The best way to read the site, from the page it was given by."""
        front = _FRONT.fullmatch(urlsplit(clues.url).path) is not None
        ways: list[Callable[[], Awaitable[list[Found]]]] = [
            lambda: self._systems(clues),
            *([] if front else [lambda: self._lists_at([clues])]),
            lambda: self._interface(clues, front),
            lambda: self._feeds(clues.feeds),
            lambda: self._sections(clues),
            lambda: self._lists_at([clues]),
            lambda: self._feeds([urljoin(clues.url, path) for path in _GUESSED_FEEDS]),
            lambda: self._sitemaps(clues.url),
        ]
        stale: list[Found] = []
        for way in ways:
            found = await way()
            fresh = [one for one in found if one.newest is None or self.today - one.newest < STALE]
            if fresh:
                if not front and clues.feeds and fresh[0].entry.kind == "list":
                    self.notes.append(f"The site also names a feed: {clues.feeds[0]}")
                return fresh
            stale += found
        if stale:
            self.notes.append(f"Its newest article is of {stale[0].newest}: it may have been forgotten.")
        return stale[:1]

    async def _systems(self, clues: Clues) -> list[Found]:
        """Publishing systems that have an interface of their own."""
        found: list[Found] = []
        for system in _SYSTEMS:
            if system not in clues.signs:
                continue
            url = clues.url
            if system == "gkmlpt":
                named = (link.url for link in clues.links if "/gkmlpt/index" in link.url)
                url = (
                    clues.url if "/gkmlpt" in clues.url else next(named, urljoin(clues.url, "/gkmlpt/index"))
                )
            if one := await self._read(EntryPoint(system, url)):
                found.append(one)
        if found and "/gkmlpt" not in clues.url and found[0].entry.kind == "gkmlpt":
            found += await self._sections(clues)  # the portal's news are not on the disclosure platform
        return found

    async def _interface(self, clues: Clues, front: bool) -> list[Found]:
        if "wordpress" not in clues.signs or not front:
            return []
        found = await self._read(EntryPoint("wordpress", site_root(clues.url)))
        return [found] if found else []

    async def _feeds(self, urls: Iterable[str]) -> list[Found]:
        for url in list(urls)[:MAX_FEEDS]:
            found = await self._read(EntryPoint("feed", url)) if same_site(url, self.start) else None
            if found:
                return [found]  # the first is the site's own; others are its columns
        return []

    async def _sections(self, clues: Clues) -> list[Found]:
        """The columns of news and policy that the page's menu names."""
        pages: list[Clues] = []
        for link in clues.sections:
            if link.url in self.lists or len(pages) >= MAX_SECTIONS or not same_site(link.url, clues.url):
                continue
            self.lists.add(link.url)
            page = await self._ask(Ask(link.url))
            if page is None or not_html(page.body):
                continue
            try:
                pages.append(read_clues(page))
            except ExtractionError:
                continue
            self.lists.add(page.url)
        return await self._lists_at(pages)

    async def _lists_at(self, pages: Iterable[Clues]) -> list[Found]:
        found: list[Found] = []
        for clues in pages:
            rows = list_rows(clues, self.lists)
            if rows:
                paging = await self._paging(clues, rows) if not found else found[0].entry.paging
                found.append(Found(EntryPoint("list", clues.url, paging), rows, clues.url))
        return found

    async def _paging(self, clues: Clues, rows: tuple[Link, ...]) -> Paging:
        """How the list's second page is addressed: what gives other rows of the same kind is right."""
        rule = choose_rule(rows, clues.signs, ())
        preset = FAMILIES[(rule and rule.family) or "generic"].paging
        if clues.pages == 1 or preset not in ("none", *_NUMBERS):  # nothing to try it on
            return Paging(preset)
        for scheme, url in _second_pages(clues, preset):
            page = await self._ask(Ask(url))
            if page is None or not_html(page.body):
                continue
            try:
                second = list_rows(read_clues(page), self.lists)
            except ExtractionError:
                continue
            self.lists.add(page.url)
            if {link.url for link in second} - {link.url for link in rows}:
                return Paging(scheme)
        return Paging("none")

    async def _sitemaps(self, url: str) -> list[Found]:
        robots = await self._ask(Ask(urljoin(url, "/robots.txt")))
        text = robots.body.decode("utf-8", "replace") if robots and robots.status == 200 else ""
        named = re.findall(r"^\s*sitemap\s*:\s*(\S+)", text, re.IGNORECASE | re.MULTILINE)[:MAX_FEEDS]
        for address in [*sorted(named, key=_is_no_news_map), urljoin(url, "/sitemap.xml")]:
            found = await self._read(EntryPoint("sitemap", address)) if same_site(address, url) else None
            if found:
                return [found]
        return []

    async def _read(self, entry: EntryPoint, page: Page | None = None) -> Found | None:
        """The articles of an entry point, through the further pages that its first page asks for."""
        if entry.url in self._tried:
            return None
        self._tried.add(entry.url)
        ask, number, links = first_ask(entry), 1, []
        for _ in range(3):
            page = page or await self._ask(ask)
            if page is None:
                return None
            try:
                listing = read_entry_point(entry, page, number)
            except EntryPointError:
                return None
            links += [link for link in listing.links if same_site(link.url, entry.url)]
            if links or not listing.next_asks:
                break
            ask = min(listing.next_asks, key=lambda ask: _is_no_news_map(ask.url))
            number, page = number + 1, None
        return Found(entry, tuple(links), entry.url) if links else None

    async def _ask(self, ask: Ask) -> Page | None:
        """A page that answers with 200; None when it does not, with a note where the site refuses."""
        self.say(ask.url)
        try:
            page = await self.fetch(ask)
        except FetchError as error:
            if error.state in ("robots", "blocked") or isinstance(error, BudgetSpentError):
                self.notes.append(str(error))
            return None
        return page if page.status == 200 else None


def _second_pages(clues: Clues, preset: str) -> Iterator[tuple[str, str]]:
    """Where the second page of a list may be, by each scheme that there is reason to try."""
    stated = list(_NUMBERS) if (clues.pages or 0) > 1 else []
    for scheme in sorted({*stated, *({preset} & _NUMBERS.keys())}, key=lambda scheme: scheme != preset):
        yield scheme, numbered(clues.url, _NUMBERS[scheme])
    if clues.next_page:
        yield "next_link", clues.next_page


def _is_no_news_map(url: str) -> bool:
    return _NEWEST_MAP.search(urlsplit(url).path) is None
