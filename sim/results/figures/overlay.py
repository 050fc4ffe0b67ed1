"""Several results in one figure: their completion curves, to see which is better at which moment."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from sim.fleet.spec import TICKS_PER_S
from sim.results.figures.timeaxis import linear_time
from sim.rules import SubtaskState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

    from sim.fleet.spec import Floats
    from sim.results.run_data import RunData

# Okabe and Ito again, in an order in which neighbours differ in brightness too.
_COLOURS: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
_OUTAGE: Final = "#EEEEEE"
_CALM: Final = "#555555"
_MARGIN: Final = 1.04


def completion_figure(results: Mapping[str, RunData], *, title: str = "") -> Figure:
    """Return a figure with the completion curve of each result.

    Args:
        results: By what distinguishes them, like `2 retries`; at least one. Read only.
        title: Headline; the scenario's name if empty.
    """
    figure = Figure(figsize=(9.0, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    draw_completions(axes, results)
    name = next(iter(results.values())).scenario.name
    axes.set_title(title or name, loc="left", weight="bold")
    return figure


def draw_completions(axes: Axes, results: Mapping[str, RunData]) -> None:
    """Draw the share of the fleet in Success by time, a line a result, up to the last success of all.

    Over several replications a line is their mean. The outages of the first scenario are shaded.

    Args:
        axes: Where. Mutated.
        results: By what distinguishes them; at least one. Read only.
    """
    curves = {label: _completion(result) for label, result in results.items()}
    last_s = max(_last_rise_s(time_s, share) for time_s, share in curves.values())
    end_s = (last_s or 1.0) * _MARGIN
    for outage in next(iter(results.values())).scenario.outages:
        if outage.at < end_s:
            until_s = min(outage.at + outage.lasts, end_s)
            axes.axvspan(outage.at, until_s, color=_OUTAGE, linewidth=0)
            middle_s = (outage.at + until_s) / 2
            axes.text(middle_s, 1.0, "outage", color=_CALM, ha="center", va="top", fontsize=9)
    for (label, (time_s, share)), colour in zip(curves.items(), cycle(_COLOURS), strict=False):
        time_s, share = np.append(time_s, max(end_s, time_s[-1])), np.append(share, share[-1])
        axes.plot(time_s, share, drawstyle="steps-post", color=colour, linewidth=2.0, label=label)
    linear_time(axes, end_s, "time since the start of the run")
    axes.set_ylim(0.0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.set_ylabel("share of the fleet in Success")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper left", frameon=False)


def _completion(result: RunData) -> tuple[Floats, Floats]:
    """Return times (seconds) and the mean share in Success of a result's replications."""
    tick = max((run.curves.tick for run in result.runs), key=len)
    share = np.zeros(len(tick) + 1)
    for run in result.runs:
        success = run.curves.status[:, SubtaskState.SUCCESS]
        final = run.final[SubtaskState.SUCCESS]
        share[: len(success)] += success / (run.metrics["devices"] or 1)
        share[len(success) :] += final / (run.metrics["devices"] or 1)
    # A run ends between two rows of its curve.
    end_s = max(float(tick[-1]) / TICKS_PER_S, *(run.end_s for run in result.runs))
    return np.append(tick / TICKS_PER_S, end_s), share / len(result.runs)


def _last_rise_s(time_s: Floats, share: Floats) -> float:
    """Return when the curve rose last, seconds; 0 if it never did."""
    rises = np.flatnonzero(np.diff(share, prepend=0.0) > 0)
    return float(time_s[rises[-1]]) if len(rises) else 0.0
