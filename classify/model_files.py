"""Model files: writing them whole, and reading them without running anything.

A model file is data, not code: `model.skops` is read only after its digest has been compared with the card's,
and only if it holds nothing but the types listed here. What the parts mean is in `model.py`.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from classify.codebook import load_codebook
from classify.features import FORMAT, LANGUAGES
from classify.lexicon import lexicon_digest
from classify.relevance import Trees
from classify.scoring import Vocabulary
from hexapolis.errors import ModelError
from hexapolis.records import DIMENSIONS

TARGETS = (*DIMENSIONS, "relevance")

MODEL_FILE = "model.skops"
CARD_FILE = "card.json"

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
    """What training fits: a linear model per target, the n-gram vocabulary, and how scores become answers."""

    estimators: Mapping[str, Any]  # sklearn LogisticRegression, one a target, for units
    vocabulary: Vocabulary
    relevance: Trees  # for documents
    calibration: Mapping[str, Mapping[str, tuple[float, float]]]  # by target and language: slope and shift
    thresholds: Mapping[str, Mapping[str, float]]  # by target and language, on the calibrated probability


def write_model(models_dir: Path, model_id: str, parts: Parts, card: Mapping[str, Any]) -> Path:
    """Write `models_dir/<model_id>/` by way of a draft folder and a rename; see `Tagger.save`."""
    from skops.io import dumps  # slow to import, and only needed here

    content = dumps(
        {
            "estimators": dict(parts.estimators),
            "position": parts.vocabulary.position,
            "idf": parts.vocabulary.idf,
            "figure": parts.relevance.figure,
            "limit": parts.relevance.limit,
            "value": parts.relevance.value,
            "start": np.array([parts.relevance.start]),
            "calibration": np.array(
                [[parts.calibration[target][language] for language in LANGUAGES] for target in TARGETS]
            ),
            "thresholds": np.array(
                [[parts.thresholds[target][language] for language in LANGUAGES] for target in TARGETS]
            ),
        }
    )
    card = {**card, "model_sha256": hashlib.sha256(content).hexdigest()}
    target = models_dir / model_id
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=models_dir))
        try:
            (draft / MODEL_FILE).write_bytes(content)
            (draft / CARD_FILE).write_text(json.dumps(card, ensure_ascii=False, indent=2) + "\n", "utf-8")
            draft.chmod(0o755)
            _put_in_place(draft, target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise ModelError(f"{target}: cannot be written ({error.strerror or error})") from error
    return target


def read_model(path: Path) -> tuple[Parts, dict[str, Any]]:
    """Parts and card of a model folder, checked; see `Tagger.load`."""
    folder = path if path.is_dir() else path.parent
    card, content = _checked(folder)
    return _read_parts(folder / MODEL_FILE, content), card


def read_card(folder: Path) -> dict[str, Any]:
    """The card of a model that is whole and fits this version, without loading it.

    Raises:
        ModelError: as `Tagger.load`, as far as that can be told without loading.
    """
    return _checked(folder)[0]


def _checked(folder: Path) -> tuple[dict[str, Any], bytes]:
    card = _read_card(folder / CARD_FILE)
    _check_fit(folder, card)
    try:
        content = (folder / MODEL_FILE).read_bytes()
    except OSError as error:
        raise ModelError(f"{folder / MODEL_FILE}: cannot be read ({error.strerror or error})") from error
    if hashlib.sha256(content).hexdigest() != card.get("model_sha256"):
        raise ModelError(
            f"{folder / MODEL_FILE}: its sha256 is not the one in {CARD_FILE}; the file is not used"
        )
    return card, content


def _put_in_place(draft: Path, target: Path) -> None:
    """Rename the draft to the target, unless a whole model is there; a damaged one is taken away."""
    if _is_whole(target):
        return
    if target.exists():
        target.rename(draft.with_name(draft.name + "-damaged"))
    try:
        draft.rename(target)
    except OSError:
        if not _is_whole(target):  # another process was faster, and that is fine
            raise
    finally:
        shutil.rmtree(draft.with_name(draft.name + "-damaged"), ignore_errors=True)


def _is_whole(folder: Path) -> bool:
    try:
        card = _read_card(folder / CARD_FILE)
        digest = hashlib.sha256((folder / MODEL_FILE).read_bytes()).hexdigest()
    except (ModelError, OSError):
        return False
    return digest == card.get("model_sha256")


def _read_card(path: Path) -> dict[str, Any]:
    try:
        card = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read ({error.strerror or error}); run `hexapolis train`"
        ) from error
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
            raise ModelError(
                f"{path}: holds {', '.join(strange[:3])}, which a model file may not hold; not loaded"
            )
        state = loads(content, trusted=[])
        trees = Trees(state["figure"], state["limit"], state["value"], float(state["start"][0]))
        return Parts(
            estimators={target: state["estimators"][target] for target in TARGETS},
            vocabulary=Vocabulary(state["position"], state["idf"]),
            relevance=trees,
            calibration={
                target: {name: (float(a), float(b)) for name, (a, b) in zip(LANGUAGES, rows, strict=True)}
                for target, rows in zip(TARGETS, state["calibration"], strict=True)
            },
            thresholds={
                target: {name: float(value) for name, value in zip(LANGUAGES, row, strict=True)}
                for target, row in zip(TARGETS, state["thresholds"], strict=True)
            },
        )
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, OSError) as error:
        raise ModelError(f"{path}: is not a model file of this version ({error})") from error


def _types_in(content: bytes) -> set[str]:
    """Every type that a skops file names, without loading any of it."""
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
