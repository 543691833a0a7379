"""How a source is: ok, or blocked, changed, stale, dead. Facts in, verdict out; the store is not touched.

A source counts as broken when RUNS runs in a row say so, and never for one bad run: servers fail now and
then, and where one run in twenty fails by itself, three in a row do once in 8,000. Runs that learnt nothing
of the source (interrupted before its lists were read, or never started) neither add to a row nor break it.

- Each entry point by itself, and the links that pass for articles (`crawler/health/lists.py`).
- Articles, against the source's own earlier ones: pages that give no article, texts that are far shorter,
  texts, openings or titles that are all the same, dates and titles that are gone (`crawler/health/drift.py`).
- Silence, against the source's own rhythm (`crawler/health/rhythm.py`), as of the last run that was
  answered: a source that nobody crawled is not stale.

When several hold, the worst state is given and the others stand in the evidence under `also`.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, takewhile

from crawler.health.drift import RUNS, Change, Tally, alike, last_change, property_change, shortened
from crawler.health.lists import (
    Finding,
    Sign,
    entry_findings,
    is_bad,
    match_findings,
    read_signs,
    run_evidence,
    trailing,
    why,
)
from crawler.health.rhythm import FROZEN_DAYS, allowed_silence, is_quiet, silence, silent_runs
from hexapolis.records import HealthState, LostPage, Outcome, RunFacts, SourceFacts, SourceHealth

BROKEN = frozenset({HealthState.DEAD, HealthState.BLOCKED, HealthState.LAYOUT_CHANGED, HealthState.STALE})
"""States that someone has to look at."""

_ORDER = {state: place for place, state in enumerate(HealthState)}


def judge_source(
    facts: SourceFacts, *, enabled: bool = True, disabled_reason: str | None = None
) -> SourceHealth:
    """The verdict on one source.

    Args:
        facts: its last runs, oldest first, and its newest articles.
        enabled: whether the catalogue has it crawled.
        disabled_reason: why not.
    """
    last = facts.runs[-1] if facts.runs else None
    newest = facts.days[-1] if facts.days else None
    if not enabled:
        reason = {"why": disabled_reason or "disabled in the catalogue"}
        return SourceHealth(facts.source_id, HealthState.DISABLED, None, reason, last, newest)
    state, since, evidence = _verdict(facts)
    return SourceHealth(facts.source_id, state, since, dict(evidence), last, newest)


def worst_first(verdicts: Iterable[SourceHealth]) -> list[SourceHealth]:
    """Verdicts in the order in which they need looking at; the longest lasting first within a state."""
    never = dt.datetime.max.replace(tzinfo=dt.UTC)
    return sorted(verdicts, key=lambda v: (_ORDER[v.state], v.since or never, v.source_id))


def _verdict(facts: SourceFacts) -> tuple[HealthState, dt.datetime | None, Mapping[str, object]]:
    signs = read_signs(facts.runs)
    asked = {sign.run.run_id for row in signs.values() for sign in row}
    runs = [run for run in facts.runs if run.run_id in asked]
    silent = list(takewhile(lambda r: r.status == "failed" and r.run_id not in asked, reversed(facts.runs)))
    if len(silent) >= RUNS:
        reason = {"why": "the last runs did not come to ask the source", "detail": silent[0].reason}
        return HealthState.UNKNOWN, silent[-1].started_at, reason | run_evidence(silent[::-1])
    if not facts.runs:
        return HealthState.UNKNOWN, None, {"why": "never crawled"}
    if len(runs) < RUNS:
        few = {"why": f"{len(runs)} of its runs tell something, {RUNS} are needed"}
        return HealthState.UNKNOWN, facts.runs[0].started_at, few | run_evidence(runs)
    findings = [
        *entry_findings(signs, facts),
        *match_findings(signs, runs, facts),
        *_lost_findings(runs, facts),
        *_drift_findings(runs, facts),
        *_stale_findings(signs, runs, facts),
    ]
    findings.sort(key=lambda f: (_ORDER[f.state], f.since))
    worst = findings[0] if findings else _healthy(signs, runs, facts)
    also = [{"state": f.state, **f.evidence} for f in findings[1:]]
    return worst.state, worst.since, {**worst.evidence, **({"also": also} if also else {})}


# Articles


def _lost_findings(runs: Sequence[RunFacts], facts: SourceFacts) -> list[Finding]:
    """Article pages that give no article. Each address counts once, in the run that lost it first."""
    earlier = [a.run_id for a in facts.articles if a.run_id < facts.runs[0].run_id]
    tallies = [Tally(run_id, 0, len(list(group))) for run_id, group in groupby(earlier)]
    for run in facts.runs:
        fresh = sum(page.first_run >= run.run_id for page in run.lost)
        again = max((p.first_run for p in run.lost if p.first_run < run.run_id), default=0)
        if fresh or run.read or again:
            tallies.append(Tally(run.run_id, fresh, fresh + run.read, again))
    change = last_change(tallies, [run.run_id for run in runs])
    if change is None:
        return []
    stretch = [run for run in facts.runs if run.run_id >= change.since_run]
    pages = {p.url_key: p for run in stretch for p in run.lost if p.first_run >= change.since_run}
    kinds = Counter(_loss(page) for page in reversed(pages.values()))
    state = kinds.most_common(1)[0][0]
    words = Counter(page.detail or page.verdict or page.outcome for page in pages.values())
    evidence = {
        "why": _LOSSES[state],
        "pages_lost": f"{change.hits} of {change.pages}",
        "pages_lost_before": f"{change.hits_before} of {change.pages_before}",
        "details": [text for text, _ in words.most_common(3)],
        "urls": list(pages)[-3:],
        **run_evidence(stretch),
    }
    return [Finding(state, stretch[0].started_at, evidence)]


_LOSSES = {
    HealthState.BLOCKED: "article pages refuse us",
    HealthState.DEAD: "article pages do not answer",
    HealthState.LAYOUT_CHANGED: "article pages give no article any more",
}


def _loss(page: LostPage) -> HealthState:
    wall = page.verdict == "paywall" or page.detail.startswith("login or paywall")
    if wall or page.outcome in (Outcome.BLOCKED, Outcome.ROBOTS) or page.status in (401, 407):
        return HealthState.BLOCKED
    if page.outcome == Outcome.FAILED and (page.status is None or page.status >= 500):
        return HealthState.DEAD
    return HealthState.LAYOUT_CHANGED  # also 404: the lists' links are read wrongly


def _drift_findings(runs: Sequence[RunFacts], facts: SourceFacts) -> list[Finding]:
    articles, ids = facts.articles, [run.run_id for run in runs]
    found: list[Finding] = []

    def add(why: str, change: Change, first: str = "", **more: object) -> None:
        stretch = [run for run in facts.runs if run.run_id >= change.since_run]
        wrong = [article for article in articles if article.run_id >= change.since_run]
        evidence = {
            "why": why,
            "articles": f"{change.hits} of {change.pages}",
            "articles_before": f"{change.hits_before} of {change.pages_before}",
            **({"text": first} if first else {}),
            **more,
            "urls": [article.url_key for article in wrong][-3:],
            **run_evidence(stretch),
        }
        found.append(Finding(HealthState.LAYOUT_CHANGED, wrong[0].run_started_at, evidence))

    if same := alike(articles, lambda a: a.text_sha256, ids, compare=False):
        text = next(a.opening for a in articles if a.text_sha256 == same[1])
        add("different addresses give one and the same text", same[0], text)
    elif same := alike(articles, lambda a: a.opening, ids):
        add("all texts begin with the same words", *same)
    if short := shortened(articles, ids):
        add("texts are far shorter than before", short[0], length=short[2], length_before=short[1])
    if same := alike(articles, lambda a: a.title, ids):
        add("all articles have the same title", *same)
    if change := property_change(articles, lambda a: not a.titled, ids):
        add("articles have no title of their own any more", change)
    if change := property_change(articles, lambda a: not a.dated, ids):
        add("articles have no date any more", change)
    return found


# Silence, and health


def _stale_findings(
    signs: Mapping[str, Sequence[Sign]], runs: Sequence[RunFacts], facts: SourceFacts
) -> list[Finding]:
    if not facts.days or _offers_something(facts.runs, facts.days[-1]):
        return []
    newest = facts.days[-1]
    alive = {s.run.run_id for row in signs.values() for s in row if not is_bad(s)}
    answered = [run for run in runs if run.run_id in alive]
    usual, allowed = allowed_silence(facts.days) or (None, None)
    late = [r for r in answered if allowed is not None and silence(newest, r.started_at) >= allowed]
    working = [run for run in answered if not is_quiet(run.started_at.date())]
    frozen = silent_runs([(run.started_at, run.stored > 0) for run in working])
    if frozen > len(late) and silence(newest, working[-1].started_at) >= FROZEN_DAYS:
        late = working[-frozen:]
    if not late:
        return []
    evidence = {
        "why": "nothing new for far longer than usual",
        "newest": newest,
        "days_without": round(silence(newest, late[-1].started_at), 1),
        "usual_gap": usual,
        "allowed": allowed,
        **run_evidence(late),
    }
    return [Finding(HealthState.STALE, late[0].started_at, evidence)]


def _offers_something(runs: Sequence[RunFacts], newest: dt.date) -> bool:
    """Whether a page has come since, which could only not be read."""
    since = {run.run_id for run in runs if run.started_at.date() > newest}
    return any(page.first_run in since for run in runs for page in run.lost)


def _healthy(signs: Mapping[str, Sequence[Sign]], runs: Sequence[RunFacts], facts: SourceFacts) -> Finding:
    """Ok or not modified, with what has gone wrong fewer than RUNS times by now."""
    by_run: dict[int, list[Sign]] = {}
    for sign in (s for row in signs.values() for s in row):
        by_run.setdefault(sign.run.run_id, []).append(sign)
    good = [run for run in runs if not all(map(is_bad, by_run[run.run_id]))] or list(runs)

    def same(run: RunFacts) -> bool:
        return all(s.state is HealthState.NOT_MODIFIED for s in by_run[run.run_id])

    state = HealthState.NOT_MODIFIED if same(good[-1]) else HealthState.OK
    since = good[-1]
    for run in reversed(runs[: runs.index(since) + 1]):
        if all(map(is_bad, by_run[run.run_id])) or (state is HealthState.NOT_MODIFIED and not same(run)):
            break
        since = run
    doubts = [s for row in signs.values() for s in trailing(row)]
    evidence: dict[str, object] = {
        "why": "nothing has changed since the last run" if state is HealthState.NOT_MODIFIED else "",
        "links_matched": good[-1].matched,
        "articles": len(facts.articles),
        **run_evidence([run for run in runs if run.run_id >= since.run_id]),
    }
    if doubts:
        evidence["why"] = "watch: " + why(doubts[0].state, doubts[0])
        evidence["doubt"] = {
            "entry_point": doubts[0].entry.url,
            "detail": doubts[0].entry.detail,
            **run_evidence([s.run for s in doubts]),
        }
    return Finding(state, since.started_at, evidence)
