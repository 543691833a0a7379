"""Learning from reviews: which texts a model is trained on beside the authored corpus, and with what weight.

Pure: texts and labels come in, a training set goes out. Which reviews count is the store's business, whether
the new model is used is decided in `promotion.py`.

Two parts of the reviews are never trained on. Audit reviews measure how good the tags are. One story in five
is held out, by a digest of its text, for the test that a new model has to pass. Other texts of the same
articles are left out with them: an edited page is nearly the text that is held out.
"""

from __future__ import annotations

import hashlib
import heapq
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from classify import train as training
from classify.cities import city_by_code
from classify.model import Tagger
from hexapolis.records import DIMENSIONS, LabelledText, ReviewKind, StoryText, SureText

WEIGHTS: Mapping[ReviewKind, float] = {
    ReviewKind.OPEN: 1.0,  # as much as a text of the corpus: the reviewer saw the model's answer
    ReviewKind.BLIND: 2.0,
    ReviewKind.ADJUDICATED: 3.0,
}
HELD_OUT_PART = 5  # one reviewed story in so many is kept out of training

# Self-training. Its labels are the model's own and may be wrong together: they are few, light and balanced.
SURE_YES = 0.97  # every probability at least this …
SURE_NO = 0.03  # … or at most this
SELF_WEIGHT = 0.3
SELF_CAP = 200  # texts in each direction (carries something; is irrelevant)
SELF_LENGTH = 1000  # characters; a longer text speaks of much that its labels are not about


@dataclass(frozen=True, slots=True)
class Sources:
    """How many texts came from where, for the model's card."""

    corpus: int
    reviewed: int  # stories whose label is trained on
    reviewed_by_kind: Mapping[str, int]
    evidence: int  # passages that reviewers marked, trained on beside their documents
    audit_left_out: int  # stories
    held_out: int  # stories
    beside_left_out: int  # stories of an article that has an audit or held-out text
    nothing_decided: int  # stories whose reviews answer no question, or disagree on every one
    self_training: int


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """What to train on; `weights` has the items that do not weigh 1."""

    items: tuple[LabelledText, ...]
    weights: Mapping[str, float]
    sources: Sources


def is_held_out(story_key: str) -> bool:
    """Whether a story is kept out of training; the same in every store and at all times."""
    return int(_order(story_key)[:8], 16) % HELD_OUT_PART == 0


def held_out_items(reviewed: Iterable[StoryText]) -> list[LabelledText]:
    """The labelled documents that no model is trained on, for the test before promotion."""
    return [item for story in reviewed if _role(story) == "held_out" and (item := _document(story))]


def training_set(
    corpus: Sequence[LabelledText], reviewed: Sequence[StoryText], sure: Sequence[SureText] = ()
) -> TrainingSet:
    """Corpus, reviews and, if given, texts that the model is sure of; the order of reviews does not matter.

    Args:
        corpus: the authored texts; they weigh 1.
        reviewed: every reviewed story with its label; audit and held-out ones are left out here.
        sure: what `choose_sure` chose, of both directions; as many of the one are taken as of the other.
    """
    roles = {story.story_key: _role(story) for story in reviewed}
    reserved = {a for s in reviewed if roles[s.story_key] != "learn" for a in s.articles}
    items, weights = list(corpus), dict[str, float]()
    kinds: Counter[str] = Counter()
    beside = undecided = evidence = 0
    for story in sorted(reviewed, key=lambda one: one.story_key):
        if roles[story.story_key] != "learn" or story.label is None:
            continue
        document = _document(story)
        if story.articles & reserved:
            beside += 1
        elif document is None:
            undecided += 1
        else:
            marked = _marked(story)
            evidence += len(marked)
            kinds[story.label.kind.value] += 1
            items += [document, *marked]
            weights |= {item.id: WEIGHTS[story.label.kind] for item in (document, *marked)}
    added = [_sure_item(one) for one in _balanced(sure) if not one.story.articles & reserved]
    weights |= {item.id: SELF_WEIGHT for item in added}
    counts = Counter(roles.values())
    return TrainingSet(
        items=(*items, *added),
        weights={name: weight for name, weight in weights.items() if weight != 1.0},
        sources=Sources(
            corpus=len(corpus),
            reviewed=kinds.total(),
            reviewed_by_kind=dict(sorted(kinds.items())),
            evidence=evidence,
            audit_left_out=counts["audit"],
            held_out=counts["held_out"],
            beside_left_out=beside,
            nothing_decided=undecided,
            self_training=len(added),
        ),
    )


def choose_sure(texts: Iterable[SureText]) -> list[SureText]:
    """At most `SELF_CAP` texts of one direction, chosen by a digest: a fair sample, and always the same.

    A relevant text must carry a dimension, an irrelevant one none: a province's policy is neither.
    """
    fitting = (one for one in texts if bool(one.dims) == one.relevant)
    return heapq.nsmallest(SELF_CAP, fitting, key=lambda one: _order(one.story.story_key))


def fit(data: TrainingSet, *, seed: int = 0) -> Tagger:
    """Train; the same set and seed give the same model and the same id.

    Raises:
        CorpusError: as `classify.train.train`.
    """
    weights = data.weights
    tagger = training.train(data.items, seed=seed, weights=weights)
    sources = {
        "sources": asdict(data.sources),
        "weights_digest": _weights_digest(weights) if weights else None,
    }
    card = {
        **tagger.card,
        "model_id": weighted_id(tagger.model_id, weights),
        "data": {**tagger.card["data"], **sources},
    }
    return Tagger(tagger.parts, card)


def weighted_id(model_id: str, weights: Mapping[str, float]) -> str:
    """The id of a model trained with weights; without any it is the id that its texts give."""
    if not weights:
        return model_id
    return hashlib.sha256(f"{model_id} {_weights_digest(weights)}".encode()).hexdigest()[:16]


def _weights_digest(weights: Mapping[str, float]) -> str:
    return hashlib.sha256(json.dumps(sorted(weights.items())).encode()).hexdigest()


def _role(story: StoryText) -> str:
    if story.label is not None and story.label.audit:
        return "audit"
    return "held_out" if is_held_out(story.story_key) else "learn"


def _document(story: StoryText) -> LabelledText | None:
    """The whole text with its label; None when the reviews decide nothing that a model learns."""
    label = story.label
    if label is None:
        return None
    contested = frozenset(DIMENSIONS) if label.dims is None else label.contested
    if label.relevant is None and len(contested) == len(DIMENSIONS):
        return None
    cities = [city_by_code(code) for code in label.cities or ()]
    known = label.cities is not None and None not in cities
    return LabelledText(
        id=f"review:{story.story_key}",
        text=story.text,
        dims=label.dims or frozenset(),
        relevant=label.relevant,
        contested=contested,
        unit="document",
        language=story.language,
        title=story.title,
        cities=tuple(city.en for city in cities if city is not None) if known else None,
        meta={"provenance": "review"},
    )


def _marked(story: StoryText) -> list[LabelledText]:
    """The passages that reviewers marked; what else they carry and whether they are relevant is not known."""
    spans: dict[tuple[int, int], set[str]] = {}
    for span in story.label.evidence if story.label is not None else ():
        if (span.start, span.end) != (0, len(story.text)) and story.text[span.start : span.end].strip():
            spans.setdefault((span.start, span.end), set()).add(span.dimension)
    return [
        LabelledText(
            id=f"review:{story.story_key}:{start}-{end}",
            text=story.text[start:end],
            dims=frozenset(dims),
            contested=frozenset(DIMENSIONS) - dims,
            language=story.language,
            meta={"provenance": "review"},
        )
        for (start, end), dims in sorted(spans.items())
    ]


def _balanced(sure: Sequence[SureText]) -> list[SureText]:
    kinds = [choose_sure(one for one in sure if one.relevant is kind) for kind in (True, False)]
    count = min(map(len, kinds))
    return [one for kind in kinds for one in kind[:count]]


def _sure_item(one: SureText) -> LabelledText:
    return LabelledText(
        id=f"self:{one.story.story_key}",
        text=one.story.text,
        dims=one.dims,
        relevant=one.relevant,
        unit="document",
        language=one.story.language,
        title=one.story.title,
        meta={"provenance": "self-training"},
    )


def _order(story_key: str) -> str:
    return hashlib.sha256(f"order {story_key}".encode()).hexdigest()
