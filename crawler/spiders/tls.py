"""Secure connections: certificates are always checked, and a refusal says what is wrong with them.

TLS 1.2 is the least that is spoken. A source may ask for `tls_p256`: some Chinese government servers break
off when newer curves are offered; then only P-256 is, with every check in place. Trust comes from the
system's store, or from the file that the environment variable SSL_CERT_FILE names.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from service_identity import VerificationError
from service_identity.hazmat import DNS_ID, IPAddress_ID, ServiceID, verify_service_identity
from service_identity.pyopenssl import extract_patterns
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import CertificateOptions, TLSVersion, platformTrust
from twisted.python.failure import Failure
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

_REASONS = {  # OpenSSL's X509_V_ERR_… numbers
    2: "its issuer is unknown",
    9: "it is not valid yet",
    10: "it has expired",
    18: "it is self-signed",
    19: "its chain ends in a certificate that is not trusted",
    20: "its issuer is unknown",
    21: "its chain is incomplete",
    23: "it has been revoked",
    24: "its issuer may not issue certificates",
    26: "it is not meant for a server",
    28: "its issuer is not trusted",
    66: "its key is too weak",
    68: "its signature is too weak",
}


class CertificateRefused(Exception):  # noqa: N818 - the ledger's word for it
    """The server's certificate does not prove that it is the host that was asked for."""

    def __init__(self, host: str, reason: str) -> None:
        self.host, self.reason = host, reason
        super().__init__(f"the certificate of {host} is refused: {reason}")


@implementer(IPolicyForHTTPS)
class TlsPolicy:
    """How secure connections of one source are made.

    Args:
        p256: offer only the curve P-256.
    """

    def __init__(self, *, p256: bool = False) -> None:
        self._options = CertificateOptions(trustRoot=platformTrust(), raiseMinimumTo=TLSVersion.TLSv1_2)
        if p256:
            self._options.getContext().set_tmp_ecdh(ec.SECP256R1())

    def creatorForNetloc(self, hostname: bytes, port: int) -> _Connector:  # noqa: N802 - Twisted's interface
        """What makes the connections to a host."""
        return _Connector(self._options, hostname.decode("ascii"))


@implementer(IOpenSSLClientConnectionCreator)
class _Connector:
    """Makes connections that verify the chain (OpenSSL) and the host (service-identity)."""

    def __init__(self, options: CertificateOptions, host: str) -> None:
        self._options, self._host = options, host
        try:
            ipaddress.ip_address(host)
            self._identity: ServiceID = IPAddress_ID(host)
            self._server_name = None  # RFC 6066: addresses are not sent as names
        except ValueError:
            self._identity = DNS_ID(host)
            self._server_name = host.encode("ascii")

    def clientConnectionForTLS(self, protocol: Any) -> SSL.Connection:  # noqa: N802 - Twisted's interface
        """A connection whose handshake fails unless the certificate is good."""
        connection = self._options.clientConnectionForTLS(protocol)
        if self._server_name is not None:
            connection.set_tlsext_host_name(self._server_name)

        def verify(_: SSL.Connection, certificate: Any, code: int, depth: int, ok: int) -> bool:
            reason = "" if ok else _REASONS.get(code, f"it cannot be verified (OpenSSL error {code})")
            if not reason and depth == 0:
                reason = self._mismatch(certificate)
            if reason:
                protocol.failVerification(Failure(CertificateRefused(self._host, reason)))
            return not reason

        connection.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, verify)
        return connection

    def _mismatch(self, certificate: Any) -> str:
        """Why the certificate is not the host's; empty if it is. Never raises: OpenSSL would not see it."""
        try:
            verify_service_identity(extract_patterns(certificate), [self._identity], [])
        except VerificationError:
            return "it is for another host"
        except Exception as error:  # a certificate that cannot be read proves nothing
            return f"it cannot be read ({type(error).__name__})"
        return ""
