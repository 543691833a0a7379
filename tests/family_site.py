"""Small sites of every family, hand-made for tests: lists and articles in the shape each system gives.

Each builder puts the site of one family below a path of its own on one `Farm`, with as many articles as are
wanted, and says what a crawl of it is to bring: the articles, the ledger, and which addresses are asked for,
how often. All prose is made up here; every article has a sentence that no other has.
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import html
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from loopback import Reply, Site

Query = Mapping[str, str]
STUB = Reply("<html><head><script>var page = 404;</script></head><body>" + " " * 250 + "</body></html>")

TOPICS = (
    "智能算力券申领", "人工智能训练数据集开放", "具身智能机器人中试", "大模型应用场景揭榜",
    "人工智能人才安居", "算法创新联合实验室", "智能制造示范车间", "公共数据授权运营",
    "智能网联汽车测试", "人工智能产业基金",
)  # fmt: skip
SENTENCES = (
    "市工业和信息化部门会同{district}安排专项资金{n}万元，优先支持初创企业租用本地智算中心的计算资源。",
    "申报单位应当在{district}注册满{m}个月，近两年未发生重大安全事故，并承诺将研发成果在本市转化。",
    "对通过评审的项目，按照实际投入的{p}%给予补助，同一企业每年累计不超过{n}万元。",
    "项目评审分为形式审查、专家评议和现场核查三个环节，每批次自受理之日起{m}个工作日内办结。",
    "各区要建立{p}家企业参加的联席机制，每季度通报一次进展，及时协调用地、用电和用能方面的困难。",
    "鼓励高校与龙头企业共建实训基地，{district}每年组织不少于{m}期面向工程师的专题培训。",
    "本批次共开放{p}个公共服务场景，涉及交通调度、社区养老、环境监测与政务服务等领域。",
)
DISTRICTS = ("滨江区", "城北新区", "湖东片区", "临港园区", "科学城", "南岸街道")


@dataclass(frozen=True, slots=True)
class Piece:
    """One article of a family's site."""

    family: str
    number: int  # from 1, the newest first

    @property
    def title(self) -> str:
        """The whole title; lists cut it short."""
        return f"关于组织开展{TOPICS[self.number % len(TOPICS)]}工作的通知（第{self.number}批）"

    @property
    def day(self) -> dt.date:
        """When it was published: one article a day, and none of the future."""
        return dt.date(2024, 6, 28) - dt.timedelta(days=self.number)

    @property
    def marker(self) -> str:
        """A sentence that stands in this article alone."""
        return f"本批次的受理编号为{self.key[:8]}，咨询时请一并提供。"

    @property
    def key(self) -> str:
        """32 hexadecimal digits, as several systems name their articles."""
        return hashlib.md5(f"{self.family} {self.number}".encode(), usedforsecurity=False).hexdigest()

    @property
    def serial(self) -> int:
        """A number of seven digits, as other systems name theirs."""
        return 1_000_000 + int(self.key[:5], 16) % 800_000 * 10 + self.number % 10

    @property
    def paragraphs(self) -> list[str]:
        """Its text, of about 400 characters."""
        seed = int(self.key, 16)
        chosen = [SENTENCES[(seed + i * 3) % len(SENTENCES)] for i in range(6)]
        numbers = {"n": 50 + seed % 900, "m": 3 + seed % 29, "p": 5 + seed % 70}
        lines = [
            sentence.format(district=DISTRICTS[(seed + i) % len(DISTRICTS)], **numbers)
            for i, sentence in enumerate(chosen)
        ]
        return ["各有关单位：", *lines[:3], self.marker, *lines[3:]]

    @property
    def markup(self) -> str:
        """The text as HTML paragraphs."""
        return "".join(f"<p>{paragraph}</p>" for paragraph in self.paragraphs)


def pieces(family: str, count: int) -> list[Piece]:
    """The articles of one family, the newest first."""
    return [Piece(family, number) for number in range(1, count + 1)]


@dataclass
class Family:
    """What one crawl of a family's site is to bring."""

    name: str  # of the source, and of the folder its site is in
    source: dict[str, Any]  # its entry in the catalogue
    articles: dict[str, Piece]  # by path
    lists: dict[str, int]  # path with query, of each list page, and how often it is asked for; 0: never
    filtered: int = 0  # links that are no articles
    pages_asked: bool = True  # whether the articles' own pages are asked for

    @property
    def outcomes(self) -> dict[str, int]:
        """The ledger's sums."""
        sums = {
            "listing": sum(map(bool, self.lists.values())),
            "stored": len(self.articles),
            "filtered": self.filtered,
        }
        return {name: number for name, number in sums.items() if number}


class Farm(Site):
    """A site whose answers may depend on the query, and which takes POST requests as well.

    A POST is noted in `asked` with its body behind the address, as the ledger has it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.routes: dict[str, Callable[[Query], Reply]] = {}  # by path
        farm = self
        handler: Any = self._server.RequestHandlerClass
        answer_get = handler.do_GET

        def answer(request: Any) -> None:
            parts = urlsplit(request.path)
            if route := farm.routes.get(parts.path):
                query = {"referer": request.headers.get("Referer", ""), **dict(parse_qsl(parts.query))}
                farm.pages[request.path] = route(query)
            answer_get(request)

        def answer_post(request: Any) -> None:
            body = request.rfile.read(int(request.headers.get("Content-Length", 0))).decode()
            request.path += f"{'&' if '?' in request.path else '?'}__wb_method=POST&{body}"
            answer(request)

        handler.do_GET, handler.do_POST = answer, answer_post

    def put(self, path: str, body: str | bytes, **more: Any) -> str:
        """Put a page there; its path."""
        self.pages[path] = Reply(body, **more)
        return path


# --- what the systems have in common ------------------------------------------------------------------------


def government_page(piece: Piece, body: str, site_name: str, standard: bool = True) -> str:
    """An article's page in the manner of government sites, `body` being its container."""
    meta = (
        f'<meta name="SiteName" content="{site_name}"><meta name="ArticleTitle" content="{piece.title}">'
        f'<meta name="PubDate" content="{piece.day} 09:30"><meta name="ContentSource" content="{site_name}">'
    )
    return (
        f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{piece.title}_{site_name}</title>'
        f'{meta if standard else ""}</head><body><div class="header"><a href="/">首页</a>'
        f'<a href="/zwgk/">政务公开</a></div><div class="main"><h1>{piece.title}</h1>'
        f'<div class="info">发布时间：{piece.day} 来源：{site_name}</div>'
        f"{body}</div><div class='footer'>主办：{site_name}</div></body></html>"
    )


def row(piece: Piece, href: str) -> str:
    """A row of a list, with its title cut short as lists do."""
    return (
        f'<li><a href="{href}" title="{piece.title}" target="_blank">{piece.title[:12]}…</a>'
        f'<span class="date">{piece.day}</span></li>'
    )


def list_page(rows: str, pager: str = "", name: str = "") -> str:
    """A list page with a menu of two links, which are no articles."""
    return (
        '<!DOCTYPE html><html><head><meta charset="utf-8"><title>通知公告</title></head><body>'
        f'<div class="nav"><a href="/{name}/">首页</a><a href="/{name}/about/">机构概况</a></div>'
        f'<ul class="list">{rows}</ul><div class="pager">{pager}</div></body></html>'
    )


def groups(items: Sequence[Piece], size: int) -> list[list[Piece]]:
    """The items page by page."""
    return [list(items[start : start + size]) for start in range(0, len(items), size)]


def _once(paths: Sequence[str], *never: str) -> dict[str, int]:
    return {**dict.fromkeys(paths, 1), **dict.fromkeys(never, 0)}


def _source(site: Site, name: str, family: str, url: str, type: str = "list", **more: Any) -> dict[str, Any]:
    entry = {"type": type, "url": site.url + url, **more.pop("entry", {})}
    return {"id": name, "name": f"The {name} site", "family": family, "entry_points": [entry], **more}


# --- the families -------------------------------------------------------------------------------------------


def trs(site: Farm, name: str, count: int, size: int) -> Family:
    """TRS with t-date addresses: page 2 is index_1, and the pager's script states the number of pages."""
    base, articles = f"/{name}/zwgk/tzgg", {}
    found = groups(pieces(name, count), size)
    paths = [f"{base}/"] + [f"{base}/index_{i}.html" for i in range(1, len(found))]
    for i, (path, group) in enumerate(zip(paths, found, strict=True)):
        rows = ""
        for piece in group:
            href = f"{piece.day:%Y%m}/t{piece.day:%Y%m%d}_{piece.serial}.html"
            body = f'<div class="TRS_Editor">{piece.markup}</div>'
            articles[site.put(f"{base}/{href}", government_page(piece, body, "滨海市人民政府"))] = piece
            rows += row(piece, f"./{href}")
        site.put(
            path,
            list_page(rows, f'<script>createPageHTML({len(found)}, {i}, "index", "html");</script>', name),
        )
    site.pages[f"{base}/index_{len(found)}.html"] = STUB
    never = [f"{base}/index_{len(found)}.html"]
    return Family(name, _source(site, name, "trs", f"{base}/"), articles, _once(paths, *never), filtered=2)


def trs_one_based(site: Farm, name: str, count: int, size: int) -> Family:
    """TRS as Hunan has it, counted from 1; the last page that the pager announces is missing."""
    base, articles = f"/{name}/xxgk/gsgg", {}
    found = groups(pieces(name, count), size)
    total = len(found) + 1
    paths = [f"{base}/index.html"] + [f"{base}/index_{i}.html" for i in range(2, total + 1)]
    for i, (path, group) in enumerate(zip(paths, found, strict=False), 1):
        rows = ""
        for piece in group:
            href = f"{base}/{piece.day:%Y%m}/t{piece.day:%Y%m%d}_{piece.serial}.html"
            body = f'<div class="TRS_UEDITOR trs_paper_default">{piece.markup}</div>'
            articles[site.put(href, government_page(piece, body, "湘岸市工业和信息化局"))] = piece
            rows += row(piece, href)
        pager = f"<script>createPageHTML('paging',{total},{i},'index','html',{count});</script>"
        site.put(path, list_page(rows, pager, name))
    lists = _once(paths, f"{base}/index_{total + 1}.html")
    return Family(name, _source(site, name, "trs", f"{base}/index.html"), articles, lists, filtered=2)


def writeln(site: Farm, name: str, count: int, size: int) -> Family:
    """TRS as Wuhan has it: each row is written by a script, from variables; the files are .shtml."""
    base, articles = f"/{name}/xxgk/gfxwj", {}
    found = groups(pieces(name, count), size)
    paths = [f"{base}/"] + [f"{base}/index_{i}.shtml" for i in range(1, len(found))]
    for i, (path, group) in enumerate(zip(paths, found, strict=True)):
        rows = ""
        for piece in group:
            href = f"{piece.day:%Y%m}/t{piece.day:%Y%m%d}_{piece.serial}.shtml"
            body = f'<div class="trs_editor_view TRS_UEDITOR">{piece.markup}</div>'
            articles[site.put(f"{base}/{href}", government_page(piece, body, "江城市人民政府"))] = piece
            rows += (
                f'<li><script>\nvar url = "./{href}";\nvar title = "";\nvar FILENUM = "";\n'
                f'if (title == "") {{\n  title = "{piece.title}";\n}}\n'
                'document.writeln("<a href="+url+" target=\\"_blank\\">"+title+"<\\/a>");\n'
                f'document.writeln("{piece.day} 17:32");\n</script></li>'
            )
        pager = f'<script>createPageHTML({len(found)}, {i}, "index", "shtml");</script>'
        site.put(path, list_page(rows, pager, name))
    lists = _once(paths, f"{base}/index_{len(found)}.shtml", f"{base}/index_1.html")
    return Family(name, _source(site, name, "trs", f"{base}/"), articles, lists, filtered=2)


def nfcms(site: Farm, name: str, count: int, size: int) -> Family:
    """NFCMS: page 2 is index_2; no number of pages; any later number gives the last page's rows again."""
    base, articles = f"/{name}/xxgk/tzgg", {}
    found = groups(pieces(name, count), size)
    paths = [f"{base}/index.html"] + [f"{base}/index_{i}.html" for i in range(2, len(found) + 2)]
    for i, (path, group) in enumerate(zip(paths, [*found, found[-1]], strict=True), 1):
        rows = ""
        for piece in group:
            href = f"{base}/content/post_{piece.serial}.html"
            body = f'<div class="news_cont_d_wrap">{piece.markup}</div>'
            articles[site.put(href, government_page(piece, body, "南湾市工业和信息化局"))] = piece
            rows += row(piece, href)
        pager = f'<a href="index_{i + 1}.html">{i + 1}</a><a href="index_{i + 1}.html">下一页</a>'
        site.put(path, list_page(rows, pager, name))
    lists = _once(paths, f"{base}/index_{len(found) + 2}.html")
    return Family(name, _source(site, name, "nfcms", f"{base}/index.html"), articles, lists, filtered=3)


def ucap(site: Farm, name: str, count: int, size: int) -> Family:
    """UCAP: page 2 of common_list is common_list_2; behind the last page there are stubs."""
    base, articles = f"/{name}/szeic/ggl", {}
    found = groups(pieces(name, count), size)
    paths = [f"{base}/common_list.shtml"] + [
        f"{base}/common_list_{i}.shtml" for i in range(2, len(found) + 2)
    ]
    for path, group in zip(paths, found, strict=False):
        rows = ""
        for piece in group:
            href = f"{base}/{piece.day:%Y%m}/{piece.key}.shtml"
            body = f'<div id="zoomcon"><ucapcontent>{piece.markup}</ucapcontent></div>'
            articles[site.put(href, government_page(piece, body, "姑溪市工业和信息化局"))] = piece
            rows += row(piece, href)
        site.put(path, list_page(rows, "", name))
    site.pages[paths[-1]] = STUB
    lists = _once(paths, f"{base}/common_list_{len(found) + 2}.shtml")
    source = _source(site, name, "ucap", f"{base}/common_list.shtml")
    return Family(name, source, articles, lists, filtered=2)


def shanghai(site: Farm, name: str, count: int, size: int) -> Family:
    """Shanghai: an index of years, each a list of its own; every other row stands in a comment."""
    articles: dict[str, Piece] = {}
    found = pieces(name, count)
    half = (len(found) + 1) // 2
    years = {2023: found[half:], 2024: found[:half]}  # the older one is linked first
    links = "".join(f'<li><a href="/{name}/nw{year}/index.html"><h4>{year}年</h4></a></li>' for year in years)
    paths = [site.put(f"/{name}/nw39220/index.html", list_page(links, "", name))]
    never = []
    for year, of_year in years.items():
        by_page = groups(of_year, size)
        for i, group in enumerate(by_page, 1):
            rows = ""
            for j, piece in enumerate(group):
                href = f"/{name}/nw12344/{piece.day:%Y%m%d}/{piece.key}.html"
                body = f'<div class="Article_content" id="ivs_content">{piece.markup}</div>'
                page = government_page(piece, body, "申江市人民政府", standard=False)
                articles[site.put(href, page)] = piece
                shown = row(piece, href)
                rows += f"<!-- {shown} -->" if j % 2 else f"{shown}<!-- {shown} -->"
            suffix = "" if i == 1 else f"_{i}"
            settings = f"{{totalPage: {len(by_page)}, currentPage: {i}}}"
            pager = f"<script>$('.pagination').pagination({settings});</script>"
            path = f"/{name}/nw{year}/index{suffix}.html"
            paths.append(site.put(path, list_page(rows, links + pager, name)))
        never.append(f"/{name}/nw{year}/index_{len(by_page) + 1}.html")
    never.append(f"/{name}/nw39220/index_2.html")
    source = _source(site, name, "shanghai", paths[0], entry={"paging": "year_archives"})
    return Family(name, source, articles, _once(paths, *never), filtered=2)


def jpage(site: Farm, name: str, count: int, size: int) -> Family:
    """Hanweb jpage: the first rows in an XML store of the column page, the others from its proxy."""
    articles: dict[str, Piece] = {}
    records = []
    for piece in pieces(name, count):
        href = f"/{name}/art/{piece.day.year}/{piece.day.month}/{piece.day.day}/art_84242_{piece.serial}.html"
        body = f'<div class="main-txt" id="zoom">{piece.markup}</div>'
        articles[site.put(href, government_page(piece, body, "苏岭省人民政府"))] = piece
        records.append(
            f'<record><![CDATA[\n<li class="clearfix"><a href="{href}" title="{piece.title}">'
            f'{piece.title[:10]}...</a><span class="time">\n{piece.day}\n</span></li>]]></record>'
        )

    def store(first: int, last: int) -> str:
        head = f"<totalrecord>{count}</totalrecord><totalpage>{-(-count // size)}</totalpage>"
        return f"<datastore>{head}<recordset>{''.join(records[first - 1 : last])}</recordset></datastore>"

    proxy = f"/{name}/module/web/jpage/dataproxy.jsp"
    column = (
        f'<ul class="RcontUl"></ul><div id="356383"><script type="text/xml">{store(1, size)}</script></div>'
        f"<script>$(function(){{$('#356383').jpage({{themeName:'default',totalRecord:{count},openCookies:0,"
        f"groupSize:1,proxyUrl:'{proxy}',perPage:{size},ajaxParam:{{col:1,appid:'1',webid:1,path:'/',"
        "columnid:84242,sourceContentType:1,unitid:'356383',webname:'苏岭省',permissiontype:0}});});</script>"
    )
    paths = [site.put(f"/{name}/col/col84242/index.html", list_page("", column, name))]

    def answer(query: Query) -> Reply:
        first, last = int(query["startrecord"]), int(query["endrecord"])
        return Reply(store(first, last), type="text/xml; charset=utf-8")

    site.routes[proxy] = answer
    rest = "col=1&appid=1&webid=1&path=%2F&columnid=84242&sourceContentType=1&unitid=356383"
    rest += f"&{urlencode({'webname': '苏岭省'})}&permissiontype=0"
    for first in range(size + 1, count + 1, size):
        last = min(first + size - 1, count)
        paths.append(f"{proxy}?startrecord={first}&endrecord={last}&perpage={size}&{rest}")
    return Family(name, _source(site, name, "jpage", paths[0], "jpage"), articles, _once(paths), filtered=2)


def jpaas(site: Farm, name: str, count: int, size: int) -> Family:
    """Hanweb jpaas: a column page that names the parameters of the interface its rows come from."""
    articles: dict[str, Piece] = {}
    rows = []
    for piece in pieces(name, count):
        href = f"/{name}/art/{piece.day.year}/art_{piece.key}.html"
        body = f'<div class="zc_article_con" id="zoom">{piece.markup}</div>'
        articles[site.put(href, government_page(piece, body, "越湖市人民政府"))] = piece
        rows.append(row(piece, href))
    unit = f"/{name}/api-gateway/jpaas-publish-server/front/page/build/unit"
    fields = {
        "parseType": "bulidstatic",
        "webId": "149",
        "tplSetId": "L9",
        "pageType": "column",
        "tagId": "列表",
    }
    data = "{" + ",".join(f"'{key}':'{value}'" for key, value in fields.items()) + "}"
    column = f'<script url="{unit}" queryData="{data}"></script>'
    paths = [site.put(f"/{name}/col/col1229063389/index.html", list_page(column, "", name))]

    def answer(query: Query) -> Reply:
        number = json.loads(query.get("paramJson", "{}")).get("pageNo", 1)
        stated = f"{{'rows':'{size}','count':'{count}','pageNo':'{number}'}}"
        pager = f'<div class="page" queryData="{stated}"></div>'
        part = "".join(rows[(number - 1) * size : number * size])
        body = {"success": True, "data": {"html": f"<ul>{part}</ul>{pager}"}}
        return Reply(json.dumps(body), type="application/json; charset=utf-8")

    site.routes[unit] = answer
    for number in range(1, -(-count // size) + 1):
        wanted = {"paramJson": f'{{"pageNo":{number},"pageSize":{size}}}'} if number > 1 else {}
        paths.append(f"{unit}?{urlencode({**fields, **wanted})}")
    return Family(name, _source(site, name, "jpaas", paths[0], "jpaas"), articles, _once(paths), filtered=2)


def gkmlpt(site: Farm, name: str, count: int, size: int) -> Family:
    """The disclosure platform: an index with the site's number; every other text stands in a script alone."""
    articles: dict[str, Piece] = {}
    rows = []
    for piece in pieces(name, count):
        path = f"/{name}/gkmlpt/content/9/{piece.serial // 1000}/post_{piece.serial}.html"
        detail = {
            "id": piece.serial,
            "title": piece.title,
            "content": piece.markup,
            "publisher": "南湾市科技创新局",
            "display_publish_time": f"{piece.day} 10:00:00",
        }
        data = json.dumps(detail, ensure_ascii=False)
        config = f"<script>window._CONFIG = {{DETAIL: {data}, SID: 755018}};</script>"
        if piece.number % 2:
            page = government_page(
                piece, f'<div class="article-content">{piece.markup}</div>', "南湾市科技创新局"
            )
        else:
            page = f'<html><head><meta charset="utf-8"><title>{piece.title}</title>{config}</head>'
            page += '<body><div id="app"></div></body></html>'
        articles[site.put(path, page)] = piece
        url = f"{site.url}{path}"
        rows.append(
            {"id": piece.serial, "title": piece.title, "url": f"{url}#9", "created_at": f"{piece.day}"}
        )
    index = "<html><body><div id=app></div><script>window._CONFIG = {SID: '755018'}</script></body></html>"
    paths = [site.put(f"/{name}/gkmlpt/index", index)]
    api = f"/{name}/gkmlpt/api/all/0"

    def answer(query: Query) -> Reply:
        start = (max(int(query["page"]), 1) - 1) * size
        body = {"articles": rows[start : start + size], "total": count}
        return Reply(json.dumps(body), type="application/json")

    site.routes[api] = answer
    # The rows of a page are not stated: behind a page that is not full, an empty one has to be seen.
    total = -(-count // size) + bool(count % size)
    paths += [f"{api}?page={number}&sid=755018" for number in range(1, total + 1)]
    lists = _once(paths, f"{api}?page={total + 1}&sid=755018")
    return Family(name, _source(site, name, "gkmlpt", paths[0], "gkmlpt"), articles, lists)


def wordpress(site: Farm, name: str, count: int, size: int) -> Family:
    """WordPress by its interface, which has the texts; behind the last page it answers with status 400."""
    articles: dict[str, Piece] = {}
    posts = []
    for piece in pieces(name, count):
        path = f"/{name}/{piece.day:%Y/%m/%d}/note-{piece.serial}/"
        page = (
            f"<html><head><title>{piece.title} – 城市札记</title>"
            f'<meta property="article:published_time" content="{piece.day}T08:00:00+08:00"></head><body>'
            f'<article><h1 class="entry-title">{piece.title}</h1>'
            f'<div class="entry-content">{piece.markup}</div></article></body></html>'
        )
        articles[site.put(path, page)] = piece
        posts.append(
            {
                "id": piece.serial,
                "date_gmt": f"{piece.day}T00:00:00",
                "modified_gmt": f"{piece.day}T01:00:00",
                "link": site.url + path,
                "title": {"rendered": piece.title},
                "excerpt": {"rendered": f"<p>{piece.paragraphs[1]}</p>"},
                "content": {"rendered": piece.markup, "protected": False},
            }
        )
    total = -(-count // size)
    api = f"/{name}/wp-json/wp/v2/posts"

    def answer(query: Query) -> Reply:
        number = int(query["page"])
        if number > total:
            return Reply('{"code":"rest_post_invalid_page_number"}', 400, "application/json")
        part = posts[(number - 1) * size : number * size]
        return Reply(json.dumps(part), type="application/json", headers={"X-WP-TotalPages": str(total)})

    site.routes[api] = answer
    fields = "id,date,date_gmt,modified_gmt,link,title,excerpt,content"
    address = f"{api}?per_page={size}&_fields={fields}"
    lists = _once([f"{address}&page={n}" for n in range(1, total + 1)], f"{address}&page={total + 1}")
    source = _source(site, name, "wordpress", f"{api}?per_page={size}&_fields={fields}", "wordpress")
    return Family(name, source, articles, lists)


def substack(site: Farm, name: str, count: int, size: int) -> Family:
    """A Substack feed: the texts are in it, and no page of an article may be asked for."""
    articles: dict[str, Piece] = {}
    items = ""
    for piece in pieces(name, count):
        path = f"/{name}/p/letter-{piece.serial}"
        articles[path] = piece
        items += (
            f"<item><title><![CDATA[{piece.title}]]></title><link>{site.url}{path}</link>"
            f"<description><![CDATA[{piece.paragraphs[1][:30]}]]></description>"
            f"<pubDate>{piece.day:%a, %d %b %Y} 02:00:00 GMT</pubDate>"
            f"<content:encoded><![CDATA[{piece.markup}]]></content:encoded></item>"
        )
    feed = (
        '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>城市来信</title>'
        f"<link>{site.url}/{name}</link>{items}</channel></rss>"
    )
    paths = [site.put(f"/{name}/feed", feed, type="application/xml; charset=utf-8")]
    source = _source(site, name, "substack", paths[0], "feed")
    return Family(name, source, articles, _once(paths), pages_asked=False)


def _news(site: Farm, name: str, count: int, folder: str = "c") -> dict[str, Piece]:
    """Articles of a news site: without the meta names of governments."""
    articles = {}
    for piece in pieces(name, count):
        page = (
            f'<html><head><meta charset="utf-8"><title>{piece.title}-晨报网</title></head><body>'
            f'<h1>{piece.title}</h1><div id="pubtime_baidu">{piece.day} 08:15:00</div>'
            f'<div id="detail">{piece.markup}</div></body></html>'
        )
        articles[site.put(f"/{name}/{piece.day:%Y%m%d}/{piece.key}/{folder}.html", page)] = piece
    return articles


NEWS_RULE = r"/\d{8}/[0-9a-f]{32}/c\.html$"


def static_json(site: Farm, name: str, count: int, size: int) -> Family:
    """A list that is one JSON file, as Xinhua has them; some rows lead to pages that are no articles."""
    articles = _news(site, name, count)
    rows: list[dict[str, Any]] = [
        {"title": f"<font>{piece.title}</font>", "publishUrl": f"..{path.removeprefix(f'/{name}')}"}
        | {"publishTime": f"{piece.day} 08:15:00"}
        for path, piece in articles.items()
    ]
    rows += [{"title": "专题", "publishUrl": f"/{name}/special/"}, {"title": "空"}]
    path = site.put(f"/{name}/ds/ds_4bd2.json", json.dumps({"datasource": rows}), type="application/json")
    shape = {"rows": "datasource", "link": "publishUrl", "title": "title", "date": "publishTime"}
    source = _source(site, name, "generic", path, "json", entry={"shape": shape}, article_url=NEWS_RULE)
    return Family(name, source, articles, _once([path]), filtered=1)


def json_get(site: Farm, name: str, count: int, size: int) -> Family:
    """A search interface by GET, which marks what it found and answers only with a Referer."""
    articles = _news(site, name, count)
    rows = [
        {
            "title": piece.title.replace("工作", "<em>工作</em>"),
            "url": path,
            "pubtime": int(dt.datetime.combine(piece.day, dt.time(2), dt.UTC).timestamp() * 1000),
        }
        for path, piece in articles.items()
    ]
    referer = f"{site.url}/{name}/library"

    def answer(query: Query) -> Reply:
        if query["referer"] != referer:
            return Reply("{}", 403, "application/json")
        start = int(query["p"]) * size
        body = {"searchVO": {"totalPage": -(-count // size), "listVO": rows[start : start + size]}}
        return Reply(json.dumps(body), type="application/json")

    path = f"/{name}/search-gov/data"
    site.routes[path] = answer
    word = urlencode({"q": "人工智能"})
    entry = {
        "paging": {"first": 0},
        "referer": referer,
        "shape": {"rows": "searchVO.listVO", "date": "pubtime", "pages": "searchVO.totalPage"},
    }
    source = _source(
        site, name, "generic", f"{path}?{word}&p={{page}}", "json", entry=entry, article_url=NEWS_RULE
    )
    total = -(-count // size)
    lists = _once([f"{path}?{word}&p={n}" for n in range(total)], f"{path}?{word}&p={total}")
    return Family(name, source, articles, lists)


def json_post(site: Farm, name: str, count: int, size: int) -> Family:
    """A list by POST, without any total: it ends with an empty page."""
    articles = _news(site, name, count)
    rows = [
        {"topic": piece.title, "infourl": f"//{urlsplit(site.url).netloc}{path}", "pubtime": str(piece.day)}
        for path, piece in articles.items()
    ]

    def answer(query: Query) -> Reply:
        start = (int(query["pageno"]) - 1) * size
        return Reply(json.dumps({"list": rows[start : start + size]}), type="application/json")

    path = f"/{name}/cms/JsonList"
    site.routes[path] = answer
    entry = {
        "method": "POST",
        "body": f"channelCode=A093702&perPage={size}&pageno={{page}}",
        "content_type": "application/x-www-form-urlencoded",
        "shape": {"rows": "list", "link": "infourl", "title": "topic", "date": "pubtime"},
    }
    source = _source(site, name, "generic", path, "json", entry=entry, article_url=NEWS_RULE)
    address = f"{path}?__wb_method=POST&channelCode=A093702&perPage={size}&pageno="
    total = -(-count // size)
    lists = _once([f"{address}{n}" for n in range(1, total + 2)], f"{address}{total + 2}")
    return Family(name, source, articles, lists)


_SITEMAP = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def news_sitemap(site: Farm, name: str, count: int, size: int) -> Family:
    """A news sitemap, which has titles and times."""
    articles = _news(site, name, count)
    rows = "".join(
        f"<url><loc>{site.url}{path}</loc><news:news><news:title>{html.escape(piece.title)}</news:title>"
        f"<news:publication_date>{piece.day}T08:15:00+08:00</news:publication_date></news:news></url>"
        for path, piece in articles.items()
    )
    namespaces = f'{_SITEMAP} xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
    body = f'<?xml version="1.0" encoding="UTF-8"?><urlset {namespaces}>{rows}</urlset>'
    path = site.put(f"/{name}/news-sitemap.xml", body, type="application/xml")
    return Family(name, _source(site, name, "generic", path, "sitemap"), articles, _once([path]))


def gzip_sitemaps(site: Farm, name: str, count: int, size: int) -> Family:
    """An index of sitemaps, each packed; one of them is plain text, with an address on each line."""
    articles = _news(site, name, count)
    found = groups(list(articles.values()), size)
    where = {piece: site.url + path for path, piece in articles.items()}
    paths = [f"/{name}/sitemap.xml.gz"]
    for i, group in enumerate(found):
        if i == len(found) - 1:
            body, path = "\n".join(where[piece] for piece in group), f"/{name}/map-{i}.txt.gz"
        else:
            rows = "".join(
                f"<url><loc>{where[piece]}</loc><lastmod>{piece.day}</lastmod></url>" for piece in group
            )
            body, path = f"<urlset {_SITEMAP}>{rows}</urlset>", f"/{name}/map-{i}.xml.gz"
        paths.append(site.put(path, gzip.compress(body.encode()), type="application/x-gzip"))
    rows = "".join(f"<sitemap><loc>{site.url}{path}</loc></sitemap>" for path in paths[1:])
    index = f"<sitemapindex {_SITEMAP}>{rows}</sitemapindex>"
    site.put(paths[0], gzip.compress(index.encode()), type="application/x-gzip")
    return Family(name, _source(site, name, "generic", paths[0], "sitemap"), articles, _once(paths))


BUILDERS: Mapping[str, Callable[[Farm, str, int, int], Family]] = {
    "trs": trs,
    "trs-one-based": trs_one_based,
    "writeln": writeln,
    "nfcms": nfcms,
    "ucap": ucap,
    "shanghai": shanghai,
    "jpage": jpage,
    "jpaas": jpaas,
    "disclosure": gkmlpt,  # not by its own name, which its addresses are known by
    "wordpress": wordpress,
    "substack": substack,
    "static-json": static_json,
    "json-get": json_get,
    "json-post": json_post,
    "news-sitemap": news_sitemap,
    "gzip-sitemaps": gzip_sitemaps,
}


@dataclass
class FamilySites:
    """Sites of several families on one farm."""

    farm: Farm
    families: dict[str, Family] = field(default_factory=dict)

    def build(self, names: Sequence[str] = tuple(BUILDERS), count: int = 5, size: int = 2) -> None:
        """Add the sites of these families, each with `count` articles, `size` to a list page."""
        for name in names:
            self.families[name] = BUILDERS[name](self.farm, name, count, size)

    @property
    def catalogue(self) -> str:
        """A catalogue file with one source for each family."""
        return json.dumps(
            {"sources": [family.source for family in self.families.values()]}, ensure_ascii=False
        )

    def asked(self) -> Counter[str]:
        """How often each address was asked for."""
        return Counter(self.farm.asked)
