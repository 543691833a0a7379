"""The codebook: the six dimensions, their boundaries, the relevance rule and the plan they come from.

Reads `codebook.yaml` into frozen records and renders it for people. Knows nothing of models or of a store.
"""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hexapolis.errors import ConfigError
from hexapolis.records import DIMENSIONS

CODEBOOK_PATH = Path(__file__).with_name("codebook.yaml")


@dataclass(frozen=True, slots=True)
class Bilingual:
    """One text in Simplified Chinese and in English."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Dimension:
    """One chapter of the plan, and one code of the codebook."""

    id: str
    zh: str  # short name
    en: str
    zh_full: str  # the chapter's own title
    definition: Bilingual


@dataclass(frozen=True, slots=True)
class Boundary:
    """A decided case, so that two coders agree."""

    id: str
    text: Bilingual


@dataclass(frozen=True, slots=True)
class Plan:
    """Shenzhen's action plan: the facts that the project relies on."""

    title: Bilingual
    city: str
    issued_on: dt.date
    issuer: Bilingual
    dimension_count: int
    measure_count: int
    scenario_count: int
    fund_group_cny: int  # yuan
    focus_sectors: tuple[Bilingual, ...]
    profile_note: Bilingual

    @property
    def profile(self) -> dict[str, float]:
        """Weight of each dimension in the plan, sum 1: equal, one chapter each; see `profile_note`."""
        return {dimension: 1 / len(DIMENSIONS) for dimension in DIMENSIONS}


@dataclass(frozen=True, slots=True)
class Codebook:
    """The whole taxonomy at one version."""

    version: str
    plan: Plan
    dimensions: tuple[Dimension, ...]  # in the plan's order
    boundaries: tuple[Boundary, ...]
    relevance: Bilingual

    def dimension(self, dimension_id: str) -> Dimension:
        """The dimension of that id; raises KeyError for any other word."""
        for dimension in self.dimensions:
            if dimension.id == dimension_id:
                return dimension
        raise KeyError(dimension_id)


def _bilingual(raw: Any) -> Bilingual:
    return Bilingual(zh=str(raw["zh"]).strip().replace(" ", ""), en=" ".join(str(raw["en"]).split()))


def parse_codebook(raw: Any, path: Path = CODEBOOK_PATH) -> Codebook:
    """Build the codebook from parsed YAML.

    Raises:
        ConfigError: a part is missing, or the dimensions are not `hexapolis.records.DIMENSIONS` in order.
    """
    try:
        plan = raw["plan"]
        codebook = Codebook(
            version=str(raw["version"]),
            plan=Plan(
                title=_bilingual(plan["title"]),
                city=str(plan["city"]),
                issued_on=plan["issued_on"],
                issuer=_bilingual(plan["issuer"]),
                dimension_count=int(plan["dimensions"]),
                measure_count=int(plan["measures"]),
                scenario_count=int(plan["scenarios"]),
                fund_group_cny=int(plan["fund_group_cny"]),
                focus_sectors=tuple(_bilingual(sector) for sector in plan["focus_sectors"]),
                profile_note=_bilingual(plan["profile_note"]),
            ),
            dimensions=tuple(
                Dimension(d["id"], d["zh"], d["en"], d["zh_full"], _bilingual(d["definition"]))
                for d in raw["dimensions"]
            ),
            boundaries=tuple(Boundary(b["id"], _bilingual(b)) for b in raw["boundaries"]),
            relevance=_bilingual(raw["relevance"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{path}: the codebook lacks or misstates {error}") from error
    if tuple(d.id for d in codebook.dimensions) != DIMENSIONS:
        raise ConfigError(f"{path}: dimensions must be {', '.join(DIMENSIONS)}, in that order")
    return codebook


@functools.cache
def load_codebook() -> Codebook:
    """The codebook that ships with this version; read once."""
    with CODEBOOK_PATH.open(encoding="utf-8") as handle:
        return parse_codebook(yaml.safe_load(handle))


def render_markdown(codebook: Codebook) -> str:
    """The codebook as the text of `docs/codebook.md`."""
    plan = codebook.plan
    lines = [
        f"# Codebook {codebook.version}",
        "",
        "This page is rendered from `classify/codebook.yaml`; change it there.",
        "",
        "## The plan",
        "",
        f"*{plan.title.en}* ({plan.title.zh}), issued on {plan.issued_on.isoformat()} by the "
        f"{plan.issuer.en[0].lower()}{plan.issuer.en[1:]} ({plan.issuer.zh}).",
        "",
        f"- {plan.dimension_count} dimensions, {plan.measure_count} measures, "
        f"{plan.scenario_count} application scenarios",
        f"- a fund group of CNY {plan.fund_group_cny / 1e9:,.0f} billion",
        "- focus sectors: " + ", ".join(f"{sector.en} ({sector.zh})" for sector in plan.focus_sectors),
        "",
        plan.profile_note.en,
        "",
        "## The dimensions",
        "",
        "The unit that is coded is the passage; a document carries every dimension that one of its passages "
        "carries. "
        "Coding is multi-label, and a passage may carry none. Code what the text does, not the words in it.",
        "",
    ]
    for dimension in codebook.dimensions:
        lines += [
            f"### `{dimension.id}`: {dimension.en} ({dimension.zh}, {dimension.zh_full})",
            "",
            dimension.definition.en,
            "",
            dimension.definition.zh,
            "",
        ]
    lines += ["## Boundaries", ""]
    for number, boundary in enumerate(codebook.boundaries, 1):
        lines.append(f"{number}. {boundary.text.en} {boundary.text.zh}")
    lines += ["", "## Relevance", "", codebook.relevance.en, "", codebook.relevance.zh, ""]
    return "\n".join(lines)
