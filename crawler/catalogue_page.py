"""The page of the catalogue's sources, for people: which there are, how each is read, and why some are off.

`python -m crawler.catalogue_page > docs/sources.md` writes it. Everything on it comes from the catalogue. Not
for the fields of a source, which `docs/adding-a-source.md` explains, nor for how the last runs went, which
`hexapolis sources` shows.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from crawler.catalogue import Catalogue, load_catalogue
from hexapolis.records import Source

# English names by GB/T 2260 code, as the gazetteer has them; a city that is not here shows its code alone.
CITY_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "110000": "Beijing", "120000": "Tianjin", "210100": "Shenyang", "210200": "Dalian",
        "310000": "Shanghai", "320100": "Nanjing", "320200": "Wuxi", "320500": "Suzhou",
        "330100": "Hangzhou", "330200": "Ningbo", "340100": "Hefei", "350100": "Fuzhou", "350200": "Xiamen",
        "370100": "Jinan", "370200": "Qingdao", "410100": "Zhengzhou", "420100": "Wuhan",
        "430100": "Changsha", "440100": "Guangzhou", "440300": "Shenzhen", "441900": "Dongguan",
        "500000": "Chongqing", "510100": "Chengdu", "520100": "Guiyang", "610100": "Xi'an",
    }
)  # fmt: skip

# Media of the central state: a `Source` does not tell them from other national media, readers want to know.
STATE_MEDIA = frozenset(
    {
        "xinhua-zh", "xinhua-en", "people-zh", "people-en", "chinadaily", "cgtn", "globaltimes", "chinanews",
        "ecns", "gmw", "stdaily",
    }
)  # fmt: skip

_READ_AS = MappingProxyType(
    {
        "feed": ("feed", "feeds"),
        "sitemap": ("sitemap", "sitemaps"),
        "list": ("list page", "list pages"),
        "json": ("JSON interface", "JSON interfaces"),
        "gkmlpt": ("disclosure platform (gkmlpt)", "disclosure platforms (gkmlpt)"),
        "jpage": ("jpage column", "jpage columns"),
        "jpaas": ("jpaas column", "jpaas columns"),
        "wordpress": ("WordPress interface", "WordPress interfaces"),
    }
)
_TAKEN = MappingProxyType({"feed": "text taken from the feed", "headline": "headline and summary only"})
_LANGUAGES = MappingProxyType({"zh": "Chinese", "en": "English"})

# In the page's order; the first that fits.
_GROUPS: tuple[tuple[str, Callable[[Source], bool]], ...] = (
    ("Cities", lambda s: s.kind == "government" and s.scope == "city"),
    ("Provinces", lambda s: s.kind == "government" and s.scope == "province"),
    ("National bodies", lambda s: s.kind == "government"),
    ("State media", lambda s: s.id in STATE_MEDIA),
    ("City and provincial media", lambda s: s.kind == "media" and s.scope in ("city", "province")),
    ("Technology and business media", lambda s: s.kind == "media"),
    ("Research", lambda s: s.kind == "research"),
    ("Companies", lambda s: True),
)


def render_page(catalogue: Catalogue) -> str:
    """The whole page as Markdown: totals first, then one table for each group that has sources."""
    groups: dict[str, list[Source]] = {name: [] for name, _ in _GROUPS}
    for source in catalogue.sources:
        groups[next(name for name, fits in _GROUPS if fits(source))].append(source)
    groups["Cities"].sort(key=lambda s: s.city_code or "")
    lines = [
        "# Sources",
        "",
        "Every source of the bundled catalogue, `crawler/catalogue.yaml`. This page is made from it: change",
        "the catalogue, then run `python -m crawler.catalogue_page > docs/sources.md`. The fields are",
        "explained in `docs/adding-a-source.md`; `hexapolis sources` shows how the last runs went.",
        "",
        *_totals(catalogue.sources, groups),
        "",
        "A source that is off is kept with the reason. Confidence says how well its addresses are known:",
        "`seen-in-code`, a public crawler reads the list or feed, or it was checked on a stated day;",
        "`seen-url-shape`, only addresses of articles were seen; `guessed`, the list or the rule for article",
        "addresses is by analogy. The catalogue was not compiled from live visits: some may have moved.",
    ]
    for name, sources in groups.items():
        if sources:
            lines += ["", f"## {name}", "", *_table(sources)]
    return "\n".join(lines) + "\n"


def _totals(sources: Iterable[Source], groups: Mapping[str, list[Source]]) -> list[str]:
    sources = list(sources)
    on = [source for source in sources if source.enabled]
    cities, cities_on = (len({s.city_code for s in some if s.city_code}) for some in (sources, on))
    languages = Counter(source.language for source in sources)
    entries = Counter(entry.kind for source in sources for entry in source.entry_points)
    read = ", ".join(_counted(n, _READ_AS[kind]) for kind, n in entries.most_common())
    return [
        f"**{len(sources)} sources**: {len(on)} on, {len(sources) - len(on)} off. "
        f"**{cities} cities** have a source of their own, {cities_on} of them one that is on.",
        f"{languages['zh']} sources are in Chinese, {languages['en']} in English.",
        f"They are read from {sum(entries.values())} entry points: {read}.",
        "",
        "| group | sources | on | off |",
        "|---|---:|---:|---:|",
        *(
            f"| {name} | {len(some)} | {sum(s.enabled for s in some)} | {sum(not s.enabled for s in some)} |"
            for name, some in groups.items()
            if some
        ),
    ]


def _table(sources: Iterable[Source]) -> list[str]:
    return [
        "| source | city | language | kind | family | how it is read | state | confidence |",
        "|---|---|---|---|---|---|---|---|",
        *(f"| {' | '.join(_cell(text) for text in _row(source))} |" for source in sources),
    ]


def _row(source: Source) -> tuple[str, ...]:
    names = source.name if source.name_zh is None else f"{source.name}, {source.name_zh}"
    city = source.scope
    if source.city_code is not None:
        city = f"{CITY_NAMES.get(source.city_code, '')} {source.city_code}".strip()
    return (
        f"{names} (`{source.id}`)",
        city,
        _LANGUAGES.get(source.language, source.language),
        source.kind,
        source.family or "generic",
        _how_it_is_read(source),
        "on" if source.enabled else f"off: {source.disabled_reason}",
        source.confidence,
    )


def _how_it_is_read(source: Source) -> str:
    kinds = Counter(entry.kind for entry in source.entry_points)
    ways = ", ".join(_counted(n, _READ_AS[kind]) for kind, n in kinds.items())
    return f"{ways}; {_TAKEN[source.content]}" if source.content in _TAKEN else ways


def _counted(number: int, forms: tuple[str, str]) -> str:
    return f"{number} {forms[number != 1]}"


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


if __name__ == "__main__":
    sys.stdout.buffer.write(render_page(load_catalogue()).encode())  # UTF-8, whatever the terminal speaks
