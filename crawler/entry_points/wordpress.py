"""WordPress's own interface: `/wp-json/wp/v2/posts`, newest first, with the whole text of each post.

The answer's header says how many pages there are. Past the last one WordPress answers with status 400.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from crawler.entry_points import Listing
from crawler.entry_points.json_list import links_of, load_json, markup, rows_at, value_at
from crawler.entry_points.values import MAX_SUMMARY, MAX_TITLE, absolute, listed_day, plain_text, utc_moment
from hexapolis.records import Ask, EntryPoint, Link, Page

PER_PAGE = 20  # with their texts; 100 have made sites answer 502
_FIELDS = "id,date,date_gmt,modified_gmt,link,title,excerpt,content"


def wordpress_ask(entry: EntryPoint, number: int) -> Ask:
    """The request for page `number` of the posts; what the entry point's own address says wins."""
    parts = urlsplit(entry.url)
    path = parts.path
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    if "/wp-json/" not in path and "rest_route" not in given:
        path = f"{path.rstrip('/')}/wp-json/wp/v2/posts"
    query = {"per_page": str(PER_PAGE), "_fields": _FIELDS, **given, "page": str(number)}
    return Ask(
        urlunsplit((parts.scheme, parts.netloc, path, urlencode(query, safe=",/"), "")), referer=entry.referer
    )


def read_wordpress(entry: EntryPoint, page: Page, number: int) -> Listing:
    """The posts of one page, and the request for the next one.

    Raises:
        EntryPointError: not JSON, or not an array of posts.
    """
    rows = rows_at(page, load_json(page), "", number)
    links = links_of(page, rows, _links(page, rows), "link")
    pages = page.header("X-WP-TotalPages") or ""
    if re.fullmatch(r"[0-9]{1,9}", pages):
        more = number < int(pages)
    else:  # a proxy may have dropped the header
        asked = dict(parse_qsl(urlsplit(page.url).query)).get("per_page", "")
        more = len(rows) >= (int(asked) if re.fullmatch(r"[1-9][0-9]{0,3}", asked) else PER_PAGE)
    return Listing(links, (wordpress_ask(entry, number + 1),) if more and rows else ())


def _links(page: Page, rows: list[Any]) -> Iterator[Link]:
    for row in rows:
        address = absolute(page.url, value_at(row, "link"))
        if address is None:
            continue
        gmt, modified = value_at(row, "date_gmt"), value_at(row, "modified_gmt")
        html = (
            None if value_at(row, "content.protected") is True else markup(value_at(row, "content.rendered"))
        )
        yield Link(
            address,
            plain_text(value_at(row, "title.rendered"), MAX_TITLE),
            listed_day(_as_utc(gmt)) or listed_day(value_at(row, "date")),
            utc_moment(_as_utc(modified)),
            plain_text(value_at(row, "excerpt.rendered"), MAX_SUMMARY),
            html,
        )


def _as_utc(value: Any) -> str | None:
    """WordPress writes these moments without their zone."""
    return f"{value.strip()}Z" if isinstance(value, str) and value.strip() else None
