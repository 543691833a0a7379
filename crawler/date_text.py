"""Read full calendar dates, and the times beside them, in the forms that Chinese and English pages use.

A month without a day is no date. A time is a moment only where its offset is known: the text says it, or the
page is Chinese, whose times are UTC+8. Not for finding where on a page the date of publication stands.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
CHINA_TIME = dt.timezone(dt.timedelta(hours=8))  # the offset, as pages write it

_MONTH_KEYS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {m: i for i, m in enumerate(_MONTH_KEYS, start=1)}
_MONTH_NAME = (
    r"(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_HAN_DIGITS = {c: str(i) for i, c in enumerate("〇一二三四五六七八九")} | dict.fromkeys("○零O0", "0")
_FULL_WIDTH = str.maketrans("０１２３４５６７８９：／－．", "0123456789:/-.")
_WIDE_DIGIT = re.compile(r"[０-９]")
# Three groups each: year, month, day, in the order named beside it.
_NUMERIC = re.compile(
    r"(?<![\d.])((?:19|20)\d{2})\s?[-/.]\s?(\d{1,2})\s?[-/.]\s?(\d{1,2})(?:(?!\d)|(?=\d{2}:\d{2}))"
    r"|(?<=:\d\d)((?:19|20)\d{2})-(\d{2})-(\d{2})"  # glued to the datetime before it: 10:30:002024-03-16
)
_CHINESE = re.compile(r"(?<!\d)((?:19|20)\d{2})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*(?:[日号]|(?!\d))")
_HAN = re.compile(
    r"([一二][〇○零O0一二三四五六七八九]{3})\s*年\s*([一二三四五六七八九十]{1,2})\s*月"
    r"\s*([一二三四五六七八九十]{1,3})\s*日"
)
_COMPACT = re.compile(r"(?<!\d)((?:19|20)\d{2})(0[1-9]|1[0-2])([0-2]\d|3[01])(?=\d{6}(?!\d)|(?!\d))")
_MONTH_FIRST = re.compile(
    rf"\b{_MONTH_NAME}[\s\-]+(\d{{1,2}})(?:st|nd|rd|th)?(?:,|\s|-)\s?((?:19|20)\d{{2}})\b", re.I
)
_DAY_FIRST = re.compile(
    rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th)?[\s\-.](?:of\s|\s)?{_MONTH_NAME},?[\s\-]+((?:19|20)\d{{2}})\b", re.I
)
# 03/05/2024, of which the page's country decides the order, and 14.12.2011, whose day comes first everywhere.
_SLASHED = re.compile(r"(?<![\d/.])(\d{1,2})([/.])(\d{1,2})\2((?:19|20)\d{2})(?![\d/])")

_WEEKDAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\b\.?"
_ZONE = (
    r"[(（]?\s*(?P<zone>Z\b|[+\-]\d{2}:?\d{2}(?!\d)|(?:GMT|UTC)\s*[+\-]\s*\d{1,2}(?::?00)?|GMT|UTC"
    r"|Beijing(?: time)?|北京时间|(?:BJT|HKT|SGT|CST|EST|EDT|PST|PDT)\b)\s*[)）]?"
)
_TIME_AFTER = re.compile(
    r"\s*(?:[,，]?\s*(?:at\b|[T@|,，\-–])|[（(]?(?:星期|周)[一二三四五六日天][）)]?"
    rf"|{_WEEKDAY})?[,，]?\s*(?P<half>上午|下午|晚上|凌晨|早上|中午)?\s*(?P<h>[01]?\d|2[0-3])\s*"
    r"(?:[:：时点]\s*(?P<m>[0-5]\d)(?:\s*[:：分]\s*(?P<s>[0-5]\d)(?:\.\d+)?)?\s*[分秒]?"
    rf"\s*(?P<pm>[ap]\.?\s?m\b\.?)?|\s?(?P<pm2>[ap]\.?m\b\.?))(?:\s*{_ZONE})?",
    re.I,
)
_TIME_COMPACT = re.compile(r"(?P<h>[01]\d|2[0-3])(?P<m>[0-5]\d)(?P<s>[0-5]\d)(?!\d)")
_TIME_BEFORE = re.compile(
    r"(?<!\d)(?P<h>[01]?\d|2[0-3])(?:[:.](?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?)?\s*(?P<pm>[ap]\.?\s?m\b\.?)?"
    rf"\s*(?:{_ZONE})?\s*[,，|·]?\s*(?:on\s+)?(?:{_WEEKDAY},?\s*)?$",
    re.I,
)
_BEFORE = 40  # characters before a date in which its time may stand
_HOURS = {"hkt": 8, "sgt": 8, "bjt": 8, "北京时间": 8, "est": -5, "edt": -4, "pst": -8, "pdt": -7}


@dataclass(frozen=True, slots=True)
class Moment:
    """A date that a text writes out, and the moment where a time of known offset stands beside it."""

    day: dt.date
    at: dt.datetime | None


def read_moments(text: str, *, chinese: bool = False, day_first: bool = False) -> Iterator[Moment]:
    """Every full calendar date of a text, in order, each with its moment; glued datetimes are taken apart.

    Args:
        text: such as `2024年3月15日`, `March 15, 2024 9:30 a.m. (GMT+8)`, `2024-03-15 10:302024-03-16 08:00`.
        chinese: whether times without an offset are UTC+8, and UTC times mean days in China.
        day_first: whether 03/05/2024 is in May.
    """
    if _WIDE_DIGIT.search(text):
        text = text.translate(_FULL_WIDTH)
    found = []
    for start, end, year, month, day in date_matches(text, day_first=day_first):
        try:
            found.append((start, end, dt.date(year, month, day)))
        except ValueError:
            continue  # 2024-13-45 is not a date
    for start, end, value in sorted(found):
        match = _TIME_COMPACT.match(text, end) if text[start:end].isdigit() else _TIME_AFTER.match(text, end)
        if match is None and text[end - 4 : end].isdigit():  # the year last: an English form
            match = _TIME_BEFORE.search(text[max(0, start - _BEFORE) : start])
        at = _moment(value, match, chinese=chinese) if match else None
        in_utc = at is not None and at.tzinfo is dt.UTC
        yield Moment(at.astimezone(SHANGHAI).date() if at and in_utc and chinese else value, at)


def read_dates(text: str, *, chinese: bool = False) -> Iterator[dt.date]:
    """The dates of `read_moments`."""
    for moment in read_moments(text, chinese=chinese):
        yield moment.day


def read_epoch(value: object, *, chinese: bool = False) -> Moment | None:
    """The moment that a number of seconds or milliseconds since 1970 means; None for anything else."""
    digits = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not re.fullmatch(r"\d{10}|\d{13}", digits):
        return None
    at = dt.datetime.fromtimestamp(int(digits[:10]), dt.UTC)
    return Moment(at.astimezone(SHANGHAI).date() if chinese else at.date(), at)


def _moment(day: dt.date, match: re.Match[str], *, chinese: bool) -> dt.datetime | None:
    """The moment of a day and a time; None where the time or its offset is not known."""
    part = match.groupdict()
    hour, minute, second = int(part["h"]), int(part["m"] or 0), int(part["s"] or 0)
    late = (part.get("pm") or part.get("pm2") or "").lower()
    if part["m"] is None and not late:
        return None  # a bare number is no time
    if late:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if late.startswith("p") else 0)
    elif part.get("half") in ("下午", "晚上") and hour < 12:
        hour += 12
    zone = _zone(part.get("zone"), with_seconds=part["s"] is not None, chinese=chinese)
    if zone is None or (part.get("zone") is None and hour == minute == second == 0):
        return None  # templates print midnight where only the day is known
    return dt.datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=zone)


def _zone(name: str | None, *, with_seconds: bool, chinese: bool) -> dt.tzinfo | None:
    name = (name or "").lower().replace(" ", "")
    if name.startswith("-") and not with_seconds:
        name = ""  # 10:20-11:30 is a span of time
    if not name:
        return CHINA_TIME if chinese else None
    if name == "cst":  # China's, or central America's
        return CHINA_TIME if chinese else None
    if name.startswith("beijing") or _HOURS.get(name) == 8:
        return CHINA_TIME
    if name in _HOURS:
        return dt.timezone(dt.timedelta(hours=_HOURS[name]))
    match = re.search(r"([+\-])(\d{1,2}):?(\d{2})?$", name)
    if match is None:
        return dt.UTC
    offset = dt.timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
    if not offset:
        return dt.UTC
    return dt.timezone(-offset if match[1] == "-" else offset) if offset <= dt.timedelta(hours=14) else None


def in_words(line: str) -> bool:
    """Whether a line is one date in Chinese words, as documents are signed: 2024年3月15日."""
    return (_CHINESE.fullmatch(line) or _HAN.fullmatch(line)) is not None


def without_dates(text: str) -> str:
    """The text with its dates cut out."""
    for pattern in (_NUMERIC, _CHINESE, _MONTH_FIRST, _DAY_FIRST, _HAN, _SLASHED):
        text = pattern.sub("", text)
    return text


def has_date(text: str) -> bool:
    """Whether a text writes out a full date, real or not."""
    return next(date_matches(text), None) is not None


def date_matches(text: str, *, day_first: bool = False) -> Iterator[tuple[int, int, int, int, int]]:
    """Start, end, year, month and day of everything that looks like a full date; may be no real day."""
    if _WIDE_DIGIT.search(text):
        text = text.translate(_FULL_WIDTH)
    if "年" in text:
        for m in _CHINESE.finditer(text):
            yield m.start(), m.end(), int(m[1]), int(m[2]), int(m[3])
        for m in _HAN.finditer(text):
            year = int("".join(_HAN_DIGITS[c] for c in m[1]))
            yield m.start(), m.end(), year, _han_number(m[2]), _han_number(m[3])
    if "20" not in text and "19" not in text:
        return
    for m in _NUMERIC.finditer(text):
        first = 1 if m[1] else 4
        yield m.start(), m.end(), int(m[first]), int(m[first + 1]), int(m[first + 2])
    for m in _COMPACT.finditer(text):
        yield m.start(), m.end(), int(m[1]), int(m[2]), int(m[3])
    for m in _SLASHED.finditer(text):
        first, second = int(m[1]), int(m[3])
        month, day = (second, first) if first > 12 or day_first or m[2] == "." else (first, second)
        yield m.start(), m.end(), int(m[4]), month, day
    for m in _MONTH_FIRST.finditer(text):
        yield m.start(), m.end(), int(m[3]), _MONTHS[m[1][:3].lower()], int(m[2])
    for m in _DAY_FIRST.finditer(text):
        yield m.start(), m.end(), int(m[3]), _MONTHS[m[2][:3].lower()], int(m[1])


def _han_number(text: str) -> int:
    """A number below one hundred in Chinese characters; 0 for a form that is none."""
    tens, _, ones = text.rpartition("十")
    if "十" not in text:
        return int(_HAN_DIGITS[text]) if len(text) == 1 else 0
    if len(tens) > 1 or len(ones) > 1:
        return 0
    return 10 * int(_HAN_DIGITS.get(tens, "1")) + int(_HAN_DIGITS.get(ones, "0"))
