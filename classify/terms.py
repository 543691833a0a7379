"""Many strings looked for in a text at once.

The scan is Aho and Corasick's, so its time does not grow with the number of strings. Says nothing about what
a string means.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import ahocorasick_rs

_SURROGATE = re.compile("[\ud800-\udfff]")


def without_surrogates(text: str) -> str:
    """Each lone surrogate, which no encoding can hold, replaced by a space, so that positions stay."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return _SURROGATE.sub(" ", text)
    return text


class TermScanner:
    """Finds every occurrence of every one of its strings, also those that overlap.

    Args:
        terms: the strings, none of them empty.
    """

    def __init__(self, terms: Sequence[str]) -> None:
        self._automaton = ahocorasick_rs.AhoCorasick(
            terms, implementation=ahocorasick_rs.Implementation.ContiguousNFA
        )

    def scan(self, text: str) -> list[tuple[int, int, int]]:
        """Occurrences as (number of the term, start, end); `text[start:end]` is the term."""
        try:
            return self._automaton.find_matches_as_indexes(text, overlapping=True)
        except UnicodeEncodeError:
            return self._automaton.find_matches_as_indexes(without_surrogates(text), overlapping=True)
