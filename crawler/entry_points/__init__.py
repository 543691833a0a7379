"""Reading entry points: feeds, sitemaps and list pages, each a function from bytes to the links it offers."""

from __future__ import annotations

from dataclasses import dataclass

from hexapolis.errors import HexapolisError
from hexapolis.records import Ask, EntryPoint, Link, Page


class EntryPointError(HexapolisError):
    """An entry point answered, but not with what it is said to be."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What one page of an entry point offers."""

    links: tuple[Link, ...]
    next_asks: tuple[Ask, ...] = ()  # further pages of the same entry point


def first_ask(entry: EntryPoint) -> Ask:
    """The request that an entry point begins with."""
    return Ask(entry.url)


def read_entry_point(entry: EntryPoint, page: Page, number: int) -> Listing:
    """The links of one page of an entry point.

    Args:
        entry: the catalogue's entry.
        page: what was fetched.
        number: which page of the entry point this is, counted from 1.

    Raises:
        EntryPointError: the page is not of the promised kind.
    """
    if entry.kind == "feed":
        from crawler.entry_points.feed import read_feed

        return read_feed(page)
    if entry.kind == "sitemap":
        from crawler.entry_points.sitemap import read_sitemap

        return read_sitemap(page)
    from crawler.entry_points.list_page import read_list_page

    return read_list_page(entry, page, number)
