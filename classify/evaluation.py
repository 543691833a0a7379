"""The result of measuring a tagger: its records, and how they read as plain text.

Nothing is computed here; `classify/evaluate.py` does that. Lines stay within 110 columns of a terminal, ids
that are longer than usual aside.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from classify.mistakes import FalseAlarms, Mistake, Quoted, shorten
from classify.reliability import BAND, Band, Bin
from hexapolis.records import DIMENSIONS

_COLUMNS = 100  # of a quote
_QUOTED = {Quoted.EVIDENCE: "evidence", Quoted.PASSAGE: "passage alone", Quoted.TITLE: "title alone"}


@dataclass(frozen=True, slots=True)
class Scores:
    """How well one yes-or-no question is answered; 0 where precision, recall or F1 are undefined."""

    precision: float
    recall: float
    f1: float
    support: int  # texts whose label is yes
    count: int  # texts scored
    average_precision: float | None = None  # None without a yes
    ece: float | None = None  # expected calibration error; None without texts


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % bootstrap interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The whole measurement; `as_dict` for machines, `render` for people."""

    model_id: str
    count: int
    by_language_count: dict[str, int]
    dimensions: dict[str, Scores]
    by_language: dict[str, dict[str, Scores]]  # language, then dimension
    macro_f1: float
    macro_f1_interval: Interval | None  # None without texts
    macro_f1_by_language: dict[str, float]
    macro_f1_interval_by_language: dict[str, Interval]
    relevance: Scores
    relevance_by_language: dict[str, Scores]
    cities: Scores | None  # subject cities of relevant texts; None where no text has them labelled
    skipped_cells: int  # contested
    false_alarms: dict[str, FalseAlarms]  # by dimension
    band: dict[str, Band]  # by dimension, `relevance`, and `dimensions` for all six together
    reliability: dict[str, list[Bin]]  # by dimension, and `relevance`
    errors: tuple[Mistake, ...]  # the most confident wrong answers, the worst first
    error_count: int  # all wrong answers

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    def render(self) -> str:
        """Tables in plain text; a language has its own where there are several."""
        return "\n".join([*self._scores(), "", *self._false_alarms(), "", *self._band(), *self._errors()])

    def _scores(self) -> list[str]:
        languages = ", ".join(f"{count} {name}" for name, count in self.by_language_count.items())
        lines = [
            f"model {self.model_id}, {self.count} texts ({languages}), "
            f"{self.skipped_cells} contested cells skipped",
            "",
            f"{'':<22}{'precision':>10}{'recall':>8}{'F1':>8}{'AP':>8}{'ECE':>8}{'yes':>6}{'of':>6}",
            *(_row(name, scores) for name, scores in self.dimensions.items()),
            _macro("macro-F1", self.macro_f1, self.macro_f1_interval),
            _row("relevance", self.relevance),
        ]
        if self.cities is not None:
            lines.append(_row("subject cities", self.cities))
        if len(self.by_language) == 1:  # the table above is that of the language
            return lines
        for language, table in self.by_language.items():
            interval = self.macro_f1_interval_by_language.get(language)
            lines += [
                "",
                f"{language}: {self.by_language_count[language]} texts",
                *(_row(f"  {name}", scores) for name, scores in table.items()),
                _macro("  macro-F1", self.macro_f1_by_language[language], interval),
                _row("  relevance", self.relevance_by_language[language]),
            ]
        return lines

    def _false_alarms(self) -> list[str]:
        names = "".join(f"{d:>12}" for d in DIMENSIONS)
        lines = [
            "False alarms, and what their texts really carry",
            f"{'':<13}{'alarms':>8}{names}{'none':>8}",
        ]
        for name, alarms in self.false_alarms.items():
            cells = "".join(f"{_count(alarms.really, other, name):>12}" for other in DIMENSIONS)
            lines.append(f"{name:<13}{alarms.count:>8}{cells}{alarms.none:>8}")
        return lines

    def _band(self) -> list[str]:
        lines = [
            f"Answers within {BAND} of the threshold, and beyond",
            f"{'':<22}{'answers':>8}{'inside':>8}{'share':>8}{'right inside':>14}{'right outside':>15}",
        ]
        for name, band in self.band.items():
            label = "all dimensions" if name == "dimensions" else name
            lines.append(
                f"{label:<22}{band.cells:>8}{band.inside:>8}{_share(band.share_inside):>8}"
                f"{_share(band.accuracy_inside):>14}{_share(band.accuracy_outside):>15}"
            )
        return lines

    def _errors(self) -> list[str]:
        if not self.errors:
            return []
        lines = ["", f"The most confident of {self.error_count} wrong answers ({len(self.errors)} shown)"]
        for one in self.errors:
            name = shorten(one.id, len(one.id) + 1)
            figures = f"{one.probability:.3f}, threshold {one.threshold:.3f}"
            lines.append(f"{one.kind.value:<13}{one.target:<13}{figures}  {name}")
            if one.quote is not None:
                lead = f"    {_QUOTED[one.quote.quoted]} {one.quote.probability:.3f}: "
                lines.append(lead + _cut(one.quote.text, _COLUMNS - len(lead)))
        return lines


def _row(name: str, scores: Scores) -> str:
    if not scores.count:
        return f"{name:<22}{'no labels':>10}"
    return (
        f"{name:<22}{scores.precision:>10.3f}{scores.recall:>8.3f}{scores.f1:>8.3f}"
        f"{_share(scores.average_precision):>8}{_share(scores.ece):>8}{scores.support:>6}{scores.count:>6}"
    )


def _macro(name: str, value: float, interval: Interval | None) -> str:
    spread = "" if interval is None else f"  (95 % interval {interval.low:.3f} to {interval.high:.3f})"
    return f"{name:<22}{'':>18}{value:>8.3f}{spread}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _count(counts: Mapping[str, int], name: str, own: str) -> str:
    return "-" if name == own else str(counts[name])


def _cut(text: str, columns: int) -> str:
    """The beginning of a text that fits a terminal, on which a Chinese character takes two columns."""
    used = 0
    for at, char in enumerate(text):
        used += 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if used > columns:
            return text[: at - 1].rstrip("…") + "…"
    return text
