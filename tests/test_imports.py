"""Imports only go down: the floors of docs/design.md, read from the source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# The first prefix that fits decides. Neighbours on floor 1 do not import each other.
FLOORS = (
    ("hexapolis.__main__", 4, "cli"),
    ("hexapolis.cli", 4, "cli"),
    ("hexapolis", 0, "ground"),
    ("scheduler", 3, "scheduler"),
    ("review", 3, "review"),
    ("pipeline", 2, "pipeline"),
    ("crawler.spiders", 2, "spiders"),
    ("crawler", 1, "crawler"),
    ("classify", 1, "classify"),
    ("compare", 1, "compare"),
    ("store", 1, "store"),
    ("demo", 1, "demo"),
)
LIBRARIES = {
    "sqlalchemy": ("store",),
    "alembic": ("store",),
    "scrapy": ("crawler",),
    "twisted": ("crawler",),
    "trafilatura": ("crawler.extract",),
    "sklearn": ("classify",),
    "skops": ("classify",),
    "warcio": ("crawler",),
    "apscheduler": ("scheduler",),
    "typer": ("hexapolis.__main__", "hexapolis.cli"),
}
FOLDERS = ("hexapolis", "crawler", "classify", "store", "compare", "demo", "review")


def modules() -> dict[str, Path]:
    files = [p for folder in FOLDERS for p in (ROOT / folder).rglob("*.py")] + [
        ROOT / "pipeline.py",
        ROOT / "scheduler.py",
    ]
    return {".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p for p in files}


MODULES = modules()


def floor(module: str) -> tuple[int, str] | None:
    return next(
        (
            (level, room)
            for prefix, level, room in FLOORS
            if module == prefix or module.startswith(prefix + ".")
        ),
        None,
    )


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
            found.update(name for a in node.names if (name := f"{node.module}.{a.name}") in MODULES)
    return found


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_only_go_down(module: str) -> None:
    own = floor(module)
    assert own is not None, f"{module} has no floor; give it one in docs/design.md and here"
    for other in sorted(imports(MODULES[module])):
        target = floor(other)
        if target is None or target == own:
            continue
        assert target[0] <= own[0], f"{module} (floor {own[0]}) imports {other} (floor {target[0]})"
        if target[0] == own[0] == 1:
            pytest.fail(f"{module} imports its neighbour {other}")


@pytest.mark.parametrize("module", sorted(MODULES))
def test_each_library_stays_in_its_room(module: str) -> None:
    for other in imports(MODULES[module]):
        rooms = LIBRARIES.get(other.split(".")[0])
        if rooms is not None:
            assert module.startswith(rooms), (
                f"{module} imports {other}, which belongs to {' or '.join(rooms)}"
            )


def test_an_arrow_that_goes_up_is_seen() -> None:
    assert floor("store.engine") == (1, "store")
    assert floor("crawler.spiders.run") == (2, "spiders")
    assert floor("hexapolis.cli.read") == (4, "cli")
    assert floor("hexapolis.records") == (0, "ground")
