"""What a page says about itself: author, issuing body, source, links.

Government pages in China carry a fixed set of meta names (ArticleTitle, ContentSource, …; guideline
国办发〔2017〕47号) and a table of document properties (索引号, 发文机关, 文号). News pages carry Open Graph
and JSON-LD. Unknown is `None`. Titles are in `titles`, dates in `dates`, the rest of what a page declares in
`declared`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from lxml.etree import XPath
from lxml.html import HtmlElement

from crawler.document_number import find_document_number as find_document_number
from crawler.lines import clean_line
from hexapolis.records import Attachment

_ATTACHMENT = re.compile(r"\.(?:pdf|docx?|xlsx?|pptx?|wps|et|ofd|zip|rar)$", re.IGNORECASE)
_ATTACHMENTS_MAX = 100
_ANCHORS_MAX = 1_000  # links to documents that are looked at; a page of more is an index
_JSON_LD_MAX = 300_000  # characters of one script; larger ones are not descriptions of an article
_JSON_LD_DEPTH = 6
_NAME_MAX = 60  # characters of a person's or body's name

_ARTICLE_TYPES = ("Article", "Posting", "Report", "WebPage", "GovernmentService", "Legislation")
_STOP = (
    r"(?=\s*(?:$|\n|[|｜]|\s{2}|发布时间|发布日期|发文日期|成文日期|日期|时间|来源|作者|浏览|字号|字体|点击|阅读"
    r"|【|\[|索引号|主题|分类|编辑|责任编辑|打印))"
)


def _labelled(label: str, value: str = r"[^\n|｜:：]{2,60}?") -> re.Pattern[str]:
    """A label, a colon or the end of a table cell, and the value up to the next label."""
    return re.compile(
        rf"(?:^|[\s【\[|｜(（])(?:{label})\s*[】\]]?\s*(?:[:：]\s*|\n\s*)({value}){_STOP}", re.MULTILINE
    )


_ISSUER = _labelled(
    r"发文机关|发布机关|发文机构|发布机构|发文单位|发布单位|制定机关|制发机关|制发单位|印发机关|公开主体"
    r"|信息公开责任部门|颁布单位",
    r"[^\n|｜:：]{2,80}?",
)
_SOURCE = _labelled(
    r"(?:信息|文章|稿件|内容|新闻|本文)?来\s{0,6}源(?:于)?|出处|Source", r"[^\n|｜:：]{2,50}?"
)
_AUTHOR = _labelled(r"作\s{0,6}者|撰\s{0,2}稿|撰文|文字作者|Author|Byline", r"[^\n|｜:：]{2,40}?")
_BYLINE = re.compile(r"^(?:By|BY)\s+((?:[A-Z][\w.'’\-]+\s?(?:and\s|,\s)?){1,6})(?=$|[|,])", re.MULTILINE)
_AUTHOR_ELEMENTS = XPath("//*[@id='author_baidu' or @rel='author' or @itemprop='author']")
_SOURCE_ELEMENTS = XPath("//*[@id='source_baidu']")
_NOT_A_NAME = re.compile(
    r"https?:|www\.|[<>{}=]|^(?:admin|administrator|webmaster|editor|root|无|未知|佚名|本站|null|undefined"
    r"|none)$",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Head:
    """The meta tags and JSON-LD objects of a page, read once."""

    meta: dict[str, list[str]]  # lower-case name, property or itemprop -> contents, in page order
    json_ld: tuple[dict[str, Any], ...]  # objects that describe an article or a page, outermost first

    @property
    def declares_article(self) -> bool:
        """Whether the head calls the page an article, not a list or a front page."""
        if self.meta.get("articletitle") or self.meta.get("pubdate") or self.meta.get("firstpublishedtime"):
            return True
        if any(content.lower() == "article" for content in self.meta.get("og:type", ())):
            return True
        return any(
            str(item.get("@type", "")).endswith(("Article", "Posting", "Article']")) for item in self.json_ld
        )

    @property
    def closed(self) -> bool:
        """Whether the head says that the whole text is not free."""
        if any(str(item.get("isAccessibleForFree")).lower() == "false" for item in self.json_ld):
            return True
        return self.first("article:content_tier") in ("locked", "metered")

    def first(self, *names: str) -> str | None:
        """The first non-empty content among these names, the names in order of preference."""
        for name in names:
            for content in self.meta.get(name, ()):
                if content:
                    return content
        return None


def read_head(tree: HtmlElement) -> Head:
    """Collect meta tags and JSON-LD."""
    meta: dict[str, list[str]] = {}
    for element in tree.iter("meta"):
        content = clean_line(element.get("content") or "")
        for attribute in ("name", "property", "itemprop"):
            if (name := element.get(attribute)) and content:
                meta.setdefault(name.strip().lower(), []).append(content)
    objects: list[dict[str, Any]] = []
    for script in tree.iter("script"):
        if (
            "ld+json" in (script.get("type") or "").lower()
            and script.text
            and len(script.text) <= _JSON_LD_MAX
        ):
            try:
                data = json.loads(script.text, strict=False)
            except (ValueError, RecursionError):
                continue  # broken JSON-LD is common and says nothing
            objects.extend(_articles(data, 0))
    return Head(meta, tuple(objects))


def _articles(data: object, depth: int) -> Iterator[dict[str, Any]]:
    if depth > _JSON_LD_DEPTH:
        return
    if isinstance(data, list):
        for item in data[:50]:
            yield from _articles(item, depth + 1)
    elif isinstance(data, dict):
        kind = data.get("@type")
        kinds = kind if isinstance(kind, list) else [kind]
        if any(isinstance(k, str) and k.endswith(_ARTICLE_TYPES) for k in kinds):
            yield data
        for key in ("@graph", "mainEntity", "mainEntityOfPage"):
            if key in data:
                yield from _articles(data[key], depth + 1)


def site_names(head: Head) -> list[str]:
    """The names of the site and of the section that the head gives."""
    names = (head.meta.get(k, []) for k in ("sitename", "og:site_name", "application-name", "columnname"))
    return [name for group in names for name in group]


def names_site(text: str, head: Head) -> bool:
    """Whether a text is only the name of the site or section."""
    return fold(text) in {fold(name) for name in site_names(head)}


def fold(text: str) -> str:
    """Letters and digits only, in lower case: what two spellings of one title share."""
    return re.sub(r"[\W_]+", "", text).lower()


def find_author(head: Head, tree: HtmlElement, text: str) -> str | None:
    """The author's name or names. `text` is the visible text, one line a block."""
    for item in head.json_ld:
        names = [n for n in _names(item.get("author")) if _is_name(n)]
        if names:
            return ", ".join(names)[:200]
    declared = head.first("author", "article:author", "dc.creator", "byl", "parsely-author")
    if declared and _is_name(declared) and not names_site(declared, head):
        return declared
    for element in _AUTHOR_ELEMENTS(tree):
        name = re.sub(r"^(?:作者|By|BY)\s*[:：]?\s*", "", clean_line(element.text_content()))
        if _is_name(name):
            return name
    for pattern in (_AUTHOR, _BYLINE):
        match = pattern.search(text)
        if match and _is_name(name := clean_line(match[1]).rstrip(" ,|")):
            return name
    return None


def _names(author: object) -> Iterator[str]:
    if isinstance(author, str):
        yield clean_line(author)
    elif isinstance(author, dict) and isinstance(author.get("name"), str):
        yield clean_line(author["name"])
    elif isinstance(author, list):
        for item in author[:10]:
            if not isinstance(item, list):
                yield from _names(item)


def _is_name(text: str) -> bool:
    return 2 <= len(text) <= _NAME_MAX and _NOT_A_NAME.search(text) is None


def find_issuer(head: Head, text: str) -> str | None:
    """The body that issued the document (发文机关, 发布机构)."""
    match = _ISSUER.search(text)
    if match and _is_value(match[1]):
        return clean_line(match[1])
    declared = head.first("publisher_org", "issuer", "dc.publisher", "fwjg", "publishorg")
    return declared if declared and len(declared) <= 80 else None


def find_source_line(head: Head, tree: HtmlElement, text: str) -> str | None:
    """The outlet or body that the page names as its origin (来源)."""
    declared = head.first("contentsource", "source", "article:source", "og:article:source")
    if declared and 2 <= len(declared) <= _NAME_MAX and not re.search(r"http|^By ", declared):
        return re.sub(r"^来源\s*[:：]\s*", "", declared)
    for element in _SOURCE_ELEMENTS(tree):
        name = re.sub(r"^\s*(?:信息|文章|稿件)?来\s*源\s*[:：]?\s*", "", clean_line(element.text_content()))
        if _is_name(name):
            return name
    match = _SOURCE.search(text)
    return clean_line(match[1]) if match and _is_value(match[1]) and _is_name(clean_line(match[1])) else None


def _is_value(text: str) -> bool:
    """Not the next cell's label, and not an empty mark."""
    return len(text.strip()) >= 2 and not re.fullmatch(
        r"(?:发文字号|文号|成文日期|发布日期|索引号|主题分类|有效性|名称|标题|关键词|主题词|公开方式"
        r"|公开范围|生效日期|失效日期|[-—－/\s]+)",
        text.strip(),
    )


def find_canonical_link(head: Head, tree: HtmlElement, url: str) -> str | None:
    """The absolute address the page gives as its own; None if it gives none, or no usable one."""
    hrefs = [e.get("href") for e in tree.iter("link") if "canonical" in (e.get("rel") or "").lower().split()]
    for href in [*hrefs, head.first("og:url")]:
        if href and (absolute := absolute_link(href, url)):
            return absolute
    return None


def absolute_link(href: str, base: str) -> str | None:
    """An http or https address; None for anything else or for one that cannot be parsed."""
    try:
        absolute = urljoin(base, href.strip())
        parts = urlsplit(absolute)
        host = parts.hostname
    except ValueError:
        return None
    return absolute if parts.scheme in ("http", "https") and host else None


def is_attachment(href: str) -> bool:
    """Whether a link leads to a document rather than to a page, judged by its ending."""
    return _ATTACHMENT.search(_path(href)) is not None


def _path(href: str) -> str:
    return re.split(r"[?#]", href.strip(), maxsplit=1)[0]


def find_attachments(tree: HtmlElement, url: str) -> tuple[Attachment, ...]:
    """Linked documents, outside menus and footers, each address once, in page order."""
    found: dict[str, Attachment] = {}
    anchors = (anchor for anchor in tree.iter("a") if is_attachment(anchor.get("href") or ""))
    for anchor in islice(anchors, _ANCHORS_MAX):
        href = (anchor.get("href") or "").strip()
        if any(e.tag in ("nav", "header", "footer", "aside") for e in anchor.iterancestors()):
            continue
        absolute = absolute_link(href, url)
        if absolute is None or absolute in found:
            continue
        name = clean_line(anchor.text_content()) or clean_line(unquote(_path(href).rsplit("/", 1)[-1]))
        found[absolute] = Attachment(absolute, name[:200])
        if len(found) >= _ATTACHMENTS_MAX:
            break
    return tuple(found.values())
