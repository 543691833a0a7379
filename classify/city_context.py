"""What a sentence says of a place it names: policy of that city, or a mere mention.

Each hit gets a weight (how strongly the text is about that city) and says whether it stands in the title,
whether its clause states a fact of the city's AI work, and whether something demotes it (venue, dateline,
comparison, name of an institution or paper). The cue lists here are the whole knowledge; adding all up is
`classify/cities.py`'s business.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from classify.gazetteer.institutions import (
    DATELINE_AFTER,
    NAME_AFTER,
    PRESS_AFTER,
    PRESS_BEFORE,
    is_institution,
)
from classify.place_names import Hit
from classify.terms import TermScanner

_HEADLINE_LENGTH = 120  # characters; a longer first line is a paragraph
_LEAD_LENGTH = 90  # characters after the headline that count as the lead
_REACH = 300  # characters on either side of a name that can bear on it, however long its sentence is
_NEAR = 60  # characters on either side that a phrase about the name itself can take
_ENOUGH = 60  # hits of one city that are read at all: a bound on the work for endless lists
_REPEATS = 8  # hits of one city that add weight; after that more of the same says nothing new


def _any(*alternatives: str) -> str:
    """Alternatives, one to a word of the strings given, as a regular expression."""
    return "(?:" + "|".join(word for line in alternatives for word in line.split()) + ")"


def _terms(*lines: str) -> TermScanner:
    return TermScanner([word for line in lines for word in line.split()])


_LATIN = re.compile(r"[A-Za-z][ -~\s]*")  # where English can be
_SENTENCE = re.compile(r"[。！？；!?;\n]|\.(?=\s+[A-Z\u201c\"(])|</p>|<br")
_CLAUSE = re.compile(r"[，,：:]")
_LIST_ZH = r"(?:[\u4e00-\u9fff]{2,5}(?:市|省)?[、和与及])*"  # the names before this one in a list
_LIST_EN = r"(?:[A-Z][\w']+(?:,\s+and\s+|,\s+|\s+and\s+|\s+or\s+))*"

_AI_ZH = _terms(
    "人工智能 算力 智算 超算 大模型 垂类模型 机器人 具身 智能网联",
    "自动驾驶 无人驾驶 无人配送 无人车 智能驾驶 车路云 智能体",
    "数据标注 语料 数据集 数据中心 数据空间 数据要素 数据基础设施 数据产业 数据交易 大数据 芯片 集成电路",
    "数智 智慧城市 数字经济 智能终端 智能制造 智能工厂 科学智能 低空",
)
_AI_EN = re.compile(
    _any(
        "AI",
        r"\bA\.?I\.?\b [Aa]rtificial[-\s][Ii]ntelligence [Cc]omputing [Rr]obot [Ll]anguage\s[Mm]odel",
        r"[Ll]arge\s[Mm]odel [Ff]oundation\s[Mm]odel",
        r"[Dd]ata\s(?:cent|set|label|annot|exchange) [Dd]atasets?\b",
        r"[Aa]utonomous [Dd]riverless [Ss]elf-driving [Cc]onnected\s(?:car|vehicle) [Ee]mbodied [Cc]hips?\b",
        r"[Ss]mart\s(?:city|chip|manufactur) [Cc]orpora [Cc]orpus [Ii]ntelligent [EP]FLOPS",
        r"petaflop exaflop GPU",
    )
)
_ACT_ZH = _terms(
    "建设 打造 推进 推动 支持 布局 发布 出台 印发 启动 启用 实施 开展 入选 获批 落户 落地 投产 投用 上线",
    "集聚 聚集 达到 突破 试点 示范 基地 集群 中心 园区 产业园 高地 平台 培育 规划 计划 力争 将 提出 明确",
    "发放 设立 成立 组建 开放 引进 揭牌 揭幕 开工 补贴 奖励 行动 方案 措施 条例 规模 增长 已有 建成 投入",
    "拥有 做强 做大 加快 用好 全国首 位列 推出",
)
_ACT_EN = re.compile(
    r"\b"
    + _any(
        r"will plans? planned build built building launch\w* issu\w+ releas\w+ unveil\w* announc\w+ set\sup",
        r"establish\w* approv\w+ fund\w* subsid\w+ voucher\w* support\w* pilot\w* aims? target\w* open\w*",
        r"offer\w* invest\w* provid\w+ hub base cluster park zone platform cent(?:re|er) adopt\w* draft\w*",
        r"requir\w+ expand\w* has have allocat\w+ pays? introduc\w+ promot\w+ regulat\w+ rules? polic\w+",
        r"creat\w+ grew reached deploy\w* roll\w* promis\w+",
    )
    + r"\b"
)
_BODIES_ZH = _any(
    "政府 市委 区委 县委 委办 政务 人大 政协 发展改革 发改 发展和改革 工信 工业和信息化 经信 经济和信息化",
    "科技局 科技创新 科学技术 数据局 大数据局 大数据管理 教育局 教委 人社 财政局 市场监管 卫生健康 卫健",
    "交通运输 通信管理 网信 商务局 政数局 科委 经信委",
)
_DECIDES_ZH = _any(
    "印发 出台 发布 提出 将 力争 计划 明确 近日 日前 全力 积极 率先 加快 推进 推动 打造 建设 全市 已 正",
)
_GOVERN_AFTER = re.compile(
    rf"市?(?:人民|区|县)?{_BODIES_ZH}|市?(?:正式)?{_DECIDES_ZH}|市委|市\S{{0,6}}[局委办](?![^，。]{{0,2}}员会议)"
    r"|(?:'s|\u2019s)?\s+"
    + _any(
        r"[Mm]unicipal [Cc]ity\s[Gg]overnment [Gg]overnment [Cc]ity [Mm]ayor",
        r"[Aa]uthorit [Dd]istrict [Bb]ureau",
        r"[Dd]evelopment\sand\s[Rr]eform [Cc]ommission [Aa]ction\s[Pp]lan will plans? aims? has is issued",
        "released launched announced unveiled",
    )
)
_GOVERN_BEFORE = re.compile(
    r"(?:我市|本市|全市)[^，。]{0,6}$"
    r"|(?:[Gg]overnment|[Aa]uthorities|[Cc]ity|[Mm]unicipality|[Mm]ayor|[Bb]ureau|[Dd]istrict) (?:of|in) $"
)

# Compared with, passed through, come from; the name of a paper, a bank or a station; a dateline.
_DEMOTED_BEFORE = re.compile(
    _any(
        "对标 对比 相比于 比肩 看齐 学习 借鉴 赶超 超过 超越 仅次于 落后于",
        "不及 不输 媲美 类似于? 参考 继 赶上 开往 驶往 驶向 发往",
        "来自 毕业于 前往 抵达 飞往 途经 途径 经由 总部(?:设在|位于) 比",
    )
    + rf"[了过]?{_LIST_ZH}$|{PRESS_BEFORE.pattern}|"
    + _any(
        r"[Cc]ompared\s(?:with|to) [Uu]nlike [Ss]imilar\sto such\sas [Ff]ollowing [Bb]ehind [Aa]head\sof",
        r"surpass(?:ed|ing) met\sin convened\sin modell?ed\son",
        r"learn(?:s|ed|ing)?\sfrom lessons?\s(?:of|from) than",
        r"flew\s(?:to|from) travell?ed\s(?:to|from)",
        r"headquartered\sin based\sin along\swith rivals? held\sin",
        r"took\splace\sin takes\splace\sin opened\sin",
        r"concluded\sin wrapped\sup\sin gathered\sin meeting\sin graduated\sfrom",
        r"passing\sthrough via and\snot",
        r"rather\sthan as\sin [Ll]ike",
    )
    + rf"\s+(?:only\s+|just\s+|both\s+|those (?:in|of)\s+|that of\s+|cities\s+)?{_LIST_EN}$"
)
_DEMOTED_AFTER = re.compile(
    "市?"
    + _any(
        "等[地市]?经验 经验 [^，。；]{0,8}(?:已有|早有)(?:先例|类似)",
        "之后 相比 一样 之行 户籍 口音 人[，。]",
        "[\u4e00-\u9fff]{0,2}(?:开往|驶往|飞往|开出|出发|启程)",
    )
    + rf"|市?(?:{NAME_AFTER})"
    r"|(?:至|到)[\u4e00-\u9fff]{2,4}(?:高铁|航线|铁路|高速)|[东西南北]?站|[\u4e00-\u9fff]{0,4}(?:机场|高铁|动车)"
    rf"|{DATELINE_AFTER}|\s+(?:did|does|has done)(?=[.,;]| (?:last|in|before|earlier)\b)"
)
# Unlike Shanghai, Changsha …: what follows the comma acts, unless the list goes on.
_CONTRAST_EN = re.compile(
    r"(?:^|[.!?\n]\s*)\s*(?:Unlike|Like|Following|Behind|After|Compared (?:with|to)|Ahead of)\s[^.;]*,\s+$"
)
_LISTED_EN = re.compile(r",\s|\s+(?:and|or)\s")
# Who is served, linked to or worked with: the text is about the other end of the line.
_PARTNER_BEFORE_ZH = re.compile(rf"(?:至|到|往|直连|直达|通往|连通|供给|与|同|向|为|给|让){_LIST_ZH}$")
_VISIT_BEFORE_ZH = re.compile(rf"(?:赴|去|到|往){_LIST_ZH}$")
_VISIT_AFTER_ZH = re.compile("市?(?:等地?)?(?:学习|考察|调研|取经|招商|路演|参展)")
# Two governments named in full (甲县与乙区共建) act together; neither only serves the other.
_JOINTLY_ZH = re.compile("(?<=[市区县州盟])(?:共建|共同|签)|市(?:共建|共同|签)")
_PARTNER_AFTER_ZH = re.compile(
    "[^，。；]{0,16}"
    + _any("时延 延迟 链路 光缆 光网 专线 直连 直达 共建 合作 携手 联动 提供 输送 供应 共享")
)
_PARTNER_BEFORE_EN = re.compile(
    r"(?:(?:link(?:ed|s)?|lines?|connect(?:ed|ion|s)?|cables?|fib(?:er|re)) (?:directly )?(?:to|with)\s+"
    rf"{_LIST_EN}|(?:train|railway|flight|trip|journey|expressway)s? (?:from|between)\s+"
    rf"(?:[A-Z][\w']+\s+to\s+)?{_LIST_EN}"
    r"|(?:hour|minute|kilomet\w+|km|mile)s?(?:' drive)? (?:away )?"
    r"(?:from|(?:north|south|east|west)\w* of)\s+)$"
)
# 京津 or 长株潭 is mostly a region; with one of these behind it, its cities do something.
_JOINT_ACTS_ZH = re.compile("等?[两三四五][地城市]|共建|携手|联手|签|同步|分别|率先|同城")
# 深企 alone is what its firms do; with one of these, what the city does for them.
_SERVED_ZH = re.compile("补贴|补助|奖励|扶持|支持|申[领报请]|减免|[券贷]|政策|市[政财科数经工发]|试点|语料")
_VENUE_ZH = re.compile("市?(?:[^，。；]{0,14})?(?:举行|举办|召开|开幕|闭幕|落幕|揭幕|亮相|启幕)")
_VENUE_BEFORE_ZH = re.compile("(?:在|于)[\u4e00-\u9fff]{0,3}$")
# Fairs and forums that a city's government itself holds: their venue is that government at work.
_OWN_EVENTS = re.compile(
    _any(
        "世界人工智能大会 世界机器人大会 世界智能产业博览会 中关村论坛 世界智能大会 智能网联汽车大会",
        "数字中国建设峰会 数博会 高交会",
    )
)
_AS_ACTOR = re.compile("主办|承办|市人民政府|市政府|签约|宣布|发布")


@dataclass(frozen=True, slots=True)
class Reading:
    """One hit, read in its sentence."""

    code: str
    weight: float  # 0 when demoted; a plain mention is 1
    in_title: bool
    fact: bool  # its clause states something done, built or planned about AI there
    demoted: bool


def headline_of(title: str | None, text: str) -> tuple[str, str]:
    """The headline and the rest: the title given, else a short first line that more text follows."""
    if title and title.strip():
        return title.strip().replace("\n", " "), text
    first, line_break, rest = text.lstrip().partition("\n")
    first = first.strip()
    short = len(first) <= _HEADLINE_LENGTH and not first.endswith(("。", "；", ";"))
    return (first, rest) if line_break and short and rest.strip() else ("", text)


def read_hits(text: str, hits: Sequence[Hit], title_length: int) -> list[Reading]:
    """Every hit with its weight; `text` starts with the title, `title_length` characters of it."""
    if not hits:
        return []
    sentences = _bounds(_SENTENCE, text)
    clauses = sorted({*sentences, *_bounds(_CLAUSE, text)})
    ai_starts = _starts(_AI_ZH, _AI_EN, text)
    act_starts = _starts(_ACT_ZH, _ACT_EN, text)
    read: dict[str, int] = {}
    seen: dict[str, int] = {}
    readings = []
    for hit in hits:
        read[hit.code] = read.get(hit.code, 0) + 1
        if read[hit.code] > _ENOUGH:
            continue
        in_title = hit.start < title_length
        start, end, before, demoted = _read(text, hit, sentences, clauses)
        ai = _any_in(ai_starts, start, end)
        act = _any_in(act_starts, start, hit.start) or _any_in(act_starts, hit.end, end)
        govern = bool(_GOVERN_AFTER.match(text, hit.end, end) or _GOVERN_BEFORE.search(before))
        seen[hit.code] = seen.get(hit.code, 0) + (not demoted)
        weight = 0.0
        if not demoted and seen[hit.code] <= _REPEATS:
            lead = title_length <= hit.start <= title_length + _LEAD_LENGTH
            weight = 1.0 + 1.0 * ai + 1.5 * govern + 0.3 * act + 1.0 * lead + 3.0 * in_title
        readings.append(Reading(hit.code, weight, in_title, ai and (act or govern) and not demoted, demoted))
    return readings


def is_demoted(text: str, hit: Hit) -> bool:
    """Whether a lone hit is only mentioned, as `read_hits` would say of it."""
    sentences = _bounds(_SENTENCE, text)
    clauses = sorted({*sentences, *_bounds(_CLAUSE, text)}) if hit.chinese else sentences
    return _read(text, hit, sentences, clauses)[3]


def _read(text: str, hit: Hit, sentences: list[int], clauses: list[int]) -> tuple[int, int, str, bool]:
    """Where the stretch that bears on a hit starts and ends, what stands before the hit, and demotion."""
    start, end = _around(clauses if hit.chinese else sentences, hit.start, hit.end)
    before, after = text[max(start, hit.start - _NEAR) : hit.start], text[hit.end : hit.end + _NEAR]
    sentence = text[slice(*_around(sentences, hit.start, hit.end))]
    return start, end, before, _is_demoted(text, hit, before, after, sentence)


def _bounds(pattern: re.Pattern[str], text: str) -> list[int]:
    return [*(m.end() for m in pattern.finditer(text)), len(text)]


def _starts(chinese: TermScanner, english: re.Pattern[str], text: str) -> list[int]:
    starts = [start for _, start, _ in chinese.scan(text)]
    for run in _LATIN.finditer(text):
        starts += [m.start() for m in english.finditer(text, run.start(), run.end())]
    return sorted(starts)


def _any_in(starts: list[int], start: int, end: int) -> bool:
    """Whether one of the ascending positions lies in start ≤ position < end."""
    return bisect_left(starts, start) < bisect_left(starts, end)


def _around(bounds: list[int], start: int, end: int) -> tuple[int, int]:
    """The stretch between two boundaries that holds text[start:end], at most `_REACH` on either side."""
    left = bisect_right(bounds, start)
    right = bisect_left(bounds, end)
    return max(bounds[left - 1] if left else 0, start - _REACH), min(bounds[right], end + _REACH)


def _is_demoted(text: str, hit: Hit, before: str, after: str, sentence: str) -> bool:
    if _DEMOTED_AFTER.match(after) or is_institution(before, after):
        return True
    if not hit.chinese and _CONTRAST_EN.search(before):
        return bool(_LISTED_EN.match(after))
    if _DEMOTED_BEFORE.search(before):
        return True
    if not hit.chinese:
        return bool(_PARTNER_BEFORE_EN.search(before))
    if _PARTNER_BEFORE_ZH.search(before) and _PARTNER_AFTER_ZH.match(after):
        return not _JOINTLY_ZH.match(text, hit.end)
    if _VISIT_AFTER_ZH.match(after) and _VISIT_BEFORE_ZH.search(before):
        return True
    if hit.kind == "joint" and not _JOINT_ACTS_ZH.match(after):
        return True
    if hit.kind == "abbreviation" and text[hit.end - 1] == "企":
        return not _SERVED_ZH.search(sentence)
    venue = _VENUE_BEFORE_ZH.search(before) and _VENUE_ZH.match(after)
    return bool(venue) and not _OWN_EVENTS.search(sentence) and not _AS_ACTOR.search(sentence)


def is_written_elsewhere(text: str, hits: Sequence[Hit], home: str) -> bool:
    """Whether a dateline or a paper's name says that the text was written in another city than `home`."""
    return any(
        hit.code != home
        and (
            PRESS_AFTER.match(text, hit.end) is not None
            or PRESS_BEFORE.search(text, max(0, hit.start - _NEAR), hit.start) is not None
        )
        for hit in hits
    )
