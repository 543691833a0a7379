"""Training: from labelled texts to a `Tagger`.

Thresholds and calibration come from held-out folds of the training texts, never from the texts a model has
seen, and near-duplicates (pairs that differ in one turn of phrase) stay in one fold.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from classify.card import make_card
from classify.cities import find_cities
from classify.codebook import load_codebook
from classify.corpus import corpus_digest
from classify.features import (
    FORMAT,
    HASH_BITS,
    LANGUAGES,
    SHORT_WIDTH,
    TOPIC_CLASSES,
    TOPIC_SHARE,
    WINDOW_WIDTH,
    lexicon_rows,
    ngram_counts,
    outline,
)
from classify.lexicon import lexicon_digest, load_lexicon
from classify.model import Tagger
from classify.model_files import TARGETS, Parts
from classify.relevance import DEPTH, FEATURES, NO_TREES, Trees
from classify.scoring import LEXICON_SCALE, NGRAM_SCALE, build_vocabulary, logistic
from hexapolis.errors import CorpusError
from hexapolis.records import DIMENSIONS, LabelledText

log = logging.getLogger(__name__)

FEW = 40
"""Texts with or without a label in one language under which its calibration is that of all languages."""

PARAMETERS: Mapping[str, Any] = {
    "algorithm": "logistic regression (liblinear, L2), one a target; boosted trees for relevance",
    "c": 1.0,
    "folds": 5,
    "near_duplicate_cosine": 0.6,
    "lexicon_scale": LEXICON_SCALE,
    "ngram_scale": NGRAM_SCALE,
    "hash_bits": HASH_BITS,
    "window_width": WINDOW_WIDTH,
    "scattered": [SHORT_WIDTH, TOPIC_SHARE, *TOPIC_CLASSES],
    "roll_up": "maximum",
    "relevance": {
        "n_estimators": 150,
        "learning_rate": 0.06,
        "subsample": 0.5,
        "min_samples_leaf": 20,
        "max_features": 0.4,
    },
}


def model_id_for(items: Sequence[LabelledText], seed: int = 0) -> str:
    """The id that training on these items would give, from data, lexicon, codebook, parameters and seed."""
    taxonomy = [lexicon_digest(), load_codebook().version, FORMAT]
    content = [corpus_digest(items), taxonomy, dict(PARAMETERS), seed]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def train(
    items: Sequence[LabelledText], *, seed: int = 0, weights: Mapping[str, float] | None = None
) -> Tagger:
    """Fit a tagger on labelled texts; under a minute for some thousand passages, on one core.

    The same items, weights, seed and library versions give the same model, the same items and seed the same
    id.

    Args:
        items: the texts.
        seed: of folds and learners.
        weights: by item id, how much a text counts; 1 where none is given.

    Raises:
        CorpusError: a target has fewer texts with or without it than there are folds.
    """
    items = sorted(items, key=lambda item: item.id)
    log.info("training on %d texts", len(items))
    data = _Data(items, weights or {})
    folds = _folds(data, seed)
    held_out = _held_out(data, folds, seed)
    probability = np.full(held_out.scores.shape, np.nan)
    calibration: dict[str, dict[str, tuple[float, float]]] = {}
    thresholds: dict[str, dict[str, float]] = {}
    for column, target in enumerate(TARGETS):
        score, truth = held_out.scores[:, column], data.truth[:, column]
        calibration[target], thresholds[target] = {}, {}
        for language in LANGUAGES:
            rows = _enough(data, column, language)
            calibration[target][language] = calibrate(score[rows], truth[rows])
            for number in range(PARAMETERS["folds"]):  # of the texts that a line was not fitted on
                line = calibrate(score[rows & (folds != number)], truth[rows & (folds != number)])
                probability[folds == number, column] = np.where(
                    data.languages[folds == number] == language,
                    logistic(line[0] * score[folds == number] + line[1]),
                    probability[folds == number, column],
                )
            slope, shift = calibration[target][language]
            thresholds[target][language] = best_threshold(truth[rows], logistic(slope * score[rows] + shift))
    log.info("fitting on all texts")
    parts = replace(
        _fit(data, np.arange(len(items)), seed),
        relevance=_fit_relevance(data, held_out.figures, np.ones(len(items), dtype=bool), seed),
        calibration=calibration,
        thresholds=thresholds,
    )
    return Tagger(parts, _card(data, probability, parts, seed))


def _enough(data: _Data, column: int, language: str) -> NDArray[Any]:
    """The texts of a language whose label is known; those of all languages when these are too few."""
    known = data.known[:, column]
    mine = known & (data.languages == language)
    yes = int(data.truth[mine, column].sum())
    return mine if min(yes, int(mine.sum()) - yes) >= FEW else known


@dataclass(frozen=True, slots=True)
class _HeldOut:
    scores: NDArray[Any]  # one row a text, one column a target, from models that have not seen it
    figures: NDArray[Any]  # what relevance is made of, from the same models


def _held_out(data: _Data, folds: NDArray[Any], seed: int) -> _HeldOut:
    scores = np.full((len(data.items), len(TARGETS)), np.nan)
    figures = np.zeros((len(data.items), len(FEATURES)))
    for number in range(PARAMETERS["folds"]):
        log.info("fold %d of %d", number + 1, PARAMETERS["folds"])
        test = np.flatnonzero(folds == number)
        fitted = _fit(data, np.flatnonzero(folds != number), seed)
        probe = Tagger(fitted, {"model_id": "fold", "codebook_version": load_codebook().version})
        scores[test, :-1], figures[test] = data.document_scores(probe, test)
    for number in range(PARAMETERS["folds"]):
        trees = _fit_relevance(data, figures, folds != number, seed)
        for row in np.flatnonzero(folds == number):
            scores[row, -1] = trees.score(figures[row])
    return _HeldOut(scores, figures)


def _fit_relevance(data: _Data, figures: NDArray[Any], rows: NDArray[Any], seed: int) -> Trees:
    from sklearn.ensemble import GradientBoostingClassifier  # slow to import

    rows = rows & data.known[:, -1]
    model = GradientBoostingClassifier(**PARAMETERS["relevance"], max_depth=DEPTH, random_state=seed)
    return Trees.of(model.fit(figures[rows], data.truth[rows, -1], data.weights[rows]))


class _Data:
    """Training texts with their features and truth, computed once and used by every fold."""

    def __init__(self, items: Sequence[LabelledText], weights: Mapping[str, float]) -> None:
        self.items = list(items)
        self.weights = np.array([weights.get(item.id, 1.0) for item in items])
        lexicon = load_lexicon()
        self.outlines = [outline(item.title, item.text, lexicon) for item in items]
        self.languages = np.array([one.language for one in self.outlines])
        self.cities = [find_cities(item.title, item.text) for item in items]
        whole = [replace(one, units=((0, one.length),), owners=(0,)) for one in self.outlines]
        self.lexicon = lexicon_rows(whole, lexicon)
        self.lexicon_width = lexicon.size
        self.ngrams = ngram_counts(whole)
        self.truth = np.array(
            [[d in item.dims for d in DIMENSIONS] + [bool(item.relevant)] for item in items], dtype=bool
        )
        self.known = np.array(
            [[d not in item.contested for d in DIMENSIONS] + [item.relevant is not None] for item in items],
            dtype=bool,
        )

    def document_scores(self, tagger: Tagger, rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """`Tagger.document_scores` of some of the texts."""
        return tagger.document_scores([self.outlines[n] for n in rows], [self.cities[n] for n in rows])


def _folds(data: _Data, seed: int) -> NDArray[Any]:
    """A fold number for each text; texts that are nearly the same share one."""
    count = PARAMETERS["folds"]
    weighed = build_vocabulary(data.ngrams).weigh(data.ngrams) / NGRAM_SCALE
    alike = (weighed @ weighed.T) >= PARAMETERS["near_duplicate_cosine"]
    groups, member = connected_components(alike, directed=False)
    order = np.random.default_rng(seed).permutation(groups)
    return np.asarray(order[member] % count)


def _fit(data: _Data, rows: NDArray[Any], seed: int) -> Parts:
    from sklearn.linear_model import LogisticRegression  # slow to import

    ngrams = data.ngrams.take(rows)
    vocabulary = build_vocabulary(ngrams)
    matrix = vocabulary.design_matrix([data.lexicon[n] for n in rows], data.lexicon_width, ngrams)
    estimators = {}
    for column, target in enumerate(TARGETS):
        known = data.known[rows, column]
        truth = data.truth[rows, column][known]
        if min(truth.sum(), (~truth).sum()) < PARAMETERS["folds"]:
            count = f"{truth.sum()} of {len(truth)}"
            raise CorpusError(f"too few training texts with and without {target!r}: {count}")
        # With fewer texts than features the dual problem is solved ten times faster than the primal one.
        model = LogisticRegression(C=PARAMETERS["c"], solver="liblinear", dual=True, random_state=seed)
        estimators[target] = model.fit(matrix[np.flatnonzero(known)], truth, data.weights[rows][known])
    plain = dict.fromkeys(LANGUAGES, (1.0, 0.0))
    half = dict.fromkeys(LANGUAGES, 0.5)
    return Parts(
        estimators, vocabulary, NO_TREES, dict.fromkeys(TARGETS, plain), dict.fromkeys(TARGETS, half)
    )


def calibrate(scores: NDArray[Any], truth: NDArray[Any]) -> tuple[float, float]:
    """Slope and shift that turn a held-out score into a probability (Platt's method)."""
    from sklearn.linear_model import LogisticRegression

    finite = np.isfinite(scores)
    model = LogisticRegression(C=1e6).fit(scores[finite, None], truth[finite])
    return round(float(model.coef_[0, 0]), 6), round(float(model.intercept_[0]), 6)


def best_threshold(truth: NDArray[Any], probability: NDArray[Any]) -> float:
    """The threshold, in hundredths from 0.05 to 0.95, with the best F1; the middle one of a plateau."""
    grid = np.arange(5, 96) / 100
    scores = []
    for threshold in grid:
        answer = probability >= threshold
        hits = np.sum(answer & truth)
        scores.append(2 * hits / max(1, answer.sum() + truth.sum()))
    best = np.flatnonzero(np.array(scores) >= max(scores) - 1e-9)
    return float(grid[best[len(best) // 2]])


def _card(data: _Data, probability: NDArray[Any], parts: Parts, seed: int) -> dict[str, Any]:
    parameters = {**PARAMETERS, "seed": seed, "ngrams": len(parts.vocabulary.idf)}
    return {
        "model_id": model_id_for(data.items, seed),
        **make_card(data.items, data.truth, data.known, data.languages, probability, parts),
        "parameters": parameters,
    }
