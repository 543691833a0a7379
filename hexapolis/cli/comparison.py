"""Commands that compare and hand on: coverage, export."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hexapolis.cli.output import Json, as_json, note, open_store, print_json, print_table, settings_of
from hexapolis.cli.read import (
    CityOption,
    DimOption,
    KindOption,
    LanguageOption,
    LevelOption,
    RelevantOption,
    SinceOption,
    SourceOption,
    UntilOption,
    article_filter,
    city_code,
)
from hexapolis.errors import InputFileError
from hexapolis.records import DIMENSIONS

if TYPE_CHECKING:
    from compare.coverage import Coverage


class TableFormat(StrEnum):
    """How coverage is printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    HTML = "html"


class ExportFormat(StrEnum):
    """How articles are exported."""

    CSV = "csv"
    JSONL = "jsonl"


class Period(StrEnum):
    """How coverage is split over time."""

    MONTH = "month"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(coverage)
    app.command()(export)


def coverage(
    context: typer.Context,
    by: Annotated[Period | None, typer.Option("--by", help="Split by time.")] = None,
    city: Annotated[
        list[str] | None, typer.Option("--city", metavar="CITY", help="Only these (repeat it).")
    ] = None,
    source: SourceOption = None,
    language: LanguageOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    kind: KindOption = None,
    level: LevelOption = None,
    format: Annotated[TableFormat, typer.Option(help="How to print it.")] = TableFormat.TABLE,
    json: Json = False,
) -> None:
    """Cities and dimensions beside the plan: distinct stories, shares, rates."""
    settings = settings_of(context)
    wanted = article_filter(None, None, source, language, since, until, True, kind, level)
    codes = [city_code(name) for name in city or []]
    from classify.codebook import load_codebook
    from compare import coverage as comparison
    from store.articles import list_articles, tagged_articles

    store = open_store(settings)
    with store.read() as connection:
        plan = load_codebook().plan.profile
        table = comparison.coverage(
            tagged_articles(connection, wanted), plan, by_month=by is Period.MONTH, cities=codes
        )
        notes = _source_notes(connection)
        if format is TableFormat.HTML:
            from compare.report import render_report

            evidence = list(list_articles(connection, wanted, quotes=True))
            typer.echo(render_report(table, evidence, load_codebook(), notes))
            return
    if json or format is TableFormat.JSON:
        print_json({**table.as_dict(), "notes": notes})
    elif format is TableFormat.CSV:
        sys.stdout.write(coverage_csv(table))
    else:
        print_coverage(table)
        for line in notes:
            note(line)


def _source_notes(connection: Any) -> list[str]:
    """Sources whose last run did not go through: their cities' figures may be too low."""
    from store.runs import last_runs

    return [
        f"{run.source_id}: last run {run.status}{': ' + run.reason if run.reason else ''}; "
        "its figures may be too low"
        for run in sorted(last_runs(connection).values(), key=lambda r: r.source_id)
        if run.status not in ("done", "running")
    ]


def print_coverage(table: Coverage) -> None:
    """The table for people: distinct stories and, in percent, the share of the row's tags."""
    rows: list[list[str]] = [["the plan", "", *(f"{table.plan[d]:.0%}" for d in DIMENSIONS)]]
    for row in table.rows:
        name = f"{row.city} {row.period}" if row.period else row.city
        cells = [row.cells[d] for d in DIMENSIONS]
        figures = [
            f"{c.stories:>3} {c.share:>4.0%}" if c.share is not None else f"{c.stories:>3}    -"
            for c in cells
        ]
        rows.append([name + (" *" if row.few else ""), str(row.stories), *figures])
    print_table(("city", "stories", *DIMENSIONS), rows, right=range(1, 8))
    typer.echo(
        f"\n{table.stories} stories in {table.articles} articles. Each cell: distinct stories, and their "
        "share of the city's tags."
    )
    if any(row.few for row in table.rows):
        typer.echo("* fewer than ten stories: too few to compare shares.")
    if table.without_city:
        typer.echo(f"{table.without_city} relevant stories name no subject city and are in no row.")


def coverage_csv(table: Coverage) -> str:
    """The table as CSV, one line for each city (and period) and dimension."""
    from compare.export import csv_text

    fields = ["city", "city_code", "period", "dimension", "stories", "articles", "row_stories", "row_tags"]
    fields += ["rate", "low", "high", "share", "plan_share"]
    lines = (
        (
            row.city,
            row.city_code,
            row.period or "",
            name,
            cell.stories,
            cell.articles,
            row.stories,
            row.tags,
            cell.rate,
            cell.low,
            cell.high,
            cell.share,
            table.plan[name],
        )
        for row in table.rows
        for name, cell in row.cells.items()
    )
    return csv_text(fields, lines)


def export(
    context: typer.Context,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to; - for standard output.")
    ],
    format: Annotated[
        ExportFormat, typer.Option(help="CSV for spreadsheets, JSONL for programs.")
    ] = ExportFormat.CSV,
    city: CityOption = None,
    dim: DimOption = None,
    source: SourceOption = None,
    language: LanguageOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    relevant: RelevantOption = None,
    kind: KindOption = None,
    level: LevelOption = None,
    json: Json = False,
) -> None:
    """Write articles with their texts and tags to a file."""
    settings = settings_of(context)
    wanted = article_filter(city, dim, source, language, since, until, relevant, kind, level)
    from compare.export import article_csv
    from store.articles import list_articles

    with open_store(settings).read() as connection:
        rows = list(list_articles(connection, wanted, text=True))
    if format is ExportFormat.CSV and not json:
        content = article_csv(rows)
    else:
        content = "".join(as_json(row) + "\n" for row in rows)
    if str(output) == "-":
        sys.stdout.write(content)
        return
    try:
        with output.open(
            "w", encoding="utf-8-sig" if output.suffix == ".csv" else "utf-8", newline=""
        ) as file:
            file.write(content)
    except OSError as error:
        raise InputFileError(output, f"cannot be written: {error.strerror}") from error
    note(f"{len(rows)} articles written to {output}")
