"""Commands about reviews: add one, take one back, list them."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, replace
from typing import Annotated, Any

import typer

from hexapolis.cli.output import Json, open_store, print_json, print_table, settings_of
from hexapolis.cli.read import MAX_NUMBER, city_code
from hexapolis.errors import UsageError
from hexapolis.records import DIMENSIONS, Review, ReviewKind

TextArgument = Annotated[
    str, typer.Argument(metavar="ID", help="An article (its current version), or v and a version's number.")
]
NONE = "none"


def register(app: typer.Typer) -> None:
    """Add the group; without a subcommand it lists."""
    group = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
    group.callback()(review)
    group.command()(add)
    group.command()(undo)
    group.command("list")(list_)
    app.add_typer(group, name="review")


def review(context: typer.Context, json: Json = False) -> None:
    """List reviews; say what an article carries; take a review back."""
    if context.invoked_subcommand is None:
        list_(context, None, json)
    elif json:
        raise UsageError(f"write the options behind `review {context.invoked_subcommand}`")


def add(
    context: typer.Context,
    text: TextArgument,
    reviewer: Annotated[str, typer.Option(metavar="NAME", help="Who judges.")],
    dims: Annotated[
        str | None,
        typer.Option(metavar="DIM,DIM|none", help=f"Dimensions it carries: {', '.join(DIMENSIONS)}."),
    ] = None,
    relevant: Annotated[
        bool | None,
        typer.Option("--relevant/--not-relevant", help="About a Chinese city's AI policy, or not."),
    ] = None,
    cities: Annotated[
        str | None, typer.Option(metavar="CITY,CITY|none", help="Subject cities: names or GB/T 2260 codes.")
    ] = None,
    blind: Annotated[
        bool, typer.Option("--blind", help="The reviewer did not see what the model says.")
    ] = False,
    adjudicate: Annotated[
        bool, typer.Option("--adjudicate", help="This settles what reviewers disagree on.")
    ] = False,
    audit: Annotated[
        bool, typer.Option("--audit", help="Drawn at random to measure the tags; never trained on.")
    ] = False,
    note: Annotated[str, typer.Option(help="Why, in a few words.")] = "",
    json: Json = False,
) -> None:
    """Add a review of one version; what is left out is not judged."""
    settings = settings_of(context)
    if blind and adjudicate:
        raise UsageError("--blind and --adjudicate exclude each other")
    if dims is None and relevant is None and cities is None:
        raise UsageError("a review judges something: give --dims, --relevant, --not-relevant or --cities")
    names = None if dims is None else _words(dims)
    codes = None if cities is None else tuple(sorted({city_code(name) for name in _words(cities)}))
    from classify.codebook import load_codebook
    from store.reviews import add_review, find_review

    with open_store(settings).write() as connection:
        given = Review(
            version_id=_version(connection, text),
            reviewer=reviewer,
            at=dt.datetime.now(dt.UTC),
            kind=ReviewKind.ADJUDICATED if adjudicate else ReviewKind.BLIND if blind else ReviewKind.OPEN,
            codebook_version=load_codebook().version,
            relevant=relevant,
            dims=names,
            cities=codes,
            audit=audit,
            note=note,
        )
        stored = find_review(connection, add_review(connection, given))
    _confirm(stored, json, f"review {stored.id} of version {stored.version_id} is stored")


def undo(
    context: typer.Context,
    number: Annotated[
        int, typer.Argument(metavar="REVIEW", min=1, max=MAX_NUMBER, help="The review's number.")
    ],
    reviewer: Annotated[str, typer.Option(metavar="NAME", help="Who takes it back.")],
    note: Annotated[str, typer.Option(help="Why, in a few words.")] = "",
    json: Json = False,
) -> None:
    """Take a review back: it stays in the record and no longer counts."""
    settings = settings_of(context)
    from store.reviews import add_review, find_review

    with open_store(settings).write() as connection:
        target = find_review(connection, number)
        act = Review(
            target.version_id,
            reviewer,
            dt.datetime.now(dt.UTC),
            ReviewKind.UNDO,
            target.codebook_version,
            note=note,
            undoes=number,
        )
        stored = replace(act, id=add_review(connection, act))
    _confirm(stored, json, f"review {number} no longer counts")


def list_(
    context: typer.Context,
    text: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="Only of this article's current version, or of v and a number."),
    ] = None,
    json: Json = False,
) -> None:
    """List reviews in the order in which they were added."""
    settings = settings_of(context)
    from store.reviews import reviews_of

    with open_store(settings).read() as connection:
        found = reviews_of(connection, None if text is None else [_version(connection, text)])
    undone = {one.undoes: one.id for one in found}
    if json:
        for one in found:
            print_json(_row(one) | {"undone_by": undone.get(one.id)})
        return
    print_table(
        ("id", "version", "at", "reviewer", "kind", "relevant", "dimensions", "cities", "remarks"),
        [
            (
                one.id,
                one.version_id,
                f"{one.at:%Y-%m-%d %H:%M:%SZ}",
                one.reviewer,
                f"undo of {one.undoes}" if one.undoes is not None else one.kind.value,
                {True: "yes", False: "no", None: ""}[one.relevant],
                _joined(one.dims),
                _joined(one.cities),
                "; ".join(_remarks(one, undone.get(one.id))),
            )
            for one in found
        ],
        right=(0, 1),
    )


def _remarks(one: Review, undone_by: int | None) -> list[str]:
    remarks = ["audit"] if one.audit else []
    remarks += [f"taken back by {undone_by}"] if undone_by is not None else []
    return [*remarks, one.note] if one.note else remarks


def _joined(words: tuple[str, ...] | None) -> str:
    return "" if words is None else ",".join(words) or NONE


def _words(given: str) -> tuple[str, ...]:
    """The words between commas; `none` alone is none at all."""
    words = tuple(word.strip() for word in given.split(",") if word.strip())
    if not words or (NONE in words and len(words) > 1):
        raise UsageError(f"{given!r}: give names with commas between them, or {NONE} alone")
    return () if words == (NONE,) else words


def _version(connection: Any, text: str) -> int:
    from store.reviews import version_of

    number = text.removeprefix("v")
    if not (number.isascii() and number.isdigit() and len(number) < 20 and int(number) <= MAX_NUMBER):
        raise UsageError(f"{text!r}: give an article's number such as 12, or a version's such as v34")
    return int(number) if text.startswith("v") else version_of(connection, int(number))


def _row(one: Review) -> dict[str, Any]:
    row = asdict(one)
    return {"id": row.pop("id"), **row}


def _confirm(stored: Review, json: bool, message: str) -> None:
    if json:
        print_json(_row(stored))
    else:
        typer.echo(message)
