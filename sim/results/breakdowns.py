"""The same numbers for parts of the fleet: by cohort, by result code, by attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.campaign.tally.time_spent import cohorts_spent
from sim.results.metrics import held_up_metrics, part_metrics
from sim.rules import Call, Reason, reason_code, reason_text
from sim.scenario.metrics import COHORT_METRICS

if TYPE_CHECKING:
    from sim.campaign.record import CampaignRun
    from sim.campaign.tally import Tally
    from sim.fleet.spec import Int64s
    from sim.results.statistics import Metric


class AttemptRow(NamedTuple):
    """What became of attempts of one number.

    Attributes:
        attempt: From 1.
        started: Devices that began it.
        succeeded: Devices that it brought to Success.
    """

    attempt: int
    started: int
    succeeded: int


def by_cohort(run: CampaignRun, tally: Tally) -> dict[str, dict[str, Metric]]:
    """Return the metrics of each cohort, in the order of the scenario."""
    wasted = run.totals.bytes_wasted
    accepted, refused = _retried(run)
    spent = cohorts_spent(run)
    parts = {}
    for c, name in enumerate(run.names.cohort_names):
        values = part_metrics(tally, c, bytes_wasted=int(wasted[c]))
        values["retry_targets_accepted"] = int(accepted[c])
        values["retry_targets_refused"] = int(refused[c])
        values |= held_up_metrics(spent[c])
        parts[name] = {metric: values[metric] for metric in COHORT_METRICS}
    return parts


def _retried(run: CampaignRun) -> tuple[Int64s, Int64s]:
    """Return how many targets of each cohort retry calls took and refused; (C,) int64 each.

    A refused target that is not in the fleet belongs to no cohort.
    """
    retries = [call for call in run.calls if call.call == Call.RETRY]
    names = [result.target for call in retries for result in call.refused]
    known = np.array([index for name in names if (index := run.names.index_of(name)) >= 0], np.int64)
    taken = np.concatenate([known[:0], *(call.accepted for call in retries)])
    n_cohorts = len(run.names.cohort_names)
    accepted, refused = (
        np.bincount(run.spec.cohort[devices], minlength=n_cohorts) for devices in (taken, known)
    )
    return accepted, refused


def by_code(tally: Tally) -> dict[str, int]:
    """Return how many devices stand at each failure, the most frequent first.

    A device counts by its last ended attempt if that failed; one that succeeded later doesn't count.

    Returns:
        Result code, or the platform's text where the device reported none, to the number of devices.
    """
    counts = tally.counts.reasons
    reasons = np.flatnonzero(counts)
    order = np.lexsort((reasons, -counts[reasons]))
    return {code_label(int(i)): int(counts[i]) for i in reasons[order] if i != Reason.NONE}


def code_label(reason: int) -> str:
    """Return how a breakdown names a failure: the device's code, or the platform's text.

    Args:
        reason: A `sim.rules.Reason`, not `NONE`.
    """
    code = reason_code(reason)
    return reason_text(reason) if code is None else str(code)


def by_attempt(tally: Tally) -> list[AttemptRow]:
    """Return how many devices began and ended with each attempt.

    Returns:
        A row for attempt 1, 2, ... up to the largest number that any device has made.
    """
    made = tally.counts.attempts
    started = np.cumsum(made.sum(axis=1)[::-1])[::-1]
    return [AttemptRow(k, int(started[k]), int(made[k, 1])) for k in range(1, len(made))]
