"""When a page was published (发布日期) and when its document was written (成文日期), and where each was read.

Order of trust: the source's own selector, JSON-LD, meta tags, a labelled visible line or a known id,
`<time>`, htmldate (only for pages that are not Chinese, and only a date that stands on the page in full), the
address. A date before 1990 or later than the day after fetching is refused, and the next place is asked.
Unknown is better than wrong: months without a day, years in a footer and dates of events are no dates of
publication.

Dates are calendar dates. A time with an offset keeps the date as written there; a UTC time (`Z`, `+00:00`,
seconds since 1970) on a Chinese-language page is converted to Asia/Shanghai: the sites write local time and
some templates print UTC. `FoundDate.at` is the moment, where a time with a known offset stands beside the
date. The visible places are in `date_lines`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import htmldate
from lxml.html import HtmlElement

from crawler.date_lines import FOOTER, LINE_MAX, WRITTEN_LABEL, after_label, is_signature, visible_moments
from crawler.date_text import SHANGHAI, Moment, read_dates, read_epoch, read_moments
from crawler.lines import clean_line
from crawler.metadata import Head
from hexapolis.records import DateSource, FoundDate

EARLIEST = dt.date(1990, 1, 1)

_META_PUBLISHED: tuple[str, ...] = (
    "pubdate",
    "firstpublishedtime",
    "article:published_time",
    *("publishdate", "publish_date", "publishtime", "publish_time", "pubtime", "datepublished"),
    *("og:published_time", "og:article:published_time", "og:release_date", "bytedance:published_time"),
    *("parsely-pub-date", "sailthru.date", "dc.date.issued", "dcterms.issued", "dcterms.created"),
    *("dc.date", "dc.date.created", "article.published", "published_time", "published-date"),
    *("publication_date", "publish-date", "weibo: article:create_at", "article:create_at", "releasedate"),
    *("release_date", "displaydate", "pdate", "date", "createdate", "maketime"),
)
_META_WRITTEN = ("cwrq", "writtendate", "dateofwriting", "成文日期")
_SIGNED_BEFORE = dt.timedelta(days=730)
_DAY_FIRST_LANGUAGES = (
    *("en-gb", "en-au", "en-nz", "en-in", "en-ie", "en-hk", "en-sg", "en-za", "fr", "de", "es", "it"),
)
_DAY_FIRST_HOST = r"^https?://[^/]+\.(?:uk|au|nz|in|ie|hk|sg|za)(?:[:/]|$)"

_URL_DATES = (
    re.compile(r"/t((?:19|20)\d{2})(\d{2})(\d{2})_\d+"),
    re.compile(r"[/_\-]((?:19|20)\d{2})[/\-_](\d{1,2})[/\-_](\d{1,2})(?=[/_\-.]|$)"),
    re.compile(r"[/_\-]((?:19|20)\d{2})[\-]?(0[1-9]|1[0-2])[/\-]?([0-2]\d|3[01])(?=[/_\-.]|$)"),
)


@dataclass(frozen=True, slots=True)
class Dates:
    """The two dates of a page; each unknown where nothing trustworthy says it."""

    published: FoundDate | None
    written: FoundDate | None


@dataclass(frozen=True, slots=True)
class DatePage:
    """What the search for dates looks at."""

    head: Head
    tree: HtmlElement
    lines: Sequence[str]  # visible text, one line a block
    title: str
    url: str
    fetched_at: dt.datetime
    chinese: bool  # the page's language is Chinese
    selected: str | None = None  # text that the source's own date selector found


def find_dates(page: DatePage) -> Dates:
    """The dates of publication and of writing; see the module's text for the order of trust."""
    latest = page.fetched_at.astimezone(SHANGHAI).date() + dt.timedelta(days=1)
    day_first = not page.chinese and _day_first(page.tree, page.url)

    def first(values: Iterable[Moment], source: DateSource) -> FoundDate | None:
        found = (FoundDate(m.day, source, m.at) for m in values if EARLIEST <= m.day <= latest)
        return next(found, None)

    def read(text: str) -> Iterator[Moment]:
        return read_moments(text, chinese=page.chinese, day_first=day_first)

    visible = visible_moments(page.tree, page.lines, page.title, chinese=page.chinese, day_first=day_first)
    published = (
        first(read(page.selected or ""), DateSource.VISIBLE)
        or first(_json_ld(page), DateSource.JSON_LD)
        or first(_meta(page, _META_PUBLISHED), DateSource.META)
        or first(visible, DateSource.VISIBLE)
        or first(_time_tags(page), DateSource.TIME_TAG)
        or first(_by_htmldate(page, latest), DateSource.HTMLDATE)
        or first((Moment(day, None) for day in url_dates(page.url)), DateSource.URL)
    )
    written = first(_meta(page, _META_WRITTEN), DateSource.META) or first(
        after_label(page.lines, WRITTEN_LABEL, read), DateSource.VISIBLE
    )
    return Dates(published, written)


def _day_first(tree: HtmlElement, url: str) -> bool:
    """Whether the page comes from where 03/05/2024 is in May: its language or its address says so."""
    language = (tree.get("lang") or "").lower().replace("_", "-")
    return language.startswith(_DAY_FIRST_LANGUAGES) or re.search(_DAY_FIRST_HOST, url) is not None


def signature_date(lines: Sequence[str], latest: dt.date) -> FoundDate | None:
    """The date of writing that stands under the issuer's name at the end of an official document (落款).

    Args:
        lines: the lines of the article.
        latest: the day of publication, or of fetching where that is unknown: nothing is signed later.
    """
    for previous, line in pairwise(lines):
        if not is_signature(previous, line):
            continue
        value = next(read_dates(line), None)
        if value is not None and max(EARLIEST, latest - _SIGNED_BEFORE) <= value <= latest:
            return FoundDate(value, DateSource.VISIBLE)
    return None


def _json_ld(page: DatePage) -> Iterator[Moment]:
    for key in ("datePublished", "dateCreated"):
        for item in page.head.json_ld:
            value = item.get(key)
            if moment := read_epoch(value, chinese=page.chinese):
                yield moment
            elif isinstance(value, str):
                yield from read_moments(value[:100], chinese=page.chinese)


def _meta(page: DatePage, names: Sequence[str]) -> Iterator[Moment]:
    for name in names:
        for content in page.head.meta.get(name, ()):
            if moment := read_epoch(content, chinese=page.chinese):
                yield moment
            # The first of two glued datetimes: the second is the moment of the last change.
            yield from read_moments(content[:100], chinese=page.chinese)


def _time_tags(page: DatePage) -> Iterator[Moment]:
    """`<time>` elements that are marked as publication, then the first one outside lists and links."""
    marked: list[str] = []
    plain: list[str] = []
    for element in page.tree.iter("time"):
        value = element.get("datetime") or clean_line(element.text_content())
        if element.get("pubdate") is not None or element.get("itemprop") == "datePublished":
            marked.append(value)
        elif not any(a.tag in ("li", "a", "aside", "nav", "footer") for a in element.iterancestors()):
            plain.append(value)
    for value in [*marked, *plain[:1]]:
        yield from read_moments(value[:100], chinese=page.chinese)


def _by_htmldate(page: DatePage, latest: dt.date) -> Iterator[Moment]:
    """What htmldate finds, if that very date stands on the page in full and outside the footer.

    Chinese pages are left out: htmldate reads 2024年3月15日 as the first of January, or as the footer's year.
    """
    if page.chinese:
        return
    written = {
        value for line in page.lines if not FOOTER.search(line) for value in read_dates(line[:LINE_MAX])
    }
    if len(written) != 1:
        return
    answer = htmldate.find_date(
        page.tree, extensive_search=False, original_date=True, max_date=latest.isoformat()
    )
    if answer:
        value = dt.date.fromisoformat(answer)
        if value in written:
            yield Moment(value, None)


def url_dates(url: str) -> Iterator[dt.date]:
    """Full dates in an address, such as `/2024/03/15/` or `/t20240315_1.html`; often a day or two off."""
    for pattern in _URL_DATES:
        for match in pattern.finditer(url):
            try:
                yield dt.date(int(match[1]), int(match[2]), int(match[3]))
            except ValueError:
                continue  # the digits are a number, not a day
