"""What an edit changed, for people who read it: by sentence, and within a changed sentence by character.

Chinese has no spaces, so lines and words say nothing here. A number or a Latin word is one sign: 2024 that
becomes 2025 is replaced as a whole. Which versions are compared is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import pairwise

_SENTENCE = re.compile(r"[^。！？；!?;\n]*?(?:[。！？；!?;]+[”’」』）)]*|\.(?=\s)|\n)\s*|[\s\S]+?\Z")
_SIGN = re.compile(r"[^\W\d_\u2e80-\u9fff\uf900-\ufaff]+|\d+(?:[.,]\d+)*|\s+|[\s\S]")
_ALIKE = 0.5  # below this share of common signs two passages are two, not one that was edited
_SIGNS_MAX = 4_000  # of a passage that is compared sign by sign
_CRUMB = 2  # signs; what is kept between two changes and is no longer belongs to the change


class PieceKind(StrEnum):
    """What happened to a piece of text."""

    KEPT = "kept"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the old text, of the new one, or of both."""

    kind: PieceKind
    text: str


def differences(old: str, new: str) -> list[Piece]:
    """The pieces in order of reading, what was removed before what came in its place.

    The pieces that are kept or removed make up the old text, those kept or added the new one.
    """
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    before, after = _sentences(old, start, end), _sentences(new, start, end)
    pieces: list[Piece] = []
    for kind, a1, a2, b1, b2 in SequenceMatcher(None, before, after).get_opcodes():
        if kind == "equal":
            pieces.append(Piece(PieceKind.KEPT, "".join(before[a1:a2])))
        else:
            pieces += _within("".join(before[a1:a2]), "".join(after[b1:b2]))
    return _joined(pieces)


def _common(old: str, new: str) -> int:
    """How many characters both begin with."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if old.startswith(new[:middle]) else (low, middle - 1)
    return low


def _sentences(text: str, start: int, end: int) -> list[str]:
    """The sentences; what both texts begin and end with is not taken apart further."""
    cuts = [match.end() for match in _SENTENCE.finditer(text)]
    first = max((cut for cut in cuts if cut <= start), default=0)
    last = max(first, min((cut for cut in cuts if cut >= len(text) - end), default=len(text)))
    places = [0, first, *(cut for cut in cuts if first < cut < last), last, len(text)]
    return [text[a:b] for a, b in pairwise(places) if a < b]


def _within(old: str, new: str) -> list[Piece]:
    a, b = _SIGN.findall(old), _SIGN.findall(new)
    apart = [Piece(PieceKind.REMOVED, old), Piece(PieceKind.ADDED, new)]
    if not a or not b or len(a) + len(b) > _SIGNS_MAX:
        return apart
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return apart
    return list(_without_crumbs(a, b, matcher.get_opcodes()))


def _without_crumbs(
    a: Sequence[str], b: Sequence[str], steps: Sequence[tuple[str, int, int, int, int]]
) -> Iterator[Piece]:
    """One or two signs that happen to be the same between two changes tell a reader nothing."""
    removed: list[str] = []
    added: list[str] = []
    for place, (kind, a1, a2, b1, b2) in enumerate(steps):
        inside = 0 < place < len(steps) - 1
        if kind != "equal" or (inside and a2 - a1 <= _CRUMB):
            removed += a[a1:a2]
            added += b[b1:b2]
            continue
        yield Piece(PieceKind.REMOVED, "".join(removed))
        yield Piece(PieceKind.ADDED, "".join(added))
        removed, added = [], []
        yield Piece(PieceKind.KEPT, "".join(a[a1:a2]))
    yield Piece(PieceKind.REMOVED, "".join(removed))
    yield Piece(PieceKind.ADDED, "".join(added))


def _joined(pieces: Iterable[Piece]) -> list[Piece]:
    """Without empty pieces, and neighbours of a kind made one."""
    found: list[Piece] = []
    for piece in pieces:
        if not piece.text:
            continue
        if found and found[-1].kind is piece.kind:
            found[-1] = Piece(piece.kind, found[-1].text + piece.text)
        else:
            found.append(piece)
    return found


def marked(pieces: Sequence[Piece], around: int = 20) -> list[str]:
    """One line for each change, as `wdiff` writes it: `…before [-old-]{+new+} after…`.

    Args:
        pieces: as `differences` gives them.
        around: characters of what is kept on each side.
    """
    lines = []
    for number, piece in enumerate(pieces):
        follows = number > 0 and pieces[number - 1].kind is PieceKind.REMOVED
        if piece.kind is PieceKind.KEPT or (piece.kind is PieceKind.ADDED and follows):
            continue
        last = number
        words = f"[-{piece.text}-]" if piece.kind is PieceKind.REMOVED else f"{{+{piece.text}+}}"
        if piece.kind is PieceKind.REMOVED and number + 1 < len(pieces):
            after = pieces[number + 1]
            if after.kind is PieceKind.ADDED:
                words, last = words + f"{{+{after.text}+}}", number + 1
        left = pieces[number - 1].text if number else ""
        right = pieces[last + 1].text if last + 1 < len(pieces) else ""
        line = (
            ("…" if len(left) > around else "")
            + (left[-around:] if around else "")
            + words
            + right[:around]
            + ("…" if len(right) > around else "")
        )
        lines.append(" ".join(line.split()))
    return lines
