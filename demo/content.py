"""Reads what the demo site says: outlets from `outlets.yaml`, their pages from `content/<outlet>.yaml`.

Not for looks (`rendering.py`) and not for serving (`server.py`). A page's labels follow the codebook and are
kept beside its prose, so that whoever edits a sentence sees what the sentence must not change.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
OUTLETS = ("sz", "bj", "cd", "wh", "wire", "hk", "en", "tech")
CHINA = dt.timezone(dt.timedelta(hours=8))
"""All dates on the site are China Standard Time."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block of an article's body."""

    text: str
    heading: bool = False


@dataclass(frozen=True, slots=True)
class DemoPage:
    """One page of an outlet on one day, with its labels."""

    outlet: str
    path: str
    title: str
    published_at: dt.datetime | None
    modified_at: dt.datetime | None  # the date of the bytes: publication, or a later edit
    body: str  # blocks parted by an empty line; a block that begins with "## " is a heading
    verdict: str  # a value of `hexapolis.records.Verdict`
    language: str
    relevant: bool | None
    dims: tuple[str, ...]
    cities: tuple[str, ...]  # English names of the subject cities
    views: int
    origin: str | None = None  # the outlet that the page names as its source
    column: str | None = None
    author: str | None = None
    issuer: str | None = None
    number: str | None = None  # document number
    written_on: dt.date | None = None
    story: str | None = None
    first_day: int = 1  # 1 or 2: since when the page is there
    robots: bool = False  # robots.txt disallows it
    campaigns: tuple[str, ...] = ()  # query strings with which the feed links to it, one item each
    glued_date: bool = False  # PubDate holds the datetime twice, without a space between
    edited: bool = False  # the text differs from that of day one
    menu: str | None = None  # an item that the menu of this page has gained

    @property
    def blocks(self) -> list[Block]:
        """Headings and paragraphs in reading order."""
        parts = [" ".join(part.split("\n")) for part in self.body.strip().split("\n\n")]
        return [Block(p.removeprefix("## "), p.startswith("## ")) for p in parts]

    @property
    def text(self) -> str:
        """What a perfect extraction gives: blocks joined by one newline."""
        return "\n".join(block.text for block in self.blocks)

    @property
    def teaser(self) -> str:
        """The cut beginning of the text, as feeds give it."""
        first = next(block.text for block in self.blocks if not block.heading)
        if self.language == "zh":
            return first[:60] + "……"
        return first[:160].rpartition(" ")[0] + " ..."


@cache
def outlets() -> Mapping[str, Mapping[str, Any]]:
    """The outlets by id: `source` (catalogue entry, without origin) and `site` (what the pages show)."""
    loaded: dict[str, Mapping[str, Any]] = yaml.safe_load((FOLDER / "outlets.yaml").read_text("utf-8"))
    return {outlet: loaded[outlet] for outlet in OUTLETS}


def _time(value: str | None) -> dt.datetime | None:
    return dt.datetime.strptime(value, "%Y-%m-%d %H:%M").replace(tzinfo=CHINA) if value else None


def _page(outlet: str, language: str, entry: Mapping[str, Any]) -> DemoPage:
    known = dict(entry)
    published = _time(known.pop("date", None))
    known.pop("day2", None)
    same = known.pop("same_text_as", None)
    if same is not None:
        other = str(same).partition("/")[0]
        known["body"] = next(e["body"] for e in _entries(other) if f"{other}{e['path']}" == same)
    ordinary = known.setdefault("verdict", "article") == "article"
    known.setdefault("relevant", True if ordinary else None)
    for name in ("dims", "cities", "campaigns"):
        known[name] = tuple(known.get(name, ()))
    known.setdefault("views", 200 + sum(map(ord, known["path"])) * 7 % 4000)
    return DemoPage(outlet=outlet, language=language, published_at=published, modified_at=published, **known)


@cache
def _entries(outlet: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(yaml.safe_load((FOLDER / "content" / f"{outlet}.yaml").read_text("utf-8")))


def _on_day_two(page: DemoPage, change: Mapping[str, Any]) -> DemoPage:
    body = page.body
    if "old" in change:
        if body.count(change["old"]) != 1:
            raise ValueError(f"{page.outlet}{page.path}: the sentence to edit must occur exactly once")
        body = body.replace(change["old"], change["new"])
    return replace(
        page,
        body=body,
        edited=body != page.body,
        modified_at=_time(change["modified"]),
        views=change.get("views", page.views),
        menu=change.get("menu"),
    )


def pages(outlet: str, day: int) -> list[DemoPage]:
    """The pages of an outlet that are there on that day (1 or 2), newest first; undated ones last."""
    language = str(outlets()[outlet]["source"]["language"])
    found = []
    for entry in _entries(outlet):
        page = _page(outlet, language, entry)
        if day == 2 and "day2" in entry:
            page = _on_day_two(page, entry["day2"])
        if page.first_day <= day:
            found.append(page)
    past = dt.datetime.min.replace(tzinfo=CHINA)
    return sorted(found, key=lambda page: (page.published_at or past, page.path), reverse=True)
