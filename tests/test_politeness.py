"""Politeness: the pace, robots.txt, what ends a run, how long a host is left alone, who we say we are."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import itertools
import re
import sqlite3
import time
from collections.abc import Iterator
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import loopback
import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import Reply, Site

from crawler.spiders.throttle import (
    JITTER,
    MAX_CRAWL_DELAY,
    MAX_SLOWDOWN,
    Turns,
    host_of,
    kept_crawl_delay,
    slowed,
)
from crawler.spiders.throttle import retry_after as waits
from hexapolis.cli.checks import contact_warning
from hexapolis.config import Settings
from hexapolis.records import EntryPoint, Source
from store.cooldown import FIRST, LONGEST, Cooldown, clear, cooling, length, strike
from store.engine import Store

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
SECONDS = st.floats(0, 1e4, allow_nan=False)
SPANS = st.none() | st.timedeltas(dt.timedelta(), dt.timedelta(days=400))


# --- the pace -----------------------------------------------------------------------------------------------


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """SQLite alone: what is tested here is above the store, whose own tests run on both databases."""
    return f"sqlite:///{tmp_path / 'store.db'}"


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def starts(
    turns: Turns, clock: Clock, delay: float, latencies: list[float], host: str = "h", *, good: bool = True
) -> list[float]:
    """Seconds between the end of one request and the start of the next, for requests of these lengths."""
    gaps = []

    async def ask() -> None:
        ended = None
        for latency in latencies:
            async with turns.turn(host, delay) as turn:
                if ended is not None:
                    gaps.append(clock.now - ended)
                clock.now += latency
                turn.answered(latency, good=good)
            ended = clock.now

    asyncio.run(ask())
    return gaps


@given(
    st.floats(0.01, 200), st.floats(0, 300), st.lists(st.floats(0, 90), min_size=2, max_size=6), st.booleans()
)
def test_the_delay_is_a_minimum(delay: float, crawl_delay: float, latencies: list[float], good: bool) -> None:
    clock = Clock()
    turns = Turns(clock, clock.sleep)
    turns.crawl_delay("h", crawl_delay)
    floor = max(delay, crawl_delay)
    for gap in starts(turns, clock, delay, latencies, good=good):
        assert gap >= floor * (1 - 1e-9)
        assert gap <= max(floor, MAX_SLOWDOWN) * JITTER * (1 + 1e-9)


def test_every_pause_is_of_another_length() -> None:
    clock = Clock()
    gaps = starts(Turns(clock, clock.sleep), clock, 5.0, [0.1] * 200)
    assert min(gaps) >= 5 and max(gaps) <= 7.5
    assert max(gaps) - min(gaps) > 2, "over the whole range, not a fixed beat"


def test_slow_answers_lengthen_the_pause_and_quick_ones_shorten_it_again() -> None:
    clock = Clock()
    turns = Turns(clock, clock.sleep, jitter=lambda low, high: low)
    assert starts(turns, clock, 2.0, [0.5, 30.0, 0.5, 0.5, 0.5]) == pytest.approx([2, 30, 15.25, 7.875])
    assert starts(turns, clock, 2.0, [0.5] * 9)[-1] == pytest.approx(2, abs=0.5)


def test_errors_do_not_shorten_it() -> None:
    clock = Clock()
    turns = Turns(clock, clock.sleep, jitter=lambda low, high: low)
    assert starts(turns, clock, 2.0, [30.0, 0.1, 0.1], good=False) == pytest.approx([30, 30])


def test_a_server_of_ones_own_is_not_slowed_down() -> None:
    clock = Clock()
    assert starts(Turns(clock, clock.sleep), clock, 0.0, [9.0, 9.0, 9.0]) == [0, 0]


def test_a_turn_without_an_answer_counts_as_slow() -> None:
    clock = Clock()
    turns = Turns(clock, clock.sleep, jitter=lambda low, high: low)

    async def fail() -> None:
        async with turns.turn("h", 1.0):
            clock.now += 20
            raise OSError("lost")

    with pytest.raises(OSError, match="lost"):
        asyncio.run(fail())
    assert turns.pause("h", 1.0) == 20


def test_one_request_at_a_time_whoever_asks_and_hosts_do_not_wait_for_each_other() -> None:
    turns = Turns()
    under_way: dict[str, int] = {"a": 0, "b": 0}
    most = {"a": 0, "b": 0, "both": 0}

    async def ask(host: str) -> None:
        async with turns.turn(host, 0.0):
            under_way[host] += 1
            most[host] = max(most[host], under_way[host])
            most["both"] = max(most["both"], sum(under_way.values()))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            under_way[host] -= 1

    async def all_of_them() -> None:
        await asyncio.gather(*(ask(host) for host in "ababab"))

    asyncio.run(all_of_them())
    assert most == {"a": 1, "b": 1, "both": 2}


@given(SECONDS, SECONDS, SECONDS, st.booleans())
def test_slowing_down_has_bounds(pause: float, floor: float, latency: float, good: bool) -> None:
    new = slowed(pause, floor, latency, good=good)
    assert new >= floor
    assert new <= max(floor, MAX_SLOWDOWN, pause)
    assert good or new >= pause


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://WWW.SZ.gov.cn./a", "www.sz.gov.cn"),
        ("http://www.sz.gov.cn:80/a", "www.sz.gov.cn"),
        ("http://www.sz.gov.cn:443/a", "www.sz.gov.cn:443"),
        ("http://127.0.0.1:8000/a", "127.0.0.1:8000"),
        ("http://[::1]:8000/a", "[::1]:8000"),
        ("http://[::1", ""),
        ("urn:x", ""),
        ("http://x:99999/", ""),
    ],
)
def test_what_counts_as_one_host(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize(
    ("stated", "kept"),
    [
        (None, 0),
        (0.0, 0),
        (-3.0, 0),
        (float("nan"), 0),
        (10.0, 10),
        (120.0, 120),
        (86_400.0, MAX_CRAWL_DELAY),
        (float("inf"), MAX_CRAWL_DELAY),
    ],
)
def test_a_crawl_delay_is_kept_up_to_a_limit(stated: float | None, kept: float) -> None:
    assert kept_crawl_delay(stated) == kept


# --- Retry-After --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", dt.timedelta(seconds=120)),
        (" 7200 ", 2 * HOUR),
        (format_datetime(NOW + HOUR, usegmt=True), HOUR),
        (format_datetime(NOW + HOUR).replace("GMT", "-0000"), HOUR),
        ("Sun, 01 Mar 2026 21:00:00 +0800", HOUR),
        (format_datetime(NOW - HOUR, usegmt=True), None),
        ("0", None),
        ("-5", None),
        ("1e9", None),
        ("9" * 40, None),
        ("soon", None),
        ("", None),
        (None, None),
        ("Sun, 99 Mar 2026 21:00:00 GMT", None),
        ("١٢٠", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, wait: dt.timedelta | None) -> None:
    assert waits(header, NOW) == wait


@given(st.text(max_size=40))
def test_no_header_is_too_odd(header: str) -> None:
    wait = waits(header, NOW)
    assert wait is None or wait > dt.timedelta()


# --- cool-downs ---------------------------------------------------------------------------------------------


def test_the_time_doubles_up_to_a_week() -> None:
    assert [length(n) / HOUR for n in range(1, 11)] == [1, 2, 4, 8, 16, 32, 64, 128, 168, 168]


@given(st.integers(1, 10**9), SPANS)
def test_a_cool_down_is_between_an_hour_and_a_week(strikes: int, asked: dt.timedelta | None) -> None:
    time = length(strikes, asked)
    assert FIRST <= time <= LONGEST
    assert time >= min(asked or dt.timedelta(), LONGEST), "what the host asks for is kept"
    assert time <= length(strikes + 1, asked)
    assert time >= length(strikes)


@given(st.lists(st.tuples(st.timedeltas(dt.timedelta(), dt.timedelta(days=3)), SPANS), max_size=8))
def test_strikes_add_up_and_a_good_answer_forgets_them(
    tmp_path_factory: pytest.TempPathFactory, strikes: list[tuple[dt.timedelta, dt.timedelta | None]]
) -> None:
    with memory(tmp_path_factory).write() as connection:
        clear(connection, "h")
        now, until = NOW, NOW
        for number, (later, asked) in enumerate(strikes, 1):
            now += later
            made = strike(connection, "h", "status 429", now, asked)
            assert made == Cooldown("h", number, max(until, now + length(number, asked)), "status 429")
            assert made.until >= until
            until = made.until
            assert cooling(connection, ["h", "other"], now) == {"h": made}
            assert cooling(connection, ["h"], until - dt.timedelta(seconds=1)) == {"h": made}
            assert cooling(connection, ["h"], until) == {}
        clear(connection, "h")
        assert cooling(connection, ["h"], now) == {}
        assert strike(connection, "h", "status 403", now).strikes == 1


def memory(factory: pytest.TempPathFactory, _made: list[Store] = []) -> Store:  # noqa: B006 - made once
    """One store for all examples of a property."""
    if not _made:
        _made.append(Store.open(f"sqlite:///{factory.mktemp('cooldown') / 'store.db'}"))
    return _made[0]


def test_cool_downs_of_hosts_that_nobody_asks_about_do_not_show(store: Store) -> None:
    with store.write() as connection:
        strike(connection, "a", "status 412", NOW)
        strike(connection, "b", "status 521", NOW, 9 * HOUR)
    with store.read() as connection:
        assert cooling(connection, [], NOW) == {}
        assert set(cooling(connection, ["a", "b", "c"], NOW)) == {"a", "b"}
        assert set(cooling(connection, ["a", "b"], NOW + 2 * HOUR)) == {"b"}


# --- whole crawls -------------------------------------------------------------------------------------------


class Log(list[str]):
    """A site's log that notes when each request came."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def append(self, path: str) -> None:
        super().append(path)
        self.times.append(time.monotonic())


class Crawled:
    """What one crawl of several sites made of each."""

    def __init__(self, folder: Path, result: Any, sites: dict[str, Site]) -> None:
        self.folder, self.result, self.sites = folder, result, sites
        self.runs = {row["source"]: row for row in result.rows}

    def ledger(self, name: str) -> dict[str, tuple[str, str]]:
        statement = f"select url, outcome, detail from ledger where run_id = {self.runs[name]['run']}"
        with contextlib.closing(sqlite3.connect(self.folder / "hexapolis.db")) as connection:
            rows = connection.execute(statement).fetchall()
        return {re.sub("^https?://127[^/]*", "", url): (outcome, detail) for url, outcome, detail in rows}

    def asked(self, name: str) -> list[str]:
        return [path for path in self.sites[name].asked if path != "/robots.txt"]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Crawled]:
    folder = tmp_path_factory.mktemp("polite") / "data"
    folder.mkdir()
    (folder / "models").symlink_to(models)
    sites: dict[str, Site] = {}
    text = "sources:\n"

    def add(name: str, polite: str = "", articles: int = 8, robots: Reply | None = None) -> Site:
        nonlocal text
        site = sites[name] = Site()
        site.asked = Log()
        links = [site.article(f"/{i}.html", 100 * len(sites) + i) for i in range(articles)]
        site.listing("/list.html", links)
        if robots is not None:
            site.pages["/robots.txt"] = robots
        text += loopback.source(
            site, name, politeness="{" + ", ".join(filter(None, ["delay: 0", polite])) + "}"
        )
        return site

    def refuse(name: str, *numbers: int, status: int, **headers: str) -> None:
        site = add(name)
        for number in numbers:
            site.pages[f"/{number}.html"] = Reply("<h1>no</h1>", status, headers=headers)

    hidden = Reply("User-agent: *\nDisallow: /", 403)
    add("forbidden", robots=hidden)
    add("forbidden-allowed", "robots_forbidden: allow", robots=hidden)
    add("login-allowed", "robots_forbidden: allow", robots=Reply("", 401))
    add("wall-not-allowed", "robots_forbidden: allow", robots=Reply("", 429))
    add("delayed", articles=3, robots=Reply("User-agent: *\nDisallow: /x\nCrawl-delay: 0.2\n"))
    add("for-others", articles=1, robots=Reply("User-agent: Other\nCrawl-delay: 99\n"))
    for status in (412, 429, 451, 521):
        refuse(f"at-once-{status}", 3, status=status)
    refuse("withdrawn", 1, 3, 5, 7, status=403)
    refuse("three-in-a-row", 2, 3, 4, status=403)
    refuse("three-202", 2, 3, 4, status=202)
    add("gaps").pages |= {f"/{n}.html": Reply("", 403 if n != 3 else 404) for n in (2, 3, 4, 5)}
    refuse("overload", 3, status=503, **{"Retry-After": "30"})
    refuse("oops", 3, status=503)
    refuse("says-so", 3, status=200, **{"cf-mitigated": "challenge"})
    add("entry-403").pages["/list.html"] = Reply("", 403)
    add("entry-202").pages["/list.html"] = Reply("<p>checking", 202)
    catalogue = folder / "catalogue.yaml"
    catalogue.write_text(text)
    result = loopback.run(folder, "crawl", "--catalogue", catalogue, "--json")
    assert "Traceback" not in result.err
    yield Crawled(folder, result, sites)
    for running in sites.values():
        running.__exit__(None, None, None)


def test_hidden_rules_refuse_unless_the_source_says_otherwise(crawled: Crawled) -> None:
    assert crawled.asked("forbidden") == []
    assert crawled.ledger("forbidden")["/list.html"][0] == "robots"
    for name in ("forbidden-allowed", "login-allowed"):
        assert len(crawled.asked(name)) == 9
        assert crawled.runs[name]["status"] == "done"
    assert crawled.asked("wall-not-allowed") == []


def test_the_crawl_delay_of_robots_txt_is_kept(crawled: Crawled) -> None:
    log = crawled.sites["delayed"].asked
    assert isinstance(log, Log)
    times = log.times
    assert len(times) == 5
    assert all(later - earlier >= 0.2 for earlier, later in itertools.pairwise(times))
    assert len(crawled.asked("for-others")) == 2


@pytest.mark.parametrize("status", [412, 429, 451, 521])
def test_the_first_refusal_ends_the_run(crawled: Crawled, status: int) -> None:
    name = f"at-once-{status}"
    assert crawled.asked(name) == ["/list.html", "/0.html", "/1.html", "/2.html", "/3.html"]
    ledger = crawled.ledger(name)
    assert ledger["/3.html"][0] == "blocked"
    assert ledger["/7.html"][1] == f"stopped: the site answered with status {status}"


def test_single_forbidden_articles_do_not_end_it(crawled: Crawled) -> None:
    assert len(crawled.asked("withdrawn")) == 9
    assert crawled.runs["withdrawn"]["outcomes"] == {"listing": 1, "stored": 4, "blocked": 4}


@pytest.mark.parametrize(("name", "status"), [("three-in-a-row", 403), ("three-202", 202)])
def test_three_in_a_row_do(crawled: Crawled, name: str, status: int) -> None:
    assert crawled.asked(name)[-1] == "/4.html"
    assert crawled.ledger(name)["/7.html"][1] == f"stopped: the site answered with status {status}"


def test_another_error_between_them_is_no_good_answer(crawled: Crawled) -> None:
    assert crawled.asked("gaps")[-1] == "/5.html"


def test_a_server_that_says_when_to_come_back_is_not_asked_again(crawled: Crawled) -> None:
    assert crawled.asked("overload") == ["/list.html", "/0.html", "/1.html", "/2.html", "/3.html"]
    assert crawled.asked("oops").count("/3.html") == 2
    assert len(crawled.asked("oops")) == 10


def test_a_wall_that_names_itself_ends_the_run(crawled: Crawled) -> None:
    assert crawled.asked("says-so")[-1] == "/3.html"


@pytest.mark.parametrize("status", [202, 403])
def test_a_refused_entry_point_ends_the_run(crawled: Crawled, status: int) -> None:
    assert crawled.asked(f"entry-{status}") == ["/list.html"]
    assert crawled.runs[f"entry-{status}"]["status"] == "failed"


# --- who we say we are --------------------------------------------------------------------------------------


def source(*urls: str) -> Source:
    return Source("s", "S", tuple(EntryPoint("list", url) for url in urls))


def test_a_crawl_of_strangers_without_a_contact_is_warned_of() -> None:
    ours = source("http://127.0.0.1:8000/", "http://localhost/", "http://[::1]:9/")
    strangers = source("http://127.0.0.1:8000/", "https://www.sz.gov.cn/")
    settings = Settings()
    assert contact_warning(settings, [ours]) is None
    assert contact_warning(settings, []) is None
    warning = contact_warning(settings, [ours, strangers])
    assert warning is not None
    assert "HEXAPOLIS_CONTACT" in warning and "\n" not in warning
    assert contact_warning(Settings(contact="mailto:me@example.org"), [strangers]) is None


def test_doctor_says_so_too(tmp_path: Path, models: Path) -> None:
    def told(**settings: str) -> dict[str, str]:
        result = loopback.run(tmp_path / "data", "doctor", "--json", **settings)
        return {row["name"]: row["state"] for row in result.rows}

    assert told()["user agent"] == "warn"
    assert told(HEXAPOLIS_CONTACT="https://example.org/bot")["user agent"] == "ok"
