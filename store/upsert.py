"""INSERT … ON CONFLICT for both databases; SQLAlchemy spells it once per dialect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[dict[str, Any]],
    key: Sequence[str],
    update: Sequence[str] = (),
) -> None:
    """Insert rows; where the key exists, update the named columns, or leave the row if none is named."""
    if not rows:
        return
    insert = sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
    if update:
        statement = insert.on_conflict_do_update(
            index_elements=list(key), set_={c: insert.excluded[c] for c in update}
        )
    else:
        statement = insert.on_conflict_do_nothing(index_elements=list(key))
    connection.execute(statement, list(rows))
