"""Turn the bytes of a page into text, and say how the charset was found.

Order: byte order mark, strict UTF-8, the labels (HTTP header, then `<meta>`), detection. A label is believed only if
the text it gives looks like writing: pages that declare UTF-8 and are GBK, or declare GB2312 and are Big5, are
common. Text that would come out garbled is refused, never handed on. Not for transfer encodings (gzip and the like)
and not for HTML itself.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Literal

from charset_normalizer import from_bytes

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
_REFUSED = frozenset({"utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "utf-7", "idna"})
_REFUSED_MORE = frozenset({"punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem", "utf-8-sig"})
_SEVEN_BIT = frozenset({"hz", "iso2022_jp", "iso2022_kr"})

_MULTI_BYTE = frozenset({"gb18030", "big5hkscs", "euc_jp", "cp932", "cp949", "euc_kr", "shift_jis"})
_DETECTED: tuple[str, ...] = ("utf-8", "gb18030", "big5hkscs", "cp1252", "euc_jp", "cp932", "cp949", "cp1251")

_META_CHARSET = re.compile(rb"""<meta\b[^>]{0,300}?charset\s*=\s*["']?\s*([A-Za-z0-9_:.\-]{2,30})""", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"""^\s*<\?xml\b[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9_:.\-]{2,30})""")
_HTTP_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([A-Za-z0-9_:.\-]{2,30})""", re.IGNORECASE)
_META_WINDOW = 4096  # bytes; the standard says 1,024, Chinese pages often declare later

_SAMPLE = 20_000  # characters looked at to judge whether a text is writing
_BELIEVED = 0.22  # plausibility from which a label is taken without asking for another opinion
_LABEL_BONUS = 0.12  # how much more plausible a guess must be to overrule a label that decodes
_NOISE = -0.3
_MISREAD_MIN = 200  # characters from which a text can be called noise
_MISREAD_RUN = 3  # their mean run: a misplaced apostrophe stands alone
_MISREAD_WINDOW = 200_000
_FOREIGN_RUN = re.compile(r"[^\x00-\x7f]+")
_PLAUSIBLE_GUESS = 0.08  # a guess below this is not writing
_GARBLED_SHARE = 0.05  # replaced characters among the non-ASCII ones
_GARBLED_MIN = 3  # so many replaced characters are never called garbled

# The characters that carry a third or more of any Chinese text, in both scripts; garbled text has almost none.
_FREQUENT_HAN = frozenset(
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学"
    "法所民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天"
    "政四日那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无系军很情"
    "者最立代想已通并提直题党程展五果料象员革位入常文总次品式活设及管特件长求老头基资边流路级少图山统接知较将组见计别她手"
    "角期根论运农指几九区强放决西被干做必战先回则任取据处队南给色光门即保治北造百规热领七海口东导器压志世金增争济阶油思术"
    "极交受联什认六共权收证改清己美再采转更单风切打白教速花带安场身车例真务具万每目至达走积示议声报斗完类八离华名确才科张"
    "信马节话米整空元况今集温传土许步群广石记需段研界拉林律叫且究观越织装影算低持音众书布复容儿须际商非验连断深难近矿千周"
    "委素技备半办青省列习响约支般史感劳便团往酸历市克何除消构府称太准精值号率族维划选标写存候毛亲快效斯院查江型眼王按格养"
    "這個們來為時國說對會發動過種後學經進電現實點從業開應還關樣與數間內線無問題軍體機長產總設資運農區強戰則隊給門處導"
    "東規領認術極聯證權務場車單議報達華確節話馬張傳廣記觀織裝眾書複兒須際驗連斷難近礦幹備辦習響約劳團歷構稱準號維劃選標寫"
)
_FREQUENT_HANGUL = frozenset("이다는의에을를가은고하지한기로도사시리서자정대나인해스수전일어부장아들있제주보원했과라선")
_PUNCTUATION = frozenset("，。、：；！？《》（）【】〔〕「」　％～－")
# Also the look of Latin misreadings, where they stand beside accented letters.
_MARKS = frozenset("“”‘’·—…–•€©«»®™")


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
    found.extend((m[1].decode("ascii"), "meta") for m in (_XML_ENCODING.search(head), _META_CHARSET.search(head)) if m)
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
    head = body[:_META_WINDOW]
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
        score = plausibility(text)
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


def _misread_before(text: str) -> bool:
    """Valid UTF-8 whose text is noise: Chinese that some system read as Latin and encoded again."""
    sample = text[:_MISREAD_WINDOW]
    runs = _FOREIGN_RUN.findall(sample)
    foreign = sum(map(len, runs))
    if foreign < _MISREAD_MIN or foreign < _MISREAD_RUN * len(runs):
        return False
    return plausibility(sample) < _NOISE


def _fits_exactly(read: Decoded) -> bool:
    """A multi-byte label under which every byte of the page is valid: the writing may just be unusual."""
    return read.encoding in _MULTI_BYTE and "\ufffd" not in read.text


def _read(body: bytes, codec: str) -> str:
    """Decode with replacement; for Big5 the dialect that loses less (HKSCS and cp950 differ in their extensions)."""
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


def plausibility(text: str) -> float:
    """How much the non-ASCII characters of a text look like writing: mean over them, about -3 (noise) to 1.

    Real Chinese gives 0.35 and more, text read with the wrong charset under 0.1, text without any such character 1.
    """
    total = count = 0.0
    previous = " "
    for char in _foreign_sample(text):
        if char > "\x7f":
            count += 1
            total += _weight(char, previous)
        previous = char
    return total / count if count else 1.0


def _foreign_sample(text: str) -> str:
    """The runs of non-ASCII characters with the one character before each, up to the sample size."""
    runs = re.findall(r"[\x00-\x7f]?[^\x00-\x7f]+", text)
    return "".join(runs)[:_SAMPLE]


def _weight(char: str, previous: str) -> float:
    if char in _FREQUENT_HAN or char in _FREQUENT_HANGUL or char in _PUNCTUATION:
        return 1.0
    if char in _MARKS:
        return 1.0 if previous.isascii() or previous >= "\u2e80" or previous in _MARKS else -0.1
    if "\u3041" <= char <= "\u30fe":  # kana
        return 0.8
    if char == "\ufffd":
        return -5.0
    if "\x80" <= char <= "\x9f" or "\ue000" <= char <= "\uf8ff":  # C1 controls, private use
        return -3.0
    if "\xc0" <= char <= "\u024f":  # an accented letter stands in a word of plain ones
        return 0.8 if previous.isascii() and previous.isalpha() else -0.1
    if "\u0430" <= char <= "\u044f":
        return 0.5
    if "\u0410" <= char <= "\u042f":  # a capital inside a word is the mark of a misread text
        return -0.7 if "\u0430" <= previous <= "\u044f" else 0.2
    if char == "\xa0":
        return 0.5
    return 0.0
