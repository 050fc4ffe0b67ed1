"""Means over the replications of a result: by cohort, code and attempt, and where the time went."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Any

from sim.results.call_statistics import mean
from sim.results.statistics import Metric, estimate
from sim.scenario.metrics import HELD_UP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.campaign.tally.time_spent import Spent
    from sim.results.replication import Replication


def mean_by_cohort(runs: Sequence[Replication]) -> dict[str, dict[str, Metric]]:
    """Return the mean of each cohort's metrics."""
    return {
        cohort: {name: estimate(name, [run.by_cohort[cohort][name] for run in runs]).mean for name in metrics}
        for cohort, metrics in runs[0].by_cohort.items()
    }


def mean_time_spent(runs: Sequence[Replication]) -> dict[str, Any]:
    """Return where the time of the fleet, of each cohort and of the slowest devices went."""
    spent = [run.time_spent for run in runs]
    return {
        "fleet": _mean_spent([run.fleet for run in spent]),
        "by_cohort": {
            cohort: _mean_spent([run.cohorts[c] for run in spent])
            for c, cohort in enumerate(runs[0].by_cohort)
        },
        "slowest_1_percent": _mean_spent([run.slowest for run in spent]),
    }


def _mean_spent(spent: Sequence[Spent]) -> dict[str, Any]:
    """Return where the time of the same part of the fleet went in several runs."""
    seconds = [each.seconds for each in spent]
    shares = [each.shares for each in spent]
    return {
        "devices": mean(sum(each.devices for each in spent), len(spent)),
        "device_time_s": fmean(each.device_time_s for each in spent),
        "seconds": {name: fmean(of[name] for of in seconds) for name in HELD_UP},
        "share": {name: estimate(f"held_up.{name}", [of[name] for of in shares]).mean for name in HELD_UP},
    }


def mean_by_code(runs: Sequence[Replication]) -> dict[str, Metric]:
    """Return the mean number of devices that stand at each failure, the most frequent first."""
    total: dict[str, int] = {}
    for run in runs:
        for code, devices in run.by_code.items():
            total[code] = total.get(code, 0) + devices
    frequent = sorted(total.items(), key=lambda item: -item[1])
    return {code: mean(devices, len(runs)) for code, devices in frequent}


def mean_by_attempt(runs: Sequence[Replication]) -> list[dict[str, Metric]]:
    """Return the mean number of devices that began and ended with each attempt."""
    rows = []
    for i_attempt in range(max(len(run.by_attempt) for run in runs)):
        reached = [run.by_attempt[i_attempt] for run in runs if i_attempt < len(run.by_attempt)]
        rows.append(
            {
                "attempt": i_attempt + 1,
                "started": mean(sum(row.started for row in reached), len(runs)),
                "succeeded": mean(sum(row.succeeded for row in reached), len(runs)),
            }
        )
    return rows
