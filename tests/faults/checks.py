"""Holds what crawls of the farm have left against the truth that the farm knows."""

from __future__ import annotations

import sqlite3
import subprocess
from collections import Counter, defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

import loopback
from conftest import Result
from test_crawl import Folder

from crawler.urls import url_identity
from faults.farm import NOWHERE, TRAP, FaultFarm, FaultSite, lapse, prepare


def crawl_round(folder: Folder, farm: FaultFarm, timeout: float = 240, **settings: str) -> list[str]:
    """Let the farm's next round come, crawl it, and say what is wrong with the ledgers."""
    farm.next_round()
    folder.catalogue(farm.catalogue)
    prepare(folder.path / "hexapolis.db", farm)
    result = command(folder, "crawl", timeout=timeout, **settings)
    wrong = ledger_faults(folder, farm, result)
    lapse(folder.path / "hexapolis.db", farm)
    return wrong


def command(folder: Folder, name: str, *words: object, timeout: float, **settings: str) -> Result:
    """Run a command that reads the catalogue to its end; with a longer limit than the quick tests have."""
    done = subprocess.run(
        loopback.command(folder.path, name, *words, "--catalogue", folder.path / "catalogue.yaml", "--json"),
        capture_output=True,
        timeout=timeout,
        check=False,
        env=loopback.environment(**settings),
        cwd=folder.path.parent,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def ledger_faults(folder: Folder, farm: FaultFarm, result: Result) -> list[str]:
    """What the ledgers of this round's runs do not say as they should."""
    wrong = [f"standard error: {result.err[:500]}"] if "Traceback" in result.err else []
    if result.code != 3:  # there always is a source that nobody answers for
        wrong.append(f"exit code {result.code}: {result.err[:500]}")
    runs = {row["source"]: row for row in result.rows}
    for name, run in runs.items():
        rows = folder.query(f"select url_key, outcome, detail from ledger where run_id = {run['run']}")
        ledger = {key: (outcome, detail) for key, outcome, detail in rows}
        if not run["urls_seen"] == sum(run["outcomes"].values()) == len(rows) == len(ledger):
            wrong.append(f"{name}: {run['urls_seen']} seen, {run['outcomes']}, {len(rows)} rows")
        if dict(Counter(outcome for outcome, _ in ledger.values())) != run["outcomes"]:
            wrong.append(f"{name}: the run says {run['outcomes']}, the ledger something else")
        if name in farm.sites:
            wrong += [f"{name}: {text}" for text in _site_faults(farm.sites[name], farm.round, run, ledger)]
    if set(runs) - {TRAP} != {*farm.sites, NOWHERE} or (TRAP in runs) != farm.traps:
        wrong.append(f"runs of {sorted(runs)}")
    if runs[NOWHERE]["outcomes"] != {"failed": 1}:
        wrong.append(f"{NOWHERE}: {runs[NOWHERE]['outcomes']}")
    return wrong


def _site_faults(
    site: FaultSite, round_: int, run: dict[str, Any], ledger: dict[str, tuple[str, str]]
) -> list[str]:
    wrong = []
    if site.status is not None and run["status"] != site.status:
        wrong.append(f"the run is {run['status']} ({run['reason']}), not {site.status}")
    for path, outcome in site.expected.items():
        found = ledger.get(site.key(path))
        if found is None or found[0] != outcome:
            wrong.append(f"{path} is {found}, not {outcome}")
    if waiting := [key for key, (outcome, _) in ledger.items() if outcome == "waiting"]:
        wrong.append(f"{len(waiting)} wait")
    asked = {path for path in site.farm.asked[site.asked_before :] if path != "/robots.txt"}
    if lost := [path for path in asked if site.key(path) not in ledger]:
        wrong.append(f"asked for and not in the ledger: {sorted(lost)[:3]}")
    if round_ == 1:
        rest = Counter(ledger[key][0] for key in ledger.keys() - {site.key(path) for path in site.expected})
        if rest != Counter({"filtered": site.family.filtered} if site.family.filtered else {}):
            wrong.append(f"more in the ledger than there is: {rest}")
    return wrong


def store_faults(folder: Folder, farm: FaultFarm) -> list[str]:
    """What the store does not have as it should: articles, versions, stories, verdicts, the archive."""
    wrong = integrity_faults(folder)
    rows = folder.query(
        "select a.url_key, a.gone_at is not null, v.number, v.title, v.text, v.story_id, "
        "v.id = a.current_version_id from article a join version v on v.article_id = a.id "
        "order by a.id, v.number"
    )
    found: dict[str, list[Any]] = defaultdict(list)
    for key, *rest in rows:
        found[key].append(rest)
    wanted = {site.key(path): (site, path) for site in farm.sites.values() for path in site.articles}
    known = {site.key(p) for site in farm.sites.values() for p in site.verdicts}
    trap = url_identity(f"{farm.trap.url}/{TRAP}/10001.html")
    if missing := wanted.keys() - found.keys():
        wrong.append(f"{len(missing)} articles are missing, such as {sorted(missing)[:3]}")
    if more := found.keys() - wanted.keys() - {trap}:
        wrong.append(f"{len(more)} articles too many, such as {sorted(more)[:3]}")
    if farm.trap_pages and trap not in found:
        wrong.append("the article in the trap is missing")
    stories: dict[str, set[int]] = defaultdict(set)
    for key, (site, path) in wanted.items():
        if key not in found:
            continue
        truth, versions = site.articles[path], found[key]
        if len(versions) != len(truth.texts):
            wrong.append(f"{site.name}{path}: {len(versions)} versions, not {len(truth.texts)}")
            continue
        if [bool(gone) for gone, *_ in versions] != [truth.gone] * len(versions):
            wrong.append(f"{site.name}{path}: gone is {not truth.gone}")
        for sentences, (_, number, title, text, story, current) in zip(truth.texts, versions, strict=True):
            plain = "".join(text.split())
            if lost := [s for s in sentences if plain.count("".join(s.split())) != 1]:
                wrong.append(
                    f"{path} version {number}: {len(lost)} sentences are not there once: {text[:60]!r}"
                )
            if title != truth.title:
                wrong.append(f"{path}: the title is {title!r}")
            if bool(current) != (number == len(truth.texts)):
                wrong.append(f"{path}: the current version is another one")
            if len(versions) == 1:
                stories[truth.story].add(story)
    if split := {name: ids for name, ids in stories.items() if len(ids) > 1}:
        wrong.append(f"{len(split)} texts are more than one story: {list(split)[:5]}")
    if len({i for ids in stories.values() for i in ids}) < len(stories):
        wrong.append("different texts are one story")
    verdicts = dict(folder.query("select url_key, verdict from page where role = 'article' order by id"))
    for site in farm.sites.values():
        for path, verdict in site.verdicts.items():
            if verdicts.get(site.key(path)) != verdict:
                wrong.append(f"{site.name}{path}: its page is {verdicts.get(site.key(path))}, not {verdict}")
    assert known >= wanted.keys()
    return wrong


def integrity_faults(folder: Folder) -> list[str]:
    """What is broken inside: database, foreign keys, archive."""
    wrong = []
    with closing(sqlite3.connect(folder.path / "hexapolis.db")) as connection:
        if (answer := connection.execute("PRAGMA integrity_check").fetchall()) != [("ok",)]:
            wrong.append(f"integrity_check: {answer[:3]}")
        if broken := connection.execute("PRAGMA foreign_key_check").fetchall():
            wrong.append(f"foreign_key_check: {broken[:3]}")
    folder.assert_archived()
    return wrong


def dump(path: Path) -> dict[str, list[Any]]:
    """The store without ids, times and ledgers: what must be the same however it came about."""
    queries = {
        "articles": "select a.url_key, a.url, a.source_id, a.gone_at is not null, v.number from article a "
        "join version v on v.id = a.current_version_id",
        "versions": "select a.url_key, v.number, v.text_sha256, v.title, v.language, v.published_on, "
        "v.published_from, v.written_on, v.author, v.issuer, v.attachments, v.declared, s.key from version v "
        "join article a on a.id = v.article_id join story s on s.id = v.story_id",
        "passages": 'select a.url_key, v.number, p.position, p.start, p."end", p.heading from passage p '
        "join version v on v.id = p.version_id join article a on a.id = v.article_id",
        "tags": "select a.url_key, v.number, p.model_id, p.relevant, d.dimension, d.probability, d.tagged "
        "from prediction p join prediction_dimension d on d.prediction_id = p.id "
        "join version v on v.current_prediction_id = p.id join article a on a.id = v.article_id",
        "cities": "select a.url_key, v.number, c.city_code, c.role, c.rank from prediction_city c "
        "join version v on v.current_prediction_id = c.prediction_id join article a on a.id = v.article_id",
        "pages": "select distinct url_key, role, status, verdict, verdict_detail, encoding, digest, "
        "documents from page where role in ('article', 'document')",
        "stories": "select key from story",
    }
    with closing(sqlite3.connect(path)) as connection:
        return {
            name: sorted(connection.execute(query).fetchall(), key=repr) for name, query in queries.items()
        }
