"""What the review queue takes and gives: candidates, choices, and who belongs to the audit.

How choices are made is `review_queue.py`'s business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from classify.likeness import Content

AUDIT_SHARE = 0.1
"""The part of all stories, and of each batch, that is drawn by lot."""


class Kind(StrEnum):
    """Why a text is in the queue."""

    UNCERTAIN = "uncertain"
    DIVERSE = "diverse"
    THIN_CITY = "thin city"
    THIN_DIMENSION = "thin dimension"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Mix:
    """How what is left of a batch beside the audit is shared out; the rest is `uncertain`. Parts from 0 to 1.

    Chosen by `python -m bench.review_queue`.
    """

    diverse: float = 0.1
    thin_city: float = 0.1
    thin_dimension: float = 0.1

    def __post_init__(self) -> None:
        parts = (self.diverse, self.thin_city, self.thin_dimension)
        if min(parts) < 0 or sum(parts) > 1:
            raise ValueError(f"{self}: parts are at least 0 and together at most 1")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One article with what the model says of it. Reviewed ones belong in the list, too: they are counted."""

    id: int  # of the article
    story: int | str  # copies of one text share it; a review of one is a review of all
    language: str
    cities: tuple[str, ...]  # subject cities as they are to be named in a reason
    probability: Mapping[str, float]  # calibrated, 0 to 1; one for each of DIMENSIONS
    threshold: Mapping[str, float]  # beside each probability
    relevance: float  # probability
    relevance_threshold: float
    reviewed: bool = False
    audit: bool = False  # belongs to the audit: `in_audit` of its id
    # `classify.likeness.shingles` of the text, or a vector, to tell texts that are alike. Where no candidate
    # has it, the model's answers and the language stand in.
    content: Content | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """One article to review, and why."""

    id: int
    story: int | str
    kind: Kind
    reason: str  # in plain words
    target: str | None = None  # the city, dimension or `relevance` that it is about

    @property
    def audit(self) -> bool:
        """Whether its review belongs to the audit and must never train a model."""
        return self.kind is Kind.AUDIT


def lot(article_id: int, seed: int = 0) -> float:
    """A number from 0 to 1 that is drawn for an article once and for all; below 1."""
    digest = hashlib.sha256(f"audit {seed} {article_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def in_audit(article_id: int, share: float = AUDIT_SHARE, seed: int = 0) -> bool:
    """Whether an article belongs to the audit; a larger share only adds to a smaller one's articles.

    Keep the seed for the life of a store: with another one, texts that trained a model would measure it.
    """
    return lot(article_id, seed) < share
