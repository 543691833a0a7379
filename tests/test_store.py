"""Opening databases, migrations, transactions."""

from __future__ import annotations

import datetime as dt
import fcntl
import multiprocessing
import sqlite3
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, Column, inspect, select, text, update
from sqlalchemy.exc import StatementError

from hexapolis.errors import ConfigError, NewerDatabaseError, StoreError
from hexapolis.records import Source
from store.engine import MIGRATIONS, Store
from store.integrity import find_faults
from store.runs import save_source, start_run
from store.schema import HEAD, article, crawl_run, metadata, model

NOON = dt.datetime(2024, 3, 15, 12, 0, tzinfo=dt.UTC)
SOURCE = Source("sz", "Shenzhen", ())

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["store.engine", "alembic.autogenerate", "pytest"])


def at(path: Path) -> str:
    return f"sqlite:///{path}"


def test_an_empty_database_gets_the_tables(tmp_path: Path) -> None:
    store = Store.open(at(tmp_path / "new" / "folder" / "x.db"))
    with store.read() as connection:
        assert set(inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}
        assert find_faults(connection) == []
    assert store.schema_version() == HEAD
    store.close()


def test_an_existing_database_keeps_its_rows(tmp_path: Path) -> None:
    first = Store.open(at(tmp_path / "x.db"))
    with first.write() as connection:
        save_source(connection, SOURCE, NOON)
    first.close()
    again = Store.open(at(tmp_path / "x.db"), create=False)
    with again.read() as connection:
        assert connection.execute(text("SELECT id, name FROM source")).all() == [("sz", "Shenzhen")]
    again.close()


def test_a_missing_database_is_not_made_by_a_command_that_reads(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no database here yet; `hexapolis crawl`"):
        Store.open(at(tmp_path / "x.db"), create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_newer_database_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    Store.open(at(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.execute("CREATE TABLE of_the_future (a)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(NewerDatabaseError, match=rf"schema 9999 is newer .* \({HEAD}\); upgrade Hexapolis"):
        Store.open(at(path))
    assert path.read_bytes() == before


def test_a_database_of_something_else_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipe (name)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"holds other tables \(recipe …\) and is no Hexapolis database"):
        Store.open(at(path))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.db"]


def test_a_schema_that_nobody_knows_is_an_error_of_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    Store.open(at(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    connection.close()
    with pytest.raises(StoreError, match=r"^[^\n]*schema 0000 cannot be upgraded[^\n]*$"):
        Store.open(at(path))


def test_paths_that_cannot_be_a_database(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "junk.db").write_bytes(b"no database at all" * 300)
    for path in (tmp_path, tmp_path / "file" / "x.db", tmp_path / "junk.db"):
        with pytest.raises(StoreError, match=r"^[^\n]+$") as caught:
            Store.open(at(path))
        assert not isinstance(caught.value, NewerDatabaseError)
        assert str(tmp_path) in str(caught.value)


def test_a_lock_that_cannot_be_taken_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.db.lock").mkdir()
    with pytest.raises(StoreError, match=r"^[^\n]*x\.db\.lock: cannot be locked[^\n]*$"):
        Store.open(at(tmp_path / "x.db"))


@pytest.mark.parametrize("url", ["nonsense", "", "nosuch://user:secret@host/name"])
def test_addresses_that_mean_nothing(url: str) -> None:
    with pytest.raises(ConfigError, match="cannot be used") as caught:
        Store.open(url)
    assert "secret" not in str(caught.value)


def _defaults_differ(
    context: object,
    found: Column[Any],
    wanted: Column[Any],
    was: str | None,
    default: object,
    to_be: str | None,
) -> bool | None:
    """PostgreSQL has no equality for `json`, which alembic would ask for: the words are compared."""
    if isinstance(wanted.type, JSON):
        return (was or "").removesuffix("::json").strip("'") != (to_be or "").strip("'")
    return None


def test_migrations_make_what_the_schema_says(store: Store) -> None:
    with store.read() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": _defaults_differ,
                "target_metadata": metadata,
            },
        )
        assert compare_metadata(context, metadata) == []


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_sqlite_runs_with_wal_foreign_keys_and_full_synchronisation(store: Store) -> None:
    with store.read() as connection:
        values = {
            p: connection.execute(text(f"PRAGMA {p}")).scalar()
            for p in ("journal_mode", "foreign_keys", "synchronous")
        }
    assert values == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2}


def test_wal_is_turned_on_again_for_a_copy_that_lost_it(tmp_path: Path) -> None:
    Store.open(at(tmp_path / "x.db")).close()
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("VACUUM INTO ?", [str(tmp_path / "copy.db")])
    connection.close()
    copy = Store.open(at(tmp_path / "copy.db"))
    with copy.read() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    copy.close()


def test_a_row_that_points_nowhere_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match=r"(?i)foreign key"), store.write() as connection:
        start_run(connection, "nobody", "manual", NOON)
    with store.read() as connection:
        assert connection.execute(select(crawl_run)).all() == []


def test_a_failed_block_leaves_nothing_behind(store: Store) -> None:
    def fails() -> None:
        with store.write() as connection:
            save_source(connection, SOURCE, NOON)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    with store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM source")).scalar() == 0


def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(StatementError, match="naive datetime"), store.write() as connection:
        save_source(connection, SOURCE, dt.datetime(2024, 3, 15, 12, 0))


def test_times_come_back_aware_and_in_utc(store: Store) -> None:
    shanghai = dt.timezone(dt.timedelta(hours=8))
    with store.write() as connection:
        save_source(connection, SOURCE, dt.datetime(2024, 3, 15, 20, 0, tzinfo=shanghai))
        run_id = start_run(connection, "sz", "manual", dt.datetime(2024, 3, 16, 1, 30, tzinfo=shanghai))
    with store.read() as connection:
        row = connection.execute(select(crawl_run).where(crawl_run.c.id == run_id)).one()
        updated = connection.execute(select(metadata.tables["source"].c.updated_at)).scalar_one()
    assert updated == NOON
    assert updated.tzinfo is dt.UTC
    assert row.started_at == dt.datetime(2024, 3, 15, 17, 30, tzinfo=dt.UTC)
    assert row.started_at.tzinfo is dt.UTC
    assert row.finished_at is None


def _count_up(url: str, times: int) -> None:
    store = Store.open(url)
    for _ in range(times):
        with store.write() as connection:
            card = connection.execute(select(model.c.card).where(model.c.id == "m")).scalar_one()
            connection.execute(
                update(model).where(model.c.id == "m").values(card={"count": card["count"] + 1})
            )
    store.close()


def test_no_update_is_lost_between_processes(store: Store, store_url: str) -> None:
    with store.write() as connection:
        row = {"id": "m", "codebook_version": "1", "card": {"count": 0}, "first_used_at": NOON}
        connection.execute(model.insert().values(row))
    writers = [PROCESSES.Process(target=_count_up, args=(store_url, 60)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0, 0]
    with store.read() as connection:
        assert connection.execute(select(model.c.card)).scalar_one() == {"count": 240}


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_writer_keeps_others_out_from_its_first_word(store: Store) -> None:
    """In the database itself, which other programs see, and at the lock between our own processes."""
    path = str(store.engine.url.database)
    with store.write():
        other = sqlite3.connect(path, timeout=0, isolation_level=None)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        with open(f"{path}.lock") as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with store.read() as connection:
            assert connection.execute(text("SELECT count(*) FROM source")).scalar() == 0
    other.execute("BEGIN IMMEDIATE")
    other.close()


def _open_together(url: str, barrier: Barrier) -> None:
    barrier.wait()
    Store.open(url).close()


def test_processes_may_open_a_new_database_at_the_same_time(new_url: str) -> None:
    barrier = PROCESSES.Barrier(4)
    openers = [PROCESSES.Process(target=_open_together, args=(new_url, barrier)) for _ in range(4)]
    for opener in openers:
        opener.start()
    for opener in openers:
        opener.join()
    assert [opener.exitcode for opener in openers] == [0, 0, 0, 0]


def test_a_pointer_to_a_row_of_another_is_a_fault(store: Store) -> None:
    with store.write() as connection:
        save_source(connection, SOURCE, NOON)
        row = {"url_key": "k", "url": "u", "source_id": "sz", "first_seen_at": NOON, "last_seen_at": NOON}
        connection.execute(article.insert().values(**row, current_version_id=7))
    with store.read() as connection:
        assert find_faults(connection) == ["1 articles name a current version that is not theirs"]
