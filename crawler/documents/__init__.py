"""The text of documents: PDF and DOCX.

Many policies are published as a page of two sentences with the plan itself in a PDF or DOCX file. What a file
is, its bytes say, not its name. PDFs are read in a process of their own (`crawler/pdf_process.py`), DOCX
files by `crawler/docx_text.py`. Files of other kinds (DOC, WPS, OFD, spreadsheets, archives) stay links. Not
for choosing among a page's attachments (`crawler/attached_documents.py`), nor for the article of a document
that was fetched as a page (`crawler/document_page.py`).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from crawler.documents import docx_text, pdf_process
from crawler.documents.pdf_lines import Line, paragraphs
from crawler.lines import clean_line
from crawler.sniff import not_html
from hexapolis.errors import ExtractionError

DOCUMENT_BYTES_MAX = 50_000_000  # larger files are books of pictures
CHARACTERS_MAX = 100_000  # of one document, and of all documents of a page together
_CLOCK_SECONDS = 6.0  # for a PDF whose process the system does not stop
_TEXT_MIN = 20  # characters of a PDF that are no blanks; stamps and numbers on scanned pages are fewer
_GARBLED_SHARE = 0.2  # of the characters without a meaning: the fonts do not say which letters they show
_GARBLED = re.compile("[\ue000-\uf8ff\ufffd\x00-\x08\x0e-\x1f]")


class DocumentError(ExtractionError):
    """A document has no text to give.

    `kind` is `unsupported` (no PDF or DOCX), `damaged`, `encrypted`, `no_text` (scanned pages), `garbled`
    (fonts without a meaning), `too_large`, `timeout` or `crash` (of the process that reads PDFs).
    """


@dataclass(frozen=True, slots=True)
class DocumentText:
    """What a document says."""

    text: str  # one paragraph a line
    kind: str  # `pdf` or `docx`
    pages: int | None  # that were read; unknown of a DOCX
    truncated: bool  # there is more than was read
    title: str | None = None  # as the file's own properties give it


def document_kind(body: bytes) -> str | None:
    """`pdf` for a PDF, `zip` for what may be a DOCX, by the first bytes; None for anything else."""
    start = body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"%PDF-"):
        return "pdf"
    return "zip" if start.startswith(b"PK\x03\x04") else None


def document_text(body: bytes, url: str, content_type: str | None) -> DocumentText:
    """The text of a PDF or DOCX.

    Args:
        body: the file.
        url: where it is from, for the error's text.
        content_type: what the server calls it, for the error's text; it is not believed.

    Raises:
        DocumentError: it is something else, cannot be read, or has no text.
    """
    if len(body) > DOCUMENT_BYTES_MAX:
        raise DocumentError("too_large", f"{len(body)} bytes, the limit is {DOCUMENT_BYTES_MAX}")
    kind = document_kind(body)
    if kind is None:
        what = not_html(body) or ("HTML or plain text" if body.strip() else "no bytes")
        named = f", sent as {content_type}" if content_type else ""
        raise DocumentError("unsupported", f"{file_name(url)} is {what}{named}"[:200])
    found = _pdf_text(body) if kind == "pdf" else _docx_text(body)
    if len("".join(found.text.split())) < (_TEXT_MIN if kind == "pdf" else 1):
        raise DocumentError("no_text", "no text (scanned?)")
    if len(_GARBLED.findall(found.text)) > _GARBLED_SHARE * len(found.text):
        raise DocumentError("garbled", "the fonts do not say which characters they show")
    return found


def _pdf_text(body: bytes) -> DocumentText:
    command = [sys.executable, "-P", "-X", "utf8", str(Path(pdf_process.__file__))]
    try:
        done = subprocess.run(
            command, input=body, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=_CLOCK_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise DocumentError("timeout", f"not read within {_CLOCK_SECONDS:g} s") from error
    except OSError as error:
        raise DocumentError("crash", f"the process that reads PDFs does not start ({error})") from error
    if done.returncode != 0:
        if -done.returncode in (pdf_process.SIGXCPU, pdf_process.SIGKILL):
            raise DocumentError("timeout", f"not read within {pdf_process.SECONDS_MAX} s of computing")
        raise DocumentError("crash", f"it takes too much memory or is damaged ({done.returncode})")
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise DocumentError(answer["error"], answer["detail"])
    text = "\n".join(paragraphs([Line(*line) for line in answer["lines"]]))
    cut_off = b"%%EOF" not in body[-4096:]
    return DocumentText(
        text[:CHARACTERS_MAX],
        "pdf",
        answer["read"],
        answer["truncated"] or cut_off or len(text) > CHARACTERS_MAX,
        clean_line(answer["title"]) or None,
    )


def _docx_text(body: bytes) -> DocumentText:
    try:
        found, truncated = docx_text.docx_paragraphs(body)
    except docx_text.DocxError as error:
        raise DocumentError(error.kind, error.detail) from error
    return DocumentText("\n".join(found), "docx", None, truncated)


def file_name(url: str) -> str:
    """The last part of an address, for people."""
    return clean_line(unquote(urlsplit(url).path.rsplit("/", 1)[-1])) or url
