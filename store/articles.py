"""Reading articles: lists with filters, one article with its whole chain, and what the comparison counts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, exists, func, select

from hexapolis.errors import NotFoundError
from hexapolis.records import DIMENSIONS, CityRole, TaggedArticle
from store.documents import attached
from store.schema import (
    article,
    evidence,
    model,
    page,
    passage,
    prediction,
    prediction_city,
    prediction_dimension,
    story,
    version,
)


@dataclass(frozen=True, slots=True)
class ArticleFilter:
    """Which articles to list; an unset field does not restrict.

    Dates are inclusive and are dates of publication.
    """

    city_code: str | None = None
    dimension: str | None = None
    source_id: str | None = None
    language: str | None = None
    since: dt.date | None = None
    until: dt.date | None = None
    relevant: bool | None = None
    kind: str | None = None
    level: str | None = None
    story_id: int | None = None


def list_articles(
    connection: Connection,
    wanted: ArticleFilter,
    *,
    limit: int | None = None,
    text: bool = False,
    quotes: bool = False,
) -> Iterator[dict[str, Any]]:
    """Current versions, newest first, as plain rows with their tags and subject cities.

    Args:
        wanted: the filter.
        limit: at most so many.
        text: also the text.
        quotes: also, for each tagged dimension, the strongest passage that carries it.
    """
    columns = [
        article.c.id,
        article.c.url,
        article.c.source_id,
        article.c.first_seen_at,
        article.c.gone_at,
        version.c.number.label("version"),
        version.c.title,
        version.c.language,
        version.c.published_on,
        version.c.published_from,
        version.c.published_at,
        version.c.written_on,
        version.c.issuer,
        version.c.author,
        version.c.source_line,
        version.c.document_number,
        version.c.kind,
        version.c.level,
        version.c.keywords,
        version.c.headline_only,
        version.c.story_id,
        version.c.text_sha256,
        prediction.c.id.label("prediction_id"),
        prediction.c.relevance,
        prediction.c.relevant,
        prediction.c.model_id,
        prediction.c.codebook_version,
    ]
    if text or quotes:
        columns.append(version.c.text)
    query = _filtered(select(*columns), wanted).order_by(
        version.c.published_on.desc().nulls_last(), article.c.id.desc()
    )
    rows = connection.execute(query.limit(limit) if limit is not None else query)
    for part in rows.mappings().partitions(500):
        ids = [row["prediction_id"] for row in part]
        tags, cities = _tags(connection, ids), _cities(connection, ids)
        spans = _strongest(connection, ids) if quotes else {}
        for row in part:
            plain = dict(row)
            number = plain.pop("prediction_id")
            if quotes:
                content = plain["text"] if text else plain.pop("text")
                plain["quotes"] = {d: content[a:b] for d, (a, b) in spans.get(number, {}).items()}
            plain["dims"] = tags.get(number, [])
            plain["cities"] = [c for c in cities.get(number, []) if c["role"] == CityRole.SUBJECT.value]
            yield plain


def tagged_articles(connection: Connection, wanted: ArticleFilter) -> list[TaggedArticle]:
    """What the comparison counts: one record for each current version that passes the filter."""
    return [
        TaggedArticle(
            row["id"],
            row["story_id"],
            row["source_id"],
            row["title"],
            row["url"],
            row["language"],
            row["published_on"],
            tuple(row["dims"]),
            tuple((c["city_code"], c["city"]) for c in row["cities"]),
        )
        for row in list_articles(connection, wanted)
    ]


def _filtered(query: Select[Any], wanted: ArticleFilter) -> Select[Any]:
    query = query.select_from(article).join(version, version.c.id == article.c.current_version_id)
    query = query.join(prediction, prediction.c.id == version.c.current_prediction_id)
    if wanted.source_id is not None:
        query = query.where(article.c.source_id == wanted.source_id)
    if wanted.language is not None:
        query = query.where(version.c.language == wanted.language)
    if wanted.since is not None:
        query = query.where(version.c.published_on >= wanted.since)
    if wanted.until is not None:
        query = query.where(version.c.published_on <= wanted.until)
    if wanted.kind is not None:
        query = query.where(version.c.kind == wanted.kind)
    if wanted.level is not None:
        query = query.where(version.c.level == wanted.level)
    if wanted.relevant is not None:
        query = query.where(prediction.c.relevant == wanted.relevant)
    if wanted.story_id is not None:
        query = query.where(version.c.story_id == wanted.story_id)
    if wanted.dimension is not None:
        part = prediction_dimension
        query = query.where(
            exists().where(
                part.c.prediction_id == prediction.c.id, part.c.dimension == wanted.dimension, part.c.tagged
            )
        )
    if wanted.city_code is not None:
        city = prediction_city
        query = query.where(
            exists().where(
                city.c.prediction_id == prediction.c.id,
                city.c.city_code == wanted.city_code,
                city.c.role == CityRole.SUBJECT.value,
            )
        )
    return query


def _tags(connection: Connection, predictions: Sequence[int]) -> dict[int, list[str]]:
    part = prediction_dimension
    found: dict[int, list[str]] = {}
    for row in connection.execute(
        select(part.c.prediction_id, part.c.dimension).where(
            part.c.prediction_id.in_(predictions), part.c.tagged
        )
    ):
        found.setdefault(row.prediction_id, []).append(row.dimension)
    return {number: sorted(dims, key=DIMENSIONS.index) for number, dims in found.items()}


def _strongest(connection: Connection, predictions: Sequence[int]) -> dict[int, dict[str, tuple[int, int]]]:
    found: dict[int, dict[str, tuple[int, int]]] = {}
    rows = connection.execute(
        select(evidence).where(evidence.c.prediction_id.in_(predictions), evidence.c.rank == 0)
    )
    for row in rows:
        found.setdefault(row.prediction_id, {})[row.dimension] = (row.start, row.end)
    return found


def _cities(connection: Connection, predictions: Sequence[int]) -> dict[int, list[dict[str, str]]]:
    city = prediction_city
    found: dict[int, list[dict[str, str]]] = {}
    for row in connection.execute(
        select(city).where(city.c.prediction_id.in_(predictions)).order_by(city.c.prediction_id, city.c.rank)
    ):
        entry = {"city": row.city, "city_code": row.city_code, "role": row.role}
        found.setdefault(row.prediction_id, []).append(entry)
    return found


def show_article(connection: Connection, article_id: int) -> dict[str, Any]:
    """One article with its whole chain: versions, archived pages, passages, predictions with quotes.

    Raises:
        NotFoundError: there is no such article.
    """
    head = connection.execute(select(article).where(article.c.id == article_id)).mappings().first()
    if head is None:
        raise NotFoundError(f"no article {article_id}; `hexapolis articles` lists them")
    result = dict(head)
    result["versions"] = [
        _version(connection, dict(row), row["id"] == head["current_version_id"])
        for row in connection.execute(
            select(version).where(version.c.article_id == article_id).order_by(version.c.number)
        ).mappings()
    ]
    return result


def _version(connection: Connection, row: dict[str, Any], current: bool) -> dict[str, Any]:
    text = row["text"]
    row["current"] = current
    row["pages"] = [
        dict(p)
        for p in connection.execute(
            select(
                page.c.id,
                page.c.run_id,
                page.c.source_id,
                page.c.url,
                page.c.requested_url,
                page.c.status,
                page.c.fetched_at,
                page.c.warc_file,
                page.c.warc_offset,
                page.c.warc_length,
                page.c.digest,
                page.c.size,
                page.c.encoding,
                page.c.charset_from,
                page.c.extractor_version,
            )
            .where(page.c.version_id == row["id"])
            .order_by(page.c.fetched_at, page.c.id)
        ).mappings()
    ]
    documents = attached(connection, [p["id"] for p in row["pages"]])
    for shown in row["pages"]:
        shown["documents"] = [
            {
                "url": link.url,
                "name": link.name,
                "warc_file": ref.file,
                "warc_offset": ref.offset,
                "warc_length": ref.length,
                "digest": ref.digest,
            }
            for link, ref in documents.get(shown["id"], ())
        ]
    spans = connection.execute(
        select(passage).where(passage.c.version_id == row["id"]).order_by(passage.c.position)
    )
    row["passages"] = [{"start": p.start, "end": p.end, "heading": p.heading} for p in spans]
    row["copies"] = [
        {"article_id": c.id, "url": c.url, "source_id": c.source_id}
        for c in connection.execute(
            select(article.c.id, article.c.url, article.c.source_id)
            .join(version, version.c.id == article.c.current_version_id)
            .where(version.c.story_id == row["story_id"], article.c.id != row["article_id"])
            .order_by(article.c.id)
        )
    ]
    row["story_key"] = connection.execute(
        select(story.c.key).where(story.c.id == row["story_id"])
    ).scalar_one()
    found = connection.execute(
        select(prediction, model.c.first_used_at)
        .join(model, model.c.id == prediction.c.model_id)
        .where(prediction.c.version_id == row["id"])
        .order_by(prediction.c.id)
    ).mappings()
    row["predictions"] = [
        _prediction(connection, dict(p), text, p["id"] == row["current_prediction_id"]) for p in found
    ]
    return row


def _prediction(connection: Connection, row: dict[str, Any], text: str, current: bool) -> dict[str, Any]:
    row["current"] = current
    part = prediction_dimension
    scores = {
        r.dimension: {
            "probability": r.probability,
            "threshold": r.threshold,
            "tagged": r.tagged,
            "evidence": [],
        }
        for r in connection.execute(select(part).where(part.c.prediction_id == row["id"]))
    }
    for quote in connection.execute(
        select(evidence)
        .where(evidence.c.prediction_id == row["id"])
        .order_by(evidence.c.dimension, evidence.c.rank)
    ):
        scores[quote.dimension]["evidence"].append(
            {
                "start": quote.start,
                "end": quote.end,
                "score": quote.score,
                "quote": text[quote.start : quote.end],
                "terms": quote.terms,
            }
        )
    row["dimensions"] = {d: scores[d] for d in DIMENSIONS if d in scores}
    row["cities"] = _cities(connection, [row["id"]]).get(row["id"], [])
    return row


def count_articles(connection: Connection) -> int:
    """How many articles there are."""
    return int(connection.execute(select(func.count()).select_from(article)).scalar_one())
