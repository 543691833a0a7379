"""Turns the demo site's content into the bytes that its outlets send, for one day and one set of origins.

Not for serving: nothing here opens a socket. The whole of a day is rendered at once (under a hundred small
pages); only the calendar, which has no end, is made on demand (`endless_calendar.py`).
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jinja2

from demo.content import CHINA, FOLDER, DemoPage, outlets, pages

HTML = "text/html; charset=utf-8"
XML = "application/xml; charset=utf-8"
FIRST_DAY = dt.datetime(2024, 6, 18, 8, 0, tzinfo=CHINA)
"""Feeds and lists say they were built on this day, or two days later on day two."""

OLD_PORTAL_CHARSET = "gb18030"
"""What the bytes of the Wuhan outlet are; its pages declare gb2312 and its headers declare nothing."""

_environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(FOLDER / "templates"),
    autoescape=jinja2.select_autoescape(("html", "xml")),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Resource:
    """One answer of an outlet."""

    body: bytes
    content_type: str = HTML
    status: int = 200
    modified_at: dt.datetime | None = None

    @property
    def etag(self) -> str:
        """Strong validator of the bytes, quoted as HTTP wants it."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:20]}"'


def render(outlet: str, template: str, day: int, origin: str = "", **values: Any) -> bytes:
    """One template of an outlet as bytes in the charset that the outlet uses."""
    text = _environment.get_template(template).render(
        outlet=outlet,
        site=outlets()[outlet]["site"],
        layout=f"{outlet}/base.html",
        origin=origin,
        day=day,
        built_at=FIRST_DAY + dt.timedelta(days=2 * (day - 1)),
        **values,
    )
    return text.encode(OLD_PORTAL_CHARSET if outlet == "wh" else "utf-8")


def html_type(outlet: str) -> str:
    """The Content-Type of the outlet's pages; the old portal leaves the charset out."""
    return "text/html" if outlet == "wh" else HTML


def _page_templates(page: DemoPage) -> str:
    named = {"soft_404": "missing.html", "challenge": "challenge.html"}
    return f"{page.outlet}/{named.get(page.verdict, 'article.html')}"


def _related(page: DemoPage, all_pages: Sequence[DemoPage]) -> list[DemoPage]:
    """Four neighbours of the page, so that related links differ from page to page."""
    others = [p for p in all_pages if p.verdict == "article" and not p.robots and p.first_day == 1]
    start = next((i for i, p in enumerate(others) if p.path == page.path), 0)
    return [others[(start + step) % len(others)] for step in range(1, 5)]


def _lists(outlet: str, found: Sequence[DemoPage], day: int) -> Iterator[tuple[str, bytes]]:
    """The list pages of a portal: the first at its own address, the others numbered as its family does."""
    site = outlets()[outlet]["site"]
    stem, _, ending = str(site["list_path"]).rpartition(".")
    size = int(site["per_page"])
    chunks = [found[start : start + size] for start in range(0, len(found), size)]
    first_number = 1 if outlet == "bj" else 2  # TRS calls the second page index_1, the others call it _2
    addresses = [f"{stem}.{ending}", *(f"{stem}_{n + first_number}.{ending}" for n in range(len(chunks) - 1))]
    for number, (address, rows) in enumerate(zip(addresses, chunks, strict=True)):
        values: dict[str, Any] = {"rows": rows, "number": number, "addresses": addresses, "total": len(found)}
        yield address, render(outlet, f"{outlet}/list.html", day, **values)


def _sitemaps(found: Sequence[DemoPage], day: int, origin: str) -> dict[str, Resource]:
    """The English monitor has an index of two sitemaps: the newer half plain, the older half gzipped."""
    half = len(found) // 2
    newer = render("en", "sitemap.xml", day, origin, rows=found[:half])
    older = render("en", "sitemap.xml", day, origin, rows=found[half:])
    newest = [max(p.modified_at for p in part if p.modified_at) for part in (found[:half], found[half:])]
    parts = [("/sitemaps/briefs.xml", newest[0]), ("/sitemaps/archive.xml.gz", newest[1])]
    return {
        "/sitemap_index.xml": Resource(render("en", "sitemap_index.xml", day, origin, parts=parts), XML),
        "/sitemaps/briefs.xml": Resource(newer, XML),
        "/sitemaps/archive.xml.gz": Resource(gzip.compress(older, mtime=0), "application/gzip"),
    }


def render_outlet(outlet: str, day: int, origin: str) -> Mapping[str, Resource]:
    """Every fixed address of an outlet on that day (1 or 2), by path without query."""
    found = pages(outlet, day)
    html = html_type(outlet)
    resources: dict[str, Resource] = {}
    for page in found:
        body = render(outlet, _page_templates(page), day, origin, page=page, related=_related(page, found))
        resources[page.path] = Resource(body, html, modified_at=page.modified_at)
    if outlet in ("sz", "bj", "cd", "wh"):
        for address, body in _lists(outlet, found, day):
            resources[address] = Resource(body, html)
    if outlet in ("wire", "tech"):
        items = [(page, query) for page in found for query in page.campaigns or ("",)]
        feed = render(outlet, "rss.xml", day, origin, items=items)
        address = "/rss.xml" if outlet == "wire" else "/feed.xml"
        resources[address] = Resource(feed, "application/rss+xml; charset=utf-8")
    if outlet == "hk":
        atom = render(outlet, "atom.xml", day, origin, rows=found)
        resources["/atom.xml"] = Resource(atom, "application/atom+xml; charset=utf-8")
    if outlet == "en":
        resources.update(_sitemaps(found, day, origin))
    for address, template in (("/", "home.html"), ("/about.html", "about.html")):
        resources[address] = Resource(render(outlet, template, day, origin, rows=found), html)
    robots = render(outlet, "robots.txt", day, origin)
    resources["/robots.txt"] = Resource(robots, "text/plain; charset=utf-8")
    resources["/assets/site.css"] = Resource(render(outlet, "site.css", day), "text/css; charset=utf-8")
    return resources


def not_found(outlet: str) -> Resource:
    """The honest error page: status 404."""
    return Resource(render(outlet, "not_found.html", 1), html_type(outlet), 404)
