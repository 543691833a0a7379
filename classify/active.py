"""Which model is in use: the one that the file `active` names, or the one that the corpus gives.

How a model came to be in use is in `model_history.py`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from classify.corpus import load_corpus
from classify.model import Tagger
from classify.model_files import CARD_FILE, read_card
from classify.train import model_id_for, train
from hexapolis.errors import ModelError

log = logging.getLogger(__name__)

ACTIVE_FILE = "active"


def active_model(models_dir: Path) -> Tagger | None:
    """The model that `set_active` named, or None when none was named.

    Raises:
        ModelError: the named model cannot be loaded.
    """
    folder = _active_folder(Path(models_dir))
    return Tagger.load(folder) if folder is not None else None


def _active_folder(models_dir: Path) -> Path | None:
    try:
        model_id = (models_dir / ACTIVE_FILE).read_text("utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{models_dir / ACTIVE_FILE}: cannot be read ({error})") from error
    if not _is_id(model_id):
        raise ModelError(f"{models_dir / ACTIVE_FILE}: does not hold a model id; run `hexapolis train`")
    return models_dir / model_id


def set_active(models_dir: Path, model_id: str) -> None:
    """Name the model in use; takes effect at once and whole.

    Raises:
        ModelError: no such model is in the folder.
    """
    folder = Path(models_dir)
    if not _is_id(model_id) or not (folder / model_id / CARD_FILE).is_file():
        raise ModelError(f"{folder}: no model {model_id!r}; `hexapolis models` lists them")
    draft = folder / f".{ACTIVE_FILE}.{os.getpid()}"
    try:
        draft.write_text(model_id + "\n", "utf-8")
        draft.replace(folder / ACTIVE_FILE)
    except OSError as error:
        raise ModelError(f"{folder / ACTIVE_FILE}: cannot be written ({error.strerror or error})") from error


def ensure_model(models_dir: Path) -> Tagger:
    """The active model; else the one that the present corpus gives, trained now if it is not there yet.

    Raises:
        ModelError: the folder cannot be written.
        CorpusError: the corpus is broken.
    """
    try:
        active = active_model(models_dir)
    except ModelError as error:
        log.warning("the active model is not usable: %s", error)
        active = None
    if active is not None:
        return active
    items = load_corpus()
    model_id = model_id_for(items)
    try:
        tagger = Tagger.load(Path(models_dir) / model_id)
    except ModelError:
        log.info("no usable model %s yet; training it", model_id)
        tagger = train(items)
        tagger.save(models_dir)
    set_active(models_dir, tagger.model_id)
    return tagger


def ensure_card(models_dir: Path) -> Mapping[str, Any]:
    """The card of the model that `ensure_model` gives, without loading one that is there and whole.

    For a process that has others do the tagging: loading the model costs it more than all else at its start.

    Raises:
        ModelError, CorpusError: as `ensure_model`.
    """
    try:
        folder = _active_folder(Path(models_dir))
        if folder is not None:
            return read_card(folder)
    except ModelError:
        pass  # `ensure_model` says what is wrong
    return ensure_model(models_dir).card


def _is_id(model_id: str) -> bool:
    return model_id.isascii() and model_id.isalnum()
