"""What one page tells about its site: name, language, feeds, publishing system, and links with their dates.

Pure: bytes in, clues out. What they amount to is decided in `discover.py`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urljoin, urlsplit

from lxml import html as lxml_html
from lxml.etree import ParserError
from lxml.html import HtmlElement

from crawler.date_text import read_dates
from crawler.decode import decode
from crawler.discovery.url_shapes import stated_day
from crawler.entry_points.paging import next_page_url, stated_pages
from crawler.html_bytes import html_bytes
from crawler.language import detect_language
from crawler.lines import clean_line
from crawler.metadata import absolute_link, read_head, site_names
from crawler.titles import strip_site_name
from crawler.urls import is_fetchable, same_site
from hexapolis.errors import ExtractionError
from hexapolis.records import Link, Page, Paging

MAX_LINKS = 3_000
_FEED_TYPES = ("application/rss+xml", "application/atom+xml", "application/rdf+xml")
_ROW_TAGS = frozenset({"li", "tr", "dd", "dt", "article", "p", "div", "section"})
_ROW_ELEMENTS = 60  # a row is small
_ROW_LINKS = 3  # a row holds its article's link, perhaps with a picture's and a column's
_TITLE_PARTS = re.compile(r"\s*[_|｜]\s*|\s+[-–—]+\s+|(?<=\W)-|-(?=[\u4e00-\u9fff])")
_FRONT_PAGE = re.compile(r"首\s*页|主\s*页|home\s*page|home|index|欢迎.*", re.IGNORECASE)

# A column of news or of policy, by the text of the link that leads to it.
_SECTION = re.compile(
    r"新闻(?:中心|动态|资讯)?|[\u4e00-\u9fff]{0,4}要闻|今日[\u4e00-\u9fff]{2}|[\u4e00-\u9fff]{0,6}动态|通知公告|公示公告|公告公示"
    r"|政策(?:文件|法规|解读|发布|库)?|规范性文件|政务公开|政府信息公开|信息公开|[\u4e00-\u9fff]{0,2}文件(?:库)?|科技(?:创新|新闻)?"
    r"|人工智能|数字经济|latest(?: news)?|news(?:room)?|policy|policies|press(?: releases?)?|announcements?"
    r"|tech(?:nology)?|science(?: & tech(?:nology)?)?|business|innovation|ai|blog|stories|articles",
    re.IGNORECASE,
)

# Signs of a publishing system that the page's source carries, surest first: family, then the pattern.
_SIGNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("gkmlpt", re.compile(r"window\._CONFIG\s*=|/gkmlpt/", re.IGNORECASE)),
    ("jpage", re.compile(r"<recordset\b|/module/(?:web/)?jpage/dataproxy\.jsp|jpage_config", re.IGNORECASE)),
    ("jpaas", re.compile(r"jpaas-publish-server|\bqueryData\s*=|queryData=", re.IGNORECASE)),
    ("wordpress", re.compile(r"/wp-content/|/wp-json/|<meta[^>]{0,80}\bWordPress\b", re.IGNORECASE)),
    ("substack", re.compile(r"substackcdn\.com", re.IGNORECASE)),
    ("trs", re.compile(r"\bcreatePageHTML\s*\(|\bcreatePage\s*\(|TRS_(?:Editor|UEDITOR)", re.IGNORECASE)),
    ("ucap", re.compile(r"\bucap(?:-content|crawler)\b|/common_list(?:_\d+)?\.shtml", re.IGNORECASE)),
    ("nfcms", re.compile(r"/content/m?post_\d+\.html|\bNFCMS\b", re.IGNORECASE)),
)


@dataclass(frozen=True, slots=True)
class Clues:
    """What a page tells."""

    url: str
    site_name: str
    language: str  # zh, en or another code; und: too little text to say
    signs: tuple[str, ...]  # publishing systems whose marks are in the source
    feeds: tuple[str, ...]
    links: tuple[Link, ...]  # to pages of this site, each once; `listed_on`: the date beside it or in it
    beside: frozenset[str]  # addresses of those links that have a date beside them
    sections: tuple[Link, ...]  # links whose text names a column of news or policy
    next_page: str | None  # where its link to the next page goes
    pages: int | None  # how many pages its pager states
    scripts: int  # number of scripts


def read_clues(page: Page) -> Clues:
    """Read a page.

    Raises:
        ExtractionError: it has no HTML.
    """
    text = decode(page.body, page.header("content-type")).text
    try:
        root = lxml_html.document_fromstring(
            html_bytes(text),
            parser=lxml_html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True),
        )
    except (ParserError, ValueError) as error:
        raise ExtractionError("no_text", f"no HTML in the page ({error})") from error
    base_node = root.find(".//base[@href]")
    base = absolute_link(base_node.get("href", ""), page.url) if base_node is not None else None
    base = base or page.url
    links: dict[str, Link] = {}
    beside: set[str] = set()
    for url, title, day in islice(_links(root, base, page.url), MAX_LINKS):
        known = links.get(url)
        if day is not None:
            beside.add(url)
        if known is None or (known.listed_on is None and day is not None):
            title = title or (known.title if known else None) or ""
            links[url] = Link(url, title or None, day or stated_day(url))
    return Clues(
        page.url,
        _site_name(root),
        _language(root),
        tuple(name for name, sign in _SIGNS if sign.search(text)),
        tuple(dict.fromkeys(_feeds(root, base))),
        tuple(links.values()),
        frozenset(beside),
        _sections(links.values(), page.url),
        next_page_url(Paging("next_link"), page.url, page.url, base, 1, root, text),
        stated_pages(text),
        sum(1 for _ in root.iter("script")),
    )


def _links(root: HtmlElement, base: str, page_url: str) -> Iterator[tuple[str, str, dt.date | None]]:
    for anchor in root.iter("a"):
        url = absolute_link(anchor.get("href") or "", base)
        if url is None or is_fetchable(url) or not same_site(url, page_url):
            continue
        title = clean_line(anchor.get("title") or anchor.text_content())
        yield url.partition("#")[0], title, _date_beside(anchor)


def _date_beside(anchor: HtmlElement) -> dt.date | None:
    """The date in the smallest row around a link that holds hardly any other link."""
    for node in islice(anchor.iterancestors(), 6):
        if node.tag not in _ROW_TAGS:
            continue
        inside = list(islice(node.iter(), _ROW_ELEMENTS + 1))
        if len(inside) > _ROW_ELEMENTS or len({e.get("href") for e in inside if e.tag == "a"}) > _ROW_LINKS:
            return None
        for moment in node.iter("time"):
            if day := next(read_dates(moment.get("datetime") or ""), None):
                return day
        if day := next(read_dates(" ".join(islice(node.itertext(), 200))[:2_000]), None):
            return day
    return None


def _feeds(root: HtmlElement, base: str) -> Iterator[str]:
    for node in root.iter("link"):
        rel = (node.get("rel") or "").lower().split()
        kind = (node.get("type") or "").lower().split(";")[0].strip()
        href = node.get("href") or ""
        if "alternate" not in rel or kind not in _FEED_TYPES or "/comments/" in href:
            continue
        if url := absolute_link(href, base):
            yield url


def _site_name(root: HtmlElement) -> str:
    """As the head states it; else the part of the title that is not the page's own."""
    declared = site_names(read_head(root))
    if declared:
        return declared[0][:100]
    title = clean_line(next((e.text_content() for e in root.iter("title")), ""))
    parts = [part for part in _TITLE_PARTS.split(title) if part and not _FRONT_PAGE.fullmatch(part)]
    return (parts[-1] if parts else strip_site_name(title))[:100]


def _language(root: HtmlElement) -> str:
    words = " ".join(islice(_visible(root), 2_000))
    found = detect_language(words)
    if found != "und":
        return found
    return (root.get("lang") or "und").lower()[:2]


def _visible(root: HtmlElement) -> Iterator[str]:
    for node in root.iter():
        hidden = not isinstance(node.tag, str) or node.tag in ("script", "style", "noscript", "template")
        if not hidden and node.text and (text := node.text.strip()):
            yield text


def _sections(links: Iterable[Link], page_url: str) -> tuple[Link, ...]:
    here = page_url.partition("#")[0]
    return tuple(
        link
        for link in links
        if link.title and link.url != here and _SECTION.fullmatch(link.title) and urlsplit(link.url).path
    )


def site_root(url: str) -> str:
    """The address of a site's front page."""
    return urljoin(url, "/")
