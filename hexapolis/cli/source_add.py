"""The command that makes a catalogue entry from an address: `hexapolis sources add`."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hexapolis.cli.output import Json, note, print_json, progress_note, settings_of
from hexapolis.errors import InputFileError

if TYPE_CHECKING:
    from crawler.discovery.proposal import Proposal
    from hexapolis.config import Settings

OWN_CATALOGUE = Path("sources.yaml")
"""Where entries go when no catalogue is configured."""


def add(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="A page that lists articles, or the front page.")],
    catalogue: Annotated[
        Path | None,
        typer.Option(
            "--catalogue", metavar="FILE", help="File that the entry is added to [default: sources.yaml]."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Write the entry without asking.")] = False,
    json: Json = False,
) -> None:
    """Look at a site, propose a catalogue entry for it, try it on a few articles, and write it if wanted."""
    settings = settings_of(context)
    from crawler.discovery.add_entry import indent_of, load_own, refuse_known_host
    from crawler.discovery.proposal import entry_text
    from crawler.urls import canonical_url

    canonical_url(url)  # a usage error, if it is no address
    target = catalogue or settings.catalogue or OWN_CATALOGUE
    if not target.parent.is_dir():
        raise InputFileError(target, "there is no such folder")
    own = load_own(target)
    refuse_known_host(own, [url])
    proposal = _discover(settings, url, {source.id for source in own.sources} if own else set())
    refuse_known_host(own, [entry.url for entry in proposal.entry_points])
    text = entry_text(proposal, dt.date.today(), indent_of(target))
    if not json:
        typer.echo(f"sources:\n{text}{_samples(proposal)}", nl=False)
    written = _write(target, text, proposal, yes=yes, ask=not json)
    if json:
        print_json(
            {
                "id": proposal.id,
                "yaml": text,
                "samples": [asdict(sample) for sample in proposal.samples],
                "notes": proposal.notes,
                "catalogue": str(target),
                "written": written,
            }
        )
    if not proposal.is_tried:
        raise typer.Exit(1 if yes else 3)


def _discover(settings: Settings, url: str, taken: Collection[str]) -> Proposal:
    from crawler.discovery.conversation import Fetch
    from crawler.discovery.search import Discovery
    from crawler.spiders.fetch import run_fetches
    from crawler.spiders.judging import PageJudge
    from crawler.urls import is_loopback
    from hexapolis.records import EntryPoint, Politeness, Source

    show = progress_note() or (lambda text: None)
    with PageJudge(settings) as judge:

        async def look(fetch: Fetch) -> Proposal:
            today = dt.datetime.now(dt.UTC).date()
            return await Discovery(fetch, judge, _place_of, today, taken, show).propose(url)

        politeness = Politeness(delay=0.0) if is_loopback(url) else Politeness()
        source = Source("new", "new", (EntryPoint("list", url),), politeness=politeness)
        proposal = run_fetches(settings, look, source)
    show("")
    return proposal


def _place_of(name: str, url: str) -> tuple[str | None, str | None]:
    """Code of the city, and scope, that the name and address of a site speak of."""
    from urllib.parse import urlsplit

    from classify.cities import city_by_name, find_cities
    from classify.gazetteer import provinces
    from crawler.catalogue import load_catalogue
    from crawler.urls import same_site

    host = urlsplit(url).hostname or ""
    if host.endswith(".gov.cn"):  # bureaus share their city's domain, and the catalogue knows most of them
        for source in load_catalogue().sources:
            if source.kind == "government" and any(same_site(e.url, url) for e in source.entry_points):
                return source.city_code, None if source.city_code else source.scope
    cities = {tag.city_code for tag in find_cities(None, name)}
    if len(cities) == 1:
        return cities.pop(), None
    for label in host.split("."):
        if host.endswith(".gov.cn") and (city := city_by_name(label)):
            return city.code, None
    if any(full in name or short in name for short, full, _ in provinces().values()):
        return None, "province"
    return None, None


def _samples(proposal: Proposal) -> str:
    """The sample as comments, so that what is printed is a catalogue."""
    lines = []
    for sample in proposal.samples:
        found = f"{sample.verdict or 'not read'}, {sample.characters} characters"
        if sample.verdict != "article":
            found = f"{sample.verdict or 'not read'}: {sample.detail}"
        title = " ".join((sample.title or "without title").split())
        lines.append(f"# {sample.published_on or 'undated'}  {found}  {title}\n#   {sample.url}\n")
    return "".join("".join(char for char in line if char.isprintable() or char == "\n") for line in lines)


def _write(target: Path, text: str, proposal: Proposal, *, yes: bool, ask: bool) -> bool:
    """Write the entry if the user wants it; whether it was written."""
    from crawler.discovery.add_entry import append_entry

    if not proposal.is_tried:
        note("none of the sample pages reads as an article; nothing is written")
        return False
    if not yes and ask and sys.stdin.isatty() and sys.stdout.isatty():
        yes = typer.confirm(f"Write it to {target}?", err=True)
        if not yes:
            return False
    elif not yes:
        note(f"not written; `--yes` writes it to {target}")
        return False
    append_entry(target, text)
    note(f"{proposal.id} is in {target}; `hexapolis crawl --catalogue {target} {proposal.id}` reads it")
    return True
