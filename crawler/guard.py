"""The safety guard: which addresses the crawler may connect to.

Pages are written by strangers. A link, a redirect or a DNS answer can point at this machine or the network
around it, so every connection is checked where its host name has just been resolved: on every hop, for every
notation of an address. Only public addresses pass, except for hosts that the operator named himself, in a
catalogue's entry point or in the setting `allow_hosts`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IHostnameResolver, IResolutionReceiver
from zope.interface import implementer

from hexapolis.records import Source

_CARRY_IPV4 = tuple(map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0:0/96", "64:ff9b::/96")))
_GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
_DOCUMENTATION_IPV6 = ipaddress.IPv6Network("3fff::/20")  # RFC 9637, newer than this Python's tables


class AddressGuard:
    """Remembers what may be reached and what was refused.

    Args:
        allowed: hosts that may have a private address, as `host` or `host:port`.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = frozenset(entry.lower() for entry in allowed)
        self.refused: dict[tuple[str, int], str] = {}  # host and port → the address they were refused for

    def permits(self, host: str, port: int, address: str) -> bool:
        """Whether a connection to this address, which `host` resolved to, is allowed."""
        host = host.lower().rstrip(".")
        if host in self._allowed or f"{host}:{port}" in self._allowed or is_public(address):
            return True
        self.refused[host, port] = address
        return False


def is_public(address: str) -> bool:
    """Whether an IP address is one that anybody on the Internet can have.

    Addresses that carry an IPv4 address inside (mapped, compatible, translated, 6to4, Teredo, NAT64) are as
    public as the one they carry. Of all others in IPv6, only the part from which global addresses are given
    out counts.
    """
    try:
        ip = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and any(ip in network for network in _CARRY_IPV4):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return inner.is_global and not inner.is_multicast
        if ip not in _GLOBAL_IPV6 or ip in _DOCUMENTATION_IPV6:
            return False
    return ip.is_global and not ip.is_multicast


def named_private_hosts(sources: Sequence[Source]) -> set[str]:
    """Private hosts (with their ports) that entry points name outright, such as `127.0.0.1:8000`.

    Writing such an address into a catalogue is the operator's own decision. A public name is never on this
    list, whatever it resolves to.
    """
    hosts = set()
    for source in sources:
        for entry in source.entry_points:
            parts = urlsplit(entry.url)
            host = (parts.hostname or "").lower()
            if host == "localhost" or _is_private_literal(host):
                port = parts.port or (443 if parts.scheme == "https" else 80)
                hosts.add(f"{host}:{port}")
    return hosts


def _is_private_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return not is_public(host)


@implementer(IHostnameResolver)
class GuardedResolver:
    """A name resolver for Twisted's reactor that hands on only the addresses that the guard permits."""

    def __init__(self, resolver: Any, guard: AddressGuard) -> None:
        self._resolver = resolver
        self._guard = guard

    def resolveHostName(  # noqa: N802 - Twisted's interface
        self,
        resolutionReceiver: Any,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Resolve, leaving out every address that must not be connected to."""
        receiver = _GuardedReceiver(resolutionReceiver, self._guard, hostName, portNumber)
        return self._resolver.resolveHostName(receiver, hostName, portNumber, *args, **kwargs)


@implementer(IResolutionReceiver)
class _GuardedReceiver:
    def __init__(self, receiver: Any, guard: AddressGuard, host: str, port: int) -> None:
        self._receiver, self._guard, self._host, self._port = receiver, guard, host, port

    def resolutionBegan(self, resolution: Any) -> None:  # noqa: N802
        self._receiver.resolutionBegan(resolution)

    def addressResolved(self, address: IPv4Address | IPv6Address) -> None:  # noqa: N802
        if self._guard.permits(self._host, self._port, address.host):
            self._receiver.addressResolved(address)

    def resolutionComplete(self) -> None:  # noqa: N802
        self._receiver.resolutionComplete()
