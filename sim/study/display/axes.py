"""Axes, scales and colours that the figures of all studies share.

Colours, style and care for other people's pyplot are those of `sim.results.figures`.
"""

from __future__ import annotations

import math
from textwrap import fill
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.results.display.format import format_count
from sim.results.figures.canvas import blank_figure, headline
from sim.results.figures.colours import FAINT
from sim.results.figures.timeaxis import time_unit
from sim.results.files.columns import BITS
from sim.scenario import METRICS, MetricKind

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis as AnyAxis
    from matplotlib.figure import Figure

    from sim.fleet.spec import Floats
    from sim.study.ranges.vary import Axis

GREY: Final = "#777777"

_LABEL_WIDTH: Final = 42

TICKS_MAX: Final = 8
"""Most ticks of an axis."""


_SIZES: Final = (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))

_RATES: Final = (("Gbit/s", 1.25e8), ("Mbit/s", 1.25e5), ("kbit/s", 125.0))


def plain(value: float, _: object = None) -> str:
    """Return a tick's number as it is."""
    return f"{value:,.10g}"


def wrapped(text: str, width: int = _LABEL_WIDTH) -> str:
    """Return a label over several lines if it is longer than a panel is wide.

    Args:
        text: Like the path of a field.
        width: Letters of a line.
    """
    return fill(text, width)


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
    figure = blank_figure(total, height)
    axes = figure.subplots(1, panels, squeeze=False, gridspec_kw={"wspace": 0.06})
    headline(figure, title)
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
    if kind is MetricKind.RATE and not highest >= _RATES[-1][1]:
        return Scale(1 / BITS, "bit/s")
    units = {MetricKind.SIZE: _SIZES, MetricKind.RATE: _RATES}.get(kind, ())
    for unit, worth in units:
        if highest >= worth:
            return Scale(worth, unit)
    return Scale(1.0, {MetricKind.SIZE: "B", MetricKind.TIME: "s"}.get(kind, ""))


def value_axis(axes: Axes, metric: str, scale: Scale) -> None:
    """Give the axes a vertical axis for a metric.

    Args:
        axes: Where. Mutated.
        metric: Its name.
        scale: See `scale_of`.
    """
    from matplotlib.ticker import FuncFormatter

    axes.set_ylabel(f"{metric}{scale.suffix}")
    if METRICS[metric].kind is MetricKind.COUNT:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_count(value)))
    if METRICS[metric].kind is MetricKind.SHARE:
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, -0.2), min(high, 100.2))
    axes.grid(axis="y", color=FAINT)


def field_axis(axes: Axes, axis: Axis) -> Floats:
    """Give the axes a horizontal axis for a field.

    Args:
        axes: Where. Mutated.
        axis: The field and its values.

    Returns:
        (V,) float64, where each value stands.
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

    axes.set_xlabel(wrapped(axis.title))
    if axis.numbers is None or len(axis.values) < 3:
        at = np.arange(len(axis.values), dtype=np.float64)
        axes.xaxis.set_major_locator(FixedLocator(list(at)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: str(axis.values[round(value)])))
        axes.set_xlim(-0.4, len(at) - 0.6)
        if axis.numbers is not None:
            axes.set_xlabel(wrapped(axis.path))
        return at
    numbers = np.array(axis.numbers, np.float64)
    if axis.is_log:
        axes.set_xscale("log")
        log_axis(axes.xaxis, numbers)
        return numbers
    if len(numbers) <= TICKS_MAX:
        axes.xaxis.set_major_locator(FixedLocator(list(numbers)))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(TICKS_MAX, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(plain)
    return numbers


def log_axis(axis: AnyAxis, numbers: Floats) -> None:
    """Give a logarithmic axis few ticks, with plain numbers.

    Args:
        axis: A horizontal or vertical axis. Mutated.
        numbers: (V,) float64, what it shows, > 0.
    """
    from matplotlib.ticker import FixedLocator, NullLocator

    axis.set_minor_locator(NullLocator())
    axis.set_major_locator(FixedLocator(list(log_ticks(numbers))))
    axis.set_major_formatter(plain)


def log_ticks(numbers: Floats) -> Floats:
    """Return ticks for a logarithmic axis: the values themselves if they are few, else round ones.

    Args:
        numbers: (V,) float64, > 0, not empty.
    """
    if 2 < len(numbers) <= TICKS_MAX:
        return numbers
    low, high = float(numbers.min()), float(numbers.max())
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for leads in ((1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        ticks = [lead * 10.0**decade for decade in decades for lead in leads]
        inside = np.array([tick for tick in ticks if low <= tick <= high])
        if len(inside) <= TICKS_MAX:
            return inside
    return inside[:: -(-len(inside) // TICKS_MAX)]


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
            title=wrapped(title) or None,
            title_fontsize=9,
        )
