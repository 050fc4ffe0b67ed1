"""Figures of sweeps: a metric over one or two varied fields."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.results.display.format import counted
from sim.results.figures.colours import LINE_COLOURS
from sim.results.time_span import is_wide
from sim.study.display.axes import (
    GREY,
    TICKS_MAX,
    Scale,
    field_axis,
    legend,
    new_figure,
    scale_of,
    value_axis,
)
from sim.study.point_statistics import Means

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.fleet.spec import Floats
    from sim.study.ranges.vary import Axis
    from sim.study.sweeps.answer import SweepAnswer

_LINES_MAX: Final = len(LINE_COLOURS)

_CELLS_MAX: Final = 120

_PANELS_MAX: Final = 4


def sweep_figure(sweep: SweepAnswer, metrics: Sequence[str]) -> Figure:
    """Return the figure of a sweep: a panel a metric, four at most.

    Args:
        metrics: What to draw, at least one.
    """
    shown = list(metrics)[:_PANELS_MAX]
    runs = f"{'mean of ' if sweep.replications > 1 else ''}{counted(sweep.replications, 'replication')}"
    figure, panels = new_figure(f"{sweep.scenario.name}: {runs}, the same draws at every point", len(shown))
    for axes, metric in zip(panels, shown, strict=True):
        draw_sweep(axes, sweep, metric)
    return figure


def draw_sweep(axes: Axes, sweep: SweepAnswer, metric: str) -> None:
    """Draw a metric over the varied fields, with the 95 % interval of its mean.

    One field is a line; of two, the one with fewer values gives lines, or a map if they were too many. With
    more fields only the first two are drawn, at the first value of the others.

    Args:
        axes: Where. Mutated.
        metric: Name of the metric.
    """
    all_means = sweep.means_of(metric)
    first = (slice(None),) * min(2, len(sweep.axes)) + (0,) * (len(sweep.axes) - 2)
    parts = Means(*(part.reshape(sweep.shape)[first] for part in all_means))
    known = parts.mean[~np.isnan(parts.mean)]
    scale = scale_of(metric, float(known.max()) if len(known) else math.nan)
    axes.set_title(metric)
    drawn = sweep.axes[:2]
    if len(drawn) == 1:
        at = field_axis(axes, drawn[0])
        if drawn[0].numbers is None:
            _dots(axes, at, parts, scale)
        else:
            _line(axes, at, parts, scale, LINE_COLOURS[0], "")
    elif min(len(axis.values) for axis in drawn) > _LINES_MAX:
        _map(axes, drawn, parts.mean, metric, scale)
        return
    else:
        swap = len(drawn[0].values) < len(drawn[1].values)
        along, across = (drawn[1], drawn[0]) if swap else drawn
        at = field_axis(axes, along)
        for i_line, value in enumerate(across.values):
            row = Means(*((part if swap else part.T)[i_line] for part in parts))
            # Lines that coincide are seen at the edges of those drawn over them.
            over = len(across.values) - 1 - i_line
            _line(axes, at, row, scale, LINE_COLOURS[i_line], str(value), wider=over)
        legend(axes, across.path)
    if len(known) < parts.mean.size:
        _mark_never(axes)
    value_axis(axes, metric, scale)


def _line(
    axes: Axes, at: Floats, values: Means, scale: Scale, colour: str, label: str, *, wider: int = 0
) -> None:
    """Draw a line with a band; "never" leaves a gap."""
    mean, low, high = (part / scale.divisor for part in values)
    axes.fill_between(at, low, high, color=colour, alpha=0.2, linewidth=0, zorder=1)
    marker = "o" if len(at) <= 40 else ""
    widths: dict[str, Any] = {"markersize": 4 + 1.5 * wider, "linewidth": 1.6 + 1.8 * wider}
    axes.plot(at, mean, color=colour, marker=marker, label=label or None, **widths)


def _dots(axes: Axes, at: Floats, values: Means, scale: Scale) -> None:
    """Draw values of a field that has no order: there is nothing between them."""
    mean, low, high = (part / scale.divisor for part in values)
    reach = np.nan_to_num(np.stack([mean - low, high - mean]))
    axes.errorbar(at, mean, yerr=reach, fmt="o", color=LINE_COLOURS[0], markersize=6, capsize=3)


def _mark_never(axes: Axes) -> None:
    """Say that gaps are values that don't exist."""
    axes.text(
        0.99, 0.99, "gaps: never reached in some replication", ha="right", va="top", fontsize=8,
        color=GREY, transform=axes.transAxes,
    )  # fmt: skip


def _map(axes: Axes, drawn: Sequence[Axis], mean: Floats, metric: str, scale: Scale) -> None:
    """Draw a map of two fields, with the values in its cells if they are few."""
    from matplotlib.colors import LogNorm, Normalize

    across, along = drawn
    known = mean[~np.isnan(mean)] / scale.divisor
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    spread = LogNorm(low, high) if is_wide(low, high) else Normalize(low, high)
    image = axes.imshow(mean / scale.divisor, origin="lower", aspect="auto", cmap="viridis", norm=spread)
    axes.set_title(f"{metric}{scale.suffix}")
    axes.set_xlabel(along.title)
    axes.set_ylabel(across.title)
    for axis, field in ((axes.xaxis, along), (axes.yaxis, across)):
        step = -(-len(field.values) // TICKS_MAX)
        at = list(range(0, len(field.values), step))
        axis.set_ticks(at, [_tick(field, i) for i in at])
    if mean.size > _CELLS_MAX:
        figure = axes.get_figure()
        assert figure is not None
        figure.colorbar(image, ax=axes)
        return
    for (row, column), value in np.ndenumerate(mean / scale.divisor):
        text = "–" if np.isnan(value) else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
        colour = "white" if not np.isnan(value) and spread(value) < 0.5 else "black"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)


def _tick(field: Axis, index: int) -> str:
    """Return a value of a field as a tick says it."""
    return str(field.values[index]) if field.numbers is None else f"{field.numbers[index]:,.10g}"
