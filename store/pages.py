"""Pages: what was fetched, where its bytes are, and which of them wait to be processed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, or_, select

from hexapolis.records import ArchiveRef, Attachment, Page
from store.documents import attached
from store.schema import article, page, version


@dataclass(frozen=True, slots=True)
class NewPage:
    """A page that is in the archive and goes into the store."""

    source_id: str
    run_id: int
    role: str  # article, listing, document, robots or hop (an answer that redirects)
    url_key: str
    page: Page  # its body is not needed: the archive has it
    ref: ArchiveRef
    size: int  # bytes of the body
    listed_on: dt.date | None = None
    modified_hint: dt.datetime | None = None
    parent_id: int | None = None  # of a document: the page it is attached to


@dataclass(frozen=True, slots=True)
class StoredPage:
    """A page's row, as far as processing and replay need it."""

    page_id: int
    source_id: str
    run_id: int
    url: str
    requested_url: str
    url_key: str
    status: int
    content_type: str | None
    fetched_at: dt.datetime
    listed_on: dt.date | None
    ref: ArchiveRef
    documents: tuple[tuple[Attachment, ArchiveRef], ...] = ()  # fetched for its text


@dataclass(frozen=True, slots=True)
class KnownPage:
    """What the store knows of an address before it is fetched again."""

    url_key: str
    status: int
    verdict: str | None  # None: archived, not processed yet
    fetched_at: dt.datetime
    etag: str | None
    last_modified: str | None
    modified_hint: dt.datetime | None


def insert_pages(connection: Connection, pages: Sequence[NewPage]) -> list[int]:
    """Store pages whose bytes are safely in the archive; their ids, in the same order."""
    if not pages:
        return []
    rows = [
        {
            "source_id": new.source_id,
            "run_id": new.run_id,
            "role": new.role,
            "url": new.page.url,
            "requested_url": new.page.requested_url,
            "url_key": new.url_key,
            "status": new.page.status,
            "content_type": new.page.header("content-type"),
            "etag": new.page.header("etag"),
            "last_modified": new.page.header("last-modified"),
            "fetched_at": new.page.fetched_at,
            "listed_on": new.listed_on,
            "modified_hint": new.modified_hint,
            "warc_file": new.ref.file,
            "warc_offset": new.ref.offset,
            "warc_length": new.ref.length,
            "digest": new.ref.digest,
            "size": new.size,
            "parent_id": new.parent_id,
        }
        for new in pages
    ]
    statement = insert(page).returning(page.c.id, sort_by_parameter_order=True)
    return [int(i) for i in connection.execute(statement, rows).scalars()]


def known_pages(connection: Connection, url_keys: Collection[str]) -> dict[str, KnownPage]:
    """The newest fetched page of each address, by the address asked for or by an article's own address."""
    found: dict[str, KnownPage] = {}
    keys = list(url_keys)
    for start in range(0, len(keys), 500):  # databases limit the number of parameters
        chunk = keys[start : start + 500]
        newest = (
            select(func.max(page.c.id))
            .where(page.c.url_key.in_(chunk), page.c.role.in_(("article", "listing")))
            .group_by(page.c.url_key)
        )
        for row in connection.execute(select(page).where(page.c.id.in_(newest))):
            found[row.url_key] = _known(row.url_key, row)
        rest = [key for key in chunk if key not in found]
        if rest:
            last = (
                select(article.c.url_key, func.max(page.c.id).label("page_id"))
                .join_from(article, version, version.c.article_id == article.c.id)
                .join(page, page.c.version_id == version.c.id)
                .where(article.c.url_key.in_(rest))
                .group_by(article.c.url_key)
                .subquery()
            )
            joined = select(page, last.c.url_key.label("article_key")).join(last, last.c.page_id == page.c.id)
            for row in connection.execute(joined):
                found[row.article_key] = _known(row.article_key, row)
    return found


def _known(key: str, r: Any) -> KnownPage:
    return KnownPage(key, r.status, r.verdict, r.fetched_at, r.etag, r.last_modified, r.modified_hint)


def pages_to_process(
    connection: Connection,
    extractor_version: str,
    model_id: str,
    *,
    after: int = 0,
    run_ids: Iterable[int] | None = None,
    every: bool = False,
    limit: int = 256,
) -> list[StoredPage]:
    """Pages without a result of this extractor and model, in the order they were fetched.

    Args:
        after: only pages with a greater id; a caller walks through with the last id it got.
        run_ids: only pages of these runs; all when None.
        every: also pages that have such a result already.
        limit: at most so many.
    """
    query = select(page).where(page.c.role == "article", page.c.id > after).order_by(page.c.id).limit(limit)
    if run_ids is not None:
        query = query.where(page.c.run_id.in_(list(run_ids)))
    if not every:
        query = query.where(waits(extractor_version, model_id))
    rows = connection.execute(query).all()
    documents = attached(connection, [r.id for r in rows if r.documents])
    return [
        StoredPage(
            r.id,
            r.source_id,
            r.run_id,
            r.url,
            r.requested_url,
            r.url_key,
            r.status,
            r.content_type,
            r.fetched_at,
            r.listed_on,
            ArchiveRef(r.warc_file, r.warc_offset, r.warc_length, r.digest),
            documents.get(r.id, ()),
        )
        for r in rows
    ]


def runs_with_unread_pages(connection: Connection, source_ids: Sequence[str]) -> list[int]:
    """Runs of these sources, oldest first, that were killed or stopped before their pages were read."""
    query = select(page.c.run_id).where(
        page.c.source_id.in_(source_ids), page.c.role == "article", page.c.extractor_version.is_(None)
    )
    return [int(i) for i in connection.execute(query.distinct().order_by(page.c.run_id)).scalars()]


def count_waiting(connection: Connection, run_ids: Sequence[int]) -> int:
    """How many pages of these runs have not been processed."""
    query = select(func.count()).where(
        page.c.run_id.in_(run_ids), page.c.role == "article", page.c.extractor_version.is_(None)
    )
    return int(connection.execute(query).scalar_one())


def waits(extractor_version: str, model_id: str) -> ColumnElement[bool]:
    """The condition under which a page has no result of this extractor and model."""
    return or_(
        page.c.extractor_version.is_(None),
        page.c.extractor_version != extractor_version,
        page.c.model_id.is_(None),
        page.c.model_id != model_id,
    )


def count_pages(connection: Connection) -> dict[str, int]:
    """How many pages have which verdict; `waiting` for those not processed yet."""
    verdict = func.coalesce(page.c.verdict, "waiting")
    rows = connection.execute(
        select(verdict, func.count()).where(page.c.role == "article").group_by(verdict).order_by(verdict)
    )
    return {name: count for name, count in rows}  # noqa: C416 - dict() does not know the types of a row
