"""Six rounds of crawls of a farm of 5,000 articles on sites of every family, half of them with a fault.

HEXAPOLIS_FARM sets the number of articles. The farm itself knows what every ledger must say, what the store
must hold, and how each source is at the end.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import loopback
import pytest
from test_crawl import Folder

from faults.checks import crawl_round, store_faults
from faults.farm import TRAP, FaultFarm

ARTICLES = int(os.environ.get("HEXAPOLIS_FARM", "5000"))
ROUNDS = 6


@dataclass
class Lived:
    """A farm after its last round, the folder of its crawls, and what was wrong with their ledgers."""

    farm: FaultFarm
    folder: Folder
    wrong: list[str] = field(default_factory=list)
    health: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Lived]:
    folder = Folder(tmp_path_factory.mktemp("farm") / "data", models)
    with FaultFarm(ARTICLES, ROUNDS) as farm:
        lived = Lived(farm, folder)
        for number in range(1, ROUNDS + 1):
            began = time.monotonic()
            wrong = crawl_round(folder, farm, timeout=7_200, HEXAPOLIS_WORKERS=str(os.cpu_count() or 1))
            print(f"\nround {number}: {time.monotonic() - began:.0f} s, {len(wrong)} faults of its ledgers")
            lived.wrong += [f"round {number}: {text}" for text in wrong]
        words = ("sources", "health", "--catalogue", folder.path / "catalogue.yaml", "--json")
        result = loopback.run(folder.path, *words)
        lived.health = {row["source"]: row for row in map(json.loads, result.out.splitlines())}
        yield lived


def test_every_ledger_accounts_for_every_address(lived: Lived) -> None:
    assert lived.wrong == []


def test_the_store_holds_what_the_farm_has(lived: Lived) -> None:
    counts = {
        table: lived.folder.query(f"select count(*) from {table}")[0][0]
        for table in ("article", "version", "story", "page", "ledger")
    }
    print(f"\n{counts}, {lived.folder.assert_archived()} pages are in the archive")
    assert store_faults(lived.folder, lived.farm) == []


def test_each_source_is_said_to_be_as_it_is(lived: Lived) -> None:
    states = {name: lived.health[name]["state"] for name in lived.farm.health}
    wrong = {
        name: lived.health[name]["evidence"]
        for name, state in states.items()
        if state != lived.farm.health[name]
    }
    print(f"\n{states}")
    for name, evidence in wrong.items():
        print(
            f"  {name} is {states[name]}, not {lived.farm.health[name]}: "
            f"{json.dumps(evidence, ensure_ascii=False)}"
        )
    assert states == lived.farm.health


def test_a_trap_ends_within_its_budget(lived: Lived) -> None:
    assert 0 < len(lived.farm.trap.asked) <= 500
    rows = lived.folder.query(f"select url_key from article where source_id = '{TRAP}'")
    assert len(rows) == 1, "an article under many session ids is one"
