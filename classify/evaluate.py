"""Measuring a tagger against a labelled file.

A document's answer is compared with its label, dimension by dimension; contested cells are skipped. Macro-F1
is the mean over the six dimensions, one without any yes counting 0. Relevance and subject cities are measured
beside it and do not enter it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.answers import RELEVANCE, Answers, answers_of
from classify.evaluation import Evaluation, Interval, Scores
from classify.mistakes import false_alarms, worst_mistakes
from classify.model import Tagger
from classify.reliability import Band, around_threshold, expected_calibration_error, reliability
from hexapolis.records import DIMENSIONS, CityRole, LabelledText, Tagging

RESAMPLES = 1000
"""Of the bootstrap; enough for the second digit of an interval."""


def evaluate(tagger: Tagger, items: Sequence[LabelledText], *, errors: int = 10, seed: int = 0) -> Evaluation:
    """Tag every item and compare with its labels.

    Args:
        tagger: the model to measure.
        items: labelled texts.
        errors: how many of the most confident wrong answers to report.
        seed: of the bootstrap.
    """
    taggings = tagger.tag_many([(item.title, item.text) for item in items])
    answers = answers_of(items, taggings)
    languages = np.array([language_of(item) for item in items], dtype=object)
    everything = np.ones(len(items), dtype=bool)
    names = sorted(set(languages.tolist()))
    overall = _table(answers, everything)
    tables = {name: _table(answers, languages == name) for name in names}
    intervals = _intervals(answers, items, languages, seed)
    relevance = overall.pop(RELEVANCE)
    relevance_by_language = {name: table.pop(RELEVANCE) for name, table in tables.items()}
    return Evaluation(
        model_id=tagger.model_id,
        count=len(items),
        by_language_count={name: int(np.sum(languages == name)) for name in names},
        dimensions=overall,
        by_language=tables,
        macro_f1=_macro(overall),
        macro_f1_interval=intervals.pop("", None),
        macro_f1_by_language={name: _macro(table) for name, table in tables.items()},
        macro_f1_interval_by_language=intervals,
        relevance=relevance,
        relevance_by_language=relevance_by_language,
        cities=_cities(items, taggings),
        skipped_cells=sum(len(item.contested) for item in items),
        false_alarms=false_alarms(items, answers),
        band=_bands(answers, everything),
        reliability={
            name: reliability(kept.truth, kept.probability)
            for name, table in answers.items()
            for kept in [table.among(everything)]
        },
        errors=worst_mistakes(tagger, items, taggings, answers, errors),
        error_count=sum(int(table.wrong.sum()) for table in answers.values()),
    )


def target_metrics(
    truth: NDArray[Any], probability: NDArray[Any], threshold: float | NDArray[Any]
) -> dict[str, float | int | None]:
    """The scores of one target from probabilities and a threshold, rounded, for a model card."""
    scores = asdict(_scores(truth, probability >= threshold, probability))
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in scores.items()}


def language_of(item: LabelledText) -> str:
    """The item's language; unlabelled, `zh` if it holds Chinese characters to speak of, else `en`."""
    if item.language:
        return item.language
    sample = item.text[:2000]
    chinese = sum("\u4e00" <= char <= "\u9fff" for char in sample)
    return "zh" if chinese * 10 > len(sample) else "en"


def _table(answers: Mapping[str, Answers], rows: NDArray[np.bool_]) -> dict[str, Scores]:
    kept = {name: table.among(rows) for name, table in answers.items()}
    return {name: _scores(one.truth, one.said, one.probability) for name, one in kept.items()}


def _scores(truth: NDArray[Any], answer: NDArray[Any], probability: NDArray[Any]) -> Scores:
    hits, said, support = int(np.sum(truth & answer)), int(answer.sum()), int(truth.sum())
    return Scores(
        precision=hits / said if said else 0.0,
        recall=hits / support if support else 0.0,
        f1=2 * hits / (said + support) if said + support else 0.0,
        support=support,
        count=len(truth),
        average_precision=_average_precision(truth, probability),
        ece=expected_calibration_error(truth, probability),
    )


def _average_precision(truth: NDArray[Any], probability: NDArray[Any]) -> float | None:
    if not truth.any():
        return None
    from sklearn.metrics import average_precision_score  # slow to import

    return float(average_precision_score(truth, probability))


def _cities(items: Sequence[LabelledText], taggings: Sequence[Tagging]) -> Scores | None:
    hits = said = support = count = 0
    for item, tagging in zip(items, taggings, strict=True):
        if item.cities is None or not item.relevant:
            continue
        count += 1
        found = {city.city for city in tagging.cities if city.role is CityRole.SUBJECT}
        hits += len(found & set(item.cities))
        said += len(found)
        support += len(set(item.cities))
    if not count:
        return None
    return Scores(
        precision=hits / said if said else 0.0,
        recall=hits / support if support else 0.0,
        f1=2 * hits / (said + support) if said + support else 0.0,
        support=support,
        count=count,
    )


def _macro(table: Mapping[str, Scores]) -> float:
    return float(np.mean([scores.f1 for scores in table.values()]))


def _bands(answers: Mapping[str, Answers], everything: NDArray[np.bool_]) -> dict[str, Band]:
    kept = {name: table.among(everything) for name, table in answers.items()}
    right = {name: one.truth == one.said for name, one in kept.items()}
    distance = {name: one.probability - one.threshold for name, one in kept.items()}
    table = {name: around_threshold(right[name], distance[name]) for name in kept}
    relevance = table.pop(RELEVANCE)
    table["dimensions"] = around_threshold(
        np.concatenate([right[d] for d in DIMENSIONS]), np.concatenate([distance[d] for d in DIMENSIONS])
    )
    return {**table, RELEVANCE: relevance}


def _intervals(
    answers: Mapping[str, Answers], items: Sequence[LabelledText], languages: NDArray[Any], seed: int
) -> dict[str, Interval]:
    """Percentile bootstrap of the macro-F1, by language; all languages together under the empty name.

    Whole texts are drawn, with all their cells, and from each stratum (language and unit) as many as it has:
    how many documents and passages of a language a file holds is its maker's choice, not chance.
    """
    if not items:
        return {}
    random = np.random.default_rng(seed)
    strata: dict[tuple[str, str], list[int]] = {}
    for number, item in enumerate(items):
        strata.setdefault((languages[number], item.unit), []).append(number)
    cells = [answers[dimension] for dimension in DIMENSIONS]
    hits = np.stack([one.truth & one.said for one in cells], axis=1).astype(np.float64)
    marks = np.stack([one.truth + (one.labelled & one.said).astype(int) for one in cells], axis=1)
    values: dict[str, list[float]] = {"": [], **{name: [] for name in languages.tolist()}}
    for _ in range(RESAMPLES):
        sums = {name: np.zeros((2, len(DIMENSIONS))) for name in values}
        for (language, _unit), rows in strata.items():
            drawn = random.choice(rows, len(rows))
            both = np.stack([hits[drawn].sum(axis=0), marks[drawn].sum(axis=0)])
            sums[language] += both
            sums[""] += both
        for name, (hit, mark) in sums.items():
            values[name].append(float(np.mean(2 * hit / np.maximum(mark, 1))))
    return {
        name: Interval(*(float(bound) for bound in np.quantile(drawn, (0.025, 0.975))))
        for name, drawn in values.items()
    }
