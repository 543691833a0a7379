"""Whether a new model may take the place of the one in use: the test on held-out reviews, and its record.

A model that fails stays a candidate, and `promotion.json` beside its card says why. Training is in `train.py`
and `learning.py`, which model was in use when in `model_history.py`.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from classify.active import active_model
from classify.evaluate import evaluate
from classify.model import Tagger
from classify.model_files import CARD_FILE, read_card
from classify.model_history import active_id, ever_active, trail_of
from hexapolis.errors import ModelError
from hexapolis.records import DIMENSIONS, LabelledText

log = logging.getLogger(__name__)

LEAST_LABELS = 20  # held-out labels that a dimension in one language needs to be judged
TOLERANCE = 0.02  # F1 that it may lose

PROMOTION_FILE = "promotion.json"


@dataclass(frozen=True, slots=True)
class Cell:
    """One dimension in one language, on the held-out reviews."""

    dimension: str
    language: str
    labels: int  # held-out texts on whose label the reviewers agree
    positives: int  # of these, those that carry the dimension
    before: float | None  # F1 of the model in use; None when there is none
    after: float  # F1 of the candidate
    judged: bool  # there are labels enough, and at least one positive: F1 says nothing without

    @property
    def fell(self) -> bool:
        """Whether the candidate lost more than is allowed."""
        return self.judged and self.before is not None and self.after < self.before - TOLERANCE - 1e-9


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the test came to."""

    model_id: str
    passed: bool
    reason: str  # one line
    compared_with: str | None  # the model in use
    texts: int  # held-out reviews
    cells: tuple[Cell, ...]
    judged_f1: float | None  # the candidate's mean over the judged cells

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def compare(candidate: Tagger, active: Tagger | None, held_out: Sequence[LabelledText]) -> Verdict:
    """Test a candidate: no dimension may fall by more than two points of F1 in any language.

    Args:
        candidate: the new model.
        active: the model in use; None when there is none that can be used.
        held_out: reviewed documents that neither was trained on.
    """
    cells = _cells(candidate, active, held_out) if held_out else []
    judged = [cell for cell in cells if cell.judged]
    fallen = [cell for cell in cells if cell.fell]
    if active is None:
        reason = "no other model is in use"
    elif active.model_id == candidate.model_id:
        reason = "it is the model in use"
    elif fallen:
        reason = "; ".join(
            f"{c.dimension} in {c.language} falls from {c.before:.3f} to {c.after:.3f} on {c.labels} labels"
            for c in fallen
        )
    elif judged:
        reason = f"nothing falls by more than {TOLERANCE * 100:.0f} points"
    else:
        reason = "nothing could be judged"
    return Verdict(
        model_id=candidate.model_id,
        passed=not fallen,
        reason=f"{reason} ({_coverage(cells)})",
        compared_with=active.model_id if active is not None else None,
        texts=len(held_out),
        cells=tuple(cells),
        judged_f1=round(sum(c.after for c in judged) / len(judged), 4) if judged else None,
    )


def usable_active(models_dir: Path) -> Tagger | None:
    """The model in use; None when there is none, or when this version cannot use it: any other is better."""
    try:
        return active_model(models_dir)
    except ModelError as error:
        log.warning("the active model is not usable: %s", error)
        return None


def save_verdict(models_dir: Path, verdict: Verdict, now: dt.datetime) -> None:
    """Write the verdict beside the model's card.

    Raises:
        ModelError: the folder cannot be written.
    """
    path = models_dir / verdict.model_id / PROMOTION_FILE
    content = {"at": now.astimezone(dt.UTC).isoformat(timespec="seconds"), **verdict.as_dict()}
    draft = path.with_name(f".{PROMOTION_FILE}.{os.getpid()}")
    try:
        draft.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", "utf-8")
        draft.replace(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be written ({error.strerror or error})") from error


def list_models(models_dir: Path) -> list[dict[str, Any]]:
    """Every model in the folder, newest first, with its state.

    States: `active`; `previous`, was in use before (`rollback` is true for the one that a rollback returns
    to); `candidate`, never was, with the reason; `unusable`, by this version, with the reason.

    Raises:
        ModelError: the history cannot be read.
    """
    active, trail, used = active_id(models_dir), trail_of(models_dir), ever_active(models_dir)
    rows = []
    for path in models_dir.glob(f"*/{CARD_FILE}"):
        model_id = path.parent.name
        if model_id.startswith("."):  # the draft of one that is being written
            continue
        verdict = _read_object(path.with_name(PROMOTION_FILE))
        state, reason = "candidate", verdict.get("reason", "not tested yet")
        if model_id in used:
            state, reason = ("active" if model_id == active else "previous"), None
        try:
            card = read_card(path.parent)
        except ModelError as error:
            card = _read_object(path)
            reason, state = str(error), "unusable" if state != "active" else state
        data = card.get("data", {})
        rows.append(
            {
                "id": model_id,
                "state": state,
                "reason": reason,
                "rollback": len(trail) > 1 and model_id == trail[-2],
                "created_at": card.get("created_at"),
                "codebook_version": card.get("codebook_version"),
                "seed": card.get("parameters", {}).get("seed"),
                "texts": data.get("texts"),
                "sources": data.get("sources"),
                "folds_macro_f1": card.get("held_out_macro_f1"),
                "held_out_reviews": {
                    name: verdict[name]
                    for name in ("at", "texts", "judged_f1", "compared_with", "cells")
                    if name in verdict
                }
                or None,
            }
        )
    rows.sort(key=lambda row: (row["created_at"] or "", row["id"]), reverse=True)
    return rows


def _cells(candidate: Tagger, active: Tagger | None, held_out: Sequence[LabelledText]) -> list[Cell]:
    new = evaluate(candidate, held_out).by_language
    old = evaluate(active, held_out).by_language if active is not None else None
    return [
        Cell(
            dimension=dimension,
            language=language,
            labels=table[dimension].count,
            positives=table[dimension].support,
            before=round(old[language][dimension].f1, 4) if old is not None else None,
            after=round(table[dimension].f1, 4),
            judged=table[dimension].count >= LEAST_LABELS and table[dimension].support > 0,
        )
        for language, table in new.items()
        for dimension in DIMENSIONS
    ]


def _coverage(cells: Sequence[Cell]) -> str:
    if not cells:
        return "there are no held-out reviews yet"
    judged = sum(cell.judged for cell in cells)
    rest = f"; the others have fewer than {LEAST_LABELS} held-out labels, or none that says yes"
    return f"{judged} of {len(cells)} dimensions by language judged{rest if judged < len(cells) else ''}"


def _read_object(path: Path) -> dict[str, Any]:
    """A JSON object for display; empty where it is missing, and no more than a reason where it is broken."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        return {"reason": f"{path.name} cannot be read ({error})"}
    return content if isinstance(content, dict) else {"reason": f"{path.name} is not a record of a test"}
