"""Statistics over replications for many points at once: means, paired differences, shares.

An undefined value is NaN here. For a time it means "never", and a mean over the lucky replications would
flatter, so there is none; for any other metric it means that there was nothing to measure, and the mean
is that of the rest (as `sim.results.statistics.estimate` has it for one point).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.scenario.metrics import METRICS, MetricKind

if TYPE_CHECKING:
    from sim.fleet.spec import Bools, Floats

_LEVEL: Final = 0.95
_ROUNDING: Final = 1e-13
"""Relative error that a sum of floats may have; a microsecond is more in any run of a hundred days."""


class Means(NamedTuple):
    """A metric at several points.

    Attributes:
        mean: (P,) float64; NaN where it is not defined.
        low: (P,) float64, lower end of the 95 % interval of the mean; NaN for fewer than two values, and for
            equal ones, which don't tell how they would vary.
        high: (P,) float64, its upper end.
    """

    mean: Floats
    low: Floats
    high: Floats


def means(name: str, values: Floats) -> Means:
    """Return the mean over replications and Student's t interval of it.

    Args:
        name: The metric.
        values: (P, R) float64, a point a row, NaN where undefined. Read only.
    """
    known = ~np.isnan(values)
    n = known.sum(axis=1)
    usable = n == values.shape[1] if METRICS[name].kind is MetricKind.TIME else n > 0
    filled = np.where(known, values, 0.0)
    mean = np.where(usable, filled.sum(axis=1) / np.maximum(n, 1), np.nan)
    spread = np.where(known, values - mean[:, None], 0.0)
    variance = (spread**2).sum(axis=1) / np.maximum(n - 1, 1)
    varies = np.where(known, values, np.inf).min(axis=1) < np.where(known, values, -np.inf).max(axis=1)
    half = np.where(usable & varies, _t_quantile(n - 1) * np.sqrt(variance / np.maximum(n, 1)), np.nan)
    return Means(mean, mean - half, mean + half)


def differences(name: str, values: Floats, base: Floats) -> Means:
    """Return mean differences from a base, replication by replication.

    Replications with the same number have the same draws, so that most of it cancels.

    Args:
        name: The metric.
        values: (P, R) float64. Read only.
        base: (R,) float64, the base's values. Read only.

    Returns:
        Statistics of the differences; what differs by nothing but the rounding of floats differs by 0.
    """
    pairs = _without_rounding(values - base[None, :], np.maximum(np.abs(values), np.abs(base[None, :])))
    mean, low, high = means(name, pairs)
    exact = _without_rounding(mean, np.where(np.isnan(pairs), 0.0, np.abs(pairs)).max(axis=1, initial=0.0))
    return Means(exact, low, high)


def _without_rounding(results: Floats, operands: Floats) -> Floats:
    """Return results with 0 where all that is left of the operands is their rounding."""
    return np.where(np.abs(results) <= _ROUNDING * operands, 0.0, results)


def _t_quantile(freedom: Floats) -> Floats:
    """Return the quantile of Student's t that bounds the 95 % interval."""
    # The special functions load in a fraction of the time that scipy.stats takes.
    from scipy.special import stdtrit

    return np.asarray(stdtrit(np.maximum(freedom, 1), 0.5 + _LEVEL / 2), np.float64)


def wilson(held: int, n: int, level: float = _LEVEL) -> tuple[float, float]:
    """Return Wilson's interval of a share.

    Args:
        held: How often it was so, 0..n.
        n: Out of how many, >= 1.
        level: Confidence, 0..1.

    Source:
        Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    from scipy.special import ndtri

    z = float(ndtri(0.5 + level / 2))
    share = held / n
    middle = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if held == 0 else (middle - half) / scale
    high = 1.0 if held == n else (middle + half) / scale
    return low, high


def loss_probability(before: Bools, after: Bools) -> float:
    """Return how probable it is that so much is lost by chance alone (one-sided sign test).

    Args:
        before: (R,) bool, whether a goal held in each replication.
        after: (R,) bool, whether it holds in the same replications elsewhere.

    Returns:
        0..1; 1 if nothing is lost.
    """
    from scipy.special import bdtrc

    lost = int(np.count_nonzero(before & ~after))
    gained = int(np.count_nonzero(~before & after))
    if lost == 0:
        return 1.0
    return float(bdtrc(lost - 1, lost + gained, 0.5))
