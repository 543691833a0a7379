"""What people said of articles: adding reviews, reading them, and what they come to.

The table only grows, and the database refuses anything else. A review that was a mistake is taken back by an
`undo`, which is a row of its own. What to make of labels for training is `classify.learning`'s business.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, exists, func, insert, or_, select

from hexapolis.errors import NotFoundError, UsageError
from hexapolis.records import (
    DIMENSIONS,
    Review,
    ReviewKind,
    ReviewLabel,
    ReviewSpan,
    StoryText,
    SureText,
)
from store.schema import article, prediction, prediction_dimension, review, story, version

_STRENGTH = tuple(ReviewKind)  # weakest first
_AT_ONCE = 500  # ids in one query


def resolve(reviews: Iterable[Review]) -> ReviewLabel | None:
    """What the reviews of one text come to; None when none counts. Their order does not matter.

    A review that was taken back does not count. Each question (relevance, dimensions, cities) is decided by
    the latest adjudication that answers it; without one, by the latest review of each reviewer, as far as it
    answers: an earlier one of the same reviewer is replaced as a whole. Where these differ on a dimension, it
    is contested and nobody's word is taken.
    """
    rows = sorted(reviews, key=lambda one: (one.at, one.id or 0))
    undone = {one.undoes for one in rows if one.kind is ReviewKind.UNDO}
    live = [
        one for one in rows if one.kind is not ReviewKind.UNDO and (one.id is None or one.id not in undone)
    ]
    if not live:
        return None
    rulings = [one for one in live if one.kind is ReviewKind.ADJUDICATED]
    opinions = list({one.reviewer: one for one in live if one.kind is not ReviewKind.ADJUDICATED}.values())

    def deciding(answers: Callable[[Review], bool]) -> list[Review]:
        return [one for one in rulings if answers(one)][-1:] or [one for one in opinions if answers(one)]

    on_dims = deciding(lambda one: one.dims is not None)
    on_relevance = deciding(lambda one: one.relevant is not None)
    on_cities = deciding(lambda one: one.cities is not None)
    carried = [frozenset(one.dims or ()) for one in on_dims]
    agreed = frozenset.intersection(*carried) if carried else None
    said = {one.relevant for one in on_relevance}
    cities = {tuple(sorted(set(one.cities or ()))) for one in on_cities}
    spans = {span for one in on_dims for span in one.evidence if span.dimension in (agreed or ())}
    counted = on_dims or on_relevance or on_cities or live
    return ReviewLabel(
        kind=max((one.kind for one in counted), key=_STRENGTH.index),
        relevant=next(iter(said)) if len(said) == 1 else None,
        dims=agreed,
        contested=frozenset().union(*carried) - (agreed or frozenset()),
        relevance_contested=len(said) > 1,
        cities=next(iter(cities)) if len(cities) == 1 else None,
        evidence=tuple(sorted(spans, key=lambda span: (span.dimension, span.start, span.end))),
        audit=any(one.audit for one in live),
        reviewers=tuple(sorted({one.reviewer for one in counted})),
    )


def add_review(connection: Connection, given: Review) -> int:
    """Store one review, or the undo of one; its number.

    Raises:
        NotFoundError: no such version, or no such review to take back.
        UsageError: the review says nothing that can be kept, or the one to take back was taken back already.
    """
    text = connection.execute(select(version.c.text).where(version.c.id == given.version_id)).scalar()
    if text is None:
        raise NotFoundError(f"no version {given.version_id}; `hexapolis show ID --json` has their numbers")
    if not given.reviewer.strip():
        raise UsageError("a review needs the name of its reviewer")
    if (given.kind is ReviewKind.UNDO) != (given.undoes is not None):
        raise UsageError("an undo names the review that it takes back, and no other kind does")
    if given.undoes is not None:
        _check_undo(connection, given)
    _check_answers(given, len(text))
    statement = insert(review).values(
        version_id=given.version_id,
        reviewer=given.reviewer.strip(),
        at=given.at,
        kind=given.kind.value,
        audit=given.audit,
        relevant=given.relevant,
        dims=None if given.dims is None else [d for d in DIMENSIONS if d in given.dims],
        cities=None if given.cities is None else sorted(set(given.cities)),
        evidence=[{"dimension": s.dimension, "start": s.start, "end": s.end} for s in given.evidence],
        note=given.note,
        codebook_version=given.codebook_version,
        undoes=given.undoes,
    )
    return int(connection.execute(statement.returning(review.c.id)).scalar_one())


def _check_undo(connection: Connection, given: Review) -> None:
    target = find_review(connection, given.undoes or 0)
    if target.version_id != given.version_id:
        raise UsageError(f"review {target.id} is of version {target.version_id}, not {given.version_id}")
    if target.kind is ReviewKind.UNDO:
        raise UsageError(f"{target.id} is itself an undo; to restore what it took back, review again")
    if connection.execute(select(exists().where(review.c.undoes == target.id))).scalar_one():
        raise UsageError(f"review {target.id} was taken back already")
    if given.evidence or given.audit or (given.relevant, given.dims, given.cities) != (None, None, None):
        raise UsageError("an undo judges nothing; add a review for that")


def _check_answers(given: Review, length: int) -> None:
    names = [*(given.dims or ()), *(span.dimension for span in given.evidence)]
    for name in names:
        if name not in DIMENSIONS:
            raise UsageError(f"unknown dimension {name!r}; there are {', '.join(DIMENSIONS)}")
    for span in given.evidence:
        if span.dimension not in (given.dims or ()):
            raise UsageError(f"evidence for {span.dimension}, which the review does not name")
        if not 0 <= span.start < span.end <= length:
            raise UsageError(f"evidence {span.start}:{span.end} is not in the text of {length} characters")
    for code in given.cities or ():
        if not (len(code) == 6 and code.isascii() and code.isdigit()):
            raise UsageError(f"{code!r} is not a GB/T 2260 code of six digits")


def find_review(connection: Connection, review_id: int) -> Review:
    """One review by its number.

    Raises:
        NotFoundError: there is none.
    """
    row = connection.execute(select(review).where(review.c.id == review_id)).mappings().first()
    if row is None:
        raise NotFoundError(f"no review {review_id}; `hexapolis review list` lists them")
    return _record(row)


def reviews_of(connection: Connection, version_ids: Sequence[int] | None = None) -> list[Review]:
    """Every review and undo of these versions (None: of all), in the order in which they were added."""
    query = select(review).order_by(review.c.id)
    if version_ids is None:
        return [_record(row) for row in connection.execute(query).mappings()]
    found = []
    for part in _portions(sorted(set(version_ids))):
        rows = connection.execute(query.where(review.c.version_id.in_(part))).mappings()
        found += [_record(row) for row in rows]
    return sorted(found, key=lambda one: one.id or 0)


def labels(connection: Connection, version_ids: Sequence[int] | None = None) -> dict[int, ReviewLabel]:
    """What the reviews of each of these versions (None: of all) come to; those without any are left out."""
    by_version: defaultdict[int, list[Review]] = defaultdict(list)
    for one in reviews_of(connection, version_ids):
        by_version[one.version_id].append(one)
    resolved = {number: resolve(found) for number, found in by_version.items()}
    return {number: label for number, label in resolved.items() if label is not None}


def version_of(connection: Connection, article_id: int) -> int:
    """The current version of an article.

    Raises:
        NotFoundError: there is no such article, or it has no text yet.
    """
    current = select(article.c.current_version_id).where(article.c.id == article_id)
    found = connection.execute(current).scalar()
    if found is None:
        raise NotFoundError(f"no article {article_id}; `hexapolis articles` lists them")
    return int(found)


def labelled_stories(connection: Connection) -> list[StoryText]:
    """Every reviewed story with its label, in the order of their keys.

    Copies of one text share their reviews. The text is that of the version that was stored first among those
    reviewed, and evidence is taken from reviews of that version only: offsets belong to one text.
    """
    reviews = reviews_of(connection)
    owners: dict[int, RowMapping] = {}
    text = (version.c.title, version.c.text, version.c.language)
    for part in _portions(sorted({one.version_id for one in reviews})):
        query = select(version.c.id, version.c.story_id, *text, story.c.key)
        query = query.join(story, story.c.id == version.c.story_id).where(version.c.id.in_(part))
        owners.update({row["id"]: row for row in connection.execute(query).mappings()})
    pooled: defaultdict[int, list[Review]] = defaultdict(list)
    for one in reviews:
        pooled[owners[one.version_id]["story_id"]].append(one)
    articles: defaultdict[int, set[int]] = defaultdict(set)
    for part in _portions(sorted(pooled)):
        shown = select(version.c.story_id, version.c.article_id).where(version.c.story_id.in_(part))
        for story_id, article_id in connection.execute(shown):
            articles[story_id].add(article_id)
    found = []
    for story_id, given in pooled.items():
        first = owners[min(one.version_id for one in given)]
        label = resolve(one if one.version_id == first["id"] else replace(one, evidence=()) for one in given)
        if label is not None:
            found.append(_story(first, frozenset(articles[story_id]), label))
    return sorted(found, key=lambda one: one.story_key)


def sure_texts(
    connection: Connection, model_id: str, relevant: bool, *, yes: float, no: float, longest: int
) -> Iterator[SureText]:
    """Current texts without any review that a model is very sure of, one for each story.

    Args:
        model_id: whose stored predictions are read.
        relevant: of which of the two kinds.
        yes: every probability is at least this …
        no: … or at most this.
        longest: only texts of at most so many characters.
    """
    other = version.alias()
    reviewed = exists().where(
        review.c.version_id == other.c.id,
        or_(other.c.story_id == version.c.story_id, other.c.article_id == version.c.article_id),
    )
    part = prediction_dimension
    unsure = exists().where(
        part.c.prediction_id == prediction.c.id, part.c.probability < yes, part.c.probability > no
    )
    query = (
        select(
            version.c.story_id,
            version.c.article_id,
            version.c.title,
            version.c.text,
            version.c.language,
            story.c.key,
            prediction.c.id.label("prediction_id"),
        )
        .select_from(version)
        .join(article, article.c.current_version_id == version.c.id)
        .join(story, story.c.id == version.c.story_id)
        .join(prediction, and_(prediction.c.version_id == version.c.id, prediction.c.model_id == model_id))
        .where(func.length(version.c.text) <= longest, ~unsure, ~reviewed)
        .where(prediction.c.relevance >= yes if relevant else prediction.c.relevance <= no)
        .order_by(version.c.story_id, version.c.id)
    )
    last = None
    for rows in connection.execute(query).mappings().partitions(_AT_ONCE):
        carried: defaultdict[int, set[str]] = defaultdict(set)
        ids = [row["prediction_id"] for row in rows]
        tags = select(part.c.prediction_id, part.c.dimension).where(
            part.c.prediction_id.in_(ids), part.c.probability >= yes
        )
        for prediction_id, dimension in connection.execute(tags):
            carried[prediction_id].add(dimension)
        for row in rows:
            if row["story_id"] != last:
                last = row["story_id"]
                text = _story(row, frozenset({row["article_id"]}), None)
                yield SureText(text, frozenset(carried[row["prediction_id"]]), relevant)


def _story(row: RowMapping, articles: frozenset[int], label: ReviewLabel | None) -> StoryText:
    return StoryText(row["key"], row["title"], row["text"], row["language"], articles, label)


def _record(row: RowMapping) -> Review:
    fields: dict[str, Any] = dict(row)
    fields["kind"] = ReviewKind(row["kind"])
    fields["dims"] = None if row["dims"] is None else tuple(row["dims"])
    fields["cities"] = None if row["cities"] is None else tuple(row["cities"])
    fields["evidence"] = tuple(ReviewSpan(**span) for span in row["evidence"])
    return Review(**fields)


def _portions(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]
