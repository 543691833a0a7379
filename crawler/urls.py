"""Which addresses are the same article, and which are worth fetching.

`canonical_url` gives the *identity* of an address: the string under which an article is stored. It is not
necessarily an address that answers (it says `https` where a site may speak only `http`): fetch what was
found, store it under its canonical form. Two spellings of one address must give one identity; two different
articles must never share one. Where both cannot be had, the second rule wins.

Not here: reading links out of pages, robots.txt, and the guard that decides which hosts may be connected to.
"""

from __future__ import annotations

import ipaddress
import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from crawler.url_tables import (
    ARTICLE_ID_NAMES,
    ASSET_EXTENSIONS,
    ATTACHMENT_EXTENSIONS,
    DOUBTFUL_NAMES,
    SESSION_NAMES,
    TRACKING_NAMES,
    TRACKING_PREFIXES,
    TRACKING_VALUES,
)
from hexapolis.errors import UsageError

if TYPE_CHECKING:
    from tldextract import TLDExtract

MAX_URL_LENGTH = 8192  # characters; longer ones are traps or data, never an article
# Of 9,387 addresses linked from real pages the deepest has 10 segments, and none has one more than twice.
MAX_DEPTH = 20  # segments of a path
MAX_REPEATS = 4  # of one segment in a path
_DEFAULT_PORTS = {"http": 80, "https": 443}

_TOKEN = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[0-9A-Za-z_-]{20,}")
_ID_IN_FILE = re.compile(r"\d{5,}|[0-9a-f]{24,}")

_PARTS = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.S)
_HOST_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_NUMERIC_HOST = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)")  # ends in a number: an address in some notation
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}|.", re.S)
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
# Characters that mean themselves in that place, so that `%2C` and `,` are one. Left out are the ones that
# separate: `/` `;` `?` `#` in a path; `&` `=` `+` `;` `#` in a query.
_PATH_PLAIN = _UNRESERVED | frozenset("!$&'()*+,=:@")
_QUERY_PLAIN = _UNRESERVED | frozenset("!$'()*,:@/?")
_ASP_SESSION = re.compile(r"\([SX]\([0-9a-z]{24}\)\)", re.I)
_MOBILE_POST = re.compile(r"(/content/(?:\d+/\d+/)?)mpost_(\d+\.html)\Z")

_REMEMBERED = 4_096  # addresses; one that is fetched is asked about several times within a moment


class _Address(NamedTuple):
    scheme: str
    host: str  # normal form; IPv6 in brackets
    port: int | None  # None: the scheme's own
    has_credentials: bool
    path: str
    query: str
    fragment: str


def canonical_url(url: str) -> str:
    """The identity of an article's address.

    Merged: letter case and trailing dot of the host, internationalised names, `http` and `https` on their own
    ports (host names only, never addresses or localhost), fragments (`#!…` and `#/…` are kept: they are
    routes), tracking parameters, session ids, spellings of the same percent-encoding, order of parameters
    with different names, dot segments, and the mobile twin of an NFCMS post. Everything else stays as it is:
    path case, trailing slashes, doubled slashes, `index.html`, `www.` and `m.` hosts, and every parameter
    that may choose the article.

    Applying it twice changes nothing.

    Raises:
        UsageError: not an http(s) address with a host, carries credentials, or is malformed.
    """
    address = _split(url)
    if address.has_credentials:
        raise UsageError(f"{_shown(url)}: the address carries a user name or password")
    scheme = address.scheme
    if scheme == "http" and address.port is None and _is_name(address.host):
        scheme = "https"
    path = _canonical_path(address.path)
    query = _canonical_query(address.query, path)
    fragment = ""
    if address.fragment.startswith(("!", "/")) and "/gkmlpt/content/" not in path:
        fragment = "#" + _normal_percent(address.fragment, _QUERY_PLAIN, "&=+;")
    port = f":{address.port}" if address.port is not None else ""
    return f"{scheme}://{address.host}{port}{path}{'?' + query if query else ''}{fragment}"


@lru_cache(maxsize=_REMEMBERED)
def is_fetchable(url: str) -> str | None:
    """Why an address is not worth fetching as a page; None when it is.

    The reasons are stable words: `malformed`, `scheme`, `host` (none), `credentials`, `trap` (a path as only
    links make that lead ever deeper into themselves), `asset` (style sheets, images, archives, media) and
    `attachment` (PDF, DOCX and other documents, which belong to an article's page).
    """
    scheme, authority, path = (_parts(url).group(i) or "" for i in (1, 2, 3))
    if scheme.lower() not in _DEFAULT_PORTS:
        return "scheme"
    if not authority.rpartition("@")[2].partition(":")[0]:
        return "host"
    try:
        if _split(url).has_credentials:
            return "credentials"
    except UsageError:
        return "malformed"
    if _is_trap(path):
        return "trap"
    name = unquote(path).rpartition("/")[2].partition(";")[0]
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    if extension in ATTACHMENT_EXTENSIONS:
        return "attachment"
    return "asset" if extension in ASSET_EXTENSIONS else None


def _is_trap(path: str) -> bool:
    segments = [segment for segment in path.split("/") if segment]
    return len(segments) > MAX_DEPTH or any(segments.count(s) > MAX_REPEATS for s in set(segments))


def is_loopback(url: str) -> bool:
    """Whether an address names this machine outright: `localhost`, or an IP address of the loopback range."""
    try:
        host = _split(url).host.strip("[]")
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, or no address at all
        return False


def same_host(a: str, b: str) -> bool:
    """Whether two addresses are on one host and port; `www.` and the choice of http or https do not count."""
    return _host_key(a) == _host_key(b) is not None


def same_site(a: str, b: str) -> bool:
    """Whether two addresses belong to one registrable domain (`news.cgtn.com` and `www.cgtn.com`).

    Uses the public suffix list that comes with tldextract, with its private part: `gov.cn` is nobody's,
    `sz.gov.cn` is one site with all its bureaus, and two blogs below `github.io` are two. Addresses,
    localhost and single-label hosts have no registrable domain: they must be the same host and port. An
    address that cannot be read is on no site.
    """
    if same_host(a, b):
        return True
    key_a, key_b = _host_key(a), _host_key(b)
    if key_a is None or key_b is None:
        return False
    domain_a, domain_b = (_suffixes()(key[0]).top_domain_under_public_suffix for key in (key_a, key_b))
    return bool(domain_a) and domain_a == domain_b


@cache
def _suffixes() -> TLDExtract:
    from tldextract import TLDExtract  # slow to import, needed only when hosts differ

    return TLDExtract(cache_dir=None, suffix_list_urls=(), include_psl_private_domains=True)


def _host_key(url: str) -> tuple[str, int | None] | None:
    try:
        address = _split(url)
    except UsageError:
        return None
    return address.host.removeprefix("www."), address.port


def _shown(url: str) -> str:
    """The address as an error may print it: one line, not too long, without a password."""
    return ascii(re.sub(r"//[^/?#]*@", "//…@", url if len(url) <= 200 else url[:200] + "…"))


def _parts(url: str) -> re.Match[str]:
    """The five parts of an address, cleaned as browsers do: no outer blanks, line breaks or backslashes."""
    cleaned = re.sub(r"[\t\r\n]", "", url.strip("".join(map(chr, range(0x21)))))
    cut = re.search(r"[?#]", cleaned)
    end = cut.start() if cut else len(cleaned)
    match = _PARTS.fullmatch(cleaned[:end].replace("\\", "/") + cleaned[end:])
    assert match is not None  # every part is optional
    return match


def _split(url: str) -> _Address:
    if len(url) > MAX_URL_LENGTH:
        raise UsageError(f"{_shown(url)}: the address is longer than {MAX_URL_LENGTH} characters")
    scheme, authority, path, query, fragment = (part or "" for part in _parts(url).groups())
    scheme = scheme.lower()
    if scheme not in _DEFAULT_PORTS:
        raise UsageError(f"{_shown(url)}: only http:// and https:// addresses can be crawled")
    credentials, at, place = authority.rpartition("@")
    match = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::([0-9]{0,5}))?", place)
    if match is None or not match.group(1):
        raise UsageError(f"{_shown(url)}: the address has no readable host and port")
    port = int(match.group(2)) if match.group(2) else None
    if port is not None and not 0 < port < 65536:
        raise UsageError(f"{_shown(url)}: port {port} does not exist")
    try:
        url.encode()
        host = _normal_host(match.group(1))
    except ValueError as error:  # UnicodeError and idna.IDNAError are ValueErrors
        raise UsageError(f"{_shown(url)}: the address is not readable ({error})") from error
    return _Address(
        scheme,
        host,
        None if port == _DEFAULT_PORTS[scheme] else port,
        bool(at and credentials),
        path,
        query,
        fragment,
    )


def _normal_host(host: str) -> str:
    if host.startswith("["):
        ip = ipaddress.IPv6Address(host[1:-1])
        if ip.scope_id is not None:
            raise ValueError("a zone means something on one machine only")
        return f"[{ip.compressed}]"
    host = unquote(host, errors="strict")
    if not host.isascii():
        import idna

        host = idna.encode(host, uts46=True).decode("ascii")
    host = host.lower().removesuffix(".")
    if not _HOST_NAME.fullmatch(host):
        raise ValueError("bad host name")
    return host


def _is_name(host: str) -> bool:
    """A DNS name, as against an IP address in any notation or the local machine."""
    return not (
        host.startswith("[") or _NUMERIC_HOST.fullmatch(host) or re.fullmatch(r"(?:.*\.)?localhost", host)
    )


def _normal_percent(text: str, plain: frozenset[str], separators: str = "") -> str:
    """One spelling for each run of bytes: `plain` characters as themselves, others as upper-case escapes.

    A separator means one thing as itself and another escaped, so each stays as it was written. A `%` that
    begins no escape is data, and becomes `%25`.
    """

    def one(match: re.Match[str]) -> str:
        token = match.group()
        if len(token) == 3:
            char = chr(int(token[1:], 16))
            return char if char in plain else token.upper()
        if token in plain or token in separators:
            return token
        return "".join(f"%{byte:02X}" for byte in token.encode())

    return _PERCENT.sub(one, text)


def _canonical_path(path: str) -> str:
    segments: list[str] = []
    for raw in path.split("/")[1:]:
        if _ASP_SESSION.fullmatch(raw):
            continue
        name, *parameters = raw.split(";")
        kept = [p for p in parameters if p.partition("=")[0].lower() not in SESSION_NAMES]
        segments.append(";".join(_normal_percent(part, _PATH_PLAIN) for part in [name, *kept]))
    resolved: list[str] = []
    for i, segment in enumerate(segments):
        last = i == len(segments) - 1
        if segment == "..":
            del resolved[-1:]
        elif segment != ".":
            resolved.append(segment)
        if last and segment in (".", ".."):
            resolved.append("")  # a directory: keep its slash
    return _MOBILE_POST.sub(r"\1post_\2", "/" + "/".join(resolved))


def _canonical_query(query: str, path: str) -> str:
    pieces = []  # (name, value, normal text of the whole parameter)
    for raw in query.split("&"):
        name, equals, value = raw.partition("=")
        if not raw:
            continue
        name = _normal_percent(name, _QUERY_PLAIN, "+;")
        value = _normal_percent(value, _QUERY_PLAIN, "+;=")
        pieces.append((name, value, name + equals + value))
    pieces = [p for p in pieces if not _is_tracking(p[0].lower(), p[1], path)]
    sure = [p for p in pieces if p[0].lower() not in DOUBTFUL_NAMES]
    if any(p[0].lower() in ARTICLE_ID_NAMES and p[1] for p in sure) or _ID_IN_FILE.search(
        path.rpartition("/")[2]
    ):
        pieces = [p for p in pieces if p[0].lower() not in DOUBTFUL_NAMES or not _TOKEN.fullmatch(p[1])]
    if all("=" in p[2] for p in pieces):  # bare words may be positions, and keep theirs
        pieces.sort(key=lambda piece: piece[0])
    return "&".join(p[2] for p in pieces)


def _is_tracking(name: str, value: str, path: str) -> bool:
    if name in DOUBTFUL_NAMES:
        return False
    if name in TRACKING_NAMES or name in SESSION_NAMES or name.startswith(TRACKING_PREFIXES):
        return True
    if name == "jump" and value == "true" and "/gkmlpt/" in path:
        return True  # Guangdong's disclosure platform links one document with and without it
    pattern = TRACKING_VALUES.get(name)
    return pattern is not None and pattern.fullmatch(value) is not None


@lru_cache(maxsize=_REMEMBERED)
def url_identity(url: str) -> str:
    """The canonical form, or the address itself where it has none (a saved file's `urn:`, a bad link)."""
    try:
        return canonical_url(url)
    except UsageError:
        return url
