"""Stories: which articles are copies of one text.

Two articles tell one story when their texts are equal after folding script, width, case, punctuation and
white space, so a re-post in Traditional characters counts with its original. Near-copies (truncated,
retitled, edited) are separate stories.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import cache

from opencc import OpenCC

_IGNORED = re.compile(r"[\W_](?<!\d\.(?=\d))")  # all but letters, digits, and a point between digits
# Replaced first: a text in which nothing else is to be normalised then costs little. What NFKC makes of a
# text does not change, for these are the characters' own decompositions.
_COMMON_FORMS = tuple((char, unicodedata.normalize("NFKC", char)) for char in "，：；（）！？…％\u3000\xa0")


@cache
def _to_simplified() -> OpenCC:
    return OpenCC("t2s")


def fold(text: str) -> str:
    """The text as compared: NFKC, lower case, Simplified; letters, digits and decimal points only."""
    for char, form in _COMMON_FORMS:
        text = text.replace(char, form)
    simplified = _to_simplified().convert(unicodedata.normalize("NFKC", text).casefold())
    return _IGNORED.sub("", simplified)


def story_key(text: str) -> str:
    """Digest of the folded text, 64 hex digits: equal exactly for copies."""
    return hashlib.sha256(fold(text).encode("utf-8", "surrogatepass")).hexdigest()
