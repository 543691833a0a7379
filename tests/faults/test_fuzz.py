"""Damaged pages, lists, feeds and catalogues: nothing but the typed errors, and nothing over ten seconds.

How many: HEXAPOLIS_FUZZ=PAGES[/FEEDS[/CATALOGUES]], 2000/1000/500 by default; the whole is 50000/10000/5000.
A case is named by its number, and `HEXAPOLIS_FUZZ_CASE=pages:17` makes that one alone.
"""

from __future__ import annotations

import datetime as dt
import gzip
import multiprocessing
import os
import pickle
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from conftest import SHARED
from family_site import BUILDERS, FamilySites, Farm
from pebble import ProcessExpired, ProcessPool

from crawler.catalogue import BUNDLED, load_catalogue
from crawler.entry_points import EntryPointError, first_ask, read_entry_point
from crawler.extract import judge_page
from crawler.urls import is_fetchable, url_identity
from demo.rendering import render_outlet
from faults.mutations import mutate
from faults.pdf_files import pdf
from hexapolis.errors import CatalogueError
from hexapolis.records import EntryPoint, Page, Selectors, Verdict

SEED = 7
SECONDS = 10.0
NOW = dt.datetime(2024, 6, 28, 4, tzinfo=dt.UTC)
TYPES = (
    None,
    "text/html",
    "text/html; charset=utf-8",
    "text/html; charset=gb2312",
    "application/xhtml+xml; charset=x",
)
WHOLE = (2_000, 1_000, 500)


def _counts() -> dict[str, int]:
    given = [int(n) for n in os.environ.get("HEXAPOLIS_FUZZ", "").split("/") if n]
    return dict(zip(("pages", "feeds", "catalogues"), [*given, *WHOLE[len(given) :]], strict=True))


@dataclass(frozen=True)
class Seeds:
    """What is damaged: bodies with their addresses; of lists, the entry point that reads them."""

    pages: list[tuple[str, bytes]]
    feeds: list[tuple[EntryPoint, bytes]]
    catalogues: list[bytes]


def _seeds() -> Seeds:
    pages: list[tuple[str, bytes]] = []
    feeds: list[tuple[EntryPoint, bytes]] = []
    catalogues = [BUNDLED.read_bytes()[start : start + 6_000] for start in range(0, 60_000, 20_000)]
    with Farm() as farm, tempfile.TemporaryDirectory() as folder:
        sites = FamilySites(farm)
        sites.build(tuple(BUILDERS), count=5, size=3)
        path = Path(folder) / "catalogue.yaml"
        path.write_text(sites.catalogue, encoding="utf-8")
        catalogues.append(path.read_bytes())
        entries = {source.id: source.entry_points[0] for source in load_catalogue(path).sources}
        for name, family in sites.families.items():
            for address, times in family.lists.items():
                base = address.partition("?")[0]
                if times and base in farm.routes:
                    from urllib.parse import parse_qsl, urlsplit

                    query = {
                        "referer": entries[name].referer or "",
                        **dict(parse_qsl(urlsplit(address).query)),
                    }
                    farm.pages[address] = farm.routes[base](query)
                if address in farm.pages:
                    feeds.append((entries[name], _bytes(farm.pages[address].body)))
            pages += [
                (farm.url + p, _bytes(farm.pages[p].body))
                for p in list(family.articles)[:2]
                if p in farm.pages
            ]
            piece = next(iter(family.articles.values()))
            pages.append((f"{farm.url}/{name}.pdf", pdf(piece.paragraphs)))
    for outlet in ("sz", "en", "hk", "tech"):
        for where, resource in render_outlet(outlet, 1, "http://127.0.0.1:1").items():
            url = f"http://127.0.0.1:1{where}"
            if "html" in resource.content_type:
                pages.append((url, resource.body))
                feeds.append((EntryPoint("list", url), resource.body))
            elif "xml" in resource.content_type:
                feeds += [(EntryPoint(kind, url), resource.body) for kind in ("feed", "sitemap")]
    for file in sorted((SHARED / "data" / "pages").glob("*.html.gz"))[::5]:
        pages.append((f"http://127.0.0.1:1/{file.stem}", gzip.decompress(file.read_bytes())))
    catalogues.append(catalogues[0][:1_500])
    return Seeds(pages, feeds, catalogues)


def _bytes(body: str | bytes) -> bytes:
    return body.encode() if isinstance(body, str) else body


_given: Seeds


def _start(path: str) -> None:
    global _given
    _given = pickle.loads(Path(path).read_bytes())  # written by this test


def _one(kind: str, number: int) -> tuple[float, str]:
    """The seconds that a case took, and what was wrong."""
    chance = Random(f"{SEED} {kind} {number}")
    if kind == "pages":
        url, body = chance.choice(_given.pages)
        body = mutate(body, [b for _, b in _given.pages], chance)
        header = chance.choice(TYPES)
        headers = (("Content-Type", header),) if header else ()
        began = time.perf_counter()
        try:
            wrong = _page(Page(url, url, chance.choice((200, 200, 200, 404, 412)), headers, body, NOW))
        except Exception:
            wrong = traceback.format_exc()
    elif kind == "feeds":
        entry, body = chance.choice(_given.feeds)
        body = mutate(body, [b for _, b in _given.feeds], chance)
        url = first_ask(entry).address
        began = time.perf_counter()
        try:
            wrong = _feed(entry, Page(url, url, 200, (), body, NOW), chance.choice((1, 1, 2)))
        except Exception:
            wrong = traceback.format_exc()
    else:
        body = mutate(chance.choice(_given.catalogues), _given.catalogues, chance)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "catalogue.yaml"
            path.write_bytes(body)
            began = time.perf_counter()
            try:
                wrong = _catalogue(path)
            except Exception:
                wrong = traceback.format_exc()
    return time.perf_counter() - began, wrong


def _page(page: Page) -> str:
    judgement = judge_page(page, Selectors())
    article = judgement.article
    if judgement.detail.startswith("crash:"):
        return f"swallowed {judgement.detail}"
    if (judgement.verdict is Verdict.ARTICLE) != (article is not None):
        return f"{judgement.verdict} and {article}"
    if article is not None:
        for name in ("title", "text", "author", "issuer", "source_line", "document_number", "canonical_link"):
            value = getattr(article, name)
            if value is not None and (value.encode("utf-8", "replace").decode() != value or "\0" in value):
                return f"{name} has what no database takes: {value[:100]!r}"
        if not article.text.strip() or not article.title.strip():
            return "an article without text or title"
    return ""


def _feed(entry: EntryPoint, page: Page, number: int) -> str:
    try:
        listing = read_entry_point(entry, page, number)
    except EntryPointError as error:
        return "" if str(error).strip() and "\n" not in str(error) else f"its error is not a line: {error!r}"
    for address in [link.url for link in listing.links] + [ask.address for ask in listing.next_asks]:
        url_identity(address).encode()
        is_fetchable(address)
    for link in listing.links:
        for value in (link.title, link.summary, link.html):
            if value is not None:
                value.encode()
    return ""


def _catalogue(path: Path) -> str:
    try:
        load_catalogue(path)
    except CatalogueError as error:
        return "" if str(error).strip() and "\n" not in str(error) else f"its error is not a line: {error!r}"
    return ""


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fuzz") / "seeds.pickle"
    path.write_bytes(pickle.dumps(_seeds()))
    return path


def _run(kind: str, numbers: Sequence[int], seeds: Path) -> tuple[list[tuple[float, int]], list[str]]:
    """Each case's time, and what was wrong: worker processes with a time limit for each case."""
    times: list[tuple[float, int]] = []
    wrong: list[str] = []
    workers = min(2, os.cpu_count() or 1)
    context = multiprocessing.get_context("forkserver")
    with ProcessPool(max_workers=workers, context=context, initializer=_start, initargs=[str(seeds)]) as pool:
        for start in range(0, len(numbers), 200):
            # A hang is over ten seconds of work; the rest is for a machine that has other things to do.
            futures = [
                (n, pool.schedule(_one, args=[kind, n], timeout=3 * SECONDS))
                for n in numbers[start : start + 200]
            ]
            for number, future in futures:
                try:
                    seconds, text = future.result()
                except FutureTimeoutError:
                    times.append((3 * SECONDS, number))
                    wrong.append(f"{kind}:{number} hangs")
                    continue
                except ProcessExpired as error:
                    wrong.append(f"{kind}:{number} ends the process with {error.exitcode}")
                    continue
                times.append((seconds, number))
                if text:
                    wrong.append(f"{kind}:{number} {text.strip()}")
                if seconds > SECONDS:
                    wrong.append(f"{kind}:{number} takes {seconds:.1f} s")
    return times, wrong


@pytest.mark.parametrize("kind", ["pages", "feeds", "catalogues"])
def test_damage_gives_typed_errors_in_time(kind: str, seeds: Path) -> None:
    named, _, case = os.environ.get("HEXAPOLIS_FUZZ_CASE", "").partition(":")
    if named and named != kind:
        pytest.skip(f"only {named}:{case} is asked for")
    numbers = [int(case)] if case else range(_counts()[kind])
    times, wrong = _run(kind, numbers, seeds)
    slowest = ", ".join(f"{kind}:{n} {s:.2f} s" for s, n in sorted(times, reverse=True)[:3])
    last = Counter(
        text.splitlines()[-1].partition(" ")[2][:100] if "\n" in text else text.partition(" ")[2][:100]
        for text in wrong
    )
    print(f"\n{len(numbers)} damaged {kind}: {len(wrong)} wrong; slowest {slowest}")
    for text, count in last.most_common(10):
        print(f"  {count} × {text}")
    assert not wrong, "\n".join(wrong[:5])
