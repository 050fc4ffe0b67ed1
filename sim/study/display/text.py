"""Tables and phrases that the texts of all studies share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from sim.results.display.format import (
    counted,
    format_estimate,
    format_metric,
    format_share,
    table_lines,
)
from sim.results.statistics import Estimate
from sim.scenario import METRICS, MetricKind
from sim.study.point_statistics import Means
from sim.units import format_size

_LEAST_AMOUNT: Final = 0.005


def table(rows: Sequence[Sequence[str]], *, left: int = 1) -> list[str]:
    """Return rows as aligned lines, indented by two.

    Args:
        rows: Cells; all rows have as many.
        left: So many columns are aligned to the left, the others to the right.
    """
    return table_lines(rows, right=range(left, len(rows[0])))


def ending(digest: str, replications: int, reused: int) -> str:
    """Return the last line of every text: by what two studies are compared, and what was reused."""
    found = f", {reused:,} runs were there already" if reused else ""
    return f"Digest {digest[:16]}, {counted(replications, 'replication')}{found}"


def change_text(metric: str, change: Means, at: int = 0, currency: str = "") -> str:
    """Return a paired difference with its sign and interval.

    Args:
        metric: Whose unit it has; a difference of shares is in percentage points.
        change: Differences.
        at: Which of them.
        currency: Of costs.
    """
    mean, low, high = (float(part[at]) for part in change)
    if np.isnan(mean):
        return "–"
    text = _signed(metric, mean, currency)
    if np.isnan(low) or low == high:
        return text
    return f"{text} [{_signed(metric, low)} to {_signed(metric, high)}]"


def _signed(metric: str, value: float, currency: str = "") -> str:
    """Return a difference with a sign; an amount of less than can be paid has none."""
    is_nothing = METRICS[metric].kind is MetricKind.MONEY and abs(value) < _LEAST_AMOUNT
    sign = "±" if value == 0 or is_nothing else "+" if value > 0 else "−"
    if METRICS[metric].kind is MetricKind.SHARE:
        return f"{sign}{abs(value) * 100:.3g} pp"
    if METRICS[metric].kind is MetricKind.SIZE:  # one unit is enough for a difference
        return f"{sign}{format_size(abs(value))}"
    return f"{sign}{format_metric(metric, abs(value), currency)}"


def mean_text(metric: str, mean: Means, at: int, currency: str = "") -> str:
    """Return a mean with its interval.

    Args:
        metric: Whose unit it has.
        mean: Means.
        at: Which of them.
        currency: Of costs.
    """
    value, low, high = (None if np.isnan(part[at]) else float(part[at]) for part in mean)
    return format_estimate(metric, Estimate(value, low, high, ()), currency)


def value_text(value: object) -> str:
    """Return a value of a field as a file has it, a whole number with separators."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def percent(share: float) -> str:
    """Return a share that somebody chose as a percentage, with no more digits than it has.

    Args:
        share: 0..1.
    """
    return f"{share * 100:.6g} %"


def share_text(held: int, n: int, interval: tuple[float, float]) -> str:
    """Return how often something held, with Wilson's interval.

    Args:
        held: How often.
        n: Out of how many.
        interval: Its interval.
    """
    low, high = interval
    return f"{held} of {n} ({format_share(held / n)}, {format_share(low)} – {format_share(high)})"
