"""Where a text names a public body or a place that may act, and of what rank each is.

Bodies of the nation and bare ones (市政府, 我省) come from `kinds.yaml`, places from the gazetteer. Which of
those named is the one whose act the text is, `classify/levels.py` decides.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import yaml

from classify.city_context import read_hits
from classify.gazetteer import city_by_code, names, place_rows, provinces
from classify.place_names import Hit, find_hits
from hexapolis.records import Level

RULES_PATH = Path(__file__).with_name("kinds.yaml")

_BARE = (Level.PROVINCE, Level.CITY, Level.DISTRICT)  # ranks whose bodies can be named without a place
_RANK = {Level.NATIONAL: 0, Level.PROVINCE: 1, Level.CITY: 2, Level.DISTRICT: 3}
_CHAIN_GAPS = frozenset(("", "市", "省", "·", "'s ", "\u2019s ", " ", ", ", " of ", ", in ", "'s capital "))
_DISTRICT_EN = re.compile(r"\b([A-Z][\w'\u2019]+)(?: [Dd]istrict| [Cc]ounty| New Area)\b")
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
    bodies: Mapping[Level, re.Pattern[str]]
    body: re.Pattern[str]
    other_name: re.Pattern[str]
    zone: re.Pattern[str]
    zone_names: re.Pattern[str]
    district_names: frozenset[str]
    province_names: re.Pattern[str]


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
    for code, (zh, zh_full, en) in provinces().items():
        if city_by_code(code) is None:
            province_names += [re.escape(zh_full), f"{zh}省?", rf"\b{re.escape(en)}\b(?: [Pp]rovince)?"]
    return _Rules(
        {Level.NATIONAL: _compiled("|".join(raw["national"]))}
        | {level: _compiled(raw[level.value]) for level in _BARE},
        _compiled(raw["body"]),
        _compiled(raw["other_name"]),
        _compiled(raw["zone"]),
        _compiled(raw["zone_names"]),
        frozenset(districts - {""}),
        re.compile("|".join(sorted(province_names, key=len, reverse=True))),
    )


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def find_chains(text: str) -> tuple[Chain, ...]:
    """All that the text names, in order; Simplified or English."""
    return tuple(_chains(text, sorted(_mentions(text), key=lambda body: (body.start, -body.end))))


def _chains(text: str, bodies: list[Body]) -> Iterator[Chain]:
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


def _mentions(text: str) -> Iterator[Body]:
    rules = _rules()
    for level, pattern in rules.bodies.items():
        for match in pattern.finditer(text):
            if match.end() > match.start():
                yield Body(match.start(), match.end(), level, True)
    hits = find_hits(text)
    covered = {position for hit in hits for position in range(hit.start, hit.end)}
    for match in rules.province_names.finditer(text):
        if match.start() not in covered and not rules.other_name.match(text, match.end()):
            yield _named(text, match.start(), match.end(), Level.PROVINCE)
    for match in _DISTRICT_EN.finditer(text):
        if match[1].lower() in rules.district_names:
            yield _named(text, match.start(), match.end(), Level.DISTRICT)
    for _, start, end in names().zh_scanner.scan(text):  # a 鼓楼区 is a district, whichever city's
        if text[end - 1] in "区县旗" and start not in covered and text[end - 1 : end + 1] not in _NO_DISTRICT:
            yield _named(text, start, end, Level.DISTRICT)
    for hit, following in islice(pairwise([*hits, None]), _ENOUGH):
        assert hit is not None
        if rules.other_name.match(text, hit.end) or _is_aside(text, hit):
            continue
        body = _place(text, hit, following.start if following is not None else len(text))
        if body.acts or hit.kind != "abbreviation":  # 在京揭晓 says where, not who
            yield body


def _named(text: str, start: int, end: int, level: Level) -> Body:
    return Body(start, end, level, bool(_rules().body.match(text, end)))


def _is_aside(text: str, hit: Hit) -> bool:
    """Whether its sentence only compares with the place, passes through it or meets there."""
    begin = max(0, hit.start - _WINDOW)
    window = text[begin : hit.end + _WINDOW]
    moved = Hit(hit.start - begin, hit.end - begin, hit.code, hit.kind, hit.chinese)
    return read_hits(window, [moved], 0)[0].demoted


def _place(text: str, hit: Hit, stop: int) -> Body:
    """The city, district or zone that a hit of the gazetteer names; `stop` is where the next begins."""
    rules = _rules()
    name = text[hit.start : hit.end]
    zone = rules.zone.match(text, hit.end)
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
