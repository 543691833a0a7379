"""Storing what processing made of a batch of pages: articles, versions, predictions, ledger.

A batch is one transaction.

Storing the same results twice changes nothing, so a batch may be repeated after a crash. Results come in the
order in which their pages were fetched, and versions are numbered in that order.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, tuple_, update

from hexapolis.records import Article, DocumentSort, Judgement, Outcome, Tagging, Verdict
from store.looks import save_gone, save_looks
from store.schema import (
    article,
    evidence,
    ledger,
    model,
    page,
    passage,
    prediction,
    prediction_city,
    prediction_dimension,
    story,
    version,
)
from store.upsert import upsert

BLOCKED_STATUSES = frozenset({403, 412, 429, 451, 521})


@dataclass(frozen=True, slots=True)
class PageResult:
    """What one page turned out to be. `tagging` and `story_key` are set exactly for an article."""

    page_id: int
    run_id: int
    source_id: str
    url_key: str  # of the address that was asked for, as in the ledger
    status: int
    fetched_at: dt.datetime
    extractor_version: str
    model_id: str
    judgement: Judgement
    article_url: str  # the address the article goes by
    article_key: str  # its canonical form: the article's identity
    tagging: Tagging | None = None
    story_key: str | None = None
    sort: DocumentSort | None = None


def text_digest(text: str) -> str:
    """The hash that tells two texts apart: SHA-256 of the UTF-8 text, 64 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def store_results(connection: Connection, results: Sequence[PageResult], now: dt.datetime) -> list[Outcome]:
    """Store a batch; the ledger outcome of each page, in the same order."""
    articles = [r for r in results if r.judgement.article is not None and r.tagging is not None]
    article_ids = _save_articles(connection, articles)
    story_ids = _save_stories(connection, [r.story_key or "" for r in articles])
    version_ids, fresh = _save_versions(connection, articles, article_ids, story_ids, now)
    _save_predictions(connection, articles, version_ids, now)
    before = _save_pages(connection, results, version_ids, now)
    _point_to_current(connection, before | set(article_ids.values()))
    fetched = {article_ids[r.article_key] for r in articles if r.status}
    save_looks(connection, fetched)
    missing = {r.url_key: r.fetched_at for r in results if _is_missing(r)}
    gone = save_gone(connection, missing) if missing else set()
    outcomes = [
        Outcome.GONE if r.url_key in gone and _is_missing(r) else _outcome(r, fresh.get(r.page_id))
        for r in results
    ]
    _save_ledger(connection, results, outcomes)
    return outcomes


def _save_articles(connection: Connection, results: Sequence[PageResult]) -> dict[str, int]:
    """Article ids by key; new ones are made, known ones get their times moved.

    Saved pages come in any order of time, so the earliest and the latest visit are looked for.
    """
    first: dict[str, PageResult] = {}
    times: dict[str, list[dt.datetime]] = {}
    for result in results:
        first.setdefault(result.article_key, result)
        times.setdefault(result.article_key, []).append(result.fetched_at)
    rows = [
        {
            "url_key": key,
            "url": result.article_url,
            "source_id": result.source_id,
            "first_seen_at": min(times[key]),
            "last_seen_at": max(times[key]),
        }
        for key, result in first.items()
    ]
    upsert(connection, article, rows, ["url_key"])
    if not first:
        return {}
    this = article.c.url_key == bindparam("key")
    later = (
        update(article)
        .where(this, article.c.last_seen_at < bindparam("at"))
        .values(last_seen_at=bindparam("at"))
    )
    back = update(article).where(this, article.c.gone_at < bindparam("at")).values(gone_at=None)
    earlier = (
        update(article)
        .where(this, article.c.first_seen_at > bindparam("at"))
        .values(first_seen_at=bindparam("at"))
    )
    connection.execute(later, [{"key": key, "at": max(seen)} for key, seen in times.items()])
    connection.execute(back, [{"key": key, "at": max(seen)} for key, seen in times.items()])
    connection.execute(earlier, [{"key": key, "at": min(seen)} for key, seen in times.items()])
    found = connection.execute(
        select(article.c.url_key, article.c.id).where(article.c.url_key.in_(list(first)))
    )
    return {row[0]: row[1] for row in found}


def _save_stories(connection: Connection, keys: Sequence[str]) -> dict[str, int]:
    upsert(connection, story, [{"key": key} for key in dict.fromkeys(keys)], ["key"])
    found = connection.execute(select(story.c.key, story.c.id).where(story.c.key.in_(list(keys))))
    return {row[0]: row[1] for row in found}


def _save_versions(
    connection: Connection,
    results: Sequence[PageResult],
    article_ids: Mapping[str, int],
    story_ids: Mapping[str, int],
    now: dt.datetime,
) -> tuple[dict[int, int], dict[int, bool]]:
    """Version ids by page id, and whether the page brought a text that was not there before."""
    if not results:
        return {}, {}
    ids = list(set(article_ids.values()))
    known = {
        (row.article_id, row.text_sha256): (row.id, row.page_id)
        for row in connection.execute(
            select(version.c.article_id, version.c.text_sha256, version.c.id, version.c.page_id).where(
                version.c.article_id.in_(ids)
            )
        )
    }
    counted = connection.execute(
        select(version.c.article_id, func.max(version.c.number))
        .where(version.c.article_id.in_(ids))
        .group_by(version.c.article_id)
    )
    numbers = {row[0]: row[1] for row in counted}
    rows: list[dict[str, Any]] = []
    owners: dict[tuple[int, str], int] = {}
    refreshed: list[dict[str, Any]] = []
    keys: dict[int, tuple[int, str]] = {}
    for result in results:
        found = result.judgement.article
        assert found is not None
        article_id = article_ids[result.article_key]
        key = (article_id, text_digest(found.text))
        keys[result.page_id] = key
        details = _details(found, result, story_ids[result.story_key or ""])
        if key in known:
            if known[key][1] == result.page_id:  # read again, perhaps by a better extractor
                refreshed.append({"version": known[key][0], **details})
        elif key not in owners:
            owners[key] = result.page_id
            numbers[article_id] = numbers.get(article_id, 0) + 1
            rows.append(
                {
                    "article_id": article_id,
                    "number": numbers[article_id],
                    "page_id": result.page_id,
                    "text_sha256": key[1],
                    "text": found.text,
                    "created_at": now,
                    **details,
                }
            )
    if refreshed:
        values: dict[str, Any] = {name: bindparam(name) for name in refreshed[0] if name != "version"}
        connection.execute(
            update(version).where(version.c.id == bindparam("version")).values(values), refreshed
        )
    made: dict[tuple[int, str], int] = {}
    if rows:
        statement = insert(version).returning(version.c.id, sort_by_parameter_order=True)
        new_ids = connection.execute(statement, rows).scalars().all()
        made = {(r["article_id"], r["text_sha256"]): int(i) for r, i in zip(rows, new_ids, strict=True)}
        passages = {}
        for result in results:
            key = keys[result.page_id]
            if key in made and result.tagging is not None:
                passages[made[key]] = result.tagging.passages
        spans = [
            {"version_id": v, "position": n, "start": p.start, "end": p.end, "heading": p.heading}
            for v, ps in passages.items()
            for n, p in enumerate(ps)
        ]
        if spans:
            connection.execute(insert(passage), spans)
    version_ids = {p: made[k] if k in made else known[k][0] for p, k in keys.items()}
    return version_ids, {p: owners.get(k) == p for p, k in keys.items()}


def _details(found: Article, result: PageResult, story_id: int) -> dict[str, Any]:
    return {
        "story_id": story_id,
        "title": found.title,
        "language": found.language,
        "published_on": found.published.value if found.published else None,
        "published_from": found.published.source.value if found.published else None,
        "written_on": found.written.value if found.written else None,
        "written_from": found.written.source.value if found.written else None,
        "author": found.author,
        "issuer": found.issuer,
        "source_line": found.source_line,
        "document_number": found.document_number,
        "attachments": [{"url": a.url, "name": a.name} for a in found.attachments],
        "title_from": found.title_from.value if found.title_from else None,
        "published_at": found.published.at.isoformat() if found.published and found.published.at else None,
        "keywords": list(found.keywords),
        "declared": dict(found.declared),
        "headline_only": found.headline_only,
        "extractor_version": result.extractor_version,
        **_sorted(result.sort),
    }


def _sorted(sort: DocumentSort | None) -> dict[str, str | None]:
    return {
        "kind": sort.kind.value if sort else None,
        "kind_reason": sort.kind_reason if sort else None,
        "level": sort.level.value if sort else None,
        "level_reason": sort.level_reason if sort else None,
    }


def save_model(
    connection: Connection, model_id: str, codebook_version: str, card: dict[str, Any], now: dt.datetime
) -> None:
    """Keep a model's card with the predictions that will name it."""
    row = {"id": model_id, "codebook_version": codebook_version, "card": card, "first_used_at": now}
    upsert(connection, model, [row], ["id"])


def _save_predictions(
    connection: Connection, results: Sequence[PageResult], version_ids: Mapping[int, int], now: dt.datetime
) -> None:
    """One prediction for each version and model; a repeated one is left as it is."""
    wanted: dict[tuple[int, str], Tagging] = {}
    for result in results:
        if result.tagging is not None:
            wanted.setdefault((version_ids[result.page_id], result.model_id), result.tagging)
    if not wanted:
        return
    pair = tuple_(prediction.c.version_id, prediction.c.model_id)
    existing = connection.execute(
        select(prediction.c.version_id, prediction.c.model_id, prediction.c.id).where(pair.in_(list(wanted)))
    )
    ids = {(v, m): i for v, m, i in existing}
    new = [key for key in wanted if key not in ids]
    if new:
        rows = [
            {
                "version_id": key[0],
                "model_id": key[1],
                "codebook_version": wanted[key].codebook_version,
                "relevance": wanted[key].relevance,
                "relevance_threshold": wanted[key].relevance_threshold,
                "relevant": wanted[key].relevant,
                "created_at": now,
            }
            for key in new
        ]
        made = connection.execute(
            insert(prediction).returning(prediction.c.id, sort_by_parameter_order=True), rows
        )
        made_ids = {key: int(i) for key, i in zip(new, made.scalars(), strict=True)}
        ids.update(made_ids)
        _save_prediction_parts(connection, {made_ids[key]: wanted[key] for key in new})
    connection.execute(
        update(version).where(version.c.id == bindparam("v")).values(current_prediction_id=bindparam("p")),
        [{"v": key[0], "p": ids[key]} for key in wanted],
    )


def _save_prediction_parts(connection: Connection, taggings: Mapping[int, Tagging]) -> None:
    dimensions, quotes, cities = [], [], []
    for prediction_id, tagging in taggings.items():
        for name, score in tagging.dimensions.items():
            dimensions.append(
                {
                    "prediction_id": prediction_id,
                    "dimension": name,
                    "probability": score.probability,
                    "threshold": score.threshold,
                    "tagged": score.tagged,
                }
            )
            quotes += [
                {
                    "prediction_id": prediction_id,
                    "dimension": name,
                    "rank": rank,
                    "start": quote.start,
                    "end": quote.end,
                    "score": quote.score,
                    "terms": list(quote.terms),
                }
                for rank, quote in enumerate(score.evidence)
            ]
        cities += [
            {
                "prediction_id": prediction_id,
                "city_code": city.city_code,
                "city": city.city,
                "role": city.role.value,
                "rank": rank,
            }
            for rank, city in enumerate(tagging.cities)
        ]
    for table, rows in ((prediction_dimension, dimensions), (evidence, quotes), (prediction_city, cities)):
        if rows:
            connection.execute(insert(table), rows)


def _save_pages(
    connection: Connection, results: Sequence[PageResult], version_ids: Mapping[int, int], now: dt.datetime
) -> set[int]:
    """Write down what the pages are; the articles that pages belonged to before.

    A page that could not be read this time keeps the version it gave earlier: a timeout takes nothing away.
    """
    if not results:
        return set()
    owners = connection.execute(
        select(version.c.article_id)
        .join(page, page.c.version_id == version.c.id)
        .where(page.c.id.in_([r.page_id for r in results]))
    )
    before = set(owners.scalars())
    names = [
        "extractor_version",
        "model_id",
        "verdict",
        "verdict_detail",
        "encoding",
        "charset_from",
        "documents",
    ]
    for readable in (True, False):
        rows = [
            {
                "page": r.page_id,
                "extractor_version": r.extractor_version,
                "model_id": r.model_id,
                "verdict": r.judgement.verdict.value,
                "verdict_detail": r.judgement.detail,
                "encoding": r.judgement.encoding,
                "charset_from": r.judgement.charset_from,
                "documents": [{"url": d.url, "name": d.name} for d in r.judgement.documents] or None,
            }
            # A parameter that has a column's name is written, whatever `values` says: so it is not there at
            # all.
            | ({"version_id": version_ids.get(r.page_id)} if readable else {})
            for r in results
            if (r.judgement.verdict is not Verdict.UNREADABLE) == readable
        ]
        values: dict[str, Any] = {
            name: bindparam(name) for name in ((*names, "version_id") if readable else names)
        }
        if rows:
            statement = update(page).where(page.c.id == bindparam("page"))
            connection.execute(statement.values(values | {"processed_at": now}), rows)
    return before


def _point_to_current(connection: Connection, article_ids: set[int]) -> None:
    """The current version is the one that the newest readable page of the article shows."""
    if not article_ids:
        return
    newest = (
        select(page.c.version_id)
        .join(version, version.c.id == page.c.version_id)
        .where(version.c.article_id == article.c.id)
        .order_by(page.c.fetched_at.desc(), page.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    connection.execute(update(article).where(article.c.id.in_(article_ids)).values(current_version_id=newest))


def _is_missing(result: PageResult) -> bool:
    """Whether the server says, by its status or in words, that there is nothing at this address."""
    return result.status in (404, 410) or result.judgement.verdict is Verdict.SOFT_404


def _outcome(result: PageResult, fresh: bool | None) -> Outcome:
    verdict = result.judgement.verdict
    if verdict is Verdict.ARTICLE:
        return Outcome.STORED if fresh else Outcome.UNCHANGED
    if result.status in BLOCKED_STATUSES or verdict is Verdict.CHALLENGE:
        return Outcome.BLOCKED
    if verdict in (Verdict.ERROR, Verdict.UNREADABLE):
        return Outcome.FAILED
    return Outcome.NOT_ARTICLE


def _save_ledger(connection: Connection, results: Sequence[PageResult], outcomes: Sequence[Outcome]) -> None:
    """Finish the ledger rows that wait for these pages; a row finished earlier tells of then and stays."""
    rows = [
        {
            "run": r.run_id,
            "key": r.url_key,
            "page": r.page_id,
            "outcome": o.value,
            "detail": r.judgement.detail,
        }
        for r, o in zip(results, outcomes, strict=True)
    ]
    if rows:
        connection.execute(
            update(ledger)
            .where(
                ledger.c.run_id == bindparam("run"),
                ledger.c.url_key == bindparam("key"),
                ledger.c.page_id == bindparam("page"),
                ledger.c.outcome == Outcome.WAITING.value,
            )
            .values(outcome=bindparam("outcome"), detail=bindparam("detail")),
            rows,
        )
