"""Tables for spreadsheets. Cells that a spreadsheet would run as a formula are neutralised."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

ARTICLE_FIELDS = (
    "id", "title", "url", "source_id", "language", "published_on", "published_from", "written_on", "issuer",
    "author", "source_line", "document_number", "kind", "level", "relevant", "relevance", "dims", "cities",
    "city_codes", "story_id", "version", "text_sha256", "model_id", "codebook_version", "text",
)  # fmt: skip


def safe_cell(value: Any) -> Any:
    """A text that begins like a formula gets an apostrophe before it, as OWASP's CSV injection page advises.

    Full-width signs count: spreadsheets with a Chinese interface take them for the plain ones.
    """
    if isinstance(value, str) and value.startswith(
        ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
    ):
        return "'" + value
    return value


def csv_text(fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Rows as RFC 4180 CSV with a heading."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(fields)
    for row in rows:
        writer.writerow(["" if cell is None else safe_cell(cell) for cell in row])
    return out.getvalue()


def article_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """Articles as CSV; several dimensions or cities in one cell are parted by semicolons."""
    return csv_text(ARTICLE_FIELDS, ([_cell(row, field) for field in ARTICLE_FIELDS] for row in rows))


def _cell(row: Mapping[str, Any], field: str) -> Any:
    if field == "dims":
        return ";".join(row["dims"])
    if field == "cities":
        return ";".join(c["city"] for c in row["cities"])
    if field == "city_codes":
        return ";".join(c["city_code"] for c in row["cities"])
    return row[field]
