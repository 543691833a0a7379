"""Estimated shares: right on average where counting tags is wrong, with intervals that hold what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classify.evaluate import target_metrics
from classify.quantify import (
    CARD_WEIGHT,
    Confusion,
    adjusted_share,
    confusion_of_audit,
    confusion_of_metrics,
    error_rates,
    expected_share,
)

ERRORS = Confusion(hits=400, misses=100, false_alarms=75, rejections=1425)  # 0.80 and 0.05


def tagged_count(random: np.random.Generator, count: int, share: float) -> int:
    carries = random.random(count) < share
    return int(np.sum(random.random(count) < np.where(carries, 0.80, 0.05)))


@pytest.mark.parametrize("share", [0.05, 0.1, 0.3, 0.6])
def test_an_adjusted_share_is_nearer_than_the_count_of_tags(share: float) -> None:
    random = np.random.default_rng(1)
    counts = [tagged_count(random, 400, share) for _ in range(100)]
    raw = float(np.mean(counts)) / 400
    estimates = [adjusted_share(count, 400, ERRORS) for count in counts]
    adjusted = float(np.mean([one.share for one in estimates if one is not None]))
    assert abs(adjusted - share) < min(0.02, abs(raw - share))
    held = sum(one.low <= share <= one.high for one in estimates if one is not None)
    assert held >= 90  # of 100 intervals that promise 95 %


def test_an_interval_narrows_with_texts_and_with_what_is_known_of_the_errors() -> None:
    def width(count: int, errors: Confusion) -> float:
        found = adjusted_share(count // 5, count, errors)
        assert found is not None
        return found.high - found.low

    few = Confusion(16, 4, 3, 57)
    assert width(2000, ERRORS) < width(100, ERRORS) < width(100, few)


@given(st.integers(0, 60), st.integers(0, 60), *[st.floats(0, 500)] * 4)
def test_an_adjusted_share_is_a_share(tagged: int, more: int, a: float, b: float, c: float, d: float) -> None:
    found = adjusted_share(tagged, tagged + more, Confusion(a, b, c, d))
    if found is not None:
        assert 0 <= found.low <= found.share <= found.high <= 1


def test_what_cannot_be_estimated_is_not() -> None:
    assert adjusted_share(0, 0, ERRORS) is None
    assert adjusted_share(3, 10, Confusion(50, 50, 50, 50)) is None  # no better than a coin
    assert expected_share([], 0.2) is None
    with pytest.raises(ValueError, match="11 of 10"):
        adjusted_share(11, 10, ERRORS)
    for probabilities, prior in (([1.2], 0.5), ([float("nan")], 0.5), ([0.5], 0.0), ([0.5], 1.0)):
        with pytest.raises(ValueError, match="between 0 and 1"):
            expected_share(probabilities, prior)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_probabilities_made_for_another_share_are_shifted(share: float) -> None:
    """Scores of two normal distributions; the probabilities are right where 30 % carry the label."""
    random = np.random.default_rng(2)
    shares, means, held = [], [], 0
    for _ in range(20):
        carries = random.random(300) < share
        odds = np.exp(2 * random.normal(np.where(carries, 1.0, -1.0))) * 0.3 / 0.7
        found = expected_share(odds / (1 + odds), 0.3)
        assert found is not None
        shares.append(found.share)
        means.append(float(np.mean(odds / (1 + odds))))
        held += found.low <= share <= found.high
    assert abs(float(np.mean(shares)) - share) < 0.02
    assert abs(float(np.mean(means)) - share) > 0.03  # the mean of the probabilities is off
    assert held >= 17  # of 20 intervals that promise 95 %


def test_sure_probabilities_are_counted() -> None:
    found = expected_share([1.0] * 30 + [0.0] * 70, 0.5)
    assert found is not None
    assert found.share == pytest.approx(0.3)
    assert found.low < 0.3 < found.high


def test_a_cards_figures_give_back_the_counts() -> None:
    truth = np.array([True] * 50 + [False] * 150)
    probability = np.array([0.9] * 40 + [0.1] * 10 + [0.8] * 15 + [0.2] * 135)
    counts = confusion_of_metrics(target_metrics(truth, probability, 0.5))
    assert [round(n) for n in (counts.hits, counts.misses, counts.false_alarms, counts.rejections)] == [
        *(40, 10, 15, 135)
    ]
    assert confusion_of_metrics({"precision": 0.0, "recall": 0.0, "support": 5, "count": 20}) == Confusion(
        0, 5, 0, 15
    )


def test_audited_texts_outweigh_the_card() -> None:
    audit = confusion_of_audit([True] * 100 + [False] * 300, [True] * 50 + [False] * 50 + [False] * 300)
    assert audit == Confusion(50, 50, 0, 300)
    both = error_rates(ERRORS, audit)
    assert both.total == pytest.approx(CARD_WEIGHT + 400)
    assert both.sensitivity < 0.6  # the card says 0.8, the audit 0.5
    assert error_rates(ERRORS) == ERRORS
    assert error_rates(ERRORS, confusion_of_audit([], [])) == ERRORS
    with pytest.raises(ValueError, match="one answer"):
        confusion_of_audit([True], [])


@given(st.integers(20, 400), st.data())
def test_a_classifier_that_never_errs_is_taken_at_its_word(count: int, data: st.DataObject) -> None:
    tagged = data.draw(st.integers(0, count))
    found = adjusted_share(tagged, count, Confusion(1e6, 0, 0, 1e6))
    assert found is not None
    assert found.share == pytest.approx(tagged / count, abs=1e-5)


@given(st.integers(1, 300), st.data())
def test_more_tagged_texts_never_lower_the_share(count: int, data: st.DataObject) -> None:
    fewer = data.draw(st.integers(0, count - 1))
    shares = [adjusted_share(tagged, count, ERRORS) for tagged in (fewer, fewer + 1)]
    assert shares[0] is not None
    assert shares[1] is not None
    assert shares[0].share <= shares[1].share


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_intervals_hold_the_truth_as_often_as_they_say(share: float) -> None:
    """Texts and known error rates are drawn anew in each trial; 95 % of 400 is 380, its deviation 4.4."""
    random = np.random.default_rng(3)
    held = 0
    for _ in range(400):
        hits, alarms = int(random.binomial(500, 0.80)), int(random.binomial(1500, 0.05))
        found = adjusted_share(
            tagged_count(random, 200, share), 200, Confusion(hits, 500 - hits, alarms, 1500 - alarms)
        )
        assert found is not None
        held += found.low <= share <= found.high
    assert 367 <= held <= 393, held  # three deviations either way
