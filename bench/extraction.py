"""Measure page reading on real pages with hand-cleaned texts: F1, dates, false verdicts and CPU time.

    python bench/extraction.py [DIR] [--no-peer] [--worst N]

DIR holds `NAME.html.gz`, `NAME.txt` (the reference) and `index.jsonl`; the letters of NAME before the hyphen
are the group (`zh`, `en`, `gov`). F1 is the overlap of two bags: characters without spaces for Chinese,
lower-case words for English. It does not look at order; the second figure does (matching blocks of
`difflib`).

A date of a government page is right if it is the index's `published_on`, and that is often the day of
signing: so the date of writing is compared too. A date of a news page is right from two days before its
feed's day to one after.

CPU time is this process's own, after a warming pass over some pages. The peer,
`trafilatura.bare_extraction(with_metadata=True)` on the decoded text, is measured in the same run.
"""

from __future__ import annotations

import argparse
import datetime as dt
import gzip
import json
import logging
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import trafilatura  # noqa: E402

from crawler.decode import decode  # noqa: E402
from crawler.extract import EXTRACTOR_VERSION, judge_page  # noqa: E402
from hexapolis.errors import ExtractionError  # noqa: E402
from hexapolis.records import Judgement, Page, Verdict  # noqa: E402

DEFAULT_DIR = ROOT.parent / "shared" / "data" / "pages"
_WARMING_PAGES = 6


@dataclass
class Group:
    """What was measured on the pages of one group."""

    bag: list[float] = field(default_factory=list)
    sequence: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)
    cpu: float = 0.0  # seconds
    peer_cpu: float = 0.0
    false_verdicts: list[str] = field(default_factory=list)
    dates: Counter[str] = field(default_factory=Counter)


def tokens(text: str, *, by_word: bool) -> list[str]:
    """The units that are compared: lower-case words, or characters that are no space."""
    return re.findall(r"\w+", text.lower()) if by_word else [c for c in text if not c.isspace()]


def bag_f1(found: Sequence[str], expected: Sequence[str]) -> float:
    """F1 of two multisets: twice the overlap over the sum of the sizes; 0 if nothing overlaps."""
    overlap = sum((Counter(found) & Counter(expected)).values())
    return 2 * overlap / (len(found) + len(expected)) if overlap else 0.0


def sequence_f1(found: Sequence[str], expected: Sequence[str]) -> float:
    """F1 of the matching blocks, in order."""
    blocks = SequenceMatcher(None, found, expected, autojunk=False).get_matching_blocks()
    overlap = sum(block.size for block in blocks)
    return 2 * overlap / (len(found) + len(expected)) if overlap else 0.0


def load_page(path: Path, about: dict[str, str]) -> Page:
    """A stored page as the crawler would hand it over; fetched at the end of its feed's day, where known."""
    url = about.get("url") or f"http://{about.get('site', 'example.org')}/{path.stem}"
    fetched = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    return Page(url, url, 200, (), gzip.decompress(path.read_bytes()), fetched)


def decoded_or_raw(page: Page) -> str | bytes:
    """What the peer gets: the text, so that its own decoding is not measured, or the bytes that have none."""
    try:
        return decode(page.body, None).text
    except ExtractionError:
        return page.body


def judge_date(judgement: Judgement, about: dict[str, str]) -> str:
    """`right`, `wrong` or `unknown`, as the module's text explains."""
    found = judgement.article.published if judgement.article else None
    if found is None:
        return "unknown"
    if exact := about.get("published_on"):
        if found.value.isoformat() == exact:
            return "right"
        written = judgement.article.written if judgement.article else None
        if written and written.value.isoformat() == exact:
            return "date of writing"
        return f"wrong ({found.value}, expected {exact})"
    feed = dt.datetime.strptime(about["feed_date"], "%Y%m%d").date()
    return "right" if -2 <= (found.value - feed).days <= 1 else f"wrong ({found.value}, feed of {feed})"


def measure(folder: Path, *, with_peer: bool) -> tuple[dict[str, Group], list[tuple[float, str]]]:
    """Judge every page of the folder."""
    index = {
        row["file"]: row for row in map(json.loads, (folder / "index.jsonl").read_text("utf-8").splitlines())
    }
    paths = sorted(folder.glob("*.html.gz"))
    for path in paths[:: max(1, len(paths) // _WARMING_PAGES)]:
        page = load_page(path, index.get(path.name, {}))
        judge_page(page)
        if with_peer:
            trafilatura.bare_extraction(decoded_or_raw(page), with_metadata=True)
    groups: dict[str, Group] = defaultdict(Group)
    ranking: list[tuple[float, str]] = []
    for path in paths:
        name = path.name.removesuffix(".html.gz")
        about = index.get(path.name, {})
        group = groups[name.split("-")[0]]
        page = load_page(path, about)
        by_word = name.startswith("en")
        expected = tokens((folder / f"{name}.txt").read_text("utf-8"), by_word=by_word)
        start = time.process_time()
        judgement = judge_page(page)
        group.cpu += time.process_time() - start
        if judgement.verdict is not Verdict.ARTICLE:
            group.false_verdicts.append(f"{name}: {judgement.verdict} ({judgement.detail})")
        found = tokens(judgement.article.text if judgement.article else "", by_word=by_word)
        group.bag.append(bag_f1(found, expected))
        group.sequence.append(sequence_f1(found, expected))
        group.dates[judge_date(judgement, about)] += 1
        ranking.append((group.bag[-1], name))
        if with_peer:
            text = decoded_or_raw(page)
            start = time.process_time()
            document = trafilatura.bare_extraction(text, with_metadata=True)
            group.peer_cpu += time.process_time() - start
            peer_text = (getattr(document, "text", None) or "") if document else ""
            group.peer.append(bag_f1(tokens(peer_text, by_word=by_word), expected))
    return dict(groups), sorted(ranking)


def report(groups: dict[str, Group]) -> None:
    """Print one line for each group, then the wrong verdicts and dates."""
    print(f"extractor {EXTRACTOR_VERSION}")
    print("group  pages  bag F1  seq F1  peer F1  CPU ms  peer ms  ratio")
    total = Group()
    for name, group in sorted(groups.items()):
        total.cpu += group.cpu
        total.peer_cpu += group.peer_cpu
        total.bag += group.bag
        total.sequence += group.sequence
        total.peer += group.peer
        total.false_verdicts += group.false_verdicts
        _row(name, group)
    _row("all", total)
    count = len(total.bag)
    missed = len(total.false_verdicts)
    print(f"not judged an article: {missed} of {count} ({missed / count:.1%})")
    for line in total.false_verdicts:
        print(f"  {line}")
    for name, group in sorted(groups.items()):
        wrong = {key: n for key, n in group.dates.items() if key.startswith("wrong")}
        print(
            f"dates {name}: {group.dates['right']} right, "
            f"{group.dates['date of writing']} as date of writing, "
            f"{sum(wrong.values())} wrong, {group.dates['unknown']} unknown"
        )
        for line in wrong:
            print(f"  {line}")


def _row(name: str, group: Group) -> None:
    count = len(group.bag)
    bag, sequence = sum(group.bag) / count, sum(group.sequence) / count
    line = f"{name:6} {count:5} {bag:7.4f} {sequence:7.4f}"
    own = 1000 * group.cpu / count
    if group.peer:
        peer = 1000 * group.peer_cpu / count
        line += f" {sum(group.peer) / count:8.4f} {own:7.1f} {peer:8.1f} {own / peer:6.2f}"
    else:
        line += f" {'':8} {own:7.1f}"
    print(line)


def main() -> int:
    """Run the measurement; 0 also when there is nothing to measure."""
    parser = argparse.ArgumentParser(description="Measure page reading on pages with reference texts.")
    parser.add_argument("folder", nargs="?", type=Path, default=DEFAULT_DIR, metavar="DIR")
    parser.add_argument("--no-peer", action="store_true", help="do not run trafilatura beside it")
    parser.add_argument(
        "--worst", type=int, default=0, metavar="N", help="name the N pages with the lowest F1"
    )
    options = parser.parse_args()
    if not (options.folder / "index.jsonl").is_file():
        print(f"skipped: {options.folder} has no index.jsonl; name a folder of pages with reference texts")
        return 0
    logging.disable(logging.WARNING)
    groups, ranking = measure(options.folder, with_peer=not options.no_peer)
    report(groups)
    for value, name in ranking[: options.worst]:
        print(f"  {value:.3f} {name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
