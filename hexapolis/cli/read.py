"""Commands that read the store: articles, show."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hexapolis.cli.collect import day
from hexapolis.cli.output import Json, open_store, print_json, print_table, settings_of
from hexapolis.errors import UsageError
from hexapolis.records import DIMENSIONS, DocumentKind, Level

if TYPE_CHECKING:
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
KindOption = Annotated[
    DocumentKind | None,
    typer.Option("--kind", metavar="KIND", help=f"What sort of document: {', '.join(DocumentKind)}."),
]
LevelOption = Annotated[
    Level | None,
    typer.Option("--level", metavar="LEVEL", help=f"Rank of the body whose act it is: {', '.join(Level)}."),
]
RelevantOption = Annotated[
    bool | None, typer.Option("--relevant/--irrelevant", help="About a city's AI policy, or not.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(articles)
    app.command()(show)


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
    kind: DocumentKind | None = None,
    level: Level | None = None,
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
        kind=kind.value if kind else None,
        level=level.value if level else None,
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
    kind: KindOption = None,
    level: LevelOption = None,
    limit: Annotated[int, typer.Option(min=1, max=MAX_NUMBER, metavar="N", help="At most so many.")] = 50,
    json: Json = False,
) -> None:
    """List articles, newest first."""
    settings = settings_of(context)
    wanted = article_filter(city, dim, source, language, since, until, relevant, kind, level)
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
    if record["gone_at"] is not None:
        typer.echo(f"gone since {record['gone_at']:%Y-%m-%d %H:%M:%SZ}; what was archived stays")
    for version in record["versions"]:
        _show_version(version)


def _show_version(version: dict[str, Any]) -> None:
    current = " (current)" if version["current"] else ""
    typer.echo(f"\nVersion {version['number']}{current}: {version['title']}")
    date = (
        f"{version['published_on']} ({version['published_from']})" if version["published_on"] else "undated"
    )
    typer.echo(f"  published {date}, {version['language']}, text sha256:{version['text_sha256']}")
    if version["kind"]:
        typer.echo(f"  kind: {version['kind']}, {version['kind_reason']}")
        typer.echo(f"  level: {version['level']}, {version['level_reason']}")
    for page in version["pages"]:
        typer.echo(
            f"  page {page['id']} fetched {page['fetched_at']:%Y-%m-%d %H:%M:%SZ}, run {page['run_id']}, ",
            nl=False,
        )
        typer.echo(f"{page['warc_file']} at {page['warc_offset']}, {page['digest']}")
        for document in page["documents"]:
            typer.echo(
                f"    document {document['url']}, {document['warc_file']} at {document['warc_offset']}"
            )
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
