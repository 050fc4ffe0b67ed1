"""A tally, and the ranks by which percentiles are found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.scenario.metrics import PERCENTS

if TYPE_CHECKING:
    from sim.campaign.tally.layout import Counts
    from sim.fleet.spec import Int64s

NEVER: Final = -1
"""Of a percentile: so many never got there."""


@dataclass(frozen=True, eq=False)
class Tally:
    """What became of a fleet, counted.

    Row c of what is kept by part is cohort c; the last row, C, is the whole fleet.

    Attributes:
        counts: Devices and sums; `states` and `sums` have C + 1 rows.
        success: (C + 1, percentages) int64, ticks by which so many of the part's devices were in Success
            (`PERCENTS`), `NEVER` if they never were.
        recovery: The same of the time from first failure to Success, of devices whose first attempt failed.
    """

    counts: Counts
    success: Int64s
    recovery: Int64s


def with_fleet(counts: Counts) -> Counts:
    """Return the counts of cohorts with a row for the whole fleet after theirs."""
    sums = np.concatenate([counts.sums, np.zeros(1, counts.sums.dtype)])
    for name in counts.sums.dtype.names:
        column = counts.sums[name]
        sums[name][-1] = column.max(initial=NEVER) if name == "last_end" else column.sum()
    states = np.concatenate([counts.states, counts.states.sum(axis=0, keepdims=True)])
    return counts._replace(states=states, sums=sums)


def ranks_of(n: Int64s) -> Int64s:
    """Return which of the times, in ascending order, are the percentiles.

    Args:
        n: (parts,) int64, how many each percentage refers to.

    Returns:
        (parts, percentages) int64, from 0; -1 of nothing.

    Source:
        Design, fine print 8: the ceil(n * Q / 100)-th smallest.
    """
    ranks: Int64s = -(-n[:, np.newaxis] * np.array(PERCENTS) // 100) - 1
    return ranks
