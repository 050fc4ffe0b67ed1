"""The overlay of two completion curves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from sim.results.figures.overview import STATE_COLOURS
from sim.results.figures.timeaxis import linear_time, log_time, round_time_below
from sim.rules import SubtaskState

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.fleet.spec import Floats
    from sim.testing.runs import Curve

_LINES: Final = (("success", SubtaskState.SUCCESS), ("failed", SubtaskState.FAIL))
_BEFORE: Final[dict[str, Any]] = {"linewidth": 5.0, "alpha": 0.35, "solid_capstyle": "butt"}
_SKEW: Final = 12.0
"""The time axis is logarithmic if half of the successes come in less than this part of it."""


def save_overlay(path: Path, title: str, before: Curve, now: Curve) -> None:
    """Draw the shares in Success and in Fail over time, before and now, and save the figure.

    Args:
        path: Where; its folder is made.
        title: What it is about.

    Raises:
        OSError: It can't be written.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({"axes.spines.top": False, "axes.spines.right": False})
        figure = Figure(figsize=(8, 5), layout="constrained")
        FigureCanvasAgg(figure)
        axes, apart = figure.subplots(2, 1, height_ratios=(3, 1.2), sharex=True)
        time_s = np.union1d(before.time_s, now.time_s)
        for name, state in _LINES:
            colour = STATE_COLOURS[state]
            old, new = _at(before, name, time_s), _at(now, name, time_s)
            axes.plot(time_s, old, color=colour, label=f"{state.wire} before", **_BEFORE)
            axes.plot(time_s, new, color=colour, linewidth=1.3, label=f"{state.wire} now")
            apart.plot(time_s, new - old, color=colour, linewidth=1.3)
        axes.set_title(title, loc="left", fontsize=11)
        axes.set_ylabel("share of the fleet")
        axes.set_ylim(0, 1.02)
        axes.legend(frameon=False, fontsize=9, ncols=4, loc="lower left", bbox_to_anchor=(0, 1.06))
        apart.axhline(0, color="black", linewidth=0.6)
        apart.set_ylabel("now − before")
        for part in (axes, apart):
            part.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        _time_axis(apart, before, float(time_s[-1]))
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=120, metadata={"Software": None})


def _time_axis(axes: Axes, before: Curve, end_s: float) -> None:
    """Give the axes a time axis on which the steep part of the curve can be seen."""
    label = "time since the start of the run"
    success = np.array(before.success)
    half_s = before.time_s[int(np.searchsorted(success, success[-1] / 2))]
    first_s = before.time_s[int(np.searchsorted(success, 0.0, side="right")) % len(success)]
    if 0 < first_s <= half_s < end_s / _SKEW:
        log_time(axes, round_time_below(first_s), end_s, label)
    else:
        linear_time(axes, end_s, label)


def _at(curve: Curve, name: str, time_s: Floats) -> Floats:
    """Return a step curve at given times; after its end it stays as it is."""
    rows = np.searchsorted(np.array(curve.time_s), time_s, side="right") - 1
    return np.array(getattr(curve, name))[rows]
