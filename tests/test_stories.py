"""Which texts are copies of one another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.stories import fold, story_key

TEXT = "深圳市发布人工智能行动计划，投资100亿元建设智能算力中心；到2024年达到5 EFLOPS。"


@pytest.mark.parametrize(
    "copy",
    [
        "深圳市發布人工智能行動計劃，投資100億元建設智能算力中心；到2024年達到5 EFLOPS。",
        "深圳市发布人工智能行动计划，投资１００亿元建设智能算力中心；到２０２４年达到５ＥＦＬＯＰＳ。",
        "深圳市发布人工智能行动计划, 投资100亿元建设智能算力中心; 到2024年达到5 eflops.",
        "　　深圳市发布人工智能行动计划，\n投资100亿元建设智能算力中心；\n\n到2024年达到5\tEFLOPS",
        "“深圳市发布人工智能行动计划”——投资100亿元建设智能算力中心！到2024年达到5\u200bEFLOPS……",
    ],
    ids=["traditional", "full width", "ascii punctuation and case", "white space", "quotation marks"],
)
def test_copies_of_one_text(copy: str) -> None:
    assert fold(copy) == fold(TEXT)
    assert story_key(copy) == story_key(TEXT)


@pytest.mark.parametrize(
    ("part", "other"),
    [("100亿", "101亿"), ("2024", "2025"), ("5 EFLOPS", "5 PFLOPS"), ("深圳", "广州"), ("智能算力", "算力")],
)
def test_texts_that_differ(part: str, other: str) -> None:
    assert part in TEXT
    assert story_key(TEXT.replace(part, other)) != story_key(TEXT)


def test_every_changed_digit_tells_texts_apart() -> None:
    places = [i for i, c in enumerate(TEXT) if c.isdigit()]
    keys = {story_key(TEXT[:i] + str((int(TEXT[i]) + 1) % 10) + TEXT[i + 1 :]) for i in places}
    assert len(keys | {story_key(TEXT)}) == len(places) + 1


def test_a_cut_text_is_another_story() -> None:
    assert story_key(TEXT[:-10]) != story_key(TEXT)


def test_a_key_is_64_hex_digits() -> None:
    assert len(story_key(TEXT)) == 64
    assert int(story_key(TEXT), 16) > 0


@given(st.text())
def test_any_text_has_a_key_and_folding_is_steady_under_space(text: str) -> None:
    assert story_key(text) == story_key(f" {text}。\n")
    assert len(story_key(text)) == 64
