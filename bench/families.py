"""Which family of models: the same texts, folds and roll-up for each, from a keyword list to the one in use.

Run: `python -m bench.families`. Every family is fitted on whole texts and scores the units of unseen ones,
which roll up as they do in the product; calibration and thresholds of a fold come from the other held-out
folds. Slow families hold out fewer of the folds, which the table says. Relevance is not compared. The
learners are in `families_learners.py`. Nothing here chooses the model in use.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from bench.families_learners import FAMILIES, Block, Family, Score
from bench.tagging import DEV, documents
from classify.corpus import load_corpus, load_labelled
from classify.features import LANGUAGES, NgramCounts, Outline, lexicon_rows, ngram_counts, outline
from classify.lexicon import load_lexicon
from classify.scoring import Vocabulary, build_vocabulary, dimension_scores, logistic, unit_offsets
from classify.train import PARAMETERS, _Data, _folds, best_threshold, calibrate
from hexapolis.records import DIMENSIONS, LabelledText

SEED = 0
TIMED_DOCUMENTS = 100

Rows = NDArray[np.intp]
Table = NDArray[np.float64]
Lines = dict[str, list[tuple[float, float, float]]]  # by language, of each dimension: slope, shift, threshold


class Scored:
    """Texts cut into the units that are scored, with the features of each; n-grams only if wanted."""

    def __init__(self, outlines: Sequence[Outline], *, ngrams: bool = True) -> None:
        self.outlines = outlines
        self.offsets = unit_offsets(outlines)
        self.lexicon = lexicon_rows(outlines, load_lexicon())
        self.ngrams = ngram_counts(outlines) if ngrams else None

    def scores(self, block: Block, vocabulary: Vocabulary | None, score: Score, rows: Rows) -> Table:
        """Rolled-up scores of some of the texts (numbers ascending), one column a dimension."""
        units = [n for row in rows for n in range(*self.offsets[row])]
        lexicon = [self.lexicon[n] for n in units]
        ngrams = self.ngrams.take(np.array(units, dtype=np.intp)) if self.ngrams is not None else None
        values = (
            score(matrix(block, lexicon, ngrams, vocabulary)) if units else np.empty((0, len(DIMENSIONS)))
        )
        rolled, at = [], 0
        for row in rows:
            one = self.outlines[row]
            rolled.append(dimension_scores(one, values[at : at + len(one.units)])[0])
            at += len(one.units)
        return np.array(rolled).reshape(-1, len(DIMENSIONS))


@dataclass(frozen=True, slots=True)
class Result:
    """What one family came to."""

    name: str
    folds: int  # held out, of all
    held_out: dict[str, float]  # macro-F1 by language
    real: float | None  # macro-F1 on the labelled real texts
    seconds: float  # CPU time of one fit on all texts, vocabulary included
    milliseconds: float  # CPU time of one document, from text to scores


def matrix(
    block: Block, lexicon: list[list[int]], ngrams: NgramCounts | None, vocabulary: Vocabulary | None
) -> sp.csr_matrix:
    """The features of some units, those of the block alone."""
    if block is Block.LEXICON or ngrams is None or vocabulary is None:
        columns = [feature for row in lexicon for feature in row]
        ends = np.cumsum([0, *map(len, lexicon)])
        shape = (len(lexicon), load_lexicon().size)
        return sp.csr_matrix((np.ones(len(columns), dtype=np.float32), columns, ends), shape=shape)
    if block is Block.NGRAMS:
        return vocabulary.weigh(ngrams)
    return vocabulary.design_matrix(lexicon, load_lexicon().size, ngrams)


def fit(family: Family, data: _Data, rows: Rows) -> tuple[Vocabulary | None, Score]:
    """Fit on some of the texts; what is returned scores units."""
    lexicon = [data.lexicon[n] for n in rows]
    if family.block is Block.LEXICON:
        vocabulary, ngrams = None, None
    else:
        ngrams = data.ngrams.take(rows)
        vocabulary = build_vocabulary(ngrams)
    features = matrix(family.block, lexicon, ngrams, vocabulary)
    count = len(DIMENSIONS)
    return vocabulary, family.learn(features, data.truth[rows, :count], data.known[rows, :count])


def held_out_scores(family: Family, data: _Data, scored: Scored, folds: NDArray[Any]) -> Table:
    """Scores of the texts in the folds that the family holds out; the rows of the others are NaN."""
    scores = np.full((len(data.items), len(DIMENSIONS)), np.nan)
    for number in range(family.folds):
        test = np.flatnonzero(folds == number)
        vocabulary, score = fit(family, data, np.flatnonzero(folds != number))
        scores[test] = scored.scores(family.block, vocabulary, score, test)
    return scores


def fit_lines(scores: Table, truth: NDArray[Any], known: NDArray[Any], languages: NDArray[Any]) -> Lines:
    """Calibration and threshold for each language and dimension, from held-out scores."""
    lines: Lines = {}
    for language in LANGUAGES:
        lines[language] = []
        for column in range(len(DIMENSIONS)):
            mine = known[:, column] & (languages == language)
            score, carried = scores[mine, column], truth[mine, column]
            slope, shift = calibrate(score, carried)
            lines[language].append((slope, shift, best_threshold(carried, _probability(score, slope, shift))))
    return lines


def answers(scores: Table, languages: NDArray[Any], lines: Lines | None) -> NDArray[np.bool_]:
    """Which text carries which dimension; without lines a score above zero does."""
    if lines is None:
        return scores > 0
    said = np.zeros(scores.shape, dtype=bool)
    for language, ofs in lines.items():
        mine = languages == language
        for column, (slope, shift, threshold) in enumerate(ofs):
            said[mine, column] = _probability(scores[mine, column], slope, shift) >= threshold
    return said


def _probability(scores: Table, slope: float, shift: float) -> Table:
    finite = np.isfinite(scores)  # a text without anything to score carries nothing
    return np.where(finite, logistic(slope * np.where(finite, scores, 0.0) + shift), 0.0)


def macro_f1(said: NDArray[np.bool_], truth: NDArray[Any], known: NDArray[Any]) -> float:
    """Mean F1 over the dimensions; cells whose label is not known are left out."""
    hits = np.sum(said & truth & known, axis=0)
    marks = np.sum(said & known, axis=0) + np.sum(truth & known, axis=0)
    return float(np.mean(2 * hits / np.maximum(marks, 1)))


def held_out_f1(family: Family, data: _Data, scores: Table, folds: NDArray[Any]) -> dict[str, float]:
    """Macro-F1 by language over the folds held out, each answered with the lines of the others."""
    count = len(DIMENSIONS)
    truth, known = data.truth[:, :count], data.known[:, :count]
    used = folds < family.folds
    said = np.zeros(scores.shape, dtype=bool)
    for number in range(family.folds):
        test, others = folds == number, used & (folds != number)
        lines = (
            fit_lines(scores[others], truth[others], known[others], data.languages[others])
            if family.calibrated
            else None
        )
        said[test] = answers(scores[test], data.languages[test], lines)
    return {
        language: macro_f1(said[mine], truth[mine], known[mine])
        for language in LANGUAGES
        for mine in [used & (data.languages == language)]
    }


def measure(
    family: Family,
    data: _Data,
    scored: Scored,
    folds: NDArray[Any],
    real: tuple[_Data, Scored] | None,
    docs: Sequence[tuple[str | None, str]],
) -> Result:
    """Everything about one family."""
    count = len(DIMENSIONS)
    scores = held_out_scores(family, data, scored, folds)
    start = time.process_time()
    vocabulary, score = fit(family, data, np.arange(len(data.items)))
    seconds = time.process_time() - start
    found = None
    if real is not None:
        texts, cut = real
        used = folds < family.folds
        lines = (
            fit_lines(scores[used], data.truth[used, :count], data.known[used, :count], data.languages[used])
            if family.calibrated
            else None
        )
        of_real = cut.scores(family.block, vocabulary, score, np.arange(len(texts.items)))
        said = answers(of_real, texts.languages, lines)
        found = macro_f1(said, texts.truth[:, :count], texts.known[:, :count])
    times = []
    for _ in range(4):  # the first warms the caches
        start = time.process_time()
        outlines = [outline(title, text, load_lexicon()) for title, text in docs]
        cut = Scored(outlines, ngrams=family.block is not Block.LEXICON)
        cut.scores(family.block, vocabulary, score, np.arange(len(docs)))
        times.append(time.process_time() - start)
    each = 1000 * min(times[1:]) / max(1, len(docs))
    return Result(family.name, family.folds, held_out_f1(family, data, scores, folds), found, seconds, each)


def row(result: Result) -> str:
    """A line of the table, in Markdown."""
    real = f"{result.real:.2f}" if result.real is not None else "-"
    held_out = " | ".join(f"{result.held_out[language]:.2f}" for language in LANGUAGES)
    return (
        f"| {result.name} | {result.folds} of {PARAMETERS['folds']} | {held_out} | {real} "
        f"| {result.seconds:.1f} | {result.milliseconds:.1f} |"
    )


def prepare(items: Sequence[LabelledText]) -> tuple[_Data, Scored]:
    """Texts with the features of the whole, to learn from, and of their units, to be scored."""
    data = _Data(items, {})
    return data, Scored(data.outlines)


def main() -> None:
    start = time.monotonic()
    items = sorted(load_corpus(), key=lambda item: item.id)
    data, scored = prepare(items)
    folds = _folds(data, SEED)
    real = prepare(load_labelled(DEV)) if DEV.exists() else None
    docs = documents(TIMED_DOCUMENTS)
    print(f"{len(items)} authored texts; {len(real[0].items) if real else 'no'} real texts\n")
    print("| family | folds held out | zh | en | real texts | training, s | a document, ms |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for family in FAMILIES:
        print(row(measure(family, data, scored, folds, real, docs)), flush=True)
    print(f"\n{time.monotonic() - start:.0f} s in all")


if __name__ == "__main__":
    main()
