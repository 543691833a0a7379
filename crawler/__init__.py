"""Collect: the source catalogue, the spiders, the archive, and what turns a fetched page into an article."""
