"""The authored corpus keeps its rules, and each check sees what it is for. No model is trained here."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `bench` is not installed

from bench.corpus_check import report
from bench.corpus_check.__main__ import main
from bench.corpus_check.copies import alike, find_contradictions, find_copies
from bench.corpus_check.entries import corpus_files, read_entries
from bench.corpus_check.rules import (
    PAIRS_PER_RULE,
    RULES,
    find_broken_rules,
    find_doubtful,
)
from bench.corpus_check.templates import find_templates

CLUSTER = "苏州市在相城区开建一座智算中心，一期装卡四千张，明年六月通电，向本地中小企业按机时收费。"
OPERA = "本周末，昆剧院在沧浪亭连演三晚，票价六十元，学生凭证半价，散场后加开两班夜间公交。"


@pytest.fixture
def entries(tmp_path):
    """Reads lines as if they were a file of the corpus; what is not given is filled in."""

    def read(*lines):
        path = tmp_path / "made.jsonl"
        rows = []
        for number, line in enumerate(lines):
            row = {"id": f"t-{number}", "lang": "zh", "unit": "passage", "genre": "news", "text": OPERA}
            rows.append(row | {"dims": [], "relevant": False, "cities": []} | line)
        path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
        return read_entries([path])

    return read


def checks(findings, *, hard=True):
    return {(finding.check, finding.ids) for finding in findings if finding.hard is hard}


@pytest.fixture(scope="module")
def corpus():
    return read_entries(corpus_files())


# ------------------------------------------------------------------ the corpus


def test_the_corpus_keeps_its_rules(corpus):
    assert [str(finding) for finding in find_broken_rules(corpus)] == []


def test_no_text_of_the_corpus_is_a_copy_of_another(corpus):
    pairs = alike(corpus)
    assert [str(one) for one in find_copies(pairs) + find_contradictions(pairs) if one.hard] == []


# ------------------------------------------------------------------ the checks


def test_a_copy_with_another_number_is_found(entries):
    text = CLUSTER + OPERA + CLUSTER.replace("智算中心", "体育公园")
    found = entries({"text": text}, {"text": text.replace("四千", "五千")}, {"text": OPERA[::-1]})
    assert checks(find_copies(alike(found))) == {("copy", ("t-0", "t-1"))}


def test_a_text_inside_a_longer_one_is_a_copy(entries):
    found = entries({"text": OPERA + CLUSTER}, {"text": CLUSTER})
    assert checks(find_copies(alike(found))) == {("copy", ("t-0", "t-1"))}


def test_one_text_with_two_labels_is_a_contradiction(entries):
    found = entries({"text": CLUSTER, "dims": ["compute"]}, {"text": CLUSTER.replace("，", " ， ")})
    assert checks(find_contradictions(alike(found))) == {("contradiction", ("t-0", "t-1"))}


def test_a_twin_with_another_label_asks_to_be_read(entries):
    twin = CLUSTER.replace("一座智算中心，一期装卡四千张", "一座冷链仓库，一期库容四千吨")
    found = find_contradictions(alike(entries({"text": CLUSTER, "dims": ["compute"]}, {"text": twin})))
    assert checks(found, hard=False) == {("contradiction", ("t-0", "t-1"))}


def test_the_two_texts_of_a_pair_may_be_alike(entries):
    twin = {"text": CLUSTER, "pair": "rule-01-a"}
    pairs = alike(entries(twin | {"dims": ["compute"]}, twin))
    assert len(pairs) == 1
    assert find_copies(pairs) + find_contradictions(pairs) == []


def test_an_english_text_is_compared_with_english_texts(entries):
    text = (
        "Suzhou will open a hall with four thousand cards in June and let local firms rent them by the hour."
    )
    found = entries({"text": text, "lang": "en"}, {"text": text, "lang": "en"}, {"text": OPERA})
    assert checks(find_copies(alike(found))) == {("copy", ("t-0", "t-1"))}


@pytest.mark.parametrize("city", ["Taipei", "Kaohsiung", "Busan", "Shenzen", "Kunshan"])
def test_a_city_that_is_not_in_the_gazetteer_is_found(entries, city):
    assert ("city", ("t-0",)) in checks(find_broken_rules(entries({"cities": [city]})))


@pytest.mark.parametrize("cities", [["Hong Kong"], ["Macao"], ["Xi'an", "Taizhou"], ["Suzhou", "Kunshan"]])
def test_cities_of_the_gazetteer_pass(entries, cities):
    assert "city" not in {finding.check for finding in find_broken_rules(entries({"cities": cities}))}


@pytest.mark.parametrize("change", ["turned", "short"])
def test_fields_in_another_order_or_missing_are_found(entries, tmp_path, change):
    assert "fields" not in {finding.check for finding in find_broken_rules(entries({}))}
    path = tmp_path / "made.jsonl"
    fields = list(json.loads(path.read_text("utf-8")).items())
    if change == "turned":
        fields.reverse()
    else:
        fields.pop(3)  # the genre
    path.write_text(json.dumps(dict(fields)), "utf-8")
    assert ("fields", ("t-0",)) in checks(find_broken_rules(read_entries([path])))


def test_an_id_in_two_files_is_found(entries, tmp_path):
    entries({})
    (tmp_path / "other.jsonl").write_bytes((tmp_path / "made.jsonl").read_bytes())
    found = read_entries([tmp_path / "made.jsonl", tmp_path / "other.jsonl"])
    assert ("id", ("t-0",)) in checks(find_broken_rules(found))


def test_a_corpus_that_is_too_small_is_found(entries):
    details = [finding.detail for finding in find_broken_rules(entries({"dims": ["compute"]}))]
    assert "1 texts, at least 3000 are wanted" in details
    assert "0 en texts, at least 1500 are wanted" in details
    assert "0 texts without a dimension, at least 0 are wanted" in details
    assert f"rule {RULES} has 0 pairs, at least {PAIRS_PER_RULE} are wanted" in details


@pytest.mark.parametrize(
    "lines",
    [
        [{"pair": "rule-03-a", "dims": ["compute"]}],
        [{"pair": "rule-03-a"}, {"pair": "rule-03-a"}],
        [{"pair": "rule-15-a"}, {"pair": "rule-15-a", "dims": ["compute"]}],
        [{"pair": "rule-3"}, {"pair": "rule-3", "dims": ["compute"]}],
    ],
    ids=["half", "same label", "no such rule", "no name"],
)
def test_a_broken_pair_is_found(entries, lines):
    ids = tuple(f"t-{number}" for number in range(len(lines)))
    assert ("pair", ids) in checks(find_broken_rules(entries(*lines)))


def test_openings_and_closings_that_many_texts_have_are_found(entries):
    middle = ["桃花开了", "大桥合龙", "渔船回港", "新书上架", "旱情缓解", "电梯换新"]
    texts = [{"text": f"今天上午九点整传来消息，{one}，以上就是全部内容。"} for one in middle]
    everyone = tuple(f"t-{number}" for number in range(len(texts)))
    found = checks(find_templates(entries(*texts), []), hard=False)
    assert {("opening", everyone), ("closing", everyone)} <= found


def test_a_run_that_three_texts_share_is_found(entries):
    phrase = "把沿街商铺的招牌统一换成蓝底白字"
    texts = [f"镇里开会后决定{phrase}", f"居民不同意{phrase}的做法", f"有人问为何{phrase}"]
    found = find_templates(entries(*({"text": text} for text in texts)), [])
    assert ("repeated run", ("t-0", "t-1", "t-2")) in checks(found, hard=False)


def test_one_sentence_with_its_slots_exchanged_is_found(entries):
    mould = "{}的{}在{}，把{}与{}和{}从{}、{}到{}的{}。"
    slots = ("桥路河山城乡东西南北", "春夏秋冬晨昏日月星辰", "铜铁锡金银木石土水火")
    found = find_templates(entries(*({"text": mould.format(*ten)} for ten in slots)), [])
    assert ("sentence skeleton", ("t-0", "t-1", "t-2")) in checks(found, hard=False)


def test_what_contradicts_itself_asks_to_be_read(entries):
    found = find_doubtful(
        entries(
            {"text": "梅雨季到了，出门要带伞。", "cities": ["Hangzhou"]},
            {"text": "梅雨季到了，出门要带伞。", "relevant": True},
            {"text": "奋力打造全球人工智能新高地。", "dims": ["industry"]},
            {"text": "（责任单位：科技局、数据局、算力中心建设指挥部、发展改革委）", "dims": ["compute"]},
            {"text": CLUSTER, "dims": ["compute"], "relevant": True, "cities": ["Suzhou"]},
        )
    )
    assert checks(found, hard=False) == {
        ("city unnamed", ("t-0",)),
        ("relevant nowhere", ("t-1",)),
        ("empty words", ("t-2",)),
        ("empty words", ("t-3",)),
    }


def test_the_command_fails_on_a_broken_rule_and_names_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(report, "corpus_files", list)
    path = tmp_path / "new.jsonl"
    line = {"id": "new-1", "lang": "zh", "unit": "passage", "genre": "news", "text": OPERA}
    path.write_text(json.dumps(line | {"dims": [], "relevant": False, "cities": ["Taipei"]}), "utf-8")
    assert main([str(path)]) == 1
    assert "HARD city new-1: 'Taipei' is not in the gazetteer" in capsys.readouterr().out
    assert main([str(tmp_path / "none.jsonl")]) == 1
    assert "none.jsonl" in capsys.readouterr().err
