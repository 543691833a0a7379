"""Scores of units, and how they roll up to passages and documents. Plain arithmetic on arrays; nothing is learnt here.

A document carries what one of its passages carries, so its score for a dimension is the highest of its units.
Relevance asks for more of a long text: its headline, or two places that do not overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp  # type: ignore[import-untyped]

from classify.features import Outline

LEXICON_SCALE = 0.3
NGRAM_SCALE = 3.0
CITY_FEATURES = ("subject city", "city only mentioned", "no city")

_LONG_TEXT = 2  # passages from which on one place is not enough for relevance


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Which hashed n-grams the model knows, and their weight (inverse document frequency)."""

    position: np.ndarray  # int32, one a hash value: column in the n-gram block, or -1
    idf: np.ndarray  # float32, one a column

    def weigh(self, counts: sp.csr_matrix) -> sp.csr_matrix:
        """Logarithmic counts times idf, each row of length `NGRAM_SCALE` (or empty)."""
        place = self.position[counts.indices]
        known = place >= 0
        column = place[known]
        value = (1.0 + np.log(counts.data[known])) * self.idf[column]
        before = np.concatenate(([0], np.cumsum(known)))
        indptr = before[counts.indptr]
        row = np.repeat(np.arange(counts.shape[0]), np.diff(indptr))
        norm = np.sqrt(np.bincount(row, weights=value * value, minlength=counts.shape[0]))
        norm[norm == 0] = 1.0
        value = (value * (NGRAM_SCALE / norm)[row]).astype(np.float32)
        return sp.csr_matrix((value, column, indptr), shape=(counts.shape[0], len(self.idf)))


def build_vocabulary(counts: sp.csr_matrix, minimum: int = 2) -> Vocabulary:
    """Vocabulary of the n-grams that at least `minimum` rows hold."""
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    kept = np.flatnonzero(frequency >= minimum)
    position = np.full(counts.shape[1], -1, dtype=np.int32)
    position[kept] = np.arange(len(kept), dtype=np.int32)
    idf = np.log((1 + counts.shape[0]) / (1 + frequency[kept])) + 1.0
    return Vocabulary(position, idf.astype(np.float32))


def design_matrix(lexicon: sp.csr_matrix, ngrams: sp.csr_matrix, vocabulary: Vocabulary) -> sp.csr_matrix:
    """The matrix a linear model sees: lexicon block, then n-gram block."""
    return sp.hstack([lexicon * LEXICON_SCALE, vocabulary.weigh(ngrams)], format="csr")


def logistic(value: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-x), safe for large values."""
    return 1.0 / (1.0 + np.exp(-np.clip(value, -40.0, 40.0)))


def dimension_scores(outline: Outline, units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Roll up unit scores of one document.

    Args:
        outline: the document.
        units: one row a unit, one column a dimension; any monotone score.

    Returns:
        Document scores, one a dimension, and passage scores, one row a passage. Where there is nothing to score the
        values are minus infinity.
    """
    passages = np.full((len(outline.passages), units.shape[1]), -np.inf)
    document = np.full(units.shape[1], -np.inf)
    for owner, row in zip(outline.owners, units, strict=True):
        if owner < 0:
            document = np.maximum(document, row)
        else:
            passages[owner] = np.maximum(passages[owner], row)
            if owner in outline.scored:
                document = np.maximum(document, row)
    return document, passages


def relevance_score(outline: Outline, units: np.ndarray) -> float:
    """Roll up unit scores of relevance: the headline's, a short text's best, or a long text's second best place."""
    best_title = -np.inf
    places: dict[int, float] = {}
    short = len(outline.passages) < _LONG_TEXT
    for number, (owner, (first, last)) in enumerate(zip(outline.owners, outline.units, strict=True)):
        score = float(units[number])
        if owner < 0:
            best_title = max(best_title, score)
        elif owner in outline.scored and (short or _is_smallest(outline, number, first, last)):
            places[number] = score
    ranked = sorted(places.values(), reverse=True)
    if not ranked:
        return best_title
    if short or len(ranked) == 1:
        return max(best_title, ranked[0])
    return max(best_title, ranked[1])


def _is_smallest(outline: Outline, number: int, first: int, last: int) -> bool:
    """Whether a unit is a run of sentences, or the whole of a passage that has no runs."""
    owner = outline.owners[number]
    neighbours = (number - 1, number + 1)
    return not any(
        0 <= other < len(outline.units)
        and outline.owners[other] == owner
        and first <= outline.units[other][0]
        and outline.units[other][1] <= last
        for other in neighbours
    )


def unit_offsets(outlines: Sequence[Outline]) -> list[tuple[int, int]]:
    """Row range of each document's units in a matrix over all of them."""
    ends = np.cumsum([len(one.units) for one in outlines], dtype=int).tolist() if outlines else []
    return list(zip([0, *ends[:-1]], ends, strict=True)) if ends else []
