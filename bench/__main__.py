"""Runs every measurement but the long one of memory (`python -m bench.memory`).

Each runs in a process of its own, so that none warms the other's caches.
"""

from __future__ import annotations

import subprocess
import sys

MODULES = (
    "extraction",
    "verdicts",
    "tagging",
    "families",
    "crawl",
    "bulk_import",
    "startup",
    "review_queue",
    "corpus_check",
)


def main() -> int:
    """Run all; 0 when each ended well."""
    return max(
        subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode for name in MODULES
    )


if __name__ == "__main__":
    sys.exit(main())
