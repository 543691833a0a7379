"""What an edit changed, as a reader sees it, and which articles were edited or removed."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest
from conftest import Result
from hypothesis import given
from hypothesis import strategies as st
from reviewed_articles import NOON, article_is_stored
from sqlalchemy import update

from compare.differences import Piece, PieceKind, differences, marked
from store.changes import changed_articles
from store.engine import Store
from store.schema import article, version

OLD = "深圳市到2024年建成智能算力中心3个。市工业和信息化局负责。\n每年发放算力券5亿元。附则。"
NEW = "深圳市到2025年建成智能算力中心3个。市工业和信息化局负责。\n支持开源社区。每年发放算力券5亿元。附则。"


def read_back(pieces: list[Piece], kind: PieceKind) -> str:
    return "".join(piece.text for piece in pieces if piece.kind in (PieceKind.KEPT, kind))


texts = st.lists(
    st.sampled_from(
        [
            "算力券。",
            "二〇二四年",
            "2024年",
            "3,000P",
            "。",
            "；",
            "\n",
            " ",
            "A city.",
            " plan ",
            "。”",
            "\U00020000",
            "\ud800",
            "é",
        ]
    ),
    max_size=30,
).map("".join)


@given(texts, texts)
def test_the_pieces_make_up_both_texts(old: str, new: str) -> None:
    pieces = differences(old, new)
    assert read_back(pieces, PieceKind.REMOVED) == old
    assert read_back(pieces, PieceKind.ADDED) == new
    assert all(piece.text for piece in pieces)
    assert all(a.kind is not b.kind for a, b in pairwise(pieces))
    assert (old == new) == all(piece.kind is PieceKind.KEPT for piece in pieces)
    changes = sum(piece.kind is not PieceKind.KEPT for piece in pieces)
    assert len(marked(pieces)) <= changes <= 2 * len(marked(pieces))


def test_a_number_is_replaced_as_a_whole_and_a_new_sentence_stands_alone() -> None:
    pieces = differences(OLD, NEW)
    assert [(piece.kind.value, piece.text) for piece in pieces if piece.kind is not PieceKind.KEPT] == [
        ("removed", "2024"),
        ("added", "2025"),
        ("added", "支持开源社区。"),
    ]
    assert marked(pieces, around=4) == [
        "深圳市到[-2024-]{+2025+}年建成智…",
        "…负责。 {+支持开源社区。+}每年发放…",
    ]


def test_a_passage_that_says_something_else_is_not_mixed_with_the_old_one() -> None:
    old, new = "第一条是算力。市科技局负责开放场景。", "第一条是算力。本办法由财政部门解释，有效期五年。"
    assert [piece.kind.value for piece in differences(old, new)] == ["kept", "removed", "added"]


def test_letters_that_happen_to_agree_do_not_cut_a_change_in_pieces() -> None:
    (_, removed, added, _) = differences(
        "由市科技局和市财政局负责落实。", "由市发展改革委和市教育局负责落实。"
    )
    assert (removed.text, added.text) == ("科技局和市财政", "发展改革委和市教育")


def test_a_long_text_with_one_edit_is_compared_in_no_time() -> None:
    text = "支持企业使用算力。" * 50_000
    pieces = differences(text, text[:200_001] + "大" + text[200_001:])
    assert [piece.text for piece in pieces if piece.kind is not PieceKind.KEPT] == ["大"]


def test_edits_and_removals_are_listed_from_a_time_on(store: Store) -> None:
    for url, text in (("https://a.cn/1", OLD), ("https://a.cn/2", "另一篇。"), ("https://a.cn/1", NEW)):
        article_is_stored(store, url, text)
    with store.write() as connection:
        late, later = NOON + dt.timedelta(days=1), NOON + dt.timedelta(days=2)
        connection.execute(update(version).where(version.c.number == 2).values(created_at=late))
        connection.execute(update(article).where(article.c.url == "https://a.cn/2").values(gone_at=later))
    with store.read() as connection:
        edit, removal = changed_articles(connection, NOON)
        assert (edit["what"], edit["url"], edit["version"], edit["at"]) == (
            "edited",
            "https://a.cn/1",
            2,
            late,
        )
        assert (edit["old_text"], edit["text"]) == (OLD, NEW)
        assert (removal["what"], removal["url"], removal["at"]) == ("gone", "https://a.cn/2", later)
        assert [row["what"] for row in changed_articles(connection, later)] == ["gone"]
        assert changed_articles(connection, later + dt.timedelta(seconds=1)) == []
        assert changed_articles(connection, NOON, source_id="bj") == []
        assert len(changed_articles(connection, NOON, source_id="sz")) == 2


def test_the_command_shows_the_edit(
    tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # type: ignore[no-untyped-def]
    from hexapolis.__main__ import main

    store = Store.open(f"sqlite:///{tmp_path / 'hexapolis.db'}")
    article_is_stored(store, "https://a.cn/1", OLD, title="旧题")
    article_is_stored(store, "https://a.cn/1", NEW, title="新题")
    store.close()

    def run(*words: str) -> Result:
        monkeypatch.setattr("sys.argv", ["hexapolis", "--data", str(tmp_path), "changes", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return Result(int(ended.value.code or 0), *capsys.readouterr())

    out = run().out
    assert "title: [-旧题-]{+新题+}" in out
    assert "深圳市到[-2024-]{+2025+}年" in out
    row = run("--json").row
    assert (row["what"], row["version"], "text" in row) == ("edited", 2, False)
    assert "".join(p["text"] for p in row["diff"] if p["kind"] != "removed") == NEW
    assert run("--since", "2999-01-01", "--json").rows == []
    assert "No article" in run("--since", "2999-01-01").out
    assert run("--since", "soon").code == 2
