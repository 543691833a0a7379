"""Decoding: every charset, with a right, wrong or missing label, gives the same text or an error."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.decode import decode
from hexapolis.errors import ExtractionError

SIMPLIFIED = "关于加快人工智能产业发展的通知：各区人民政府应当建设智能算力平台，并对中小企业给予补贴。" * 3
TRADITIONAL = (
    "關於加快人工智慧產業發展的通知：各區政府應當建設運算平臺，並對中小企業給予補助，請查照辦理。" * 3
)
JAPANESE = "人工知能の産業を育てるために、市は計算センターを作ります。小さな会社にもひらかれています。" * 3
KOREAN = "시는 인공지능 산업을 위하여 계산 센터를 만들고 작은 회사에도 열어 두기로 하였다고 밝혔다." * 3
WESTERN = (
    "Le maire a déclaré que la ville créera un centre de données près du fleuve, à côté de l’école. " * 3
)

TEXTS = [
    ("utf-8", SIMPLIFIED),
    ("gb18030", SIMPLIFIED),
    ("gbk", SIMPLIFIED),
    ("big5", TRADITIONAL),
    ("euc_jp", JAPANESE),
    ("euc_kr", KOREAN),
    ("cp1252", WESTERN),
]
LABELS = [None, "utf-8", "gb2312", "big5", "iso-8859-1", "euc-jp", "no-such-charset"]


def html(text: str, label: str | None = None) -> str:
    meta = f'<meta http-equiv="Content-Type" content="text/html; charset={label}">' if label else ""
    return f"<html><head>{meta}<title>页</title></head><body><p>{text}</p></body></html>".replace(
        "页", text[:5]
    )


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize(("codec", "text"), TEXTS, ids=[codec for codec, _ in TEXTS])
def test_a_right_wrong_or_missing_header_gives_the_same_text(
    codec: str, text: str, label: str | None
) -> None:
    page = html(text)
    found = decode(page.encode(codec), f"text/html; charset={label}" if label else "text/html")
    assert found.text == page


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize(("codec", "text"), TEXTS, ids=[codec for codec, _ in TEXTS])
def test_a_right_wrong_or_missing_meta_gives_the_same_text(codec: str, text: str, label: str | None) -> None:
    page = html(text, label)
    assert decode(page.encode(codec), None).text == page


def test_what_named_the_charset_is_reported() -> None:
    assert decode(html(SIMPLIFIED).encode("utf-8-sig"), None).found_by == "bom"
    assert decode(html(SIMPLIFIED).encode(), "text/html; charset=gbk").found_by == "utf-8"
    gb = html(SIMPLIFIED, "gb2312").encode("gb18030")
    assert (decode(gb, "text/html; charset=GBK").encoding, decode(gb, "text/html; charset=GBK").found_by) == (
        "gb18030",
        "http",
    )
    assert decode(gb, None).found_by == "meta"
    assert decode(html(SIMPLIFIED).encode("gb18030"), None).found_by == "detected"


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_encodings_with_and_without_a_mark(codec: str) -> None:
    assert decode(html(SIMPLIFIED).encode(codec), None).text == html(SIMPLIFIED)


def test_characters_outside_gb2312_survive_the_gb2312_label() -> None:
    page = html("朱镕基、喆、堃、𠮷，" + SIMPLIFIED, "gb2312")
    assert decode(page.encode("gb18030"), None).text == page


def test_a_last_character_that_was_cut_off_is_dropped() -> None:
    body = SIMPLIFIED.encode()[:-1]
    found = decode(body, None)
    assert (found.text, found.found_by) == (SIMPLIFIED[:-1], "utf-8")


def test_one_broken_character_does_not_change_the_charset() -> None:
    body = html(SIMPLIFIED).encode().replace("算力".encode(), "算".encode() + b"\xe5\x8a", 1)
    found = decode(body, "text/html; charset=utf-8")
    assert found.encoding == "utf-8"
    assert "各区人民政府应当建设智能" in found.text


def test_noise_is_refused_and_never_garbled_text() -> None:
    noise = b"<html><body>" + random.Random(7).randbytes(4000).replace(b"\x00", b"x")
    with pytest.raises(ExtractionError) as caught:
        decode(noise, "text/html; charset=utf-8")
    assert caught.value.kind == "undecodable"


def test_text_that_was_garbled_before_is_refused() -> None:
    twice = html(SIMPLIFIED.encode("gb18030").decode("latin-1")).encode()
    with pytest.raises(ExtractionError, match="garbled"):
        decode(twice, None)


@pytest.mark.parametrize(
    "label", ["utf-7", "idna", "unicode_escape", "rot13", "zlib", "utf-16", "undefined", "?"]
)
def test_a_label_that_is_no_page_charset_is_ignored(label: str) -> None:
    page = html(SIMPLIFIED)
    assert decode(page.encode("gb18030"), f"text/html; charset={label}").text == page


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff"), max_size=200))
def test_utf8_round_trip(text: str) -> None:
    prefix = "<html><body>通知公告"
    body = (prefix + text).encode()
    try:
        assert decode(body, None).text == prefix + text
    except ExtractionError:
        pytest.fail("valid UTF-8 was refused") if len(text) < 100 else None


@given(st.lists(st.sampled_from(SIMPLIFIED), min_size=0, max_size=60).map("".join))
def test_gb18030_round_trip(text: str) -> None:
    page = html(SIMPLIFIED + text)
    assert decode(page.encode("gb18030"), None).text == page


@given(
    st.binary(max_size=400),
    st.sampled_from([None, "text/html; charset=utf-8", "text/html; charset=gbk", "x"]),
)
def test_any_bytes_give_text_or_the_typed_error(body: bytes, content_type: str | None) -> None:
    try:
        assert isinstance(decode(body, content_type).text, str)
    except ExtractionError as error:
        assert error.kind == "undecodable"
