"""Find the element of a page that holds the article: the one whose paragraphs weigh most.

Every block of text scores by its length and punctuation, less where it stands in links; the score goes to the
block's container and, fading, to the next three around it (the idea of readability and of text-density
methods). On Chinese pages this beats the general extractor, which looks for `<p>` and for English class
names. Not for cleaning the text.
"""

from __future__ import annotations

import re
from collections import defaultdict

from lxml.html import HtmlElement

from crawler.lines import HIDDEN, INLINE, han_count

_SKIPPED = HIDDEN | {"nav", "footer", "header", "aside", "button", "textarea", "input"}
# Blocks that are themselves a paragraph: their text counts for the element around them.
_PARAGRAPHS = frozenset(
    {"p", "li", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "dd", "dt", "tr"}
)
_PUNCTUATION = re.compile(r"[，。！？；：、,.!?;:]")
_LATIN = 2.5  # Latin letters that say as much as one Han character
_MARK = 5.0  # score of one punctuation mark, in Han characters: menus have none
_MARKS_MAX = 50
_IMPRINT = re.compile(r"ICP\s?[备证]|公网安备|版权所有\s?[:：©]|©|\ball rights reserved\b", re.IGNORECASE)
_LIGHT = 8.0  # blocks below this weight are menu items and labels
_FADING = (1.0, 0.75, 0.53, 0.37)
# Names of what is not the article. A container with such a name needs twice the text to win.
_SIDE = re.compile(
    r"comment|footer|sidebar|related|recommend|copyright|\bnav|menu|rank|breadcrumb|disclaimer|share"
    r"|guestbook|toolbar|cookie",
    re.I,
)
_SIDE_FACTOR = 0.5
# Names that the site families give to the article's own container (TRS, NFCMS, Hanweb, UCAP and the media).
_BODY = re.compile(
    r"\b(?:TRS_Editor|TRS_UEDITOR|zoom|zoomcon|mainText|UCAP-CONTENT|ivs_content|con_con|pages_content"
    r"|artibody|endText|articleBody)\b"
    r"|article[-_]?(?:content|body|text|con)|news_cont_d_wrap|detail_content|rich_media_content"
    r"|entry-content|post-content|view-content",
    re.I,
)
_BODY_FACTOR = 1.3


def find_content(tree: HtmlElement) -> HtmlElement | None:
    """The element that most likely holds the article; None if no block of the page reads like a sentence."""
    root = tree.find("body")
    if root is None:
        root = tree
    scores: dict[HtmlElement, float] = defaultdict(float)
    for block, own, linked in _blocks(root):
        gain = _score(own, linked)
        if gain == 0.0:
            continue
        holder: HtmlElement | None = (
            block.getparent() if block.tag in _PARAGRAPHS and block is not root else block
        )
        for share in _FADING:
            if holder is None:
                break
            scores[holder] += gain * share
            if holder is root:
                break
            holder = holder.getparent()
    if not scores:
        return None
    return max(scores, key=lambda element: scores[element] * _name_factor(element))


def _blocks(root: HtmlElement) -> list[tuple[HtmlElement, str, str]]:
    """Every block element with its own text (inline descendants included) and the part of it in links."""
    texts: dict[HtmlElement, tuple[list[str], list[str]]] = {}
    # Explicit stack: (element, its block, inside a link); the order of the result is that of the page.
    stack: list[tuple[HtmlElement, HtmlElement, bool]] = [(root, root, False)]
    while stack:
        element, block, linked = stack.pop()
        tag = element.tag
        if not isinstance(tag, str) or tag in _SKIPPED:
            continue
        if tag not in INLINE and tag != "br":
            block = element
        linked = linked or tag == "a"
        held = texts.get(block)
        if held is None:
            held = texts[block] = ([], [])
        if element.text:
            held[linked].append(element.text)
        for child in element:
            if child.tail:
                held[linked].append(child.tail)
        stack.extend((child, block, linked) for child in reversed(element))
    return [(block, "".join(own), "".join(links)) for block, (own, links) in texts.items()]


def _score(own: str, linked: str) -> float:
    weight = _weight(own)
    if weight < _LIGHT or _IMPRINT.search(own):
        return 0.0
    marks = len(_PUNCTUATION.findall(own))
    if marks == 0:
        return 0.0
    score = (weight + _MARK * min(marks, _MARKS_MAX)) * (weight / (weight + _weight(linked)))
    return score * 0.3 if weight < 2 * _LIGHT and marks < 2 else score


def _weight(text: str) -> float:
    if not text:
        return 0.0
    solid = "".join(text.split())
    han = han_count(solid)
    return han + (len(solid) - han) / _LATIN


def _name_factor(element: HtmlElement) -> float:
    names = f"{element.get('class') or ''} {element.get('id') or ''}"
    if not names.strip():
        return 1.0
    if _BODY.search(names):
        return _BODY_FACTOR
    return _SIDE_FACTOR if _SIDE.search(names) else 1.0
