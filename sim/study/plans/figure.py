"""Figures of plans: how often goals hold over a field, and the frontier of two fields."""

from __future__ import annotations

import math
from dataclasses import replace
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.results.display.format import counted
from sim.results.figures.canvas import share_axis
from sim.results.figures.colours import FAINT, GREEN, LINE_COLOURS, VERMILION
from sim.results.time_span import is_wide
from sim.study.display.axes import (
    GREY,
    field_axis,
    legend,
    log_axis,
    new_figure,
    plain,
    scale_of,
    value_axis,
)
from sim.study.display.text import percent
from sim.study.goals import read_goals

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.study.plans.answer import PlanAnswer, Search
    from sim.study.ranges.vary import Axis

_GOALS_SHOWN: Final = 2
_FALLBACK: Final = "success_share"
_TITLE_WIDTH: Final = 60
_LOG_FROM: Final = 10.0
_HARD_SPACE: Final = "\N{NO-BREAK SPACE}"


def plan_figure(plan: PlanAnswer) -> Figure:
    """Return the figure of a plan."""
    which = "largest" if plan.largest else "smallest"
    metrics = _metrics(plan)[:_GOALS_SHOWN] if plan.second is None else ()
    held = plan.second is not None or any(seen.held for seen in plan.searches[0].seen)
    goals = " and ".join(goal.replace(" ", _HARD_SPACE) for goal in plan.goals)  # a goal is never torn apart
    n_panels = len(metrics) + 1 if held or not metrics else len(metrics)
    lines = wrap(f"{plan.scenario.name}: {which} {plan.axis.name} for {goals}", _TITLE_WIDTH * n_panels)
    lines += [] if held else [f"out of reach: the goals hold in no run of {plan.replications} at any value"]
    figure, panels = new_figure("\n".join(lines).replace(_HARD_SPACE, " "), n_panels)
    if n_panels > len(metrics):
        draw_plan(panels[0], plan)
    for axes, metric in zip(panels[n_panels - len(metrics) :], metrics, strict=True):
        _draw_metric(axes, plan, metric)
    return figure


def _metrics(plan: PlanAnswer) -> tuple[str, ...]:
    """Return what the goals are about; what never came about at any value is told by the share in Success."""
    seen = plan.searches[0].seen
    known = [
        name if any(not math.isnan(one.means[name]) for one in seen) else _FALLBACK for name in plan.metrics
    ]
    return tuple(dict.fromkeys(known))


def draw_plan(axes: Axes, plan: PlanAnswer) -> None:
    """Draw how often goals hold over the field; with two fields, the frontier.

    Args:
        axes: Where. Mutated.
    """
    if plan.second is not None:
        _draw_frontier(axes, plan, plan.second)
    else:
        _draw_shares(axes, plan)


def _seen_axis(plan: PlanAnswer, search: Search) -> tuple[Axis, list[int]]:
    """Return an axis of the values that were looked at, and the order of `seen` along it."""
    order = sorted(range(len(search.seen)), key=lambda i: search.seen[i].index)
    at = [search.seen[i].index for i in order]
    axis = plan.axis
    numbers = None if axis.numbers is None else [axis.numbers[i] for i in at]
    return replace(axis, values=[axis.values[i] for i in at], numbers=numbers), order


def _draw_shares(axes: Axes, plan: PlanAnswer) -> None:
    """Draw the share of replications in which goals hold, with Wilson's intervals."""
    (search,) = plan.searches
    axis, order = _seen_axis(plan, search)
    at = field_axis(axes, axis)
    seen = [search.seen[i] for i in order]
    share = np.array([one.share for one in seen])
    low, high = np.array([one.interval for one in seen]).T
    axes.plot(at, share, color=GREY, linewidth=1.0, alpha=0.6)
    for good, colour, label in ((True, GREEN, "often enough"), (False, VERMILION, "too seldom")):
        rows = np.array([one.is_good is good for one in seen])
        if rows.any():
            reach = np.stack([np.maximum(share - low, 0), np.maximum(high - share, 0)])[:, rows]
            look: dict[str, Any] = {
                "color": colour,
                "markersize": 5,
                "capsize": 2,
                "linewidth": 1.0,
                "label": label,
            }
            axes.errorbar(at[rows], share[rows], yerr=reach, fmt="o", **look)
    axes.axhline(plan.confidence, color="black", linewidth=0.9, linestyle=(0, (4, 2)))
    axes.set_title(f"Goals hold in this share of {counted(plan.replications, 'replication')}")
    if search.i_best is not None:
        best = at[order.index(search.i_best)]
        axes.axvline(best, color=GREEN, linewidth=0.9, linestyle=(0, (1, 2)), label=f"answer: {plan.value}")
    share_axis(axes, f"share of replications; wanted {percent(plan.confidence)}", low=-0.03, high=1.03)
    axes.grid(axis="y", color=FAINT)
    legend(axes)


def _draw_metric(axes: Axes, plan: PlanAnswer, metric: str) -> None:
    """Draw the mean of a metric that a goal is about, and the goal's bound."""
    (search,) = plan.searches
    axis, order = _seen_axis(plan, search)
    at = field_axis(axes, axis)
    mean = np.array([search.seen[i].means[metric] for i in order])
    goals = [g for g in read_goals(plan.scenario, plan.goals) if g.metric == metric and g.cohort is None]
    means = mean[~np.isnan(mean)].tolist()
    known = [*means, *(goal.value for goal in goals[:1])]
    scale = scale_of(metric, max(known))
    axes.plot(
        at, mean / scale.divisor, color=LINE_COLOURS[0], marker="o", markersize=4, linewidth=1.4, label="mean"
    )
    for goal in goals[:1]:
        dash: dict[str, Any] = {"color": "black", "linewidth": 0.9, "linestyle": (0, (4, 2))}
        axes.axhline(goal.value / scale.divisor, label=f"goal {goal.text}", **dash)
    if search.best is not None:
        axes.axvline(at[order.index(search.i_best or 0)], color=GREEN, linewidth=0.9, linestyle=(0, (1, 2)))
    axes.set_title(metric if goals else f"{metric} (the goal's own metric never came about)")
    if is_wide(min(means), max(means)) and min(known) > 0:
        axes.set_yscale("log")
        log_axis(axes.yaxis, np.array([min(known), max(known)]) / scale.divisor)
    value_axis(axes, metric, scale)
    legend(axes)


def _draw_frontier(axes: Axes, plan: PlanAnswer, second: Axis) -> None:
    """Draw the answer for each value of the second field, and on which side of it goals hold."""
    at = field_axis(axes, second)
    numbers = plan.axis.numbers or range(len(plan.axis.values))
    answers = [search.best for search in plan.searches]
    found = np.array([math.nan if best is None else numbers[best.index] for best in answers], np.float64)
    reach = ~np.isnan(found)
    ends = float(min(numbers)), float(max(numbers))
    axes.set_ylabel(plan.axis.title)
    runs = counted(plan.replications, "replication")
    axes.set_title(f"Goals hold in {percent(plan.confidence)} of {runs}")
    axes.plot(at[reach], found[reach], color=GREEN, marker="o", markersize=5, linewidth=1.6, label="frontier")
    good_end = ends[0] if plan.largest else ends[1]
    if not plan.largest and reach.any():
        good_end = min(good_end, 1.6 * float(found[reach].max()))  # the rest of the range says nothing
    drawn = np.array([*found[reach], good_end])
    if plan.axis.is_log and drawn.max() > _LOG_FROM * drawn.min():
        axes.set_yscale("log")
        log_axis(axes.yaxis, np.array([drawn.min(), drawn.max()]))
    else:
        axes.yaxis.set_major_formatter(plain)
        axes.set_ylim(min(0.0, drawn.min()), 1.05 * drawn.max())
    axes.fill_between(
        at, found, good_end, where=reach.tolist(), color=GREEN, alpha=0.15, linewidth=0, label="goals hold"
    )
    if not reach.all():
        end = np.full(int((~reach).sum()), good_end)
        label = f"out of reach from {plan.axis.values[0]} to {plan.axis.values[-1]}"
        axes.plot(at[~reach], end, "x", color=VERMILION, markersize=8, label=label, clip_on=False)
    axes.grid(axis="y", color=FAINT)
    legend(axes)
