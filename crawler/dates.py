"""When a page was published (发布日期) and when its document was written (成文日期), and where each was read.

Order of trust: the source's own selector, JSON-LD, meta tags, a labelled visible line or a known id,
`<time>`, htmldate (only for pages that are not Chinese, and only a date that stands on the page in full), the
address. A date before 1990 or later than the day after fetching is refused, and the next place is asked.
Unknown is better than wrong: months without a day, years in a footer and dates of events are no dates of
publication.

Dates are calendar dates. A time with an offset keeps the date as written there; a UTC time (`Z`, `+00:00`) on
a Chinese-language page is converted to Asia/Shanghai: the sites write local time and some templates print
UTC.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import htmldate
from lxml.html import HtmlElement

from crawler.date_text import SHANGHAI, date_matches, in_words, read_dates, without_dates
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
    *("publication_date", "weibo: article:create_at", "article:create_at", "releasedate", "release_date"),
    *("displaydate", "pdate", "date", "createdate", "maketime"),
)
_META_WRITTEN = ("cwrq", "writtendate", "dateofwriting", "成文日期")
_IDS: tuple[str, ...] = (
    *("pubtime_baidu", "pubtime", "publish_time", "pub_date", "publishtime", "publish-time", "pubdate"),
    *("artibodytime", "post-date"),
)
_CLASSES: tuple[str, ...] = (
    *("pubtime", "pub-time", "pub_time", "publish-time", "publish_time", "pubdate", "pub-date", "post-time"),
    *("post-date", "entry-date", "article-time", "article-date", "article_date", "date-published"),
    *("timestamp", "published"),
)

_PUBLISHED_LABEL = re.compile(
    r"(?:发\s?布\s?时\s?间|发\s?布\s?日\s?期|发文时间|发文日期|发表时间|发表日期|发表于|发布于|公开日期"
    r"|公开时间|公布日期|公布时间|刊发时间|上网时间|录入时间"
    r"|Published(?:\s+on)?|Publication date|Date published|Posted(?:\s+on)?|First published"
    r"|Release date)\s*[】\]]?\s*[:：|]?\s*",
    re.IGNORECASE,
)
_WRITTEN_LABEL = re.compile(
    r"(?:成\s?文\s?日\s?期|成\s?文\s?时\s?间|制发日期|生成日期|签发日期|发文成文日期)\s*[】\]]?\s*[:：|]?\s*"
)
# Weak labels also stand before dates of events, so they count only just under the title or beside a source.
_WEAK_LABEL = re.compile(
    r"(?:^|[\s|｜(（【\[])(?:时\s*间|日\s*期|Date|Time)\s*[】\]]?\s*[:：]\s*", re.IGNORECASE
)
_UPDATED_LABEL = re.compile(
    r"(?:更新时间|更新日期|更新于|最后更新|(?:Last )?Updated(?:\s+on)?)\s*[】\]]?\s*[:：]?\s*", re.IGNORECASE
)
_BESIDE_SOURCE = re.compile(r"来源|作者|浏览|字号|字体|编辑|点击|阅读|评论|Source|By ")
_FOOTER = re.compile(r"©|版权所有|copyright|all rights reserved|ICP备|\(c\)", re.IGNORECASE)
_TIME_OF_DAY = re.compile(r"(?<!\d)[0-2]?\d:[0-5]\d")
_WEEKDAY = re.compile(
    r"[\W\d_]|(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?|[AP]\.?M\.?|星期.",
    re.IGNORECASE,
)
_DATELINE_REST_MAX = 12  # characters
_NEAR_TITLE = 8  # lines after the title in which its own date stands
_NEAR_LINE_MAX = 90
# What ends the line above a signature's date: a body's name, or an office with the name of its holder.
_SIGNER = re.compile(
    r"(?:政府|委员会|办公厅|办公室|局|厅|部|院|中心|委|会|处|署|办|所|公司|大学|学院|银行|管委会"
    r"|领导小组)\s*(?:[(（].{0,30}[)）])?$"
    r"|[市省区县州局厅]\s*长\s*[:：]?\s*[\u4e00-\u9fff·\s]{2,10}$"
)
_SIGNER_MAX = 60  # characters
_SIGNED_BEFORE = dt.timedelta(days=730)
_LINE_MAX = 400  # characters of a line in which a label is believed

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

    def first(values: Iterable[dt.date], source: DateSource) -> FoundDate | None:
        return next((FoundDate(value, source) for value in values if EARLIEST <= value <= latest), None)

    published = (
        first(read_dates(page.selected or "", chinese=page.chinese), DateSource.VISIBLE)
        or first(_json_ld(page), DateSource.JSON_LD)
        or first(_meta(page, _META_PUBLISHED), DateSource.META)
        or first(_visible(page), DateSource.VISIBLE)
        or first(_time_tags(page), DateSource.TIME_TAG)
        or first(_by_htmldate(page, latest), DateSource.HTMLDATE)
        or first(url_dates(page.url), DateSource.URL)
    )
    written = first(_meta(page, _META_WRITTEN), DateSource.META) or first(
        _after_label(page.lines, _WRITTEN_LABEL), DateSource.VISIBLE
    )
    return Dates(published, written)


def signature_date(lines: Sequence[str], latest: dt.date) -> FoundDate | None:
    """The date of writing that stands under the issuer's name at the end of an official document (落款).

    Args:
        lines: the lines of the article.
        latest: the day of publication, or of fetching where that is unknown: nothing is signed later.
    """
    for previous, line in pairwise(lines):
        if not in_words(line) or len(previous) > _SIGNER_MAX or not _SIGNER.search(previous):
            continue
        value = next(read_dates(line), None)
        if value is not None and max(EARLIEST, latest - _SIGNED_BEFORE) <= value <= latest:
            return FoundDate(value, DateSource.VISIBLE)
    return None


def _json_ld(page: DatePage) -> Iterator[dt.date]:
    for key in ("datePublished", "dateCreated"):
        for item in page.head.json_ld:
            if isinstance(value := item.get(key), str):
                yield from read_dates(value[:100], chinese=page.chinese)


def _meta(page: DatePage, names: Sequence[str]) -> Iterator[dt.date]:
    for name in names:
        for content in page.head.meta.get(name, ()):
            # The first of two glued datetimes: the second is the moment of the last change.
            yield from read_dates(content[:100], chinese=page.chinese)


def _visible(page: DatePage) -> Iterator[dt.date]:
    yield from _known_elements(page)
    yield from _after_label(page.lines, _PUBLISHED_LABEL)
    near = _lines_near_title(page)
    for line in near:
        if _WEAK_LABEL.search(line):
            yield from _after_label([line], _WEAK_LABEL)
    for line in page.lines:
        if len(line) <= _NEAR_LINE_MAX and _BESIDE_SOURCE.search(line):
            yield from _after_label([line], _WEAK_LABEL)
    for line in near:
        if len(line) <= _NEAR_LINE_MAX and not _FOOTER.search(line) and _is_dateline(line):
            yield from read_dates(line)
    yield from _after_label(page.lines, _UPDATED_LABEL)


def _known_elements(page: DatePage) -> Iterator[dt.date]:
    """Elements whose id or class says that they hold the date; of a class only if it is on the page once."""
    by_class: dict[str, list[HtmlElement]] = {}
    for element in page.tree.iter("span", "div", "p", "em", "i", "td", "li", "small", "b"):
        identifier = (element.get("id") or "").lower()
        if identifier in _IDS:
            yield from read_dates(clean_line(element.text_content())[:100])
        for name in (element.get("class") or "").lower().split():
            if name in _CLASSES:
                by_class.setdefault(name, []).append(element)
    for name in _CLASSES:
        elements = by_class.get(name, [])
        if len(elements) == 1:
            text = clean_line(elements[0].text_content())
            if len(text) <= _NEAR_LINE_MAX and not _FOOTER.search(text):
                yield from read_dates(text)


def _after_label(lines: Sequence[str], label: re.Pattern[str]) -> Iterator[dt.date]:
    """Dates that directly follow the label, in its line or in the next (the neighbouring cell of a table)."""
    for number, line in enumerate(lines):
        if len(line) > _LINE_MAX:
            continue
        for match in label.finditer(line):
            rest = line[match.end() :]
            if not rest.strip() and number + 1 < len(lines):
                rest = lines[number + 1]
            value = next(read_dates(rest[:40]), None)
            if value is not None and re.match(r"\W*(?:\w{3,9},?\s)?\W*[\d一二A-Z]", rest):
                yield value


def _lines_near_title(page: DatePage) -> list[str]:
    title = re.sub(r"\s", "", page.title)
    if len(title) < 4:
        return []
    places = [
        i
        for i, line in enumerate(page.lines)
        if title in re.sub(r"\s", "", line) and len(line) < len(title) + 60
    ]
    if not places:
        return []
    # The last place that still has text below it: breadcrumbs repeat the title above the heading.
    near: list[str] = []
    for place in places[:3]:
        near.extend(page.lines[max(0, place - 2) : place + 1 + _NEAR_TITLE])
    return near


def _is_dateline(line: str) -> bool:
    """A line that is a date with its company (time, source, author), not a sentence that has one."""
    value = next(date_matches(line), None)
    if value is None:
        return False
    rest = without_dates(line)
    if _TIME_OF_DAY.search(rest) or _BESIDE_SOURCE.search(rest):
        return True
    # What may stay: a weekday, AM or PM, a name of the outlet.
    return len(_WEEKDAY.sub("", rest)) <= _DATELINE_REST_MAX


def _time_tags(page: DatePage) -> Iterator[dt.date]:
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
        yield from read_dates(value[:100], chinese=page.chinese)


def _by_htmldate(page: DatePage, latest: dt.date) -> Iterator[dt.date]:
    """What htmldate finds, if that very date stands on the page in full and outside the footer.

    Chinese pages are left out: htmldate reads 2024年3月15日 as the first of January, or as the footer's year.
    """
    if page.chinese:
        return
    written = {
        value for line in page.lines if not _FOOTER.search(line) for value in read_dates(line[:_LINE_MAX])
    }
    if len(written) != 1:
        return
    answer = htmldate.find_date(
        page.tree, extensive_search=False, original_date=True, max_date=latest.isoformat()
    )
    if answer:
        value = dt.date.fromisoformat(answer)
        if value in written:
            yield value


def url_dates(url: str) -> Iterator[dt.date]:
    """Full dates in an address, such as `/2024/03/15/` or `/t20240315_1.html`; often a day or two off."""
    for pattern in _URL_DATES:
        for match in pattern.finditer(url):
            try:
                yield dt.date(int(match[1]), int(match[2]), int(match[3]))
            except ValueError:
                continue  # the digits are a number, not a day
