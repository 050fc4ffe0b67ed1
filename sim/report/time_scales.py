"""Time axes of a page's charts: their ends, and ticks at round times, on a linear and a logarithmic scale."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from sim.results.time_span import ROUND_S, step_below_a_second

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sim.results.time_span import TimeSpan

_STEPS_S: Final = (
    *(1, 2, 5, 10, 15, 20, 30),
    *(60 * n for n in (1, 2, 5, 10, 15, 20, 30)),
    *(3_600 * n for n in (1, 2, 3, 6, 12)),
    *(86_400 * n for n in (1, 2, 5, 7, 14, 28, 50, 100, 200, 365, 1_000, 2_000, 5_000)),
)
_TICKS_MIN: Final = 3
_TICKS_MAX: Final = 7


def time_scales(span: TimeSpan, title: str, *, is_dated: bool = False) -> dict[str, Any]:
    """Return domain and round ticks of a time axis, for both scales.

    Args:
        span: Where it begins and ends, seconds.
        title: What the time is counted from.
        is_dated: Whether it is the time in the run, which has dates.
    """
    step = _round_step(span.high_s)
    ticks = [round(step * n, 9) for n in range(int(span.high_s // step) + 1)]
    spaced: list[float] = [value for value in ROUND_S if span.low_s <= value <= span.high_s]
    if len(spaced) < _TICKS_MIN:  # the axis is short, so those of the linear one don't crowd
        spaced = [value for value in ticks if value >= span.low_s]
    return {
        "title": title,
        "dated": is_dated,
        "skewed": span.is_skewed,
        "linear": {"domain": [0, span.high_s], "ticks": ticks},
        "log": {
            "domain": [span.low_s, span.high_s],
            "ticks": spaced,
        },
    }


def time_ticks(low_s: float, high_s: float) -> list[float]:
    """Return round times that lie in a range, and one beyond each end.

    Args:
        low_s: Its lower end, seconds, >= 0.
        high_s: Its upper end.
    """
    step = max(_round_step(high_s - low_s), 1)
    first, last = int(low_s // step), int(high_s // step) + 1
    return [float(step * n) for n in range(first, last + 1)]


def value_ticks(form: str | None, values: Iterable[float | None]) -> list[float] | None:
    """Return round values for the axis of a metric; None where those of the chart are round enough.

    Args:
        form: How the axis writes them; only times (`duration`) and bytes (`size`) have units of their own.
        values: What is shown; None and NaN are left out.
    """
    known = [value for value in values if value is not None and value == value]
    if form not in ("duration", "size") or not known:
        return None
    low, high = min(known), max(known)
    if form == "duration":
        return time_ticks(low, high)
    unit = 1024.0 ** min(int(math.log(high, 1024.0)), 3) if high >= 1 else 1.0
    least = max(high - low, high / 100, 1.0) / unit / _TICKS_MAX
    decade = 10.0 ** math.floor(math.log10(least))
    step = next(lead * decade for lead in (1, 2, 5, 10) if lead * decade >= least * 0.999)
    first, last = math.floor(low / unit / step), math.ceil(high / unit / step)
    return [round(step * n, 9) * unit for n in range(first, last + 1)]


def _round_step(length_s: float) -> float:
    """Return the step between the ticks of a time axis, seconds."""
    least_s = length_s / _TICKS_MAX
    if 0 < least_s < 1:
        return step_below_a_second(least_s)
    return next((step for step in _STEPS_S if step >= least_s), _STEPS_S[-1])
