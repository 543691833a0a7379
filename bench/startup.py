"""How long `hexapolis --help` takes (median of several starts), and its ratio to starting Python alone."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

STARTS = 9


def seconds(command: list[str]) -> float:
    """Median wall-clock time of a command."""
    times = []
    for _ in range(STARTS):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> None:
    """Measure and print."""
    python = seconds([sys.executable, "-c", "pass"])
    helping = seconds([sys.executable, "-m", "hexapolis", "--help"])
    print(
        f"startup: hexapolis --help {helping:.3f} s; python alone {python:.3f} s; "
        f"ratio {helping / python:.1f}"
    )


if __name__ == "__main__":
    main()
