"""Generalise the addresses of a site's articles: which have one shape, and the rule that fits that shape.

Two addresses have one shape when they differ only in numbers, hexadecimal ids, the words of a title, or the
folder of a column. Not for deciding whether a page is an article: the rule is tried on real pages.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

# 20240315, 2024/3/15, 2024-03/15
_DAY = re.compile(r"(?<!\d)((?:19|20)\d\d)[-/_]?(0?[1-9]|1[0-2])[-/_]?(0[1-9]|[12]\d|3[01]|[1-9])(?!\d)")
_DATED = re.compile(
    r"(?<!\d)(?:19|20)\d\d[-/_]?(?:0[1-9]|1[0-2]|[1-9](?!\d))(?=\D|$|(?:[0-2]\d|3[01])(?!\d))"
)
_INDEX = re.compile(r"(?:index|list|default|page|home|main|col|node|channel)[-_]?\d*", re.IGNORECASE)
_TOKEN = re.compile(
    r"(?P<uuid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    r"|(?P<hex>(?<![0-9a-f])(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{16,}+)(?![0-9A-Za-z])"
    r"|(?P<digits>\d+)"
    r"|(?P<other>\D)"
)
_EXTENSION = re.compile(r"\.[a-z]{2,5}$", re.IGNORECASE)
_LONGEST = 500  # characters; longer addresses are no articles' that anybody wrote by a rule
_WORDS = 3  # a title written into an address has at least so many
_TITLE = r"[^/?#\s_-]+(?:[-_]+[^/?#\s_-]+){2,}"
_ANYTHING = "[^/?#]+"
_FOLDERS = "(?:[^/?#]+/)*"


@dataclass(frozen=True, slots=True)
class Shape:
    """Addresses of one kind."""

    pattern: str  # regular expression for the whole address
    urls: tuple[str, ...]
    example: str  # the shape in short: /zwgk/N/tN_N.html


def states_date(url: str) -> bool:
    """Whether an address carries a year and month, as those of articles often do."""
    return _DATED.search(urlsplit(url).path) is not None


def stated_day(url: str) -> dt.date | None:
    """The day that an address carries; a day or two off the day of publication on some sites."""
    for match in _DAY.finditer(urlsplit(url).path):
        try:
            return dt.date(*map(int, match.groups()))
        except ValueError:
            continue
    return None


def shapes(urls: Iterable[str]) -> list[Shape]:
    """The shapes that articles' addresses may have, the commonest first; menus and front pages have none."""
    groups: dict[tuple[str, ...], list[_Parts]] = {}
    for url in dict.fromkeys(urls):
        parts = _parts(url)
        if parts is not None:
            groups.setdefault(parts.key, []).append(parts)
    found = [_shape(group) for group in groups.values()]
    return sorted(found, key=lambda shape: -len(shape.urls))


@dataclass(frozen=True, slots=True)
class _Parts:
    url: str
    host: str
    folders: tuple[str, ...]  # before the first one with a number
    numbered: tuple[str, ...]  # from there on
    name: str
    naming: str  # id: has a number of its own; title: the words of the title; any: a dated folder says it all
    extension: str  # with its dot, or nothing
    query: tuple[tuple[str, str], ...]  # the parameters with a number

    @property
    def key(self) -> tuple[str, ...]:
        """What the addresses of one shape share."""
        folders = [_signature(folder) if _varies(folder) else "*" for folder in self.numbered]
        name = _signature(self.name) if self.naming == "id" else self.naming
        query = "&".join(f"{name}={_signature(value)}" for name, value in self.query)
        return self.host, "/".join(folders), name, self.extension, query


def _parts(url: str) -> _Parts | None:
    """None for an address with nothing in it that could tell one article from another."""
    try:
        split = urlsplit(url)
    except ValueError:
        return None
    if len(url) > _LONGEST or split.scheme not in ("http", "https") or not split.hostname:
        return None
    *folders, name = split.path.lstrip("/").removesuffix("/").split("/")
    match = _EXTENSION.search(name)
    stem, extension = (name[: match.start()], match.group()) if match else (name, "")
    query = tuple(
        (key, value)
        for key, _, value in (piece.partition("=") for piece in split.query.split("&"))
        if re.search(r"\d", value)
    )
    if _is_title(stem):
        naming = "title"
    elif _identifies(stem):
        naming = "id"
    elif len(stem) > 1 and not _INDEX.fullmatch(stem) and _DATED.search("/".join(["", *folders, ""])):
        naming = "any"
    elif any(re.search(r"\d{2,}", value) for _, value in query):
        naming = "id"
    else:
        return None
    if naming == "title" and _DATED.search("/".join(["", *folders, ""])):
        naming = "any"  # shorter titles beside it are articles, too
    first = next((i for i, folder in enumerate(folders) if _varies(folder)), len(folders))
    return _Parts(
        url,
        split.netloc.lower(),
        tuple(folders[:first]),
        tuple(folders[first:]),
        stem,
        naming,
        extension,
        query if naming == "id" else (),
    )


def _varies(folder: str) -> bool:
    """Whether a folder is a date or an id: there is a number in it, and hardly anything else."""
    digits = sum(c.isdigit() for c in folder)
    return (digits > 0 and 2 * digits >= len(folder)) or bool(re.fullmatch(r"[0-9a-f]{16,}", folder))


def _identifies(stem: str) -> bool:
    """Whether a name has a number or id that may be an article's; `index_2` and `col123` have none."""
    if _INDEX.fullmatch(stem):
        return False
    return re.search(r"\d{3,}|[0-9a-f]{16,}|\d_\d", stem) is not None


def _is_title(stem: str) -> bool:
    words = [word for word in re.split(r"[-_]", stem) if word]
    letters = [word for word in words if re.search(r"[^\W\d_]{2}", word)]
    return len(words) >= _WORDS and 2 * len(letters) > len(words) and len(stem) >= 12


def _signature(text: str) -> str:
    return "".join(m.group() if m.lastgroup == "other" else f"<{m.lastgroup}>" for m in _TOKEN.finditer(text))


def _shape(group: Sequence[_Parts]) -> Shape:
    first = group[0]
    common: list[str] = []
    for column in zip(*(parts.folders for parts in group), strict=False):
        if len(set(column)) > 1:
            break
        common.append(column[0])
    path = "".join(f"{_escape(folder)}/" for folder in common)
    if any(len(parts.folders) > len(common) for parts in group):
        path += _FOLDERS
    for column in zip(*(parts.numbered for parts in group), strict=True):
        path += (_pattern(column) if _varies(column[0]) else _words(column)) + "/"
    if first.naming == "id":
        path += _pattern([parts.name for parts in group], name=True)
    else:
        path += _TITLE if first.naming == "title" else _ANYTHING
    path += _escape(first.extension) or "/?"
    end = "(?:$|[?#])"
    if first.query:
        path += r"\?(?:[^#]*&)?" + _pattern([_written(parts.query) for parts in group], name=True)
        end = "(?:$|[&#])"
    name = _short(first.name) if first.naming == "id" else "words-of-the-title"
    example = "/".join(["", *common, *map(_short, first.numbered), name]) + first.extension
    return Shape(
        f"^https?://{_escape(first.host)}/{path}{end}",
        tuple(parts.url for parts in group),
        example + (f"?{_short(_written(first.query))}" if first.query else ""),
    )


def _written(query: Sequence[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in query)


def _words(column: Sequence[str]) -> str:
    return _escape(column[0]) if len(set(column)) == 1 else _ANYTHING


def _pattern(texts: Sequence[str], *, name: bool = False) -> str:
    """The pattern of texts with one signature: the numbers in them are free, the rest is as it is."""
    rows = [list(_TOKEN.finditer(text)) for text in texts]
    return "".join(
        _token_pattern(column[0].lastgroup or "", {m.group() for m in column}, name)
        for column in zip(*rows, strict=True)
    )


def _token_pattern(kind: str, values: set[str], name: bool) -> str:
    lengths = {len(value) for value in values}
    if kind == "uuid":
        return "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    if kind == "hex":
        return f"[0-9a-f]{{{lengths.pop()}}}" if len(lengths) == 1 else "[0-9a-f]+"
    if kind == "digits":
        if all(value.startswith(("19", "20")) for value in values) and lengths in ({4}, {6}, {8}):
            return rf"\d{{{lengths.pop()}}}"
        return r"\d{1,2}" if max(lengths) <= 2 and not name else r"\d+"
    return _escape(values.pop())


def _escape(text: str) -> str:
    return re.sub(r"([.^$*+?{}\[\]\\|()])", r"\\\1", text)


def _short(text: str) -> str:
    names = {"uuid": "UUID", "hex": "HEX", "digits": "N"}
    return "".join(names.get(m.lastgroup or "", m.group()) for m in _TOKEN.finditer(text))
