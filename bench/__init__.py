"""Measurements: quality against labelled data and speed as ratios within one run. Never part of the tests.

`make bench` (or `python -m bench`) runs them all; each module also runs alone, `python -m bench.crawl`.
Those that need the folder `../shared` with real pages and labels say so and are left out where it is absent.
"""

from __future__ import annotations

from pathlib import Path

SHARED = Path(__file__).resolve().parents[2] / "shared"
