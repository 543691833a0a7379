"""Find a document's own number (文号), such as 国发〔2025〕11号, and write it in its standard form.

Not for numbers of other documents that a text quotes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

# 国发〔2025〕11号 and its variants: the bracket may also be [], ［］, （） or 【】.
_YEAR = r"[〔\[［（(【﹝]\s*(?:19|20)\d{2}\s*[〕\]］）)】﹞]"
_NUMBER = rf"[\u4e00-\u9fffA-Za-z]{{1,14}}\s*{_YEAR}\s*(?:第\s*)?\d{{1,5}}\s*号"
_ORDER = r"[\u4e00-\u9fff]{0,24}(?:公告|通告|令)\s*(?:(?:19|20)\d{2}\s*年\s*)?第\s*\d{1,4}\s*号"
_LABEL = re.compile(
    r"(?:^|[\s|｜【\[]|^[（(])(?:发文字号|文\s{0,6}号|文件编号|发布文号|发文号|公文文号|文件字号)\s*[】\]]?\s*[:：]?\s*"
)
_LABELLED = re.compile(rf"{_NUMBER}|{_ORDER}|[\u4e00-\u9fffA-Za-z]{{1,14}}\s*{_YEAR}\s*\d{{1,5}}(?=\s|$)")
# Alone in its line, or with the date and the labels of the line under a title beside it.
_NUMBER_LINE = re.compile(
    rf"[(（]?\s*({_NUMBER}|{_ORDER})\s*[)）]?(?:\s+(?:\d{{4}}-\d\d?-\d\d?|(?:发布|来源|成文|公开"
    rf"|浏览).{{0,60}}))?"
)
_NUMBER_IN_TITLE = re.compile(rf"[(（]\s*({_NUMBER})\s*[)）]$|[_\s]({_NUMBER})$")
_BRACKETS = str.maketrans("[［（(【﹝]］）)】﹞", "〔〔〔〔〔〔〕〕〕〕〕〕")
_WIDE_DIGITS = str.maketrans("０１２３４５６７８９", "0123456789")
_NUMBER_LINES = 60  # after the title in which a number stands alone
_ABOVE_TITLE = 6  # lines: the head of a document stands above it


def find_document_number(lines: Sequence[str], title: str) -> str | None:
    """The document number: at its label, in the title, or alone in one of the first lines.

    The year's brackets become 〔〕, wide digits plain, and spaces go: one document has one number, however a
    site writes it. A number inside a sentence is another document's.
    """
    lines = [line.translate(_WIDE_DIGITS) if "号" in line or "〕" in line else line for line in lines]
    if (number := _labelled(lines)) or (number := _number(_NUMBER_IN_TITLE.search(title))):
        return number
    begin = next(
        (
            i
            for i, line in enumerate(lines)
            if len(title) >= 5 and title in line and len(line) < len(title) + 40
        ),
        0,
    )
    for line in lines[max(0, begin - _ABOVE_TITLE) : begin + _NUMBER_LINES]:
        if "号" in line and (number := _number(_NUMBER_LINE.fullmatch(line))):
            return number
    return None


def _labelled(lines: Sequence[str]) -> str | None:
    """The number after its label, in the same line or in the next, the neighbouring cell."""
    for line, following in pairwise([*lines, ""]):
        if "号" not in line and "文件编号" not in line:
            continue
        for label in _LABEL.finditer(line):
            rest = line[label.end() :] or following.translate(_WIDE_DIGITS)
            if number := _number(_LABELLED.match(rest)):
                return number
    return None


def _number(match: re.Match[str] | None) -> str | None:
    """The number that was found, in its standard form."""
    if match is None:
        return None
    text = next((part for part in match.groups() if part), match[0])
    return re.sub(r"\s+", "", text).translate(_BRACKETS)
