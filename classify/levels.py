"""The rank of the Chinese public body whose act a text is: nation, province, city, district, or none.

Which parts of a document are asked, and in what order, is decided here. Where a text names bodies is
`classify/public_bodies.py`'s business; which kind of text it is, `classify/kinds.py`'s; which city it is
about, `classify/cities.py`'s.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from classify.beginnings import Searcher, Sought
from classify.gazetteer import abbreviations
from classify.public_bodies import Chain, chains_within, find_chains, load_rules, may_name
from hexapolis.records import Level

_SELF = {"省": Level.PROVINCE, "市": Level.CITY, "区": Level.DISTRICT, "县": Level.DISTRICT}  # 我省, 我市 …
_LEAD = 600  # characters of a text about somebody's act in which the body is named
_ADDRESS = 400  # characters in which a document says whom it is written to
_YEAR = r"[〔\[（(【﹝［]\s*20\d\d\s*[〕\]）)】﹞］]"
_NUMBER = re.compile(rf"([\u4e00-\u9fff]{{2,12}})\s*{_YEAR}\s*第?\s*\d{{1,5}}\s*号")
_QUOTED = re.compile(r"《[^》\n]{0,120}》")  # whose law or plan is cited is not whose act the text is
_TOLD_OF = re.compile(r"《((?!中华人民共和国)[^》\n]{2,80})》")
_SPEAKS_FOR = re.compile(r"代表(?:中共)?([^，。]{2,30})|\bon behalf of ([^,.]{4,80})")


@dataclass(frozen=True, slots=True)
class Reason:
    """The words that decided, and where they stand."""

    words: str  # as they stand there, Traditional characters as Simplified
    where: str  # title, label, opening, ending, issuer, document_number, source_kind, or nowhere


@dataclass(frozen=True, slots=True)
class LevelAnswer:
    """A rank with what it rests on."""

    level: Level
    reason: Reason


@dataclass(frozen=True, slots=True)
class _Rules:
    numbers: Mapping[Level, re.Pattern[str]]
    addressed: Mapping[Level, re.Pattern[str]]
    self_named: re.Pattern[str]
    carried_out: Searcher


@functools.cache
def _rules() -> _Rules:
    raw = load_rules()["levels"]

    def compiled(name: str) -> re.Pattern[str]:
        return re.compile(raw[name], re.IGNORECASE)

    return _Rules(
        {
            level: compiled(f"number_{level.value}")
            for level in (Level.DISTRICT, Level.NATIONAL, Level.PROVINCE, Level.CITY)
        },
        {
            level: compiled(f"to_{level.value}")
            for level in (Level.NATIONAL, Level.PROVINCE, Level.CITY, Level.DISTRICT)
        },
        compiled("self"),
        Searcher([Sought(compiled("carried_out"), tuple(raw["starts"]["carried_out"]))]),
    )


def level_of(
    title: str,
    opening: str,
    ending: str,
    *,
    own_document: bool,
    spoken: bool = False,
    issuer: str = "",
    document_number: str = "",
) -> LevelAnswer:
    """The rank of the body whose act the text is, or tells of.

    Args:
        title: Simplified or English, as are the other texts.
        opening: the first part of the text.
        ending: the last, where a document is signed.
        own_document: the text is the act itself, so its number and issuer decide; a text about an act may be
            published by anybody, so its title goes first.
        spoken: the text is a speech, which says for whom its speaker speaks.
        issuer: the body that the page names.
        document_number: 文号.
    """
    document = _Document(title, opening, ending, issuer, document_number)
    if spoken:
        steps = document.of_speech()
    elif own_document:
        steps = document.of_act()
    else:
        steps = document.of_account()
    answer = next((answer for answer in steps if answer is not None), None)
    return answer or LevelAnswer(Level.NONE, Reason("", "nowhere"))


class _Document:
    """The parts of one document, and what each says of its level; a part is read only when it is asked."""

    def __init__(self, title: str, opening: str, ending: str, issuer: str, number: str) -> None:
        self._title, self._opening, self._ending = title, opening, ending
        self._issuer, self._document_number = issuer, number

    def of_act(self) -> Iterator[LevelAnswer | None]:
        """A document that is itself the act."""
        yield self._signed()
        yield self._number()
        yield self._issued()
        yield self._titled()
        yield self._addressed()
        yield self._self_named()
        yield self._named_in_text(cited=False)
        yield _first(self._ending, find_chains(self._ending), "ending", acts=True)
        yield self._named_in_text(cited=True)

    def of_account(self) -> Iterator[LevelAnswer | None]:
        """News, explanation, comment: a text about an act."""
        yield self._titled()
        yield self._named_in_text(cited=False)
        yield self._cited()
        yield self._number()
        yield self._issued()

    def of_speech(self) -> Iterator[LevelAnswer | None]:
        """The words of somebody who speaks for a body."""
        yield self._number()
        yield self._issued()
        if (match := _SPEAKS_FOR.search(self._opening)) is not None:
            words = match[1] or match[2]
            yield _first(words, find_chains(words), "opening")
        yield self._titled()
        yield self._named_in_text(cited=False)

    @functools.cached_property
    def _title_chains(self) -> tuple[Chain, ...]:
        """Of the title, read with the lead: it may tell which city a district belongs to."""
        if not may_name(self._title):
            return ()
        return tuple(chains_within(f"{self._title}\n{self._opening[:_LEAD]}", len(self._title)))

    def _signed(self) -> LevelAnswer | None:
        """The body at the head of a formal title, as in 广州市民政局关于印发办法的通知."""
        return _first(self._title, self._title_chains[:1], "title", acts=True)

    def _titled(self) -> LevelAnswer | None:
        return _first(self._title, self._title_chains, "title")

    def _issued(self) -> LevelAnswer | None:
        return _first(self._issuer, find_chains(self._issuer), "issuer", acts=True)

    def _number(self) -> LevelAnswer | None:
        """The document number that the page names, else one alone in one of the first lines."""
        if self._document_number:
            return _by_number(self._document_number, "document_number")
        for line in self._opening[:_ADDRESS].splitlines():
            if (match := _NUMBER.fullmatch(line.strip())) is not None:
                return _by_number(match[0], "opening")
        return None

    def _addressed(self) -> LevelAnswer | None:
        """By whom the document is written to: who writes to all districts is a city."""
        for level, pattern in _rules().addressed.items():
            if (match := pattern.search(self._opening[:_ADDRESS])) is not None:
                return LevelAnswer(level, Reason(match[0], "opening"))
        return None

    def _self_named(self) -> LevelAnswer | None:
        match = _rules().self_named.search(self._opening)
        return LevelAnswer(_SELF[match[0][1]], Reason(match[0], "opening")) if match else None

    def _cited(self) -> LevelAnswer | None:
        """The place in the name of the document that the lead tells of; all cite the nation's laws."""
        match = _TOLD_OF.search(self._opening[:_LEAD])
        return _first(match[1], find_chains(match[1]), "opening") if match else None

    def _named_in_text(self, *, cited: bool) -> LevelAnswer | None:
        """The first body of the lead; if `cited`, also a mere place, or one whose words are carried out."""
        lead = self._opening[:_LEAD]
        read = lead if cited else _without_carried_out(_QUOTED.sub(_blanks, lead))
        return _first(read, chains_within(f"{read}\n{self._title}", len(read)), "opening", acts=not cited)


def _by_number(number: str, where: str) -> LevelAnswer | None:
    table = abbreviations()
    for level, pattern in _rules().numbers.items():
        if (match := pattern.search(number)) is not None:
            return LevelAnswer(level, Reason(match[0], where))
    for index, start, end in table.scanner.scan(number):
        if end - start > 1 and table.patterns[index].match(number, start):
            return LevelAnswer(Level.CITY, Reason(number[start:end], where))
    return None


def _without_carried_out(text: str) -> str:
    pieces, at = [], 0
    for match in _rules().carried_out.read(text).finditer(0):
        pieces += [text[at : match.start()], _blanks(match)]
        at = match.end()
    return "".join(pieces) + text[at:]


def _blanks(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _first(text: str, chains: Iterable[Chain], where: str, *, acts: bool = False) -> LevelAnswer | None:
    """The first body that stands in the text; with `acts`, a place alone is none."""
    for chain in chains:
        if chain.end <= len(text) and (chain.acts or not acts):
            return LevelAnswer(chain.level, Reason(text[chain.start : chain.end], where))
    return None
