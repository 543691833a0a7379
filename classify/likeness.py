"""How alike texts are, for choosing ones that differ. No model, no labels: what a text holds decides.

Coarse on purpose: a text becomes a row of a few numbers, so that thousands are compared in a moment. Copies
and edited copies come out close to 1, texts on other matters close to 0. Exact copies are stories
(`compare/stories.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Content = frozenset[int] | NDArray[np.float64]
"""What a text holds: its `shingles`, or a vector that has one length for all texts."""

_WIDTH = 128  # columns that sets of shingles are folded into
_SHINGLE = 4  # characters


def shingles(text: str) -> frozenset[int]:
    """A text's runs of four letters or digits, as numbers; one in four of them is kept."""
    letters = "".join(c for c in text.lower() if c.isalnum()).encode("utf-32-le", "replace")
    codes = np.frombuffer(letters, dtype=np.uint32).astype(np.uint64)
    if len(codes) < _SHINGLE:
        return frozenset(codes.tolist())
    hashed = np.zeros(len(codes) - _SHINGLE + 1, dtype=np.uint64)
    for step in range(_SHINGLE):
        hashed = _mixed(hashed ^ codes[step : step + len(hashed)])
    kept = hashed[hashed & np.uint64(3) == 0]
    return frozenset((kept >> np.uint64(2)).tolist())


def unit_vectors(contents: Sequence[Content | None]) -> NDArray[np.float64]:
    """One row of length 1 a text, or of zeros where nothing is known of it; products of rows are likeness.

    Raises:
        ValueError: vectors differ in length, or some texts have a vector and others shingles.
    """
    given = [one for one in contents if isinstance(one, np.ndarray)]
    if given and any(isinstance(one, frozenset) for one in contents):
        raise ValueError("contents are either all shingles or all vectors")
    if given:
        nothing = np.zeros_like(given[0], dtype=np.float64)
        if len({one.shape for one in given}) > 1 or nothing.ndim != 1:
            raise ValueError("contents that are vectors must have one dimension and one length")
        rows = np.array([one if isinstance(one, np.ndarray) else nothing for one in contents], np.float64)
    else:
        rows = _folded([one if isinstance(one, frozenset) else frozenset() for one in contents])
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1.0))


def spread(
    own: NDArray[np.float64], worth: NDArray[np.float64], others: NDArray[np.float64], count: int
) -> list[int]:
    """Rows of the highest worth times distance from the nearest row chosen before, one after another.

    Args:
        own: unit vectors, one row a text.
        worth: of each text, above 0; between equals the first row is taken.
        others: unit vectors of texts that count as chosen already.
        count: how many are wanted; fewer come if there are fewer.
    """
    nearest = (own @ others.T).max(axis=1, initial=0.0)
    left, picked = worth.astype(np.float64), list[int]()
    for _ in range(min(count, len(own))):
        best = int((left * (1.001 - nearest)).argmax())  # a copy, too, is better than nothing
        picked.append(best)
        left[best] = -np.inf
        nearest = np.maximum(nearest, own @ own[best]).clip(None, 1.0)
    return picked


def _folded(sets: Sequence[frozenset[int]]) -> NDArray[np.float64]:
    """Every shingle adds or takes 1 in a column; both are drawn from its number."""
    hashed = _mixed(np.array([value for one in sets for value in one], dtype=np.uint64))
    owner = np.repeat(np.arange(len(sets)), [len(one) for one in sets])
    cell = owner * _WIDTH + (hashed % np.uint64(_WIDTH)).astype(np.int64)
    sign = np.where(hashed >> np.uint64(63), 1.0, -1.0)
    return np.bincount(cell, sign, minlength=len(sets) * _WIDTH).reshape(len(sets), _WIDTH).astype(float)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Numbers well scattered over 64 bits."""
    values = (values ^ (values >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)
    return values ^ (values >> np.uint64(29))
