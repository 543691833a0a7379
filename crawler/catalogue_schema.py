"""What a catalogue file may say: every field, its type and its limits.

Only what stands side by side in one table is decided here and in `entry_point_schema.py`; what needs the
whole file (unique ids, family presets, default scopes) is in `catalogue.py`, which imports these modules when
it loads a file, because pydantic is slow to import.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from crawler.catalogue_values import Css, Pattern, Table, Text, one_of
from crawler.entry_point_schema import EntryPointFields
from crawler.families import FAMILIES

CONTENTS = ("page", "feed", "headline")
ROBOTS_FORBIDDEN = ("refuse", "allow")
SCOPES = ("city", "province", "national", "international")
LANGUAGES = ("zh", "en")
KINDS = ("government", "media", "research", "company")
CONFIDENCES = ("seen-in-code", "seen-url-shape", "guessed")


class SelectorFields(Table):
    """Where the parts of an article are, when the general extraction gets them wrong."""

    title: Css | None = None
    body: Css | None = None
    date: Css | None = None
    author: Css | None = None


class PolitenessFields(Table):
    """How gently a source is crawled."""

    delay: Annotated[float, Field(ge=0, le=86_400)] | None = None
    max_pages: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    robots: bool | None = None
    robots_forbidden: Annotated[str, one_of(ROBOTS_FORBIDDEN)] | None = None
    tls_p256: bool | None = None


class SourceFields(Table):
    """One source."""

    id: Annotated[str, Field(max_length=64)]
    name: Text
    entry_points: Annotated[list[EntryPointFields], Field(min_length=1, max_length=200)]
    name_zh: Text | None = None
    city_code: str | None = None
    scope: Annotated[str, one_of(SCOPES)] | None = None
    language: Annotated[str, one_of(LANGUAGES)] = "zh"
    kind: Annotated[str, one_of(KINDS)] = "media"
    family: Annotated[str, one_of(tuple(FAMILIES))] | None = None
    article_url: Pattern | None = None
    selectors: SelectorFields = SelectorFields()
    content: Annotated[str, one_of(CONTENTS)] | None = None
    politeness: PolitenessFields = PolitenessFields()
    interval_minutes: Annotated[int, Field(ge=1, le=525_600)] | None = None
    access: Text | None = None
    evidence: list[Text] = Field(default_factory=list, max_length=100)
    confidence: Annotated[str, one_of(CONFIDENCES)] | None = None
    enabled: bool = True
    disabled_reason: Text | None = None

    @field_validator("id")
    @classmethod
    def _slug(cls, value: str) -> str:
        if not re.fullmatch(r"[a-z0-9]+(?:[-_][a-z0-9]+)*", value):
            raise ValueError(f"{value!r}: use small letters, digits and single hyphens, such as sz-gov")
        return value

    @field_validator("city_code")
    @classmethod
    def _six_digits(cls, value: str) -> str:
        if not re.fullmatch(r"[1-8][0-9]{5}", value):
            raise ValueError(
                f'{value!r} is not a GB/T 2260 code of six digits, such as "440300" for Shenzhen'
            )
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.scope == "city" and self.city_code is None:
            raise ValueError("city_code: a source of scope city needs one")
        if not self.enabled and self.disabled_reason is None:
            raise ValueError("disabled_reason: say why the source is off")
        if self.enabled and self.disabled_reason is not None:
            raise ValueError("disabled_reason: the source is on; add `enabled: false` or remove the reason")
        return self


class CatalogueFields(Table):
    """The whole file."""

    sources: Annotated[list[SourceFields], Field(min_length=1)]
    version: Literal[1] = 1
