"""Presets for families of sites: what one content system does on every site that runs it.

Much of a Chinese government site is decided by the system that publishes it, so a source that names its
family need not repeat it. Anything a source says itself wins over its family. `docs/adding-a-source.md` lists
them for people. Patterns begin at the start of the address and stay out of its query, where share links carry
other addresses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hexapolis.records import Selectors

_NO_SELECTORS = Selectors()


@dataclass(frozen=True, slots=True)
class Family:
    """What a source inherits from its family."""

    about: str  # which sites, in a few words
    article_url: str | None = None  # regular expression, searched in the address of an article
    paging: str = "none"  # how its list pages are numbered, unless the entry point says otherwise
    selectors: Selectors = _NO_SELECTORS
    content: str = "page"  # where the text comes from: the page, the feed, or nowhere (headline)


def _bodies(*selectors: str) -> Selectors:
    return Selectors(body=", ".join(selectors))


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "generic": Family("no known system: every link of the list's own host may be an article"),
        "trs": Family(
            "TRS WCM with t-date addresses: Beijing, Chongqing, Wuhan, Nanjing, Qingdao, Shenyang …",
            article_url=r"^[^?#]*/\d{6}/t\d{8}_\d+\.s?html?(?:$|[?#])",
            paging="zero_based",  # page 2 is index_1; on Hunan's sites index_2
            selectors=_bodies(
                ".TRS_Editor",
                ".TRS_UEDITOR",
                ".trs_editor_view",
                "#mainText",
                "#zoom",
                "#Zoom",
                ".view-content",
            ),
        ),
        "nfcms": Family(
            "NFCMS: the portals and bureaus of Guangdong's cities",
            # Its lists lead to posts of its own and to those of gkmlpt.
            article_url=r"^[^?#]*/content/(?:\d+/\d+/)?m?post_\d+\.html(?:$|[?#])",
            paging="one_based",  # page 2 is index_2
            selectors=_bodies(".news_cont_d_wrap", ".article-content", "#zoomcon"),
        ),
        "gkmlpt": Family(
            "the disclosure platform of Guangdong's governments; read by an entry point of its own type",
            article_url=r"^[^?#]*/gkmlpt/content/\d+/\d+/m?post_\d+\.html(?:$|[?#])",
            selectors=_bodies(".article-content", ".news_cont_d_wrap"),
        ),
        "jpage": Family(
            "Hanweb jpage: Jiangsu, Shandong, Liaoning; read by an entry point of its own type",
            article_url=r"^[^?#]*/art/\d{4}/\d{1,2}/\d{1,2}/art_\d+_\d+\.html(?:$|[?#])",
            selectors=_bodies("#zoom", ".main-txt", ".article-body"),
        ),
        "jpaas": Family(
            "Hanweb jpaas: Zhejiang, Hangzhou, MIIT; read by an entry point of its own type",
            article_url=r"^[^?#]*/art/\d{4}/(?:\d{1,2}/\d{1,2}/)?art_[0-9a-f_]+\.html(?:$|[?#])",
            selectors=_bodies(".zc_article_con", "#zoom", "#zoomcon", "#con_con", ".article-content"),
        ),
        "ucap": Family(
            "UCAP: Suzhou, Sichuan, Chengdu",
            article_url=r"^[^?#]*/(?:\d{6}|\d{4}/\d{1,2}/\d{1,2}|\d{4}-\d{2}/\d{2})/(?:content_)?[0-9a-f]{32}\.shtml(?:$|[?#])",
            paging="one_based",  # page 2 of common_list is common_list_2
            selectors=_bodies("#zoomcon", ".article-content", ".detail_content"),
        ),
        "shanghai": Family(
            "the portal of Shanghai and its bureaus",
            article_url=r"^[^?#]*/\d{8}/[0-9a-f]{32}\.html(?:$|[?#])",
            paging="one_based",  # of the bureaus; the portal's columns have year_archives
            selectors=_bodies(".Article_content", "#ivs_content"),
        ),
        "wuxi": Family(
            "the portal of Wuxi and its bureaus",
            article_url=r"^[^?#]*/doc/\d{4}/\d{2}/\d{2}/\d+\.shtml(?:$|[?#])",
            paging="one_based",
            selectors=_bodies(".mainCont.article", "#zoom"),
        ),
        "people": Family(
            "People's Daily Online, in Chinese and English; its robots.txt asks for 120 s between requests",
            article_url=r"^[^?#]*/n[13]/\d{4}/\d{4}/c\d+-\d+\.html(?:$|[?#])",
            paging="concat",  # page 2 is index2
            selectors=_bodies("#rm_txt_zw", "#rwb_zw", ".rm_txt_con"),
        ),
        "cms-node": Family(
            "newspaper sites with dated content_N pages: Guangming, Shenzhen News, EyeShenzhen",
            article_url=r"^[^?#]*/\d{4}-\d{2}/\d{2}/content_\d+\.s?html?(?:$|[?#])",
            paging="one_based",  # page 2 of node_9671 is node_9671_2
        ),
        "wordpress": Family(
            "WordPress with dated permalinks; read its feed or its interface",
            article_url=r"^[^?#]*/\d{4}/\d{2}/(?:\d{2}/)?[\w%-]+(?:\.html)?/?(?:$|[?#])",
            selectors=_bodies(".entry-content", ".post-content"),
        ),
        "substack": Family(
            "Substack newsletters; its terms allow the feed, not crawling of pages",
            article_url=r"^[^?#]*/p/[\w%-]+/?(?:$|[?#])",
            selectors=_bodies(".available-content", ".body.markup"),
            content="feed",
        ),
    }
)
