"""What people read when a scenario is held against its baseline."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sim.results.display.format import format_metric, some_of, table_lines
from sim.results.statistics import estimate
from sim.scenario.metrics import METRICS, MetricKind
from sim.testing.compare.equivalence import Answer

if TYPE_CHECKING:
    from sim.results.statistics import Metric
    from sim.testing.compare.comparison import Compared, Comparison

_POINTS: Final = " points"
_HEAD: Final = ("metric", "before", "now", "difference [99 % interval]", "margin")


def table(items: Sequence[Compared]) -> list[str]:
    """Return a row a metric: before, now, the difference with its interval, the margin."""
    return table_lines([_HEAD, *(_row(item) for item in items)])


def counts(comparison: Comparison) -> str:
    """Return how many metrics got which answer, like `12 equal, 17 equivalent, 2 undecided`."""
    number = Counter(item.finding.answer for item in comparison.items)
    return ", ".join(f"{number[answer]} {answer}" for answer in Answer if number[answer])


def undecided(comparison: Comparison) -> str:
    """Return which metrics luck hides, and what would have been seen; empty if there are none."""
    hidden = [item for item in comparison.items if item.finding.answer is Answer.UNDECIDED]
    if not hidden:
        return ""
    texts = [f"{item.subject.place} ({_shift(item)}, seen from {_notices(item)})" for item in hidden]
    return f"undecided, chance is larger than the margin: {some_of(texts)}"


def how_compared(comparison: Comparison) -> str:
    """Return what the comparison rests on, in one sentence without its full stop."""
    n = replications_text(comparison.pairs)
    if any(item.finding.by_margin for item in comparison.items):
        return f"{n}, held against the margins alone: this may be chance"
    return f"{n} in pairs"


def replications_text(n: int) -> str:
    """Return a number of replications in words."""
    return f"{n} replication{'s' if n > 1 else ''}"


def value_text(place: str, values: Sequence[Metric]) -> str:
    """Return the mean of a metric as people write it.

    Args:
        place: The metric, perhaps with a cohort and a time.
        values: One a replication.
    """
    name = metric_of(place)
    return format_metric(name, estimate(name, values).mean)


def metric_of(place: str) -> str:
    """Return the metric that a place is about.

    Args:
        place: METRIC, or by_cohort.NAME.METRIC, perhaps followed by a time.
    """
    name = place.partition(" at ")[0]
    if name.startswith("by_cohort."):
        name = name.split(".", 2)[2]
    return name


def _row(item: Compared) -> tuple[str, ...]:
    """Return the cells of a metric."""
    place, finding = item.subject.place, item.finding
    before = value_text(place, item.subject.before[: len(item.now)])
    return (place, before, value_text(place, item.now), _shift(item), f"± {_size(place, finding.margin)}")


def _shift(item: Compared) -> str:
    """Return the difference with its interval, or in how many pairs only one side has a value."""
    place, finding = item.subject.place, item.finding
    if finding.appeared or finding.vanished:
        gone = "never" if _kind(metric_of(place)) is MetricKind.TIME else "undefined"
        parts = ((finding.vanished, f"now {gone}"), (finding.appeared, f"no longer {gone}"))
        return ", ".join(f"{text} in {n} of {finding.pairs}" for n, text in parts if n)
    text = _signed(place, finding.difference)
    if not math.isnan(finding.low):
        text = f"{text} [{_signed(place, finding.low)}, {_signed(place, finding.high)}]"
    return text.replace(_POINTS, "") + _POINTS if _POINTS in text else text


def _notices(item: Compared) -> str:
    """Return the shift that would have been seen."""
    notices = item.finding.notices
    return f"± {_size(item.subject.place, notices)}" if math.isfinite(notices) else "no shift on"


def _signed(place: str, value: float) -> str:
    """Return a difference with its sign."""
    return f"{'−' if value < 0 else '+'}{_size(place, abs(value))}"


def _size(place: str, value: float) -> str:
    """Return the size of a difference; shares differ by points, lest 1 % be taken for a hundredth."""
    name = metric_of(place)
    match _kind(name):
        case MetricKind.SHARE:
            return f"{value * 100:.2g}{_POINTS}"
        case MetricKind.COUNT | MetricKind.NUMBER | None:
            return f"{value:.3g}" if value < 999.5 else f"{value:,.0f}"
    return format_metric(name, value)


def _kind(name: str) -> MetricKind | None:
    """Return the kind of a metric; None if only the baseline knows it."""
    return METRICS[name].kind if name in METRICS else None
