"""The command that lists what became of articles after they were stored: changes."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from hexapolis.cli.collect import day
from hexapolis.cli.output import Json, open_store, print_json, settings_of
from hexapolis.cli.read import SourceOption

CHINA = ZoneInfo("Asia/Shanghai")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(changes)


def changes(
    context: typer.Context,
    since: Annotated[
        dt.date | None,
        typer.Option(parser=day, metavar="DATE", help="Noticed on or after this day in China."),
    ] = None,
    source: SourceOption = None,
    json: Json = False,
) -> None:
    """List articles that were edited or removed, with what the edit changed."""
    settings = settings_of(context)
    from compare.differences import differences, marked
    from store.changes import changed_articles

    start = dt.datetime.combine(since or dt.date.min, dt.time(), CHINA if since else dt.UTC)
    store = open_store(settings)
    with store.read() as connection:
        rows = changed_articles(connection, start.astimezone(dt.UTC), source_id=source)
    for row in rows:
        edited = row["what"] == "edited"
        pieces = differences(row.pop("old_text"), row.pop("text")) if edited else []
        if json:
            print_json(row | ({"diff": [_plain(piece) for piece in pieces]} if edited else {}))
            continue
        typer.echo(
            f"{row['at'].astimezone(CHINA):%Y-%m-%d %H:%M}  {row['what']}  #{row['id']}  {row['title']}"
        )
        typer.echo(f"    {row['url']}")
        if edited and row["old_title"] != row["title"]:
            typer.echo(f"    title: [-{row['old_title']}-]{{+{row['title']}+}}")
        for line in marked(pieces):
            typer.echo(f"    {line}")
    if not rows and not json:
        typer.echo("No article was edited or removed.")


def _plain(piece: Any) -> dict[str, str]:
    return {"kind": piece.kind.value, "text": piece.text}
