"""The tagger: relevance, dimensions with their evidence, and cities of a text.

Training is in `train.py`, the files a model is kept in are `model_files.py`'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.cities import find_cities
from classify.features import LANGUAGES, MAX_CHARACTERS, Outline, lexicon_rows, ngram_counts, outline
from classify.lexicon import load_lexicon
from classify.model_files import TARGETS, Parts, read_model, write_model
from classify.relevance import FEATURES, relevance_features
from classify.scoring import dimension_scores, logistic, unit_offsets
from hexapolis.errors import ModelError
from hexapolis.records import DIMENSIONS, CityTag, DimensionScore, Evidence, Tagging

_BATCH = 64  # documents whose features are built together


class Tagger:
    """A trained model, from `classify.train.train`, `classify.active.ensure_model` or `Tagger.load`."""

    def __init__(self, parts: Parts, card: dict[str, Any]) -> None:
        self._parts = parts
        self.card: dict[str, Any] = card
        self.model_id: str = str(card["model_id"])
        self._codebook_version = str(card["codebook_version"])
        self._lexicon = load_lexicon()
        width = self._lexicon.size + len(parts.vocabulary.idf)
        coefficients = [
            np.asarray(parts.estimators[target].coef_, dtype=np.float64).ravel() for target in TARGETS
        ]
        if any(len(row) != width for row in coefficients):
            raise ModelError(
                f"model {self.model_id} does not fit this version's features; run `hexapolis train`"
            )
        self._weights = np.ascontiguousarray(np.stack(coefficients).T)
        self._shift = np.array(
            [float(np.ravel(parts.estimators[target].intercept_)[0]) for target in TARGETS]
        )

        self._lines = {
            language: np.array([parts.calibration[target][language] for target in TARGETS]).T
            for language in LANGUAGES
        }

    @property
    def parts(self) -> Parts:
        """The fitted parts, for saving and inspection."""
        return self._parts

    def tag(self, title: str | None, text: str, *, source_city: str | None = None) -> Tagging:
        """Tag one document. Never fails on odd text; an empty one is irrelevant and carries nothing.

        Only the first `classify.features.MAX_CHARACTERS` characters are read.

        Args:
            title: the headline, if known apart from the text.
            text: the article or passage.
            source_city: GB/T 2260 code of the city that the source is of, see `find_cities`.
        """
        return self.tag_many([(title, text)], source_cities=[source_city])[0]

    def tag_many(
        self, docs: Sequence[tuple[str | None, str]], *, source_cities: Sequence[str | None] = ()
    ) -> list[Tagging]:
        """Tag many documents, in their order; `source_cities` has one for each, or none at all."""
        origins = source_cities or [None] * len(docs)
        taggings: list[Tagging] = []
        for at in range(0, len(docs), _BATCH):
            taggings += self._tag_batch(docs[at : at + _BATCH], origins[at : at + _BATCH])
        return taggings

    def _tag_batch(
        self, docs: Sequence[tuple[str | None, str]], origins: Sequence[str | None]
    ) -> list[Tagging]:
        outlines = [outline(title, text, self._lexicon) for title, text in docs]
        cities = [
            find_cities(title, text[:MAX_CHARACTERS], source_city=origin)
            for (title, text), origin in zip(docs, origins, strict=True)
        ]
        scores = self.unit_scores(outlines)
        return [
            self._tagging(one, scores[first:last], found)
            for one, (first, last), found in zip(outlines, unit_offsets(outlines), cities, strict=True)
        ]

    def unit_scores(self, outlines: Sequence[Outline]) -> NDArray[Any]:
        """Raw scores (log-odds before calibration): one row a unit over all outlines, one column a target."""
        matrix = self._parts.vocabulary.design_matrix(
            lexicon_rows(outlines, self._lexicon), self._lexicon.size, ngram_counts(outlines)
        )
        scores: NDArray[Any] = np.asarray(matrix @ self._weights) + self._shift
        return scores

    def document_scores(
        self, outlines: Sequence[Outline], cities: Sequence[Sequence[CityTag]]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Rolled-up scores of the dimensions before calibration, and the figures that relevance is made of.

        One row a document in each; columns as DIMENSIONS and as `classify.relevance.FEATURES`.
        """
        units = self.unit_scores(outlines)
        scores, figures = [], []
        for one, found, (first, last) in zip(outlines, cities, unit_offsets(outlines), strict=True):
            scores.append(dimension_scores(one, units[first:last, : len(DIMENSIONS)])[0])
            figures.append(relevance_features(one, units[first:last], found))
        return np.array(scores).reshape(-1, len(DIMENSIONS)), np.array(figures).reshape(-1, len(FEATURES))

    def _probabilities(self, scores: NDArray[Any], language: str) -> NDArray[Any]:
        """Calibrated probabilities, rounded; the last axis is that of the targets (or the first of them)."""
        slopes, shifts = self._lines[language][:, : scores.shape[-1]]
        finite = np.isfinite(scores)
        raw = slopes * np.where(finite, scores, 0.0) + shifts
        return np.where(finite, logistic(raw), 0.0).round(4)

    def _tagging(self, one: Outline, scores: NDArray[Any], cities: tuple[CityTag, ...]) -> Tagging:
        document, passages = dimension_scores(one, scores[:, : len(DIMENSIONS)])
        relevance = (
            self._parts.relevance.score(relevance_features(one, scores, cities)) if one.units else -np.inf
        )
        overall = self._probabilities(np.append(document, relevance), one.language).tolist()
        by_passage = self._probabilities(passages, one.language).tolist()
        answers: dict[str, DimensionScore] = {}
        for column, dimension in enumerate(DIMENSIONS):
            threshold = self._parts.thresholds[dimension][one.language]
            evidence = [
                Evidence(passage.start, passage.end, row[column])
                for number, (passage, row) in enumerate(zip(one.passages, by_passage, strict=True))
                if number in one.scored and row[column] >= threshold
            ]
            evidence.sort(key=lambda e: (-e.score, e.start))
            answers[dimension] = DimensionScore(
                overall[column], threshold, overall[column] >= threshold, tuple(evidence)
            )
        threshold = self._parts.thresholds["relevance"][one.language]
        return Tagging(
            model_id=self.model_id,
            codebook_version=self._codebook_version,
            relevance=overall[-1],
            relevance_threshold=threshold,
            relevant=overall[-1] >= threshold,
            dimensions=answers,
            cities=cities,
            passages=one.passages,
        )

    def save(self, models_dir: Path) -> Path:
        """Write `models_dir/<model_id>/`; the folder appears whole or not at all.

        If the same model is already there whole (another process was faster) it is left as it is; a damaged
        one is replaced.

        Raises:
            ModelError: the folder cannot be written.
        """
        return write_model(Path(models_dir), self.model_id, self._parts, self.card)

    @classmethod
    def load(cls, path: Path) -> Tagger:
        """Read a model folder (or its card or model file).

        Raises:
            ModelError: something is missing, the digest is not the card's, the file holds a type that is not
                on the list, or the model was trained for another lexicon, codebook or feature format.
        """
        parts, card = read_model(Path(path))
        return cls(parts, card)
