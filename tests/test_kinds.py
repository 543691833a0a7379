"""What sort of text a document is and at what level: `classify/kinds.py`.

The fixtures are invented. `development` was written before the rules, `first-sight` after them and before any
was run; `later` shows mistakes that real pages brought up. How many of the first-sight ones were right at
first sight is in docs/document-kinds.md.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from classify.kinds import ENDING, OPENING, KindAnswer, kind_of
from classify.public_bodies import find_chains
from hexapolis.records import DocumentKind, Level

HERE = Path(__file__).parent
PAGES = HERE.parents[1] / "shared" / "data" / "pages"
ROWS: list[dict[str, Any]] = [
    json.loads(line) for line in (HERE / "fixtures" / "kinds.jsonl").read_text("utf-8").splitlines()
]
KNOWN = ("issuer", "document_number", "source_kind")


def answer(row: dict[str, Any]) -> KindAnswer:
    return kind_of(row["title"], row["text"], **{name: row.get(name) for name in KNOWN})


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_kind_and_level_of_an_invented_document(row: dict[str, Any]) -> None:
    found = answer(row)
    assert (found.kind, found.level) == (row["kind"], row["level"]), found


@pytest.mark.parametrize("half", ["development", "first-sight"])
def test_either_half_has_every_kind_and_level_in_both_languages(half: str) -> None:
    rows = [row for row in ROWS if row["half"] == half]
    for english in (False, True):
        of_language = [row for row in rows if (row["title"] + row["text"]).isascii() is english]
        assert {row["kind"] for row in of_language} == {kind.value for kind in DocumentKind}
        assert {row["level"] for row in of_language} == {level.value for level in Level}


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("深圳市智能机器人行动计划", "plan"),
        ("深圳市人民政府关于印发《深圳市智能机器人行动计划》的通知", "plan"),
        ("《深圳市智能机器人行动计划》印发", "news"),
        ("深圳印发《深圳市智能机器人行动计划》", "news"),
        ("《深圳市智能机器人行动计划》解读", "interpretation"),
        ("一图读懂《深圳市智能机器人行动计划》", "interpretation"),
        ("关于公开征求《深圳市智能机器人行动计划（征求意见稿）》意见的公告", "notice"),
        ("深圳市智能机器人管理办法", "regulation"),
        ("深圳市人民政府关于印发《深圳市智能机器人管理办法》的通知", "regulation"),
        ("Shenzhen Action Plan for Robots", "plan"),
        ("Shenzhen issues action plan for robots", "news"),
        ("Interpretation of the Shenzhen Action Plan for Robots", "interpretation"),
        ("Opinion | Shenzhen's action plan for robots is too timid", "commentary"),
    ],
)
def test_a_document_and_what_is_said_about_it_are_told_apart(title: str, kind: str) -> None:
    found = kind_of(title, "")
    assert (found.kind, found.level) == (kind, Level.CITY), found


def test_the_reason_is_the_words_that_decided() -> None:
    found = kind_of("南山区机器人租赁管理办法", "为规范租赁，制定本办法。")
    assert (found.reason.words, found.reason.where) == ("办法", "title")
    assert (found.level_reason.words, found.level_reason.where) == ("南山区", "title")


def test_a_text_without_title_is_told_by_its_form() -> None:
    found = kind_of(None, "第一条 为规范算力设施，制定本办法。\n第二条 本市行政区域内适用。")
    assert (found.kind, found.reason.where) == (DocumentKind.REGULATION, "opening")
    assert (found.level, found.level_reason.where) == (Level.CITY, "opening")


def test_without_any_evidence_nothing_is_claimed() -> None:
    found = kind_of(None, "")
    assert (found.kind, found.level) == (DocumentKind.OTHER, Level.NONE)
    assert (found.reason.words, found.reason.where) == ("", "nowhere")
    assert (found.level_reason.words, found.level_reason.where) == ("", "nowhere")


@pytest.mark.parametrize(
    ("number", "level"),
    [
        ("国发〔2025〕11号", "national"),
        ("工信部科〔2025〕3号", "national"),
        ("粤府办〔2025〕7号", "province"),
        ("苏政发〔2025〕7号", "province"),
        ("苏府〔2025〕7号", "city"),
        ("深府规[2025]5号", "city"),
        ("沪府发（2025）9号", "city"),
        ("京政发〔2025〕2号", "city"),
        ("杭政办函〔2025〕4号", "city"),
        ("深南府办〔2025〕6号", "district"),
        ("浦府规〔2025〕6号", "district"),
    ],
)
def test_the_document_number_tells_the_level(number: str, level: str) -> None:
    found = kind_of("智能终端行动计划", "为推动智能终端普及。", document_number=number)
    assert (found.level, found.level_reason.where) == (level, "document_number")


@pytest.mark.parametrize(
    ("issuer", "level"),
    [
        ("国家互联网信息办公室", "national"),
        ("浙江省经济和信息化厅", "province"),
        ("上海市经济和信息化委员会", "city"),
        ("市科技局", "city"),
        ("上海市浦东新区人民政府", "district"),
        ("鼓楼区人民政府", "district"),  # several cities have one
        ("北京经济技术开发区管理委员会", "district"),
        ("Guangdong Provincial Department of Science and Technology", "province"),
        ("Haidian District People's Government", "district"),
    ],
)
def test_the_issuer_tells_the_level(issuer: str, level: str) -> None:
    found = kind_of("智能终端行动计划", "为推动智能终端普及。", issuer=issuer)
    assert (found.level, found.level_reason.where) == (level, "issuer")


def test_the_body_that_opens_the_title_counts_more_than_the_issuer_a_page_names() -> None:
    title = "广州市民政局关于印发养老机器人推广方案的通知"
    found = kind_of(title, "现印发给你们，请遵照执行。", issuer="广州市天河区财政局")
    assert (found.level, found.level_reason.where) == (Level.CITY, "title")


def test_a_site_that_carries_news_of_the_nation_does_not_make_it_a_city_s() -> None:
    found = kind_of("国务院常务会议研究智能算力", "会议11月7日举行，研究智能算力。", issuer="青岛市人民政府")
    assert (found.kind, found.level) == (DocumentKind.NEWS, Level.NATIONAL)


def test_traditional_characters_read_as_simplified_ones() -> None:
    traditional = kind_of("深圳市智能機器人發展條例", "第一條 為了促進機器人發展，制定本條例。")
    simplified = kind_of("深圳市智能机器人发展条例", "第一条 为了促进机器人发展，制定本条例。")
    assert traditional == simplified


def test_column_and_site_behind_a_title_are_not_the_title() -> None:
    assert kind_of("深圳市智能机器人行动计划_深圳市人民政府网", "").kind is DocumentKind.PLAN
    assert kind_of("深圳市智能机器人行动计划_政策解读_深圳政府在线", "").kind is DocumentKind.INTERPRETATION


@pytest.mark.parametrize("kind", ["media", "research"])
def test_the_kind_of_the_source_decides_only_where_nothing_else_does(kind: str) -> None:
    by_source = kind_of("算力的账本", "算力要算账。", source_kind=kind)
    assert by_source.kind is (DocumentKind.NEWS if kind == "media" else DocumentKind.COMMENTARY)
    assert (by_source.reason.words, by_source.reason.where) == (kind, "source_kind")
    assert kind_of("深圳市算力条例", "", source_kind=kind).kind is DocumentKind.REGULATION


def test_only_the_first_and_last_part_of_a_long_text_is_read() -> None:
    head, tail = "为推动智能终端普及，提出以下意见。" * 200, "附则。" * 300 + "\n苏州市人民政府"
    assert len(head) > OPENING and len(tail) > ENDING
    whole = kind_of("智能终端实施意见", head + "国务院关于印发条例的通知。" * 400_000 + tail)
    assert whole == kind_of("智能终端实施意见", head + tail)
    assert (whole.level, whole.level_reason.where) == (Level.CITY, "ending")


@pytest.mark.parametrize(
    "text",
    [
        "\ud800深圳市\udc00行动计划",
        "\x00\x01\x02",
        "\n" * 9_000,
        "《" * 9_000,
        "以" * 9_000,
        "Shenzhen " * 3_000,
        "measures for the " * 3_000,
        "第一条" * 5_000,
    ],
    ids=["surrogates", "control", "lines", "brackets", "one word", "one city", "one phrase", "articles"],
)
def test_odd_input_gets_an_answer(text: str) -> None:
    for title in (None, text):
        found = kind_of(title, text, issuer=text, document_number=text)
        assert found.kind in DocumentKind and found.level in Level


def test_names_in_a_row_are_one_body_of_the_lowest_rank() -> None:
    text = "广东省深圳市南山区人民政府与江苏省"
    assert [(text[c.start : c.end], c.level) for c in find_chains(text)] == [
        ("广东省深圳市南山区人民政府", Level.DISTRICT),
        ("江苏省", Level.PROVINCE),
    ]


@pytest.mark.parametrize(
    "words", ["清华大学", "深圳大学", "上海医院", "深圳商报", "京港澳高速", "美国财政部"]
)
def test_names_that_only_contain_a_place_or_a_ministry_are_no_body(words: str) -> None:
    assert find_chains(f"{words}日前发布") == ()


REAL = {
    "gov-37daa17aa5": ("regulation", "city"),
    "gov-6d666fbc73": ("regulation", "city"),
    "gov-8062d584a0": ("regulation", "national"),
    "gov-9e654d391f": ("notice", "city"),
    "gov-d5578d7763": ("other", "city"),
    "gov-d6af8709f6": ("news", "province"),
    "gov-ddf3e74fac": ("notice", "city"),
    "gov-e3eb3c6c19": ("other", "city"),
    "gov-f1aefd3716": ("regulation", "district"),
}


@pytest.mark.skipif(not (PAGES / "index.jsonl").is_file(), reason="the pages for measuring are not here")
def test_kind_and_level_of_real_government_pages() -> None:
    found = {}
    for row in map(json.loads, (PAGES / "index.jsonl").read_text("utf-8").splitlines()):
        if (name := row["file"].removesuffix(".html.gz")) in REAL:
            text = (PAGES / f"{name}.txt").read_text("utf-8")
            told = kind_of(row["title"], text, issuer=row["issuer"], source_kind="government")
            found[name] = (told.kind.value, told.level.value)
    assert found == REAL
