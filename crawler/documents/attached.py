"""Which of a page's attachments are worth fetching for its text, and the page's text with theirs.

Not for reading the files: that is `crawler/documents.py`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from crawler.documents import CHARACTERS_MAX, DocumentError, document_text, file_name
from crawler.lines import clean_line
from crawler.metadata import absolute_link, fold, is_attachment
from crawler.urls import same_site
from crawler.verdict import SHORT_TEXT, weight
from hexapolis.records import Attachment

DOCUMENTS_MAX = 5  # of one page
_ALL_SECONDS = 3.0  # after which no further document of a page is begun; five plain ones take one

_READABLE = re.compile(r"\.(pdf|docx)$", re.IGNORECASE)
_SIDE = re.compile(
    r"sidebar|footer|copyright|toolbar|related|recommend|\bmenu|\bnav|comment|share|disclaimer|friend[-_]?link",
    re.IGNORECASE,
)
_POLICY = re.compile(
    r"正文|全文|通知|方案|意见|办法|规划|计划|措施|条例|细则|规定|纲要|指南|决定|行动|报告|公告|清单"
    r"|\b(?:plan|measures|policy|opinions?|notice|guidelines?|regulations?|full[ _-]?text)\b",
    re.IGNORECASE,
)
_AIDS = re.compile(
    r"解读|图解|海报|长图|问答|一图读懂|流程图|宣传|\b(?:poster|infographic|slides?)\b", re.IGNORECASE
)
# What a reader fills in, and what every page of a site links: no part of what the page announces.
_FORM = re.compile(
    r"申请[表书]|申报[表书]|报名[表书]|登记表|推荐表|汇总表|回执|承诺书|授权书|委托书|模板|样[表本]|格式"
    r"|使用手册|操作手册|用户协议|隐私(?:政策|声明)"
    r"|\b(?:form|template|privacy policy|terms of (?:use|service)|user manual)\b",
    re.IGNORECASE,
)
_VERSION = re.compile(r"pdf|docx?|word|附件|[版下载点击查看（）()\[\]【】\s._\-]", re.IGNORECASE)
_LABEL = re.compile(r"附\s?[件录]\s?\d{0,2}\s?[:：.、]?|(?:点击)?下载(?:附件)?|Attachments?:?", re.IGNORECASE)
_LABEL_MAX = 4  # letters beside an attachment's name that are no sentence: a bullet, a number, a size
_SENTENCES_MIN = 20.0  # Han characters
_SENTENCE_END = re.compile(r"[。！？；]|[.!?;](?=\s|$)")
_SIZE = re.compile(r"[\s(（\[]*\d+(?:\.\d+)?\s*[kKmM]?[bB][)）\]]?$")


def wanted_documents(
    attachments: Sequence[Attachment], tree: HtmlElement, title: str, url: str, *, forms: bool = False
) -> tuple[Attachment, ...]:
    """The attachments whose text may be the page's, best first.

    PDF and DOCX only, on the page's own site or on a host that it loads things from; not those that stand in
    a side column or foot; one of two that differ only in format (the DOCX: its paragraphs are certain).

    Args:
        attachments: what the page links, in page order.
        tree: the page.
        title: its title; a document of that name is the one.
        url: its address.
        forms: also forms to fill in, for a page that has nothing else.
    """
    offered = [a for a in attachments if _extension(a)]
    if not offered:
        return ()
    aside = _aside(tree, url)
    hosts = _hosts(tree, url)
    ranked: list[tuple[float, int, Attachment]] = []
    for place, attachment in enumerate(offered):
        if attachment.url in aside or (_FORM.search(attachment.name) and not forms):
            continue
        if _host(attachment.url) in hosts or same_site(url, attachment.url):
            ranked.append((-_likeness(attachment, title), place, attachment))
    best: dict[str, Attachment] = {}
    for _, _, attachment in sorted(ranked, key=lambda row: row[:2]):
        stem = _VERSION.sub("", attachment.name) or attachment.url
        held = best.get(stem)
        if held is None or (_extension(held) == "pdf" and _extension(attachment) == "docx"):
            best[stem] = attachment
    return tuple(best.values())[:DOCUMENTS_MAX]


def _extension(attachment: Attachment) -> str | None:
    """`pdf` or `docx`, by the address or else by the name; None for what is not read."""
    named = urlsplit(attachment.url).path
    if not is_attachment(named):  # such as downloadfile.jsp?id=7
        named = attachment.name
    match = _READABLE.search(named)
    return match[1].lower() if match else None


def _likeness(attachment: Attachment, title: str) -> float:
    name = attachment.name
    score = 2.0 if _POLICY.search(name) else 0.0
    score -= 8.0 if _AIDS.search(name) else 0.0
    score -= 16.0 if _FORM.search(name) else 0.0
    pairs, own = _pairs(title), _pairs(_READABLE.sub("", name))
    return score + (4.0 * len(pairs & own) / len(own) if len(own) >= 3 else 0.0)


def _pairs(text: str) -> set[str]:
    folded = fold(text)
    return {folded[i : i + 2] for i in range(len(folded) - 1)}


def _aside(tree: HtmlElement, url: str) -> set[str]:
    """Addresses of readable files that are linked only from side columns, menus and feet."""
    inside: set[str] = set()
    outside: set[str] = set()
    for anchor in tree.iter("a"):
        href = (anchor.get("href") or "").strip()
        if not _READABLE.search(re.split(r"[?#]", href, maxsplit=1)[0]):
            continue
        address = absolute_link(href, url)
        if address is None or address in outside:
            continue
        names = (f"{e.get('class') or ''} {e.get('id') or ''}" for e in anchor.iterancestors())
        (inside if any(_SIDE.search(name) for name in names) else outside).add(address)
    return inside - outside


def _hosts(tree: HtmlElement, url: str) -> set[str]:
    """The hosts that a page loads pictures, scripts and styles from, and its own."""
    hosts = {_host(url)}
    for element in tree.iter("img", "script", "link"):
        address = absolute_link(element.get("src") or element.get("href") or "", url)
        if address:
            hosts.add(_host(address))
    return hosts


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def text_beside(text: str, title: str, attachments: Sequence[Attachment]) -> str:
    """What a page's text says beside its title and the names of its attachments."""
    names = sorted((a.name for a in attachments), key=len, reverse=True)
    kept = []
    for line in text.split("\n"):
        rest = line
        for name in names:
            rest = rest.replace(name, "")
        said = fold(_LABEL.sub("", rest))
        if (rest == line and fold(line) != fold(title) and not _LABEL.fullmatch(line)) or (
            rest != line and len(said) > _LABEL_MAX
        ):
            kept.append(line)
    return "\n".join(kept)


def sentences(text: str) -> str:
    """The lines of a stub's text that hold a sentence; the others are labels and menus."""
    return "\n".join(line for line in text.split("\n") if _SENTENCE_END.search(line))


def says_little(own: str) -> bool:
    """Whether what a page says beside the names of its documents is no notice: menus, a date, a label."""
    return weight(sentences(own)) < _SENTENCES_MIN and weight(own) < SHORT_TEXT


def with_documents(own: str, documents: Sequence[tuple[Attachment, bytes]]) -> tuple[str, list[str]]:
    """A page's text with those of its documents behind it, each under its name; and what could not be read.

    Args:
        own: the page's own text, perhaps empty.
        documents: what was fetched, in the order in which it shall stand.
    """
    parts = [own] if own else []
    problems: list[str] = []
    left = CHARACTERS_MAX
    begun = time.monotonic()
    for attachment, body in documents:
        name = document_name(attachment)
        if time.monotonic() - begun > _ALL_SECONDS:
            problems.append(f"{name}: left out, the documents before it took too long")
            continue
        try:
            found = document_text(body, attachment.url, None)
        except DocumentError as error:
            problems.append(f"{name}: {error.detail}")
            continue
        text = found.text[: max(0, left)]
        if not text:
            problems.append(f"{name}: left out, the documents before it have {CHARACTERS_MAX} characters")
            continue
        if found.truncated or len(text) < len(found.text):
            problems.append(f"{name}: read in part")
        left -= len(text)
        first = fold(text.split("\n", 1)[0])
        if fold(name) != first:  # else it has its own heading
            parts.append(name)
        parts.append(text)
    return "\n".join(parts), problems


def document_name(attachment: Attachment) -> str:
    """An attachment's name as a heading, without ending and size; its file's name where the link has none."""
    name = _READABLE.sub("", _SIZE.sub("", clean_line(attachment.name)))
    return name if len(fold(name)) > 1 else _READABLE.sub("", file_name(attachment.url))
