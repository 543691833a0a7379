"""The command line as a user meets it: help, errors in one line, exit codes, JSON lines."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import loopback
import pytest
from conftest import Result
from loopback import Site

COMMANDS = [
    "crawl",
    "import",
    "process",
    "extract",
    "classify",
    "train",
    "evaluate",
    "articles",
    "show",
    "changes",
    "coverage",
    "export",
    "schedule",
    "doctor",
    "demo",
    "models",
    "review",
    "sources",
]
BATCH = """
import io, json, os, sys, traceback
from contextlib import redirect_stderr, redirect_stdout
from hexapolis.__main__ import main
for words in json.loads(sys.argv[1]):
    out, err, code = io.StringIO(), io.StringIO(), 0
    sys.argv = ["hexapolis", *words]
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        except BaseException:
            code = -1
            traceback.print_exc()
    print(json.dumps([code, out.getvalue(), err.getvalue()]))
"""


def batch(folder: Path, *lines: list[str], **settings: str) -> list[Result]:
    """Several commands in one process, which costs one start instead of many."""
    done = subprocess.run(
        [sys.executable, "-c", BATCH, json.dumps(lines)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=loopback.environment(**settings),
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return [Result(*json.loads(line)) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Path:
    """A data folder with a few crawled articles, `data`, and things that are broken beside it."""
    folder = tmp_path_factory.mktemp("cli")
    data = folder / "data"
    data.mkdir()
    (data / "models").symlink_to(models)
    with Site() as site:
        site.listing("/list.html", [site.article(f"/{i}.html", i) for i in range(4)])
        catalogue = folder / "good.yaml"
        catalogue.write_text("sources:\n" + loopback.source(site, "small-town"))
        result = loopback.run(data, "crawl", "--catalogue", catalogue)
    assert result.code == 0, result.err
    assert result.err == ""
    assert [line.split() for line in result.out.splitlines()] == [
        ["source", "status", "seen", "stored", "listing"],
        ["-" * 10, "------", "----", "------", "-------"],
        ["small-town", "done", "5", "4", "1"],
    ]
    (folder / "file").write_text("not a folder")
    (folder / "unknown.toml").write_text("colour = 'red'\n")
    (folder / "syntax.toml").write_text("data = \n")
    (folder / "value.toml").write_text("page_bytes = 'many'\n")
    (folder / "field.yaml").write_text(
        "sources:\n  - id: a\n    name: A\n    entry_points:\n      - {type: lst, url: http://a.example/}\n"
    )
    (folder / "syntax.yaml").write_text("sources:\n  - id: [\n")
    (folder / "empty.yaml").write_text("")
    (folder / "binary.yaml").write_bytes(b"\x00\xff\xfe")
    (folder / "bad.jsonl").write_text('{"id": "1", "text": "x"\n')
    (folder / "nothing").mkdir()
    newer = folder / "newer"
    newer.mkdir()
    with sqlite3.connect(data / "hexapolis.db") as original, sqlite3.connect(newer / "hexapolis.db") as copy:
        original.backup(copy)
        copy.execute("update alembic_version set version_num = '9999'")
    original.close()
    copy.close()
    (folder / "garbage").mkdir()
    (folder / "garbage" / "hexapolis.db").write_bytes(b"this is no database" * 100)
    foreign = folder / "foreign"
    foreign.mkdir()
    with sqlite3.connect(foreign / "hexapolis.db") as other:
        other.execute("create table photos (id integer)")
    other.close()
    return folder


# --- help ---------------------------------------------------------------------------------------------------


def test_help_of_every_command(tmp_path: Path) -> None:
    general, *each = batch(tmp_path, ["--help"], *([name, "--help"] for name in COMMANDS))
    assert (general.code, general.err) == (0, "")
    listed = [line.split()[0] for line in general.out.partition("Commands:\n")[2].splitlines()]
    assert listed == COMMANDS
    for name, result in zip(COMMANDS, each, strict=True):
        assert (result.code, result.err) == (0, ""), name
        assert result.out.startswith(f"Usage: hexapolis {name} [OPTIONS]")
        options = [line for line in result.out.splitlines() if line.startswith("  -")]
        assert "-h, --help" in result.out
        assert all(len(line.split("  ")) > 2 for line in options), "every option says what it does"
        assert ("--json" in result.out) == (name != "demo"), name
    (version,) = batch(tmp_path, ["--version"])
    assert version.out.startswith("hexapolis 0.")
    (alone,) = batch(tmp_path, [])
    assert alone.code == 2
    assert "Usage: hexapolis" in alone.out + alone.err


def test_python_m_hexapolis_without_heavy_imports(tmp_path: Path) -> None:
    check = (
        "import sys, runpy; sys.argv = ['hexapolis', '--help']\n"
        "try: runpy.run_module('hexapolis', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print(sorted({'sklearn', 'scrapy', 'sqlalchemy', 'lxml', 'trafilatura', 'pydantic'} "
        "& set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.startswith("Usage: ")
    assert done.stdout.endswith("\n[]\n")


# --- errors -------------------------------------------------------------------------------------------------

ERRORS: list[tuple[list[str], int, str]] = [
    # wrong usage
    (["--nope"], 2, "--nope"),
    (["nope"], 2, "nope"),
    (["crawl", "--nope"], 2, "--nope"),
    (["articles", "--data", "x"], 2, "--data"),  # global options stand before the command
    (["crawl", "--since", "15.3.2024"], 2, "'15.3.2024' is not a date such as 2024-03-15"),
    (["articles", "--since", "2024-02-30"], 2, "'2024-02-30' is not a date"),
    (["articles", "--until", ""], 2, "'' is not a date"),
    (["articles", "--limit", "0"], 2, "--limit"),
    (["crawl", "--max-pages", "-1"], 2, "--max-pages"),
    (["articles", "--city", "Shenzen"], 2, "unknown city 'Shenzen'"),
    (["articles", "--city", "999999"], 2, "unknown city '999999'"),
    (["articles", "--city", "²"], 2, "unknown city '²'"),
    (["articles", "--dim", "computing"], 2, "unknown dimension 'computing'; there are compute, technology"),
    (["coverage", "--city", "Nowhere"], 2, "unknown city 'Nowhere'"),
    (["coverage", "--by", "week"], 2, "'week'"),
    (["coverage", "--format", "pdf"], 2, "'pdf'"),
    (["show"], 2, "ID"),
    (["show", "one"], 2, "ID"),
    (["show", "999"], 1, "999"),
    (["show", "0"], 2, "ID"),
    (["show", "99999999999999999999"], 2, "ID"),
    (["articles", "--limit", "99999999999999999999"], 2, "--limit"),
    (["export"], 2, "--output"),
    (["export", "-o", "nothing/none/x.csv"], 2, "nothing/none/x.csv: cannot be written"),
    # sources and catalogues
    (
        ["crawl", "small-twon", "--catalogue", "good.yaml"],
        2,
        "unknown source 'small-twon'; did you mean small-town?",
    ),
    (
        ["schedule", "zzzz", "--catalogue", "good.yaml"],
        2,
        "unknown source 'zzzz'; `hexapolis sources` lists them",
    ),
    (["crawl", "--catalogue", "none.yaml"], 2, "none.yaml: there is no such file"),
    (["sources", "--catalogue", "nothing"], 2, "nothing"),
    (
        ["sources", "--catalogue", "field.yaml"],
        2,
        "field.yaml:5: sources[0].entry_points[0].type: 'lst' is not one of",
    ),
    (["crawl", "--catalogue", "syntax.yaml"], 2, "syntax.yaml:"),
    (["process", "--catalogue", "empty.yaml"], 2, "empty.yaml"),
    (["schedule", "--catalogue", "binary.yaml"], 2, "binary.yaml"),
    # settings
    (["--config", "none.toml", "articles"], 2, "none.toml: no such configuration file"),
    (["--config", "unknown.toml", "articles"], 2, "unknown.toml: setting 'colour': unknown setting"),
    (["--config", "syntax.toml", "articles"], 2, "syntax.toml: "),
    (["--config", "value.toml", "articles"], 2, "value.toml: setting 'page_bytes'"),
    (["--db", "nonsense", "articles"], 2, "nonsense"),
    (["--db", "oracle://h/d", "articles"], 2, "oracle"),
    # data folders
    (["--data", "nothing", "articles"], 1, "nothing/hexapolis.db: no database here yet"),
    (["--data", "nothing", "coverage"], 1, "no database here yet"),
    (["--data", "nothing", "process"], 1, "no database here yet"),
    (["--data", "newer", "articles"], 1, "schema 9999 is newer than this version"),
    (["--data", "garbage", "articles"], 1, "not a database"),
    (["--data", "foreign", "articles"], 1, "holds other tables (photos …)"),
    (["--data", "file", "articles"], 1, "file/hexapolis.db"),
    (["--data", "file", "crawl", "--catalogue", "good.yaml"], 1, "file"),
    (["--data", "file", "schedule", "--once", "--catalogue", "good.yaml"], 2, "file: cannot be used"),
    (["--data", "file", "demo", "--no-serve"], 2, "file: cannot be used"),
    (["--data", ".", "demo", "--no-serve"], 2, "not made by the demo"),
    # files
    (["extract", "none.html"], 2, "none.html: no such file"),
    (["extract", "nothing"], 2, "nothing: "),
    (["import", "none"], 2, "none: no such file or folder"),
    (["import", "nothing"], 2, "nothing: no .html"),
    (["evaluate", "none.jsonl"], 2, "none.jsonl"),
    (["evaluate", "bad.jsonl"], 2, "bad.jsonl"),
]


@pytest.fixture(scope="module")
def refused(full: Path) -> list[Result]:
    """What each of the wrong commands says."""
    before = (full / "newer" / "hexapolis.db").read_bytes()
    lines = [words if words[0] in ("--data", "--db") else ["--data", "data", *words] for words, *_ in ERRORS]
    results = batch(full, *lines)
    assert (full / "newer" / "hexapolis.db").read_bytes() == before, "a newer database is left untouched"
    assert (full / "file").read_text() == "not a folder"
    return results


@pytest.mark.parametrize("number", range(len(ERRORS)), ids=lambda n: " ".join(ERRORS[n][0])[:60])
def test_each_error_is_one_line_with_its_exit_code(refused: list[Result], number: int) -> None:
    result = refused[number]
    _, code, words = ERRORS[number]
    assert (result.code, result.out) == (code, ""), result.err
    assert result.err.startswith("hexapolis: ")
    assert (result.err.count("\n"), result.err[-1]) == (1, "\n")
    assert words in result.err


# --- output -------------------------------------------------------------------------------------------------


def test_json_is_one_object_a_line_and_nothing_else(full: Path) -> None:
    page = full / "page.html"
    page.write_text(loopback.article(77))
    commands: dict[str, tuple[list[str], set[str]]] = {
        "articles": (
            ["articles", "--json"],
            {"id", "url", "title", "dims", "cities", "relevant", "published_on", "language"},
        ),
        "show": (["show", "1", "--json"], {"id", "url", "versions"}),
        "coverage": (["coverage", "--json"], {"plan", "rows", "notes"}),
        "coverage by month": (["coverage", "--by", "month", "--format", "json"], {"rows"}),
        "sources": (
            ["sources", "--json", "--catalogue", "good.yaml"],
            {"id", "entry_points", "last_run", "enabled"},
        ),
        "doctor": (["doctor", "--json"], {"name", "state", "detail"}),
        "process": (
            ["process", "--json", "--catalogue", "good.yaml"],
            {"pages", "outcomes", "damaged", "model"},
        ),
        "extract": (
            ["extract", "page.html", "page.html", "--json"],
            {"path", "title", "text", "published_on", "author", "language"},
        ),
        "export": (["export", "-o", "-", "--json"], {"id", "text"}),
    }
    results = dict(zip(commands, batch(full, *(words for words, _ in commands.values())), strict=True))
    for name, result in results.items():
        assert (result.code, result.err) == (0, ""), name
        assert result.rows, name
        for row in result.rows:
            assert commands[name][1] <= set(row), name
    assert len(results["articles"].rows) == len(results["export"].rows) == 4
    assert len(results["show"].rows) == len(results["coverage"].rows) == len(results["process"].rows) == 1
    assert results["extract"].rows[0]["title"] == "第77号算力通告"
    assert results["extract"].rows[0]["published_on"] == "2024-03-24"
    assert results["sources"].row["last_run"]["outcomes"] == {"listing": 1, "stored": 4}
    assert results["process"].row["pages"] == 0


def test_tables_for_people(full: Path) -> None:
    articles, show, coverage, table, sources, export = batch(
        full,
        ["articles"],
        ["show", "1"],
        ["coverage"],
        ["coverage", "--format", "csv"],
        ["sources", "--catalogue", "good.yaml"],
        ["export", "-o", "articles.csv"],
    )
    assert [result.code for result in (articles, show, coverage, table, sources, export)] == [0] * 6
    assert len(articles.out.splitlines()) == 2 + 4
    assert "第3号算力通告" in articles.out
    assert "Version 1 (current): 第" in show.out
    assert "the plan" in coverage.out
    assert table.out.startswith("city,city_code,period,dimension")
    assert "small-town" in sources.out
    assert (export.out, export.err) == ("", "4 articles written to articles.csv\n")
    assert (full / "articles.csv").read_bytes().startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("words", [["articles", "--json"], ["--help"], ["coverage", "--format", "html"]])
def test_a_reader_that_leaves_early_is_no_error(full: Path, words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)  # gone before the first byte, so that every write fails
    try:
        done = subprocess.run(
            loopback.command(full / "data", *words),
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
            cwd=full,
            env=loopback.environment(),
            timeout=60,
        )
    finally:
        os.close(writing)
    assert done.stderr == b""
    assert done.returncode == 1


def test_doctor_fails_when_a_check_does(full: Path) -> None:
    good, catalogue, newer, file = batch(
        full,
        ["doctor", "--json"],
        ["doctor", "--json", "--catalogue", "field.yaml"],
        ["--data", "newer", "doctor", "--json"],
        ["--data", "file", "doctor", "--json"],
    )
    failed = [
        [row["name"] for row in result.rows if row["state"] == "fail"]
        for result in (good, catalogue, newer, file)
    ]
    assert [result.code for result in (good, catalogue, newer, file)] == [0, 1, 1, 1]
    assert failed[:3] == [[], ["catalogue"], ["database"]]
    assert "data folder" in failed[3]


# --- classify and extract -----------------------------------------------------------------------------------

POLICY = "深圳市发放算力券，每年安排五亿元支持人工智能企业租用智能算力，并建设智算中心。"


def test_classify_answers_each_line(full: Path) -> None:
    hostile: list[Any] = [
        "",
        " ",
        "\x00\x01\x02",
        "\ud800 lone",
        "a" * 50_000,
        "。" * 20_000,
        "\n" * 10_000,
        "<script>alert(1)</script>",
        "' or 1=1 --",
        "\u202e深圳\u200b人工智能",
        "é" * 1000,
        "🚀" * 5000,
        "深圳" * 5000,
        "%s %d {0}",
        "../../etc/passwd",
    ]
    lines = [
        {"id": 1, "text": POLICY},
        {"id": "t", "title": "深圳算力券", "text": POLICY},
        {"text": POLICY, "more": [1]},
    ]
    lines += [{"id": f"h{i}", "title": text, "text": text} for i, text in enumerate(hostile)]
    stdin = "\n\n".join(json.dumps(line) for line in lines) + "\n"
    result = loopback.run(full / "data", "classify", "--json", stdin=stdin.encode())
    assert (result.code, result.err) == (0, "")
    rows = result.rows
    assert [row["id"] for row in rows] == [1, "t", None, *(f"h{i}" for i in range(len(hostile)))]
    assert rows[0]["relevant"] is True
    assert "compute" in rows[0]["dims"]
    assert rows[0]["cities"][0]["city"] == "Shenzhen"
    for row, line in zip(rows, lines, strict=True):
        assert set(row) == {"id", "relevant", "relevance", "dims", "scores", "evidence", "cities"}
        assert 0 <= row["relevance"] <= 1
        assert all(0 <= score <= 1 for score in row["scores"].values())
        assert sorted(row["evidence"]) == sorted(row["dims"])
        for spans in row["evidence"].values():
            assert all(0 <= start < end <= len(line["text"]) for start, end, _ in spans)
    assert "<script>" not in json.dumps([row["cities"] for row in rows])


@pytest.mark.parametrize(
    ("stdin", "words"),
    [
        (b"not json\n", "line 1: not JSON"),
        (b'{"text": "a"}\n\n[1]\n', "line 3: needs an object with a text"),
        (b'{"id": 1}\n', "line 1: needs an object with a text"),
        (b'{"text": null}\n', "line 1: needs an object with a text"),
        (b'{"text": "a", "title": 5}\n', "line 1: title: must be text"),
        (b'{"text": "\xff\xfe"}\n', "line 1: not JSON"),
        (b"[" * 100_000 + b"\n", "line 1: not JSON"),
        (b'{"id": ' + b"9" * 5000 + b', "text": "a"}\n', "line 1: not JSON"),
    ],
    ids=["words", "list", "no text", "null", "title", "not utf-8", "brackets", "digits"],
)
def test_classify_names_the_line_that_is_wrong(full: Path, stdin: bytes, words: str) -> None:
    result = classify_in_process(full, stdin)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("hexapolis: standard input, ")
    assert result.err.count("\n") == 1
    assert words in result.err
    assert len(result.err) < 500


def classify_in_process(folder: Path, stdin: bytes) -> Result:
    """`classify` in this process: loading the model once is enough for all wrong lines."""
    import contextlib
    import io
    import unittest.mock

    from hexapolis import __main__

    out, err = io.StringIO(), io.StringIO()
    with (
        unittest.mock.patch.object(
            sys, "argv", ["hexapolis", "--data", str(folder / "data"), "classify", "--json"]
        ),
        unittest.mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin))),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as stop,
    ):
        __main__.main()
    return Result(int(stop.value.code or 0), out.getvalue(), err.getvalue())


def test_classify_of_nothing_is_nothing(full: Path) -> None:
    result = classify_in_process(full, b"\n  \n")
    assert (result.code, result.out, result.err) == (0, "", "")


def test_extract_of_hostile_files(full: Path, tmp_path: Path) -> None:
    files = {
        "empty.html": b"",
        "blank.html": b" \n ",
        "binary.html": bytes(range(256)) * 50,
        "really.pdf.html": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
        "picture.html": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "deep.html": b"<div>" * 50_000 + b"x",
        "unclosed.html": b"<html><body><p>" + b"<a href=" * 1000,
        "null.html": b"\x00" * 1000,
        "large.html": b"<p>" + b"x" * 3_000_000,
        "-dash.html": loopback.article(5).encode("gb18030"),
    }
    for name, body in files.items():
        (tmp_path / name).write_bytes(body)
    result, text = batch(
        tmp_path, ["extract", "--json", "--", *files], ["extract", "--", "-dash.html", "empty.html"]
    )
    assert (result.code, result.err) == (0, "")
    rows = {row["path"]: row for row in result.rows}
    assert list(rows) == list(files)
    assert rows.pop("-dash.html")["title"] == "第5号算力通告"
    for name, row in rows.items():
        assert (row["title"], row["text"], row["published_on"]) == (None, "", None), name
        assert row["verdict"] != "article"
    assert rows["really.pdf.html"]["verdict"] == "not_html"
    assert rows["large.html"]["verdict"] == "too_large"
    assert text.out.startswith("第5号算力通告\n2024-03-06  zh\n")
    assert text.err.startswith("empty.html: no article: empty")


def test_settings_come_from_options_then_environment_then_file(full: Path) -> None:
    (full / "hexapolis.toml").write_text("data = 'nothing'\n")
    try:
        from_file, from_option = batch(full, ["articles"], ["--data", "data", "articles"])
        (from_environment,) = batch(full, ["articles"], HEXAPOLIS_DATA="data")
    finally:
        (full / "hexapolis.toml").unlink()
    assert (from_file.code, from_option.code, from_environment.code) == (1, 0, 0)
    assert "nothing/hexapolis.db" in from_file.err


def test_reading_makes_no_files(tmp_path: Path) -> None:
    batch(tmp_path, ["articles"], ["coverage"], ["sources"], ["doctor"], ["show", "1"])
    assert list(tmp_path.iterdir()) == []
    shutil.rmtree(tmp_path)
