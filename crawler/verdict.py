"""Decide what a fetched page is: an article, or a list, an error page, a bot check, a shell, a stub.

Two looks. `before_extraction` sees the status, the raw text and the visible lines, and catches what needs no
extraction. `after_extraction` sees the extracted text and compares it with the page. Low false alarms come
first: a page with a long text of its own is an article, whatever words are in it. Not for finding the text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from crawler.lines import han_count, is_furniture, is_linked
from crawler.verdict_words import (
    BOT_CHECK,
    BOT_CHECK_STATUS,
    BOT_CHECK_WORDS,
    COOKIE_CHECK_STATUS,
    MISSING,
    MISSING_TITLE,
    NOTICE_TITLE,
    REDIRECT,
    SHELL,
    WALL,
)
from hexapolis.records import Verdict

# Text lengths in Han characters; other scripts need `_LATIN` times as many letters.
LONG_TEXT = 400  # so much text of its own makes an article
SHORT_TEXT = 60  # below this a text needs a date beside it to be a notice
_ERROR_TEXT = 120  # error pages, login walls and script shells say less than this
_TINY_TEXT = 20  # below this there is no notice at all
_LATIN = 2.5
_LIST_ROWS = 5
_LIST_SHARE = 0.6  # of the extracted text standing in links
_MENU_SHARE = 0.8  # of all visible text standing in links: a list, if little text is left
_SUMMARY_MEAN = 150  # mean weight of the texts between the links of a list with summaries
_WINDOW = 60_000  # characters of the page in which a bot check shows itself

_SENTENCE_END = re.compile(r"[。！？；.!?;]")


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict other than `article`, and why, in a few words."""

    verdict: Verdict
    detail: str


@dataclass(frozen=True, slots=True)
class VisibleText:
    """What a reader sees of a page."""

    lines: Sequence[str]
    link_texts: Collection[str]  # the texts of links to other pages
    link_weight: float  # weight of all links' texts together


def weight(text: str) -> float:
    """The length of a text in Han characters: other characters but spaces count `1 / 2.5`."""
    solid = "".join(text.split())
    han = han_count(solid)
    return han + (len(solid) - han) / _LATIN


def before_extraction(status: int, text: str, title: str, page: VisibleText) -> Ruling | None:
    """Catch what needs no extraction.

    Args:
        status: the HTTP status.
        text: the decoded page.
        title: the content of `<title>`.
        page: its visible text.
    """
    visible = "\n".join(page.lines)
    own_lines = page.lines
    if weight(visible) < 10 * LONG_TEXT:  # a longer page has text of its own, or is a list
        own_lines = [line for line in page.lines if not is_linked(line, page.link_texts)]
    own = "\n".join(own_lines)
    amount = weight("\n".join(line for line in own_lines if not is_furniture(line)))
    check = _bot_check(text, title, own, amount)
    if status >= 400:
        if check and status in BOT_CHECK_STATUS:
            return Ruling(Verdict.CHALLENGE, f"status {status}, {check}")
        if status in COOKIE_CHECK_STATUS and amount < SHORT_TEXT:
            return Ruling(Verdict.CHALLENGE, f"status {status}, no text")
        return Ruling(Verdict.ERROR, f"status {status}")
    if check:
        return Ruling(Verdict.CHALLENGE, check)
    if not visible:
        if re.search(r"<i?frame(?:set)?\b", text[:_WINDOW], re.IGNORECASE):
            return Ruling(Verdict.STUB, "frames only")
        if SHELL.search(text) or re.search(r"<script\b", text[:_WINDOW], re.IGNORECASE):
            return Ruling(Verdict.STUB, "script shell")
        return Ruling(Verdict.EMPTY, "no visible text")
    if amount < LONG_TEXT and (match := MISSING_TITLE.search(title)) and not NOTICE_TITLE.search(title):
        return Ruling(Verdict.SOFT_404, f"title says {match[0].strip()!r}")
    if amount >= _ERROR_TEXT or NOTICE_TITLE.search(title):
        return None
    if match := MISSING.search(own):
        return Ruling(Verdict.SOFT_404, f"text says {match[0]!r}")
    if match := WALL.search(own):
        return Ruling(Verdict.STUB, f"login or paywall: {match[0]!r}")
    if amount >= SHORT_TEXT:
        return None
    if SHELL.search(text):
        return Ruling(Verdict.STUB, "script shell")
    if REDIRECT.search(text):
        return Ruling(Verdict.STUB, "redirects by script or meta refresh")
    return None


def _bot_check(text: str, title: str, own: str, amount: float) -> str | None:
    """What shows that the page is a bot check; None if nothing does.

    Ordinary pages load scripts of firewalls and captchas too: a marker counts only on a page that says
    little.
    """
    if amount >= LONG_TEXT or NOTICE_TITLE.search(title):
        return None
    match = BOT_CHECK.search(title) or BOT_CHECK_WORDS.search(title)
    if match is None and amount < 2 * _ERROR_TEXT:
        match = BOT_CHECK.search(own)
    if match is None and amount < _ERROR_TEXT:
        match = BOT_CHECK_WORDS.search(own)
    if match is None and amount < SHORT_TEXT:
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
) -> Ruling | None:
    """Judge the extracted text; None if the page is an article.

    Args:
        text: the extracted text, one paragraph a line; may be empty.
        title: the article's title.
        dated: whether the page itself gives a date (not only its address).
        declared: whether the page's head calls it an article (ArticleTitle, PubDate, og:type, JSON-LD).
        page: the visible text of the whole page.
        content: the visible lines of the part that was taken for the article, before cleaning.
    """
    amount = weight(text)
    if not declared and (listing := _list(text, amount, page, content)):
        return listing
    if amount == 0:
        return Ruling(Verdict.EMPTY, "no text extracted")
    if amount >= LONG_TEXT:
        return None
    if not NOTICE_TITLE.search(title):
        match = MISSING.search(text) if amount < _ERROR_TEXT else None
        if match is None and amount < 2 * _ERROR_TEXT:
            match = MISSING_TITLE.search(title)
        if match:
            return Ruling(Verdict.SOFT_404, f"the page says {match[0].strip()[:40]!r}")
        if amount < _ERROR_TEXT and (match := WALL.search(text)):
            return Ruling(Verdict.STUB, f"login or paywall: {match[0]!r}")
    if amount < _TINY_TEXT:
        return Ruling(Verdict.STUB, f"{len(text)} characters of text")
    if amount < SHORT_TEXT and not (dated and title and _SENTENCE_END.search(text)):
        return Ruling(Verdict.STUB, f"{len(text)} characters of text and no date")
    return None


def _list(text: str, amount: float, page: VisibleText, content: Sequence[str]) -> Ruling | None:
    """A list page: its text is links, or links with summaries, or there is little beside its links."""
    own = weight("".join(page.lines)) - page.link_weight
    if page.link_weight > own and amount > 2 * max(own, _TINY_TEXT):
        return Ruling(Verdict.LIST, "the text is the texts of links")
    linked = [is_linked(line, page.link_texts) for line in content]
    rows = sum(linked)
    if rows >= _LIST_ROWS:
        in_links = sum(weight(line) for line, is_link in zip(content, linked, strict=True) if is_link)
        if in_links > _LIST_SHARE * sum(map(weight, content)) and amount < LONG_TEXT:
            return Ruling(Verdict.LIST, f"{rows} of {len(content)} lines are links")
        runs = sum(1 for i, is_link in enumerate(linked) if is_link and (i == 0 or not linked[i - 1]))
        if runs >= _LIST_ROWS and amount < runs * _SUMMARY_MEAN and runs > 0.25 * (len(content) - rows):
            return Ruling(Verdict.LIST, f"{runs} links with summaries")
    if amount >= _ERROR_TEXT:
        return None
    count = sum(is_linked(line, page.link_texts) for line in page.lines)
    if amount == 0 and count >= _LIST_ROWS:
        return Ruling(Verdict.LIST, f"{count} links and no text of its own")
    mostly_links = page.link_weight > _MENU_SHARE * (own + page.link_weight)
    if mostly_links and count >= 2 * _LIST_ROWS and not _SENTENCE_END.search(text):
        return Ruling(Verdict.LIST, f"{count} links and hardly any text")
    return None
