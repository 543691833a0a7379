"""The codebook: what it states, and that its rendered page is in step."""

from __future__ import annotations

import copy
import datetime as dt
from pathlib import Path

import pytest
import yaml

from classify.codebook import CODEBOOK_PATH, load_codebook, parse_codebook, render_markdown
from hexapolis.errors import ConfigError
from hexapolis.records import DIMENSIONS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "codebook.md"


@pytest.fixture
def raw() -> dict:
    return copy.deepcopy(yaml.safe_load(CODEBOOK_PATH.read_text("utf-8")))


def test_dimensions_are_the_six_of_the_records_in_order():
    assert tuple(d.id for d in load_codebook().dimensions) == DIMENSIONS


def test_the_plan_is_stated_with_its_facts():
    plan = load_codebook().plan
    assert (plan.dimension_count, plan.measure_count, plan.scenario_count) == (6, 18, 26)
    assert plan.fund_group_cny == 100_000_000_000
    assert plan.issued_on == dt.date(2023, 5, 31)
    assert plan.city == "Shenzhen"
    assert len(plan.focus_sectors) == 5


def test_profile_gives_each_chapter_the_same_weight_and_says_why():
    plan = load_codebook().plan
    assert plan.profile == dict.fromkeys(DIMENSIONS, pytest.approx(1 / 6))
    assert "one sixth" in plan.profile_note.en


def test_fourteen_boundaries_in_both_languages():
    boundaries = load_codebook().boundaries
    assert len(boundaries) == 14
    assert len({b.id for b in boundaries}) == 14
    assert all(b.text.zh and b.text.en for b in boundaries)


def test_dimension_is_found_by_id_and_other_words_are_refused():
    assert load_codebook().dimension("data_talent").zh == "数据和人才要素"
    with pytest.raises(KeyError):
        load_codebook().dimension("talent")


def test_rendered_page_is_in_step():
    assert PAGE.read_text("utf-8") == render_markdown(load_codebook())


def test_missing_part_is_named(raw):
    del raw["plan"]["measures"]
    with pytest.raises(ConfigError, match="measures"):
        parse_codebook(raw)


def test_other_order_of_dimensions_is_refused(raw):
    raw["dimensions"].reverse()
    with pytest.raises(ConfigError, match="in that order"):
        parse_codebook(raw)
