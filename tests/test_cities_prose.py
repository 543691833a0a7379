"""Short texts made to mislead: the cities they are about, those they name, and what a source decides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from classify.cities import all_cities, find_cities
from classify.gazetteer import abbreviations, provinces, short_names
from classify.place_names import find_hits
from hexapolis.records import CityRole

FIXTURE = Path(__file__).parent / "fixtures" / "cities.jsonl"
PROSE = [json.loads(line) for line in FIXTURE.read_text(encoding="utf-8").splitlines()]
CODES = {city.zh: city.code for city in all_cities()}
ZH = {city.code: city.zh for city in all_cities()}

# Prefecture-level units (cities, regions, leagues, autonomous prefectures), counted by province.
UNITS = {
    **{
        "河北": 11,
        "山西": 11,
        "内蒙古": 12,
        "辽宁": 14,
        "吉林": 9,
        "黑龙江": 13,
        "江苏": 13,
        "浙江": 11,
        "安徽": 16,
    },
    **{
        "福建": 9,
        "江西": 11,
        "山东": 16,
        "河南": 17,
        "湖北": 13,
        "湖南": 14,
        "广东": 21,
        "广西": 14,
        "海南": 4,
    },
    **{
        "四川": 21,
        "贵州": 9,
        "云南": 16,
        "西藏": 7,
        "陕西": 10,
        "甘肃": 14,
        "青海": 8,
        "宁夏": 5,
        "新疆": 14,
    },
}
RUN_BY_THE_PROVINCE = {"河南": 1, "湖北": 4, "海南": 15, "新疆": 12}


def read(item: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Names of the subjects and of the cities only mentioned."""
    source = CODES[item["source_city"]] if item["source_city"] else None
    tags = find_cities(item["title"], item["text"], source_city=source)
    subjects = {ZH[t.city_code] for t in tags if t.role is CityRole.SUBJECT}
    return subjects, {ZH[t.city_code] for t in tags} - subjects


def subjects_of(text: str, source: str | None = None) -> set[str]:
    return read({"title": None, "text": text, "source_city": source})[0]


def test_each_province_has_its_number_of_prefectures() -> None:
    found: dict[str, int] = {}
    for city in all_cities():
        if city.level in ("prefecture", "sub-provincial"):
            name = provinces()[city.province_code][0]
            found[name] = found.get(name, 0) + 1
    assert found == UNITS
    assert sum(found.values()) + 4 == 337  # with the four municipalities


def test_the_units_run_by_their_province_are_there() -> None:
    found: dict[str, int] = {}
    for city in all_cities():
        if city.level == "county":
            name = provinces()[city.province_code][0]
            found[name] = found.get(name, 0) + 1
    assert found == RUN_BY_THE_PROVINCE


@pytest.mark.parametrize("item", [i for i in PROSE if not i["unsolved"]], ids=lambda i: i["text"][:24])
def test_misleading_prose(item: dict[str, Any]) -> None:
    assert read(item) == (set(item["subjects"]), set(item["mentioned"]))


@pytest.mark.parametrize(("role", "floor"), [("subjects", 0.95), ("mentioned", 0.9)])
def test_all_misleading_prose_together(role: str, floor: float) -> None:
    """F1 over all texts, those that are not read rightly included."""
    hit = over = missed = 0
    for item in PROSE:
        found, wanted = read(item)[role == "mentioned"], set(item[role])
        hit += len(found & wanted)
        over += len(found - wanted)
        missed += len(wanted - found)
    assert len(PROSE) >= 200
    assert 2 * hit / (2 * hit + over + missed) >= floor


# ---- the source's city decides what the text leaves open, and nothing else


@pytest.mark.parametrize(
    ("text", "source", "subjects"),
    [
        ("南山发布具身智能新政。", "深圳", {"深圳"}),
        ("南山发布具身智能新政。", None, set()),
        ("深圳南山发布具身智能新政。", "鹤岗", {"深圳"}),
        ("我市印发算力券管理办法。", "东莞", {"东莞"}),
        ("我市印发算力券管理办法。", None, set()),
        ("东京全市推广机器人，与我市结好的杭州市政府印发大模型办法。", "东莞", {"杭州"}),
        ("Taizhou will fund AI in factories.", "泰州", {"泰州"}),
        ("Taizhou in Zhejiang will fund AI in factories.", "泰州", {"台州"}),
        ("杭州日报讯 我市印发算力券管理办法。", "东莞", set()),
    ],
)
def test_the_source_decides_only_what_is_open(text: str, source: str | None, subjects: set[str]) -> None:
    assert subjects_of(text, source) == subjects


def test_a_source_without_a_known_city_changes_nothing() -> None:
    text = "我市印发算力券管理办法，南山的企业可以申领。"
    assert find_cities(None, text, source_city="440000") == find_cities(None, text) == ()


@pytest.mark.parametrize("item", PROSE[::5], ids=lambda i: i["text"][:24])
def test_a_source_never_takes_away_what_the_text_says(item: dict[str, Any]) -> None:
    plain = {t.city_code for t in find_cities(item["title"], item["text"]) if t.role is CityRole.SUBJECT}
    hinted = find_cities(item["title"], item["text"], source_city="341300")
    if "Suzhou" not in item["text"]:
        assert plain <= {t.city_code for t in hinted if t.role is CityRole.SUBJECT}


# ---- short forms


def test_a_joint_form_is_one_hit_for_each_of_its_cities() -> None:
    hits = find_hits("沪杭共建语料联盟。")
    assert [(h.start, h.end, h.code, h.kind) for h in hits] == [
        (0, 2, "310000", "joint"),
        (0, 2, "330100", "joint"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "京沪高铁、广深城际和京港澳高速。",
        "王沪宁出席会议。",
        "推广深度学习。",
        "粤港澳、京津冀和沪深股市。",
        "资深企业家与建筑企业。",
    ],
)
def test_a_short_form_in_another_word_is_no_city(text: str) -> None:
    assert find_hits(text) == []


def test_every_short_form_leads_to_cities() -> None:
    known = {city.code for city in all_cities()}
    assert all(set(codes) <= known and codes for codes in abbreviations().codes)


def test_short_names_leave_out_everyday_words() -> None:
    tianjin = short_names("120000")
    assert "津南" in tianjin
    assert "和平" not in tianjin
