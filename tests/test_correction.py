"""Rates put right for the classifier's errors: how estimates are put together, what is known of audits."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from conftest import Result
from hypothesis import given
from hypothesis import strategies as st
from reviewed_articles import NOON, article_is_stored, review_by
from sqlalchemy import insert, literal, select, update

from classify.quantify import rate_estimator
from compare.correction import Estimate, corrected
from compare.coverage import FEW, coverage
from hexapolis.records import DIMENSIONS, TaggedArticle
from store.audits import audited_texts, current_models
from store.engine import Store
from store.reviews import add_review
from store.schema import model, prediction, prediction_city

PLAN = dict.fromkeys(DIMENSIONS, 1 / 6)
SZ, BJ = ("440300", "Shenzhen"), ("110000", "Beijing")


def article(
    story: int, *dims: str, language: str = "zh", cities: tuple[tuple[str, str], ...] = (SZ,)
) -> TaggedArticle:
    return TaggedArticle(story, story, "s", "t", "https://x.cn/1", language, NOON.date(), dims, cities)


def as_counted(dimension: str, language: str, tagged: int, count: int) -> Estimate:
    return tagged / count, tagged / count, tagged / count


articles = st.lists(
    st.builds(
        lambda story, dims, language, cities: article(
            story, *sorted(dims), language=language, cities=tuple(cities)
        ),
        st.integers(1, 60),
        st.sets(st.sampled_from(DIMENSIONS)),
        st.sampled_from(["zh", "en"]),
        st.lists(st.sampled_from([SZ, BJ]), unique=True),
    ),
    min_size=15,
    max_size=60,
)


@given(articles, st.booleans())
def test_without_errors_the_corrected_rate_is_the_rate(found: list[TaggedArticle], by_month: bool) -> None:
    table = coverage(found, PLAN, by_month=by_month)
    rates = corrected(found, as_counted, by_month=by_month)
    assert set(rates) == {(row.city_code, row.period) for row in table.rows}
    for row in table.rows:
        for name, cell in rates[row.city_code, row.period].items():
            if row.stories < FEW:
                assert (cell.rate, cell.note) == (None, "fewer than ten stories")
            else:
                assert cell.rate == pytest.approx(row.cells[name].rate)
                assert (cell.low, cell.high) == (pytest.approx(cell.rate), pytest.approx(cell.rate))


@given(articles, st.floats(0, 1), st.floats(0, 0.5))
def test_an_interval_holds_its_rate_and_stays_within_bounds(
    found: list[TaggedArticle], share: float, width: float
) -> None:
    def estimate(dimension: str, language: str, tagged: int, count: int) -> Estimate:
        middle = share if language == "zh" else 1 - share
        return middle, max(0.0, middle - width), min(1.0, middle + width)

    for row in corrected(found, estimate).values():
        for cell in row.values():
            if cell.rate is not None and cell.low is not None and cell.high is not None:
                assert 0 <= cell.low <= cell.rate <= cell.high <= 1


def test_languages_count_by_their_stories_and_their_errors_add_up_as_squares() -> None:
    def estimate(dimension: str, language: str, tagged: int, count: int) -> Estimate:
        return {"zh": (0.4, 0.3, 0.6), "en": (0.8, 0.4, 0.9)}[language]

    found = [article(n, "compute", language="zh" if n < 15 else "en") for n in range(20)]
    cell = corrected(found, estimate)["440300", None]["compute"]
    assert cell.rate == pytest.approx(0.75 * 0.4 + 0.25 * 0.8)
    assert cell.low == pytest.approx(0.5 - ((0.75 * 0.1) ** 2 + (0.25 * 0.4) ** 2) ** 0.5)
    assert cell.high == pytest.approx(0.5 + ((0.75 * 0.2) ** 2 + (0.25 * 0.1) ** 2) ** 0.5)


def test_what_cannot_be_corrected_says_why() -> None:
    def estimate(dimension: str, language: str, tagged: int, count: int) -> Estimate | None:
        return None if (dimension, language) == ("support", "en") else as_counted(dimension, language, 1, 2)

    found = [article(n, "support", language="en" if n == 3 else "zh") for n in range(12)]
    row = corrected(found, estimate)["440300", None]
    assert (row["support"].rate, "'en'" in row["support"].note) == (None, True)
    assert (row["compute"].rate, row["compute"].note) == (0.5, "")


FIGURES = {"compute": {"zh": {"precision": 0.8, "recall": 0.5, "support": 1000, "count": 5000}}}


def test_error_rates_of_the_card_are_taken_out() -> None:
    """1,000 of 5,000 carry it: 500 are found, 125 others are tagged; so 62.5 of 500 tagged is 20 %."""
    found = rate_estimator(FIGURES)("compute", "zh", 625, 5000)
    assert found is not None
    assert found[0] == pytest.approx(0.2, abs=0.002)
    assert found[1] < 0.2 < found[2]
    assert rate_estimator(FIGURES)("compute", "en", 5, 10) is None
    assert rate_estimator(FIGURES)("support", "zh", 5, 10) is None


def test_audited_texts_outvote_the_card() -> None:
    audited = [("compute", "zh", True, True)] * 500 + [("compute", "zh", False, False)] * 500
    card, both = (rate_estimator(FIGURES, part)("compute", "zh", 30, 100) for part in ([], audited))
    assert card is not None
    assert both is not None
    assert card[0] > 0.5
    assert both[0] == pytest.approx(0.3, abs=0.05)


def test_only_audits_that_answer_count_and_only_for_the_model_that_tagged(store: Store) -> None:
    numbers = [
        article_is_stored(store, f"https://x.cn/{n}", f"text {n}", dims=("compute",), model_id=model)
        for n, model in enumerate(["a", "a", "a", "b"])
    ]
    with store.write() as connection:
        add_review(connection, review_by("li", ("support",), version_id=numbers[0], audit=True))
        add_review(connection, review_by("li", ("support",), version_id=numbers[1]))  # chosen, not drawn
        add_review(connection, review_by("li", None, version_id=numbers[2], audit=True))  # unsure
        add_review(connection, review_by("li", (), version_id=numbers[3], audit=True))
    with store.read() as connection:
        (text,) = audited_texts(connection, "a")
        assert (text.language, text.carries, text.tagged) == ("zh", {"support"}, {"compute"})
        (other,) = audited_texts(connection, "b")
        assert (other.carries, other.tagged) == (set(), {"compute"})
        assert audited_texts(connection, "c") == []
        assert current_models(connection) == {"a": {"model_id": "a"}, "b": {"model_id": "b"}}


def test_the_command_shows_corrected_rates_in_every_format_but_html(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from hexapolis.__main__ import main

    store = Store.open(f"sqlite:///{tmp_path / 'hexapolis.db'}")
    for n in range(12):
        article_is_stored(store, f"https://x.cn/{n}", f"text {n}", dims=("compute",) if n < 6 else ())
    with store.write() as connection:
        connection.execute(
            insert(prediction_city).from_select(
                ["prediction_id", "city_code", "city", "role", "rank"],
                select(prediction.c.id, literal(SZ[0]), literal(SZ[1]), literal("subject"), literal(0)),
            )
        )
        connection.execute(update(model).values(card={"held_out": FIGURES}))

    def run(*words: str) -> Result:
        monkeypatch.setattr("sys.argv", ["hexapolis", "--data", str(tmp_path), "coverage", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return Result(int(ended.value.code or 0), *capsys.readouterr())

    cell = run("--corrected", "--json").row["rows"][0]["cells"]["compute"]
    estimate = rate_estimator(FIGURES)("compute", "zh", 6, 12)
    assert (cell["rate"], cell["corrected"]["rate"]) == (0.5, estimate and estimate[0])
    cells = run("--json").row["rows"][0]["cells"]
    assert "corrected" not in cells["compute"]
    (line,) = [
        r
        for r in csv.DictReader(io.StringIO(run("--corrected", "--format", "csv").out))
        if r["dimension"] == "compute"
    ]
    assert float(line["corrected_rate"]) == pytest.approx(cell["corrected"]["rate"])
    assert "50% > " in run("--corrected").out
    assert "50% > " not in run().out
    refused = run("--corrected", "--format", "html")
    assert (refused.code, refused.out) == (2, "")
    with store.write() as connection:
        connection.execute(
            insert(model).from_select(
                ["id", "codebook_version", "card", "first_used_at"],
                select(literal("z"), model.c.codebook_version, model.c.card, model.c.first_used_at),
            )
        )
        connection.execute(update(prediction).where(prediction.c.id == 1).values(model_id="z"))
    store.close()
    refused = run("--corrected")
    assert (refused.code, "tagged by 2 models" in refused.err) == (2, True)
