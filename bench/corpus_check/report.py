"""All checks of a set of files, and how their findings are printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.corpus_check.copies import alike, find_contradictions, find_copies
from bench.corpus_check.entries import Entry, Finding, corpus_files, read_entries
from bench.corpus_check.labels import HeldOut, cross_validate
from bench.corpus_check.rules import count_table, find_broken_rules, find_doubtful
from bench.corpus_check.templates import find_templates


@dataclass(frozen=True, slots=True)
class Report:
    """What the checks found, the hard findings first."""

    findings: tuple[Finding, ...]
    table: str  # counts by file and genre
    held_out: HeldOut | None = None  # None where no model was asked

    @property
    def broken(self) -> tuple[Finding, ...]:
        """The hard findings."""
        return tuple(finding for finding in self.findings if finding.hard)


def check(files: Sequence[Path] = (), *, labels: bool = False, seed: int = 0) -> Report:
    """Check the whole corpus, or what some files say beside it.

    Args:
        files: report only what touches a text of these; empty for the whole corpus. A file outside the
            corpus is checked as if it were already in it.
        labels: ask cross-validated models, too.
        seed: of the models.

    Raises:
        InputFileError: a file cannot be read.
        CorpusError: a line does not fit the format.
    """
    corpus = corpus_files()
    inside = {path.resolve() for path in corpus}
    added = [path for path in files if path.resolve() not in inside]
    entries = read_entries([*corpus, *added])
    names = {path.name for path in files}
    own = {entry.id for entry in entries if not files or entry.file in names}
    findings = find_all(entries)
    held_out = cross_validate(entries, seed=seed) if labels else None
    if held_out:
        findings += held_out.disagreements
    kept = [one for one in findings if not files or own & set(one.ids)]
    kept.sort(key=lambda finding: not finding.hard)
    return Report(tuple(kept), count_table([e for e in entries if e.id in own]), held_out)


def find_all(entries: Sequence[Entry]) -> list[Finding]:
    """Every finding but those that need a model."""
    pairs = alike(entries)
    return [
        *find_broken_rules(entries),
        *find_copies(pairs),
        *find_contradictions(pairs),
        *find_templates(entries, pairs),
        *find_doubtful(entries),
    ]


def render(report: Report, limit: int) -> str:
    """The report as text; of each check's soft findings, at most `limit`."""
    lines = [report.table, ""]
    shown: Counter[str] = Counter()
    for finding in report.findings:
        shown[finding.check] += not finding.hard
        if finding.hard or shown[finding.check] <= limit:
            lines.append(str(finding))
    lines += [f"soft {name}: {count} in all" for name, count in sorted(shown.items()) if count > limit]
    if report.held_out:
        lines.append("")
        for target, (f1, precision) in report.held_out.metrics.items():
            lines.append(f"held out {target:12} F1 {f1:.4f}  AP {precision:.4f}")
        lines.append(f"held out macro-F1     {report.held_out.macro_f1:.4f}")
    lines.append(f"{len(report.broken)} hard, {len(report.findings) - len(report.broken)} soft")
    return "\n".join(lines)
