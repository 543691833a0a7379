"""Reading entry points: each kind is a function from the bytes of a page to the links that it offers.

Nothing here remembers anything: what a later page needs is in the entry, in the page's address or in its
number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    match entry.kind:
        case "json":
            from crawler.entry_points.json_list import ask_for

            return ask_for(entry, 1)
        case "wordpress":
            from crawler.entry_points.wordpress import wordpress_ask

            return wordpress_ask(entry, 1)
        case "gkmlpt":
            from crawler.entry_points.gkmlpt import first_gkmlpt_ask

            return first_gkmlpt_ask(entry)
        case _:
            return Ask(entry.url, referer=entry.referer)


def read_entry_point(entry: EntryPoint, page: Page, number: int) -> Listing:
    """The links of one page of an entry point, and the requests for the pages after it.

    Where no end is stated, the requests go on: whoever walks them minds the entry's limit of pages, and stops
    where a page is missing or offers only what others have offered.

    Args:
        entry: the catalogue's entry.
        page: what was fetched.
        number: which page of the entry point this is, counted from 1.

    Raises:
        EntryPointError: the page is not of the promised kind.
    """
    listing = _read(entry, page, number)
    if entry.referer is None:
        return listing
    asks = (ask if ask.referer else replace(ask, referer=entry.referer) for ask in listing.next_asks)
    return Listing(listing.links, tuple(asks))


def _read(entry: EntryPoint, page: Page, number: int) -> Listing:
    # Each reader is imported when it is needed: together they take half a second.
    match entry.kind:
        case "feed":
            from crawler.entry_points.feed import read_feed

            return read_feed(page)
        case "sitemap":
            from crawler.entry_points.sitemap import read_sitemap

            return read_sitemap(page)
        case "json":
            from crawler.entry_points.json_list import read_json_list

            return read_json_list(entry, page, number)
        case "wordpress":
            from crawler.entry_points.wordpress import read_wordpress

            return read_wordpress(entry, page, number)
        case "gkmlpt":
            from crawler.entry_points.gkmlpt import read_gkmlpt

            return read_gkmlpt(entry, page)
        case "jpaas":
            from crawler.entry_points.jpaas import read_jpaas

            return read_jpaas(entry, page)
        case "jpage":
            from crawler.entry_points.jpage import read_jpage

            return read_jpage(entry, page, number)
        case _:
            from crawler.entry_points.list_page import read_list_page

            return read_list_page(entry, page, number)
