"""What each page of the demo site is, as JSON lines: `truth.jsonl`, the answer sheet of demo and tests.

Generated from the labels in `content/` by `python -m demo.truth`; not to be edited by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from demo.content import FOLDER, OUTLETS, DemoPage, pages

TRUTH = FOLDER / "truth.jsonl"

CALENDAR = {"outlet": "cd", "path": "/rili/", "verdict": "list", "trap": True}
"""The one line for the calendar without end: every address below that path. Its day pages are stubs."""


def _line(page: DemoPage, day: int) -> dict[str, Any]:
    readable = page.verdict == "article"
    line: dict[str, Any] = {
        "outlet": page.outlet,
        "path": page.path,
        "verdict": page.verdict,
        "language": page.language,
        "title": page.title if readable else None,
        "published": page.published_at.date().isoformat() if readable and page.published_at else None,
        "written": page.written_on.isoformat() if page.written_on else None,
        "relevant": page.relevant,
        "dims": list(page.dims),
        "cities": list(page.cities),
        "story": page.story,
        "day": day,
    }
    return {**line, "robots": True} if page.robots else line


def truth() -> Iterator[dict[str, Any]]:
    """One record for each page from the day it is there; a second one for a page whose text is edited."""
    for outlet in OUTLETS:
        for page in sorted(pages(outlet, 2), key=lambda page: page.path):
            yield _line(page, page.first_day)
            if page.edited:
                yield _line(page, 2)
    yield CALENDAR


def as_text() -> str:
    """The whole file."""
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in truth())


if __name__ == "__main__":
    TRUTH.write_text(as_text(), "utf-8")
