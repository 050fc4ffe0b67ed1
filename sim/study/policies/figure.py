"""Figures of policy searches: what more retries buy, and what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from sim.results.display.format import counted, format_count
from sim.results.figures.colours import FAINT, LINE_COLOURS, YELLOW
from sim.results.figures.timeaxis import linear_time, log_time
from sim.results.time_span import is_wide, round_time_below
from sim.study.display.axes import GREY, legend, new_figure, scale_of
from sim.study.policies.front import ADVICE, NONE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.study.policies.answer import PolicyAnswer

_LABELS: Final = {
    "time": "time until {} % of the fleet succeeded",
    "not_upgraded": "devices not upgraded at the end",
    "extra_attempts": "attempts beyond the first",
    "bytes_wasted": "bytes of failed attempts",
    "peak": "peak load",
}


def policy_figure(search: PolicyAnswer) -> Figure:
    """Return the figure of a search: time against attempts, and against devices left behind."""
    looked = f"{len(search.screened.policies):,} retry policies, {counted(search.screen, 'replication')} each"
    figure, panels = new_figure(f"{search.scenario.name}: {looked}", 2)
    draw_policies(panels[0], search, "time", "extra_attempts")
    draw_policies(panels[1], search, "time", "not_upgraded")
    panels[1].legend().remove()
    return figure


def draw_policies(axes: Axes, search: PolicyAnswer, along: str, up: str) -> None:
    """Draw every policy that was looked at by two objectives.

    Args:
        axes: Where. Mutated.
        along: Objective on the horizontal axis.
        up: Objective on the vertical axis.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    frame = search.frame
    x, y = frame[along].to_numpy(), frame[up].to_numpy()
    scale = scale_of("bytes_wasted" if up == "bytes_wasted" else "attempts", float(np.nanmax(y, initial=0.0)))
    y = y / scale.divisor
    counts = frame["retry_count"].to_numpy()
    for count in range(6):
        rows = counts == count
        if not rows.any():
            continue
        label = f"{count} retries" if count > 1 else "1 retry" if count else "none"
        colour = LINE_COLOURS[count - 1] if count else "black"
        axes.scatter(x[rows], y[rows], s=14, color=colour, linewidth=0, alpha=0.75, label=label)
    front = frame["on_front"].to_numpy()
    axes.scatter(x[front], y[front], s=46, facecolor="none", edgecolor="black", linewidth=0.9, label="front")
    minutes = frame["retry_interval_min"].to_numpy()
    advice = (counts == ADVICE.retry_count) & (minutes == ADVICE.retry_interval_min)
    never = ": never gets there" if np.isnan(x[advice]).all() else ""
    axes.scatter(
        x[advice], y[advice], s=150, marker="*", color=YELLOW, edgecolor="black", linewidth=0.8, zorder=5,
        label=f"advice {ADVICE}{never}",
    )  # fmt: skip
    axes.set_title(_LABELS[up].capitalize())
    axes.set_ylabel(f"{_LABELS[up]}{scale.suffix}")
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_count(value)))
    if not np.nanmax(y, initial=0.0) > 0:  # nobody has any
        axes.set(ylim=(-0.1, 1.0), yticks=[0.0])
    axes.grid(axis="y", color=FAINT)
    _time(axes, search, x)
    if np.isnan(x[counts == NONE.retry_count]).all():
        axes.text(
            0.99,
            0.99,
            "never with none",
            ha="right",
            va="top",
            fontsize=8,
            color=GREY,
            transform=axes.transAxes,
        )
    legend(axes)


def _time(axes: Axes, search: PolicyAnswer, x: np.ndarray) -> None:
    """Give the axes a time axis that holds all policies; logarithmic if they are far apart."""
    label = _LABELS["time"].format(search.time.rpartition(".p")[2])
    known = x[~np.isnan(x)]
    if not len(known):
        axes.set_xlabel(f"{label}: never")
        return
    low, high = float(known.min()), float(known.max())
    if high <= 0:  # at once: no logarithm of it
        axes.set(xlim=(-1.0, 1.0), xticks=[0.0], xlabel=f"{label} (s)")
        return
    if is_wide(low, high):
        log_time(axes, round_time_below(low * 0.97), high * 1.05, label)
    else:
        linear_time(axes, high * 1.05, label)
