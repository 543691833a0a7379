"""Sitemaps and sitemap indexes (sitemaps.org protocol 0.9), plain or gzip, with Google's news dates.

XML, or text with one address a line, which the protocol allows, too.
"""

from __future__ import annotations

import codecs
import datetime as dt
import gzip
import io
import zlib
from itertools import islice
from urllib.parse import urljoin

from lxml import etree

from crawler.entry_points import EntryPointError, Listing
from hexapolis.records import Ask, Link, Page

CHINA = dt.timezone(dt.timedelta(hours=8))
MAX_BYTES = 52_428_800  # the protocol's limit for one uncompressed sitemap
MAX_URLS = 50_000  # the protocol's limit for one file


def read_sitemap(page: Page) -> Listing:
    """The addresses of a sitemap, or the sitemaps of an index as further pages.

    Raises:
        EntryPointError: not a sitemap, damaged gzip, or over the protocol's size.
    """
    body = _unpacked(page)
    if lines := _lines(body):
        return Listing(lines)
    # Entities and external files are never resolved: the body comes from a stranger.
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise EntryPointError(f"{page.url}: this is not a sitemap: {error}") from error
    if root is None or not isinstance(root.tag, str):
        raise EntryPointError(f"{page.url}: this is not a sitemap")
    kind = root.tag.rpartition("}")[2]
    if kind == "sitemapindex":
        return Listing(
            (),
            tuple(Ask(_address(page, node)) for node in root.iterfind("{*}sitemap") if _address(page, node)),
        )
    if kind != "urlset":
        raise EntryPointError(f"{page.url}: this is not a sitemap but <{kind}>")
    links: list[Link] = []
    for node in root.iterfind("{*}url"):
        if len(links) >= MAX_URLS:
            break
        if address := _address(page, node):
            title = _text(node, "{*}news/{*}title")
            published = _day(_text(node, "{*}news/{*}publication_date"))
            links.append(Link(address, title, published, _utc(_text(node, "{*}lastmod"))))
    return Listing(tuple(links))


def _lines(body: bytes) -> tuple[Link, ...]:
    """The addresses of a sitemap that is plain text; none when it begins with something else."""
    if not body[:1_000].removeprefix(codecs.BOM_UTF8).lstrip().startswith((b"http://", b"https://")):
        return ()
    lines = (line.decode("utf-8-sig", "replace").strip() for line in io.BytesIO(body))
    addresses = (line for line in lines if line.startswith(("http://", "https://")) and " " not in line)
    return tuple(map(Link, islice(addresses, MAX_URLS)))


def _unpacked(page: Page) -> bytes:
    if page.body[:2] != b"\x1f\x8b":
        return page.body
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(page.body)) as file:
            body = file.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise EntryPointError(f"{page.url}: damaged gzip: {error}") from error
    if len(body) > MAX_BYTES:
        raise EntryPointError(f"{page.url}: larger than {MAX_BYTES} bytes when unpacked")
    return body


def _text(node: etree._Element, path: str) -> str | None:
    try:
        return (node.findtext(path) or "").strip() or None
    except UnicodeDecodeError:  # half a surrogate pair, which lxml takes in and cannot give out
        return None


def _address(page: Page, node: etree._Element) -> str:
    address = _text(node, "{*}loc")
    try:
        return urljoin(page.url, address) if address else ""
    except ValueError:  # such as an IPv6 address without its closing bracket
        return ""


def _moment(value: str | None) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(value) if value else None
    except ValueError:
        return None


def _utc(value: str | None) -> dt.datetime | None:
    moment = _moment(value)
    if moment is None or moment.tzinfo is None:
        return moment.replace(tzinfo=dt.UTC) if moment else None
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError:
        return None


def _day(value: str | None) -> dt.date | None:
    """The day in China; a time without a zone is taken as the site's own."""
    moment = _moment(value)
    if moment is None or moment.tzinfo is None:
        return moment.date() if moment else None
    try:
        return moment.astimezone(CHINA).date()
    except OverflowError:
        return None
