"""What the ledgers of the last runs and the newest articles say of each source.

A handful of queries serve all sources at once, however many there are. They read the last runs by the
ledger's own key, and the newest articles by the index on their source. Not here: judging it, which is
`crawler/health.py`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, or_, select

from hexapolis.records import (
    ArticleFacts,
    DateSource,
    EntryFacts,
    EntryPoint,
    LostPage,
    Outcome,
    RunFacts,
    SourceFacts,
    TitleSource,
    Verdict,
)
from store.schema import article, crawl_run, ledger, page, version

RUNS = 60  # of each source: two weeks at the usual interval of six hours
ARTICLES = tuple(range(1, 41)) + tuple(int(40 * 1.1**n) for n in range(1, 49))
"""Which articles of each source are looked at, 1 being the newest: 40, and then ever fewer among 4,000.

However many a run brings, some are from the last runs and some from long before; and few texts are read.
"""
DAYS = 60  # on which articles came out: two months of a daily, five years of a monthly bulletin
OPENING = 40  # characters of a text: more than a dateline ("Xinhua, Beijing, 15 March")

_LOST = (Outcome.NOT_ARTICLE, Outcome.FAILED, Outcome.BLOCKED, Outcome.ROBOTS)
_MATCHED = frozenset({*_LOST, Outcome.KNOWN, Outcome.STORED, Outcome.BUDGET, Outcome.WAITING, "older"})
"""What becomes of links that pass for articles; `older` ones are left out only for the date beside them."""
_READ = frozenset({Outcome.STORED, Outcome.UNCHANGED})
_NOT_OF_THE_PAGE = (DateSource.LISTING.value, DateSource.URL.value, None)
_LINKS = re.compile(r"(\d+) links")

Entries = Mapping[str, Mapping[str, EntryPoint]]
"""By source id, its entry points by the canonical form of their first address, as the ledger knows it."""


def load_facts(connection: Connection, entries: Entries, now: dt.datetime) -> dict[str, SourceFacts]:
    """The facts of each of these sources; without runs where there are none.

    Args:
        connection: a read transaction.
        entries: the sources and their entry points.
        now: the time; articles dated later than tomorrow tell nothing.
    """
    ids = sorted(entries)
    last = _last_runs(ids)
    counts = _counts(connection, last)
    rows = _rows(connection, last, {key for points in entries.values() for key in points})
    first_runs = _first_runs(connection, {r.url_key for r in rows if r.outcome in _LOST})
    by_run: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        by_run[row.run_id].append(row)
    runs: dict[str, list[RunFacts]] = defaultdict(list)
    for run in connection.execute(select(last).order_by(last.c.id)):
        facts = _run(run, counts[run.id], by_run[run.id], entries[run.source_id], first_runs)
        runs[run.source_id].append(facts)
    articles = _articles(connection, ids)
    days = _days(connection, ids, now)
    return {i: SourceFacts(i, tuple(runs[i]), tuple(articles[i]), tuple(days[i])) for i in ids}


def _last_runs(ids: Sequence[str]) -> Any:
    """The last ended runs of each source, as a subquery."""
    place = func.row_number().over(partition_by=crawl_run.c.source_id, order_by=crawl_run.c.id.desc())
    ranked = (
        select(
            crawl_run.c.id,
            crawl_run.c.source_id,
            crawl_run.c.status,
            crawl_run.c.reason,
            crawl_run.c.started_at,
            place.label("place"),
        )
        .where(
            crawl_run.c.source_id.in_(ids), crawl_run.c.status != "running", crawl_run.c.trigger != "import"
        )
        .subquery()
    )
    return select(ranked).where(ranked.c.place <= RUNS).subquery()


def _counts(connection: Connection, last: Any) -> Mapping[int, dict[str, int]]:
    """How many addresses of each run ended how; those the server calls unchanged (304) are `not modified`."""
    outcome = case(
        (and_(ledger.c.outcome == Outcome.UNCHANGED, ledger.c.detail == "not modified"), "not modified"),
        (and_(ledger.c.outcome == Outcome.FILTERED, ledger.c.detail.startswith("listed on ")), "older"),
        else_=ledger.c.outcome,
    ).label("kind")
    query = (
        select(ledger.c.run_id, outcome, func.count())
        .where(ledger.c.run_id.in_(select(last.c.id)))
        .group_by(ledger.c.run_id, outcome)
    )
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    for run_id, kind, count in connection.execute(query):
        counts[run_id][str(kind)] = count
    return counts


def _rows(connection: Connection, last: Any, keys: Collection[str]) -> Sequence[Any]:
    """The ledger's rows of entry points, further list pages, and pages that gave no article."""
    telling = ledger.c.outcome.in_([Outcome.LISTING.value, *(o.value for o in _LOST)])
    query = (
        select(
            ledger.c.run_id,
            ledger.c.url_key,
            ledger.c.url,
            ledger.c.outcome,
            ledger.c.detail,
            page.c.role,
            page.c.status,
            page.c.verdict,
            page.c.url.label("final_url"),
        )
        .outerjoin(page, page.c.id == ledger.c.page_id)
        .where(ledger.c.run_id.in_(select(last.c.id)), or_(telling, ledger.c.url_key.in_(sorted(keys))))
        .order_by(ledger.c.run_id, ledger.c.url_key)
    )
    return connection.execute(query).all()


def _first_runs(connection: Connection, url_keys: Collection[str]) -> dict[str, int]:
    """The run in which each of these addresses first gave a page that was no article."""
    found: dict[str, int] = {}
    keys = sorted(url_keys)
    for start in range(0, len(keys), 500):  # databases limit the number of parameters
        query = (
            select(page.c.url_key, func.min(page.c.run_id))
            .where(
                page.c.url_key.in_(keys[start : start + 500]),
                page.c.verdict.is_distinct_from(Verdict.ARTICLE.value),
            )
            .group_by(page.c.url_key)
        )
        found.update((row[0], row[1]) for row in connection.execute(query))
    return found


def _run(
    run: Any,
    counts: Mapping[str, int],
    rows: Sequence[Any],
    points: Mapping[str, EntryPoint],
    first_runs: dict[str, int],
) -> RunFacts:
    entries, lost, further = [], [], 0
    matched = sum(count for kind, count in counts.items() if kind in _MATCHED)
    for row in rows:
        links = _links(row.detail) if row.outcome == Outcome.LISTING else None
        if row.url_key in points:
            point = points[row.url_key]
            entries.append(
                EntryFacts(point.url, point.kind, row.outcome, row.detail, links, row.status, row.final_url)
            )
            matched -= row.outcome in _MATCHED
        elif row.outcome == Outcome.LISTING:
            further += links or 0
        elif row.role in ("article", None):
            first = first_runs.setdefault(row.url_key, run.id)  # rows come in the order of the runs
            lost.append(LostPage(row.url_key, row.outcome, row.detail, row.verdict, row.status, first))
    read = sum(count for kind, count in counts.items() if kind in _READ)
    return RunFacts(
        run.id,
        run.started_at,
        run.status,
        run.reason,
        matched,
        read,
        counts.get(Outcome.STORED, 0),
        further,
        tuple(entries),
        tuple(lost),
    )


def _links(detail: str) -> int | None:
    match = _LINKS.match(detail)
    return int(match[1]) if match else None


def _articles(connection: Connection, ids: Sequence[str]) -> Mapping[str, list[ArticleFacts]]:
    """A sample of each source's articles as they are now, in the order of the runs that fetched them."""
    place = func.row_number().over(partition_by=article.c.source_id, order_by=article.c.id.desc())
    ranked = select(article.c.id, place.label("place")).where(article.c.source_id.in_(ids)).subquery()
    query = (
        select(
            article.c.source_id,
            page.c.run_id,
            crawl_run.c.started_at,
            article.c.url_key,
            func.length(version.c.text).label("length"),
            version.c.text_sha256,
            func.substr(version.c.text, 1, OPENING).label("opening"),
            version.c.title,
            version.c.title_from,
            version.c.published_from,
        )
        .join_from(ranked, article, article.c.id == ranked.c.id)
        .join(version, version.c.id == article.c.current_version_id)
        .join(page, page.c.id == version.c.page_id)
        .join(crawl_run, crawl_run.c.id == page.c.run_id)
        .where(ranked.c.place.in_(ARTICLES), version.c.headline_only.is_(False))
        .order_by(page.c.run_id, article.c.id)
    )
    found: dict[str, list[ArticleFacts]] = defaultdict(list)
    for row in connection.execute(query):
        titled = bool(row.title.strip()) and row.title_from != TitleSource.TEXT
        found[row.source_id].append(
            ArticleFacts(
                row.run_id,
                row.started_at,
                row.url_key,
                row.length,
                row.text_sha256,
                row.opening,
                row.title,
                titled,
                row.published_from not in _NOT_OF_THE_PAGE,
            )
        )
    return found


def _days(connection: Connection, ids: Sequence[str], now: dt.datetime) -> Mapping[str, list[dt.date]]:
    """The newest days on which articles of each source came out: published, else listed, else first seen."""
    grouped = (
        select(article.c.source_id, version.c.published_on.label("day"))
        .join(version, version.c.id == article.c.current_version_id)
        .where(article.c.source_id.in_(ids), version.c.published_on <= now.date() + dt.timedelta(days=1))
        .group_by(article.c.source_id, version.c.published_on)
        .subquery()
    )
    found: dict[str, set[dt.date]] = defaultdict(set)
    for source_id, day in connection.execute(_newest(grouped, grouped.c.day, DAYS)):
        found[source_id].add(day)
    undated = (
        select(article.c.source_id, article.c.id, article.c.first_seen_at.label("seen"))
        .join(version, version.c.id == article.c.current_version_id)
        .where(article.c.source_id.in_(ids), version.c.published_on.is_(None))
        .subquery()
    )
    for source_id, seen in connection.execute(_newest(undated, undated.c.seen, 5 * DAYS)):
        found[source_id].add(seen.date())
    return defaultdict(list, {i: sorted(days)[-DAYS:] for i, days in found.items()})


def _newest(rows: Any, value: Any, count: int) -> Select[Any]:
    """The greatest values of each source."""
    place = func.row_number().over(partition_by=rows.c.source_id, order_by=value.desc())
    ranked = select(rows.c.source_id, value.label("value"), place.label("place")).subquery()
    return select(ranked.c.source_id, ranked.c.value).where(ranked.c.place <= count)
