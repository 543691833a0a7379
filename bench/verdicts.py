"""Measure verdicts: how many pages that are no articles are known as such, and how many articles are refused.

    python -m bench.verdicts [--pages DIR] [--held-out] [--misses]

The pages that are no articles, and short articles that look as if they were none, are made by hand
(`tests/fixtures/verdicts`, set into the frames of `tests/page_frames.py`). The rules have learnt from both
sets by now; on pages never seen before, recall is lower, most of all for paywalls. The real pages are those
of DIR (`NAME.html.gz` below it, at any depth), every one an article. `known` counts verdicts that are not
`article`, `exact` those that are the right one. `stub_document` refuses nothing: the text is in the file.
"""

from __future__ import annotations

import argparse
import datetime as dt
import gzip
import logging
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from page_frames import (  # type: ignore[import-not-found]  # noqa: E402
    Section,
    read_articles,
    read_sections,
)

from crawler.extract import judge_page  # noqa: E402
from hexapolis.records import Judgement, Page, Verdict  # noqa: E402

DEFAULT_DIR = ROOT.parent / "shared" / "data"


def judge(name: str, body: bytes) -> Judgement:
    """The judgement on one page, as if it had been fetched with status 200."""
    url = f"https://www.haizhou.example/{name}.html"
    headers = (("Content-Type", "text/html"),)
    return judge_page(Page(url, url, 200, headers, body, dt.datetime(2026, 11, 1, tzinfo=dt.UTC)))


def recall(sections: Iterable[Section]) -> list[str]:
    """Print one line for each kind and the sum; give the pages that were judged wrong."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    misses = []
    for section in sections:
        found = judge(section.name, section.html.encode())
        known = found.verdict is not Verdict.ARTICLE
        exact = found.verdict in section.verdicts
        for kind in (section.kind, "all"):
            counts[kind][0] += 1
            counts[kind][1] += known
            counts[kind][2] += exact
        if not exact:
            misses.append(f"{section.name}: {found.verdict} ({found.detail}), not {section.verdicts}")
    print(f"{'not articles':16} pages  known  recall  exact")
    for kind, (pages, not_articles, right) in sorted(counts.items(), key=lambda item: item[0] == "all"):
        print(f"{kind:16} {pages:5} {not_articles:6} {not_articles / pages:7.1%} {right:6}")
    return misses


def false_alarms(label: str, pages: Iterable[tuple[str, bytes]]) -> list[str]:
    """Print how many articles were refused, and give their names with the verdicts."""
    total = 0
    refused = []
    for name, body in pages:
        total += 1
        found = judge(name, body)
        if found.verdict not in (Verdict.ARTICLE, Verdict.STUB_DOCUMENT):
            refused.append(f"{name}: {found.verdict} ({found.detail})")
    if total:
        print(f"{label}: {len(refused)} of {total} refused ({len(refused) / total:.1%})")
    return refused


def main() -> int:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description="Measure verdicts on hand-made and real pages.")
    parser.add_argument("--pages", type=Path, default=DEFAULT_DIR, metavar="DIR")
    parser.add_argument(
        "--held-out",
        dest="set",
        action="store_const",
        const="held_out_",
        default="",
        help="the hand-made pages that were written after the others had shaped the rules",
    )
    parser.add_argument("--misses", action="store_true", help="name every page that was judged wrong")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    misses = recall(read_sections(f"{options.set}not_articles.txt"))
    short = read_articles(f"{options.set}short_articles.txt")
    misses += false_alarms("short articles", ((s.name, s.html.encode()) for s in short))
    real = sorted(options.pages.rglob("*.html.gz"))
    misses += false_alarms("real pages", ((p.stem, gzip.decompress(p.read_bytes())) for p in real))
    if not real:
        print(f"no real pages below {options.pages}")
    if options.misses:
        print("\n".join(misses))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
