"""What tests share: a model trained once, a data folder, and the command as a user runs it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from postgres_server import PostgresServer, binaries, running_server

from store.engine import Store

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[Any]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def row(self) -> Any:
        """Standard output as one JSON object."""
        (row,) = self.rows
        return row


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real pages and labels, which is not part of the repository."""
    if not SHARED.is_dir():
        pytest.skip("the folder ../shared with real pages and labels is not here")
    return SHARED


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with the trained active model; made once, also when several processes run the tests."""
    from classify.active import ensure_model

    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "models"
    folder.mkdir(exist_ok=True)
    with (folder.parent / "models.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ensure_model(folder)
    return folder


@pytest.fixture
def data(tmp_path: Path, models: Path) -> Path:
    """A data folder with a model and nothing else."""
    folder = tmp_path / "data"
    shutil.copytree(models, folder / "models")
    return folder


@pytest.fixture
def hexapolis(data: Path) -> Callable[..., Result]:
    """Runs the command on the data folder in a process of its own: `hexapolis("crawl", "--json")`."""

    def run(
        *words: object, stdin: str | bytes = b"", options: tuple[str, ...] = (), timeout: float = 240
    ) -> Result:
        command = [sys.executable, "-m", "hexapolis", "--data", str(data), *options, *map(str, words)]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HEXAPOLIS_")}
        done = subprocess.run(
            command,
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
            env=environment,
            cwd=data.parent,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A throw-away PostgreSQL server."""
    if binaries() is None:
        if os.environ.get("CI") == "true":
            pytest.fail("PostgreSQL's initdb and pg_ctl are not here, and may not be missing where CI=true")
        pytest.skip("PostgreSQL's initdb and pg_ctl are not here (Debian: apt-get install postgresql)")
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> Iterator[str]:
    """The name of a PostgreSQL database with our tables, for others to be copied from."""
    with postgres.database() as name:
        Store.open(postgres.url(name)).close()
        yield name


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database that nobody has opened yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.database() as name:
        yield server.url(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database for a test: PostgreSQL has our empty tables already, SQLite no file yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.database(request.getfixturevalue("postgres_template")) as name:
        yield server.url(name)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty store, on each database."""
    opened = Store.open(store_url)
    yield opened
    opened.close()
