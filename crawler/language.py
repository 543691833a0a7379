"""Tell the language of a text: by its script where that is enough, else by py3langid."""

from __future__ import annotations

import re
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

_LANGUAGES = ["de", "en", "es", "fr", "id", "it", "ms", "nl", "pl", "pt", "ru", "tr", "vi"]
_LANGUAGE_SAMPLE = 3_000  # characters
_LANGUAGE_MIN = 40  # letters below which a Latin text's language is not guessed
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_KANA = re.compile(r"[\u3041-\u30fa]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]")
_LETTER = re.compile(r"[^\W\d_]")


def detect_language(text: str) -> str:
    """ISO 639-1 code of a text; `zh` for both scripts of Chinese, `und` for too little text."""
    by_script = script_language(text)
    if by_script is not None:
        return by_script
    code: str = _identifier().classify(text[:_LANGUAGE_SAMPLE])[0]
    return code


def script_language(text: str) -> str | None:
    """What the script alone tells; None for Latin, Cyrillic and the like."""
    sample = text[:_LANGUAGE_SAMPLE]
    han = len(_HAN.findall(sample))
    kana = len(_KANA.findall(sample))
    hangul = len(_HANGUL.findall(sample))
    letters = len(_LETTER.findall(sample))
    if kana > max(5, 0.1 * letters):
        return "ja"
    if hangul > max(5, 0.3 * letters):
        return "ko"
    # A Chinese word says about as much as two letters and a half of Latin script.
    if han and 2.5 * han >= letters - han:
        return "zh"
    return "und" if letters < _LANGUAGE_MIN else None


@cache
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(_LANGUAGES)
    return identifier
