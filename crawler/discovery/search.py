"""Find out how a site can be read: by feed, interface, list or sitemap, and which addresses are articles.

The answer is a proposal for the catalogue, tried on a few articles. Knows no network: it asks through the
`Fetch` it is given. Runs no scripts: a site whose lists are built in the browser is reported as one where
nothing was found.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from html import escape
from urllib.parse import urlsplit

from crawler.discovery.article_rule import Rule, choose_rule
from crawler.discovery.conversation import Fetch, FetchError
from crawler.discovery.entries import EntrySearch, Found
from crawler.discovery.page_clues import Clues, read_clues
from crawler.discovery.proposal import Proposal, Sample, source_id
from crawler.families import FAMILIES
from crawler.sniff import not_html
from hexapolis.errors import ExtractionError, HexapolisError
from hexapolis.records import Ask, Judgement, Link, Page, Selectors, Verdict

Judge = Callable[[Page, Selectors], Awaitable[Judgement]]
"""Reads a page as an article, under a limit of time."""

SAMPLES = 3

# What keeps a page from being a place to begin, in words for whoever gave its address.
_NO_PAGE = {
    Verdict.CHALLENGE: "answers with a bot check; the site does not want to be read by programs",
    Verdict.SOFT_404: "says that there is nothing here",
    Verdict.TOO_LARGE: "is too large to be read",
    Verdict.UNREADABLE: "cannot be read",
    Verdict.ERROR: "answers with an error",
}


class DiscoveryError(HexapolisError):
    """A site cannot be made a source; says why in one line."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(f"{url}: {reason}")


@dataclass(frozen=True, slots=True)
class Discovery:
    """One look at a site.

    Args:
        fetch: asks the site.
        judge: reads a page as an article.
        place_of: GB/T 2260 code of the city, and the scope, that a site's name and address speak of.
        today: to tell a feed that has been forgotten.
        taken: ids of sources that exist.
        say: told what is being looked at.
    """

    fetch: Fetch
    judge: Judge
    place_of: Callable[[str, str], tuple[str | None, str | None]]
    today: dt.date
    taken: Collection[str] = ()
    say: Callable[[str], None] = lambda text: None

    async def propose(self, url: str) -> Proposal:
        """Look at the site that begins at an address.

        Raises:
            FetchError: the address gives no answer.
            DiscoveryError: it answers, and nothing can be made of it.
        """
        self.say(url)
        page = await self.fetch(Ask(url))
        if page.status != 200:
            raise DiscoveryError(url, f"the site answers with status {page.status}")
        search = EntrySearch(self.fetch, page.url, self.today, self.say)
        kind = not_html(page.body)
        clues = None
        if kind is None:
            clues = await self._begin(page, search)
            found = await search.from_page(clues)
        elif kind.startswith("XML"):
            found = await search.given(page)
        else:
            raise DiscoveryError(url, f"this is a file ({kind}), not a page of links")
        if not found:
            raise DiscoveryError(url, _nothing(clues, search))
        return await self._proposal(page, clues, found, search)

    async def _begin(self, page: Page, search: EntrySearch) -> Clues:
        if not page.body.strip():
            raise DiscoveryError(page.url, "the page is empty (no bytes)")
        judgement = await self.judge(page, Selectors())
        if (words := _NO_PAGE.get(judgement.verdict)) is not None:
            raise DiscoveryError(page.url, f"the page {words} ({judgement.detail})")
        try:
            clues = read_clues(page)
        except ExtractionError as error:
            raise DiscoveryError(page.url, f"the page cannot be read: {error.detail}") from error
        if judgement.verdict is Verdict.EMPTY and not clues.links and not clues.scripts:
            raise DiscoveryError(page.url, f"the page is empty ({judgement.detail})")
        search.signs = clues.signs
        if judgement.verdict is not Verdict.ARTICLE:  # whoever gives an article means its site
            search.lists |= {page.requested_url, page.url}
        return clues

    async def _proposal(
        self, page: Page, clues: Clues | None, found: list[Found], search: EntrySearch
    ) -> Proposal:
        first = found[0]
        links = list({link.url: link for one in found for link in one.links}.values())
        lists = {*search.lists, *(one.entry.url for one in found)}
        rule = choose_rule(links, search.signs, lists)
        if rule is None:
            if first.entry.kind in ("list", "sitemap"):
                raise DiscoveryError(page.url, "its articles' addresses have no shape in common")
            rule = Rule(None, None, tuple(links), len(links))
            search.notes.append("The addresses have no shape in common, so every entry counts as an article.")
        else:
            what = rule.example or f"family {rule.family}"
            search.notes.append(f"{len(rule.links)} of {rule.of} links are articles by the rule: {what}")
        family = rule.family or next((sign for sign in search.signs if sign in FAMILIES), None)
        samples, content = await self._samples(rule, first, family, search)
        name = clues.site_name if clues else ""
        language = (clues.language if clues else "") or ""
        host = urlsplit(page.url).netloc
        code, scope = self.place_of(name, page.url)
        chinese = any("\u4e00" <= char <= "\u9fff" for char in name)
        return Proposal(
            id=source_id(page.url, self.taken),
            name=host if chinese or not name else name,
            name_zh=name if chinese else None,
            entry_points=tuple(one.entry for one in found),
            city_code=code,
            scope=scope,
            language=language if language in ("zh", "en") else _language(links),
            kind="government" if re.search(r"\.gov(?:\.[a-z]{2})?(?::|$)", host) else "media",
            family=family,
            article_url=rule.article_url,
            content=content,
            samples=samples,
            notes=tuple(dict.fromkeys(search.notes)),
        )

    async def _samples(
        self, rule: Rule, first: Found, family: str | None, search: EntrySearch
    ) -> tuple[tuple[Sample, ...], str]:
        """The newest articles, read; and how the source's content is to be taken."""
        newest = sorted(rule.links, key=lambda link: link.listed_on or dt.date.min, reverse=True)[:SAMPLES]
        preset = FAMILIES[family or "generic"]
        carried = bool(newest) and first.entry.kind != "list" and all(link.html for link in newest)
        selectors = preset.selectors
        samples = []
        if preset.content == "feed" and carried:  # its text is in the entry point, so no page is asked for
            for link in newest:
                page = _carried(link, first.page_url)
                samples.append(sample_of(page, await self.judge(page, Selectors()), link))
            return tuple(samples), "feed"
        if family == "substack":
            search.notes.append("Its terms allow the feed, but no crawling of pages.")
            left = (Sample(link.url, None, "not fetched", link.title, link.listed_on) for link in newest)
            return tuple(left), "headline"
        for link in newest:
            self.say(link.url)
            try:
                page = await self.fetch(Ask(link.url))
            except FetchError as error:
                samples.append(Sample(link.url, None, error.reason, link.title, link.listed_on))
                continue
            samples.append(sample_of(page, await self.judge(page, selectors), link))
        if carried and all(sample.verdict is None for sample in samples):
            search.notes.append("Its article pages cannot be read, but the entry point carries their text.")
            return tuple(samples), "feed"
        return tuple(samples), "page"


def sample_of(page: Page, judgement: Judgement, link: Link) -> Sample:
    """What a reader made of an article's page."""
    article = judgement.article
    published = article.published.value if article and article.published else link.listed_on
    return Sample(
        page.url,
        judgement.verdict.value,
        judgement.detail,
        article.title if article else link.title,
        published,
        len(article.text) if article else 0,
    )


def _nothing(clues: Clues | None, search: EntrySearch) -> str:
    """Why there is nothing to propose."""
    if clues is None:
        return "this is XML, but neither a feed nor a sitemap with articles of this site"
    said = "no feed, sitemap or list of articles was found"
    if clues.scripts and len(clues.links) < 10:
        said += (
            f"; the page has {clues.scripts} scripts and {len(clues.links)} links: its lists are likely "
            "built in the browser, which is not done here"
        )
    refused = "; ".join(note for note in search.notes)
    return f"{said} ({refused})" if refused else f"{said}; give the address of a page that lists articles"


def _carried(link: Link, source: str) -> Page:
    """An article as its entry point carries it, as a page that can be read."""
    title = escape(link.title or "")
    head = f"<html><head><title>{title}</title></head><body><h1>{title}</h1>"
    body = f"{head}<article>{link.html}</article></body></html>"
    header = ("Content-Type", "text/html; charset=utf-8")
    return Page(link.url, source, 200, (header,), body.encode("utf-8", "replace"), dt.datetime.now(dt.UTC))


def _language(links: Iterable[Link]) -> str:
    from crawler.language import detect_language

    return "en" if detect_language(" ".join(link.title or "" for link in links)) == "en" else "zh"
