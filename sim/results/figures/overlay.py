"""Completion curves over each other: of several results, or of one before and after a change."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.fleet.spec import TICKS_PER_S
from sim.results.figures.canvas import blank_figure, share_axis
from sim.results.figures.colours import CALM, FAINT, LINE_COLOURS, STATE_COLOURS
from sim.results.figures.style import image_bytes, image_kind
from sim.results.figures.timeaxis import SINCE_START, linear_time, time_axis
from sim.results.time_span import time_span
from sim.rules import SubtaskState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.fleet.spec import Floats
    from sim.results.curves import Curve
    from sim.results.run_data import RunData

_MARGIN: Final = 1.04
_COMPARED: Final = (("success", SubtaskState.SUCCESS), ("failed", SubtaskState.FAIL))
_BEFORE: Final[dict[str, Any]] = {"linewidth": 5.0, "alpha": 0.35, "solid_capstyle": "butt"}


def completion_figure(results: Mapping[str, RunData], *, title: str = "") -> Figure:
    """Return a figure with the completion curve of each result.

    Args:
        results: By what distinguishes them, like `2 retries`; at least one. Read only.
        title: Headline; the scenario's name if empty.
    """
    figure = blank_figure(9.0, 4.6)
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
            axes.axvspan(outage.at, until_s, color=FAINT, linewidth=0)
            middle_s = (outage.at + until_s) / 2
            word = "freeze" if outage.effect.freeze else "outage"
            axes.text(middle_s, 1.0, word, color=CALM, ha="center", va="top", fontsize=9)
    for (label, (time_s, share)), colour in zip(curves.items(), cycle(LINE_COLOURS), strict=False):
        time_s, share = np.append(time_s, max(end_s, time_s[-1])), np.append(share, share[-1])
        axes.plot(time_s, share, drawstyle="steps-post", color=colour, linewidth=2.0, label=label)
    linear_time(axes, end_s, SINCE_START)
    share_axis(axes, "share of the fleet in Success", high=1.02)
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


def save_overlay(path: Path, title: str, before: Curve, now: Curve) -> None:
    """Draw the shares in Success and in Fail over time, before and now, and save the figure.

    Args:
        path: Where, as PNG, SVG or PDF by its ending; its folder is made.
        title: What it is about.
        before: The earlier curve.
        now: The other one.

    Raises:
        ValueError: The ending is another one.
        OSError: It can't be written.
    """
    kind = image_kind(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(image_bytes(lambda: _overlay_figure(title, before, now), kind, dpi=120))


def _overlay_figure(title: str, before: Curve, now: Curve) -> Figure:
    """Return two curves over each other, and their difference below."""
    from matplotlib.ticker import PercentFormatter

    figure = blank_figure(8, 5)
    axes, apart = figure.subplots(2, 1, height_ratios=(3, 1.2), sharex=True)
    time_s = np.union1d(before.time_s, now.time_s)
    for name, state in _COMPARED:
        colour = STATE_COLOURS[state]
        old, new = _at(before, name, time_s), _at(now, name, time_s)
        axes.plot(time_s, old, color=colour, label=f"{state.wire} before", **_BEFORE)
        axes.plot(time_s, new, color=colour, linewidth=1.3, label=f"{state.wire} now")
        apart.plot(time_s, new - old, color=colour, linewidth=1.3)
    axes.set_title(title)
    axes.set_ylabel("share of the fleet")
    axes.set_ylim(0, 1.02)
    axes.legend(frameon=False, fontsize=9, ncols=4, loc="lower left", bbox_to_anchor=(0, 1.06))
    apart.axhline(0, color="black", linewidth=0.6)
    apart.set_ylabel("now − before")
    for part in (axes, apart):
        part.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    success = np.array(before.success)
    half_s = before.time_s[int(np.searchsorted(success, success[-1] / 2))]
    first_s = before.time_s[int(np.searchsorted(success, 0.0, side="right")) % len(success)]
    time_axis(apart, time_span(first_s, half_s, float(time_s[-1])), SINCE_START)
    return figure


def _at(curve: Curve, name: str, time_s: Floats) -> Floats:
    """Return a step curve at given times; after its end it stays as it is."""
    rows = np.searchsorted(np.array(curve.time_s), time_s, side="right") - 1
    return np.array(getattr(curve, name))[rows]
