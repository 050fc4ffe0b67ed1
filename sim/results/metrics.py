"""Every metric of one run, by the names that expectations, sweeps and plans use.

Times are seconds since the start of the run, sizes bytes, rates bytes/s, shares 0..1. A metric that is
not defined is None: a time that was never reached, a share of nothing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from sim.campaign.tally import tally_of
from sim.campaign.tally.numbers import NEVER
from sim.campaign.tally.time_spent import Spent, cohorts_spent, together
from sim.fleet.spec import TICKS_PER_S
from sim.rules import IS_LIVE, Call, SubtaskState
from sim.scenario.metrics import PERCENTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sim.campaign.record import CallRecord, CampaignRun
    from sim.campaign.tally import Tally
    from sim.fleet.spec import Int64s
    from sim.results.statistics import Metric
    from sim.scenario.sections.costs import Costs

_GB: Final = 10**9
_DAY_S: Final = 86_400.0


def run_metrics(run: CampaignRun, tally: Tally | None = None) -> dict[str, Metric]:
    """Return every metric of a run, in the order of `METRICS`.

    Args:
        run: A run.
        tally: Its tally, if it was counted before.
    """
    totals = run.totals
    values = part_metrics(
        tally_of(run) if tally is None else tally, bytes_wasted=int(totals.bytes_wasted.sum())
    )
    values |= {
        "peak_processing": int(totals.peak_processing),
        "peak_downloads": int(totals.peak_downloads),
        "peak_bandwidth": float(totals.peak_bandwidth),
    }
    values |= call_metrics(run.calls)
    values |= held_up_metrics(together(cohorts_spent(run)))
    if run.scenario.costs is not None:
        values |= cost_metrics(run.scenario.costs, values, run.scenario.run.until)
    return {name: values[name] for name in run.scenario.metric_names}


def part_metrics(tally: Tally, part: int = -1, *, bytes_wasted: int) -> dict[str, Metric]:
    """Return what a tally says about a part of the fleet.

    Args:
        tally: What became of the fleet.
        part: Index of a cohort; -1 for the whole fleet.
        bytes_wasted: Bytes of the part's failed attempts.
    """
    count = tally.counts.states[part]
    sums = tally.counts.sums[part]
    n = int(count.sum())
    n_needed, n_recovered = int(sums["needed"]), int(sums["recovered"])
    n_attempts = int(sums["attempts"])
    # Whatever has not ended is pending, a device that no task has reached yet included.
    pending = int(count[IS_LIVE].sum())
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
        "auto_retries": int(sums["auto_retries"]),
        "manual_retries": int(sums["manual_retries"]),
        "first_attempt_success_share": _share(int(sums["first_successes"]), n),
        "needed_recovery": n_needed,
        "recovered": n_recovered,
        "recovered_share": _share(n_recovered, n_needed),
    }
    values |= _times("time_to_success", tally.success[part])
    values |= _times("time_to_recovery", tally.recovery[part])
    values["makespan"] = None if pending or not n else int(sums["last_end"]) / TICKS_PER_S
    values["bytes_downloaded"] = int(sums["bytes"])
    values["bytes_wasted"] = bytes_wasted
    return values


def call_metrics(calls: Sequence[CallRecord]) -> dict[str, Metric]:
    """Return how many calls were made, and what the retry calls met.

    A retry call that is refused as a whole counts as a call; its targets are neither accepted nor
    refused one by one.
    """
    retries = [call for call in calls if call.call == Call.RETRY]
    return {
        "api_calls": len(calls),
        "retry_calls": len(retries),
        "retry_targets_accepted": sum(len(call.accepted) for call in retries),
        "retry_targets_refused": sum(len(call.refused) for call in retries),
    }


def cost_metrics(costs: Costs, values: Mapping[str, Metric], until_s: float) -> dict[str, Metric]:
    """Return what a run costs, in all and by what is paid for.

    Args:
        costs: Prices.
        values: The other metrics of the run.
        until_s: End of the run, in seconds: what counts for one in which something is still pending.
    """
    makespan = values["makespan"]
    used = {
        "cost_traffic": costs.amount("per_gb") * (values["bytes_downloaded"] or 0) / _GB,
        "cost_attempts": costs.amount("per_attempt") * (values["attempts"] or 0),
        "cost_visits": costs.amount("per_visit") * ((values["devices"] or 0) - (values["succeeded"] or 0)),
        "cost_days": costs.amount("per_day") * (until_s if makespan is None else makespan) / _DAY_S,
    }
    return {"cost": math.fsum(used.values()), **used}


def held_up_metrics(spent: Spent) -> dict[str, Metric]:
    """Return the shares of some devices' time that went to each thing."""
    return {f"held_up.{name}": share for name, share in spent.shares.items()}


def _share(part: int, whole: int) -> float | None:
    """Return the quotient; None if there is nothing to divide by."""
    return part / whole if whole else None


def _times(name: str, ticks: Int64s) -> dict[str, Metric]:
    """Return the times by which given percentages got there, None if they never did.

    Args:
        name: Name of the metrics without the percentage.
        ticks: (percentages,) int64, `NEVER` if they never did.
    """
    return {
        f"{name}.p{percent}": None if tick == NEVER else tick / TICKS_PER_S
        for percent, tick in zip(PERCENTS, ticks.tolist(), strict=True)
    }
