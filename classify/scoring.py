"""Scores of units, and how they roll up to passages and documents. Plain arithmetic; nothing is learnt here.

A document carries what one of its passages carries, so its score for a dimension is the highest of its units.
Relevance asks whose work it is: a unit counts where a city is named or meant, and where it carries a
dimension at least nearly; a long text needs its headline or two such places.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from classify.features import HASH_BITS, NgramCounts, Outline
from classify.lexicon import load_lexicon
from classify.place_names import find_hits, to_simplified

LEXICON_SCALE = 0.2
NGRAM_SCALE = 5.0

LONG_TEXT = 1000.0
"""Wider texts (in Chinese characters) need two relevant places or a headline; below, one is enough."""

CONTENT_MARGIN = 1.0
"""Log-odds by which relevance may exceed the strongest dimension of its unit: words about AI without content
are not about a city's policy."""

NOT_A_CITY = -8.0
"""Log-odds of relevance of a unit that belongs to no city."""


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


def relevance_units(outline: Outline, units: NDArray[np.float64], has_subject: bool, has_city: bool) -> None:
    """Correct, in place, the relevance (last column) of one document's units, given whose work each is.

    A unit is a city's where it names a city or a body of one. Elsewhere the document's subject city is meant,
    or in a short text without any name an unnamed one, unless the text speaks for a province or the nation.
    """
    lexicon = load_lexicon()
    wider = any(lexicon.holds(one, ("wider_area",)) for one in outline.features)
    meant = not wider and (has_subject or not (has_city or outline.scattered))
    named = _naming_sentences(outline) if has_city and not meant else frozenset()
    for number, (first, last) in enumerate(outline.units):
        mine = (
            meant
            or any(n in named for n in range(first, last))
            or any(lexicon.holds(one, ("own_city",)) for one in outline.features[first:last])
        )
        if mine:
            units[number, -1] = min(units[number, -1], units[number, :-1].max() + CONTENT_MARGIN)
        else:
            units[number, -1] = min(units[number, -1], NOT_A_CITY)


def _naming_sentences(outline: Outline) -> frozenset[int]:
    """Sentences that name a city, and the clauses taken from them."""
    starts, at = [], 0
    for sentence in outline.raw:
        starts.append(at)
        at += len(sentence) + 1
    hits = find_hits(to_simplified("\n".join(outline.raw)))
    naming = {bisect.bisect_right(starts, hit.start) - 1 for hit in hits}
    naming |= {outline.length + n for n, source in enumerate(outline.sources) if source in naming}
    return frozenset(naming)


def relevance_score(outline: Outline, units: NDArray[np.float64]) -> float:
    """Roll up relevance: the headline's, a short text's best place, or a long text's second best."""
    best_title = -np.inf
    places: list[float] = []
    for number, (owner, (first, last)) in enumerate(zip(outline.owners, outline.units, strict=True)):
        score = float(units[number])
        if owner < 0:
            best_title = max(best_title, score)
        elif (
            owner in outline.scored and first < outline.length and _is_smallest(outline, number, first, last)
        ):
            places.append(score)
    places.sort(reverse=True)
    if not places:
        return best_title
    enough = 0 if outline.width <= LONG_TEXT or len(places) == 1 else 1
    return max(best_title, places[enough])


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
