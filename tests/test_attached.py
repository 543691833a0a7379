"""Pages whose text is in a document, from the crawl to the archive and back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import loopback
import pytest
from document_files import pdf, rows_of
from loopback import Reply, Site
from test_crawl import Folder, assert_sums

PLAN = [
    f"第{n}条 市政府建设智能算力中心，第{n}期提供算力{n * 300}P，向企业发放算力券{n}亿元。"
    for n in range(1, 16)
]


@pytest.fixture
def folder(tmp_path: Path, models: Path) -> Folder:
    return Folder(tmp_path / "data", models)


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as running:
        yield running


def stub(number: int, document: str) -> str:
    return (
        f"<html><head><title>关于印发算力行动方案{number}的通知</title>"
        f"<meta name='ArticleTitle' content='关于印发算力行动方案{number}的通知'></head><body>"
        f"<h1>关于印发算力行动方案{number}的通知</h1><div>发布时间：2024-03-0{number}</div>"
        f"<div class=content><p>附件：<a href='{document}'>算力行动方案{number}</a></p></div></body></html>"
    )


def test_the_text_of_a_document_becomes_the_articles(folder: Folder, site: Site) -> None:
    """One document is there, one is missing, one is no document at all."""
    for n, name in enumerate(["plan", "missing", "odd"], start=1):
        site.pages[f"/{n}.html"] = Reply(stub(n, f"/files/{name}.pdf"))
    site.pages["/files/plan.pdf"] = Reply(pdf([rows_of(PLAN)]), type="application/pdf")
    site.pages["/files/odd.pdf"] = Reply("<html><body>请登录</body></html>")
    site.listing("/list.html", ["/1.html", "/2.html", "/3.html"])
    folder.catalogue("sources:\n" + loopback.source(site, "small", article_url=r"'/\d\.html$'"))
    result = folder.crawl()
    (run,) = result.rows
    assert result.code == 0, result.err
    assert_sums(folder, run)
    ledger = {path: outcome for path, (outcome, _) in folder.ledger(run["run"]).items()}
    assert ledger == {
        "/list.html": "listing",
        "/1.html": "stored",
        "/2.html": "not_article",
        "/3.html": "not_article",
        "/files/plan.pdf": "document",
        "/files/missing.pdf": "failed",
        "/files/odd.pdf": "document",
    }
    ((text, title),) = folder.query("select text, title from version")
    assert title == "关于印发算力行动方案1的通知"
    assert all(line.split("，")[1] in text for line in PLAN)
    verdicts = folder.query("select url, verdict from page where role = 'article' order by url")
    assert [verdict for _, verdict in verdicts] == ["article", "stub_document", "stub_document"]
    folder.assert_archived()

    before = folder.query("select text_sha256 from version")
    assert loopback.run(folder.path, "process", "--all", "--json").code == 0
    assert folder.query("select text_sha256 from version") == before, "read again from the archive alone"
    shown = loopback.run(folder.path, "show", "1", "--json").out
    assert "/files/plan.pdf" in shown
