"""The tagger: relevance, dimensions with their evidence, and cities of a text, and the model files it is kept in.

A model file is data, not code: `model.skops` is read only after its digest has been compared with the card's and only
if it holds nothing but the types listed here. Training is in `train.py`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from classify.cities import find_cities
from classify.codebook import load_codebook
from classify.features import FORMAT, MAX_CHARACTERS, Outline, lexicon_block, ngram_block, outline
from classify.lexicon import lexicon_digest, load_lexicon
from classify.scoring import (
    CITY_FEATURES,
    Vocabulary,
    design_matrix,
    dimension_scores,
    logistic,
    relevance_score,
    unit_offsets,
)
from hexapolis.errors import ModelError
from hexapolis.records import DIMENSIONS, CityRole, CityTag, DimensionScore, Evidence, Tagging

TARGETS = (*DIMENSIONS, "relevance")

MODEL_FILE = "model.skops"
CARD_FILE = "card.json"

_BATCH = 64  # documents whose features are built together
_TRUSTED_TYPES = frozenset(
    {
        "builtins.dict",
        "builtins.list",
        "builtins.tuple",
        "builtins.str",
        "builtins.type",
        "numpy.dtype",
        "numpy.ndarray",
        "numpy.float32",
        "numpy.float64",
        "numpy.int32",
        "numpy.int64",
        "sklearn.linear_model._logistic.LogisticRegression",
    }
)


@dataclass(frozen=True, slots=True)
class Parts:
    """What training fits: a linear model per target, the n-gram vocabulary, calibration and thresholds."""

    estimators: Mapping[str, Any]  # sklearn LogisticRegression, one a target
    vocabulary: Vocabulary
    calibration: Mapping[str, tuple[float, float]]  # slope and shift on the rolled-up score
    thresholds: Mapping[str, float]  # on the calibrated probability


def city_row(cities: Sequence[CityTag]) -> tuple[float, float, float]:
    """The three features of `CITY_FEATURES` for one document; exactly one of them is 1."""
    if any(city.role is CityRole.SUBJECT for city in cities):
        return (1.0, 0.0, 0.0)
    return (0.0, 1.0, 0.0) if cities else (0.0, 0.0, 1.0)


class Tagger:
    """A trained model. Make one with `classify.train.train`, `classify.train.ensure_model` or `Tagger.load`."""

    def __init__(self, parts: Parts, card: dict[str, Any]) -> None:
        self._parts = parts
        self.card: dict[str, Any] = card
        self.model_id: str = str(card["model_id"])
        self._codebook_version = str(card["codebook_version"])
        self._lexicon = load_lexicon()
        width = self._lexicon.size + len(parts.vocabulary.idf)
        coefficients = [np.asarray(parts.estimators[target].coef_, dtype=np.float64).ravel() for target in TARGETS]
        expected = [width] * len(DIMENSIONS) + [width + len(CITY_FEATURES)]
        if [len(row) for row in coefficients] != expected:
            raise ModelError(f"model {self.model_id} does not fit this version's features; run `hexapolis train`")
        self._weights = np.ascontiguousarray(np.stack([row[:width] for row in coefficients]).T)
        self._city_weights = coefficients[-1][width:]
        self._shift = np.array([float(np.ravel(parts.estimators[target].intercept_)[0]) for target in TARGETS])

    @property
    def parts(self) -> Parts:
        """The fitted parts, for saving and inspection."""
        return self._parts

    def tag(self, title: str | None, text: str) -> Tagging:
        """Tag one document. Never fails on odd text; an empty one is irrelevant and carries nothing.

        Only the first `classify.features.MAX_CHARACTERS` characters are read.
        """
        return self.tag_many([(title, text)])[0]

    def tag_many(self, docs: Sequence[tuple[str | None, str]]) -> list[Tagging]:
        """Tag many documents, in their order; much faster than one by one."""
        taggings: list[Tagging] = []
        for at in range(0, len(docs), _BATCH):
            taggings += self._tag_batch(docs[at : at + _BATCH])
        return taggings

    def _tag_batch(self, docs: Sequence[tuple[str | None, str]]) -> list[Tagging]:
        outlines = [outline(title, text) for title, text in docs]
        cities = [find_cities(title, text[:MAX_CHARACTERS]) for title, text in docs]
        scores = self.unit_scores(outlines, cities)
        return [
            self._tagging(one, scores[first:last], found)
            for one, (first, last), found in zip(outlines, unit_offsets(outlines), cities, strict=True)
        ]

    def unit_scores(self, outlines: Sequence[Outline], cities: Sequence[Sequence[CityTag]]) -> np.ndarray:
        """Raw scores (log-odds before calibration): one row a unit over all outlines, one column a target."""
        matrix = design_matrix(lexicon_block(outlines, self._lexicon), ngram_block(outlines), self._parts.vocabulary)
        scores = np.asarray(matrix @ self._weights) + self._shift
        for (first, last), found in zip(unit_offsets(outlines), cities, strict=True):
            scores[first:last, -1] += float(np.dot(self._city_weights, city_row(found)))
        return scores

    def document_scores(self, outlines: Sequence[Outline], cities: Sequence[Sequence[CityTag]]) -> np.ndarray:
        """Rolled-up scores before calibration: one row a document, one column a target."""
        units = self.unit_scores(outlines, cities)
        rows = []
        for one, (first, last) in zip(outlines, unit_offsets(outlines), strict=True):
            document, _ = dimension_scores(one, units[first:last, : len(DIMENSIONS)])
            rows.append([*document, relevance_score(one, units[first:last, -1])])
        return np.array(rows).reshape(len(rows), len(TARGETS))

    def _probability(self, target: str, score: np.ndarray) -> np.ndarray:
        slope, shift = self._parts.calibration[target]
        probability = logistic(slope * np.where(np.isfinite(score), score, 0.0) + shift)
        return np.where(np.isfinite(score), probability, 0.0)

    def _tagging(self, one: Outline, scores: np.ndarray, cities: tuple[CityTag, ...]) -> Tagging:
        document, passages = dimension_scores(one, scores[:, : len(DIMENSIONS)])
        answers: dict[str, DimensionScore] = {}
        for column, dimension in enumerate(DIMENSIONS):
            threshold = self._parts.thresholds[dimension]
            probability = round(float(self._probability(dimension, document[column])), 4)
            by_passage = self._probability(dimension, passages[:, column])
            evidence = [
                Evidence(passage.start, passage.end, round(float(score), 4))
                for number, (passage, score) in enumerate(zip(one.passages, by_passage, strict=True))
                if number in one.scored and round(float(score), 4) >= threshold
            ]
            evidence.sort(key=lambda e: (-e.score, e.start))
            answers[dimension] = DimensionScore(probability, threshold, probability >= threshold, tuple(evidence))
        raw = np.array(relevance_score(one, scores[:, -1]))
        relevance = round(float(self._probability("relevance", raw)), 4)
        threshold = self._parts.thresholds["relevance"]
        return Tagging(
            model_id=self.model_id,
            codebook_version=self._codebook_version,
            relevance=relevance,
            relevance_threshold=threshold,
            relevant=relevance >= threshold,
            dimensions=answers,
            cities=cities,
            passages=one.passages,
        )

    def save(self, models_dir: Path) -> Path:
        """Write `models_dir/<model_id>/`; the folder appears whole or not at all.

        If the same model is already there (another process was faster) it is left as it is.

        Raises:
            ModelError: the folder cannot be written.
        """
        from skops.io import dumps  # type: ignore[import-untyped]  # slow to import, and only needed here

        parts = self._parts
        content = dumps(
            {
                "estimators": dict(parts.estimators),
                "position": parts.vocabulary.position,
                "idf": parts.vocabulary.idf,
                "calibration": np.array([parts.calibration[target] for target in TARGETS]),
                "thresholds": np.array([parts.thresholds[target] for target in TARGETS]),
            }
        )
        card = {**self.card, "model_sha256": hashlib.sha256(content).hexdigest()}
        target = Path(models_dir) / self.model_id
        try:
            Path(models_dir).mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=models_dir))
            try:
                (draft / MODEL_FILE).write_bytes(content)
                (draft / CARD_FILE).write_text(json.dumps(card, ensure_ascii=False, indent=2) + "\n", "utf-8")
                draft.chmod(0o755)
                if not (target / CARD_FILE).exists():
                    _rename_unless_there(draft, target)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        except OSError as error:
            raise ModelError(f"{target}: cannot be written ({error.strerror or error})") from error
        return target

    @classmethod
    def load(cls, path: Path) -> Tagger:
        """Read a model folder (or its card or model file).

        Raises:
            ModelError: something is missing, the digest is not the card's, the file holds a type that is not on the
                list, or the model was trained for another lexicon, codebook or feature format.
        """
        folder = Path(path) if Path(path).is_dir() else Path(path).parent
        card = _read_card(folder / CARD_FILE)
        _check_fit(folder, card)
        try:
            content = (folder / MODEL_FILE).read_bytes()
        except OSError as error:
            raise ModelError(f"{folder / MODEL_FILE}: cannot be read ({error.strerror or error})") from error
        if hashlib.sha256(content).hexdigest() != card.get("model_sha256"):
            raise ModelError(f"{folder / MODEL_FILE}: its sha256 is not the one in {CARD_FILE}; the file is not used")
        return cls(_read_parts(folder / MODEL_FILE, content), card)


def _rename_unless_there(draft: Path, target: Path) -> None:
    try:
        draft.rename(target)
    except OSError:
        if not (target / CARD_FILE).exists():
            raise


def _read_card(path: Path) -> dict[str, Any]:
    try:
        card = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror or error}); run `hexapolis train`") from error
    except ValueError as error:
        raise ModelError(f"{path}: is not a model card ({error}); run `hexapolis train`") from error
    if not isinstance(card, dict) or not isinstance(card.get("model_id"), str):
        raise ModelError(f"{path}: is not a model card; run `hexapolis train`")
    return card


def _check_fit(folder: Path, card: Mapping[str, Any]) -> None:
    wanted = {
        "format": FORMAT,
        "lexicon_digest": lexicon_digest(),
        "codebook_version": load_codebook().version,
    }
    for name, value in wanted.items():
        if card.get(name) != value:
            raise ModelError(
                f"{folder}: the model was trained with another {name.replace('_', ' ')} than this version of "
                "Hexapolis has; run `hexapolis train`"
            )


def _read_parts(path: Path, content: bytes) -> Parts:
    from skops.io import loads

    try:
        strange = sorted(_types_in(content) - _TRUSTED_TYPES)
        if strange:
            raise ModelError(f"{path}: holds {', '.join(strange[:3])}, which a model file may not hold; not loaded")
        state = loads(content, trusted=[])
        calibration = {t: (float(a), float(b)) for t, (a, b) in zip(TARGETS, state["calibration"], strict=True)}
        return Parts(
            estimators={target: state["estimators"][target] for target in TARGETS},
            vocabulary=Vocabulary(state["position"], state["idf"]),
            calibration=calibration,
            thresholds={t: float(v) for t, v in zip(TARGETS, state["thresholds"], strict=True)},
        )
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, OSError) as error:
        raise ModelError(f"{path}: is not a model file of this version ({error})") from error


def _types_in(content: bytes) -> set[str]:
    """Every type that a skops file names, without loading any of it."""
    import io

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        schema = json.loads(archive.read("schema.json"))
    found: set[str] = set()
    waiting: list[Any] = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if "__module__" in node and "__class__" in node:
                found.add(f"{node['__module__']}.{node['__class__']}")
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return found
