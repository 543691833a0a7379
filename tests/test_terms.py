"""Finding many strings at once."""

from hypothesis import given
from hypothesis import strategies as st

from classify.terms import TermScanner

_LETTERS = "深圳市a🤖\ud800 "


def test_finds_terms_that_overlap_and_contain_each_other() -> None:
    found = TermScanner(["深圳", "深圳市", "圳市民"]).scan("在深圳市民中心")
    assert sorted(found) == [(0, 1, 3), (1, 1, 4), (2, 2, 5)]


@given(
    st.lists(st.text(_LETTERS.replace("\ud800", ""), min_size=1, max_size=3), unique=True, max_size=6),
    st.text(_LETTERS, max_size=30),
)
def test_finds_every_occurrence_at_its_python_offsets(terms: list[str], text: str) -> None:
    readable = text.replace("\ud800", " ")
    expected = {
        (number, at, at + len(term))
        for number, term in enumerate(terms)
        for at in range(len(readable))
        if readable.startswith(term, at)
    }
    assert set(TermScanner(terms).scan(text)) == expected
