"""The words and markers by which error pages, bot checks, login walls and script shells are known.

Data for `verdict`, which decides where and on how short a page each of them counts. Markers are those of the
common content networks and firewalls and of the usual Chinese and English wording.
"""

from __future__ import annotations

import re


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE | re.DOTALL)


# Statuses with which bot checks are served; with 412 and 521 an empty page is one too.
BOT_CHECK_STATUS = frozenset({401, 403, 405, 412, 418, 429, 493, 503, 521})
COOKIE_CHECK_STATUS = frozenset({412, 521})

BOT_CHECK = _any(
    # Cloudflare, Incapsula, PerimeterX, DataDome, Akamai
    r"cf-browser-verification|cf_chl_|challenge-platform|/cdn-cgi/challenge|just a moment\.\.\.",
    r"checking your browser|attention required! \| cloudflare|ddos protection by|_incapsula_",
    r"request unsuccessful\. incapsula|px-captcha|captcha-delivery|pardon our interruption",
    r"access denied.{0,300}reference #|verify (?:that )?you are (?:a )?human|are you a robot"
    r"|unusual traffic from",
    r"please enable (?:js|javascript|cookies) and|enable javascript and cookies to continue",
    # Chinese networks: Jiasule (412, 521), Aliyun, Ruishu, Chuangyu, 360, Safedog
    r"__jsl_clearance|__jsluid|acw_sc__v2|var arg1\s*=|\$_ts\b|_\$_ts|\bC3VK\b|aliyun_waf|waf_captcha"
    r"|\bWAF\b",
    r"web application firewall|Web应用防火墙|document\.cookie\s*=.{0,300}location\.(?:reload|href|replace)",
    r"请(?:开启|启用|打开)(?:您的|你的)?(?:浏览器的?)?\s*JavaScript|(?:开启|启用)JavaScript(?:和|与"
    r"|及)\s*Cookie",
    r"网站防火墙|安全狗|云锁|创宇盾|知道创宇|加速乐|浏览器安全检查|正在进行安全检测",
    r"(?:您的)?(?:访问|请求)(?:可能|疑似)?(?:被|已被)(?:拦截|阻断|拒绝|禁止)|对网站造成安全威胁",
)
# Words that a notice about security may use as well.
BOT_CHECK_WORDS = _any(
    r"安全验证|访问验证|人机验证|滑动验证|请完成验证|请输入验证码|拖动滑块|访问过于频繁|操作过于频繁"
    r"|请求过于频繁",
    r"访问频率(?:过高|过快)|检测到(?:您的)?(?:异常|可疑|恶意)(?:访问|请求|流量|行为)|security check"
    r"|\bcaptcha\b",
)

_GONE = (
    r"(?:不存在|不见了|找不到|未找到|没找到|没有找到|已(?:经)?(?:被)?删除|被删除|走丢|丢失|失效|已下线|已过期|已移除"
    r"|被移除|已撤销|未发布)"
)
_MISSING = (
    rf"(?:页面|网页|该页|此页)(?:可能|已|已经)?(?:{_GONE}|无法(?:访问|显示|打开)|出错|错误|异常)",
    rf"(?:文章|内容|信息|新闻|文件|资源|栏目|稿件|链接|地址|数据)(?:可能)?(?:{_GONE})",
    rf"(?:您|你)(?:所)?(?:要)?(?:访问|查看|浏览|请求|查找|寻找)的[^，。\n]{{0,16}}?(?:{_GONE}|出错|无法)",
    rf"(?:访问|请求)的?(?:页面|网页|内容|链接|资源|地址|文章|信息|文件|URL)[^，。\n]{{0,12}}?{_GONE}",
    r"(?:找不到|未找到|没有找到)(?:了)?(?:该|您|你|此|相关|对应|所需)?[^，。\n]{0,10}?(?:页面|网页|内容"
    r"|文章|资源|文件|信息)",
    r"服务器(?:内部)?(?:错误|繁忙|异常|开小差)|系统(?:错误|繁忙|异常)|网站(?:正在)?(?:维护|升级)中?"
    r"|暂停(?:访问|服务)",
    r"非法(?:访问|请求|参数)|参数(?:错误|不正确|有误)|(?:页面)?出错(?:了|啦)|(?:抱歉|对不起).{0,20}(?:出错"
    r"|无法|不存在|找不到|删除)",
    r"\b404\b\s*[-—:：|,，]?\s*(?:错误|not found|error|页面|找不到|未找到)|错误(?:代码)?\s*[:：]?\s*(?:404"
    r"|500|502|503)",
    r"(?:http|error)\s*(?:status|code)?\s*[:：]?\s*(?:404|500|502|503)\b",
    r"页\s*面\s*没\s*有\s*找\s*到|暂无(?:数据|内容|信息)|没有(?:相关)?(?:数据|记录|内容)",
    r"頁面(?:不存在|找不到)|找不到(?:您要的)?(?:網頁|頁面)|網頁不存在",
    r"page (?:was )?(?:not found|cannot be found|can['’]?t be found|could not be found|does not exist"
    r"|doesn['’]t exist)",
    r"page (?:no longer exists|is (?:not|no longer) available|isn['’]t available|has (?:been )?(?:moved"
    r"|removed|deleted))",
    r"page (?:that )?(?:you['’]?(?: a)?re looking for|you were looking for|you (?:have )?requested)",
    r"(?:article|content|story|file|resource|document|url|link|post|item)(?: you.{0,40})? (?:was "
    r"|could )?not (?:be )?found",
    r"(?:article|content|story|file|resource|document|post)(?: you.{0,40})? (?:is no longer available"
    r"|has been (?:removed|deleted))",
    r"(?:article|content|story|file|resource|document|post)(?: you.{0,40})? (?:does not exist"
    r"|no longer exists|has expired)",
    r"(?:we )?(?:can['’]t|cannot|could ?n[o'’]t) (?:seem to )?find (?:the|that|this|what)|object not found"
    r"|nothing (?:was )?found",
    r"internal server error|service (?:temporarily )?unavailable|bad gateway|something went wrong",
    r"an error (?:has )?occurred|(?:site|page) is (?:down for|under|undergoing) maintenance"
    r"|temporarily unavailable",
    r"\b(?:404|file) not found\b|oops[!,. ]",
)
MISSING = _any(*_MISSING)
MISSING_TITLE = _any(
    r"^\W*(?:404|403|500|502|503)\b(?!\s*[年个家项名亿万])",
    r"^\s*(?:error|错误|错误提示|错误页面?|提示信息|系统提示|出错提示|信息提示|消息提示|not found)\s*$",
    r"\bnot found\b",
    *_MISSING,
)
# Titles of official notices: a notice about the upgrade of a web site is an article.
NOTICE_TITLE = _any(
    r"^\s*关于.{2,}",
    r"(?:公告|通知|通告|公示|声明|意见|办法|规定|方案|报告|启事|说明|的函|的批复)(?:$|[\s_|（(\-－—])",
)

WALL = _any(
    r"请先?登录|登录后(?:可)?(?:查看|阅读|继续|访问)|需要(?:您)?登录|用户登录|会员登录|付费(?:后)?(?:阅读"
    r"|内容|查看)|订阅(?:后|用户)可?阅读",
    r"购买后(?:可)?(?:阅读|查看)|开通会员|仅限会员|剩余\d+%?(?:内容)?未读|扫码登录",
    r"(?:subscribe|sign in|log in|login|register)(?: now)? to (?:continue|read|view|access|unlock)",
    r"subscribers? only|already a subscriber|for (?:paid )?(?:subscribers|members) only"
    r"|create a free account to",
)
SHELL = re.compile(
    r"""<div[^>]+id\s*=\s*["']?(?:app|root|__next|__nuxt|main-app|q-app|container-app|mount)["']?[^>]*>\s*</div>"""
    r"|<app-root|need to enable JavaScript to run this app"
    r"|doesn['’]t work properly without JavaScript enabled"
    r"|webpackJsonp|__NEXT_DATA__|window\.__NUXT__|__INITIAL_STATE__",
    re.IGNORECASE,
)
REDIRECT = re.compile(
    r"""<meta[^>]+http-equiv\s*=\s*["']?refresh["']?[^>]*url\s*=|location(?:\.href)?\s*=\s*["']"""
    r"""|location\.(?:replace|assign)\(""",
    re.IGNORECASE,
)
