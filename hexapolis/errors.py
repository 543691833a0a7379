"""Every error that Hexapolis raises on purpose.

Each class carries the identifiers it is about and reads as one clear line that says what to do. `exit_code`
is what the command line returns when the error reaches it: 1 failed, 2 wrong usage or configuration, 3 done
in part.
"""

from __future__ import annotations

from pathlib import Path


class HexapolisError(Exception):
    """Base of all expected errors; its text is one line for the user."""

    exit_code = 1


class UsageError(HexapolisError, ValueError):
    """The user asked for something that does not exist or does not fit together."""

    exit_code = 2


class ConfigError(UsageError):
    """A setting (file, environment or option) cannot be used."""


class CatalogueError(UsageError):
    """The source catalogue is broken; says where.

    Args:
        path: the catalogue file.
        line: line in the file, counted from 1, where known.
        field: dotted path of the field, such as `sources[3].entry_points[0].url`, where known.
        reason: what is wrong and what would be right.
    """

    def __init__(
        self, path: Path | str, reason: str, *, line: int | None = None, field: str | None = None
    ) -> None:
        self.path = Path(path)
        self.line = line
        self.field = field
        self.reason = reason
        place = f"{path}:{line}" if line is not None else str(path)
        super().__init__(f"{place}: {field}: {reason}" if field else f"{place}: {reason}")


class UnknownSourceError(UsageError):
    """No source of that id is in the catalogue."""

    def __init__(self, source_id: str, close: list[str]) -> None:
        self.source_id = source_id
        hint = f"did you mean {', '.join(close)}?" if close else "`hexapolis sources` lists them"
        super().__init__(f"unknown source {source_id!r}; {hint}")


class InputFileError(UsageError):
    """A file that the user named is missing or cannot be read."""

    def __init__(self, path: Path | str, reason: str) -> None:
        self.path = Path(path)
        super().__init__(f"{path}: {reason}")


class NotFoundError(HexapolisError, LookupError):
    """Nothing in the store has that identifier."""


class StoreError(HexapolisError):
    """The database cannot be opened, read or written."""


class NewerDatabaseError(StoreError):
    """The database was written by a newer version of Hexapolis; it is left untouched."""

    def __init__(self, url: str, found: str, supported: str) -> None:
        self.found = found
        super().__init__(
            f"{url}: schema {found} is newer than this version of Hexapolis knows ({supported}); "
            "upgrade Hexapolis or choose another database"
        )


class ArchiveError(HexapolisError):
    """A WARC file is missing, damaged, or does not hold the bytes that its row promises."""


class AddressRefusedError(HexapolisError):
    """The safety guard refuses to connect to a private, loopback or otherwise special address."""

    def __init__(self, host: str, address: str) -> None:
        self.host = host
        self.address = address
        super().__init__(
            f"{host} is at {address}, which is not a public address; "
            "name the host in an entry point or in the setting allow_hosts if you mean it"
        )


class ExtractionError(HexapolisError):
    """A page could not be turned into an article.

    `kind` is a short, stable word kept with the page: `too_large`, `timeout`, `crash`, `no_text`, `not_html`,
    `undecodable`.
    """

    def __init__(self, kind: str, detail: str) -> None:
        self.kind = kind
        self.detail = detail
        super().__init__(f"{kind}: {detail}")


class ModelError(HexapolisError):
    """A model file is missing, not trusted, or does not fit this version."""


class CorpusError(UsageError):
    """A labelled file is broken; the message has the file and the line."""
