r"""Patterns tried only where one of their matches can begin.

A pattern that starts with `\b`, a look-behind or a letter in either case makes `re` try every character of a
text. If the words that its matches begin with are known, one scan finds the places for many patterns at
once. The matches are those that `re` finds alone. Says nothing about what a pattern means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from classify.terms import TermScanner

AT_START = "^"
"""Stands in a pattern's beginnings for the start of the text."""

DIGIT = "\\d"
"""Stands for any decimal digit of any script."""

_DIGIT = re.compile(DIGIT)
# Where case is ignored, these count as i, i, k and s, but `str.lower` does not make those of all.
_OTHER_CASES = re.compile("[\u0130\u0131\u212a\u017f]")


@dataclass(frozen=True, slots=True)
class Sought:
    """A pattern, and what its matches begin with: every match with one of these; case is ignored.

    Without beginnings the pattern is looked for everywhere.
    """

    pattern: re.Pattern[str]
    beginnings: tuple[str, ...] = ()


class Searcher:
    """Looks for several patterns in one text after another; they are known by their number."""

    def __init__(self, sought: Sequence[Sought]) -> None:
        self.sought = tuple(sought)
        owners: dict[str, list[int]] = {}
        for number, one in enumerate(self.sought):
            for beginning in one.beginnings:
                if beginning not in (AT_START, DIGIT):
                    owners.setdefault(beginning.lower(), []).append(number)
        self._scanner = TermScanner(list(owners))
        self._owners = tuple(map(tuple, owners.values()))

    def read(self, text: str) -> Sightings:
        """One text; it is scanned at once."""
        if _OTHER_CASES.search(text):
            return Sightings(text, self.sought, None)
        starts: list[list[int]] = [[] for _ in self.sought]
        for term, start, _ in self._scanner.scan(text.lower()):
            for number in self._owners[term]:
                starts[number].append(start)
        return Sightings(text, self.sought, starts)


class Sightings:
    """The places of one text where the patterns of a `Searcher` can begin."""

    def __init__(self, text: str, sought: Sequence[Sought], starts: list[list[int]] | None) -> None:
        self._text, self._sought, self._starts = text, sought, starts

    def any_start(self) -> bool:
        """Whether one of the words that the patterns' matches begin with stands in the text, or may."""
        return self._starts is None or any(self._starts)

    def finditer(self, number: int) -> Iterator[re.Match[str]]:
        """The matches of a pattern, as `re.Pattern.finditer` finds them."""
        one, text = self._sought[number], self._text
        if self._starts is None or not one.beginnings:
            yield from one.pattern.finditer(text)
            return
        starts = self._starts[number]
        if AT_START in one.beginnings:
            starts = [0, *starts]
        if DIGIT in one.beginnings:
            starts = starts + [match.start() for match in _DIGIT.finditer(text)]
        free = 0
        for start in sorted(starts):
            if start >= free and (match := one.pattern.match(text, start)) is not None:
                yield match
                free = max(match.end(), start + 1)

    def search(self, number: int) -> re.Match[str] | None:
        """The first match of a pattern, as `re.Pattern.search` finds it."""
        return next(self.finditer(number), None)
