"""A farm of sites of every family with seeded faults, which knows itself what a crawl of it is to bring.

Each family's site is on a server of its own. The farm lives through rounds, a few days apart: in each, every
site publishes some articles and its faults go on. `FaultFarm.next_round` changes the sites and works out
what the next crawl's ledger must say; `articles`, `verdicts` and `health` are the truth about the store.
Times are the farm's own: after a crawl, `lapse` moves what it left in the database back to its round.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import socket
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from unittest.mock import patch

import family_site
from family_site import BUILDERS, Family, Farm, Piece, government_page, list_page
from loopback import Reply

from crawler.urls import url_identity
from faults.pdf_files import pdf

FRESH = 3  # articles that a site publishes between two rounds, one a day
MISSING = (
    "<html><head><title>提示</title></head><body><p>对不起，您访问的页面不存在或已被删除。</p></body></html>"
)
NOT_ARTICLES: Mapping[str, str] = {
    "soft_404": MISSING,
    "challenge": "<html><head><title>Just a moment...</title></head><body><h1>Checking your browser</h1>"
    "<p>请稍候，正在进行安全验证，请完成人机验证。</p></body></html>",
    "shell": '<html><head><title>新闻</title><script src="/app.js"></script></head>'
    '<body><div id="app"></div></body></html>',
    "empty": "<html><body>  \n </body></html>",
}
PAGER = "<a class='next' rel='next' href='{}'>下一页</a>"


@dataclass
class Truth:
    """What the store is to hold of one article."""

    title: str
    texts: list[tuple[str, ...]]  # of each version, oldest first: sentences that are in its text
    story: str  # articles with the same are one story, while nothing is edited
    gone: bool = False


@dataclass
class FaultSite:
    """One source: its server, its fault, and what is true of it."""

    name: str
    fault: Callable[[FaultSite, int], None]
    count: int  # articles in the first round
    state: str = "ok"  # its health at the end
    broken_from: int = 3
    rows: int = 20  # of a list page
    farm: Farm = field(default_factory=Farm)
    articles: dict[str, Truth] = field(default_factory=dict)  # by path
    verdicts: dict[str, str] = field(default_factory=dict)  # of the newest page at a path, articles included
    due: list[str] = field(default_factory=list)  # articles that are to be looked at again in this round
    expected: dict[str, str] = field(default_factory=dict)  # outcomes in this round's ledger, by path
    status: str | None = "done"  # of this round's run; None: not told
    edits: dict[str, int] = field(default_factory=dict)
    back: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)  # seen by a run that was blocked, never fetched
    family: Family = field(init=False)
    asked_before: int = 0

    def key(self, path: str) -> str:
        """The identity of a path."""
        return url_identity(self.farm.url + path)

    def build(self, newest: int, round_: int) -> None:
        """Put the site as it is in a round, its newest article having this number."""
        self.farm.pages.clear()
        self.farm.routes.clear()
        count = self.count + FRESH * (round_ - 1)

        def numbered(family: str, _count: int) -> list[Piece]:
            return [Piece(family, newest + i) for i in range(count)]

        with patch.object(family_site, "pieces", numbered):
            self.family = BUILDERS[self.name](self.farm, self.name, count, self.rows)
        assert len(self.family.articles) == count, "two articles at one address"
        self.asked_before = len(self.farm.asked)
        self.due, self.status = [], "done"
        fresh = [path for path in self.family.articles if path not in self.articles | self.verdicts]
        self.expected = dict.fromkeys(fresh, "stored")
        for path in fresh:
            piece = self.family.articles[path]
            self.articles[path] = Truth(
                piece.title, [(*piece.paragraphs[1:],)], f"{self.name} {piece.number}"
            )
            self.verdicts[path] = "article"
        self.farm.pages["/robots.txt"] = Reply("nothing here", 404)
        if round_ == 1:
            self.expected |= {path: "listing" for path, times in self.family.lists.items() if times}
        self.fault(self, round_)

    def change(self, path: str, change: Callable[[str], str]) -> None:
        """Change the text of a page."""
        reply = self.farm.pages[path]
        assert isinstance(reply.body, str)
        body = change(reply.body)
        assert body != reply.body, f"{path}: nothing to change"
        self.farm.pages[path] = replace(reply, body=body)

    def no_article(self, path: str, verdict: str, outcome: str = "not_article") -> None:
        """There is no article at this path, and there never was."""
        self.articles.pop(path, None)
        self.verdicts[path] = verdict
        if path in self.expected:
            self.expected[path] = outcome

    def unseen(self, paths: Iterable[str]) -> None:
        """This round's crawl cannot come to know of these."""
        for path in paths:
            self.expected.pop(path, None)
            self.articles.pop(path, None)
            self.verdicts.pop(path, None)

    def numbers(self, divisor: int, rest: int = 0) -> list[str]:
        """The paths of the articles whose number leaves this rest."""
        return [path for path, piece in self.family.articles.items() if piece.number % divisor == rest]

    @property
    def fresh(self) -> list[str]:
        """The paths that this round brought, in the order of the list."""
        return [path for path in self.family.articles if self.expected.get(path) == "stored"]


# --- faults -------------------------------------------------------------------------------------------------


def healthy(site: FaultSite, round_: int) -> None:
    """Nothing is wrong."""


def _tagged(site: FaultSite) -> None:
    for path in site.family.articles:
        reply = site.farm.pages[path]
        body = reply.body.encode() if isinstance(reply.body, str) else reply.body
        tag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
        site.farm.pages[path] = replace(reply, headers={**reply.headers, "ETag": tag})


def edits(site: FaultSite, round_: int) -> None:
    """Articles are edited, once or twice; others go (404, 410, in words), and the first of those return."""
    old = sorted(
        site.articles, key=lambda p: -site.family.articles[p].number
    )  # the oldest never change place
    share = max(1, site.count // 12)
    parts = [old[i * share : (i + 1) * share] for i in range(5)]
    edited, gone_404, gone_410, gone_soft, same = parts
    if round_ in (2, 3):
        for path in edited if round_ == 2 else edited[::2]:
            site.edits[path] = site.edits.get(path, 0) + 1
            truth, piece = site.articles[path], site.family.articles[path]
            changed = _edited(piece, site.edits[path])
            truth.texts.append(tuple(changed if p == piece.marker else p for p in piece.paragraphs[1:]))
            site.expected[path] = "stored"
        site.expected |= dict.fromkeys(same, "unchanged")
        site.due = [*edited, *same] if round_ == 2 else [*edited[::2], *same]
    for path, number in site.edits.items():
        marker = site.family.articles[path].marker
        site.change(
            path,
            lambda body, m=marker, p=path, n=number: body.replace(m, _edited(site.family.articles[p], n)),
        )
    if round_ == 2:
        site.due += [*gone_404, *gone_410, *gone_soft]
        site.expected |= dict.fromkeys([*gone_404, *gone_410, *gone_soft], "gone")
    if round_ == 4:
        site.due += gone_404
        site.back = set(gone_404)
        site.expected |= dict.fromkeys(gone_404, "unchanged")
    if round_ >= 2:
        for paths, reply, verdict in (
            (gone_404, Reply("没有这个页面", 404), "error"),
            (gone_410, Reply("没有这个页面", 410), "error"),
            (gone_soft, Reply(MISSING), "soft_404"),
        ):
            for path in paths:
                if not (gone := path not in site.back):
                    site.articles[path].gone, site.verdicts[path] = False, "article"
                else:
                    site.farm.pages[path] = reply
                    site.articles[path].gone, site.verdicts[path] = gone, verdict


def edits_with_tags(site: FaultSite, round_: int) -> None:
    """The same on a server that answers 304 where nothing has changed."""
    edits(site, round_)
    _tagged(site)


def _edited(piece: Piece, times: int) -> str:
    return f"{piece.marker[:-1]}，经第{times}次修订。"


def copies(site: FaultSite, round_: int) -> None:
    """Every fifth article is a text that other sites have as well."""
    for path in site.numbers(5):
        own = site.family.articles[path]
        wire = Piece("wire", own.number)
        site.change(path, lambda body, a=own, b=wire: body.replace(a.markup, b.markup))
        site.articles[path].texts = [tuple(wire.paragraphs[1:])]
        site.articles[path].story = f"wire {own.number}"


def _recoded(site: FaultSite, declared: str | None, header: str) -> None:
    for path in site.family.articles:
        reply = site.farm.pages[path]
        assert isinstance(reply.body, str)
        meta = f'<meta charset="{declared}">' if declared else ""
        text = reply.body.replace('<meta charset="utf-8">', meta)
        site.farm.pages[path] = replace(reply, body=text.encode("gb18030"), type=header)


def gbk_right(site: FaultSite, round_: int) -> None:
    """Pages in GBK that say GB2312."""
    _recoded(site, "gb2312", "text/html; charset=gb2312")


def gbk_wrong(site: FaultSite, round_: int) -> None:
    """Pages in GBK that say UTF-8."""
    _recoded(site, "utf-8", "text/html; charset=utf-8")


def gbk_unsaid(site: FaultSite, round_: int) -> None:
    """Pages in GBK that say nothing."""
    _recoded(site, None, "text/html")


def attachments(site: FaultSite, round_: int) -> None:
    """Every third article has its text in a PDF, and two words about it on its page."""
    for path in site.numbers(3):
        piece = site.family.articles[path]
        document = f"/{site.name}/art/files/{piece.key}.pdf"
        body = f'<div class="main-txt" id="zoom"><p><a href="{document}">{piece.title}.pdf</a></p></div>'
        site.farm.pages[path] = Reply(government_page(piece, body, "苏岭省人民政府"))
        site.farm.pages[document] = Reply(pdf(piece.paragraphs), type="application/pdf")
        if path in site.expected:
            site.expected[document] = "document"


def not_articles(site: FaultSite, round_: int) -> None:
    """Of nine addresses four have no article: an error page in words, a bot check, a shell, nothing."""
    for rest, (verdict, body) in enumerate(NOT_ARTICLES.items()):
        for path in site.numbers(9, rest):
            site.farm.pages[path] = Reply(body)
            site.no_article(path, verdict, "blocked" if verdict == "challenge" else "not_article")


def lists_break(site: FaultSite, round_: int) -> None:
    """The template of the lists changes: the menu is there, the rows are not."""
    if round_ >= site.broken_from:
        for path, times in site.family.lists.items():
            if times:
                site.farm.pages[path] = Reply(list_page("", '<div id="rows"></div>', site.name))
        site.unseen(site.fresh)


def articles_break(site: FaultSite, round_: int) -> None:
    """The template of the articles changes: their texts come by script from then on."""
    if round_ >= site.broken_from:
        for path in site.family.articles:
            site.farm.pages[path] = Reply(NOT_ARTICLES["shell"])
        for path in site.fresh:
            site.no_article(path, "shell")


def blocks(site: FaultSite, round_: int) -> None:
    """From the second new article of a round on there is a wall, and in the rounds after it nothing else."""
    wall = Reply("<html><head><script>eval(1)</script></head><body></body></html>", 412)
    if round_ == site.broken_from:
        _, second, *rest = site.fresh
        for path in (second, *rest):
            site.farm.pages[path] = wall
            site.articles.pop(path)
            site.verdicts.pop(path)
        site.verdicts[second] = "challenge"
        site.expected[second] = "blocked"
        site.expected |= dict.fromkeys(rest, "budget")
        site.status = "partial"
        site.left = set(rest)
    elif round_ > site.broken_from:
        site.unseen(site.fresh)
        robots = site.farm.pages["/robots.txt"]
        site.farm.pages.clear()
        site.farm.routes.clear()
        site.farm.pages |= {"*": wall, "/robots.txt": robots}
        site.expected, site.status = {p: "blocked" for p, n in site.family.lists.items() if n}, "failed"
        site.expected = dict(list(site.expected.items())[:1])


def dies(site: FaultSite, round_: int) -> None:
    """From some round on nobody listens any more."""
    if round_ >= site.broken_from:
        if round_ == site.broken_from:
            site.farm.__exit__(None, None, None)
        site.unseen(site.fresh)
        first = next(path for path, times in site.family.lists.items() if times)
        site.expected, site.status = {first: "failed"}, "failed"


def falls_silent(site: FaultSite, round_: int) -> None:
    """From some round on nothing new is published; the site is as it was."""
    if round_ >= site.broken_from:
        site.unseen(site.fresh)
        kept = {path: piece.number for path, piece in site.family.articles.items() if path in site.articles}
        first = min(kept.values())
        count = len(kept)
        site.farm.pages.clear()
        with patch.object(
            family_site, "pieces", lambda name, _: [Piece(name, first + i) for i in range(count)]
        ):
            site.family = BUILDERS[site.name](site.farm, site.name, count, site.rows)


# --- the farm -----------------------------------------------------------------------------------------------

PLAN: Mapping[str, tuple[Callable[[FaultSite, int], None], str]] = {
    "trs": (edits_with_tags, "ok"),
    "trs-one-based": (lists_break, "layout-changed"),
    "writeln": (falls_silent, "stale"),
    "nfcms": (articles_break, "layout-changed"),
    "ucap": (blocks, "blocked"),
    "shanghai": (edits, "ok"),
    "jpage": (attachments, "ok"),
    "jpaas": (copies, "ok"),
    "disclosure": (copies, "ok"),
    "wordpress": (copies, "ok"),
    "substack": (healthy, "ok"),
    "static-json": (gbk_right, "ok"),
    "json-get": (gbk_wrong, "ok"),
    "json-post": (gbk_unsaid, "ok"),
    "news-sitemap": (not_articles, "ok"),
    "gzip-sitemaps": (dies, "dead"),
}
TRAP = "trap"
NOWHERE = "nowhere"


class FaultFarm:
    """All sites, and the time they live in.

    Args:
        articles: how many there are in the first round, on all sites together.
        rounds: how many rounds there will be.
        broken_from: the round in which things break for good.
        rows: of a list page.
        names: which families; all when None.
        trap: pages that a run may fetch from a list without an end; 0: there is none.
    """

    def __init__(
        self,
        articles: int,
        rounds: int,
        broken_from: int = 3,
        rows: int = 20,
        names: Iterable[str] | None = None,
        trap: int = 500,
    ) -> None:
        chosen = list(PLAN if names is None else names)
        each, more = divmod(articles, len(chosen))
        self.sites = {
            name: FaultSite(name, PLAN[name][0], each + (i < more), PLAN[name][1], broken_from, rows)
            for i, name in enumerate(chosen)
        }
        self._newest = FRESH * rounds + 2
        self.rounds = rounds
        self.trap_pages = trap
        self.round = 0
        self.trap = Farm()
        self._nowhere = socket.socket()  # bound, and nobody listens: connections are refused
        self._nowhere.bind(("127.0.0.1", 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._nowhere.close()
        for farm in [self.trap, *(site.farm for site in self.sites.values())]:
            farm.__exit__(None, None, None)

    @property
    def traps(self) -> bool:
        """Whether the list without an end is crawled in this round: it costs as many requests each time."""
        return bool(self.trap_pages) and self.round == 1

    @property
    def day(self) -> dt.date:
        """The day of the crawl of this round: the day after its newest articles."""
        return Piece("", self._newest - FRESH * (self.round - 1)).day + dt.timedelta(days=1)

    def next_round(self) -> None:
        """Let some days pass on all sites."""
        self.round += 1
        for site in self.sites.values():
            site.build(self._newest - FRESH * (self.round - 1), self.round)
        if self.traps:
            self._endless()

    def _endless(self) -> None:
        """A list whose pages go on for ever, each with the same article under another session id."""
        site, base = self.trap, f"/{TRAP}"
        article = Reply(government_page(Piece(TRAP, 1), Piece(TRAP, 1).markup, "某站"))

        def page(query: Mapping[str, str]) -> Reply:
            n = int(query.get("page", 1))
            rows = f'<li><a href="{base}/10001.html?PHPSESSID=a{n:031d}">通知公告</a></li>' + "".join(
                f'<li><a href="{base}/calendar.html?day={n * 30 + i}">日历{n * 30 + i}</a></li>'
                for i in range(30)
            )
            return Reply(list_page(rows, PAGER.format(f"{base}/list.html?page={n + 1}"), TRAP))

        site.routes[f"{base}/10001.html"] = lambda query: article
        site.routes[f"{base}/list.html"] = page
        site.routes[f"{base}/calendar.html"] = page

    @property
    def catalogue(self) -> str:
        """A catalogue file of all sources; nothing in it slows the crawl."""
        polite = {"delay": 0, "max_pages": 5_000}
        sources: list[dict[str, Any]] = [
            s.family.source | {"politeness": polite} for s in self.sites.values()
        ]
        if self.traps:
            url = f"{self.trap.url}/{TRAP}/list.html"
            entries = [{"type": "list", "url": url, "paging": "next_link"}]
            limit = {"delay": 0, "max_pages": self.trap_pages}
            sources.append({"id": TRAP, "name": "A trap", "entry_points": entries, "politeness": limit})
        port = self._nowhere.getsockname()[1]
        sources.append(
            {
                "id": NOWHERE,
                "name": "Nobody there",
                "entry_points": [{"type": "list", "url": f"http://127.0.0.1:{port}/"}],
            }
        )
        return json.dumps({"sources": sources}, ensure_ascii=False)

    @property
    def health(self) -> dict[str, str]:
        """The state of each source at the end."""
        return {name: site.state for name, site in self.sites.items()} | {NOWHERE: "dead"}


def prepare(database: Path, farm: FaultFarm) -> None:
    """Let the time of the next look come for the articles of this round."""
    if not database.exists():
        return
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("update article set next_look_at = null")
        connection.execute("update cooldown set until = '2020-01-01 00:00:00'")
        keys = [(site.key(path),) for site in farm.sites.values() for path in site.due]
        connection.executemany(
            "update article set next_look_at = '2020-01-01' || ' 00:00:00' where url_key = ?", keys
        )


def lapse(database: Path, farm: FaultFarm) -> None:
    """Move what this round's crawl has left to the day of the round, as if it had been made then."""
    moment = f"{farm.day} 10:00:00.000000"
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, column in (
            ("crawl_run", "started_at"),
            ("crawl_run", "finished_at"),
            ("page", "fetched_at"),
            ("article", "first_seen_at"),
            ("article", "last_seen_at"),
        ):
            connection.execute(f"update {table} set {column} = ? where {column} > '2025'", (moment,))
