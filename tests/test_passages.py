"""Passages: exact offsets, full cover, headings, windows."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classify.passages import (
    MAX_WIDTH,
    is_bare_heading,
    is_heading,
    sentences,
    split_passages,
    width,
    windows,
)

PIECES = st.sampled_from(
    [
        "算力中心建成。",
        "一、算力",
        "\n",
        "\r\n",
        "  ",
        "AI park. ",
        "，",
        "。",
        "第三条 ",
        "</p>",
        "<br>",
        "😀",
        "x" * 40,
    ]
)
TEXTS = st.one_of(st.text(max_size=400), st.lists(PIECES, max_size=120).map("".join))


@given(TEXTS)
def test_passages_cover_everything_but_white_space_without_overlap(text):
    passages = split_passages(text)
    assert all(a.end <= b.start for a, b in pairwise(passages))
    assert all(0 <= p.start < p.end <= len(text) for p in passages)
    quoted = "".join(text[p.start : p.end] for p in passages)
    assert "".join(quoted.split()) == "".join(text.split())


@given(TEXTS)
def test_no_passage_is_wider_than_the_limit(text):
    assert all(width(text[p.start : p.end]) <= MAX_WIDTH + 1 for p in split_passages(text))


@given(TEXTS)
def test_passages_have_no_white_space_around_them(text):
    assert all(text[p.start : p.end] == text[p.start : p.end].strip() for p in split_passages(text))


@given(TEXTS, st.floats(min_value=5, max_value=100))
def test_windows_keep_to_their_limit(text, limit):
    spans = windows(text, 0, len(text), limit)
    assert all(width(text[a:b]) <= limit + 1 for a, b in spans)
    assert "".join("".join(text[a:b] for a, b in spans).split()) == "".join(text.split())


def test_a_paragraph_is_a_passage():
    text = "建成智算中心一座。\n引进企业三十家。"
    assert [text[p.start : p.end] for p in split_passages(text)] == ["建成智算中心一座。", "引进企业三十家。"]


def test_headings_go_with_what_follows():
    text = "一、强化算力供给\n建成智算中心一座。\n二、聚集产业\n引进企业三十家。"
    found = [(text[p.start : p.end], p.heading) for p in split_passages(text)]
    assert found == [
        ("一、强化算力供给", None),
        ("建成智算中心一座。", "一、强化算力供给"),
        ("二、聚集产业", None),
        ("引进企业三十家。", "二、聚集产业"),
    ]


def test_a_long_paragraph_is_cut_between_sentences():
    sentence = "全市新建成智能算力中心一座并向中小企业开放使用。"
    text = sentence * 60
    passages = split_passages(text)
    assert len(passages) > 3
    assert all(text[p.start : p.end].endswith("。") for p in passages)


def test_english_decimals_and_abbreviations_inside_words_do_not_end_sentences():
    text = "Capacity grew 2.5 times to 3.1 EFLOPS. Prices fell."
    assert [text[a:b] for a, b in sentences(text)] == [
        "Capacity grew 2.5 times to 3.1 EFLOPS.",
        "Prices fell.",
    ]


@pytest.mark.parametrize(
    "line",
    ["一、强化算力供给", "（三）打造场景", "第十二条 数据开放", "Chapter II Computing power", "保障措施"],
)
def test_headings_are_known(line):
    assert is_heading(line)


@pytest.mark.parametrize("line", ["", "建成智算中心一座。", "The city opened a computing centre.", "算" * 80])
def test_other_lines_are_not_headings(line):
    assert not is_heading(line)


def test_a_heading_with_a_figure_is_not_bare():
    assert is_bare_heading("三、算力供给")
    assert not is_bare_heading("三、算力达到3000P")


@pytest.mark.parametrize("text", ["", " \n\t\n "])
def test_nothing_gives_no_passages(text):
    assert split_passages(text) == []


def test_paragraph_tags_left_in_a_feed_end_paragraphs():
    text = "<p>建成智算中心。</p><p>引进企业三十家。</p>"
    assert len(split_passages(text)) == 2
