"""The learners that `families.py` compares: each is fitted on features and labels, and then scores units.

A score is higher where a unit carries a dimension and means nothing else; calibration and thresholds are set
from held-out scores by who compares. Nothing here reads texts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import ComplementNB
from sklearn.neighbors import NearestNeighbors
from sklearn.svm import LinearSVC

from classify.lexicon import load_lexicon
from classify.train import PARAMETERS
from hexapolis.records import DIMENSIONS

SEED = 0
NEIGHBOURS = 15

KEYWORDS: dict[str, tuple[str, ...]] = {
    "compute": ("compute", "compute_hardware", "compute_unit", "compute_power", "compute_market"),
    "technology": ("model_build", "research", "lab", "open_source", "evaluation", "chip"),
    "industry": ("cluster", "firms", "output", "industry_word"),
    "application": ("ai_plus", "scenario", "smart_place", "teaching_with_ai", "deploy"),
    "data_talent": ("data", "talent", "schooling"),
    "support": ("money", "law", "standards", "leadership", "service", "conference"),
}
"""Classes of the lexicon that speak for a dimension in a unit that names AI; set by their names alone."""


class Block(Enum):
    """Which features a family sees."""

    LEXICON = "lexicon"
    NGRAMS = "n-grams"
    BOTH = "both"


Score = Callable[[sp.csr_matrix], NDArray[np.float64]]  # one row a unit, one column a dimension
Learn = Callable[[sp.csr_matrix, NDArray[np.bool_], NDArray[np.bool_]], Score]  # features, truth, known


@dataclass(frozen=True, slots=True)
class Family:
    """One line of the comparison."""

    name: str
    block: Block
    learn: Learn
    folds: int = 5  # held out, of five; two at least, because each takes its thresholds from the others
    calibrated: bool = True  # False: a score above zero is a yes


def always(features: sp.csr_matrix, truth: NDArray[np.bool_], known: NDArray[np.bool_]) -> Score:
    """The same score for every unit: what is reached without reading."""
    return lambda units: np.zeros((units.shape[0], truth.shape[1]))


def keywords(features: sp.csr_matrix, truth: NDArray[np.bool_], known: NDArray[np.bool_]) -> Score:
    """A dimension is carried where a unit names AI and holds one of the dimension's words."""
    number = load_lexicon().classes.index
    chosen = [[number(name) for name in KEYWORDS[dimension]] for dimension in DIMENSIONS]

    def score(units: sp.csr_matrix) -> NDArray[np.float64]:
        names_ai = units[:, number("ai")].toarray().ravel() > 0
        held = [units[:, classes].sum(axis=1).A1 > 0 for classes in map(list, chosen)]
        return np.stack([names_ai & one for one in held], axis=1).astype(np.float64)

    return score


def each_target(make: Callable[[], Any], *, dense: bool = False) -> Learn:
    """One classifier a dimension, fitted on the texts whose label is known."""

    def learn(features: sp.csr_matrix, truth: NDArray[np.bool_], known: NDArray[np.bool_]) -> Score:
        seen = features.toarray() if dense else features
        models = [
            make().fit(seen[np.flatnonzero(known[:, n])], truth[known[:, n], n])
            for n in range(truth.shape[1])
        ]

        def score(units: sp.csr_matrix) -> NDArray[np.float64]:
            values = units.toarray() if dense else units
            return np.stack([_margin(model, values) for model in models], axis=1)

        return score

    return learn


def _margin(model: Any, values: Any) -> NDArray[np.float64]:
    if hasattr(model, "decision_function"):
        return np.asarray(model.decision_function(values), dtype=np.float64)
    logs = model.predict_joint_log_proba(values)
    return np.asarray(logs[:, 1] - logs[:, 0], dtype=np.float64)


def neighbours(features: sp.csr_matrix, truth: NDArray[np.bool_], known: NDArray[np.bool_]) -> Score:
    """Share of the nearest texts (by cosine) that carry a dimension, each weighing as it is alike."""
    index = NearestNeighbors(n_neighbors=NEIGHBOURS, metric="cosine", algorithm="brute").fit(features)

    def score(units: sp.csr_matrix) -> NDArray[np.float64]:
        distance, nearest = index.kneighbors(units)
        weight = np.maximum(1.0 - distance, 1e-6)[:, :, None] * known[nearest]
        return np.asarray((weight * truth[nearest]).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-9))

    return score


def _logistic() -> Any:
    return LogisticRegression(C=PARAMETERS["c"], solver="liblinear", dual=True, random_state=SEED)


def _logistic_primal() -> Any:
    """For few features and many texts, where the dual problem does not settle."""
    return LogisticRegression(C=PARAMETERS["c"], solver="liblinear", random_state=SEED)


FAMILIES = (
    Family("the same answer for every text", Block.LEXICON, always),
    Family("keyword list: classes of the lexicon in a unit that names AI", Block.LEXICON, keywords, 5, False),
    Family("complement naive Bayes, n-grams", Block.NGRAMS, each_target(ComplementNB)),
    Family("logistic regression, n-grams", Block.NGRAMS, each_target(_logistic)),
    Family("logistic regression, lexicon", Block.LEXICON, each_target(_logistic_primal)),
    Family("**logistic regression, lexicon and n-grams (in use)**", Block.BOTH, each_target(_logistic)),
    Family(
        "linear support vectors, lexicon and n-grams",
        Block.BOTH,
        each_target(lambda: LinearSVC(C=0.1, random_state=SEED)),
    ),
    Family(
        "stochastic gradient descent (modified Huber), lexicon and n-grams",
        Block.BOTH,
        each_target(lambda: SGDClassifier(loss="modified_huber", alpha=1e-3, random_state=SEED)),
    ),
    Family(
        "boosted trees, lexicon",
        Block.LEXICON,
        each_target(lambda: HistGradientBoostingClassifier(max_iter=100, random_state=SEED), dense=True),
        folds=2,
    ),
    Family("15 nearest texts, n-grams", Block.NGRAMS, neighbours),
)
