"""Fetches the documents that pages need for their text, after the pages themselves have been read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from scrapy import Request
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.guard import AddressGuard
from crawler.spiders.exchange import RunSpider, page_of, request_of
from crawler.spiders.explain import explain
from crawler.spiders.recorder import Recorder, RunLedger
from crawler.urls import is_fetchable, url_identity
from hexapolis.records import Outcome, Page
from store.documents import WantedDocuments
from store.pages import NewPage
from store.results import BLOCKED_STATUSES


class DocumentSpider(RunSpider):
    """Fetches documents of one run's pages."""

    name = "documents"

    def __init__(
        self,
        run: RunLedger,
        recorder: Recorder,
        guard: AddressGuard,
        documents: Sequence[WantedDocuments],
        **kwargs: Any,
    ) -> None:
        super().__init__(run, recorder, guard, **kwargs)
        self.documents = documents

    async def start(self) -> AsyncIterator[Request]:
        """Ask for every document."""
        for wanted in self.documents:
            batch = DocumentBatch(wanted, self.run, self.recorder)
            for document in wanted.documents:
                key = self.run.see(document.url) or url_identity(document.url)
                if (reason := is_fetchable(document.url)) and reason != "attachment":
                    self.run.settle(key, Outcome.FILTERED, reason)
                    batch.ended(document.url)
                    continue
                yield Request(
                    document.url,
                    callback=self._on_document,
                    errback=self._on_document_error,
                    cb_kwargs={"key": key, "batch": batch, "url": document.url},
                    meta={"key": key, "batch": batch, "url": document.url},
                    dont_filter=True,
                )

    def _on_document(self, response: Response, key: str, batch: DocumentBatch, url: str) -> None:
        page = page_of(response)
        if response.status == 200:
            self.run.settle(key, Outcome.DOCUMENT, f"of page {batch.wanted.page_id}")
        else:
            blocked = response.status in BLOCKED_STATUSES
            outcome = Outcome.BLOCKED if blocked else Outcome.FAILED
            self.run.settle(key, outcome, f"status {response.status}")
        batch.ended(url, key, page)

    def _on_document_error(self, failure: Failure) -> None:
        meta = request_of(failure).meta
        self.run.settle(meta["key"], *explain(failure, self.guard))
        meta["batch"].ended(meta["url"])


class DocumentBatch:
    """The documents of one page on their way: they are stored when the last of them is there."""

    def __init__(self, wanted: WantedDocuments, run: RunLedger, recorder: Recorder) -> None:
        self.wanted = wanted
        self._run, self._recorder = run, recorder
        self._open = {document.url for document in wanted.documents}
        self._fetched: list[tuple[str, NewPage]] = []

    def ended(self, url: str, key: str | None = None, page: Page | None = None) -> None:
        """One document has been answered for; with its page if there is one."""
        if key is not None and page is not None:
            self._fetched.append((key, self._recorder.document(self._run, key, page, self.wanted.page_id)))
        self._open.discard(url)
        if not self._open and self._fetched:
            self._recorder.add_documents(self._run, self.wanted, self._fetched)
