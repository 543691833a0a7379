"""Processing what waits: from the archive alone, with a limit on each page, also after a kill."""

from __future__ import annotations

import datetime as dt
import os
import pty
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Result

from crawler.archive import ArchiveWriter
from crawler.spiders.recorder import Recorder
from hexapolis.config import Settings
from hexapolis.records import EntryPoint, Link, Page, Source
from pipeline import PageRules, Processor
from store.engine import Store

NOON = dt.datetime(2024, 3, 15, 12, 0, tzinfo=dt.UTC)
SOURCE = Source("sz", "Shenzhen", (EntryPoint("list", "https://x.cn/"),))
MANY = 250  # several batches
TIMES = {
    "created_at",
    "processed_at",
    "first_used_at",
}  # when it was worked on: the only thing that may differ


def html(number: int, canonical: str = "") -> bytes:
    link = f'<link rel="canonical" href="{canonical}">' if canonical else ""
    lines = [
        f"深圳市人民政府今天发布第{number}号通知，将建设规模达{number}00P的智能算力中心，支持人工智能企业。",
        f"通知提出，每年发放{number}千万元算力券，降低企业训练大模型的成本，并推动算力资源统一调度。",
        "深圳市发展改革委负责人表示，将开放一批人工智能应用场景，支持医院、学校和工厂先行先试。",
    ]
    paragraphs = "".join(f"<p>{line}</p>" for line in lines)
    head = f"<meta charset=utf-8><title>深圳市第{number}号通知</title>{link}"
    return (
        f"<html><head>{head}</head><body><h1>深圳市第{number}号通知</h1>{paragraphs}</body></html>".encode()
    )


def fetched(data: Path, bodies: dict[str, bytes], day: int = 0) -> None:
    """A crawl has brought these pages, and was killed before it read any."""
    store = Store.open(f"sqlite:///{data / 'hexapolis.db'}")
    archive = ArchiveWriter(data / "archive")
    recorder = Recorder(store, archive, lambda: NOON)
    run = recorder.open_run(SOURCE, "manual")
    for number, (url, body) in enumerate(bodies.items()):
        key = run.see(url)
        assert key is not None
        moment = NOON + dt.timedelta(days=day, minutes=number)
        headers = (("Content-Type", "text/html; charset=utf-8"),)
        run.article_page(key, Page(url, url, 200, headers, body, moment), Link(url))
    recorder.flush()
    recorder.close_run(run, "interrupted", "killed")
    archive.close()
    store.close()


def query(data: Path, statement: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(data / "hexapolis.db")
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def dump(data: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, without the times of the work."""
    tables = [
        name for (name,) in query(data, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    ]
    found = {}
    for table in tables:
        columns = [row[1] for row in query(data, f"PRAGMA table_info({table})") if row[1] not in TIMES]
        names = ",".join(f'"{column}"' for column in columns)
        found[table] = sorted(query(data, f"SELECT {names} FROM {table}"), key=repr)
    return found


def verdicts(data: Path) -> dict[str, tuple[str, str]]:
    return {url: (v, d) for url, v, d in query(data, "SELECT url, verdict, verdict_detail FROM page")}


def processed_here(data: Path, rules: dict[str, PageRules], **options: Any) -> Processor:
    """The pages are processed in this process's own workers."""
    store = Store.open(f"sqlite:///{data / 'hexapolis.db'}")
    settings = Settings(data=data, workers=2, **options)
    with Processor(store, settings, rules) as processor:
        processor.run()
    store.close()
    return processor


def test_everything_again_from_the_archive_alone(
    hexapolis: Callable[..., Result], tmp_path: Path, data: Path
) -> None:
    saved = tmp_path / "saved"
    saved.mkdir()
    for number in range(3):
        (saved / f"{number}.html").write_bytes(html(number, f"https://x.cn/{number}.html"))
    assert hexapolis("import", saved, "--json").row["outcomes"] == {"stored": 3}
    before = dump(data)
    shutil.rmtree(saved)
    done = hexapolis("process", "--all", "--json")
    assert done.code == 0, done.err
    assert (done.row["pages"], done.row["outcomes"], done.row["damaged"]) == (3, {"unchanged": 3}, 0)
    assert dump(data) == before
    assert len({digest for (digest,) in query(data, "SELECT text_sha256 FROM version")}) == 3
    assert hexapolis("process", "--json").row["pages"] == 0


def test_a_page_that_takes_too_long_costs_only_itself(data: Path) -> None:
    """The source's rule for article addresses runs for ages on one canonical link."""
    slow = f"https://x.cn/{'a' * 60}!"
    bodies = {
        f"https://x.cn/{n}.html": html(n, slow if n == 2 else f"https://x.cn/{n}.html") for n in range(6)
    }
    fetched(data, bodies)
    done = processed_here(data, {"sz": PageRules(article_url="(a+)+$")}, page_seconds=3.0)
    found = verdicts(data)
    assert found.pop("https://x.cn/2.html") == ("unreadable", "timeout: no result within 3 s")
    assert set(found.values()) == {("article", "")}
    assert len(found) == 5
    assert done.outcomes == {"stored": 5, "failed": 1}
    assert dict(query(data, "SELECT outcome, count(*) FROM ledger GROUP BY outcome")) == {
        "failed": 1,
        "stored": 5,
    }
    again = processed_here(data, {})
    assert again.pages == 0  # it is not tried for ever


def test_a_page_on_which_a_stage_breaks_costs_only_itself(data: Path) -> None:
    """A rule that is no regular expression stands for any bug in a stage."""
    fetched(data, {"https://x.cn/1": html(1, "https://x.cn/canonical"), "https://x.cn/2": html(2)})
    done = processed_here(data, {"sz": PageRules(article_url="(")})
    found = verdicts(data)
    assert found["https://x.cn/1"][0] == "unreadable"
    assert found["https://x.cn/1"][1].startswith("crash: error: ")
    assert found["https://x.cn/2"] == ("article", "")
    assert done.outcomes == {"stored": 1, "failed": 1}


def test_the_settings_file_limits_the_pages(
    hexapolis: Callable[..., Result], tmp_path: Path, data: Path
) -> None:
    fetched(data, {"https://x.cn/1": html(1), "https://x.cn/2": html(2) + b"<!--" + b"x" * 6000 + b"-->"})
    (tmp_path / "small.toml").write_text("page_bytes = 5000\nworkers = 1\n")
    done = hexapolis("process", "--json", options=("--config", str(tmp_path / "small.toml")))
    assert done.code == 0, done.err
    assert done.row["outcomes"] == {"not_article": 1, "stored": 1}
    assert verdicts(data)["https://x.cn/2"][0] == "too_large"
    assert hexapolis("process", "--all", "--json").row["outcomes"] == {"stored": 1, "unchanged": 1}


def test_a_missing_archive_file_takes_nothing_away(
    hexapolis: Callable[..., Result], tmp_path: Path, data: Path
) -> None:
    fetched(data, {"https://x.cn/1": html(1), "https://x.cn/2": html(2)})
    assert hexapolis("process", "--json").row["outcomes"] == {"stored": 2}
    before = dump(data)
    (lost,) = (data / "archive").rglob("*.warc.gz")
    lost.rename(tmp_path / "elsewhere")
    fetched(data, {"https://x.cn/3": html(3)}, day=1)
    done = hexapolis("process", "--all", "--json")
    assert done.code == 3
    assert (done.row["pages"], done.row["outcomes"], done.row["damaged"]) == (1, {"stored": 1}, 2)
    assert "2 pages are not in the archive" in done.err
    assert "archive file is missing; restore it from a backup" in done.err
    assert "Traceback" not in done.err
    after = dump(data)
    for table, rows in before.items():
        if table != "source":
            assert set(rows) <= set(after[table]), table
    assert len(hexapolis("articles", "--json").rows) == 3
    (tmp_path / "elsewhere").rename(lost)
    done = hexapolis("process", "--all", "--json")
    assert (done.code, done.row["outcomes"]) == (0, {"unchanged": 3})


def test_a_page_whose_bytes_are_missing_goes_on_waiting(data: Path, tmp_path: Path) -> None:
    fetched(data, {"https://x.cn/1": html(1)})
    (lost,) = (data / "archive").rglob("*.warc.gz")
    lost.rename(tmp_path / "elsewhere")
    done = processed_here(data, {})
    assert (done.pages, done.damaged) == (0, 1)
    assert query(data, "SELECT verdict FROM page") == [(None,)]
    (tmp_path / "elsewhere").rename(lost)
    assert processed_here(data, {}).outcomes == {"stored": 1}
    assert query(data, "SELECT outcome FROM ledger") == [("stored",)]


def read_until(terminal: int, word: bytes) -> bytes:
    """What is printed up to a word, or to the end when the last process has let go of the terminal."""
    seen = b""
    while word not in seen:
        ready, _, _ = select.select([terminal], [], [], 120)
        if not ready:
            pytest.fail("nothing is printed, and somebody holds the terminal")
        try:
            more = os.read(terminal, 4096)
        except OSError:  # how Linux says that the other end is closed
            return seen
        if not more:
            return seen
        seen += more
    return seen


def test_killed_in_the_middle_and_done_again_is_as_if_never_killed(
    hexapolis: Callable[..., Result], tmp_path: Path, data: Path
) -> None:
    bodies = {f"https://x.cn/{n}.html": html(n) for n in range(MANY)}
    bodies |= {f"https://x.cn/copy/{n}.html": html(n) for n in range(0, MANY, 50)}
    fetched(data, bodies)
    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(data, undisturbed)

    terminal, theirs = pty.openpty()  # on a terminal, progress is printed after each batch
    words = [sys.executable, "-m", "hexapolis", "--data", str(data), "process", "--all"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=theirs, cwd=tmp_path) as child:
        os.close(theirs)
        assert b" pages" in read_until(terminal, b" pages")
        child.send_signal(signal.SIGKILL)
    rest = read_until(terminal, b"never printed")  # ends when the workers have noticed and are gone
    os.close(terminal)
    assert b"Traceback" not in rest
    done = dict(query(data, "SELECT verdict IS NOT NULL, count(*) FROM page GROUP BY 1"))
    assert 0 < done[1] < len(bodies)
    assert done[0] + done[1] == len(bodies)

    rest_done = hexapolis("process", "--json")
    assert (rest_done.code, rest_done.row["pages"]) == (0, done[0])
    whole = hexapolis("process", "--json", options=("--data", str(undisturbed)))
    assert (whole.code, whole.row["outcomes"]) == (0, {"stored": len(bodies)})
    assert dump(data) == dump(undisturbed)
