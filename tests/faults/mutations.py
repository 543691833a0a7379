"""Seeded damage to bytes: what servers, proxies, editors and attackers make of pages, feeds and files."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

JUNK: Sequence[bytes] = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\x80\x81", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x1b$B",
    b"\r", b"<", b">", b"&", b'"', b"'", b"]]>", b"<![CDATA[", b"<!--", b"-->",
    b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"&a;", b"&#0;", b"&#xD800;", b"&#1114112;", b"&#x1F600;",
    b"<?xml version='1.0' encoding='utf-16'?>", b"<?php", b"%00", b"<script>", b"</script>", b"<style>",
    b"<textarea>", b"<plaintext>", b"<svg>", b"<math>", b"<template>", b"<table><tr><td>",
    b"<iframe srcdoc='<p>'>", b"<base href='http://['>", b"<base href='javascript:x'>",
    b"<a href='http://[::1'>x</a>", b"<a href='http://a:99999/'>x</a>", b"<a href='//'>x</a>",
    b"<a href='?'>x</a>", b"<a href='http://\xe4\xb8\xad\xe5\x9b\xbd.\xe4\xb8\xad\xe5\x9b\xbd/'>x</a>",
    b"<a href='http://xn--a/'>x</a>", b"<meta charset='utf-7'>", b"<meta charset='gb2312'>",
    b"<meta charset=''>", b"<meta name='PubDate' content='9999-99-99'>",
    b"<meta name='PubDate' content='0000-00-00 99:99'>", "发布时间：2024年13月45日".encode(),
    "９９９９年９９月".encode(),
    b"<html xmlns='a' lang='\xff'>", b"createPageHTML(999999999,-1,'x','y');", b"createPageHTML(1e99);",
    b"NaN", b"1e999", b"-1", b"99999999999999999999", b"null", b"true", b"[]", b"{}", b'{"a":', b"\\ud800",
    b"\\u0000", b"&lt;", b"\xe2\x80\xae", b"!!python/object:os.system", b"*a", b"&a [*a]", b"<<: *a", b"? ",
    b"- - - ", b"%YAML 9.9", b"---", b"2024-02-30", b"0x", b"~", b"on", b"|\n", b">\n", b"\t",
)  # fmt: skip
CODECS = ("gb18030", "big5", "utf-16", "utf-8-sig", "latin-1", "utf-7")
_TAG = re.compile(rb"<[^<>]{0,300}>")
_VALUE = re.compile(rb"=\"[^\"<>]{0,300}\"|='[^'<>]{0,300}'|\d{2,}|: [^\n]{1,80}\n|\"[^\"]{1,200}\"")


def mutate(body: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    """The body with one to five faults in it."""
    for _ in range(chance.choice((1, 1, 2, 3, 5))):
        body = chance.choice(_ALL)(body, others, chance)
    return body[:4_000_000]


def _span(body: bytes, chance: Random, longest: int = 2_000) -> tuple[int, int]:
    start = chance.randrange(len(body) + 1)
    return start, min(len(body), start + chance.randrange(longest))


def _flip(body: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    changed = bytearray(body)
    for _ in range(min(len(changed), chance.choice((1, 5, 50, 500)))):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _cut(body: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    start, end = _span(body, chance)
    return body[:start] + body[end:]


def _truncate(body: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    return body[: chance.randrange(len(body) + 1)]


def _insert(body: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    for _ in range(chance.choice((1, 3, 20))):
        place = chance.randrange(len(body) + 1)
        body = body[:place] + chance.choice(JUNK) + body[place:]
    return body


def _repeat(body: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    start, end = _span(body, chance, 300)
    times = chance.choice((2, 10, 100, 1_000))
    return body[:end] + body[start:end] * times + body[end:]


def _splice(body: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    other = chance.choice(others)
    start, end = _span(other, chance, 20_000)
    place = chance.randrange(len(body) + 1)
    return body[:place] + other[start:end] + body[place:]


def _tags(body: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    """Drop, double, swap or pile up tags."""
    tags = list(_TAG.finditer(body))
    if not tags:
        return _insert(body, others, chance)
    for _ in range(chance.choice((1, 5, 30))):
        tag, other = chance.choice(tags), chance.choice(tags)
        new = chance.choice(
            (b"", tag[0] * 2, other[0], tag[0] * chance.choice((3, 300, 3_000)), b"</" + tag[0][1:])
        )
        body = body.replace(tag[0], new, chance.choice((1, 1, 1, -1)) if len(new) < 500 else 1)
        if len(body) > 3_000_000:
            break
    return body


def _values(body: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    """Put nonsense where an attribute, a number, a string or a field stands."""
    found = list(_VALUE.finditer(body))
    for _ in range(chance.choice((1, 5, 30)) if found else 0):
        match = chance.choice(found)
        old = match[0]
        new = chance.choice(JUNK) if chance.random() < 0.7 else chance.choice(found)[0]
        if old[:2] in (b'="', b"='"):
            new = old[:2] + new + old[-1:]
        body = body.replace(old, new, 1)
    return body


def _recode(body: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    return body.decode("utf-8", "replace").encode(chance.choice(CODECS), "replace")


def _lines(body: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    lines = body.split(b"\n")
    if len(lines) < 3:
        return _cut(body, others, chance)
    action = chance.randrange(3)
    i, j = chance.randrange(len(lines)), chance.randrange(len(lines))
    if action == 0:
        lines[i], lines[j] = lines[j], lines[i]
    elif action == 1:
        lines.insert(j, lines[i])
    else:
        lines[i] = b" " * chance.randrange(9) + lines[i].lstrip()
    return b"\n".join(lines)


_ALL: Sequence[Callable[[bytes, Sequence[bytes], Random], bytes]] = (
    _flip, _cut, _truncate, _insert, _insert, _repeat, _splice, _tags, _tags, _values, _values, _recode,
    _lines,
)  # fmt: skip
