"""What a catalogue file may say: every field, its type and its limits.

Only the shape of one value at a time is decided here; what needs the whole file (unique ids, family presets,
default scopes) is in `catalogue.py`, which imports this module when it loads a file, because pydantic is slow
to import.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
import warnings
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from crawler.families import FAMILIES
from crawler.urls import canonical_url
from hexapolis.errors import UsageError

KINDS_OF_ENTRY = ("feed", "sitemap", "list")
SCHEMES = ("none", "zero_based", "one_based", "template", "next_link")
SCOPES = ("city", "province", "national", "international")
LANGUAGES = ("zh", "en")
KINDS = ("government", "media", "research", "company")
CONFIDENCES = ("seen-in-code", "seen-url-shape", "guessed")

# Words that people bring from other tools, and ours for them.
_SYNONYMS = MappingProxyType(
    {
        "rss": "feed", "atom": "feed", "html": "list", "html_list": "list", "page": "list",
        "trs0": "zero_based", "stem_n": "one_based", "next": "next_link",
        "trs_tdate": "trs", "gkmlpt": "nfcms",
        "chinese": "zh", "zh-cn": "zh", "cn": "zh", "english": "en",
        "gov": "government", "tech-media": "media", "state-media": "media",
    }
)  # fmt: skip


def nearest(word: str, words: Sequence[str]) -> str:
    """`; did you mean …?` when one of the words is close, else nothing."""
    synonym = _SYNONYMS.get(word.lower())
    close = [synonym] if synonym in words else difflib.get_close_matches(word.lower(), words, n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def _one_of(words: Sequence[str]) -> AfterValidator:
    def check(value: str) -> str:
        if value not in words:
            raise ValueError(f"{value!r} is not one of {', '.join(words)}{nearest(value, words)}")
        return value

    return AfterValidator(check)


def _line_of_text(value: str) -> str:
    text = " ".join(value.split())
    if not text:
        raise ValueError("is empty")
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
        raise ValueError("holds a control character")
    return text


def _entry_kind(value: str) -> str:
    if value == "json":
        raise ValueError("entry points of type json are not supported yet; use feed, sitemap or list")
    return value


def _http_url(value: str) -> str:
    if re.search(r"[\s\x00-\x1f]", value):
        raise ValueError("the address holds a blank or a line break; write it as %20, or remove it")
    try:
        canonical_url(value)
    except UsageError as error:
        raise ValueError(str(error)) from error
    return value


def _pattern(value: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "possible nested set": still compiles
            re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return value


def _css(value: str) -> str:
    from lxml import etree
    from lxml.cssselect import CSSSelector

    try:
        # Running it once finds what compiling does not, such as a namespace prefix that nothing declares.
        CSSSelector(value, translator="html")(etree.Element("html"))
    except (SyntaxError, etree.XPathError, ValueError, RecursionError, RuntimeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        hint = "; name the element itself, without ::text or ::attr()" if "::" in value else ""
        raise ValueError(f"not a CSS selector: {reason}{hint}") from error
    return value


Text = Annotated[str, Field(max_length=2000), AfterValidator(_line_of_text)]
HttpUrl = Annotated[str, Field(max_length=2000), AfterValidator(_http_url)]
Pattern = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_pattern)]
Css = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_css)]
Scheme = Annotated[str, _one_of(SCHEMES)]


class _Fields(BaseModel):
    """Base of all tables: no unknown fields, no silent conversion, and an empty value is as good as none."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _leave_out_empty(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        return {key: value for key, value in data.items() if value is not None or key not in cls.model_fields}


class PagingFields(_Fields):
    """How the pages of a list are numbered."""

    scheme: Scheme
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


class EntryPointFields(_Fields):
    """One feed, sitemap or list page."""

    type: Annotated[str, AfterValidator(_entry_kind), _one_of(KINDS_OF_ENTRY)]
    url: HttpUrl
    paging: PagingFields | None = None
    item: Css | None = None
    link: Css | None = None
    date: Css | None = None

    @field_validator("paging", mode="before")
    @classmethod
    def _scheme_alone(cls, value: Any) -> Any:
        return {"scheme": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits_the_type(self) -> Self:
        if self.type != "list":
            for name in ("paging", "item", "link", "date"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{name}: only a list has it; a {self.type} is read whole")
        template = self.paging.template if self.paging else None
        is_template = self.paging is not None and self.paging.scheme == "template"
        if is_template and not template and "{page}" not in self.url:
            raise ValueError("paging: the scheme `template` needs {page} in the url, or a `template` field")
        if "{page}" in self.url and (not is_template or template):
            raise ValueError("url: {page} belongs to `paging: template` without a template of its own")
        return self


class SelectorFields(_Fields):
    """Where the parts of an article are, when the general extraction gets them wrong."""

    title: Css | None = None
    body: Css | None = None
    date: Css | None = None
    author: Css | None = None


class PolitenessFields(_Fields):
    """How gently a source is crawled."""

    delay: Annotated[float, Field(ge=0, le=86_400)] | None = None
    max_pages: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    robots: bool | None = None


class SourceFields(_Fields):
    """One source."""

    id: Annotated[str, Field(max_length=64)]
    name: Text
    entry_points: Annotated[list[EntryPointFields], Field(min_length=1, max_length=200)]
    name_zh: Text | None = None
    city_code: str | None = None
    scope: Annotated[str, _one_of(SCOPES)] | None = None
    language: Annotated[str, _one_of(LANGUAGES)] = "zh"
    kind: Annotated[str, _one_of(KINDS)] = "media"
    family: Annotated[str, _one_of(tuple(FAMILIES))] | None = None
    article_url: Pattern | None = None
    selectors: SelectorFields = SelectorFields()
    politeness: PolitenessFields = PolitenessFields()
    interval_minutes: Annotated[int, Field(ge=1, le=525_600)] | None = None
    access: Text | None = None
    evidence: Annotated[list[Text], Field(max_length=100)] = []
    confidence: Annotated[str, _one_of(CONFIDENCES)] | None = None
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


class CatalogueFields(_Fields):
    """The whole file."""

    sources: Annotated[list[SourceFields], Field(min_length=1)]
    version: Literal[1] = 1
