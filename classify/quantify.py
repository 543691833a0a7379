"""How large a share of texts really carries a dimension, given a classifier that errs.

The share of *tagged* texts is biased: with a true share of 10 %, a sensitivity of 0.8 and a false-alarm rate
of 0.05 it is 12.5 %. Two estimates put that right. Adjusted count solves observed = share * sensitivity +
(1 - share) * false-alarm rate (Gart and Buck 1966; Forman 2008). Expectation-maximisation shifts the prior of
calibrated probabilities until it agrees with their mean (Saerens, Latinne and Decaestecker 2002). Which texts
are counted together is decided elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS = 1000
"""Bootstrap samples behind an interval."""

CARD_WEIGHT = 100.0
"""Texts that a card's held-out figures count for at most beside audited ones. They come from authored texts,
so a few hundred audited articles must be able to outvote thousands of them."""

MIN_SEPARATION = 0.1
"""Sensitivity less false-alarm rate below which a classifier says too little for an adjusted count."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often a classifier was right about texts whose label is known; weighted counts."""

    hits: float
    misses: float
    false_alarms: float
    rejections: float  # texts without the label, and not tagged

    def __add__(self, other: Confusion) -> Confusion:
        return Confusion(
            self.hits + other.hits,
            self.misses + other.misses,
            self.false_alarms + other.false_alarms,
            self.rejections + other.rejections,
        )

    @property
    def total(self) -> float:
        """All texts."""
        return self.hits + self.misses + self.false_alarms + self.rejections

    @property
    def sensitivity(self) -> float:
        """Share of texts with the label that are tagged; with one half text added to each count."""
        return (self.hits + 0.5) / (self.hits + self.misses + 1.0)

    @property
    def false_alarm_rate(self) -> float:
        """Share of texts without the label that are tagged; with one half text added to each count."""
        return (self.false_alarms + 0.5) / (self.false_alarms + self.rejections + 1.0)

    def at_most(self, total: float) -> Confusion:
        """The same rates from fewer texts; unchanged when there are no more than `total`."""
        part = min(1.0, total / self.total) if self.total else 1.0
        return Confusion(
            self.hits * part, self.misses * part, self.false_alarms * part, self.rejections * part
        )


@dataclass(frozen=True, slots=True)
class Share:
    """An estimated share of texts with its 95 % interval; all from 0 to 1."""

    share: float
    low: float
    high: float


def confusion_of_metrics(metrics: Mapping[str, Any]) -> Confusion:
    """The counts behind the figures of one target in a model card (`precision, recall, support, count`)."""
    support, count = float(metrics["support"]), float(metrics["count"])
    hits = float(metrics["recall"]) * support
    precision = float(metrics["precision"])
    false_alarms = hits / precision - hits if precision else 0.0
    return Confusion(hits, support - hits, false_alarms, max(0.0, count - support - false_alarms))


def confusion_of_audit(labels: Sequence[bool], tagged: Sequence[bool]) -> Confusion:
    """The counts of audited texts: what a reviewer says, and what the model said."""
    truth, answer = np.asarray(labels, dtype=bool), np.asarray(tagged, dtype=bool)
    if truth.shape != answer.shape:
        raise ValueError("there must be one answer for each label")
    return Confusion(
        float(np.sum(truth & answer)),
        float(np.sum(truth & ~answer)),
        float(np.sum(~truth & answer)),
        float(np.sum(~truth & ~answer)),
    )


def error_rates(card: Confusion, audit: Confusion | None = None) -> Confusion:
    """What is known of a classifier's errors: the card's figures, and audited texts that outweigh them."""
    return card.at_most(CARD_WEIGHT) + audit if audit is not None and audit.total else card


def rate_estimator(
    held_out: Mapping[str, Any], audited: Iterable[tuple[str, str, bool, bool]] = ()
) -> Callable[[str, str, int, int], tuple[float, float, float] | None]:
    """Adjusted counts by dimension and language.

    Args:
        held_out: a model card's `held_out`: dimension, then language, then figures.
        audited: of each audited text and dimension: dimension, language, whether it carries it, whether it
            was tagged.

    Returns:
        A function from dimension, language, tagged texts and all texts to a share and its 95 % interval; it
        gives None where the card knows no figures, or the classifier hardly tells the texts apart.
    """
    answers: defaultdict[tuple[str, str], list[tuple[bool, bool]]] = defaultdict(list)
    for dimension, language, carried, tagged in audited:
        answers[dimension, language].append((carried, tagged))

    @cache
    def errors(dimension: str, language: str) -> Confusion | None:
        metrics = held_out.get(dimension, {}).get(language)
        if metrics is None:
            return None
        pairs = answers[dimension, language]
        audit = confusion_of_audit([c for c, _ in pairs], [t for _, t in pairs])
        return error_rates(confusion_of_metrics(metrics), audit)

    def estimate(dimension: str, language: str, tagged: int, count: int) -> tuple[float, float, float] | None:
        known = errors(dimension, language)
        found = adjusted_share(tagged, count, known) if known is not None else None
        return (found.share, found.low, found.high) if found is not None else None

    return estimate


def adjusted_share(tagged: int, count: int, errors: Confusion, *, seed: int = 0) -> Share | None:
    """The share of texts that carry a label, from how many were tagged.

    The interval holds the chance in the texts and in the error rates: both are drawn anew `DRAWS` times (a
    binomial count; beta-distributed rates).

    Args:
        tagged: texts that the classifier tagged.
        count: all texts.
        errors: how it errs, from texts whose label is known.
        seed: of the draws; the same arguments give the same interval.

    Returns:
        None without texts, or when the classifier hardly tells texts with the label from those without.

    Raises:
        ValueError: more texts tagged than there are.
    """
    if not 0 <= tagged <= count:
        raise ValueError(f"{tagged} of {count} texts cannot be tagged")
    if not count or errors.sensitivity - errors.false_alarm_rate < MIN_SEPARATION:
        return None
    random = np.random.default_rng(seed)
    observed = random.binomial(count, (tagged + 0.5) / (count + 1), DRAWS) / count
    sensitivity = random.beta(errors.hits + 0.5, errors.misses + 0.5, DRAWS)
    false_alarms = random.beta(errors.false_alarms + 0.5, errors.rejections + 0.5, DRAWS)
    apart = np.maximum(sensitivity - false_alarms, MIN_SEPARATION)
    low, high = np.percentile(np.clip((observed - false_alarms) / apart, 0, 1), [2.5, 97.5])
    share = (tagged / count - errors.false_alarm_rate) / (errors.sensitivity - errors.false_alarm_rate)
    share = min(1.0, max(0.0, share))
    return Share(share, min(share, float(low)), max(share, float(high)))


def expected_share(probabilities: ArrayLike, prior: float, *, seed: int = 0) -> Share | None:
    """The share of texts that carry a label, from calibrated probabilities.

    The interval holds the chance in the texts only (they are drawn anew `DRAWS` times), not that of the
    calibration.

    Args:
        probabilities: one for each text, right for texts of which `prior` carry the label.
        prior: between 0 and 1, both excluded.
        seed: of the draws.

    Returns:
        None without texts.

    Raises:
        ValueError: a probability or the prior is out of range.
    """
    values = np.asarray(probabilities, dtype=np.float64).ravel()
    if not 0 < prior < 1 or np.any(~((values >= 0) & (values <= 1))):
        raise ValueError("probabilities must lie between 0 and 1, and the prior inside")
    if not len(values):
        return None
    found, counts = np.unique(values, return_counts=True)
    draws = np.random.default_rng(seed).multinomial(len(values), counts / len(values), DRAWS)
    share = float(_settled_priors(found, counts[None, :] / len(values), prior)[0])
    blocks = np.array_split(draws / len(values), DRAWS // 50)  # all at once would take much memory
    low, high = np.percentile(
        np.concatenate([_settled_priors(found, block, prior) for block in blocks]), [2.5, 97.5]
    )
    return Share(share, min(share, float(low)), max(share, float(high)))


def _settled_priors(
    values: NDArray[np.float64], weights: NDArray[np.float64], prior: float
) -> NDArray[np.float64]:
    """For each row of weights, the prior that the shifted probabilities agree with."""
    shares = np.full(len(weights), prior)
    for _ in range(500):
        with_label = values[None, :] * (shares / prior)[:, None]
        without = (1 - values)[None, :] * ((1 - shares) / (1 - prior))[:, None]
        total = with_label + without
        shifted = np.divide(with_label, total, out=np.zeros_like(total), where=total > 0)
        moved: NDArray[np.float64] = np.sum(weights * shifted, axis=1)
        settled = float(np.max(np.abs(moved - shares))) < 1e-6
        shares = moved
        if settled:
            break
    return shares
