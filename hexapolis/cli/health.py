"""The command that says how each source is: `hexapolis sources health`."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hexapolis.cli.collect import CatalogueOption
from hexapolis.cli.output import Json, note, open_store, print_json, print_table, settings_of

if TYPE_CHECKING:
    from hexapolis.records import SourceHealth

OUTAGE = 5  # so many sources dead at once, and none alive: it is our own connection


def health(
    context: typer.Context,
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="[SOURCE]...", help="Which; the whole catalogue when none.")
    ] = None,
    catalogue: CatalogueOption = None,
    json: Json = False,
) -> None:
    """Say how each source is, worst first: ok, or blocked, changed, stale, dead, and what shows it."""
    settings = settings_of(context)
    from crawler.catalogue import load_catalogue
    from crawler.entry_points import first_ask
    from crawler.health import judge_source, worst_first
    from crawler.urls import url_identity
    from hexapolis.records import HealthState, SourceFacts
    from store.health import load_facts

    book = load_catalogue(catalogue or settings.catalogue)
    chosen = [book.get(name) for name in dict.fromkeys(sources)] if sources else book.sources
    facts: dict[str, SourceFacts] = {}
    if settings.db or (settings.data / "hexapolis.db").exists():  # before the first crawl there is none
        points = {s.id: {url_identity(first_ask(e).address): e for e in s.entry_points} for s in chosen}
        with open_store(settings).read() as connection:
            facts = load_facts(connection, points, dt.datetime.now(dt.UTC))
    verdicts = worst_first(
        judge_source(
            facts.get(source.id, SourceFacts(source.id)),
            enabled=source.enabled,
            disabled_reason=source.disabled_reason,
        )
        for source in chosen
    )
    if json:
        for verdict in verdicts:
            print_json(record(verdict))
    else:
        print_table(("source", "state", "since", "newest", "last run", "why"), map(_row, verdicts))
    states = [v.state for v in verdicts if v.state not in (HealthState.UNKNOWN, HealthState.DISABLED)]
    if len(states) >= OUTAGE and set(states) == {HealthState.DEAD}:
        note("no source answers: look at your own connection before you look at theirs")


def record(verdict: SourceHealth) -> dict[str, Any]:
    """A verdict as JSON."""
    run = verdict.last_run
    last = {"run": run.run_id, "status": run.status, "started_at": run.started_at} if run else None
    return {
        "source": verdict.source_id,
        "state": verdict.state.value,
        "since": verdict.since,
        "evidence": verdict.evidence,
        "last_run": last,
        "newest": verdict.newest,
    }


def _row(verdict: SourceHealth) -> tuple[str, ...]:
    run, evidence = verdict.last_run, verdict.evidence
    why = [str(evidence[name]) for name in ("why", "entry_point", "detail") if evidence.get(name)]
    return (
        verdict.source_id,
        verdict.state.value,
        f"{verdict.since:%Y-%m-%d %H:%M}" if verdict.since else "",
        f"{verdict.newest}" if verdict.newest else "",
        f"{run.status} {run.started_at:%Y-%m-%d %H:%M}" if run else "",
        ": ".join(why),
    )
