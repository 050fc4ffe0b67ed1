"""Figures of replications and sweeps, and what all figures of studies share.

Colours, style and care for other people's pyplot are those of `sim.results.figures.overview`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator, PercentFormatter

from sim.results.display.format import format_count
from sim.results.figures.overview import STATE_COLOURS
from sim.results.figures.timeaxis import linear_time, log_time, round_time_below, time_unit
from sim.rules import SubtaskState
from sim.scenario import METRICS, MetricKind
from sim.study.point_statistics import Means, means

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis as AnyAxis

    from sim.fleet.spec import Floats
    from sim.study.ranges.vary import Axis
    from sim.study.replications.run import Replications
    from sim.study.sweeps.run import Sweep

GREEN: Final = STATE_COLOURS[SubtaskState.SUCCESS]
RED: Final = STATE_COLOURS[SubtaskState.FAIL]
GREY: Final = "#777777"
COLOURS: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""Colours of Okabe and Ito for lines, in the order in which they are used."""

PLAIN: Final = FuncFormatter(lambda value, _: f"{value:,.10g}")
"""Writes a number as it is."""

_LINES_MAX: Final = len(COLOURS)
_TICKS_MAX: Final = 8
_CELLS_MAX: Final = 120
_PANELS_MAX: Final = 4
_SKEW: Final = 12.0
_SIZES: Final = (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))
_RATES: Final = (("Gbit/s", 1.25e8), ("Mbit/s", 1.25e5), ("kbit/s", 125.0))


def new_figure(
    title: str, panels: int, *, width: float = 5.8, height: float = 4.4
) -> tuple[Figure, list[Axes]]:
    """Return a figure with panels side by side and a title.

    Args:
        title: Stands on the left, above all panels.
        panels: How many, >= 1.
        width: Of one panel, inches.
        height: Of the figure, inches.
    """
    total = 7.2 if panels == 1 else min(width, 15.6 / panels) * panels
    figure = Figure(figsize=(total, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, panels, squeeze=False, gridspec_kw={"wspace": 0.06})
    figure.suptitle(title, x=0.008, ha="left", fontsize=13, weight="bold")
    return figure, list(axes[0])


class Scale(NamedTuple):
    """How the values of a metric are written on an axis.

    Attributes:
        divisor: By which they are divided.
        unit: What they are then in; empty for plain numbers.
    """

    divisor: float
    unit: str

    @property
    def suffix(self) -> str:
        """The unit in parentheses."""
        return f" ({self.unit})" if self.unit else ""


def scale_of(metric: str, highest: float) -> Scale:
    """Return the scale on which a metric is best read.

    Args:
        metric: Its name.
        highest: The highest value to be shown, >= 0; NaN if there is none.
    """
    kind = METRICS[metric].kind
    if kind is MetricKind.SHARE:
        return Scale(0.01, "%")
    if kind is MetricKind.TIME and highest > 0:
        unit, worth = time_unit(highest)
        return Scale(worth, unit)
    units = {MetricKind.SIZE: _SIZES, MetricKind.RATE: _RATES}.get(kind, ())
    for unit, worth in units:
        if highest >= worth:
            return Scale(worth, unit)
    return Scale(1.0, {MetricKind.SIZE: "B", MetricKind.RATE: "B/s", MetricKind.TIME: "s"}.get(kind, ""))


def value_axis(axes: Axes, metric: str, scale: Scale) -> None:
    """Give the axes a vertical axis for a metric.

    Args:
        axes: Where. Mutated.
        metric: Its name.
        scale: See `scale_of`.
    """
    axes.set_ylabel(f"{metric}{scale.suffix}")
    if METRICS[metric].kind is MetricKind.COUNT:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_count(value)))
    if METRICS[metric].kind is MetricKind.SHARE:
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, -0.2), min(high, 100.2))
    axes.grid(axis="y", color="#EEEEEE")


def field_axis(axes: Axes, axis: Axis) -> Floats:
    """Give the axes a horizontal axis for a field.

    Args:
        axes: Where. Mutated.
        axis: The field and its values.

    Returns:
        (V,) float64, where each value stands.
    """
    axes.set_xlabel(axis.title)
    if axis.numbers is None or len(axis.values) < 3:
        at = np.arange(len(axis.values), dtype=np.float64)
        axes.xaxis.set_major_locator(FixedLocator(list(at)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: str(axis.values[round(value)])))
        axes.set_xlim(-0.4, len(at) - 0.6)
        if axis.numbers is not None:
            axes.set_xlabel(axis.path)
        return at
    numbers = np.array(axis.numbers, np.float64)
    if axis.is_log:
        axes.set_xscale("log")
        log_axis(axes.xaxis, numbers)
        return numbers
    if len(numbers) <= _TICKS_MAX:
        axes.xaxis.set_major_locator(FixedLocator(list(numbers)))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(_TICKS_MAX, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(PLAIN)
    return numbers


def log_axis(axis: AnyAxis, numbers: Floats) -> None:
    """Give a logarithmic axis few ticks, with plain numbers.

    Args:
        axis: A horizontal or vertical axis. Mutated.
        numbers: (V,) float64, what it shows, > 0.
    """
    axis.set_minor_locator(NullLocator())
    axis.set_major_locator(FixedLocator(list(log_ticks(numbers))))
    axis.set_major_formatter(PLAIN)


def log_ticks(numbers: Floats) -> Floats:
    """Return ticks for a logarithmic axis: the values themselves if they are few, else round ones.

    Args:
        numbers: (V,) float64, > 0, not empty.
    """
    if 2 < len(numbers) <= _TICKS_MAX:
        return numbers
    low, high = float(numbers.min()), float(numbers.max())
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for leads in ((1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        ticks = [lead * 10.0**decade for decade in decades for lead in leads]
        inside = np.array([tick for tick in ticks if low <= tick <= high])
        if len(inside) <= _TICKS_MAX:
            return inside
    return inside[:: -(-len(inside) // _TICKS_MAX)]


def legend(axes: Axes, title: str = "") -> None:
    """Put the legend below the axes, where it hides nothing."""
    entries = len(axes.get_legend_handles_labels()[1])
    if entries:
        axes.legend(
            loc="upper center",
            bbox_to_anchor=(0.5, -0.16),
            ncols=min(entries, 4 if entries != 5 else 3),
            frameon=False,
            fontsize=9,
            title=title or None,
            title_fontsize=9,
        )


def sweep_figure(sweep: Sweep, metrics: Sequence[str]) -> Figure:
    """Return the figure of a sweep: a panel a metric, four at most.

    Args:
        sweep: The sweep.
        metrics: What to draw, at least one.
    """
    shown = list(metrics)[:_PANELS_MAX]
    runs = f"mean of {sweep.replications} replications" if sweep.replications > 1 else "1 replication"
    figure, panels = new_figure(f"{sweep.scenario.name}: {runs}, the same luck at every point", len(shown))
    for axes, metric in zip(panels, shown, strict=True):
        draw_sweep(axes, sweep, metric)
    return figure


def draw_sweep(axes: Axes, sweep: Sweep, metric: str) -> None:
    """Draw a metric over the varied fields, with the 95 % interval of its mean.

    One field is a line; of two, the one with fewer values gives lines, or a map if they were too many. With
    more fields only the first two are drawn, at the first value of the others.

    Args:
        axes: Where. Mutated.
        sweep: The sweep.
        metric: Name of the metric.
    """
    all_means = means(metric, sweep.runs.of(metric))
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
            _line(axes, at, parts, scale, COLOURS[0], "")
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
            _line(axes, at, row, scale, COLOURS[i_line], str(value), wider=over)
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
    axes.errorbar(at, mean, yerr=reach, fmt="o", color=COLOURS[0], markersize=6, capsize=3)


def _mark_never(axes: Axes) -> None:
    """Say that gaps are values that don't exist."""
    axes.text(
        0.99, 0.99, "gaps: never reached in some replication", ha="right", va="top", fontsize=8,
        color=GREY, transform=axes.transAxes,
    )  # fmt: skip


def _map(axes: Axes, drawn: Sequence[Axis], mean: Floats, metric: str, scale: Scale) -> None:
    """Draw a map of two fields, with the values in its cells if they are few."""
    across, along = drawn
    known = mean[~np.isnan(mean)] / scale.divisor
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    spread = Normalize(low, high) if low <= 0 or high < _SKEW * low else LogNorm(low, high)
    image = axes.imshow(mean / scale.divisor, origin="lower", aspect="auto", cmap="viridis", norm=spread)
    axes.set_title(f"{metric}{scale.suffix}")
    axes.set_xlabel(along.title)
    axes.set_ylabel(across.title)
    for axis, field in ((axes.xaxis, along), (axes.yaxis, across)):
        step = -(-len(field.values) // _TICKS_MAX)
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


def replications_figure(result: Replications) -> Figure:
    """Return the figure of replications: completion on the left, recovery on the right.

    Args:
        result: The replications.
    """
    devices = format_count(float(result.runs.of("devices")[0, 0]))
    title = f"{result.scenario.name}: {devices} devices, {result.replications} replications"
    figure, panels = new_figure(title, 2)
    draw_bands(panels[0], result)
    draw_bands(panels[1], result, curve="recovery")
    return figure


def draw_bands(axes: Axes, result: Replications, *, curve: str = "completion") -> None:
    """Draw a curve: its mean, and the band that holds 90 % of the replications.

    Args:
        axes: Where. Mutated.
        result: The replications.
        curve: `completion` or `recovery`.
    """
    bands = result.bands[result.bands["curve"] == curve]
    what = "time since the start of the run" if curve == "completion" else "time since the first failure"
    axes.set_title(
        "Devices in Success" if curve == "completion" else "Devices recovered after a failed attempt"
    )
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
    if 0 < half_s < high_s / _SKEW:
        log_time(axes, round_time_below(float(time_s[time_s > 0][0])), high_s, what)
    else:
        linear_time(axes, high_s, what)
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.set_ylabel("share of the fleet" if curve == "completion" else "share of those that failed at first")
    axes.grid(axis="y", color="#EEEEEE")
    legend(axes)
