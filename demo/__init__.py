"""A small bilingual web site, written for this project, that the demo and the tests crawl over loopback.

Eight outlets, each an origin of its own on 127.0.0.1. Every firm, person, facility and number on it is
invented. The prose is data (`content/`), the looks are templates (`templates/`), what each page is stands in
`truth.jsonl`. `python -m demo` serves it until interrupted.
"""
