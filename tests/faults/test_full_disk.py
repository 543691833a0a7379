"""A crawl that fills the disk: it says so, keeps what it acknowledged, and goes on where there is room."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_crawl import Folder

from faults.checks import integrity_faults, store_faults
from faults.farm import FaultFarm

NAMES = ("trs", "jpaas", "wordpress", "disclosure")
ARTICLES = 400


@pytest.fixture(params=["2500k", "4m", "6m"])
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={request.param}", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, check=False, text=True)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_ends_a_crawl_and_loses_nothing(small_disk: Path, tmp_path: Path, models: Path) -> None:
    with FaultFarm(ARTICLES, 1, names=NAMES, trap=0) as farm:
        farm.next_round()
        folder = Folder(small_disk / "data", models)
        folder.catalogue(farm.catalogue)
        result = folder.crawl(HEXAPOLIS_WORKERS="2")
        used = shutil.disk_usage(small_disk)
        print(f"\n{used.total >> 10} KiB, {used.free >> 10} free; exit {result.code}: {result.err.strip()}")
        assert result.code == 1
        assert "Traceback" not in result.err
        lines = result.err.splitlines()
        assert any(word in result.err.lower() for word in ("full", "space")), "the line says what is wrong"

        larger = Folder.__new__(Folder)
        larger.path = tmp_path / "larger"
        shutil.copytree(folder.path, larger.path, symlinks=True)
        kept = larger.query("select url_key, digest from page order by id")
        assert integrity_faults(larger) == []
        print(f"{len(kept)} pages were acknowledged")

        result = larger.crawl(HEXAPOLIS_WORKERS="2")
        assert result.code == 3, result.err  # one source has nobody who answers
        assert store_faults(larger, farm) == []
        assert larger.query("select url_key, digest from page order by id")[: len(kept)] == kept
        assert larger.query("select count(*) from crawl_run where status = 'running'") == [(0,)]
        assert len(lines) == 1, lines
