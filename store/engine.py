"""Opening a database: connections, transactions, migrations.

SQLite runs with WAL, foreign keys and full synchronisation. Every writing transaction begins with `BEGIN
IMMEDIATE` (a read followed by an update loses updates otherwise) and holds a file lock beside the database,
so that one process writes at a time: SQLite versions before 3.51.3 can damage a database when a checkpoint
meets another writer.

PostgreSQL gives the same promises: a read transaction sees one state (`REPEATABLE READ`), and a writing one
begins with an advisory lock, so that one transaction writes at a time, whichever host it comes from.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from hexapolis.errors import ConfigError, NewerDatabaseError, StoreError
from store.schema import HEAD

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_SECONDS = 60  # how long a writer waits for another one
_WRITER_KEY = 0x48657861  # of the advisory lock on PostgreSQL; any number that nobody else locks


class Store:
    """A database of the current schema.

    Use `Store.open`; then `with store.read() as connection` and `with store.write() as connection`, where
    leaving the block commits and an exception rolls back.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._lock_path = _lock_path(engine)

    @classmethod
    def open(cls, url: str, *, create: bool = True) -> Store:
        """Open a database, creating or upgrading its tables.

        Args:
            url: as SQLAlchemy writes it, such as `sqlite:///data/hexapolis.db`.
            create: make a missing SQLite database; otherwise a missing one is an error.

        Raises:
            ConfigError: the address cannot be understood.
            NewerDatabaseError: the database is from a newer version; it is left untouched.
            StoreError: the database cannot be reached, read or upgraded.
        """
        store = cls(_engine(url, create))
        try:
            store._migrate(url)
        except SQLAlchemyError as error:
            store.close()
            raise StoreError(f"{_shown(url)}: {_reason(error)}") from error
        except StoreError:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read transaction: one consistent view of the database."""
        with self._reported(), self.engine.connect() as connection:
            if self._postgresql:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A writing transaction, one at a time over all processes."""
        with self._reported(), self._writer_lock(), self.engine.connect() as connection:
            connection = connection.execution_options(hexapolis_write=True)
            with connection.begin():
                if self._postgresql:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITER_KEY})
                yield connection

    @property
    def _postgresql(self) -> bool:
        return self.engine.dialect.name == "postgresql"

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise StoreError(f"{_shown(str(self.engine.url))}: {_reason(error)}") from error

    @contextmanager
    def _writer_lock(self) -> Iterator[None]:
        if self._lock_path is None:
            yield
            return
        try:
            descriptor = os.open(self._lock_path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"{self._lock_path}: cannot be locked for writing: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def schema_version(self) -> str | None:
        """The migration the database is at; `None` for an empty database."""
        return self._schema()[0]

    def _schema(self) -> tuple[str | None, list[str]]:
        """The migration and the tables, in one view: another process may be creating them just now."""
        with self.read() as connection:
            tables = inspect(connection).get_table_names()
            if "alembic_version" not in tables:
                return None, tables
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar(), tables

    def _migrate(self, url: str) -> None:
        found, tables = self._schema()
        if found is None and tables:
            raise StoreError(
                f"{_shown(url)}: holds other tables ({', '.join(sorted(tables)[:3])} …) and is no Hexapolis "
                "database; choose another one"
            )
        if found is not None and found > HEAD:  # revisions are numbered
            raise NewerDatabaseError(_shown(url), found, HEAD)
        self._set_journal()
        if found == HEAD:
            return
        from alembic import command  # heavy, and needed only here
        from alembic.config import Config
        from alembic.util import CommandError

        with self.write() as connection:
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, HEAD)
            except CommandError as error:
                raise StoreError(f"{_shown(url)}: schema {found} cannot be upgraded: {error}") from error

    def _set_journal(self) -> None:
        """Turn WAL on; SQLite writes it into the file, so only when the database is known to be ours."""
        if self.engine.dialect.name != "sqlite":
            return
        connection = self.engine.raw_connection()
        try:
            cursor = connection.cursor()
            if cursor.execute("PRAGMA journal_mode").fetchone()[0] not in ("wal", "memory"):
                with self._writer_lock():  # two that switch at once would get "database is locked"
                    cursor.execute("PRAGMA journal_mode=WAL")
            cursor.close()
        except sqlite3.Error as error:
            raise StoreError(f"{_shown(str(self.engine.url))}: {error}") from error
        finally:
            connection.close()


def _engine(url: str, create: bool) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _sqlite_engine(url, parsed.database, create)
        return create_engine(url)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise ConfigError(f"database address {_shown(url)!r} cannot be used: {error}") from error


def _sqlite_engine(url: str, database: str | None, create: bool) -> Engine:
    if database and database != ":memory:":
        path = Path(database)
        if not create and not path.exists():
            raise StoreError(
                f"{path}: no database here yet; `hexapolis crawl` or `hexapolis import` makes one"
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{path.parent}: cannot be created: {error.strerror}") from error
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the `begin` event below starts transactions, not the driver
        for pragma in ("foreign_keys=ON", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("hexapolis_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _lock_path(engine: Engine) -> str | None:
    database = engine.url.database
    if engine.dialect.name != "sqlite" or not database or database == ":memory:":
        return None
    return f"{database}.lock"


def _shown(url: str) -> str:
    """The address without its password."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url


def _reason(error: SQLAlchemyError) -> str:
    original = getattr(error, "orig", None)
    return " ".join(str(original or error).split())
