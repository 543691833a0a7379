"""Documents attached to pages: which are wanted for a page's text, and which are there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from hexapolis.records import ArchiveRef, Attachment
from store.schema import crawl_run, page

_child = page.alias("child")


@dataclass(frozen=True, slots=True)
class WantedDocuments:
    """The documents that a page's text needs, and that have not been fetched."""

    page_id: int
    url_key: str  # of the page, as in the run's ledger
    run_id: int
    documents: tuple[Attachment, ...]


_unfetched = (
    page.c.documents.is_not(None) & ~select(_child.c.id).where(_child.c.parent_id == page.c.id).exists()
)
_ended_badly = crawl_run.c.status.in_(("interrupted", "failed"))


def wanted_documents(connection: Connection, source_id: str, run_id: int) -> list[WantedDocuments]:
    """What pages of a source want that this run, or a run that did not end well, has fetched."""
    query = (
        select(page.c.id, page.c.url_key, page.c.run_id, page.c.documents)
        .join(crawl_run, crawl_run.c.id == page.c.run_id)
        .where(page.c.source_id == source_id, (page.c.run_id == run_id) | _ended_badly, _unfetched)
        .order_by(page.c.id)
    )
    return [
        WantedDocuments(
            row.id, row.url_key, row.run_id, tuple(Attachment(d["url"], d["name"]) for d in row.documents)
        )
        for row in connection.execute(query)
        if row.documents
    ]


def runs_without_documents(connection: Connection, source_ids: Collection[str]) -> list[int]:
    """Runs of these sources that did not end well and whose pages want documents."""
    query = (
        select(page.c.run_id)
        .join(crawl_run, crawl_run.c.id == page.c.run_id)
        .where(page.c.source_id.in_(list(source_ids)), _ended_badly, _unfetched)
    )
    return [int(i) for i in connection.execute(query.distinct().order_by(page.c.run_id)).scalars()]


def read_again(connection: Connection, page_ids: Collection[int]) -> None:
    """Have pages processed once more, now that their documents are there."""
    connection.execute(
        update(page).where(page.c.id.in_(list(page_ids))).values(extractor_version=None, model_id=None)
    )


def attached(
    connection: Connection, page_ids: Collection[int]
) -> dict[int, tuple[tuple[Attachment, ArchiveRef], ...]]:
    """The documents that were fetched for these pages, in the order in which the page wants them."""
    query = (
        select(_child, page.c.documents.label("wanted"))
        .join(page, page.c.id == _child.c.parent_id)
        .where(_child.c.parent_id.in_(list(page_ids)), _child.c.status == 200)
        .order_by(_child.c.id)
    )
    found: dict[int, dict[str, tuple[Attachment, ArchiveRef]]] = {}
    for row in connection.execute(query):
        names = {d["url"]: d["name"] for d in row.wanted or ()}
        link = Attachment(row.requested_url, names.get(row.requested_url, ""))
        ref = ArchiveRef(row.warc_file, row.warc_offset, row.warc_length, row.digest)
        found.setdefault(row.parent_id, {})[row.requested_url] = (link, ref)
    return {key: tuple(documents.values()) for key, documents in found.items()}
