"""Intervals of a mean that hold whatever the values, and what tells that Student's does not hold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from sim.fleet.spec import Floats

_LEVEL: Final = 0.95
_MOST_OF_IT: Final = 0.75  # of the capital is put on one value, at most
_HALVINGS: Final = 50
_SKEW_SIGNIFICANT: Final = 2.0  # standard errors of the skewness of normal values
_SKEW_VALUES: Final = 10  # so many values for each unit of squared skewness


def bounded_interval(values: Floats) -> tuple[float, float]:
    """Return a 95 % interval of the mean of values between 0 and 1, whatever their distribution.

    Somebody bets on each value that it is above a supposed mean (and somebody else that it is below), with
    stakes that depend on earlier values only. If that is the mean, one of them becomes forty times as rich
    with 5 % at most: means with which one does are ruled out. What was not seen is allowed for.

    Args:
        values: (n,) float64 in the order in which they were drawn, n >= 1. Read only.

    Source:
        Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86 (2024),
        the predictable plug-in of a fixed number of values.
    """
    n = len(values)
    seen = np.arange(1, n + 1)
    mean = (0.5 + np.cumsum(values)) / (seen + 1)
    variance = (0.25 + np.cumsum((values - mean) ** 2)) / (seen + 1)
    before = np.concatenate([[0.25], variance[:-1]])
    wanted = math.log(2 / (1 - _LEVEL))
    stakes = np.sqrt(2 * wanted / (n * before))
    return _lower_end(values, stakes, wanted), 1 - _lower_end(1 - values, stakes, wanted)


def _lower_end(values: Floats, stakes: Floats, wanted: float) -> float:
    """Return the largest supposed mean with which the logarithm of the capital grows to what is wanted."""
    low, high = 0.0, float(values.mean())
    for _ in range(_HALVINGS):
        supposed = (low + high) / 2
        share = np.minimum(stakes, _MOST_OF_IT / max(supposed, 1e-12))
        if np.cumsum(np.log1p(share * (values - supposed))).max() >= wanted:
            low = supposed
        else:
            high = supposed
    return low


def is_too_skewed(values: Floats) -> bool:
    """Tell whether values are so few for their skewness that Student's interval of their mean is too short.

    Args:
        values: (n,) float64, n >= 2. Read only.

    Source:
        After Cochran, "Sampling techniques" (1977), 2.15: n > 25 G². With 10 instead of 25 an interval of
        95 % covers about 94 % of means of Poisson counts; the skewness must be more than chance.
    """
    spread = values - values.mean()
    variance = float((spread**2).mean())
    if variance == 0:
        return False
    skewness = float((spread**3).mean()) / variance**1.5
    n = len(values)
    return bool(abs(skewness) > _SKEW_SIGNIFICANT * math.sqrt(6 / n) and n < _SKEW_VALUES * skewness**2)
