"""Every metric of one run, by the names that expectations, sweeps and plans use.

Times are seconds since the start of the run, sizes bytes, rates bytes/s, shares 0..1. A metric that is
not defined is None: a time that was never reached, a share of nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.fleet.spec import TICKS_PER_S
from sim.rules import IS_LIVE, Call, SubtaskState
from sim.scenario.metrics import METRICS, PERCENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.campaign.record import CallRecord, CampaignRun
    from sim.fleet.protocol import TargetRecords
    from sim.fleet.spec import Int64s
    from sim.results.statistics import Metric


def run_metrics(run: CampaignRun) -> dict[str, Metric]:
    """Return every metric of a run, in the order of `METRICS`."""
    totals = run.totals
    values = group_metrics(run.records, bytes_wasted=int(totals.bytes_wasted.sum()))
    values |= {
        "peak_processing": int(totals.peak_processing),
        "peak_downloads": int(totals.peak_downloads),
        "peak_bandwidth": float(totals.peak_bandwidth),
    }
    values |= call_metrics(run.calls)
    return {name: values[name] for name in METRICS}


def group_metrics(
    records: TargetRecords, *, bytes_wasted: int, members: Int64s | slice = slice(None)
) -> dict[str, Metric]:
    """Return what the records say about a part of the fleet.

    Args:
        records: What became of each device. Read only.
        bytes_wasted: Bytes of the part's failed attempts.
        members: Indices of the part's devices; by default all devices.
    """
    status = records.status[members]
    attempts = records.attempts[members]
    end = records.end[members]
    first_failure = records.first_failure[members]
    n = len(status)
    count = np.bincount(status, minlength=len(SubtaskState))
    success = status == SubtaskState.SUCCESS
    needed = first_failure >= 0
    recovered = needed & success
    n_needed = int(np.count_nonzero(needed))
    n_recovered = int(np.count_nonzero(recovered))
    n_attempts = int(attempts.sum(dtype=np.int64))
    # Whatever has not ended is pending, a device that no task has reached yet included.
    pending = n - int(count[~IS_LIVE].sum())
    values: dict[str, Metric] = {
        "devices": n,
        "succeeded": int(count[SubtaskState.SUCCESS]),
        "failed": int(count[SubtaskState.FAIL]),
        "stopped": int(count[SubtaskState.STOPPED]),
        "pending": pending,
        "success_share": _share(int(count[SubtaskState.SUCCESS]), n),
        "failed_share": _share(int(count[SubtaskState.FAIL]), n),
        "attempts": n_attempts,
        "attempts_per_device": _share(n_attempts, n),
        "auto_retries": int(records.auto_retries[members].sum(dtype=np.int64)),
        "manual_retries": int(records.manual_retries[members].sum(dtype=np.int64)),
        "first_attempt_success_share": _share(int(np.count_nonzero(success & (attempts == 1))), n),
        "needed_recovery": n_needed,
        "recovered": n_recovered,
        "recovered_share": _share(n_recovered, n_needed),
    }
    values |= _times("time_to_success", end[success], n)
    values |= _times("time_to_recovery", (end - first_failure)[recovered], n_needed)
    values["makespan"] = None if pending or not n else int(end.max()) / TICKS_PER_S
    values["bytes_downloaded"] = int(records.bytes[members].sum(dtype=np.int64))
    values["bytes_wasted"] = bytes_wasted
    return values


def call_metrics(calls: Sequence[CallRecord]) -> dict[str, Metric]:
    """Return how many calls were made, and what the retry calls met.

    A retry call that is refused as a whole counts as a call; its targets are neither accepted nor
    refused one by one.

    Args:
        calls: All calls of a run.
    """
    retries = [call for call in calls if call.call == Call.RETRY]
    return {
        "api_calls": len(calls),
        "retry_calls": len(retries),
        "retry_targets_accepted": sum(len(call.accepted) for call in retries),
        "retry_targets_refused": sum(len(call.refused) for call in retries),
    }


def _share(part: int, whole: int) -> float | None:
    """Return the quotient; None if there is nothing to divide by."""
    return part / whole if whole else None


def _times(name: str, reached: Int64s, n: int) -> dict[str, Metric]:
    """Return the times by which given percentages of `n` devices got there, None if they never did.

    Args:
        name: Name of the metrics without the percentage.
        reached: (k,) int64, when those got there who did, k <= n.
        n: How many there are.

    Source:
        Design, fine print 8: the ceil(n * Q / 100)-th smallest.
    """
    ranks = {percent: -(-n * percent // 100) for percent in PERCENTS}
    known = sorted({rank - 1 for rank in ranks.values() if 0 < rank <= len(reached)})
    ordered = np.partition(reached, known) if known else reached
    return {
        f"{name}.p{percent}": int(ordered[rank - 1]) / TICKS_PER_S if 0 < rank <= len(reached) else None
        for percent, rank in ranks.items()
    }
