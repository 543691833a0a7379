"""What became of articles after they were first stored: edits that made a new version, and removals."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Connection, literal, select

from store.schema import article, version


def changed_articles(
    connection: Connection, since: dt.datetime, *, source_id: str | None = None
) -> list[dict[str, Any]]:
    """Edits and removals that were noticed at this time or later, oldest first.

    Returns:
        Rows with `what` (`edited`, `gone`), `at`, `id`, `url`, `source_id`, `title` and `version`; of an edit
        also the titles and texts before and after it: `old_title`, `old_text`, `text`. An article that goes
        back to words it had before makes no new version and is not listed.
    """
    before = version.alias("before")
    edits = (
        select(
            literal("edited").label("what"),
            version.c.created_at.label("at"),
            article.c.id,
            article.c.url,
            article.c.source_id,
            version.c.title,
            version.c.number.label("version"),
            before.c.title.label("old_title"),
            before.c.text.label("old_text"),
            version.c.text,
        )
        .join(article, article.c.id == version.c.article_id)
        .join(
            before,
            (before.c.article_id == version.c.article_id) & (before.c.number == version.c.number - 1),
        )
        .where(version.c.created_at >= since)
    )
    removals = (
        select(
            literal("gone").label("what"),
            article.c.gone_at.label("at"),
            article.c.id,
            article.c.url,
            article.c.source_id,
            version.c.title,
            version.c.number.label("version"),
        )
        .join(version, version.c.id == article.c.current_version_id)
        .where(article.c.gone_at >= since)
    )
    if source_id is not None:
        edits = edits.where(article.c.source_id == source_id)
        removals = removals.where(article.c.source_id == source_id)
    rows = [dict(row) for query in (edits, removals) for row in connection.execute(query).mappings()]
    return sorted(rows, key=lambda row: (row["at"], row["id"], row["version"]))
