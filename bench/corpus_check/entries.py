"""The lines of the corpus as they are written, and what a check says of them. No judgement here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classify.corpus import CORPUS_DIR, load_labelled
from classify.evaluate import language_of
from classify.folding import fold
from hexapolis.records import LabelledText


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found."""

    check: str
    ids: tuple[str, ...]  # of the texts; empty when it is about the corpus as a whole
    detail: str
    hard: bool = False  # breaks a rule; a soft finding asks to be read

    def __str__(self) -> str:
        where = f" {' '.join(self.ids)}:" if self.ids else ""
        return f"{'HARD' if self.hard else 'soft'} {self.check}{where} {self.detail}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: what training reads, and what only a check looks at."""

    file: str  # name without its folder
    item: LabelledText
    fields: tuple[str, ...]  # in the order in which they are written
    letters: str  # letters and digits of title and text alone, folded: what copies have in common

    @property
    def id(self) -> str:
        """The text's id."""
        return self.item.id

    @property
    def language(self) -> str:
        """`zh` or `en`."""
        return language_of(self.item)

    @property
    def pair(self) -> str | None:
        """The name of the pair (`rule-NN-x`) that the text belongs to, with its language."""
        name = self.item.meta.get("pair")
        return f"{self.language} {name}" if name else None

    @property
    def label(self) -> tuple[frozenset[str], bool | None]:
        """What the text is said to be: its dimensions and whether it is relevant."""
        return self.item.dims, self.item.relevant


def corpus_files() -> list[Path]:
    """Every file that training reads."""
    return sorted(CORPUS_DIR.glob("*.jsonl"))


def read_entries(files: Sequence[Path]) -> list[Entry]:
    """The lines of the files, in their order.

    Raises:
        InputFileError: a file cannot be read.
        CorpusError: a line does not fit the format.
    """
    entries = []
    for path in files:
        items = load_labelled(path)
        lines = [line for line in path.read_text("utf-8-sig").split("\n") if line.strip()]
        for item, line in zip(items, lines, strict=True):
            raw: dict[str, Any] = json.loads(line)
            whole = fold(f"{item.title or ''}\n{item.text}")
            letters = "".join(char for char in whole if char.isalnum())
            entries.append(Entry(path.name, item, tuple(raw), letters))
    return entries
