"""Sensitivities as a figure and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from sim.study.sweeps.figure import COLOURS, GREY, legend, new_figure
from sim.study.sweeps.text import ending, table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.fleet.spec import Floats
    from sim.study.sobol.run import Indices, Sensitivity

_PANELS_MAX: Final = 3
_TOGETHER_NOTE: Final = 0.05
_WIDE: Final = 0.3


def sensitivity_figure(result: Sensitivity) -> Figure:
    """Return the figure of a sensitivity study: a panel a metric, three at most.

    Args:
        result: The study.
    """
    metrics = result.metrics[:_PANELS_MAX]
    title = f"{result.scenario.name}: which fields matter ({len(result.rows):,} points)"
    height = max(3.2, 1.9 + 0.55 * len(result.varied))
    figure, panels = new_figure(title, len(metrics), width=6.4, height=height)
    for axes, metric in zip(panels, metrics, strict=True):
        draw_indices(axes, result, metric)
    return figure


def draw_indices(axes: Axes, result: Sensitivity, metric: str) -> None:
    """Draw the indices of a metric as bars, the field that matters most on top.

    Args:
        axes: Where. Mutated.
        result: The study.
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
    bars = (("total", found.total, found.total_bounds, -0.2, COLOURS[4]),
            ("first order", found.first, found.first_bounds, 0.2, COLOURS[0]))  # fmt: skip
    for label, value, bounds, offset, colour in bars:
        shown = np.clip(value[order], 0, None)
        reach = np.clip(np.stack([shown - bounds[0, order], bounds[1, order] - shown]), 0, None)
        reach[0] = np.minimum(reach[0], shown)
        axes.barh(at + offset, shown, 0.38, color=colour, label=label)
        axes.errorbar(shown, at + offset, xerr=reach, fmt="none", ecolor="black", elinewidth=0.8, capsize=2)
    axes.set_yticks(at, [result.varied[i].path for i in order], fontsize=8)
    axes.set_xlim(0, 1.05)
    axes.set_xlabel("share of the metric's variance")
    axes.grid(axis="x", color="#EEEEEE")
    legend(axes)


def sensitivity_text(result: Sensitivity) -> str:
    """Return a sensitivity study as text.

    Args:
        result: The study.
    """
    points = f"{len(result.rows):,} points ({len(result.runs.points):,} distinct)"
    lines = [
        f"{result.scenario.name}: which fields matter, {points}, seed {result.seed}",
        "first: share of the variance that the field explains alone; total: with its interactions",
        "in brackets bootstrap 95 % intervals",
    ]
    for metric, found in result.indices.items():
        lines += ["", metric]
        if found is None:
            lines.append("  never reached at some points: no variance, no indices")
            continue
        rows = [["", "first", "total"]]
        for i in np.argsort(-found.total):
            first = _share(found.first[i], found.first_bounds[:, i])
            total = _share(found.total[i], found.total_bounds[:, i])
            rows.append([result.varied[i].path, first, total])
        lines += [*table(rows), *_notes(found)]
    return "\n".join([*lines, "", ending(result.digest, result.runs.replications, result.reused)])


def _share(value: float, bounds: Floats) -> str:
    """Return an index with its interval; adding zero takes the sign from a zero."""
    index, low, high = (round(float(part), 2) + 0.0 for part in (value, *bounds))
    return f"{index:.2f} [{low:.2f} – {high:.2f}]"


def _notes(found: Indices) -> list[str]:
    """Say what the table alone does not: that fields act together, and that more samples are needed."""
    notes = []
    if not found.total.any():
        return ["  the same at every point: nothing matters"]
    if found.together_bounds[0] > _TOGETHER_NOTE:
        notes.append(f"  fields acting together explain {_share(found.together, found.together_bounds)}")
    widths = np.stack([found.first_bounds, found.total_bounds])
    if (widths[:, 1] - widths[:, 0]).max() > _WIDE:
        notes.append("  the intervals are wide; more --samples narrow them")
    return notes
