"""Cutting a text into passages, the unit that is coded.

A passage is a paragraph, or a run of adjacent sentences of a long one. Offsets count Python characters;
`text[start:end]` is always the exact quote; passages do not overlap and together hold every character that is
not white space. Says nothing about what a passage means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hexapolis.records import Passage

MAX_WIDTH = 350.0
"""Widest passage, in Chinese characters; one Latin letter counts `LATIN_WIDTH` (so about 900 letters)."""

LATIN_WIDTH = 0.39

_HEADING_WIDTH = 40.0  # a line this short without final punctuation is a heading
_NUMBERED_HEADING_WIDTH = 60.0  # a numbered one may be longer

# Line ends, and the block tags that some feeds leave in their text.
_BREAK = re.compile(
    r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+|(?<=</p>)|(?<=<br>)|(?<=<br/>)|(?<=</div>)|(?<=</li>)", re.I
)
_SENTENCE_END = re.compile(r"[。！？；…]+[”’」』）)\"']*|[.!?;]+[\"'”’)\]]*(?=\s|$)|</p>|<br ?/?>")
_SOFT_END = re.compile(r"[，、,：:]|\s")
_NUMBERING = re.compile(
    r"\s*(?:第[一二三四五六七八九十百零〇\d]{1,6}[章节條条编部]|[（(]?[一二三四五六七八九十百]{1,4}[)）、.．]"
    r"|[（(]?\d{1,3}[)）、.．](?!\d)|(?:Chapter|Section|Part|Article|Measure|Item)\s+[\dIVXLC]+\b|[IVX]{1,5}\.)",
    re.I,
)
_FINAL = re.compile(r"[。！？；;!?，,：:.…][”’」』）)\"']*$")


def width(text: str) -> float:
    """Length of a text in Chinese characters, Latin letters counting `LATIN_WIDTH`.

    Told from the length in UTF-8 (one byte a Latin letter, three a Chinese character), which is fast; other
    scripts and emoji fall between and beyond.
    """
    if text.isascii():
        return LATIN_WIDTH * len(text)
    extra = len(text.encode("utf-8", "surrogatepass")) - len(text)
    return LATIN_WIDTH * len(text) + (1.0 - LATIN_WIDTH) * extra / 2


def is_heading(line: str) -> bool:
    """Whether a whole line reads as a heading: short, and without the punctuation that ends a sentence."""
    line = line.strip()
    if not line or len(line) > _NUMBERED_HEADING_WIDTH / LATIN_WIDTH:
        return False
    if _FINAL.search(line):
        return False
    limit = _NUMBERED_HEADING_WIDTH if _NUMBERING.match(line) else _HEADING_WIDTH
    return width(line) <= limit and "。" not in line


def is_bare_heading(line: str) -> bool:
    """A heading that states nothing countable: no digit after its own number."""
    return is_heading(line) and not re.search(r"\d", _NUMBERING.sub("", line, count=1))


def sentences(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """Sentence spans of `text[start:end]`, in order, without surrounding white space."""
    end = len(text) if end is None else end
    spans: list[tuple[int, int]] = []
    at = start
    for match in _SENTENCE_END.finditer(text, start, end):
        spans.append((at, match.end()))
        at = match.end()
    if at < end:
        spans.append((at, end))
    return [span for span in (_trim(text, *span) for span in spans) if span[0] < span[1]]


def windows(text: str, start: int, end: int, limit: float) -> list[tuple[int, int]]:
    """Spans of adjacent sentences of `text[start:end]`, each at most `limit` wide.

    A sentence that is wider on its own is cut at commas or spaces, and where it has none, at the limit.
    """
    if width(text[start:end]) <= limit:
        span = _trim(text, start, end)
        return [span] if span[0] < span[1] else []
    spans: list[tuple[int, int]] = []
    open_start, open_end, open_width = start, start, 0.0
    for first, last in _pieces(text, start, end, limit):
        piece = width(text[open_end:last])  # with the white space before it
        if open_end > open_start and open_width + piece > limit:
            spans.append((open_start, open_end))
            open_start, open_width, piece = first, 0.0, width(text[first:last])
        open_end = last
        open_width += piece
    if open_end > open_start:
        spans.append((open_start, open_end))
    return [span for span in (_trim(text, *span) for span in spans) if span[0] < span[1]]


def split_passages(text: str) -> list[Passage]:
    """Passages of a text in order; an empty list for an empty or blank text.

    Headings are passages too (they are text), and every passage below one carries it as `heading`.
    """
    passages: list[Passage] = []
    heading: str | None = None
    for start, end in _lines(text):
        line = text[start:end]
        if is_heading(line):
            passages.append(Passage(start, end))
            heading = line
            continue
        passages.extend(Passage(first, last, heading) for first, last in windows(text, start, end, MAX_WIDTH))
    return passages


def _lines(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    for match in _BREAK.finditer(text):
        span = _trim(text, at, match.start())
        if span[0] < span[1]:
            yield span
        at = match.end()
    span = _trim(text, at, len(text))
    if span[0] < span[1]:
        yield span


def _pieces(text: str, start: int, end: int, limit: float) -> Iterator[tuple[int, int]]:
    """Sentences, the wide ones cut again, in order and without gaps other than white space."""
    for first, last in sentences(text, start, end):
        if width(text[first:last]) <= limit:
            yield first, last
            continue
        at = first
        while at < last:
            stop = min(last, at + _characters(text, at, last, limit))
            if stop < last:
                cuts = [match.end() for match in _SOFT_END.finditer(text, at, stop)]
                if cuts and cuts[-1] > at + (stop - at) // 2:
                    stop = cuts[-1]
            yield at, stop
            at = stop


def _characters(text: str, start: int, end: int, limit: float) -> int:
    """How many characters from `start` fit into `limit`; at least one."""
    used = 0.0
    for count in range(end - start):
        used += width(text[start + count])
        if used > limit:
            return max(count, 1)
    return end - start


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
