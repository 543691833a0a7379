"""Which article to review next: the ones a reviewer's minute teaches most, and a random sample beside them.

A queue mixes five kinds of choices. *Uncertain*: a probability is close to its threshold. *Diverse*: unlike
what was reviewed. *Thin city* and *thin dimension*: few reviews so far. *Audit*: drawn by lot, whatever the
model says, for figures without bias; such a review never trains (`classify/learning.py`).

Pure: candidates come in, choices go out; nothing is stored here. `docs/reviewing.md` says how it is used.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from classify.likeness import spread, unit_vectors
from classify.review_choices import AUDIT_SHARE, Candidate, Choice, Kind, Mix, in_audit, lot
from hexapolis.records import DIMENSIONS

__all__ = ["AUDIT_SHARE", "Candidate", "Choice", "Kind", "Mix", "in_audit", "lot", "next_to_review"]

RELEVANCE = "relevance"
TARGETS = (*DIMENSIONS, RELEVANCE)

_SIZE = 2_000  # texts that are compared with one another, at least, in looking for unlike ones
_NEAR = 0.1  # the part of all texts that is near a threshold, for each target
_PLAUSIBLE = -1.0  # log-odds below its threshold down to which an answer may well be a yes
_SOFT = 1e-4  # probabilities are kept this far from 0 and 1, where log-odds have no end


def next_to_review(
    candidates: Iterable[Candidate],
    *,
    count: int,
    audit_share: float = AUDIT_SHARE,
    seed: int = 0,
    mix: Mix | None = None,
) -> list[Choice]:
    """The next articles to review, in the order to read them; the same input and seed give the same queue.

    A story comes at most once and never when one of its copies was reviewed. Its article with the lowest
    id speaks for it, and decides whether the story belongs to the audit; such a story comes only as an
    audit choice. Fewer than `count` come when nothing is left.

    Args:
        candidates: all articles, reviewed or not, in any order.
        count: how many are wanted; time grows with its square, and evenly with the number of candidates.
        audit_share: part of all reviews that are to be audits; a batch makes up for what is missing so far,
            with at most twice its own part. 0 leaves the audit out, and its stories unread.
        seed: of the queue, not of the audit; decides between equals and what is looked at for diversity.
        mix: how the rest is shared out.

    Raises:
        ValueError: `count` is negative, `audit_share` not from 0 to 1, or a dimension has no probability.
    """
    if count < 0 or not 0 <= audit_share <= 1:
        raise ValueError(f"count {count} must not be negative, audit_share {audit_share} lie between 0 and 1")
    stories = _one_a_story(candidates)
    done = [one for one in stories if one.reviewed]
    waiting = [one for one in stories if not one.reviewed]
    audit = sorted((one for one in waiting if one.audit), key=lambda one: (lot(one.id), one.id))
    owed = round(audit_share * (len(done) + count)) - sum(one.audit for one in done)
    audit = audit[: max(0, min(owed, count, int(np.ceil(2 * audit_share * count))))]
    pool = _Pool([one for one in waiting if not one.audit], [one for one in done if not one.audit], seed)
    parts = mix or Mix()
    cities, dimensions, diverse = _sizes(
        (parts.thin_city, parts.thin_dimension, parts.diverse), len(pool.done), count - len(audit)
    )
    chosen = [
        [
            Choice(one.id, one.story, Kind.AUDIT, "audit: drawn by lot, whatever the model says")
            for one in audit
        ],
        pool.thin_cities(cities),
        pool.thin_dimensions(dimensions),
        pool.diverse(diverse),
    ]
    chosen.append(pool.uncertain(count - sum(map(len, chosen))))
    return _interleaved(chosen)


class _Pool:
    """Texts that wait, beside those that are done; each call takes texts that no call before it took."""

    def __init__(self, waiting: Sequence[Candidate], done: Sequence[Candidate], seed: int) -> None:
        self.waiting, self.done = waiting, done
        self.random = np.random.default_rng(seed)
        self.free = np.ones(len(waiting), dtype=bool)
        self.margin = _margins(waiting)
        self.close = _closeness(self.margin)
        # Doubts add up: one reading settles all of a text's answers.
        self.doubt = (self.close**2).sum(axis=1)
        self.tie = self.random.random(len(waiting))
        self.taken: list[int] = []

    def uncertain(self, count: int) -> list[Choice]:
        """Those closest to a threshold that are unlike one another."""
        order = np.lexsort((self.tie, -self.doubt))
        order = order[self.free[order]][: max(_SIZE // 4, 4 * count)]
        choices = []
        for at in self._spread(order, self.doubt[order], count):
            column = int(self.close[at].argmax())
            target = TARGETS[column]
            one = self.waiting[at]
            probability = one.relevance if target == RELEVANCE else one.probability[target]
            threshold = one.relevance_threshold if target == RELEVANCE else one.threshold[target]
            reason = f"uncertain: {target} at {probability:.2f}, threshold {threshold:.2f}"
            choices.append(self._take(at, Kind.UNCERTAIN, reason, target))
        return choices

    def diverse(self, count: int) -> list[Choice]:
        """Those least like what was reviewed or is chosen, among some drawn by lot that may matter."""
        if count == 0:
            return []
        plausible = _logistic(self.margin.max(axis=1, initial=-np.inf))
        order = np.lexsort((self.tie, -(self.random.random(len(self.tie)) ** (1 / (plausible + 0.05)))))
        order = order[self.free[order]][: max(_SIZE, 4 * count)]
        reason = "diverse: unlike what was reviewed so far"
        return [
            self._take(at, Kind.DIVERSE, reason)
            for at in self._spread(order, np.ones(len(order)), count, known=True)
        ]

    def thin_cities(self, count: int) -> list[Choice]:
        """Texts about the cities with the fewest reviews; in a city, of its dimensions with the fewest."""
        cells: defaultdict[str, NDArray[np.float64]] = defaultdict(lambda: np.zeros(len(DIMENSIONS)))
        reviews: Counter[str] = Counter()
        for one, margin in zip(self.done, _margins(self.done), strict=True):
            reviews.update(one.cities)
            for city in one.cities:
                cells[city] += margin[:-1] >= 0
        groups: dict[str, list[tuple[float, float, int]]] = defaultdict(list)
        chances = _logistic(self.margin)
        rows = np.flatnonzero(self.free & (self.margin[:, -1] >= _PLAUSIBLE)).tolist()
        for at in rows if count else ():
            for city in self.waiting[at].cities:
                worth = chances[at, -1] * (chances[at, :-1] / (1 + cells[city])).max()
                groups[city].append((-worth, self.tie[at], at))
        return [
            self._take(at, Kind.THIN_CITY, f"thin city: {_reviews(seen)} of {city}", city)
            for at, city, seen in self._fill(groups, reviews, count)
        ]

    def thin_dimensions(self, count: int) -> list[Choice]:
        """Texts that may carry the dimensions with the fewest reviews."""
        tagged = (_margins(self.done)[:, :-1] >= 0).sum(axis=0)
        reviews = Counter(dict(zip(DIMENSIONS, tagged.tolist(), strict=True)))
        groups = {}
        for column, dimension in enumerate(DIMENSIONS) if count else ():
            rows = np.flatnonzero(self.free & (self.margin[:, column] >= _PLAUSIBLE))
            worth = self.close[rows, column] + 0.1 * self.doubt[rows]
            groups[dimension] = list(zip(-worth, self.tie[rows], rows.tolist(), strict=True))
        return [
            self._take(
                at, Kind.THIN_DIMENSION, f"thin dimension: {_reviews(seen)} with {dimension}", dimension
            )
            for at, dimension, seen in self._fill(groups, reviews, count)
        ]

    def _fill(
        self, groups: Mapping[str, list[tuple[float, float, int]]], reviews: Counter[str], count: int
    ) -> list[tuple[int, str, int]]:
        """The best text of the group with the fewest reviews, again and again; with group and count."""
        queues = {name: sorted(rows, reverse=True) for name, rows in groups.items()}  # best last
        heap = [(reviews[name], name) for name in queues]
        heapq.heapify(heap)
        picked: list[tuple[int, str, int]] = []
        used: set[int] = set()
        while heap and len(picked) < count:
            seen, name = heapq.heappop(heap)
            queue = queues[name]
            while queue and queue[-1][2] in used:
                queue.pop()
            if queue:
                at = queue.pop()[2]
                used.add(at)
                picked.append((at, name, reviews[name]))
                heapq.heappush(heap, (seen + 1, name))
        return picked

    def _take(self, at: int, kind: Kind, reason: str, target: str | None = None) -> Choice:
        self.free[at] = False
        self.taken.append(at)
        return Choice(self.waiting[at].id, self.waiting[at].story, kind, reason, target)

    def _spread(
        self, rows: NDArray[np.intp], worth: NDArray[np.float64], count: int, *, known: bool = False
    ) -> list[int]:
        """Some of the rows: worth much, and unlike what is taken and, if `known`, what was reviewed."""
        if not len(rows) or not count:
            return []
        before = [self.waiting[at] for at in self.taken]
        if known:
            before += [self.done[at] for at in self.random.permutation(len(self.done))[:_SIZE]]
        vectors = _vectors([*(self.waiting[at] for at in rows), *before])
        picked = spread(vectors[: len(rows)], worth, vectors[len(rows) :], count)
        return [int(rows[at]) for at in picked]


def _one_a_story(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The article with the lowest id of each story, in the order of ids; reviewed if one of the copies is."""
    first: dict[int | str, Candidate] = {}
    reviewed = set()
    for one in candidates:
        if one.story not in first or one.id < first[one.story].id:
            first[one.story] = one
        if one.reviewed:
            reviewed.add(one.story)
    ordered = sorted(first.values(), key=lambda one: one.id)
    return [replace(one, reviewed=True) if one.story in reviewed else one for one in ordered]


def _margins(texts: Sequence[Candidate]) -> NDArray[np.float64]:
    """Log-odds above the threshold: one row a text, one column for each of `TARGETS`."""
    try:
        stated = [[*(one.probability[d] for d in DIMENSIONS), one.relevance] for one in texts]
        thresholds = [[*(one.threshold[d] for d in DIMENSIONS), one.relevance_threshold] for one in texts]
    except KeyError as error:
        raise ValueError(f"a candidate has no probability or threshold of {error}") from error
    return _log_odds(stated) - _log_odds(thresholds)


def _log_odds(probabilities: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    given = np.array(probabilities, dtype=np.float64).reshape(len(probabilities), len(TARGETS))
    given = given.clip(_SOFT, 1 - _SOFT)
    return np.log(given / (1 - given))


def _closeness(margin: NDArray[np.float64]) -> NDArray[np.float64]:
    """How close each answer is to its threshold, 1 at it and towards 0 far off.

    Distances are measured by that of the text on the `_NEAR` part of the way from the closest to the
    farthest, for each target by itself: so the doubtful texts of a rare dimension, of which a model is mostly
    sure, weigh as much as those of a common one.
    """
    distance = np.abs(margin)
    if not len(distance):
        return distance
    scale = np.quantile(distance, _NEAR, axis=0).clip(0.1, None)
    return np.asarray(np.exp(-distance / scale))


def _logistic(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-scores)))


def _vectors(texts: Sequence[Candidate]) -> NDArray[np.float64]:
    if any(one.content is not None for one in texts):
        return unit_vectors([one.content for one in texts])
    languages = sorted({one.language for one in texts})
    spoken = np.array([[one.language == name for name in languages] for one in texts], dtype=np.float64)
    return unit_vectors(list(np.hstack([_margins(texts), spoken.reshape(len(texts), -1)])))


def _sizes(parts: Sequence[float], before: int, count: int) -> list[int]:
    """How many texts each part gets, so that small batches come to the same in the end as a large one."""
    sizes: list[int] = []
    for number, part in enumerate(parts):
        start = number / len(parts)  # so that not all fall due with the same text
        size = int((before + count) * part + start) - int(before * part + start)
        sizes.append(min(size, count - sum(sizes)))
    return sizes


def _interleaved(parts: Sequence[Sequence[Choice]]) -> list[Choice]:
    """All choices, each part spread evenly: who stops halfway has read half of each."""
    placed = [
        ((place + 0.5) / len(part), number, choice)
        for number, part in enumerate(parts)
        for place, choice in enumerate(part)
    ]
    return [choice for _, _, choice in sorted(placed, key=lambda one: one[:2])]


def _reviews(count: int) -> str:
    return "1 review" if count == 1 else f"{count or 'no'} reviews"
