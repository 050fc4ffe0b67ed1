"""Where a time axis begins and ends, and whether it is linear or logarithmic: one rule for all figures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from sim.fleet.spec import Floats

_SKEW: Final = 12.0
"""An axis is logarithmic if half of what it shows happens in less than this part of it."""

ROUND_S: Final = (
    *(1, 5, 15),
    *(60 * n for n in (1, 5, 15)),
    *(3_600 * n for n in (1, 4, 12)),
    *(86_400 * n for n in (1, 3, 10, 30, 100, 365, 1_000, 3_650, 10_000)),
)
"""Round times, seconds, about equally spaced on a logarithmic axis."""


class TimeSpan(NamedTuple):
    """Where a time axis begins and ends, and which scale suits it.

    Attributes:
        low_s: Left end of a logarithmic axis, seconds, > 0, not above the first thing that happens.
        high_s: Right end of either, seconds.
        is_skewed: Whether most of it happens in a small part of the time.
    """

    low_s: float
    high_s: float
    is_skewed: bool

    @property
    def left_s(self) -> float:
        """Left end of the axis that suits it, seconds."""
        return self.low_s if self.is_skewed else 0.0

    def grid(self, n: int) -> Floats:
        """Return times, (n,) seconds, evenly spaced on the axis that suits it.

        Args:
            n: How many, > 1.
        """
        if self.is_skewed:
            return np.geomspace(self.low_s, self.high_s, n)
        return np.linspace(0.0, self.high_s, n)


def time_span(first_s: float, half_s: float, high_s: float) -> TimeSpan:
    """Return the time axis of something that begins, is half done, and ends at given times.

    Args:
        first_s: When the first thing happens, seconds.
        half_s: When half of it has happened; 0 if that can't be told.
        high_s: When the last thing happens, > 0.
    """
    low_s = round_time_below(first_s)
    if low_s <= 0:
        low_s = min(1.0, high_s / 100)
    return TimeSpan(low_s, high_s, first_s > 0 and 0 < half_s < high_s / _SKEW)


def round_time_below(time_s: float) -> float:
    """Return the last round time that is not after the given one, seconds; itself if there is none."""
    return max((float(value) for value in ROUND_S if value <= time_s), default=time_s)


def step_below_a_second(least_s: float) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that is not below a time, seconds.

    Args:
        least_s: The time, > 0 and at most 1.
    """
    decade = 10.0 ** math.floor(math.log10(least_s))
    return round(next((n * decade for n in (1, 2, 5) if n * decade >= least_s), 10 * decade), 9)


def is_wide(low: float, high: float) -> bool:
    """Return whether values are so far apart that a logarithmic scale shows them better."""
    return 0 < low and high >= _SKEW * low
