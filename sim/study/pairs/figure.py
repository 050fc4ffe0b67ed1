"""Figures of comparisons: a metric of both campaigns, a line a pair of replications."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.results.display.format import counted
from sim.results.figures.colours import BLUE
from sim.scenario.metrics import METRICS, MetricKind
from sim.study.display.axes import GREY, new_figure, scale_of, value_axis
from sim.study.display.text import change_text
from sim.study.pairs.answer import LATE, SHOWN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.study.pairs.answer import ComparisonAnswer

_PANELS: Final = 3
_LINES_MAX: Final = 60
_NAME_MAX: Final = 28


def comparison_figure(result: ComparisonAnswer) -> Figure:
    """Return the figure of a comparison: devices upgraded, when most of them were, and what differs most."""
    shown = panel_metrics(result)
    title = f"{result.scenario.name}: {counted(result.pairs, 'pair')} of replications with the same draws"
    figure, panels = new_figure(title, len(shown), width=4.6)
    for axes, metric in zip(panels, shown, strict=True):
        draw_pairs(axes, result, metric)
    return figure


def panel_metrics(result: ComparisonAnswer) -> list[str]:
    """Return the metrics that are drawn: those that the sentence is about, then those that differ most."""
    wanted = [name for name in ("succeeded", result.late or LATE[-1]) if name in result.metrics]
    others = [name for name in SHOWN if name in result.metrics and name not in wanted]
    sizes = {name: _relative(result, name) for name in others}
    moved = sorted((name for name in others if sizes[name] > 0), key=lambda name: -sizes[name])
    return [*wanted, *moved][:_PANELS]


def _relative(result: ComparisonAnswer, metric: str) -> float:
    """Return the mean difference as a share of the larger mean; 0 where there is none."""
    before, now = result.values(metric)
    known = ~np.isnan(before) & ~np.isnan(now)
    if not known.any():
        return 0.0
    old, new = float(before[known].mean()), float(now[known].mean())
    return abs(new - old) / max(abs(old), abs(new), 1e-9)


def draw_pairs(axes: Axes, result: ComparisonAnswer, metric: str) -> None:
    """Draw a metric of both campaigns: a thin line a pair, a thick one for the means.

    Args:
        axes: Where. Mutated.
        metric: One of `ComparisonAnswer.metrics`.
    """
    before, now = result.values(metric)
    known = ~np.isnan(before) & ~np.isnan(now)
    axes.set_title(f"{metric}\n{change_text(metric, result.difference(metric))}")
    axes.set_xlim(-0.35, 1.35)
    axes.set_xticks([0, 1], [_short(name) for name in result.names])
    if not known.any():
        axes.text(0.5, 0.5, "never in any pair", ha="center", va="center", transform=axes.transAxes)
        axes.set_yticks([])
        return
    pairs = np.stack([before[known], now[known]])
    scale = scale_of(metric, float(pairs.max()))
    lines = pairs / scale.divisor
    if lines.shape[1] > 1:
        axes.plot([0, 1], lines[:, :_LINES_MAX], color=GREY, linewidth=0.8, alpha=0.6)
    axes.plot([0, 1], lines.mean(axis=1), color=BLUE, linewidth=2.2, marker="o", markersize=6)
    low, high = float(lines.min()), float(lines.max())
    if math.isclose(low, high):
        kind = METRICS[metric].kind
        room = max(abs(low) * 0.05, 1.0 if kind is MetricKind.COUNT else 0.01)
        axes.set_ylim(max(low - room, 0.0), high + room)
    value_axis(axes, metric, scale)


def _short(name: str) -> str:
    """Return a name that fits below its line."""
    return name if len(name) <= _NAME_MAX else f"{name[: _NAME_MAX - 3]}..."
