"""How often a source brings something, and when its silence is too long.

A source's rhythm is the gaps between the days on which its articles came out. The usual gap is their 95 %
quantile (the longest, where there are fewer than 20), and a silence is too long from three such gaps on:

    allowed = 3 × usual gap × (1 + 6 / number of gaps), at least 3 days

A daily paper is stale after three days, a bureau that rests at weekends after ten, a weekly after three
weeks. The last factor is for short histories, whose longest gap is still to come: it doubles the time at six
gaps and fades with many. Where articles come at random (a Poisson process) one gap in 8,000 is three times
the 95 % quantile, so such a source is called stale wrongly once in years. Fewer than six gaps tell nothing.

A feed that freezes is known sooner where every run used to bring something: `silent_runs`.

Days of China's long public holidays do not count, neither in the gaps nor in the silence.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence

from crawler.health.drift import CHANCE, RUNS, chance

MIN_GAPS = 6
MIN_DAYS = 3
EMPTY = 0.05  # share of runs
SPAN = 14  # days
FROZEN_DAYS = 2  # without anything, before runs alone may say that a source is stale
QUANTILE = 95  # per cent
FACTOR = 3
FEW = 6  # gaps; see the formula above

# First day of the lunar year.
_NEW_YEAR = {
    2020: dt.date(2020, 1, 25),
    2021: dt.date(2021, 2, 12),
    2022: dt.date(2022, 2, 1),
    2023: dt.date(2023, 1, 22),
    2024: dt.date(2024, 2, 10),
    2025: dt.date(2025, 1, 29),
    2026: dt.date(2026, 2, 17),
    2027: dt.date(2027, 2, 6),
    2028: dt.date(2028, 1, 26),
    2029: dt.date(2029, 2, 13),
    2030: dt.date(2030, 2, 3),
    2031: dt.date(2031, 1, 23),
    2032: dt.date(2032, 2, 11),
    2033: dt.date(2033, 1, 31),
    2034: dt.date(2034, 2, 19),
    2035: dt.date(2035, 2, 8),
}
# Offices close from the eve to the seventh or eighth day; little is published on the days around.
_FESTIVAL = (dt.timedelta(days=-4), dt.timedelta(days=9))


def is_quiet(day: dt.date) -> bool:
    """Whether a day falls into Spring Festival, National Day, Labour Day, Qingming or New Year."""
    if (day.month, day.day) in _FIXED:
        return True
    new_year = _NEW_YEAR.get(day.year)
    if new_year is None:  # beyond the table: every day on which the festival can fall
        return (1, 17) <= (day.month, day.day) <= (2, 29)
    return new_year + _FESTIVAL[0] <= day <= new_year + _FESTIVAL[1]


_FIXED = frozenset(
    [(10, day) for day in range(1, 9)]
    + [(5, day) for day in range(1, 6)]
    + [(4, day) for day in range(3, 7)]
    + [(1, day) for day in range(1, 4)]
)


def gap(earlier: dt.date, later: dt.date) -> int:
    """Days from one to the other, without the holidays between them."""
    days = (later - earlier).days
    return days - sum(is_quiet(earlier + dt.timedelta(days=n)) for n in range(1, days))


def silence(newest: dt.date, at: dt.datetime) -> float:
    """Days without anything new at this time, holidays left out, counted from noon of the newest day."""
    noon = dt.datetime.combine(newest, dt.time(12), dt.UTC)
    days = (at - noon) / dt.timedelta(days=1)
    return days - sum(is_quiet(newest + dt.timedelta(days=n)) for n in range(1, int(days) + 1))


def allowed_silence(days: Sequence[dt.date]) -> tuple[int, int] | None:
    """The usual gap and how many days without anything new are too many; None: too little is known.

    Args:
        days: on which articles came out, ascending, without repetition.
    """
    gaps = sorted(gap(a, b) for a, b in itertools.pairwise(days))
    if len(gaps) < MIN_GAPS:
        return None
    usual = gaps[-(-len(gaps) * QUANTILE // 100) - 1]
    return usual, max(MIN_DAYS, int(FACTOR * usual * (1 + FEW / len(gaps))))


def silent_runs(runs: Sequence[tuple[dt.datetime, bool]]) -> int:
    """How many of the last runs brought nothing, where nearly every run used to bring something; else 0.

    They are at least RUNS, and would come by chance, at the rate of empty runs before, in fewer than CHANCE
    of cases. Empty runs come in rows (nights, weekends), so chance is a judge only where they hardly occur:
    in at most EMPTY of the runs before, and those over SPAN days, which have weekends.

    Args:
        runs: start of each answered run, oldest first, and whether it brought something new.
    """
    last = sum(1 for _ in itertools.takewhile(lambda run: not run[1], reversed(runs)))
    before = runs[: len(runs) - last]
    if last < RUNS or not before or (before[-1][0] - before[0][0]).days < SPAN:
        return 0
    empty = sum(not some for _, some in before)
    usual = empty <= EMPTY * len(before)
    return last if usual and chance(last, last, (empty + 0.5) / (len(before) + 1)) < CHANCE else 0
