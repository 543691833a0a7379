"""Serves the demo site on loopback: one small HTTP server and one port for each of the eight outlets.

Not for the open network: it binds 127.0.0.1 alone and knows nothing but the demo's own pages. The site has
two days; `DemoSite.advance` moves to the second, on which one page is edited and one is new.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import http.server
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlsplit

import yaml

from demo.content import OUTLETS, outlets
from demo.endless_calendar import calendar_page
from demo.rendering import Resource, not_found, render_outlet

HOST = "127.0.0.1"
BASE_PORT = 8710
"""First of the eight ports that `DemoSite.preferred` tries."""


class Request(NamedTuple):
    """One answered request; `path` is as the client sent it, with its query."""

    outlet: str
    method: str
    path: str
    status: int


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers GET and HEAD from what `find` gives; conditional requests get 304."""

    protocol_version = "HTTP/1.1"
    server_version = "HexapolisDemo"
    sys_version = ""
    timeout = 60  # an idle connection is let go after this many seconds
    disable_nagle_algorithm = True  # headers and body are two writes; without this each answer waits 40 ms

    def __init__(
        self, find: Callable[[str], Resource], noted: Callable[[str, str, int], None], *args: object
    ) -> None:
        self._find = find
        self._noted = noted
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        resource = self._find(urlsplit(self.path).path)
        fresh = resource.status == 200 and self._client_has(resource)
        status = 304 if fresh else resource.status
        self._noted(self.command, self.path, status)
        self.send_response(status)
        if resource.status == 200:
            self.send_header("ETag", resource.etag)
            if resource.modified_at is not None:
                moment = resource.modified_at.astimezone(dt.UTC)
                self.send_header("Last-Modified", email.utils.format_datetime(moment, usegmt=True))
        if not fresh:
            self.send_header("Content-Type", resource.content_type)
            self.send_header("Content-Length", str(len(resource.body)))
        self.end_headers()
        if with_body and not fresh:
            self.wfile.write(resource.body)

    def _client_has(self, resource: Resource) -> bool:
        """Whether the validators that the client sent say that it has these bytes already."""
        tags = self.headers.get("If-None-Match")
        if tags is not None:  # takes precedence over the date (RFC 9110, 13.2.2)
            return any(tag.strip().removeprefix("W/") in ("*", resource.etag) for tag in tags.split(","))
        since = self.headers.get("If-Modified-Since")
        if since is None or resource.modified_at is None:
            return False
        try:
            return resource.modified_at <= email.utils.parsedate_to_datetime(since)
        except (TypeError, ValueError):  # an unreadable date is to be ignored (RFC 9110, 13.1.3)
            return False

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: `DemoSite.requests` is the log."""


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    block_on_close = False  # connections kept alive by a client must not hold up the end

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no fault of the site; anything else is shown as usual."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class DemoSite:
    """The running site. Use it as a context manager.

    Args:
        ports: one port for each outlet, in the order of `demo.content.OUTLETS`; None: the system chooses.
    """

    def __init__(self, ports: Sequence[int] | None = None) -> None:
        if ports is not None and len(ports) != len(OUTLETS):
            raise ValueError(f"the demo site needs {len(OUTLETS)} ports, not {len(ports)}")
        self._ports = ports
        self._fall_back = False
        self._day = 1
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._servers: dict[str, _Server] = {}
        self._days: dict[int, dict[str, Mapping[str, Resource]]] = {}
        self._missing: dict[str, Resource] = {}

    @classmethod
    def preferred(cls) -> Self:
        """A site on the well-known ports from `BASE_PORT`, or on free ones if any of those is taken."""
        site = cls(range(BASE_PORT, BASE_PORT + len(OUTLETS)))
        site._fall_back = True
        return site

    def __enter__(self) -> Self:
        try:
            self._bind(self._ports)
        except OSError:
            if not self._fall_back:
                raise
            self._bind(None)
        self._days = {
            day: {outlet: render_outlet(outlet, day, self.url(outlet)) for outlet in OUTLETS}
            for day in (1, 2)
        }
        self._missing = {outlet: not_found(outlet) for outlet in OUTLETS}
        for outlet, server in self._servers.items():
            loop = threading.Thread(
                target=server.serve_forever, args=(0.05,), name=f"demo-{outlet}", daemon=True
            )
            loop.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers.values():
            server.shutdown()
            server.server_close()
        self._servers.clear()

    def _bind(self, ports: Sequence[int] | None) -> None:
        try:
            for outlet, port in zip(OUTLETS, ports or [0] * len(OUTLETS), strict=True):
                self._servers[outlet] = _Server((HOST, port), self._handler_of(outlet))
        except OSError:
            for server in self._servers.values():
                server.server_close()
            self._servers.clear()
            raise

    def _handler_of(self, outlet: str) -> Callable[..., _Handler]:
        def noted(method: str, path: str, status: int) -> None:
            with self._lock:
                self._requests.append(Request(outlet, method, path, status))

        return lambda *args: _Handler(lambda path: self._find(outlet, path), noted, *args)

    def _find(self, outlet: str, path: str) -> Resource:
        found = self._days[self._day][outlet].get(path)
        if found is None and outlet == "cd":
            found = calendar_page(path)
        return found or self._missing[outlet]

    @property
    def day(self) -> int:
        """1, or 2 after `advance`."""
        return self._day

    def advance(self) -> None:
        """Moves the site to its second (and last) day."""
        self._day = 2

    @property
    def requests(self) -> list[Request]:
        """What was asked of the site so far, oldest first; a copy."""
        with self._lock:
            return list(self._requests)

    def url(self, outlet: str) -> str:
        """Origin of an outlet, such as `http://127.0.0.1:8710`; only while the site runs."""
        return f"http://{HOST}:{self._servers[outlet].server_port}"

    def catalogue(self) -> str:
        """The site's sources as a catalogue in YAML, with the ports it really has."""
        sources = []
        for outlet in OUTLETS:
            entry = dict(outlets()[outlet]["source"])
            points = entry.pop("entry_points")
            entry["entry_points"] = [{**point, "url": self.url(outlet) + point["url"]} for point in points]
            sources.append({"id": f"demo-{outlet}", **entry})
        return yaml.safe_dump({"sources": sources}, allow_unicode=True, sort_keys=False, width=110)
