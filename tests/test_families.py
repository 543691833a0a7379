"""The comparison of model families: thresholds come from other folds, and only what is held out counts."""

from __future__ import annotations

import numpy as np
import pytest

from bench.families import (
    Result,
    answers,
    fit,
    fit_lines,
    held_out_f1,
    held_out_scores,
    macro_f1,
    prepare,
    row,
)
from bench.families_learners import FAMILIES, Block, Family, each_target, keywords
from classify.corpus import load_corpus
from classify.train import _folds
from hexapolis.records import DIMENSIONS, LabelledText


@pytest.fixture(scope="module")
def some():
    """Every tenth text of the corpus: both languages, every dimension."""
    items = sorted(load_corpus(), key=lambda item: item.id)[::10]
    data, scored = prepare(items)
    return data, scored, _folds(data, 0)


def named(part: str) -> Family:
    (family,) = (one for one in FAMILIES if part in one.name)
    return family


def test_learning_from_words_beats_the_same_answer_for_every_text(some):
    data, scored, folds = some
    found = {
        part: held_out_f1(family, data, held_out_scores(family, data, scored, folds), folds)
        for part in ("same answer", "regression, lexicon and n-grams")
        for family in [named(part)]
    }
    for language in ("zh", "en"):
        assert found["same answer"][language] < 0.45
        assert found["regression, lexicon and n-grams"][language] > found["same answer"][language] + 0.2


def test_only_the_folds_that_a_family_holds_out_are_scored_and_never_by_what_has_seen_them(some):
    data, scored, folds = some
    seen: list[int] = []

    def learn(features, truth, known):
        seen.append(features.shape[0])
        return lambda units: np.full((units.shape[0], truth.shape[1]), float(len(seen)))

    scores = held_out_scores(Family("probe", Block.LEXICON, learn, folds=2), data, scored, folds)
    assert seen == [int(np.sum(folds != 0)), int(np.sum(folds != 1))]
    assert np.isnan(scores[folds >= 2]).all()
    for number in (0, 1):
        values = scores[folds == number]
        assert set(values[np.isfinite(values)].tolist()) == {number + 1.0}


def test_a_fold_is_answered_with_thresholds_of_the_others(some):
    """Scores that tell everything in one fold and the opposite in the other: own thresholds would score 1."""
    data, _, folds = some
    truth = data.truth[:, : len(DIMENSIONS)]
    scores = np.where(truth == (folds == 0)[:, None], 1.0, -1.0)
    scores[folds >= 2] = np.nan
    family = Family("probe", Block.LEXICON, each_target(lambda: None), folds=2)
    assert max(held_out_f1(family, data, scores, folds).values()) < 0.5
    agreeing = np.where(truth, 1.0, -1.0)
    assert held_out_f1(family, data, agreeing, folds) == {"zh": 1.0, "en": 1.0}


def test_a_keyword_needs_ai_beside_it():
    texts = ["全市人工智能算力规模居全国前列。", "全市引进博士二百人。", "人工智能人才引进博士二百人。"]
    data, scored = prepare([LabelledText(str(n), text, frozenset()) for n, text in enumerate(texts)])
    family = Family("list", Block.LEXICON, keywords, calibrated=False)
    vocabulary, score = fit(family, data, np.arange(3))
    said = answers(scored.scores(family.block, vocabulary, score, np.arange(3)), data.languages, None)
    carried = [{d for d, yes in zip(DIMENSIONS, line, strict=True) if yes} for line in said]
    assert "compute" in carried[0]
    assert carried[1] == set()
    assert "data_talent" in carried[2]


def test_macro_f1_leaves_out_what_is_not_known():
    said = np.array([[True, False], [True, True]])
    truth = np.array([[True, False], [False, True]])
    known = np.array([[True, True], [False, True]])
    assert macro_f1(said, truth, known) == 1.0
    assert macro_f1(said, truth, np.ones_like(known)) == pytest.approx((2 / 3 + 1) / 2)


def test_a_text_without_anything_to_score_carries_nothing():
    truth = np.array([[n % 2 == 0] * len(DIMENSIONS) for n in range(200)])
    languages = np.array(["zh", "zh", "en", "en"] * 50)
    scores = np.where(truth, 1.0, -1.0)
    lines = fit_lines(scores, truth, np.ones_like(truth), languages)
    empty = np.full((2, len(DIMENSIONS)), -np.inf)
    assert not answers(empty, np.array(["zh", "en"]), lines).any()
    assert (answers(scores, languages, lines) == truth).all()


def test_the_table_says_how_many_folds_were_held_out():
    line = row(Result("trees", 2, {"zh": 0.5, "en": 0.25}, None, 1.0, 2.0))
    assert line == "| trees | 2 of 5 | 0.50 | 0.25 | - | 1.0 | 2.0 |"


def test_there_are_six_families_or_more_with_names_of_their_own():
    assert len({family.name for family in FAMILIES}) == len(FAMILIES) >= 6
    assert all(2 <= family.folds <= 5 for family in FAMILIES)
