"""Articles in a store for tests that review them, without a crawl."""

from __future__ import annotations

import datetime as dt
import hashlib

from sqlalchemy import select

from hexapolis.records import (
    DIMENSIONS,
    ArchiveRef,
    Article,
    DimensionScore,
    Judgement,
    Page,
    Passage,
    Review,
    ReviewKind,
    ReviewLabel,
    Source,
    StoryText,
    Tagging,
    Verdict,
)
from store.engine import Store
from store.pages import NewPage, insert_pages
from store.results import PageResult, save_model, store_results
from store.runs import save_source, start_run
from store.schema import page, version

NOON = dt.datetime(2024, 3, 15, 12, 0, tzinfo=dt.UTC)


def story_key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def article_is_stored(
    store: Store,
    url: str,
    text: str,
    *,
    title: str = "A title",
    language: str = "zh",
    model_id: str = "model",
    dims: tuple[str, ...] = ("compute",),
    yes: float = 0.9,
    no: float = 0.1,
    relevant: bool = True,
    story: str | None = None,
) -> int:
    """A page comes in and is read as this text, and tagged; the version's number."""
    scores = {d: DimensionScore(yes if d in dims else no, 0.5, d in dims) for d in DIMENSIONS}
    tagging = Tagging(
        model_id, "1", yes if relevant else no, 0.5, relevant, scores, (), (Passage(0, len(text)),)
    )
    with store.write() as connection:
        save_source(connection, Source("sz", "Shenzhen", ()), NOON)
        run_id = start_run(connection, "sz", "manual", NOON)
        save_model(connection, model_id, "1", {"model_id": model_id}, NOON)
        at = NOON + dt.timedelta(minutes=run_id)
        fetched = Page(url, url, 200, (), b"x", at)
        new = NewPage("sz", run_id, "article", url, fetched, ArchiveRef("a.warc.gz", 0, 1, "sha256:0"), 1)
        (page_id,) = insert_pages(connection, [new])
        result = PageResult(
            page_id,
            run_id,
            "sz",
            url,
            200,
            at,
            "1",
            model_id,
            Judgement(Verdict.ARTICLE, "", Article(title, text, language)),
            url,
            url,
            tagging,
            story or story_key(text),
        )
        store_results(connection, [result], at)
        found = select(version.c.id).join(page, page.c.version_id == version.c.id).where(page.c.id == page_id)
        return int(connection.execute(found).scalar_one())


def review_by(
    reviewer: str,
    dims: tuple[str, ...] | None = (),
    *,
    version_id: int = 1,
    minute: int = 0,
    kind: ReviewKind = ReviewKind.OPEN,
    **rest: object,
) -> Review:
    """A review, made so many minutes after noon."""
    at = NOON + dt.timedelta(minutes=minute)
    return Review(version_id, reviewer, at, kind, "1", dims=dims, **rest)  # type: ignore[arg-type]


def labelled_story(
    text: str,
    dims: tuple[str, ...] | None = (),
    *,
    key: str | None = None,
    article: int | None = None,
    language: str = "zh",
    **label: object,
) -> StoryText:
    """A reviewed story; by default by one open review, of an article of its own."""
    fields: dict[str, object] = {
        "kind": ReviewKind.OPEN,
        "relevant": True,
        "dims": None if dims is None else frozenset(dims),
        "contested": frozenset(),
        "relevance_contested": False,
        "cities": None,
        "evidence": (),
        "audit": False,
        "reviewers": ("li",),
    }
    own = article if article is not None else int(story_key(text)[:8], 16)
    return StoryText(
        key or story_key(text),
        "A title",
        text,
        language,
        frozenset({own}),
        ReviewLabel(**{**fields, **label}),  # type: ignore[arg-type]
    )
