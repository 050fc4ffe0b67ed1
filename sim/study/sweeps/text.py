"""Sweeps as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sim.results.display.format import counted, some_of, wrapped
from sim.scenario.metrics import METRICS, MetricKind
from sim.study.display.text import change_text, ending, mean_text, table, value_text
from sim.study.engine.unit import METRIC_NAMES
from sim.study.point_statistics import Means, differences
from sim.study.sweeps.best import Best, best_by, varies

if TYPE_CHECKING:
    from sim.study.sweeps.answer import SweepAnswer

_POINTS_MAX: Final = 40
_TOLD: Final = 2
_NAMED: Final = 2


def sweep_headline(sweep: SweepAnswer, metrics: Sequence[str] = ()) -> str:
    """Return the best point and which field did it, or that points can't be told apart and why.

    Args:
        sweep: The points.
        metrics: What is shown; those that matter and differ if empty.
    """
    shown = tuple(metrics) or sweep.default_metrics()
    if not sweep.runs.of("succeeded").any():
        n = len(sweep.runs.points)
        where = f"at any of the {n:,} points, so that none is best" if n > 1 else "at the point"
        return f"No device is upgraded {where}.{_why(sweep)}"
    found = [(metric, best) for metric in shown if (best := best_by(sweep, metric)) is not None]
    if not found:
        return _alike(sweep, shown)
    # Unasked, only times stand beside the first one: few failures may just mean that little was tried.
    told = [one for i, one in enumerate(found) if metrics or not i or METRICS[one[0]].kind is MetricKind.TIME]
    return " ".join(_best_text(sweep, metric, best) for metric, best in told[:_TOLD])


def _best_text(sweep: SweepAnswer, metric: str, best: Best) -> str:
    """Say which point is best by a metric, and which field made the difference."""
    value = mean_text(metric, sweep.means_of(metric), best.point)
    told = f"{metric} is best with {_point_text(sweep, best.point)}: {value}"
    if 0 < len(best.equals) <= _NAMED:
        told += f", and as good with {' or '.join(_point_text(sweep, i) for i in best.equals)}"
    elif best.equals:
        told += f", and as good at {len(best.equals):,} other points"
    if len(sweep.axes) < 2 or not best.effects:
        return f"{told}."
    shares = sorted(zip(best.effects, sweep.axes, strict=True), key=lambda pair: -pair[0])
    parts = [f"{axis.name} {share:.0%}".replace("%", " %") for share, axis in shares]
    return f"{told}. Of the differences, each alone makes: {', '.join(parts)}."


def _alike(sweep: SweepAnswer, metrics: Sequence[str]) -> str:
    """Say that points can't be told apart by some metrics, and why."""
    n = len(sweep.runs.points)
    values = ", ".join(f"{metric} is {mean_text(metric, sweep.means_of(metric), 0)}" for metric in metrics)
    differing = [name for name in METRIC_NAMES if name not in metrics and varies(sweep.runs.of(name))]
    others = f" Only other metrics differ: {some_of(differing)}." if differing else ""
    points = f"The {n:,} points" if n > 1 else "The point"
    if n == 1:
        return f"{points} stands alone: {values}."
    return f"{points} can't be told apart: {values} at all of them.{others}{_why(sweep)}"


def _why(sweep: SweepAnswer) -> str:
    """Return what kept devices from being upgraded as a sentence behind others; empty if unknown."""
    return f" {sweep.why[:1].upper()}{sweep.why[1:]}." if sweep.why else ""


def _point_text(sweep: SweepAnswer, i_point: int) -> str:
    """Return the values of a point."""
    values = sweep.runs.points[i_point].values
    return ", ".join(f"{axis.name} {value_text(values[axis.path])}" for axis in sweep.axes)


def sweep_text(sweep: SweepAnswer, metrics: Sequence[str]) -> str:
    """Return a sweep as text: a line a point, with the difference from the first one."""
    n_points = len(sweep.runs.points)
    fields = ", ".join(axis.path for axis in sweep.axes)
    lines = [
        f"{sweep.scenario.name}: {n_points} points of {fields}, seed {sweep.seed}",
        f"means of {counted(sweep.replications, 'replication')}, in brackets 95 % intervals",
        *wrapped(sweep_headline(sweep, () if metrics == sweep.default_metrics() else metrics)),
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
            written = [value_text(point.values[axis.path]) for axis in sweep.axes]
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
