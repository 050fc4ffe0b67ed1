"""Pareto fronts of retry policies, and the search for one among few of them.

Two values of an objective count as equal if they differ by less than a tolerance: nobody chooses a policy
for half a per cent, and without it thousands of policies would be on the front. Values are sorted into
classes whose neighbours differ by the tolerance; a policy is on the front if no other one is in classes
at least as good everywhere and better somewhere. Of policies in the same classes the simplest one
(fewest retries, then shortest interval) stands for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.rules.policy import RETRY_COUNT_BOUNDS, RETRY_INTERVAL_MIN_BOUNDS, TaskPolicy

if TYPE_CHECKING:
    from sim.fleet.spec import Bools, Floats, Int64s

_of: Final = TaskPolicy.of_minutes
_EXTREME: Final = 10**6
_ROUNDING: Final = 1e-5

_COARSE_MIN: Final = (
    1,
    2,
    3,
    5,
    7,
    10,
    15,
    20,
    30,
    45,
    60,
    90,
    120,
    180,
    240,
    360,
    480,
    720,
    960,
    1200,
    1440,
)
"""Intervals that are looked at first, minutes."""


NONE: Final = TaskPolicy()
"""No automatic retry."""

ADVICE: Final = _of(2, 5)
"""What the vendor's console suggests.

Source:
    User guide, "Batch OTA upgrade": 2 retries at 5 minutes.
"""

PERSISTENT: Final = tuple(
    _of(RETRY_COUNT_BOUNDS[1], minutes) for minutes in (RETRY_INTERVAL_MIN_BOUNDS[1], 720, 240, 30, 1)
)
"""Policies by which it is decided which share of the fleet is within reach, the most patient first.

Who waits longest meets least again of what lasts, so the first one usually decides. The others are for runs
that end before five such waits are over.
"""


def all_policies() -> list[TaskPolicy]:
    """Return every policy, the simplest first: none, then by number of retries, then by interval."""
    low, high = RETRY_INTERVAL_MIN_BOUNDS
    counts = range(1, RETRY_COUNT_BOUNDS[1] + 1)
    return [
        NONE,
        *(_of(count, minutes) for count in counts for minutes in range(low, high + 1)),
    ]


def coarse_policies() -> list[TaskPolicy]:
    """Return the policies that every search begins with, the console's advice among them."""
    counts = range(1, RETRY_COUNT_BOUNDS[1] + 1)
    return [NONE, *(_of(count, minutes) for count in counts for minutes in _COARSE_MIN)]


def finer_policies(front: Iterable[TaskPolicy], known: Iterable[TaskPolicy]) -> list[TaskPolicy]:
    """Return policies near a front that nobody has looked at.

    These are the ones halfway (by ratio) to the next known interval with as many retries, until
    neighbours differ by a minute or 1 %, and the ones with a retry more or less.

    Args:
        front: Policies on the front.
        known: All policies that were looked at.
    """
    seen = set(known)
    intervals: dict[int, list[int]] = {}
    for policy in sorted(seen):
        intervals.setdefault(policy.retry_count, []).append(policy.retry_interval_min or 0)
    wanted: set[TaskPolicy] = set()
    for policy in front:
        count, minutes = policy.retry_count, policy.retry_interval_min
        if minutes is None:
            continue
        near = intervals[count]
        at = near.index(minutes)
        for other in near[max(at - 1, 0) : at] + near[at + 1 : at + 2]:
            low, high = sorted((minutes, other))
            if high - low > max(1, low // 100):
                wanted.add(_of(count, min(max(round((low * high) ** 0.5), low + 1), high - 1)))
        for neighbour in (count - 1, count + 1):
            if 1 <= neighbour <= RETRY_COUNT_BOUNDS[1]:
                wanted.add(_of(neighbour, minutes))
    return sorted(wanted - seen)


def classes_of(objectives: Floats, tolerance: float) -> Int64s:
    """Return the class of each value; neighbouring classes differ by the tolerance.

    Args:
        objectives: (P, K) float64, >= 0, less is better; inf for "never". Read only.
        tolerance: Relative difference, > 0.

    Returns:
        (P, K) int64; 0 and infinity have classes of their own at the ends.
    """
    positive = (objectives > 0) & np.isfinite(objectives)
    logs = np.log(np.where(positive, objectives, 1.0)) / np.log1p(tolerance)
    ends = np.where(objectives > 0, _EXTREME, -_EXTREME)
    return np.where(positive, np.floor(logs + 0.5), ends).astype(np.int64)


def on_front(classes: Int64s) -> Bools:
    """Return which policies are on the front; of equal ones only the first.

    Args:
        classes: (P, K) int64, less is better. Read only.
    """
    order = np.lexsort(classes.T[::-1])  # nothing is dominated by what comes after it
    kept: list[int] = []
    front = np.empty((0, classes.shape[1]), np.int64)
    for i in order:
        if len(front) and (front <= classes[i]).all(axis=1).any():
            continue
        kept.append(int(i))
        front = np.vstack([front, classes[i]])
    mask = np.zeros(len(classes), np.bool_)
    mask[kept] = True
    return mask


def dominating(classes: Int64s, of: int) -> list[int]:
    """Return the policies that are at least as good everywhere as one of them, and better somewhere.

    Args:
        classes: (P, K) int64. Read only.
        of: Which one.
    """
    better = (classes <= classes[of]).all(axis=1) & (classes < classes[of]).any(axis=1)
    return [int(i) for i in np.flatnonzero(better)]


def best_of(classes: Int64s, priorities: Sequence[int]) -> int:
    """Return the best policy if the objectives count in an order; the first one of equals.

    Args:
        classes: (P, K) int64, at least one. Read only.
        priorities: Columns, the most important first.
    """
    return int(np.lexsort(classes[:, list(priorities)[::-1]].T)[0])


def leader(values: Floats, classes: Int64s, priorities: Sequence[int]) -> int:
    """Return the policy with the least of one objective, whatever the tolerance.

    Those that differ from it by nothing that is ever shown are as good; among them the other objectives
    count in an order, by classes, and then the first one is taken.

    Args:
        values: (P,) float64, at least one, less is better; inf for "never". Read only.
        classes: (P, K) int64. Read only.
        priorities: Columns of the classes, the most important first.
    """
    near = np.flatnonzero(values <= values.min() * (1 + _ROUNDING))
    return int(near[best_of(classes[near], priorities)])
