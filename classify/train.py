"""Training: from labelled texts to a `Tagger`, and which model is in use.

Thresholds and calibration come from held-out folds of the training texts, never from the texts a model has
seen, and near-duplicates (pairs that differ in one turn of phrase) stay in one fold.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib.metadata
import json
import logging
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from classify.cities import find_cities
from classify.codebook import load_codebook
from classify.corpus import corpus_digest, load_corpus
from classify.features import (
    FORMAT,
    HASH_BITS,
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
from classify.model_files import CARD_FILE, TARGETS, Parts, read_card
from classify.scoring import (
    CONTENT_MARGIN,
    LEXICON_SCALE,
    LONG_TEXT,
    NGRAM_SCALE,
    build_vocabulary,
)
from hexapolis.errors import CorpusError, ModelError
from hexapolis.records import DIMENSIONS, LabelledText

log = logging.getLogger(__name__)

ACTIVE_FILE = "active"

_LIBRARIES = ("scikit-learn", "numpy", "scipy", "skops", "opencc")

PARAMETERS: Mapping[str, Any] = {
    "algorithm": "logistic regression (liblinear, L2), one a target",
    "c": 1.0,
    "folds": 5,
    "near_duplicate_cosine": 0.6,
    "lexicon_scale": LEXICON_SCALE,
    "ngram_scale": NGRAM_SCALE,
    "hash_bits": HASH_BITS,
    "window_width": WINDOW_WIDTH,
    "scattered": [SHORT_WIDTH, TOPIC_SHARE, *TOPIC_CLASSES],
    "roll_up": "maximum",
    "relevance": [LONG_TEXT, CONTENT_MARGIN],
}


def model_id_for(items: Sequence[LabelledText], seed: int = 0) -> str:
    """The id that training on these items would give, from data, lexicon, codebook, parameters and seed."""
    taxonomy = [lexicon_digest(), load_codebook().version, FORMAT]
    content = [corpus_digest(items), taxonomy, dict(PARAMETERS), seed]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def train(items: Sequence[LabelledText], *, seed: int = 0) -> Tagger:
    """Fit a tagger on labelled texts; seconds for some thousand passages, on one core.

    The same items, seed and library versions give the same model and the same id.

    Raises:
        CorpusError: a target has fewer texts with or without it than there are folds.
    """
    items = sorted(items, key=lambda item: item.id)
    log.info("training on %d texts", len(items))
    data = _Data(items)
    folds = _folds(data, seed)
    held_out = np.full((len(items), len(TARGETS)), np.nan)
    for number in range(PARAMETERS["folds"]):
        log.info("fold %d of %d", number + 1, PARAMETERS["folds"])
        test = np.flatnonzero(folds == number)
        fitted = _fit(data, np.flatnonzero(folds != number), seed)
        probe = Tagger(fitted, {"model_id": "fold", "codebook_version": load_codebook().version})
        held_out[test] = data.document_scores(probe, test)
    calibration, thresholds = {}, {}
    for column, target in enumerate(TARGETS):
        known, truth = data.known[:, column], data.truth[:, column]
        calibration[target] = _calibrate(held_out[known, column], truth[known])
        slope, shift = calibration[target]
        probability = 1.0 / (1.0 + np.exp(-(slope * held_out[known, column] + shift)))
        thresholds[target] = best_threshold(truth[known], probability)
    log.info("fitting on all texts")
    parts = replace(_fit(data, np.arange(len(items)), seed), calibration=calibration, thresholds=thresholds)
    return Tagger(parts, _card(data, held_out, parts, seed))


class _Data:
    """Training texts with their features and truth, computed once and used by every fold."""

    def __init__(self, items: Sequence[LabelledText]) -> None:
        self.items = list(items)
        lexicon = load_lexicon()
        self.outlines = [outline(item.title, item.text, lexicon) for item in items]
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

    def document_scores(self, tagger: Tagger, rows: NDArray[Any]) -> NDArray[Any]:
        """Rolled-up scores before calibration of some of the texts, as the tagger would score them."""
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
        model = LogisticRegression(C=PARAMETERS["c"], solver="liblinear", random_state=seed)
        estimators[target] = model.fit(matrix[np.flatnonzero(known)], truth)
    neutral = dict.fromkeys(TARGETS, (1.0, 0.0))
    return Parts(estimators, vocabulary, neutral, dict.fromkeys(TARGETS, 0.5))


def _calibrate(scores: NDArray[Any], truth: NDArray[Any]) -> tuple[float, float]:
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


def _card(data: _Data, held_out: NDArray[Any], parts: Parts, seed: int) -> dict[str, Any]:
    from classify.evaluate import language_of, target_metrics

    languages = np.array([language_of(item) for item in data.items])
    metrics: dict[str, Any] = {}
    for column, target in enumerate(TARGETS):
        slope, shift = parts.calibration[target]
        probability = 1.0 / (1.0 + np.exp(-(slope * held_out[:, column] + shift)))
        truth, known = data.truth[:, column], data.known[:, column]
        rows = {"all": known} | {
            name: known & (languages == name) for name in sorted(set(languages.tolist()))
        }
        metrics[target] = {
            name: target_metrics(truth[mask], probability[mask], parts.thresholds[target])
            for name, mask in rows.items()
        }
    counts = {
        name: {
            "texts": int(np.sum(languages == name)),
            "relevant": int(data.truth[languages == name, -1].sum()),
            **{d: int(data.truth[languages == name, n].sum()) for n, d in enumerate(DIMENSIONS)},
        }
        for name in sorted(set(languages.tolist()))
    }
    return {
        "model_id": model_id_for(data.items, seed),
        "created_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "format": FORMAT,
        "codebook_version": load_codebook().version,
        "lexicon_digest": lexicon_digest(),
        "data": {"texts": len(data.items), "digest": corpus_digest(data.items), "by_language": counts},
        "parameters": {**PARAMETERS, "seed": seed, "ngrams": len(parts.vocabulary.idf)},
        "libraries": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in _LIBRARIES},
        },
        "thresholds": dict(parts.thresholds),
        "calibration": {target: list(pair) for target, pair in parts.calibration.items()},
        "held_out": metrics,
        "held_out_macro_f1": round(float(np.mean([metrics[d]["all"]["f1"] for d in DIMENSIONS])), 4),
    }


def active_model(models_dir: Path) -> Tagger | None:
    """The model that `set_active` named, or None when none was named.

    Raises:
        ModelError: the named model cannot be loaded.
    """
    folder = _active_folder(Path(models_dir))
    return Tagger.load(folder) if folder is not None else None


def _active_folder(models_dir: Path) -> Path | None:
    try:
        model_id = (models_dir / ACTIVE_FILE).read_text("utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{models_dir / ACTIVE_FILE}: cannot be read ({error})") from error
    if not _is_id(model_id):
        raise ModelError(f"{models_dir / ACTIVE_FILE}: does not hold a model id; run `hexapolis train`")
    return models_dir / model_id


def set_active(models_dir: Path, model_id: str) -> None:
    """Name the model in use; takes effect at once and whole.

    Raises:
        ModelError: no such model is in the folder.
    """
    folder = Path(models_dir)
    if not _is_id(model_id) or not (folder / model_id / CARD_FILE).is_file():
        raise ModelError(f"{folder}: no model {model_id!r}; `hexapolis models` lists them")
    draft = folder / f".{ACTIVE_FILE}.{os.getpid()}"
    try:
        draft.write_text(model_id + "\n", "utf-8")
        draft.replace(folder / ACTIVE_FILE)
    except OSError as error:
        raise ModelError(f"{folder / ACTIVE_FILE}: cannot be written ({error.strerror or error})") from error


def ensure_model(models_dir: Path) -> Tagger:
    """The active model; else the one that the present corpus gives, trained now if it is not there yet.

    Raises:
        ModelError: the folder cannot be written.
        CorpusError: the corpus is broken.
    """
    try:
        active = active_model(models_dir)
    except ModelError as error:
        log.warning("the active model is not usable: %s", error)
        active = None
    if active is not None:
        return active
    items = load_corpus()
    model_id = model_id_for(items)
    try:
        tagger = Tagger.load(Path(models_dir) / model_id)
    except ModelError:
        log.info("no usable model %s yet; training it", model_id)
        tagger = train(items)
        tagger.save(models_dir)
    set_active(models_dir, tagger.model_id)
    return tagger


def ensure_card(models_dir: Path) -> Mapping[str, Any]:
    """The card of the model that `ensure_model` gives, without loading one that is there and whole.

    For a process that has others do the tagging: loading the model costs it more than all else at its start.

    Raises:
        ModelError, CorpusError: as `ensure_model`.
    """
    try:
        folder = _active_folder(Path(models_dir))
        if folder is not None:
            return read_card(folder)
    except ModelError:
        pass  # `ensure_model` says what is wrong
    return ensure_model(models_dir).card


def _is_id(model_id: str) -> bool:
    return model_id.isascii() and model_id.isalnum()
