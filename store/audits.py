"""Audited texts: what reviewers found in a random share of the articles, beside what a model says of them.

Only these tell a model's error rates on what the store holds; other reviews were chosen for being hard.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from store.reviews import labels
from store.schema import article, model, prediction, prediction_dimension, review, version


@dataclass(frozen=True, slots=True)
class AuditedText:
    """One audited text on whose dimensions its reviewers gave an answer."""

    language: str
    carries: frozenset[str]
    contested: frozenset[str]  # dimensions that they could not agree on
    tagged: frozenset[str]  # by the model


def audited_texts(connection: Connection, model_id: str) -> list[AuditedText]:
    """The audited texts that a model has tagged, in the order of their versions."""
    ids = select(review.c.version_id).where(review.c.audit).distinct()
    rows = connection.execute(
        select(version.c.id, version.c.language)
        .join(prediction, prediction.c.version_id == version.c.id)
        .where(version.c.id.in_(ids), prediction.c.model_id == model_id)
        .order_by(version.c.id)
    ).all()
    tagged: dict[int, set[str]] = {row.id: set() for row in rows}
    found = connection.execute(
        select(prediction.c.version_id, prediction_dimension.c.dimension)
        .join(prediction_dimension, prediction_dimension.c.prediction_id == prediction.c.id)
        .where(
            prediction.c.version_id.in_(ids), prediction.c.model_id == model_id, prediction_dimension.c.tagged
        )
    )
    for number, dimension in found:
        tagged[number].add(dimension)
    said = labels(connection, [row.id for row in rows])
    return [
        AuditedText(row.language, label.dims, label.contested, frozenset(tagged[row.id]))
        for row in rows
        if (label := said.get(row.id)) is not None and label.audit and label.dims is not None
    ]


def current_models(connection: Connection) -> dict[str, dict[str, object]]:
    """The cards of the models whose predictions count now, by id."""
    used = (
        select(prediction.c.model_id)
        .join(version, version.c.current_prediction_id == prediction.c.id)
        .join(article, article.c.current_version_id == version.c.id)
        .distinct()
    )
    rows = connection.execute(
        select(model.c.id, model.c.card).where(model.c.id.in_(used)).order_by(model.c.id)
    )
    return {row.id: row.card for row in rows}
