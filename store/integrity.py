"""Whether a database holds together: what `doctor` looks at."""

from __future__ import annotations

from sqlalchemy import Connection, func, select, text

from store.schema import article, crawl_run, ledger, prediction, version


def find_faults(connection: Connection) -> list[str]:
    """What is wrong, a line each; nothing when all is well."""
    faults = []
    if connection.dialect.name == "sqlite":
        answer = connection.execute(text("PRAGMA quick_check")).scalar()
        if answer != "ok":
            faults.append(f"SQLite reports damage ({answer}); restore a backup")
        broken = connection.execute(text("PRAGMA foreign_key_check")).first()
        if broken is not None:
            faults.append(f"a row of {broken[0]} points to a row of {broken[2]} that is not there")
    lost_versions = connection.execute(
        select(func.count())
        .select_from(article)
        .outerjoin(
            version, (version.c.id == article.c.current_version_id) & (version.c.article_id == article.c.id)
        )
        .where(article.c.current_version_id.is_not(None), version.c.id.is_(None))
    ).scalar_one()
    if lost_versions:
        faults.append(f"{lost_versions} articles name a current version that is not theirs")
    lost_predictions = connection.execute(
        select(func.count())
        .select_from(version)
        .outerjoin(
            prediction,
            (prediction.c.id == version.c.current_prediction_id) & (prediction.c.version_id == version.c.id),
        )
        .where(version.c.current_prediction_id.is_not(None), prediction.c.id.is_(None))
    ).scalar_one()
    if lost_predictions:
        faults.append(f"{lost_predictions} versions name a current prediction that is not theirs")
    rows = select(func.count()).where(ledger.c.run_id == crawl_run.c.id).scalar_subquery()
    unequal = connection.execute(
        select(func.count())
        .select_from(crawl_run)
        .where(crawl_run.c.status.in_(("done", "partial")), crawl_run.c.urls_seen != rows)
    ).scalar_one()
    if unequal:
        faults.append(f"the ledgers of {unequal} runs do not have a row for every URL seen")
    return faults
