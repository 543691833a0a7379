"""Commands that read the store: articles, show, coverage, export."""

from __future__ import annotations

import datetime as dt
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hexapolis.cli.collect import day
from hexapolis.cli.output import Json, as_json, note, open_store, print_json, print_table, settings_of
from hexapolis.errors import InputFileError, UsageError
from hexapolis.records import DIMENSIONS

if TYPE_CHECKING:
    from compare.coverage import Coverage
    from store.articles import ArticleFilter

MAX_NUMBER = 2**63 - 1  # what a database takes as an integer

CityOption = Annotated[
    str | None, typer.Option("--city", metavar="CITY", help="Subject city: name or GB/T 2260 code.")
]
DimOption = Annotated[
    str | None, typer.Option("--dim", metavar="DIMENSION", help=f"One of {', '.join(DIMENSIONS)}.")
]
SourceOption = Annotated[
    str | None, typer.Option("--source", metavar="SOURCE", help="Source that brought it.")
]
LanguageOption = Annotated[str | None, typer.Option("--language", metavar="CODE", help="zh or en.")]
SinceOption = Annotated[
    dt.date | None, typer.Option(parser=day, metavar="DATE", help="Published on or after.")
]
UntilOption = Annotated[
    dt.date | None, typer.Option(parser=day, metavar="DATE", help="Published on or before.")
]
RelevantOption = Annotated[
    bool | None, typer.Option("--relevant/--irrelevant", help="About a city's AI policy, or not.")
]


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
    app.command()(articles)
    app.command()(show)
    app.command()(coverage)
    app.command()(export)


def city_code(name: str) -> str:
    """The code of a city that the user named.

    Raises:
        UsageError: there is no such city.
    """
    from classify.cities import all_cities, city_by_code, city_by_name

    city = city_by_code(name) if name.isdigit() else city_by_name(name)
    namesakes = [c for c in all_cities() if c.en.casefold() == name.strip().casefold()]
    if city is None and namesakes:
        listed = ", ".join(f"{c.zh} {c.code}" for c in namesakes)
        raise UsageError(f"several cities are called {name}: {listed}; give the code")
    if city is None:
        raise UsageError(
            f"unknown city {name!r}; give an English or Chinese name such as Shenzhen, or a GB/T 2260 code"
        )
    return city.code


def article_filter(
    city: str | None,
    dim: str | None,
    source: str | None,
    language: str | None,
    since: dt.date | None,
    until: dt.date | None,
    relevant: bool | None,
) -> ArticleFilter:
    """The filter that the options describe."""
    from store.articles import ArticleFilter

    if dim is not None and dim not in DIMENSIONS:
        raise UsageError(f"unknown dimension {dim!r}; there are {', '.join(DIMENSIONS)}")
    return ArticleFilter(
        city_code=city_code(city) if city is not None else None,
        dimension=dim,
        source_id=source,
        language=language,
        since=since,
        until=until,
        relevant=relevant,
    )


def articles(
    context: typer.Context,
    city: CityOption = None,
    dim: DimOption = None,
    source: SourceOption = None,
    language: LanguageOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    relevant: RelevantOption = None,
    limit: Annotated[int, typer.Option(min=1, max=MAX_NUMBER, metavar="N", help="At most so many.")] = 50,
    json: Json = False,
) -> None:
    """List articles, newest first."""
    settings = settings_of(context)
    wanted = article_filter(city, dim, source, language, since, until, relevant)
    from store.articles import list_articles

    with open_store(settings).read() as connection:
        rows = list(list_articles(connection, wanted, limit=limit))
    if json:
        for row in rows:
            print_json(row)
        return
    print_table(
        ("id", "published", "relevant", "dimensions", "cities", "title"),
        [
            (
                row["id"],
                row["published_on"] or "undated",
                "yes" if row["relevant"] else "no",
                ",".join(row["dims"]),
                ",".join(c["city"] for c in row["cities"]),
                row["title"][:60],
            )
            for row in rows
        ],
        right=(0,),
    )


def show(
    context: typer.Context,
    article: Annotated[
        int, typer.Argument(metavar="ID", min=1, max=MAX_NUMBER, help="The article's number.")
    ],
    json: Json = False,
) -> None:
    """Show one article with its whole chain, from archived bytes to tags."""
    settings = settings_of(context)
    from store.articles import show_article

    with open_store(settings).read() as connection:
        record = show_article(connection, article)
    if json:
        print_json(record)
        return
    typer.echo(f"Article {record['id']} of {record['source_id']}\n{record['url']}")
    for version in record["versions"]:
        _show_version(version)


def _show_version(version: dict[str, Any]) -> None:
    current = " (current)" if version["current"] else ""
    typer.echo(f"\nVersion {version['number']}{current}: {version['title']}")
    date = (
        f"{version['published_on']} ({version['published_from']})" if version["published_on"] else "undated"
    )
    typer.echo(f"  published {date}, {version['language']}, text sha256:{version['text_sha256']}")
    for page in version["pages"]:
        typer.echo(
            f"  page {page['id']} fetched {page['fetched_at']:%Y-%m-%d %H:%M:%SZ}, run {page['run_id']}, ",
            nl=False,
        )
        typer.echo(f"{page['warc_file']} at {page['warc_offset']}, {page['digest']}")
    for copy in version["copies"]:
        typer.echo(f"  copy: article {copy['article_id']} {copy['url']}")
    for prediction in version["predictions"]:
        current = " (current)" if prediction["current"] else ""
        typer.echo(
            f"  model {prediction['model_id'][:12]}{current}, codebook {prediction['codebook_version']}: ",
            nl=False,
        )
        typer.echo(
            f"relevance {prediction['relevance']:.2f} (threshold {prediction['relevance_threshold']:.2f})"
        )
        cities = ", ".join(f"{c['city']} ({c['role']})" for c in prediction["cities"])
        typer.echo(f"    cities: {cities or 'none'}")
        for name, score in prediction["dimensions"].items():
            mark = "*" if score["tagged"] else " "
            typer.echo(
                f"    {mark} {name:<12} {score['probability']:.2f} (threshold {score['threshold']:.2f})"
            )
            for quote in score["evidence"][:2]:
                typer.echo(
                    f"        [{quote['start']}:{quote['end']}] {' '.join(quote['quote'].split())[:100]}"
                )


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
    format: Annotated[TableFormat, typer.Option(help="How to print it.")] = TableFormat.TABLE,
    json: Json = False,
) -> None:
    """Cities and dimensions beside the plan: distinct stories, shares, rates."""
    settings = settings_of(context)
    wanted = article_filter(None, None, source, language, since, until, True)
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
    json: Json = False,
) -> None:
    """Write articles with their texts and tags to a file."""
    settings = settings_of(context)
    wanted = article_filter(city, dim, source, language, since, until, relevant)
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
