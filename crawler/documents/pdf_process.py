"""Reads the lines of a PDF in a process of its own, which the system stops when it takes too much.

PDFium is native code and unpacks whatever it is given: 0.9 MB of PDF can become gigabytes, and a damaged file
can end the process it is read in. So this file is run, not imported, for each PDF (`crawler/documents/`
does that): the PDF on standard input, JSON on standard output. It knows nothing of the rest of the package.
Not for making paragraphs of the lines: that is `crawler/documents/pdf_lines.py`.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import sys
from collections.abc import Iterator
from typing import Any

PAGES_MAX = 200
CHARACTERS_MAX = 100_000  # read within half of the time; the longest plans of cities have less
MEMORY_MAX = 300_000_000  # bytes beside the PDF itself; PDFium doubles its buffers while it unpacks
SECONDS_MAX = 3  # of CPU time; 200 pages of text take half a second

SIGKILL, SIGXCPU = 9, 24  # how the system ends a process that computes too long

_NEWLINES = (0x0A, 0x0D)
_PASSWORD, _SECURITY = 4, 5  # PDFium's error codes for files that need a password


def main() -> None:
    """Read a PDF from standard input and print its lines, or why it has none."""
    import pypdfium2  # type: ignore[import-untyped]
    import pypdfium2.raw as pdfium  # type: ignore[import-untyped]

    body = sys.stdin.buffer.read()
    _set_limits()
    try:
        document = pypdfium2.PdfDocument(body)
        answer = _read(document, pdfium)
    except pypdfium2.PdfiumError as error:
        locked = error.err_code in (_PASSWORD, _SECURITY)
        answer = (
            {"error": "encrypted", "detail": "it needs a password"}
            if locked
            else {"error": "damaged", "detail": "the file is damaged"}
        )
    except MemoryError:
        answer = {"error": "too_large", "detail": "it unpacks to more than may be held"}
    print(json.dumps(answer))


def _set_limits() -> None:
    """Tell the system to end this process at the limits; where it cannot, the caller's clock does."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS_MAX, SECONDS_MAX + 1))
        with open("/proc/self/statm", encoding="ascii") as file:
            held = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY_MAX, held + MEMORY_MAX))


def _read(document: Any, pdfium: Any) -> dict[str, Any]:
    pages = len(document)
    lines: list[tuple[int, float, float, float, float, str]] = []
    left = CHARACTERS_MAX
    damaged = 0
    for number in range(min(pages, PAGES_MAX)):
        page = pdfium.FPDF_LoadPage(document, number)
        text = pdfium.FPDFText_LoadPage(page) if page else None
        if not text:
            damaged += 1
            continue
        turned = pdfium.FPDFPage_GetRotation(page)
        size = (pdfium.FPDF_GetPageWidthF(page), pdfium.FPDF_GetPageHeightF(page))
        count = pdfium.FPDFText_CountChars(text)
        for characters in _lines(text, min(count, left), pdfium):
            first, last = (_box(text, index, turned, size, pdfium) for index in _ends(characters))
            value = "".join(chr(code) for _, code in characters)
            lines.append((number, first[0], last[1], first[2], first[3], value))
        left -= count
        pdfium.FPDFText_ClosePage(text)
        pdfium.FPDF_ClosePage(page)
        if left <= 0:
            break
    return {
        "pages": pages,
        "read": min(pages, PAGES_MAX),
        "damaged": damaged,
        "truncated": pages > PAGES_MAX or left < 0 or damaged > 0,
        "title": str(document.get_metadata_dict().get("Title") or "")[:300],
        "lines": lines,
    }


def _lines(text: Any, count: int, pdfium: Any) -> Iterator[list[tuple[int, int]]]:
    """The lines of a page, as pairs of PDFium's index and the character's code; blank lines are left out."""
    line: list[tuple[int, int]] = []
    for index in range(count):
        code = pdfium.FPDFText_GetUnicode(text, index)
        if code not in _NEWLINES:
            if 0 < code < 0x110000:
                line.append((index, code))
            continue
        if any(not chr(c).isspace() for _, c in line):
            yield line
        line = []
    if any(not chr(c).isspace() for _, c in line):
        yield line


def _ends(line: list[tuple[int, int]]) -> tuple[int, int]:
    visible = [index for index, code in line if not chr(code).isspace()]
    return visible[0], visible[-1]


def _box(
    text: Any, index: int, turned: int, size: tuple[float, float], pdfium: Any
) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of a character, as the turned page shows it, in points."""
    box = pdfium.FS_RECTF()
    pdfium.FPDFText_GetLooseCharBox(text, index, ctypes.byref(box))
    width, height = size  # of the page as it is shown
    left, right, bottom, top = box.left, box.right, box.bottom, box.top
    if turned == 1:
        left, right, bottom, top = bottom, top, height - right, height - left
    elif turned == 2:
        left, right, bottom, top = width - right, width - left, height - top, height - bottom
    elif turned == 3:
        left, right, bottom, top = width - top, width - bottom, left, right
    return round(left, 1), round(right, 1), round(bottom, 1), round(top, 1)


if __name__ == "__main__":
    main()
