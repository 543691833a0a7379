"""Commands of the tagger: classify, evaluate, and the place of those about models and reviews."""

from __future__ import annotations

import json as json_module
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from hexapolis.cli import models, reviews
from hexapolis.cli.output import Json, print_json, settings_of
from hexapolis.errors import InputFileError, UsageError

BATCH = 64


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(classify)
    app.command()(models.train)
    app.command()(evaluate)
    models.register(app)
    reviews.register(app)


def classify(context: typer.Context, json: Json = False) -> None:
    """Tag texts: JSON lines {"id","text","title"?} on standard input, one JSON line each on output."""
    settings = settings_of(context)
    from classify.active import ensure_model

    tagger = ensure_model(settings.models)
    documents = _documents()
    while batch := list(islice(documents, BATCH)):
        taggings = tagger.tag_many([(item.get("title"), item["text"]) for item in batch])
        for item, tagging in zip(batch, taggings, strict=True):
            print_json(
                {
                    "id": item.get("id"),
                    "relevant": tagging.relevant,
                    "relevance": round(tagging.relevance, 4),
                    "dims": list(tagging.tags),
                    "scores": {d: round(s.probability, 4) for d, s in tagging.dimensions.items()},
                    "evidence": {
                        d: [[e.start, e.end, round(e.score, 4)] for e in s.evidence]
                        for d, s in tagging.dimensions.items()
                        if s.tagged
                    },
                    "cities": [
                        {"city": c.city, "city_code": c.city_code, "role": c.role.value}
                        for c in tagging.cities
                    ],
                }
            )
        sys.stdout.flush()


def _documents() -> Iterator[dict[str, Any]]:
    for number, line in enumerate(sys.stdin.buffer, 1):
        if not line.strip():
            continue
        try:
            item = json_module.loads(line)
        except (ValueError, RecursionError) as error:  # RecursionError: brackets inside brackets without end
            raise UsageError(f"standard input, line {number}: not JSON: {error}") from error
        if not isinstance(item, dict) or not isinstance(item.get("text"), str):
            raise UsageError(
                f'standard input, line {number}: needs an object with a text, such as {{"text": "…"}}'
            )
        if not isinstance(item.get("title"), (str, type(None))):
            raise UsageError(f"standard input, line {number}: title: must be text")
        yield item


def evaluate(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Labelled texts, JSON lines.")],
    errors: Annotated[
        int, typer.Option(min=0, metavar="N", help="How many of the most confident wrong answers to show.")
    ] = 10,
    json: Json = False,
) -> None:
    """Measure the active model against a labelled file."""
    settings = settings_of(context)
    from classify.corpus import load_labelled

    items = load_labelled(file)
    if not items:
        raise InputFileError(file, "holds no labelled text, so there is nothing to measure")
    from classify import evaluate as evaluation
    from classify.active import ensure_model

    result = evaluation.evaluate(ensure_model(settings.models), items, errors=errors)
    if json:
        print_json(result.as_dict())
    else:
        typer.echo(result.render())
