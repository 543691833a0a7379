"""The title of an article: from the head, the headings or `<title>`, without the name of the site."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lxml.html import HtmlElement

from crawler.lines import clean_line
from crawler.metadata import Head, fold, names_site, site_names
from hexapolis.records import TitleSource

_TITLE_MAX = 300
_TITLE_SPLIT = re.compile(
    r"\s*(?:_|\||｜|\s[-–—]+\s|--|::|»|>>|\s·\s|(?<=[\u4e00-\u9fff”》）！？])-(?=[\u4e00-\u9fffA-Za-z]))\s*"
)
_SITE_WORD = re.compile(
    r"网$|网站|门户|频道|新闻中心|政府|委员会|厅$|局$|中心$|日报|晚报|新闻|资讯|首页|博客|论坛|在线|\.(?:com"
    r"|cn|net|org)|News|Daily|Times|Post|Journal|Gazette|Herald"
)


def find_title(head: Head, tree: HtmlElement) -> tuple[str, TitleSource | None]:
    """The article's title without the site's name, and where it was read; empty and None if there is none."""
    page_title = clean_line(next((e.text_content() for e in tree.iter("title")), ""))
    stripped = strip_site_name(page_title, site_names(head))
    declared = head.first("articletitle", "article_title")
    if declared and not names_site(declared, head):
        return declared[:_TITLE_MAX], TitleSource.META
    headings = [h for e in tree.iter("h1") if 2 <= len(h := clean_line(e.text_content())) <= _TITLE_MAX]
    folded = fold(page_title)
    # A heading that <title> repeats is the article's; among several the longest: a short one names a section.
    repeated = [h for h in headings if fold(h) and fold(h) in folded and not names_site(h, head)]
    if repeated:
        return max(repeated, key=len), TitleSource.HEADING
    og = head.first("og:title", "twitter:title")
    if og:
        og = strip_site_name(og, site_names(head))
    headlines = (item.get("headline") for item in head.json_ld)
    linked = next((clean_line(h) for h in headlines if isinstance(h, str) and h.strip()), None)
    for candidate, source in ((og, TitleSource.OPEN_GRAPH), (linked, TitleSource.JSON_LD)):
        if (
            candidate
            and len(candidate) >= 4
            and (fold(candidate) in folded or not stripped or candidate in headings)
        ):
            return candidate[:_TITLE_MAX], source
    if (
        len(headings) == 1
        and len(headings[0]) >= 6
        and not names_site(headings[0], head)
        and (not stripped or _shared(headings[0], page_title) > 0.5 or len(stripped) < 5)
    ):
        return headings[0], TitleSource.HEADING
    for text, source in (
        (stripped, TitleSource.TITLE_TAG),
        (og, TitleSource.OPEN_GRAPH),
        (linked, TitleSource.JSON_LD),
        (headings[0] if headings else None, TitleSource.HEADING),
    ):
        if text:
            return text[:_TITLE_MAX], source
    return "", None


def strip_site_name(title: str, site_names: Sequence[str] = ()) -> str:
    """The title without trailing (or leading) section and site names: `A_Section_Site` gives `A`."""
    parts = [p for p in _TITLE_SPLIT.split(title) if p]
    if len(parts) < 2:
        return title
    separators = _TITLE_SPLIT.findall(title)
    names = {fold(n) for n in site_names}
    if any("_" in s or "|" in s or "｜" in s for s in separators) and len(parts[0]) >= 5:
        first = re.split(r"\s*[_|｜]\s*", title)[0]
        return strip_site_name(first, site_names) if _TITLE_SPLIT.search(first) else first
    while len(parts) > 1 and (fold(parts[-1]) in names or _short_site(parts[-1], parts[0])):
        parts.pop()
    if len(parts) > 1 and fold(parts[0]) in names:
        parts.pop(0)
    if len(parts) == 1:
        return parts[0]
    end = title.rfind(parts[-1]) + len(parts[-1])
    return title[title.find(parts[0]) : end].strip()


def _short_site(part: str, first: str) -> bool:
    length = len(part) if any(c > "\u2e7f" for c in part) else len(part) / 2.5
    return len(first) >= 4 and (length <= 8 or (length <= 20 and _SITE_WORD.search(part) is not None))


def _shared(a: str, b: str) -> float:
    left, right = set(fold(a)), set(fold(b))
    return len(left & right) / max(1, len(left))
