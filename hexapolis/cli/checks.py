"""The self-check behind `hexapolis doctor`: each check says ok, warn or fail, and what to do."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hexapolis.config import Settings
from hexapolis.errors import HexapolisError
from hexapolis.records import Source

LOW_DISK_BYTES = 1_000_000_000
# Fixed in 3.51.3 and, for older lines, in 3.50.7 and 3.44.6: a checkpoint that meets a writer can damage the
# database.
_FIXED_SQLITE = ((3, 51, 3), (3, 50, 7), (3, 44, 6))


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report."""

    name: str
    state: str  # ok, warn or fail
    detail: str


def run_checks(settings: Settings, catalogue: Path | None) -> Iterator[Check]:
    """All checks, in the order in which a newcomer would meet their failures."""
    yield Check("python", "ok", sys.version.split()[0])
    yield _sqlite(settings)
    yield _folder(settings)
    yield _disk(settings)
    yield _user_agent(settings)
    yield _tried("catalogue", lambda: _catalogue(settings, catalogue))
    yield _tried("database", lambda: _database(settings))
    yield _tried("model", lambda: _model(settings))


def sqlite_is_safe(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite has the fix of the WAL-reset bug."""
    return version >= _FIXED_SQLITE[0] or any(
        version[:2] == fixed[:2] and version >= fixed for fixed in _FIXED_SQLITE[1:]
    )


def _sqlite(settings: Settings) -> Check:
    version = sqlite3.sqlite_version_info
    if settings.database_url.startswith("sqlite") and not sqlite_is_safe(version):
        return Check(
            "sqlite",
            "warn",
            f"{sqlite3.sqlite_version} has the WAL-reset bug; Hexapolis lets one process write at a time, do "
            "not write with other programs",
        )
    return Check("sqlite", "ok", sqlite3.sqlite_version)


def _folder(settings: Settings) -> Check:
    folder = settings.data
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not os.access(folder, os.W_OK | os.X_OK):
        return Check(
            "data folder", "fail", f"{folder} cannot be written; change its rights or choose another --data"
        )
    return Check("data folder", "ok", str(settings.data.resolve()))


def _disk(settings: Settings) -> Check:
    folder = settings.data if settings.data.exists() else Path.cwd()
    free = shutil.disk_usage(folder).free
    return Check("disk", "ok" if free >= LOW_DISK_BYTES else "warn", f"{free / 1e9:.1f} GB free")


NO_CONTACT = "set `contact` (HEXAPOLIS_CONTACT), so that site owners can reach you"


def contact_warning(settings: Settings, sources: Iterable[Source]) -> str | None:
    """What a crawl says before it asks strangers without telling them who asks; None when all is well."""
    from crawler.urls import is_loopback

    if settings.contact:
        return None
    strangers = any(not is_loopback(entry.url) for source in sources for entry in source.entry_points)
    return f"the crawler does not say whose it is: {NO_CONTACT}" if strangers else None


def _user_agent(settings: Settings) -> Check:
    if settings.contact:
        return Check("user agent", "ok", settings.user_agent)
    return Check("user agent", "warn", NO_CONTACT)


def _tried(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except HexapolisError as error:
        return Check(name, "fail", " ".join(str(error).split()))


def _catalogue(settings: Settings, path: Path | None) -> Check:
    from crawler.catalogue import load_catalogue

    entries = load_catalogue(path).sources
    enabled = sum(entry.enabled for entry in entries)
    return Check("catalogue", "ok", f"{len(entries)} sources, {enabled} enabled")


def _database(settings: Settings) -> Check:
    from store.engine import Store
    from store.integrity import find_faults

    if not settings.db and not (settings.data / "hexapolis.db").exists():
        return Check("database", "ok", "none yet; the first crawl makes one")
    store = Store.open(settings.database_url, create=False)
    with store.read() as connection:
        faults = find_faults(connection)
    if faults:
        return Check("database", "fail", "; ".join(faults))
    return Check("database", "ok", f"schema {store.schema_version()}")


def _model(settings: Settings) -> Check:
    from classify.active import active_model

    tagger = active_model(settings.models)
    if tagger is None:
        return Check("model", "ok", "none yet; the first crawl trains one")
    return Check("model", "ok", f"{tagger.model_id}, codebook {tagger.card['codebook_version']}")
