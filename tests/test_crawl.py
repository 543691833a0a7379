"""Whole crawls by the command, in a process of its own, of small sites on loopback."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import loopback
import pytest
from conftest import Result
from loopback import Reply, Site, eventually

from crawler.archive import read_body
from hexapolis.records import ArchiveRef


class Folder:
    """A data folder with a catalogue, and what a crawl has left in it."""

    def __init__(self, path: Path, models: Path) -> None:
        self.path = path
        path.mkdir()
        (path / "models").symlink_to(models)

    def catalogue(self, text: str) -> Path:
        file = self.path / "catalogue.yaml"
        file.write_text(text)
        return file

    def crawl(self, *words: object, **settings: str) -> Result:
        return loopback.run(
            self.path, "crawl", *words, "--catalogue", self.path / "catalogue.yaml", "--json", **settings
        )

    def started(self, *words: object, **settings: str) -> Any:
        return loopback.started(
            self.path, "crawl", *words, "--catalogue", self.path / "catalogue.yaml", "--json", **settings
        )

    def query(self, statement: str) -> list[Any]:
        file = self.path / "hexapolis.db"
        if not file.exists():
            return []
        connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        try:
            return connection.execute(statement).fetchall()
        except sqlite3.OperationalError:  # the tables are being made
            return []
        finally:
            connection.close()

    def ledger(self, run: int) -> dict[str, tuple[str, str]]:
        """Path → outcome and reason, for one run; every address once."""
        rows = self.query(f"select url, outcome, detail from ledger where run_id = {run}")
        assert len({url for url, *_ in rows}) == len(rows)
        return {re.sub("^https?://127[^/]*", "", url): (outcome, detail) for url, outcome, detail in rows}

    def titles(self) -> set[str]:
        result = loopback.run(self.path, "articles", "--json", "--limit", "999")
        assert result.code == 0, result.err
        rows = [json.loads(line) for line in result.out.splitlines()]
        titles = [row["title"] for row in rows]
        assert len(titles) == len(set(titles)), "each article once"
        return set(titles)

    def assert_archived(self) -> int:
        """Every page of the store is in the archive, byte for byte; how many there are."""
        rows = self.query("select warc_file, warc_offset, warc_length, digest from page")
        for row in rows:
            read_body(self.path / "archive", ArchiveRef(*row))
        return len(rows)


def title(number: int) -> str:
    return f"第{number}号算力通告"


def assert_sums(folder: Folder, *runs: dict[str, Any]) -> None:
    """What the run says it saw is what its ledger holds."""
    for run in runs:
        assert run["urls_seen"] == sum(run["outcomes"].values()) == len(folder.ledger(run["run"]))


@pytest.fixture
def folder(tmp_path: Path, models: Path) -> Folder:
    return Folder(tmp_path / "data", models)


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as running:
        yield running


def test_five_lines_make_a_source_and_a_second_crawl_fetches_what_is_new(folder: Folder, site: Site) -> None:
    campaigns = [f"/1.html?utm_source=a{i}&utm_campaign=x" for i in range(3)]
    for path in ("/1.html", *campaigns):
        site.article(path, 1)
    site.article("/2.html", 2)
    site.pages["/away.html"] = Reply(status=302, headers={"Location": "/there/3.html"})
    site.article("/there/3.html", 3)
    site.pages["/short.html"] = Reply("<html><body><p>登录</p></body></html>")
    links = [
        "/1.html",
        *campaigns,
        "2.html",
        "#top",
        "/away.html",
        "/there/3.html",
        "/short.html",
        "/a.css",
        "/b.pdf",
    ]
    site.listing("/list.html", [*links, "https://other.example/x", "javascript:x()", "/list.html"])
    text = loopback.five_lines(site)
    assert len(text.splitlines()) == 5
    folder.catalogue(text)

    first = folder.crawl()
    assert (first.code, first.err) == (0, "")
    run = first.row
    assert (run["status"], run["reason"], run["source"], run["trigger"]) == ("done", "", "small", "manual")
    assert_sums(folder, run)
    assert {path: outcome for path, (outcome, _) in folder.ledger(run["run"]).items()} == {
        "/list.html": "listing",
        "/1.html": "stored",
        "/2.html": "stored",
        "/away.html": "stored",
        "/there/3.html": "unchanged",  # the redirect has brought it already
        "/short.html": "not_article",
        "/a.css": "filtered",
        "/b.pdf": "filtered",
        "https://other.example/x": "filtered",
        "javascript:x()": "filtered",
    }
    assert folder.titles() == {title(1), title(2), title(3)}
    assert site.asked.count("/robots.txt") == 1
    assert not [path for path in site.asked if "utm_" in path]
    assert folder.assert_archived() == 8  # two of them robots.txt, one of each run

    asked = len(site.asked)
    site.article("/4.html", 4)
    site.listing("/list.html", ["/4.html", *links])
    second = folder.crawl()
    assert second.code == 0
    assert site.asked[asked:] == ["/robots.txt", "/list.html", "/4.html"]
    assert second.row["outcomes"]["known"] == 5
    assert second.row["outcomes"]["stored"] == 1
    assert_sums(folder, second.row)
    assert title(4) in folder.titles()


# --- one crawl of many sites, each with its own trouble -----------------------------------------------------


class Trouble:
    """The report of one crawl of troubled sources, and the sites they were on."""

    def __init__(self, folder: Folder, result: Result, sites: dict[str, Site]) -> None:
        self.folder, self.result, self.sites = folder, result, sites
        self.runs = {row["source"]: row for row in result.rows}

    def ledger(self, source: str) -> dict[str, tuple[str, str]]:
        return self.folder.ledger(self.runs[source]["run"])

    def outcome(self, source: str) -> tuple[str, dict[str, int]]:
        return self.runs[source]["status"], self.runs[source]["outcomes"]


@pytest.fixture(scope="module")
def trouble(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Trouble]:
    folder = Folder(tmp_path_factory.mktemp("trouble") / "data", models)
    sites: dict[str, Site] = {}
    text = "sources:\n"
    never = threading.Event()

    def add(name: str, robots: Reply | None = None, articles: int = 2, **more: str) -> Site:
        nonlocal text
        site = sites[name] = Site()
        links = [site.article(f"/{name}-{i}.html", 100 * len(sites) + i) for i in range(articles)]
        site.listing("/list.html", links)
        if robots is not None:
            site.pages["/robots.txt"] = robots
        text += loopback.source(site, name, **more)
        return site

    add("good")
    add("rules", Reply("User-agent: *\nDisallow: /rules-1\n\nUser-agent: Hexapolis\nDisallow: /rules-0\n"))
    add("ignored", Reply("User-agent: *\nDisallow: /\n"), politeness="{delay: 0, robots: false}")
    for status in (401, 403, 404, 410, 429, 500):
        add(f"robots{status}", Reply("User-agent: *\nAllow: /\n", status))
    add("moved", Reply(status=302, headers={"Location": "http://localhost:1/robots.txt"}))
    for status in (403, 412, 429, 451, 521):
        site = add(f"status{status}", articles=12)
        site.pages[f"/status{status}-3.html"] = Reply("<h1>stop</h1>", status)
        add(f"entry{status}").pages["/list.html"] = Reply("<h1>stop</h1>", status)
    add("away").pages["/away-0.html"] = Reply(
        status=302, headers={"Location": sites["good"].url + "/hop.html"}
    )
    site = add("errors", articles=9)
    for i, reply in enumerate(
        [
            Reply("gone", 404),
            Reply("oops", 500),
            Reply("oops", 503),
            Reply(loopback.article(1), hold=never),
            Reply("<p>" + "x" * 300_000),
            Reply(status=301, headers={"Location": "/errors-5.html"}),
            Reply(status=302),
            Reply(b"\x1f\x8b broken", headers={"Content-Encoding": "gzip"}),
        ]
    ):
        site.pages[f"/errors-{i}.html"] = reply
    add("slowlist").pages["/list.html"] = Reply("x", hold=never)
    add("nofeed", entry="type: feed")
    add("nolist").pages["/list.html"] = Reply("gone", 404)
    long = "/" + "a" * 3000 + ".html"
    add("long").listing("/list.html", [sites["long"].article(long, 7777)])
    half = add("half")
    text = text.replace(
        f"      - {{type: list, url: '{half.url}/list.html'}}\n",
        (
            f"      - {{type: list, url: '{half.url}/list.html'}}\n"
            f"      - {{type: feed, url: '{half.url}/none.xml'}}\n"
        ),
    )
    refused = loopback.free_port()
    text += (
        f"  - {{id: refused, name: r, entry_points: [{{type: list, url: 'http://127.0.0.1:{refused}/'}}]}}\n"
    )
    text += "  - {id: unknown, name: u, entry_points: [{type: list, url: 'http://no-such-host.invalid/'}]}\n"
    folder.catalogue(text)
    result = folder.crawl(HEXAPOLIS_DOWNLOAD_SECONDS="4", HEXAPOLIS_DOWNLOAD_BYTES="200000")
    never.set()
    yield Trouble(folder, result, sites)
    for running in sites.values():
        running.__exit__(None, None, None)


def test_trouble_of_some_never_stops_the_others(trouble: Trouble) -> None:
    assert trouble.result.code == 3
    assert trouble.outcome("good") == ("done", {"listing": 1, "stored": 2})
    assert len(trouble.runs) == len(trouble.sites) + 2
    assert_sums(trouble.folder, *trouble.runs.values())
    assert "Traceback" not in trouble.result.err
    for name, run in trouble.runs.items():
        assert (run["status"] == "done") == (run["reason"] == ""), name
        assert "waiting" not in run["outcomes"], name
    trouble.folder.assert_archived()


def test_robots_rules_for_us_count(trouble: Trouble) -> None:
    ledger = trouble.ledger("rules")
    assert ledger["/rules-0.html"] == ("robots", "robots.txt does not allow it")
    assert ledger["/rules-1.html"][0] == "stored"
    assert trouble.sites["rules"].count("/rules-0.html") == 0
    assert trouble.outcome("ignored") == ("done", {"listing": 1, "stored": 2})


@pytest.mark.parametrize("status", [404, 410])
def test_no_robots_file_means_no_rules(trouble: Trouble, status: int) -> None:
    assert trouble.outcome(f"robots{status}") == ("done", {"listing": 1, "stored": 2})


@pytest.mark.parametrize("name", ["robots401", "robots403", "robots429", "robots500", "moved"])
def test_hidden_rules_allow_nothing(trouble: Trouble, name: str) -> None:
    assert set(trouble.sites[name].asked) == {"/robots.txt"}
    status, outcomes = trouble.outcome(name)
    assert status == "failed"
    assert trouble.runs[name]["urls_seen"] == 1
    assert set(outcomes) <= {"robots", "filtered", "failed"}


@pytest.mark.parametrize("status", [412, 429, 451, 521])
def test_a_site_that_wants_to_be_left_alone_is(trouble: Trouble, status: int) -> None:
    name = f"status{status}"
    assert trouble.sites[name].asked[-1] == f"/{name}-3.html", "nothing is asked for after the refusal"
    ledger = trouble.ledger(name)
    assert ledger[f"/{name}-3.html"][0] == "blocked"
    assert trouble.outcome(name) == ("partial", {"listing": 1, "stored": 3, "blocked": 1, "budget": 8})
    assert ledger[f"/{name}-9.html"] == ("budget", f"stopped: the site answered with status {status}")
    assert "is left alone until" in trouble.runs[name]["reason"]


def test_one_refused_page_among_good_ones_is_blocked_alone(trouble: Trouble) -> None:
    assert trouble.outcome("status403") == ("done", {"listing": 1, "stored": 11, "blocked": 1})


@pytest.mark.parametrize("status", [403, 412, 429, 451, 521])
def test_a_blocked_entry_point_fails_the_run(trouble: Trouble, status: int) -> None:
    assert trouble.outcome(f"entry{status}") == ("failed", {"blocked": 1})
    assert f"status {status}" in trouble.runs[f"entry{status}"]["reason"]


def test_each_error_has_its_reason(trouble: Trouble) -> None:
    ledger, site = trouble.ledger("errors"), trouble.sites["errors"]
    outcomes = {path: outcome for path, (outcome, _) in ledger.items()}
    assert outcomes.pop("/list.html") == "listing"
    assert outcomes.pop("/errors-8.html") == "stored"
    assert outcomes.pop("/errors-6.html") in ("failed", "not_article")
    assert set(outcomes.values()) == {"failed"}
    assert site.count("/errors-0.html") == 1, "a missing page is not asked for twice"
    assert site.count("/errors-1.html") == site.count("/errors-2.html") == 2, (
        "a failing server is given another chance"
    )
    assert "404" in ledger["/errors-0.html"][1]
    assert "500" in ledger["/errors-1.html"][1]
    assert ledger["/errors-3.html"][1] == "no answer in time"
    assert ledger["/errors-4.html"][1] == "the body is larger than the download limit"
    assert "max redirections" in ledger["/errors-5.html"][1]
    assert all(detail for _, (outcome, detail) in ledger.items() if outcome == "failed")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("slowlist", "no answer in time"),
        ("nofeed", "this is not a feed"),
        ("nolist", "status 404"),
        ("refused", "the connection was refused (robots.txt)"),
        ("unknown", "the host name is unknown (robots.txt)"),
    ],
)
def test_an_entry_point_that_cannot_be_read_fails_the_run(trouble: Trouble, name: str, reason: str) -> None:
    assert trouble.outcome(name) == ("failed", {"failed": 1})
    assert reason in trouble.runs[name]["reason"]


def test_a_source_with_one_dead_entry_point_is_done_in_part(trouble: Trouble) -> None:
    assert trouble.outcome("half") == ("partial", {"listing": 1, "stored": 2, "failed": 1})
    assert "/none.xml: status 404" in trouble.runs["half"]["reason"]


def test_a_redirect_to_another_site_is_not_followed(trouble: Trouble) -> None:
    assert trouble.outcome("away") == ("done", {"listing": 1, "stored": 1, "filtered": 1})
    good = trouble.sites["good"]
    assert trouble.ledger("away")["/away-0.html"][1] == f"redirect to another site: {good.url}/hop.html"
    assert good.count("/hop.html") == 0


def test_long_addresses_are_fetched(trouble: Trouble) -> None:
    assert trouble.outcome("long") == ("done", {"listing": 1, "stored": 1})


def test_when_all_fail_the_command_fails(folder: Folder, site: Site) -> None:
    site.pages["/list.html"] = Reply("gone", 410)
    folder.catalogue(
        "sources:\n" + loopback.source(site, "gone") + loopback.source(site, "gone2", "/other.html")
    )
    result = folder.crawl()
    assert result.code == 1
    assert [row["status"] for row in result.rows] == ["failed", "failed"]


def test_an_archive_that_cannot_be_written_ends_the_crawl(folder: Folder, site: Site) -> None:
    site.listing("/list.html", [site.article(f"/{i}.html", i) for i in range(5)])
    folder.catalogue("sources:\n" + loopback.source(site, "s"))
    (folder.path / "archive").write_text("in the way")
    result = folder.crawl()
    assert (result.code, result.out) == (1, "")
    assert result.err.count("\n") == 1
    assert "archive" in result.err
    assert folder.query("select status from crawl_run") == [("failed",)]


# --- limits -------------------------------------------------------------------------------------------------


def test_limits_are_kept_and_named(folder: Folder, site: Site) -> None:
    """One source for each limit: --max-pages, list pages, sitemaps inside sitemaps, --since."""
    for page in range(1, 6):
        name = "index.html" if page == 1 else f"index_{page}.html"
        site.listing(f"/p/{name}", [site.article(f"/p/a{page}{i}.html", page * 10 + i) for i in range(3)])
    # The pager names the page that is over the limit long before its turn comes.
    site.listing("/p/index.html", [f"/p/a1{i}.html" for i in range(3)], "<a href='index_4.html'>4</a>")
    # The pager's link passes for an article's, as the source has no rule for those.
    site.listing(
        "/few/index.html", ["index_2.html", *(site.article(f"/few/{i}.html", 900 + i) for i in range(5))]
    )
    for level in range(6):
        site.pages[f"/map{level}.xml"] = Reply(
            f"<sitemapindex><sitemap><loc>/map{level + 1}.xml</loc></sitemap></sitemapindex>", type="text/xml"
        )
    text = "sources:\n" + loopback.source(
        site,
        "pages",
        "/p/index.html",
        "type: list, paging: {scheme: one_based, max_pages: 3}",
        article_url=r"'/a\d+\.html$'",
    )
    text += loopback.source(
        site, "few", "/few/index.html", "type: list, paging: one_based", politeness="{delay: 0, max_pages: 2}"
    )
    text += loopback.source(site, "maps", "/map0.xml", "type: sitemap")
    rows = "".join(
        f"<li><a href='{site.article(f'/since/{i}.html', 800 + i)}'>通告</a><span>{date}</span></li>"
        for i, date in enumerate(["2024-05-01", "2024-04-30", "", "2024-05-02"])
    )
    site.pages["/since.html"] = Reply(f"<ul>{rows}</ul>")
    text += loopback.source(site, "since", "/since.html", "type: list, item: li")
    folder.catalogue(text)
    result = folder.crawl("--max-pages", "4", "--since", "2024-05-01")
    assert result.code == 0
    runs = {row["source"]: row for row in result.rows}
    assert_sums(folder, *runs.values())
    assert runs["pages"]["outcomes"] == {"listing": 3, "stored": 4, "budget": 6}
    ledger = folder.ledger(runs["pages"]["run"])
    assert ledger["/p/index_4.html"] == ("budget", "limit of 3 list pages")
    assert [p for p, (o, d) in ledger.items() if d == "the run's page limit was reached"] == [
        "/p/a21.html",
        "/p/a22.html",
        "/p/a30.html",
        "/p/a31.html",
        "/p/a32.html",
    ]
    assert site.count("/few/index_2.html") == 1
    assert runs["few"]["outcomes"] == {"listing": 2, "stored": 4, "budget": 1}, (
        "the option wins over the catalogue"
    )
    ledger = folder.ledger(runs["few"]["run"])
    assert ledger["/few/index_2.html"] == ("listing", "status 404: the list ends before")
    assert runs["maps"]["outcomes"] == {"listing": 3, "budget": 1}
    assert site.count("/map3.xml") == 0
    assert runs["since"]["outcomes"] == {"listing": 1, "stored": 3, "filtered": 1}
    ledger = folder.ledger(runs["since"]["run"])
    assert ledger["/since/1.html"] == ("filtered", "listed on 2024-04-30, before 2024-05-01")
    assert site.count("/since/1.html") == 0

    assert folder.crawl("few").row["outcomes"] == {"listing": 2, "known": 4, "stored": 1}


# --- being stopped ------------------------------------------------------------------------------------------


def slow_site(site: Site, count: int = 12, free: int = 5) -> threading.Event:
    """A list of articles, of which the first few answer at once and the others when the event is set."""
    gate = threading.Event()
    links = [site.article(f"/{i}.html", i, hold=None if i < free else gate) for i in range(count)]
    site.listing("/list.html", links)
    return gate


def test_sigterm_keeps_what_was_fetched_and_the_rest_follows(folder: Folder, site: Site) -> None:
    gate = slow_site(site)
    folder.catalogue("sources:\n" + loopback.source(site, "slow"))
    with folder.started() as child:
        eventually(lambda: site.count("/5.html"))
        child.send_signal(signal.SIGTERM)
        out, err = child.communicate(timeout=60)
    assert child.returncode == 3, err
    run = json.loads(out)
    assert (run["status"], run["reason"]) == ("interrupted", "stopped by a signal")
    assert_sums(folder, run)
    assert site.asked[-1] == "/5.html", "nothing more is asked for"
    assert folder.query("select count(*) from page where role = 'article'") == [(5,)]
    ledger = folder.ledger(run["run"])
    assert {path for path, (outcome, _) in ledger.items() if outcome == "budget"} == {
        f"/{i}.html" for i in range(5, 12)
    }
    folder.assert_archived()

    gate.set()
    result = loopback.run(folder.path, "process", "--json")
    assert result.code == 0, result.err
    assert folder.titles() == {title(i) for i in range(5)}
    assert folder.query("select count(*) from ledger where outcome = 'waiting'") == [(0,)]
    result = folder.crawl()
    assert (result.code, result.row["outcomes"]["stored"]) == (0, 7)
    assert folder.titles() == {title(i) for i in range(12)}
    assert [site.count(f"/{i}.html") for i in (0, 4, 6, 11)] == [1, 1, 1, 1]


def test_kill_loses_nothing_that_was_acknowledged(folder: Folder, site: Site) -> None:
    gate = slow_site(site, count=80, free=40)
    folder.catalogue("sources:\n" + loopback.source(site, "killed"))
    with folder.started() as child:
        eventually(lambda: site.count("/40.html"))
        # Wait until some pages are acknowledged, then strike at once: nothing says that they have been read.
        eventually(lambda: folder.query("select count(*) from page") >= [(33,)])
        child.kill()
        child.wait()
    acknowledged = folder.query("select id, url_key, digest from page order by id")
    assert len(acknowledged) >= 33
    folder.assert_archived()
    assert folder.query("select status from crawl_run") == [("running",)]

    gate.set()
    result = folder.crawl()
    assert result.code == 0, result.err
    assert_sums(folder, result.row)
    assert folder.query("select status, reason from crawl_run order by id") == [
        ("interrupted", "the process ended before the run"),
        ("done", ""),
    ]
    assert (
        folder.query("select id, url_key, digest from page order by id")[: len(acknowledged)] == acknowledged
    )
    assert folder.titles() == {title(i) for i in range(80)}, "as many as an uninterrupted crawl brings"
    assert folder.query("select count(*) from ledger where outcome = 'waiting'") == [(0,)]
    fetched_twice = [path for path in set(site.asked) if path.endswith(".html") and site.count(path) > 1]
    keys = {key.rsplit("/", 1)[1] for _, key, _ in acknowledged}
    assert not [path for path in fetched_twice if path[1:] in keys and path != "/list.html"]
