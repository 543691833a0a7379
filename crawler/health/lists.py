"""What the last runs say of a source's lists and feeds, one entry point at a time.

A finding needs RUNS runs in a row in which an entry point was blocked, did not answer, could not be read,
led to the front page, or offered no link; or in which all of them together offered next to none that passes
for an article. A page without links may be anything, so a list that always had more than a few has changed; a
feed or an interface without entries is well-formed, and empty. The verdict is `crawler/health.py`'s.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from urllib.parse import urlsplit

from crawler.health.drift import RUNS
from hexapolis.records import EntryFacts, HealthState, Outcome, RunFacts, SourceFacts

ALMOST_NONE = 0.05  # of the links that passed in the poorest tenth of the runs before
FEW_LINKS = 3  # a list that never has more may well be empty for a while

# Kinds whose answer has a form of its own: without entries it is valid. A page without links may be anything.
_FORMAL = frozenset({"feed", "sitemap", "json", "gkmlpt", "wordpress"})
_FRONT = re.compile(r"/?((index|default|home)\.\w{2,5})?", re.IGNORECASE)
_LOGIN = re.compile(r"\b(login|signin|sign-in|passport|sso)\b", re.IGNORECASE)
_STATUS = re.compile(r"status (\d{3})")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with a source, and what shows it."""

    state: HealthState
    since: dt.datetime  # start of its first run
    evidence: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Sign:
    """What one run says of one entry point."""

    run: RunFacts
    entry: EntryFacts
    state: HealthState
    links: int | None = None


def read_signs(runs: Sequence[RunFacts]) -> dict[str, list[Sign]]:
    """By entry point, what each run that asked it says of it."""
    signs: dict[str, list[Sign]] = {}
    direct: set[str] = set()  # entry points that have been seen to answer under their own address
    for run in runs:
        for entry in run.entries:
            links = entry.links
            if links is not None and entry.kind in ("sitemap", "gkmlpt", "jpaas"):
                links += run.further_links
            state = _state(entry, links)
            if state is HealthState.OK and (moved := _moved(entry)) is None:
                direct.add(entry.url)
            elif state is HealthState.OK and entry.url in direct and moved is not None:
                state = moved
            if state is not None:
                signs.setdefault(entry.url, []).append(Sign(run, entry, state, links))
    return signs


def _state(entry: EntryFacts, links: int | None) -> HealthState | None:
    if entry.outcome == Outcome.LISTING:
        return None if links is None else HealthState.OK if links else HealthState.EMPTY_BUT_VALID
    if entry.outcome == Outcome.UNCHANGED:
        return HealthState.NOT_MODIFIED
    if entry.outcome in (Outcome.BLOCKED, Outcome.ROBOTS):
        return HealthState.BLOCKED
    if entry.outcome in (Outcome.FAILED, Outcome.GONE):
        named = _STATUS.match(entry.detail)
        status = int(named[1]) if named else entry.status
        if status in (401, 407):
            return HealthState.BLOCKED
        return HealthState.LAYOUT_CHANGED if status is not None and status < 300 else HealthState.DEAD
    if entry.outcome == Outcome.FILTERED:  # the address, or where it leads to, is one we do not go to
        return HealthState.DEAD
    return None  # not asked


def _moved(entry: EntryFacts) -> HealthState | None:
    """What a redirect to another place than the list means; None when there is none."""
    asked, came = urlsplit(entry.url), urlsplit(entry.final_url or entry.url)
    if _LOGIN.search(came.path) and not _LOGIN.search(asked.path):
        return HealthState.BLOCKED
    if _FRONT.fullmatch(came.path) and not came.query and not _FRONT.fullmatch(asked.path):
        return HealthState.LAYOUT_CHANGED
    return None


def entry_findings(signs: Mapping[str, Sequence[Sign]], facts: SourceFacts) -> list[Finding]:
    """The entry points that have been broken, or empty, for RUNS runs."""
    found = []
    streaks = {url: trailing(row) for url, row in signs.items()}
    all_empty = all(
        len(streak) >= RUNS and streak[-1].state is HealthState.EMPTY_BUT_VALID for streak in streaks.values()
    )
    for url, streak in streaks.items():
        if len(streak) < RUNS:
            continue
        last = streak[-1]
        counts = Counter(sign.state for sign in reversed(streak))  # the newest of equals comes first
        state = counts.most_common(1)[0][0]
        before = [s.links for s in signs[url][: -len(streak)] if s.links is not None]
        if state is HealthState.EMPTY_BUT_VALID:
            if _has_lost_its_links(last.entry.kind, before, all_empty and bool(facts.articles)):
                state = HealthState.LAYOUT_CHANGED
            elif not all_empty:
                continue
        evidence = {
            "why": why(state, last),
            "entry_point": url,
            "entry_points": f"{sum(len(s) >= RUNS for s in streaks.values())} of {len(streaks)}",
            "detail": last.entry.detail,
            **({"links_before": sorted(before)[len(before) // 2]} if before else {}),
            **({"led_to": last.entry.final_url} if _moved(last.entry) else {}),
            **run_evidence([sign.run for sign in streak]),
        }
        found.append(Finding(state, streak[0].run.started_at, evidence))
    return found


def trailing(signs: Sequence[Sign]) -> list[Sign]:
    """The bad ones at the end."""
    return list(takewhile(is_bad, reversed(signs)))[::-1]


def is_bad(sign: Sign) -> bool:
    """Whether an entry point gave nothing to go on with."""
    return sign.state not in (HealthState.OK, HealthState.NOT_MODIFIED)


def _has_lost_its_links(kind: str, before: Sequence[int], has_articles: bool) -> bool:
    """Whether a list without links had them before: always, and more than a few."""
    if kind in _FORMAL:
        return False
    if not before:
        return has_articles
    return 0 not in before and sorted(before)[len(before) // 2] >= FEW_LINKS


def why(state: HealthState, sign: Sign) -> str:
    """A sign in words."""
    if state is HealthState.LAYOUT_CHANGED:
        if _moved(sign.entry):
            return "the entry point leads to the front page"
        return "the list has no links any more" if sign.links == 0 else "the entry point cannot be read"
    if state is HealthState.EMPTY_BUT_VALID:
        return "the entry points are well-formed and have no entries"
    if state is HealthState.BLOCKED:
        return "the entry point refuses us"
    return "the entry point does not answer"


def match_findings(
    signs: Mapping[str, Sequence[Sign]], runs: Sequence[RunFacts], facts: SourceFacts
) -> list[Finding]:
    """Lists that offer links, next to none of which passes for an article."""
    offering = {s.run.run_id for row in signs.values() for s in row if s.state is HealthState.OK}
    telling = [run for run in runs if run.run_id in offering]
    matched = [run.matched for run in telling]
    for start in range(len(telling) - RUNS + 1):
        before = sorted(matched[:start])
        if before:
            limit = ALMOST_NONE * before[len(before) // 10]
            if not limit or (len(before) < RUNS and max(matched[start:])):
                continue
        else:
            limit = 0 if facts.articles else -1
        if max(matched[start:]) <= limit:
            evidence = {
                "why": "no link of the lists passes for an article any more",
                "links_matched": matched[-1],
                "links_matched_before": before[len(before) // 2] if before else None,
                **run_evidence(telling[start:]),
            }
            return [Finding(HealthState.LAYOUT_CHANGED, telling[start].started_at, evidence)]
    return []


def run_evidence(runs: Sequence[RunFacts]) -> dict[str, object]:
    """How many runs, and the newest three."""
    return {"runs": len(runs), "run_ids": [run.run_id for run in runs][-3:]}
