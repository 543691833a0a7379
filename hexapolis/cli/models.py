"""Commands about models: train, models, and the choice of the one in use."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hexapolis.cli.output import Json, note, open_store, print_json, print_table, settings_of
from hexapolis.errors import ModelError, UsageError

if TYPE_CHECKING:
    from classify.model import Tagger
    from classify.promotion import Verdict
    from hexapolis.config import Settings
    from hexapolis.records import LabelledText, StoryText, SureText

WAITING = "pages tagged by another model wait: run `hexapolis process`"

ModelArgument = Annotated[str, typer.Argument(metavar="ID", help="The model's id.")]


def register(app: typer.Typer) -> None:
    """Add the group; without a subcommand it lists."""
    group = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
    group.callback()(models)
    group.command("list")(list_)
    group.command()(promote)
    group.command()(rollback)
    app.add_typer(group, name="models")


def train(
    context: typer.Context,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    with_reviews: Annotated[
        bool, typer.Option("--with-reviews", help="Learn from the reviewers' labels too.")
    ] = False,
    self_training: Annotated[
        bool,
        typer.Option("--self-training", help="And from articles that the model in use is very sure of."),
    ] = False,
    json: Json = False,
) -> None:
    """Train a model; it becomes the active one unless it does worse on held-out reviews."""
    settings = settings_of(context)
    if self_training and not with_reviews:
        raise UsageError("--self-training adds to what reviewers say: give --with-reviews too")
    from classify.corpus import load_corpus
    from classify.learning import fit, held_out_items, training_set
    from classify.promotion import usable_active

    corpus = load_corpus()
    reviewed = _reviewed(settings, needed=with_reviews)
    active = usable_active(settings.models)
    sure = _sure(settings, active) if self_training else []
    data = training_set(corpus, reviewed if with_reviews else [], sure)
    sources = data.sources
    if with_reviews:
        note(
            f"{sources.reviewed} reviewed stories, {sources.held_out} held out for the test, "
            f"{sources.audit_left_out} of the audit left out, {sources.self_training} by self-training"
        )
    note(f"training on {len(data.items)} passages")
    tagger = fit(data, seed=seed)
    folder = tagger.save(settings.models)
    verdict = _decide(settings.models, tagger, active, held_out_items(reviewed))
    if json:
        print_json({**tagger.card, **_outcome(verdict, verdict.passed)})
    elif verdict.passed:
        typer.echo(f"model {tagger.model_id} in {folder}; {WAITING}")
        if reviewed:
            note(f"{tagger.model_id}: {verdict.reason}")
    else:
        typer.echo(f"model {tagger.model_id} in {folder} stays a candidate: {verdict.reason}")


def models(context: typer.Context, json: Json = False) -> None:
    """List the models with their state; make one the active one, or go back to the one before."""
    if context.invoked_subcommand is None:
        list_(context, json)
    elif json:
        raise UsageError(f"write the options behind `models {context.invoked_subcommand}`")


def list_(context: typer.Context, json: Json = False) -> None:
    """List the models, newest first, with what they were trained on and how they did."""
    settings = settings_of(context)
    from classify.promotion import list_models

    rows = list_models(settings.models)
    if json:
        for row in rows:
            print_json(row)
        return
    print_table(
        ("id", "made", "texts", "reviewed", "folds F1", "held-out F1", "of", "state"),
        [_line(row) for row in rows],
        right=range(2, 7),
    )


def _line(row: dict[str, Any]) -> tuple[object, ...]:
    tested = row["held_out_reviews"] or {}
    state = row["state"] + (", rollback returns to it" if row["rollback"] else "")
    return (
        row["id"],
        (row["created_at"] or "")[:16].replace("T", " "),
        row["texts"],
        (row["sources"] or {}).get("reviewed", 0),
        row["folds_macro_f1"],
        tested.get("judged_f1"),
        tested.get("texts"),
        f"{state}: {row['reason']}" if row["reason"] else state,
    )


def promote(
    context: typer.Context,
    model_id: ModelArgument,
    force: Annotated[
        bool, typer.Option("--force", help="Also when it does worse on held-out reviews.")
    ] = False,
    json: Json = False,
) -> None:
    """Make a model the active one, if it passes the test on today's held-out reviews."""
    settings = settings_of(context)
    from classify.learning import held_out_items
    from classify.model import Tagger
    from classify.model_files import CARD_FILE
    from classify.promotion import usable_active

    folder = settings.models / model_id
    if not (model_id.isascii() and model_id.isalnum() and (folder / CARD_FILE).is_file()):
        raise ModelError(f"{settings.models}: no model {model_id!r}; `hexapolis models` lists them")
    tagger, active = Tagger.load(folder), usable_active(settings.models)
    held_out = held_out_items(_reviewed(settings, needed=False))
    verdict = _decide(settings.models, tagger, active, held_out, force=force)
    if not verdict.passed and not force:
        raise ModelError(f"{model_id} stays a candidate: {verdict.reason}; --force takes it all the same")
    if json:
        print_json({"model_id": model_id, **_outcome(verdict, True)})
    else:
        typer.echo(f"model {model_id} is active: {verdict.reason}; {WAITING}")


def rollback(context: typer.Context, json: Json = False) -> None:
    """Make the model that was active before the present one the active one again."""
    settings = settings_of(context)
    from classify import model_history

    before = model_history.active_id(settings.models)
    model_id = model_history.rollback(settings.models, dt.datetime.now(dt.UTC))
    if json:
        print_json({"model_id": model_id, "state": "active", "replaced": before})
    else:
        typer.echo(f"model {model_id} is active again in place of {before}; {WAITING}")


def _decide(
    models_dir: Path,
    tagger: Tagger,
    active: Tagger | None,
    held_out: list[LabelledText],
    *,
    force: bool = False,
) -> Verdict:
    """Test a stored model, write the verdict beside it, and make it the active one if it may be."""
    from classify import model_history
    from classify.promotion import compare, save_verdict

    now = dt.datetime.now(dt.UTC)
    verdict = compare(tagger, active, held_out)
    save_verdict(models_dir, verdict, now)
    if verdict.passed or force:
        act = model_history.PROMOTED if verdict.passed else model_history.FORCED
        model_history.activate(models_dir, tagger.model_id, act, now)
    return verdict


def _outcome(verdict: Verdict, active: bool) -> dict[str, Any]:
    return {"state": "active" if active else "candidate", "promotion": verdict.as_dict()}


def _reviewed(settings: Settings, *, needed: bool) -> list[StoryText]:
    """Every reviewed story; without a database there is none, which is an error where they are needed."""
    if not needed and not settings.db and not (settings.data / "hexapolis.db").exists():
        return []
    from store.reviews import labelled_stories

    with open_store(settings).read() as connection:
        return labelled_stories(connection)


def _sure(settings: Settings, active: Tagger | None) -> list[SureText]:
    from classify.learning import SELF_LENGTH, SURE_NO, SURE_YES, choose_sure
    from store.reviews import sure_texts

    if active is None:
        raise UsageError("self-training needs a model in use, and articles that it has tagged")
    with open_store(settings).read() as connection:
        return [
            one
            for relevant in (True, False)
            for one in choose_sure(
                sure_texts(
                    connection, active.model_id, relevant, yes=SURE_YES, no=SURE_NO, longest=SELF_LENGTH
                )
            )
        ]
