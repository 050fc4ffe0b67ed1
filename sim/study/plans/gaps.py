"""The search along one field, by what is known of each goal in each replication.

Along a field a goal that once holds goes on holding, or one that ceases to hold stays so: which of the two is
read off the values that were looked at. With the same draws everywhere that is so replication by replication.
Hence two values bound what may happen between them: a goal that comes must hold at the upper one, and a goal
that goes at the lower one. Only gaps in which enough replications may meet all goals are looked into. Where
all goals come that is a bisection; where some go it finds the values between, however few they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from sim.fleet.spec import Bools, Int8s

LOOKS_MAX: Final = 200
"""Most values that are looked at unless all are asked for."""

_CLEARLY: Final = 4  # so many times more changes in one direction than in the other

Looked = Mapping[int, "Bools"]
"""(R, G) bool by position: whether each goal holds in each replication."""


def directions(looked: Looked) -> Int8s:
    """Return how each goal changes along the field.

    Args:
        looked: At least one position.

    Returns:
        (G,) int8: 1 for a goal that comes, -1 for one that goes, 0 where it does neither, or both.
    """
    steps = np.diff(np.array([looked[position] for position in sorted(looked)], np.int8), axis=0)
    comes, goes = (steps > 0).sum(axis=(0, 1)), (steps < 0).sum(axis=(0, 1))
    found: Int8s = np.where(comes > _CLEARLY * goes, 1, np.where(goes > _CLEARLY * comes, -1, 0)).astype(
        np.int8
    )
    return found


def may_hold(low: Bools, high: Bools, direction: Int8s) -> int:
    """Return in how many replications all goals may hold somewhere between two positions.

    Args:
        low: (R, G) bool, whether each goal holds at the lower one.
        high: (R, G) bool, whether it does at the upper one.
        direction: (G,) int8 as `directions` returns it.
    """
    may = np.where(direction > 0, high, np.where(direction < 0, low, low | high))
    return int(np.count_nonzero(may.all(axis=1)))


def search(
    probes: Sequence[int],
    look: Callable[[Sequence[int]], None],
    looked: Looked,
    *,
    needed: int,
    middle: Callable[[int, int], int],
) -> bool:
    """Look for the first position at which all goals hold in enough replications.

    Its neighbour is looked at too, and, if some goals go, the neighbours of the last such position.

    Args:
        probes: Positions that are looked at first, both ends among them.
        look: Looks at positions: adds them to `looked`.
        looked: What was looked at. Grows.
        needed: Replications that are enough.
        middle: Returns a position between two others that are not neighbours.

    Returns:
        Whether nothing is left to look into; False if it ended at `LOOKS_MAX`.
    """
    look(probes)
    while True:
        gap = _open_gap(looked, needed) or _gap_at_an_end(looked, needed)
        if gap is None:
            return True
        if len(looked) >= LOOKS_MAX:
            return False
        look([middle(*gap)])


def _is_good(met: Bools, needed: int) -> bool:
    """Tell whether all goals hold often enough."""
    return int(np.count_nonzero(met.all(axis=1))) >= needed


def _open_gap(looked: Looked, needed: int) -> tuple[int, int] | None:
    """Return the first gap in which goals may hold often enough, before any place where they do."""
    direction = directions(looked)
    for low, high in pairwise(sorted(looked)):
        if _is_good(looked[low], needed):
            return None
        if high - low > 1 and may_hold(looked[low], looked[high], direction) >= needed:
            return low, high
    return None


def _gap_at_an_end(looked: Looked, needed: int) -> tuple[int, int] | None:
    """Return a gap at either end of the first stretch of positions at which goals hold often enough."""
    at = sorted(looked)
    good = [_is_good(looked[position], needed) for position in at]
    if not any(good):
        return None
    first = good.index(True)
    if first > 0 and at[first] - at[first - 1] > 1:
        return at[first - 1], at[first]
    if (directions(looked) < 0).any() and False in good[first:]:
        after = good.index(False, first)
        if at[after] - at[after - 1] > 1:
            return at[after - 1], at[after]
    return None
