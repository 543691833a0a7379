"""Decoded HTML as the bytes that lxml's parser is given."""

from __future__ import annotations

import re

# What no XML tree may hold, raw or by number: lxml reads it, and then refuses to set a text that has it.
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r"))
_NONCHARACTERS = ("\ufffe".encode(), "\uffff".encode())
_CONTROL_NUMBERS = re.compile(
    rb"&#(?:0*(?:[0-8]|1[124-9]|2[0-9]|3[01]|6553[45])(?![0-9])"
    rb"|[xX]0*(?:[0-8bcBCefEF]|1[0-9a-fA-F]|[fF]{3}[eEfF])(?![0-9a-fA-F]));?"
)


def html_bytes(text: str) -> bytes:
    """The text in UTF-8, without the signs that no tree may hold.

    Bytes, because lxml refuses text that carries an XML declaration: say `encoding="utf-8"` to its parser.
    """
    body = text.encode("utf-8", "replace").translate(None, _CONTROLS)
    return _CONTROL_NUMBERS.sub(b"", body.replace(_NONCHARACTERS[0], b"").replace(_NONCHARACTERS[1], b""))
