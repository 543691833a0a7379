"""Hand-made pages for measuring verdicts: fragments of `fixtures/verdicts` set into the frames of sites.

A fragment file has one section for each page:

    === name | kind | verdicts | frames
    title: the content of <title>
    head: what else is in the head
    the HTML of the body, or for articles the lines of the text

A page is made for each frame that is named. `{rows:12}` becomes twelve list rows in Chinese, `{rows_en:12}`
in English, `{links:12}` the same without dates.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path

FOLDER = Path(__file__).parent / "fixtures" / "verdicts"

_TOPICS_ZH = (
    "海州市算力中心二期工程开工建设",
    "市数据局召开公共数据授权运营座谈会",
    "关于公布首批人工智能应用场景的通知",
    "海州港无人集卡累计运箱突破十万",
    "市政府常务会议审议低空经济若干措施",
    "东港区新增三家智能机器人企业",
    "一图读懂《海州市数据要素行动方案》",
    "海州大学人工智能学院迎来首届新生",
    "滨河新区智慧停车系统上线试运行",
    "市科技局组织开展算法备案辅导",
    "全市制造业数字化转型现场会召开",
    "关于征集大模型典型案例的公告",
)
_TOPICS_EN = (
    "Haizhou port tests driverless container trucks",
    "Second phase of computing centre breaks ground",
    "Robot makers hire despite a slow quarter",
    "Hospitals share scans under new data rules",
    "Mayor promises cheaper power for data halls",
    "School pupils build chatbots in a summer camp",
    "Startups queue for a place in the model park",
    "City opens a map of every public dataset",
)


def rows(count: int, *, english: bool = False, dated: bool = True) -> str:
    """Rows of a list page: a link and perhaps its date."""
    topics = _TOPICS_EN if english else _TOPICS_ZH
    made = []
    for n in range(count):
        topic = topics[n % len(topics)] + (f" ({n})" if n >= len(topics) else "")
        day = f"<span>2025-03-{28 - n % 27:02d}</span>" if dated else ""
        made.append(f'<li><a href="/c/2025/{1000 + n}.html">{topic}</a>{day}</li>')
    return f"<ul>{''.join(made)}</ul>"


def bare(title: str, head: str, body: str) -> str:
    """No frame at all."""
    return f"<!DOCTYPE html><html><head><title>{title}</title>{head}</head><body>{body}</body></html>"


def gov(title: str, head: str, body: str) -> str:
    """A full Chinese government portal around the body."""
    return f"""<!DOCTYPE html><html lang="zh-CN"><head><meta charset="utf-8"><title>{title}</title>
<meta name="SiteName" content="海州市人民政府"><meta name="SiteDomain" content="www.haizhou.example">
<meta name="SiteIDCode" content="9900000001"><meta name="Keywords" content="海州市人民政府">{head}</head>
<body><div class="top"><a href="/">海州市人民政府</a> <a href="/en/">English</a> <a href="/ft/">繁體版</a>
<a href="/wza/">无障碍</a> <a href="/login">登录</a> <a href="/reg">注册</a></div>
<form action="/s"><input name="q" placeholder="请输入关键字"><button>搜索</button></form>
<ul class="nav"><li><a href="/zjhz/">走进海州</a></li><li><a href="/zwgk/">政务公开</a></li>
<li><a href="/zwfw/">政务服务</a></li><li><a href="/hdjl/">互动交流</a></li>
<li><a href="/sjfb/">数据发布</a></li></ul>
<div class="crumb">当前位置：<a href="/">首页</a> &gt; <a href="/zwgk/">政务公开</a></div>
<div class="main">{body}</div>
<div class="links"><p>友情链接</p><a href="http://a.example">省政府网站</a>
<a href="http://b.example">区县网站</a>
<a href="http://c.example">部门网站</a></div>
<div class="footer"><a href="/about">网站地图</a> | <a href="/contact">联系我们</a>
| <a href="/law">法律声明</a>
<p>主办：海州市人民政府办公室 承办：海州市大数据中心 网站标识码：9900000001</p>
<p>海ICP备20000001号 海公网安备 99000002000001号</p></div></body></html>"""


def news(title: str, head: str, body: str) -> str:
    """A Chinese news site with a column of hot stories around the body."""
    return f"""<html><head><meta charset="utf-8"><title>{title}</title>
<meta property="og:site_name" content="海州新闻网">{head}</head><body>
<div id="nav"><a href="/">首页</a><a href="/news">要闻</a><a href="/finance">财经</a><a href="/tech">科技</a>
<a href="/video">视频</a><a href="/app">客户端</a><a href="/login">登录</a></div>
<div class="wrap"><div class="left">{body}</div>
<div class="right"><h3>热点新闻</h3>{rows(8, dated=False)}
<h3>专题推荐</h3>{rows(5, dated=False)}</div></div>
<div class="foot">关于我们 | 广告服务 | 招聘信息 | 举报电话：0999-1234567<br>
Copyright © 2010-2025 海州新闻网
All Rights Reserved 互联网新闻信息服务许可证：9912345678</div></body></html>"""


def news_en(title: str, head: str, body: str) -> str:
    """An English news site with menus, a newsletter box and the latest stories around the body."""
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta property="og:site_name" content="The Haizhou Courier">{head}</head><body>
<header><a href="/">The Haizhou Courier</a><nav><a href="/china">China</a><a href="/business">Business</a>
<a href="/tech">Tech</a><a href="/opinion">Opinion</a><a href="/signin">Sign in</a>
<a href="/subscribe">Subscribe</a></nav></header><main>{body}</main>
<aside><h3>Latest</h3>{rows(6, english=True, dated=False)}<p>Get our morning newsletter</p></aside>
<footer><a href="/terms">Terms</a> <a href="/privacy">Privacy</a> <a href="/help">Help</a>
<p>© 2025 The Haizhou Courier. All rights reserved.</p></footer></body></html>"""


FRAMES: dict[str, Callable[[str, str, str], str]] = {
    "bare": bare,
    "gov": gov,
    "news": news,
    "news_en": news_en,
}


@dataclass(frozen=True)
class Section:
    """One page: `html` in one frame, of a kind, with the verdicts that are right for it."""

    name: str
    kind: str
    verdicts: tuple[str, ...]
    html: str


def _expand(body: str) -> str:
    def made(match: re.Match[str]) -> str:
        return rows(int(match[2]), english=match[1].endswith("_en"), dated=match[1].startswith("rows"))

    return re.sub(r"\{(rows|rows_en|links|links_en):(\d+)\}", made, body)


def read_sections(file: str) -> list[Section]:
    """Every page of a fragment file whose bodies are HTML, one for each frame."""
    made = []
    for name, kind, verdicts, frames, title, head, body in _parse(file):
        for frame in frames:
            html = FRAMES[frame](title, head, _expand(body))
            made.append(Section(f"{name}-{frame}", kind, verdicts, html))
    return made


def read_articles(file: str) -> list[Section]:
    """Every page of a fragment file whose bodies are the lines of an article: a heading is put above them."""
    made = []
    for name, kind, verdicts, frames, title, head, body in _parse(file):
        first, *rest = [line for line in body.split("\n") if line]
        text = "".join(line if line.startswith(("<", "{")) else f"<p>{escape(line)}</p>" for line in rest)
        for frame in frames:
            info = f'<h1>{title}</h1><div class="info">{first}</div>'
            article = f'{info}<div class="content">{_expand(text)}</div>'
            html = FRAMES[frame](f"{title}{_SITE[frame]}", head, article)
            made.append(Section(f"{name}-{frame}", kind, verdicts, html))
    return made


_SITE = {"bare": "", "gov": "-海州市人民政府", "news": "_海州新闻网", "news_en": " | The Haizhou Courier"}


def _parse(file: str) -> list[tuple[str, str, tuple[str, ...], list[str], str, str, str]]:
    parsed = []
    for block in re.split(r"^=== ", (FOLDER / file).read_text("utf-8"), flags=re.MULTILINE)[1:]:
        first, *lines = block.split("\n")
        name, kind, verdicts, frames = (part.strip() for part in first.split("|"))
        fields = {"title": "", "head": ""}
        while lines and (match := re.match(r"(title|head): ?(.*)", lines[0])):
            fields[match[1]] = match[2]
            lines.pop(0)
        body = "\n".join(lines).strip()
        title, head = fields["title"], fields["head"]
        parsed.append((name, kind, tuple(verdicts.split()), frames.split(), title, head, body))
    return parsed
