"""What a catalogue file may say of an entry point: its type, and the fields that go with each type."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from crawler.catalogue_values import Css, HttpUrl, JsonLink, JsonPath, Table, Text, one_of

KINDS_OF_ENTRY = ("feed", "sitemap", "list", "json", "gkmlpt", "jpage", "jpaas", "wordpress")
SCHEMES = ("none", "zero_based", "one_based", "concat", "template", "next_link", "year_archives")
METHODS = ("GET", "POST")

_IN_HTML = ("item", "link", "date")
# What each type has besides type, url and referer; a json has selectors where its shape names HTML.
_FIELDS_OF = MappingProxyType(
    {
        "feed": (),
        "sitemap": (),
        "list": ("paging", *_IN_HTML),
        "json": ("paging", "method", "body", "content_type", "shape", *_IN_HTML),
        "gkmlpt": ("paging",),
        "jpage": ("paging", *_IN_HTML),
        "jpaas": ("paging", *_IN_HTML),
        "wordpress": ("paging",),
    }
)


class PagingFields(Table):
    """How the pages of a list are numbered."""

    scheme: Annotated[str, one_of(SCHEMES)] | None = None
    template: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    first: Annotated[int, Field(ge=0, le=1_000_000)] = 1
    max_pages: Annotated[int, Field(ge=1, le=10_000)] = 50

    @model_validator(mode="after")
    def _template_belongs(self) -> Self:
        if self.template is not None and self.scheme != "template":
            raise ValueError("template: only the scheme `template` has one")
        if self.template is not None and "{page}" not in self.template:
            raise ValueError("template: write {page} where the page number goes")
        return self


class ShapeFields(Table):
    """Where the parts of a JSON list are."""

    rows: JsonPath | None = None
    html: JsonPath | None = None
    link: JsonLink | None = None
    title: JsonPath | None = None
    date: JsonPath | None = None
    modified: JsonPath | None = None
    summary: JsonPath | None = None
    content: JsonPath | None = None
    pages: JsonPath | None = None
    total: JsonPath | None = None

    @model_validator(mode="after")
    def _rows_or_html(self) -> Self:
        if self.html is not None:
            for name in ("rows", "link", "title", "date", "modified", "summary", "content"):
                if getattr(self, name) is not None:
                    raise ValueError(
                        f"{name}: with html, the rows are read by the entry point's item, link, date"
                    )
        return self


class EntryPointFields(Table):
    """One feed, sitemap, list page or interface."""

    type: Annotated[str, one_of(KINDS_OF_ENTRY)]
    url: HttpUrl
    paging: PagingFields | None = None
    item: Css | None = None
    link: Css | None = None
    date: Css | None = None
    method: Annotated[str, one_of(METHODS)] | None = None
    body: Text | None = None
    content_type: Text | None = None
    referer: HttpUrl | None = None
    shape: ShapeFields | None = None

    @field_validator("paging", mode="before")
    @classmethod
    def _scheme_alone(cls, value: Any) -> Any:
        return {"scheme": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits_the_type(self) -> Self:
        for name in sorted(self.model_fields_set - {"type", "url", "referer", *_FIELDS_OF[self.type]}):
            owners = ", ".join(kind for kind, fields in _FIELDS_OF.items() if name in fields)
            raise ValueError(f"{name}: {_a(self.type)} has no such field; it belongs to {owners}")
        if self.type == "json":
            self._check_json()
        elif self.type == "list":
            self._check_template()
        else:
            self._check_own_pages()
        return self

    def _check_json(self) -> None:
        if self.body is not None and self.method != "POST":
            raise ValueError("body: only a request with `method: POST` has one")
        if "#" in (
            self.body or ""
        ):  # the ledger knows a request by an address, where it would begin a fragment
            raise ValueError("body: write # as %23, in JSON as \\u0023")
        if self.content_type is not None and self.body is None:
            raise ValueError("content_type: it is the body's, and there is no body")
        if self.shape is None or self.shape.html is None:
            for name in _IN_HTML:
                if getattr(self, name) is not None:
                    raise ValueError(f"{name}: selectors are for HTML; say in `shape` where a row has it")
        numbered = "{page}" in self.url or "{page}" in (self.body or "")
        paging = self.paging
        if paging is None:
            return
        if paging.scheme not in (None, "none", "template"):
            raise ValueError("paging: a json is `none` or `template`, with {page} in the url or the body")
        if paging.template is not None:
            raise ValueError("paging: write {page} into the url or the body instead of a template")
        if numbered and paging.scheme == "none":
            raise ValueError("paging: there is {page} in the url or the body, so leave `none` out")
        if not numbered and paging.scheme != "none":
            raise ValueError("paging: write {page} where the page number goes, in the url or the body")

    def _check_template(self) -> None:
        template = self.paging.template if self.paging else None
        is_template = self.paging is not None and self.paging.scheme == "template"
        if is_template and not template and "{page}" not in self.url:
            raise ValueError("paging: the scheme `template` needs {page} in the url, or a `template` field")
        if "{page}" in self.url and (not is_template or template):
            raise ValueError("url: {page} belongs to `paging: template` without a template of its own")

    def _check_own_pages(self) -> None:
        if "{page}" in self.url:
            raise ValueError(f"url: {_a(self.type)} finds its further pages itself; leave {{page}} out")
        if self.paging is not None and self.paging.model_fields_set - {"max_pages"}:
            raise ValueError(
                f"paging: {_a(self.type)} finds its further pages itself; only max_pages may be set"
            )
        if self.type == "gkmlpt":
            if "/gkmlpt/" not in self.url:
                raise ValueError("url: the address of a gkmlpt ends in /gkmlpt/index")
            fragment = self.url.partition("#")[2]
            if fragment and not re.fullmatch(r"\d{1,9}(?:,\d{1,9}){0,49}", fragment):
                raise ValueError("url: behind # stand the numbers of categories, such as #123 or #123,456")


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
