"""How far probabilities can be believed: reliability tables, calibration error, and the band of doubt.

A probability of 0.7 is calibrated when seven of ten such texts are a yes. Pure functions over labels and
probabilities; nothing here knows a model or changes a probability.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 10

BAND = 0.1
"""Half the width of the band of doubt around a threshold, in probability."""

_ROUNDING = 1e-9  # so that 0.3 is 0.1 from 0.4 in binary arithmetic, too


@dataclass(frozen=True, slots=True)
class Bin:
    """Texts of like probability: what was promised and what came true."""

    mean_probability: float
    share: float  # of the texts whose label is yes
    count: int


@dataclass(frozen=True, slots=True)
class Band:
    """Right answers near the threshold and away from it; None where there are no answers."""

    cells: int  # answers that have a label
    inside: int  # of these, near their threshold
    share_inside: float | None
    accuracy_inside: float | None
    accuracy_outside: float | None


def reliability(truth: ArrayLike, probability: ArrayLike, bins: int = BINS) -> list[Bin]:
    """Texts in the order of their probability, cut into bins of equal count.

    The counts of two bins differ by one at most; with fewer texts than `bins` each text is a bin. Texts of
    one probability that fall into two bins share their labels evenly, so their order never matters.

    Raises:
        ValueError: the lengths differ, a probability is not in [0, 1], or there is to be less than one bin.
    """
    labels, values = _checked(truth, probability)
    if bins < 1:
        raise ValueError(f"bins: {bins} is less than one")
    if not len(values):
        return []
    distinct, group = np.unique(values, return_inverse=True)
    yes_share = np.bincount(group, weights=labels) / np.bincount(group)
    order = np.sort(group)
    return [
        Bin(float(distinct[part].mean()), float(yes_share[part].mean()), len(part))
        for part in np.array_split(order, min(bins, len(order)))
    ]


def expected_calibration_error(truth: ArrayLike, probability: ArrayLike, bins: int = BINS) -> float | None:
    """Mean distance, over bins of equal count, between the share of yes and the mean probability.

    ECE = sum over bins b of n_b / n * |share of yes in b - mean probability of b|, with the bins of
    `reliability`: 0 is perfect, 1 the worst, None without texts. Chance alone keeps it above 0, the more so
    the fewer the texts, even where the probabilities are right.

    Raises:
        ValueError: as `reliability`.
    """
    table = reliability(truth, probability, bins)
    if not table:
        return None
    total = sum(one.count for one in table)
    return sum(one.count * abs(one.share - one.mean_probability) for one in table) / total


def reliability_rows(
    truth: ArrayLike, probability: ArrayLike, bins: int = BINS
) -> list[dict[str, float | int]]:
    """`reliability` as plain values, rounded to four digits, for a model card."""
    return [
        {name: round(value, 4) for name, value in asdict(one).items()}
        for one in reliability(truth, probability, bins)
    ]


def around_threshold(right: ArrayLike, distance: ArrayLike, width: float = BAND) -> Band:
    """How often answers are right within `width` of their threshold (both ends included) and beyond it.

    Args:
        right: whether each answer agrees with its label.
        distance: of each probability from its threshold, of either sign.
        width: half the width of the band, in probability.
    """
    correct = np.asarray(right, dtype=bool)
    near = np.abs(np.asarray(distance, dtype=np.float64)) <= width + _ROUNDING
    return Band(
        cells=len(correct),
        inside=int(near.sum()),
        share_inside=_mean(near),
        accuracy_inside=_mean(correct[near]),
        accuracy_outside=_mean(correct[~near]),
    )


def _mean(values: NDArray[np.bool_]) -> float | None:
    return float(values.mean()) if len(values) else None


def _checked(truth: ArrayLike, probability: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    labels = np.asarray(truth, dtype=bool).astype(np.float64).ravel()
    values = np.asarray(probability, dtype=np.float64).ravel()
    if len(labels) != len(values):
        raise ValueError(f"{len(labels)} labels, but {len(values)} probabilities")
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("a probability is not between 0 and 1")
    return labels, values
