"""Secure connections: certificates are checked whatever a source asks for; the ledger says what is wrong."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import socket
import sqlite3
import ssl
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import loopback
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

P256 = 0x0017
TLS_1_2, TLS_1_3 = 0x0303, 0x0304
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
FAR_AHEAD = dt.datetime(2120, 1, 1, tzinfo=dt.UTC)


class Authority:
    """A certificate authority made for these tests."""

    def __init__(self, name: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._signed(self.name, self.key, x509.BasicConstraints(ca=True, path_length=None))

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *extensions: x509.ExtensionType,
        begin: dt.datetime = LONG_AGO,
        end: dt.datetime = FAR_AHEAD,
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(self.key, hashes.SHA256())

    def issue(
        self,
        file: Path,
        *hosts: str,
        begin: dt.datetime = LONG_AGO,
        end: dt.datetime = FAR_AHEAD,
    ) -> Path:
        """Write a server's key and certificate to a file."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        names = x509.SubjectAlternativeName([_name(host) for host in hosts])
        certificate = self._signed(subject, key, names, begin=begin, end=end)
        file.write_bytes(_pem(key) + certificate.public_bytes(serialization.Encoding.PEM))
        return file


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@dataclass
class Hello:
    """What a client's first message offers."""

    groups: list[int]
    versions: list[int]


def read_hello(connection: socket.socket) -> Hello:
    """The first message, left where it is for whoever reads next."""
    data = b""
    while len(data) < 5 or len(data) < 5 + struct.unpack(">H", data[3:5])[0]:
        data = connection.recv(16_384, socket.MSG_PEEK)
        assert data, "the client hung up"
    at = 5 + 4 + 2 + 32  # record, handshake, version, random
    at += 1 + data[at]  # session
    at += 2 + struct.unpack_from(">H", data, at)[0]  # ciphers
    at += 1 + data[at]  # compression
    end = at + 2 + struct.unpack_from(">H", data, at)[0]
    at += 2
    found: dict[int, bytes] = {}
    while at < end:
        kind, size = struct.unpack_from(">HH", data, at)
        found[kind] = data[at + 4 : at + 4 + size]
        at += 4 + size
    groups, versions = found[10][2:], found[43][1:]
    return Hello(
        list(struct.unpack(f">{len(groups) // 2}H", groups)),
        list(struct.unpack(f">{len(versions) // 2}H", versions)),
    )


class SecureSite:
    """A site behind TLS, with a list and an article. `picky`: it breaks off on any curve but P-256."""

    def __init__(self, certificate: Path, *, picky: bool = False) -> None:
        self.hellos: list[Hello] = []
        self.asked: list[str] = []
        self._picky = picky
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            hello = read_hello(connection)
            self.hellos.append(hello)
            if self._picky and hello.groups != [P256]:
                return
            with self._context.wrap_socket(connection, server_side=True) as secure:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    head += secure.recv(4096) or b"\r\n\r\n"
                path = head.split()[1].decode() if head.split() else ""
                self.asked.append(path)
                pages = {
                    "/list.html": "<ul><li><a href='/1.html'>文章</a></li></ul>",
                    "/1.html": loopback.article(self.port),
                }
                body = pages.get(path, "").encode()
                status = "200 OK" if body else "404 Not Found"
                secure.sendall(
                    f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\n"
                    f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
                    + body
                )


@dataclass
class Secured:
    """One crawl of all sites: the ledgers, and what each site saw."""

    ledgers: dict[str, dict[str, tuple[str, str]]]
    sites: dict[str, SecureSite]


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Secured]:
    base = tmp_path_factory.mktemp("tls")
    folder = base / "data"
    folder.mkdir()
    (folder / "models").symlink_to(models)
    known, unknown = Authority("Known"), Authority("Unknown")
    trusted = base / "trusted.pem"
    trusted.write_bytes(known.certificate.public_bytes(serialization.Encoding.PEM))
    own = base / "own.pem"
    own.write_bytes(_pem(unknown.key) + unknown.certificate.public_bytes(serialization.Encoding.PEM))
    good = known.issue(base / "good.pem", "127.0.0.1")
    expired = known.issue(base / "expired.pem", "127.0.0.1", end=dt.datetime(2021, 1, 1, tzinfo=dt.UTC))
    certificates = {
        "good": good,
        "own": own,
        "stranger": unknown.issue(base / "stranger.pem", "127.0.0.1"),
        "other-host": known.issue(base / "other.pem", "www.sz.gov.cn", "127.0.0.2"),
        "name-only": known.issue(base / "name.pem", "127.0.0.1.example", "localhost"),
        "expired": expired,
        "early": known.issue(base / "early.pem", "127.0.0.1", begin=FAR_AHEAD - dt.timedelta(days=9)),
        "picky": good,
        "picky-p256": good,
        "own-p256": own,
        "expired-p256": expired,
    }
    text, sites = "sources:\n", {}
    for name, file in certificates.items():
        site = sites[name] = SecureSite(file, picky=name.startswith("picky"))
        p256 = str("p256" in name).lower()
        text += (
            f"  - {{id: {name}, name: {name}, politeness: {{delay: 0, tls_p256: {p256}}}, "
            f"entry_points: [{{type: list, url: 'https://127.0.0.1:{site.port}/list.html'}}]}}\n"
        )
    catalogue = folder / "catalogue.yaml"
    catalogue.write_text(text)
    result = loopback.run(
        folder,
        "crawl",
        "--catalogue",
        catalogue,
        "--json",
        SSL_CERT_FILE=str(trusted),
        SSL_CERT_DIR=str(base / "none"),
    )
    assert "Traceback" not in result.err
    ledgers = {}
    with contextlib.closing(sqlite3.connect(folder / "hexapolis.db")) as connection:
        for row in result.rows:
            found = connection.execute(
                "select url, outcome, detail from ledger where run_id = ?", (row["run"],)
            ).fetchall()
            ledgers[row["source"]] = {url.rpartition("/")[2]: (o, d) for url, o, d in found}
    yield Secured(ledgers, sites)
    for site in sites.values():
        site.close()


def test_a_good_certificate_is_accepted(secured: Secured) -> None:
    assert secured.ledgers["good"]["1.html"] == ("stored", "")
    assert secured.sites["good"].asked == ["/robots.txt", "/list.html", "/1.html"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("own", "it is self-signed"),
        ("own-p256", "it is self-signed"),
        ("stranger", "its issuer is unknown"),
        ("other-host", "it is for another host"),
        ("name-only", "it is for another host"),
        ("expired", "it has expired"),
        ("expired-p256", "it has expired"),
        ("early", "it is not valid yet"),
    ],
)
def test_every_other_is_refused_with_its_reason(secured: Secured, name: str, reason: str) -> None:
    outcome, detail = secured.ledgers[name]["list.html"]
    assert outcome == "failed"
    assert reason in detail
    assert secured.sites[name].asked == [], "not a word of HTTP was said"
    assert len(secured.sites[name].hellos) == 1, "and it was not tried again"


def test_a_server_that_breaks_on_newer_curves_works_with_p256_alone(secured: Secured) -> None:
    assert secured.ledgers["picky"]["list.html"][0] == "failed"
    assert secured.ledgers["picky-p256"]["1.html"] == ("stored", "")
    assert all(hello.groups == [P256] for hello in secured.sites["picky-p256"].hellos)
    assert len(secured.sites["good"].hellos[0].groups) > 1


def test_nothing_older_than_tls_1_2_is_offered(secured: Secured) -> None:
    for site in secured.sites.values():
        for hello in site.hellos:
            assert set(hello.versions) == {TLS_1_2, TLS_1_3}
