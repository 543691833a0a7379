"""Where a text names a public body or a place that may act, and of what rank each is.

Bodies of the nation and bare ones (市政府, 我省) come from `kinds.yaml`, places from the gazetteer. Which of
those named is the one whose act the text is, `classify/levels.py` decides.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import yaml

from classify.beginnings import Searcher, Sought
from classify.city_context import is_demoted
from classify.gazetteer import (
    abbreviations,
    city_by_code,
    fold,
    names,
    place_rows,
    provinces,
    word_texts,
)
from classify.place_names import Hit, find_hits
from hexapolis.records import Level

RULES_PATH = Path(__file__).with_name("kinds.yaml")

_RANK = {Level.NATIONAL: 0, Level.PROVINCE: 1, Level.CITY: 2, Level.DISTRICT: 3}
_CHAIN_GAPS = frozenset(("", "市", "省", "·", "'s ", "\u2019s ", " ", ", ", " of ", ", in ", "'s capital "))
_DISTRICT_EN = re.compile(r"([A-Z](?<!\w[A-Z])[\w'\u2019]+)(?: [Dd]istrict| [Cc]ounty| New Area)\b")
_DISTRICT_PARTS = ("istrict", "ounty", " New Area")  # one of them stands in every match of it
_NO_DISTRICT = frozenset(("区域", "区间", "区块", "区别", "区分"))
_WINDOW = 150  # characters on either side of a place that can show it is not the one that acts
_ENOUGH = 60  # places of one text that are read at all: a bound on the work for endless lists


@dataclass(frozen=True, slots=True)
class Body:
    """One mention of a place or a body, `text[start:end]`."""

    start: int
    end: int
    level: Level
    acts: bool  # a body is named, not only the place


@dataclass(frozen=True, slots=True)
class Chain:
    """Mentions right behind each other, such as 广东省深圳市南山区: the lowest is meant."""

    start: int
    end: int
    level: Level
    acts: bool


@dataclass(frozen=True, slots=True)
class _Rules:
    bodies: Searcher  # one pattern for each of `_RANK`, then those of the provinces' names
    body: re.Pattern[str]
    other_name: re.Pattern[str]
    zone: re.Pattern[str]
    zone_names: re.Pattern[str]
    district_names: frozenset[str]


def load_rules() -> Any:
    """The parsed `kinds.yaml`."""
    with RULES_PATH.open(encoding="utf-8") as handle:
        return yaml.safe_load(handle)


@functools.cache
def _rules() -> _Rules:
    raw = load_rules()["levels"]
    ends = tuple(raw["district_ends"])
    districts: set[str] = set()
    for row in place_rows():
        if row.suffix or row.zh.endswith(ends):
            districts |= {row.zh, row.zh + row.suffix, *(name.lower() for name in row.en)}
    province_names: list[str] = []
    province_starts: list[str] = []
    for code, (zh, zh_full, en) in provinces().items():
        if city_by_code(code) is None:
            province_names += [re.escape(zh_full), f"{zh}省?", rf"\b{re.escape(en)}\b(?: [Pp]rovince)?"]
            province_starts += [zh_full, zh, en]
    sought = [
        Sought(
            _compiled("|".join(raw[level.value]) if level is Level.NATIONAL else raw[level.value]),
            tuple(raw["starts"][level.value]),
        )
        for level in _RANK
    ]
    places = re.compile("|".join(sorted(province_names, key=len, reverse=True)))
    return _Rules(
        Searcher([*sought, Sought(places, tuple(province_starts))]),
        _compiled(raw["body"]),
        _compiled(raw["other_name"]),
        _compiled(raw["zone"]),
        _compiled(raw["zone_names"]),
        frozenset(districts - {""}),
    )


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Mention:
    """Where a mention stands; `read` says what it is, or None where it turns out to be no body."""

    start: int
    end: int
    read: Callable[[], Body | None]


def find_chains(text: str) -> tuple[Chain, ...]:
    """All that the text names, in order; Simplified or English."""
    return tuple(chains_within(text, len(text)))


def may_name(text: str) -> bool:
    """Whether a mention can begin in the text, whatever stands behind it; if not, it need not be read."""
    starts = names().en_starts
    return (
        _rules().bodies.read(text).any_start()
        or bool(names().zh_scanner.scan(text) or abbreviations().scanner.scan(text))
        or any(part in text for part in _DISTRICT_PARTS)
        or any(word[0].isupper() and fold(word) in starts for word in word_texts(text))
    )


def chains_within(text: str, length: int) -> Iterator[Chain]:
    """What `text[:length]` names, read with all of the text, which is cut there or has a line's end there.

    What stands behind the chain that is asked for is not read.
    """
    mentions = [one for one in _mentions(text) if one.start <= length] if length else []
    mentions.sort(key=lambda one: (one.start, -one.end))
    bodies = (body for one in mentions if (body := one.read()) is not None)
    return (chain for chain in _chains(text, bodies) if chain.end <= length)


def _chains(text: str, bodies: Iterable[Body]) -> Iterator[Chain]:
    links: list[Body] = []
    for body in bodies:
        if links and body.end <= links[-1].end:
            continue
        if links and body.start > links[-1].end and text[links[-1].end : body.start] not in _CHAIN_GAPS:
            yield _joined(links)
            links = []
        links.append(body)
    if links:
        yield _joined(links)


def _joined(links: list[Body]) -> Chain:
    lowest = max((body.level for body in links), key=_RANK.__getitem__)
    return Chain(links[0].start, links[-1].end, lowest, any(body.acts for body in links))


def _mentions(text: str) -> Iterator[_Mention]:
    rules = _rules()
    sightings = rules.bodies.read(text)
    for number, level in enumerate(_RANK):
        for match in sightings.finditer(number):
            yield _Mention(*match.span(), partial(Body, *match.span(), level, True))
    named = names().zh_scanner.scan(text)
    hits = find_hits(text, scanned=named)
    covered = {position for hit in hits for position in range(hit.start, hit.end)}
    for match in sightings.finditer(len(_RANK)):
        if match.start() not in covered and not rules.other_name.match(text, match.end()):
            yield _named(text, *match.span(), Level.PROVINCE)
    if any(part in text for part in _DISTRICT_PARTS):
        for match in _DISTRICT_EN.finditer(text):
            if match[1].lower() in rules.district_names:
                yield _named(text, *match.span(), Level.DISTRICT)
    for _, start, end in named:  # a 鼓楼区 is a district, whichever city's
        if text[end - 1] in "区县旗" and start not in covered and text[end - 1 : end + 1] not in _NO_DISTRICT:
            yield _named(text, start, end, Level.DISTRICT)
    for hit, following in islice(pairwise([*hits, None]), _ENOUGH):
        assert hit is not None
        zone = rules.zone.match(text, hit.end)
        stop = following.start if following is not None else len(text)
        yield _Mention(hit.start, zone.end() if zone else hit.end, partial(_acting, text, hit, zone, stop))


def _named(text: str, start: int, end: int, level: Level) -> _Mention:
    return _Mention(start, end, lambda: Body(start, end, level, _rules().body.match(text, end) is not None))


def _acting(text: str, hit: Hit, zone: re.Match[str] | None, stop: int) -> Body | None:
    """What a hit of the gazetteer names; None if it is part of another name or only spoken of in passing."""
    if _rules().other_name.match(text, hit.end):
        return None
    body = _place(text, hit, zone, stop)
    if hit.kind == "abbreviation" and not body.acts:  # 在京揭晓 says where, not who
        return None
    return None if _is_aside(text, hit) else body


def _is_aside(text: str, hit: Hit) -> bool:
    """Whether its sentence only compares with the place, passes through it or meets there."""
    begin = max(0, hit.start - _WINDOW)
    window = text[begin : hit.end + _WINDOW]
    return is_demoted(window, Hit(hit.start - begin, hit.end - begin, hit.code, hit.kind, hit.chinese))


def _place(text: str, hit: Hit, zone: re.Match[str] | None, stop: int) -> Body:
    """The city, district or zone that a hit of the gazetteer names; `stop` is where the next begins."""
    rules = _rules()
    name = text[hit.start : hit.end]
    end = zone.end() if zone else hit.end
    low = zone is not None or (
        hit.kind == "place"
        and (
            name.lower() in rules.district_names
            or bool(rules.zone_names.match(name) or rules.zone.search(name))
        )
    )
    acts = bool(rules.body.match(text, end, max(stop, end)))
    return Body(hit.start, end, Level.DISTRICT if low else Level.CITY, acts)
