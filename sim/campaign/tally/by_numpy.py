"""The tally without compiled code: slower, and nothing has to be compiled for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.campaign.tally.numbers import NEVER, Tally, ranks_of, with_fleet
from sim.rules import SubtaskState

if TYPE_CHECKING:
    from sim.campaign.tally.layout import Counts
    from sim.fleet.protocol import TargetRecords
    from sim.fleet.spec import Bools, Int16s, Int64s


def count(records: TargetRecords, cohort: Int16s, into: Counts) -> Tally:
    """Return the tally.

    Args:
        records: What became of each device. Read only.
        cohort: (n,) int16. Read only.
        into: Zeros, `last_end` -1. Written.
    """
    success = records.status == SubtaskState.SUCCESS
    needed = records.first_failure >= 0
    n_cohorts = len(into.states)
    _count_cohorts(records, cohort, success, into)
    for column, members in enumerate((~success, success)):
        into.attempts[:, column] = np.bincount(records.attempts[members], minlength=len(into.attempts))
    into.reasons[:] = np.bincount(records.reason, minlength=len(into.reasons))
    counts = with_fleet(into)
    span = records.end - records.first_failure
    recovered = success & needed
    parts = [cohort == c for c in range(n_cohorts)] + [np.ones(len(cohort), np.bool_)]
    return Tally(
        counts,
        _ranked([records.end[success & part] for part in parts], counts.states.sum(axis=1)),
        _ranked([span[recovered & part] for part in parts], counts.sums["needed"]),
    )


def _count_cohorts(records: TargetRecords, cohort: Int16s, success: Bools, into: Counts) -> None:
    """Fill in what is counted by cohort."""
    needed = records.first_failure >= 0
    summed = {
        name: getattr(records, name) for name in ("attempts", "auto_retries", "manual_retries", "bytes")
    }
    for c, sums in enumerate(into.sums):
        members = np.flatnonzero(cohort == c)
        into.states[c] = np.bincount(records.status[members], minlength=len(SubtaskState))
        for name, values in summed.items():
            sums[name] = values[members].sum(dtype=np.int64)
        sums["first_successes"] = np.count_nonzero(success[members] & (records.attempts[members] == 1))
        sums["needed"] = np.count_nonzero(needed[members])
        sums["recovered"] = np.count_nonzero(needed[members] & success[members])
        sums["last_end"] = records.end[members].max(initial=NEVER)


def _ranked(times: list[Int64s], n: Int64s) -> Int64s:
    """Return the percentiles of the times of each part.

    Args:
        times: Of each part.
        n: (parts,) int64, how many each percentage refers to.
    """
    ranks = ranks_of(n)
    found = np.full(ranks.shape, NEVER)
    for part, reached in enumerate(times):
        known = (ranks[part] >= 0) & (ranks[part] < len(reached))
        if known.any():
            found[part, known] = np.partition(reached, ranks[part, known])[ranks[part, known]]
    return found
