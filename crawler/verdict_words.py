"""The words and markers by which error pages, bot checks, login walls and script shells are known.

Data for `verdict`, which decides where and on how short a page each of them counts. Markers are those of the
common content networks and firewalls and of the usual Chinese and English wording.
"""

from __future__ import annotations

import re


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE | re.DOTALL | re.MULTILINE)


# Statuses with which bot checks are served; with 412 and 521 an empty page is one too.
BOT_CHECK_STATUS = frozenset({401, 403, 405, 412, 418, 429, 493, 503, 521})
COOKIE_CHECK_STATUS = frozenset({412, 521})

BOT_CHECK = _any(
    # Cloudflare, Incapsula, PerimeterX, DataDome, Akamai
    r"cf-browser-verification|cf_chl_|challenge-platform|/cdn-cgi/challenge|just a moment\.\.\.",
    r"checking your browser|attention required! \| cloudflare|ddos protection by|_incapsula_",
    r"request unsuccessful\. incapsula|px-captcha|captcha-delivery|pardon our interruption|EO_Bot_",
    r"(?:show|prove|confirm|let us know)(?: that)? (?:you|you['’]re|you are|i am|i['’]m) (?:not a robot"
    r"|(?:a )?human)",
    r"正在验证您是否是真人|human verification|slide to complete|you are not a (?:bot|robot)"
    r"|request (?:was )?(?:blocked|rejected)",
    r"(?:禁止|限制)(?:了)?[您你](?:的|对)?(?:本站)?(?:的)?访问|wzws_",
    r"press (?:&|and) hold to confirm|confirm you are a human|page has been denied",
    r"\b(?:TCaptcha|turing\.captcha)|/AWSC/|awsc\.js",
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
    r"访问频率(?:过高|过快|超出)|检测到.{0,10}(?:异常|可疑|恶意)(?:访问|请求|流量|行为)|security check"
    r"|\bcaptcha\b|(?:证明|确认|验证)[您你]?(?:自己)?不是机器人|unusual activity",
    r"(?:不合法|非法|危险)(?:的)?(?:参数|请求|字符).{0,12}(?:拦截|阻断)",
)

_GONE = (
    r"(?:不存在|不见了|找不到|未找到|没找到|没有找到|已(?:经)?(?:被)?删除|被删除|走丢|丢失|失效|已下线"
    r"|已过期|已移除"
    r"|被移除|已撤销|未发布)"
)
_MISSING = (
    rf"(?:页面|网页|该页|此页)(?:可能|已|已经)?(?:{_GONE}|无法(?:访问|显示|打开)|出错|错误|异常)",
    rf"(?:文章|内容|信息|新闻|文件|资源|栏目|稿件|链接|地址|数据)(?:可能)?(?:{_GONE})",
    rf"该(?:文章|内容|信息|新闻|文件|资源|栏目|稿件|链接|页)[^，。\n]{{0,4}}?{_GONE}",
    r"(?:页面|网页|该页)[^，。\n]{0,8}?(?:更名|移动|删除|撤下)|(?:原文|文章)已被?(?:作者)?(?:撤回|撤下"
    r"|删除)",
    rf"(?:该|此|本)(?:文章|信息|内容|新闻|文件|稿件)[^，。\n]{{0,8}}?{_GONE}|尚未审核|不允许浏览"
    rf"|没有符合条件",
    r"操作失败|连接超时|error page\b|gateway time-?out|unexpected error|403 forbidden"
    r"|content (?:is )?(?:unavailable|isn['’]t available)",
    r"address leads nowhere|(?:link|address) (?:is|may be) (?:old|broken|dead|wrong)|page (?:from opening"
    r"|can['’]t be (?:shown|displayed))",
    r"系统找不到|没有找到与|没有权限(?:访问|查看|浏览)|无权(?:访问|查看|浏览)|returned no results"
    r"|no results found",
    # The words of servers and frameworks that failed.
    r"\bfatal error\b|stack trace:|\bSQLSTATE\b|应用程序中的服务器错误|运行时错误|exception report"
    r"|无法加载(?:控制器|模块|模板)|error (?:establishing|connecting)|could not connect to the database",
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

# A site that rests, moves, closes or was never opened.
DOWN = _any(
    r"(?:系统|网站|服务|本站|平台)(?:正在|例行|临时|停机)?(?:维护|升级|改版|建设)(?:改造)?中",
    r"(?:网站|系统|本站|平台)正在(?:维护|升级|改版|建设|改造)|进行(?:系统|网站)?(?:升级|维护"
    r"|改造).{0,20}暂停",
    r"(?:栏目|内容|页面|网站|频道|功能).{0,6}(?:正在建设|建设中|敬请期待)|暂停(?:访问|服务)",
    r"(?:本站|本网站|网站)已?(?:停止(?:更新|服务|运营)|关闭|关停|搬家|迁移|改版)|已(?:经)?迁移(?:到|至)",
    r"(?:暂时)?无法进行访问|域名.{0,8}(?:转让|出售)|domain (?:name )?is for sale"
    r"|未(?:根据.{0,20})?(?:取得)?备案",
    r"(?:网站|系统).{0,12}(?:预计|恢复).{0,10}谅解|功能正在开发|即将上线|upgrading our (?:systems?|site"
    r"|servers?)",
    r"down for (?:\w+ )?maintenance|(?:be|come) back (?:soon|shortly|online)|under (?:construction"
    r"|maintenance)",
    r"service (?:is )?(?:temporarily )?unavailable|servers? (?:is|are) having trouble|welcome to nginx"
    r"|apache2? .{0,10}default page",
)
# A login form, or an invitation to subscribe: says little on a page that has an article as well.
WALL = _any(
    r"请先?(?:重新)?登录|登录后(?:可|才可|才能|方可)?(?:查看|阅读|继续|访问)|(?:需要|需)先?(?:您)?登录"
    r"|用户登录|会员登录",
    r"(?:还没有|尚未|未)登录|重新登录|登录(?:超时|失效)|(?:会话|登录)已?(?:过期|失效)|统一身份认证"
    r"|忘记密码|扫码登录"
    r"|微信登录|在微信客户端打开|登录系统后|登录即(?:表示|代表)|手机号登录|账号登录|lost your password"
    r"|forgot(?:ten)? (?:your )?password|remember me",
    r"付费(?:后)?(?:阅读|内容|查看)|开通会员|仅限会员|成为会员|订阅(?:后|用户)可?阅读",
    r"(?:subscribe|sign in|log in|login|register)(?: now| for free)? to (?:continue|read|view|access"
    r"|unlock|keep)",
    r"subscribers? only|already a (?:paid )?(?:subscriber|member)|for (?:paid )?(?:subscribers|members) only"
    r"|create a free account|must (?:have an account|be logged in|log in|sign in)|keep reading for",
)
# Invitations that stand beside free articles as well.
_MAILS = (
    r"newsletter|alerts?\b|podcast|channel|\bfeed|\brss\b|e-?mails?\b|comment|公众号|客户端|评论|邮件|频道"
)
WALL_ASIDE = _any(_MAILS)
# What stands in the place of the rest of an article.
BARRIER = _any(
    r"(?:请|需要?)?(?:先)?(?:登录|注册|订阅|购买|付费|开通会员|成为会员)[^，。\s]{0,8}?(?:后|即可)(?:继续"
    r"|才能|方可|可)?"
    r"(?:阅读|查看|浏览|解锁)(?:全文|全部|剩余|更多|完整|详情)",
    r"(?:订阅|付费|购买|登录|充值|开通)[^，。\n]{0,6}后(?:可)?(?:继续)?阅读|后继续阅读全文",
    r"(?:此|本|该)(?:文|内容|篇|报道|文章)[^，。\n]{0,6}(?:付费|收费|会员专享|会员专属|会员可读"
    r"|仅[限对].{0,6}(?:会员|订户|订阅))",
    r"(?:以下|剩余|其余|后续)(?:内容|部分|章节)[^。\n]{0,8}(?:付费|订阅|会员|购买|登录|下载)",
    r"剩余\s*\d+\s*[%％]|(?:可以?)?试读(?:已)?(?:结束|前|部分)|还有\d+%.{0,6}(?:内容|未读)|解锁全文"
    r"|购买(?:本文|全文)",
    r"打开.{0,12}(?:APP|客户端).{0,4}(?:阅读|查看)(?:全文|更多|完整)",
    r"(?:subscribe|sign in|log in|register|sign up|upgrade|join)(?: now| for free| today)?(?: or \w+)? to "
    r"(?:continue reading|keep reading|read (?:more|the (?:full|rest|whole)|this)|unlock|view (?:this|the))",
    r"to (?:continue|keep) reading|to read the (?:rest|full|whole)|continue reading (?:your article )?with",
    r"(?:this|the rest of this) (?:article|story|content|post|page|report) is (?:only )?(?:available "
    r"|exclusively )?(?:only )?"
    r"(?:to|for) (?:\w+ )?(?:subscribers|members)",
    r"(?:reached|used) (?:your|all).{0,30}free (?:\w+ )?(?:article|stor|limit)|keep reading for"
    r"|free article limit",
    r"(?:无权|无法)阅读(?:全文|全部)|本文剩余|开通.{0,8}(?:即可|后)?畅读|(?:付费|订阅"
    r"|会员)[^，。\n]{0,6}可?阅读(?:全文|全部|剩余)",
    r"仅(?:限|对|供)?.{0,4}(?:会员|订户|付费用户).{0,4}(?:可见|可读|阅读|查看|开放)"
    r"|阅读本文(?:余下|剩余|其余|完整)",
    r"sign up for (?:a )?(?:membership|subscription)|exclusive (?:to|for) .{0,30}(?:readers"
    r"|subscribers|members)",
    rf"^(?!.*(?:{_MAILS}))(?=.*\b(?:subscri(?:be|ption)|premium|member(?:ship)?|log in|sign in)\b)"
    r"(?=.*\b(?:article|story|stories|limit|access|unlimited)\b)(?=.*\b(?:you|your|you['’]ve|please|get"
    r"|want|this)\b)",
    r"(?:full|unlimited) (?:digital )?access (?:from|for|to)|[$€£¥]\s?\d+(?:\.\d+)? ?(?:a|per|/) ?(?:week"
    r"|month)\b",
    r"(?:become|be) a (?:member|subscriber) to (?:read|get|unlock|continue|access)",
)
# What is offered for money. Two of them in a short line below a teaser, or one and a word to the reader,
# close the rest of the text. To log in is no offer: notices send applicants to portals.
OFFER = _any(
    r"会员(?!单位|企业|代表|大会|制|国|名)|订户|订阅(?!号)|付费|试读|免费部分"
    r"|(?:后面|后文|其后)还有|还有\d+字|解锁|畅读",
    r"\bsubscri(?:be|bers?|ptions?)\b|\bmembership\b|become a member|members[ -]only|free trial"
    r"|articles? left|full (?:story|article|access)|\bunlimited\b|\bunlock|keep reading|read(?:ing)? on\b"
    r"|rest of (?:this|the) (?:story|article)",
)
ADDRESS = _any(
    r"[您你]|即可|全文|登[录陆]|购买|开通|[￥¥]\s?\d",
    r"\b(?:you|your|you['’]ve|please|want|start|choose|get|join|log in|sign in|plans?)\b|[$€£]\s?\d",
)
# One of these stands in every line that BARRIER or WALL finds: looked for first, because it is quick.
WALL_SIGN = _any(
    r"登|订阅|付费|购买|会员|试读|剩余|余|注册|充值|收费|解锁|阅读|内容|密码|微信|认证|录",
    r"subscri|sign|log|regist|member|read|access|unlock|free|account|password|remember|month|week|[$€£¥]",
)
# The head of a page of results, a tag's page, an archive.
RESULTS = _any(
    r"(?:找到|搜索到|检索到|搜到|命中)(?:约|了|相关)?\s*[\d,]+\s*(?:条|项|个|篇)|共\s*[\d,]+\s*(?:条"
    r"|篇)(?:相关)?(?:记录|文章|结果|新闻)",
    r"^(?:搜索结果|检索结果|搜索[“「\"：:]|标签[:：])|^(?:search results|posts tagged|tag:|tag archives"
    r"|browsing:)",
    r"^you searched for|about [\d,]+ (?:matches|results)|结果数[:：]?\s*\d+",
    r"showing \d+\s*[-–]\s*\d+ of|\d+ results (?:for|found)",
)
# What a page says while a script fills it, or where the browser cannot.
LOADING = _any(
    r"^\W*(?:正在)?(?:加载|载入|跳转|读取)(?:中)?[\s.。…，,！!]*(?:请稍[候后等].{0,4})?$|^\W*loading\W*$"
    r"|^\W*redirecting\W*$",
    r"\{\{[^{}\n]{1,60}\}\}|不支持框架|浏览器版本(?:过低|太低|较低)|升级(?:您的|你的)?浏览器"
    r"|browser (?:is (?:out of date|outdated)|does not support)",
    r"(?:you are|you['’]re) (?:not|being) (?:automatically )?redirected|enable JavaScript"
    r"|requires? JavaScript|秒后(?:自动)?跳转",
)
SHELL = re.compile(
    r"""<div[^>]+id\s*=\s*["']?(?:app|root|__next|__nuxt|main-app|q-app|container-app"
    r"|mount)["']?[^>]*>\s*</div>"""
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
