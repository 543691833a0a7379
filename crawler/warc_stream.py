"""The bytes of a WARC file, unpacked piece by piece, and the places at which a later reading may begin.

A WARC file is plain, or gzip with a member for each record (as the standard wants), or gzip as a whole. All
three are one stream here; what differs is where a reading may begin again: anywhere in a plain file, between
two members of a packed one. Damage is reported, and stepped over when the caller asks for it. Not for
records: `crawler.warc_records` finds them.
"""

from __future__ import annotations

import zlib
from typing import BinaryIO

PIECE = 65_536  # bytes that are read or unpacked at a time
RECORD_MARK = b"WARC/"  # what a record begins with
_GZIP_MARK = b"\x1f\x8b\x08"
_PROBE = 1024  # packed bytes in which a member shows what it begins with


class DamagedError(Exception):
    """A packed file cannot be unpacked at this place.

    Args:
        detail: what is wrong, for the user.
        early: whether the file ends in the middle of a member.
    """

    def __init__(self, detail: str, *, early: bool = False) -> None:
        self.early = early
        super().__init__(detail)


class WarcStream:
    """Reads a file from an offset on, and holds no more of it than a few pieces.

    Args:
        file: opened for reading bytes; it must be seekable.
        offset: where to begin, as `restart` gave it.
    """

    def __init__(self, file: BinaryIO, offset: int = 0) -> None:
        self._file = file
        file.seek(0)
        self.packed = file.read(2) == _GZIP_MARK[:2]
        file.seek(offset)
        self._buffer = b""  # unpacked bytes; those before `_at` are read
        self._at = 0
        self._raw = b""  # packed bytes that follow
        self._member: zlib._Decompress | None = None
        self._member_offset = offset
        self.entered = False  # whether the last `more` has gone into another member

    @property
    def restart(self) -> int | None:
        """The offset in the file from which a new stream goes on here; None inside of a gzip member."""
        if not self.packed:
            return self._file.tell() - len(self._buffer) + self._at
        if self._member is None and self._at == len(self._buffer):
            return self._file.tell() - len(self._raw)
        return None

    def more(self, *, within: bool = False) -> bool:
        """Whether bytes follow; looks for them where none are at hand.

        Args:
            within: do not go beyond the current gzip member.

        Raises:
            DamagedError: what follows cannot be unpacked.
        """
        self.entered = False
        if self._at < len(self._buffer):
            return True
        piece = self._unpacked(within) if self.packed else self._file.read(PIECE)
        self._buffer, self._at = piece, 0
        return bool(piece)

    def _unpacked(self, within: bool) -> bytes:
        """The next bytes of the member, or of the next that has any; none at the end."""
        while True:
            if self._member is None and (within or not self._enter()):
                return b""
            assert self._member is not None
            try:
                piece = self._member.decompress(self._raw, PIECE)
            except zlib.error as error:
                raise DamagedError(f"gzip: {error}") from error
            if self._member.eof:
                self._raw, self._member = self._member.unused_data, None
            else:
                self._raw = self._member.unconsumed_tail
                if not piece and not self._raw:
                    self._raw = self._file.read(PIECE)
                    if not self._raw:
                        raise DamagedError("gzip: the file ends early", early=True)
            if piece:
                return piece

    def _enter(self) -> bool:
        """Begin the next member; False at the end of the file or of all but padding."""
        while len(self._raw) < 2:
            further = self._file.read(PIECE)
            if not further:
                break
            self._raw += further
        while not self._raw.strip(b"\0"):  # tapes and some copiers fill up with zeros
            self._raw = self._file.read(PIECE)
            if not self._raw:
                return False
        self._member_offset = self._file.tell() - len(self._raw)
        self._member = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self.entered = True
        return True

    def read(self, size: int) -> bytes:
        """Up to so many bytes of those at hand; call `more` before."""
        piece = self._buffer[self._at : self._at + size]
        self._at += len(piece)
        return piece

    def line(self, limit: int) -> bytes:
        """The next line with its end, or as much of it as the limit admits."""
        parts, size = [], 0
        while size < limit and self.more():
            end = self._buffer.find(b"\n", self._at, self._at + limit - size)
            part = self.read((end + 1 - self._at) if end >= 0 else limit - size)
            parts.append(part)
            size += len(part)
            if end >= 0:
                break
        return b"".join(parts)

    def begins_record(self, *, within: bool = False) -> bool:
        """Whether a record begins here, by its first bytes, which stay."""
        while len(self._buffer) - self._at < len(RECORD_MARK):
            kept = self._buffer[self._at :]
            self._buffer, self._at = b"", 0
            found = self.more(within=within)
            self._buffer = kept + self._buffer
            if not found:
                break
        return self._buffer.startswith(RECORD_MARK, self._at)

    def skip_blank(self) -> int:
        """Go past line breaks, to the end of this member at most; how many line feeds they were."""
        feeds = 0
        while self.more(within=True) and self._buffer[self._at] in b"\r\n":
            feeds += self._buffer[self._at] == 0x0A
            self._at += 1
        return feeds

    def rewind(self, offset: int) -> None:
        """Go on at another place of a plain file."""
        assert not self.packed
        self._file.seek(offset)
        self._buffer, self._at = b"", 0

    def step_over(self) -> bool:
        """After damage: go to the next gzip member that begins with a record; False when there is none."""
        self._buffer, self._at, self._raw, self._member = b"", 0, b"", None
        start = self._member_offset + 1
        self._file.seek(start)
        window = b""
        while piece := self._file.read(PIECE):
            window += piece
            found = window.find(_GZIP_MARK)
            while found >= 0:
                if self._is_record(start + found):
                    self._file.seek(start + found)
                    self._member_offset = start + found
                    return True
                found = window.find(_GZIP_MARK, found + 1)
            kept = window[-(len(_GZIP_MARK) - 1) :]
            start += len(window) - len(kept)
            window = kept
            self._file.seek(start + len(kept))
        return False

    def _is_record(self, offset: int) -> bool:
        self._file.seek(offset)
        try:
            begin = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(
                self._file.read(_PROBE), len(RECORD_MARK)
            )
        except zlib.error:
            return False
        return begin == RECORD_MARK
