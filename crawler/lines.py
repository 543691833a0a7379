"""The visible text of a page as lines, and the furniture that is not part of any article.

Chinese government pages carry print and share buttons, view counters, editors' names and links to the
neighbouring articles inside the article's own container. `strip_furniture` removes those lines, so that a
counter does not make a new version. Not for choosing which part of a page is the article.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence

from lxml.html import HtmlElement

HIDDEN = frozenset(
    {"script", "style", "noscript", "template", "iframe", "object", "svg", "head", "select", "option"}
)
INLINE = frozenset(
    {
        "a",
        "abbr",
        "b",
        "big",
        "cite",
        "code",
        "em",
        "font",
        "i",
        "ins",
        "kbd",
        "label",
        "mark",
        "q",
        "s",
        "small",
    }
    | {"span", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr"}
)
# Control and invisible characters, private line separators, and lone surrogates.
_ODD = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\ufeff\ufffe\uffff\ud800-\udfff]"
)
_HAN = re.compile(r"[\u2e80-\uffef]")

_BUTTON = (
    r"打印(?:本页|此页|文本|页面|预览)?|关闭(?:窗口|本页|页面)?|分享(?:到|至|给朋友)?|一键分享|收藏(?:本页"
    r"|本文)?|加入收藏|返回(?:顶部|首页|列表)?"
    r"|字[号体](?:大小|变大|变小)?|大|中|小|默认|放大|缩小|复制(?:链接|地址)?|纠错|我要纠错|下载(?:文字版"
    r"|图片版)?|TOP|Top|top"
    r"|微信|微博|新浪微博|腾讯微博|QQ空间|QQ好友|QQ|朋友圈|豆瓣|人人网|更多|视力保护色|保存|转发|推荐|点赞"
    r"|听全文|语音播报|播报"
    r"|[Pp]rint|[Ss]hare|[Cc]lose|[Ee]mail|PRINT|SHARE|Facebook|Twitter|LinkedIn|WeChat|Weibo"
)
_BUTTONS = re.compile(rf"(?:(?:{_BUTTON})|[\s\[\]【】()（）|｜:：+＋\-－/·、，,.>»丨A])+")
_COUNTER = re.compile(
    r"(?:浏览|阅读|访问|点击|点阅|阅览|查看|人气|已阅|Views?|Hits?|Reads?)(?:次数|量|数|人数"
    r"|率)?\s*[:：]?\s*[\[【(（]?\s*"
    r"[\d,，.万]*\s*[\]】)）]?\s*(?:次|人次|人)?",
    re.IGNORECASE,
)
_WHOLE_LINE = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?:上|下)一(?:篇|条|页|则|个|章)\s*[:：]?.{0,80}",
        r"(?:Previous|Next)(?: article| post| page)?\s*[:：].{0,120}",
        r"[^，。；]{0,12}扫[一码描]{0,2}(?:扫|码|二维码|描)[^。；]{0,30}",  # a sentence that ends is text
        r".{0,6}(?:手机|微信)(?:扫码|打开|查看|浏览|阅读|扫描).{0,20}",
        r"[\[【(（]?\s*(?:责任编辑|责\s*编|编\s*辑|编审|审核|初审|复审|终审|校对|责任校对|值班编辑|本文来源"
        r"|网络编辑|录入)"
        r"\s*[:：].{0,40}",
        r"[\[【(（]?\s*(?:Editor|Edited by)\s*[:：].{0,40}",
        r"(?:当前|您的|您当前的?|你的|现在)位?置?(?:位置|所在位置|是)?\s*[:：].{0,80}",
        r"(?:首页|网站首页|Home)\s*[>»›＞/].{0,80}",
        r"(?:版权所有|Copyright|©|\(c\)|All [Rr]ights [Rr]eserved).{0,120}",
        r".{0,30}(?:ICP备|公网安备|网站标识码)\s*.{0,60}",
        r"(?:免责声明|免責聲明|版权声明|版權聲明|郑重声明|特别声明|Disclaimer)\s*[:：].*",
        r".{0,20}(?:人参与|条评论|我来说两句|发表评论|网友评论|查看(?:所有|全部)?评论|验证码"
        r"|有\d+人参与).{0,20}",
        r"(?:主办|承办|主办单位|承办单位|技术支持)\s*[:：].{0,80}",
        r"(?:分享到|分享至|分享|Share this)\s*[:：].{0,60}",
    )
)
_META_LINE = re.compile(
    r"^.{0,24}?(?:发布时间|发布日期|发文日期|发表时间|更新时间|来源|信息来源|文章来源|稿件来源|发布机构|时间"
    r"|日期|作者|浏览次数|浏览量|字号|字体"
    r"|点击数|阅读量|Source|Published|Updated)\s*[:：]"
)
_LABEL = re.compile(
    r"(?:发布时间|发布日期|发文日期|发表时间|更新时间|来源|信息来源|文章来源|稿件来源|发布机构|时间|日期"
    r"|作者|浏览次数|浏览量|字号|字体"
    r"|点击数|阅读量|Source|Published|Updated)\s*[:：]"
)
_EDITOR_TAIL = re.compile(
    r"\s*[\[【(（]\s*(?:责任编辑|责编|编辑|Editor)\s*[:：]?[^\]】)）]{0,30}[\]】)）]\s*$"
)
_RELATED = re.compile(
    r"[\[【]?\s*(?:相关(?:链接|阅读|新闻|报道|文章|稿件|文件|专题|推荐|资讯|解读|附件)|延伸阅读|更多(?:新闻"
    r"|阅读|报道|相关)|推荐阅读|热门推荐"
    r"|精彩推荐|猜你喜欢|Related (?:[Aa]rticles|[Ss]tories|[Nn]ews|[Ll]inks|[Rr]eading)|[Rr]ead [Mm]ore"
    r"|Most [Rr]ead)"
    r"\s*[\]】]?\s*[:：>»]*"
)
_BULLET = re.compile(r"^[\s\-–·•．・▪■◆●»>|｜.]+|^\d{1,2}(?:[.、]\s*|\s+)")
_ROW_DATE = re.compile(
    r"[\[(（【]?\s*(?:(?:19"
    r"|20)\d{2}\s*[-/.年]\s*)?\d{1,2}\s*[-/.月]\s*\d{1,2}\s*日?(?:\s*\d{1,2}:\d{2}(?::\d{2})?)?\s*[\])）】]?"
)
_LINKED_LINE_MAX = 2_000  # characters; a tag cloud is long, a paragraph with a link in every word is not
_FURNITURE_MAX = 300  # characters
_BETWEEN_LINKS = re.compile(r"\s*[|｜、,，]\s*|\s+")
_TEASER_MIN = 30  # characters
_TEASER_REST = 2  # different lines of a text in which a copy is called a teaser
_HEAD_LINES = 6  # a line of labels (date, source, counter) stands among the first lines of an article
_META_LINE_MAX = 120  # characters; longer lines are sentences that happen to hold a label


def _replace_odd(match: re.Match[str]) -> str:
    """Nothing for a control; for 0x80 to 0x9F the cp1252 character that was meant, as browsers have it."""
    char = match[0]
    if "\x80" <= char <= "\x9f":
        return bytes([ord(char)]).decode("cp1252", "ignore")
    return "\ufffd" if "\ud800" <= char <= "\udfff" else ""


def han_count(text: str) -> int:
    """How many characters of a text are Han characters or full-width signs."""
    return len(_HAN.findall(text))


def clean_line(text: str) -> str:
    """One line of text: NFC, no control or invisible characters, single spaces, no space at the ends."""
    if _ODD.search(text):
        text = _ODD.sub(_replace_odd, text)
    return unicodedata.normalize("NFC", " ".join(text.split()))


def visible_lines(tree: HtmlElement) -> list[str]:
    """What a reader sees, in page order, one line a block. Scripts, styles and form choices are left out."""
    parts: list[str] = []
    # An explicit stack of (element, entered): pages nest deeper than Python recurses.
    stack: list[tuple[HtmlElement, bool]] = [(tree, False)]
    while stack:
        element, entered = stack.pop()
        tag = element.tag
        if entered:
            if tag not in INLINE:
                parts.append("\n")
            if element.tail:
                parts.append(element.tail.replace("\n", " "))
            continue
        stack.append((element, True))
        if not isinstance(tag, str) or tag in HIDDEN:
            continue
        if tag not in INLINE:
            parts.append("\n")
        if element.text:
            parts.append(element.text.replace("\n", " "))
        stack.extend((child, False) for child in reversed(element))
    return [line for line in map(clean_line, "".join(parts).split("\n")) if line]


def is_furniture(line: str) -> bool:
    """Whether the whole line is buttons, counters, editors' names or links to neighbouring articles."""
    if len(line) > _FURNITURE_MAX:
        return False
    bare = _COUNTER.sub("", line) if any(c in line for c in "浏阅访点查人VvHhRr") else line
    if not bare.strip(" |｜[]【】()（）:：") or _BUTTONS.fullmatch(bare):
        return True
    return any(pattern.fullmatch(line) for pattern in _WHOLE_LINE)


def is_label_line(line: str) -> bool:
    """Whether the line is the row of labels under a title: date, source, counter."""
    if len(line) > _META_LINE_MAX or not _META_LINE.match(line):
        return False
    return len(_LABEL.findall(line)) > 1 or len(line) <= 40


def strip_furniture(lines: Sequence[str], link_texts: Collection[str] = ()) -> list[str]:
    """The lines of an article without the page's furniture and without long lines that repeat.

    Args:
        lines: clean lines, in order.
        link_texts: the texts of the page's links. Two and more linked lines in a row are a menu or a list of
            other articles, and so is a linked line at either end; one linked line between paragraphs stays.
    """
    spare = [_is_spare(lines, number, link_texts) for number in range(len(lines))]
    kept: list[str] = []
    begin = 0
    while begin < len(lines):
        end = begin
        while end < len(lines) and spare[end] == spare[begin]:
            end += 1
        run = lines[begin:end]
        if not spare[begin]:
            kept.extend(_EDITOR_TAIL.sub("", line) for line in run)
        elif (
            len(run) == 1
            and begin > 0
            and end < len(lines)
            and run[0] in link_texts
            and not is_furniture(run[0])
        ):
            kept.extend(run)
        begin = end
    return _without_teasers(kept)


def _without_teasers(lines: list[str]) -> list[str]:
    """Without the second copy of one long line: hidden summaries repeat the first paragraph.

    A text that repeats more than that, or has little else, is meant so.
    """
    seen: set[str] = set()
    copies: set[int] = set()
    for number, line in enumerate(lines):
        if len(line) >= _TEASER_MIN and line in seen:
            copies.add(number)
        seen.add(line)
    dropped = copies if len(copies) == 1 and len(seen) > _TEASER_REST else set()
    return [line for number, line in enumerate(lines) if line and number not in dropped]


def _is_spare(lines: Sequence[str], number: int, link_texts: Collection[str]) -> bool:
    line = lines[number]
    if is_furniture(line) or _RELATED.fullmatch(line) or is_linked(line, link_texts):
        return True
    if number < _HEAD_LINES and is_label_line(line):
        return True
    # A list row's date stands in figures beside its link; a date in words, 2024年3月15日, signs a document.
    if _ROW_DATE.fullmatch(line) and "年" not in line:
        return any(is_linked(neighbour, link_texts) for neighbour in lines[max(0, number - 1) : number + 2])
    return False


def is_linked(line: str, link_texts: Collection[str]) -> bool:
    """Whether the whole line is one link or several, perhaps with a bullet and the date of a list row."""
    if line in link_texts:
        return True
    if len(line) > _LINKED_LINE_MAX:
        return False
    bare = _BULLET.sub("", _ROW_DATE.sub("", line)).strip(" |｜[]()（）【】")
    if not bare:
        return not _ROW_DATE.search(line)
    if bare in link_texts:
        return True
    parts = [part for part in _BETWEEN_LINKS.split(bare) if part]
    return len(parts) > 1 and all(part in link_texts for part in parts)
