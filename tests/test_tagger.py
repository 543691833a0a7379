"""The tagger: answers, evidence, training, model files and hostile input."""

from __future__ import annotations

import dataclasses
import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classify import active as active_models
from classify import train as training
from classify.active import active_model, ensure_model, set_active
from classify.corpus import corpus_digest, load_corpus, load_labelled
from classify.features import MAX_CHARACTERS, outline
from classify.folding import fold
from classify.lexicon import load_lexicon
from classify.model import Tagger
from classify.model_files import CARD_FILE, MODEL_FILE, TARGETS
from classify.scoring import dimension_scores
from classify.train import best_threshold, model_id_for, train
from hexapolis.errors import CorpusError, InputFileError, ModelError
from hexapolis.records import DIMENSIONS

ZH = (
    "苏州市发布若干措施。\n市级智算中心新增算力3000P，对中小企业发放算力券，最高抵扣五成租金。\n"
    "设立人工智能产业基金五十亿元，面向全市人工智能企业提供股权投资。"
)


@pytest.fixture(scope="module")
def items():
    return load_corpus()[::4]


@pytest.fixture(scope="module")
def tagger(items):
    return train(items)


@pytest.fixture
def saved(tagger, tmp_path):
    return tagger.save(tmp_path / "models")


# ------------------------------------------------------------------ answers


def test_every_dimension_is_answered_and_the_obvious_ones_are_tagged(tagger):
    tagging = tagger.tag("苏州市人工智能若干措施", ZH)
    assert set(tagging.dimensions) == set(DIMENSIONS)
    assert "compute" in tagging.tags
    assert "support" in tagging.tags
    assert tagging.relevant
    assert [c.city for c in tagging.cities] == ["Suzhou"]


def test_unrelated_news_carries_nothing(tagger):
    tagging = tagger.tag(None, "今夜到明天多云转小雨，偏北风三到四级，最低气温六度。")
    assert tagging.tags == ()
    assert not tagging.relevant


def test_evidence_quotes_the_passages_that_carry_the_dimension_strongest_first(tagger):
    tagging = tagger.tag(None, ZH)
    spans = {(p.start, p.end) for p in tagging.passages}
    for score in tagging.dimensions.values():
        assert [e.score for e in score.evidence] == sorted((e.score for e in score.evidence), reverse=True)
        assert all((e.start, e.end) in spans and e.score >= score.threshold for e in score.evidence)
    best = tagging.dimensions["compute"].evidence[0]
    assert ZH[best.start : best.end] == "市级智算中心新增算力3000P，对中小企业发放算力券，最高抵扣五成租金。"


def test_tagged_follows_the_threshold_whatever_the_relevance(tagger):
    tagging = tagger.tag(None, "美国一家公司建成大型数据中心，新增算力三万卡。\n" + ZH)
    for score in tagging.dimensions.values():
        assert score.tagged == (score.probability >= score.threshold)


def test_one_by_one_and_many_give_the_same_answers(tagger, items):
    docs = [(item.title, item.text) for item in items[:70]]
    assert tagger.tag_many(docs) == [tagger.tag(*doc) for doc in docs]


def test_traditional_script_reads_like_simplified(tagger):
    simplified = tagger.tag(None, "广州市建设智能算力中心，为中小企业发放算力券。")
    traditional = tagger.tag(None, "廣州市建設智能算力中心，為中小企業發放算力券。")
    assert traditional.dimensions == simplified.dimensions
    assert fold("ＡＩ智算中心　發放") == "ai智算中心 发放"


def test_a_concrete_sentence_in_a_long_report_is_found(tagger):
    filler = "全年粮食总产量稳定，新建高标准农田二十万亩，城镇新增就业八万人，居民收入稳步增长。"
    text = filler * 6 + "新建智算中心投入运行，全市智能算力达到5000P。" + filler * 6
    tagging = tagger.tag(None, text)
    assert "compute" in tagging.tags
    assert tagger.tag(None, filler * 12).tags == ()


@pytest.mark.parametrize(
    ("filler", "sentence"),
    [
        ("粮食总产量稳定，居民收入稳步增长。", "调度模型给每辆货车排好进港时间。"),
        ("Grain output was stable and incomes grew. ", "A dispatching model gives lorries a time. "),
        ("Grain output was stable and incomes grew. ", "Unmanned buses serve two districts. "),
    ],
)
def test_a_long_text_is_scored_where_it_speaks_of_a_model_and_not_of_ai(filler, sentence):
    lexicon = load_lexicon()
    scattered = outline(None, filler * 12 + sentence + filler * 12, lexicon)
    assert scattered.scattered
    assert [scattered.sentences[first] for first, _ in scattered.units] == [fold(sentence).strip()]
    assert outline(None, filler * 24, lexicon).units == ()


def test_whole_text_of_a_bare_table_of_contents_carries_less_than_its_content(tagger):
    bare = tagger.tag(None, "一、算力\n二、人才\n全文共三章，自印发之日起施行。")
    assert "compute" not in bare.tags


# ------------------------------------------------------------------ hostile input


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a",
        "算",
        "�",
        "�算力�",
        "\x00\x01\x02",
        "😀" * 50,
        "<p>" * 500,
        "。" * 3000,
        "\n" * 3000,
        "AI " * 200,
        "（" * 400,
        "1,2," * 400,
    ],
)
def test_odd_text_is_answered(tagger, text):
    tagging = tagger.tag(text, text)
    assert set(tagging.dimensions) == set(DIMENSIONS)
    assert all(0.0 <= s.probability <= 1.0 for s in tagging.dimensions.values())
    assert 0.0 <= tagging.relevance <= 1.0


def test_empty_text_is_irrelevant_and_carries_nothing(tagger):
    tagging = tagger.tag(None, "")
    assert (tagging.relevant, tagging.tags, tagging.passages) == (False, (), ())


def test_only_the_beginning_of_a_huge_text_is_read(tagger):
    tagging = tagger.tag(None, "算力中心建成投用。" * 600_000)
    assert max(p.end for p in tagging.passages) <= MAX_CHARACTERS


@settings(max_examples=60, deadline=None)
@given(title=st.one_of(st.none(), st.text(max_size=80)), text=st.text(max_size=300))
def test_any_text_gives_exact_quotes(tagger, title, text):
    tagging = tagger.tag(title, text)
    spans = {(p.start, p.end) for p in tagging.passages}
    for score in tagging.dimensions.values():
        assert all((e.start, e.end) in spans for e in score.evidence)


# ------------------------------------------------------------------ roll-up


@given(st.integers(1, 6), st.integers(0, 10_000))
def test_a_document_scores_as_its_best_passage(count, seed):
    text = "\n".join(f"第{n}座智算中心建成投用。" for n in range(count))
    one = outline(None, text, load_lexicon())
    units = np.random.default_rng(seed).normal(size=(len(one.units), len(DIMENSIONS)))
    document, passages = dimension_scores(one, units)
    assert np.array_equal(document, passages.max(axis=0))
    raised = units.copy()
    raised[0] += 1.0
    assert np.all(dimension_scores(one, raised)[0] >= document)


# ------------------------------------------------------------------ training


def test_same_texts_and_seed_give_the_same_model(tagger, items):
    again = train(list(reversed(items)))
    assert again.model_id == tagger.model_id == model_id_for(items)
    assert model_id_for(items, seed=1) != tagger.model_id
    assert model_id_for(items[1:]) != tagger.model_id


def test_training_twice_gives_the_same_answers(tagger, items):
    assert train(items).tag(None, ZH) == tagger.tag(None, ZH)


def test_thresholds_come_from_texts_the_fold_has_not_seen(items, monkeypatch):
    seen: list[set[int]] = []
    tested: list[set[int]] = []
    fit, scores = training._fit, training._Data.document_scores

    def spy_fit(data, rows, seed):
        seen.append(set(rows.tolist()))
        return fit(data, rows, seed)

    def spy_scores(self, probe, rows):
        tested.append(set(rows.tolist()))
        return scores(self, probe, rows)

    monkeypatch.setattr(training, "_fit", spy_fit)
    monkeypatch.setattr(training._Data, "document_scores", spy_scores)
    train(items)
    assert len(tested) == training.PARAMETERS["folds"]
    assert all(not (a & b) for a, b in zip(seen, tested, strict=False))
    assert set().union(*tested) == set(range(len(items)))


def test_near_duplicates_stay_in_one_fold(items):
    twins = [
        dataclasses.replace(item, id=f"{item.id}-twin", text=item.text + "特此说明。") for item in items[:30]
    ]
    data = training._Data([*items, *twins], {})
    folds = training._folds(data, seed=0)
    assert np.array_equal(folds[:30], folds[len(items) :])


def test_best_threshold_separates_what_can_be_separated():
    truth = np.array([False] * 10 + [True] * 10)
    probability = np.linspace(0.1, 0.9, 20)
    threshold = best_threshold(truth, probability)
    assert np.array_equal(probability >= threshold, truth)


def test_card_tells_data_parameters_versions_and_held_out_metrics(tagger, items):
    card = tagger.card
    assert card["data"]["digest"] == corpus_digest(items)
    assert (
        card["data"]["texts"] == len(items) == sum(v["texts"] for v in card["data"]["by_language"].values())
    )
    assert set(card["thresholds"]) == set(TARGETS)
    assert set(card["held_out"]["compute"]) == {"all", "en", "zh"}
    assert {"python", "scikit-learn", "numpy", "skops"} <= set(card["libraries"])
    assert json.loads(json.dumps(card)) == card


def test_too_few_texts_are_refused(items):
    with pytest.raises(CorpusError, match="too few"):
        train(items[:6])


# ------------------------------------------------------------------ model files


def test_saved_model_answers_the_same(tagger, saved):
    loaded = Tagger.load(saved)
    assert loaded.model_id == tagger.model_id
    assert loaded.tag("苏州", ZH) == tagger.tag("苏州", ZH)


def test_saving_twice_is_fine_and_leaves_no_drafts(tagger, saved):
    assert tagger.save(saved.parent) == saved
    assert [p.name for p in saved.parent.iterdir()] == [tagger.model_id]


def test_tampered_model_is_refused(saved):
    content = bytearray((saved / MODEL_FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (saved / MODEL_FILE).write_bytes(content)
    with pytest.raises(ModelError, match="sha256"):
        Tagger.load(saved)


def rewrite(saved: Path, content: bytes) -> None:
    """Put other bytes in the model file, with a card that vouches for them."""
    import hashlib

    (saved / MODEL_FILE).write_bytes(content)
    card = json.loads((saved / CARD_FILE).read_text("utf-8"))
    card["model_sha256"] = hashlib.sha256(content).hexdigest()
    (saved / CARD_FILE).write_text(json.dumps(card), "utf-8")


class Bomb:
    def __reduce__(self):
        return (Path("exploded").touch, ())


def test_a_pickle_is_refused_and_does_not_run(saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rewrite(saved, pickle.dumps(Bomb()))
    with pytest.raises(ModelError):
        Tagger.load(saved)
    assert not (tmp_path / "exploded").exists()


def test_a_type_that_is_not_listed_is_refused(saved):
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO((saved / MODEL_FILE).read_bytes())) as old,
        zipfile.ZipFile(buffer, "w") as new,
    ):
        for name in old.namelist():
            data = old.read(name)
            if name == "schema.json":
                data = data.replace(b'"LogisticRegression"', b'"LogisticRegressionCV"')
            new.writestr(name, data)
    rewrite(saved, buffer.getvalue())
    with pytest.raises(ModelError, match="LogisticRegressionCV"):
        Tagger.load(saved)


@pytest.mark.parametrize("field", ["format", "lexicon_digest", "codebook_version"])
def test_a_model_of_another_version_says_what_to_do(saved, field):
    card = json.loads((saved / CARD_FILE).read_text("utf-8"))
    card[field] = "another"
    (saved / CARD_FILE).write_text(json.dumps(card), "utf-8")
    with pytest.raises(ModelError, match="hexapolis train"):
        Tagger.load(saved)


@pytest.mark.parametrize("card", ["", "[]", "{}", "not json"])
def test_a_broken_card_is_refused(saved, card):
    (saved / CARD_FILE).write_text(card, "utf-8")
    with pytest.raises(ModelError):
        Tagger.load(saved)


def test_a_missing_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match="cannot be read"):
        Tagger.load(tmp_path / "none")


# ------------------------------------------------------------------ the active model


def test_active_model_is_the_one_that_was_named(tagger, saved):
    assert active_model(saved.parent) is None
    set_active(saved.parent, tagger.model_id)
    active = active_model(saved.parent)
    assert active is not None
    assert active.model_id == tagger.model_id


@pytest.mark.parametrize("model_id", ["unknown", "../elsewhere", ""])
def test_a_model_that_is_not_there_cannot_be_named(saved, model_id):
    with pytest.raises(ModelError):
        set_active(saved.parent, model_id)


def test_ensure_model_trains_once_then_loads(items, tmp_path, monkeypatch):
    monkeypatch.setattr(active_models, "load_corpus", lambda: items)
    first = ensure_model(tmp_path)
    monkeypatch.setattr(active_models, "train", lambda _: pytest.fail("trained again"))
    assert ensure_model(tmp_path).model_id == first.model_id
    (tmp_path / active_models.ACTIVE_FILE).unlink()
    assert ensure_model(tmp_path).model_id == first.model_id
    assert (tmp_path / active_models.ACTIVE_FILE).read_text("utf-8").strip() == first.model_id


def test_ensure_model_replaces_an_active_model_that_cannot_be_used(items, tmp_path, monkeypatch):
    monkeypatch.setattr(active_models, "load_corpus", lambda: items)
    first = ensure_model(tmp_path)
    (tmp_path / first.model_id / CARD_FILE).write_text("{}", "utf-8")
    assert ensure_model(tmp_path).model_id == first.model_id
    assert active_model(tmp_path) is not None


# ------------------------------------------------------------------ the corpus


def test_corpus_is_labelled_throughout():
    items = load_corpus()
    assert all(item.relevant is not None and item.language in ("zh", "en") for item in items)
    for dimension in DIMENSIONS:
        assert sum(dimension in item.dims for item in items) >= 50


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"id": "a", "text": "x", "dims": ["computing"]}', "dims"),
        ('{"id": "a", "text": "x"}', "dims"),
        ('{"id": "a", "text": "", "dims": []}', "text"),
        ('{"text": "x", "dims": []}', "id"),
        ('{"id": "a", "text": "x", "dims": [], "relevant": "yes"}', "relevant"),
        ('{"id": "a", "text": "x", "dims": [], "unit": "page"}', "unit"),
        ('{"id": "a", "text": "x", "dims": [], "cities": "Suzhou"}', "cities"),
        ("[1]", "line"),
        ("{", "line"),
        ('{"id": "ok", "text": "x", "dims": []}', "already"),
    ],
)
def test_a_broken_line_is_named_with_file_line_and_field(tmp_path, line, complaint):
    path = tmp_path / "labels.jsonl"
    path.write_text('{"id": "ok", "text": "x", "dims": ["compute"]}\n\n' + line + "\n", "utf-8")
    with pytest.raises(CorpusError, match=rf"labels\.jsonl:3: .*{complaint}"):
        load_labelled(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputFileError, match=r"none\.jsonl"):
        load_labelled(tmp_path / "none.jsonl")


def test_digest_does_not_depend_on_order_but_on_content(items):
    assert corpus_digest(list(reversed(items))) == corpus_digest(items)
    changed = [dataclasses.replace(items[0], text=items[0].text + "!"), *items[1:]]
    assert corpus_digest(changed) != corpus_digest(items)
