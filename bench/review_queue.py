"""How many labels the review queue saves: simulated reviewers, against reading in random order.

    python -m bench.review_queue [--seeds N] [--only authored|real|speed]

Labels of a pool (`bench/review_pool.py`: the authored corpus made like a crawl, and real texts where
`../shared` has them) are hidden; a learner is trained again after each batch that a "reviewer" (the hidden
labels) answers; its macro-F1 over the six dimensions is measured on a held-out part. Printed is how many
labels are needed for 95 % of the quality that all labels of the pool give, for the queue and for two random
orders: of articles, copies and all, and of stories, the harder one to beat. Audit choices of the queue cost a
label and teach nothing.

The learner is lighter than the tagger: one logistic regression a target over 192 components of character
n-grams and lexicon features of the whole text, with thresholds by leave-one-out scores. It starts from some
authored texts (`START`).
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bench.review_pool import DEV, Array, Texts, World, make_world, read_texts
from classify.review_queue import Candidate, Mix, in_audit, next_to_review
from hexapolis.records import DIMENSIONS

PART = 0.95  # of the quality with all labels
TARGET = 0.7  # labels of the queue, as a part of those in random order, at most
QUEUES: dict[str, dict[str, Any]] = {
    "queue": {},
    "queue, no audit": {"audit_share": 0.0},
    "queue, uncertainty alone": {"mix": Mix(0, 0, 0), "audit_share": 0.0},
}
TEXTS: Texts  # set before the processes fork, so that they share it


def fit_one(x: Array, y: Array) -> tuple[Array, Array]:
    """Logistic regression by Newton's method; its weights, and the score of each text left out."""
    penalty = np.append(np.ones(x.shape[1] - 1), 1e-3)
    share = y.mean().clip(0.01, 0.99)
    weights = np.append(np.zeros(x.shape[1] - 1), np.log(share / (1 - share)))

    def loss(at: Array) -> float:
        score = x @ at
        return float(np.logaddexp(0, score).sum() - y @ score + (penalty * at * at).sum() / 2)

    now = loss(weights)
    for _ in range(25):
        chance = 1 / (1 + np.exp(-(x @ weights)))
        hessian = (x * (chance * (1 - chance))[:, None]).T @ x + np.diag(penalty)
        step = np.linalg.solve(hessian, x.T @ (y - chance) - penalty * weights)
        while (then := loss(weights + step)) > now and np.abs(step).max() > 1e-6:
            step /= 2
        weights, gain, now = weights + step, now - then, then
        if gain < 1e-2:
            break
    score = x @ weights
    chance = 1 / (1 + np.exp(-score))
    pull = ((x @ np.linalg.inv(hessian)) * x).sum(axis=1)
    return weights, score - pull / (1 - chance * (1 - chance) * pull).clip(0.05, None) * (y - chance)


def f1_at(answer: Array, truth: Array, weight: Array) -> float:
    both = weight @ answer + weight @ truth
    return float(2 * (weight @ (answer & truth)) / both) if both else 0.0


def learn(rows: Array) -> tuple[Array, Array]:
    """Weights (a column a target) and thresholds from labelled texts."""
    columns, thresholds = [], []
    for column in range(TEXTS.truth.shape[1]):
        some = rows[TEXTS.known[rows, column]]
        truth = TEXTS.truth[some, column]
        weights, left_out = fit_one(TEXTS.features[some], truth.astype(float))
        chance, one = 1 / (1 + np.exp(-left_out)), np.ones(len(some))
        f1 = np.array([f1_at(chance >= at / 100, truth, one) for at in range(5, 96)])
        best = np.flatnonzero(f1 >= f1.max() - 1e-9)
        columns.append(weights)
        thresholds.append((5 + best[len(best) // 2]) / 100)
    return np.stack(columns, axis=1), np.array(thresholds)


def chances(model: tuple[Array, Array], rows: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-(TEXTS.features[rows] @ model[0]))))


def quality(model: tuple[Array, Array], world: World) -> float:
    """Macro-F1 over the six dimensions on the held-out texts."""
    answers, scores = chances(model, world.test) >= model[1], []
    for column in range(len(DIMENSIONS)):
        use = TEXTS.known[world.test, column]
        truth = TEXTS.truth[world.test, column]
        scores.append(f1_at(answers[use, column], truth[use], world.weight[use]))
    return float(np.mean(scores))


def candidates(world: World, model: tuple[Array, Array], seen: set[int]) -> list[Candidate]:
    """The pool as the queue sees it: one article a story is enough, copies never come."""
    table = chances(model, world.pool)
    limits = dict(zip(DIMENSIONS, model[1].tolist(), strict=False))
    first = np.cumsum(world.copies) - world.copies
    return [
        Candidate(
            id=int(first[story]),
            story=story,
            language=TEXTS.items[text].language or "zh",
            cities=TEXTS.items[text].cities or (),
            probability=dict(zip(DIMENSIONS, table[story].tolist(), strict=False)),
            threshold=limits,
            relevance=float(table[story, -1]),
            relevance_threshold=float(model[1][-1]),
            reviewed=story in seen,
            audit=in_audit(int(first[story])),
            content=TEXTS.content[text],
        )
        for story, text in enumerate(world.pool.tolist())
    ]


def simulate(job: tuple[str, bool, int]) -> list[tuple[int, float]]:
    """One reviewer's way through the pool: labels spent and quality, as parts of that with all labels."""
    strategy, real, seed = job
    world = make_world(TEXTS, real, seed)
    best = quality(learn(np.concatenate([world.start, world.pool])), world)
    chosen = QUEUES.get(strategy)
    batch, limit = (10, len(world.pool)) if real else (40, 1000) if chosen is not None else (80, 2400)
    if real and strategy == "random articles":
        limit = int(world.copies.sum())
    places = np.arange(len(world.pool))
    articles = np.repeat(places, world.copies) if strategy == "random articles" else places
    order = np.random.default_rng(1000 + seed).permutation(articles).tolist()
    seen, train, curve, spent = set[int](), world.start.tolist(), list[tuple[int, float]](), 0
    while True:
        model = learn(np.array(train))
        curve.append((spent, quality(model, world) / best))
        if spent >= limit:
            return curve
        if chosen is None:
            fresh = dict.fromkeys(story for story in order[spent : spent + batch] if story not in seen)
        else:
            given: dict[str, Any] = {"count": batch, "seed": seed, **chosen}
            pool = candidates(world, model, seen)
            if given.get("audit_share") == 0.0:  # nobody is kept apart
                pool = [replace(one, audit=False) for one in pool]
            choices = next_to_review(pool, **given)
            fresh = {int(one.story): None for one in choices if not one.audit}
            seen |= {int(one.story) for one in choices}
        seen |= set(fresh)
        train += [int(world.pool[story]) for story in fresh]
        spent += batch


def needed(curve: Sequence[tuple[int, float]]) -> float:
    """Labels at which a curve first reaches `PART`; infinite if it never does."""
    for (before, low), (after, high) in zip([curve[0], *curve], curve, strict=False):
        if high >= PART:
            return after if high == low else before + (after - before) * (PART - low) / (high - low)
    return float("inf")


def compare(real: bool, seeds: int) -> None:
    """Print what each order needs."""
    world = make_world(TEXTS, real, 0)
    relevant = TEXTS.truth[world.pool, -1].mean()
    print(
        f"{'real' if real else 'authored'} pool: about {len(world.pool)} stories, "
        f"{world.copies.sum()} articles, {relevant:.0%} of the stories relevant; "
        f"{len(world.test)} texts held out; {seeds} seeds"
    )
    orders = ["random stories", "random articles", *QUEUES]
    jobs = [(name, real, seed) for name in orders for seed in range(seeds)]
    with multiprocessing.get_context("fork").Pool(2) as workers:
        curves = workers.map(simulate, jobs, chunksize=1)
    labels: dict[str, float] = {}
    for place, name in enumerate(orders):
        mine = curves[place * seeds : (place + 1) * seeds]
        steps = min(map(len, mine))
        mean = [(mine[0][n][0], float(np.mean([one[n][1] for one in mine]))) for n in range(steps)]
        labels[name] = needed(mean)
        each = sorted(needed(one) for one in mine)
        at = dict(mean)
        shown = " ".join(
            f"{at[n]:.3f}" for n in ((0, 40, 80, 120) if real else (0, 80, 240, 480, 960)) if n in at
        )
        print(
            f"  {name:26} {labels[name]:6.0f} labels; by seed {each[0]:.0f} to {each[-1]:.0f}; parts {shown}"
        )
    for name in orders[:2]:
        if not np.isfinite([labels["queue"], labels[name]]).all():
            print(f"  queue to {name}: no ratio, one of them does not get there within its labels")
            continue
        ratio = labels["queue"] / labels[name]
        print(f"  queue to {name}: {ratio:.2f} (at most {TARGET}: {'yes' if ratio <= TARGET else 'no'})")


def speed(count: int = 100_000) -> None:
    """Print the CPU time of one batch from many candidates."""
    random = np.random.default_rng(0)
    table = random.beta(0.3, 1.5, (count, len(DIMENSIONS) + 1))
    limits = dict.fromkeys(DIMENSIONS, 0.5)
    words = random.integers(0, 2**40, (count, 100)).tolist()
    pool = [
        Candidate(
            id=n, story=n // 2, language="zh", cities=(f"city {n % 300}",),
            probability=dict(zip(DIMENSIONS, row, strict=False)), threshold=limits, relevance=row[-1],
            relevance_threshold=0.5, reviewed=n % 100 < 2, audit=in_audit(n), content=frozenset(words[n]),
        )
        for n, row in enumerate(table.tolist())
    ]  # fmt: skip
    for wanted in (1, 40, 400):
        began = time.process_time()
        next_to_review(pool, count=wanted)
        print(f"  {wanted:4} of {count} candidates in {time.process_time() - began:.2f} s CPU")


def main() -> None:
    """Measure and print."""
    global TEXTS
    parser = argparse.ArgumentParser(description="Measure the review queue.")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--only", choices=("authored", "real", "speed"))
    options = parser.parse_args()
    with threadpool_limits(1):
        if options.only in (None, "speed"):
            print("time of one batch")
            speed()
        if options.only != "speed":
            TEXTS = read_texts()
        if options.only in (None, "authored"):
            compare(False, options.seeds)
        if options.only in (None, "real"):
            if DEV.exists():
                compare(True, 6 * options.seeds)  # small, so chance weighs more
            else:
                print(f"real pool: left out, there is no {DEV.name} beside the repository")


if __name__ == "__main__":
    main()
