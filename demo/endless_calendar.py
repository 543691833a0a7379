"""The crawler trap of the Chengdu outlet: a calendar whose "next month" link never ends.

Every month of the years 1 to 9999 exists and links to its neighbours and to a page for each of its days. The
day pages have addresses that look like articles and say nothing. Not for any other page.
"""

from __future__ import annotations

import calendar
import re
from typing import Any

from demo.rendering import Resource, render

_MONTH = re.compile(r"/rili/(\d{4})-(\d{2})\.shtml")
_DAY = re.compile(r"/rili/day/(\d{4})-(\d{2})-(\d{2})\.shtml")


def _address(year: int, month: int) -> str | None:
    """Address of a month; months may be 0 or 13. None outside the years 1 to 9999."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return f"/rili/{year:04d}-{month:02d}.shtml" if 1 <= year <= 9999 else None


def calendar_page(path: str) -> Resource | None:
    """The month or day page at that path; None when the path is not in the calendar."""
    if match := _MONTH.fullmatch(path):
        year, month = map(int, match.groups())
        if _address(year, month) != path:
            return None
        values: dict[str, Any] = {
            "year": year,
            "month": month,
            "weeks": calendar.monthcalendar(year, month),
            "previous": _address(year, month - 1),
            "following": _address(year, month + 1),
        }
        return Resource(render("cd", "cd/calendar.html", 1, **values))
    if match := _DAY.fullmatch(path):
        year, month, day = map(int, match.groups())
        if _address(year, month) is None or not 1 <= month <= 12:
            return None
        if not 1 <= day <= calendar.monthrange(year, month)[1]:
            return None
        return Resource(render("cd", "cd/calendar_day.html", 1, year=year, month=month, date=day))
    return None
