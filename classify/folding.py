"""One form for full-width, upper-case, Traditional and marked-up writing, before text is looked at.

The folded text is for the model only. Offsets always count in the original.
"""

from __future__ import annotations

import functools
import re
import unicodedata

from opencc import OpenCC

_TAG = re.compile(r"</?[a-zA-Z][^<>\n]{0,300}>|&(?:nbsp|amp|lt|gt|quot|#\d{1,5});")
_SPACE = re.compile(r"[^\S\n]+")
# Characters of Traditional script alone, common enough that a text in it holds one of them.
_TRADITIONAL = re.compile(
    "[們國來時會個這對發經說過還進開關點無義產業東車電動機學實體應數據資訊網絡設計創區廣術場經濟與為於長門見視規劃標準務員問題應際億萬將後當從並"
    "優勢強點層條際陳黨組織導領灣龍總統權義實]"
)
# Replaced before normalising, which is slow for a text that holds them and fast for one without. The result
# is the same, for these are the characters' own decompositions.
_COMMON_FORMS = tuple((char, unicodedata.normalize("NFKC", char)) for char in "，：；（）！？\u3000")


@functools.cache
def _converter() -> OpenCC:
    return OpenCC("t2s")


def fold(text: str) -> str:
    """Folded form: no tags, NFKC, Simplified, lower case, runs of spaces made one; newlines stay.

    Lone surrogates and control characters become spaces, so that nothing below can fail on them.
    """
    text = _TAG.sub(" ", text)
    if not text.isascii():
        text = (
            "".join(" " if "\ud800" <= c <= "\udfff" else c for c in text) if _has_surrogate(text) else text
        )
        for char, form in _COMMON_FORMS:
            text = text.replace(char, form)
        text = unicodedata.normalize("NFKC", text)
        if _TRADITIONAL.search(text):
            text = str(_converter().convert(text))
    text = text.replace("\x00", " ").lower()
    return _SPACE.sub(" ", text)


def _has_surrogate(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False
