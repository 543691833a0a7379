"""Names of institutions that begin or end with a city's name: 上海电气, 北京国安, 南京银行, Bank of Beijing.

A city named in one of these is mentioned, not written about. The patterns match right after the city's name,
or right before it; how the rest of the sentence reads is `classify/city_context.py`'s business.
"""

from __future__ import annotations

import re


def _any(*alternatives: str) -> str:
    return "(?:" + "|".join(word for line in alternatives for word in line.split()) + ")"


_PRESS_ZH = _any("日报 晚报 商报 特区报 晨报 早报 新闻网 新闻 电视台 广播 卫视 青年报 时报")
_EXCHANGES_ZH = _any("(?:证券|期货|黄金|联合产权)交易所 证交所 银行 证券 地铁 港口")
_CLUBS_ZH = (
    _any(
        "国安 申花 泰达队? 海港队 泰山队 蓉城队? 海牛 玉昆 新鹏城 英博 浙江队",
        "[\u4e00-\u9fff]{0,4}(?:俱乐部|足球队|篮球队|男篮|女篮|男足|女足|男排|女排)",
    )
    + "(?![口城区集码])"
)
_BRANDS_ZH = _any(
    "电气(?!化) 钢铁集团 石化(?![基产园工行集装、等]) 啤酒 老窖 白药 同仁堂 控股 城投 农商行 农商银行",
    "燃气公司 联通(?=公司|推出|发布|用) 移动公司 电信公司",
    "医药集团 航空(?=公司|股份|用|推出|上线) 华大基因 长安(?!区|街道|镇) 蔚来 小鹏 理想汽车 吉利",
    "奇瑞 江淮 比亚迪 特斯拉 赛力斯 广汽 华为 腾讯 大疆 优必选 宇树 科大讯飞 深度求索 云深处",
    "京东方 时代(?![的广]) 重工(?!业) 汽车(?:集团|股份)",
)
_UNIVERSITY_ZH = re.compile(
    "市?"
    + _any(
        "交通 理工 科技 师范 工业 工程 航空 航天 邮电 电子 信息 外国语 国语",
        "外语 财经 经贸 贸易 医科 医学 农业",
        "中医药 体育 音乐 建筑 化工 海洋 政法 林业 技术 职业 城市 第[一二三] 商 师 大",
        "科 北 南 东 西 中 语言 戏剧",
        "电影 传媒 美术 联合 开放 国际 与",
    )
    + "*(?:大学|学院)"
)
_COMPANY_ZH = re.compile(
    "市?[^，。；、：的在将是为与和]{2,16}(?:有限公司|股份|集团)"
    "|市?的?(?:一家|某|这家|多家|几家)[^，。；]{0,12}(?:企业|公司)|市?的?(?:用户|客户|客商|游客|专家)|等地的(?!市|政府)"
)
_BEFORE_EN = re.compile(r"\b(?:(?:Bank|University|Port|Airport) of|(?:University|College|Institute) in) $")

NAME_AFTER = (
    f"{_PRESS_ZH}|{_EXCHANGES_ZH}|{_CLUBS_ZH}|{_BRANDS_ZH}"
    r"|\s+(?:operator|company|firm|start-?up|maker|vendor|supplier|bankers?|analysts?)\b|[ -]based\b"
    r"|\s*(?:Daily|News|Times|Post|Morning Post|Evening News|TV|Radio|Review)\b"
    r"|\s+(?:Stock|Futures|Gold) Exchange"
    r"|\s+(?:[A-Z][\w&]+\s+){0,5}(?:University|College|Airport|Railway Station|Airlines|Bank)\b"
    r"|\s+(?:Normal |Foreign )?Institute of |\s+Academy of |\s+(?:[A-Z][\w&]+\s+){0,3}"
    r"(?:Automobile|Automotive|Motors?|Pharma\w*|Group|Corp|Corporation|Inc|Co|Ltd|Holdings|Securities|Brewery|Steel"
    r"|FC|Guoan|Shenhua|Electric(?! [VvCcBb])|Metro(?! [Aa]rea))\b"
)
"""Behind a city's name and an optional 市: the rest of a paper's, bank's, club's or firm's name."""

DATELINE_AFTER = (
    r"\d{1,2}月\d{1,2}日[电讯]|,\s+(?:[A-Z][a-z]+\.? \d{1,2}|\d{1,2} [A-Z][a-z]+)\s*\((?:Xinhua|CNS|ECNS)"
    r"|\s+\((?:Xinhua|CNS|ECNS|Reuters|AP|AFP)\)"
)
"""Behind a city's name at the head of a report: date and agency."""

PRESS_AFTER = re.compile(
    rf"市?{_PRESS_ZH}|{DATELINE_AFTER}|\s*(?:Daily|News|Times|Post|Morning Post|Evening News|TV|Radio)\b"
)
"""Behind a city's name: its paper, or the rest of a dateline. The text was written there."""

PRESS_BEFORE = re.compile("(?:新华社|中新网|中新社|人民网|央广网|本报|本网|记者|来源[:：]\\s?|通讯员)\\s?$")
"""Before a city's name: a news agency or reporter."""


def is_institution(before: str, after: str) -> bool:
    """Whether a city's name belongs to that of a university, firm or bank."""
    return bool(_UNIVERSITY_ZH.match(after) or _COMPANY_ZH.match(after) or _BEFORE_EN.search(before))
