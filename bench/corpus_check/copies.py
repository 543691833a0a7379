"""Texts that are nearly the same. Runs of letters decide, so a change of names or numbers hides nothing.

Likeness is containment: the share of the shorter text's runs that the longer one has, too, so that a text
set into a longer one is found as well as an edited copy. It is exact, not estimated: with some thousand texts
a sparse product takes about a second, and a sketch would save nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from bench.corpus_check.entries import Entry, Finding

RUN = {"zh": 5, "en": 12}
"""Letters in a run: about two to three words of either language, more than a set phrase shares by chance."""

COPY = 0.9
"""From here on nothing but a name or a number differs: hard. Pairs differ in a clause and lie below."""

ALIKE = 0.5
"""From here on a reader takes one text for a version of the other. Near-twins and pairs of this corpus, which
are written alike on purpose, lie between 0.2 and 0.9, and few other texts share more than a third."""

_SHORTEST = 12  # runs; below that a set phrase alone makes two sentences alike


@dataclass(frozen=True, slots=True)
class Alike:
    """Two texts that are nearly the same."""

    one: Entry
    other: Entry
    share: float  # of the shorter text's runs, 0 to 1

    @property
    def paired(self) -> bool:
        """Whether they are alike on purpose, as a pair."""
        return self.one.pair is not None and self.one.pair == self.other.pair

    @property
    def finding_ids(self) -> tuple[str, str]:
        """The ids, for a finding."""
        return self.one.id, self.other.id


def alike(entries: Sequence[Entry], threshold: float = ALIKE) -> list[Alike]:
    """All pairs of texts of one language whose likeness reaches the threshold, the most alike first."""
    found = []
    for language, length in RUN.items():
        own = [entry for entry in entries if entry.language == language]
        matrix = _runs(own, length)
        sizes = np.asarray(matrix.sum(axis=1)).ravel()
        common = sparse.triu(matrix @ matrix.T, k=1).tocoo()
        shorter = np.minimum(sizes[common.row], sizes[common.col])
        shares = common.data / np.maximum(shorter, 1)
        for n in np.flatnonzero((shares >= threshold) & (shorter >= _SHORTEST)).tolist():
            found.append(Alike(own[common.row[n]], own[common.col[n]], round(float(shares[n]), 3)))
    return sorted(found, key=lambda pair: (-pair.share, pair.finding_ids))


def _runs(entries: Sequence[Entry], length: int) -> sparse.csr_matrix:
    numbers: dict[str, int] = {}
    columns: list[int] = []
    starts = [0]
    for entry in entries:
        text = entry.letters
        runs = {text[n : n + length] for n in range(max(1, len(text) - length + 1))}
        columns.extend(numbers.setdefault(run, len(numbers)) for run in runs)
        starts.append(len(columns))
    ones = np.ones(len(columns), dtype=np.int32)
    return sparse.csr_matrix((ones, columns, starts), shape=(len(entries), max(1, len(numbers))))


def find_copies(pairs: Sequence[Alike]) -> list[Finding]:
    """Texts alike that are no pair and have the same labels."""
    findings = []
    for pair in pairs:
        if pair.paired or pair.one.label != pair.other.label:
            continue
        detail = f"{pair.share:.0%} of the shorter text, same labels"
        findings.append(Finding("copy", pair.finding_ids, detail, hard=pair.share >= COPY))
    return findings


def find_contradictions(pairs: Sequence[Alike]) -> list[Finding]:
    """Texts alike that are no pair and have different labels: near-twins, or an error."""
    findings = []
    for pair in pairs:
        if pair.paired or pair.one.label == pair.other.label:
            continue
        labels = " against ".join(_said(entry) for entry in (pair.one, pair.other))
        detail = f"{pair.share:.0%} of the shorter text, {labels}"
        same = pair.one.letters == pair.other.letters
        findings.append(Finding("contradiction", pair.finding_ids, detail, hard=same))
    return findings


def _said(entry: Entry) -> str:
    dims = "+".join(sorted(entry.item.dims)) or "none"
    return f"{dims}/{'relevant' if entry.item.relevant else 'not relevant'}"
