"""Minimal PDF files, written by hand: text in any script, one font without outlines."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LINE = re.compile(r".{1,38}[，。；、]?")  # characters of 12 points on a line of A4; none begins with a stop


def pdf(paragraphs: Iterable[str]) -> bytes:
    """A PDF of one page that says these paragraphs, each beginning on a line of its own."""
    lines = [line for paragraph in paragraphs for line in _LINE.findall(paragraph)]
    codes = {char: number for number, char in enumerate(sorted(set("".join(lines))), start=1)}
    shown = "\n".join(f"<{''.join(f'{codes[char]:04x}' for char in line)}> Tj T*" for line in lines)
    content = f"BT /F1 12 Tf 16 TL 50 800 Td\n{shown}\nET"
    pairs = [f"<{code:04x}> <{char.encode('utf-16-be').hex()}>" for char, code in codes.items()]
    blocks = [pairs[i : i + 100] for i in range(0, len(pairs), 100)]
    mapping = "\n".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks)
    to_unicode = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n"
        f"1 begincodespacerange <0000> <ffff> endcodespacerange\n{mapping}\nendcmap end end"
    )
    info = "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        "/Resources << /Font << /F1 5 0 R >> >> >>",
        _stream(content),
        "<< /Type /Font /Subtype /Type0 /BaseFont /Song /Encoding /Identity-H /DescendantFonts [6 0 R] "
        "/ToUnicode 7 0 R >>",
        f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Song {info} /DW 1000 /FontDescriptor 8 0 R >>",
        _stream(to_unicode),
        "<< /Type /FontDescriptor /FontName /Song /Flags 4 /FontBBox [0 -200 1000 900] /ItalicAngle 0 "
        "/Ascent 900 /Descent -200 /CapHeight 700 /StemV 80 >>",
    ]
    body, offsets = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, start=1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{text}\nendobj\n".encode("ascii")
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n"
    end += f"<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return body + end.encode("ascii")


def _stream(text: str) -> str:
    return f"<< /Length {len(text)} >>\nstream\n{text}\nendstream"
