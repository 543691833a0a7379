"""Labelled texts: the authored corpus in `corpus/`, and files to evaluate against.

One JSON object a line. Both formats are read: the corpus's (`id, lang, unit, genre, title?, text, dims,
relevant, cities`) and that of an evaluation file (`id, unit, text, dims, relevant, contested, cities`).
Nothing is guessed: a line that does not fit is an error that names the file, the line and the field.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hexapolis.errors import CorpusError, InputFileError
from hexapolis.records import DIMENSIONS, LabelledText

CORPUS_DIR = Path(__file__).with_name("corpus")

_UNITS = ("passage", "document")
_META_FIELDS = ("genre", "pair", "provenance")


class _Line:
    """One parsed line with its place, so that every complaint can say where."""

    def __init__(self, place: str, raw: dict[str, Any]) -> None:
        self.place = place
        self.raw = raw

    def error(self, field: str, reason: str) -> CorpusError:
        return CorpusError(f"{self.place}: {field}: {reason}")

    def text(self, field: str, *, required: bool = False) -> str | None:
        value = self.raw.get(field)
        if value is None and not required:
            return None
        if not isinstance(value, str) or not value.strip():
            raise self.error(field, "must be a text that is not empty")
        return value

    def words(self, field: str) -> tuple[str, ...] | None:
        value = self.raw.get(field)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise self.error(field, "must be a list of texts")
        return tuple(value)

    def dimensions(self, field: str, *, required: bool = False) -> frozenset[str]:
        words = self.words(field)
        if words is None:
            if required:
                raise self.error(field, "is missing; use [] for a text that carries no dimension")
            return frozenset()
        for word in words:
            if word not in DIMENSIONS:
                raise self.error(field, f"{word!r} is not one of {', '.join(DIMENSIONS)}")
        return frozenset(words)

    def labelled(self) -> LabelledText:
        relevant = self.raw.get("relevant")
        if relevant is not None and not isinstance(relevant, bool):
            raise self.error("relevant", "must be true, false or null")
        unit = self.text("unit") or "passage"
        if unit not in _UNITS:
            raise self.error("unit", f"must be one of {', '.join(_UNITS)}")
        identifier = self.text("id", required=True)
        text = self.text("text", required=True)
        assert identifier is not None
        assert text is not None
        meta = {name: value for name in _META_FIELDS if (value := self.text(name)) is not None}
        return LabelledText(
            id=identifier,
            text=text,
            dims=self.dimensions("dims", required=True),
            relevant=relevant,
            contested=self.dimensions("contested"),
            unit=unit,
            language=self.text("lang") or self.text("language"),
            title=self.text("title"),
            cities=self.words("cities"),
            meta=meta,
        )


def load_labelled(path: Path) -> list[LabelledText]:
    """Read one labelled JSON-lines file; blank lines are skipped.

    Raises:
        InputFileError: the file is missing or cannot be read.
        CorpusError: a line is not JSON, a field does not fit, or an id occurs twice; the text is
            `file:line: field: reason`.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputFileError(path, f"cannot be read ({error.strerror or error})") from error
    items: list[LabelledText] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        try:
            raw = json.loads(line.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise CorpusError(f"{place}: line: not a JSON object ({error})") from error
        if not isinstance(raw, dict):
            raise CorpusError(f"{place}: line: must be a JSON object")
        item = _Line(place, raw).labelled()
        if item.id in seen:
            raise CorpusError(f"{place}: id: {item.id!r} is already in line {seen[item.id]}")
        seen[item.id] = number
        items.append(item)
    return items


def load_corpus(folder: Path = CORPUS_DIR) -> list[LabelledText]:
    """Every labelled text of the authored corpus, file by file in the order of their names.

    Raises:
        CorpusError: as `load_labelled`, or an id occurs in two files.
    """
    items: list[LabelledText] = []
    owner: dict[str, Path] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for item in load_labelled(path):
            if item.id in owner:
                raise CorpusError(f"{path}: id: {item.id!r} is already in {owner[item.id].name}")
            owner[item.id] = path
            items.append(item)
    return items


def corpus_digest(items: Sequence[LabelledText]) -> str:
    """`sha256` (hex) over everything training reads of the items, independent of their order."""
    digest = hashlib.sha256()
    for item in sorted(items, key=lambda one: one.id):
        fields = [
            item.id,
            item.title,
            item.text,
            sorted(item.dims),
            item.relevant,
            sorted(item.contested),
            item.unit,
            item.language,
            sorted(item.meta.items()),
        ]
        digest.update(json.dumps(fields, ensure_ascii=True).encode("ascii"))
        digest.update(b"\n")
    return digest.hexdigest()
