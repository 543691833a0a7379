"""How close a crawl comes to its limit: extraction alone on all cores.

The same pages are (1) extracted by worker processes and nothing else, and (2) served on loopback by a
process of its own and crawled: downloaded, archived, extracted, tagged and stored. The second shares the
cores with the server. A machine's speed changes from minute to minute, so this is done several times, with
the first measured before and after each crawl. Prints both and their ratio for each time, and the median;
`python -m bench.crawl [PAGES] [TIMES]`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import gzip
import http.server
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench import SHARED
from hexapolis.records import Page

DEFAULT_PAGES = 2000
DEFAULT_TIMES = 3


def load_bodies(count: int) -> list[bytes]:
    """Real pages, repeated until there are `count`, each made a page of its own by a comment at its end."""
    files = sorted((SHARED / "data" / "pages").glob("*.html.gz"))
    bodies = [gzip.decompress(path.read_bytes()) for path in files]
    return [bodies[i % len(bodies)] + b"<!-- %d -->" % i for i in range(count)]


def _extract(bodies: Sequence[bytes]) -> int:
    from crawler.extract import judge_page

    now = dt.datetime.now(dt.UTC)
    headers = (("content-type", "text/html"),)
    return sum(
        judge_page(Page("http://127.0.0.1/x", "http://127.0.0.1/x", 200, headers, body, now)).article
        is not None
        for body in bodies
    )


def extraction_rate(bodies: Sequence[bytes], workers: int) -> float:
    """Pages a second that extraction alone reaches on all workers, warm."""
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        list(pool.map(_extract, [bodies[:20]] * workers * 2))  # imports and caches
        chunks = [bodies[i : i + 8] for i in range(0, len(bodies), 8)]
        began = time.perf_counter()
        list(pool.map(_extract, chunks))
        return len(bodies) / (time.perf_counter() - began)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, bodies: Sequence[bytes], *args: object) -> None:
        self._bodies = bodies
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        if name == "index.html":
            body = "".join(
                f'<li><a href="/p/{i}.html">{i}</a></li>' for i in range(len(self._bodies))
            ).encode()
        elif name.endswith(".html"):
            body = self._bodies[int(name.removesuffix(".html"))]
        else:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def _serve(count: int) -> None:
    """The server's process: prints its port, serves until its input closes."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Handler, load_bodies(count))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


@contextlib.contextmanager
def _site(count: int) -> Iterator[int]:
    """A server with so many pages, in a process of its own; its port."""
    serving = subprocess.Popen(
        [sys.executable, "-m", "bench.crawl", "--serve", str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert serving.stdout is not None
    assert serving.stdin is not None
    try:
        yield int(serving.stdout.readline())
    finally:
        serving.stdin.close()
        serving.wait()


def crawl_rate(port: int, count: int, workers: int) -> tuple[float, float]:
    """Pages a second of a crawl: of the larger of two, and without what both pay to start.

    The first crawl takes a fifth of the pages, the second the rest. The start of the processes and the
    loading of the model cost both the same, so the difference in time is that of the difference in pages.
    """
    with tempfile.TemporaryDirectory() as folder:
        catalogue = Path(folder) / "catalogue.yaml"
        catalogue.write_text(
            "sources:\n  - id: bench\n    name: Bench\n    politeness: {delay: 0, max_pages: 100000}\n"
            f"    entry_points:\n      - {{type: list, url: 'http://127.0.0.1:{port}/index.html'}}\n"
        )
        command = [sys.executable, "-m", "hexapolis", "--data", folder]
        environment = os.environ | {"HEXAPOLIS_WORKERS": str(workers)}
        subprocess.run([*command, "train", "--json"], check=True, capture_output=True, env=environment)
        crawl = [*command, "crawl", "--catalogue", str(catalogue), "--json"]
        times = []
        for words in (["--max-pages", str(count // 5)], []):
            done = subprocess.run([*crawl, *words], check=True, capture_output=True, env=environment)
            run = json.loads(done.stdout)
            if run["outcomes"].get("stored", 0) < 0.9 * count // 5:
                raise SystemExit(f"crawl: most pages were not stored: {run['outcomes']}")
            began, ended = (dt.datetime.fromisoformat(run[name]) for name in ("started_at", "finished_at"))
            times.append((ended - began).total_seconds())
    first, second = count // 5, count - count // 5
    return second / times[1], (second - first) / (times[1] - times[0])


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--serve"]:
        _serve(int(sys.argv[2]))
        return
    if not SHARED.is_dir():
        print("crawl: left out, the folder ../shared with real pages is not here")
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_PAGES
    times = int(sys.argv[2]) if len(sys.argv) > 2 else DEFAULT_TIMES
    workers = max(1, os.cpu_count() or 1)
    bodies = load_bodies(count)
    ratios = []
    with _site(count) as port:
        before = extraction_rate(bodies, workers)
        for _ in range(times):
            whole, marginal = crawl_rate(port, count, workers)
            after = extraction_rate(bodies, workers)
            alone, before = (before + after) / 2, after
            ratios.append(marginal / alone)
            print(
                f"crawl: {count} pages, {workers} workers: extraction alone {alone:.1f} pages/s; crawl to "
                f"store {marginal:.1f} pages/s, ratio {marginal / alone:.2f}; with the start of the "
                f"processes {whole:.1f}, ratio {whole / alone:.2f}",
                flush=True,
            )
    print(f"crawl: median ratio {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
