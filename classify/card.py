"""What a model's card says: what it was trained on, how it did on unseen texts, and how it decides."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import platform
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.codebook import load_codebook
from classify.corpus import corpus_digest
from classify.evaluate import target_metrics
from classify.features import FORMAT
from classify.lexicon import lexicon_digest
from classify.model_files import TARGETS, Parts
from classify.reliability import reliability_rows
from hexapolis.records import DIMENSIONS, LabelledText

_LIBRARIES = ("scikit-learn", "numpy", "scipy", "skops", "opencc")


def make_card(
    items: Sequence[LabelledText],
    truth: NDArray[np.bool_],
    known: NDArray[np.bool_],
    languages: NDArray[np.str_],
    probability: NDArray[np.float64],
    parts: Parts,
) -> dict[str, Any]:
    """Everything but the id and the parameters.

    Args:
        items: the training texts.
        truth: one row a text, one column a target: its label.
        known: the same shape: whether it has one.
        languages: of each text.
        probability: the same shape: what models answered that had not seen the text, nor their calibration.
        parts: of the model.
    """
    present = sorted(set(languages.tolist()))
    metrics: dict[str, Any] = {}
    for column, target in enumerate(TARGETS):
        limits = np.array([parts.thresholds[target][language] for language in languages])
        rows = {"all": known[:, column]} | {n: known[:, column] & (languages == n) for n in present}
        metrics[target] = {
            name: _figures(truth[mask, column], probability[mask, column], limits[mask])
            for name, mask in rows.items()
        }
    counts = {
        name: {
            "texts": int(np.sum(languages == name)),
            "relevant": int(truth[languages == name, -1].sum()),
            **{d: int(truth[languages == name, n].sum()) for n, d in enumerate(DIMENSIONS)},
        }
        for name in present
    }
    return {
        "created_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "format": FORMAT,
        "codebook_version": load_codebook().version,
        "lexicon_digest": lexicon_digest(),
        "data": {"texts": len(items), "digest": corpus_digest(items), "by_language": counts},
        "libraries": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in _LIBRARIES},
        },
        "thresholds": {target: dict(limits) for target, limits in parts.thresholds.items()},
        "calibration": {
            target: {language: list(line) for language, line in lines.items()}
            for target, lines in parts.calibration.items()
        },
        "held_out": metrics,
        "held_out_macro_f1": round(float(np.mean([metrics[d]["all"]["f1"] for d in DIMENSIONS])), 4),
    }


def _figures(
    truth: NDArray[np.bool_], probability: NDArray[np.float64], limits: NDArray[np.float64]
) -> dict[str, Any]:
    """The scores of one target, with its reliability table."""
    return {
        **target_metrics(truth, probability, limits),
        "reliability": reliability_rows(truth, probability),
    }
