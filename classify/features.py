"""From text to numbers: the units that are scored, and the sparse matrix of their features.

A document is cut into passages, these into sentences. Scored units are the passages and, inside the longer ones, runs
of few sentences, so that one concrete sentence in a long report is seen. Each unit has two blocks of features: lexicon
classes (`lexicon.py`) and hashed character n-grams. Nothing here is learnt; see `train.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp  # type: ignore[import-untyped]

from classify.folding import fold
from classify.lexicon import Lexicon
from classify.passages import is_bare_heading, sentences, split_passages, width
from hexapolis.records import Passage

MAX_CHARACTERS = 200_000
"""What is read of one text; the rest of a longer one is left out."""

FORMAT = 1
"""Raised when the meaning of a feature changes without the lexicon file changing."""

WINDOW_WIDTH = 120.0
"""Widest run of sentences scored on its own, in Chinese characters."""

HASH_BITS = 18
_HASH_SIZE = 1 << HASH_BITS
_MULTIPLIERS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x165667B19E3779F9))


@dataclass(frozen=True, slots=True)
class Outline:
    """A document cut up: passages for people, folded sentences, and the units that are scored."""

    passages: tuple[Passage, ...]
    sentences: tuple[str, ...]  # folded, without newlines
    units: tuple[tuple[int, int], ...]  # half-open ranges of sentences
    owners: tuple[int, ...]  # passage of each unit; -1 for the title
    scored: frozenset[int]  # passages that count for the document


def outline(title: str | None, text: str, window: float = WINDOW_WIDTH) -> Outline:
    """Cut up one document; the title, if any, is one more unit without a passage."""
    text = text[:MAX_CHARACTERS]
    passages = split_passages(text)
    folded: list[str] = []
    units: list[tuple[int, int]] = []
    owners: list[int] = []
    if title and title.strip():
        folded.append(_line(title[:1000]))
        units.append((0, 1))
        owners.append(-1)
    headings = {n for n, p in enumerate(passages) if is_bare_heading(text[p.start : p.end])}
    if len(headings) == len(passages):
        headings = set()
    for number, passage in enumerate(passages):
        first = len(folded)
        run_start, run_width, runs = first, 0.0, []
        for start, end in sentences(text, passage.start, passage.end):
            piece = width(text[start:end])
            here = len(folded)
            if here > run_start and run_width + piece > window:
                runs.append((run_start, here))
                run_start, run_width = here, 0.0
            run_width += piece
            folded.append(_line(text[start:end]))
        runs.append((run_start, len(folded)))
        if len(runs) > 1:
            runs.append((first, len(folded)))
        units += runs
        owners += [number] * len(runs)
    return Outline(
        tuple(passages), tuple(folded), tuple(units), tuple(owners), frozenset(range(len(passages))) - headings
    )


def _line(text: str) -> str:
    return fold(text).replace("\n", " ")


def lexicon_block(outlines: Sequence[Outline], lexicon: Lexicon) -> sp.csr_matrix:
    """Binary matrix, one row a unit over all outlines in order, one column a lexicon feature."""
    indices: list[int] = []
    indptr = [0]
    for one in outlines:
        by_sentence = lexicon.sentence_features(one.sentences) if one.sentences else []
        for first, last in one.units:
            indices.extend(sorted(lexicon.unit_features(by_sentence[first:last])))
            indptr.append(len(indices))
    data = np.ones(len(indices), dtype=np.float32)
    return sp.csr_matrix((data, indices, indptr), shape=(len(indptr) - 1, lexicon.size), dtype=np.float32)


def ngram_block(outlines: Sequence[Outline]) -> sp.csr_matrix:
    """Counts of hashed character 2- to 4-grams, one row a unit; n-grams do not cross sentence ends."""
    text: list[str] = []
    rows: list[int] = []
    columns: list[int] = []
    base = 0
    unit = 0
    for one in outlines:
        text.extend(one.sentences)
        for first, last in one.units:
            rows.extend([unit] * (last - first))
            columns.extend(range(base + first, base + last))
            unit += 1
        base += len(one.sentences)
    spread = sp.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(unit, base))
    return spread @ _sentence_counts(text)


def _sentence_counts(lines: Sequence[str]) -> sp.csr_matrix:
    joined = "\n".join(lines) + "\n"
    codes = np.frombuffer(joined.encode("utf-32-le", "replace"), dtype=np.uint32).astype(np.uint64)
    breaks = codes == 10
    row = np.cumsum(breaks) - breaks
    parts: list[np.ndarray] = []
    owners: list[np.ndarray] = []
    hashed = codes.copy()
    clean = ~breaks
    for step, multiplier in enumerate(_MULTIPLIERS, 1):
        hashed = (hashed[:-1] * multiplier) ^ codes[step:]
        clean = clean[:-1] & ~breaks[step:]
        mixed = (hashed * _MULTIPLIERS[0]) >> np.uint64(64 - HASH_BITS)
        parts.append(mixed[clean].astype(np.int64))
        owners.append(row[: len(hashed)][clean])
    column = np.concatenate(parts)
    matrix = sp.csr_matrix(
        (np.ones(len(column), np.float32), (np.concatenate(owners), column)), shape=(len(lines), _HASH_SIZE)
    )
    matrix.sum_duplicates()
    return matrix
