"""Commands that compare and hand on: coverage, export."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict, astuple
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
from hexapolis.errors import InputFileError, UsageError
from hexapolis.records import DIMENSIONS

if TYPE_CHECKING:
    from compare.correction import Corrected
    from compare.coverage import Coverage
    from hexapolis.records import TaggedArticle

    CorrectedRates = Mapping[tuple[str, str | None], Mapping[str, Corrected]]


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
    corrected: Annotated[
        bool, typer.Option("--corrected", help="Also rates put right for the model's errors.")
    ] = False,
    format: Annotated[TableFormat, typer.Option(help="How to print it.")] = TableFormat.TABLE,
    json: Json = False,
) -> None:
    """Cities and dimensions beside the plan: distinct stories, shares, rates."""
    settings = settings_of(context)
    wanted = article_filter(None, None, source, language, since, until, True, kind, level)
    codes = [city_code(name) for name in city or []]
    if corrected and format is TableFormat.HTML:
        raise UsageError("--corrected goes with the formats table, csv and json")
    from classify.codebook import load_codebook
    from compare import coverage as comparison
    from store.articles import list_articles, tagged_articles

    store = open_store(settings)
    with store.read() as connection:
        plan = load_codebook().plan.profile
        articles = tagged_articles(connection, wanted)
        table = comparison.coverage(articles, plan, by_month=by is Period.MONTH, cities=codes)
        rates = _corrected(connection, articles, by is Period.MONTH, codes) if corrected else None
        notes = _source_notes(connection)
        if format is TableFormat.HTML:
            from compare.report import render_report

            evidence = list(list_articles(connection, wanted, quotes=True))
            typer.echo(render_report(table, evidence, load_codebook(), notes))
            return
    if json or format is TableFormat.JSON:
        found = table.as_dict()
        if rates is not None:
            for row in found["rows"]:
                for name, cell in rates[row["city_code"], row["period"]].items():
                    row["cells"][name]["corrected"] = asdict(cell)
        print_json({**found, "notes": notes})
    elif format is TableFormat.CSV:
        sys.stdout.write(coverage_csv(table, rates))
    else:
        print_coverage(table)
        if rates is not None:
            print_corrected(table, rates)
        for line in notes:
            note(line)


def _corrected(
    connection: Any, articles: list[TaggedArticle], by_month: bool, codes: list[str]
) -> CorrectedRates:
    from classify.quantify import rate_estimator
    from compare.correction import corrected
    from store.audits import audited_texts, current_models

    cards = current_models(connection)
    if len(cards) > 1:
        raise UsageError(
            f"the articles are tagged by {len(cards)} models, whose errors differ; `hexapolis process --all` "
            "tags them by one"
        )
    held_out: Any = {}
    audited: list[tuple[str, str, bool, bool]] = []
    for model_id, card in cards.items():
        held_out = card["held_out"]
        audited = [
            (name, text.language, name in text.carries, name in text.tagged)
            for text in audited_texts(connection, model_id)
            for name in DIMENSIONS
            if name not in text.contested
        ]
    return corrected(articles, rate_estimator(held_out, audited), by_month=by_month, cities=codes)


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


def print_corrected(table: Coverage, rates: CorrectedRates) -> None:
    """For people: how many of a city's stories carry a dimension, as counted and as corrected."""
    rows = []
    for row in table.rows:
        if row.few:
            continue
        name = f"{row.city} {row.period}" if row.period else row.city
        figures = []
        for dimension, cell in rates[row.city_code, row.period].items():
            raw = row.cells[dimension].rate or 0.0
            figures.append(
                f"{raw:.0%} > {cell.rate:.0%} ({cell.low:.0%}-{cell.high:.0%})"
                if cell.rate is not None
                else f"{raw:.0%} > ?"
            )
        rows.append([name, str(row.stories), *figures])
    if not rows:
        typer.echo("\nCorrected rates need ten stories of a city; no city has as many.")
        return
    typer.echo(
        "\nShare of the city's stories that carry a dimension: as tagged > corrected (95 % interval)\n"
    )
    print_table(("city", "stories", *DIMENSIONS), rows, right=range(1, 8))


def coverage_csv(table: Coverage, rates: CorrectedRates | None = None) -> str:
    """The table as CSV, one line for each city (and period) and dimension."""
    from compare.export import csv_text

    fields = ["city", "city_code", "period", "dimension", "stories", "articles", "row_stories", "row_tags"]
    fields += ["rate", "low", "high", "share", "plan_share"]
    if rates is not None:
        fields += ["corrected_rate", "corrected_low", "corrected_high", "corrected_note"]
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
            *(astuple(rates[row.city_code, row.period][name]) if rates is not None else ()),
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
