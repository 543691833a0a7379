"""Scores of units, and how they roll up to passages and documents. Plain arithmetic; nothing is learnt here.

A document carries what one of its passages carries, so its score for a dimension is the highest of its units.
Relevance is `relevance.py`'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from classify.features import HASH_BITS, NgramCounts, Outline

LEXICON_SCALE = 0.4
NGRAM_SCALE = 8.0


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Which hashed n-grams the model knows, and their weight (inverse document frequency)."""

    position: NDArray[np.int32]  # int32, one a hash value: column in the n-gram block, or -1
    idf: NDArray[np.float32]  # float32, one a column

    def weigh(self, ngrams: NgramCounts) -> sp.csr_matrix:
        """Logarithmic counts times idf, each row of length `NGRAM_SCALE` (or empty)."""
        indptr, column, value = self._weighed(ngrams)
        return sp.csr_matrix((value, column, indptr), shape=(len(ngrams), len(self.idf)))

    def _weighed(
        self, ngrams: NgramCounts
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
        place = self.position[ngrams.columns]
        known = place >= 0
        column = place[known]
        value = (1.0 + np.log(ngrams.counts[known])) * self.idf[column]
        indptr = np.concatenate(([0], np.cumsum(known)))[ngrams.indptr]
        row = ngrams.rows[known]
        norm = np.sqrt(np.bincount(row, weights=value * value, minlength=len(ngrams)))
        norm[norm == 0] = 1.0
        return indptr, column, (value * (NGRAM_SCALE / norm)[row]).astype(np.float32)

    def design_matrix(
        self, lexicon: Sequence[Sequence[int]], width: int, ngrams: NgramCounts
    ) -> sp.csr_matrix:
        """The matrix a linear model sees, one row a unit: the lexicon's features, then the n-grams.

        Args:
            lexicon: the features of each unit, ascending.
            width: number of the lexicon's features.
            ngrams: the n-gram counts of the same units.
        """
        ends, column, value = self._weighed(ngrams)
        lengths = np.fromiter(map(len, lexicon), dtype=np.int64, count=len(lexicon))
        before = np.concatenate(([0], np.cumsum(lengths)))
        indptr = before + ends
        indices = np.empty(indptr[-1], dtype=np.int32)
        data = np.full(indptr[-1], LEXICON_SCALE, dtype=np.float32)
        of_ngrams = np.arange(len(column)) + np.repeat(before[1:], np.diff(ends))
        is_ngram = np.zeros(indptr[-1], dtype=bool)
        is_ngram[of_ngrams] = True
        indices[of_ngrams] = column + width
        data[of_ngrams] = value
        indices[~is_ngram] = [feature for row in lexicon for feature in row]
        return sp.csr_matrix((data, indices, indptr), shape=(len(lexicon), width + len(self.idf)))


def build_vocabulary(ngrams: NgramCounts, minimum: int = 2) -> Vocabulary:
    """Vocabulary of the n-grams that at least `minimum` rows hold."""
    frequency = np.bincount(ngrams.columns, minlength=1 << HASH_BITS)
    kept = np.flatnonzero(frequency >= minimum)
    position = np.full(len(frequency), -1, dtype=np.int32)
    position[kept] = np.arange(len(kept), dtype=np.int32)
    idf = np.log((1 + len(ngrams)) / (1 + frequency[kept])) + 1.0
    return Vocabulary(position, idf.astype(np.float32))


def logistic(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + e^-x), safe for large values."""
    return 1.0 / (1.0 + np.exp(-np.clip(value, -40.0, 40.0)))


def dimension_scores(
    outline: Outline, units: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Roll up unit scores of one document.

    Args:
        outline: the document.
        units: one row a unit, one column a dimension; any monotone score.

    Returns:
        Document scores, one a dimension, and passage scores, one row a passage. Where there is nothing to
        score the values are minus infinity.
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


def unit_offsets(outlines: Sequence[Outline]) -> list[tuple[int, int]]:
    """Row range of each document's units in a matrix over all of them."""
    ends = np.cumsum([len(one.units) for one in outlines], dtype=int).tolist() if outlines else []
    return list(zip([0, *ends[:-1]], ends, strict=True)) if ends else []
