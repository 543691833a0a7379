"""Crawls, processing and imports killed again and again end in the store of an undisturbed one."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import loopback
import pytest
from test_crawl import Folder

from faults.checks import dump, integrity_faults, store_faults
from faults.farm import FaultFarm

ARTICLES = int(os.environ.get("HEXAPOLIS_KILL_ARTICLES", "600"))
KILLS = 10
SEED = 20240612
# Without the ones that refuse: what a wall lets through depends on when it is asked.
NAMES = (
    "trs",
    "shanghai",
    "jpage",
    "jpaas",
    "disclosure",
    "wordpress",
    "substack",
    "static-json",
    "news-sitemap",
)
LIMIT = 1_800.0  # seconds for one command


@pytest.fixture(scope="module")
def farm() -> Iterator[FaultFarm]:
    # Each start has a budget of its own for a trap, so the more starts, the more of its pages.
    with FaultFarm(ARTICLES, 1, names=NAMES, trap=0) as farm:
        farm.next_round()
        yield farm


@pytest.fixture(scope="module")
def undisturbed(farm: FaultFarm, tmp_path_factory: pytest.TempPathFactory, models: Path) -> Folder:
    folder = Folder(tmp_path_factory.mktemp("undisturbed") / "data", models)
    folder.catalogue(farm.catalogue)
    began = time.monotonic()
    result = _to_its_end(folder, "crawl", "--catalogue", folder.path / "catalogue.yaml", "--json")
    print(f"\nundisturbed crawl of {ARTICLES} articles: {time.monotonic() - began:.0f} s")
    assert result == 3, "one source has nobody who answers"
    assert store_faults(folder, farm) == []
    return folder


def _to_its_end(folder: Folder, *words: object) -> int:
    done = subprocess.run(
        loopback.command(folder.path, *words),
        capture_output=True,
        timeout=LIMIT,
        check=False,
        env=loopback.environment(HEXAPOLIS_WORKERS="2"),
        cwd=folder.path.parent,
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done.returncode


def _killed(folder: Folder, words: tuple[object, ...], strike: Callable[[], bool]) -> bool:
    """Start a command and kill it and all its children when `strike` says so; False: it had ended before."""
    child = subprocess.Popen(
        loopback.command(folder.path, *words),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=loopback.environment(HEXAPOLIS_WORKERS="2"),
        cwd=folder.path.parent,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + LIMIT
        while child.poll() is None:
            assert time.monotonic() < deadline, "neither the moment nor the end has come"
            if strike():
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
                return True
            time.sleep(0.002)
        return False
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _pages(folder: Folder) -> int:
    """How many pages the store has acknowledged."""
    rows = folder.query("select count(*) from page")
    return int(rows[0][0]) if rows else 0


def _moments(
    chance: random.Random, progress: Callable[[], int], step: int, kills: int
) -> Iterator[Callable[[], bool]]:
    """Moments to strike, all after something has been done: by how much has, and by how long ago it began."""
    for number in range(kills):
        before = progress()
        wanted = before + chance.randint(1, max(2, step))
        if number % 2 == 0:
            yield lambda wanted=wanted: progress() >= wanted
        else:
            yield _Since(before, progress, chance.uniform(0.0, 2.0))


class _Since:
    """True some seconds after there has been progress."""

    def __init__(self, before: int, progress: Callable[[], int], seconds: float) -> None:
        self._before, self._progress, self._seconds = before, progress, seconds
        self._until: float | None = None

    def __call__(self) -> bool:
        if self._until is None and self._progress() > self._before:
            self._until = time.monotonic() + self._seconds
        return self._until is not None and time.monotonic() >= self._until


def _assert_whole(folder: Folder, undisturbed: Folder) -> None:
    assert integrity_faults(folder) == []
    assert folder.query("select count(*) from crawl_run where status = 'running'") == [(0,)]
    theirs, ours = dump(undisturbed.path / "hexapolis.db"), dump(folder.path / "hexapolis.db")
    for name, rows in theirs.items():
        missing, more = _difference(rows, ours[name]), _difference(ours[name], rows)
        assert not (missing or more), (
            f"{name}: {len(missing)} missing, {len(more)} more: {missing[:2]} {more[:2]}"
        )


def _difference(rows: list[Any], others: list[Any]) -> list[Any]:
    there = set(map(repr, others))
    return [row for row in rows if repr(row) not in there]


def test_a_crawl_killed_ten_times_ends_as_an_undisturbed_one(
    farm: FaultFarm, undisturbed: Folder, tmp_path: Path, models: Path
) -> None:
    folder = Folder(tmp_path / "data", models)
    folder.catalogue(farm.catalogue)
    words = ("crawl", "--catalogue", folder.path / "catalogue.yaml", "--json")
    asked = sum(len(site.farm.asked) for site in farm.sites.values())
    kills, kept = 0, 0
    for moment in _moments(random.Random(SEED), lambda: _pages(folder), ARTICLES // KILLS, KILLS):
        if not _killed(folder, words, moment):
            break
        kills += 1
        assert integrity_faults(folder) == [], f"after kill {kills}"
        now = _pages(folder)
        assert now >= kept, f"kill {kills} has taken {kept - now} acknowledged pages away"
        kept = now
    assert _to_its_end(folder, *words) == 3
    asked = sum(len(site.farm.asked) for site in farm.sites.values()) - asked
    print(f"\n{kills} kills, {asked} requests for {ARTICLES} articles, {kept} pages before the last start")
    assert kills >= KILLS // 2, "the crawl was over too soon to say anything"
    _assert_whole(folder, undisturbed)
    assert store_faults(folder, farm) == []


def test_processing_again_killed_ten_times_changes_nothing(undisturbed: Folder, tmp_path: Path) -> None:
    folder = Folder.__new__(Folder)
    folder.path = tmp_path / "data"
    shutil.copytree(undisturbed.path, folder.path, symlinks=True)
    words = ("process", "--all", "--catalogue", folder.path / "catalogue.yaml", "--json")
    chance, kills = random.Random(SEED + 1), 0
    for _ in range(KILLS):
        began = f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%S.%f}"

        def done(began: str = began) -> int:
            return int(folder.query(f"select count(*) from page where processed_at >= '{began}'")[0][0])

        kills += _killed(folder, words, _Since(0, done, chance.uniform(0.0, 4.0)))
        assert integrity_faults(folder) == [], f"after kill {kills}"
    assert _to_its_end(folder, *words) == 0
    print(f"\n{kills} kills of process --all")
    assert kills >= KILLS // 2
    _assert_whole(folder, undisturbed)


def test_an_import_killed_ten_times_ends_as_an_undisturbed_one(
    undisturbed: Folder, tmp_path: Path, models: Path
) -> None:
    """What is imported are the WARC files of the crawl itself."""
    words = ("import", undisturbed.path / "archive", "--json")
    whole = Folder(tmp_path / "whole", models)
    code = _to_its_end(whole, *words)
    folder = Folder(tmp_path / "data", models)
    kills = 0
    for moment in _moments(random.Random(SEED + 2), lambda: _pages(folder), ARTICLES // KILLS, KILLS):
        if not _killed(folder, words, moment):
            break
        kills += 1
        assert integrity_faults(folder) == [], f"after kill {kills}"
    assert _to_its_end(folder, *words) == code
    print(f"\n{kills} kills of an import, {_pages(folder)} pages")
    _assert_whole(folder, whole)
