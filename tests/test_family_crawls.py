"""One crawl of a site of every family by the command: its articles, its ledger, and what it asks for."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import loopback
import pytest
from family_site import BUILDERS, Family, FamilySites, Farm

from crawler.catalogue import load_catalogue


@dataclass
class Crawled:
    """What one crawl of all families has left."""

    sites: FamilySites
    code: int
    err: str
    runs: dict[str, dict[str, Any]]
    articles: dict[str, dict[str, Any]]  # by path
    ledger: dict[str, list[tuple[str, str, str]]]  # by source: address, outcome, detail
    asked: Counter[str]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Crawled]:
    data = tmp_path_factory.mktemp("families") / "data"
    data.mkdir()
    (data / "models").symlink_to(models)
    with Farm() as farm:
        sites = FamilySites(farm)
        sites.build()
        catalogue = data / "catalogue.yaml"
        catalogue.write_text(sites.catalogue, encoding="utf-8")
        result = loopback.run(data, "crawl", "--catalogue", catalogue, "--json")
        connection = sqlite3.connect(f"file:{data / 'hexapolis.db'}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        articles = {
            row["url"].removeprefix(farm.url): dict(row)
            for row in connection.execute(
                "select a.url, a.source_id, v.title, v.text, v.published_on, v.language from article a "
                "join version v on v.id = a.current_version_id"
            )
        }
        ledger: dict[str, list[tuple[str, str, str]]] = {}
        for row in connection.execute(
            "select r.source_id, l.url, l.outcome, l.detail from ledger l join crawl_run r on r.id = l.run_id"
        ):
            ledger.setdefault(row[0], []).append((row[1].removeprefix(farm.url), row[2], row[3]))
        connection.close()
        runs = {run["source"]: run for run in map(json.loads, result.out.splitlines())}
        yield Crawled(sites, result.code, result.err, runs, articles, ledger, sites.asked())


@pytest.fixture(params=list(BUILDERS))
def family(request: pytest.FixtureRequest, crawled: Crawled) -> Family:
    return crawled.sites.families[request.param]


def test_the_crawl_of_all_families_is_done(crawled: Crawled) -> None:
    assert (crawled.code, crawled.err) == (0, "")
    assert set(crawled.runs) == set(BUILDERS)
    assert {name: run["reason"] for name, run in crawled.runs.items() if run["status"] != "done"} == {}


def test_exactly_the_articles_are_found(crawled: Crawled, family: Family) -> None:
    found = {path: row for path, row in crawled.articles.items() if row["source_id"] == family.name}
    assert set(found) == set(family.articles), crawled.ledger.get(family.name)
    for path, piece in family.articles.items():
        row = found[path]
        assert row["title"] == piece.title
        assert dt.date.fromisoformat(row["published_on"]) == piece.day, path
        assert row["language"] == "zh"
        for paragraph in piece.paragraphs[1:]:
            assert row["text"].count(paragraph) == 1, path


def test_the_ledger_accounts_for_every_address(crawled: Crawled, family: Family) -> None:
    run, ledger = crawled.runs[family.name], crawled.ledger[family.name]
    assert run["outcomes"] == family.outcomes, ledger
    assert (
        run["urls_seen"] == sum(run["outcomes"].values()) == len(ledger) == len({url for url, *_ in ledger})
    )


def test_lists_are_walked_to_their_end_and_no_further(crawled: Crawled, family: Family) -> None:
    assert {path: crawled.asked[path] for path in family.lists} == family.lists
    pages = {path: crawled.asked[path] for path in family.articles}
    assert pages == dict.fromkeys(family.articles, int(family.pages_asked))
    own = [path for path in crawled.asked if path.startswith(f"/{family.name}/")]
    assert set(own) <= set(family.lists) | set(family.articles)


def test_every_family_of_the_product_that_has_rules_of_its_own_is_crawled_here(crawled: Crawled) -> None:
    sources = load_catalogue(None).sources
    kinds = {entry.kind for source in sources for entry in source.entry_points}
    here = {
        entry["type"] for family in crawled.sites.families.values() for entry in family.source["entry_points"]
    }
    assert kinds <= here
