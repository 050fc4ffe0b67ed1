"""Figures of replications: completion and recovery, with the band of the runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from sim.results.display.format import format_count
from sim.results.figures.canvas import share_axis
from sim.results.figures.colours import FAINT, GREEN
from sim.results.figures.timeaxis import SINCE_FAILURE, SINCE_START, time_axis
from sim.results.time_span import time_span
from sim.study.display.axes import legend, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.study.replications.answer import ReplicationsAnswer

_WORDS: Final = {
    "completion": ("Devices in Success", SINCE_START, "share of the fleet"),
    "recovery": (
        "Devices recovered after a failed attempt",
        SINCE_FAILURE,
        "share of those that failed at first",
    ),
}
"""Title and labels of each curve."""


def replications_figure(result: ReplicationsAnswer) -> Figure:
    """Return the figure of replications: completion on the left, recovery on the right."""
    devices = format_count(float(result.runs.of("devices")[0, 0]))
    title = f"{result.scenario.name}: {devices} devices, {result.replications} replications"
    figure, panels = new_figure(title, 2)
    draw_bands(panels[0], result)
    draw_bands(panels[1], result, curve="recovery")
    return figure


def draw_bands(axes: Axes, result: ReplicationsAnswer, *, curve: str = "completion") -> None:
    """Draw a curve: its mean, and the band that holds 90 % of the replications.

    Args:
        axes: Where. Mutated.
        curve: `completion` or `recovery`.
    """
    bands = result.bands[result.bands["curve"] == curve]
    title, what, label = _WORDS[curve]
    axes.set_title(title)
    if not len(bands):
        axes.text(0.5, 0.5, "nothing to show", ha="center", va="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    time_s, mean = bands["time_s"].to_numpy(), bands["mean"].to_numpy()
    high_s = float(time_s[-1]) * 1.02 or 1.0
    half_s = float(time_s[np.searchsorted(mean, mean[-1] / 2)])
    axes.fill_between(
        time_s, bands["low"], bands["high"], color=GREEN, alpha=0.3, linewidth=0, label="90 % of runs"
    )
    axes.plot(time_s, mean, color=GREEN, linewidth=1.8, label="mean")
    time_axis(axes, time_span(float(time_s[time_s > 0][0]), half_s, high_s), what)
    share_axis(axes, label)
    axes.grid(axis="y", color=FAINT)
    legend(axes)
