"""Changing values of a scenario in its source, by their dotted paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

from sim.errors import Problem, ScenarioError
from sim.scenario.editing.paths import PathError, completed, targets
from sim.scenario.short.selectors import Labels, labelled
from sim.scenario.source import Source, plain_copy, read_text
from sim.scenario.suggest import unknown
from sim.units import shown


def changed(before: Source, values: Mapping[str, Any], labels: Labels | None = None) -> Source:
    """Return the source of a scenario with other values; see `Scenario.with_values`.

    Args:
        before: The source to begin with; it stays as it is.
        values: New value by path.
        labels: Values of the inventory's columns by cohort, by which paths may choose cohorts.

    Returns:
        A new source, without text; what stands in it is not checked.

    Raises:
        ScenarioError: A path leads nowhere.
    """
    data = plain_copy(before.data)
    problems = []
    cohorts = labelled(data.get("fleet"), labels)
    for path, value in values.items():
        try:
            for steps in targets(data, completed(data, path), cohorts):
                _set(data, steps, plain_copy(value))
        except PathError as error:
            problems.append(Problem(path, str(error), file=before.name))
    if problems:
        raise ScenarioError(problems)
    return Source(data, name=before.name, folder=before.folder)


def _set(data: dict[str, Any], steps: Sequence[str | int], value: Any) -> None:
    """Put a value at a place, with the sections on the way that are absent; None takes it away."""
    *inner, last = steps
    holder: Any = data
    for step in inner:
        holder = _enter(holder, step)
    if isinstance(holder, list):
        holder[_index(holder, last)] = value
    elif not isinstance(holder, dict) or isinstance(last, int):
        raise PathError(f"there is no '{last}', since what is before it is {shown(holder)}")
    elif value is None:
        holder.pop(last, None)
    else:
        holder[last] = value


def _enter(holder: Any, step: str | int) -> Any:
    """Return the section or item at one step."""
    if isinstance(holder, list):
        return holder[_index(holder, step)]
    if not isinstance(holder, dict) or isinstance(step, int):
        raise PathError(f"there is no '{step}', since what is before it is {shown(holder)}")
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
        raise PathError(unknown("item", step, [name for name in names if isinstance(name, str)]))
    if int(step) >= len(items):
        raise PathError(f"there is no item {step}; the list has {len(items)}, counted from 0")
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
