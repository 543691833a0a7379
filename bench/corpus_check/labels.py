"""Labels that look wrong: where models that have not seen a text disagree with it, the surest first.

The folds, features and learners are those of training (`classify/train.py`); texts that are nearly the same
share a fold. Most of what stands here is right and hard: a list for a person who reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.corpus_check.entries import Entry, Finding
from classify import train
from classify.evaluate import target_metrics
from classify.model_files import TARGETS
from classify.scoring import logistic


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What cross-validation found."""

    disagreements: tuple[Finding, ...]  # one a cell, the surest first
    metrics: Mapping[str, tuple[float, float]]  # F1 and average precision of each target

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the dimensions, without relevance."""
        return float(np.mean([self.metrics[target][0] for target in TARGETS[:-1]]))


def cross_validate(entries: Sequence[Entry], *, seed: int = 0, least: float = 0.6) -> HeldOut:
    """Disagreements of at least the given confidence; takes about half a minute of one core.

    Args:
        entries: the texts; all of the corpus, or figures mean little.
        seed: of folds and learners.
        least: probability that the held-out model gives to the opposite of the label.

    Raises:
        CorpusError: a target has too few texts with or without it.
    """
    items = sorted((entry.item for entry in entries), key=lambda item: item.id)
    data = train._Data(items, {})
    held_out = train._held_out(data, train._folds(data, seed), seed)
    metrics: dict[str, tuple[float, float]] = {}
    cells: list[tuple[float, str, str]] = []
    for column, target in enumerate(TARGETS):
        known = data.known[:, column]
        truth, scores = data.truth[:, column], held_out.scores[:, column]
        slope, shift = train.calibrate(scores[known], truth[known])
        probability = logistic(slope * scores + shift)
        limit = train.best_threshold(truth[known], probability[known])
        figures = target_metrics(truth[known], probability[known], limit)
        metrics[target] = (float(figures["f1"] or 0), float(figures["average_precision"] or 0))
        against = np.where(truth, 1 - probability, probability)
        for row in np.flatnonzero(known & (against >= least)).tolist():
            said = "yes" if truth[row] else "no"
            cells.append((float(against[row]), items[row].id, f"{target}: labelled {said}"))
    cells.sort(key=lambda cell: (-cell[0], cell[1], cell[2]))
    findings = [Finding("label", (name,), f"{what}, {sure:.3f} against it") for sure, name, what in cells]
    return HeldOut(tuple(findings), metrics)
