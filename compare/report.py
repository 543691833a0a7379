"""The comparison as one HTML file: the table, and for each city its articles with the passages that count.

The file needs nothing else: no script, no other host, so it can be saved, sent and opened from a folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader

from compare.coverage import Coverage
from hexapolis.records import DIMENSIONS


class _Named(Protocol):
    id: str
    zh: str
    en: str


class _Codebook(Protocol):
    """What the report needs of the codebook."""

    version: str
    dimensions: Sequence[_Named]


def render_report(
    table: Coverage, articles: Iterable[Mapping[str, Any]], codebook: Any, notes: Sequence[str] = ()
) -> str:
    """The whole page.

    Args:
        table: the counts.
        articles: the rows behind them, each with `dims`, `cities` and `quotes`.
        codebook: for its version and the names of the dimensions.
        notes: what the reader has to know about gaps in the collection.
    """
    environment = Environment(
        loader=PackageLoader("compare", "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["percent"] = lambda value: "–" if value is None else f"{value:.0%}"
    environment.filters["web"] = _web_address
    environment.tests["contains_dim"] = lambda dims, name: name in dims
    by_city: dict[str, list[Mapping[str, Any]]] = {row.city_code: [] for row in table.rows}
    models = set()
    for article in articles:
        for city in article["cities"]:
            if city["city_code"] in by_city:
                by_city[city["city_code"]].append(article)
                models.add(article["model_id"])
    cities = {row.city_code: row.city for row in table.rows}
    names = {d.id: d for d in codebook.dimensions}
    return environment.get_template("report.html").render(
        table=table,
        cities=cities,
        by_city=by_city,
        dimensions=[names[d] for d in DIMENSIONS],
        codebook_version=codebook.version,
        models=sorted(models),
        notes=notes,
        largest=max(
            (c.share or 0 for row in table.rows if not row.few for c in row.cells.values()), default=0
        )
        or 1,
    )


def _web_address(url: str) -> str | None:
    """An address that may stand in a link: http and https only, whatever a page claimed."""
    try:
        return url if urlsplit(url).scheme in ("http", "https") else None
    except ValueError:  # such as a bracket that is not closed
        return None
