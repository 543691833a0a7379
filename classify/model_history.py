"""Which model was in use when: a file `history` beside `active`, to which lines are only added.

A rollback returns to the model that was in use before. `active` alone decides what is in use; where it names
a model that the history does not know (the first one is named by the first command that needs a model), the
history takes note before it goes on. Whether a model should be used is decided in `promotion.py`.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from classify.active import ACTIVE_FILE, set_active
from classify.model import Tagger
from hexapolis.errors import ModelError

HISTORY_FILE = "history"

FOUND = "found"  # it was in use already, named by another command
PROMOTED = "promoted"  # it passed the test
FORCED = "forced"  # its user wanted it all the same
ROLLBACK = "rollback"


def active_id(models_dir: Path) -> str | None:
    """The id in `active`, whether or not it is that of a usable model; None when there is none."""
    path = models_dir / ACTIVE_FILE
    try:
        return path.read_text("utf-8").strip() or None
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: cannot be read ({error})") from error


def activate(models_dir: Path, model_id: str, act: str, now: dt.datetime) -> None:
    """Make a model the one in use and write it down.

    Args:
        act: `PROMOTED` or `FORCED`.

    Raises:
        ModelError: there is no such model, or the folder cannot be written.
    """
    with _opened(models_dir) as file:
        trail = _caught_up(file, models_dir, now)
        # `active` first: a crash in between leaves a model in use that the history catches up with.
        set_active(models_dir, model_id)
        if trail[-1:] != [model_id]:
            _append(file, act, model_id, now)


def rollback(models_dir: Path, now: dt.datetime) -> str:
    """Make the model that was in use before the present one the one in use again; its id.

    Raises:
        ModelError: there was none before, or it cannot be used any more; nothing has changed then.
    """
    with _opened(models_dir) as file:
        trail = _caught_up(file, models_dir, now)
        if len(trail) < 2:
            raise ModelError(f"{models_dir}: no other model was in use before; `hexapolis models` lists them")
        Tagger.load(models_dir / trail[-2])
        set_active(models_dir, trail[-2])
        _append(file, ROLLBACK, trail[-2], now)
        return trail[-2]


def trail_of(models_dir: Path) -> list[str]:
    """The models that were in use one after the other, less those that a rollback left; the present one last.

    Raises:
        ModelError: the history cannot be read.
    """
    path = models_dir / HISTORY_FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        content = b""
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror or error})") from error
    trail, current = _trail(content, path), active_id(models_dir)
    return trail if current is None or trail[-1:] == [current] else [*trail, current]


def ever_active(models_dir: Path) -> set[str]:
    """The ids of all models that are or were in use.

    Raises:
        ModelError: the history cannot be read.
    """
    path = models_dir / HISTORY_FILE
    ids = set(trail_of(models_dir))
    if path.exists():
        ids.update(model_id for _, model_id in _acts(path.read_bytes(), path))
    return ids


@contextmanager
def _opened(models_dir: Path) -> Iterator[BinaryIO]:
    """The history, locked against other processes; a line that a crash cut short is taken off."""
    path = models_dir / HISTORY_FILE
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
            yield file
    except OSError as error:
        raise ModelError(f"{path}: cannot be written ({error.strerror or error})") from error


def _caught_up(file: BinaryIO, models_dir: Path, now: dt.datetime) -> list[str]:
    file.seek(0)
    trail, current = _trail(file.read(), models_dir / HISTORY_FILE), active_id(models_dir)
    if current is not None and trail[-1:] != [current]:
        _append(file, FOUND, current, now)
        trail.append(current)
    return trail


def _append(file: BinaryIO, act: str, model_id: str, now: dt.datetime) -> None:
    line = {"at": now.astimezone(dt.UTC).isoformat(timespec="seconds"), "act": act, "model_id": model_id}
    file.write(json.dumps(line).encode() + b"\n")
    file.flush()
    os.fsync(file.fileno())


def _trail(content: bytes, path: Path) -> list[str]:
    trail: list[str] = []
    for act, model_id in _acts(content, path):
        if act == ROLLBACK:
            del trail[-1:]
        elif trail[-1:] != [model_id]:
            trail.append(model_id)
    return trail


def _acts(content: bytes, path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(content[: content.rfind(b"\n") + 1].splitlines(), 1):
        try:
            entry = json.loads(line)
            yield str(entry["act"]), str(entry["model_id"])
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"{path}:{number}: is no line of a history; mend the file or move it away"
            ) from error
