"""Paths to values of a scenario: read, completed, and followed to all places that they mean.

platform.bandwidth              keys
fleet.cohorts.meters.devices    an item of a list by its name
campaign.waves[0].share         or by its position
fleet.cohorts[meters-*].spread  several cohorts by a pattern or label (`sim.scenario.short.selectors`)
fleet.sites.*.uplink            several sites by a pattern of names
max_processing                  the end of a path, if no other path ends so
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, Final, get_origin

from sim.scenario.model import ScenarioValues
from sim.scenario.section import Part, Path, dotted, is_by_name, part_in
from sim.scenario.sections.fleet import NamedSite
from sim.scenario.short.selectors import Labelled, is_selector, selected
from sim.scenario.suggest import unknown
from sim.units import shown

_SITES: Final = "fleet.sites."
_STEP: Final = re.compile(r"\.?([^.\[\]]+)|\[([^\]]+)\]")
_SHOWN_MAX: Final = 12


_Field = tuple[Path, type[Part] | None]
"""Path of a field, and the section that it holds."""


class PathError(ValueError):
    """A path leads nowhere, or its end is that of several."""


def steps_of(path: str) -> list[str | int]:
    """Return the keys, names and selectors (text) and positions (numbers) of a path.

    Raises:
        PathError: It is no path.
    """
    if path.startswith("expect."):  # a metric's name has dots in it
        return ["expect", path.removeprefix("expect.")]
    if path.startswith(_SITES):  # nor need the name of a site be a word
        name, _, key = path.removeprefix(_SITES).rpartition(".")
        if name and key in NamedSite.model_fields:
            return ["fleet", "sites", name, key]
        return ["fleet", "sites", path.removeprefix(_SITES)]
    matches = list(_STEP.finditer(path))
    if "".join(match[0] for match in matches) != path or not path or path.startswith((".", "[")):
        raise PathError("is no path; write keys with dots, like campaign.task_policy.retry_count")
    return [_inner(match[2]) if match[1] is None else match[1] for match in matches]


def _inner(text: str) -> str | int:
    """Return what stands in brackets."""
    return int(text) if text.isdecimal() else text


def completed(data: Mapping[str, Any], path: str) -> str:
    """Return a path from the top of a scenario.

    Args:
        data: The scenario, as plain values.
        path: From the top, which is returned as it is; or the end of exactly one path of this scenario.

    Raises:
        PathError: No path ends so, or several do.
    """
    steps = steps_of(path)
    if steps[0] in ScenarioValues.model_fields:
        return path
    n_plain = next((i for i, step in enumerate(steps) if not _is_plain(step)), len(steps))
    plain = steps[:n_plain]
    fields = list(_fields(ScenarioValues, data, ()))
    ends = [one for one, _ in fields if [*map(str, one[-n_plain:])] == plain and len(one) > n_plain]
    if len(steps) > n_plain + 1:  # what an item of the list has
        having = {one for one, inner in fields if inner and steps[n_plain + 1] in inner.model_fields}
        ends = [one for one in ends if one in having]
    if len(ends) == 1:
        return f"{dotted(ends[0][:-n_plain])}.{path}"
    if ends:
        names = [name for one in sorted(ends, key=len) for name in (_of_all_cohorts(one, data), dotted(one))]
        either = _either([*dict.fromkeys(filter(None, names))])
        raise PathError(f"is the end of several paths; did you mean {either}?")
    words = [str(step) for step in plain]
    near = get_close_matches(words[-1], {str(one[-1]) for one, _ in fields}, n=1, cutoff=0.7)
    if words[-1:] == near:  # the end is right, so what is before it is not
        raise PathError(f"leads nowhere; did you mean {_either(_ending(fields, near[0]))}?")
    if near:
        raise PathError(
            f"unknown field {shown(words[-1])}; did you mean {_either(_ending(fields, near[0]))}?"
        )
    raise PathError(unknown("key", words[0], ScenarioValues.model_fields))


def _is_plain(step: str | int) -> bool:
    return isinstance(step, str) and not is_selector(step)


def _ending(fields: list[_Field], last: str) -> list[str]:
    return [dotted(one) for one, _ in fields if one[-1] == last]


def _of_all_cohorts(path: Path, data: Mapping[str, Any]) -> str:
    """Return the path that means the same in all cohorts; empty if there is none, or one cohort only."""
    if path[:2] != ("fleet", "cohorts") or len(data["fleet"]["cohorts"]) < 2:
        return ""
    return f"fleet.cohorts[*].{dotted(path[3:])}"


def _either(names: list[str]) -> str:
    """Return alternatives, cut where there are many."""
    more = f" or {len(names) - _SHOWN_MAX:,} more" if len(names) > _SHOWN_MAX else ""
    return " or ".join(f"'{name}'" for name in names[:_SHOWN_MAX]) + more


def _fields(part: type[Part], data: Any, path: Path) -> Iterator[_Field]:
    """Yield path and section of every field that a section has, and of those of all items that are there."""
    for name, field in part.model_fields.items():
        place = (*path, name)
        inner = None if name == "expect" else part_in(field.annotation)  # whose keys are metrics
        yield place, inner
        value = data.get(name) if isinstance(data, Mapping) else None
        if inner is None:
            continue
        if isinstance(value, list):
            for i_item, item in enumerate(value):
                yield from _fields(inner, item, (*place, _name_of(item) or i_item))
        elif is_by_name(field.annotation):
            for key, item in value.items() if isinstance(value, Mapping) else ():
                yield from _fields(inner, item, (*place, key))
        elif get_origin(field.annotation) is not tuple:
            yield from _fields(inner, value, place)


def _name_of(item: Any) -> str | None:
    """Return the name of an item of a list; None if it has none."""
    name = item.get("name") if isinstance(item, Mapping) else None
    return name if isinstance(name, str) else None


def targets(data: Mapping[str, Any], path: str, cohorts: Sequence[Labelled]) -> list[list[str | int]]:
    """Return the steps to each place that a path from the top means.

    Args:
        data: The scenario, as plain values.
        path: The path, perhaps with selectors.
        cohorts: Its cohorts.

    Raises:
        PathError: It is no path, or it means no place.
    """
    found: list[list[str | int]] = [[]]
    for step in steps_of(path):
        if not isinstance(step, str) or not is_selector(step) or found[0][:1] == ["expect"]:
            found = [[*before, step] for before in found]
        else:
            found = [[*before, one] for before in found for one in _meant(step, data, before, cohorts)]
    return found


def _meant(
    text: str, data: Mapping[str, Any], before: list[str | int], cohorts: Sequence[Labelled]
) -> Iterator[str | int]:
    """Yield the items that a selector means.

    Args:
        text: The selector.
        data: The scenario, as plain values.
        before: Steps to the list or mapping.
        cohorts: The cohorts of the scenario.
    """
    if before == ["fleet", "cohorts"]:
        try:
            yield from selected(text, cohorts)
        except ValueError as error:
            raise PathError(str(error)) from None
        return
    holder: Any = data
    for step in before:
        holder = holder.get(step) if isinstance(holder, Mapping) else None
    if isinstance(holder, Mapping) and before == ["fleet", "sites"]:
        names = list(holder)
    elif isinstance(holder, list):
        names = [_name_of(item) or str(i_item) for i_item, item in enumerate(holder)]
    else:
        raise PathError(f"{shown(text)} means items of a list, or names of sites; there are none")
    matching = [text] if text in names else [name for name in names if fnmatchcase(name, text)]
    if not matching:
        raise PathError(f"{shown(text)} matches none of {_either(names) or 'no items'}")
    yield from matching
