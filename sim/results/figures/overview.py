"""The figure of a run: completion by status, and the recovery curve beside it.

Everything is drawn with matplotlib's objects: no backend is chosen and nothing stays in pyplot's list,
so that a program with its own figures, or without a screen, is left alone. Colours are those of Okabe
and Ito, which stay apart for colour-blind readers; a state has the same colour in every figure.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from sim.fleet.spec import TICKS_PER_S
from sim.results.curves import status_paths
from sim.results.display.format import format_count, format_share
from sim.results.figures.style import image_bytes
from sim.results.figures.timeaxis import linear_time, log_time, round_time_below
from sim.results.statistics import band
from sim.rules import Call, SubtaskState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from sim.campaign.record import CallRecord
    from sim.fleet.spec import Floats, Int64s
    from sim.results.recovery import RecoveryCurve
    from sim.results.replication import Replication
    from sim.results.run_data import RunData

STATE_COLOURS: Final = {
    SubtaskState.SUCCESS: "#009E73",
    SubtaskState.PROCESSING: "#56B4E9",
    SubtaskState.FAIL_WAIT_RETRY: "#E69F00",
    SubtaskState.WAITTING: "#DDDDDD",
    SubtaskState.STOPPED: "#CC79A7",
    SubtaskState.FAIL: "#D55E00",
}
"""Colour of each state, from the bottom of the stack to its top."""

_DARK: Final = "#00513B"
_POINTS: Final = 1_500
_SKEW: Final = 12.0
_CALLS_MAX: Final = 6


def run_figure(result: RunData) -> Figure:
    """Return the figure of a result: completion on the left, recovery on the right.

    Args:
        result: The result. Read only.
    """
    figure = Figure(figsize=(11.5, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1), gridspec_kw={"wspace": 0.06})
    draw_completion(left, result.runs)
    draw_recovery(right, result.runs)
    devices = format_count(result.metrics["devices"] or 0)
    runs = f", {len(result.runs)} replications" if len(result.runs) > 1 else ""
    figure.suptitle(
        f"{result.scenario.name}: {devices} devices{runs}", x=0.008, ha="left", fontsize=13, weight="bold"
    )
    return figure


def png_bytes(result: RunData, dpi: int = 150) -> bytes:
    """Return the figure as PNG; equal results give equal bytes with the same version of matplotlib.

    Args:
        result: The result. Read only.
        dpi: Dots per inch.
    """
    return image_bytes(lambda: run_figure(result), dpi=dpi)


def svg_bytes(result: RunData) -> bytes:
    """Return the figure as SVG; equal results give equal bytes with the same version of matplotlib.

    Args:
        result: The result. Read only.
    """
    return image_bytes(lambda: run_figure(result), "svg", dpi=72)


def new_axes() -> Axes:
    """Return the axes of a new figure that will be seen.

    A program that uses pyplot, or a notebook, shows pyplot's figures only; any other program gets a
    figure of its own, and nothing chooses a backend for it.
    """
    if "matplotlib.pyplot" in sys.modules or "ipykernel" in sys.modules:
        from matplotlib import pyplot

        return pyplot.subplots(figsize=(7, 4.5), layout="constrained")[1]
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    return figure.subplots()


def draw_completion(axes: Axes, runs: Sequence[Replication]) -> None:
    """Draw the fleet by status over time as stacked areas, up to the last change.

    The time axis is logarithmic if most devices succeed in a small part of the time that the last ones
    take. Over several replications the areas are means; a band shows where the share in Success lies in
    90 % of them. Dashed lines are the calls of the first replication, if they are few.

    Args:
        axes: Where. Mutated.
        runs: The replications, at least one.
    """
    time_s, paths = status_paths(runs)
    mean = paths.mean(axis=0)
    success = mean[:, SubtaskState.SUCCESS]
    half_s = float(time_s[np.searchsorted(success, success[-1] / 2)])
    low_s, high_s, is_log = _span(float(time_s[1]), half_s, float(time_s[-1]))
    rows = _rows_at(time_s, low_s, high_s, is_log=is_log)
    seen = [state for state in STATE_COLOURS if mean[:, state].any()]
    axes.stackplot(
        time_s[rows],
        *(mean[rows, state] for state in seen),
        colors=[STATE_COLOURS[state] for state in seen],
        labels=[state.wire for state in seen],
        linewidth=0,
    )
    if len(runs) > 1:
        middle, low, high = band(paths[:, rows, SubtaskState.SUCCESS])
        axes.fill_between(time_s[rows], low, high, color=_DARK, alpha=0.35, linewidth=0)
        axes.plot(time_s[rows], middle, color=_DARK, linewidth=1.2, label="mean, 90 % of runs")
    _draw_calls(axes, runs[0].calls, low_s, high_s)
    axes.set_title(f"Devices by status: {format_share(float(success[-1]))} in Success at the end")
    _time_axis(axes, low_s, high_s, "time since the start of the run", is_log=is_log)
    _share_axis(axes, "share of the fleet")
    _legend(axes)


def draw_recovery(axes: Axes, runs: Sequence[Replication]) -> None:
    """Draw the recovery curve, and from above the share that is given up.

    The time axis is logarithmic if most recoveries come in a small part of the time that the last
    outcome took. Over several replications lines are means, with bands that hold 90 % of them.

    Args:
        axes: Where. Mutated.
        runs: The replications, at least one.
    """
    curves = [run.recovery for run in runs if len(run.recovery.tick)]
    if not curves:
        axes.set_title("Recovery after a failed first attempt")
        axes.text(0.5, 0.5, "no first attempt failed", ha="center", va="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    low_s, high_s, is_log = _recovery_span(curves)
    time_s = np.geomspace(low_s, high_s, _POINTS) if is_log else np.linspace(0.0, high_s, _POINTS)
    recovered = np.stack([_at(curve, curve.recovered, time_s) for curve in curves])
    kept = 1.0 - np.stack([_at(curve, curve.competing, time_s) for curve in curves])
    green, red = STATE_COLOURS[SubtaskState.SUCCESS], STATE_COLOURS[SubtaskState.FAIL]
    for paths, colour, edge, label in ((recovered, green, 0.0, "recovered"), (kept, red, 1.0, "given up")):
        mean, low, high = band(paths)
        axes.fill_between(time_s, mean, edge, color=colour, alpha=0.2, linewidth=0, label=label)
        if len(curves) > 1:
            axes.fill_between(time_s, low, high, color=colour, alpha=0.3, linewidth=0)
        # The line leaves out where nobody has that outcome yet: it would only thicken the frame.
        axes.plot(time_s, np.where(mean == edge, np.nan, mean), color=colour, linewidth=1.8)
    needed = round(sum(run.metrics["needed_recovery"] or 0 for run in runs) / len(runs))
    final = format_share(float(recovered[:, -1].mean()))
    axes.set_title(f"Recovery: {final} of the {needed:,} devices that failed at first")
    _time_axis(axes, low_s, high_s, "time since the first failure", is_log=is_log)
    _share_axis(axes, "share of devices whose first attempt failed")
    _legend(axes)


def _draw_calls(axes: Axes, calls: Sequence[CallRecord], low_s: float, high_s: float) -> None:
    """Mark when operators called, unless it was so often that the lines would cover the figure."""
    styles = {Call.RETRY: (0, (4, 2)), Call.STOP: (0, (1, 2))}
    for call, style in styles.items():
        times = sorted({record.time_s for record in calls if record.call == call})
        if len(times) > _CALLS_MAX:
            continue
        for i_time, time_s in enumerate(time_s for time_s in times if low_s <= time_s <= high_s):
            label = f"{call} call" if i_time == 0 else "_"
            axes.axvline(time_s, color="black", linewidth=0.9, linestyle=style, label=label)


def _rows_at(time_s: Floats, low_s: float, high_s: float, *, is_log: bool) -> Int64s:
    """Return so many rows as a figure can show, evenly spaced on its time axis."""
    wanted = np.geomspace(low_s, high_s, _POINTS) if is_log else np.linspace(0.0, high_s, _POINTS)
    rows = np.searchsorted(time_s, wanted)
    return np.unique(np.clip(rows, 0, len(time_s) - 1))


def _recovery_span(curves: Sequence[RecoveryCurve]) -> tuple[float, float, bool]:
    """Return where the time axis begins and ends (seconds), and whether it is logarithmic."""
    high_s = max(float(curve.tick[-1]) for curve in curves) / TICKS_PER_S
    steps = [curve.tick[np.diff(curve.recovered, prepend=0.0) > 0] / TICKS_PER_S for curve in curves]
    first_s = min((float(step[0]) for step in steps if len(step)), default=0.0)
    half_s = max(_time_of_half(curve) for curve in curves)
    return _span(first_s, half_s, (high_s or 1.0) * 1.02)


def _time_of_half(curve: RecoveryCurve) -> float:
    """Return when half of those who recover have done so, seconds; 0 if nobody does."""
    half = curve.recovered[-1] / 2
    return float(curve.tick[np.searchsorted(curve.recovered, half)]) / TICKS_PER_S if half > 0 else 0.0


def _span(first_s: float, half_s: float, high_s: float) -> tuple[float, float, bool]:
    """Return both ends of a time axis (seconds), and whether it should be logarithmic.

    Args:
        first_s: When the first thing happens.
        half_s: When half of it has happened.
        high_s: When the last thing happens, > 0.
    """
    if first_s > 0 and 0 < half_s < high_s / _SKEW:
        return round_time_below(first_s), high_s, True
    return 0.0, high_s, False


def _time_axis(axes: Axes, low_s: float, high_s: float, label: str, *, is_log: bool) -> None:
    """Give the axes their time axis."""
    if is_log:
        log_time(axes, low_s, high_s, label)
    else:
        linear_time(axes, high_s, label)


def _at(curve: RecoveryCurve, values: Floats, time_s: Floats) -> Floats:
    """Return the value of a step function at given times, 0 before its first row."""
    row = np.searchsorted(curve.tick, np.rint(time_s * TICKS_PER_S), side="right") - 1
    return np.where(row < 0, 0.0, values[row])


def _share_axis(axes: Axes, label: str) -> None:
    """Give the axes a vertical axis in per cent."""
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.set_ylabel(label)


def _legend(axes: Axes) -> None:
    """Put the legend below the axes, where it hides nothing."""
    entries = len(axes.get_legend_handles_labels()[1])
    columns = entries if entries <= 4 else 3 if entries <= 6 else 4
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=columns, frameon=False, fontsize=9)
