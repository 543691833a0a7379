"""What a page declares of itself: keywords, the government's meta set, the table of document properties.

The meta names are those of the guideline 国办发〔2017〕47号; the table is the one above official documents
(索引号, 主题分类, 有效性). Values are kept as the page writes them, cut to a bound. What the product
uses as author, issuer, number or date is read elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from crawler.lines import clean_line, han_count, is_furniture
from crawler.metadata import Head, fold

VALUE_MAX = 300  # characters
DECLARED_MAX = 30  # entries
_KEYWORDS_MAX = 30
_KEYWORD_MAX = 40  # characters

_GOVERNMENT_META = (
    *("sitename", "sitedomain", "siteidcode", "columnname", "columntype", "articletitle", "pubdate"),
    *("contentsource", "keywords", "author", "description", "url"),
)
_PROPERTIES = {
    "index_number": r"(?:信息)?索\s{0,4}引\s{0,4}号",
    "subject": r"(?:信息)?主题(?:分类|类别)|信息分类|信息类别|所属主题",
    "subject_words": r"主\s?题\s?词|关\s?键\s?词",
    "genre": r"体裁(?:分类)?|公文种类|文件种类|信息体裁",
    "audience": r"服务对象(?:分类)?|组配分类",
    "validity": r"(?:文件)?有\s?效\s?性|效力状态|时效状态|时效性|文件状态|是否有效|文件效力",
    "valid_for": r"有\s?效\s?期(?:限)?(?:至)?",
    "effective_date": r"生效(?:日期|时间)|施行(?:日期|时间)|实施(?:日期|时间)",
    "expiry_date": r"失效(?:日期|时间)|废止(?:日期|时间)|截止有效期",
    "registered_number": r"统一(?:登记)?编号|规范性文件(?:统一)?编号|登记号|统一登记号",
    "disclosure": r"公开(?:方式|类别|形式|属性)",
    "disclosure_scope": r"公开范围",
}
_LABELS = "|".join(f"(?P<{key}>{words})" for key, words in _PROPERTIES.items())
# Other labels of the table end a value too.
_OTHER_LABELS = (
    r"发文(?:机关|机构|单位|字号|日期)|发布(?:机关|机构|单位|日期|时间)|制[定发]机关|文\s{0,4}号|成文日期"
    r"|公开日期|信息名称"
    r"|名\s{0,4}称|标\s{0,4}题|来\s{0,4}源|责任部门|公开主体|浏览次数"
)
_LABEL = re.compile(
    rf"(?:^|(?<=[\s|｜【\[]))(?:{_LABELS}|(?:{_OTHER_LABELS}))\s*[】\]]?\s*(?:[:：]|(?=\s*$)|(?<=[】\]]))"
)
_GATE = ("索引", "索 引", "有效性", "主题分类", "主题词", "生效日期", "公开方式", "体裁", "统一编号")
_LINE_MAX = 200  # characters; longer lines are sentences
_NOTHING = re.compile(r"[-—－/\\\s]*|无|暂无|空|不限|全部|请选择|null|undefined", re.IGNORECASE)
_SITE_KEYWORD = re.compile(r"(?:门户|官方|政府)?网站$|官网$|门户网$|^(?:首页|网站|新闻|政府|政务公开)$")


def find_declared(head: Head, lines: Sequence[str]) -> dict[str, str]:
    """The government's meta names in lower case, then the table's properties; at most 30, each cut to 300.

    Args:
        head: the page's head.
        lines: its visible text, one line a block.
    """
    declared = {}
    for name in _GOVERNMENT_META:
        if content := head.first(name):
            declared[name] = content[:VALUE_MAX]
    # Only the government's sites use the set; author, description and keywords alone are anybody's.
    if not declared.keys() - {"keywords", "author", "description", "url"}:
        declared = {}
    declared.update(_table(lines))
    return dict(list(declared.items())[:DECLARED_MAX])


def _table(lines: Sequence[str]) -> dict[str, str]:
    """The properties that stand in a table; one label alone is a word of the text."""
    text = "\n".join(lines)
    if not any(word in text for word in _GATE):
        return {}
    found: dict[str, str] = {}
    for key, value in _properties(lines):
        if value and not _NOTHING.fullmatch(value) and not is_furniture(value):
            found.setdefault(key, value[:VALUE_MAX])
    return found if "index_number" in found or len(found) > 1 else {}


def _properties(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Every label of the table and its value: up to the next label, or in the next line."""
    for number, line in enumerate(lines):
        if len(line) > _LINE_MAX:
            continue
        matches: list[re.Match[str] | None] = [*_LABEL.finditer(line), None]
        for match, following in pairwise(matches):
            if match is None or match.lastgroup is None:
                continue
            value = clean_line(line[match.end() : following.start() if following else None]).strip(
                " |｜【】[]"
            )
            if not value and following is None and number + 1 < len(lines):
                below = lines[number + 1]
                value = "" if _LABEL.match(below) else below
            yield match.lastgroup, value


def find_keywords(head: Head) -> tuple[str, ...]:
    """The page's keywords, each once, without those that name the site."""
    sites = [fold(name) for name in _site_names(head)]
    found: dict[str, str] = {}
    for keyword in _keywords(head):
        folded = fold(keyword)
        if not folded or len(keyword) > _KEYWORD_MAX or _SITE_KEYWORD.search(keyword):
            continue
        if any(folded in site or site in folded for site in sites if len(site) > 1):
            continue
        found.setdefault(folded, keyword)
    return tuple(found.values())[:_KEYWORDS_MAX]


def _site_names(head: Head) -> list[str]:
    names = ("sitename", "og:site_name", "application-name", "sitedomain")
    return [value for name in names for value in head.meta.get(name, ())]


def _keywords(head: Head) -> Iterator[str]:
    for name in ("keywords", "news_keywords", "article:tag"):
        for content in head.meta.get(name, ()):
            yield from _split(content)
    for item in head.json_ld:
        value = item.get("keywords")
        for part in value[:_KEYWORDS_MAX] if isinstance(value, list) else [value]:
            if isinstance(part, str):
                yield from _split(clean_line(part))


def _split(content: str) -> Iterator[str]:
    parts = re.split(r"\s*[,，;；、|｜]\s*", content)
    if len(parts) == 1 and han_count(content):  # Chinese keywords have no spaces within
        parts = content.split()
    for part in parts:
        if word := part.strip(" \"'“”《》"):
            yield word
