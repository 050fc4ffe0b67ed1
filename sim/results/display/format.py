"""How numbers are written for people: three digits, units, an interval where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scenario.metrics import METRICS, MetricKind
from sim.units import format_duration, format_rate, format_size

if TYPE_CHECKING:
    from sim.results.statistics import Estimate, Metric

_NOISE = 1e-10
"""Less than one device of the largest fleet, and more than what sums of floats are off by."""


def format_count(value: float) -> str:
    """Return a count with separators: whole if it is, else with one decimal.

    Args:
        value: Any number.
    """
    if float(value).is_integer() or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.1f}"


def format_share(value: float) -> str:
    """Return a share as a percentage; what is not all or nothing is never written as 100 % or 0 %.

    Args:
        value: 0..1; what lies closer to an end than any device could make it is the end.
    """
    percent = value * 100
    if min(abs(value), abs(1 - value)) < _NOISE:
        return f"{percent:.0f} %"
    for digits in (1, 2, 3, 4):
        text = f"{percent:.{digits}f}"
        if 0 < float(text) < 100:
            return f"{text} %"
    return "< 0.0001 %" if percent < 50 else "> 99.9999 %"


def format_metric(name: str, value: Metric) -> str:
    """Return the value of a metric with its unit.

    Args:
        name: The metric.
        value: None is "never" for a time and "–" for anything else.
    """
    kind = METRICS[name].kind
    if value is None:
        return "never" if kind is MetricKind.TIME else "–"
    if kind is MetricKind.SHARE:
        return format_share(value)
    if kind is MetricKind.TIME:
        return format_duration(value)
    if kind is MetricKind.SIZE:
        return format_size(value)
    if kind is MetricKind.RATE:
        return format_rate(value)
    return format_count(value) if kind is MetricKind.COUNT else f"{value:.3g}"


def format_estimate(name: str, value: Estimate) -> str:
    """Return the mean of a metric, and the 95 % interval of the mean in brackets.

    Args:
        name: The metric.
        value: The estimate.
    """
    text = format_metric(name, value.mean)
    if value.low is None or value.high is None or value.low == value.high:
        return text
    low = max(value.low, 0.0)
    high = min(value.high, 1.0) if METRICS[name].kind is MetricKind.SHARE else value.high
    return f"{text} [{format_metric(name, low)} – {format_metric(name, high)}]"
