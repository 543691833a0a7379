"""The visible places where a page writes its date of publication: elements, labels, the line at the title.

A date of something else is left alone: an event, a deadline, a date of effect, a row of a list, a footer.
What is in the head of the page, and the order of trust, are in `dates`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from lxml.html import HtmlElement

from crawler.date_text import Moment, has_date, in_words, read_moments, without_dates
from crawler.lines import clean_line, han_count, is_linked

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
    r"(?:发\s?布\s?时\s?间|发\s?布\s?日\s?期|发\s?文\s?时\s?间|发文日期|发表时间|发表日期|发表于|发布于"
    r"|公开日期"
    r"|公开时间|公布日期|公布时间|刊发时间|上网时间|录入时间|發布時間|發布日期|發表時間|刊登日期"
    r"|First published|Published(?: (?:on|at|by [\w .\[\],'’\-]{2,80}? on))?|Publication date|Date published"
    r"|Pub(?:lish)?(?: |-)?(?:time|date)|Posted(?: on| at)?|Release date|Submitted by [\w .'’\-]{2,40} on)"
    r"\s*[】\]]?\s*[:：|]?\s*",
    re.IGNORECASE,
)
WRITTEN_LABEL = re.compile(
    r"(?:成\s?文\s?日\s?期|成\s?文\s?时\s?间|制发日期|生成日期|签发日期|发文成文日期)\s*[】\]]?\s*[:：|]?\s*"
)
# Weak labels also stand before dates of events, so they count only just under the title or beside a source.
_WEAK_LABEL = re.compile(
    r"(?:^|[\s|｜(（【\[])(?:时\s*间|日\s*期|時間|日期|Date|Time)\s*[】\]]?\s*[:：]\s*", re.IGNORECASE
)
_UPDATED_LABEL = re.compile(
    r"(?:更新时间|更新日期|更新于|最后更新|(?:Last )?Updated(?: on"
    r"| at)?)\s*[】\]]?\s*[:：]?\s*",
    re.IGNORECASE,
)
_BESIDE_SOURCE = re.compile(r"来源|來源|作者|浏览|字号|字体|编辑|点击|阅读|评论|Source|By |\bviews?\b")
_OTHER_LABEL = re.compile(
    r"截止|截至|有效期|生效|施行|实施|会议|活动|报名|开标|投标|申报|征集|公示期|失效|废止|成文|印发|制发"
    r"|签发|考试|举办"
    r"|预计|第.{1,8}版|今天|今日|拍摄|"
    r"Deadline|Effective|Event|Due\b|Expires?|Expiry|Until|Closing|Valid|Starts?\b|Begins|Ends?\b"
    r"|Register|Today",
    re.IGNORECASE,
)
_PLACE_OF_EVENT = re.compile(
    r"^\W*(?:会议|活动|举办|报名)?\s*(?:地\s*点|Venue|Location|Place|Where)\s*[:：]", re.IGNORECASE
)
FOOTER = re.compile(r"©|版权所有|copyright|all rights reserved|ICP备|\(c\)", re.IGNORECASE)
_TIME_OF_DAY = re.compile(r"(?<!\d)[0-2]?\d:[0-5]\d")
_WEEKDAY = re.compile(
    r"[\W\d_]|(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?|[AP]\.?M\.?|星期.",
    re.IGNORECASE,
)
# What ends the line above a signature's date: a body's name, or an office with the name of its holder.
_SIGNER = re.compile(
    r"(?:政府|委员会|办公厅|办公室|局|厅|部|院|中心|委|会|处|署|办|所|公司|大学|学院|银行|管委会"
    r"|领导小组)\s*(?:[(（].{0,30}[)）])?$"
    r"|[市省区县州局厅]\s*长\s*[:：]?\s*[\u4e00-\u9fff·\s]{2,10}$"
)
_SIGNER_MAX = 60  # characters
_DATELINE_REST_MAX = 12  # characters
_NEAR_TITLE = 8  # lines after the title in which its own date stands
_PARAGRAPH = 40  # Han characters; a line of so many that stands under the title is text
_LATIN_PARAGRAPH = 100  # letters
_ROW_LINK = 8  # characters of a link that may be the title of another article
_NEAR_LINE_MAX = 90
LINE_MAX = 400  # characters of a line in which a label is believed
_AFTER_LABEL = 60  # characters after a label in which its date and time end

Read = Callable[[str], Iterator[Moment]]


def visible_moments(
    tree: HtmlElement, lines: Sequence[str], title: str, *, chinese: bool, day_first: bool
) -> Iterator[Moment]:
    """Dates of publication that a reader sees, the most trustworthy first.

    Args:
        tree: the page.
        lines: its visible text, one line a block.
        title: the article's title.
        chinese: whether the page's language is Chinese.
        day_first: whether 03/05/2024 is in May.
    """
    read: Read = partial(read_moments, chinese=chinese, day_first=day_first)
    yield from _known_elements(tree, read)
    yield from after_label(lines, _PUBLISHED_LABEL, read)
    near = _places_near_title(lines, title)
    for place in near:
        if _WEAK_LABEL.search(lines[place]) and not _of_event(lines, place):
            yield from after_label([lines[place]], _WEAK_LABEL, read)
    for line in lines:
        if len(line) <= _NEAR_LINE_MAX and _WEAK_LABEL.search(line) and _BESIDE_SOURCE.search(line):
            yield from after_label([line], _WEAK_LABEL, read)
    link_texts: set[str] | None = None
    for place in near:
        line = lines[place]
        if len(line) > _NEAR_LINE_MAX or not has_date(line) or FOOTER.search(line):
            continue
        if _is_dateline(line) and not _of_event(lines, place) and not is_signature(lines[place - 1], line):
            if link_texts is None:
                link_texts = {clean_line(a.text_content()) for a in tree.iter("a")}
            if not _of_row(lines, place, title, link_texts):
                yield from read(line)
    yield from after_label(lines, _UPDATED_LABEL, read)
    for line in lines:
        if "源" in line[:_NEAR_LINE_MAX] and re.match(r"\W*(?:19|20)\d\d", line) and _names_source(line):
            yield from read(line)


def _names_source(line: str) -> bool:
    """A date and time with a named source in one line, wherever it stands: 2024-03-15 10:20 来源：日报."""
    return (
        len(line) <= _NEAR_LINE_MAX
        and _TIME_OF_DAY.search(line) is not None
        and re.search(r"(?:来源|來源)\s*[:：]", line) is not None
    )


def _known_elements(tree: HtmlElement, read: Read) -> Iterator[Moment]:
    """Elements whose id or class says that they hold the date; of a class only if it is on the page once."""
    by_class: dict[str, list[HtmlElement]] = {}
    for element in tree.iter("span", "div", "p", "em", "i", "td", "li", "small", "b"):
        if (identifier := element.get("id")) and identifier.lower() in _IDS:
            yield from read(clean_line(element.text_content())[:100])
        if names := element.get("class"):
            for name in names.lower().split():
                if name in _CLASSES:
                    by_class.setdefault(name, []).append(element)
    for name in _CLASSES:
        elements = by_class.get(name, [])
        if len(elements) == 1:
            text = clean_line(elements[0].text_content())
            if len(text) <= _NEAR_LINE_MAX and not FOOTER.search(text) and not _OTHER_LABEL.search(text):
                yield from read(text)


def after_label(lines: Sequence[str], label: re.Pattern[str], read: Read) -> Iterator[Moment]:
    """Dates that directly follow the label, in its line or in the next (the neighbouring cell of a table)."""
    for number, line in enumerate(lines):
        if len(line) > LINE_MAX:
            continue
        for match in label.finditer(line):
            rest = line[match.end() :]
            if not rest.strip() and number + 1 < len(lines):
                rest = lines[number + 1]
            value = next(read(rest[:_AFTER_LABEL]), None)
            if value is not None and (
                re.match(r"\W*(?:\w{3,9},?\s)?\W*[\d一二A-Z０-９]", rest) and has_date(rest[:40])
            ):
                yield value


def _places_near_title(lines: Sequence[str], title: str) -> list[int]:
    """The places of the lines around the first three lines that hold the title."""
    folded = title.replace(" ", "")
    if len(folded) < 4:
        return []
    places = [
        i for i, line in enumerate(lines) if len(line) < len(title) + 60 and folded in line.replace(" ", "")
    ]
    # Breadcrumbs repeat the title above the heading.
    near: dict[int, None] = {}
    for place in places[:3]:
        near.update(dict.fromkeys(range(max(0, place - 2), place + 1)))
        paragraphs = 0
        for number in range(place + 1, min(len(lines), place + 1 + _NEAR_TITLE)):
            paragraphs += _is_paragraph(lines[number])
            if paragraphs > 1:  # one may be the summary above the dateline
                break
            near[number] = None
    return list(near)


def _is_paragraph(line: str) -> bool:
    if has_date(line):
        return False
    return han_count(line) >= _PARAGRAPH or len(line) >= _LATIN_PARAGRAPH


def is_signature(previous: str, line: str) -> bool:
    """Whether two lines end an official document (落款): a body or a person, and a date in words."""
    return in_words(line) and len(previous) <= _SIGNER_MAX and _SIGNER.search(previous) is not None


def _of_row(lines: Sequence[str], place: int, title: str, link_texts: set[str]) -> bool:
    """Whether the date at this place belongs to a row of a list: a link of some length stands beside it."""
    if place and title in lines[place - 1]:
        return False
    beside = [*lines[max(0, place - 1) : place], *lines[place + 1 : place + 2]]
    return any(
        len(text) >= _ROW_LINK and title not in text and is_linked(text, link_texts) for text in beside
    )


def _of_event(lines: Sequence[str], place: int) -> bool:
    """Whether the date at this place is of what takes place or ends: its label or neighbours say so."""
    if place and _OTHER_LABEL.search(lines[place - 1]) and len(lines[place - 1]) <= 12:
        return True  # the label stands in the cell before
    return any(_PLACE_OF_EVENT.match(line) for line in lines[place : place + 3])


def _is_dateline(line: str) -> bool:
    """A line that is a date with its company (time, source, author), not a sentence that has one."""
    rest = without_dates(line)
    if _OTHER_LABEL.search(rest):
        return False
    if _TIME_OF_DAY.search(rest) or _BESIDE_SOURCE.search(rest):
        return True
    # What may stay: a weekday, AM or PM, a name of the outlet.
    return len(_WEEKDAY.sub("", rest)) <= _DATELINE_REST_MAX
