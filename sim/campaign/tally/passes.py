"""The two passes over all devices, compiled; imported when a run of the compiled plane is counted.

Times are counted and collected in cells, `[kind, bucket, cohort]`: kind 0 are times of success, kind 1 times
from the first failure to success. A bucket holds 2**shift ticks, the last one all later ones too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.campaign.tally.layout import Counts
from sim.fleet.jit import inlined, kernel, natural
from sim.fleet.protocol import TargetRecords
from sim.fleet.spec import Int16s, Int64s
from sim.rules.states import SubtaskState

_SUCCESS = int(SubtaskState.SUCCESS)


@inlined
def bucket_of(tick: int, shift: int, n_buckets: int) -> int:
    """Return the bucket of a time.

    Args:
        tick: The time; a negative one counts as 0.
        shift: Binary logarithm of a bucket's ticks.
        n_buckets: How many there are.
    """
    return natural(min(max(tick, 0) >> shift, n_buckets - 1))


@kernel
def count_devices(
    of: TargetRecords, cohort: Int16s, shift: int, into: Counts, cells: NDArray[np.int32]
) -> None:
    """Count all devices.

    Sums are kept in registers as long as the cohort stays the same: most fleets have cohort after cohort.

    Args:
        of: What became of each device, (n,) each.
        cohort: (n,) int16.
        shift: See `bucket_of`.
        into: Zeros, `last_end` -1. Written.
        cells: (2, buckets, C) int32 zeros. Written, times by cell.
    """
    n, n_buckets = len(cohort), cells.shape[1]
    i = 0
    while i < n:
        c = cohort[i]
        at = natural(c)
        attempts = auto = manual = first = needed = recovered = n_bytes = np.int64(0)
        last_end = np.int64(-1)
        while i < n and cohort[i] == c:
            status, made, end, failure = of.status[i], of.attempts[i], of.end[i], of.first_failure[i]
            success = int(status == _SUCCESS)
            into.states[at, natural(status)] += 1
            into.attempts[natural(made), natural(success)] += 1
            into.reasons[natural(of.reason[i])] += 1
            attempts += made
            auto += max(made - 1, 0) - of.manual_retries[i]
            manual += of.manual_retries[i]
            n_bytes += of.bytes[i]
            last_end = max(last_end, end)
            needed += failure >= 0
            if success:
                first += made == 1
                cells[0, bucket_of(end, shift, n_buckets), at] += 1
                if failure >= 0:
                    recovered += 1
                    cells[1, bucket_of(end - failure, shift, n_buckets), at] += 1
            i += 1
        sums = into.sums[at]
        sums["attempts"] += attempts
        sums["auto_retries"] += auto
        sums["manual_retries"] += manual
        sums["first_successes"] += first
        sums["needed"] += needed
        sums["recovered"] += recovered
        sums["bytes"] += n_bytes
        sums["last_end"] = max(sums["last_end"], last_end)


@kernel
def collect_times(
    of: TargetRecords, cohort: Int16s, shift: int, place: NDArray[np.int64], times: Int64s
) -> None:
    """Write down the times of some cells.

    Args:
        of: What became of each device, (n,) each.
        cohort: (n,) int16.
        shift: See `bucket_of`.
        place: (2, buckets, C) int64, where the times of a cell go, -1 if nobody asks.
            Mutated.
        times: (k,) int64 ticks. Written.
    """
    n_buckets = place.shape[1]
    for i in range(len(cohort)):
        if of.status[i] != _SUCCESS:
            continue
        c, end, failure = natural(cohort[i]), of.end[i], of.first_failure[i]
        bucket = bucket_of(end, shift, n_buckets)
        at = place[0, bucket, c]
        if at >= 0:
            times[natural(at)] = end
            place[0, bucket, c] = at + 1
        if failure >= 0:
            bucket = bucket_of(end - failure, shift, n_buckets)
            at = place[1, bucket, c]
            if at >= 0:
                times[natural(at)] = end - failure
                place[1, bucket, c] = at + 1
