"""Reads one YAML file into plain data and remembers the line of every value.

For files that people write by hand and get wrong: each fault is a `CatalogueError` with its line. Only what
the catalogue needs of YAML is accepted: one document, plain types, text keys. Not a general YAML reader, and
it knows nothing of what the fields mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from hexapolis.errors import CatalogueError

try:  # the reader in C is ten times as fast; both give the same nodes
    from yaml import CSafeLoader as _Loader
except ImportError:  # pragma: no cover - depends on how PyYAML was built
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

MAX_BYTES = 5_000_000
MAX_DEPTH = 20  # collections inside collections; a catalogue needs six
MAX_ALIASED = 10_000  # values that aliases may add; a "billion laughs" file would add 10**9

KeyPath = tuple[str | int, ...]
_PLAIN_TAGS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def field_name(path: KeyPath) -> str:
    """`("sources", 3, "url")` as a person would write it: `sources[3].url`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


class YamlFile:
    """The content of a YAML file.

    Attributes:
        path: the file.
        data: its content as dicts, lists and scalars.
    """

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            CatalogueError: missing, too large, not UTF-8, not YAML, or more of YAML than is accepted here.
        """
        self.path = path
        self._lines: dict[KeyPath, int] = {}
        self._aliased = 0
        self._converted: set[int] = set()
        text = self._read_text()
        try:
            self._refuse_deep(yaml.parse(text, Loader=_Loader))
            root = yaml.compose(text, Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            mark: Any = error.problem_mark or error.context_mark
            reason = ": ".join(part for part in (error.context, error.problem) if part)
            raise self._error(f"not valid YAML: {reason}", line=mark and mark.line + 1) from error
        except yaml.YAMLError as error:
            raise self._error(f"not valid YAML: {' '.join(str(error).split())}") from error
        if root is None:
            raise self._error("the file is empty; a catalogue begins with `sources:`")
        self._scalars = yaml.constructor.SafeConstructor()
        self.data: Any = self._convert(root, (), root.start_mark.line + 1, in_alias=False)

    def line(self, path: KeyPath) -> int:
        """Line, from 1, of the value at that path, or of the nearest value around it that exists."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def error(self, path: KeyPath, reason: str) -> CatalogueError:
        """An error about the value at that path."""
        return self._error(reason, line=self.line(path), field=field_name(path) or None)

    def _error(self, reason: str, *, line: int | None = None, field: str | None = None) -> CatalogueError:
        return CatalogueError(self.path, reason, line=line, field=field)

    def _read_text(self) -> str:
        try:
            with self.path.open("rb") as file:
                raw = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            raise self._error("there is no such file") from None
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            reason = getattr(error, "strerror", None) or error
            raise self._error(f"the file cannot be read: {reason}") from error
        if len(raw) > MAX_BYTES:
            raise self._error(f"the file is larger than {MAX_BYTES // 1_000_000} MB")
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            raise self._error("the file is not UTF-8; save it again with that encoding", line=line) from error
        if bad := _NOT_TEXT.search(text):
            line = text.count("\n", 0, bad.start()) + 1
            raise self._error(f"the file holds a control character, U+{ord(bad.group()):04X}", line=line)
        return text

    def _refuse_deep(self, events: Iterator[yaml.Event]) -> None:
        """Stop before recursion can exhaust the stack."""
        depth = 0
        for event in events:
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    mark: Any = event.start_mark
                    raise self._error(f"values are nested more than {MAX_DEPTH} deep", line=mark.line + 1)
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1

    def _convert(self, node: yaml.Node, path: KeyPath, line: int, *, in_alias: bool) -> Any:
        self._lines[path] = line
        in_alias = in_alias or id(node) in self._converted  # met before, so reached through an alias now
        self._converted.add(id(node))
        self._aliased += in_alias
        endless = len(path) > MAX_DEPTH  # an alias inside its own anchor
        if endless or self._aliased > MAX_ALIASED:
            raise self._error("aliases repeat too much; write the values out", line=line)
        if isinstance(node, yaml.CollectionNode) and node.tag not in _PLAIN_TAGS:
            raise self._error(
                f"the tag {node.tag} has no meaning here", line=line, field=field_name(path) or None
            )
        if isinstance(node, yaml.MappingNode):
            return self._convert_mapping(node, path, in_alias)
        if isinstance(node, yaml.SequenceNode):
            return [
                self._convert(child, (*path, i), self._line_of(child, line, in_alias), in_alias=in_alias)
                for i, child in enumerate(node.value)
            ]
        try:
            return self._scalars.construct_object(node)
        except (yaml.YAMLError, ValueError, OverflowError) as error:  # an unknown !tag; 2024-13-45
            problem = getattr(error, "problem", None) or error
            raise self._error(f"not a usable value: {problem}", line=line, field=field_name(path)) from error

    def _convert_mapping(self, node: yaml.MappingNode, path: KeyPath, in_alias: bool) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = self._line_of(key_node, self.line(path), in_alias)
            if not isinstance(key_node, yaml.ScalarNode) or not key_node.value:
                raise self._error("a field's name must be a word", line=line, field=field_name(path) or None)
            key = key_node.value
            if key in data:
                first = self._lines[(*path, key)]
                reason = f"written twice (first on line {first}); the second would hide the first"
                raise self._error(reason, line=line, field=field_name((*path, key)))
            data[key] = self._convert(value_node, (*path, key), line, in_alias=in_alias)
        return data

    @staticmethod
    def _line_of(node: yaml.Node, around: int, in_alias: bool) -> int:
        """An aliased value is reported where the alias stands, not where its anchor is."""
        return around if in_alias else node.start_mark.line + 1
