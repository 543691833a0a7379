"""Decide what a fetched page is: an article, or a list, an error page, a bot check, a shell, a stub.

Two looks. `before_extraction` sees bytes, status and raw text, and catches what needs no extraction; a page with a
long text of its own is never caught there. `after_extraction` sees the extracted text and compares it with the page.
Low false alarms come first: a page with long text is an article. Not for finding the text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from crawler.lines import han_count, is_linked
from hexapolis.records import Verdict

BLOCKING_STATUS = frozenset({403, 412, 429, 521})  # with challenge markers: a bot check; else an error

# Text lengths in zh characters; a page in another script needs `_LATIN` times as many characters.
LONG_TEXT = 400  # so much text of its own makes an article, whatever words are in it
SHORT_TEXT = 60  # below this a text needs a date beside it to be a notice
_TINY_TEXT = 20  # below this there is no notice at all
_LATIN = 2.5
_SHELL_TEXT = 120  # a page whose visible text is shorter can be a script shell
_LINKED_SHARE = 0.6  # of the extracted characters standing in links: a list
_LIST_ROWS = 5

_NOT_HTML_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "PDF"),
    (b"\x89PNG", "PNG image"),
    (b"\xff\xd8\xff", "JPEG image"),
    (b"GIF87a", "GIF image"),
    (b"GIF89a", "GIF image"),
    (b"PK\x03\x04", "ZIP, DOCX or OFD"),
    (b"\xd0\xcf\x11\xe0", "DOC or XLS"),
    (b"Rar!", "RAR"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x1f\x8b", "gzip"),
    (b"{\\rtf", "RTF"),
    (b"RIFF", "media"),
    (b"OggS", "media"),
    (b"ID3", "media"),
    (b"\x7fELF", "program"),
    (b"MZ\x90", "program"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"wOFF", "font"),
    (b"wOF2", "font"),
    (b"SQLite format 3", "database"),
)
_MARKUP = re.compile(rb"<\s*(?:!doctype\s+html|html|head|body|title|meta|div|p|br|table|span|h[1-6]|article|section|a\s)", re.I)
_FEED = re.compile(rb"^\s*(?:<\?xml[^>]*>\s*)?(?:<!--.{0,500}?-->\s*)*<(?:rss|feed|rdf:RDF|urlset|sitemapindex|svg)\b", re.I | re.S)

_CHALLENGE = re.compile(
    r"cf-browser-verification|cf_chl_|challenge-platform|/cdn-cgi/challenge|Just a moment\.\.\.|Checking your browser"
    r"|Attention Required! \| Cloudflare|__jsl_clearance|__jsluid|acw_sc__v2|acw_tc.{0,40}arg1|var arg1=|\$_ts\b|_\$_ts|C3VK"
    r"|document\.cookie.{0,200}location\.(?:reload|href|replace)|aliyun_waf|_waf_|waf_captcha|captcha-delivery|px-captcha|_Incapsula_"
    r"|Request unsuccessful\. Incapsula|DDoS protection by|verify you are (?:a )?human|are you a robot|unusual traffic from your"
    r"|Access Denied.{0,300}Reference #|Pardon Our Interruption|Please enable (?:JS|JavaScript|cookies) and"
    r"|请开启\s*JavaScript|请启用\s*JavaScript|启用JavaScript(?:和|与|及)Cookie|安全验证|访问验证|人机验证|滑动验证|请完成(?:安全)?验证|请输入验证码|正在进行安全检测"
    r"|浏览器安全检查|网站防火墙|安全狗|云锁|创宇盾|知道创宇|您的(?:访问|请求)(?:被|已被)(?:拦截|阻断|拒绝|禁止)|请求(?:被|已被)拦截|访问(?:被|已被)(?:拦截|阻断)"
    r"|访问过于频繁|访问频率(?:过高|过快)|操作过于频繁|检测到(?:异常|可疑|恶意)|WAF|Web应用防火墙|Web Application Firewall",
    re.IGNORECASE | re.DOTALL,
)
_SOFT_404_WORDS = (
    r"页面(?:不存在|找不到|未找到|没有找到|已(?:被)?删除|走丢了|丢失|无法访问|失效)|(?:找不到|未找到|没有找到)(?:该|您|你|此|相关)?(?:[^，。]{0,8})(?:页面|网页|内容|文章|资源|文件)"
    r"|(?:文章|内容|信息|新闻|网页|文件|资源|栏目|稿件|该页|链接|地址)(?:已|已经)?(?:不存在|被删除|已删除|已失效|已下线|已过期|被移除|已撤销|未发布)"
    r"|访问的?(?:页面|网页|内容|链接|资源|地址|文章|信息)[^，。]{0,12}(?:不存在|已删除|被删除|失效|找不到|未找到|过期|已移除)"
    r"|(?:您|你)(?:所)?(?:要)?(?:访问|查看|浏览|请求)的[^，。]{0,16}(?:不存在|不见了|已删除|被删除|失效|找不到|未找到|出错|已下线|走丢)"
    r"|系统(?:错误|繁忙|维护|异常|升级)|服务器(?:错误|繁忙|内部错误|异常)|网站(?:维护中|正在维护|升级中|暂时关闭|暂停访问)|页面(?:出错|错误|异常)|非法(?:访问|请求)|参数(?:错误|不正确|有误)"
    r"|出错了|抱歉.{0,20}(?:出错|无法|不存在|找不到|已删除)|404\s*[-—:：]?\s*(?:错误|Not Found|Error|页面|找不到|未找到)|(?:HTTP|错误|Error)\s*(?:代码)?\s*[:：]?\s*(?:404|500|502|503)"
    r"|page (?:not found|cannot be found|can['’]?t be found|could not be found|does not exist|doesn['’]t exist|no longer exists|you (?:are|were) looking for|you requested)"
    r"|(?:article|content|story|file|resource|document) (?:not found|cannot be found|could not be found|is no longer available|has been removed|does not exist|no longer available)"
    r"|no longer available|Not Found|Object not found|nothing (?:was )?found|we can['’]t find|couldn['’]t find|Internal Server Error|Service Unavailable|Bad Gateway"
    r"|something went wrong|an error (?:has )?occurred|under maintenance|temporarily unavailable"
)
_SOFT_404 = re.compile(_SOFT_404_WORDS, re.IGNORECASE)
_SOFT_404_TITLE = re.compile(
    rf"^\W*(?:404|403|500|502|503)\b|{_SOFT_404_WORDS}|^\s*(?:error|错误|错误提示|提示信息|系统提示|出错提示)\s*$", re.IGNORECASE
)
_WALL = re.compile(
    r"(?:请先?登录|登录后(?:查看|阅读|继续)|需要登录|用户登录|会员登录|请登录|付费(?:阅读|内容)|订阅(?:后|用户)(?:可|阅读)|购买后|开通会员|剩余\d+%?(?:内容|未读))"
    r"|(?:subscribe|sign in|log in|register) to (?:continue|read|view|access)|subscribers only|already a subscriber|this (?:article|content) is for",
    re.IGNORECASE,
)
_SHELL = re.compile(
    r"""<div[^>]+id\s*=\s*["']?(?:app|root|__next|__nuxt|main-app|q-app|container-app)["']?[^>]*>\s*</div>"""
    r"|<app-root|You need to enable JavaScript to run this app|doesn['’]t work properly without JavaScript|webpackJsonp|__NEXT_DATA__|__NUXT__",
    re.IGNORECASE,
)
_REDIRECT = re.compile(r"""<meta[^>]+http-equiv\s*=\s*["']?refresh["']?[^>]*url\s*=|(?:window\.|top\.|self\.)?location(?:\.href)?\s*=\s*["']|location\.replace\(""", re.I)
_SENTENCE_END = re.compile(r"[。！？；.!?;]")


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict other than `article`, and why, in a few words."""

    verdict: Verdict
    detail: str


def weight(text: str) -> float:
    """The length of a text in zh characters: Han characters count one, other characters `1 / 2.5`."""
    solid = re.sub(r"\s", "", text)
    han = han_count(solid)
    return han + (len(solid) - han) / _LATIN


def not_html(body: bytes) -> str | None:
    """What the bytes are if they are no HTML page; None if they may be one. The header is not believed."""
    start = body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    for magic, name in _NOT_HTML_MAGIC:
        if body.startswith(magic) or start.startswith(magic):
            return name
    if body[4:8] == b"ftyp":
        return "media"
    head = body[:8192]
    if _FEED.match(body[:2048].lstrip(b"\xef\xbb\xbf")):
        return "XML feed or sitemap"
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or head[:200].count(0) > 40:
        return None  # UTF-16: decoding decides
    if _MARKUP.search(body[:200_000]):
        return None
    if start[:1] in (b"{", b"[") and body.rstrip()[-1:] in (b"}", b"]"):
        return "JSON"
    return None


def before_extraction(status: int, text: str, title: str, lines: Sequence[str]) -> Ruling | None:
    """Catch what needs no extraction.

    Args:
        status: the HTTP status.
        text: the decoded page.
        title: the content of `<title>`.
        lines: the visible lines.
    """
    visible = "\n".join(lines)
    amount = weight(visible)
    challenged = _CHALLENGE.search(text[:60_000]) if amount < LONG_TEXT else None
    if status >= 400:
        if status in BLOCKING_STATUS and (challenged or amount < 20):
            return Ruling(Verdict.CHALLENGE, f"status {status}, {_marker(challenged)}")
        return Ruling(Verdict.ERROR, f"status {status}")
    if not text.strip(" \t\r\n\x00\ufeff"):
        return Ruling(Verdict.EMPTY, "no text at all")
    if challenged and _is_challenge(challenged, text, visible, amount, title):
        return Ruling(Verdict.CHALLENGE, _marker(challenged))
    if amount < LONG_TEXT and (match := _SOFT_404_TITLE.search(title)):
        return Ruling(Verdict.SOFT_404, f"title says {match[0].strip()!r}")
    if amount < _SHELL_TEXT:
        if match := _SOFT_404.search(visible):
            return Ruling(Verdict.SOFT_404, f"text says {match[0]!r}")
        if _WALL.search(visible):
            return Ruling(Verdict.STUB, "login or paywall")
        if _SHELL.search(text) or (amount < SHORT_TEXT and text.lower().count("<script") >= 1 and len(text) > 20 * max(amount, 1)):
            if amount < _TINY_TEXT or _SHELL.search(text):
                return Ruling(Verdict.STUB, "script shell")
        if amount < SHORT_TEXT and _REDIRECT.search(text):
            return Ruling(Verdict.STUB, "redirects by script or meta refresh")
    if not visible:
        if "<frameset" in text[:20_000].lower() or "<iframe" in text.lower():
            return Ruling(Verdict.STUB, "frames only")
        return Ruling(Verdict.EMPTY, "no visible text")
    return None


def _is_challenge(match: re.Match[str], text: str, visible: str, amount: float, title: str) -> bool:
    """A marker in the script of an ordinary page is no bot check; one in its visible text or title is."""
    if _CHALLENGE.search(title):
        return True
    if amount < SHORT_TEXT:
        return True
    return amount < 2 * _SHELL_TEXT and _CHALLENGE.search(visible) is not None and match[0].lower() != "waf"


def _marker(match: re.Match[str] | None) -> str:
    return f"bot check: {' '.join(match[0].split())[:40]!r}" if match else "no text"


def after_extraction(
    text: str, title: str, *, dated: bool, link_texts: Collection[str], visible: Sequence[str] = ()
) -> Ruling | None:
    """Judge the extracted text; None if the page is an article.

    Args:
        text: the extracted text, one paragraph a line; may be empty.
        title: the article's title.
        dated: whether the page itself gives a date of publication or writing (not only its address).
        link_texts: the texts of all links of the page.
        visible: the visible lines, to tell an empty page from a list.
    """
    lines = text.split("\n") if text else []
    linked = sum(weight(line) for line in lines if is_linked(line, link_texts))
    amount = weight(text)
    if amount == 0:
        if sum(1 for line in visible if line in link_texts) >= _LIST_ROWS:
            return Ruling(Verdict.LIST, "links and no text of its own")
        return Ruling(Verdict.EMPTY, "no text extracted")
    rows = sum(1 for line in lines if is_linked(line, link_texts))
    if linked > _LINKED_SHARE * amount and rows >= _LIST_ROWS:
        return Ruling(Verdict.LIST, f"{rows} of {len(lines)} lines are links")
    own = amount - linked
    if own >= LONG_TEXT:
        return None
    if own < 2 * _SHELL_TEXT:
        if match := _SOFT_404.search(text) if own < _SHELL_TEXT else None:
            return Ruling(Verdict.SOFT_404, f"text says {match[0]!r}")
        if _SOFT_404_TITLE.search(title) and not _SENTENCE_END.search(title):
            return Ruling(Verdict.SOFT_404, f"title says {title[:40]!r}")
        if own < _SHELL_TEXT and _WALL.search(text):
            return Ruling(Verdict.STUB, "login or paywall")
    if own < _TINY_TEXT:
        return Ruling(Verdict.STUB, f"{len(text)} characters of text")
    if own < SHORT_TEXT and not (dated and title and _SENTENCE_END.search(text)):
        return Ruling(Verdict.STUB, f"{len(text)} characters of text and no date")
    if rows >= _LIST_ROWS and rows > 0.7 * len(lines):
        return Ruling(Verdict.LIST, f"{rows} of {len(lines)} lines are links")
    return None
