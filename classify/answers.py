"""A tagger's answers beside the labels, one yes-or-no question at a time.

The questions are the six dimensions and relevance. A contested or missing label is no label: such a cell is
left out of everything that is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hexapolis.records import DIMENSIONS, LabelledText, Tagging

RELEVANCE = "relevance"


@dataclass(frozen=True, slots=True)
class Answers:
    """All answers to one question, in the order of the texts."""

    labelled: NDArray[np.bool_]
    truth: NDArray[np.bool_]  # False where there is no label
    said: NDArray[np.bool_]
    probability: NDArray[np.float64]
    threshold: NDArray[np.float64]

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Where there is a label and the answer is another."""
        differ: NDArray[np.bool_] = self.truth != self.said
        return self.labelled & differ

    def among(self, rows: NDArray[np.bool_]) -> Answers:
        """The answers to some of the texts that have a label."""
        kept = rows & self.labelled
        return Answers(
            self.labelled[kept],
            self.truth[kept],
            self.said[kept],
            self.probability[kept],
            self.threshold[kept],
        )


def answers_of(items: Sequence[LabelledText], taggings: Sequence[Tagging]) -> dict[str, Answers]:
    """The answers to every question: the dimensions in the plan's order, then `relevance`."""
    table = {}
    for dimension in DIMENSIONS:
        scores = [tagging.dimensions[dimension] for tagging in taggings]
        labelled = np.array([dimension not in item.contested for item in items], dtype=bool)
        table[dimension] = Answers(
            labelled=labelled,
            truth=labelled & np.array([dimension in item.dims for item in items], dtype=bool),
            said=np.array([score.tagged for score in scores], dtype=bool),
            probability=np.array([score.probability for score in scores], dtype=np.float64),
            threshold=np.array([score.threshold for score in scores], dtype=np.float64),
        )
    table[RELEVANCE] = Answers(
        labelled=np.array([item.relevant is not None for item in items], dtype=bool),
        truth=np.array([bool(item.relevant) for item in items], dtype=bool),
        said=np.array([tagging.relevant for tagging in taggings], dtype=bool),
        probability=np.array([tagging.relevance for tagging in taggings], dtype=np.float64),
        threshold=np.array([tagging.relevance_threshold for tagging in taggings], dtype=np.float64),
    )
    return table
