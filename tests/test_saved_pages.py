"""Importing saved pages: which files, which address, and the whole chain behind one article."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Result

from crawler.archive import ArchiveWriter, read_body
from crawler.import_filter import ImportFilter
from crawler.saved_pages import find_files, is_warc, read_saved_page, read_warc, stated_address
from hexapolis.errors import InputFileError
from hexapolis.records import ArchiveRef, Page

NOON = dt.datetime(2024, 3, 15, 12, 0, tzinfo=dt.UTC)

# ruff: noqa: E501 - paragraphs of HTML

COMPUTE = """<!doctype html><html lang="zh"><head><meta charset="utf-8">
<title>深圳市发布智能算力建设方案_深圳政府在线</title>
<link rel="canonical" href="https://www.sz.gov.cn/cn/xxgk/2024/content/post_1001.html">
<meta name="PubDate" content="2024-03-15 09:30"></head><body>
<div class="nav"><a href="/">首页</a> <a href="/xw">新闻</a></div>
<h1>深圳市发布智能算力建设方案</h1>
<div class="article-content">
<p>深圳市人民政府3月15日发布智能算力建设方案，计划到2025年建成智能算力规模超过一百亿亿次的算力集群。</p>
<p>方案提出，每年发放五亿元“算力券”，支持深圳市人工智能企业租用智能算力中心的计算资源，降低训练成本。</p>
<p>深圳市发展改革委负责人表示，将统筹建设城市级算力调度平台，推动智算中心和超算中心互联互通，算力资源一网调度。</p>
</div><div class="footer">版权所有</div></body></html>"""

FUND = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>Shanghai sets up fund for artificial intelligence firms</title>
<meta property="og:url" content="https://news.example.org/2024/04/shanghai-ai-fund">
<meta property="article:published_time" content="2024-04-02T08:00:00+08:00"></head><body><article>
<h1>Shanghai sets up fund for artificial intelligence firms</h1>
<p>The Shanghai municipal government said on Tuesday that it has set up a fund of 10 billion yuan to support
artificial intelligence companies across the city, open to firms of every size.</p>
<p>The city will also introduce regulations on the safety and ethics of artificial intelligence, and simplify
the filing of large models, according to a notice from the Shanghai municipal government.</p>
<p>Officials said loans and listing support for artificial intelligence enterprises would follow this year.</p>
</article></body></html>"""

GARDEN = """<!doctype html><html><head><meta charset="utf-8"><title>My garden in spring</title></head><body><article>
<h1>My garden in spring</h1>
<p>The tulips came up early this year, and the old apple tree by the wall is covered in blossom from top to bottom.</p>
<p>I planted two rows of beans on Saturday, and a neighbour gave me a dozen strawberry plants for the sunny corner.</p>
<p>If the weather stays mild, there should be lettuce on the table by the end of the month, and radishes before that.</p>
</article></body></html>"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three saved pages, one of them compressed."""
    made = tmp_path / "saved"
    (made / "deeper").mkdir(parents=True)
    (made / "compute.html").write_text(COMPUTE, encoding="utf-8")
    (made / "deeper" / "fund.html.gz").write_bytes(gzip.compress(FUND.encode()))
    (made / "garden.HTM").write_text(GARDEN, encoding="utf-8")
    (made / "notes.txt").write_text("not a page")
    return made


def warc(path: Path, *pages: tuple[str, bytes]) -> Path:
    writer = ArchiveWriter(path.parent / "warc-parts")
    refs = [writer.write(Page(u, u, 200, (("Content-Type", "text/html"),), body, NOON)) for u, body in pages]
    writer.close()
    (path.parent / "warc-parts" / refs[0].file).rename(path)
    return path


def warc_pages(path: Path) -> list[Page]:
    return [record.page for record in read_warc(path, ImportFilter()) if record.page is not None]


def test_pages_are_found_below_folders_by_their_names(folder: Path) -> None:
    names = ["a.html", "b.shtml", "c.xhtml.gz", "d.warc", "e.warc.gz", "f.htm"]
    for name in [*names, "g.pdf", "h.html.bak", "warc.txt"]:
        (folder / "deeper" / name).write_text("x")
    found = [p.relative_to(folder).as_posix() for p in find_files([folder])]
    assert found == sorted(
        ["compute.html", "garden.HTM", "deeper/fund.html.gz", *(f"deeper/{n}" for n in names)]
    )


def test_each_file_is_found_once_and_a_named_one_whatever_its_name(folder: Path) -> None:
    page, notes = folder / "compute.html", folder / "notes.txt"
    assert find_files([page, folder, page, notes]) == [
        page,
        folder / "deeper" / "fund.html.gz",
        folder / "garden.HTM",
        notes,
    ]


def test_what_cannot_be_found(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputFileError, match=r"empty: no \.html.* files in this folder"):
        find_files([folder, tmp_path / "empty"])
    with pytest.raises(InputFileError, match=r"nothing\.html: no such file or folder"):
        find_files([tmp_path / "nothing.html"])


def test_a_saved_page(folder: Path) -> None:
    path = folder / "compute.html"
    os.utime(path, (NOON.timestamp(), NOON.timestamp()))
    page = read_saved_page(path)
    assert page.url == page.requested_url == "https://www.sz.gov.cn/cn/xxgk/2024/content/post_1001.html"
    assert page.body == COMPUTE.encode()
    assert page.fetched_at == NOON
    assert page.header("Content-Type") == "text/html"


def test_a_compressed_page_is_the_same_page_whatever_its_name(folder: Path) -> None:
    packed = folder / "deeper" / "fund.html.gz"
    renamed = packed.rename(folder / "fund.html")
    page = read_saved_page(renamed)
    assert page.body == FUND.encode()
    assert page.url == "https://news.example.org/2024/04/shanghai-ai-fund"


def test_a_page_without_an_address_goes_by_its_digest(folder: Path) -> None:
    assert (
        read_saved_page(folder / "garden.HTM").url
        == f"urn:sha256:{hashlib.sha256(GARDEN.encode()).hexdigest()}"
    )


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    packed = gzip.compress(os.urandom(5000))
    damaged = bytearray(packed)
    damaged[len(packed) // 2] ^= 0xFF
    for name, content in (("cut.gz", packed[:-100]), ("damaged.gz", bytes(damaged)), ("head.gz", packed[:3])):
        (tmp_path / name).write_bytes(content)
    for name in ("cut.gz", "damaged.gz", "head.gz", "missing.html", "."):
        with pytest.raises(InputFileError, match=r"^[^\n]+$"):
            read_saved_page(tmp_path / name)


@pytest.mark.parametrize(
    ("head", "address"),
    [
        ('<link rel="canonical" href="https://x.cn/a/1.html">', "https://x.cn/a/1.html"),
        ('<LINK REL="alternate Canonical" HREF=" http://x.cn/a?id=1 ">', "http://x.cn/a?id=1"),
        ('<meta property="og:url" content="https://x.cn/2">', "https://x.cn/2"),
        (
            '<meta property="og:url" content="https://x.cn/2"><link rel=canonical href="https://x.cn/1">',
            "https://x.cn/1",
        ),
        (
            '<link rel="canonical" href="/1.html"><meta property="OG:URL" content="https://x.cn/2">',
            "https://x.cn/2",
        ),
        ('<link rel="canonical" href="https://x.cn/?id=5">', "https://x.cn/?id=5"),
        ('<link rel="canonical" href="https://x.cn/新闻/1.html">', "https://x.cn/新闻/1.html"),
        ('<link rel="canonical" href="https://x.cn/&#x65B0;/1.html">', "https://x.cn/新/1.html"),
        ('<link rel="canonical" href="https://x.cn/">', None),
        ('<link rel="canonical" href="https://x.cn">', None),
        ('<link rel="canonical" href="//x.cn/1">', None),
        ('<link rel="canonical" href="/1.html">', None),
        ('<link rel="canonical" href="javascript:alert(1)">', None),
        ('<link rel="canonical" href="file:///etc/passwd">', None),
        ('<link rel="canonical" href="http://[broken/1">', None),
        ('<link rel="canonical">', None),
        ('<link rel="stylesheet" href="https://x.cn/a.css">', None),
        ("", None),
    ],
)
@pytest.mark.parametrize("charset", ["utf-8", "gb18030"])
def test_the_address_that_a_page_states(head: str, address: str | None, charset: str) -> None:
    page = f"<html><head><meta charset={charset}><title>深圳</title>{head}</head><body>深圳</body></html>"
    assert stated_address(page.encode(charset)) == address


@pytest.mark.parametrize(
    "body", [b"", b"  \n", b"\x00\x00\x00", b"\xff" * 100, b"%PDF-1.7", b"<?xml version='1.0'?><a/>"]
)
def test_what_is_no_page_states_no_address(body: bytes) -> None:
    assert stated_address(body) is None


def test_the_pages_of_a_warc_file(tmp_path: Path) -> None:
    path = warc(
        tmp_path / "a.warc.gz",
        ("https://x.cn/1", b"one"),
        ("https://x.cn/2", b""),
        ("https://x.cn/3", b"three"),
    )
    assert is_warc(path)
    pages = warc_pages(path)
    assert [(p.url, p.status, p.body, p.fetched_at) for p in pages] == [
        ("https://x.cn/1", 200, b"one", NOON),
        ("https://x.cn/2", 200, b"", NOON),
        ("https://x.cn/3", 200, b"three", NOON),
    ]
    assert pages[0].header("content-type") == "text/html"
    plain = tmp_path / "a.warc"
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    assert [p.body for p in warc_pages(plain)] == [b"one", b"", b"three"]


@pytest.mark.parametrize("compressed", [True, False])
def test_a_warc_file_that_ends_in_the_middle_of_a_page(tmp_path: Path, compressed: bool) -> None:
    """A page of half a text would be taken for an edit."""
    path = warc(tmp_path / "a.warc.gz", ("https://x.cn/1", b"one"), ("https://x.cn/2", os.urandom(3000)))
    content = path.read_bytes() if compressed else gzip.decompress(path.read_bytes())
    cut = tmp_path / ("cut.warc.gz" if compressed else "cut.warc")
    cut.write_bytes(content[:-1000])
    records = list(read_warc(cut, ImportFilter()))
    assert [r.page.body for r in records if r.page] == [b"one"]
    assert records[-1].broken == "truncated"
    assert "ends" in records[-1].detail


@pytest.mark.parametrize(
    "content",
    [
        b"<html>a page</html>",
        bytes(range(256)),
        b"These are five words or more.\nAnd so on.\n",
        gzip.compress(b"hello"),
        b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 15\r\n\r\nHTTP/1.1 200 OK\r\n\r\n\r\n",
    ],
    ids=["html", "noise", "words", "gzip", "no address"],
)
def test_what_is_no_warc_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.warc").write_bytes(content)
    with pytest.raises(InputFileError, match="cannot be read as a WARC file"):
        list(read_warc(tmp_path / "a.warc", ImportFilter()))


def test_import_and_the_whole_chain(hexapolis: Callable[..., Result], folder: Path, data: Path) -> None:
    done = hexapolis("import", folder, "--json")
    assert done.code == 0, done.err
    assert (done.row["status"], done.row["files"], done.row["skipped"], done.row["urls_seen"]) == (
        "done",
        3,
        0,
        3,
    )
    assert done.row["outcomes"] == {"stored": 3}

    articles = {row["title"]: row for row in hexapolis("articles", "--json").rows}
    compute = articles["深圳市发布智能算力建设方案"]
    fund = articles["Shanghai sets up fund for artificial intelligence firms"]
    garden = articles["My garden in spring"]
    assert (compute["published_on"], compute["language"], compute["relevant"]) == ("2024-03-15", "zh", True)
    assert "compute" in compute["dims"]
    assert [c["city"] for c in compute["cities"]] == ["Shenzhen"]
    assert (fund["published_on"], fund["language"], fund["relevant"]) == ("2024-04-02", "en", True)
    assert "support" in fund["dims"]
    assert [c["city_code"] for c in fund["cities"]] == ["310000"]
    assert (garden["published_on"], garden["relevant"], garden["dims"]) == (None, False, [])

    for row, original in ((compute, COMPUTE), (fund, FUND), (garden, GARDEN)):
        shown = hexapolis("show", row["id"], "--json").row
        (version,) = shown["versions"]
        (page,) = version["pages"]
        assert page["digest"] == f"sha256:{hashlib.sha256(original.encode()).hexdigest()}"
        ref = ArchiveRef(page["warc_file"], page["warc_offset"], page["warc_length"], page["digest"])
        assert read_body(data / "archive", ref) == original.encode()
        assert hashlib.sha256(version["text"].encode()).hexdigest() == version["text_sha256"]
        (prediction,) = version["predictions"]
        assert prediction["current"]
        for name, score in prediction["dimensions"].items():
            assert score["tagged"] == (name in row["dims"])
            for quote in score["evidence"]:
                assert quote["quote"] == version["text"][quote["start"] : quote["end"]] != ""
        for name in row["dims"]:
            assert prediction["dimensions"][name]["evidence"]
        assert [p["start"] for p in version["passages"]] == sorted(p["start"] for p in version["passages"])
    assert "算力" in shown_quote(hexapolis, compute["id"], "compute")


def shown_quote(hexapolis: Callable[..., Result], article: int, dimension: str) -> str:
    (version,) = hexapolis("show", article, "--json").row["versions"]
    return str(version["predictions"][0]["dimensions"][dimension]["evidence"][0]["quote"])


def test_importing_twice_gives_one_article(hexapolis: Callable[..., Result], folder: Path) -> None:
    page = folder / "compute.html"
    assert hexapolis("import", page, page, "--json").row["outcomes"] == {"stored": 1}
    assert hexapolis("import", page, "--json").row["outcomes"] == {"unchanged": 1}
    page.write_text(COMPUTE.replace("五亿元", "六亿元"), encoding="utf-8")
    assert hexapolis("import", page, "--json").row["outcomes"] == {"stored": 1}
    (row,) = hexapolis("articles", "--json").rows
    assert row["version"] == 2
    versions = hexapolis("show", row["id"], "--json").row["versions"]
    assert [(v["number"], v["current"], "六亿元" in v["text"]) for v in versions] == [
        (1, False, False),
        (2, True, True),
    ]


def test_importing_a_warc_file_and_files_that_cannot_be_read(
    hexapolis: Callable[..., Result], tmp_path: Path, folder: Path
) -> None:
    path = warc(tmp_path / "a.warc.gz", ("https://www.sz.gov.cn/a/post_7.html", COMPUTE.encode()))
    (folder / "cut.html.gz").write_bytes(gzip.compress(os.urandom(5000))[:-50])
    (folder / "noise.warc").write_bytes(b"noise")
    done = hexapolis("import", path, folder, "--json")
    assert done.code == 3
    assert (done.row["files"], done.row["skipped"], done.row["outcomes"]) == (6, 2, {"stored": 4})
    assert "cut.html.gz: cannot be read" in done.err
    assert "noise.warc: cannot be read as a WARC file" in done.err
    assert "Traceback" not in done.err
    stories = [row["story_id"] for row in hexapolis("articles", "--json").rows if row["language"] == "zh"]
    assert len(stories) == 2
    assert len(set(stories)) == 1


def test_nothing_to_import(hexapolis: Callable[..., Result], tmp_path: Path, data: Path) -> None:
    done = hexapolis("import", tmp_path / "nothing.html")
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert not (data / "hexapolis.db").exists()
