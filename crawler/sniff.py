"""Tell from the bytes whether a body can be an HTML page at all. Headers and file names are not believed."""

from __future__ import annotations

import re

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "PDF"),
    (b"\x89PNG", "PNG image"),
    (b"\xff\xd8\xff", "JPEG image"),
    (b"GIF87a", "GIF image"),
    (b"GIF89a", "GIF image"),
    (b"PK\x03\x04", "ZIP, DOCX or OFD"),
    (b"\xd0\xcf\x11\xe0", "DOC or XLS"),
    (b"Rar!", "RAR"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"{\\rtf", "RTF"),
    (b"RIFF", "media"),
    (b"OggS", "media"),
    (b"ID3", "media"),
    (b"\x00\x00\x01\x00", "icon"),
    (b"\x7fELF", "program"),
    (b"MZ\x90", "program"),
    (b"wOFF", "font"),
    (b"wOF2", "font"),
    (b"SQLite format 3", "database"),
)
_MARKUP = re.compile(
    rb"<\s*(?:!doctype\s+html|html|head|body|title|meta|div|p|br|table|span|h[1-6]|article|section|a|font"
    rb"|center|script)\b",
    re.IGNORECASE,
)
_XML = re.compile(
    rb"^\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,500}?-->\s*)*<(?:rss|feed|rdf:RDF|urlset|sitemapindex|svg)\b",
    re.IGNORECASE | re.DOTALL,
)
_WINDOW = 200_000  # bytes in which a page shows its first tag


def not_html(body: bytes) -> str | None:
    """What the bytes are if they are no HTML page; None if they may be one, or are plain text."""
    start = body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    for magic, name in _MAGIC:
        if start.startswith(magic):
            return name
    if body[4:8] == b"ftyp":
        return "media"
    if _XML.match(body[:2048].removeprefix(b"\xef\xbb\xbf")):
        return "XML feed or sitemap"
    if start[:1] in (b"{", b"[") and body.rstrip()[-1:] in (b"}", b"]") and not _MARKUP.match(start):
        return "JSON" if re.match(rb"[{\[]\s*[\"{\[\]}\d]", start) else None
    if _MARKUP.search(body[:_WINDOW]):
        return None
    # No tag: UTF-16 has its NULs side by side with letters; anything else with NULs is binary.
    if body[:2] in (b"\xff\xfe", b"\xfe\xff") or b"<\x00" in body[:400] or b"\x00<" in body[:400]:
        return None
    return "binary data" if body[:4096].count(0) > 4 else None
