"""Looking again at articles that are stored: when it is due, and what is found.

An article is fetched again 1, 3, 7 and 30 days after it came out, so that an edit becomes a version and a
removal is noticed. Says nothing about how it is fetched.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select, update

from store.schema import article, page, version

LOOKS = tuple(dt.timedelta(days=days) for days in (1, 3, 7, 30))
"""Age of an article at each look."""

CHINA = dt.timezone(dt.timedelta(hours=8))


@dataclass(frozen=True, slots=True)
class DueLook:
    """An article that is due to be fetched again."""

    url: str
    url_key: str


def next_look(since: dt.datetime, seen: dt.datetime) -> dt.datetime | None:
    """When an article is looked at after it was seen.

    Args:
        since: when it came out, or was first seen where that is unknown.
        seen: when it was fetched or found unchanged.
    """
    return next((since + age for age in LOOKS if since + age > seen), None)


def came_out(published_on: dt.date | None, first_seen_at: dt.datetime) -> dt.datetime:
    """The moment looks are counted from: the first visit, or the end of an earlier day of publication.

    So a new article is followed from its first visit, and one that was old already is left alone.
    """
    if published_on is None or published_on > first_seen_at.date():
        return first_seen_at
    try:
        end = dt.datetime.combine(published_on + dt.timedelta(days=1), dt.time(), CHINA)
    except OverflowError:
        return first_seen_at
    return min(first_seen_at, end)


def due_looks(connection: Connection, source_id: str, now: dt.datetime, limit: int) -> list[DueLook]:
    """Articles of a source that are due, the longest overdue first."""
    query = (
        select(article.c.url, article.c.url_key)
        .where(article.c.source_id == source_id, article.c.next_look_at <= now)
        .order_by(article.c.next_look_at, article.c.id)
        .limit(limit)
    )
    return [DueLook(row.url, row.url_key) for row in connection.execute(query)]


def save_unchanged(connection: Connection, seen: Mapping[str, dt.datetime]) -> None:
    """Note that the server said of these addresses, at these times, that nothing has changed.

    Args:
        connection: a writing transaction.
        seen: by canonical address, which may be the article's own or one that led to it.
    """
    for key, article_id in articles_at(connection, seen).items():
        row = connection.execute(
            select(article.c.first_seen_at, version.c.published_on)
            .outerjoin(version, version.c.id == article.c.current_version_id)
            .where(article.c.id == article_id)
        ).one()
        since = came_out(row.published_on, row.first_seen_at)
        connection.execute(
            update(article)
            .where(article.c.id == article_id, article.c.last_seen_at <= seen[key])
            .values(last_seen_at=seen[key], next_look_at=next_look(since, seen[key]), gone_at=None)
        )


def save_gone(connection: Connection, seen: Mapping[str, dt.datetime]) -> set[str]:
    """Note that stored articles are gone; the addresses among these that have one.

    Args:
        connection: a writing transaction.
        seen: by canonical address, when the server said so.
    """
    found = articles_at(connection, seen)
    for key, article_id in found.items():
        row = connection.execute(
            select(article.c.first_seen_at, article.c.last_seen_at, article.c.gone_at, version.c.published_on)
            .outerjoin(version, version.c.id == article.c.current_version_id)
            .where(article.c.id == article_id)
        ).one()
        if seen[key] < row.last_seen_at:  # a saved page that is older than what we know
            continue
        since = came_out(row.published_on, row.first_seen_at)
        connection.execute(
            update(article)
            .where(article.c.id == article_id)
            .values(gone_at=row.gone_at or seen[key], next_look_at=next_look(since, seen[key]))
        )
    return set(found)


def articles_at(connection: Connection, keys: Collection[str]) -> dict[str, int]:
    """Ids of the stored articles at these addresses: their own, or ones that led to them before."""
    wanted = list(keys)
    found: dict[str, int] = {}
    for start in range(0, len(wanted), 500):
        chunk = wanted[start : start + 500]
        by_page = (
            select(page.c.url_key, version.c.article_id)
            .join(version, version.c.id == page.c.version_id)
            .where(page.c.url_key.in_(chunk))
            .order_by(page.c.id)
        )
        found |= {row.url_key: row.article_id for row in connection.execute(by_page)}
        own = select(article.c.url_key, article.c.id).where(article.c.url_key.in_(chunk))
        found |= {row.url_key: row.id for row in connection.execute(own)}
    return found


def save_looks(connection: Connection, article_ids: Collection[int]) -> None:
    """Set when these articles, which have just been fetched, are looked at next."""
    rows = connection.execute(
        select(article.c.id, article.c.first_seen_at, article.c.last_seen_at, version.c.published_on)
        .outerjoin(version, version.c.id == article.c.current_version_id)
        .where(article.c.id.in_(list(article_ids)))
    )
    values = [
        {"key": r.id, "at": next_look(came_out(r.published_on, r.first_seen_at), r.last_seen_at)}
        for r in rows
    ]
    if values:
        connection.execute(
            update(article).where(article.c.id == bindparam("key")).values(next_look_at=bindparam("at")),
            values,
        )
