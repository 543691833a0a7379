"""The command: `python -m bench.corpus_check [FILES] [--labels] [--limit N] [--seed N]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.corpus_check.report import check, render
from hexapolis.errors import HexapolisError


def main(arguments: list[str] | None = None) -> int:
    """Check and print; 1 when a rule is broken or a file cannot be read, else 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.corpus_check", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="only what touches these (all)")
    parser.add_argument("--labels", action="store_true", help="also ask held-out models (half a minute)")
    parser.add_argument("--limit", type=int, default=20, help="soft findings of each check to print (20)")
    parser.add_argument("--seed", type=int, default=0, help="of folds and learners (0)")
    given = parser.parse_args(arguments)
    try:
        report = check(given.files, labels=given.labels, seed=given.seed)
    except HexapolisError as error:
        print(error, file=sys.stderr)
        return 1
    print(render(report, given.limit))
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
