"""Whether a result keeps what its scenario expects.

"Never" is later than any time: it breaks every upper bound and keeps every lower one. Where nothing was
measured because nothing failed, an expectation about recovery holds.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

from sim.fleet.spec import TICKS_PER_S
from sim.results.statistics import Metric, estimate
from sim.rules import IS_LIVE, SubtaskState, exact_share, needed_count
from sim.scenario.metrics import MetricKind

if TYPE_CHECKING:
    from sim.results.replication import Replication
    from sim.scenario.sections.expectation import Expectation

_HOLDS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    # A mean of times carries float noise: within it two values are equal, whatever the operator.
    "<": lambda actual, bound: actual < bound and not _is_equal(actual, bound),
    "<=": lambda actual, bound: actual < bound or _is_equal(actual, bound),
    "==": lambda actual, bound: _is_equal(actual, bound),
    ">=": lambda actual, bound: actual > bound or _is_equal(actual, bound),
    ">": lambda actual, bound: actual > bound and not _is_equal(actual, bound),
}
_EXACTLY: Final[Mapping[str, Callable[[Fraction, Fraction], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}
_EXACT: Final = {MetricKind.SHARE, MetricKind.COUNT}
"""What is counted: where rounding could decide, it is compared without."""
_AFTER_FAILURE: Final = ("recovered_share", "time_to_recovery.")
_COUNTED: Final = {
    "succeeded": SubtaskState.SUCCESS,
    "failed": SubtaskState.FAIL,
    "stopped": SubtaskState.STOPPED,
    "success_share": SubtaskState.SUCCESS,
    "failed_share": SubtaskState.FAIL,
}


class Verdict(NamedTuple):
    """One expectation, judged.

    Attributes:
        metric: What it is about, as the scenario names it.
        expected: The expectation as the scenario writes it.
        actual: What was compared: the mean, or the share of replications in which it held; None for a
            time that was never reached, or where there was nothing to measure.
        met: Whether it holds; None if it can't be judged, because it needs a baseline.
    """

    metric: str
    expected: str
    actual: Metric
    met: bool | None


def judge(
    expectations: Sequence[Expectation],
    replications: Sequence[Replication],
    baseline: Mapping[str, float] | None = None,
) -> list[Verdict]:
    """Compare expectations with what happened.

    Args:
        expectations: What the scenario expects.
        replications: What happened, at least one.
        baseline: Earlier values by the expectation's key, for those that compare with one.
    """
    return [_judge_one(expectation, replications, baseline or {}) for expectation in expectations]


def expectation_key(expectation: Expectation) -> str:
    """Return the key of an expectation in the scenario file: METRIC or by_cohort.NAME.METRIC."""
    if expectation.cohort is None:
        return expectation.metric
    return f"by_cohort.{expectation.cohort}.{expectation.metric}"


def value_in(replication: Replication, expectation: Expectation) -> Metric:
    """Return the value that an expectation is about, in one replication.

    Args:
        replication: What happened.
        expectation: Names the metric, perhaps a cohort or a time.
    """
    if expectation.at is not None:
        return _value_at(replication, expectation.metric, expectation.at)
    if expectation.cohort is not None:
        return replication.by_cohort[expectation.cohort][expectation.metric]
    return replication.metrics[expectation.metric]


def _judge_one(
    expectation: Expectation, replications: Sequence[Replication], baseline: Mapping[str, float]
) -> Verdict:
    """Judge one expectation."""
    key = expectation_key(expectation)
    values = [value_in(replication, expectation) for replication in replications]
    reference = baseline.get(key)
    if expectation.op == "within" and reference is None:
        return Verdict(key, expectation.written, estimate(expectation.metric, values).mean, None)
    if expectation.replications is None:
        mean = estimate(expectation.metric, values).mean
        return Verdict(key, expectation.written, mean, _holds(values, expectation, replications, reference))
    held = [
        _holds([value], expectation, [replication], reference)
        for value, replication in zip(values, replications, strict=True)
    ]
    needed = needed_count(exact_share(expectation.replications), len(held))
    return Verdict(key, expectation.written, sum(held) / len(held), sum(held) >= needed)


def _holds(
    values: Sequence[Metric],
    expectation: Expectation,
    replications: Sequence[Replication],
    reference: float | None,
) -> bool:
    """Tell whether the mean of some values keeps the expectation."""
    value = estimate(expectation.metric, values).mean
    if value is None and expectation.metric.startswith(_AFTER_FAILURE):
        cohort = expectation.cohort
        parts = [r.metrics if cohort is None else r.by_cohort[cohort] for r in replications]
        if not any(part["needed_recovery"] for part in parts):
            return True
    if value is None:
        value = math.inf if expectation.kind is MetricKind.TIME else math.nan
    if expectation.op != "within" and expectation.kind in _EXACT and _is_equal(value, expectation.value):
        return _EXACTLY[expectation.op](_exact_mean(values), exact_share(expectation.value))
    if expectation.op != "within":
        return _HOLDS[expectation.op](value, expectation.value)
    assert reference is not None
    margin = expectation.value * (abs(reference) if expectation.relative else 1.0)
    return _HOLDS["<="](abs(value - reference), margin)


def _exact_mean(values: Sequence[Metric]) -> Fraction:
    """Return the mean of counts, or of shares of counts, without rounding."""
    known = [exact_share(value) for value in values if value is not None]
    return sum(known, Fraction()) / len(known)


def _is_equal(one: float, other: float) -> bool:
    """Tell whether two values differ by no more than float noise."""
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)


def _value_at(replication: Replication, metric: str, time_s: float) -> Metric:
    """Return a count or share at a time in the run, off the curves, or off the end if that is earlier."""
    curves = replication.curves
    row = int(curves.tick.searchsorted(round(time_s * TICKS_PER_S), side="right")) - 1
    counts = curves.status[row] if time_s < replication.end_s else replication.final
    devices = replication.metrics["devices"]
    assert devices is not None
    if metric == "pending":
        ended = int(counts[~IS_LIVE].sum())
        return int(devices) - ended
    count = int(counts[_COUNTED[metric]])
    return count / devices if metric.endswith("_share") else count
