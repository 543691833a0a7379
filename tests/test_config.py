"""Settings: which value wins, and what is said of one that cannot be used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hexapolis.config import Settings, load_settings
from hexapolis.errors import ConfigError


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("HEXAPOLIS_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def file(content: str, name: str = "settings.toml") -> Path:
    path = Path(name)
    path.write_text(content, encoding="utf-8")
    return path


def test_defaults() -> None:
    settings = load_settings()
    assert (settings.data, settings.page_seconds, settings.allow_hosts) == (Path("data"), 10.0, ())
    assert settings.database_url == "sqlite:///data/hexapolis.db"
    assert settings.archive == Path("data/archive")
    assert settings.models == Path("data/models")
    assert 1 <= settings.workers <= 64


def test_options_go_before_the_environment_before_the_file_before_the_defaults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = file('data = "file"\nworkers = 3\npage_seconds = 4.5\n')
    monkeypatch.setenv("HEXAPOLIS_DATA", "environment")
    monkeypatch.setenv("HEXAPOLIS_WORKERS", "5")
    settings = load_settings(path, data=Path("option"), db=None)
    assert (settings.data, settings.workers, settings.page_seconds) == (Path("option"), 5, 4.5)
    assert settings.download_seconds == 60.0
    assert load_settings(path).data == Path("environment")
    monkeypatch.delenv("HEXAPOLIS_DATA")
    assert load_settings(path).data == Path("file")


def test_the_file_in_the_current_folder_counts_unless_another_is_named() -> None:
    file("workers = 3", "hexapolis.toml")
    assert load_settings().workers == 3
    assert load_settings(file("page_seconds = 2")).page_seconds == 2.0
    assert load_settings(file("workers = 7")).workers == 7


def test_one_call_leaves_nothing_to_the_next() -> None:
    load_settings(file("workers = 3"))
    assert load_settings().workers == Settings().workers


def test_the_database_follows_the_data_folder_unless_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings(data=Path("elsewhere")).database_url == "sqlite:///elsewhere/hexapolis.db"
    monkeypatch.setenv("HEXAPOLIS_DB", "postgresql://h/d")
    assert load_settings(data=Path("elsewhere")).database_url == "postgresql://h/d"


@pytest.mark.parametrize(
    "content", ['allow_hosts = ["a.lan", "b.lan:8080"]', 'allow_hosts = "a.lan, b.lan:8080,"']
)
def test_hosts_in_the_file(content: str) -> None:
    assert load_settings(file(content)).allow_hosts == ("a.lan", "b.lan:8080")


def test_hosts_in_the_environment_are_a_plain_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEXAPOLIS_ALLOW_HOSTS", "a.lan, b.lan:8080")
    assert load_settings().allow_hosts == ("a.lan", "b.lan:8080")


def test_the_user_agent_names_the_contact() -> None:
    assert "policy research; ops@x.org)" in load_settings(file('contact = "ops@x.org"')).user_agent


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("wrokers = 3", "setting 'wrokers': unknown setting"),
        ("[crawl]\nworkers = 3", "setting 'crawl': unknown setting"),
        ('workers = "many"', "setting 'workers': .*integer"),
        ("workers = 0", "setting 'workers': .*greater than or equal to 1"),
        ("page_seconds = -1", "setting 'page_seconds': .*greater than 0"),
        ("data = 7", "setting 'data': .*path"),
        ("allow_hosts = [1]", r"setting 'allow_hosts\.0': .*string"),
        ("workers =", "Invalid value"),
        ("a\n\nb", "Expected '='"),
    ],
)
def test_a_file_that_cannot_be_used(content: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=rf"^settings\.toml: [^\n]*{reason}[^\n]*$") as caught:
        load_settings(file(content))
    assert caught.value.exit_code == 2


def test_a_file_that_is_no_text() -> None:
    Path("settings.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"^settings\.toml: [^\n]+$"):
        load_settings(Path("settings.toml"))


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_file_that_is_missing(name: str) -> None:
    with pytest.raises(ConfigError, match=r"^[^\n]*: no such configuration file$"):
        load_settings(Path(name))


def test_the_blame_goes_to_where_the_value_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    path = file("workers = 3")
    monkeypatch.setenv("HEXAPOLIS_WORKERS", "many")
    with pytest.raises(ConfigError, match=r"^environment variable HEXAPOLIS_WORKERS: [^\n]*integer[^\n]*$"):
        load_settings(path)
    with pytest.raises(ConfigError, match=r"^option: setting 'workers'"):
        load_settings(path, workers=0)
