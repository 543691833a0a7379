"""Choose the rule for a site's article addresses: a family's where it fits, else the shape of the addresses.

Pure. A rule has to take in most of the links that look like articles, and none of the list pages.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from crawler.discovery.page_clues import Clues
from crawler.discovery.url_shapes import shapes
from crawler.families import FAMILIES
from hexapolis.records import Link

MIN_ROWS = 4  # so many dated links of one shape make a list
MIN_UNDATED = 6  # and so many of one shape where no dates stand beside them
_SHARE = 0.5  # of the links that the rule has to take in
_BROAD = frozenset(
    {"wordpress", "substack"}
)  # their rules fit other sites, too: only with a sign in the page


@dataclass(frozen=True, slots=True)
class Rule:
    """Which addresses are articles."""

    family: str | None  # its rule is meant when `article_url` is None
    article_url: str | None
    links: tuple[Link, ...]  # those that it takes in
    of: int  # links that were looked at
    example: str = ""  # the shape in short

    def matches(self, url: str) -> bool:
        """Whether an address is an article by this rule; without a rule, every address is."""
        pattern = self.article_url or (FAMILIES[self.family].article_url if self.family else None)
        return pattern is None or re.search(pattern, url) is not None


def list_rows(clues: Clues, lists: Collection[str] = ()) -> tuple[Link, ...]:
    """The links of a page that are rows of a list of articles; empty if it is no list.

    Args:
        clues: of the page.
        lists: addresses that are known to be lists themselves.
    """
    dated = [link for link in clues.links if link.listed_on is not None]
    beside = [link for link in dated if link.url in clues.beside]
    others = {clues.url, *lists}
    for pool, least in ((beside, MIN_ROWS), (dated, MIN_ROWS), (clues.links, MIN_UNDATED)):
        rule = choose_rule(pool, clues.signs, others, share=0.0)
        if rule is not None and len(rule.links) >= least:
            # The same rule may find rows whose date stands elsewhere.
            return tuple(link for link in clues.links if rule.matches(link.url) and link.url not in others)
    return ()


def choose_rule(
    links: Sequence[Link], signs: Collection[str], lists: Collection[str], *, share: float = _SHARE
) -> Rule | None:
    """The rule that takes in most of the links, and none of the lists; None when nothing fits well.

    Args:
        links: of articles, mostly.
        signs: publishing systems whose marks are in the site's pages.
        lists: addresses of list pages, which no rule may take in.
        share: of the links that have to fit.
    """
    found: list[Rule] = []
    for name, family in FAMILIES.items():
        if family.article_url and (name not in _BROAD or name in signs):
            fitting = tuple(link for link in links if re.search(family.article_url, link.url))
            found.append(Rule(name, None, fitting, len(links)))
    by_url = {link.url: link for link in links}
    system = next((name for name in signs if name in FAMILIES), None)
    for shape in shapes(by_url):
        fitting = tuple(by_url[url] for url in shape.urls)
        found.append(Rule(system, shape.pattern, fitting, len(links), shape.example))
    # Of two that take in as many, the family comes first, and of families the one whose mark is there.
    found.sort(key=lambda rule: (-len(rule.links), rule.article_url is not None, rule.family not in signs))
    for rule in found:
        if rule.links and len(rule.links) >= share * len(links) and not any(map(rule.matches, lists)):
            return rule
    return None
