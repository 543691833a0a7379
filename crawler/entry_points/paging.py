"""Where the next page of a list is.

Schemes (`Paging.scheme`), for a first page `index.html`:

- `none`: there is one page.
- `zero_based`: page 2 is `index_1.html` (TRS t-date).
- `one_based`: page 2 is `index_2.html` (NFCMS, UCAP, Shanghai).
- `template`: an address with `{page}`, counted from `first`.
- `next_link`: the page's own link to the next one.

The number of pages is read from the page's own pager where it states one; otherwise the crawler goes on until
a page is missing or offers nothing new.
"""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit, urlunsplit

from lxml.html import HtmlElement

from hexapolis.records import Paging

# createPageHTML(3, 0, "index", "html"), createPage(total, current, …), totalPage: 12, countPage = 5
_CREATE_PAGE = re.compile(
    r"createPage(?:HTML)?\s*\(\s*(?:['\"][\w-]*['\"]\s*,\s*)?(\d{1,9})\s*,\s*(\d{1,9})\b"
)
_TOTAL = re.compile(r"\b(?:totalPages?|countPage|pageCount)\s*[:=]\s*['\"]?(\d{1,9})\b", re.IGNORECASE)
_OF_TOTAL = re.compile(r"第?\s*\d{1,9}\s*/\s*(\d{1,9})\s*页")  # 第1/3页
_NEXT_TEXT = re.compile(
    r"(?:下一?[页頁]|后一页|next(?: page)?|older(?: posts)?|[>»›]{1,2}) ?[>»›]*", re.IGNORECASE
)


def stated_pages(text: str) -> int | None:
    """How many pages the pager's script says there are; None when it does not say."""
    if match := _CREATE_PAGE.search(text):
        return max(int(match[1]), int(match[2]))  # the order of total and current differs between sites
    if match := _TOTAL.search(text) or _OF_TOTAL.search(text):
        return int(match[1])
    return None


def next_page_url(
    paging: Paging, first_url: str, page_url: str, base_url: str, number: int, root: HtmlElement, text: str
) -> str | None:
    """The address of page `number + 1`, or None after the last one.

    Args:
        paging: the entry point's scheme.
        first_url: address of page 1.
        page_url: address of this page.
        base_url: what its relative links start from.
        number: which page this is, counted from 1.
        root: the parsed page.
        text: its source, where scripts state the number of pages.
    """
    if paging.scheme == "none":
        return None
    if paging.scheme == "next_link":
        return _next_link(page_url, base_url, root)
    total = stated_pages(text)
    if total is not None and number >= total:
        return None
    if paging.scheme == "template":
        return (paging.template or "").replace("{page}", str(paging.first + number))
    return numbered(first_url, number if paging.scheme == "zero_based" else number + 1)


def numbered(first_url: str, suffix: int) -> str:
    """`…/index.html` → `…/index_2.html`; a folder is taken as its `index.html`."""
    parts = urlsplit(first_url)
    folder, _, name = parts.path.rpartition("/")
    stem, dot, extension = (name or "index.html").rpartition(".")
    path = f"{folder}/{stem}_{suffix}{dot}{extension}" if dot else f"{folder}/{name}_{suffix}"
    return urlunsplit(parts._replace(path=path))


def _next_link(page_url: str, base_url: str, root: HtmlElement) -> str | None:
    for node in root.iter("a", "link"):
        href = node.get("href")
        rel_next = "next" in (node.get("rel") or "").lower().split()
        if href and (
            rel_next or (node.tag == "a" and _NEXT_TEXT.fullmatch(" ".join(node.text_content().split())))
        ):
            try:
                address = urljoin(base_url, href.strip())
            except ValueError:
                return None
            return address if address != page_url else None
    return None
