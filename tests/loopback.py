"""A small site on loopback for tests to crawl, and the command run on a data folder of a test's own."""

from __future__ import annotations

import contextlib
import http.server
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from conftest import Result


@dataclass
class Reply:
    """What the site answers at one address. `hold`: the body waits until the event is set."""

    body: str | bytes = b""
    status: int = 200
    type: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    hold: threading.Event | None = None


class _Server(http.server.ThreadingHTTPServer):
    block_on_close = False
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are no fault of the site."""


class _ServerV6(_Server):
    address_family = socket.AF_INET6


class Site:
    """Answers from `pages` (path with query → reply) and notes every request in `asked`."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.pages: dict[str, Reply] = {}
        self.asked: list[str] = []
        self._lock = threading.Lock()
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                with site._lock:
                    site.asked.append(self.path)
                reply = site.pages.get(self.path) or site.pages.get("*") or Reply("nothing here", 404)
                if reply.hold is not None:
                    reply.hold.wait(120)
                body = reply.body.encode() if isinstance(reply.body, str) else reply.body
                tag = reply.headers.get("ETag")
                if tag is not None and self.headers.get("If-None-Match") == tag:
                    self.send_response(304)
                    self.end_headers()
                    return
                self.send_response(reply.status)
                for name, value in {"Content-Type": reply.type, **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Quiet: `asked` is the log."""

        self._server = (_ServerV6 if ":" in host else _Server)((host, port), Handler)
        self.port: int = self._server.server_address[1]
        self.url = f"http://{host}:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def article(self, path: str, number: int, **more: object) -> str:
        """Put an article of its own there; its path."""
        self.pages[path] = Reply(article(number), **more)  # type: ignore[arg-type]
        return path

    def listing(self, path: str, links: list[str], tail: str = "") -> None:
        """Put a list page with these links there."""
        rows = "".join(f'<li><a href="{link}">文章 {i}</a></li>' for i, link in enumerate(links))
        self.pages[path] = Reply(f"<html><body><ul class=list>{rows}</ul>{tail}</body></html>")

    def count(self, path: str) -> int:
        """How often an address was asked for."""
        with self._lock:
            return self.asked.count(path)


def article(number: int) -> str:
    """An article page; each number has a text of its own."""
    paragraphs = "".join(
        f"<p>第{number}号通告第{i}段：市政府安排算力中心建设，向企业发放算力券{number * 7 + i}张，"
        f"支持人工智能企业租用智能算力{number + i}台，并组织第{number}批项目申报。</p>"
        for i in range(1, 7)
    )
    return (
        f"<html><head><title>第{number}号算力通告</title></head><body><h1>第{number}号算力通告</h1>"
        f"<div class=date>发布时间：2024-03-{number % 27 + 1:02d}</div>"
        f"<div class=content>{paragraphs}</div></body></html>"
    )


def five_lines(site: Site, source: str = "small", **more: str) -> str:
    """A catalogue with one source, as short as it can be written."""
    lines = ["sources:", f"  - id: {source}", f"    name: The {source} site", "    entry_points:"]
    lines += [
        f"      - {{type: list, url: {site.url}/list.html}}",
        *(f"    {k}: {v}" for k, v in more.items()),
    ]
    return "\n".join(lines) + "\n"


def source(site: Site, name: str, path: str = "/list.html", entry: str = "type: list", **more: str) -> str:
    """One source without politeness; put `sources:` before the first."""
    fields = {"politeness": "{delay: 0}", **more}
    lines = [
        f"  - id: {name}",
        f"    name: {name}",
        "    entry_points:",
        f"      - {{{entry}, url: '{site.url}{path}'}}",
    ]
    return "\n".join([*lines, *(f"    {k}: {v}" for k, v in fields.items())]) + "\n"


def command(data: Path, *words: object) -> list[str]:
    """The command line on a data folder."""
    return [sys.executable, "-m", "hexapolis", "--data", str(data), *map(str, words)]


def environment(**more: str) -> dict[str, str]:
    """Without the settings of whoever runs the tests."""
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith(("HEXAPOLIS_", "PYTHONUNBUFFERED"))},
        "HEXAPOLIS_WORKERS": "1",
        **more,
    }


def run(data: Path, *words: object, stdin: bytes = b"", **settings: str) -> Result:
    """Run the command to its end in a process of its own."""
    done = subprocess.run(
        command(data, *words),
        input=stdin,
        capture_output=True,
        timeout=240,
        check=False,
        env=environment(**settings),
        cwd=data.parent,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


@contextlib.contextmanager
def started(data: Path, *words: object, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command that goes on beside the test; killed at the end if it is still there."""
    child = subprocess.Popen(
        command(data, *words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env=environment(**settings),
        cwd=data.parent,
        start_new_session=True,
    )
    try:
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, 9)
        child.communicate()


def eventually(condition: Callable[[], object], seconds: float = 90) -> None:
    """Return when the condition holds; fail when it does not in that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
