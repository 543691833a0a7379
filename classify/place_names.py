"""Where a text names a place of the gazetteer, and which city each name stands for.

Longest match first, so that 东西安排 or 吉林省 takes its characters away from the city inside it. A name that
several places share counts only with its city, its province or its suffix beside it; one that stays open is
left out. What the sentence says of the place is `classify/city_context.py`'s business.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Protocol

from classify.gazetteer import (
    HOMONYM_DEFAULTS,
    Name,
    abbreviations,
    fold,
    names,
    short_names,
    word_texts,
    words,
)
from classify.terms import without_surrogates

# Characters of Traditional Chinese that no Simplified text holds; one of them has the whole text folded.
_TRADITIONAL = re.compile(
    "[國會為這說們個來時對發經業區廣東蘇臺灣龍門濟陽寧應術開關創導點長漢滬貴園環雲數據產]"
)
_STREET_ZH = re.compile(
    r"[东西南北中环]{0,2}(?:大道|大街|公路)|[东西南北中]{0,2}[一二三四五六]?路(?![演径网线况段由桥政灯权透边])"
    r"|街(?![道头区镇坊])"
)
_STREET_EN = re.compile(
    r"\s+(?:(?:East|West|North|South|Middle|Central)\s+)?(?:Road(?![ -]?[Mm]ap)|Avenue|Street|Boulevard|Rd)\b"
)
_SMALL = frozenset(("and", "in", "of"))  # words of an English name that are not capitalised
_CITIES_COUNTED = frozenset(("两市", "三市", "四市", "五市", "等市"))
_BAD_SUFFIX = frozenset(("市场", "市值", "区域", "区间", "区块", "区别", "区分"))


class _Converter(Protocol):
    def convert(self, text: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Hit:
    """One place named in the text, `text[start:end]`, and the city it counts to."""

    start: int
    end: int
    code: str
    kind: str  # city, place, abbreviation, joint (京沪: one hit for each of its cities)
    chinese: bool


@dataclass(frozen=True, slots=True)
class _Match:
    start: int
    end: int
    readings: tuple[Name, ...]
    key: str
    chinese: bool


@cache
def _opencc() -> _Converter:
    import opencc  # loading its dictionaries takes a while, and most texts are Simplified or English

    converter: _Converter = opencc.OpenCC("t2s")
    return converter


def to_simplified(text: str) -> str:
    """Traditional folded to Simplified, one character for one, so that positions stay.

    A lone surrogate, which no converter takes, becomes a space.
    """
    if not _TRADITIONAL.search(text):
        return text
    text = without_surrogates(text)
    folded = _opencc().convert(text)
    if len(folded) == len(text):
        return folded
    pieces = (_opencc().convert(char) for char in text)
    return "".join(new if len(new) == 1 else old for old, new in zip(text, pieces, strict=True))


def find_hits(
    text: str, source_city: str | None = None, scanned: Sequence[tuple[int, int, int]] | None = None
) -> list[Hit]:
    """Every place in the text that can be told, in order of position.

    Args:
        text: Simplified Chinese or English.
        source_city: code of the city that the text's source belongs to. It decides a shared name that the
            text itself leaves open (南山 from a source in Shenzhen), and nothing else.
        scanned: what `names().zh_scanner` finds in the text, for who has it already.
    """
    matches = sorted([*_chinese(text, scanned), *_english(text)], key=lambda m: m.start)
    named, near = _certain(text, matches)
    hits = []
    for i, match in enumerate(matches):
        beside = _adjacent_codes(text, matches, i)
        code = _decide(match, beside, named, near, source_city) or _counted(text, match)
        if code:
            kind = next((n.kind for n in match.readings if n.code == code), "place")
            hits.append(Hit(match.start, match.end, code, kind, match.chinese))
    provinces = {code for _, code in near}
    return sorted([*hits, *_abbreviated(text, matches, provinces)], key=lambda h: h.start)


def _chinese(text: str, scanned: Sequence[tuple[int, int, int]] | None) -> list[_Match]:
    if text.isascii():
        return []
    index = names()
    if scanned is None:
        scanned = index.zh_scanner.scan(text)
    runs = [(start, start - end) for _, start, end in scanned]
    runs.sort()  # by position, longest first
    found, free = [], 0
    for start, minus in runs:
        end = start - minus
        if start < free or (minus < -2 and text[end - 1 : end + 1] in _BAD_SUFFIX):
            continue  # inside the name before; or 合作市场, which is no city: a shorter name may be
        free = end
        if not _STREET_ZH.match(text, end):
            key = text[start:end]
            found.append(_Match(start, end, index.zh[key], key, True))
    return found


def _english(text: str) -> list[_Match]:
    index, tokens = names(), word_texts(text)
    places: list[re.Match[str]] | None = None  # most texts name no place in English
    found, free = [], 0
    for i, word in enumerate(tokens):
        if i < free or not word[0].isupper():
            continue
        for n in index.en_starts.get(fold(word), ()):
            run = tokens[i : i + n]
            if len(run) < n:
                continue
            key = tuple(map(fold, run))
            readings = index.en.get(key)
            if readings is None or not all(t[0].isupper() or t in _SMALL for t in run):
                continue
            if places is None:
                places = words(text)
            run_places = places[i : i + n]
            if any(b.start() - a.end() != 1 for a, b in pairwise(run_places)):
                continue
            free, start, end = i + n, run_places[0].start(), run_places[-1].end()
            if not _STREET_EN.match(text, end):
                found.append(_Match(start, end, readings, " ".join(key), False))
            break
    return found


def _certain(text: str, matches: list[_Match]) -> tuple[set[str], list[tuple[int, str]]]:
    """Cities named beyond doubt, and where provinces (and cities, for their province) are named."""
    named: set[str] = set()
    near: list[tuple[int, str]] = []
    for match in matches:
        certain = {n.code for n in match.readings if n.needs == "bare" and n.kind in ("city", "place")}
        near.extend((match.start, n.code) for n in match.readings if n.kind == "province")
        if len(certain) == 1 and len(match.readings) == 1:
            code = certain.pop()
            named.add(code)
            near.append((match.start, code[:2] + "0000"))
    return named, near


def _decide(
    match: _Match, adjacent: set[str], named: set[str], near: list[tuple[int, str]], home: str | None
) -> str | None:
    """The city a name stands for, or None: by what is beside it, in the text, then the source."""
    readings = match.readings
    places = [n for n in readings if n.kind == "place"]
    cities = [n for n in readings if n.kind == "city"]
    for name in places:
        if name.code in adjacent:
            return name.code
    for name in cities:
        if name.code[:2] + "0000" in adjacent:  # 辽宁朝阳, 甘肃白银
            return name.code
    here = [n.code for n in places if n.needs in ("bare", "city") and n.code in named]
    if here:
        return _nearest(match.start, here, near)
    sure = [n.code for n in cities if n.needs == "bare"]
    if len(sure) == 1:
        return sure[0]
    if sure:
        return _homonym(match, sure, near, home)
    if home and (home in {n.code for n in readings if n.needs != "word"} or match.key in short_names(home)):
        return home
    lone = {n.code for n in places if n.needs == "bare"}
    return lone.pop() if len(lone) == 1 and len({n.code for n in places}) == 1 else None


def _counted(text: str, match: _Match) -> str | None:
    """The city in a list that ends in 两市 or 等市 (长春、吉林两市): that stands for each name's 市."""
    cities = [n.code for n in match.readings if n.kind == "city"]
    return cities[0] if len(cities) == 1 and text[match.end : match.end + 2] in _CITIES_COUNTED else None


def _adjacent_codes(text: str, matches: list[_Match], i: int) -> set[str]:
    """Codes of the city or province right before the name (深圳南山), in English also right after it."""
    match = matches[i]
    beside: set[str] = set()
    if i and matches[i - 1].chinese == match.chinese:
        gap = text[matches[i - 1].end : match.start]
        if gap in (("", "市", "省", "·") if match.chinese else ("'s ", "\u2019s ", " ")):
            beside.update(n.code for n in matches[i - 1].readings)
    if not match.chinese and i + 1 < len(matches):
        gap = text[match.end : matches[i + 1].start]
        if gap in (", ", " in ", " of ", " District of ", " District in "):
            beside.update(n.code for n in matches[i + 1].readings)
    return beside


def _nearest(position: int, codes: list[str], near: list[tuple[int, str]]) -> str:
    def distance(code: str) -> int:
        return min((abs(position - p) for p, c in near if c == code[:2] + "0000"), default=1 << 30)

    return min(codes, key=lambda c: (distance(c), c))


def _homonym(match: _Match, codes: list[str], near: list[tuple[int, str]], home: str | None) -> str | None:
    """Which Suzhou, Fuzhou, Taizhou …: by the nearest province or its city, else the source, else use."""
    by_province = {code[:2] + "0000": code for code in codes}
    known = [(abs(match.start - p), c) for p, c in near if c in by_province]
    if known:
        return by_province[min(known)[1]]
    return home if home in codes else HOMONYM_DEFAULTS.get(match.key.split()[0])


def _abbreviated(text: str, matches: list[_Match], provinces: set[str]) -> Iterator[Hit]:
    """Short forms outside the names in full; of two that overlap, the longer."""
    table = abbreviations()
    starts = [m.start for m in matches]
    free = 0
    for number, start, end in sorted(table.scanner.scan(text), key=lambda found: (found[1], -found[2])):
        if start < free or not table.patterns[number].match(text, start) or table.unless[number] in provinces:
            continue
        before = bisect_left(starts, end) - 1  # the last full name that starts before this form's end
        if before >= 0 and matches[before].end > start:
            continue
        free = end
        for code in table.codes[number]:
            yield Hit(start, end, code, "joint" if len(table.codes[number]) > 1 else "abbreviation", True)
