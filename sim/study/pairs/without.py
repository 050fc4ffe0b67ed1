"""A scenario without something: the words that say what, and what they take away."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from sim.errors import Problem, ScenarioError
from sim.scenario.suggest import unknown

if TYPE_CHECKING:
    from sim.scenario import Cohort, Scenario

_ITEM: Final = re.compile(r"(\w+)\[([^\[\]]+)\]")


def lacking(scenario: Scenario, parts: Iterable[str]) -> Scenario:
    """Return a scenario that lacks some of its parts.

    Args:
        scenario: The scenario; it stays as it is.
        parts: Words of `PARTS`, like `outages`; items of lists, like `outages[0]`; or paths of values, like
            `campaign.task_policy`, which then have their defaults.

    Raises:
        ScenarioError: A part is not known, or the scenario has none, or can't do without; with all problems.
    """
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for part in parts:
        try:
            taken = _values_without(scenario, part)
        except ScenarioError as error:
            problems += error.problems
            continue
        if not taken:
            problems.append(Problem("without", f"the scenario has no {part}, so there is nothing to compare"))
        values |= taken
    if problems:
        raise ScenarioError(problems)
    return scenario.with_values(values)


def _values_without(scenario: Scenario, part: str) -> dict[str, Any]:
    """Return the values by path that take a part away; empty if there is none of it."""
    data = scenario.source.data
    item = _ITEM.fullmatch(part)
    if item is not None and item[1] in _LISTS:
        return _without_item(data, _LISTS[item[1]], item[1], item[2])
    if part in PARTS:
        return PARTS[part](scenario)
    if "." in part and _given(data, part):
        return {part: None}
    if "." in part:
        return {}
    allowed = [*PARTS, *(f"{name}[0]" for name in _LISTS), "or a path like campaign.task_policy"]
    raise ScenarioError([Problem("without", unknown("part", part, allowed))])


def _given(data: Any, path: str) -> bool:
    """Tell whether a scenario's file says something at a path."""
    for step in re.split(r"[.\[\]]+", path.rstrip("]")):
        if isinstance(data, list):
            names = [item.get("name") if isinstance(item, dict) else None for item in data]
            at = names.index(step) if step in names else int(step) if step.isdecimal() else len(data)
            data = data[at] if at < len(data) else None
        else:
            data = data.get(step) if isinstance(data, dict) else None
    return data is not None


def _without_item(data: Any, path: str, name: str, which: str) -> dict[str, Any]:
    """Return the values that take one item out of a list.

    Args:
        data: What the file says.
        path: Path of the list.
        name: What the list is called.
        which: Number of the item, from 0, or its name.
    """
    items: Any = data
    for key in path.split("."):
        items = items.get(key) or {}
    named = [item.get("name") for item in items]
    at = named.index(which) if which in named else int(which) if which.isdecimal() else len(named)
    if at >= len(named):
        have = f"the scenario has {len(named)}, counted from 0" if named else "the scenario has none"
        raise ScenarioError([Problem("without", f"there is no {name}[{which}]; {have}")])
    return {path: [item for i, item in enumerate(items) if i != at] or None}


def _cohorts_without(scenario: Scenario, key: str, has: Callable[[Cohort], bool]) -> dict[str, Any]:
    """Return values that take a key away from the cohorts that have something there."""
    return {f"fleet.cohorts.{cohort.name}.{key}": None for cohort in scenario.fleet.cohorts if has(cohort)}


def _failures(scenario: Scenario) -> dict[str, Any]:
    own = _cohorts_without(scenario, "failures", lambda cohort: bool(cohort.failures))
    return own | ({"failures": None} if scenario.failures else {})


def _sites(scenario: Scenario) -> dict[str, Any]:
    own = _cohorts_without(scenario, "site", lambda cohort: cohort.site is not None)
    return own | ({"fleet.sites": None} if scenario.fleet.sites else {})


def _gates(scenario: Scenario) -> dict[str, Any]:
    gated = [i for i, wave in enumerate(scenario.campaign.waves) if wave.gate is not None]
    return {f"campaign.waves[{i}].gate": None for i in gated}


def _section(path: str) -> Callable[[Scenario], dict[str, Any]]:
    """Return what takes a whole section away."""
    return lambda scenario: {path: None} if _given(scenario.source.data, path) else {}


PARTS: Final[dict[str, Callable[[Scenario], dict[str, Any]]]] = {
    "outages": _section("outages"),
    "operators": _section("operators"),
    "failures": _failures,
    "waves": _section("campaign.waves"),
    "gates": _gates,
    "windows": lambda scenario: _cohorts_without(scenario, "window", lambda cohort: bool(cohort.window)),
    "sites": _sites,
    "platform": _section("platform"),
}
"""What may be taken away, and the values by path that do it."""

_LISTS: Final = {
    "outages": "outages",
    "operators": "operators",
    "failures": "failures",
    "waves": "campaign.waves",
}
"""Lists of which a single item may be taken away, and their paths."""
