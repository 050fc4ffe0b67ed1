"""Sweeps as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sim.results.display.format import counted
from sim.study.display.text import change_text, ending, mean_text, table
from sim.study.point_statistics import Means, differences

if TYPE_CHECKING:
    from sim.study.sweeps.answer import SweepAnswer

_POINTS_MAX: Final = 40


def sweep_headline(sweep: SweepAnswer) -> str:
    """Return the best point and which field did it, or that the points can't be told apart."""
    (metric, *_) = sweep.default_metrics()
    mean = sweep.means_of(metric)
    told = [f"{_point_text(sweep, i)} {mean_text(metric, mean, i)}" for i in range(len(sweep.runs.points))]
    return f"{metric}: {'; '.join(told[:2])}."


def _point_text(sweep: SweepAnswer, i_point: int) -> str:
    """Return the values of a point."""
    values = sweep.runs.points[i_point].values
    return ", ".join(f"{axis.name} {_written(values[axis.path])}" for axis in sweep.axes)


def sweep_text(sweep: SweepAnswer, metrics: Sequence[str]) -> str:
    """Return a sweep as text: a line a point, with the difference from the first one."""
    n_points = len(sweep.runs.points)
    fields = ", ".join(axis.path for axis in sweep.axes)
    lines = [
        f"{sweep.scenario.name}: {n_points} points of {fields}, seed {sweep.seed}",
        f"means of {counted(sweep.replications, 'replication')}, in brackets 95 % intervals",
        "differences from the first point are paired: the same draws at both",
    ]
    for metric in metrics:
        values = sweep.runs.of(metric)
        mean = sweep.means_of(metric)
        change = differences(metric, values, values[0])
        head = [*(axis.name for axis in sweep.axes), metric, "difference from the first"]
        rows = [head]
        for i_point in range(min(n_points, _POINTS_MAX)):
            point = sweep.runs.points[i_point]
            written = [_written(point.values[axis.path]) for axis in sweep.axes]
            told = mean_text(metric, mean, i_point, sweep.scenario.currency)
            rows.append([*written, told, _change(sweep, metric, change, i_point)])
        lines += ["", *table(rows, left=len(sweep.axes))]
        if n_points > _POINTS_MAX:
            lines.append(f"  ... and {n_points - _POINTS_MAX} more points")
    if sweep.looked.precisions:
        lines += ["", str(sweep.looked)]
    return "\n".join([*lines, "", ending(sweep.digest, sweep.replications, sweep.reused)])


def _change(sweep: SweepAnswer, metric: str, change: Means, i_point: int) -> str:
    """Return the difference from the first point; nothing for that point itself."""
    return change_text(metric, change, i_point, sweep.scenario.currency) if i_point else ""


def _written(value: object) -> str:
    """Return a value as a file has it."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
