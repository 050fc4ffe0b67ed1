"""A time axis that people can read: minutes, hours or days by its span, ticks at round times."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from sim.results.time_span import ROUND_S, step_below_a_second
from sim.wall_clock import offset_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.results.time_span import TimeSpan
    from sim.scenario import Scenario

SINCE_START: Final = "time since the start of the run"
SINCE_FAILURE: Final = "time since the first failure"

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
_TICKS_MIN: Final = 3
_GAP_MIN: Final = 0.075
"""Least share of a logarithmic axis between two ticks: texts like `15 min` need as much."""


def since_start(scenario: Scenario) -> str:
    """Return what the time of a run is counted from: its date, or its start if the scenario gives no date.

    Args:
        scenario: What was run.
    """
    start = scenario.starts
    if "start" not in scenario.run.model_fields_set:
        return SINCE_START
    return f"time since {start:%a} {start.day} {start:%b} {start.year} {start:%H:%M} {offset_text(start)}"


def time_unit(span_s: float) -> tuple[str, float]:
    """Return the unit in which a span is best read, and what it is worth in seconds.

    Args:
        span_s: Length of the axis, seconds, > 0.
    """
    name, worth, _ = next(unit for unit in _UNITS if span_s < unit[2])
    return name, worth


def time_axis(axes: Axes, span: TimeSpan, label: str) -> None:
    """Give the axes, drawn in seconds, the time axis that suits what they show.

    Args:
        axes: Where. Mutated.
        span: Its ends, and whether it is logarithmic.
        label: What the time is counted from.
    """
    if span.is_skewed:
        log_time(axes, span.low_s, span.high_s, label)
    else:
        linear_time(axes, span.high_s, label)


def linear_time(axes: Axes, span_s: float, label: str) -> None:
    """Give the axes, drawn in seconds, a linear time axis from 0.

    Args:
        axes: Where. Mutated.
        span_s: Its right end, seconds, > 0.
        label: What the time is counted from.
    """
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    name, worth = time_unit(span_s)
    step = _step(name, span_s / worth)
    axes.set_xlim(0, span_s)
    axes.xaxis.set_major_locator(MultipleLocator(step * worth))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / worth:g}"))
    axes.set_xlabel(f"{label} ({name})")


def _step(name: str, span: float) -> float:
    """Return the step between ticks of a linear axis, in the unit.

    Args:
        name: The unit.
        span: Length of the axis in that unit, > 0.
    """
    steps, least = _STEPS[name], span / _TICKS_MAX
    if least < 1 and (name == "s" or least < steps[0] / 2):
        return step_below_a_second(least)
    return float(steps[min(bisect_left(steps, least), len(steps) - 1)])


def log_time(axes: Axes, low_s: float, high_s: float, label: str) -> None:
    """Give the axes, drawn in seconds, a logarithmic time axis with ticks at round times.

    Args:
        axes: Where. Mutated.
        low_s: Its left end, seconds, > 0.
        high_s: Its right end, > `low_s`.
        label: What the time is counted from.
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.set_xscale("log")
    axes.set_xlim(low_s, high_s)
    shown = {float(value): _round_text(value) for value in ROUND_S if low_s <= value <= high_s}
    if len(shown) < _TICKS_MIN:  # a short stretch: ticks as on a linear axis
        name, worth = time_unit(high_s)
        step = _step(name, (high_s - low_s) / worth) * worth
        first, last = math.ceil(low_s / step), math.floor(high_s / step)
        shown = {n * step: f"{n * step / worth:g} {name}" for n in range(first, last + 1)}
    axes.xaxis.set_major_locator(FixedLocator(_apart(list(shown), _GAP_MIN * math.log(high_s / low_s))))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: shown.get(float(value), "")))
    axes.set_xlabel(f"{label} (logarithmic)")


def _apart(times_s: list[float], gap: float) -> list[float]:
    """Return those of rising times whose logarithms are so far from the one kept before."""
    kept: list[float] = []
    for time_s in times_s:
        if not kept or math.log(time_s / kept[-1]) >= gap:
            kept.append(time_s)
    return kept


def _round_text(time_s: float) -> str:
    """Return a round time in the largest unit of which it is a whole number."""
    name, worth, _ = next(unit for unit in reversed(_UNITS) if time_s % unit[1] == 0)
    return f"{time_s / worth:.0f} {name}"
