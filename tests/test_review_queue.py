"""The review queue: what it may never do, and why each text is chosen."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classify.likeness import shingles, spread, unit_vectors
from classify.review_queue import Candidate, Kind, Mix, in_audit, lot, next_to_review
from hexapolis.records import DIMENSIONS

HALF = dict.fromkeys(DIMENSIONS, 0.5)
UNCERTAIN_ONLY = Mix(0, 0, 0)


def text(number: int, *, sure: float = 0.02, **given) -> Candidate:
    """An article the model is sure about, unless probabilities are given by name of the dimension."""
    probability = {d: given.pop(d, sure) for d in DIMENSIONS}
    threshold = HALF | {d: given.pop(f"{d}_threshold") for d in DIMENSIONS if f"{d}_threshold" in given}
    values = {"story": number, "language": "zh", "cities": (), "relevance": 0.02, "relevance_threshold": 0.5}
    return Candidate(id=number, probability=probability, threshold=threshold, **(values | given))


def crowd(count: int = 400, seed: int = 3, **given) -> list[Candidate]:
    random = np.random.default_rng(seed)
    table = random.beta(0.4, 1.2, (count, len(DIMENSIONS) + 1)).tolist()
    return [
        replace(
            text(n, **dict(zip(DIMENSIONS, row, strict=False)), relevance=row[-1]),
            **({"cities": (f"City{n % 9}",), "audit": in_audit(n)} | given),
        )
        for n, row in enumerate(table)
    ]


def ids(choices):
    return [one.id for one in choices]


# --- what holds for every queue -----------------------------------------------------------------------------


@st.composite
def pools(draw):
    count = draw(st.integers(0, 40))
    random = draw(st.randoms(use_true_random=False))
    return [
        text(
            n,
            **{d: random.choice([0, 0.1, 0.5, 0.6, 1]) for d in DIMENSIONS},
            relevance=random.random(),
            story=random.randrange(20),
            cities=tuple(random.sample(["Wuhan", "Wuxi", "Jinan"], random.randrange(3))),
            reviewed=random.random() < 0.2,
            audit=random.random() < 0.2,
            content=frozenset(random.sample(range(50), 5)),
        )
        for n in range(count)
    ]


@given(pools(), st.integers(0, 50), st.sampled_from([0.0, 0.1, 0.5, 1.0]), st.integers(0, 3))
def test_a_story_comes_once_and_never_after_a_review(pool, count, share, seed):
    choices = next_to_review(pool, count=count, audit_share=share, seed=seed)
    stories = [one.story for one in choices]
    first = {story: min((c for c in pool if c.story == story), key=lambda c: c.id) for story in stories}
    assert len(choices) <= count
    assert len(set(stories)) == len(stories)
    assert not set(stories) & {one.story for one in pool if one.reviewed}
    for one in choices:
        assert one.id == first[one.story].id
        assert one.audit == first[one.story].audit
        assert one.reason.startswith(one.kind.value)


@given(pools(), st.integers(0, 30))
def test_the_queue_does_not_depend_on_the_order_of_candidates(pool, count):
    assert next_to_review(pool, count=count, seed=5) == next_to_review(pool[::-1], count=count, seed=5)


@given(pools())
def test_everything_outside_the_audit_comes_in_the_end(pool):
    choices = next_to_review(pool, count=100, audit_share=0)
    done = {one.story for one in pool if one.reviewed}
    audited = {c.story for c in pool if c.audit and c.id == min(o.id for o in pool if o.story == c.story)}
    assert {one.story for one in choices} == {one.story for one in pool} - done - audited


def test_the_seed_decides_between_equals():
    same = [text(n) for n in range(50)]
    queues = {tuple(ids(next_to_review(same, count=5, seed=seed))) for seed in range(5)}
    assert len(queues) > 1


@pytest.mark.parametrize("wrong", [{"count": -1}, {"count": 1, "audit_share": 1.5}])
def test_senseless_wishes_are_refused(wrong):
    with pytest.raises(ValueError, match=r"count|audit_share"):
        next_to_review([], **wrong)


def test_a_candidate_without_a_probability_is_refused():
    broken = replace(text(1), probability={"compute": 0.5})
    with pytest.raises(ValueError, match="technology"):
        next_to_review([broken], count=1)


def test_a_mix_of_more_than_everything_is_refused():
    with pytest.raises(ValueError, match="together at most 1"):
        Mix(0.5, 0.5, 0.5)


# --- uncertain ----------------------------------------------------------------------------------------------


def test_the_text_nearest_its_threshold_is_first_and_says_so():
    pool = [text(n) for n in range(30)] + [text(30, industry=0.31, industry_threshold=0.3)]
    choice = next_to_review(pool, count=1, mix=UNCERTAIN_ONLY)[0]
    assert (choice.id, choice.kind, choice.target) == (30, Kind.UNCERTAIN, "industry")
    assert choice.reason == "uncertain: industry at 0.31, threshold 0.30"


def test_doubtful_relevance_counts_too():
    pool = [text(n) for n in range(30)] + [text(30, relevance=0.5)]
    assert next_to_review(pool, count=1, mix=UNCERTAIN_ONLY)[0].target == "relevance"


def test_a_rare_dimension_is_not_drowned_by_a_common_one():
    # Half of all texts are near in `application`; in `compute` five come somewhat near, all others are far.
    common = [text(n, application=0.45 + 0.1 * (n % 2), sure=0.001) for n in range(300)]
    rare = [text(300 + n, compute=0.2 + 0.01 * n, sure=0.001) for n in range(5)]
    sure = [text(400 + n, sure=0.001) for n in range(300)]
    chosen = ids(next_to_review([*common, *rare, *sure], count=20, mix=UNCERTAIN_ONLY, audit_share=0))
    assert len(set(chosen) & {one.id for one in rare}) == 5


def test_a_batch_is_not_one_text_over_and_over():
    base = frozenset(range(100))
    alike = [text(n, support=0.5, content=base - {n}) for n in range(30)]
    others = [
        text(100 + n, support=0.47, content=frozenset({10_000 + 50 * n + k for k in range(40)}))
        for n in range(9)
    ]
    chosen = ids(next_to_review([*alike, *others], count=10, mix=UNCERTAIN_ONLY, audit_share=0))
    assert len([n for n in chosen if n < 30]) == 1


def test_without_contents_the_answers_tell_texts_apart():
    pool = [text(n, support=0.5) for n in range(30)] + [
        text(40, compute=0.45),
        text(41, compute=0.45, language="en"),
    ]
    chosen = ids(next_to_review(pool, count=3, mix=UNCERTAIN_ONLY, audit_share=0))
    assert {40, 41} < set(chosen)


# --- diverse, thin ------------------------------------------------------------------------------------------


def test_diverse_choices_are_unlike_what_was_reviewed():
    known, new = frozenset(range(100)), frozenset(range(500, 600))
    pool = [text(n, content=known - {n}, reviewed=n < 20) for n in range(60)] + [text(99, content=new)]
    choice = next_to_review(pool, count=1, mix=Mix(1, 0, 0), audit_share=0)[0]
    assert (choice.id, choice.kind) == (99, Kind.DIVERSE)


def test_a_city_without_reviews_comes_first_and_is_named():
    seen = [text(n, relevance=0.9, cities=("Wuhan",), reviewed=True) for n in range(5)]
    pool = [text(10 + n, relevance=0.9, cities=("Wuhan",)) for n in range(5)]
    thin = text(20, relevance=0.9, cities=("Jinan",))
    irrelevant = text(21, cities=("Wuxi",))
    choices = next_to_review([*seen, *pool, thin, irrelevant], count=2, mix=Mix(0, 1, 0), audit_share=0)
    assert [one.target for one in choices] == ["Jinan", "Wuhan"]
    assert [one.reason for one in choices] == [
        "thin city: no reviews of Jinan",
        "thin city: 5 reviews of Wuhan",
    ]


def test_within_a_city_the_dimension_with_the_fewest_reviews_weighs_more():
    seen = [text(n, relevance=0.9, cities=("Wuhan",), compute=0.9, reviewed=True) for n in range(5)]
    pool = [
        text(10, relevance=0.9, cities=("Wuhan",), compute=0.9),
        text(11, relevance=0.9, cities=("Wuhan",), support=0.8),
    ]
    assert ids(next_to_review([*seen, *pool], count=1, mix=Mix(0, 1, 0), audit_share=0)) == [11]


def test_a_dimension_with_few_reviews_comes_before_those_with_many():
    seen = [text(n, **dict.fromkeys(set(DIMENSIONS) - {"data_talent"}, 0.9), reviewed=True) for n in range(5)]
    pool = [text(10 + n, compute=0.5) for n in range(20)] + [text(50, data_talent=0.7)]
    choice = next_to_review([*seen, *pool], count=1, mix=Mix(0, 0, 1), audit_share=0)[0]
    assert (choice.id, choice.reason) == (50, "thin dimension: no reviews with data_talent")


def test_one_article_at_a_time_comes_to_the_same_mix():
    pool, kinds = crowd(), Counter()
    for _ in range(100):
        choice = next_to_review(pool, count=1)[0]
        kinds[choice.kind] += 1
        pool[choice.id] = replace(pool[choice.id], reviewed=True)
    assert kinds[Kind.AUDIT] == 10
    assert all(8 <= kinds[kind] <= 10 for kind in (Kind.DIVERSE, Kind.THIN_CITY, Kind.THIN_DIMENSION))


def test_who_stops_halfway_has_read_half_of_each_kind():
    choices = next_to_review(crowd(), count=40)
    half, whole = Counter(c.kind for c in choices[:20]), Counter(c.kind for c in choices)
    assert set(whole) == set(Kind)
    assert all(abs(half[kind] - whole[kind] / 2) <= 1 for kind in Kind)


# --- audit --------------------------------------------------------------------------------------------------


def test_membership_is_stable_and_a_larger_share_only_adds():
    small = {n for n in range(5000) if in_audit(n, 0.1)}
    assert small < {n for n in range(5000) if in_audit(n, 0.2)}
    assert len(small) / 5000 == pytest.approx(0.1, abs=0.02)
    assert lot(1) != lot(1, seed=1)
    # Stores rely on this: another lot for a stored article would let texts that trained a model measure it.
    assert [n for n in range(60) if in_audit(n)] == [4, 20, 30, 34, 38, 49]


def test_the_audit_does_not_listen_to_the_model():
    pool = crowd(seed=3)
    turned = [replace(one, relevance=1 - one.relevance) for one in crowd(seed=4)]
    drawn = [[c.id for c in next_to_review(p, count=50) if c.audit] for p in (pool, turned)]
    assert drawn[0] == drawn[1] == sorted((n for n in range(400) if in_audit(n)), key=lot)[:5]


def test_an_audit_article_is_never_chosen_for_another_reason():
    pool = [replace(one, audit=True, probability=HALF) for one in crowd(60)] + [
        text(n) for n in range(60, 120)
    ]
    for choice in next_to_review(pool, count=100):
        assert choice.audit == (choice.id < 60)


def test_missing_audits_are_made_up_for_little_by_little():
    pool = [replace(one, reviewed=n < 200 and not one.audit) for n, one in enumerate(crowd())]
    choices = next_to_review(pool, count=20)
    assert sum(one.audit for one in choices) == 4  # owed are twenty, twice the batch's own part comes


# --- likeness -----------------------------------------------------------------------------------------------


def test_copies_are_alike_and_other_texts_are_not():
    one = "深圳市发布行动方案，支持企业购买算力服务，按实际支出给予补贴，并建设城市级智能算力平台。" * 2
    other = "The museum opens late on Fridays and shows ceramics from three dynasties until spring." * 2
    vectors = unit_vectors([shingles(one), shingles(one + "转载。"), shingles(other), None])
    product = vectors @ vectors.T
    assert product[0, 1] > 0.9
    assert abs(product[0, 2]) < 0.4
    assert not vectors[3].any()


def test_spread_takes_worth_first_and_then_distance():
    own = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert spread(own, np.array([3.0, 2.0, 1.0]), np.empty((0, 2)), 5) == [0, 2, 1]
    assert spread(own, np.array([3.0, 2.0, 1.0]), own[:1], 1) == [2]


def test_contents_of_two_sorts_are_refused():
    with pytest.raises(ValueError, match="all shingles or all vectors"):
        unit_vectors([frozenset({1}), np.ones(3)])
    with pytest.raises(ValueError, match="one length"):
        unit_vectors([np.ones(2), np.ones(3)])
