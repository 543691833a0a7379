"""Reads the gazetteer's tables and lists from the files beside it; what they mean is not decided here."""

from __future__ import annotations

import csv
from pathlib import Path

_FOLDER = Path(__file__).parent


def table(file: str) -> list[dict[str, str]]:
    """The rows of one table, by column; a missing cell is empty."""
    with (_FOLDER / file).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE, restval=""))


def phrases(file: str) -> list[str]:
    """The lines of one list, without comments."""
    lines = (_FOLDER / file).read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
