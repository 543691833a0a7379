"""A proposed source: what discovery found, as an entry of a catalogue file.

Writes YAML text and nothing else; finding is `discover.py`, putting it into a file is `add_entry.py`.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from crawler.families import FAMILIES
from hexapolis.records import EntryPoint

_DROPPED = frozenset({"www", "com", "cn", "org", "net", "edu", "co", "hk"})


@dataclass(frozen=True, slots=True)
class Sample:
    """One article that was fetched to try the proposal."""

    url: str
    verdict: str | None  # None: it was not fetched
    detail: str = ""  # why it is no article, or was not fetched
    title: str | None = None
    published_on: dt.date | None = None
    characters: int = 0


@dataclass(frozen=True, slots=True)
class Proposal:
    """A source that may be added to a catalogue."""

    id: str
    name: str
    entry_points: tuple[EntryPoint, ...]
    name_zh: str | None = None
    city_code: str | None = None
    scope: str | None = None  # None: the catalogue's default
    language: str = "zh"
    kind: str = "media"
    family: str | None = None
    article_url: str | None = None
    content: str = "page"
    samples: tuple[Sample, ...] = ()
    notes: tuple[str, ...] = ()  # what whoever adds it should know

    @property
    def is_tried(self) -> bool:
        """Whether at least one page that it brings reads as an article, or none needs to be read."""
        return self.content != "page" or any(sample.verdict == "article" for sample in self.samples)


def source_id(url: str, taken: Collection[str] = ()) -> str:
    """A short id from the host: `https://www.sz.gov.cn/` gives `sz-gov`; numbered if it is taken."""
    parts = urlsplit(url)
    labels = re.findall(r"[a-z0-9]+", (parts.hostname or "").lower())
    if parts.port:
        labels.append(str(parts.port))
    kept = [label for label in labels if label not in _DROPPED] or labels or ["source"]
    name = "-".join(kept)[:56]
    number = 2
    unique = name
    while unique in taken:
        unique, number = f"{name}-{number}", number + 1
    return unique


def entry_text(proposal: Proposal, day: dt.date, indent: str = "  ") -> str:
    """The entry as YAML lines, for a list of sources indented by `indent`.

    Text that a site gave is quoted and kept on one line: a title cannot become another field.
    """
    source = proposal
    lines = [f"- id: {source.id}", f"  name: {_quoted(source.name)}"]
    optional = {
        "name_zh": _quoted(source.name_zh) if source.name_zh else None,
        "city_code": f'"{source.city_code}"' if source.city_code else None,
        "scope": source.scope,
        "language": source.language,
        "kind": source.kind,
        "family": source.family,
        "content": source.content if source.content != FAMILIES[source.family or "generic"].content else None,
    }
    lines += [f"  {name}: {value}" for name, value in optional.items() if value]
    lines.append("  entry_points:")
    lines += [f"    - {_entry(entry, source.family)}" for entry in source.entry_points]
    if source.article_url:
        lines.append(f"  article_url: {_single(source.article_url)}")
    lines.append(f'  evidence: ["found by hexapolis sources add on {day}"]')
    comments = [f"# {_plain(note)}" for note in source.notes]
    return "".join(f"{indent}{line}\n" for line in [*comments, *lines])


def _entry(entry: EntryPoint, family: str | None) -> str:
    fields = [f"type: {entry.kind}", f"url: {_quoted(entry.url)}"]
    preset = FAMILIES[family or "generic"].paging
    if entry.kind == "list" and entry.paging.scheme != preset:
        fields.append(f"paging: {entry.paging.scheme}")
    return "{" + ", ".join(fields) + "}"


def _plain(text: str) -> str:
    return "".join(char for char in " ".join(text.split()) if char.isprintable())[:300]


def _quoted(text: str) -> str:
    return json.dumps(_plain(text), ensure_ascii=False)


def _single(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
