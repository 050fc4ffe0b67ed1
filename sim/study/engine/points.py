"""Variants of a scenario, checked before any of them is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sim.errors import Problem, ScenarioError
from sim.scenario import Scenario, memory_problem
from sim.study.engine.unit import Values, with_values

_PROBLEMS_MAX: Final = 20


@dataclass(frozen=True)
class Point:
    """One variant of the scenario.

    Attributes:
        key: Equal keys mean equal scenarios.
        values: New values by path.
    """

    key: str
    values: Values


def points_at(scenario: Scenario, variants: Sequence[Mapping[str, Any]]) -> list[Point]:
    """Return checked points.

    Args:
        scenario: What is varied.
        variants: New values by path, one mapping a point.

    Raises:
        ScenarioError: With everything that is wrong at any of them, or two mean the same scenario.
    """
    problems: dict[tuple[str, str], Problem] = {}
    points: dict[str, Point] = {}
    for values in variants:
        try:
            variant = with_values(scenario, values)
        except ScenarioError as error:
            for problem in error.problems:
                problems.setdefault((problem.path, problem.message), problem)
            continue
        too_large = memory_problem(variant)
        if too_large is not None:
            problems.setdefault((too_large.path, too_large.message), too_large)
        if variant.digest in points:
            message = f"{dict(values)} means the same scenario as {dict(points[variant.digest].values)}"
            problems.setdefault(("vary", message), Problem("vary", message))
        points[variant.digest] = Point(variant.digest, values)
    if problems:
        shown = list(problems.values())[:_PROBLEMS_MAX]
        if len(problems) > len(shown):
            shown.append(Problem("vary", f"and {len(problems) - len(shown)} more problems"))
        raise ScenarioError(shown)
    return list(points.values())
