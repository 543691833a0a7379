"""What a page says outside its links, and whether it reports something or speaks to its reader.

An error page, a bot check and a login wall speak to the reader; an article reports, even one about error
pages. So words of error pages count for little where a dateline and a sentence stand beside them, and for
nothing in quotation marks. Not for the verdict: `verdict`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from crawler.date_text import has_date
from crawler.lines import han_count, is_furniture, is_linked
from crawler.verdict_words import (
    BARRIER,
    BOT_CHECK,
    BOT_CHECK_WORDS,
    DOWN,
    LOADING,
    MISSING,
    RESULTS,
    WALL,
)

# Weights are in Han characters; other scripts need `_LATIN` times as many letters.
_LATIN = 2.5
_REPORT_MAX = 400  # weight; a longer text is an article whatever words are in it
_MEASURED_MAX = 4_000  # weight of all lines from which links are not told apart: text of its own, or a list
MESSAGE_LINE = 60  # weight of a line that is a message to the reader
SHORT_MESSAGE = 25  # weight of a sentence in which the words may stand anywhere
MESSAGE_START = 10  # characters before the words of such a message: Sorry, 抱歉
_DATELINE = 60  # weight of a line with date, source and author
_SENTENCE = 12  # weight; shorter lines are buttons and labels, whatever sign ends them

SENTENCE_END = re.compile(r"[。！？；]|[.!?;](?=[\s”’\"')]|$)")
QUOTED = re.compile(r"“[^”]{0,120}”|「[^」]{0,120}」|\"[^\"]{0,120}\"")
ROW_DATE = re.compile(
    r"[\[(（【]?\s*(?:(?:19|20)\d{2}\s*[-/.年]\s*)?\d{1,2}\s*[-/.月]\s*\d{1,2}\s*日?"
    r"(?:\s*\d{1,2}:\d{2})?\s*[\])）】]?\s*$"
)
_ROW_ENDS = frozenset("0123456789日)]）】")
# Not under a title: the day of the visit, of an attack that was refused, of the site's start.
_OTHER_DAY = re.compile(
    r"今天|今日是|拦截|事件|请求|截止|©|copyright|版权|备案|Incident|\bIP\b", re.IGNORECASE
)
_MESSAGES = (MISSING, DOWN, WALL, BARRIER, BOT_CHECK, BOT_CHECK_WORDS, RESULTS, LOADING)
_ADDRESSED = re.compile(r"[您你]|\byour?\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OwnText:
    """What a page says outside its links."""

    text: str
    lines: Sequence[str]
    linked: Sequence[bool]  # of each line of the page, whether it is links; empty for a long page
    amount: float  # weight without furniture
    dateline: int  # its place in `lines`; -1 if there is none
    reports: bool  # a dateline and a sentence stand there: words of error pages are then talked about


@dataclass(frozen=True)
class VisibleText:
    """What a reader sees of a page."""

    lines: Sequence[str]
    link_texts: Collection[str]  # the texts of links to other pages
    link_weight: float  # weight of all links' texts together

    @cached_property
    def own(self) -> OwnText:
        """What the page says outside its links; judged once."""
        return _own_text(self)


def weight(text: str) -> float:
    """The length of a text in Han characters: other characters but spaces count `1 / 2.5`."""
    solid = "".join(text.split())
    han = han_count(solid)
    return han + (len(solid) - han) / _LATIN


def _own_text(page: VisibleText) -> OwnText:
    lines = page.lines
    whole = weight("\n".join(lines))
    if whole >= _MEASURED_MAX:  # a longer page has text of its own, or is a list
        return OwnText("\n".join(lines), lines, (), whole, -1, False)
    linked = [is_row(line, page.link_texts) for line in lines]
    own = [line for line, is_link in zip(lines, linked, strict=True) if not is_link]
    amount = weight("\n".join(line for line in own if not is_furniture(line)))
    place = _dateline(lines, linked) if amount < _REPORT_MAX else None
    reports = place is not None and _has_sentence(own)
    dateline = -1 if place is None else place - sum(linked[:place])
    return OwnText("\n".join(own), own, linked, amount, dateline, reports)


def is_row(line: str, link_texts: Collection[str]) -> bool:
    """Whether a line is a link, several, or a link with its date, also after a title that ends with )."""
    if is_linked(line, link_texts):
        return True
    return line[-1:] in _ROW_ENDS and ROW_DATE.sub("", line).strip() in link_texts


def _dateline(lines: Sequence[str], linked: Sequence[bool]) -> int | None:
    """The place of a short line with a full date between lines that are no links: not a row of a list."""
    for number, line in enumerate(lines):
        if linked[number] or len(line) > 3 * _DATELINE or not has_date(line):
            continue
        around = linked[max(0, number - 1) : number + 2]
        if not any(around) and weight(line) <= _DATELINE and not _OTHER_DAY.search(line):
            return number
    return None


def _has_sentence(lines: Sequence[str]) -> bool:
    """Whether a sentence stands there that is not itself the message of an error page or a wall."""
    for line in lines:
        if weight(line) < _SENTENCE or not SENTENCE_END.search(line):
            continue
        if weight(line) <= MESSAGE_LINE / 2 and is_furniture(line):
            continue
        for sentence in SENTENCE_END.split(QUOTED.sub("", line)):
            if weight(sentence) >= _SENTENCE and not _is_message(sentence):
                return True
    return False


def _is_message(sentence: str) -> bool:
    """Whether a sentence is said to the reader of an error page: short, or addressed, or begins with it."""
    for words in _MESSAGES:
        match = words.search(sentence)
        if match and (
            match.start() <= MESSAGE_START or weight(sentence) <= SHORT_MESSAGE or _ADDRESSED.search(sentence)
        ):
            return True
    return False
