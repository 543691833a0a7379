"""What commands print: data on standard output, as a table or JSON; everything else on standard error."""

from __future__ import annotations

import datetime as dt
import json
import logging
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from hexapolis.config import Settings
    from store.engine import Store

Json = Annotated[bool, typer.Option("--json", help="Print JSON: a list is one object a line.")]


def settings_of(context: typer.Context) -> Settings:
    """The settings under the command's global options; also turns logging on."""
    from hexapolis.config import load_settings

    set_up_logging()
    return load_settings(**context.obj)


def open_store(settings: Settings, *, create: bool = False) -> Store:
    """The store of these settings; a command that only reads does not make one."""
    from store.engine import Store

    return Store.open(settings.database_url, create=create)


def set_up_logging() -> None:
    """Logs go to standard error, one line each."""
    import structlog

    # The standard stream is looked up for each line: a caller may have replaced it.
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def as_json(value: Any) -> str:
    """One JSON line; dates in ISO 8601, sets as sorted lists, lone surrogates escaped."""
    line = json.dumps(value, ensure_ascii=False, default=_plain)
    try:
        line.encode()
    except UnicodeEncodeError:
        line = json.dumps(value, ensure_ascii=True, default=_plain)
    return line


def _plain(value: Any) -> Any:
    if isinstance(value, (dt.datetime, dt.date)):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return str(value)


def print_json(value: Any) -> None:
    """Print one object on a line of its own."""
    sys.stdout.write(as_json(value) + "\n")


def note(message: str) -> None:
    """Tell the user something that is not data."""
    print(message, file=sys.stderr, flush=True)


def progress_note() -> Callable[[str], None] | None:
    """A function that overwrites one line of a terminal; None when standard error is none."""
    if not sys.stderr.isatty():
        return None

    def show(message: str) -> None:
        sys.stderr.write(f"\r\x1b[K{message}")
        sys.stderr.flush()

    return show


def print_table(headings: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Sequence[int] = ()) -> None:
    """Columns of text, padded by the width that characters take on a terminal (a Chinese one takes two)."""
    lines = [[str(cell) if cell is not None else "" for cell in row] for row in rows]
    widths = [max([_width(h), *(_width(line[i]) for line in lines)]) for i, h in enumerate(headings)]
    for line in [list(headings), ["-" * w for w in widths], *lines]:
        cells = [
            _pad(cell, width, i in right) for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def _width(text: str) -> int:
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _pad(text: str, width: int, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space
