"""Servers that mean harm or are badly broken: each answer ends in the ledger, and the run goes on.

The answers are raw bytes on a socket, because no well-behaved server would send them.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import socket
import sqlite3
import subprocess
import sys
import textwrap
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import brotli  # type: ignore[import-untyped]
import loopback
import pytest
from backports import zstd
from loopback import Reply, Site

from crawler.inflate import MAX_MEMBERS, InflateError, inflate
from hexapolis.records import Outcome

LIMIT = 300_000  # download_bytes of these crawls
SECONDS = "2"  # download_seconds
ARTICLE = loopback.article(7).encode()
PATIENCE = threading.Event()  # set at the end, for servers that take their time

Answer = bytes | Callable[[socket.socket], None]


def http(body: bytes = ARTICLE, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """An answer with the right length, or with the one that is given."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: text/html; charset=utf-8", "Connection: close"]
    lines += [*headers, f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def encoded(body: bytes, encoding: str) -> bytes:
    return http(body, f"Content-Encoding: {encoding}")


def chunked(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/html\r\n\r\n" + body


def zeros(megabytes: int, encoding: str) -> bytes:
    """A bomb: so many megabytes of nothing."""
    piece = bytes(1_000_000)
    if encoding in ("gzip", "deflate"):
        packer = zlib.compressobj(1, wbits=31 if encoding == "gzip" else 15)
        return b"".join(packer.compress(piece) for _ in range(megabytes)) + packer.flush()
    if encoding == "br":
        brotli_packer = brotli.Compressor(quality=1)
        packed = b"".join(brotli_packer.process(piece) for _ in range(megabytes))
        return packed + bytes(brotli_packer.finish())
    return bytes(zstd.compress(piece * megabytes, 1))


def wide_zstd() -> bytes:
    """A frame that makes its reader set aside 128 MB before the first byte."""
    options: dict[int, int] = {zstd.CompressionParameter.window_log: 27}
    packer = zstd.ZstdCompressor(options=options)
    return packer.compress(ARTICLE) + packer.flush()


def forever(head: bytes, piece: bytes) -> Callable[[socket.socket], None]:
    """Send without end, as fast as it is read."""

    def send(connection: socket.socket) -> None:
        connection.sendall(head)
        while not PATIENCE.is_set():
            connection.sendall(piece)

    return send


def slowly(head: bytes, rest: bytes) -> Callable[[socket.socket], None]:
    """Send the rest one byte at a time, far too slowly."""

    def send(connection: socket.socket) -> None:
        connection.sendall(head)
        for i in range(len(rest)):
            if PATIENCE.wait(0.25):
                return
            connection.sendall(rest[i : i + 1])

    return send


def silent(connection: socket.socket) -> None:
    PATIENCE.wait(60)


PACKED = {
    "gzip": gzip.compress(ARTICLE),
    "deflate": zlib.compress(ARTICLE),
    "br": bytes(brotli.compress(ARTICLE)),
    "zstd": bytes(zstd.compress(ARTICLE)),
}
BROKEN_CRC = PACKED["gzip"][:-8] + bytes(4) + PACKED["gzip"][-4:]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
FAILED, NOTHING, STORED = {"failed"}, {"not_article"}, {"stored", "unchanged"}
ANY = FAILED | NOTHING | STORED

# name → what the server sends, how it may end, what the ledger's reason contains
ANSWERS: dict[str, tuple[Answer, set[str], str]] = {
    # bodies that are no article
    "empty": (http(b""), NOTHING, ""),
    "blank": (http(b" \n" * 60_000), NOTHING, ""),
    "nul": (http(bytes(60_000)), NOTHING, ""),
    "pdf": (http(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n" * 40), NOTHING, ""),
    "png": (http(b"\x89PNG\r\n\x1a\n" + os.urandom(5_000)), NOTHING, ""),
    "zip": (http(b"PK\x03\x04" + os.urandom(5_000)), NOTHING, ""),
    "ole": (http(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(5_000)), NOTHING, ""),
    "rar": (http(b"Rar!\x1a\x07\x01\x00" + os.urandom(5_000)), NOTHING, ""),
    "mp4": (http(b"\x00\x00\x00\x18ftypmp42" + os.urandom(5_000)), NOTHING, ""),
    "noise": (http(os.urandom(50_000)), FAILED | NOTHING, ""),
    "json": (http(b'{"code": 200, "data": [' + b'{"a": 1},' * 500 + b"{}]}"), NOTHING, ""),
    "script": (http(b"<script>" + b"var a=1;" * 5_000 + b"</script>"), NOTHING, ""),
    "angles": (http(b"<" * 100_000), ANY, ""),
    "nested": (http(b"<div>" * 20_000 + "深".encode()), NOTHING | FAILED, ""),
    "attributes": (http(b"<p " + b"a=b " * 60_000 + b">"), NOTHING | FAILED, ""),
    "entities": (http(b"<p>" + b"&#1114111;&nosuch;" * 9_000), ANY, ""),
    "half-utf8": (http("深圳".encode()[:-1] * 500), NOTHING | FAILED, ""),
    # encodings
    **{
        f"cut-{e}": (encoded(b[: len(b) // 2], e), FAILED, f"the body ends early ({e})")
        for e, b in PACKED.items()
    },
    **{f"damaged-{e}": (encoded(b"\x1f\x8b is not it", e), FAILED, e) for e in PACKED},
    **{f"bomb-{e}": (encoded(zeros(20, e), e), FAILED, "larger than the download limit") for e in PACKED},
    "broken-crc": (encoded(BROKEN_CRC, "gzip"), FAILED, "not readable as gzip"),
    "bomb-in-bomb": (
        encoded(gzip.compress(zeros(20, "br")), "br, gzip"),
        FAILED,
        "larger than the download limit",
    ),
    "onion": (
        encoded(gzip.compress(gzip.compress(PACKED["gzip"])), "gzip, gzip, gzip"),
        FAILED,
        "more than 2 times",
    ),
    "members": (encoded(gzip.compress(b"") * 5_000, "gzip"), FAILED, f"more than {MAX_MEMBERS} parts"),
    "wide-zstd": (encoded(wide_zstd(), "zstd"), FAILED, "not readable as zstd"),
    "padded-gzip": (encoded(PACKED["gzip"] + bytes(500), "gzip"), STORED, ""),
    "twice": (encoded(gzip.compress(PACKED["br"]), "br, gzip"), STORED, ""),
    "charset-as-encoding": (encoded(ARTICLE, "utf-8"), STORED, ""),
    # lengths
    "too-short": (http(length=len(ARTICLE) + 500), FAILED, "the body ended early"),
    "too-long": (http(length=len(ARTICLE) - 500), ANY, ""),
    "announced": (http(b"x", length=10**12), FAILED, "larger than the download limit"),
    "negative": (http(length=-5), FAILED, ""),
    "no-number": (HEAD + b"Content-Length: many\r\n\r\nabc", FAILED, ""),
    "two-lengths": (HEAD + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\nabcdefg", FAILED, ""),
    "no-length": (HEAD + b"Connection: close\r\n\r\n" + ARTICLE, STORED, ""),
    "endless": (forever(HEAD + b"\r\n", b"a" * 60_000), FAILED, "larger than the download limit"),
    # chunks
    "endless-chunks": (
        forever(chunked(b""), b"3e8\r\n" + b"a" * 1_000 + b"\r\n"),
        FAILED,
        "larger than the download limit",
    ),
    "cut-chunks": (chunked(b"ff\r\nabc"), FAILED, "the body ended early"),
    "no-last-chunk": (chunked(b"3\r\nabc\r\n"), FAILED, "the body ended early"),
    "odd-chunk": (chunked(b"zz\r\nabc\r\n0\r\n\r\n"), FAILED, ""),
    "huge-chunk": (chunked(b"f" * 300 + b"\r\nabc"), FAILED, ""),
    "chunk-extension": (chunked(b"3;" + b"x" * 100_000 + b"\r\nabc\r\n0\r\n\r\n"), FAILED, ""),
    "trailers": (forever(chunked(b"3\r\nabc\r\n0\r\n"), b"X-A: b\r\n" * 5_000), FAILED, ""),
    # heads
    "gone": (b"", FAILED, "the connection was lost"),
    "banner": (b"SSH-2.0-OpenSSH_9.6\r\n", FAILED, ""),
    "no-head": (ARTICLE, FAILED, ""),
    "odd-status": (b"HTTP/1.1 OK 200\r\nContent-Length: 3\r\n\r\nabc", FAILED, ""),
    "odd-version": (b"HTTP/x.y 200 OK\r\nContent-Length: 3\r\n\r\nabc", FAILED, ""),
    "half-head": (b"HTTP/1.1 200 OK\r\nContent-Ty", FAILED, "the connection was lost"),
    "long-line": (
        HEAD + b"X-A: " + b"a" * 1_000_000 + b"\r\n\r\n" + ARTICLE,
        FAILED,
        "a line of the headers is longer",
    ),
    "10000-headers": (
        HEAD + b"".join(b"X-%05d: %020d\r\n" % (i, i) for i in range(10_000)) + b"\r\n" + ARTICLE,
        FAILED,
        "the headers are longer than",
    ),
    "1000-headers": (
        HEAD + b"".join(b"X-%05d: %020d\r\n" % (i, i) for i in range(1_000)) + b"\r\n" + ARTICLE,
        STORED,
        "",
    ),
    "endless-headers": (forever(HEAD, b"X-A: b\r\n" * 5_000), FAILED, "the headers are longer than"),
    "endless-continues": (
        forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2_000),
        FAILED,
        "the headers are longer than",
    ),
    "no-colon": (HEAD + b"this is no header\r\n\r\n" + ARTICLE, STORED, ""),
    "control-characters": (HEAD + b"X-\x00A: \x01\x02\r\n\r\n" + ARTICLE, ANY, ""),
    # statuses
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", NOTHING | FAILED, ""),
    "304-unasked": (b"HTTP/1.1 304 Not Modified\r\n\r\n", {"unchanged", "failed"}, ""),
    "418": (http(ARTICLE, status="418 Teapot"), FAILED | NOTHING, "418"),
    "999": (http(ARTICLE, status="999 Denied"), FAILED | NOTHING, "999"),
    # redirects
    "loop": (http(b"", "Location: /loop", status="302 Found"), FAILED, "redirect"),
    "nowhere": (http(b"", "Location:", status="302 Found"), FAILED | NOTHING, ""),
    "no-host": (http(b"", "Location: http:///x", status="302 Found"), FAILED | NOTHING | {"filtered"}, ""),
    "half-address": (http(b"", "Location: http://[::1", status="302 Found"), {"filtered"}, "cannot be read"),
    "javascript": (
        http(b"", "Location: javascript:alert(1)", status="302 Found"),
        FAILED | NOTHING | {"filtered"},
        "",
    ),
    "mail-port": (
        http(b"", "Location: http://127.0.0.1:25/x", status="302 Found"),
        {"filtered"},
        "another service",
    ),
    "password": (
        http(b"", "Location: //me:opensesame@127.0.0.1:1/x", status="302 Found"),
        {"filtered"},
        "credentials",
    ),
    "deep": (http(b"", "Location: " + "/d" * 30, status="302 Found"), {"filtered"}, "trap"),
}

# Those that take until the time limit, each on a site of its own so that they wait side by side.
SLOW: dict[str, tuple[Answer, str]] = {
    "slow-body": (slowly(HEAD + b"\r\n", b"a" * 999), "no answer in time"),
    "slow-head": (slowly(b"", HEAD * 99), "no answer in time"),
    "slow-chunks": (slowly(chunked(b""), b"1\r\na\r\n" * 99), "no answer in time"),
    "silent": (silent, "no answer in time"),
}


class RawSite:
    """Sends bytes as they are; notes the request heads."""

    def __init__(self, answers: dict[str, Answer]) -> None:
        self.answers = answers
        self.heads: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    @property
    def asked(self) -> list[str]:
        return [head.split()[1] for head in self.heads if head.split()[1] != "/robots.txt"]

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                received = connection.recv(4096)
                if not received:
                    return
                head += received
            self.heads.append(head.decode("latin-1"))
            answer = self.answers.get(head.split()[1].decode(), http(b"", status="404 Not Found"))
            if callable(answer):
                answer(connection)
            else:
                connection.sendall(answer)


def listing(*links: str) -> bytes:
    return http("".join(f"<li><a href='{link}'>文章</a></li>" for link in links).encode())


def entry(name: str, port: int, path: str = "/list", more: str = "") -> str:
    return (
        f"  - {{id: {name}, name: {name}, politeness: {{delay: 0}}, "
        f"entry_points: [{{type: list, url: 'http://127.0.0.1:{port}{path}'{more}}}]}}\n"
    )


class Ledgers:
    """What the crawls of a data folder wrote down."""

    def __init__(self, folder: Path, result: Any) -> None:
        self.result = result
        self.runs = {row["source"]: row for row in result.rows}
        self._by_run = {}
        with contextlib.closing(sqlite3.connect(folder / "hexapolis.db")) as connection:
            for row in result.rows:
                found = connection.execute(
                    "select url, outcome, detail from ledger where run_id = ?", (row["run"],)
                )
                self._by_run[row["source"]] = {
                    re.sub("^https?://127[^/]*", "", url): (outcome, detail) for url, outcome, detail in found
                }

    def __getitem__(self, source: str) -> dict[str, tuple[str, str]]:
        return self._by_run[source]


@pytest.fixture
def folder(tmp_path: Path, models: Path) -> Path:
    return make_folder(tmp_path, models)


def make_folder(base: Path, models: Path) -> Path:
    made = base / "data"
    made.mkdir()
    (made / "models").symlink_to(models)
    return made


def crawl(folder: Path, text: str, *words: str, **settings: str) -> Ledgers:
    catalogue = folder / "catalogue.yaml"
    catalogue.write_text("sources:\n" + text)
    result = loopback.run(folder, "crawl", *words, "--catalogue", catalogue, "--json", **settings)
    assert "Traceback" not in result.err
    for row in result.rows:
        assert row["urls_seen"] == sum(row["outcomes"].values())
        assert "waiting" not in row["outcomes"]
    return Ledgers(folder, result)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[tuple[Ledgers, RawSite]]:
    """One crawl of everything above. Every answer is also sent as a list page, on a source of its own."""
    folder = make_folder(tmp_path_factory.mktemp("hostile"), models)
    answers: dict[str, Answer] = {f"/{name}": answer for name, (answer, _, _) in ANSWERS.items()}
    links = [*answers, "/good-1", "/good-2"]
    answers |= {f"/good-{i}": http(loopback.article(9_000 + i).encode()) for i in (1, 2)}
    site = RawSite({**answers, "/list": listing(*links)})
    text = entry("all", site.port)
    sites = [site]
    for name, (answer, _) in SLOW.items():
        sites.append(
            RawSite({"/list": listing("/slow", "/good-1"), "/slow": answer, "/good-1": answers["/good-1"]})
        )
        text += entry(name, sites[-1].port)
    ledgers = crawl(folder, text, HEXAPOLIS_DOWNLOAD_BYTES=str(LIMIT), HEXAPOLIS_DOWNLOAD_SECONDS=SECONDS)
    yield ledgers, site
    PATIENCE.set()
    for running in sites:
        running.close()


def test_there_are_more_than_fifty_kinds() -> None:
    assert len(ANSWERS) + len(SLOW) > 50


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_ends_in_the_ledger(hostile: tuple[Ledgers, RawSite], name: str) -> None:
    outcome, detail = hostile[0]["all"][f"/{name}"]
    _, allowed, words = ANSWERS[name]
    assert outcome in allowed, (outcome, detail)
    assert words in detail
    assert outcome in STORED or detail


@pytest.mark.parametrize("name", SLOW)
def test_time_is_limited_for_the_whole_answer(hostile: tuple[Ledgers, RawSite], name: str) -> None:
    ledger = hostile[0][name]
    assert ledger["/slow"] == ("failed", SLOW[name][1])
    assert ledger["/good-1"][0] in STORED


def test_the_run_goes_on_to_its_end(hostile: tuple[Ledgers, RawSite]) -> None:
    ledgers, site = hostile
    assert ledgers["all"]["/good-1"][0] in STORED
    assert ledgers["all"]["/good-2"][0] in STORED
    assert len(ledgers["all"]) == len(ANSWERS) + 3
    assert Outcome.BUDGET.value not in ledgers.runs["all"]["outcomes"]
    assert set(site.asked) >= {f"/{name}" for name in ANSWERS}


def test_no_request_carries_credentials_or_where_we_come_from(hostile: tuple[Ledgers, RawSite]) -> None:
    for head in hostile[1].heads:
        assert not re.search("^(authorization|cookie|referer|proxy-):", head, re.MULTILINE | re.IGNORECASE)
        assert "opensesame" not in head
        (line,) = re.findall("^accept-encoding: *(.*?)\r", head, re.MULTILINE | re.IGNORECASE)
        assert set(re.split(", *", line)) == set(PACKED), "only what is unfolded within limits"


# --- memory -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", [*PACKED, "nested"])
def test_a_bomb_costs_no_more_memory_than_the_limit(encoding: str, tmp_path: Path) -> None:
    """In a process of its own, whose peak tells: 300 MB would unfold."""
    names = ["gzip", "br"] if encoding == "nested" else [encoding]
    body = zeros(300, names[0])
    for name in names[1:]:
        body = bytes(brotli.compress(body, quality=1))
        assert name == "br"
    (tmp_path / "bomb").write_bytes(body)
    script = f"""
        import resource
        from crawler.inflate import InflateError, inflate
        body = open({str(tmp_path / "bomb")!r}, "rb").read()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            inflate(body, {names!r}, 20_000_000)
        except InflateError as error:
            print(error)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True, cwd=root
    )
    reason, kilobytes = done.stdout.splitlines()
    assert "larger than the download limit" in reason
    assert int(kilobytes) < 100_000


def test_a_crawl_full_of_bombs_stays_small(tmp_path: Path, models: Path) -> None:
    def peak(name: str, answers: dict[str, Answer]) -> int:
        (tmp_path / name).mkdir()
        folder = make_folder(tmp_path / name, models)
        site = RawSite({**answers, "/list": listing(*answers)})
        catalogue = folder / "catalogue.yaml"
        catalogue.write_text("sources:\n" + entry("s", site.port))
        child = subprocess.Popen(
            loopback.command(folder, "crawl", "--catalogue", catalogue, "--json"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=loopback.environment(),
            cwd=tmp_path,
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        site.close()
        assert child.returncode == 0
        return usage.ru_maxrss

    plain = {f"/{i}": http(loopback.article(i).encode()) for i in range(6)}
    bombs = {f"/{e}": encoded(zeros(150, e), e) for e in PACKED} | {
        "/nested": encoded(zeros(150, "gzip"), "gzip")
    }
    bombs["/nested"] = encoded(bytes(brotli.compress(zeros(150, "gzip"), quality=1)), "gzip, br")
    assert peak("bombs", {**plain, **bombs}) - peak("plain", plain) < 100_000


@pytest.mark.parametrize("encoding", PACKED)
def test_unfolding_gives_back_what_was_folded(encoding: str) -> None:
    body = os.urandom(200_000) + b"a" * 200_000
    packed = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress, "zstd": zstd.compress}
    assert inflate(packed[encoding](body), [encoding], 400_000) == (body, [])
    with pytest.raises(InflateError, match="larger"):
        inflate(packed[encoding](body), [encoding], 399_999)


# --- redirects and names ------------------------------------------------------------------------------------


def test_credentials_do_not_travel(folder: Path) -> None:
    """A redirect to another origin, and addresses with a password in them, as links and as redirects."""
    with Site() as other, Site() as site:
        other.pages["*"] = Reply(loopback.article(1))
        site.pages["/away"] = Reply(status=302, headers={"Location": other.url + "/x"})
        site.pages["/named"] = Reply(
            status=302, headers={"Location": f"http://me:pw@127.0.0.1:{site.port}/ok"}
        )
        site.listing("/list", ["/away", "/named", f"http://me:pw@127.0.0.1:{site.port}/ok"])
        ledgers = crawl(folder, entry("s", site.port))
        assert other.asked == []
        assert "/ok" not in site.asked
        assert {outcome for path, (outcome, _) in ledgers["s"].items() if path != "/list"} == {"filtered"}


RESOLVER = """
    import runpy, sys
    from twisted.internet.address import IPv4Address, IPv6Address
    import crawler.guard

    ADDRESSES = {addresses!r}

    class Resolver:
        def resolveHostName(self, receiver, name, port=0, *args, **kwargs):
            receiver.resolutionBegan(None)
            for address in ADDRESSES.get(name, ()):
                kind = IPv6Address if ":" in address else IPv4Address
                receiver.addressResolved(kind("TCP", address, port))
            receiver.resolutionComplete()

    inner = crawler.guard.GuardedResolver.__init__
    crawler.guard.GuardedResolver.__init__ = lambda self, resolver, guard: inner(self, Resolver(), guard)
    sys.argv = ["hexapolis", *sys.argv[1:]]
    runpy.run_module("hexapolis", run_name="__main__")
"""


def test_names_that_resolve_to_special_addresses_reach_nobody(folder: Path) -> None:
    """A hostile name server answers with every kind of special address, several at once, first and last."""
    specials = [
        *("127.0.0.1", "127.0.0.2", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254"),
        *("100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "::ffff:127.0.0.1", "::ffff:7f00:1"),
        *("::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1", "fe80::1", "fc00::1", "ff02::1"),
    ]
    addresses = {f"n{i}.example": [address] for i, address in enumerate(specials)}
    addresses["many.example"] = specials
    with Site() as canary:
        canary.pages["*"] = Reply(loopback.article(1))
        text = "".join(
            entry(name.partition(".")[0], canary.port).replace("127.0.0.1", name) for name in addresses
        )
        (folder / "catalogue.yaml").write_text("sources:\n" + text)
        words = ("--data", str(folder), "crawl", "--catalogue", str(folder / "catalogue.yaml"), "--json")
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(RESOLVER).format(addresses=addresses), *words],
            capture_output=True,
            text=True,
            check=False,
            env=loopback.environment(),
            cwd=Path(__file__).resolve().parents[1],
        )
        assert canary.asked == []
    assert done.returncode == 1, done.stderr
    assert done.stdout.count('"status": "failed"') + done.stdout.count('"status":"failed"') == len(addresses)
    assert done.stdout.count("which is not a public address") == len(addresses)


# --- traps --------------------------------------------------------------------------------------------------


class Endless(dict[str, Reply]):
    """Pages without end: each is made when it is asked for, from its path."""

    def __init__(self, make: Callable[[str], str]) -> None:
        super().__init__()
        self._make = make

    def get(self, path: str, default: Any = None) -> Any:
        if path in ("*", "/robots.txt"):
            return default
        return Reply(self._make(path))


def number(path: str) -> int:
    return int((re.findall(r"\d+", path) or ["0"])[-1])


def calendar(path: str) -> str:
    month = number(path)
    return f"<td><a href='/day-{month}.html'>1</a></td><a href='/cal?month={month + 1}'>下一页</a>"


def endless_list(path: str) -> str:
    if path.startswith("/a"):
        return "<p>x"
    page = number(path)
    rows = "".join(f"<li><a href='/a{page}-{i}.html'>文章</a></li>" for i in range(40))
    return f"<ul>{rows}</ul><a href='/list?page={page + 1}'>下一页</a>"


def sessions(path: str) -> str:
    if path.endswith(".html"):
        return "<p>x"
    n = number(path) + 1
    return f"<ul><li><a href='/s{n}/same.html'>文章</a></li></ul><a href='/s{n}/list'>下一页</a>"


def deeper(path: str) -> str:
    return "<ul><li><a href='d/d/x.html'>文章</a></li></ul><a href='more/list'>下一页</a>"


def always_deeper(path: str) -> str:
    n = path.count("/")
    return f"<ul><li><a href='e{n}/x{n}.html'>文章</a></li></ul><a href='f{n}/list'>下一页</a>"


def maps(path: str) -> str:
    if path.endswith(".html"):
        return "<p>x"
    n = number(path)
    if n:
        return f"<urlset><url><loc>/m{n}.html</loc></url></urlset>"
    below = "".join(f"<sitemap><loc>/map{i}.xml</loc></sitemap>" for i in range(1, 700))
    return f"<sitemapindex>{below}</sitemapindex>"


TRAPS = {
    "calendar": (calendar, "type: list, paging: next_link", "limit of"),
    "endless": (endless_list, "type: list, paging: next_link", "limit of|page limit"),
    "sessions": (sessions, "type: list, paging: next_link", "limit of|page limit"),
    "deeper": (deeper, "type: list, paging: next_link", "trap|limit of"),
    "always-deeper": (always_deeper, "type: list, paging: next_link", "trap|limit of"),
    "maps": (maps, "type: sitemap", "limit of|page limit"),
}


@pytest.fixture(scope="module")
def trapped(
    tmp_path_factory: pytest.TempPathFactory, models: Path
) -> Iterator[tuple[Ledgers, dict[str, Site]]]:
    folder = make_folder(tmp_path_factory.mktemp("traps"), models)
    with contextlib.ExitStack() as stack:
        sites, text = {}, ""
        for name, (make, kind, _) in TRAPS.items():
            site = sites[name] = stack.enter_context(Site())
            site.pages = Endless(make)
            text += loopback.source(site, name, "/list" if name != "maps" else "/map0.xml", kind)
        yield crawl(folder, text), sites


@pytest.mark.parametrize("name", TRAPS)
def test_a_trap_costs_at_most_500_requests_and_the_ledger_says_why(
    trapped: tuple[Ledgers, dict[str, Site]], name: str
) -> None:
    ledgers, sites = trapped
    assert len(sites[name].asked) <= 500
    left = [detail for outcome, detail in ledgers[name].values() if outcome in ("budget", "filtered")]
    assert left, "what was left is named"
    assert any(re.search(TRAPS[name][2], detail) for detail in left), left[:5]
