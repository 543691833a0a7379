"""PDF and DOCX files written by hand, for tests: no program that makes them is needed."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence

WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
EM = 12  # points
LEFT, TOP, STEP = 72, 760, 20

# x, y, text, size
Row = tuple[float, float, str, float]


def pdf_of(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalogue."""
    body = b"%PDF-1.4\n"
    places = []
    for number, text in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%b\nendobj\n" % (number, text)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<</Size %d/Root 1 0 R%b>>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        trailer,
        len(body),
    )
    return body + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + end


def stream(data: bytes, about: bytes = b"") -> bytes:
    return b"<</Length %d%b>>\nstream\n%b\nendstream" % (len(data), about, data)


def pdf(pages: Sequence[Sequence[Row]], *, title: str = "", trailer: bytes = b"") -> bytes:
    """A PDF whose pages show these rows; Chinese letters as wide as they are high, others half as wide."""
    font = b"<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H/DescendantFonts[4 0 R]>>"
    inner = (
        b"<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light/DW 1000/W[1 95 500 814 939 500]"
        b"/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 4>>"
        b"/FontDescriptor<</Type/FontDescriptor/FontName/STSong-Light/Flags 6/Ascent 752/Descent -271"
        b"/CapHeight 737/ItalicAngle 0/StemV 58/FontBBox[-25 -254 1000 880]>>>>"
    )
    about = b"<</Title<FEFF%b>>>" % title.encode("utf-16-be").hex().encode()
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"", font, inner, about]
    kids = []
    for rows in pages:
        shown = b"".join(
            b"BT /F %g Tf %g %g Td <%b> Tj ET\n" % (size, x, y, text.encode("utf-16-be").hex().encode())
            for x, y, text, size in rows
        )
        objects.append(stream(shown))
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents %d 0 R"
            b"/Resources<</Font<</F 3 0 R>>>>>>" % len(objects)
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<</Type/Pages/Count %d/Kids[%b]>>" % (len(kids), b" ".join(kids))
    return pdf_of(objects, b"/Info 5 0 R" + trailer)


def english_pdf(
    contents: bytes, about: bytes = b"", trailer: bytes = b"", more: Sequence[bytes] = ()
) -> bytes:
    """A PDF of one page with this content stream, and Helvetica as /F."""
    return pdf_of(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
            b"/Resources<</Font<</F 5 0 R>>/XObject<</X 6 0 R>>>>>>",
            stream(contents, about),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            *more,
        ],
        trailer,
    )


def rows_of(paragraphs: Sequence[str], *, width: int = 36, top: float = TOP, indent: int = 2) -> list[Row]:
    """Rows of paragraphs, broken after `width` Chinese letters, the first line of each set in."""
    rows: list[Row] = []
    for paragraph in paragraphs:
        room = width - indent
        left = LEFT + indent * EM
        rest = paragraph
        while rest:
            rows.append((left, top - STEP * len(rows), rest[:room], EM))
            rest, room, left = rest[room:], width, LEFT
    return rows


def docx(body: str, *, parts: Mapping[str, str | bytes] | None = None, head: str = "") -> bytes:
    """A DOCX whose main part has this body."""
    main = (
        f"<?xml version='1.0' encoding='UTF-8'?>{head}<w:document {WORD}><w:body>{body}</w:body></w:document>"
    )
    return package({"[Content_Types].xml": "<Types/>", "word/document.xml": main, **(parts or {})})


def package(parts: Mapping[str, str | bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in parts.items():
            made.writestr(name, text)
    return file.getvalue()


def paragraph(*runs: str) -> str:
    return "<w:p>" + "".join(f"<w:r><w:t>{run}</w:t></w:r>" for run in runs) + "</w:p>"


def squeezed(size: int) -> bytes:
    """So many blanks, deflated."""
    packer = zlib.compressobj(9)
    piece = b" " * 10_000_000
    return b"".join(packer.compress(piece) for _ in range(size // len(piece))) + packer.flush()
