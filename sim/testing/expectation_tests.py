"""The lines of `expect`, one by one: their names as tests, their places in the file, their verdicts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from sim.results.display.format import format_metric, format_share
from sim.results.statistics import Metric, estimate

if TYPE_CHECKING:
    from sim.scenario import Expectation, Scenario
    from sim.testing.runs import Trial

BASELINE_WORD = "baseline"
"""Name of the test that holds a scenario against its baseline; no metric is called so."""


class ExpectedLine(NamedTuple):
    """One line of `expect`.

    Attributes:
        name: Name as a test: the key in the file; further lines of one key are numbered from 2.
        number: Its position among all lines, from 0.
        expectation: What it says.
        row: Line of the file, from 1; None if the scenario is no file.
        key: Its key as the file has it, perhaps with a selector.
    """

    name: str
    number: int
    expectation: Expectation
    row: int | None
    key: str


def lines_of(scenario: Scenario) -> list[ExpectedLine]:
    """Return the lines of `expect` in the order of the file."""
    lines: list[ExpectedLine] = []
    for key, expectations in scenario.expect.items():
        for i_line, expectation in enumerate(expectations):
            name = key if i_line == 0 else f"{key}[{i_line + 1}]"
            row, written = _place_of(scenario, key, i_line)
            lines.append(ExpectedLine(name, len(lines), expectation, row, written))
    return lines


def shortfall(line: ExpectedLine, trial: Trial) -> str | None:
    """Judge a comparison with a number; None if it holds.

    Over several replications it must hold in the whole 95 % interval of the mean, or in the share of
    replications that the line names.

    Args:
        line: Any line but `within ... of baseline`.

    Returns:
        What happened instead, if it doesn't hold.
    """
    expectation, verdict = line.expectation, trial.verdicts[line.number]
    values = trial.values[line.number]
    found = estimate(expectation.metric, values)
    actual = actual_text(line, trial)
    if not verdict.met:
        return actual
    if expectation.replications is not None or found.low is None or found.high is None:
        return None
    ends = {"<": (found.high,), "<=": (found.high,), ">": (found.low,), ">=": (found.low,)}
    for end in ends.get(expectation.op, (found.low, found.high)):
        if not _holds(end, expectation):
            reached = format_metric(expectation.metric, max(end, 0.0))
            said = f"The mean keeps it, but its interval reaches {reached}"
            return f"{actual}\n{said}: {len(values)} replications don't show it."
    return None


def actual_text(line: ExpectedLine, trial: Trial) -> str:
    """Return what was measured for a line, as people read it."""
    metric, values = line.expectation.metric, trial.values[line.number]
    found = estimate(metric, values)
    text = format_metric(metric, found.mean)
    if len(values) == 1:
        return text
    if line.expectation.replications is not None and line.expectation.op != "within":
        held = trial.verdicts[line.number].actual or 0.0
        text = f"in {format_share(held)} of {len(values)} replications"
        known: list[float] = [value for value in values if value is not None]
        if not known:
            return text
        return f"{text}, from {format_metric(metric, min(known))} to {format_metric(metric, max(known))}"
    if found.low is None or found.high is None:
        return f"{text} (mean of {len(values)} replications)"
    low, high = (format_metric(metric, max(end, 0.0)) for end in (found.low, found.high))
    return f"{text} (mean of {len(values)} replications, 95 % interval {low} to {high})"


def share_within(before: Sequence[Metric], now: Sequence[Metric], margin: float) -> float:
    """Return in which share of replications a value is within a margin of the baseline's.

    Args:
        before: The baseline's values, one a replication.
        now: The values, as many.
        margin: In the metric's unit.
    """
    held = [
        old == new if old is None or new is None else abs(new - old) <= margin * (1 + 1e-9) + 1e-12
        for old, new in zip(before, now, strict=True)
    ]
    return sum(held) / len(held)


def _holds(value: float, expectation: Expectation) -> bool:
    """Tell whether one end of the interval keeps the bound, but for float noise."""
    bound = expectation.value
    if math.isclose(value, bound, rel_tol=1e-9, abs_tol=1e-12):
        return "=" in expectation.op
    return value < bound if "<" in expectation.op else value > bound if ">" in expectation.op else False


def _place_of(scenario: Scenario, key: str, i_line: int) -> tuple[int | None, str]:
    """Return the line of the file in which an expectation stands, and its key there."""
    source = scenario.source
    path = source.as_written(("expect", key, i_line))
    span = source.spans.get(path) or source.spans.get(path[:2])
    return None if span is None else span.key.line, str(path[1])
