"""Articles that are looked at again: edits, removals, what is unchanged, and what was left over."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import loopback
import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import Reply, Site
from test_crawl import Folder, assert_sums

from store.looks import LOOKS, came_out, next_look

START = dt.datetime(2024, 3, 15, 2, 30, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def test_looks_fall_off_and_end() -> None:
    seen, looks = START, []
    while (at := next_look(START, seen)) is not None:
        looks.append((at - START).days)
        seen = at
    assert looks == [1, 3, 7, 30]


@given(st.integers(0, 400 * 24))
def test_a_look_is_always_later_than_the_visit_and_one_of_the_schedule(hours: int) -> None:
    seen = START + dt.timedelta(hours=hours)
    look = next_look(START, seen)
    if look is None:
        assert seen >= START + LOOKS[-1]
    else:
        assert look > seen
        assert look - START in LOOKS


def test_an_old_article_is_left_alone_and_a_new_one_followed_from_its_first_visit() -> None:
    today, old = START.date(), dt.date(2023, 1, 5)
    assert next_look(came_out(today, START), START) == START + DAY
    assert next_look(came_out(None, START), START) == START + DAY
    assert next_look(came_out(dt.date(2031, 1, 1), START), START) == START + DAY, "a date ahead says nothing"
    assert next_look(came_out(old, START), START) is None
    week = came_out(START.date() - dt.timedelta(days=4), START)
    assert START < next_look(week, START) < START + 4 * DAY, "the look of its seventh day"


@pytest.fixture
def folder(tmp_path: Path, models: Path) -> Folder:
    return Folder(tmp_path / "data", models)


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as running:
        yield running


def all_due(folder: Folder) -> None:
    """Let the time of the next look come for every article."""
    with sqlite3.connect(folder.path / "hexapolis.db") as connection:
        connection.execute("update article set next_look_at = '2020-01-01 00:00:00'")


def today(number: int) -> str:
    """An article of today, so that it is followed."""
    return loopback.article(number).replace(f"2024-03-{number % 27 + 1:02d}", f"{dt.date.today():%Y-%m-%d}")


def test_edits_become_versions_and_removals_become_gone(folder: Folder, site: Site) -> None:
    """Of five articles two stay as they are, one is edited, two vanish, and one of these comes back."""
    for n, name in enumerate(["tag", "same", "edited", "gone", "back"], start=1):
        headers = {"ETag": '"v1"'} if name == "tag" else {}
        site.pages[f"/{name}.html"] = Reply(today(n), headers=headers)
    site.listing("/list.html", [f"/{n}.html" for n in ("tag", "same", "edited", "gone", "back")])
    folder.catalogue("sources:\n" + loopback.source(site, "small", article_url=r"'/[a-z]+\.html$'"))
    first = folder.crawl().rows[0]
    assert first["outcomes"] == {"listing": 1, "stored": 5}

    assert folder.crawl().rows[0]["outcomes"] == {"known": 5, "listing": 1}, "nothing is due yet"

    site.listing("/list.html", [])
    site.pages["/edited.html"] = Reply(today(3).replace("组织第3批", "改为组织第9批"))
    for path in ("/gone.html", "/back.html"):
        site.pages[path] = Reply("没有这个页面", status=410 if path == "/gone.html" else 404)
    all_due(folder)
    result = folder.crawl()
    (run,) = result.rows
    assert_sums(folder, run)
    ledger = folder.ledger(run["run"])
    assert {path: outcome for path, (outcome, _) in ledger.items()} == {
        "/list.html": "listing",
        "/tag.html": "unchanged",
        "/same.html": "unchanged",
        "/edited.html": "stored",
        "/gone.html": "gone",
        "/back.html": "gone",
    }
    assert ledger["/tag.html"][1] == "not modified"
    assert result.code == 0
    versions = dict(
        folder.query(
            "select a.url, count(*) from article a join version v on v.article_id = a.id group by a.url"
        )
    )
    assert {url.rpartition("/")[2]: n for url, n in versions.items()} == {
        "tag.html": 1, "same.html": 1, "edited.html": 2, "gone.html": 1, "back.html": 1,
    }  # fmt: skip
    gone = folder.query("select url from article where gone_at is not null order by url")
    assert [url.rpartition("/")[2] for (url,) in gone] == ["back.html", "gone.html"]
    assert len(folder.titles()) == 5, "the archived copies stay"
    assert not folder.query("select 1 from article where next_look_at <= '2021-01-01'"), (
        "all have been looked at"
    )

    site.pages["/back.html"] = Reply(today(5))
    all_due(folder)
    assert folder.crawl().rows[0]["outcomes"] == {"gone": 1, "listing": 1, "unchanged": 4}
    gone = folder.query("select url from article where gone_at is not null")
    assert [url.rpartition("/")[2] for (url,) in gone] == ["gone.html"]
    folder.assert_archived()


def test_an_entry_point_that_has_not_changed_is_not_sent_again(folder: Folder, site: Site) -> None:
    site.listing("/list.html", [site.article("/1.html", 1)])
    site.pages["/list.html"].headers["ETag"] = '"a"'
    folder.catalogue("sources:\n" + loopback.source(site, "small", article_url=r"'/\d\.html$'"))
    assert folder.crawl().rows[0]["outcomes"] == {"listing": 1, "stored": 1}
    second = folder.crawl().rows[0]
    assert second["outcomes"] == {"unchanged": 1}
    assert second["status"] == "done"
    site.listing("/list.html", ["/1.html", site.article("/2.html", 2)])
    site.pages["/list.html"].headers["ETag"] = '"b"'
    assert folder.crawl().rows[0]["outcomes"] == {"known": 1, "listing": 1, "stored": 1}


def test_what_a_run_left_is_fetched_by_the_next_even_when_the_list_has_moved_on(
    folder: Folder, site: Site
) -> None:
    site.listing("/list.html", [site.article(f"/{n}.html", n) for n in range(6)])
    folder.catalogue("sources:\n" + loopback.source(site, "small", article_url=r"'/\d\.html$'"))
    assert folder.crawl("--max-pages", "2").rows[0]["outcomes"] == {"budget": 4, "listing": 1, "stored": 2}
    site.listing("/list.html", [site.article("/7.html", 7)])
    run = folder.crawl().rows[0]
    assert run["outcomes"] == {"listing": 1, "stored": 5}
    assert len(folder.titles()) == 7


def test_a_stretch_of_time_is_filled_and_the_list_left_where_it_is_older(folder: Folder, site: Site) -> None:
    """Ten list pages, three rows each, one page a month from October 2024 backwards."""
    for page in range(10):
        rows = ""
        for row in range(3):
            path = site.article(f"/{page}{row}.html", page * 10 + row)
            rows += f"<li><a href='{path}'>通告</a><span>2024-{10 - page:02d}-{20 - row}</span></li>"
        site.pages["/index.html" if page == 0 else f"/index_{page + 1}.html"] = Reply(f"<ul>{rows}</ul>")
    folder.catalogue(
        "sources:\n"
        + loopback.source(
            site, "small", "/index.html", "type: list, paging: {scheme: one_based, max_pages: 2}",
            article_url=r"'/\d\d\.html$'",
        )
    )  # fmt: skip
    run = folder.crawl("--since", "2024-06-19", "--until", "2024-07-31", "--list-pages", "9").rows[0]
    assert_sums(folder, run)
    assert {path for path, (outcome, _) in folder.ledger(run["run"]).items() if outcome == "stored"} == {
        "/30.html", "/31.html", "/32.html", "/40.html", "/41.html",
    }  # fmt: skip
    assert site.count("/index_6.html") == 1, "the page that is all older"
    assert site.count("/index_7.html") == 0


def test_a_host_that_refused_is_left_alone_and_longer_each_time(folder: Folder, site: Site) -> None:
    site.pages["/list.html"] = Reply("", status=412)
    site.listing("/other.html", [])
    folder.catalogue(
        "sources:\n" + loopback.source(site, "one") + loopback.source(site, "two", "/other.html")
    )
    first = {row["source"]: row for row in folder.crawl().rows}
    assert first["one"]["outcomes"] == {"blocked": 1}
    assert "is left alone until" in first["one"]["reason"]
    assert first["two"]["outcomes"] == {"blocked": 1}, "the same host"
    assert site.count("/other.html") == 0
    asked = len(site.asked)
    assert {row["status"] for row in folder.crawl().rows} == {"failed"}
    assert len(site.asked) == asked, "nothing at all is asked of it"

    def end() -> None:
        with sqlite3.connect(folder.path / "hexapolis.db") as connection:
            connection.execute("update cooldown set until = '2020-01-01 00:00:00'")

    end()
    folder.crawl("one")
    ((strikes,),) = folder.query("select strikes from cooldown")
    assert strikes == 2
    end()
    site.listing("/list.html", [])
    assert folder.crawl("one").rows[0]["outcomes"] == {"listing": 1}
    assert folder.query("select * from cooldown") == [], "a good answer forgets it"
