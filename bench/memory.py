"""Whether a long crawl keeps its memory: the resident size of its processes while it goes on.

A site of N pages is made up and served on loopback by a process of its own, and crawled. Every so often the
resident size of the crawl and of each of its workers is read from /proc. Prints the growth after the first
2,000 pages in per cent, for the crawl's own process and for all of them; `python -m bench.memory [PAGES]`.
"""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

DEFAULT_PAGES = 20_000
WARM = 2_000  # pages after which the memory should have found its size
ROWS = 100  # of a list page
SAMPLE_SECONDS = 1.0
LIMIT = 0.05  # growth that is none
_WORDS = (
    "算力", "券", "智能", "制造", "企业", "申报", "评审", "补助", "场景", "数据",
    "开放", "平台", "人才", "培训", "基金", "园区", "模型", "训练", "芯片", "机器人",
    "交通", "医疗", "政务", "社区", "养老", "监测", "调度", "研发", "转化", "实训",
    "基地", "标准", "安全", "评估", "示范", "项目", "资金", "单位", "部门", "审查",
)  # fmt: skip


def page(number: int) -> bytes:
    """An article of some 1,000 characters, another one for each number."""
    chance = Random(number)
    paragraphs = "".join(
        f"<p>{'，'.join(''.join(chance.choices(_WORDS, k=6)) for _ in range(6))}，共{number}号第{i}条。</p>"
        for i in range(12)
    )
    day = f"2024-{number % 12 + 1:02d}-{number % 28 + 1:02d}"
    return (
        f'<html><head><meta charset="utf-8"><title>第{number}号通知</title>'
        f'<meta name="PubDate" content="{day}"></head><body>'
        f'<div class="nav">{"<a href=/>首页</a>" * 20}</div><h1>第{number}号通知</h1>'
        f'<div class="TRS_Editor">{paragraphs}</div></body></html>'
    ).encode()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    pages = 0

    def do_GET(self) -> None:
        kind, _, number = self.path.strip("/").removesuffix(".html").partition("/")
        if kind == "list" and int(number) * ROWS < self.pages:
            first = int(number) * ROWS
            rows = "".join(
                f'<li><a href="/p/{i}.html">第{i}号通知</a></li>' for i in range(first, first + ROWS)
            )
            further = f'<a rel="next" href="/list/{int(number) + 1}.html">下一页</a>'
            body = f"<html><body><ul>{rows}</ul>{further}</body></html>"
            self._send(200, body.encode())
        elif kind == "p":
            self._send(200, page(int(number)))
        else:
            self._send(404, b"nothing here")

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def _serve(count: int) -> None:
    """The server's process: prints its port, serves until its input closes."""
    _Handler.pages = count
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


@dataclass(frozen=True)
class Sample:
    """The resident sizes at one moment, in bytes."""

    pages: int  # in the store by then
    parent: int
    workers: int  # all other processes of the crawl together
    processes: int


def _resident(pid: int) -> int:
    """The resident size of a process, in bytes; 0 when it has gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _group(leader: int) -> list[int]:
    """The processes of a session, its leader left out."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == leader != int(folder.name):
            found.append(int(folder.name))
    return found


def _stored(database: Path) -> int:
    import sqlite3

    try:
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        try:
            return int(connection.execute("select count(*) from article").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.OperationalError:  # it is being made
        return 0


def crawl(count: int) -> tuple[list[Sample], dict[str, object]]:
    """Crawl a site of so many pages; the samples, and what the command says of the run."""
    serving = subprocess.Popen(
        [sys.executable, "-m", "bench.memory", "--serve", str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert serving.stdout is not None
    assert serving.stdin is not None
    samples: list[Sample] = []
    try:
        url = f"http://127.0.0.1:{int(serving.stdout.readline())}"
        with tempfile.TemporaryDirectory() as folder:
            catalogue = Path(folder) / "catalogue.yaml"
            catalogue.write_text(
                f"sources:\n  - id: memory\n    name: Memory\n    article_url: '/p/\\d+\\.html$'\n"
                f"    politeness: {{delay: 0, max_pages: {count}}}\n    entry_points:\n"
                f"      - {{type: list, url: '{url}/list/0.html', "
                "paging: {scheme: next_link, max_pages: 10000}}\n"
            )
            command = [sys.executable, "-m", "hexapolis", "--data", folder]
            subprocess.run([*command, "train", "--json"], check=True, capture_output=True)
            with (Path(folder) / "out").open("w+b") as out:
                child = subprocess.Popen(
                    [*command, "crawl", "--catalogue", str(catalogue), "--json"],
                    stdout=out,
                    start_new_session=True,
                )
                while child.poll() is None:
                    sizes = [_resident(pid) for pid in _group(child.pid)]
                    own = _resident(child.pid)
                    if own:
                        stored = _stored(Path(folder) / "hexapolis.db")
                        samples.append(Sample(stored, own, sum(sizes), len(sizes)))
                    time.sleep(SAMPLE_SECONDS)
                out.seek(0)
                return samples, json.loads(out.read())
    finally:
        serving.stdin.close()
        serving.wait()


def growth(samples: list[Sample], sizes: list[int], start: int) -> tuple[int, int, float]:
    """The median size around the page `start` and at the end, and by what share it has grown.

    Each is the median of a tenth of the samples after `start`, so that a moment's size tells nothing.
    """
    later = [size for sample, size in zip(samples, sizes, strict=True) if sample.pages >= start]
    part = max(1, len(later) // 10)
    first, last = sorted(later[:part])[part // 2], sorted(later[-part:])[part // 2]
    return first, last, last / first - 1


def main() -> int:
    """Measure and print; 1 when the memory grows by more than the limit."""
    if sys.argv[1:2] == ["--serve"]:
        _serve(int(sys.argv[2]))
        return 0
    count = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_PAGES
    began = time.monotonic()
    samples, run = crawl(count)
    # The last moments are those of processes that end.
    most = max(sample.processes for sample in samples)
    kept = [sample for sample in samples if sample.processes == most and sample.pages > 0]
    print(
        f"memory: {count} pages in {time.monotonic() - began:.0f} s, {run['status']}, {run['outcomes']}; "
        f"{len(kept)} samples of {most + 1} processes"
    )
    start = WARM if count > WARM else count // 2
    for wanted in range(0, count + 1, max(1, count // 10)):
        at = next((s for s in kept if s.pages >= wanted), None)
        if at is not None:
            print(
                f"  {at.pages:6} pages: crawl {at.parent / 1e6:6.1f} MB, workers {at.workers / 1e6:6.1f} MB"
            )
    if sum(sample.pages >= start for sample in kept) < 10:
        print("memory: too few samples after the start to say anything")
        return 1
    worst = 0.0
    for name, sizes in (
        ("crawl", [s.parent for s in kept]),
        ("workers", [s.workers for s in kept]),
        ("all", [s.parent + s.workers for s in kept]),
    ):
        first, last, share = growth(kept, sizes, start)
        print(f"memory: {name} {first / 1e6:.1f} → {last / 1e6:.1f} MB after page {start}: {share:+.1%}")
        worst = max(worst, share)
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
