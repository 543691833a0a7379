"""The texts that reviewing is simulated on (`bench/review_queue.py`): pools that look like a crawl.

The `authored` pool is the authored corpus made like one: dimensions are thinned out (`KEPT`), sentences of
texts that carry nothing are shuffled into further irrelevant ones, and four stories in ten have copies, few
of them up to forty. Held out is a quarter, by blocks that keep near-duplicates, and texts shuffled from one
another, together; each held-out text weighs as much as its like is kept in the pool.

The `real` pool is `../shared/data/labels/dev.jsonl`, two thirds of it, and the rest is held out. That file is
for measuring only: the learner of the simulation sees it, in memory; no model that ships does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack
from scipy.sparse.csgraph import connected_components
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

from bench import SHARED
from classify.corpus import load_corpus, load_labelled
from classify.folding import fold
from classify.lexicon import load_lexicon
from classify.likeness import shingles
from classify.passages import sentences
from hexapolis.records import DIMENSIONS, LabelledText

DEV = SHARED / "data" / "labels" / "dev.jsonl"
START = 60  # authored texts that the learner begins with
BLOCKS = 60
KEPT = {
    "application": 1.0,
    "support": 0.8,
    "industry": 0.6,
    "technology": 0.5,
    "compute": 0.35,
    "data_talent": 0.2,
}
SINGLE, MOST_COPIES = 0.6, 40
Array = np.ndarray[Any, Any]


@dataclass
class Texts:
    """All texts of a run with their features, computed once."""

    items: list[LabelledText]
    block: Array
    real: Array  # of the development file
    made: Array  # shuffled together
    features: Array
    truth: Array
    known: Array
    kept: Array
    content: list[frozenset[int]]


@dataclass
class World:
    """One division of the texts."""

    test: Array
    weight: Array  # of each held-out text
    start: Array
    pool: Array  # one text a story
    copies: Array


def read_texts() -> Texts:
    """Read and shuffle the texts, and compute their features."""
    items = load_corpus()
    authored = len(items)
    if DEV.exists():
        items = items + load_labelled(DEV)
    vectors, _ = ngrams_of(items)
    _, group = connected_components(vectors @ vectors.T >= 0.6, directed=False)
    random = np.random.default_rng(0)
    block = random.permutation(group.max() + 1)[group] % BLOCKS
    made: list[LabelledText] = []
    made_blocks: list[int] = []
    for number in range(BLOCKS):
        for language in ("zh", "en"):
            sources = [items[n] for n in range(authored) if block[n] == number]
            idle = [one for one in sources if one.language == language and not one.dims and not one.relevant]
            lines = [one.text[a:b] for one in idle for a, b in sentences(one.text)]
            lines = [lines[n] for n in random.permutation(len(lines))]
            while len(lines) >= 2:
                size = int(random.integers(2, 4))
                text, lines = " ".join(lines[:size]), lines[size:]
                made.append(LabelledText(f"made-{len(made)}", text, frozenset(), False, language=language))
                made_blocks.append(number)
    everything = items + made
    _, both = ngrams_of(everything)
    parts = TruncatedSVD(192, n_iter=3, random_state=0).fit_transform(both)
    places = np.arange(len(everything))
    return Texts(
        items=everything,
        block=np.concatenate([block, made_blocks]).astype(int),
        real=(places >= authored) & (places < len(items)),
        made=places >= len(items),
        features=np.hstack([parts, np.ones((len(parts), 1))]),
        truth=np.array([[d in one.dims for d in DIMENSIONS] + [bool(one.relevant)] for one in everything]),
        known=np.array(
            [[d not in one.contested for d in DIMENSIONS] + [one.relevant is not None] for one in everything]
        ),
        kept=np.array([min((KEPT[d] for d in one.dims), default=1.0) for one in everything]),
        content=[shingles(text_of(one)) for one in everything],
    )


def text_of(item: LabelledText) -> str:
    return f"{item.title}\n{item.text}" if item.title else item.text


def ngrams_of(items: Sequence[LabelledText]) -> tuple[Any, Any]:
    """Weighed n-grams of each text, rows of length 1; and the same beside lexicon features."""
    folded = [fold(text_of(one)) for one in items]
    hashing = HashingVectorizer(
        analyzer="char", ngram_range=(2, 4), n_features=2**15, alternate_sign=False, norm=None
    )
    vectors = TfidfTransformer(sublinear_tf=True).fit_transform(hashing.transform(folded))
    lexicon = load_lexicon()
    rows, columns = [], []
    for number, text in enumerate(folded):
        lines = [text[a:b].replace("\n", " ") for a, b in sentences(text)]
        found = lexicon.unit_features(lexicon.sentence_features(lines))
        rows += [number] * len(found)
        columns += sorted(found)
    words = csr_matrix((np.full(len(rows), 0.25), (rows, columns)), shape=(len(items), lexicon.size))
    return vectors, hstack([words, 2.0 * vectors]).tocsr()


def make_world(texts: Texts, real: bool, seed: int) -> World:
    """Divide the texts by a seed."""
    random = np.random.default_rng(seed)
    held_out = np.isin(texts.block, random.permutation(BLOCKS)[: BLOCKS // (3 if real else 4)])
    authored = random.permutation(np.flatnonzero(~held_out & ~texts.real & ~texts.made))
    start = authored[:START]
    while texts.truth[start].sum(axis=0).min() < 3:
        start = authored[: len(start) + 10]
    mine = texts.real if real else ~texts.real
    kept = np.ones(len(mine)) if real else texts.kept
    test = np.flatnonzero(held_out & mine)
    pool = np.setdiff1d(np.flatnonzero(~held_out & mine), start)
    pool = random.permutation(pool[random.random(len(pool)) < kept[pool]])
    many = np.minimum(1 + random.zipf(1.7, len(pool)), MOST_COPIES)
    copies = np.where(random.random(len(pool)) < SINGLE, 1, many)
    return World(test, kept[test], start, pool, copies)
