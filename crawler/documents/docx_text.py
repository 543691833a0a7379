"""The paragraphs of a DOCX file, read straight from its main part, with bounds on everything.

A DOCX is a ZIP of XML parts. Only the main part is unpacked, piece by piece, and its elements are looked at
as they pass, so neither a bomb in another part nor a large tree costs anything; a library that opens the
whole package would unpack every part first. A part that declares a document type is refused: Word writes
none, and entities need one. Nothing outside the file is ever opened. Numbers that Word would count by itself
(automatic lists), headers, footers, notes and deleted text are left out.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from typing import IO

from lxml import etree

from crawler.lines import clean_line

CHARACTERS_MAX = 100_000
XML_MAX = 100_000_000  # bytes of the main part, unpacked
ELEMENTS_MAX = 1_000_000  # of the main part that are looked at
_PARTS_MAX = 5_000  # a document with a picture on every page has hundreds
_PIECE = 1 << 16  # bytes
_RELATIONS_MAX = 100_000  # bytes

_WORD = (
    "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}",
    "{http://purl.oclc.org/ooxml/wordprocessingml/main}",  # the strict form
)
_SKIPPED = frozenset(
    {"{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"}  # the same text once more
    | {word + name for word in _WORD for name in ("del", "moveFrom", "instrText", "rPr", "pPr")}
)
_TEXT = frozenset(word + "t" for word in _WORD)
_PARAGRAPH = frozenset(word + "p" for word in _WORD)
_BREAK = frozenset(word + "br" for word in _WORD)
_BLANK = frozenset(word + name for word in _WORD for name in ("tab", "cr"))
_HYPHEN = frozenset(word + "noBreakHyphen" for word in _WORD)


class DocxError(ValueError):
    """The file cannot be read; `kind` is `damaged`, `too_large`, `encrypted` or `unsupported`."""

    def __init__(self, kind: str, detail: str) -> None:
        self.kind = kind
        self.detail = detail
        super().__init__(f"{kind}: {detail}")


class _Enough(Exception):  # noqa: N818 - not an error: a limit is reached, what was read stays
    pass


def docx_paragraphs(body: bytes) -> tuple[list[str], bool]:
    """The paragraphs of a document, table cells included, and whether the text was cut at a limit.

    Raises:
        DocxError: not a Word document, damaged, locked, or larger than it may be.
    """
    if body.count(b"PK\x01\x02") > _PARTS_MAX:
        raise DocxError("too_large", f"more than {_PARTS_MAX} parts")
    reader = _Paragraphs()
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as package, package.open(_main_part(package)) as part:
            _feed(part, reader)
    except _Enough:
        reader.finish()
        return reader.found, True
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
        if isinstance(error, DocxError):
            raise
        raise DocxError("damaged", str(error)[:200]) from error
    except RuntimeError as error:  # zipfile's word for a part that needs a password
        raise DocxError("encrypted", "a part needs a password") from error
    except etree.LxmlError as error:
        raise DocxError("damaged", f"broken XML ({error})"[:200]) from error
    return reader.found, False


def _main_part(package: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The part that holds the text, which the package's relations name; usually word/document.xml."""
    names = {info.filename.lower(): info for info in package.infolist()}
    for name in _named_parts(package, names):
        if (info := names.get(name)) is not None:
            if info.file_size > XML_MAX:
                raise DocxError("too_large", f"{info.file_size} bytes of XML")
            return info
    kinds = (("ofd.xml", "OFD"), ("xl/", "XLSX"), ("ppt/", "PPTX"), ("mimetype", "ODT or the like"))
    kind = next((kind for start, kind in kinds if any(name.startswith(start) for name in names)), "ZIP")
    raise DocxError("unsupported", kind)


def _named_parts(package: zipfile.ZipFile, names: Mapping[str, zipfile.ZipInfo]) -> list[str]:
    found = []
    info = names.get("_rels/.rels")
    if info is not None and info.file_size <= _RELATIONS_MAX and "[content_types].xml" in names:
        with package.open(info) as part:
            text = part.read(_RELATIONS_MAX)
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        for relation in etree.fromstring(text, parser).iter("{*}Relationship"):
            target = (relation.get("Target") or "").lstrip("/").lower()
            outside = (relation.get("TargetMode") or "").lower() == "external"
            if not outside and (relation.get("Type") or "").endswith("/officeDocument"):
                found.append(target)
    # Spreadsheets and slides have a main part too, which has no paragraphs of Word's.
    return [name for name in [*found, "word/document.xml"] if name.startswith("word/")]


def _feed(part: IO[bytes], reader: _Paragraphs) -> None:
    parser = etree.XMLParser(  # type: ignore[call-overload]
        target=reader, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    size = 0
    while piece := part.read(_PIECE):
        size += len(piece)
        if size > XML_MAX:
            raise DocxError("too_large", f"more than {XML_MAX} bytes of XML")
        parser.feed(piece)
        if reader.stopped is not None:  # lxml hands an exception of its target on only at the end
            raise reader.stopped
    parser.close()
    if reader.stopped is not None:
        raise reader.stopped


class _Paragraphs:
    """Collects the text as the parser passes over the elements."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.stopped: Exception | None = None
        self._open: list[list[str]] = []  # paragraphs around the place, the innermost last: text boxes nest
        self._skipping = 0  # elements open inside one that is left out
        self._in_text = False
        self._elements = 0
        self._characters = 0

    def doctype(self, name: str | None, public: str | None, system: str | None) -> None:
        self.stopped = DocxError("damaged", "it declares a document type")

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._elements += 1
        if self._elements > ELEMENTS_MAX:
            self.stopped = self.stopped or _Enough()
        if self._skipping or tag in _SKIPPED:
            self._skipping += 1
        elif tag in _PARAGRAPH:
            self._open.append([])
        elif tag in _TEXT:
            self._in_text = True
        elif self._open:
            if tag in _BREAK:
                self._open[-1].append("\n")
            elif tag in _BLANK:
                self._open[-1].append(" ")
            elif tag in _HYPHEN:
                self._open[-1].append("-")

    def data(self, data: str) -> None:
        if self._in_text and not self._skipping and self._open and self.stopped is None:
            self._characters += len(data)
            self._open[-1].append(data[: max(0, CHARACTERS_MAX - self._characters + len(data))])
            if self._characters > CHARACTERS_MAX:
                self.stopped = _Enough()

    def end(self, tag: str) -> None:
        if self._skipping:
            self._skipping -= 1
        elif tag in _TEXT:
            self._in_text = False
        elif tag in _PARAGRAPH and self._open:
            self._close(self._open.pop())

    def close(self) -> None:
        self.finish()

    def finish(self) -> None:
        """End the paragraphs that are open."""
        while self._open:
            self._close(self._open.pop(0))

    def _close(self, pieces: list[str]) -> None:
        lines = map(clean_line, "".join(pieces).split("\n"))
        self.found.extend(line for line in lines if line)
