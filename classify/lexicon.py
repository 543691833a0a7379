"""The lexicon: which classes of words meet in a sentence or a clause.

`lexicon.yaml` lists the classes; this module finds them in folded text and turns each sentence into a set of
feature numbers. What a feature is worth is learnt from the corpus (`train.py`); nothing here decides
anything.
"""

from __future__ import annotations

import bisect
import functools
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from classify.terms import TermScanner
from hexapolis.errors import ConfigError

LEXICON_PATH = Path(__file__).with_name("lexicon.yaml")

_CLAUSE = re.compile(r"[。!?;\n]|,(?!\d)|(?<=[a-z)])\.(?=\s)")
_WORD = re.compile(r"[a-z0-9][a-z0-9.]*")
_ASCII_KEY = 3  # characters of an English term that choose its bucket


@dataclass(frozen=True, slots=True)
class _Term:
    text: str
    open_end: bool  # the word may go on: `deploy*`
    classes: tuple[int, ...]


class Lexicon:
    """Term classes, ready to match. Build with `load_lexicon`."""

    def __init__(self, raw: Any, path: Path = LEXICON_PATH) -> None:
        try:
            declared: dict[str, Any] = raw["classes"]
            self.classes: tuple[str, ...] = tuple(declared)
            number = {name: index for index, name in enumerate(self.classes)}
            members: dict[str, dict[str, set[int]]] = {"zh": {}, "en": {}}
            patterns: list[tuple[int, re.Pattern[str]]] = []
            for name, body in declared.items():
                for source in (name, *body.get("include", ())):
                    for language in ("zh", "en"):
                        for term in declared[source].get(language, ()):
                            members[language].setdefault(str(term).lower(), set()).add(number[name])
                    for expression in declared[source].get("patterns", ()):  # one by one: faster than joined
                        patterns.append((number[name], re.compile(expression)))
            self.pairs: tuple[tuple[int, int], ...] = tuple((number[a], number[b]) for a, b in raw["pairs"])
            self._ai, self._smart, self._number = number["ai"], number["smart"], number["number"]
        except (KeyError, TypeError, ValueError, AttributeError, re.error) as error:
            raise ConfigError(f"{path}: the lexicon lacks or misstates {error}") from error
        self._patterns = tuple(patterns)
        self._ascii: dict[str, tuple[_Term, ...]] = {}
        self._fill(members)
        count = len(self.classes)
        self._blocks = {
            "ai_sentence": count,
            "ai_clause": 2 * count,
            "smart_clause": 3 * count,
            "number": 4 * count,
        }
        self._pair_base = 5 * count
        self._unit_base = self._pair_base + 2 * len(self.pairs)
        self.size: int = self._unit_base + count

    def _fill(self, members: dict[str, dict[str, set[int]]]) -> None:
        chinese: dict[str, set[int]] = {}
        latin: dict[str, list[_Term]] = {}
        for terms in members.values():
            for text, classes in terms.items():
                stem = text.rstrip("*")
                if stem[0].isascii():
                    term = _Term(stem, stem != text, tuple(sorted(classes)))
                    latin.setdefault(stem[:_ASCII_KEY], []).append(term)
                else:
                    chinese.setdefault(stem, set()).update(classes)
        self._chinese = TermScanner(list(chinese))
        self._chinese_classes = tuple(tuple(sorted(classes)) for classes in chinese.values())
        self._ascii = {key: tuple(terms) for key, terms in latin.items()}

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What each feature number means, in order; for the model card and for looking at weights."""
        names = list(self.classes)
        for block in ("ai_sentence", "ai_clause", "smart_clause", "number"):
            names += [f"{name}&{block}" for name in self.classes]
        for a, b in self.pairs:
            names.append(f"{self.classes[a]}&{self.classes[b]}:clause")
            names.append(f"{self.classes[a]}&{self.classes[b]}:sentence")
        return tuple(names + [f"{name}&ai_passage" for name in self.classes])

    def sentence_features(self, sentences: Sequence[str]) -> list[set[int]]:
        """One set of feature numbers for each folded sentence (sentences hold no newline)."""
        if not sentences:
            return []
        text = "\n".join(sentences)
        starts = [0]
        owner: list[int] = []
        sentence = 0
        for match in _CLAUSE.finditer(text):
            starts.append(match.end())
            owner.append(sentence)
            if match.group() == "\n":
                sentence += 1
        owner.append(sentence)
        clauses = self._clauses(text, starts)
        by_sentence = [set(map(owner.__getitem__, hits)) for hits in clauses]
        return self._combine(clauses, by_sentence, owner, len(sentences))

    def _clauses(self, text: str, starts: list[int]) -> list[set[int]]:
        """For each class, the clauses that hold it."""
        found: list[set[int]] = [set() for _ in self.classes]
        if not text.isascii():
            for term_number, at, _ in self._chinese.scan(text):
                clause = bisect.bisect_right(starts, at) - 1
                for number in self._chinese_classes[term_number]:
                    found[number].add(clause)
        for word in _WORD.finditer(text):
            at = word.start()
            terms = self._ascii.get(text[at : at + _ASCII_KEY]) or self._ascii.get(text[at : at + 2])
            if terms is None:
                continue
            for term in terms:
                end = at + len(term.text)
                if text.startswith(term.text, at) and (term.open_end or not _goes_on(text, end)):
                    clause = bisect.bisect_right(starts, at) - 1
                    for number in term.classes:
                        found[number].add(clause)
        for number, pattern in self._patterns:
            for match in pattern.finditer(text):
                found[number].add(bisect.bisect_right(starts, match.start()) - 1)
        return found

    def _combine(
        self, clauses: list[set[int]], by_sentence: list[set[int]], owner: list[int], count: int
    ) -> list[set[int]]:
        features: list[set[int]] = [set() for _ in range(count)]
        ai, smart, number = self._ai, self._smart, self._number
        for index, hits in enumerate(clauses):
            if not hits:
                continue
            for sentence in by_sentence[index]:
                features[sentence].add(index)
            for sentence in by_sentence[index] & by_sentence[ai]:
                features[sentence].add(self._blocks["ai_sentence"] + index)
            for clause in hits & clauses[ai]:
                features[owner[clause]].add(self._blocks["ai_clause"] + index)
            for clause in hits & clauses[smart]:
                features[owner[clause]].add(self._blocks["smart_clause"] + index)
            for clause in hits & clauses[number]:
                features[owner[clause]].add(self._blocks["number"] + index)
        for place, (a, b) in enumerate(self.pairs):
            base = self._pair_base + 2 * place
            together = by_sentence[a] & by_sentence[b]
            if not together:
                continue
            for sentence in together:
                features[sentence].add(base + 1)
            for clause in clauses[a] & clauses[b]:
                features[owner[clause]].add(base)
        return features

    def holds(self, features: set[int], classes: Iterable[str]) -> bool:
        """Whether a sentence with these features holds a word of one of the classes."""
        return any(self.classes.index(name) in features for name in classes)

    def unit_features(self, sentences: Iterable[set[int]]) -> set[int]:
        """Features of a run of sentences: all of theirs, and the classes of a run that speaks of AI."""
        union: set[int] = set().union(*sentences)
        if self._ai in union:
            count = len(self.classes)
            union |= {self._unit_base + feature for feature in union if feature < count}
        return union


def _goes_on(text: str, at: int) -> bool:
    return at < len(text) and (text[at].isascii() and text[at].isalnum())


@functools.cache
def load_lexicon() -> Lexicon:
    """The lexicon that ships with this version; read once."""
    with LEXICON_PATH.open(encoding="utf-8") as handle:
        return Lexicon(yaml.load(handle, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def lexicon_digest() -> str:
    """`sha256` (hex) of the lexicon file."""
    return hashlib.sha256(LEXICON_PATH.read_bytes()).hexdigest()
