"""What no replication has shown yet: how far values may be from those that were seen.

Decision: equal values say nothing of how they would vary, and Student's interval of them has no width. Yet
what comes in at most 3 of n campaigns is often missing from n of them (the rule of three). How much that may
move a mean is known where a metric is bounded: one device more or less in most scenarios, and the whole fleet
where a gate or a condition may take a campaign elsewhere. Where it is not bounded there is no interval.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from sim.scenario.metrics import METRICS, MetricKind

if TYPE_CHECKING:
    from sim.scenario import Scenario

_OF_DEVICES: Final = {"succeeded", "failed", "stopped", "pending", "needed_recovery", "recovered"}
_OF_FLEET: Final = {"success_share", "failed_share", "first_attempt_success_share"}
_LEVEL: Final = 0.95


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


def may_fork(scenario: Scenario) -> bool:
    """Tell whether luck may take a campaign elsewhere as a whole: a gate, an abort, or a condition."""
    ramp = scenario.campaign.what_if.dispatch_ramp
    conditions = (operator.when for operator in scenario.operators if operator.when is not None)
    return (
        any(wave.gate is not None for wave in scenario.campaign.waves)
        or (ramp is not None and bool(ramp.abort))
        or any(when.failed_share_above is not None or when.stalled_for is not None for when in conditions)
    )


def unseen_of(name: str, devices: int, *, forks: bool) -> Unseen | None:
    """Return how a metric may change by what was not seen; None if there is no bound.

    Args:
        name: The metric.
        devices: Devices of the fleet.
        forks: Whether luck may take a campaign elsewhere, see `may_fork`.
    """
    if name == "devices":
        return Unseen(0.0, devices)
    if name in _OF_DEVICES:
        return Unseen(devices if forks else 1.0, devices)
    if name in _OF_FLEET and not forks:
        return Unseen(1 / devices, 1.0)
    return Unseen(1.0, 1.0) if METRICS[name].kind is MetricKind.SHARE else None
