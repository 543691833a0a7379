"""Models as a user chooses them: training with reviews, the test, candidates, promotion, rollback."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Result
from reviewed_articles import article_is_stored, review_by, story_key
from sqlalchemy import select

from classify import active as active_models
from classify import corpus as corpora
from classify import model_history, promotion
from classify import train as training
from classify.corpus import load_corpus
from classify.learning import is_held_out
from classify.model import Tagger
from classify.model_history import FORCED, PROMOTED, activate, active_id, ever_active, rollback, trail_of
from classify.promotion import LEAST_LABELS, list_models
from hexapolis.__main__ import main
from hexapolis.errors import ModelError
from hexapolis.records import LabelledText, ReviewKind
from store.engine import Store
from store.reviews import add_review
from store.schema import version

NOW = dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def small() -> list[LabelledText]:
    return load_corpus()[::12]


@pytest.fixture(scope="module")
def taggers(small: list[LabelledText]) -> tuple[Tagger, Tagger]:
    """Two models that answer differently."""
    return training.train(small), training.train(load_corpus()[5::12])


@pytest.fixture
def folder(tmp_path: Path, taggers: tuple[Tagger, Tagger]) -> Path:
    """Both models, the first of them in use as the first command that needs a model makes it."""
    models = tmp_path / "models"
    for tagger in taggers:
        tagger.save(models)
    active_models.set_active(models, taggers[0].model_id)
    return models


@pytest.fixture
def command(
    tmp_path: Path,
    small: list[LabelledText],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Result]:
    """The command in this process, with a twelfth of the corpus."""
    monkeypatch.setattr(corpora, "load_corpus", lambda: list(small))

    def run(*words: str) -> Result:
        monkeypatch.setattr("sys.argv", ["hexapolis", "--data", str(tmp_path), *words])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Result(int(ended.value.code or 0), out, err)

    return run


def reviews_are_stored(
    data: Path, items: list[LabelledText], kind: ReviewKind = ReviewKind.BLIND, **rest: object
) -> None:
    """Each text becomes an article, and a reviewer says of it what the corpus says."""
    store = Store.open(f"sqlite:///{data / 'hexapolis.db'}")
    for item in items:
        number = article_is_stored(
            store, f"http://a.example/{item.id}", item.text, language=item.language or "zh"
        )
        with store.write() as connection:
            given = review_by("li", tuple(item.dims), version_id=number, kind=kind, relevant=item.relevant)
            add_review(connection, dataclasses.replace(given, **rest))
    store.close()


def stories(count: int, *, held_out: bool, share: float = 0.5) -> list[LabelledText]:
    """Chinese texts of the corpus, a share of them with `compute`, whose stories are held out or are not."""
    fitting = [
        i
        for i in load_corpus()
        if i.language == "zh" and not i.contested and is_held_out(story_key(i.text)) == held_out
    ]
    yes = [item for item in fitting if "compute" in item.dims][: int(count * share)]
    return yes + [item for item in fitting if "compute" not in item.dims][: count - len(yes)]


# --- history ------------------------------------------------------------------------------------------------


def test_a_rollback_returns_to_the_model_that_another_command_had_made_active(
    folder: Path, taggers: tuple[Tagger, Tagger]
) -> None:
    first, second = (tagger.model_id for tagger in taggers)
    activate(folder, second, PROMOTED, NOW)
    assert (active_id(folder), trail_of(folder)) == (second, [first, second])
    assert rollback(folder, NOW) == first
    assert (active_id(folder), trail_of(folder)) == (first, [first])
    assert ever_active(folder) == {first, second}
    with pytest.raises(ModelError, match="no other model was in use before"):
        rollback(folder, NOW)
    acts = [json.loads(line) for line in (folder / "history").read_text().splitlines()]
    assert [(a["act"], a["model_id"]) for a in acts] == [
        ("found", first),
        ("promoted", second),
        ("rollback", first),
    ]
    assert acts[0]["at"] == "2026-01-02T03:04:00+00:00"


def test_several_steps_back(folder: Path, taggers: tuple[Tagger, Tagger]) -> None:
    first, second = (tagger.model_id for tagger in taggers)
    Tagger(taggers[1].parts, {**taggers[1].card, "model_id": "third"}).save(folder)
    activate(folder, second, PROMOTED, NOW)
    activate(folder, "third", FORCED, NOW)
    activate(folder, "third", PROMOTED, NOW)  # it is active already: nothing to go back to
    assert [rollback(folder, NOW), rollback(folder, NOW)] == [second, first]
    assert ever_active(folder) == {first, second, "third"}


def test_what_was_made_active_behind_the_history_is_not_lost(
    folder: Path, taggers: tuple[Tagger, Tagger]
) -> None:
    first, second = (tagger.model_id for tagger in taggers)
    activate(folder, first, PROMOTED, NOW)
    active_models.set_active(folder, second)  # or a crash before the history was written
    assert trail_of(folder) == [first, second]
    assert rollback(folder, NOW) == first


def test_a_line_that_a_crash_cut_short_does_no_harm(folder: Path, taggers: tuple[Tagger, Tagger]) -> None:
    first, second = (tagger.model_id for tagger in taggers)
    activate(folder, second, PROMOTED, NOW)
    with (folder / "history").open("ab") as file:
        file.write(b'{"at": "2026-')
    assert trail_of(folder) == [first, second]
    assert rollback(folder, NOW) == first
    assert len((folder / "history").read_text().splitlines()) == 3


def test_a_history_of_something_else_is_an_error_with_its_line(folder: Path) -> None:
    (folder / "history").write_text("not JSON\n")
    for act in (trail_of, lambda path: rollback(path, NOW), list_models):
        with pytest.raises(ModelError, match=r"history:1: is no line of a history"):
            act(folder)


def test_a_model_that_is_gone_or_damaged_is_not_returned_to(
    folder: Path, taggers: tuple[Tagger, Tagger]
) -> None:
    first, second = (tagger.model_id for tagger in taggers)
    activate(folder, second, PROMOTED, NOW)
    (folder / first / "model.skops").write_bytes(b"x")
    with pytest.raises(ModelError, match="its sha256 is not the one"):
        rollback(folder, NOW)
    assert (active_id(folder), trail_of(folder)) == (second, [first, second])


def test_after_a_rollback_tags_are_the_same_bit_for_bit(
    folder: Path, taggers: tuple[Tagger, Tagger], command: Callable[..., Result], small: list[LabelledText]
) -> None:
    docs = [(item.title, item.text) for item in small]

    def tags() -> list[str]:
        return [repr(tagging) for tagging in active_models.ensure_model(folder).tag_many(docs)]

    before, bytes_before = tags(), (folder / taggers[0].model_id / "model.skops").read_bytes()
    assert command("models", "promote", taggers[1].model_id).code == 0
    assert tags() != before
    assert command("models", "rollback").code == 0
    assert tags() == before
    assert (folder / taggers[0].model_id / "model.skops").read_bytes() == bytes_before


# --- models -------------------------------------------------------------------------------------------------


def test_models_are_listed_promoted_and_rolled_back(
    folder: Path, taggers: tuple[Tagger, Tagger], command: Callable[..., Result]
) -> None:
    first, second = (tagger.model_id for tagger in taggers)

    def states() -> dict[str, tuple[str, str | None, bool]]:
        rows = command("models", "--json").rows
        return {row["id"]: (row["state"], row["reason"], row["rollback"]) for row in rows}

    assert states() == {first: ("active", None, False), second: ("candidate", "not tested yet", False)}
    done = command("models", "promote", second, "--json").row
    assert (done["model_id"], done["state"], done["promotion"]["passed"]) == (second, "active", True)
    assert "there are no held-out reviews yet" in done["promotion"]["reason"]
    assert states() == {first: ("previous", None, True), second: ("active", None, False)}
    table = command("models").out
    assert "previous, rollback returns to it" in table
    back = command("models", "rollback", "--json").row
    assert back == {"model_id": first, "state": "active", "replaced": second}
    assert states() == {first: ("active", None, False), second: ("previous", None, False)}


def test_what_a_listed_model_tells(folder: Path, taggers: tuple[Tagger, Tagger]) -> None:
    row = next(row for row in list_models(folder) if row["state"] == "active")
    card = taggers[0].card
    assert (row["created_at"], row["seed"]) == (card["created_at"], 0)
    assert row["texts"] == card["data"]["texts"]
    assert row["folds_macro_f1"] == card["held_out_macro_f1"]
    assert row["held_out_reviews"] is None


def test_models_that_cannot_be_used_say_why(folder: Path, taggers: tuple[Tagger, Tagger]) -> None:
    card = folder / taggers[1].model_id / "card.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"codebook_version": "1066.1"}))
    (folder / "broken").mkdir()
    (folder / "broken" / "card.json").write_text("{")
    rows = {row["id"]: row for row in list_models(folder)}
    assert rows["broken"]["state"] == rows[taggers[1].model_id]["state"] == "unusable"
    assert "another codebook version" in rows[taggers[1].model_id]["reason"]
    assert "is not a model card" in rows["broken"]["reason"]


def test_no_models_no_rows(command: Callable[..., Result]) -> None:
    result = command("models", "--json")
    assert (result.code, result.out, result.err) == (0, "", "")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["models", "promote", "0000"], 1, "no model '0000'; `hexapolis models` lists them"),
        (["models", "promote", "../models"], 1, "no model '../models'"),
        (["models", "promote"], 2, "ID"),
        (["models", "rollback"], 1, "no other model was in use before"),
        (["models", "--json", "rollback"], 2, "write the options behind `models rollback`"),
        (["train", "--self-training"], 2, "give --with-reviews too"),
        (["train", "--with-reviews"], 1, "no database here yet"),
    ],
)
def test_errors_are_one_line(
    command: Callable[..., Result], words: list[str], code: int, message: str
) -> None:
    result = command(*words)
    assert (result.code, result.out, result.err.count("\n")) == (code, "", 1), result.err
    assert message in result.err


# --- training -----------------------------------------------------------------------------------------------


def test_training_with_reviews(tmp_path: Path, command: Callable[..., Result]) -> None:
    learnt, held = stories(6, held_out=False), stories(4, held_out=True)
    reviews_are_stored(tmp_path, learnt + held)
    reviews_are_stored(tmp_path, stories(12, held_out=False)[-2:], audit=True)
    plain = command("train", "--json").row
    result = command("train", "--with-reviews", "--json")
    assert result.code == 0
    card = result.row
    sources = card["data"]["sources"]
    assert (card["state"], sources["held_out"], sources["reviewed_by_kind"]) == ("active", 4, {"blind": 6})
    assert sources["audit_left_out"] == 2
    assert "6 reviewed stories, 4 held out for the test, 2 of the audit left out" in result.err
    assert card["model_id"] != plain["model_id"]
    assert card["promotion"]["compared_with"] == plain["model_id"]
    rows = {row["id"]: row for row in command("models", "--json").rows}
    assert rows[card["model_id"]]["sources"] == sources
    assert rows[card["model_id"]]["held_out_reviews"]["texts"] == 4
    assert rows[plain["model_id"]]["rollback"] is True


def test_a_model_that_does_worse_stays_a_candidate(
    tmp_path: Path,
    small: list[LabelledText],
    command: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = stories(2 * LEAST_LABELS, held_out=True, share=0.2)
    reviews_are_stored(tmp_path, held)
    good = command("train", "--json").row
    wrong = [dataclasses.replace(i, dims=i.dims ^ {"compute"}) for i in small]
    monkeypatch.setattr(corpora, "load_corpus", lambda: wrong)
    bad = command("train", "--json")
    assert bad.code == 0
    assert (bad.row["state"], bad.row["promotion"]["compared_with"]) == ("candidate", good["model_id"])
    models, bad_id = tmp_path / "models", bad.row["model_id"]
    assert active_id(models) == good["model_id"]
    recorded = json.loads((models / bad_id / promotion.PROMOTION_FILE).read_text())
    assert recorded["reason"].startswith("compute in zh falls from ")
    listed = next(row for row in command("models", "--json").rows if row["id"] == bad_id)
    assert (listed["state"], listed["reason"]) == ("candidate", recorded["reason"])
    refused = command("models", "promote", bad_id)
    assert (refused.code, refused.out, refused.err.count("\n")) == (1, "", 1)
    assert "stays a candidate: compute in zh falls" in refused.err
    assert active_id(models) == good["model_id"]
    forced = command("models", "promote", bad_id, "--force", "--json").row
    assert (forced["state"], forced["promotion"]["passed"]) == ("active", False)
    acts = [
        json.loads(line)["act"] for line in (models / model_history.HISTORY_FILE).read_text().splitlines()
    ]
    assert acts[-1] == "forced"
    assert command("models", "rollback", "--json").row["model_id"] == good["model_id"]


def test_self_training_takes_what_the_active_model_is_sure_of(
    tmp_path: Path, folder: Path, taggers: tuple[Tagger, Tagger], command: Callable[..., Result]
) -> None:
    active = taggers[0].model_id
    store = Store.open(f"sqlite:///{tmp_path / 'hexapolis.db'}")
    sure = {"yes": 0.99, "no": 0.01, "model_id": active}
    for n in range(3):
        article_is_stored(store, f"http://a.example/yes{n}", f"某市发放算力券第{n}批。", **sure)  # type: ignore[arg-type]
    for n in range(2):
        article_is_stored(
            store,
            f"http://a.example/no{n}",
            f"明天多云{n}度。",
            dims=(),
            relevant=False,
            **sure,  # type: ignore[arg-type]
        )
    article_is_stored(store, "http://a.example/unsure", "某市新闻。", model_id=active)
    with store.read() as connection:
        assert len(connection.execute(select(version.c.id)).all()) == 6
    store.close()
    card = command("train", "--with-reviews", "--self-training", "--json").row
    assert card["data"]["sources"]["self_training"] == 4
    assert card["model_id"] != active
