"""A time axis that people can read: minutes, hours or days by its span, ticks at round times."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from matplotlib.ticker import FixedLocator, FuncFormatter, MultipleLocator, NullLocator

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Unit, its worth in seconds, and the span from which the next one reads better.
_UNITS: Final = (
    ("s", 1.0, 120.0),
    ("min", 60.0, 7_200.0),
    ("h", 3_600.0, 345_600.0),
    ("d", 86_400.0, math.inf),
)
_STEPS: Final = {
    "s": (1, 2, 5, 10, 15, 20, 30),
    "min": (1, 2, 5, 10, 15, 20, 30),
    "h": (0.5, 1, 2, 3, 6, 12, 24),
    "d": (0.5, 1, 2, 5, 7, 14, 28, 50, 100, 200, 365, 1000, 5000),
}
_TICKS_MAX: Final = 9

# Round times for a logarithmic axis, about equally spaced on it.
_ROUND_S: Final = (
    *((value, f"{value:g} s") for value in (1, 5, 15)),
    *((value * 60, f"{value} min") for value in (1, 5, 15)),
    *((value * 3_600, f"{value} h") for value in (1, 4, 12)),
    *((value * 86_400, f"{value} d") for value in (1, 3, 10, 30, 100, 365, 1_000, 3_650, 10_000)),
)


def time_unit(span_s: float) -> tuple[str, float]:
    """Return the unit in which a span is best read, and what it is worth in seconds.

    Args:
        span_s: Length of the axis, seconds, > 0.
    """
    name, worth, _ = next(unit for unit in _UNITS if span_s < unit[2])
    return name, worth


def round_time_below(time_s: float) -> float:
    """Return the last round time that is not after the given one, seconds; itself if there is none.

    Args:
        time_s: > 0.
    """
    return max((float(value) for value, _ in _ROUND_S if value <= time_s), default=time_s)


def linear_time(axes: Axes, span_s: float, label: str) -> None:
    """Give the axes, drawn in seconds, a linear time axis from 0.

    Args:
        axes: Where. Mutated.
        span_s: Its right end, seconds, > 0.
        label: What the time is counted from.
    """
    name, worth = time_unit(span_s)
    steps = _STEPS[name]
    i_step = bisect_left(steps, span_s / worth / _TICKS_MAX)
    step = steps[min(i_step, len(steps) - 1)]
    axes.set_xlim(0, span_s)
    axes.xaxis.set_major_locator(MultipleLocator(step * worth))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / worth:g}"))
    axes.set_xlabel(f"{label} ({name})")


def log_time(axes: Axes, low_s: float, high_s: float, label: str) -> None:
    """Give the axes, drawn in seconds, a logarithmic time axis with ticks at round times.

    Args:
        axes: Where. Mutated.
        low_s: Its left end, seconds, > 0.
        high_s: Its right end, > `low_s`.
        label: What the time is counted from.
    """
    axes.set_xscale("log")
    axes.set_xlim(low_s, high_s)
    shown = {float(value): text for value, text in _ROUND_S if low_s <= value <= high_s}
    axes.xaxis.set_major_locator(FixedLocator(list(shown)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: shown.get(float(value), "")))
    axes.set_xlabel(f"{label} (logarithmic)")
