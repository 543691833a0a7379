"""Hosts that are left alone for a while after they have refused us.

A refusal (403, 412, 429, 451, 521 or a bot check) costs the host's sources an hour at first and twice as long
with each further one, up to a week. The first good answer afterwards forgets all of it. Not here: noticing a
refusal, and not asking: the crawl does both.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from store.schema import cooldown
from store.upsert import upsert

FIRST = dt.timedelta(hours=1)
LONGEST = dt.timedelta(days=7)
_DOUBLINGS = 8  # after these, FIRST is over LONGEST


@dataclass(frozen=True, slots=True)
class Strike:
    """A host's refusal, as the crawl saw it."""

    host: str
    reason: str
    retry_after: dt.timedelta | None = None  # how long the host itself asks us to wait


@dataclass(frozen=True, slots=True)
class Cooldown:
    """A host that is not asked for anything before `until`."""

    host: str
    strikes: int  # refusals in a row
    until: dt.datetime
    reason: str


def length(strikes: int, retry_after: dt.timedelta | None = None) -> dt.timedelta:
    """How long a host is left alone after so many refusals in a row.

    Args:
        strikes: one or more.
        retry_after: what the host asks for; counts where it is longer, up to a week.
    """
    ours = min(FIRST * (1 << min(strikes - 1, _DOUBLINGS)), LONGEST)
    return max(ours, min(retry_after or dt.timedelta(), LONGEST))


def cooling(connection: Connection, hosts: Collection[str], now: dt.datetime) -> dict[str, Cooldown]:
    """Those of the hosts that are to be left alone at this moment."""
    if not hosts:
        return {}
    rows = connection.execute(
        select(cooldown).where(cooldown.c.host.in_(sorted(hosts)), cooldown.c.until > now)
    )
    return {row.host: Cooldown(row.host, row.strikes, row.until, row.reason) for row in rows}


def strike(
    connection: Connection, host: str, reason: str, now: dt.datetime, retry_after: dt.timedelta | None = None
) -> Cooldown:
    """Note a refusal; how long the host is left alone. An end that was set is never brought forward."""
    earlier = connection.execute(select(cooldown).where(cooldown.c.host == host)).one_or_none()
    strikes = 1 + (earlier.strikes if earlier is not None else 0)
    until = now + length(strikes, retry_after)
    if earlier is not None:
        until = max(until, earlier.until)
    row = {"host": host, "strikes": strikes, "until": until, "reason": reason, "updated_at": now}
    upsert(connection, cooldown, [row], ["host"], ["strikes", "until", "reason", "updated_at"])
    return Cooldown(host, strikes, until, reason)


def clear(connection: Connection, host: str) -> None:
    """The host has given a good answer again: forget its refusals."""
    connection.execute(delete(cooldown).where(cooldown.c.host == host))
