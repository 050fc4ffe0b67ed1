"""Which point of a sweep is best, which points are as good, and which field made the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.study.point_statistics import differences

if TYPE_CHECKING:
    from sim.fleet.spec import Floats
    from sim.study.sweeps.answer import SweepAnswer

_MORE_IS_BETTER: Final = {
    *("succeeded", "success_share", "first_attempt_success_share", "recovered", "recovered_share"),
    "retry_targets_accepted",
}
"""Of all other metrics less is better: times, failures, attempts, loads, bytes, calls, waits."""


class Best(NamedTuple):
    """The best point by one metric.

    Attributes:
        point: Which one.
        equals: Other points that are as good as far as paired differences tell (95 %).
        effects: By axis, the share of the differences between the points' means that the field makes alone,
            0..1; empty where some points have no mean.
    """

    point: int
    equals: tuple[int, ...]
    effects: tuple[float, ...]


def best_by(sweep: SweepAnswer, metric: str) -> Best | None:
    """Return the best point by a metric; None if it is the same at all points, or defined at none.

    Args:
        sweep: The points.
        metric: Name of the metric.
    """
    values = sweep.runs.of(metric)
    mean = sweep.means_of(metric).mean
    if np.isnan(mean).all() or not varies(values):
        return None
    at = int(np.nanargmax(mean) if metric in _MORE_IS_BETTER else np.nanargmin(mean))
    change = differences(metric, values, values[at])
    same = (change.mean == 0) | ((change.low <= 0) & (change.high >= 0))
    equals = tuple(int(i) for i in np.flatnonzero(same & ~np.isnan(mean)) if i != at)
    return Best(at, equals, () if np.isnan(mean).any() else main_effects(mean.reshape(sweep.shape)))


def varies(values: Floats) -> bool:
    """Tell whether a metric differs between points in any replication.

    Args:
        values: (P, R) float64, NaN where undefined.
    """
    return not np.array_equal(values, np.broadcast_to(values[0], values.shape), equal_nan=True)


def main_effects(means: Floats) -> tuple[float, ...]:
    """Return the share of the variance that each axis makes alone: that of the means along it.

    Args:
        means: A mean a point, an axis a field.
    """
    whole = float(means.var())
    if whole == 0:
        return (0.0,) * means.ndim
    others = [tuple(j for j in range(means.ndim) if j != i) for i in range(means.ndim)]
    return tuple(float(means.mean(axis=rest).var()) / whole for rest in others)
