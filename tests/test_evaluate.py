"""Evaluation: what is counted, what is skipped, and the floor of quality on real texts."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from classify.corpus import load_corpus, load_labelled
from classify.evaluate import evaluate, language_of, target_metrics
from classify.mistakes import QUOTE_LENGTH, Kind, Quoted, shorten
from classify.train import train
from hexapolis.__main__ import app
from hexapolis.errors import InputFileError
from hexapolis.records import (
    DIMENSIONS,
    CityRole,
    CityTag,
    DimensionScore,
    Evidence,
    LabelledText,
    Passage,
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


class Believes:
    """A tagger that reads its probabilities from the text, such as `compute=0.8`; each line is a passage.

    The title and each line are scored; the highest counts. The threshold is 0.5 throughout.
    """

    model_id = "believes"

    def tag_many(self, docs):
        return [self._tag(title or "", text) for title, text in docs]

    def _tag(self, title: str, text: str) -> Tagging:
        lines = [(m.start(), m.end(), self._read(m.group())) for m in re.finditer(r"[^\n]+", text)]
        beliefs = [self._read(title), *(found for _, _, found in lines)]
        overall = {name: max(one[name] for one in beliefs) for name in (*DIMENSIONS, "relevance")}
        scores = {
            d: DimensionScore(
                overall[d],
                0.5,
                overall[d] >= 0.5,
                tuple(Evidence(start, end, one[d]) for start, end, one in lines if one[d] >= 0.5),
            )
            for d in DIMENSIONS
        }
        relevance = overall["relevance"]
        passages = tuple(Passage(start, end) for start, end, _ in lines)
        return Tagging("believes", "1", relevance, 0.5, relevance >= 0.5, scores, (), passages)

    @staticmethod
    def _read(text: str) -> dict[str, float]:
        said = dict(re.findall(r"(\w+)=([\d.]+)", text))
        return {name: float(said.get(name, 0)) for name in (*DIMENSIONS, "relevance")}


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


def test_relevance_is_scored_by_language():
    items = [
        item(1, "relevant", set(), relevant=True, language="en"),
        item(2, "nothing", set(), relevant=True, language="zh"),
    ]
    result = evaluate(Says(), items)
    assert {name: scores.recall for name, scores in result.relevance_by_language.items()} == {
        "en": 1.0,
        "zh": 0.0,
    }


def test_calibration_error_is_told_for_each_question():
    items = [item(n, "compute=0.7 support=1 relevance=0.2", {"compute"}, relevant=False) for n in range(20)]
    result = evaluate(Believes(), items)
    assert result.dimensions["compute"].ece == pytest.approx(0.3)
    assert result.dimensions["support"].ece == 1.0
    assert result.dimensions["industry"].ece == 0.0
    assert result.relevance.ece == pytest.approx(0.2)
    assert [(one.share, one.count) for one in result.reliability["compute"]] == [(1.0, 2)] * 10


def test_contested_cells_do_not_enter_calibration_band_or_errors():
    items = [item(1, "compute=0.55", set(), contested=frozenset({"compute"}))]
    result = evaluate(Believes(), items)
    assert result.dimensions["compute"].ece is None
    assert result.band["compute"].cells == 0
    assert result.errors == ()
    assert result.error_count == 0
    assert result.false_alarms["compute"].count == 0


def test_target_metrics_are_rounded_and_have_the_calibration_error():
    metrics = target_metrics(np.array([True, False, False]), np.array([0.9, 0.6, 1 / 3]), 0.5)
    assert metrics == {
        "precision": 0.5,
        "recall": 1.0,
        "f1": 0.6667,
        "support": 1,
        "count": 3,
        "average_precision": 1.0,
        "ece": 0.3444,
    }


# --- interval -----------------------------------------------------------------------------------------------


def mixed(count: int) -> list[LabelledText]:
    """Texts of which one in four is answered wrong, in every dimension."""
    return [
        item(n, " ".join(DIMENSIONS) if n % 4 else "nothing", set(DIMENSIONS), language="en")
        for n in range(count)
    ]


def test_the_interval_holds_the_macro_f1_and_narrows_with_more_texts():
    few, many = evaluate(Says(), mixed(40)), evaluate(Says(), mixed(640))
    for result in (few, many):
        assert result.macro_f1_interval is not None
        assert result.macro_f1_interval.low < result.macro_f1 < result.macro_f1_interval.high
        assert result.macro_f1_interval_by_language["en"] == result.macro_f1_interval
    assert width(many) < width(few) / 2


def test_the_interval_is_that_of_theory_on_a_plain_case():
    # Precision is 1 and recall r 3/4 throughout: F1 = 2r / (1 + r), and r varies by sqrt(r (1 - r) / n).
    error = (0.75 * 0.25 / 400) ** 0.5 * 2 / 1.75**2
    assert width(evaluate(Says(), mixed(400))) == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_the_interval_depends_on_the_seed_alone():
    items = mixed(60)
    first, again, other = (evaluate(Says(), items, seed=seed) for seed in (1, 1, 2))
    assert first.macro_f1_interval == again.macro_f1_interval
    assert first.macro_f1_interval != other.macro_f1_interval


def test_the_interval_is_drawn_within_language_and_unit():
    # All right in one stratum, all wrong in the other: nothing varies when each stratum keeps its size.
    for left, right in (
        ({"language": "en"}, {"language": "zh"}),
        ({"unit": "passage"}, {"unit": "document"}),
    ):
        items = [item(n, " ".join(DIMENSIONS), set(DIMENSIONS), **left) for n in range(10)]
        items += [item(n + 10, "nothing", set(DIMENSIONS), **right) for n in range(10)]
        assert width(evaluate(Says(), items)) == 0


def width(result) -> float:
    return result.macro_f1_interval.high - result.macro_f1_interval.low


# --- where it is wrong --------------------------------------------------------------------------------------


def test_false_alarms_tell_what_the_text_really_carries():
    items = [
        item(1, "compute", {"technology", "support"}),
        item(2, "compute technology", {"technology"}),
        item(3, "compute", set()),
        item(4, "compute", {"compute"}),
        item(5, "compute", {"industry"}, contested=frozenset({"industry"})),
        item(6, "nothing", {"compute"}),
    ]
    alarms = evaluate(Says(), items).false_alarms
    assert alarms["compute"].count == 4
    assert {d: n for d, n in alarms["compute"].really.items() if n} == {"technology": 2, "support": 1}
    assert alarms["compute"].none == 1
    assert (alarms["technology"].count, alarms["technology"].none) == (0, 0)


def test_the_worst_errors_come_first_and_no_right_answer_is_among_them():
    items = [
        item(1, "compute=0.6", set()),
        item(2, "compute=0.95", set()),
        item(3, "support=0.2", {"support"}),
        item(4, "relevance=0.1", set(), relevant=True),
        item(5, "relevance=0.99 compute=0.99", {"compute"}, relevant=True),
    ]
    result = evaluate(Believes(), items)
    found = [(one.id, one.target, one.kind, one.probability, one.confidence) for one in result.errors]
    assert found == [
        ("2", "compute", Kind.FALSE_ALARM, 0.95, 0.95),
        ("4", "relevance", Kind.MISS, 0.1, 0.9),
        ("3", "support", Kind.MISS, 0.2, 0.8),
        ("1", "compute", Kind.FALSE_ALARM, 0.6, 0.6),
    ]
    assert all(one.threshold == 0.5 for one in result.errors)
    assert [one.id for one in evaluate(Believes(), items, errors=2).errors] == ["2", "4"]
    assert evaluate(Believes(), items, errors=0).errors == ()
    assert evaluate(Believes(), items, errors=0).error_count == 4


def test_a_false_alarm_quotes_its_strongest_evidence():
    (error,) = evaluate(Believes(), [item(1, "weak compute=0.6\nstrong compute=0.9", set())]).errors
    assert (error.quote.text, error.quote.probability) == ("strong compute=0.9", 0.9)
    assert error.quote.quoted is Quoted.EVIDENCE


def test_a_miss_quotes_the_passage_that_scores_highest():
    text = "far support=0.1\nnear support=0.4\nelsewhere compute=0.9"
    (error,) = evaluate(Believes(), [item(1, text, {"support", "compute"})]).errors
    assert (error.quote.text, error.quote.probability) == ("near support=0.4", 0.4)
    assert error.quote.quoted is Quoted.PASSAGE


def test_a_false_alarm_of_the_title_quotes_the_title():
    (error,) = evaluate(Believes(), [item(1, "body compute=0.3", set(), title="head compute=0.8")]).errors
    assert (error.quote.text, error.quote.quoted) == ("head compute=0.8", Quoted.TITLE)


def test_relevance_quotes_a_passage_and_a_text_without_passages_nothing():
    (error,) = evaluate(Believes(), [item(1, "a\nb relevance=0.7", set(), relevant=False)]).errors
    assert (error.quote.text, error.quote.probability) == ("b relevance=0.7", 0.7)
    (error,) = evaluate(Says(), [item(1, "relevant", set(), relevant=False)]).errors
    assert error.quote is None


def test_quotes_are_one_short_line():
    assert shorten("two\nlines\t and \x1b[31m") == "two lines and [31m"
    assert shorten("算" * 80) == "算" * 80
    assert shorten("算" * 81) == "算" * (QUOTE_LENGTH - 1) + "…"


def test_answers_near_the_threshold_are_counted_apart():
    items = [
        item(1, "compute=0.6", set()),
        item(2, "compute=0.4", set()),
        item(3, "compute=0.61", {"compute"}),
        item(4, "compute=0.39", set()),
    ]
    result = evaluate(Believes(), items)
    band = result.band["compute"]
    assert (band.cells, band.inside, band.share_inside) == (4, 2, 0.5)
    assert (band.accuracy_inside, band.accuracy_outside) == (0.5, 1.0)
    every = result.band["dimensions"]
    assert (every.cells, every.inside, every.accuracy_outside) == (24, 2, 1.0)
    assert result.band["relevance"].cells == 0
    assert result.band["relevance"].accuracy_inside is None


# --- output -------------------------------------------------------------------------------------------------


def columns(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line)


def test_the_plain_form_fits_110_columns_and_names_everything():
    items = [
        item(1, "建设智能算力中心" * 30 + " compute=0.912", set(), relevant=True, cities=("Suzhou",)),
        item(2, "long words " * 30 + "support=0.1", {"support", "technology"}, relevant=False),
        item(3, "x industry=0.7 relevance=0.8", {"application"}, relevant=False, title="application=0.1"),
    ]
    text = evaluate(Believes(), items).render()
    assert max(columns(line) for line in text.splitlines()) <= 110
    for words in ("ECE", "en: 2 texts", "zh: 1 texts", "subject cities", "95 % interval", "all dimensions"):
        assert words in text
    assert re.search(r"^industry +1 .* 1 +0 +0 +0$", text, re.MULTILINE), "the row of the false alarm"
    assert "evidence 0.912: 建设智能算力中心" in text
    assert "…" in text


def test_a_file_of_one_language_has_one_table():
    text = evaluate(Says(), [item(1, "compute", {"compute"})]).render()
    assert "1 texts (1 en)" in text
    assert text.count("macro-F1") == 1


def test_what_has_no_labels_shows_no_scores():
    text = evaluate(Says(), [item(1, "compute", {"compute"}, relevant=None)]).render()
    assert re.search(r"^relevance +no labels$", text, re.MULTILINE)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs `hexapolis evaluate` on texts, with the tagger `Believes`."""
    monkeypatch.setattr("classify.active.ensure_model", lambda models: Believes())

    def command(lines: list[dict], *options: str):
        file = tmp_path / "labelled.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        return CliRunner().invoke(app, ["--data", str(tmp_path / "data"), "evaluate", str(file), *options])

    return command


WRONG = [{"id": f"w{n}", "text": f"compute=0.{n}", "dims": [], "relevant": False} for n in range(51, 63)]


def test_the_command_shows_ten_errors_or_as_many_as_asked(run):
    assert len(re.findall("^false alarm", run(WRONG).stdout, re.MULTILINE)) == 10
    assert len(re.findall("^false alarm", run(WRONG, "--errors", "3").stdout, re.MULTILINE)) == 3
    assert "false alarm " not in run(WRONG, "--errors", "0").stdout
    assert run(WRONG, "--errors", "-1").exit_code == 2


def test_the_command_gives_all_of_it_as_one_json_object(run):
    row = json.loads(run(WRONG, "--json", "--errors", "1").stdout)
    assert row["dimensions"]["compute"]["ece"] == pytest.approx(0.565)
    assert row["by_language"]["en"]["compute"]["count"] == 12
    assert set(row["macro_f1_interval"]) == {"low", "high"}
    assert row["false_alarms"]["compute"]["none"] == 12
    assert row["band"]["compute"]["inside"] == 10
    assert len(row["reliability"]["compute"]) == 10
    assert row["errors"] == [
        {
            "id": "w62",
            "target": "compute",
            "kind": "false alarm",
            "probability": 0.62,
            "threshold": 0.5,
            "confidence": 0.62,
            "quote": {"text": "compute=0.62", "probability": 0.62, "quoted": "evidence"},
        }
    ]
    assert row["error_count"] == 12


def test_an_empty_file_is_an_error(run):
    result = run([])
    assert isinstance(result.exception, InputFileError)
    assert "holds no labelled text" in str(result.exception)


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
