"""How much a metric may move before it matters, where the scenario doesn't say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from sim.scenario.metrics import METRICS, MetricKind

if TYPE_CHECKING:
    from sim.results.statistics import Metric
    from sim.scenario import Expectation

RELATIVE: Final = 0.01
"""Share of the baseline's mean."""

_OF_FLEET: Final = 0.001
"""Share of the fleet, or of its bytes, below which nothing matters: 1 % of three devices is no device."""

_MONEY: Final = 0.01
_TIME_S: Final = 1.0
_EVENTS: Final = 0.5
_RATE_BYTES_PER_S: Final = 125.0


def default_margin(name: str, before: Mapping[str, Sequence[Metric]]) -> float:
    """Return the margin of a metric for which nobody has set one.

    Args:
        name: The metric.
        before: The baseline's metrics, one value a replication.

    Returns:
        1 % of its mean, and at least what is nothing by its kind, in its unit, > 0.

    Source:
        Assumption, README: a change of 1 %, of one device in a thousand, of a second does not matter.
    """
    return max(RELATIVE * abs(mean_of(before[name])), _floor(name, before))


def stated_margin(expectation: Expectation, before: Sequence[Metric]) -> float:
    """Return the margin that a line `within ... of baseline` sets.

    Args:
        before: What the baseline holds for it, one value a replication.

    Returns:
        In the metric's unit, >= 0; without a floor, for the author's word counts.
    """
    return expectation.value * (abs(mean_of(before)) if expectation.relative else 1.0)


def mean_of(values: Sequence[Metric]) -> float:
    """Return the mean of the values that are defined; 0 if none is."""
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else 0.0


def _floor(name: str, before: Mapping[str, Sequence[Metric]]) -> float:
    """Return the smallest margin of a metric."""
    metric = METRICS.get(name)
    if metric is None:
        return 0.0  # a metric that only the baseline knows is never compared
    match metric.kind:
        case MetricKind.COUNT if metric.counts_events:
            return _EVENTS
        case MetricKind.COUNT:
            return _OF_FLEET * mean_of(before.get("devices", ()))
        case MetricKind.SHARE | MetricKind.NUMBER:
            return _OF_FLEET
        case MetricKind.TIME:
            return _TIME_S
        case MetricKind.SIZE:
            return _OF_FLEET * mean_of(before.get("bytes_downloaded", ()))
        case MetricKind.RATE:
            return _RATE_BYTES_PER_S
        case MetricKind.MONEY:
            return max(_OF_FLEET * mean_of(before.get("cost", ())), _MONEY)
