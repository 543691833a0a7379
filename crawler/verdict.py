"""Decide what a fetched page is: an article, or a list, an error page, a bot check, a wall, a shell, a stub.

Two looks. `before_extraction` sees the status, the raw text and the visible lines, and catches what needs no
extraction. `after_extraction` sees the extracted text and compares it with the page. Low false alarms come
first: a page with a long text of its own is an article, whatever words are in it, and so is a short one that
carries a dateline and sentences beside the words; what stands in quotation marks is talked about, not said.
Not for finding the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from crawler.date_text import has_date, in_words
from crawler.own_text import (
    MESSAGE_LINE,
    MESSAGE_START,
    QUOTED,
    ROW_DATE,
    SENTENCE_END,
    SHORT_MESSAGE,
    OwnText,
    is_row,
)
from crawler.own_text import VisibleText as VisibleText
from crawler.own_text import weight as weight
from crawler.verdict_words import (
    ADDRESS,
    BARRIER,
    BOT_CHECK,
    BOT_CHECK_STATUS,
    BOT_CHECK_WORDS,
    COOKIE_CHECK_STATUS,
    DOWN,
    LOADING,
    MISSING,
    MISSING_TITLE,
    NOTICE_TITLE,
    OFFER,
    REDIRECT,
    RESULTS,
    SHELL,
    WALL,
    WALL_ASIDE,
    WALL_SIGN,
)
from hexapolis.records import Verdict

# Text lengths in Han characters; other scripts need `_LATIN` times as many letters.
LONG_TEXT = 400  # so much text of its own makes an article
SHORT_TEXT = 60  # below this a text needs a date beside it to be a notice
_TEASER_TEXT = 600  # what papers show before a paywall is shorter
_OFFER_TEXT = 300  # a teaser whose rest is offered in no known words is shorter
_OFFER_LINE = 30  # weight of such an offer
_ERROR_TEXT = 120  # error pages, login walls and script shells say less than this
_TINY_TEXT = 20  # below this there is no notice at all
_LIST_ROWS = 5
_LIST_SHARE = 0.6  # of the extracted text standing in links
_MENU_SHARE = 0.8  # of all visible text standing in links: a list, if little text is left
_SUMMARY_MEAN = 150  # mean weight of the texts between the links of a list with summaries
_WINDOW = 60_000  # characters of the page in which a bot check shows itself

_TO_READER = re.compile(r"[您你]|\b(?:you|your|sorry|please)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict other than `article`, and why, in a few words."""

    verdict: Verdict
    detail: str


def before_extraction(status: int, text: str, title: str, page: VisibleText) -> Ruling | None:
    """Catch what needs no extraction.

    Args:
        status: the HTTP status.
        text: the decoded page.
        title: the content of `<title>`.
        page: its visible text.
    """
    own = page.own
    check = _bot_check(text, title, own)
    if status >= 400:
        if check and status in BOT_CHECK_STATUS:
            return Ruling(Verdict.CHALLENGE, f"status {status}, {check}")
        if status in COOKIE_CHECK_STATUS and own.amount < SHORT_TEXT:
            return Ruling(Verdict.CHALLENGE, f"status {status}, no text")
        return Ruling(Verdict.ERROR, f"status {status}")
    if check:
        return Ruling(Verdict.CHALLENGE, check)
    if not page.lines:
        return _without_text(text)
    if own.amount >= LONG_TEXT or own.reports or NOTICE_TITLE.search(title):
        return None
    if match := MISSING_TITLE.search(title):
        return Ruling(Verdict.SOFT_404, f"title says {match[0].strip()!r}")
    if own.amount >= _ERROR_TEXT:
        return None
    return _message(QUOTED.sub("", own.text), own.amount) or (
        _shell(text, own) if own.amount < SHORT_TEXT else None
    )


def _message(said: str, amount: float) -> Ruling | None:
    """What the short text of a page tells the reader instead of an article."""
    if (match := BARRIER.search(said)) or (match := WALL.search(said)):
        return Ruling(Verdict.PAYWALL, f"login or paywall: {match[0]!r}")
    if match := MISSING.search(said):
        return Ruling(Verdict.SOFT_404, f"text says {match[0]!r}")
    if match := DOWN.search(said):
        return Ruling(Verdict.SOFT_404, f"out of service: {match[0]!r}")
    return None


def _without_text(text: str) -> Ruling:
    """A page of which a reader sees nothing at all."""
    if re.search(r"<i?frame(?:set)?\b", text[:_WINDOW], re.IGNORECASE):
        return Ruling(Verdict.SHELL, "frames only")
    if REDIRECT.search(text):
        return Ruling(Verdict.SHELL, "redirects by script or meta refresh")
    if SHELL.search(text) or re.search(r"<script\b", text[:_WINDOW], re.IGNORECASE):
        return Ruling(Verdict.SHELL, "script shell")
    return Ruling(Verdict.EMPTY, "no visible text")


def _shell(text: str, own: OwnText) -> Ruling | None:
    """A frame that is filled later: by a script, by another page, by a template."""
    if SHELL.search(text):
        return Ruling(Verdict.SHELL, "script shell")
    if match := LOADING.search(own.text):
        return Ruling(Verdict.SHELL, f"still to be filled: {match[0].strip()[:40]!r}")
    if REDIRECT.search(text):
        return Ruling(Verdict.SHELL, "redirects by script or meta refresh")
    if own.amount < _TINY_TEXT and re.search(r"<frameset\b", text[:_WINDOW], re.IGNORECASE):
        return Ruling(Verdict.SHELL, "frames only")
    return None


def _bot_check(text: str, title: str, own: OwnText) -> str | None:
    """What shows that the page is a bot check; None if nothing does.

    Ordinary pages load scripts of firewalls and captchas too: a marker counts only on a page that says
    little.
    """
    if own.amount >= LONG_TEXT or own.reports or NOTICE_TITLE.search(title):
        return None
    match = BOT_CHECK.search(title) or BOT_CHECK_WORDS.search(title)
    if match is None and own.amount < 2 * _ERROR_TEXT:
        said = QUOTED.sub("", own.text)
        match = BOT_CHECK.search(said)
        if match is None and own.amount < _ERROR_TEXT:
            match = BOT_CHECK_WORDS.search(said)
    if match is None and own.amount < SHORT_TEXT:
        match = BOT_CHECK.search(text[:_WINDOW])
    return f"bot check: {' '.join(match[0].split())[:40]!r}" if match else None


def after_extraction(
    text: str,
    title: str,
    *,
    dated: bool,
    declared: bool,
    page: VisibleText,
    content: Sequence[str],
    closed: bool = False,
) -> Ruling | None:
    """Judge the extracted text; None if the page is an article.

    Args:
        text: the extracted text, one paragraph a line; may be empty.
        title: the article's title.
        dated: whether the page itself gives a date (not only its address).
        declared: whether the page's head calls it an article (ArticleTitle, PubDate, og:type, JSON-LD).
        page: the visible text of the whole page.
        content: the visible lines of the part that was taken for the article, before cleaning.
        closed: whether the page's head says that the whole text is not free.
    """
    amount = weight(text)
    own = page.own if amount < _TEASER_TEXT else None
    reports = own is not None and own.reports
    if own is not None and (barrier := _barrier(own, closed=closed)):
        return barrier
    if not declared and (listing := _list(text, amount, page, content, own)):
        return listing
    if amount == 0:
        return Ruling(Verdict.EMPTY, "no text extracted")
    if amount >= LONG_TEXT:
        return None
    if not reports and not NOTICE_TITLE.search(title):
        said = QUOTED.sub("", text)
        if amount < _ERROR_TEXT and (message := _message(said, amount)):
            return message
        if amount < 2 * _ERROR_TEXT and (match := MISSING_TITLE.search(title)):
            return Ruling(Verdict.SOFT_404, f"the page says {match[0].strip()[:40]!r}")
    if amount < _TINY_TEXT:
        return Ruling(Verdict.STUB, f"{len(text)} characters of text")
    dated = dated or reports or any(map(in_words, text.split("\n")))
    if amount < SHORT_TEXT and not (dated and title and SENTENCE_END.search(text)):
        return Ruling(Verdict.STUB, f"{len(text)} characters of text and no date")
    anonymous = not (dated or declared or has_date(text))
    if amount < _ERROR_TEXT and anonymous and _TO_READER.search(text):
        return Ruling(Verdict.STUB, f"{len(text)} characters that speak to the reader, and no date")
    return None


def _barrier(own: OwnText, *, closed: bool) -> Ruling | None:
    """A line that says that the rest is for those who pay or log in; it stands alone, and begins with it."""
    words = (BARRIER, WALL) if closed else (BARRIER,)
    for line in own.lines:
        if len(line) > 3 * MESSAGE_LINE or not WALL_SIGN.search(line):
            continue
        for pattern in words:
            match = pattern.search(QUOTED.sub("", line))
            length = weight(line) if match else 0.0
            if match and (
                length <= SHORT_MESSAGE or (match.start() <= MESSAGE_START and length <= MESSAGE_LINE)
            ):
                return Ruling(Verdict.PAYWALL, f"the rest is closed: {match[0]!r}")
    return _offer(own) if own.reports and own.amount < _OFFER_TEXT else None


def _offer(own: OwnText) -> Ruling | None:
    """A short line below the dateline that sells the rest of the text."""
    for line in own.lines[own.dateline + 1 :]:
        if len(line) > 3 * _OFFER_LINE or not (first := OFFER.search(line)) or WALL_ASIDE.search(line):
            continue
        said = QUOTED.sub("", line)
        offers = {match[0].lower() for match in OFFER.finditer(said)}
        if weight(line) <= _OFFER_LINE and (len(offers) > 1 or (offers and ADDRESS.search(said))):
            return Ruling(Verdict.PAYWALL, f"the rest is offered: {first[0]!r}")
    return None


def _list(
    text: str, amount: float, page: VisibleText, content: Sequence[str], own: OwnText | None
) -> Ruling | None:
    """A list page: its text is links, or links with summaries, or there is little beside its links."""
    if own is not None and own.reports:
        return None
    beside = weight("".join(page.lines)) - page.link_weight
    if page.link_weight > beside and amount > 2 * max(beside, _TINY_TEXT):
        return Ruling(Verdict.LIST, "the text is the texts of links")
    linked = [is_row(line, page.link_texts) for line in content]
    rows = sum(linked)
    if rows >= _LIST_ROWS:
        in_links = sum(weight(line) for line, is_link in zip(content, linked, strict=True) if is_link)
        if in_links > _LIST_SHARE * sum(map(weight, content)) and amount < LONG_TEXT:
            return Ruling(Verdict.LIST, f"{rows} of {len(content)} lines are links")
        runs = sum(1 for i, is_link in enumerate(linked) if is_link and (i == 0 or not linked[i - 1]))
        if runs >= _LIST_ROWS and amount < runs * _SUMMARY_MEAN and runs > 0.25 * (len(content) - rows):
            return Ruling(Verdict.LIST, f"{runs} links with summaries")
    if own is not None and (match := RESULTS.search(own.text)) and len(page.link_texts) >= _LIST_ROWS:
        return Ruling(Verdict.LIST, f"results: {match[0].strip()!r}")
    if amount >= 2 * _ERROR_TEXT:
        return None
    on_page = page.own.linked or [is_row(line, page.link_texts) for line in page.lines]
    count = sum(on_page)
    if amount == 0 and count >= _LIST_ROWS:
        return Ruling(Verdict.LIST, f"{count} links and no text of its own")
    dated_rows = sum(
        1
        for number, line in enumerate(page.lines)
        if (on_page[number] or (number and page.lines[number - 1] in page.link_texts))
        and ROW_DATE.search(line)
    )
    if dated_rows >= _LIST_ROWS and own is not None and own.amount < _ERROR_TEXT:
        return Ruling(Verdict.LIST, f"{dated_rows} links with their dates, and little text")
    mostly_links = page.link_weight > _MENU_SHARE * (beside + page.link_weight)
    if amount < _ERROR_TEXT and mostly_links and count >= 2 * _LIST_ROWS and not SENTENCE_END.search(text):
        return Ruling(Verdict.LIST, f"{count} links and hardly any text")
    return None
