"""JSON lists: the rows of an interface's answer, found where the catalogue's `shape` says they are.

Also the reading of JSON itself, for the readers of WordPress, gkmlpt and jpaas: wrapped in a callback or not,
in any charset, refused with one line when it is anything else. The answer comes from a stranger: every value
may be of every type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from crawler.decode import decode
from crawler.entry_points import EntryPointError, Listing
from crawler.entry_points.list_page import read_list_page
from crawler.entry_points.values import (
    MAX_SUMMARY,
    MAX_TITLE,
    absolute,
    listed_day,
    plain_text,
    utc_moment,
)
from hexapolis.errors import ExtractionError
from hexapolis.records import Ask, EntryPoint, JsonShape, Link, Page, Paging

MAX_BYTES = 5_000_000  # filled with the smallest values, it takes 130 MB of memory
MAX_LINKS = 5_000  # and rows
_CALLBACK = re.compile(r"(?:/\*[^*]{0,100}\*/)?\s{0,9}[A-Za-z_$][\w$.]{0,200}\s{0,9}\(")
_FIELD = re.compile(r"\{([^{}]+)\}")


def load_json(page: Page) -> Any:
    """What the page's JSON, or the JSON inside `callback(…);`, says.

    Raises:
        EntryPointError: not JSON, too large, or nested too deep.
    """
    if len(page.body) > MAX_BYTES:
        raise EntryPointError(f"{page.url}: larger than {MAX_BYTES} bytes, which no list is")
    try:
        text = decode(page.body, page.header("content-type")).text.strip("\ufeff \t\r\n\0")
        if (call := _CALLBACK.match(text)) and text.rstrip("; \t\r\n").endswith(")"):
            text = text[call.end() :].rstrip("; \t\r\n")[:-1]
        return json.loads(text)
    except RecursionError:
        raise EntryPointError(f"{page.url}: JSON that is nested too deep") from None
    except (ExtractionError, ValueError) as error:  # ValueError: no JSON, or a number of 5,000 digits
        raise EntryPointError(f"{page.url}: this is not JSON: {error}") from error


def value_at(data: Any, path: str) -> Any:
    """The value at `data.list.0`, keys and numbers joined by dots; None where there is none."""
    for key in path.split(".") if path else ():
        if isinstance(data, dict):
            data = data.get(key)
        elif isinstance(data, list) and re.fullmatch(r"[0-9]{1,6}", key):
            data = data[int(key)] if int(key) < len(data) else None
        else:
            return None
    return data


def number_at(data: Any, path: str | None) -> int | None:
    """A count at a path, which many interfaces write as text; None where there is none."""
    value = value_at(data, path) if path is not None else None
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,12}\s*", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def ask_for(entry: EntryPoint, number: int) -> Ask:
    """The request for page `number` of a JSON list, counted from 1."""
    url, page = entry.url, str(entry.paging.first + number - 1)
    if entry.paging.scheme == "template" and entry.paging.template:
        url = entry.paging.template.replace("{page}", page)
    body = entry.body.replace("{page}", page) if entry.body is not None else None
    return Ask(url, entry.method, body, entry.content_type, entry.referer)


def read_json_list(entry: EntryPoint, page: Page, number: int) -> Listing:
    """The links of one page of a JSON list, and the request for the next page where there is one.

    There is none after the last page or row that the answer states, and after a page without rows.

    Raises:
        EntryPointError: not JSON, or not of the shape that the catalogue promises.
    """
    shape = entry.shape or JsonShape()
    data = load_json(page)
    if shape.html is not None:
        links = links_in_html(entry, page, _fragment(page, data, shape.html, number))
        count = len(links)
    else:
        rows = rows_at(page, data, shape.rows, number)
        count = len(rows)
        links = links_of(page, rows, _links(page, rows, shape), shape.link)
    last = (
        entry.paging.scheme != "template"
        or not count
        or is_last(number, count, number_at(data, shape.pages), number_at(data, shape.total))
    )
    return Listing(links, () if last else (ask_for(entry, number + 1),))


def is_last(number: int, count: int, pages: int | None, total: int | None) -> bool:
    """Whether no page follows page `number`, which has `count` rows, by what is stated; 0 states nothing."""
    return bool((pages and number >= pages) or (total and number * count >= total))


def rows_at(page: Page, data: Any, path: str, number: int) -> list[Any]:
    """The array at a path. After the first page its absence means that the list has ended.

    Raises:
        EntryPointError: there is no array.
    """
    rows = value_at(data, path)
    if isinstance(rows, list):
        return rows[:MAX_LINKS]
    if rows is None and number > 1:
        return []
    where = f"at {path!r}" if path else "at the top"
    raise EntryPointError(f"{page.url}: there is no array {where}, but {_name(rows)}")


def links_in_html(entry: EntryPoint, page: Page, fragment: str, base: str | None = None) -> tuple[Link, ...]:
    """The links of a piece of HTML, by the entry point's selectors; relative ones start from `base`."""
    if not fragment.strip():
        return ()
    headers = (("Content-Type", "text/html; charset=utf-8"),)
    # In HTML a NUL ends the text for some parsers and means nothing to the others.
    body = fragment.replace("\0", "").encode("utf-8", "replace")
    part = replace(page, url=base or page.url, headers=headers, body=body)
    found = read_list_page(replace(entry, paging=Paging("none")), part, 1).links
    return distinct(
        replace(link, url=url, title=plain_text(link.title, MAX_TITLE))
        for link in found
        if (url := absolute(part.url, link.url))
    )


def links_of(page: Page, rows: list[Any], links: Iterable[Link], where: str) -> tuple[Link, ...]:
    """The links that the rows have given.

    Raises:
        EntryPointError: there are rows, and none gave a link: the interface has changed.
    """
    found = distinct(links)
    if rows and not found:
        raise EntryPointError(f"{page.url}: none of the {len(rows)} rows has an address at {where!r}")
    return found


def distinct(links: Iterable[Link]) -> tuple[Link, ...]:
    """Each address once, and not without end."""
    found: dict[str, Link] = {}
    for link in links:
        if len(found) == MAX_LINKS:
            break
        found.setdefault(link.url, link)
    return tuple(found.values())


def _links(page: Page, rows: list[Any], shape: JsonShape) -> Iterator[Link]:
    for row in rows:
        if address := absolute(page.url, _address(row, shape.link)):
            content = _maybe(row, shape.content)
            yield Link(
                address,
                plain_text(_maybe(row, shape.title), MAX_TITLE),
                listed_day(_maybe(row, shape.date)),
                utc_moment(_maybe(row, shape.modified)),
                plain_text(_maybe(row, shape.summary), MAX_SUMMARY),
                markup(content),
            )


def markup(value: Any) -> str | None:
    """An article's HTML as it can be stored; None if there is none."""
    if not isinstance(value, str) or not value.strip():
        return None
    return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _address(row: Any, link: str) -> str | None:
    """The value at the path, or the address with each {path} in it replaced."""
    if "{" not in link:
        value = value_at(row, link)
        return value if isinstance(value, str) else None
    address, position = "", 0
    for field in _FIELD.finditer(link):
        value = value_at(row, field[1])
        if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
            return None
        address += link[position : field.start()] + quote(f"{value}", safe="/:?&=+,;@%~", errors="replace")
        position = field.end()
    return address + link[position:]


def _fragment(page: Page, data: Any, path: str, number: int) -> str:
    fragment = value_at(data, path)
    if isinstance(fragment, str):
        return fragment
    if fragment is None and number > 1:
        return ""
    raise EntryPointError(f"{page.url}: there is no HTML at {path!r}, but {_name(fragment)}")


def _maybe(row: Any, path: str | None) -> Any:
    return value_at(row, path) if path is not None else None


def _name(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number")
