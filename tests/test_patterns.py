"""Regular expressions of the code keep clear of what Python's `re` has got wrong."""

from __future__ import annotations

import ast
import re

import pytest
from test_imports import modules

# CPython before 3.11.5 (gh-100061, gh-106052): a possessive group takes more than it may, now and then.
_POSSESSIVE_GROUP = re.compile(r"(?<!\\)\)(?:[*+?]|\{\d*,?\d*\})\+|\(\?>")


def possessive_groups(source: str) -> list[int]:
    """The lines of patterns with a possessive or atomic group."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return sorted(
        part.lineno
        for call in calls
        if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "re"
        for part in ast.walk(call)
        if isinstance(part, ast.Constant)
        and isinstance(part.value, str)
        and _POSSESSIVE_GROUP.search(part.value)
    )


@pytest.mark.parametrize("module", sorted(modules()))
def test_no_pattern_has_a_possessive_group(module: str) -> None:
    assert possessive_groups(modules()[module].read_text(encoding="utf-8")) == []


def test_a_possessive_group_is_seen() -> None:
    lines = [
        "import re",
        'A = re.compile(r"(?:a|b)*+c")',
        'B = re.sub(r"(?>ab)", "", x)',
        'C = re.compile(r"\\)*+ a++")',
    ]
    assert possessive_groups("\n".join(lines)) == [2, 3]
