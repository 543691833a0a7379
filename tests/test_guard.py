"""The safety guard: no page, link or redirect brings the crawler to this machine or the network around it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import loopback
import pytest
from loopback import Reply, Site
from twisted.internet.address import IPv4Address, IPv6Address

from crawler.guard import AddressGuard, GuardedResolver, is_public, named_private_hosts
from hexapolis.records import EntryPoint, Source

PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "127.1",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "169.254.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "0.0.0.0",
    "0.1.2.3",
    "192.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:7f00:1",
    "::127.0.0.1",
    "::10.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:c0a8:101::1",
    "2001:0:5ef5:79fd:0:59d:80ff:fffe",
    "2001:db8::1",
    "3fff::1",
    "100::1",
    "5f00::1",
    "fec0::1",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "fc00::1",
    "fd12:3456:789a::1",
    "ff02::1",
    "ff0e::1",
    "::ffff:0.0.0.0",
    "::ffff:224.0.0.1",
    "fd00:ec2::254",
    "4000::1",
    "2130706433",
    "0x7f000001",
    "017700000001",
    "0177.0.0.1",
    "0x7f.1",
    "127.0.0.1.nip.io",
    "localhost",
    "evil",
]  # the last line: what is no address at all, in the notations that resolvers understand

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "114.114.114.114",
    "172.15.255.255",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "223.255.255.255",
    "2606:4700::1111",
    "2400:3200::1",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_special_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)
    guard = AddressGuard()
    assert not guard.permits("www.sz.gov.cn", 443, address)
    assert guard.refused == {("www.sz.gov.cn", 443): address}


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    assert is_public(address)
    guard = AddressGuard()
    assert guard.permits("www.sz.gov.cn", 443, address)
    assert guard.refused == {}


def test_a_host_on_the_list_may_be_private() -> None:
    guard = AddressGuard(["Intranet.Example", "127.0.0.1:8000", "::1:8001"])
    assert guard.permits("intranet.example.", 80, "10.0.0.1")
    assert guard.permits("INTRANET.example", 8443, "10.0.0.1")
    assert guard.permits("127.0.0.1", 8000, "127.0.0.1")
    assert guard.permits("::1", 8001, "::1")
    assert not guard.permits("127.0.0.1", 8001, "127.0.0.1")
    assert not guard.permits("localhost", 8000, "127.0.0.1")
    assert not guard.permits("2130706433", 8000, "127.0.0.1")
    assert not guard.permits("x.intranet.example", 80, "10.0.0.1")
    assert not guard.permits("intranet.example.evil.example", 80, "10.0.0.1")


def test_only_private_hosts_that_an_entry_point_spells_out_are_named() -> None:
    def source(*addresses: str) -> Source:
        return Source("s", "S", tuple(EntryPoint("list", url) for url in addresses))

    assert named_private_hosts(
        [
            source("http://127.0.0.1:8000/a", "https://localhost/x", "http://LOCALHOST:81/"),
            source("http://[::1]:9/", "http://10.1.2.3/", "https://192.168.0.1/"),
            source(
                "https://www.sz.gov.cn/",
                "http://8.8.8.8/",
                "http://localtest.me/",
                "http://2130706433:8000/",
                "http://127.1/",
            ),
        ]
    ) == {"127.0.0.1:8000", "localhost:443", "localhost:81", "::1:9", "10.1.2.3:80", "192.168.0.1:443"}


class Resolver:
    """Answers each question with the next of its lists of addresses; notes what gets through to the asker."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = iter(answers)
        self.passed: list[str] = []

    def resolveHostName(self, receiver: Any, name: str, port: int = 0, *more: Any, **rest: Any) -> None:
        receiver.resolutionBegan(None)
        for address in next(self._answers):
            kind = IPv6Address if ":" in address else IPv4Address
            receiver.addressResolved(kind("TCP", address, port))
        receiver.resolutionComplete()

    def resolutionBegan(self, resolution: object) -> None:
        """A question begins."""

    def resolutionComplete(self) -> None:
        self.passed.append("|")

    def addressResolved(self, address: IPv4Address | IPv6Address) -> None:
        self.passed.append(address.host)


def test_a_name_that_changes_its_address_is_checked_each_time() -> None:
    """Rebinding: a public address for the check, a private one for the connection, or both at once."""
    fake = Resolver(["8.8.8.8"], ["127.0.0.1"], ["127.0.0.1", "8.8.8.8", "::ffff:10.0.0.1"], ["8.8.8.8"])
    guarded = GuardedResolver(fake, AddressGuard())
    for _ in range(4):
        guarded.resolveHostName(fake, "rebind.example", 80)
    assert fake.passed == ["8.8.8.8", "|", "|", "8.8.8.8", "|", "8.8.8.8", "|"]


# --- the whole way ------------------------------------------------------------------------------------------


def forms(port: int, port_v6: int) -> list[str]:
    """Addresses of the canary, and of a file, as a hostile page may write them."""
    return [
        f"http://127.0.0.1:{port}/c",
        f"http://localhost:{port}/c",
        f"http://2130706433:{port}/c",
        f"http://0x7f000001:{port}/c",
        f"http://017700000001:{port}/c",
        f"http://0177.0.0.1:{port}/c",
        f"http://127.1:{port}/c",
        f"http://0.0.0.0:{port}/c",
        f"http://[::1]:{port_v6}/c",
        f"http://[::ffff:127.0.0.1]:{port}/c",
        f"http://[::]:{port_v6}/c",
        f"//localhost:{port}/c",
        f"http://user@127.0.0.1:{port}/c",
        f"http:\\\\127.0.0.1:{port}\\c",
        f"http://１２７.0.0.1:{port}/c",
        f"http://localhost.:{port}/c",
        f"https://127.0.0.1:{port}/c",
        "file:///etc/passwd",
        f"ftp://127.0.0.1:{port}/c",
        f"gopher://127.0.0.1:{port}/c",
        "data:text/html,<h1>x</h1>",
    ]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, models: Path) -> tuple[Any, list[str], list[str]]:
    """One crawl of sources that try to bring the crawler to a canary; its report, the canary's log, the
    other site's.
    """
    data = tmp_path_factory.mktemp("guard") / "data"
    data.mkdir()
    (data / "models").symlink_to(models)
    with Site() as site, Site() as canary, Site("::1") as canary_v6:
        canary.pages["*"] = canary_v6.pages["*"] = Reply(loopback.article(1))
        wanted = forms(canary.port, canary_v6.port)
        links = [*wanted, f"http://127.0.0.1:{site.port}\\@127.0.0.1:{canary.port}/c"]
        text = "sources:\n"
        # Links, for a source that follows every link to any host: only the guard stands before the canary.
        site.listing("/links.html", links)
        text += loopback.source(site, "links", "/links.html", article_url="'://|^//'")
        # Articles that redirect.
        hops = []
        for status in (301, 302, 307):
            for i, target in enumerate(wanted):
                hops.append(f"/hop/{status}/{i}")
                site.pages[hops[-1]] = Reply(
                    status=status, headers={"Location": target.encode().decode("latin-1")}
                )
        site.listing("/hops.html", hops)
        text += loopback.source(site, "hops", "/hops.html")
        # Entry points that redirect, and the pages after them.
        for i, (status, target) in enumerate(zip((301, 302, 307, 308) * 9, wanted, strict=False)):
            site.pages[f"/entry{i}"] = Reply(
                status=status, headers={"Location": target.encode().decode("latin-1")}
            )
            text += loopback.source(site, f"entry{i}", f"/entry{i}", "type: feed" if i % 2 else "type: list")
        site.listing(
            "/next.html",
            [site.article("/ok.html", 2)],
            f"<a href='http://localhost:{canary.port}/c'>下一页</a>",
        )
        text += loopback.source(site, "next", "/next.html", "type: list, paging: next_link")
        maps = "".join(f"<sitemap><loc>{address}</loc></sitemap>" for address in wanted if "<" not in address)
        site.pages["/map.xml"] = Reply(f"<sitemapindex>{maps}</sitemapindex>", type="text/xml")
        text += loopback.source(site, "maps", "/map.xml", "type: sitemap")
        catalogue = data / "catalogue.yaml"
        catalogue.write_text(text)
        result = loopback.run(data, "crawl", "--catalogue", catalogue, "--json")
        assert result.code == 3, result.err
        import urllib.request

        with urllib.request.urlopen(f"http://127.0.0.1:{canary.port}/alive") as answer:
            assert answer.status == 200
        with urllib.request.urlopen(f"http://[::1]:{canary_v6.port}/alive") as answer:
            assert answer.status == 200
        return result, canary.asked + canary_v6.asked, site.asked


def test_nothing_ever_reaches_the_canary(hostile: tuple[Any, list[str], list[str]]) -> None:
    result, canary, site = hostile
    assert canary == ["/alive", "/alive"]
    assert len([path for path in site if path.startswith("/hop/")]) == 3 * len(forms(1, 2)), (
        "every redirect was asked for"
    )
    assert "root:" not in result.out


def test_the_ledger_says_what_was_refused(hostile: tuple[Any, list[str], list[str]]) -> None:
    runs = {row["source"]: row for row in hostile[0].rows}
    for run in runs.values():
        assert run["urls_seen"] == sum(run["outcomes"].values())
        assert set(run["outcomes"]) <= {"listing", "filtered", "failed", "stored", "not_article"}
    links, hops = runs["links"]["outcomes"], runs["hops"]["outcomes"]
    assert (runs["links"]["status"], links["listing"], "stored" in links) == ("partial", 1, False)
    assert links["filtered"] >= 15
    assert (runs["hops"]["status"], "stored" in hops) == ("done", False)
    assert runs["next"]["outcomes"] == {"listing": 1, "filtered": 1, "stored": 1}
    assert "stored" not in runs["maps"]["outcomes"]
    entries = [run for name, run in runs.items() if re.fullmatch(r"entry\d+", name)]
    assert len(entries) == len(forms(1, 2))
    for run in entries:
        assert (run["status"], run["urls_seen"]) == ("failed", 1)
        assert run["reason"]
