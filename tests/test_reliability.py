"""Reliability tables and calibration error: what they promise for any labels and probabilities."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classify.reliability import (
    Bin,
    around_threshold,
    expected_calibration_error,
    reliability,
    reliability_rows,
)

# A coarse grid beside any number, so that equal probabilities with unlike labels are common.
probabilities = st.one_of(st.floats(0, 1), st.integers(0, 5).map(lambda n: n / 5))
cells = st.lists(st.tuples(st.booleans(), probabilities), min_size=1, max_size=120)


def split(pairs):
    return [truth for truth, _ in pairs], [value for _, value in pairs]


def draw(size: int, seed: int = 7):
    """Probabilities, and labels that come true exactly as often as they say."""
    random = np.random.default_rng(seed)
    stated = random.beta(0.4, 1.2, size)
    return random.random(size) < stated, stated


# --- calibration error --------------------------------------------------------------------------------------


@given(cells)
def test_the_error_lies_between_0_and_1(pairs):
    assert 0 <= expected_calibration_error(*split(pairs)) <= 1


def test_the_extremes_are_reached():
    assert expected_calibration_error([True, False] * 30, [1.0, 0.0] * 30) == 0
    assert expected_calibration_error([True, False] * 30, [0.0, 1.0] * 30) == 1


def test_perfect_calibration_is_about_0():
    assert expected_calibration_error(*draw(200_000)) < 0.004


@pytest.mark.parametrize("shift", [-0.1, 0.05, 0.2])
def test_a_constant_shift_is_the_error(shift):
    truth, stated = draw(200_000)
    inside = (stated > 0.2) & (stated < 0.8)
    error = expected_calibration_error(truth[inside], stated[inside] + shift)
    assert error == pytest.approx(abs(shift), abs=0.005)


def test_overconfidence_is_seen_though_the_mean_is_right():
    truth = [True] * 75 + [False] * 25 + [True] * 25 + [False] * 75
    stated = [0.95] * 100 + [0.05] * 100
    assert np.mean(truth) == pytest.approx(np.mean(stated))
    assert expected_calibration_error(truth, stated) == pytest.approx(0.2)


@given(cells, st.randoms(use_true_random=False))
def test_the_order_of_the_texts_does_not_matter(pairs, random):
    shuffled = list(pairs)
    random.shuffle(shuffled)
    assert reliability(*split(shuffled)) == reliability(*split(pairs))
    assert expected_calibration_error(*split(shuffled)) == expected_calibration_error(*split(pairs))


@given(cells)
def test_the_error_is_the_formula_over_the_table(pairs):
    table = reliability(*split(pairs))
    formula = sum(b.count / len(pairs) * abs(b.share - b.mean_probability) for b in table)
    assert expected_calibration_error(*split(pairs)) == pytest.approx(formula)


def test_a_case_worked_by_hand():
    truth, stated = [False, True, True, True], [0.1, 0.3, 0.8, 0.6]
    assert reliability(truth, stated, bins=2) == [Bin(0.2, 0.5, 2), Bin(pytest.approx(0.7), 1.0, 2)]
    assert expected_calibration_error(truth, stated, bins=2) == pytest.approx((2 * 0.3 + 2 * 0.3) / 4)


def test_ten_bins_are_the_default():
    assert [one.count for one in reliability(*draw(1000))] == [100] * 10
    assert expected_calibration_error(*draw(1000)) == expected_calibration_error(*draw(1000), bins=10)


# --- table --------------------------------------------------------------------------------------------------


@given(cells, st.integers(1, 15))
def test_bins_have_equal_counts_and_lose_nothing(pairs, bins):
    truth, stated = split(pairs)
    table = reliability(truth, stated, bins)
    counts = [one.count for one in table]
    assert len(table) == min(bins, len(pairs))
    assert max(counts) - min(counts) <= 1
    assert sum(counts) == len(pairs)
    assert sum(one.share * one.count for one in table) == pytest.approx(sum(truth))
    assert sum(one.mean_probability * one.count for one in table) == pytest.approx(sum(stated))
    assert [one.mean_probability for one in table] == pytest.approx(
        sorted(one.mean_probability for one in table)
    )


def test_texts_of_one_probability_share_their_labels_evenly():
    table = reliability([True] * 25 + [False] * 75, [0.25] * 100)
    assert table == [Bin(0.25, 0.25, 10)] * 10


def test_the_card_gets_plain_rounded_values():
    rows = reliability_rows(np.array([True, False, False]), np.array([0.2, 1 / 3, 0.1]), bins=1)
    assert rows == [{"mean_probability": 0.2111, "share": 0.3333, "count": 3}]
    assert json.loads(json.dumps(rows)) == rows


def test_nothing_measured_is_told_apart_from_nothing_wrong():
    assert reliability([], []) == []
    assert expected_calibration_error([], []) is None


@pytest.mark.parametrize(
    ("truth", "stated", "bins", "words"),
    [
        ([True], [0.1, 0.2], 10, "1 labels, but 2 probabilities"),
        ([True], [1.5], 10, "between 0 and 1"),
        ([True], [float("nan")], 10, "between 0 and 1"),
        ([True], [0.5], 0, "less than one"),
    ],
)
def test_what_cannot_be_measured_is_refused(truth, stated, bins, words):
    with pytest.raises(ValueError, match=words):
        reliability(truth, stated, bins)


# --- band ---------------------------------------------------------------------------------------------------


def test_the_band_holds_both_its_ends():
    distance = [0.6 - 0.5, 0.3 - 0.4, 0.601 - 0.5, 0.399 - 0.5]  # 0.3 - 0.4 is beyond -0.1 in binary
    band = around_threshold([True, False, True, True], distance)
    assert (band.cells, band.inside, band.share_inside) == (4, 2, 0.5)
    assert (band.accuracy_inside, band.accuracy_outside) == (0.5, 1.0)


def test_a_band_without_answers_has_no_accuracy():
    assert around_threshold([True], [0.3]).accuracy_inside is None
    assert around_threshold([True], [0.0]).accuracy_outside is None
    assert around_threshold([], []).share_inside is None


@given(st.lists(st.tuples(st.booleans(), st.floats(-1, 1)), min_size=1), st.floats(0, 1))
def test_inside_and_outside_make_up_the_whole(pairs, width):
    right, distance = split(pairs)
    band = around_threshold(right, distance, width)
    inside = band.inside * (band.accuracy_inside or 0)
    outside = (band.cells - band.inside) * (band.accuracy_outside or 0)
    assert inside + outside == pytest.approx(sum(right))
