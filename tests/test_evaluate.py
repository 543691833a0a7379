"""Evaluation: what is counted, what is skipped, and the floor of quality on real texts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from classify.corpus import load_corpus, load_labelled
from classify.evaluate import evaluate, language_of
from classify.train import train
from hexapolis.records import (
    DIMENSIONS,
    CityRole,
    CityTag,
    DimensionScore,
    LabelledText,
    Tagging,
)

DEV = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "labels" / "dev.jsonl"


class Says:
    """A tagger that answers what each text spells out: dimensions by name, `relevant`, and cities after @."""

    model_id = "says"

    def tag_many(self, docs):
        return [self._tag(text) for _, text in docs]

    def _tag(self, text: str) -> Tagging:
        words = text.split()
        cities = tuple(CityTag("0", w[1:], CityRole.SUBJECT) for w in words if w.startswith("@"))
        scores = {d: DimensionScore(float(d in words), 0.5, d in words) for d in DIMENSIONS}
        relevant = "relevant" in words
        return Tagging("says", "1", float(relevant), 0.5, relevant, scores, cities)


def item(number: int, text: str, dims: set[str], **fields) -> LabelledText:
    return LabelledText(str(number), text, frozenset(dims), **fields)


def test_perfect_answers_score_one():
    items = [item(n, d, {d}, language="en") for n, d in enumerate(DIMENSIONS)]
    result = evaluate(Says(), items)
    assert result.macro_f1 == 1.0
    assert all(scores.support == 1 and scores.count == 6 for scores in result.dimensions.values())


def test_precision_and_recall_are_counted():
    items = [item(1, "compute", {"compute"}), item(2, "compute", set()), item(3, "nothing", {"compute"})]
    scores = evaluate(Says(), items).dimensions["compute"]
    assert (scores.precision, scores.recall, scores.f1) == (0.5, 0.5, 0.5)


def test_contested_cells_are_skipped():
    items = [item(1, "compute", {"compute"}), item(2, "compute", set(), contested=frozenset({"compute"}))]
    result = evaluate(Says(), items)
    assert result.dimensions["compute"].precision == 1.0
    assert result.dimensions["compute"].count == 1
    assert result.dimensions["support"].count == 2
    assert result.skipped_cells == 1


def test_macro_f1_is_the_mean_over_the_six():
    items = [item(1, "compute support", {"compute", "support"})]
    assert evaluate(Says(), items).macro_f1 == pytest.approx(2 / 6)


def test_languages_are_told_apart_and_scored_apart():
    items = [item(1, "compute", {"compute"}), item(2, "算力中心 nothing", {"compute"})]
    result = evaluate(Says(), items)
    assert result.by_language_count == {"en": 1, "zh": 1}
    assert result.by_language["en"]["compute"].f1 == 1.0
    assert result.by_language["zh"]["compute"].f1 == 0.0
    assert language_of(item(3, "anything", set(), language="fr")) == "fr"


def test_unlabelled_relevance_is_skipped():
    items = [
        item(1, "relevant", set(), relevant=True),
        item(2, "relevant", set(), relevant=None),
        item(3, "relevant", set(), relevant=False),
    ]
    relevance = evaluate(Says(), items).relevance
    assert (relevance.count, relevance.precision, relevance.recall) == (2, 0.5, 1.0)


def test_subject_cities_are_scored_on_relevant_texts_that_have_them_labelled():
    items = [
        item(1, "@Suzhou @Wuxi", set(), relevant=True, cities=("Suzhou",)),
        item(2, "@Beijing", set(), relevant=False, cities=()),
        item(3, "@Beijing", set(), relevant=True),
    ]
    cities = evaluate(Says(), items).cities
    assert cities is not None
    assert (cities.precision, cities.recall, cities.count) == (0.5, 1.0, 1)
    assert evaluate(Says(), items[2:]).cities is None


def test_result_reads_as_a_table_and_as_json():
    result = evaluate(Says(), [item(1, "compute", {"compute"})])
    assert json.loads(json.dumps(result.as_dict()))["dimensions"]["compute"]["f1"] == 1.0
    table = result.render()
    assert all(d in table for d in DIMENSIONS)
    assert "macro-F1" in table


@pytest.mark.skipif(not DEV.exists(), reason="the labelled development file is not beside the repository")
def test_no_text_of_the_corpus_is_taken_from_the_development_file():
    run = 32  # characters; set phrases are shorter
    pieces = {item.text[n : n + run] for item in load_labelled(DEV) for n in range(len(item.text) - run + 1)}
    for item in load_corpus():
        own = {item.text[n : n + run] for n in range(len(item.text) - run + 1)}
        assert not own & pieces, item.id


@pytest.mark.skipif(not DEV.exists(), reason="the labelled development file is not beside the repository")
def test_real_texts_reach_the_floor():
    result = evaluate(train(load_corpus()), load_labelled(DEV))
    assert result.macro_f1 >= 0.70
    assert result.cities is not None
    assert result.cities.f1 >= 0.8
