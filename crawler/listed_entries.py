"""Entries of feeds and interfaces that stand in the archive in place of a page which must not be fetched.

Some sites allow their feed to be read and not their pages; of others only headline and summary are taken.
What the list said of an article becomes a small JSON document with a content type of its own, so that the
chain from a cell of the table back to bytes holds for it too. The bytes depend on the entry alone: an entry
that has not changed has the same digest. Not for reading lists: that is `crawler/entry_points`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass

from crawler.date_text import SHANGHAI
from crawler.dates import EARLIEST
from crawler.language import detect_language
from crawler.lines import clean_line
from crawler.verdict import weight
from hexapolis.errors import ExtractionError
from hexapolis.records import Article, DateSource, FoundDate, Judgement, Link, Page, TitleSource, Verdict

ENTRY_TYPE = "application/vnd.hexapolis.entry+json"
_FIELD_MAX = 5_000  # characters of a title or summary
_MARK = "entry"  # the version of this format is its value


@dataclass(frozen=True, slots=True)
class ListedEntry:
    """What a list said of an article."""

    title: str  # may be empty
    summary: tuple[str, ...]  # lines
    html: str  # of the whole article, only where a feed carries it
    day: dt.date | None
    listed_in: str


def entry_page(link: Link, content: str, fetched_at: dt.datetime, listed_in: str) -> Page:
    """The page that is archived for an entry.

    Args:
        link: the entry.
        content: how the source is taken: `feed` keeps the article's HTML, `headline` title and summary only.
        fetched_at: when the list was fetched; not part of the bytes.
        listed_in: the address of the list.
    """
    fields = {
        _MARK: 1,
        "url": link.url,
        "title": link.title,
        "summary": link.summary,
        "html": link.html if content == "feed" else None,
        "date": link.listed_on.isoformat() if link.listed_on else None,
        "modified": link.modified_at.astimezone(dt.UTC).isoformat() if link.modified_at else None,
        "listed_in": listed_in,
    }
    said = {name: value for name, value in fields.items() if value is not None}
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, indent=1)
    # Half a surrogate pair can come out of a feed's entities, and cannot be written.
    body = text.encode("utf-8", "replace")
    return Page(link.url, link.url, 0, (("content-type", ENTRY_TYPE),), body, fetched_at)


def is_entry(page: Page) -> bool:
    """Whether a page is an archived entry: its type says so, and no server sent it (there is no status)."""
    kind = (page.header("content-type") or "").split(";", 1)[0].strip().lower()
    return page.status == 0 and kind == ENTRY_TYPE


def read_entry(body: bytes) -> ListedEntry:
    """What an archived entry says; fields of another type are taken for missing.

    Raises:
        ExtractionError: `undecodable`, if it is not the JSON of an entry.
    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ExtractionError("undecodable", f"broken entry ({error})"[:200]) from error
    if not isinstance(data, dict) or data.get(_MARK) != 1:
        raise ExtractionError("undecodable", "the JSON is not an entry of a list")

    def text(name: str) -> str:
        value = data.get(name)
        return value if isinstance(value, str) else ""

    try:
        day = dt.date.fromisoformat(text("date"))
    except ValueError:
        day = None
    summary = (clean_line(line) for line in text("summary")[:_FIELD_MAX].split("\n"))
    return ListedEntry(
        clean_line(text("title")[:_FIELD_MAX]),
        tuple(line for line in summary if line),
        text("html"),
        day,
        clean_line(text("listed_in")[:_FIELD_MAX]),
    )


def judge_entry(page: Page, article_text: Callable[[str], str]) -> Judgement:
    """The judgement on an archived entry: an article, however short, unless it says nothing at all.

    Args:
        page: the entry, as `entry_page` made it.
        article_text: the text of an article's HTML.

    Raises:
        ExtractionError: the bytes are not those of an entry, or its HTML cannot be read.
    """
    entry = read_entry(page.body)
    summary = "\n".join(entry.summary)
    text = article_text(entry.html) if entry.html.strip() else ""
    whole = bool(text) and weight(text) >= weight(summary)
    if not whole:
        text = summary or entry.title
    if not text:
        return Judgement(Verdict.EMPTY, "an entry without title and text")
    title = entry.title or text.split("\n", 1)[0][:100]
    latest = page.fetched_at.astimezone(SHANGHAI).date() + dt.timedelta(days=1)
    dated = entry.day is not None and EARLIEST <= entry.day <= latest
    article = Article(
        title=title,
        title_from=TitleSource.API if entry.title else TitleSource.TEXT,
        text=text,
        language=detect_language(f"{title}\n{text}"),
        published=FoundDate(entry.day, DateSource.LISTING) if entry.day and dated else None,
        headline_only=not whole,
    )
    return Judgement(Verdict.ARTICLE, "", article, "utf-8", "utf-8")
