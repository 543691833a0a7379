"""What storing a batch of results leaves in the store: articles, versions, predictions, ledger."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hexapolis.errors import NotFoundError
from hexapolis.records import (
    DIMENSIONS,
    ArchiveRef,
    Article,
    Attachment,
    CityRole,
    CityTag,
    DateSource,
    DimensionScore,
    Evidence,
    FoundDate,
    Judgement,
    Outcome,
    Page,
    Passage,
    Source,
    Tagging,
    Verdict,
)
from store.articles import ArticleFilter, count_articles, list_articles, show_article, tagged_articles
from store.engine import Store
from store.integrity import find_faults
from store.pages import NewPage, count_pages, insert_pages, known_pages, pages_to_process
from store.results import PageResult, save_model, store_results, text_digest
from store.runs import LedgerRow, ledger_rows, save_source, start_run, write_ledger
from store.schema import article, ledger, metadata, page, prediction, version

NOON = dt.datetime(2024, 3, 15, 12, 0, tzinfo=dt.UTC)
MODEL = "model-a"
EXTRACTOR = "1"
SHENZHEN = CityTag("440300", "Shenzhen", CityRole.SUBJECT)
BEIJING = CityTag("110000", "Beijing", CityRole.MENTIONED)
CHALLENGE = Judgement(Verdict.CHALLENGE, "JavaScript check")
NOT_FOUND = Judgement(Verdict.ERROR, "status 404")
TIMEOUT = Judgement(Verdict.UNREADABLE, "timeout: no result within 10 s")


def dump(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with store.read() as connection:
        return {
            name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for name, table in metadata.tables.items()
        }


def tagging(
    text: str,
    model_id: str = MODEL,
    dims: Sequence[str] = ("compute",),
    cities: Sequence[CityTag] = (SHENZHEN,),
) -> Tagging:
    middle = len(text) // 2
    scores = {
        d: DimensionScore(0.9, 0.5, True, (Evidence(0, middle, 0.9), Evidence(middle, len(text), 0.6)))
        if d in dims
        else DimensionScore(0.1, 0.5, False)
        for d in DIMENSIONS
    }
    passages = (Passage(0, middle, "Heading"), Passage(middle, len(text)))
    return Tagging(model_id, "2023.1", 0.8, 0.5, True, scores, tuple(cities), passages)


@dataclass
class Visits:
    """Pages come in and are read; each visit is a page of its own."""

    store: Store
    run_id: int = 0
    now: dt.datetime = NOON

    def __post_init__(self) -> None:
        with self.store.write() as connection:
            save_source(connection, Source("sz", "Shenzhen", ()), NOON)
            self.run_id = start_run(connection, "sz", "manual", NOON)
            save_model(connection, MODEL, "2023.1", {"model_id": MODEL}, NOON)

    def fetched(self, url: str, at: dt.datetime | None = None, status: int = 200) -> int:
        """A page is in the archive and the store, and waits."""
        self.now += dt.timedelta(hours=1)
        fetched = Page(url, url, status, (("content-type", "text/html"),), b"x", at or self.now)
        ref = ArchiveRef("2024/03/a.warc.gz", 0, 1, "sha256:0")
        with self.store.write() as connection:
            (page_id,) = insert_pages(
                connection, [NewPage("sz", self.run_id, "article", url, fetched, ref, len(fetched.body))]
            )
            write_ledger(connection, self.run_id, [LedgerRow(url, url, Outcome.WAITING, "", page_id)])
        return page_id

    def read(
        self,
        page_id: int,
        outcome: str | Judgement,
        *,
        address: str | None = None,
        model_id: str = MODEL,
        story: str | None = None,
        dims: Sequence[str] = ("compute",),
        cities: Sequence[CityTag] = (SHENZHEN,),
    ) -> PageResult:
        """What reading the page gives: a text, or a verdict."""
        with self.store.read() as connection:
            row = connection.execute(select(page).where(page.c.id == page_id)).one()
        head = (page_id, self.run_id, "sz", row.url_key, row.status, row.fetched_at, EXTRACTOR, model_id)
        url = address or row.url
        if isinstance(outcome, Judgement):
            return PageResult(*head, outcome, url, url)
        found = Article(
            f"Title of {outcome[:5]}", outcome, "zh", FoundDate(dt.date(2024, 3, 15), DateSource.META)
        )
        tags = tagging(outcome, model_id, dims, cities)
        return PageResult(
            *head,
            Judgement(Verdict.ARTICLE, "", found, "utf-8", "utf-8"),
            url,
            url,
            tags,
            story or text_digest(outcome),
        )

    def visit(self, url: str, outcome: str | Judgement, **options: Any) -> PageResult:
        status = options.pop("status", 200)
        return self.read(self.fetched(url, options.pop("at", None), status), outcome, **options)

    def stored(self, *results: PageResult) -> list[Outcome]:
        with self.store.write() as connection:
            return store_results(connection, results, NOON)

    def texts(self, url: str) -> list[tuple[int, str, bool]]:
        """Number, text and whether it is the current one, for each version of an article."""
        with self.store.read() as connection:
            head = connection.execute(select(article).where(article.c.url_key == url)).one()
            rows = connection.execute(
                select(version.c.number, version.c.text, version.c.id)
                .where(version.c.article_id == head.id)
                .order_by(version.c.number)
            )
            return [(r.number, r.text, r.id == head.current_version_id) for r in rows]

    def listed(self, **wanted: Any) -> list[dict[str, Any]]:
        with self.store.read() as connection:
            return list(list_articles(connection, ArticleFilter(**wanted), text=True, quotes=True))

    def ledger(self) -> dict[str, Outcome]:
        with self.store.read() as connection:
            return {row.url: row.outcome for row in ledger_rows(connection, self.run_id)}


@pytest.fixture
def visits(store: Store) -> Visits:
    return Visits(store)


def test_a_new_article(visits: Visits) -> None:
    result = visits.visit("https://x.cn/1", "深圳建设算力中心。投资十亿元。")
    assert visits.stored(result) == [Outcome.STORED]
    (row,) = visits.listed()
    assert (row["title"], row["url"], row["version"], row["dims"]) == (
        "Title of 深圳建设算",
        "https://x.cn/1",
        1,
        ["compute"],
    )
    assert (row["published_on"], row["published_from"]) == (dt.date(2024, 3, 15), "meta")
    assert visits.ledger() == {"https://x.cn/1": Outcome.STORED}
    with visits.store.read() as connection:
        assert count_articles(connection) == 1
        assert count_pages(connection) == {"article": 1}
        assert pages_to_process(connection, EXTRACTOR, MODEL) == []
        assert find_faults(connection) == []


def test_an_article_seen_again_is_unchanged(visits: Visits) -> None:
    visits.stored(visits.visit("https://x.cn/1", "text A"))
    second = visits.visit("https://x.cn/1", "text A")
    assert visits.stored(second) == [Outcome.UNCHANGED]
    assert visits.texts("https://x.cn/1") == [(1, "text A", True)]
    assert visits.ledger() == {"https://x.cn/1": Outcome.UNCHANGED}
    with visits.store.read() as connection:
        row = connection.execute(select(article)).one()
    assert (row.first_seen_at, row.last_seen_at) == (
        NOON + dt.timedelta(hours=1),
        NOON + dt.timedelta(hours=2),
    )


def test_an_edited_article_gets_a_second_version(visits: Visits) -> None:
    visits.stored(visits.visit("https://x.cn/1", "text A"))
    assert visits.stored(visits.visit("https://x.cn/1", "text B")) == [Outcome.STORED]
    assert visits.texts("https://x.cn/1") == [(1, "text A", False), (2, "text B", True)]
    assert [row["text"] for row in visits.listed()] == ["text B"]


@pytest.mark.parametrize("together", [True, False])
def test_an_edit_that_is_taken_back_makes_no_third_version(visits: Visits, together: bool) -> None:
    results = [visits.visit("https://x.cn/1", f"text {t}") for t in "ABA"]
    outcomes = visits.stored(*results) if together else [visits.stored(r)[0] for r in results]
    assert outcomes == [Outcome.STORED, Outcome.STORED, Outcome.UNCHANGED]
    assert visits.texts("https://x.cn/1") == [(1, "text A", True), (2, "text B", False)]


@pytest.mark.parametrize("together", [True, False])
def test_saved_pages_may_come_in_any_order_of_time(visits: Visits, together: bool) -> None:
    days = [NOON + dt.timedelta(days=d) for d in (10, 20, 5)]
    results = [
        visits.visit("https://x.cn/1", f"text {t}", at=day) for t, day in zip("ABC", days, strict=True)
    ]
    if together:
        visits.stored(*results)
    else:
        for result in results:
            visits.stored(result)
    assert visits.texts("https://x.cn/1") == [(1, "text A", False), (2, "text B", True), (3, "text C", False)]
    with visits.store.read() as connection:
        row = connection.execute(select(article)).one()
    assert (row.first_seen_at, row.last_seen_at) == (min(days), max(days))


def test_of_two_visits_at_the_same_time_the_later_one_counts(visits: Visits) -> None:
    visits.stored(*(visits.visit("https://x.cn/1", f"text {t}", at=NOON) for t in "ABC"))
    assert visits.texts("https://x.cn/1")[-1] == (3, "text C", True)


def test_the_same_batch_twice_changes_nothing(visits: Visits) -> None:
    batch = [
        visits.visit("https://x.cn/1", "text A"),
        visits.visit("https://x.cn/2", "text A"),
        visits.visit("https://x.cn/1", "text B", dims=("support", "industry"), cities=(SHENZHEN, BEIJING)),
        visits.visit("https://x.cn/3", CHALLENGE, status=403),
        visits.visit("https://x.cn/4", TIMEOUT),
        visits.visit("https://x.cn/1", "text A"),
    ]
    visits.stored(*batch)
    before = dump(visits.store)
    assert all(
        rows for table, rows in before.items() if table not in ("cooldown", "import_progress", "review")
    )
    visits.stored(*batch)
    assert dump(visits.store) == before


def test_two_articles_in_one_batch(visits: Visits) -> None:
    one, two = visits.visit("https://x.cn/1", "text A"), visits.visit("https://x.cn/2", "text B")
    assert visits.stored(one, two) == [Outcome.STORED, Outcome.STORED]
    assert visits.texts("https://x.cn/1") == [(1, "text A", True)]
    assert visits.texts("https://x.cn/2") == [(1, "text B", True)]
    with visits.store.read() as connection:
        assert [p.version_id for p in connection.execute(select(page).order_by(page.c.id))] == [1, 2]


def test_two_addresses_of_one_article_in_one_batch(visits: Visits) -> None:
    """The page's own canonical link says so."""
    one = visits.visit("https://m.x.cn/1", "text A", address="https://x.cn/1")
    two = visits.visit("https://x.cn/1", "text A")
    assert visits.stored(one, two) == [Outcome.STORED, Outcome.UNCHANGED]
    assert len(visits.listed()) == 1
    with visits.store.read() as connection:
        known = known_pages(connection, ["https://m.x.cn/1", "https://x.cn/1", "https://x.cn/9"])
    assert set(known) == {"https://m.x.cn/1", "https://x.cn/1"}


@pytest.mark.parametrize(
    ("judgement", "status", "outcome"),
    [
        (CHALLENGE, 200, Outcome.BLOCKED),
        (Judgement(Verdict.ERROR, "status 403"), 403, Outcome.BLOCKED),
        (Judgement(Verdict.STUB, "too little text"), 412, Outcome.BLOCKED),
        (NOT_FOUND, 404, Outcome.FAILED),
        (TIMEOUT, 200, Outcome.FAILED),
        (Judgement(Verdict.SOFT_404, "says that there is nothing"), 200, Outcome.NOT_ARTICLE),
        (Judgement(Verdict.LIST, "links"), 200, Outcome.NOT_ARTICLE),
        (Judgement(Verdict.NOT_HTML, "PDF"), 200, Outcome.NOT_ARTICLE),
    ],
)
def test_what_is_no_article_is_kept_and_counted(
    visits: Visits, judgement: Judgement, status: int, outcome: Outcome
) -> None:
    assert visits.stored(visits.visit("https://x.cn/1", judgement, status=status)) == [outcome]
    assert visits.listed() == []
    with visits.store.read() as connection:
        assert count_articles(connection) == 0
        assert count_pages(connection) == {judgement.verdict.value: 1}
        (row,) = ledger_rows(connection, visits.run_id)
        assert pages_to_process(connection, EXTRACTOR, MODEL) == []
    assert (row.outcome, row.detail) == (outcome, judgement.detail)


def test_a_page_that_cannot_be_read_this_time_keeps_its_version(visits: Visits) -> None:
    page_id = visits.fetched("https://x.cn/1")
    visits.stored(visits.read(page_id, "text A"))
    assert visits.stored(visits.read(page_id, TIMEOUT)) == [Outcome.FAILED]
    assert visits.texts("https://x.cn/1") == [(1, "text A", True)]
    assert len(visits.listed()) == 1
    with visits.store.read() as connection:
        row = connection.execute(select(page)).one()
    assert (row.verdict, row.version_id) == ("unreadable", 1)


def test_an_article_whose_only_page_turns_out_to_be_none_leaves_the_lists(visits: Visits) -> None:
    page_id = visits.fetched("https://x.cn/1")
    visits.stored(visits.read(page_id, "text A"), visits.visit("https://x.cn/2", "text B"))
    visits.stored(visits.read(page_id, CHALLENGE))
    assert [row["url"] for row in visits.listed()] == ["https://x.cn/2"]
    with visits.store.read() as connection:
        assert [a.url for a in tagged_articles(connection, ArticleFilter())] == ["https://x.cn/2"]
        shown = show_article(connection, 1)
        assert find_faults(connection) == []
    assert [(v["text"], v["current"]) for v in shown["versions"]] == [("text A", False)]
    assert shown["current_version_id"] is None
    visits.stored(visits.read(page_id, "text A"))
    assert len(visits.listed()) == 2


def test_a_later_page_that_is_no_article_leaves_the_earlier_text(visits: Visits) -> None:
    visits.stored(visits.visit("https://x.cn/1", "text A"))
    visits.stored(visits.visit("https://x.cn/1", NOT_FOUND, status=404))
    assert visits.texts("https://x.cn/1") == [(1, "text A", True)]


def test_a_page_that_turns_out_to_belong_to_another_article(visits: Visits) -> None:
    page_id = visits.fetched("https://x.cn/1")
    visits.stored(visits.read(page_id, "text A"))
    visits.stored(visits.read(page_id, "text A", address="https://x.cn/canonical"))
    assert [row["url"] for row in visits.listed()] == ["https://x.cn/canonical"]


def test_evidence_and_cities_are_stored_with_exact_quotes(visits: Visits) -> None:
    text = "深圳建设算力中心。\n北京也在建设。"
    visits.stored(
        visits.visit("https://x.cn/1", text, dims=("compute", "support"), cities=(SHENZHEN, BEIJING))
    )
    (row,) = visits.listed()
    assert row["dims"] == ["compute", "support"]
    assert row["cities"] == [{"city": "Shenzhen", "city_code": "440300", "role": "subject"}]
    assert row["quotes"] == {"compute": text[: len(text) // 2], "support": text[: len(text) // 2]}
    with visits.store.read() as connection:
        (shown,) = show_article(connection, row["id"])["versions"]
        (tagged,) = tagged_articles(connection, ArticleFilter())
    (predicted,) = shown["predictions"]
    assert list(predicted["dimensions"]) == list(DIMENSIONS)
    assert [q["score"] for q in predicted["dimensions"]["compute"]["evidence"]] == [0.9, 0.6]
    for quote in predicted["dimensions"]["support"]["evidence"]:
        assert quote["quote"] == text[quote["start"] : quote["end"]]
    assert predicted["dimensions"]["technology"]["evidence"] == []
    assert [(c["city"], c["role"]) for c in predicted["cities"]] == [
        ("Shenzhen", "subject"),
        ("Beijing", "mentioned"),
    ]
    assert [(p["start"], p["heading"]) for p in shown["passages"]] == [(0, "Heading"), (len(text) // 2, None)]
    assert (tagged.dims, tagged.cities) == (("compute", "support"), (("440300", "Shenzhen"),))


def test_copies_share_a_story(visits: Visits) -> None:
    one = visits.visit("https://x.cn/1", "text A", story="s" * 64)
    two = visits.visit("https://y.cn/2", "TEXT A", story="s" * 64)
    three = visits.visit("https://z.cn/3", "text C", story="t" * 64)
    visits.stored(one, three)
    visits.stored(two)
    stories = {row["url"]: row["story_id"] for row in visits.listed()}
    assert stories["https://x.cn/1"] == stories["https://y.cn/2"] != stories["https://z.cn/3"]
    with visits.store.read() as connection:
        (shown,) = show_article(connection, 1)["versions"]
    assert [c["url"] for c in shown["copies"]] == ["https://y.cn/2"]


def test_a_new_model_adds_a_prediction_and_becomes_the_current_one(visits: Visits) -> None:
    with visits.store.write() as connection:
        save_model(connection, "model-b", "2023.2", {}, NOON)
    page_id = visits.fetched("https://x.cn/1")
    visits.stored(visits.read(page_id, "text A", dims=("compute",)))
    with visits.store.read() as connection:
        assert [p.page_id for p in pages_to_process(connection, EXTRACTOR, "model-b")] == [page_id]
    assert visits.stored(visits.read(page_id, "text A", model_id="model-b", dims=("support",))) == [
        Outcome.UNCHANGED
    ]
    (row,) = visits.listed()
    assert (row["model_id"], row["dims"]) == ("model-b", ["support"])
    assert visits.texts("https://x.cn/1") == [(1, "text A", True)]
    with visits.store.read() as connection:
        (shown,) = show_article(connection, 1)["versions"]
        assert pages_to_process(connection, EXTRACTOR, "model-b") == []
        assert find_faults(connection) == []
    assert [(p["model_id"], p["current"]) for p in shown["predictions"]] == [
        (MODEL, False),
        ("model-b", True),
    ]


def test_going_back_to_an_earlier_model_takes_its_prediction_up_again(visits: Visits) -> None:
    with visits.store.write() as connection:
        save_model(connection, "model-b", "2023.2", {}, NOON)
    page_id = visits.fetched("https://x.cn/1")
    for model_id in (MODEL, "model-b", MODEL):
        visits.stored(visits.read(page_id, "text A", model_id=model_id))
    assert [row["model_id"] for row in visits.listed()] == [MODEL]
    with visits.store.read() as connection:
        assert len(connection.execute(select(prediction)).all()) == 2


def test_a_better_extraction_of_the_same_page_renews_what_goes_with_the_text(visits: Visits) -> None:
    page_id = visits.fetched("https://x.cn/1")
    first = visits.read(page_id, "text A")
    visits.stored(first)
    assert first.judgement.article is not None
    found = replace(
        first.judgement.article,
        title="A better title",
        issuer="市政府",
        attachments=(Attachment("https://x.cn/a.pdf", "附件"),),
    )
    visits.stored(replace(first, judgement=replace(first.judgement, article=found), extractor_version="2"))
    with visits.store.read() as connection:
        (shown,) = show_article(connection, 1)["versions"]
    assert (shown["title"], shown["issuer"], shown["number"], shown["extractor_version"]) == (
        "A better title",
        "市政府",
        1,
        "2",
    )
    assert shown["attachments"] == [{"url": "https://x.cn/a.pdf", "name": "附件"}]


def test_a_ledger_row_that_was_settled_tells_what_happened_then(visits: Visits) -> None:
    page_id = visits.fetched("https://x.cn/1")
    visits.stored(visits.read(page_id, "text A"))
    visits.stored(visits.read(page_id, CHALLENGE))
    assert visits.ledger() == {"https://x.cn/1": Outcome.STORED}


def test_filters(visits: Visits) -> None:
    visits.stored(
        visits.visit("https://x.cn/1", "text A", dims=("compute",)),
        visits.visit("https://x.cn/2", "text B", dims=("support",), cities=(BEIJING,)),
    )
    cases: list[tuple[Mapping[str, Any], Iterable[str]]] = [
        ({"dimension": "compute"}, ["1"]),
        ({"dimension": "industry"}, []),
        ({"city_code": "440300"}, ["1"]),
        ({"city_code": "110000"}, []),  # only mentioned
        ({"source_id": "sz"}, ["2", "1"]),
        ({"source_id": "bj"}, []),
        ({"language": "en"}, []),
        ({"since": dt.date(2024, 3, 15), "until": dt.date(2024, 3, 15)}, ["2", "1"]),
        ({"since": dt.date(2024, 3, 16)}, []),
        ({"until": dt.date(2024, 3, 14)}, []),
        ({"relevant": True}, ["2", "1"]),
        ({"relevant": False}, []),
    ]
    for wanted, urls in cases:
        assert [row["url"][-1] for row in visits.listed(**wanted)] == list(urls), wanted


def test_an_article_that_is_not_there(visits: Visits) -> None:
    with visits.store.read() as connection, pytest.raises(NotFoundError, match="no article 7"):
        show_article(connection, 7)


VISIT = st.tuples(
    st.sampled_from(["https://x.cn/1", "https://x.cn/2", "https://x.cn/3"]),
    st.sampled_from(["text A", "text B", "text C", CHALLENGE]),
    st.integers(0, 3),  # hours until the next one: some are fetched in the same second
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seen=st.lists(VISIT, max_size=12), sizes=st.lists(st.integers(1, 5), max_size=12))
def test_any_sequence_of_visits(seen: list[tuple[str, str | Judgement, int]], sizes: list[int]) -> None:
    with closing(Store.open("sqlite://")) as store:  # in memory
        visits = Visits(store)
        now, results = NOON, []
        for url, outcome, hours in seen:
            now += dt.timedelta(hours=hours)
            results.append(visits.visit(url, outcome, at=now))
        rest = list(results)
        for size in [*sizes, len(results)]:
            visits.stored(*rest[:size])
            rest = rest[size:]
        _check(visits, seen)
        before = dump(store)
        for replay in (results, *([r] for r in results)):
            visits.stored(*replay)
        assert dump(store) == before


def _check(visits: Visits, seen: Sequence[tuple[str, str | Judgement, int]]) -> None:
    texts: dict[str, list[str]] = {}
    for url, outcome, _ in seen:
        if isinstance(outcome, str):
            texts.setdefault(url, []).append(outcome)
    for url, shown in texts.items():
        versions = visits.texts(url)
        assert [number for number, _, _ in versions] == list(range(1, len(set(shown)) + 1))
        assert [text for _, text, _ in versions] == list(dict.fromkeys(shown))
        assert [text for _, text, current in versions if current] == [shown[-1]]
    assert {row["url"] for row in visits.listed()} == set(texts)
    with visits.store.read() as connection:
        assert find_faults(connection) == []
        assert connection.execute(select(ledger).where(ledger.c.outcome == "waiting")).all() == []
