"""Changing values of a scenario in its source, by their dotted paths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from sim.errors import Problem, ScenarioError
from sim.scenario.sections.fleet import NamedSite
from sim.scenario.source import Source, plain_copy, read_text
from sim.scenario.suggest import unknown
from sim.units import shown

_SITES = "fleet.sites."
_STEP = re.compile(r"\.?([^.\[\]]+)|\[([0-9]+)\]")


class _PathError(ValueError):
    """A path leads nowhere."""


def changed(before: Source, values: Mapping[str, Any]) -> Source:
    """Return the source of a scenario with other values; see `Scenario.with_values`.

    Args:
        before: The source to begin with; it stays as it is.
        values: New value by path.

    Returns:
        A new source, without text; what stands in it is not checked.

    Raises:
        ScenarioError: A path leads nowhere.
    """
    data = plain_copy(before.data)
    problems = []
    for path, value in values.items():
        try:
            _set(data, path, plain_copy(value))
        except _PathError as error:
            problems.append(Problem(path, str(error), file=before.name))
    if problems:
        raise ScenarioError(problems)
    return Source(data, name=before.name, folder=before.folder)


def _set(data: dict[str, Any], path: str, value: Any) -> None:
    """Put a value at a path, with the sections on the way that are absent; None takes it away."""
    *inner, last = _steps(path)
    holder: Any = data
    for step in inner:
        holder = _enter(holder, step)
    if isinstance(holder, list):
        holder[_index(holder, last)] = value
    elif not isinstance(holder, dict) or isinstance(last, int):
        raise _PathError(f"there is no '{last}', since what is before it is {shown(holder)}")
    elif value is None:
        holder.pop(last, None)
    else:
        holder[last] = value


def _steps(path: str) -> list[str | int]:
    """Return the keys (text) and positions (numbers) of a path."""
    if path.startswith("expect."):  # a metric's name has dots in it
        return ["expect", path.removeprefix("expect.")]
    if path.startswith(_SITES):  # nor need the name of a site be a word
        name, _, key = path.removeprefix(_SITES).rpartition(".")
        if name and key in NamedSite.model_fields:
            return ["fleet", "sites", name, key]
        return ["fleet", "sites", path.removeprefix(_SITES)]
    matches = list(_STEP.finditer(path))
    if "".join(match[0] for match in matches) != path or not path or path.startswith("."):
        raise _PathError("is no path; write keys with dots, like campaign.task_policy.retry_count")
    return [int(match[2]) if match[1] is None else match[1] for match in matches]


def _enter(holder: Any, step: str | int) -> Any:
    """Return the section or item at one step."""
    if isinstance(holder, list):
        return holder[_index(holder, step)]
    if not isinstance(holder, dict) or isinstance(step, int):
        raise _PathError(f"there is no '{step}', since what is before it is {shown(holder)}")
    inner = holder.get(step)
    if inner is None:
        holder[step] = inner = {}
    elif isinstance(inner, str):  # the word that stands for a section
        holder[step] = inner = {inner: True}
    return inner


def _index(items: list[Any], step: str | int) -> int:
    """Return the position of an item that is given by its name or position."""
    names = [item.get("name") if isinstance(item, dict) else None for item in items]
    if step in names:
        return names.index(step)
    if isinstance(step, str) and not step.isdecimal():
        raise _PathError(unknown("item", step, [name for name in names if isinstance(name, str)]))
    if int(step) >= len(items):
        raise _PathError(f"there is no item {step}; the list has {len(items)}, counted from 0")
    return int(step)


def parse_value(text: str) -> Any:
    """Return what a text means as a value in a scenario file, for values that come from a command line.

    Args:
        text: Like `3`, `500 Mbit/s`, `true` or `[2, 6]`.

    Returns:
        Number, text, truth value, list, mapping; the text itself if it is not YAML, like `>= 98 %`.
    """
    try:
        return read_text(text, "", FilePath()).data
    except ScenarioError:
        return text
