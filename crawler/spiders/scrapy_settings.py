"""Scrapy's settings: for all sources, and for one."""

from __future__ import annotations

from typing import Any

from hexapolis.config import Settings
from hexapolis.records import Source


def scrapy_settings(settings: Settings) -> dict[str, Any]:
    """Scrapy's defaults allow too much for pages from strangers: each such setting is made here."""
    return {
        "USER_AGENT": settings.user_agent,
        "ROBOTSTXT_USER_AGENT": "Hexapolis",
        "TELNETCONSOLE_ENABLED": False,
        "DOWNLOADER_STATS": False,  # the ledger counts; this would print each response to measure it
        "HTTPPROXY_ENABLED": False,  # a proxy would resolve names behind the guard's back
        "DOWNLOAD_HANDLERS": {
            **dict.fromkeys(("data", "file", "ftp", "s3")),
            **dict.fromkeys(("http", "https"), "crawler.spiders.download.Download"),  # turns, limits, TLS
        },
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "DOWNLOAD_MAXSIZE": settings.download_bytes,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_TIMEOUT": settings.download_seconds,
        "COOKIES_ENABLED": False,
        "METAREFRESH_ENABLED": False,
        "REFERER_ENABLED": False,
        "REDIRECT_MAX_TIMES": 5,
        "URLLENGTH_LIMIT": 0,  # long addresses are refused where the ledger sees it
        "RETRY_TIMES": 1,
        "RETRY_HTTP_CODES": [500, 502, 503, 504, 522, 524, 408],
        "HTTPERROR_ALLOW_ALL": True,
        # One engine crawls one source. A second request would wait behind the first, past the last check, and
        # be sent even when the answer to the first was to leave.
        "CONCURRENT_REQUESTS": 1,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
        "SCHEDULER_MEMORY_QUEUE": "scrapy.squeues.FifoMemoryQueue",  # a list's order: the newest first
        # A response's requests are queued one after the other; 100 tasks for each would idle.
        "CONCURRENT_ITEMS": 1,
        "DNSCACHE_ENABLED": False,
        "DOWNLOAD_DELAY": 0,  # the pace is kept by `crawler.spiders.throttle`, for all engines together
        "LOG_ENABLED": False,
        "DOWNLOADER_MIDDLEWARES": {
            "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
            "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
            "scrapy.downloadermiddlewares.httpauth.HttpAuthMiddleware": None,  # there are no credentials
            "scrapy.downloadermiddlewares.redirect.RedirectMiddleware": None,
            "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,
            "crawler.spiders.middlewares.RequestGate": 50,
            "crawler.spiders.robots.Robots": 100,
            # An answer passes these from the last to the first, and Scrapy's retries (550) after them.
            "crawler.spiders.middlewares.Redirects": 600,
            "crawler.spiders.middlewares.Inflate": 610,
            "crawler.spiders.middlewares.Answers": 620,
        },
        "EXTENSIONS": {
            "scrapy.extensions.memusage.MemoryUsage": None,
            "scrapy.extensions.logstats.LogStats": None,
            "scrapy.extensions.corestats.CoreStats": None,
        },
    }


def source_settings(source: Source) -> dict[str, Any]:
    """What the catalogue says of one source, over the settings for all."""
    polite = source.politeness
    return {
        "ROBOTSTXT_OBEY": polite.robots,
        # One connection to a host. Where no delay is asked for, the next request begins before its
        # connection is free again; a few connections let each be used again and again.
        "CONCURRENT_REQUESTS_PER_DOMAIN": 1 if polite.delay else 4,
    }
