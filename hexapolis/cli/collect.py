"""Commands that bring pages in: crawl, import, process, extract."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hexapolis.cli.output import Json, note, open_store, print_json, print_table, progress_note, settings_of

if TYPE_CHECKING:
    from store.runs import RunSummary


def register(app: typer.Typer) -> None:
    """Add the commands."""
    from hexapolis.cli.bring_in import import_  # it uses what is below

    app.command()(crawl)
    app.command("import")(import_)
    app.command()(process)
    app.command()(extract)


CatalogueOption = Annotated[
    Path | None,
    typer.Option("--catalogue", metavar="FILE", help="Source catalogue [default: the bundled one]."),
]


def day(value: str) -> dt.date:
    """Read a date option."""
    try:
        return dt.date.fromisoformat(value)
    except ValueError as error:
        raise typer.BadParameter(f"{value!r} is not a date such as 2024-03-15") from error


def crawl(
    context: typer.Context,
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="[SOURCE]...", help="Which; all when none.")
    ] = None,
    catalogue: CatalogueOption = None,
    max_pages: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Fetch at most N articles from each source.")
    ] = None,
    since: Annotated[
        dt.date | None,
        typer.Option(parser=day, metavar="DATE", help="Leave out links listed with an earlier date."),
    ] = None,
    until: Annotated[
        dt.date | None,
        typer.Option(parser=day, metavar="DATE", help="Leave out links listed with a later date."),
    ] = None,
    list_pages: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Go through at most N pages of each list.")
    ] = None,
    trigger: Annotated[str, typer.Option(hidden=True)] = "manual",
    json: Json = False,
) -> None:
    """Crawl sources: fetch what is new, archive, extract, tag, store."""
    settings = settings_of(context)
    from crawler.catalogue import load_catalogue

    chosen = load_catalogue(catalogue or settings.catalogue).select(sources or [])
    from pipeline import Processor, prepare_workers, rules_of

    prepare_workers()
    from crawler.spiders.run import crawl_sources
    from hexapolis.cli.checks import contact_warning

    if warning := contact_warning(settings, chosen):
        note(warning)
    store = open_store(settings, create=True)
    show = progress_note()
    with Processor(store, settings, rules_of(chosen)) as processor:
        summaries = crawl_sources(
            chosen,
            store,
            settings,
            processor,
            trigger=trigger,
            max_pages=max_pages,
            since=since,
            until=until,
            list_pages=list_pages,
            progress=(lambda source, seen: show(f"{source}: {seen} URLs, {processor.pages} pages read"))
            if show
            else None,
        )
    if show:
        show("")
    print_runs(summaries, json)
    raise typer.Exit(exit_code(summaries))


def print_runs(summaries: Iterable[RunSummary], json: bool) -> None:
    """The runs with the sums of their ledgers."""
    from hexapolis.records import Outcome

    summaries = list(summaries)
    if json:
        for summary in summaries:
            print_json(run_record(summary))
        return
    used = [c for c in map(str, Outcome) if any(s.outcomes.get(c) for s in summaries)]
    rows = [(s.source_id, s.status, s.urls_seen, *(s.outcomes.get(c, 0) for c in used)) for s in summaries]
    print_table(("source", "status", "seen", *used), rows, right=range(2, 3 + len(used)))
    for summary in summaries:
        if summary.reason:
            note(f"{summary.source_id}: {summary.status}: {summary.reason}")


def run_record(summary: RunSummary) -> dict[str, Any]:
    """A run as JSON."""
    return {
        "run": summary.run_id,
        "source": summary.source_id,
        "trigger": summary.trigger,
        "status": summary.status,
        "reason": summary.reason,
        "started_at": summary.started_at,
        "finished_at": summary.finished_at,
        "urls_seen": summary.urls_seen,
        "outcomes": dict(summary.outcomes),
    }


def exit_code(summaries: Iterable[RunSummary]) -> int:
    """0 when every run is done, 1 when all failed, 3 when some did."""
    statuses = [summary.status for summary in summaries]
    if all(status == "done" for status in statuses):
        return 0
    return 1 if all(status == "failed" for status in statuses) else 3


def process(
    context: typer.Context,
    every: Annotated[
        bool, typer.Option("--all", help="Every page again, with the current extractor and model.")
    ] = False,
    catalogue: CatalogueOption = None,
    json: Json = False,
) -> None:
    """Extract and tag the pages that wait, from the archive alone."""
    settings = settings_of(context)
    from crawler.catalogue import load_catalogue
    from pipeline import Processor, rules_of

    store = open_store(settings)
    rules = rules_of(load_catalogue(catalogue or settings.catalogue).sources)
    show = progress_note()
    with Processor(store, settings, rules, every=every) as processor:
        processor.run((lambda pages: show(f"{pages} pages")) if show else None)
        result = {
            "pages": processor.pages,
            "outcomes": dict(sorted(processor.outcomes.items())),
            "damaged": processor.damaged,
            "model": processor.model_id,
        }
    if show:
        show("")
    if json:
        print_json(result)
    else:
        print_table(("outcome", "pages"), sorted(processor.outcomes.items()), right=(1,))
    if processor.damaged:
        note(f"{processor.damaged} pages are not in the archive and were left as they are")
        raise typer.Exit(3)


def extract(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="HTML files, also gzip.")],
    json: Json = False,
) -> None:
    """Read saved pages and print title, date, author and text; nothing is stored."""
    settings = settings_of(context)
    from crawler.extract import judge_page
    from crawler.saved_pages import read_saved_page

    for path in files:
        judgement = judge_page(read_saved_page(path), max_bytes=settings.page_bytes)
        article = judgement.article
        record = {
            "path": str(path),
            "verdict": judgement.verdict.value,
            "title": article.title if article else None,
            "text": article.text if article else "",
            "published_on": article.published.value if article and article.published else None,
            "author": article.author if article else None,
            "language": article.language if article else None,
        }
        if json:
            print_json(record)
        elif article is None:
            note(f"{path}: no article: {judgement.verdict.value}: {judgement.detail}")
        else:
            typer.echo(
                f"{article.title}\n{record['published_on'] or 'undated'}  {article.language}\n\n"
                f"{article.text}\n"
            )
