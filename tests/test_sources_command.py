"""`hexapolis sources`: the list, `check` and `add`, run as a user runs them, over loopback."""

from __future__ import annotations

import datetime as dt
import json
import os
import pty
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import loopback
import pytest
from conftest import Result
from loopback import Reply, Site
from test_discover import articles, feed, html, put_list

from crawler.catalogue import BUNDLED, load_catalogue
from crawler.discovery.add_entry import append_entry, indent_of, load_own, refuse_known_host
from hexapolis.errors import CatalogueError, InputFileError, UsageError
from hexapolis.records import ArchiveRef, Page
from store.engine import Store
from store.pages import NewPage, insert_pages
from store.runs import save_source, start_run

ENTRY = '- id: new\n  name: "New"\n  entry_points:\n    - {type: feed, url: "https://new.example/feed"}\n'


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Site, Site]]:
    """A folder, a site with a bit of everything, and a canary that nobody may ever touch."""
    folder = tmp_path_factory.mktemp("sources")
    (folder / "data").mkdir()
    with Site() as site, Site() as canary:
        canary.pages["*"] = Reply(loopback.article(1))
        links = articles(site, "/zwgk/tzgg/{day:%Y%m}/t{day:%Y%m%d}_{i}.html", 12)
        pager = '<script>createPageHTML(2, 0, "index", "html");</script>'
        put_list(site, "/zwgk/tzgg/", links[:6], tail=pager)
        put_list(site, "/zwgk/tzgg/index_1.html", links[6:])
        put_list(site, "/zwgk/tzgg/?x", links)
        site.pages["/feed.xml"] = Reply(feed([site.url + link for link in links[:3]]), type="text/xml")
        site.pages["/away"] = Reply(status=302, headers={"Location": f"http://127.0.0.1:{canary.port}/c"})
        site.pages["/name"] = Reply(status=302, headers={"Location": f"http://localhost:{canary.port}/c"})
        site.pages["/closed/list"] = Reply("secret")
        site.pages["/robots.txt"] = Reply("User-agent: *\nDisallow: /closed/\n")
        site.pages["/pdf"] = Reply(b"%PDF-1.7 x", type="application/pdf")
        site.pages["/empty"] = site.pages["/empty?1"] = Reply("")
        site.pages["/check"] = Reply(
            "<html><title>Just a moment...</title><body>Checking your browser</body>"
        )
        site.pages["/412"] = Reply("no", 412)
        site.pages["/shell"] = Reply(
            "<html><body><div id=app></div><script src=/app.js></script></body></html>"
        )
        site.pages["/none"] = Reply(html("<p>没有新闻</p>"))
        site.pages["/other"] = Reply(
            html('<a href="/about/us.html">关于</a><a href="/c/77.html">通告</a>' * 3)
        )
        closed = "".join(
            f'<li><a href="/closed/{i}.html">通告</a>2026-11-0{i % 9 + 1}</li>' for i in range(100, 108)
        )
        site.pages["/closed-articles"] = Reply(html(f"<ul>{closed}</ul>"))
        yield folder, site, canary
        assert canary.asked == []


def command(folder: Path, site: Site, *words: object) -> Result:
    """The command in the folder; the site, and nothing else on this machine, may be asked."""
    hosts = f"127.0.0.1:{site.port}, 127.0.0.1:{loopback.free_port()}"
    return loopback.run(folder / "data", *words, HEXAPOLIS_ALLOW_HOSTS=hosts)


# --- add: what is refused -----------------------------------------------------------------------------------


def test_every_address_that_is_no_source_is_one_line(world: tuple[Path, Site, Site]) -> None:
    folder, site, canary = world
    cases: list[tuple[str, int, str]] = [
        ("ftp://a.example/", 2, "only http:// and https:// addresses can be crawled"),
        ("http:///x", 2, "no readable host"),
        (f"http://127.0.0.1:{canary.port}/", 1, "127.0.0.1 is not a public address"),
        (f"http://localhost:{canary.port}/", 1, "localhost is at 127.0.0.1, which is not a public address"),
        (f"http://2130706433:{canary.port}/", 1, "is not a public address"),
        (f"http://[::1]:{canary.port}/", 1, "is not a public address"),
        (f"{site.url}/away", 1, f"redirect to another site: http://127.0.0.1:{canary.port}/c"),
        (f"{site.url}/name", 1, f"redirect to another site: http://localhost:{canary.port}/c"),
        (f"{site.url}/missing", 1, "status 404"),
        (f"{site.url}/pdf", 1, "this is a file (PDF)"),
        (f"{site.url}/check", 1, "bot check"),
        (f"{site.url}/closed/list", 1, "robots.txt does not allow it"),
        (f"{site.url}/shell", 1, "built in the browser"),
    ]
    with ThreadPoolExecutor(3) as pool:
        results = list(
            pool.map(lambda case: command(folder, site, "sources", "add", case[0], "--yes"), cases)
        )
    for (url, code, words), result in zip(cases, results, strict=True):
        assert (result.code, result.out) == (code, ""), (url, result.err)
        assert result.err.count("\n") == 1, (url, result.err)
        assert result.err.startswith("hexapolis: ")
        assert words in result.err, (url, result.err)
    assert site.count("/closed/list") == 0
    assert canary.asked == []
    assert not (folder / "sources.yaml").exists()


def test_a_port_where_nobody_listens(world: tuple[Path, Site, Site]) -> None:
    folder, _, _ = world
    port = loopback.free_port()
    url = f"http://127.0.0.1:{port}/"
    result = loopback.run(folder / "data", "sources", "add", url, HEXAPOLIS_ALLOW_HOSTS=f"127.0.0.1:{port}")
    assert (result.code, result.out) == (1, "")
    assert result.err == f"hexapolis: {url}: the connection was refused (robots.txt)\n"


# --- add: what is proposed ----------------------------------------------------------------------------------


def test_a_proposal_is_printed_then_written_then_crawled(world: tuple[Path, Site, Site]) -> None:
    folder, site, _ = world
    own, url = folder / "own.yaml", f"{site.url}/zwgk/tzgg/"
    add = ("sources", "add", url, "--catalogue", own)
    shown = command(folder, site, *add)
    assert (shown.code, own.exists()) == (0, False)
    assert shown.err == f"not written; `--yes` writes it to {own}\n"
    printed = folder / "printed.yaml"
    printed.write_text(shown.out, encoding="utf-8")
    (proposed,) = load_catalogue(printed).sources  # what is printed is a catalogue
    assert (proposed.family, proposed.name_zh) == ("trs", "某市科学技术局")
    assert "article, 365 characters  第0号算力通告" in shown.out
    written = command(folder, site, *add, "--yes", "--json")
    assert (written.code, written.row["written"], written.row["catalogue"]) == (0, True, str(own))
    assert [sample["verdict"] for sample in written.row["samples"]] == ["article"] * 3
    assert load_catalogue(own).sources == (proposed,)
    before = own.read_bytes()
    again = command(folder, site, *add, "--yes")
    assert (again.code, again.out, again.err.count("\n")) == (2, "", 1)
    assert f"source '{proposed.id}' reads {url} already" in again.err
    assert own.read_bytes() == before


def test_unread_articles_are_shown_but_not_written(world: tuple[Path, Site, Site]) -> None:
    folder, site, _ = world
    own = folder / "closed.yaml"
    shown = command(
        folder, site, "sources", "add", f"{site.url}/closed-articles", "--catalogue", own, "--yes"
    )
    assert (shown.code, own.exists()) == (1, False)
    assert "not read: robots.txt does not allow it" in shown.out
    assert "none of the sample pages reads as an article; nothing is written" in shown.err
    assert not [path for path in site.asked if path.startswith("/closed/")]


@pytest.mark.parametrize(("answer", "written"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_on_a_terminal_it_asks(world: tuple[Path, Site, Site], answer: str, written: bool) -> None:
    folder, site, _ = world
    own = folder / f"asked-{len(answer)}-{written}.yaml"
    leader, follower = pty.openpty()
    words = loopback.command(folder / "data", "sources", "add", f"{site.url}/feed.xml", "--catalogue", own)
    env = loopback.environment(HEXAPOLIS_ALLOW_HOSTS=f"127.0.0.1:{site.port}", TERM="dumb")
    with subprocess.Popen(
        words, stdin=follower, stdout=follower, stderr=follower, env=env, cwd=folder
    ) as child:
        os.close(follower)
        seen, sent = b"", False
        while True:
            try:
                chunk = os.read(leader, 65536)
            except OSError:  # the other end is closed
                break
            seen += chunk
            if not sent and b"[y/N]" in seen:
                os.write(leader, answer.encode())
                sent = True
        code = child.wait(60)
    os.close(leader)
    assert (code, sent, own.exists()) == (0, True, written)


def test_ctrl_c_ends_it(world: tuple[Path, Site, Site]) -> None:
    folder, site, _ = world
    hold = threading.Event()
    site.pages["/slow"] = Reply("late", hold=hold)
    try:
        with loopback.started(
            folder / "data",
            "sources",
            "add",
            f"{site.url}/slow",
            HEXAPOLIS_ALLOW_HOSTS=f"127.0.0.1:{site.port}",
        ) as child:
            loopback.eventually(lambda: site.count("/slow"))
            child.send_signal(signal.SIGINT)
            out, err = child.communicate(timeout=60)
    finally:
        hold.set()
    assert (child.returncode, out, err) == (130, b"", b"hexapolis: stopped\n")


# --- check --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def checked(world: tuple[Path, Site, Site]) -> Result:
    """One check of many sources, on a store that knows some of the articles."""
    folder, site, canary = world
    text = "sources:\n" + loopback.source(site, "good", "/zwgk/tzgg/", family="trs")
    (folder / "good.yaml").write_text(text)
    for name, path, entry, more in [
        ("feed", "/feed.xml", "type: feed", {}),
        ("wrong-rule", "/zwgk/tzgg/?x", "type: list", {"article_url": "'/post_[0-9]+'"}),
        ("empty", "/empty?1", "type: list", {}),
        ("missing", "/missing", "type: list", {}),
        ("challenge", "/412", "type: list", {}),
        ("robots", "/closed/list", "type: list", {}),
        ("no-feed", "/none", "type: feed", {}),
        ("away", "/away", "type: list", {}),
        ("closed", "/closed-articles", "type: list", {"article_url": "'/closed/'"}),
    ]:
        text += loopback.source(site, name, path, entry, **more)
    (folder / "many.yaml").write_text(text)
    result = loopback.run(folder / "data", "sources", "check", "--catalogue", folder / "many.yaml", "--json")
    assert canary.asked == []
    return result


def test_each_entry_point_has_its_state(checked: Result, world: tuple[Path, Site, Site]) -> None:
    _, site, canary = world
    rows: dict[str, Any] = {row["source"]: row for row in checked.rows}
    assert (checked.code, checked.err) == (3, "")
    assert {name: row["state"] for name, row in rows.items()} == {
        "good": "ok",
        "feed": "ok",
        "wrong-rule": "no match",
        "empty": "empty",
        "missing": "failed",
        "challenge": "blocked",
        "robots": "robots",
        "no-feed": "failed",
        "away": "failed",
        "closed": "robots",
    }
    good = rows["good"]
    assert (good["status"], good["pages"], good["matching"], good["unknown"]) == (200, 2, 12, None)
    assert (good["title"], good["sample"]["verdict"]) == ("第0号算力通告：支持企业使用智能算力", "article")
    assert (good["sample"]["title"], good["sample"]["published_on"]) == ("第0号算力通告", "2024-03-01")
    assert "/zwgk/tzgg/N/tN_N.html (12)" in rows["wrong-rule"]["reason"]
    assert rows["missing"]["reason"] == "status 404"
    assert rows["challenge"]["reason"] == "status 412"
    assert "redirect to another site" in rows["away"]["reason"]
    assert rows["closed"]["reason"] == "its article: robots.txt does not allow it"
    assert "not a feed" in rows["no-feed"]["reason"]
    assert site.count("/closed/list") == 0
    assert canary.asked == []


def test_what_the_store_has_is_not_new(world: tuple[Path, Site, Site]) -> None:
    folder, site, _ = world
    links = articles(site, "/known/{day:%Y%m%d}_{i}.html", 3)
    site.pages["/known.xml"] = Reply(feed([site.url + link for link in links]), type="text/xml")
    (folder / "known.yaml").write_text(
        "sources:\n" + loopback.source(site, "known", "/known.xml", "type: feed")
    )
    (source,) = load_catalogue(folder / "known.yaml").sources
    data, now = folder / "known", dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    data.mkdir()
    store = Store.open(f"sqlite:///{data / 'hexapolis.db'}")
    with store.write() as connection:
        save_source(connection, source, now)
        run = start_run(connection, source.id, "manual", now)
        url = site.url + links[1]
        page = Page(url, url, 200, (), b"x", now)
        ref = ArchiveRef("a", 0, 1, "sha256:0")
        insert_pages(connection, [NewPage(source.id, run, "article", url, page, ref, size=1)])
    store.close()
    before = (data / "hexapolis.db").read_bytes()
    result = loopback.run(data, "sources", "check", "--catalogue", folder / "known.yaml", "--json")
    assert (result.code, result.row["matching"], result.row["unknown"]) == (0, 3, 2)
    assert not (data / "archive").exists(), "nothing is kept"
    assert (data / "hexapolis.db").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["check", "nope"], 2, "unknown source 'nope'"),
        (["check", "missing"], 1, "missing: {site}/missing: failed: status 404"),
        (["check", "--catalogue", "none.yaml"], 2, "none.yaml"),
        (["--json", "check"], 2, "write the options behind `sources check`"),
        (["nope"], 2, "nope"),
        (["add"], 2, "URL"),
        (
            ["add", "http://a.example/", "--catalogue", "none/x.yaml"],
            2,
            "none/x.yaml: there is no such folder",
        ),
        (["add", "http://a.example/", "--catalogue", str(BUNDLED)], 2, "name a file of your own"),
    ],
)
def test_wrong_usage(
    checked: Result, world: tuple[Path, Site, Site], words: list[str], code: int, said: str
) -> None:
    folder, site, _ = world
    if words[0] == "check" and "--catalogue" not in words:
        words = [*words, "--catalogue", "many.yaml"]
    result = command(folder, site, "sources", *words)
    assert result.code == code, result.err
    assert said.format(site=site.url) in result.err
    assert result.err.count("\n") == 1


def test_the_list_has_two_names(world: tuple[Path, Site, Site], checked: Result) -> None:
    folder, site, _ = world
    one = command(folder, site, "sources", "--catalogue", "good.yaml", "--json")
    two = command(folder, site, "sources", "list", "--catalogue", "good.yaml", "--json")
    assert (one.code, one.row["id"]) == (0, "good")
    assert one.out == two.out


# --- conversations ------------------------------------------------------------------------------------------

TALK = """
import json, sys
from crawler.discovery.conversation import FetchError
from crawler.spiders.fetch import Conversation, run_conversations
from hexapolis.config import Settings
from hexapolis.records import Ask, EntryPoint, Politeness, Source

async def body(fetch, addresses=()):
    said = []
    for address in addresses:
        try:
            page = await fetch(Ask(address))
            said.append([page.status, len(page.body)])
        except FetchError as error:
            said.append([type(error).__name__, error.state])
    return said

host, *talks = json.loads(sys.argv[1])
conversations = [
    Conversation(
        Source(f"s{i}", "S", (EntryPoint("list", addresses[0]),), politeness=Politeness(delay=0)),
        lambda fetch, addresses=addresses: body(fetch, addresses),
        6,
    )
    for i, addresses in enumerate(talks)
]
print(json.dumps(run_conversations(Settings(download_bytes=1000), conversations, allowed=[host])))
"""


def test_why_there_is_no_answer(world: tuple[Path, Site, Site], tmp_path: Path) -> None:
    _, _, canary = world
    with Site() as site:
        site.pages["/robots.txt"] = Reply("User-agent: *\nDisallow: /closed\n")
        site.pages["/a"] = Reply("abc")
        site.pages["/big"] = Reply("x" * 1001)
        site.pages["/412"] = Reply("no", 412)
        site.pages["/away"] = Reply(status=302, headers={"Location": f"http://127.0.0.1:{canary.port}/c"})
        talks = [
            [f"{site.url}{path}" for path in ("/a", "/closed", "/big", "/missing", "/412", "/a")],
            [f"http://localhost:{canary.port}/", "http://127.0.0.1:x/", "ftp://a.example/", "x"],
            [f"{site.url}/away", *[f"{site.url}/a"] * 7],
        ]
        done = subprocess.run(
            [sys.executable, "-c", TALK, json.dumps([f"127.0.0.1:{site.port}", *talks])],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=loopback.environment(PYTHONPATH=str(Path(__file__).parents[1])),
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (0, "")
    first, second, third = json.loads(done.stdout)
    assert first == [
        [200, 3],
        ["RobotsRefusedError", "robots"],
        ["TooLargeError", "failed"],
        [404, 12],
        [412, 2],
        ["LeftAloneError", "blocked"],
    ]
    assert second[0] == ["PrivateAddressError", "failed"]
    assert {name for name, _ in second[1:]} == {"FetchError"}
    assert third[0] == ["OtherSiteError", "failed"]
    assert third[1:5] == [[200, 3]] * 4
    assert third[5:] == [["BudgetSpentError", "failed"]] * 3, "robots.txt and the hop count, too"


# --- writing into a file ------------------------------------------------------------------------------------

OLD = 'sources:\n  - id: old\n    name: Old\n    entry_points: [{type: feed, url: "https://old.example/f"}]\n'


def indented(path: Path) -> str:
    return "".join(f"{indent_of(path)}{line}\n" for line in ENTRY.splitlines())


@pytest.mark.parametrize(
    "text",
    [
        OLD,
        "# mine\nversion: 1\n" + OLD + "  # the end\n",
        OLD.removesuffix("\n"),
        OLD.replace("\n  ", "\n"),
        OLD + "version: 1\n",
        OLD + "\n\n# after the sources\nversion: 1\n",
        OLD.replace("\n", "\r\n"),
        "\ufeff" + OLD,
        "---\n" + OLD,
        "",
        "\n\n",
    ],
    ids=[
        "plain",
        "comments",
        "no newline",
        "column 0",
        "key behind",
        "comment behind",
        "crlf",
        "bom",
        "marker",
        "empty",
        "blank",
    ],
)
def test_an_entry_goes_behind_the_last_source(tmp_path: Path, text: str) -> None:
    path = tmp_path / "my.yaml"
    path.write_bytes(text.encode())
    path.chmod(0o640)
    catalogue = append_entry(path, indented(path))
    assert [source.id for source in catalogue.sources] == (["old", "new"] if text.strip() else ["new"])
    now = path.read_bytes().decode()
    for line in filter(None, text.splitlines()):
        assert line in now.splitlines(), "what was there is still there"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_file_is_made_and_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "folder" / "real.yaml", tmp_path / "link.yaml"
    real.parent.mkdir()
    link.symlink_to(real)
    append_entry(link, indented(link))
    assert link.is_symlink()
    assert load_catalogue(real).sources[0].id == "new"
    assert real.read_text().startswith("# Sources of your own")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (OLD.replace("id: old", "id: new"), "the id 'new' is taken"),
        (OLD.replace("old.example/f", "new.example/feed"), "the same entry point"),
        (
            "sources: [" + '{id: old, name: O, entry_points: [{type: feed, url: "https://o.example/"}]}]\n',
            "lines",
        ),
        (OLD + "...\n", "my.yaml"),
        ("sources:\n  - id: [\n", "not valid YAML"),
        ("colour: red\n", "my.yaml"),
    ],
)
def test_a_file_that_would_not_load_is_left_alone(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(text)
    with pytest.raises(CatalogueError, match=words):
        append_entry(path, "".join(f"  {line}\n" for line in ENTRY.splitlines()))
    assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]


def test_the_bundled_catalogue_is_never_written(tmp_path: Path) -> None:
    link = tmp_path / "link.yaml"
    link.symlink_to(BUNDLED)
    for path in (BUNDLED, link):
        with pytest.raises(UsageError, match="name a file of your own"):
            load_own(path)
        with pytest.raises(UsageError, match="name a file of your own"):
            append_entry(path, ENTRY)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="cannot be written"):
        append_entry(tmp_path / "none" / "x.yaml", ENTRY)


def test_a_host_that_a_source_reads_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(OLD)
    own = load_own(path)
    refuse_known_host(own, ["https://other.example/", "http://old.example:8080/"])
    for url in ("https://old.example/x", "http://www.old.example/"):
        with pytest.raises(UsageError, match="source 'old' reads"):
            refuse_known_host(own, [url])
    refuse_known_host(None, ["https://old.example/"])
