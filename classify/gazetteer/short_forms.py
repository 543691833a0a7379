"""Short forms of cities' names: one character (在沪, 沪企), several (京沪), document numbers (沪府〔2024〕).

Says which string counts in which surroundings and for which cities. Not for names in full: those are in the
gazetteer's other tables.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from classify.gazetteer.tables import table
from classify.terms import TermScanner

# 沪 alone is a character; 在沪企业 and 沪府〔2024〕 are Shanghai. A `guarded` character makes words (在深入,
# 在汉语), so it needs one of these after it too.
_STAYING = "[在来驻赴入留离全进]"
_GUARD = "[企高院校央就创注落工的]"
_FIRMS = r"(?<![资建武高北南天])%s企(?![业图及鹅稳盼划望])"  # 渝企, but not 资深企业 or 建筑企业
# A joined form names no city in a railway, an exchange or a longer word (推广深度, 沪港通).
_NOT_JOINT = "[^，。；]{0,12}(?:高铁|高速|铁路|城际)|线|动车|客专|段|风沙|[A-Z]?股|交易|指数|[澳度入化通冀唐]"
_JOINT = rf"(?<![推资王])%s(?!{_NOT_JOINT})"
_COUNTED = "(?=等?[两三四五]?[地城市])"  # 北上广 is a figure of speech, unless the cities are counted


@dataclass(frozen=True, slots=True)
class Abbreviations:
    """Short forms, the pattern each needs about it, and the cities it stands for."""

    scanner: TermScanner
    patterns: tuple[re.Pattern[str], ...]
    codes: tuple[tuple[str, ...], ...]
    unless: tuple[str, ...]  # the province it means in texts that name that (宁, Ningxia), or empty


@cache
def abbreviations() -> Abbreviations:
    """All short forms, read from the tables on first use."""
    forms: list[tuple[str, str, tuple[str, ...], str]] = []
    for row in table("abbreviations.tsv"):
        codes, char, unless = (row["city_code"],), row["char"], row["unless"]
        if char:
            after = f"(?={_GUARD})" if row["guarded"] == "yes" else "(?![剧戏])"
            forms.append((char, rf"(?<={_STAYING}){char}{after}", codes, unless))
        if row["firms"] == "yes":
            forms.append((f"{char}企", _FIRMS % char, codes, unless))
        for prefix in row["document_prefixes"].split():
            number = rf"(?<![\u4e00-\u9fff]){prefix}[\u4e00-\u9fff]{{0,4}}[〔\[［(（]20\d\d"
            forms.append((prefix, number, codes, ""))
    for row in table("joint_names.tsv"):
        pattern = _JOINT % row["form"] + (_COUNTED if row["figure"] == "yes" else "")
        forms.append((row["form"], pattern, tuple(row["city_codes"].split()), ""))
    return Abbreviations(
        TermScanner([form for form, *_ in forms]),
        tuple(re.compile(pattern) for _, pattern, _, _ in forms),
        tuple(codes for _, _, codes, _ in forms),
        tuple(unless for *_, unless in forms),
    )
