"""Importing a large WARC file: records a second, and memory that does not grow.

A file of made pages, packed record by record, is imported through the command's own code; every second page
is on a host that is not wanted, and with each page come a request and a metadata record. Prints the resident
memory of the importing process at ten points, its peak, and the rates. The second figure is a file of which
nothing is wanted: reading alone. `python -m bench.bulk_import [PAGES]`, 4,000 by default.
"""

from __future__ import annotations

import gzip
import os
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

DEFAULT_PAGES = 4_000
_TEXT = "算力智能企业支持建设平台深圳政府发布方案资金数据人才应用产业模型开放申报创新园区"


def write_warc(path: Path, count: int) -> None:
    """A file with so many pages of about 6 kB, half of them on another host."""
    rng = random.Random(1)
    with path.open("wb") as file:
        for number in range(count):
            url = f"https://{('www.sz.gov.cn', 'news.example.com')[number % 2]}/post_{number}.html"
            paragraphs = "".join(
                f"<p>第{number}号：{''.join(rng.choices(_TEXT, k=80))}。</p>" for _ in range(20)
            )
            body = (
                f"<html><head><title>第{number}号通告</title></head><body>{paragraphs}</body></html>".encode()
            )
            for kind, block in (
                ("request", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
                ("response", b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + body),
                ("metadata", b"fetchTimeMs: 5\r\n"),
            ):
                head = (
                    f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Date: 2024-03-15T12:00:00Z\r\n"
                    f"WARC-Target-URI: {url}\r\n"
                    f"Content-Type: application/http\r\nContent-Length: {len(block)}\r\n\r\n"
                )
                file.write(gzip.compress(head.encode() + block + b"\r\n\r\n", 4))


def resident_mb() -> float:
    """Memory of this process now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Measure and print."""
    from crawler.import_filter import import_filter
    from crawler.spiders.saved import ImportResult, import_files
    from hexapolis.config import load_settings
    from pipeline import Processor
    from store.engine import Store

    count = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_PAGES
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.warc.gz"
        write_warc(path, count)
        settings = load_settings(data=Path(folder) / "data")
        store = Store.open(settings.database_url)
        points: list[tuple[int, float]] = []

        def look(_: Path, result: ImportResult) -> None:
            if result.records >= (len(points) + 1) * count * 3 // 10:
                points.append((result.records, resident_mb()))

        with Processor(store, settings) as processor:
            for host in ("www.sz.gov.cn", "nowhere.example.org"):
                points.clear()
                began = time.perf_counter()
                result = import_files([path], store, settings, processor, import_filter([host]), look)
                seconds = time.perf_counter() - began
                print(
                    f"bulk import of {path.stat().st_size / 1e6:.1f} MB, only {host}: "
                    f"{result.records} records, {result.imported} imported in {len(result.runs)} runs, "
                    f"{seconds:.1f} s: {result.records / seconds:.0f} records/s, "
                    f"{result.imported / seconds:.1f} pages/s"
                )
                print("  MB at records: " + ", ".join(f"{mb:.0f} at {at}" for at, mb in points))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        print(f"  peak of the importing process: {peak:.0f} MB")


if __name__ == "__main__":
    main()
