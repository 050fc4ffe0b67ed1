"""Intervals and bands over replications."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from sim.fleet.spec import Floats
    from sim.results.unseen import Unseen

Metric = int | float | None
"""Value of a metric in one run; None where it is not defined."""

_NEVER_IS_NONE = ("time_to_", "makespan")


class Estimate(NamedTuple):
    """A metric over replications.

    Attributes:
        mean: Mean; None if it is not defined.
        low: Lower end of the 95 % interval of the mean; None where there is none: for fewer than two values,
            and for equal values of a metric without bounds.
        high: Upper end; None likewise.
        values: One a replication.
    """

    mean: Metric
    low: float | None
    high: float | None
    values: tuple[Metric, ...]


def estimate(name: str, values: Sequence[Metric], unseen: Unseen | None = None) -> Estimate:
    """Return the mean of a metric and its 95 % interval.

    None means "never" for a time: then there is no mean, because one over the lucky replications
    would flatter. For any other metric None means that there was nothing to measure, and the mean is
    that of the rest.

    Args:
        name: The metric.
        values: One a replication, at least one.
        unseen: What equal values leave open, see `sim.results.unseen`; None if that is not known.
    """
    known = [value for value in values if value is not None]
    if not known or (len(known) < len(values) and name.startswith(_NEVER_IS_NONE)):
        return Estimate(None, None, None, tuple(values))
    if len(values) == 1:
        return Estimate(values[0], None, None, tuple(values))
    mean, low, high = t_interval(known)
    if min(known) == max(known):
        low, high = (None, None) if unseen is None or len(known) < 2 else unseen.around(known[0], len(known))
        mean = float(known[0])
    return Estimate(mean, low, high, tuple(values))


def t_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float | None, float | None]:
    """Return the mean and Student's t interval of the mean.

    Args:
        values: At least one, independent of each other.
        level: Confidence, 0..1.

    Returns:
        Mean, lower and upper end; no ends for one value.
    """
    sample = np.asarray(values, np.float64)
    mean = float(sample.mean())
    if len(sample) < 2:
        return mean, None, None
    # The special functions load in a fraction of the time that scipy.stats takes.
    from scipy.special import stdtrit

    reach = float(stdtrit(len(sample) - 1, 0.5 + level / 2)) * float(sample.std(ddof=1))
    half = reach / math.sqrt(len(sample))
    return mean, mean - half, mean + half


def band(paths: Floats, low: float = 0.05, high: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """Return the pointwise mean and quantiles of several curves on one grid.

    Args:
        paths: (R, G) float64, a curve a row.
        low: Lower quantile, 0..1.
        high: Upper quantile, 0..1.

    Returns:
        Mean, lower and upper curve, (G,) float64 each.
    """
    bounds = np.quantile(paths, [low, high], axis=0)
    return paths.mean(axis=0), bounds[0], bounds[1]
