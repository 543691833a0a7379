"""Rows of a list page that a reader sees and a parser does not.

Some sites keep rows in HTML comments, write them with `document.write`, hold them as a script or textarea
that is a template, or as the XML store of Hanweb's jpage. `open_hidden_rows` puts them into the tree at the
place where they stand, so that a list's selectors find them. Nothing is ever executed: of a script, only
literals, variables that hold literals, and their sums are followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lxml import etree
from lxml import html as lxml_html
from lxml.html import HtmlElement

from crawler.html_bytes import html_bytes

MAX_CHARACTERS = 1_000_000  # opened on one page, and read of its scripts
MAX_FRAGMENTS = 5_000
MAX_VALUE = 100_000  # characters of one variable
MAX_COPIED = 50_000_000  # characters given to all variables of a script, one after the other
UNKNOWN = "\ufffc"  # stands in a written address for what only a browser would know
ROW_TAGS = frozenset({"li", "tr", "dd", "dt", "article", "p"})

_LINK = re.compile(r"<a\b[^<>]*\bhref\b", re.IGNORECASE)
_ROW = re.compile(r"<(?:li|tr|dd|dt|article|p|div)\b", re.IGNORECASE)
_RECORD = re.compile(r"<record>\s*<!\[CDATA\[(.*?)(?:\]\]>|\Z)", re.DOTALL | re.IGNORECASE)
_MARKUP_TYPES = ("template", "html", "xml", "tmpl", "x-")
# Every alternative takes at least one character and never looks at one twice: a script costs linear time.
_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*[\s\S]*?(?:\*/|\Z))
    |(?P<text>"[^"\\\n]*(?:\\[\s\S][^"\\\n]*)*"?|'[^'\\\n]*(?:\\[\s\S][^'\\\n]*)*'?|`[^`\\]*(?:\\[\s\S][^`\\]*)*`?)
    |(?P<name>[\w$]+(?:\.[\w$]+)*)
    |(?P<sign>\+=|[=!<>]=+|[^\s])""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([\s\S]))")
_PLAIN_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "", "\n": ""}
_WRITERS = ("document.write", "document.writeln", "window.document.write", "window.document.writeln")


@dataclass(frozen=True, slots=True)
class HiddenRows:
    """An element that was put into the tree."""

    element: HtmlElement
    written: bool  # by a script, which any reader sees; else a comment or a template, which may be a leftover


def open_hidden_rows(root: HtmlElement) -> list[HiddenRows]:
    """Put the hidden rows of a page into its tree; what was put in, in the page's order."""
    opened: list[HiddenRows] = []
    left = MAX_CHARACTERS
    for node in list(root.iter(etree.Comment, "script", "textarea")):
        text = node.text or ""
        if len(text) > left or len(opened) >= MAX_FRAGMENTS:
            continue
        markup, written = _markup(node, text)
        if not _LINK.search(markup) and not (written and markup.strip()):
            continue
        left -= max(len(text), len(markup))
        opened += [HiddenRows(element, written) for element in _put_behind(node, markup)]
    return opened


def _markup(node: HtmlElement, text: str) -> tuple[str, bool]:
    """The HTML that a comment, script or textarea hides, and whether a script writes it."""
    if not isinstance(node.tag, str):
        if text.startswith("[if") or not _LINK.search(text):
            return "", False
        # A link in a comment inside a row is what that row linked to before.
        old = not _ROW.search(text) and any(a.tag in ROW_TAGS for a in node.iterancestors())
        return ("" if old else text), False
    if node.tag == "textarea":
        return text, False
    if "document.write" in text:
        return written_markup(text), True
    kind = (node.get("type") or "").lower()
    if any(word in kind for word in _MARKUP_TYPES):
        return "".join(records(text)) or text, False
    return "", False


def records(text: str) -> list[str]:
    """The rows of a jpage store: the contents of its `<record>` elements."""
    return [match[1] for match, _ in zip(_RECORD.finditer(text), range(MAX_FRAGMENTS), strict=False)]


def parse_fragment(markup: str) -> HtmlElement | None:
    """A body element that holds the markup; None when there is nothing in it."""
    parser = lxml_html.HTMLParser(encoding="utf-8")
    try:
        document = lxml_html.document_fromstring(b"<body>" + html_bytes(markup), parser=parser)
    except (etree.ParserError, ValueError):
        return None
    body: HtmlElement | None = document.find("body")
    return body


def _put_behind(node: HtmlElement, markup: str) -> Iterable[HtmlElement]:
    body = parse_fragment(markup)
    if body is None or node.getparent() is None:
        return []
    elements = [child for child in body if isinstance(child.tag, str)]
    if body.text and body.text.strip():  # such as the date that follows a written link
        words = lxml_html.Element("span")
        words.text = body.text
        elements.insert(0, words)
    for element in reversed(elements):
        node.addnext(element)
    return elements


def written_markup(script: str) -> str:
    """What a script hands to `document.write`, without running it.

    Conditions and loops are not followed: every write counts once, in the order of the script. `UNKNOWN`
    stands for each value that is not a literal or a variable that was given one.
    """
    tokens = [(m.lastgroup, m[0]) for m in _TOKEN.finditer(script) if m.lastgroup != "comment"]
    values: dict[str, str] = {}
    out: list[str] = []
    length = position = copied = 0
    while position < len(tokens) and length < MAX_CHARACTERS and copied < MAX_COPIED:
        kind, word = tokens[position]
        follows = tokens[position + 1][1] if position + 1 < len(tokens) else ""
        if kind == "name" and word in _WRITERS and follows == "(":
            value, position = _arguments(tokens, position + 2, values)
            out.append(value + ("\n" if word.endswith("ln") else ""))
            length += len(value)
        elif kind == "name" and follows in ("=", "+="):
            value, after = _sum(tokens, position + 2, values)
            declared = position > 0 and tokens[position - 1][1] in ("var", "let", "const")
            if follows == "+=":
                value = values.get(word, "") + value
            # An empty value is mostly the default before a condition that is not followed.
            if value or declared:
                values[word] = value[:MAX_VALUE]
            copied += len(value)
            position = after
        else:
            position += 1
    return "".join(out)


_Tokens = list[tuple[str | None, str]]


def _operand(kind: str | None, word: str, follows: str, values: dict[str, str]) -> str:
    if kind == "text":
        return _ESCAPE.sub(_unescaped, word[1:].removesuffix(word[0]) if len(word) > 1 else "")
    if follows == "(":
        return UNKNOWN
    return word if word.isdigit() else values.get(word, UNKNOWN)


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if code:
        number = int(code, 16)
        return chr(number) if number <= 0x10FFFF else UNKNOWN
    return _PLAIN_ESCAPES.get(match[4], match[4])


def _arguments(tokens: _Tokens, position: int, values: dict[str, str]) -> tuple[str, int]:
    """The sum of the arguments up to the closing bracket, and the position behind it."""
    parts: list[str] = []
    depth, length = 1, 0
    while position < len(tokens) and length < MAX_CHARACTERS:
        kind, word = tokens[position]
        position += 1
        if kind == "sign":
            depth += {"(": 1, ")": -1}.get(word, 0)
            if depth == 0:
                break
            if word not in ("(", ")", "+", ","):
                parts.append(UNKNOWN)
            continue
        follows = tokens[position][1] if position < len(tokens) else ""
        parts.append(_operand(kind, word, follows, values))
        length += len(parts[-1])
    return "".join(parts), position


def _sum(tokens: _Tokens, position: int, values: dict[str, str]) -> tuple[str, int]:
    """The operands joined by plus signs from here on, and the position behind them."""
    parts: list[str] = []
    length = 0
    while position < len(tokens) and length < MAX_VALUE:
        kind, word = tokens[position]
        if kind == "sign":
            return "".join(parts) or UNKNOWN, position
        position += 1
        follows = tokens[position][1] if position < len(tokens) else ""
        # A number is a counter more often than not, and a counter changes.
        parts.append(UNKNOWN if word.isdigit() else _operand(kind, word, follows, values))
        length += len(parts[-1])
        if follows != "+":
            break
        position += 1
    return "".join(parts), position
