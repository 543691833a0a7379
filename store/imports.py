"""How far the import of each WARC file has come, and which visits of a page are stored already.

A row is written in the transaction that stores the pages it counts, so a killed import neither loses a page
nor takes one twice. Not here: reading the files.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, select

from store.schema import import_progress, page
from store.upsert import upsert


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far one file has been read and its pages are stored."""

    name: str  # its absolute path; with the options that leave records out, if any were given
    size: int  # bytes of the file
    offset: int  # from which to go on; the file's size when it is done
    records: int  # read so far; at offset 0 so many are known and passed over
    skipped: int  # of these, filtered or broken

    @property
    def finished(self) -> bool:
        """Whether the file has been read to its end."""
        return self.offset >= self.size


def import_progress_of(connection: Connection, name: str) -> ImportProgress | None:
    """How far a file has been imported; None when it never was."""
    row = connection.execute(select(import_progress).where(import_progress.c.name == name)).first()
    return ImportProgress(row.name, row.size, row.offset, row.records, row.skipped) if row else None


def save_import_progress(connection: Connection, marks: Collection[ImportProgress], now: dt.datetime) -> None:
    """Write down how far files have been imported, over what was there."""
    columns = ["size", "offset", "records", "skipped"]
    rows = [
        {"name": mark.name, "updated_at": now, **{column: getattr(mark, column) for column in columns}}
        for mark in marks
    ]
    upsert(connection, import_progress, rows, ["name"], [*columns, "updated_at"])


def visit_is_stored(connection: Connection, url_key: str, fetched_at: dt.datetime, digest: str) -> bool:
    """Whether a page was stored with this address, this time and these bytes."""
    found = select(page.c.id).where(
        page.c.url_key == url_key, page.c.fetched_at == fetched_at, page.c.digest == digest
    )
    return connection.execute(found.limit(1)).first() is not None
