"""What is read only where a match can begin, or only as far as needed, is read as it would be whole."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opencc import OpenCC

import compare.stories
from classify import city_context, folding, kinds, levels, public_bodies
from classify.beginnings import AT_START, DIGIT, Searcher, Sightings, Sought
from classify.place_names import find_hits

# Words of rules, places and bodies, and what may stand between them.
CUES = """
深圳市 广东省 南山区 国务院 市政府 省委 我市 全区 上海 北京 河套 鼓楼区 京沪 沪府〔2024〕12号
美国 财政部 三部门 央行 人民政府 局 大学 高新区 来自 在 召开 对标 贯彻 落实 精神 以 要求
各区人民政府： 关于印发《 行动方案》的通知 解读 记者 获悉 新华社 第一条 制定本办法 问： 答：
一、 总体要求 现将 印发给你们，请 现公示 笔者 特此通知 申报条件 5日 ５月１日 据介绍 日前 Xi'an
Shenzhen Guangdong Nanshan District New Area County the province's Municipal Government Chinese
regulators Beijing vows said on Monday (Xinhua) hereby issued in my view Article 1 these
measures are \u212a ſ İ ı
"""
WORDS = re.findall(r"\S+", CUES)
GAPS = [" ", "\n", "，", "。", ", ", ". ", "new\narea", "Inner Mongolia", "ministry of", "in accordance with"]
PIECES = st.lists(st.sampled_from([*WORDS, *GAPS]), max_size=14).map("".join)
ODD = st.text("，：；（）！？…％\u3000\xa0<=>.．1１٣a\u0338\u0301\u3099か㎡ſß發发覆批_·\u200b\n") | st.text()


@given(
    st.lists(st.text("abik\u212aſsİı1２ \n", max_size=12), max_size=4).map("ki".join),
    st.sampled_from([r"\bki(?!s)", r"(?<!a)si?|sk", r"(?:^|\n)\s*k", r"\d[ks]|is", r"^[ab]i|kk|K"]),
)
def test_matches_are_those_of_a_plain_search(text: str, expression: str) -> None:
    pattern = re.compile(expression, re.IGNORECASE)
    beginnings = ("ki", "s", "K", "k", "is", "\n", AT_START, DIGIT)
    sightings = Searcher([Sought(re.compile("k")), Sought(pattern, beginnings)]).read(text)
    assert [m.span() for m in sightings.finditer(1)] == [m.span() for m in pattern.finditer(text)]
    assert [m.span() for m in sightings.finditer(0)] == [m.span() for m in re.finditer("k", text)]
    found, expected = sightings.search(1), pattern.search(text)
    assert (found and found.span()) == (expected and expected.span())


def _searchers() -> Iterator[Searcher]:
    yield from kinds._rules()[2].values()
    yield public_bodies._rules().bodies
    yield levels._rules().carried_out


RULES = [(searcher, number) for searcher in _searchers() for number in range(len(searcher.sought))]


def _not_begun(rest: list[Any], prefix: str, beginnings: tuple[str, ...]) -> Iterator[str]:
    """Ways in which a parsed pattern can start that none of the beginnings is the beginning of."""
    if prefix and any(prefix.startswith(one) for one in beginnings):
        return
    if not rest or not any(one.startswith(prefix) for one in beginnings):
        yield prefix
        return
    (code, value), rest = rest[0], rest[1:]
    name, ways = str(code), []
    if name == "LITERAL":
        yield from _not_begun(rest, prefix + chr(value).lower(), beginnings)
        return
    if name == "IN":
        for kind, found in value:
            if str(kind) == "LITERAL":
                ways.append([(kind, found), *rest])
            elif not (str(found) == "CATEGORY_DIGIT" and DIGIT in beginnings and not prefix):
                yield f"{prefix}[{kind} {found}]"
    elif name == "BRANCH":
        ways = [[*one, *rest] for one in value[1]]
    elif name == "SUBPATTERN":
        ways = [[*value[-1], *rest]]
    elif name in ("MAX_REPEAT", "MIN_REPEAT"):
        least, most, part = value
        ways = [rest] if least == 0 else []
        if most:
            ways.append([*part, (code, (max(least - 1, 0), most - 1, part)), *rest])
    elif name in ("ASSERT", "ASSERT_NOT", "AT"):
        if str(value) != "AT_BEGINNING" or AT_START not in beginnings:
            ways = [rest]
    else:
        yield f"{prefix}[{name}]"
    for way in ways:
        yield from _not_begun(way, prefix, beginnings)


@pytest.mark.parametrize(("searcher", "number"), RULES)
def test_a_rule_cannot_start_otherwise_than_its_beginnings_say(searcher: Searcher, number: int) -> None:
    one = searcher.sought[number]
    parsed = list(_parser.parse(one.pattern.pattern, one.pattern.flags))
    assert list(_not_begun(parsed, "", tuple(word.lower() for word in one.beginnings))) == []


@pytest.mark.parametrize(("searcher", "number"), RULES)
@settings(max_examples=60)
@given(data=st.data())
def test_the_beginnings_of_a_rule_are_those_of_its_matches(
    searcher: Searcher, number: int, data: st.DataObject
) -> None:
    pattern = searcher.sought[number].pattern
    text = data.draw(st.sampled_from(["", "\n", "， "])) + data.draw(st.from_regex(pattern))
    found, expected = searcher.read(text).search(number), pattern.search(text)
    assert (found and found.span()) == (expected and expected.span())


@given(PIECES, PIECES, st.sampled_from([None, "media"]))
def test_kind_and_level_are_those_of_rules_tried_everywhere(
    title: str, text: str, source: str | None
) -> None:
    fast = kinds.kind_of(title, text, source_kind=source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Searcher, "read", lambda self, text: Sightings(text, self.sought, None))
        patch.setattr(levels, "may_name", bool)
        assert kinds.kind_of(title, text, source_kind=source) == fast


@given(PIECES, PIECES)
def test_bodies_of_the_first_part_are_those_of_the_whole(first: str, second: str) -> None:
    first = first.replace("\n", " ")
    whole = f"{first}\n{second}"
    expected = [chain for chain in public_bodies.find_chains(whole) if chain.end <= len(first)]
    assert list(public_bodies.chains_within(whole, len(first))) == expected
    assert public_bodies.may_name(first) or not expected


@given(PIECES)
def test_a_lone_place_is_demoted_as_it_is_read(text: str) -> None:
    for hit in find_hits(text):
        assert city_context.is_demoted(text, hit) == city_context.read_hits(text, [hit], 0)[0].demoted


@given(ODD)
def test_a_story_is_folded_as_its_definition_says(text: str) -> None:
    simplified = OpenCC("t2s").convert(unicodedata.normalize("NFKC", text).casefold())
    points = re.sub(r"(?<!\d)\.|\.(?!\d)|[^\w.]|_", "", simplified)
    assert compare.stories.fold(text) == points


@given(ODD)
def test_text_is_normalised_alike_when_common_forms_are_replaced_first(text: str) -> None:
    fast = folding.fold(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folding, "_COMMON_FORMS", ())
        assert folding.fold(text) == fast
