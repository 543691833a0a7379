"""Which cities a text is about, and which it only names.

Finds the names of the gazetteer in Chinese (Simplified or Traditional) and English, reads each in its
sentence, and decides for each city: *subject* (the text states its policy, task, facility or result) or
*mentioned* (compared with, passed through, venue, dateline, part of an institution's name). Not for places
below the gazetteer, and not for whether the text is relevant: that is the model's work.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from classify.city_context import Reading, headline_of, is_written_elsewhere, read_hits
from classify.gazetteer import City, all_cities, city_by_code, city_by_name
from classify.place_names import Hit, find_hits, to_simplified
from hexapolis.records import CityRole, CityTag

__all__ = ["City", "all_cities", "city_by_code", "city_by_name", "find_cities"]

_SHARE = 0.5  # of the strongest city's weight: from here on a city shares the lead
_CLEARLY = 1.5  # times the strongest city with a stated fact: a city without one leads all the same
_FLOOR = 1.0  # weight of one plain mention; less is never a subject
_OWN_CITY = re.compile(r"[我本全][市区县]|\b(?:our|this)\s(?:city|municipality|district)\b", re.IGNORECASE)


def find_cities(title: str | None, text: str, *, source_city: str | None = None) -> tuple[CityTag, ...]:
    """The cities of a text: subjects first, then those mentioned, each group by strength.

    Args:
        title: the headline, if known apart from the text; otherwise a short first line of the text is taken.
        text: the article or passage.
        source_city: code of the city that the text's source belongs to. It decides names that several places
            share and the text leaves open, and makes that city the subject of a text that says 我市 or
            "our city" and writes about no other. It never outweighs what the text itself says.
    """
    title, body = headline_of(title, text)
    head, body = to_simplified(title), to_simplified(body)
    whole = f"{head}\n{body}" if head else body
    hits = find_hits(whole, source_city)
    readings = read_hits(whole, hits, len(head))
    strength: dict[str, float] = defaultdict(float)
    for reading in readings:
        strength[reading.code] += reading.weight
    subjects = _subjects(readings, strength)
    if source_city and not subjects and _speaks_of_home(whole, hits, readings, source_city):
        subjects = {source_city}
        strength[source_city] += _FLOOR
    order = sorted(strength, key=lambda code: (code not in subjects, -strength[code], code))
    return tuple(_tag(code, code in subjects) for code in order)


def _tag(code: str, subject: bool) -> CityTag:
    city = city_by_code(code)
    assert city is not None  # a name's city, as the gazetteer's tests hold, or a source's, looked up before
    return CityTag(code, city.en, CityRole.SUBJECT if subject else CityRole.MENTIONED)


def _subjects(readings: Iterable[Reading], strength: dict[str, float]) -> set[str]:
    """The title decides where it names a city; else facts stated of a city; else the strongest by far."""
    readings = [r for r in readings if not r.demoted]
    if not readings:
        return set()
    titled = {r.code for r in readings if r.in_title}
    facts: dict[str, int] = defaultdict(int)
    for reading in readings:
        facts[reading.code] += reading.fact
    strongest = max(strength.values())
    leading = {c for c, s in strength.items() if s >= max(_FLOOR, _SHARE * strongest)}
    if titled:
        return titled | {c for c in leading if facts[c] >= 2}
    stated = {c for c, n in facts.items() if n}
    if stated:
        best = max(strength[c] for c in stated)
        return stated | {c for c in leading if strength[c] >= _CLEARLY * best}
    return leading


def _speaks_of_home(whole: str, hits: Sequence[Hit], readings: Iterable[Reading], home: str) -> bool:
    """Whether the text says "our city" and means `home`: no other city is written about, or from."""
    if city_by_code(home) is None or not _OWN_CITY.search(whole):
        return False
    return all(r.demoted or r.code == home for r in readings) and not is_written_elsewhere(whole, hits, home)
