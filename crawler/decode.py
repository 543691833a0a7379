"""Turn the bytes of a page into text, and say how the charset was found.

Order: byte order mark, strict UTF-8, the labels (HTTP header, then `<meta>`), detection. A label is believed
only if the text it gives looks like writing: pages that declare UTF-8 and are GBK, or declare GB2312 and are
Big5, are common. Text that would come out garbled is refused, never handed on. Not for transfer encodings
(gzip and the like) and not for HTML itself.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Literal

from charset_normalizer import from_bytes

from crawler.plausibility import plausibility
from hexapolis.errors import ExtractionError

FoundBy = Literal["bom", "utf-8", "http", "meta", "detected"]

_BOMS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# The text-wide labels that mean another codec in practice (WHATWG Encoding Standard, section 4.2).
_ALIASES: dict[str, str] = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "latin-1": "cp1252",
    "latin1": "cp1252",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "windows-1252": "cp1252",
    "chinese": "gb18030",
    "cp936": "gb18030",
    "ms936": "gb18030",
    "windows-936": "gb18030",
    "euc-cn": "gb18030",
    "x-gbk": "gb18030",
    "big5": "big5hkscs",
    "big5-hkscs": "big5hkscs",
    "big5-tw": "big5hkscs",
    "cp950": "big5hkscs",
    "csbig5": "big5hkscs",
    "x-x-big5": "big5hkscs",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "utf8": "utf-8",
}
# Never from a label: UTF-16 and 32 without a mark are found by their NULs; the rest are not page charsets.
_REFUSED = frozenset(
    {"utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "utf-7", "idna"}
)
_REFUSED_MORE = frozenset(
    {"punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem", "utf-8-sig"}
)
_SEVEN_BIT = frozenset({"hz", "iso2022_jp", "iso2022_kr"})

_MULTI_BYTE = frozenset({"gb18030", "big5hkscs", "euc_jp", "cp932", "cp949", "euc_kr", "shift_jis"})
_DETECTED: tuple[str, ...] = ("utf-8", "gb18030", "big5hkscs", "cp1252", "euc_jp", "cp932", "cp949", "cp1251")

_META_CHARSET = re.compile(
    rb"""<meta\b[^>]{0,300}?charset\s*=\s*["']?\s*([A-Za-z0-9_:.\-]{2,30})""", re.IGNORECASE
)
_XML_ENCODING = re.compile(rb"""^\s*<\?xml\b[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9_:.\-]{2,30})""")
_HTTP_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([A-Za-z0-9_:.\-]{2,30})""", re.IGNORECASE)
_WIDE_WINDOW = 96  # bytes: the first tags of a page
_META_WINDOW = 4096  # bytes; the standard says 1,024, Chinese pages often declare later

_BELIEVED = 0.4  # plausibility from which a label is taken without asking for another opinion
_LABEL_BONUS = 0.12  # how much more plausible a guess must be to overrule a label that decodes
# So many accented letters in runs of three and more: no language writes so.
_MISREAD_MIN = 100
_MISREAD_WINDOW = 200_000  # characters
_KANA = re.compile(r"[\u3041-\u30fa]")
_HAN = re.compile(r"[\u3400-\u9fff]")
_MISMATCH = 0.5
_LATIN_RUN = re.compile(r"[\x80-\u024f]{3,}")
_PLAUSIBLE_GUESS = 0.08  # a guess below this is not writing
_GARBLED_SHARE = 0.05  # replaced characters among the non-ASCII ones
_GARBLED_MIN = 3  # so many replaced characters are never called garbled


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of a page, the codec it was read with, and what named that codec."""

    text: str
    encoding: str
    found_by: FoundBy


def decode(body: bytes, content_type: str | None) -> Decoded:
    """Decode a page.

    Args:
        body: the bytes, free of transfer and content encodings.
        content_type: the `Content-Type` header, if there was one.

    Raises:
        ExtractionError: kind `undecodable`, if every reading of the bytes would be garbled.
    """
    for mark, codec in _BOMS:
        if body.startswith(mark):
            text = body[len(mark) :].decode(codec, "replace")
            return Decoded(_checked(text, codec), codec, "bom")
    labels = _labels(body, content_type)
    for codec, found_by in labels:
        if codec in _SEVEN_BIT and (b"\x1b" in body or b"~{" in body):
            return Decoded(_checked(body.decode(codec, "replace"), codec), codec, found_by)
    wide = _utf16_by_nuls(body)
    if wide is not None:
        return Decoded(_checked(body.decode(wide, "replace"), wide), wide, "detected")
    strict = _utf8(body)
    if strict is not None:
        if _misread_before(strict):
            raise ExtractionError("undecodable", "the page was garbled before it was encoded as UTF-8")
        return Decoded(strict, "utf-8", "utf-8")
    return _by_plausibility(body, labels)


def _labels(body: bytes, content_type: str | None) -> list[tuple[str, FoundBy]]:
    """The codecs that the header and the page name, without repeats."""
    found: list[tuple[str, FoundBy]] = []
    if content_type and (match := _HTTP_CHARSET.search(content_type)):
        found.append((match[1], "http"))
    head = body[:_META_WINDOW]
    found.extend(
        (m[1].decode("ascii"), "meta") for m in (_XML_ENCODING.search(head), _META_CHARSET.search(head)) if m
    )
    labels: dict[str, FoundBy] = {}
    for name, found_by in found:
        codec = _codec(name)
        if codec is not None:
            labels.setdefault(codec, found_by)
    return list(labels.items())


def _codec(label: str) -> str | None:
    """Python's codec for a charset label; None for one that is unknown or not a page charset."""
    name = label.strip().lower()
    if name.startswith("gb"):
        return "gb18030"
    name = _ALIASES.get(name, name)
    try:
        info = codecs.lookup(name)
    except LookupError:
        return None
    name = _ALIASES.get(info.name, info.name)
    if not info._is_text_encoding or name in _REFUSED or name in _REFUSED_MORE:
        return None
    return name


def _utf8(body: bytes) -> str | None:
    """The text if the bytes are UTF-8; a last character that was cut off is dropped."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and error.end == len(body) and error.start > 0:
            return body[: error.start].decode("utf-8")
        return None


def _utf16_by_nuls(body: bytes) -> str | None:
    """UTF-16 without a mark: the markup is ASCII, so every second byte of it is NUL."""
    head = body[:_WIDE_WINDOW]
    pairs = len(head) // 2
    if pairs < 8:
        return None
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > 0.5 * pairs and even < 0.05 * pairs:
        return "utf-16-le"
    if even > 0.5 * pairs and odd < 0.05 * pairs:
        return "utf-16-be"
    return None


def _by_plausibility(body: bytes, labels: list[tuple[str, FoundBy]]) -> Decoded:
    best: tuple[float, Decoded] | None = None
    candidates: list[tuple[str, FoundBy, float]] = [(codec, by, _LABEL_BONUS) for codec, by in labels]
    named = {codec for codec, _ in labels}
    candidates.extend((codec, "detected", 0.0) for codec in _DETECTED if codec not in named)
    for codec, found_by, bonus in candidates:
        text = _read(body, codec)
        if _garbled(text):
            continue
        score = plausibility(text) - _script_mismatch(text, codec)
        if bonus and score >= _BELIEVED:
            return Decoded(text, codec, found_by)
        if best is None or score + bonus > best[0]:
            best = (score + bonus, Decoded(text, codec, found_by))
    if best is not None and best[0] >= _PLAUSIBLE_GUESS:
        return best[1]
    if best is not None and best[1].found_by != "detected" and _fits_exactly(best[1]):
        return best[1]
    guess = from_bytes(body[:100_000]).best()
    if guess is not None:
        text = _read(body, guess.encoding)
        if not _garbled(text) and plausibility(text) >= _PLAUSIBLE_GUESS:
            return Decoded(text, guess.encoding, "detected")
    named_text = ", ".join(codec for codec, _ in labels) or "none"
    raise ExtractionError("undecodable", f"no charset gives readable text (labels: {named_text})")


def _script_mismatch(text: str, codec: str) -> float:
    """What a reading loses for kana in Chinese, or no kana in Japanese: the byte ranges overlap."""
    kana = len(_KANA.findall(text))
    share = kana / max(1, kana + len(_HAN.findall(text)))
    japanese = codec in ("euc_jp", "cp932")
    chinese = codec in ("gb18030", "big5hkscs")
    return _MISMATCH if (chinese and share > 0.2) or (japanese and share < 0.1) else 0.0


def _misread_before(text: str) -> bool:
    """Valid UTF-8 whose text is noise: Chinese that some system read as Latin and encoded again."""
    runs = "".join(_LATIN_RUN.findall(text[:_MISREAD_WINDOW]))
    if sum(c >= "\xc0" for c in runs) < _MISREAD_MIN:
        return False
    return 2 * len(runs) > sum(c > "\x7f" for c in text[:_MISREAD_WINDOW])


def _fits_exactly(read: Decoded) -> bool:
    """A multi-byte label under which every byte of the page is valid: the writing may just be unusual."""
    return read.encoding in _MULTI_BYTE and "\ufffd" not in read.text


def _read(body: bytes, codec: str) -> str:
    """Decode with replacement; Big5 in the dialect, HKSCS or cp950, that loses less."""
    text = body.decode(codec, "replace")
    if codec == "big5hkscs" and "\ufffd" in text:
        other = body.decode("cp950", "replace")
        if other.count("\ufffd") < text.count("\ufffd"):
            return other
    return text


def _garbled(text: str) -> bool:
    replaced = text.count("\ufffd")
    if replaced <= _GARBLED_MIN and replaced * 4 < max(len(text), 1):
        return False
    foreign = sum(1 for c in text if c > "\x7f")
    return replaced > _GARBLED_SHARE * foreign


def _checked(text: str, codec: str) -> str:
    if _garbled(text):
        raise ExtractionError("undecodable", f"the page is marked {codec} but does not decode as such")
    return text
