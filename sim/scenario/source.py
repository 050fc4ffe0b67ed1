"""Reading a scenario file: text to plain Python values, and the line and column of each of them.

YAML 1.2 is composed into nodes by `ruamel.yaml`; the values are made of the nodes here. So there are no
loader classes among the values, every value has a position, and all duplicate keys are found, not the
first one only. Anchors, aliases and merge keys work; tags do not.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from sim.errors import Problem, ScenarioError
from sim.scenario.section import Fault, Path, dotted

SIZE_BYTES_MAX = 16 * 2**20
"""Largest scenario file. A larger one was not meant to be one."""

_VALUES_MAX = 200_000
"""Most values of a file after its aliases are followed; a few lines could name billions."""

_ENTRY = re.compile(r"\bcohorts\[([0-9]+)\]")

_TAG = "tag:yaml.org,2002:"


class Position(NamedTuple):
    """A position in a text, from 1."""

    line: int
    column: int


class Span(NamedTuple):
    """Where a value stands.

    Attributes:
        key: Position of its key; of the value itself if it is an item of a list, or the whole file.
        value: Position of the value.
        is_single: Whether it is a single value, not a mapping or a list.
    """

    key: Position
    value: Position
    is_single: bool


@dataclass(frozen=True)
class Source:
    """What a scenario was made of.

    Attributes:
        data: Plain mappings, lists, text and numbers, as they were written. Read only.
        name: The file's name as the user wrote it; None if there is no file.
        text: The file's text; None if the values were made in Python.
        folder: Where relative names of other files begin.
        spans: Position of each value in the text.
        problems: What is wrong although it could be read, like a key that is given twice.
        written: Where the file has what was written out, by where it stands in `data`.
    """

    data: Any
    name: str | None = None
    text: str | None = None
    folder: FilePath = field(default_factory=FilePath)
    spans: Mapping[Path, Span] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    written: Mapping[Path, Path] = field(default_factory=dict)

    def problem(self, fault: Fault) -> Problem:
        """Give a fault its position: that of its place, or of the nearest section around it."""
        fault = Fault(self.as_written(fault.path), self._named_as_written(fault.message), fault.at_key)
        path = fault.path
        while path and path not in self.spans:
            path = path[:-1]
        span = self.spans.get(path)
        if span is None:
            return Problem(dotted(fault.path), fault.message, file=self.name)
        mark = span.value if span.is_single and not fault.at_key else span.key
        shown = path if span.is_single else fault.path  # nothing stands inside a single value
        given = path[-1] if fault.at_key and path else self._single_at(path)
        return Problem(dotted(shown), fault.message, mark.line, mark.column, self.name, given)

    def _named_as_written(self, message: str) -> str:
        """Return a message in which cohorts that were made of templates go by the entries of the file."""

        def entry(match: re.Match[str]) -> str:
            return dotted(self.as_written(("fleet", "cohorts", int(match[1])))).removeprefix("fleet.")

        return _ENTRY.sub(entry, message) if self.written else message

    def _single_at(self, path: Path) -> object:
        """Return the single value at a place; None if it is a mapping or a list, or comes by an alias."""
        value = self.data
        for step in path:
            try:
                value = value[step]
            except (LookupError, TypeError):
                return None
        return None if isinstance(value, dict | list) else value

    def as_written(self, path: Path) -> Path:
        """Return where the file has what stands at a place of `data`."""
        for n_steps in range(len(path), 0, -1) if self.written else ():
            if path[:n_steps] in self.written:
                return (*self.written[path[:n_steps]], *path[n_steps:])
        return path


def read_file(path: str | FilePath) -> Source:
    """Read a scenario file.

    Returns:
        What stands in it.

    Raises:
        ScenarioError: The file can't be read, is not text, or is not YAML.
    """
    name = str(path)
    text = _decoded(_content(FilePath(path), name), name)
    return read_text(text, name, FilePath(path).parent)


def read_text(text: str, name: str, folder: FilePath) -> Source:
    """Read the text of a scenario file.

    Args:
        text: YAML 1.2.
        name: Name for messages.
        folder: Where relative names of other files begin.

    Returns:
        What stands in it.

    Raises:
        ScenarioError: The text is not YAML, or is empty.
    """
    reader = _Reader(name)
    try:
        top = YAML(typ="safe", pure=True).compose(text)
        data = None if top is None else reader.value(top, ())
    except MarkedYAMLError as error:
        raise ScenarioError([_syntax_problem(error, text, name)]) from None
    except YAMLError as error:  # an unprintable character: the only error without a mark
        position = getattr(error, "position", 0)
        mark = _mark_at(text, position)
        character = text[position : position + 1]
        message = f"the character {character!r} is not allowed in YAML"
        raise ScenarioError([Problem("", message, *mark, file=name)]) from None
    except RecursionError:
        raise ScenarioError([Problem("", "is nested too deeply", file=name)]) from None
    if data is None:
        message = "is empty; a scenario needs at least 'fleet' and 'campaign'"
        raise ScenarioError(reader.problems or [Problem("", message, 1, 1, name)])
    return Source(data, name, text, folder, reader.spans, tuple(reader.problems))


def plain_copy(value: Any) -> Any:
    """Return a copy in which nothing is shared, so that one place can be changed alone.

    Returns:
        Dicts, lists and the same single values.
    """
    if isinstance(value, Mapping):
        return {str(key): plain_copy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_copy(item) for item in value]
    return value


def yaml_text(data: Any) -> str:
    """Return plain values as the text of a scenario file.

    Returns:
        YAML 1.2 that reads back as the same values.
    """
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # untyped; starts as None
    writer.allow_unicode = True
    writer.width = 110
    buffer = io.StringIO()
    writer.dump(data, buffer)
    return buffer.getvalue()


def _content(path: FilePath, name: str) -> bytes:
    """Return a file's bytes."""
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_BYTES_MAX + 1)
    except FileNotFoundError:
        message = "there is no such file"
    except IsADirectoryError:
        message = "is a folder, not a scenario file"
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        message = f"can't be read: {getattr(error, 'strerror', None) or error}"
    else:
        if len(content) <= SIZE_BYTES_MAX:
            return content
        message = f"is larger than {SIZE_BYTES_MAX // 2**20} MiB, so it is no scenario file"
    raise ScenarioError([Problem("", message, file=name)])


def _decoded(content: bytes, name: str) -> str:
    """Return the text of a file's bytes."""
    if b"\0" in content:
        message = "is not a text file (it holds zero bytes); a scenario is YAML in UTF-8"
        raise ScenarioError([Problem("", message, file=name)])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", errors="replace")
        mark = _mark_at(before, len(before))
        message = f"is not UTF-8: byte 0x{content[error.start]:02x} can't stand here; save the file as UTF-8"
        raise ScenarioError([Problem("", message, *mark, file=name)]) from None


def _mark_at(text: str, position: int) -> Position:
    """Return line and column of a position in a text."""
    before = text[:position]
    return Position(before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)


_SYNTAX_HINTS = (
    ("chomping or indentation", "text that begins with '>' or '|' must be quoted, like \">= 98 %\""),
    ("'\\t'", "a tab can't stand here; use spaces"),
    ("cannot start any token", "text that begins so must be quoted"),
    ("mapping values are not allowed", "a ': ' inside a text needs quotes, or the indentation is wrong"),
    ("found undefined alias", "text that begins with '*' must be quoted"),
    ("another document", "a scenario file holds one document"),
    ("unexpected end of stream", "a quote is not closed"),
)


def _syntax_problem(error: MarkedYAMLError, text: str, name: str) -> Problem:
    """Say what is wrong with the syntax, and what was probably meant."""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    lines = text.split("\n")
    indentation = re.match(r"\s*", lines[line] if line < len(lines) else "")
    if indentation is not None and "\t" in indentation[0]:
        column = indentation[0].index("\t")
        return Problem("", "a tab can't indent YAML; use spaces", line + 1, column + 1, name)
    said = ", ".join(part for part in (error.context, error.problem) if part)
    hint = next((f"; {hint}" for sign, hint in _SYNTAX_HINTS if sign in said), "")
    return Problem("", f"is not YAML: {said}{hint}", line + 1, column + 1, name)


class _Reader:
    """Makes values of nodes; collects positions and problems on the way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.spans: dict[Path, Span] = {}
        self.problems: list[Problem] = []
        self._open: set[int] = set()

    def value(self, node: Node, path: Path, key: Position | None = None) -> Any:
        """Return the plain value of a node.

        Args:
            node: Any node.
            path: Where it stands.
            key: Position of its key, if it has one.

        Returns:
            Mapping, list, text, number, truth value or None.
        """
        mark = _mark_of(node)
        is_single = isinstance(node, ScalarNode)
        if key is not None and is_single and node.start_mark.index == node.end_mark.index:
            mark = key  # nothing is written, and the node of nothing stands at what comes next
        self.spans[path] = Span(key or mark, mark, is_single)
        if len(self.spans) > _VALUES_MAX:
            raise ScenarioError([Problem("", f"holds more than {_VALUES_MAX} values", file=self.name)])
        if id(node) in self._open:
            self._complain(path, mark, "an alias must not stand inside what it stands for")
            return None
        if isinstance(node, ScalarNode):
            return self._single(node, path, mark)
        self._open.add(id(node))
        try:
            if isinstance(node, MappingNode):
                return self._mapping(node, path, mark)
            assert isinstance(node, SequenceNode)
            self._check_tag(node, path, mark, "seq")
            return [self.value(item, (*path, i_item)) for i_item, item in enumerate(node.value)]
        finally:
            self._open.discard(id(node))

    def _complain(self, path: Path, mark: Position, message: str) -> None:
        self.problems.append(Problem(dotted(path), message, mark.line, mark.column, self.name))

    def _check_tag(self, node: Node, path: Path, mark: Position, plain: str) -> None:
        if str(node.tag) != f"{_TAG}{plain}":
            self._complain(path, mark, f"tags like '{node.tag}' are not allowed")

    def _mapping(self, node: MappingNode, path: Path, mark: Position) -> dict[str, Any]:
        self._check_tag(node, path, mark, "map")
        mapping: dict[str, Any] = {}
        merged = []
        for key_node, value_node in node.value:
            key_mark = _mark_of(key_node)
            if not isinstance(key_node, ScalarNode):
                self._complain(path, key_mark, "a key must be a word, not a list or mapping")
            elif str(key_node.tag) == f"{_TAG}merge":
                merged.append(value_node)
            elif key_node.value in mapping:
                first = self.spans[(*path, key_node.value)].key
                self._complain(
                    (*path, key_node.value), key_mark, f"is given twice, first in line {first.line}"
                )
            else:
                mapping[key_node.value] = self.value(value_node, (*path, key_node.value), key_mark)
        for source in merged:
            for key_node, value_node in self._merged_pairs(source, path):
                if key_node.value not in mapping:
                    inner = (*path, key_node.value)
                    mapping[key_node.value] = self.value(value_node, inner, _mark_of(key_node))
        return mapping

    def _merged_pairs(self, source: Node, path: Path) -> Iterator[tuple[ScalarNode, Node]]:
        """Yield what `<<` brings in: the pairs of one mapping, or of a list of mappings."""
        for mapping in source.value if isinstance(source, SequenceNode) else [source]:
            if not isinstance(mapping, MappingNode):
                self._complain(path, _mark_of(mapping), "'<<' takes a mapping, or a list of mappings")
                continue
            for key_node, value_node in mapping.value:
                if isinstance(key_node, ScalarNode):
                    yield key_node, value_node

    def _single(self, node: ScalarNode, path: Path, mark: Position) -> Any:
        """Return a single value by the type that YAML 1.2 gives to its spelling."""
        text: str = node.value
        match str(node.tag).removeprefix(_TAG):
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int":
                return _number(text, _whole)
            case "float":
                return _number(text.lower().replace(".inf", "inf").replace(".nan", "nan"), float)
            case "str" | "timestamp" | "value" | "merge":
                return text
        self._complain(path, mark, f"tags like '{node.tag}' are not allowed")
        return None


def _mark_of(node: Node) -> Position:
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)


def _whole(digits: str) -> int:
    """Return a whole number; a leading zero means nothing, `0x`, `0o` and `0b` mean a base."""
    base = 0 if digits.lstrip("+-")[:2].lower() in ("0x", "0o", "0b") else 10
    return int(digits, base)


def _number(text: str, convert: Callable[[str], float]) -> float | str:
    """Return the number that a text stands for; the text itself if Python can't make one of it."""
    try:
        return convert(text.replace("_", ""))
    except ValueError:  # `%YAML 1.1` has other spellings, and a number may have too many digits
        return text
