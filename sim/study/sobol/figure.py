"""Figures of sensitivities: first-order and total indices as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from sim.results.figures.colours import FAINT, LINE_COLOURS
from sim.study.display.axes import GREY, legend, new_figure, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.study.sobol.answer import SensitivityAnswer

_PANELS_MAX: Final = 3
_PATH_WIDTH: Final = 30


def sensitivity_figure(result: SensitivityAnswer) -> Figure:
    """Return the figure of a sensitivity study: a panel a metric, three at most."""
    metrics = result.metrics[:_PANELS_MAX]
    title = f"{result.scenario.name}: which fields matter ({len(result.rows):,} points)"
    height = max(3.2, 1.9 + 0.55 * len(result.varied))
    figure, panels = new_figure(title, len(metrics), width=6.4, height=height)
    for axes, metric in zip(panels, metrics, strict=True):
        draw_indices(axes, result, metric)
    return figure


def draw_indices(axes: Axes, result: SensitivityAnswer, metric: str) -> None:
    """Draw the indices of a metric as bars, the field that matters most on top.

    Args:
        axes: Where. Mutated.
        metric: One of its metrics.
    """
    axes.set_title(metric)
    found = result.indices[metric]
    if found is None:
        axes.text(
            0.5, 0.5, "never reached at some points:\nno variance, no indices", ha="center", va="center",
            color=GREY, transform=axes.transAxes,
        )  # fmt: skip
        axes.set_axis_off()
        return
    order = np.argsort(found.total)
    at = np.arange(len(order))
    bars = (("total", found.total, found.total_bounds, -0.2, LINE_COLOURS[4]),
            ("first order", found.first, found.first_bounds, 0.2, LINE_COLOURS[0]))  # fmt: skip
    for label, value, bounds, offset, colour in bars:
        shown = np.clip(value[order], 0, None)
        reach = np.clip(np.stack([shown - bounds[0, order], bounds[1, order] - shown]), 0, None)
        reach[0] = np.minimum(reach[0], shown)
        axes.barh(at + offset, shown, 0.38, color=colour, label=label)
        axes.errorbar(shown, at + offset, xerr=reach, fmt="none", ecolor="black", elinewidth=0.8, capsize=2)
    axes.set_yticks(at, [wrapped(result.varied[i].path, _PATH_WIDTH) for i in order], fontsize=8)
    ends = np.concatenate([found.total_bounds[1], found.first_bounds[1], [1.0]])
    axes.set_xlim(0, 1.05 * float(np.nanmax(ends)))  # an interval may go beyond all of the variance
    axes.set_xlabel("share of the metric's variance")
    axes.grid(axis="x", color=FAINT)
    legend(axes)
