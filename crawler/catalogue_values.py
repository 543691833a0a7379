"""What a single value of a catalogue file may be: words of a list, addresses, patterns, selectors, paths.

Each kind is a type for pydantic, whose error is one line for the person who wrote the file. What a table of
values may hold is in `catalogue_schema.py` and `entry_point_schema.py`.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
import warnings
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from crawler.urls import canonical_url
from hexapolis.errors import UsageError

# Words that people bring from other tools, and ours for them.
_SYNONYMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "rss": ("feed",), "atom": ("feed",), "html": ("list",), "html_list": ("list",),
        "page": ("list", "page"), "full": ("page", "feed"), "summary": ("headline",), "title": ("headline",),
        "api": ("json", "template"), "rest": ("json",), "ajax": ("json",), "jsonp": ("json",),
        "wp": ("wordpress",), "wp-json": ("wordpress",), "wp_rest": ("wordpress",), "wp-rest": ("wordpress",),
        "hanweb": ("jpage",), "dataproxy": ("jpage",), "jcms": ("jpaas",), "zfxxgk": ("gkmlpt",),
        "trs0": ("zero_based",), "stem_n0": ("zero_based",), "stem_n": ("one_based",), "next": ("next_link",),
        "stem_concat": ("concat",), "client": ("none",), "years": ("year_archives",),
        "trs_tdate": ("trs",), "trs-tdate": ("trs",), "people.com.cn": ("people",),
        "get": ("GET",), "post": ("POST",), "obey": ("refuse",), "ignore": ("allow",),
        "chinese": ("zh",), "zh-cn": ("zh",), "cn": ("zh",), "english": ("en",),
        "gov": ("government",), "tech-media": ("media",), "state-media": ("media",),
        "headers": ("referer",), "referrer": ("referer",), "fields": ("shape",), "pagination": ("paging",),
        "data": ("body",), "list": ("rows",), "next_page": ("paging",),
    }
)  # fmt: skip


def nearest(word: str, words: Sequence[str]) -> str:
    """`; did you mean …?` when one of the words is close, else nothing."""
    close = [ours for ours in _SYNONYMS.get(word.lower(), ()) if ours in words][:1]
    close = close or difflib.get_close_matches(word.lower(), words, n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def one_of(words: Sequence[str]) -> AfterValidator:
    """The check that a text is one of these words."""

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


def _path(value: str) -> str:
    if value and not all(value.split(".")):
        raise ValueError(
            f"{value!r} is not a path: keys and numbers joined by single dots, such as data.list.0"
        )
    return value


def _link_path(value: str) -> str:
    """A path, or an address with {path} in it."""
    fields, rest = re.findall(r"\{([^{}]*)\}", value), re.sub(r"\{[^{}]*\}", "", value)
    if "{" in rest or "}" in rest or not all(fields):
        raise ValueError(f"{value!r}: write {{path}}, in single braces, where a value of the row goes")
    if not fields and "/" in value:
        raise ValueError(f"{value!r} is neither a path in a row nor an address with {{path}} in it")
    for path in fields or [value]:
        _path(path)
    return value


Text = Annotated[str, Field(max_length=2000), AfterValidator(_line_of_text)]
HttpUrl = Annotated[str, Field(max_length=2000), AfterValidator(_http_url)]
Pattern = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_pattern)]
Css = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_css)]
JsonPath = Annotated[str, Field(max_length=200), AfterValidator(_path)]
JsonLink = Annotated[str, Field(max_length=500), AfterValidator(_link_path)]


class Table(BaseModel):
    """Base of all tables: no unknown fields, no silent conversion, and an empty value is as good as none."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _leave_out_empty(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        return {key: value for key, value in data.items() if value is not None or key not in cls.model_fields}
