"""Rules that the corpus keeps: its size and balance, its pairs, its cities, and the form of its lines.

Thresholds are the least that the corpus promises (`classify/corpus/README.md`), not what it has.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from bench.corpus_check.entries import Entry, Finding
from classify.cities import all_cities, find_cities
from classify.folding import fold
from hexapolis.records import DIMENSIONS

FIELDS = ("id", "lang", "unit", "genre", "title", "text", "dims", "relevant", "cities", "pair")
"""In the order of the lines; `title` and `pair` may be absent."""

TEXTS = 3000
TEXTS_PER_LANGUAGE = 1500
NONE_SHARE = 1 / 3  # of all texts carry no dimension
RULES = 14  # numbered boundaries of the codebook
PAIRS_PER_RULE = 10

_PAIR = re.compile(r"rule-(\d\d)-([a-z])")
_HOME = re.compile(
    r"[我本全这该][市区县州港]|市[委政]|香港|特[区首]|立法[会會]|[区县市](?:里|府|人民政府)"
    r"|\b(?:the|our|this) (?:city|municipality|district|zone|mayor|council)|\bmunicipal|\bcity'?s?\b",
    re.IGNORECASE,
)
_SLOGAN = re.compile(r"高地|一流|标杆|奋力|谱写|抢抓|新篇章|弄潮|world-class|highland|great story")
_BRACKET = re.compile(r"[（(](?:责任|牵头|配合|Responsible|Lead)[^）)]*[）)]|关键词|Keywords:|Tags:")
_SUBSTANCE = re.compile(r"\d|[一二三四五六七八九十百千万亿两]+[个家项条台座名户所期件套款支处亿万元]")
_SHORT = {"zh": 70, "en": 200}  # characters; a slogan is not longer


def find_broken_rules(entries: Sequence[Entry]) -> list[Finding]:
    """Hard findings on all texts of the corpus together."""
    checks = (_form, _ids, _cities, _counts, _pairs)
    return [finding for find in checks for finding in find(entries)]


def _form(entries: Sequence[Entry]) -> list[Finding]:
    found = []
    for entry in entries:
        known = [field for field in FIELDS if field in entry.fields]
        missing = set(FIELDS) - {"title", "pair"} - set(entry.fields)
        if missing or list(entry.fields) != known:
            found.append(Finding("fields", (entry.id,), f"{', '.join(entry.fields)}", hard=True))
    return found


def _ids(entries: Sequence[Entry]) -> list[Finding]:
    files: dict[str, list[str]] = defaultdict(list)
    for entry in entries:
        files[entry.id].append(entry.file)
    return [
        Finding("id", (name,), f"in {' and '.join(places)}", hard=True)
        for name, places in files.items()
        if len(places) > 1
    ]


def _cities(entries: Sequence[Entry]) -> list[Finding]:
    """Cities that the gazetteer does not have: misspelt, foreign, or of Taiwan.

    A county-level city may stand beside the city that it counts to (`Suzhou`, `Kunshan`).
    """
    known = {city.en for city in all_cities()}
    found = []
    for entry in entries:
        own = set(entry.item.cities or ())
        for name in sorted(own - known):
            codes = [city.code for city in all_cities() if city.en in own]
            if not any(find_cities(None, name, source_city=code) for code in codes):
                found.append(Finding("city", (entry.id,), f"{name!r} is not in the gazetteer", hard=True))
    return found


def _counts(entries: Sequence[Entry]) -> list[Finding]:
    languages = Counter(entry.language for entry in entries)
    none = sum(not entry.item.dims for entry in entries)
    wanted = [("texts", len(entries), TEXTS), ("texts without a dimension", none, NONE_SHARE * len(entries))]
    wanted += [(f"{name} texts", languages[name], TEXTS_PER_LANGUAGE) for name in ("zh", "en")]
    return [
        Finding("count", (), f"{count} {what}, at least {least:.0f} are wanted", hard=True)
        for what, count, least in wanted
        if count < least
    ]


def _pairs(entries: Sequence[Entry]) -> list[Finding]:
    pairs: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.pair:
            pairs[entry.pair].append(entry)
    found, per_rule = [], Counter[int]()
    for name, members in pairs.items():
        ids = tuple(member.id for member in members)
        match = _PAIR.fullmatch(name.split(" ")[1])
        if match is None or not 1 <= int(match[1]) <= RULES:
            found.append(Finding("pair", ids, f"{name!r} names no rule of the codebook", hard=True))
        elif len(members) != 2:
            found.append(Finding("pair", ids, f"{name} has {len(members)} texts, not two", hard=True))
        elif members[0].label == members[1].label:
            found.append(Finding("pair", ids, f"both texts of {name} have the same labels", hard=True))
        else:
            per_rule[int(match[1])] += 1
    for rule in range(1, RULES + 1):
        if per_rule[rule] < PAIRS_PER_RULE:
            detail = f"rule {rule} has {per_rule[rule]} pairs, at least {PAIRS_PER_RULE} are wanted"
            found.append(Finding("pair", (), detail, hard=True))
    return found


def find_doubtful(entries: Sequence[Entry]) -> list[Finding]:
    """Soft: cities in texts that name none, relevance without a city, dimensions of slogans and brackets."""
    found = []
    for entry in entries:
        item = entry.item
        whole = f"{item.title or ''}\n{item.text}"
        if item.cities and not find_cities(item.title, item.text):
            detail = f"{', '.join(item.cities)}, and the text names no city"
            found.append(Finding("city unnamed", (entry.id,), detail))
        if item.relevant and not item.cities and not _HOME.search(fold(whole)):
            found.append(Finding("relevant nowhere", (entry.id,), "no city is named or hinted at"))
        bare = _BRACKET.sub("", item.text)
        empty = len(bare.strip()) < 0.4 * len(item.text)
        slogan = len(item.text) <= _SHORT[entry.language] and _SLOGAN.search(whole)
        if item.dims and (empty or (slogan and not _SUBSTANCE.search(item.text))):
            what = "a bracket" if empty else "a slogan"
            detail = f"{what} carries {', '.join(sorted(item.dims))}"
            found.append(Finding("empty words", (entry.id,), detail))
    return found


def count_table(entries: Sequence[Entry]) -> str:
    """Counts for each file, and for the genres with at least ten texts, by label."""
    names = ("texts", "relevant", "none", *DIMENSIONS)
    rows = [f"{'':24}" + "".join(f"{name[:11]:>12}" for name in names)]
    genres = Counter(entry.item.meta.get("genre", "") for entry in entries)
    files = sorted({entry.file for entry in entries})
    groups = [(name, [e for e in entries if e.file == name]) for name in files]
    for language in ("zh", "en"):
        groups.append((f"all {language}", [e for e in entries if e.language == language]))
    groups.append(("all", list(entries)))
    for genre, count in genres.most_common():
        if count >= 10:
            groups.append((f"· {genre}", [e for e in entries if e.item.meta.get("genre") == genre]))
    for name, members in groups:
        counts = [len(members), sum(bool(e.item.relevant) for e in members)]
        counts.append(sum(not e.item.dims for e in members))
        counts += [sum(d in e.item.dims for e in members) for d in DIMENSIONS]
        rows.append(f"{name[:24]:24}" + "".join(f"{count:12}" for count in counts))
    return "\n".join(rows)
