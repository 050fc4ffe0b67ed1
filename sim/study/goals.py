"""What a study is asked for: goals, the precision of a mean, a confidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sim.errors import Problem, ScenarioError
from sim.results.expectations import expectation_key
from sim.scenario import METRICS, MetricKind
from sim.scenario.arguments import given_texts
from sim.scenario.suggest import unknown
from sim.units import parse_duration, parse_rate, parse_share, parse_size, shown

if TYPE_CHECKING:
    from sim.results import Estimate
    from sim.scenario import Expectation, Scenario

FIRST_LOOK: Final = 10
"""Replications before the precision is looked at the first time."""

_GOAL: Final = re.compile(r"\s*((?:cohorts\[[^]]*\])?[\w.\-]+)\s*(.*)", re.DOTALL)
_PRECISION: Final = re.compile(r"\s*([\w.]+)\s*(?:±|\+/?-)\s*(\S.*?)\s*")


def read_goals(scenario: Scenario, texts: str | Sequence[str]) -> tuple[Expectation, ...]:
    """Read goals, each like `time_to_success.p99 <= 8 h`, in the grammar of `expect`.

    Args:
        scenario: Has the cohorts that a goal may name.
        texts: The goals, or a single one.

    Raises:
        ScenarioError: With everything that is wrong: an unknown metric or cohort, no comparison, a
            baseline, a share of replications (which is the confidence's business), or no goal at all.
    """
    if not texts:
        raise ScenarioError([Problem("goal", "is missing; give one like 'time_to_success.p99 <= 8 h'")])
    problems: list[Problem] = []
    goals: list[Expectation] = []
    for text in given_texts("goal", texts):
        try:
            goals += _goals(scenario, text)
        except ScenarioError as error:
            problems += [Problem(f"goal {shown(text)}", problem.message) for problem in error.problems]
        except ValueError as error:
            problems.append(Problem(f"goal {shown(text)}", str(error)))
    if problems:
        raise ScenarioError(problems)
    return tuple(goals)


def _goals(scenario: Scenario, text: str) -> tuple[Expectation, ...]:
    """Read one goal, which is one of each cohort that it means; the scenario's own checks find faults."""
    match = _GOAL.fullmatch(text)
    if match is None:
        raise ValueError("begins with no metric")
    goals = scenario.with_values({"expect": {match[1]: match[2]}}).expectations
    if goals[0].op == "within":
        raise ValueError("compares with a baseline, and a plan has none")
    if goals[0].replications is not None:
        raise ValueError("names a share of replications; that is what the confidence is for")
    return goals


def inequalities(goals: Iterable[Expectation]) -> tuple[Expectation, ...]:
    """Return goals of which each may come or go along a field: an equation as its two inequalities.

    Args:
        goals: As `read_goals` returns them.
    """
    parts: list[Expectation] = []
    for goal in goals:
        signs = ("<=", ">=") if goal.op == "==" else (goal.op,)
        parts += [goal.model_copy(update={"op": sign}) for sign in signs]
    return tuple(parts)


def goal_text(goal: Expectation) -> str:
    """Return a goal as somebody would write it."""
    return f"{expectation_key(goal)} {goal.text}"


def read_confidence(value: object) -> float:
    """Read the share of replications in which goals must hold, above 0 and at most 1.

    Raises:
        ScenarioError: It is no such share.
    """
    try:
        share = parse_share(value)
    except ValueError as error:
        raise ScenarioError([Problem("confidence", str(error))]) from None
    if share == 0:
        raise ScenarioError([Problem("confidence", "is 0 %, which any value reaches; 90 % is usual")])
    return share


@dataclass(frozen=True)
class Precision:
    """How narrow the 95 % interval of a mean must be.

    Attributes:
        metric: Name of the metric.
        half_width: Half its width, > 0, in the metric's unit, or as a share of the mean.
        is_relative: Whether it is a share of the mean.
        text: As it was given.
    """

    metric: str
    half_width: float
    is_relative: bool
    text: str

    def is_met(self, value: Estimate) -> bool:
        """Tell whether an estimate is precise enough; one without an interval is not.

        Args:
            value: The metric over several replications.
        """
        if value.mean is None or value.low is None or value.high is None:
            return False
        allowed = self.half_width * (abs(value.mean) if self.is_relative else 1.0)
        return (value.high - value.low) / 2 <= allowed


def read_precisions(texts: str | Iterable[str]) -> tuple[Precision, ...]:
    """Read precisions, each like `success_share ± 0.2 %` or `makespan +- 10 min`.

    A percentage is one of the fleet for a share, and one of the mean for any other metric.

    Args:
        texts: One, or several that must all be met.

    Raises:
        ScenarioError: With everything that is wrong.
    """
    problems = []
    precisions = []
    for text in given_texts("precision", texts):
        try:
            precisions.append(_precision(text))
        except ValueError as error:
            problems.append(Problem(f"precision {shown(text)}", str(error)))
    if problems:
        raise ScenarioError(problems)
    return tuple(precisions)


def _precision(text: str) -> Precision:
    """Read one precision."""
    match = _PRECISION.fullmatch(text)
    if match is None:
        raise ValueError("is no precision; write METRIC ± WIDTH, like 'success_share ± 0.2 %'")
    metric, width = match[1], match[2]
    if metric not in METRICS:
        raise ValueError(unknown("metric", metric, METRICS))
    kind = METRICS[metric].kind
    relative = width.endswith("%") and kind is not MetricKind.SHARE
    half = parse_share(width) if relative or kind is MetricKind.SHARE else _width(kind, width)
    if half <= 0:
        raise ValueError("is 0 wide; no number of replications is enough for that")
    return Precision(metric, half, relative, text.strip())


def _width(kind: MetricKind, text: str) -> float:
    """Read half a width in the metric's own unit."""
    if kind is MetricKind.TIME:
        return parse_duration(text)
    if kind is MetricKind.SIZE:
        return parse_size(text)
    if kind is MetricKind.RATE:
        return parse_rate(text)
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{shown(text)} is no number, and no percentage of the mean") from None


def looks(most: int) -> Iterator[int]:
    """Yield the numbers of replications at which the precision is looked at; the last one is `most`.

    They are fixed beforehand and few: whoever looks after each replication stops when the interval
    happens to be narrow, and it then covers the truth too rarely. At these looks an interval of 95 %
    covers the mean of normal samples in at least 93.5 % of studies, whatever the precision (20,000
    simulated studies each).

    Args:
        most: Replications at most, >= 1.
    """
    look = FIRST_LOOK
    step = FIRST_LOOK
    while look < most:
        yield look
        if look >= 4 * step:
            step *= 2
        look += step
    yield most
