"""Measuring a tagger against a labelled file.

A document's answer is compared with its label, dimension by dimension; contested cells are skipped. Macro-F1
is the mean over the six dimensions. Relevance and subject cities are measured beside it and do not enter it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.model import Tagger
from hexapolis.records import DIMENSIONS, CityRole, LabelledText, Tagging


@dataclass(frozen=True, slots=True)
class Scores:
    """Precision, recall, F1 and average precision of one yes-or-no question; 0 where undefined."""

    precision: float
    recall: float
    f1: float
    support: int  # texts whose label is yes
    count: int  # texts scored
    average_precision: float | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The whole measurement; `as_dict` for machines, `render` for people."""

    model_id: str
    count: int
    by_language_count: dict[str, int]
    dimensions: dict[str, Scores]
    by_language: dict[str, dict[str, Scores]]  # language, then dimension
    macro_f1: float
    macro_f1_by_language: dict[str, float]
    relevance: Scores
    cities: Scores | None  # subject cities of relevant texts; None where no text has them labelled
    skipped_cells: int  # contested

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    def render(self) -> str:
        """A table in plain text."""
        lines = [
            f"model {self.model_id}, {self.count} texts, {self.skipped_cells} contested cells skipped",
            "",
        ]
        lines.append(f"{'':<22}{'precision':>10}{'recall':>8}{'F1':>8}{'AP':>8}{'yes':>6}{'of':>6}")
        for name, scores in self.dimensions.items():
            lines.append(_row(name, scores))
        lines += [f"{'macro-F1':<22}{'':>10}{'':>8}{self.macro_f1:>8.3f}", ""]
        for language, table in self.by_language.items():
            lines.append(f"{language}: {self.by_language_count[language]} texts")
            lines += [_row(f"  {name}", scores) for name, scores in table.items()]
            lines += [f"{'  macro-F1':<22}{'':>10}{'':>8}{self.macro_f1_by_language[language]:>8.3f}", ""]
        lines.append(_row("relevance", self.relevance))
        if self.cities is not None:
            lines.append(_row("subject cities", self.cities))
        return "\n".join(lines)


def evaluate(tagger: Tagger, items: Sequence[LabelledText]) -> Evaluation:
    """Tag every item and compare with its labels."""
    taggings = tagger.tag_many([(item.title, item.text) for item in items])
    languages = np.array([language_of(item) for item in items])
    everything = np.ones(len(items), dtype=bool)
    names = sorted(set(languages.tolist()))
    tables = {
        name: {
            d: _dimension(d, items, taggings, languages == name if name else everything) for d in DIMENSIONS
        }
        for name in ("", *names)
    }
    known = np.array([item.relevant is not None for item in items], dtype=bool)
    relevance = _scores(
        np.array([bool(item.relevant) for item in items], dtype=bool)[known],
        np.array([tagging.relevant for tagging in taggings], dtype=bool)[known],
        np.array([tagging.relevance for tagging in taggings])[known],
    )
    return Evaluation(
        model_id=tagger.model_id,
        count=len(items),
        by_language_count={name: int(np.sum(languages == name)) for name in names},
        dimensions=tables[""],
        by_language={name: tables[name] for name in names},
        macro_f1=_macro(tables[""]),
        macro_f1_by_language={name: _macro(tables[name]) for name in names},
        relevance=relevance,
        cities=_cities(items, taggings),
        skipped_cells=sum(len(item.contested) for item in items),
    )


def target_metrics(
    truth: NDArray[Any], probability: NDArray[Any], threshold: float
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


def _dimension(
    dimension: str, items: Sequence[LabelledText], taggings: Sequence[Tagging], mask: NDArray[Any]
) -> Scores:
    rows = [n for n in np.flatnonzero(mask).tolist() if dimension not in items[n].contested]
    return _scores(
        np.array([dimension in items[n].dims for n in rows], dtype=bool),
        np.array([taggings[n].dimensions[dimension].tagged for n in rows], dtype=bool),
        np.array([taggings[n].dimensions[dimension].probability for n in rows]),
    )


def _scores(truth: NDArray[Any], answer: NDArray[Any], probability: NDArray[Any]) -> Scores:
    hits, said, support = int(np.sum(truth & answer)), int(answer.sum()), int(truth.sum())
    return Scores(
        precision=hits / said if said else 0.0,
        recall=hits / support if support else 0.0,
        f1=2 * hits / (said + support) if said + support else 0.0,
        support=support,
        count=len(truth),
        average_precision=_average_precision(truth, probability),
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


def _macro(table: dict[str, Scores]) -> float:
    return float(np.mean([scores.f1 for scores in table.values()]))


def _row(name: str, scores: Scores) -> str:
    ap = "" if scores.average_precision is None else f"{scores.average_precision:.3f}"
    return (
        f"{name:<22}{scores.precision:>10.3f}{scores.recall:>8.3f}{scores.f1:>8.3f}{ap:>8}"
        f"{scores.support:>6}{scores.count:>6}"
    )
