"""A PostgreSQL server for the tests: made when needed, thrown away at the end, reached by a socket only."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

_SYSTEM_USER = "postgres"  # runs the server where the tests run as root, which it refuses
_UNSAFE = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"  # the data is thrown away anyway


def binaries() -> Path | None:
    """The folder with `initdb` and `pg_ctl`; None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((f for f in folders if (f / "initdb").exists() and (f / "pg_ctl").exists()), None)


class PostgresServer:
    """A running server.

    Args:
        folder: where its socket is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)

    def url(self, name: str) -> str:
        """The address of a database, for `Store.open`."""
        return f"postgresql+psycopg://hexapolis@/{name}?host={self._folder}"

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """A database of its own for as long as the block lasts; its name."""
        name = f"d{next(self._numbers)}"
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, template)
        try:
            yield name
        finally:
            self._execute("DROP DATABASE {} WITH (FORCE)", name)

    def _execute(self, statement: str, *names: str) -> None:
        with psycopg.connect(
            host=str(self._folder), user="hexapolis", dbname="postgres", autocommit=True
        ) as c:
            c.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """Make a server, and end it."""
    programs = binaries()
    assert programs is not None, "ask `binaries` first"
    run = _as_ordinary_user()
    folder = Path(tempfile.mkdtemp(prefix="hexapolis-pg-"))  # a socket's path may be 107 characters long
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, _SYSTEM_USER)
        data = folder / "data"
        run(
            [
                programs / "initdb",
                "-D",
                data,
                "-U",
                "hexapolis",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "-N",
            ]
        )
        options = f"-c listen_addresses= -c unix_socket_directories={folder} {_UNSAFE}"
        control = [programs / "pg_ctl", "-D", data, "-w"]
        run([*control, "-l", folder / "log", "-o", options, "start"])
        try:
            yield PostgresServer(folder)
        finally:
            run([*control, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_ordinary_user() -> Callable[[list[Any]], None]:
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        user = {"user": _SYSTEM_USER, "group": _SYSTEM_USER, "extra_groups": []}

    def run(command: list[Any]) -> None:
        done = subprocess.run(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            timeout=60,
            check=False,
            **user,
        )
        assert done.returncode == 0, done.stdout.decode(errors="replace")

    return run
