"""Commands about sources: the list and `sources check`.

`sources add` is in `source_add.py`, `sources health` in `health.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from hexapolis.cli.collect import CatalogueOption, run_record
from hexapolis.cli.health import health
from hexapolis.cli.output import Json, note, open_store, print_json, print_table, progress_note, settings_of
from hexapolis.cli.source_add import add
from hexapolis.errors import UsageError

if TYPE_CHECKING:
    from crawler.spiders.check import EntryCheck
    from hexapolis.config import Settings
    from store.engine import Store
    from store.runs import RunSummary

SourcesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[SOURCE]...", help="Which; all enabled when none.")
]


def register(app: typer.Typer) -> None:
    """Add the group; without a subcommand it lists."""
    group = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
    group.callback()(sources)
    group.command("list")(list_)
    group.command()(check)
    group.command()(add)
    group.command()(health)
    app.add_typer(group, name="sources")


def sources(context: typer.Context, catalogue: CatalogueOption = None, json: Json = False) -> None:
    """List the catalogue's sources with their last runs; check them; add one."""
    if context.invoked_subcommand is None:
        list_(context, catalogue, json)
    elif catalogue is not None or json:
        raise UsageError(f"write the options behind `sources {context.invoked_subcommand}`")


def list_(context: typer.Context, catalogue: CatalogueOption = None, json: Json = False) -> None:
    """List the catalogue's sources with their last runs."""
    settings = settings_of(context)
    from classify.cities import city_by_code
    from crawler.catalogue import load_catalogue
    from hexapolis.errors import StoreError
    from store.runs import last_runs

    entries = load_catalogue(catalogue or settings.catalogue).sources
    last: dict[str, RunSummary] = {}
    try:
        if store := _store(settings):
            with store.read() as connection:
                last = last_runs(connection)
    except StoreError as error:  # the catalogue can be read without a store
        note(str(error))
    rows = []
    for entry in entries:
        city = city_by_code(entry.city_code) if entry.city_code else None
        run = last.get(entry.id)
        record = {
            "id": entry.id,
            "name": entry.name,
            "name_zh": entry.name_zh,
            "city": city.en if city else None,
            "city_code": entry.city_code,
            "scope": entry.scope,
            "language": entry.language,
            "kind": entry.kind,
            "family": entry.family,
            "entry_points": [{"kind": e.kind, "url": e.url} for e in entry.entry_points],
            "interval_minutes": entry.interval_minutes,
            "enabled": entry.enabled,
            "disabled_reason": entry.disabled_reason,
            "last_run": run_record(run) if run else None,
        }
        rows.append(record)
        if json:
            print_json(record)
    if not json:
        print_table(
            ("id", "city or scope", "lang", "kind", "entry points", "enabled", "last run"),
            [
                (
                    r["id"],
                    r["city"] or r["scope"],
                    r["language"],
                    r["kind"],
                    ",".join(sorted({e.kind for e in entry.entry_points})),
                    "yes" if r["enabled"] else "no",
                    f"{last[entry.id].status} {last[entry.id].started_at:%Y-%m-%d %H:%M}"
                    if entry.id in last
                    else "",
                )
                for r, entry in zip(rows, entries, strict=True)
            ],
        )


def _store(settings: Settings) -> Store | None:
    """The store, if there is one."""
    if settings.db or (settings.data / "hexapolis.db").exists():
        return open_store(settings)
    return None


# --- check --------------------------------------------------------------------------------------------------


def check(
    context: typer.Context,
    sources: SourcesArgument = None,
    catalogue: CatalogueOption = None,
    json: Json = False,
) -> None:
    """Read each entry point and one of its articles now, storing nothing, and say what came."""
    settings = settings_of(context)
    from crawler.catalogue import load_catalogue

    chosen = load_catalogue(catalogue or settings.catalogue).select(sources or [])
    store = _store(settings)
    from crawler.guard import named_private_hosts
    from crawler.spiders.check import check_source, requests_of
    from crawler.spiders.fetch import Conversation, run_conversations
    from crawler.spiders.judging import PageJudge

    def known(keys: Collection[str]) -> Collection[str]:
        from store.pages import known_pages

        assert store is not None
        with store.read() as connection:
            return known_pages(connection, keys).keys()

    show = progress_note() or (lambda text: None)
    total = sum(len(source.entry_points) for source in chosen)
    finished: list[EntryCheck] = []

    def done(result: EntryCheck) -> None:
        finished.append(result)
        show(f"{len(finished)} of {total} entry points: {result.source} {result.state}")

    with PageJudge(settings) as judge:
        conversations = [
            Conversation(
                source,
                partial(check_source, source=source, judge=judge, known=known if store else None, done=done),
                requests_of(source),
            )
            for source in chosen
        ]
        results = run_conversations(settings, conversations, allowed=named_private_hosts(chosen))
    show("")
    checks = [one for result in results for one in result]
    _print_checks(checks, json)
    good = sum(one.state == "ok" for one in checks)
    raise typer.Exit(0 if good == len(checks) else 3 if good else 1)


def _print_checks(checks: Iterable[EntryCheck], json: bool) -> None:
    if json:
        for one in checks:
            print_json(asdict(one))
        return
    checks = list(checks)
    print_table(
        ("source", "kind", "state", "links", "articles", "new", "newest", "sample", "title"),
        [
            (
                one.source,
                one.kind,
                one.state,
                one.links,
                one.matching,
                one.unknown,
                one.newest,
                f"{one.sample.verdict} {one.sample.characters}" if one.sample and one.sample.verdict else "",
                (one.title or "")[:40],
            )
            for one in checks
        ],
        right=(3, 4, 5),
    )
    for one in checks:
        if one.reason:
            note(f"{one.source}: {one.url}: {one.state}: {one.reason}")
