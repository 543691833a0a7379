"""The catalogue: which sources there are and how each is read.

`load_catalogue` turns a YAML file into `Source` records, complete and checked, so that nothing after it needs
to ask whether a field makes sense. It opens no network connection: an address that is well written may still
be dead. The fields are described in `docs/adding-a-source.md`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from crawler.families import FAMILIES, Family
from crawler.urls import canonical_url, is_loopback
from hexapolis.errors import CatalogueError, UnknownSourceError, UsageError
from hexapolis.records import Ask, EntryPoint, JsonShape, Paging, Politeness, Selectors, Source

if TYPE_CHECKING:
    from pydantic import BaseModel

    from crawler.catalogue_schema import SourceFields
    from crawler.entry_point_schema import EntryPointFields
    from crawler.yaml_lines import KeyPath, YamlFile

BUNDLED = Path(__file__).with_name("catalogue.yaml")
"""The catalogue that comes with Hexapolis."""


@dataclass(frozen=True)
class Catalogue:
    """All sources of one file, in the file's order."""

    path: Path
    sources: tuple[Source, ...]

    @cached_property
    def _by_id(self) -> Mapping[str, Source]:
        return MappingProxyType({source.id: source for source in self.sources})

    def get(self, source_id: str) -> Source:
        """The source of that id, enabled or not.

        Raises:
            UnknownSourceError: there is none; names those that are close.
        """
        try:
            return self._by_id[source_id]
        except KeyError:
            close = difflib.get_close_matches(source_id.lower(), list(self._by_id), n=3, cutoff=0.5)
            raise UnknownSourceError(source_id, close) from None

    def select(self, source_ids: Sequence[str]) -> list[Source]:
        """The sources to crawl: those named, each once, or all that are enabled when none is named.

        Raises:
            UnknownSourceError: a named source does not exist.
            UsageError: a named source is disabled, or nothing is enabled.
        """
        if not source_ids:
            enabled = [source for source in self.sources if source.enabled]
            if not enabled:
                raise UsageError(f"{self.path}: every source is disabled")
            return enabled
        chosen = [self.get(source_id) for source_id in dict.fromkeys(source_ids)]
        for source in chosen:
            if not source.enabled:
                raise UsageError(
                    f"source {source.id!r} is off: {source.disabled_reason}. To crawl it all the same, put "
                    "its entry in a catalogue file of your own, without `enabled` and `disabled_reason`, and "
                    "name the file with --catalogue"
                )
        return chosen


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Read and check a catalogue; without a path, the one that comes with Hexapolis.

    Raises:
        CatalogueError: anything wrong with the file, with line and field. Where several things are wrong, the
        one
            that stands first in the file.
    """
    from crawler.yaml_lines import YamlFile  # with pydantic below: 0.1 s that `--help` need not pay

    file = YamlFile(path or BUNDLED)
    sources = _validated(file)
    _refuse_repeats(file, sources)
    return Catalogue(path=file.path, sources=tuple(_source(file, i, item) for i, item in enumerate(sources)))


def _validated(file: YamlFile) -> list[SourceFields]:
    from pydantic import ValidationError

    from crawler.catalogue_schema import CatalogueFields

    if not isinstance(file.data, dict):
        raise file.error((), "a catalogue is a mapping that begins with `sources:`")
    try:
        return CatalogueFields.model_validate(file.data).sources
    except ValidationError as error:
        errors = [_in_our_words(file, detail) for detail in error.errors(include_url=False)]
        raise min(errors, key=lambda e: e.line or 0) from error


def _in_our_words(file: YamlFile, detail: Mapping[str, Any]) -> CatalogueError:
    """One pydantic error as a line for the person who wrote the file."""
    from crawler.catalogue_schema import CatalogueFields
    from crawler.catalogue_values import nearest

    path: KeyPath = tuple(detail["loc"])
    kind, value = detail["type"], detail["input"]
    shown = ascii(value) if isinstance(value, (int, float)) else type(value).__name__
    if kind == "value_error":
        reason = str(detail["ctx"]["error"])
        name, colon, rest = reason.partition(": ")
        if (
            colon and name.isidentifier() and isinstance(value, Mapping)
        ):  # a check of a whole table names its field
            path, reason = (*path, name), rest
    elif kind == "extra_forbidden":
        known = tuple(_model_at(CatalogueFields, path[:-1]).model_fields)
        reason = f"there is no such field{nearest(str(path[-1]), known) or '; there are ' + ', '.join(known)}"
    elif kind == "missing":
        reason = "this field is required"
    elif kind == "string_type":
        reason = f"must be text, not {shown}" + (
            "; put it in quotes" if isinstance(value, (int, float)) else ""
        )
    elif kind in ("model_type", "dict_type", "model_attributes_type"):
        reason = f"must be a table of fields, not {shown}"
    elif kind == "list_type":
        reason = f"must be a list (lines that begin with `- `), not {shown}"
    else:  # numbers out of range and the like: pydantic says it well enough
        reason = detail["msg"][0].lower() + detail["msg"][1:]
        reason += f", not {shown}" if "valid" in reason else ""
    return file.error(path, reason)


def _model_at(model: type[BaseModel], path: KeyPath) -> type[BaseModel]:
    """The table of fields that a path inside the file leads to."""
    from pydantic import BaseModel

    def models(annotation: Any) -> list[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return [annotation]
        return [found for part in getattr(annotation, "__args__", ()) for found in models(part)]

    for key in path:
        if isinstance(key, str):
            model = models(model.model_fields[key].annotation)[0]
    return model


def _refuse_repeats(file: YamlFile, sources: Sequence[SourceFields]) -> None:
    """No id twice, and no address crawled twice, in one source or two."""
    ids: dict[str, KeyPath] = {}
    addresses: dict[tuple[bool, str], KeyPath] = {}
    for i, source in enumerate(sources):
        path: KeyPath = ("sources", i, "id")
        if (first := ids.setdefault(source.id, path)) != path:
            raise file.error(path, f"the id {source.id!r} is taken on line {file.line(first)}")
        for j, entry in enumerate(source.entry_points):
            path = ("sources", i, "entry_points", j, "url")
            address = Ask(entry.url, entry.method or "GET", entry.body).address
            # WordPress is not asked for the address itself, but for one below it.
            key = entry.type == "wordpress", canonical_url(address)
            if (first := addresses.setdefault(key, path)) != path:
                hint = "; put its categories into one, as in #123,456" if entry.type == "gkmlpt" else ""
                raise file.error(path, f"the same entry point as on line {file.line(first)}{hint}")


def _source(file: YamlFile, index: int, item: SourceFields) -> Source:
    family = FAMILIES[item.family or "generic"]
    given = item.model_dump(
        exclude={"entry_points", "selectors", "content", "politeness", "evidence", "article_url", "scope"},
        exclude_none=True,
    )
    return Source(
        **given,
        entry_points=tuple(
            _entry_point(file, ("sources", index, "entry_points", i), entry, family)
            for i, entry in enumerate(item.entry_points)
        ),
        scope=item.scope or ("city" if item.city_code else "national"),
        article_url=item.article_url or family.article_url,
        selectors=Selectors(
            **{
                field.name: getattr(item.selectors, field.name) or getattr(family.selectors, field.name)
                for field in fields(Selectors)
            }
        ),
        content=_content(file, index, item, family),
        politeness=_politeness(item),
        evidence=tuple(item.evidence),
    )


def _content(file: YamlFile, index: int, item: SourceFields, family: Family) -> str:
    """Where the text of the articles comes from; a list of links has none."""
    content = item.content or family.content
    for i, entry in enumerate(item.entry_points if content == "feed" else ()):
        in_rows = entry.shape is not None and entry.shape.content is not None
        if entry.type not in ("feed", "wordpress") and not in_rows:
            where = "" if item.content else f", which the family {item.family} brings,"
            wanted = "a json with shape.content" if entry.type == "json" else "a feed"
            raise file.error(
                ("sources", index, "entry_points", i, "type"),
                f"`content: feed`{where} takes the text from the entry point: this has to be {wanted}",
            )
    return content


def _politeness(item: SourceFields) -> Politeness:
    """What the file says, else the defaults; on this machine itself there is nobody to wait for."""
    given = item.politeness.model_dump(exclude_none=True)
    if "delay" not in given and all(is_loopback(entry.url) for entry in item.entry_points):
        given["delay"] = 0.0
    return Politeness(**given)


def _entry_point(file: YamlFile, path: KeyPath, entry: EntryPointFields, family: Family) -> EntryPoint:
    url, paging = _json_paging(entry) if entry.type == "json" else _paging(file, path, entry, family)
    content_type = entry.content_type
    if entry.body is not None and content_type is None:
        is_json = entry.body.startswith(("{", "["))
        content_type = "application/json" if is_json else "application/x-www-form-urlencoded"
    return EntryPoint(
        kind=entry.type,
        url=url,
        paging=paging,
        item=entry.item,
        link=entry.link,
        date=entry.date,
        method=entry.method or "GET",
        body=entry.body,
        content_type=content_type,
        referer=entry.referer,
        shape=_shape(file, path, entry) if entry.type == "json" else None,
    )


def _paging(file: YamlFile, path: KeyPath, entry: EntryPointFields, family: Family) -> tuple[str, Paging]:
    """The address of the first page, and how the others are numbered."""
    url, given = entry.url, entry.paging
    default = family.paging if entry.type == "list" else "none"
    if given is None:
        return url, Paging(default)
    template = given.template
    if given.scheme == "template":
        template = template or url
        url = url.replace("{page}", str(given.first))
        template = urljoin(url, template)
        try:
            canonical_url(template)
        except UsageError as error:
            raise file.error((*path, "paging"), str(error)) from error
    return url, Paging(given.scheme or default, template, given.first, given.max_pages)


def _json_paging(entry: EntryPointFields) -> tuple[str, Paging]:
    """For an interface, {page} in its address or its body is all there is to say."""
    first, max_pages = (entry.paging.first, entry.paging.max_pages) if entry.paging else (1, 50)
    if "{page}" not in entry.url + (entry.body or ""):
        return entry.url, Paging("none", max_pages=max_pages)
    return entry.url.replace("{page}", str(first)), Paging("template", entry.url, first, max_pages)


def _shape(file: YamlFile, path: KeyPath, entry: EntryPointFields) -> JsonShape:
    shape = JsonShape(**entry.shape.model_dump(exclude_none=True)) if entry.shape else JsonShape()
    if "{" in shape.link:
        try:
            canonical_url(urljoin(entry.url, re.sub(r"\{[^{}]*\}", "1", shape.link)))
        except UsageError as error:
            raise file.error((*path, "shape", "link"), str(error)) from error
    return shape
