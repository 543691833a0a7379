"""Commands for the operator: schedule, doctor, demo; those about sources are in `sources.py`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hexapolis.cli import sources
from hexapolis.cli.collect import CatalogueOption, exit_code, run_record
from hexapolis.cli.output import Json, note, open_store, print_json, print_table, settings_of

if TYPE_CHECKING:
    from hexapolis.config import Settings
    from hexapolis.records import Source
    from store.runs import RunSummary


def register(app: typer.Typer) -> None:
    """Add the commands."""
    sources.register(app)
    app.command()(schedule)
    app.command()(doctor)
    app.command()(demo)


def schedule(
    context: typer.Context,
    only: Annotated[
        list[str] | None, typer.Argument(metavar="[SOURCE]...", help="Which; all enabled when none.")
    ] = None,
    catalogue: CatalogueOption = None,
    once: Annotated[bool, typer.Option("--once", help="Crawl what is due now, then end.")] = False,
    json: Json = False,
) -> None:
    """Crawl each source at its interval, in child processes, until stopped."""
    settings = settings_of(context)
    from crawler.catalogue import load_catalogue
    from scheduler import Scheduler, only_scheduler

    chosen = load_catalogue(catalogue or settings.catalogue).select(only or [])
    prefix = child_command(context, settings)
    suffix = ["--catalogue", str(catalogue)] if catalogue else []

    def command(source: Source) -> list[str]:
        return [*prefix, "crawl", source.id, "--trigger", "schedule", *suffix]

    ended: list[RunSummary] = []

    def on_end(run: RunSummary) -> None:
        ended.append(run)
        if json:
            print_json(run_record(run))
            sys.stdout.flush()
        else:
            note(f"{run.source_id}: {run.status}, {run.urls_seen} URLs {run.reason}".rstrip())

    with only_scheduler(settings.data):
        clock = Scheduler(chosen, open_store(settings, create=True), settings, command, on_end)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: clock.stop())
        if once:
            clock.run_due()
            raise typer.Exit(exit_code(ended))
        else:
            note(f"{len(chosen)} sources; stop with Ctrl-C")
            clock.run_forever()


def child_command(context: typer.Context, settings: Settings) -> list[str]:
    """The command line of a child process with the same global options as this one."""
    command = [sys.executable, "-m", "hexapolis", "--data", str(settings.data)]
    if settings.db:
        command += ["--db", settings.db]
    if context.obj["config"]:
        command += ["--config", str(context.obj["config"])]
    return command


def doctor(context: typer.Context, catalogue: CatalogueOption = None, json: Json = False) -> None:
    """Check this installation: versions, folders, database, catalogue, model."""
    settings = settings_of(context)
    from hexapolis.cli.checks import run_checks

    checks = list(run_checks(settings, catalogue or settings.catalogue))
    for check in checks:
        if json:
            print_json(check)
    if not json:
        print_table(("check", "state", "detail"), [(c.name, c.state, c.detail) for c in checks])
    if any(check.state == "fail" for check in checks):
        raise typer.Exit(1)


def demo(
    context: typer.Context,
    serve: Annotated[bool, typer.Option(help="Serve the result until stopped.")] = True,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the report; 0 for any.")] = 8700,
) -> None:
    """Crawl the bundled site on loopback into a fresh store and show the comparison."""
    settings = settings_of(context)
    from hexapolis.cli.demo import run_demo

    data: Path = settings.data if context.obj["data"] else settings.data / "demo"
    run_demo(data, context.obj["config"], db=context.obj["db"], serve=serve, port=port)
