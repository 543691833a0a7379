"""Put one entry at the end of a catalogue file that people write by hand: nothing else in it is touched.

The file is text with comments, so the entry goes in as text; the result is loaded before it takes the place
of the file.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import yaml

from crawler.catalogue import BUNDLED, Catalogue, load_catalogue
from crawler.urls import same_host
from hexapolis.errors import CatalogueError, InputFileError, UsageError

_HEAD = "# Sources of your own; docs/adding-a-source.md explains every field.\nversion: 1\nsources:\n"


def load_own(path: Path) -> Catalogue | None:
    """The catalogue that entries are added to; None where there is no file yet.

    Raises:
        UsageError: the bundled catalogue, which is never written.
        CatalogueError: the file is broken; an entry is added only to one that can be read.
    """
    if path.exists() and path.samefile(BUNDLED):
        raise UsageError(f"{path}: this is the catalogue that comes with Hexapolis; name a file of your own")
    if path.is_file() and not path.read_bytes().strip():
        return None
    return load_catalogue(path) if path.exists() else None


def refuse_known_host(catalogue: Catalogue | None, urls: list[str]) -> None:
    """See to it that no source of the catalogue reads the same host.

    Raises:
        UsageError: one does; names it.
    """
    for source in catalogue.sources if catalogue else ():
        for entry in source.entry_points:
            for url in urls:
                if catalogue and same_host(entry.url, url):
                    raise UsageError(
                        f"{catalogue.path}: source {source.id!r} reads {entry.url} already; add the entry "
                        "point to it by hand if it is missing there"
                    )


def indent_of(path: Path) -> str:
    """How far the file's list of sources is indented."""
    root = _compose(path)
    sources = _sources(root)
    return " " * sources.start_mark.column if sources is not None else "  "


def append_entry(path: Path, entry: str) -> Catalogue:
    """Write an entry behind the last source of a file, or into a new file.

    Args:
        path: the catalogue; its folder must exist.
        entry: the lines of one source, indented by `indent_of(path)`.

    Returns:
        The catalogue as it is now.

    Raises:
        CatalogueError: the result could not be loaded, or the file's layout leaves no place; it is unchanged.
        InputFileError: the file cannot be read or written.
    """
    target = path.resolve()  # a link stays a link
    before = load_own(path)
    try:
        old = target.read_bytes().decode("utf-8") if target.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise InputFileError(path, f"cannot be read: {error}") from error
    new = _joined(path, old, entry)
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".yaml", dir=target.parent)
    except OSError as error:
        raise InputFileError(path, f"cannot be written: {error.strerror}") from error
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(new.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        _check(path, draft, before)
        if target.exists():
            shutil.copymode(target, draft)
        else:
            draft.chmod(0o666 & ~_umask())
        draft.replace(target)
    except OSError as error:
        raise InputFileError(path, f"cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    return load_catalogue(path)


def _joined(path: Path, old: str, entry: str) -> str:
    newline = "\r\n" if "\r\n" in old else "\n"
    entry = entry.replace("\n", newline)
    if not old.strip():
        return _HEAD.replace("\n", newline) + entry
    root = _compose(path)
    sources = _sources(root)
    if root is None or sources is None or sources.flow_style:
        raise CatalogueError(
            path, "the list of sources is not written as lines that begin with `- `", field="sources"
        )
    lines = old.splitlines(keepends=True)
    at = len(lines)
    for key, value in root.value:  # whatever stands behind the sources stays behind them
        if value.start_mark.line > sources.start_mark.line and value is not sources:
            at = min(at, key.start_mark.line)
    if at and not lines[at - 1].endswith(("\n", "\r")):
        lines[at - 1] += newline
    return "".join([*lines[:at], entry, *lines[at:]])


def _check(path: Path, draft: Path, before: Catalogue | None) -> None:
    try:
        after = load_catalogue(draft)
    except CatalogueError as error:
        reason = f"the entry does not fit into the file, which is unchanged: {error.reason}"
        raise CatalogueError(path, reason, line=error.line, field=error.field) from error
    old = before.sources if before else ()
    if after.sources[:-1] != old or len(after.sources) != len(old) + 1:
        raise CatalogueError(path, "the entry cannot be put behind the last source; add it by hand")


def _compose(path: Path) -> yaml.MappingNode | None:
    if not path.exists():
        return None
    node = yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
    return node if isinstance(node, yaml.MappingNode) else None


def _sources(root: yaml.MappingNode | None) -> yaml.SequenceNode | None:
    for key, value in root.value if root is not None else ():
        if key.value == "sources" and isinstance(value, yaml.SequenceNode):
            return value
    return None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
