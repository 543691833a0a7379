"""The command that brings saved pages in: HTML files and WARC files of any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hexapolis.cli.collect import exit_code, print_runs, run_record
from hexapolis.cli.output import Json, note, open_store, print_json, progress_note, settings_of

if TYPE_CHECKING:
    from crawler.spiders.saved import ImportResult
    from store.runs import RunSummary


def import_(
    context: typer.Context,
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="HTML files, .html.gz, .warc(.gz), folders.")
    ],
    host: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Only this host and its subdomains; *.gov.cn: subdomains only."),
    ] = None,
    language: Annotated[
        str | None, typer.Option(metavar="zh|en", help="Only pages that seem to be in this language.")
    ] = None,
    json: Json = False,
) -> None:
    """Bring in saved pages through the same path as a crawl; an import that was stopped goes on."""
    settings = settings_of(context)
    from crawler.import_filter import import_filter
    from crawler.saved_pages import find_files
    from crawler.spiders.saved import import_files
    from pipeline import Processor

    wanted = import_filter(host or [], language)
    files = find_files(paths)
    store = open_store(settings, create=True)
    show = progress_note()
    with Processor(store, settings) as processor:
        result = import_files(
            files,
            store,
            settings,
            processor,
            wanted,
            (lambda path, r: show(f"{path.name}: {r.records} records, {r.imported} imported"))
            if show
            else None,
        )
    if show:
        show("")
    run = _joined(result.runs)
    _print_notes(result)
    if json:
        print_json({**run_record(run), **_record(result, len(files))})
    else:
        print_runs([replace(run, reason="")], json=False)
        note(f"{result.imported} of {result.records} records imported; {run.reason or 'none left out'}")
    partly = result.skipped or result.broken
    raise typer.Exit(3 if partly and run.status == "done" else exit_code(result.runs))


def _print_notes(result: ImportResult) -> None:
    for path in result.finished:
        note(f"{path}: imported before and unchanged since; left out")
    for path, done in result.resumed.items():
        note(f"{path}: went on after {done.records} records")
    for path, (count, first) in result.damaged.items():
        if not any(path == skipped for skipped, _ in result.skipped):
            note(f"{path}: {count} broken records; the first: {first}")
    for path, reason in result.skipped:
        note(f"{path}: {reason}")


def _joined(runs: Sequence[RunSummary]) -> RunSummary:
    """The runs of one import as one: the sums of their ledgers, the last one's number and reason."""
    outcomes: dict[str, int] = {}
    for run in runs:
        for outcome, count in run.outcomes.items():
            outcomes[outcome] = outcomes.get(outcome, 0) + count
    worst = [run.status for run in runs if run.status != "done"]
    return replace(
        runs[-1],
        status=worst[0] if worst else "done",
        started_at=runs[0].started_at,
        urls_seen=sum(run.urls_seen for run in runs),
        outcomes=dict(sorted(outcomes.items())),
    )


def _record(result: ImportResult, files: int) -> dict[str, Any]:
    """What was read, as JSON."""
    from crawler.saved_pages import FILTERED

    return {
        "runs": [run.run_id for run in result.runs],
        "files": files,
        "skipped": len(result.skipped),
        "finished": len(result.finished),
        "records": result.records,
        "imported": result.imported,
        "known": result.known,
        "filtered": {kind: result.filtered[kind] for kind in FILTERED},
        "broken": dict(sorted(result.broken.items())),
        "resumed_from": {
            str(path): {"offset": done.offset, "records": done.records}
            for path, done in result.resumed.items()
        },
    }
