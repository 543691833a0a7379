"""Five rounds of crawls of a small farm of every family with its faults; `tests/faults` has the large one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import loopback
import pytest
from faults.checks import crawl_round, store_faults
from faults.farm import TRAP, FaultFarm
from test_crawl import Folder

ROUNDS = 5


@dataclass
class Lived:
    """A farm after its last round, the folder of its crawls, and what was wrong with them."""

    farm: FaultFarm
    folder: Folder
    wrong: list[str] = field(default_factory=list)
    health: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Lived]:
    folder = Folder(tmp_path_factory.mktemp("farm") / "data", models)
    with FaultFarm(200, ROUNDS, broken_from=2, rows=5, trap=60) as farm:
        lived = Lived(farm, folder)
        for number in range(1, ROUNDS + 1):
            lived.wrong += [f"round {number}: {text}" for text in crawl_round(folder, farm)]
        words = ("sources", "health", "--catalogue", folder.path / "catalogue.yaml", "--json")
        result = loopback.run(folder.path, *words)
        lived.health = {row["source"]: row["state"] for row in map(json.loads, result.out.splitlines())}
        yield lived


def test_every_ledger_accounts_for_every_address(lived: Lived) -> None:
    assert lived.wrong == []


def test_the_store_holds_what_the_farm_has(lived: Lived) -> None:
    assert store_faults(lived.folder, lived.farm) == []


def test_each_source_is_said_to_be_as_it_is(lived: Lived) -> None:
    wanted = lived.farm.health
    assert {name: lived.health[name] for name in wanted} == wanted


def test_a_trap_ends_within_its_budget(lived: Lived) -> None:
    assert 60 <= len(lived.farm.trap.asked) <= 60 + 50 + 1, "articles, list pages, robots.txt"
    keys = lived.folder.query(f"select count(*) from article where source_id = '{TRAP}'")
    assert keys == [(1,)], "an article under many session ids is one"
