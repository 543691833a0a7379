"""Read full calendar dates out of text, in the forms that Chinese and English pages use.

A month without a day is no date. UTC times can be turned into Asia/Shanghai days. Not for finding where on a
page the date of publication stands.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

_MONTH_KEYS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {m: i for i, m in enumerate(_MONTH_KEYS, start=1)}
_MONTH_NAME = (
    r"(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_HAN_DIGITS = {c: str(i) for i, c in enumerate("〇一二三四五六七八九")} | {
    "○": "0",
    "零": "0",
    "０": "0",
    "O": "0",
}
_ISO_TIME = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(Z|\+00:?00|UTC|GMT)(?!\d)", re.I
)
# Three groups each: year, month, day, in the order named beside it.
_NUMERIC = re.compile(
    r"(?<![\d.])((?:19|20)\d{2})\s?[-/.]\s?(\d{1,2})\s?[-/.]\s?(\d{1,2})(?:(?!\d)|(?=\d{2}:\d{2}))"
)
_CHINESE = re.compile(r"(?<!\d)((?:19|20)\d{2})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日?(?!\d)")
_HAN = re.compile(
    r"([一二][〇○零O０一二三四五六七八九]{3})年([一二三四五六七八九十]{1,2})月([一二三四五六七八九十]{1,3})日"
)
_COMPACT = re.compile(r"(?<!\d)((?:19|20)\d{2})(0[1-9]|1[0-2])([0-2]\d|3[01])(?=\d{6}(?!\d)|(?!\d))")
_MONTH_FIRST = re.compile(rf"\b{_MONTH_NAME}\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+((?:19|20)\d{{2}})\b", re.I)
_DAY_FIRST = re.compile(
    rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th)?[\s\-](?:of\s)?{_MONTH_NAME},?[\s\-]+((?:19|20)\d{{2}})\b", re.I
)


def read_dates(text: str, *, chinese: bool = False) -> Iterator[dt.date]:
    """Every full calendar date that a text writes out, in order; glued datetimes are taken apart.

    Args:
        text: such as `2024年3月15日`, `March 15, 2024`, `2024-03-15 10:302024-03-16 08:00`, `20240315`.
        chinese: whether UTC times mean Asia/Shanghai days.
    """
    found: list[tuple[int, dt.date]] = []
    for position, year, month, day in date_matches(text):
        try:
            found.append((position, dt.date(year, month, day)))
        except ValueError:
            continue  # 2024-13-45 is not a date
    utc = {m.start(): m for m in _ISO_TIME.finditer(text)} if chinese else {}
    for position, value in sorted(found, key=lambda item: item[0]):
        yield _shanghai_day(utc[position], value) if position in utc else value


def in_words(line: str) -> bool:
    """Whether a line is one date in Chinese words, as documents are signed: 2024年3月15日."""
    return (_CHINESE.fullmatch(line) or _HAN.fullmatch(line)) is not None


def without_dates(text: str) -> str:
    """The text with its dates cut out."""
    for pattern in (_NUMERIC, _CHINESE, _MONTH_FIRST, _DAY_FIRST, _HAN):
        text = pattern.sub("", text)
    return text


def _shanghai_day(match: re.Match[str], written: dt.date) -> dt.date:
    try:
        moment = dt.datetime.combine(written, dt.time(int(match[4]), int(match[5])), dt.UTC)
    except ValueError:
        return written  # no such time of day
    return moment.astimezone(SHANGHAI).date()


def date_matches(text: str) -> Iterator[tuple[int, int, int, int]]:
    """Position, year, month and day of everything that looks like a full date; may be no real day."""
    for pattern in (_NUMERIC, _CHINESE, _COMPACT):
        for m in pattern.finditer(text):
            yield m.start(), int(m[1]), int(m[2]), int(m[3])
    # A day glued to the next datetime: 2024-03-15 10:30:002024-03-16 …
    for m in re.finditer(r"(?<=:\d\d)((?:19|20)\d{2})-(\d{2})-(\d{2})", text):
        yield m.start(), int(m[1]), int(m[2]), int(m[3])
    for m in _MONTH_FIRST.finditer(text):
        yield m.start(), int(m[3]), _MONTHS[m[1][:3].lower()], int(m[2])
    for m in _DAY_FIRST.finditer(text):
        yield m.start(), int(m[3]), _MONTHS[m[2][:3].lower()], int(m[1])
    for m in _HAN.finditer(text):
        yield m.start(), int("".join(_HAN_DIGITS[c] for c in m[1])), _han_number(m[2]), _han_number(m[3])


def _han_number(text: str) -> int:
    """A number below one hundred in Chinese characters; 0 for a form that is none."""
    tens, _, ones = text.rpartition("十")
    if "十" not in text:
        return int(_HAN_DIGITS[text]) if len(text) == 1 else 0
    if len(tens) > 1 or len(ones) > 1:
        return 0
    return 10 * int(_HAN_DIGITS.get(tens, "1")) + int(_HAN_DIGITS.get(ones, "0"))
