"""The figure of a run: completion by status, and the recovery curve beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.results.call_statistics import CALLS_MARKED
from sim.results.curves import recovery_span, status_paths, status_span
from sim.results.display.format import format_count, format_share
from sim.results.figures.canvas import blank_figure, headline, share_axis
from sim.results.figures.colours import DARK, STATE_COLOURS
from sim.results.figures.style import image_bytes
from sim.results.figures.timeaxis import SINCE_FAILURE, SINCE_START, since_start, time_axis
from sim.results.statistics import band
from sim.rules import Call, SubtaskState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.results.replication import DrawnRun, MarkedCall
    from sim.results.run_data import ResultNumbers
    from sim.results.time_span import TimeSpan
    from sim.scenario import Scenario

_POINTS: Final = 1_500


def run_figure(result: ResultNumbers) -> Figure:
    """Return the figure of a result: completion on the left, recovery on the right."""
    figure = blank_figure(11.5, 4.8)
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1), gridspec_kw={"wspace": 0.06})
    draw_completion(left, result.runs, result.scenario)
    draw_recovery(right, result.runs)
    devices = format_count(result.metrics["devices"] or 0)
    runs = f", {len(result.runs)} replications" if len(result.runs) > 1 else ""
    headline(figure, f"{result.scenario.name}: {devices} devices{runs}")
    return figure


def png_bytes(result: ResultNumbers, dpi: int = 150) -> bytes:
    """Return the figure as PNG; equal results give equal bytes with the same version of matplotlib.

    Args:
        dpi: Dots per inch.
    """
    return image_bytes(lambda: run_figure(result), dpi=dpi)


def draw_completion(axes: Axes, runs: Sequence[DrawnRun], scenario: Scenario | None = None) -> None:
    """Draw the fleet by status over time as stacked areas, up to the last change.

    The time axis is logarithmic if most devices succeed in a small part of the time that the last ones
    take. Over several replications the areas are means; a band shows where the share in Success lies in
    90 % of them. Dashed lines are the calls of the first replication, if they are few.

    Args:
        axes: Where. Mutated.
        runs: The replications, at least one.
        scenario: Has the date from which time is counted, if it gives one.
    """
    time_s, paths = status_paths(runs)
    mean = paths.mean(axis=0)
    success = mean[:, SubtaskState.SUCCESS]
    span = status_span(time_s, mean)
    # As many rows as a figure can show, evenly spaced on its time axis.
    rows = np.unique(np.clip(np.searchsorted(time_s, span.grid(_POINTS), side="right") - 1, 0, None))
    seen = [state for state in STATE_COLOURS if mean[:, state].any()]
    axes.stackplot(
        time_s[rows],
        *(mean[rows, state] for state in seen),
        colors=[STATE_COLOURS[state] for state in seen],
        labels=[state.wire for state in seen],
        linewidth=0,
        step="post",
    )
    if len(runs) > 1:
        middle, low, high = band(paths[:, rows, SubtaskState.SUCCESS])
        axes.fill_between(time_s[rows], low, high, color=DARK, alpha=0.35, linewidth=0, step="post")
        axes.step(time_s[rows], middle, where="post", color=DARK, linewidth=1.2, label="mean, 90 % of runs")
    _draw_calls(axes, runs[0].calls, span)
    axes.set_title(f"Devices by status: {format_share(float(success[-1]))} in Success at the end")
    time_axis(axes, span, SINCE_START if scenario is None else since_start(scenario))
    share_axis(axes, "share of the fleet")
    _legend(axes)


def draw_recovery(axes: Axes, runs: Sequence[DrawnRun]) -> None:
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
    span = recovery_span(curves)
    time_s = span.grid(_POINTS)
    recovered = np.stack([curve.at(curve.recovered, time_s) for curve in curves])
    kept = 1.0 - np.stack([curve.at(curve.competing, time_s) for curve in curves])
    green, red = STATE_COLOURS[SubtaskState.SUCCESS], STATE_COLOURS[SubtaskState.FAIL]
    for paths, colour, edge, label in ((recovered, green, 0.0, "recovered"), (kept, red, 1.0, "given up")):
        mean, low, high = band(paths)
        look: dict[str, Any] = {"color": colour, "linewidth": 0, "step": "post"}
        axes.fill_between(time_s, mean, edge, alpha=0.2, label=label, **look)
        if len(curves) > 1:
            axes.fill_between(time_s, low, high, alpha=0.3, **look)
        # The line leaves out where nobody has that outcome yet: it would only thicken the frame.
        axes.step(time_s, np.where(mean == edge, np.nan, mean), where="post", color=colour, linewidth=1.8)
    needed = round(sum(run.metrics["needed_recovery"] or 0 for run in runs) / len(runs))
    final = format_share(float(recovered[:, -1].mean()))
    axes.set_title(f"Recovery: {final} of the {needed:,} devices that failed at first")
    time_axis(axes, span, SINCE_FAILURE)
    share_axis(axes, "share of devices whose first attempt failed")
    _legend(axes)


def _draw_calls(axes: Axes, calls: Sequence[MarkedCall], span: TimeSpan) -> None:
    """Mark when operators called, unless it was so often that the lines would cover the figure."""
    styles = {Call.RETRY: (0, (4, 2)), Call.STOP: (0, (1, 2))}
    for call, style in styles.items():
        times = sorted({record.time_s for record in calls if record.call == call})
        if len(times) > CALLS_MARKED:
            continue
        for i_time, time_s in enumerate(time_s for time_s in times if span.left_s <= time_s <= span.high_s):
            label = f"{call} call" if i_time == 0 else "_"
            axes.axvline(time_s, color="black", linewidth=0.9, linestyle=style, label=label)


def _legend(axes: Axes) -> None:
    """Put the legend below the axes, where it hides nothing."""
    entries = len(axes.get_legend_handles_labels()[1])
    columns = entries if entries <= 4 else 3 if entries <= 6 else 4
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=columns, frameon=False, fontsize=9)
