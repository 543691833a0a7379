"""Reviews: what may be stored, that nothing is ever lost, and what they come to."""

from __future__ import annotations

import dataclasses
import datetime as dt
import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from conftest import ROOT, Result
from hypothesis import given
from hypothesis import strategies as st
from reviewed_articles import NOON, article_is_stored, review_by, story_key
from sqlalchemy import delete, insert, inspect, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from hexapolis.errors import NotFoundError, StoreError, UsageError
from hexapolis.records import DIMENSIONS, Review, ReviewKind, ReviewSpan
from store.engine import Store
from store.reviews import (
    add_review,
    find_review,
    labelled_stories,
    labels,
    resolve,
    reviews_of,
    sure_texts,
    version_of,
)
from store.schema import review

TEXT = "深圳市发放算力券，并设立产业基金。"


@pytest.fixture
def version_id(store: Store) -> int:
    return article_is_stored(store, "http://a.example/1", TEXT)


def added(store: Store, *given: Review) -> list[int]:
    with store.write() as connection:
        return [add_review(connection, one) for one in given]


def undo_of(number: int, reviewer: str = "li", minute: int = 99, **rest: object) -> Review:
    return review_by(reviewer, None, minute=minute, kind=ReviewKind.UNDO, undoes=number, **rest)


# --- storing ------------------------------------------------------------------------------------------------


def test_a_review_comes_back_as_it_was_given(store: Store, version_id: int) -> None:
    full = review_by(
        "li",
        ("compute", "support"),
        version_id=version_id,
        kind=ReviewKind.BLIND,
        relevant=True,
        cities=("110000", "440300"),
        evidence=(ReviewSpan("compute", 0, 8), ReviewSpan("support", 9, 17)),
        audit=True,
        note="zwei 二",
    )
    empty = review_by("wang", None, version_id=version_id)
    nothing = review_by("wang", (), version_id=version_id, cities=(), relevant=False)
    first, second, third = added(store, full, empty, nothing)
    assert first < second < third
    with store.read() as connection:
        assert find_review(connection, first) == dataclasses.replace(full, id=first)
        assert reviews_of(connection, [version_id]) == [
            dataclasses.replace(full, id=first),
            dataclasses.replace(empty, id=second),
            dataclasses.replace(nothing, id=third),
        ]
        assert reviews_of(connection) == reviews_of(connection, [version_id])
        assert reviews_of(connection, []) == reviews_of(connection, [version_id + 1]) == []


def test_dimensions_are_kept_in_the_order_of_the_plan(store: Store, version_id: int) -> None:
    (number,) = added(store, review_by("li", ("support", "compute"), version_id=version_id))
    with store.read() as connection:
        assert find_review(connection, number).dims == ("compute", "support")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reviewer": " "}, "the name of its reviewer"),
        ({"dims": ("computing",)}, "unknown dimension 'computing'"),
        ({"cities": ("4403",)}, "'4403' is not a GB/T 2260 code"),
        (
            {"evidence": (ReviewSpan("support", 0, 3),)},
            "evidence for support, which the review does not name",
        ),
        ({"evidence": (ReviewSpan("compute", 0, 18),)}, "0:18 is not in the text of 17 characters"),
        ({"evidence": (ReviewSpan("compute", 3, 3),)}, "3:3 is not in the text"),
        ({"evidence": (ReviewSpan("compute", -1, 3),)}, "-1:3 is not in the text"),
        ({"undoes": 1}, "an undo names the review"),
        ({"kind": ReviewKind.UNDO, "dims": None}, "an undo names the review"),
    ],
)
def test_what_cannot_be_a_review_is_refused(
    store: Store, version_id: int, change: dict[str, object], words: str
) -> None:
    sound = review_by("li", ("compute",), version_id=version_id)
    with pytest.raises(UsageError, match=words):
        added(store, dataclasses.replace(sound, **change))  # type: ignore[arg-type]
    with store.read() as connection:
        assert reviews_of(connection) == []


def test_a_version_that_is_not_there(store: Store, version_id: int) -> None:
    with pytest.raises(NotFoundError, match="no version 77"):
        added(store, review_by("li", version_id=77))
    with store.read() as connection, pytest.raises(NotFoundError, match="no article 77"):
        version_of(connection, 77)


def test_undo_is_a_row_of_its_own_and_happens_once(store: Store, version_id: int) -> None:
    (number,) = added(store, review_by("li", ("compute",), version_id=version_id))
    (undo,) = added(store, undo_of(number, "wang", version_id=version_id))
    with store.read() as connection:
        assert [one.id for one in reviews_of(connection)] == [number, undo]
        assert labels(connection) == {}
    with pytest.raises(UsageError, match=f"review {number} was taken back already"):
        added(store, undo_of(number, version_id=version_id))
    with pytest.raises(UsageError, match=f"{undo} is itself an undo"):
        added(store, undo_of(undo, version_id=version_id))
    with pytest.raises(NotFoundError, match="no review 77"):
        added(store, undo_of(77, version_id=version_id))
    (other,) = added(store, review_by("li", version_id=version_id))
    with pytest.raises(UsageError, match="judges nothing"):
        added(store, undo_of(other, version_id=version_id, relevant=True))


def test_an_undo_belongs_to_the_version_of_its_review(store: Store, version_id: int) -> None:
    other = article_is_stored(store, "http://a.example/2", "另一篇文章。")
    (number,) = added(store, review_by("li", version_id=version_id))
    with pytest.raises(UsageError, match=f"review {number} is of version {version_id}, not {other}"):
        added(store, undo_of(number, version_id=other))


@pytest.mark.parametrize(
    "change",
    [
        update(review).values(note="another"),
        update(review).values(id=review.c.id + 100),
        delete(review),
        delete(review).where(review.c.id == 1),
    ],
)
def test_the_database_refuses_to_change_or_remove_a_review(
    store: Store, version_id: int, change: object
) -> None:
    assert_refused(store, version_id, change)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "change",
    [
        text("INSERT OR REPLACE INTO review SELECT * FROM review WHERE undoes IS NULL"),
        text("REPLACE INTO review SELECT id, version_id, 'x', at, kind, audit, 0, dims, cities, evidence, "
             "note, codebook_version, undoes FROM review WHERE undoes IS NOT NULL"),
    ],
)  # fmt: skip
def test_sqlite_refuses_to_replace_a_review(store: Store, version_id: int, change: object) -> None:
    assert_refused(store, version_id, change)


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_postgresql_refuses_to_empty_the_reviews(store: Store, version_id: int) -> None:
    assert_refused(store, version_id, text("TRUNCATE review CASCADE"))


def assert_refused(store: Store, version_id: int, change: object) -> None:
    (number,) = added(store, review_by("li", ("compute",), version_id=version_id))
    added(store, undo_of(number, version_id=version_id))
    with store.read() as connection:
        before = connection.execute(select(review)).all()
    refusal = "reviews are only added, never changed or removed"
    with pytest.raises(StoreError, match=refusal), store.write() as connection:
        connection.execute(change)  # type: ignore[call-overload]
    with store.read() as connection:
        assert connection.execute(select(review)).all() == before


def test_a_review_is_taken_back_once_whoever_writes(store: Store, version_id: int) -> None:
    (number,) = added(store, review_by("li", version_id=version_id))
    added(store, undo_of(number, version_id=version_id))
    with store.read() as connection:
        row = dict(connection.execute(select(review).where(review.c.undoes == number)).mappings().one())
    del row["id"]
    with pytest.raises(StoreError), store.write() as connection:
        connection.execute(insert(review).values(row))


def _migration() -> ModuleType:
    path = ROOT / "store" / "migrations" / "versions" / "0003_reviews.py"
    spec = importlib.util.spec_from_file_location("migration_0003", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_postgresql_gets_the_same_guard_and_the_same_types() -> None:
    function, trigger = _migration().guards("postgresql")
    assert "RAISE EXCEPTION 'reviews are only added" in function
    assert "BEFORE UPDATE OR DELETE OR TRUNCATE ON review" in trigger
    table = str(CreateTable(review).compile(dialect=postgresql.dialect()))
    assert "id BIGSERIAL" in table
    assert "at TIMESTAMP WITH TIME ZONE NOT NULL" in table


def test_a_database_from_before_reviews_is_upgraded_and_can_go_back(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    from store.engine import MIGRATIONS

    store = Store.open(f"sqlite:///{tmp_path / 'x.db'}")
    article_is_stored(store, "http://a.example/1", TEXT)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with store.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0002")
    with store.read() as connection:
        assert "review" not in inspect(connection).get_table_names()
    store.close()
    again = Store.open(f"sqlite:///{tmp_path / 'x.db'}")
    added(again, review_by("li", ("compute",)))
    with pytest.raises(StoreError, match="only added"), again.write() as connection:
        connection.execute(delete(review))
    again.close()


# --- what reviews come to -----------------------------------------------------------------------------------


def test_no_review_no_label() -> None:
    assert resolve([]) is None


def test_one_review_is_the_label() -> None:
    spans = (ReviewSpan("compute", 0, 4),)
    label = resolve([review_by("li", ("compute",), relevant=True, cities=("440300",), evidence=spans)])
    assert label is not None
    assert (label.dims, label.relevant, label.cities) == ({"compute"}, True, ("440300",))
    assert (label.contested, label.relevance_contested, label.audit) == (frozenset(), False, False)
    assert (label.kind, label.reviewers, label.evidence) == (ReviewKind.OPEN, ("li",), spans)


def test_the_latest_review_of_each_reviewer_counts_and_replaces_the_whole_earlier_one() -> None:
    unsure = resolve([review_by("li", ("compute",), relevant=True), review_by("li", None, minute=1)])
    assert unsure is not None and (unsure.dims, unsure.relevant) == (None, None)
    label = resolve([review_by("li", ("compute",), minute=2), review_by("li", ("industry",), minute=1)])
    assert label is not None and label.dims == {"compute"}


def test_reviewers_who_differ_contest_the_dimension_and_agree_on_the_rest() -> None:
    label = resolve(
        [
            review_by("li", ("compute", "support"), relevant=True, cities=("440300",)),
            review_by("wang", ("compute", "industry"), relevant=False, cities=("110000",)),
        ]
    )
    assert label is not None
    assert (label.dims, label.contested) == ({"compute"}, {"support", "industry"})
    assert (label.relevant, label.relevance_contested, label.cities) == (None, True, None)


def test_who_is_unsure_or_silent_does_not_disagree() -> None:
    label = resolve([review_by("li", ("compute",), relevant=True), review_by("wang", None, relevant=None)])
    assert label is not None
    assert (label.dims, label.relevant, label.reviewers) == ({"compute"}, True, ("li",))


def test_an_adjudication_settles_the_questions_that_it_answers() -> None:
    disputed = [
        review_by("li", ("compute",), relevant=True, kind=ReviewKind.BLIND),
        review_by("wang", ("support",), relevant=False),
    ]
    ruling = review_by("zhao", ("industry",), minute=-5, kind=ReviewKind.ADJUDICATED)
    label = resolve([*disputed, ruling])
    assert label is not None
    assert (label.dims, label.contested, label.kind) == ({"industry"}, frozenset(), ReviewKind.ADJUDICATED)
    assert label.relevance_contested, "the ruling says nothing of relevance"
    later = review_by("zhao", None, relevant=False, minute=3, kind=ReviewKind.ADJUDICATED)
    both = resolve([*disputed, ruling, later])
    assert both is not None and (both.dims, both.relevant) == ({"industry"}, False)


def test_evidence_counts_where_the_dimension_does() -> None:
    first = review_by("li", ("compute", "support"), evidence=(
        ReviewSpan("support", 1, 3), ReviewSpan("compute", 4, 6)))  # fmt: skip
    label = resolve([first, review_by("wang", ("compute",), evidence=(ReviewSpan("compute", 0, 2),))])
    assert label is not None
    assert label.evidence == (ReviewSpan("compute", 0, 2), ReviewSpan("compute", 4, 6))


DIMS = st.none() | st.sets(st.sampled_from(DIMENSIONS)).map(
    lambda chosen: tuple(d for d in DIMENSIONS if d in chosen)
)
JUDGEMENTS = st.builds(
    Review,
    version_id=st.just(1),
    reviewer=st.sampled_from(["li", "wang", "zhao"]),
    at=st.integers(0, 5).map(lambda minute: NOON + dt.timedelta(minutes=minute)),
    kind=st.sampled_from([ReviewKind.OPEN, ReviewKind.BLIND, ReviewKind.ADJUDICATED]),
    codebook_version=st.just("1"),
    relevant=st.none() | st.booleans(),
    dims=DIMS,
    cities=st.none() | st.lists(st.sampled_from(["440300", "110000"]), unique=True).map(tuple),
    audit=st.booleans(),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Review]:
    """Judgements with numbers, some of them taken back."""
    given = [
        dataclasses.replace(one, id=n) for n, one in enumerate(draw(st.lists(JUDGEMENTS, max_size=8)), 1)
    ]
    if not given:
        return []
    undone = draw(st.sets(st.sampled_from([one.id or 0 for one in given])))
    return given + [dataclasses.replace(undo_of(n), id=100 + n) for n in sorted(undone)]


@given(histories(), st.randoms(use_true_random=False))
def test_the_order_in_which_reviews_are_read_does_not_matter(given_: list[Review], random) -> None:  # type: ignore[no-untyped-def]
    mixed = list(given_)
    random.shuffle(mixed)
    assert resolve(mixed) == resolve(given_)


@given(histories())
def test_what_was_taken_back_leaves_no_trace(given_: list[Review]) -> None:
    undone = {one.undoes for one in given_}
    kept = [one for one in given_ if one.kind is not ReviewKind.UNDO and one.id not in undone]
    assert resolve(given_) == resolve(kept)


@given(histories(), JUDGEMENTS)
def test_an_adjudication_beats_all(given_: list[Review], ruling: Review) -> None:
    last = dataclasses.replace(ruling, kind=ReviewKind.ADJUDICATED, at=NOON + dt.timedelta(days=1), id=999)
    label = resolve([*given_, last])
    assert label is not None
    if last.dims is not None:
        assert (label.dims, label.contested) == (frozenset(last.dims), frozenset())
        assert label.kind is ReviewKind.ADJUDICATED
    if last.relevant is not None:
        assert (label.relevant, label.relevance_contested) == (last.relevant, False)
    if last.cities is not None:
        assert label.cities == tuple(sorted(last.cities))


@given(histories())
def test_a_label_says_nothing_that_nobody_said(given_: list[Review]) -> None:
    label = resolve(given_)
    undone = {one.undoes for one in given_}
    live = [one for one in given_ if one.kind is not ReviewKind.UNDO and one.id not in undone]
    assert (label is None) == (not live)
    if label is None:
        return
    named = {d for one in live for d in one.dims or ()}
    assert not label.contested & (label.dims or set())
    assert label.contested | (label.dims or set()) <= named
    if all(one.dims is None for one in live):
        assert label.dims is None
    assert label.audit == any(one.audit for one in live)
    assert label.relevant in {None, *(one.relevant for one in live)}
    assert label.kind is not ReviewKind.UNDO


@given(histories(), st.integers(1, 5))
def test_a_reviewer_who_agrees_changes_no_dimension(given_: list[Review], minute: int) -> None:
    label = resolve(given_)
    if label is None or label.dims is None or label.contested:
        return
    agrees = dataclasses.replace(
        review_by("new", tuple(label.dims), minute=minute, relevant=label.relevant), id=998
    )
    again = resolve([*given_, agrees])
    assert again is not None
    assert (again.dims, again.contested) == (label.dims, frozenset())


# --- reading labels -----------------------------------------------------------------------------------------


def test_labels_by_version(store: Store, version_id: int) -> None:
    other = article_is_stored(store, "http://a.example/2", "另一篇文章。")
    added(
        store,
        review_by("li", ("compute",), version_id=version_id),
        review_by("wang", ("support",), version_id=version_id),
        review_by("li", (), version_id=other),
    )
    with store.read() as connection:
        found = labels(connection)
        assert {n: (one.dims, one.contested) for n, one in found.items()} == {
            version_id: (frozenset(), {"compute", "support"}),
            other: (frozenset(), frozenset()),
        }
        assert labels(connection, [other]) == {other: found[other]}


def test_copies_of_a_text_share_their_reviews(store: Store, version_id: int) -> None:
    """The second copy has another space in it: its offsets are not those of the first."""
    copy = article_is_stored(store, "http://a.example/copy", TEXT.replace("，", "， "), story=story_key(TEXT))
    added(
        store,
        review_by("li", ("compute",), version_id=copy, evidence=(ReviewSpan("compute", 1, 9),)),
        review_by("wang", ("compute", "support"), version_id=version_id,
                  evidence=(ReviewSpan("compute", 0, 8),)),
    )  # fmt: skip
    with store.read() as connection:
        (story,) = labelled_stories(connection)
    assert (story.text, story.story_key, len(story.articles)) == (TEXT, story_key(TEXT), 2)
    assert story.label is not None
    assert (story.label.dims, story.label.contested) == ({"compute"}, {"support"})
    assert story.label.evidence == (ReviewSpan("compute", 0, 8),)


def test_a_review_that_was_taken_back_labels_no_story(store: Store, version_id: int) -> None:
    (number,) = added(store, review_by("li", ("compute",), version_id=version_id))
    added(store, undo_of(number, version_id=version_id))
    with store.read() as connection:
        assert labelled_stories(connection) == []


def test_sure_texts_are_sure_in_everything_short_and_unreviewed(store: Store) -> None:
    def stored(name: str, **options: object) -> int:
        options = {"yes": 0.99, "no": 0.01, **options}
        return article_is_stored(store, f"http://a.example/{name}", f"文章 {name}", **options)  # type: ignore[arg-type]

    stored("sure")
    stored("unsure", yes=0.9)
    stored("unsure-no", no=0.1)
    stored("irrelevant", relevant=False, dims=())
    stored("other-model", model_id="another")
    reviewed = stored("reviewed")
    article_is_stored(store, "http://a.example/long", "长" * 50, yes=0.99, no=0.01)
    article_is_stored(
        store, "http://a.example/copy", "文章  sure", yes=0.99, no=0.01, story=story_key("文章 sure")
    )
    added(store, review_by("li", version_id=reviewed))
    stored("reviewed/again", story=story_key("文章 reviewed"))  # a copy of what is reviewed
    article_is_stored(store, "http://a.example/reviewed", "文章 改", yes=0.99, no=0.01)  # its later version
    limits = {"yes": 0.97, "no": 0.03, "longest": 40}
    with store.read() as connection:
        yes = list(sure_texts(connection, "model", True, **limits))  # type: ignore[arg-type]
        no = list(sure_texts(connection, "model", False, **limits))  # type: ignore[arg-type]
    assert [(one.story.text, one.dims, one.relevant) for one in yes] == [("文章 sure", {"compute"}, True)]
    assert [(one.story.text, one.dims, one.relevant) for one in no] == [("文章 irrelevant", set(), False)]


# --- the command --------------------------------------------------------------------------------------------


def test_reviews_are_added_listed_and_taken_back(tmp_path: Path, command: Callable[..., Result]) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'hexapolis.db'}")
    version_id = article_is_stored(store, "http://a.example/1", "改过的文章。")
    store.close()
    added_ = command(
        "review", "add", "1", "--reviewer", "Li", "--dims", "support,compute", "--relevant", "--blind",
        "--cities", "Shenzhen", "--audit", "--note", "clear", "--json",
    )  # fmt: skip
    assert (added_.code, added_.err) == (0, "")
    assert added_.row["version_id"] == version_id == 2, "the current version of the article"
    assert added_.row["dims"] == ["compute", "support"]
    assert (added_.row["kind"], added_.row["audit"], added_.row["cities"]) == ("blind", True, ["440300"])
    ruling = command(
        "review", "add", "v1", "--reviewer", "Zhao", "--dims", "none", "--not-relevant", "--adjudicate"
    )
    assert (ruling.code, ruling.out) == (0, "review 2 of version 1 is stored\n")
    undone = command("review", "undo", "1", "--reviewer", "Wang", "--note", "wrong page")
    assert (undone.code, undone.out) == (0, "review 1 no longer counts\n")
    rows = command("review", "list", "--json").rows
    assert [(r["id"], r["kind"], r["undoes"], r["undone_by"]) for r in rows] == [
        (1, "blind", None, 3),
        (2, "adjudicated", None, None),
        (3, "undo", 1, None),
    ]
    assert (rows[1]["dims"], rows[1]["relevant"], rows[1]["cities"]) == ([], False, None)
    assert [row["id"] for row in command("review", "list", "v1", "--json").rows] == [2]
    table = command("review").out
    assert "audit; taken back by 3; clear" in table
    assert "undo of 1" in table


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["add", "1", "--reviewer", "Li"], 2, "a review judges something"),
        (["add", "1", "--dims", "none"], 2, "--reviewer"),
        (["add", "1", "--reviewer", "Li", "--dims", "computing"], 2, "unknown dimension 'computing'"),
        (["add", "1", "--reviewer", "Li", "--dims", "none,compute"], 2, "or none alone"),
        (["add", "1", "--reviewer", "Li", "--dims", ""], 2, "with commas between them"),
        (["add", "x1", "--reviewer", "Li", "--relevant"], 2, "'x1': give an article's number"),
        (["add", "9" * 30, "--reviewer", "Li", "--relevant"], 2, "give an article's number"),
        (["add", "9", "--reviewer", "Li", "--relevant"], 1, "no article 9"),
        (["add", "v9", "--reviewer", "Li", "--relevant"], 1, "no version 9"),
        (["add", "1", "--reviewer", "Li", "--relevant", "--blind", "--adjudicate"], 2, "exclude each other"),
        (["add", "1", "--reviewer", "Li", "--cities", "Nowhere"], 2, "unknown city 'Nowhere'"),
        (["undo", "9", "--reviewer", "Li"], 1, "no review 9"),
        (["list", "9", "--json"], 1, "no article 9"),
        (["--json", "list"], 2, "write the options behind `review list`"),
    ],
)
def test_wrong_reviews_are_one_line(
    command: Callable[..., Result], words: list[str], code: int, message: str
) -> None:
    result = command("review", *words)
    assert (result.code, result.out, result.err.count("\n")) == (code, "", 1), result.err
    assert message in result.err


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Result]:
    """The command in this process, on a store with one article."""
    from hexapolis.__main__ import main

    store = Store.open(f"sqlite:///{tmp_path / 'hexapolis.db'}")
    article_is_stored(store, "http://a.example/1", TEXT)
    store.close()

    def run(*words: str) -> Result:
        monkeypatch.setattr("sys.argv", ["hexapolis", "--data", str(tmp_path), *words])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Result(int(ended.value.code or 0), out, err)

    return run
