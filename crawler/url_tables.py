"""Names that decide what an address means: parameters that track readers, session ids, and file types.

Only tables; how they are applied is in `urls.py`. Each name here makes two addresses one article, so a name
belongs here only if no site uses it to choose what is shown. All are compared without case.
"""

from __future__ import annotations

import re

# How a reader came to the page, never which page it is.
TRACKING_PREFIXES = (
    "utm_",  # Google Analytics campaigns, copied by everyone
    "share_",  # share buttons of Chinese apps: share_token, share_from, share_source …
)
TRACKING_NAMES = frozenset({
    "gclid", "dclid", "gbraid", "wbraid", "gad_source", "gad_campaignid", "srsltid", "_ga", "_gl",  # Google
    "fbclid", "igshid", "twclid", "ttclid", "msclkid", "yclid",  # click ids of other networks
    "hmsr", "hmpl", "hmcu", "hmkw", "hmci", "bd_vid",  # Baidu campaigns and clicks
    "mc_cid", "mc_eid", "_hsenc", "_hsmi", "mkt_tok", "ref_src",  # mailings and embedded posts
    "spm", "spm_id_from", "vd_source", "tdsourcetag",  # Alibaba, Bilibili, Tencent
    "isappinstalled", "nsukey", "wxshare_count", "sharer_shareinfo", "sharer_shareinfo_first",  # WeChat
})  # fmt: skip

# Tracking only with these values: both names are also used for content.
TRACKING_VALUES = {
    "from": re.compile(r"timeline|singlemessage|groupmessage|androidqq|qq|weixin|wechat|weibo", re.I),
    "_": re.compile(r"\d{13}"),  # a clock reading in milliseconds, added against caches
}

SESSION_NAMES = frozenset({"phpsessid", "jsessionid", "aspsessionid", "asp.net_sessionid"})

# May be a session, may be an article's id: dropped only if the value looks like a token and the rest of the
# address already identifies an article.
DOUBTFUL_NAMES = frozenset({"sid", "sessionid", "session_id", "session", "share_id"})
ARTICLE_ID_NAMES = frozenset({
    "id", "aid", "nid", "p", "contentid", "content_id", "articleid", "article_id", "newsid", "news_id",
    "docid", "doc_id", "infoid", "info_id", "postid", "post_id",
})  # fmt: skip

# Never a page: style, scripts, images, fonts, sound, film, archives, programs, calendars.
ASSET_EXTENSIONS = frozenset({
    "css", "js", "mjs", "map",
    "png", "jpg", "jpeg", "gif", "webp", "svg", "ico", "bmp", "tif", "tiff", "avif",
    "woff", "woff2", "ttf", "otf", "eot",
    "mp3", "m4a", "wav", "ogg", "mp4", "m4v", "webm", "avi", "mov", "wmv", "flv", "mkv", "swf", "m3u8",
    "zip", "rar", "7z", "gz", "tgz", "bz2", "xz", "tar", "apk", "ipa", "exe", "msi", "dmg", "iso", "ics",
})  # fmt: skip
# Documents that belong to an article's page; OFD and WPS are the Chinese office formats.
ATTACHMENT_EXTENSIONS = frozenset({
    "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "ofd", "wps", "et", "rtf", "odt", "ods", "odp",
    "epub", "caj", "csv",
})  # fmt: skip
