"""Which saved pages are wanted, decided before they are extracted: by host, and by a cheap guess of language.

The guess reads the first 64 kB of a page only. Doubt lets a page pass: extraction reads the whole text and
says for certain. Not for what a page is (`crawler.sniff`, `crawler.verdict`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from html import unescape
from urllib.parse import urlsplit

from crawler.decode import decode
from crawler.language import detect_language, script_language
from crawler.urls import canonical_url
from hexapolis.errors import ExtractionError, UsageError

HEAD_BYTES = 65_536  # of a decoded page, for the guess
LANGUAGES = ("zh", "en")
_HIDDEN = re.compile(
    r"<(script|style|noscript|template|textarea)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)|<[^>]*(?:>|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_DECLARED = re.compile(r"""<html\b[^>]{0,500}?\b(?:xml:)?lang\s*=\s*["']?([A-Za-z]{2,3})\b""", re.IGNORECASE)
_PROSE = 40  # characters between two tags from which they are taken for a sentence, two for a Chinese one
_PROSE_ENOUGH = 200  # characters of sentences that outweigh the menus around them


@dataclass(frozen=True, slots=True)
class ImportFilter:
    """What is wanted. Without hosts and language, everything. Made by `import_filter`."""

    hosts: tuple[str, ...] = ()  # in normal form; `*.` in front: its subdomains only
    language: str | None = None

    def admits_host(self, url: str) -> bool:
        """Whether an address is on a wanted host."""
        if not self.hosts:
            return True
        try:
            host = urlsplit(canonical_url(url)).hostname or ""
        except UsageError:  # an address that cannot be read, or a digest: on no host
            return False
        return any(
            host.endswith(wanted[1:]) if wanted.startswith("*.") else f".{host}".endswith(f".{wanted}")
            for wanted in self.hosts
        )

    def admits_language(self, body: bytes, content_type: str | None) -> bool:
        """Whether a page may be in the wanted language."""
        return self.language is None or guess_language(body, content_type) in (self.language, None)

    def __str__(self) -> str:
        """The options that make this filter; empty for none."""
        options = [f"--host {host}" for host in self.hosts]
        return " ".join([*options, f"--language {self.language}"] if self.language else options)


def import_filter(hosts: Sequence[str] = (), language: str | None = None) -> ImportFilter:
    """Read the options.

    Args:
        hosts: `sz.gov.cn` for the host and its subdomains, `*.gov.cn` for the subdomains only.
        language: zh, en, or None for any.

    Raises:
        UsageError: not a host or a pattern of that form; another language.
    """
    if language not in (*LANGUAGES, None):
        raise UsageError(f"--language {language!r}: give {' or '.join(LANGUAGES)}")
    return ImportFilter(tuple(sorted({_host_pattern(host) for host in hosts})), language)


def _host_pattern(pattern: str) -> str:
    prefix = "*." if pattern.strip().startswith("*.") else ""
    name = pattern.strip().removeprefix("*.")
    host = None
    if not re.search(r"[*/?#@:\\\s]", name):
        with suppress(UsageError):
            host = urlsplit(canonical_url(f"http://{name}/")).hostname
    if not host:
        raise UsageError(f"--host {pattern!r}: give a host like www.sz.gov.cn or a pattern like *.gov.cn")
    return prefix + host


def guess_language(body: bytes, content_type: str | None) -> str | None:
    """The language of a page, guessed from its first 64 kB; None where they do not tell.

    The script of the sentences decides first, because Chinese sites declare `lang="en"` and the other way
    round. Among languages in Latin script a declared one is believed unless it is Chinese; else the letters
    decide.
    """
    try:
        markup = decode(body[:HEAD_BYTES], content_type).text
    except ExtractionError:
        return None
    match = _DECLARED.search(markup)
    declared = match[1].lower() if match else None
    text = _sentences(markup)
    by_script = script_language(text)
    if by_script == "und":  # too little to tell by
        return declared
    if by_script is not None:
        return by_script
    if declared in (None, "zh", "ja", "ko"):
        return detect_language(text)
    return declared


def _sentences(markup: str) -> str:
    """What reads like sentences between the tags, or all text where there is too little of it."""
    pieces = [" ".join(piece.split()) for piece in unescape(_HIDDEN.sub("\n\0", markup)).split("\0")]
    prose = [piece for piece in pieces if len(piece.encode("utf-8", "replace")) >= _PROSE]
    return "\n".join(prose if sum(map(len, prose)) >= _PROSE_ENOUGH else [p for p in pieces if p])
