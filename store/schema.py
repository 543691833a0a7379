"""The tables. Migrations in `store/migrations` create them; a test holds the two together.

The chain: source → crawl_run (with its ledger) → page (bytes in the archive) → article → version → passage →
prediction (per dimension, with evidence and cities) → story. A version also has its reviews, in a table that
only grows: triggers, which migration 0003 makes, refuse every change of a row. Two pointer columns,
`article.current_version_id` and `version.current_prediction_id`, say which row counts now; they carry no
foreign key because the rows they point to point back (SQLite cannot add a constraint later), and
`store.integrity` checks them instead.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)

HEAD = "0004"
"""The newest migration this version knows."""


class UtcDateTime(TypeDecorator[dt.datetime]):
    """An aware datetime, kept in UTC. SQLite drops the zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """Refuse naive times: nobody can tell what they mean."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}; times are aware and in UTC")
        return value.astimezone(dt.UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> dt.datetime | None:
        """Hand out aware UTC times on every database."""
        if value is None:
            return None
        moment: dt.datetime = value
        return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only for a column of the exact type INTEGER.
BigId = BigInteger().with_variant(Integer, "sqlite")

source = Table(
    "source",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("name", Text, nullable=False),
    Column("definition", JSON, nullable=False),  # the catalogue's entry as it was last used
    Column("updated_at", UtcDateTime, nullable=False),
)

crawl_run = Table(
    "crawl_run",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("source_id", ForeignKey("source.id"), nullable=False, index=True),
    Column("trigger", String(20), nullable=False),  # manual, schedule, import, demo
    Column("limited", Boolean, nullable=False),  # its user left out pages (--max-pages, --since)
    Column("status", String(20), nullable=False),  # running, done, partial, failed, interrupted
    Column("reason", Text, nullable=False, default=""),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("urls_seen", Integer, nullable=False, default=0),  # counted by the spider, apart from the ledger
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
)

page = Table(
    "page",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("source_id", ForeignKey("source.id"), nullable=False, index=True),
    Column("run_id", ForeignKey("crawl_run.id"), nullable=False, index=True),
    Column(
        "role", String(10), nullable=False
    ),  # article, listing (read for its links), document (of an article)
    Column("url", Text, nullable=False),  # after redirects, as it was fetched
    Column("requested_url", Text, nullable=False),
    Column("url_key", Text, nullable=False, index=True),  # canonical form of the address that was asked for
    Column("status", Integer, nullable=False),
    Column("content_type", Text),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("fetched_at", UtcDateTime, nullable=False),
    Column("listed_on", Date),  # the date beside the link, where the entry point gave one
    Column("modified_hint", UtcDateTime),  # the sitemap's or feed's own time of change, when it was fetched
    Column("warc_file", Text, nullable=False),
    Column("warc_offset", BigInteger, nullable=False),
    Column("warc_length", Integer, nullable=False),
    Column("digest", String(80), nullable=False),  # of the body
    Column("size", Integer, nullable=False),  # bytes of the body
    # What processing made of it. A page waits while these differ from the current extractor and model.
    Column("extractor_version", String(60)),
    Column("model_id", String(64)),
    Column("processed_at", UtcDateTime),
    Column("verdict", String(20), index=True),
    Column("verdict_detail", Text),
    Column("encoding", String(40)),
    Column("charset_from", String(20)),
    Column("version_id", ForeignKey("version.id"), index=True),
    Column(
        "documents", JSON(none_as_null=True)
    ),  # attached files that are wanted for its text: a list of url and name
    Column("parent_id", ForeignKey("page.id"), index=True),  # of a document: the page it is attached to
    Index("ix_page_waiting", "role", "extractor_version", "model_id", "id"),
)

ledger = Table(
    "ledger",
    metadata,
    Column("run_id", ForeignKey("crawl_run.id"), primary_key=True),
    Column("url_key", Text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("detail", Text, nullable=False, default=""),
    Column("page_id", ForeignKey("page.id"), index=True),
)

article = Table(
    "article",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("url_key", Text, nullable=False, unique=True),
    Column("url", Text, nullable=False),
    Column("source_id", ForeignKey("source.id"), nullable=False, index=True),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column(
        "next_look_at", UtcDateTime
    ),  # when it is fetched again to see whether it has changed; None: never
    Column("gone_at", UtcDateTime),  # since when the server says that it is gone
    Column("current_version_id", BigId, index=True),
    Index("ix_article_source_id_next_look_at", "source_id", "next_look_at"),
)

story = Table(
    "story",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("key", String(64), nullable=False, unique=True),  # digest of the folded text
)

version = Table(
    "version",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("article_id", ForeignKey("article.id"), nullable=False),
    Column("number", Integer, nullable=False),  # 1, 2, … in the order they were seen
    Column("page_id", BigId, nullable=False),  # the page whose bytes gave this text first
    Column("story_id", ForeignKey("story.id"), nullable=False, index=True),
    Column("text_sha256", String(64), nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("language", String(8), nullable=False),
    Column("published_on", Date, index=True),
    Column("published_from", String(20)),
    Column("written_on", Date),
    Column("written_from", String(20)),
    Column("author", Text),
    Column("issuer", Text),
    Column("source_line", Text),
    Column("document_number", Text),
    Column("attachments", JSON, nullable=False),
    Column("title_from", String(20)),
    Column("published_at", String(40)),  # ISO 8601 with the page's own offset, where it gives a time
    Column("keywords", JSON, nullable=False, server_default="[]"),
    Column("declared", JSON, nullable=False, server_default="{}"),
    Column("headline_only", Boolean, nullable=False, server_default=false()),
    Column("extractor_version", String(60), nullable=False),
    Column("kind", String(14)),  # NULL until the page is read by a version that tells kinds
    Column("kind_reason", Text),
    Column("level", String(10)),
    Column("level_reason", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("current_prediction_id", BigId),
    UniqueConstraint("article_id", "text_sha256"),
    UniqueConstraint("article_id", "number"),
)

passage = Table(
    "passage",
    metadata,
    Column("version_id", ForeignKey("version.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("heading", Text),
)

model = Table(
    "model",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("codebook_version", String(40), nullable=False),
    Column("card", JSON, nullable=False),
    Column("first_used_at", UtcDateTime, nullable=False),
)

prediction = Table(
    "prediction",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("version_id", ForeignKey("version.id"), nullable=False),
    Column("model_id", ForeignKey("model.id"), nullable=False, index=True),
    Column("codebook_version", String(40), nullable=False),
    Column("relevance", Float, nullable=False),
    Column("relevance_threshold", Float, nullable=False),
    Column("relevant", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("version_id", "model_id"),
)

prediction_dimension = Table(
    "prediction_dimension",
    metadata,
    Column("prediction_id", ForeignKey("prediction.id"), primary_key=True),
    Column("dimension", String(20), primary_key=True),
    Column("probability", Float, nullable=False),
    Column("threshold", Float, nullable=False),
    Column("tagged", Boolean, nullable=False),
)

evidence = Table(
    "evidence",
    metadata,
    Column("prediction_id", ForeignKey("prediction.id"), primary_key=True),
    Column("dimension", String(20), primary_key=True),
    Column("rank", Integer, primary_key=True),  # 0 is the strongest
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("score", Float, nullable=False),
    Column("terms", JSON, nullable=False, server_default="[]"),  # the words that weighed most
)

prediction_city = Table(
    "prediction_city",
    metadata,
    Column("prediction_id", ForeignKey("prediction.id"), primary_key=True),
    Column("city_code", String(6), primary_key=True),
    Column("city", Text, nullable=False),
    Column("role", String(10), nullable=False),
    Column("rank", Integer, nullable=False),
    Index("ix_prediction_city_city_code", "city_code"),
)

review = Table(
    "review",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("version_id", ForeignKey("version.id"), nullable=False, index=True),
    Column("reviewer", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", String(12), nullable=False),  # open, blind, adjudicated, undo
    Column("audit", Boolean, nullable=False),  # drawn by the random audit share
    Column("relevant", Boolean),  # null: unsure, or not judged
    Column("dims", JSON(none_as_null=True)),  # a list; null: not judged
    Column("cities", JSON(none_as_null=True)),  # a list of codes; null: not judged
    Column("evidence", JSON, nullable=False),  # a list of dimension, start, end
    Column("note", Text, nullable=False),
    Column("codebook_version", String(40), nullable=False),
    Column("undoes", ForeignKey("review.id"), unique=True),  # a review is taken back at most once
)

cooldown = Table(
    "cooldown",
    metadata,
    Column("host", Text, primary_key=True),
    Column("strikes", Integer, nullable=False),  # refusals in a row; the time doubles with each
    Column("until", UtcDateTime, nullable=False),
    Column("reason", Text, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

import_progress = Table(
    "import_progress",
    metadata,
    Column("name", Text, primary_key=True),  # absolute path of the WARC file
    Column("size", BigInteger, nullable=False),  # bytes, to notice that it is another file now
    Column("offset", BigInteger, nullable=False),  # bytes read and safely stored
    Column("records", BigInteger, nullable=False),
    Column("skipped", BigInteger, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)
