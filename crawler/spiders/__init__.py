"""Collect: the crawl itself. One spider walks the entry points of one source and tells a recorder.

This is the part of `crawler/` that stands above the store; the pure parts (addresses, decoding, extraction,
entry points) are beside this package and know nothing of it.
"""
