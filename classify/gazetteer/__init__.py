"""The gazetteer: cities of China with their GB/T 2260 codes, and the names by which a text may mean them.

The tables beside this module are the data; this module reads them once, on first use. It knows names, not
texts: how a name is read in its sentence is `classify/cities.py`'s business. Not a list of all places: below
the county level only zones and facilities that stand for a city's policy are kept.

Tables (tab-separated, UTF-8): `provinces.tsv`; `cities.tsv` (level `municipality`, `sub-provincial`,
`prefecture`, `new-area`, `county` for county-level cities run by their province, `sar`); `places.tsv`
(districts, county-level cities, zones, facilities, programmes → city); `counties.tsv` (the other county-level
units, Chinese names only; `~` or `!` marks one that needs its city named too); `abbreviations.tsv` and
`joint_names.tsv` (沪, 京沪; read by `short_forms.py`); `not_cities*.txt` (phrases that contain a name and
mean something else).
What a name needs before it counts:

- `bare`: nothing, the short name is enough (海淀);
- `suffix`: its 市, 区 or 县 (罗湖区; 吉林 is a province; a place's short name, once its city is named);
- `city`: its city named in the text, because several cities have one (鼓楼区);
- `word`: its suffix and its city, because the short name is an everyday word (和平区).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from classify.gazetteer.short_forms import Abbreviations, abbreviations
from classify.gazetteer.tables import phrases, table
from classify.terms import TermScanner

__all__ = [
    "HOMONYM_DEFAULTS",
    "Abbreviations",
    "City",
    "Name",
    "Names",
    "PlaceName",
    "abbreviations",
    "all_cities",
    "city_by_code",
    "city_by_name",
    "fold",
    "names",
    "place_rows",
    "provinces",
    "short_names",
    "word_texts",
    "words",
]

_Add = Callable[[str, "Name"], None]
_EN_WORD = re.compile(r"[A-Za-z\u00c0-\u00ff0-9]+(?:['\u2019](?!s\b)[a-z]+)*")
_EN_SUFFIXES = ("District", "County", "New Area", "City", "New District")


@dataclass(frozen=True, slots=True)
class City:
    """A city at prefecture level or above, or a county-level city that its province runs."""

    code: str  # GB/T 2260, six digits
    en: str  # without suffix: `Xi'an`
    zh: str  # without suffix: 西安
    province_code: str
    level: str  # municipality, sub-provincial, prefecture, new-area, county, sar
    zh_full: str  # 西安市, 延边朝鲜族自治州
    needs: str  # what the short name needs before it counts: `bare`, `suffix` or, also in English, `word`


@dataclass(frozen=True, slots=True)
class Name:
    """One reading of a string: what it is and which city it stands for."""

    kind: str  # city, place, province, or trap (a phrase that is not a place)
    code: str  # of the city; of the province for a province; empty for a trap
    needs: str  # bare, suffix, city, or word: here, a form without suffix that must follow its city


@dataclass(frozen=True, slots=True)
class Names:
    """Both languages' names, indexed for a longest-match scan."""

    zh: dict[str, tuple[Name, ...]]  # full string → its readings
    zh_scanner: TermScanner  # finds the strings of `zh` in a text
    en: dict[tuple[str, ...], tuple[Name, ...]]  # folded words → readings
    en_starts: dict[str, tuple[int, ...]]  # first folded word → numbers of words, longest first


def words(text: str) -> list[re.Match[str]]:
    """The English words of a text, without a possessive 's; `Xi'an` is one word."""
    return list(_EN_WORD.finditer(text))


def word_texts(text: str) -> list[str]:
    """The same words without their places."""
    return _EN_WORD.findall(text)


def fold(word: str) -> str:
    """One form for `Xi’an` and `XI'AN`, `Ürümqi` and `Urumqi`."""
    return word.casefold().replace("\u2019", "'").replace("ü", "u")


def _key(name: str) -> tuple[str, ...]:
    return tuple(fold(m.group()) for m in words(name))


def _split(field: str) -> list[str]:
    return [part for part in field.split(",") if part]


@cache
def all_cities() -> tuple[City, ...]:
    """Every city, by code."""
    return tuple(
        City(r["code"], r["en"], r["zh"], r["code"][:2] + "0000", r["level"], r["zh_full"], r["needs"])
        for r in table("cities.tsv")
    )


@cache
def provinces() -> dict[str, tuple[str, str, str]]:
    """Province code → Chinese short name, Chinese full name, English name."""
    return {r["code"]: (r["zh"], r["zh_full"], r["en"]) for r in table("provinces.tsv")}


@cache
def _by_code() -> dict[str, City]:
    return {c.code: c for c in all_cities()}


def city_by_code(code: str) -> City | None:
    """The city with that GB/T 2260 code, or None."""
    return _by_code().get(code)


# English names that two cities share, and the one that the bare name means; None: it means neither by itself.
HOMONYM_DEFAULTS: dict[str, str | None] = {
    "suzhou": "320500",
    "fuzhou": "350100",
    "taizhou": None,
    "yulin": None,
    "yichun": None,
}


def city_by_name(name: str) -> City | None:
    """The city of that English or Chinese name, with or without its suffix (市, City); no districts.

    An English name that two cities share gives its usual bearer (`Suzhou` is the one in Jiangsu), or None
    where there is no usual one (`Taizhou`).
    """
    wanted = name.strip()
    key = _key(wanted)
    if key and key[0] in HOMONYM_DEFAULTS and key[1:] in ((), ("city",)):
        code = HOMONYM_DEFAULTS[key[0]]
        return city_by_code(code) if code else None
    readings = names().zh.get(wanted) or names().en.get(key, ())
    return next((city_by_code(r.code) for r in readings if r.kind == "city"), None)


@cache
def names() -> Names:
    """All names, read from the tables on first use."""
    zh: dict[str, list[Name]] = defaultdict(list)
    en: dict[tuple[str, ...], list[Name]] = defaultdict(list)

    def add_zh(text: str, name: Name) -> None:
        if text and name not in zh[text]:
            zh[text].append(name)

    def add_en(text: str, name: Name) -> None:
        key = _key(text)
        if key and name not in en[key]:
            en[key].append(name)

    _add_provinces(add_zh, add_en)
    _add_cities(add_zh, add_en)
    _add_places(add_zh, add_en)
    for line in phrases("not_cities.txt"):
        for phrase in _expand(line):
            add_zh(phrase, Name("trap", "", "bare"))
    for phrase in phrases("not_cities_en.txt"):
        add_en(phrase, Name("trap", "", "bare"))
    return Names(
        {k: tuple(v) for k, v in zh.items()},
        TermScanner(list(zh)),
        {k: tuple(v) for k, v in en.items()},
        _starts((k[0], len(k)) for k in en),
    )


def _starts(pairs: Iterable[tuple[str, int]]) -> dict[str, tuple[int, ...]]:
    lengths: dict[str, set[int]] = defaultdict(set)
    for start, length in pairs:
        lengths[start].add(length)
    return {start: tuple(sorted(ls, reverse=True)) for start, ls in lengths.items()}


def _expand(line: str) -> list[str]:
    """`以上海{外 洋} 出海口` → 以上海外, 以上海洋, 出海口."""
    found: list[str] = []
    for item in re.findall(r"[^\s{]+(?:\{[^}]*\})?", line):
        stem, _, rest = item.partition("{")
        found.extend(stem + tail for tail in rest.rstrip("}").split()) if rest else found.append(stem)
    return found


def _add_provinces(add_zh: _Add, add_en: _Add) -> None:
    for code, (zh, zh_full, en) in provinces().items():
        if city_by_code(code):  # municipalities, Hong Kong and Macao are cities here
            continue
        for text in (zh, zh_full, zh + "省"):
            add_zh(text, Name("province", code, "bare"))
        add_en(en, Name("province", code, "bare"))
        add_en(en + " Province", Name("province", code, "bare"))


def _add_cities(add_zh: _Add, add_en: _Add) -> None:
    taken = {p[2] for p in provinces().values()} | {r["en"] for r in table("places.tsv")}
    for row, city in zip(table("cities.tsv"), all_cities(), strict=True):
        bare = Name("city", city.code, "bare")
        add_zh(city.zh_full, bare)
        add_zh(city.zh, Name("city", city.code, city.needs))
        if city.zh_full.endswith("自治州"):  # 海南州 for 海南藏族自治州
            add_zh(city.zh + "州", bare)
        for alias in _split(row["zh_aliases"]):
            add_zh(alias, bare)
        shared = city.needs == "word" or (city.needs == "suffix" and city.en in taken)
        add_en(city.en, Name("city", city.code, "suffix" if shared else "bare"))
        for ending in ("City", "Municipality", "Prefecture"):
            add_en(f"{city.en} {ending}", bare)
        for alias in _split(row["en_aliases"]):
            add_en(alias, bare)
        if "'" in city.en and city.en not in ("Lu'an", "Ji'an"):  # Luan and Jian are other words
            add_en(city.en.replace("'", ""), bare)


@dataclass(frozen=True, slots=True)
class PlaceName:
    """One place of the tables: a district, county, zone or facility, and the city it counts to."""

    kind: str
    code: str
    zh: str  # without suffix; empty when only an English name is known
    suffix: str  # 区, 县, 市, or empty
    en: tuple[str, ...]
    needs: str


@cache
def place_rows() -> tuple[PlaceName, ...]:
    """Every place, as the tables have it."""
    rows = [
        PlaceName("place", r["city_code"], r["zh"], r["suffix"], tuple(_split(r["en"])), r["needs"])
        for r in table("places.tsv")
    ]
    for row in table("counties.tsv"):
        for name in row["names"].split():
            needs = {"~": "city", "!": "word"}.get(name[-1], "suffix")
            rows.append(PlaceName("place", row["city_code"], name.rstrip("~!"), "", (), needs))
    return tuple(rows)


@cache
def short_names(code: str) -> frozenset[str]:
    """Chinese names without 区, 县 or 市 of a city's places, but everyday words (和平, 振兴)."""
    rows = (row for row in place_rows() if row.code == code and row.needs != "word")
    bare = (row.zh if row.suffix else row.zh.rstrip("区县市旗") for row in rows)
    return frozenset(name for name in bare if len(name) > 1)


def _add_places(add_zh: _Add, add_en: _Add) -> None:
    for row in table("places.tsv"):
        code, suffix, needs = row["city_code"], row["suffix"], row["needs"]
        whole = "bare" if needs in ("bare", "suffix") else "city"
        short = needs if needs in ("bare", "word") else "city"
        if not suffix:
            whole = needs
        if row["zh"]:
            add_zh(row["zh"] + suffix, Name("place", code, whole))
        if suffix and row["zh"]:
            add_zh(row["zh"], Name("place", code, short))
        for en in _split(row["en"]):
            add_en(en, Name("place", code, short if suffix else whole))
            for ending in _EN_SUFFIXES if suffix else ():
                add_en(f"{en} {ending}", Name("place", code, whole))
    for row in table("counties.tsv"):
        for name in row["names"].split():
            marked = name[-1] in "~!"
            add_zh(name.rstrip("~!"), Name("place", row["city_code"], "city" if marked else "bare"))
