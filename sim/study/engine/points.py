"""Variants of a scenario, checked before any of them is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sim.errors import Problem, ScenarioError
from sim.scenario import Scenario, memory_problem

_PROBLEMS_MAX: Final = 20
_KEPT_MAX: Final = 1_000  # some 40 kB each, which 100,000 of them would make too many

Values = Mapping[str, Any]
"""New values by path, as a scenario file writes them."""


@dataclass(frozen=True)
class Point:
    """One variant of the scenario.

    Attributes:
        key: Equal keys mean equal scenarios.
        values: New values by path.
        scenario: The variant itself if it was made already; it stays in this process.
    """

    key: str
    values: Values
    scenario: Scenario | None = field(default=None, compare=False, repr=False)

    def of(self, base: Scenario) -> Scenario:
        """Return the variant of a scenario, checked."""
        return _variant(base, self.values) if self.scenario is None else self.scenario

    def __reduce__(self) -> tuple[type[Point], tuple[str, Values]]:
        """Pickle key and values: another process makes the variant of them sooner than it unpickles one."""
        return Point, (self.key, self.values)


def _variant(base: Scenario, values: Values) -> Scenario:
    """Return a scenario with other values, checked."""
    return base.with_values(values) if values else base


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
    currency = scenario.currency
    for values in variants:
        try:
            variant = _variant(scenario, values)
        except ScenarioError as error:
            for problem in error.problems:
                problems.setdefault((problem.path, problem.message), problem)
            continue
        too_large = memory_problem(variant)
        if too_large is not None:
            problems.setdefault((too_large.path, too_large.message), too_large)
        currency = currency or variant.currency
        if variant.currency not in ("", currency):
            message = f"are in {variant.currency}, and elsewhere in {currency}; all points need one currency"
            problems.setdefault(("costs", message), Problem("costs", message))
        if variant.digest in points:
            message = f"{dict(values)} means the same scenario as {dict(points[variant.digest].values)}"
            problems.setdefault(("vary", message), Problem("vary", message))
        kept = variant if len(points) < _KEPT_MAX else None
        points[variant.digest] = Point(variant.digest, values, kept)
    if problems:
        shown = list(problems.values())[:_PROBLEMS_MAX]
        if len(problems) > len(shown):
            shown.append(Problem("vary", f"and {len(problems) - len(shown)} more problems"))
        raise ScenarioError(shown)
    return list(points.values())
