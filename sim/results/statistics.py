"""Intervals and bands over replications, and what no replication has shown yet.

Decision: equal values say nothing of how they would vary, and Student's interval of them has no width. Yet
what comes in at most 3 of n campaigns is often missing from n of them (the rule of three). How much that may
move a mean is known where a metric is bounded: one device more or less in most scenarios, and the whole fleet
where a gate or a condition may take a campaign elsewhere. Where it is not bounded there is no interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.scenario.metrics import METRICS, MetricKind

if TYPE_CHECKING:
    from sim.fleet.spec import Floats
    from sim.scenario import Scenario

Metric = int | float | None
"""Value of a metric in one run; None where it is not defined."""

_OF_DEVICES: Final = {"succeeded", "failed", "stopped", "pending", "needed_recovery", "recovered"}
_OF_FLEET: Final = {"success_share", "failed_share", "first_attempt_success_share"}
_LEVEL: Final = 0.95


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


class Band(NamedTuple):
    """Curves over replications, (G,) float64 each.

    Attributes:
        mean: Mean.
        low: 5 % quantile; the mean for one replication.
        high: 95 % quantile; likewise.
    """

    mean: Floats
    low: Floats
    high: Floats


class Unseen(NamedTuple):
    """How a metric may change by what was not seen.

    Attributes:
        step: The most that one event changes it by.
        top: Its largest value; the least one is 0.
    """

    step: float
    top: float

    def around(self, value: float, n: int) -> tuple[float, float]:
        """Return the 95 % interval of the mean of a metric that was the same in all replications.

        Args:
            value: What it was, 0 to `top`.
            n: How often, >= 1.
        """
        reach = -math.log(1 - _LEVEL) / n * self.step
        return max(value - reach, 0.0), min(value + reach, self.top)


def may_stop(scenario: Scenario) -> bool:
    """Tell whether a gate or the dispatch ramp may stop a campaign."""
    ramp = scenario.campaign.what_if.dispatch_ramp
    is_gated = any(wave.gate is not None for wave in scenario.campaign.waves)
    return is_gated or (ramp is not None and bool(ramp.abort))


def may_fork(scenario: Scenario) -> bool:
    """Tell whether chance may take a campaign elsewhere as a whole: a gate, an abort, or a condition."""
    conditions = (operator.when for operator in scenario.operators if operator.when is not None)
    return may_stop(scenario) or any(
        when.failed_share_above is not None or when.stalled_for is not None for when in conditions
    )


def unseen_of(name: str, devices: int, *, forks: bool) -> Unseen | None:
    """Return how a metric may change by what was not seen; None if there is no bound.

    Args:
        name: The metric.
        devices: Devices of the fleet.
        forks: Whether chance may take a campaign elsewhere, see `may_fork`.
    """
    if name == "devices":
        return Unseen(0.0, devices)
    if name in _OF_DEVICES:
        return Unseen(devices if forks else 1.0, devices)
    if name in _OF_FLEET and not forks:
        return Unseen(1 / devices, 1.0)
    if name.startswith("held_up."):  # one device more may wait for as long as all others together
        return None
    return Unseen(1.0, 1.0) if METRICS[name].kind is MetricKind.SHARE else None


def estimate(name: str, values: Sequence[Metric], unseen: Unseen | None = None) -> Estimate:
    """Return the mean of a metric and its 95 % interval.

    None means "never" for a time: then there is no mean, because one over the lucky replications
    would flatter. For any other metric None means that there was nothing to measure, and the mean is
    that of the rest.

    Args:
        name: The metric.
        values: One a replication, at least one.
        unseen: What equal values leave open, see `unseen_of`; None if that is not known.
    """
    known = [value for value in values if value is not None]
    if not known or (len(known) < len(values) and METRICS[name].kind is MetricKind.TIME):
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


def band(paths: Floats) -> Band:
    """Return the pointwise mean of several curves on one grid, and the quantiles between which 90 % lie.

    Args:
        paths: (R, G) float64, a curve a row.
    """
    low, high = np.quantile(paths, [0.05, 0.95], axis=0)
    return Band(paths.mean(axis=0), low, high)
