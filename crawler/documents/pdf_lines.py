"""Make paragraphs of a PDF's lines: a PDF knows where a line stands, not where a paragraph ends.

A line that fills its column goes on in the next one, unless that begins a numbered item, is set in, or stands
at a distance. Lines are joined without a blank between Chinese characters, with one between words. Page
numbers and the running heads and feet that most pages repeat are left out. Not for reading the file.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from crawler.lines import clean_line, han_count

_PAGE_NUMBER = re.compile(
    r"[\s·•.—–\-－_~～/|｜]*(?:第\s*)?(?:(?:page|p\.)\s*)?(?:\d{1,4}|[ivxlc]{1,6}|[ⅰ-ⅿ]{1,4})"
    r"(?:\s*页)?(?:\s*(?:/|of|，|,|共)?\s*(?:共\s*)?\d{1,4}\s*页?)?[\s·•.—–\-－_~～/|｜]*",
    re.IGNORECASE,
)
_ITEM = re.compile(
    r"(?:第\s?[一二三四五六七八九十百零〇\d]{1,5}\s?[章节条编部分篇]|[一二三四五六七八九十]{1,3}\s?[、．.]"
    r"|[(（]\s?[一二三四五六七八九十\d]{1,3}\s?[)）]|\d{1,3}(?:[、]|[.．](?!\d))|\d{1,2}(?:\.\d{1,2}){1,3}\s"
    r"|[①-⑳]|[●■◆•·▪‣–]\s|附\s?[件录表]\s?\d{0,2}\s?(?:[:：]|$)|\d{1,2}\)\s)"
)
_SENTENCE_END = re.compile(r"[。！？；：.!?;:][”’」』）)\"']*$")
_CLOSING = re.compile(r"[。，、；：！？）》」』”’％]")
_WIDE = re.compile(r"[\u2e80-\uffef]")
_HYPHEN = re.compile(r"(?<=[A-Za-z])[\x02\xad\ufffe]$")  # PDFium's mark for a word cut at the end of a line
_SPACED = re.compile(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])")
_SPACED_SHARE = 0.4  # of the Chinese characters of a line: its blanks are for the looks
_EDGE_LINES = 2  # at the top and foot of a page that may be running heads
_REPEATED = 0.4  # of the pages that a running head is on: left and right pages may have different ones
_NEAR = 6  # lines before and after that show how wide a column is
_GAP = 1.6  # distances between lines that part two paragraphs
_COLUMN = 12.0  # characters of a line that can fill a column; lists of names have shorter ones
_PROSE = 15.0  # characters: a Chinese line so long that ends no sentence may stop short of the edge
_RAGGED = 5.0  # characters by which it may
_INDENT = 1.0  # widths of a Chinese character
_PIECE = 40  # characters at the end of a text that show in what language it is
_TITLE_LINES = 6  # at the beginning of a document, among which a title may take several
_TITLE_SIZE = 1.15  # times the height of the usual line

# Some programs write the radicals' code points where the characters are meant. The block from U+2F00 on has a
# compatible form, the simplified ones of the block before it have none. The other four mark nothing visible.
_RADICALS = {
    **dict.fromkeys((0x02, 0xAD, 0xFFFE, 0xFFFF)),
    **dict(zip(
        map(ord, "⺠⺟⻄⻅⻆⻉⻋⻓⻔⻘⻙⻚⻛⻜⻝⻢⻥⻦⻨⻩⻬⻮⻰⻳"),
        "民母西见角贝车长门青韦页风飞食马鱼鸟麦黄齐齿龙龟",
        strict=True,
    )),
    **{code: unicodedata.normalize("NFKC", chr(code)) for code in range(0x2F00, 0x2FD6)},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a page and where it stands, in points from the page's lower left corner."""

    page: int
    left: float
    right: float
    bottom: float
    top: float
    text: str

    @property
    def em(self) -> float:
        """The width of a Chinese character in this line, as far as its length tells."""
        return (self.right - self.left) / max(_width(self.text), 1.0)


def paragraphs(lines: Sequence[Line]) -> list[str]:
    """The text of a document, one paragraph an item, from its lines in reading order."""
    kept = _without_page_furniture([line for line in lines if clean_line(_readable(line.text))])
    if not kept:
        return []
    long = [line.em for line in kept if _width(line.text) >= 8]
    em = median(long or [line.em for line in kept]) or 1.0
    steps = [a.bottom - b.bottom for a, b in pairwise(kept) if a.page == b.page]
    pitch = median([step for step in steps if step > 0] or [2 * em])
    height = median(line.top - line.bottom for line in kept)
    found: list[list[Line]] = []
    for number, line in enumerate(kept):
        if number and (
            _goes_on(kept, number - 1, found[-1][0], em, pitch)
            or (number < _TITLE_LINES and _same_title(kept, number - 1, em, pitch, height))
        ):
            found[-1].append(line)
        else:
            found.append([line])
    return [text for part in found if (text := _joined(part))]


def _width(text: str) -> float:
    """The length of a text in Chinese characters: others are half as wide."""
    wide = len(_WIDE.findall(text))
    return wide + (len(text) - wide) / 2


def _readable(text: str) -> str:
    return text.translate(_RADICALS)


def _goes_on(lines: Sequence[Line], number: int, first: Line, em: float, pitch: float) -> bool:
    """Whether the paragraph that began with `first` goes on after line `number`."""
    line, after = lines[number], lines[number + 1]
    near = lines[max(0, number - _NEAR) : number + _NEAR + 2]
    edge = max(other.right for other in near if _in_column(other, line))
    # What the line after begins with would not have fitted here. Chinese lines may end two signs early:
    # a closing mark must not begin a line.
    word = clean_line(_readable(after.text)).split(" ", 1)[0]
    if _CLOSING.match(word):
        return True
    if _width(line.text) < _COLUMN:
        return False
    room = 2.3 if _WIDE.match(word) else _width(word) + 1.0
    if (
        _width(line.text) >= _PROSE
        and _WIDE.search(line.text)
        and not _SENTENCE_END.search(line.text.strip())
    ):
        room = max(room, _RAGGED)
    if edge - line.right >= em * room:
        return False
    step = line.bottom - after.bottom
    if line.page == after.page and step > _GAP * pitch:
        return False
    margin = min(other.left for other in near if _in_column(other, after))
    indent = after.left - margin > _INDENT * em
    if _ITEM.match(clean_line(_readable(after.text))):
        # （二）项 or 二、 at the beginning of a line may be the middle of a sentence, if items are set in
        set_in = first.left - margin > _INDENT * em
        return not indent and set_in and _SENTENCE_END.search(line.text.rstrip()) is None
    hanging = line is first and _ITEM.match(clean_line(first.text)) and after.left > first.left + 0.5 * em
    return not indent or bool(hanging)


def _in_column(line: Line, other: Line) -> bool:
    # A line is in its own column, whatever a damaged file says of its edges.
    return line is other or (line.left <= other.right and line.right >= other.left)


def _same_title(lines: Sequence[Line], number: int, em: float, pitch: float, height: float) -> bool:
    """Whether two lines at the beginning are one title: large, in the middle, near each other."""
    line, after = lines[number], lines[number + 1]
    if line.page != after.page or line.bottom - after.bottom > 2.5 * pitch:
        return False
    body = [other for other in lines if other.page == line.page]
    left, right = min(other.left for other in body), max(other.right for other in body)
    large = all(part.top - part.bottom > _TITLE_SIZE * height for part in (line, after))
    middle = all(abs(part.left + part.right - left - right) < 3 * em for part in (line, after))
    alike = abs((line.top - line.bottom) - (after.top - after.bottom)) < 0.15 * height
    return large and middle and alike and not _ITEM.match(clean_line(after.text))


def _joined(lines: Sequence[Line]) -> str:
    text = ""
    for line in lines:
        piece = line.text.strip()
        if not text:
            text = piece
        elif _HYPHEN.search(text[-2:]):  # not the whole: a document may be one paragraph
            text = text[:-1] + piece
        elif (
            _WIDE.match(piece)
            or _WIDE.match(text[-1])
            or (_is_chinese(text[-_PIECE:]) and _cut_number(text[-2:], piece))
        ):
            text += piece
        else:
            text += f" {piece}"
    text = clean_line(_readable(text))
    if len(_SPACED.findall(text)) > _SPACED_SHARE * max(han_count(text), 1):
        text = _SPACED.sub("", text)
    return text


def _is_chinese(text: str) -> bool:
    return 2 * han_count(text) > len(text)


def _cut_number(text: str, piece: str) -> bool:
    return re.search(r"\d\.?$", text) is not None and (piece[0].isdigit() or piece[0] in ".%")


def _without_page_furniture(lines: Sequence[Line]) -> list[Line]:
    """Without page numbers, and without what stands at the head or foot of most pages."""
    pages: dict[int, list[int]] = {}
    for number, line in enumerate(lines):
        pages.setdefault(line.page, []).append(number)
    edges: dict[int, str] = {}
    for numbers in pages.values():
        by_height = sorted(numbers, key=lambda n: -lines[n].bottom)
        for number in {*by_height[:_EDGE_LINES], *by_height[-_EDGE_LINES:]}:
            edges[number] = re.sub(r"\d+", "0", "".join(lines[number].text.split()))
    repeated: Counter[str] = Counter()
    for numbers in pages.values():
        repeated.update({edges[number] for number in numbers if number in edges})
    most = max(3, round(_REPEATED * len(pages)))
    kept = [
        line
        for number, line in enumerate(lines)
        if number not in edges
        or not (repeated[edges[number]] >= most or _PAGE_NUMBER.fullmatch(line.text.strip()))
    ]
    if 2 * sum(len(line.text) for line in kept) < sum(len(line.text) for line in lines):
        return list(lines)  # pages of two or three lines, which are alike: a form, not running heads
    return kept
