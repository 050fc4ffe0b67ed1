"""The content of `summary.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.results.call_statistics import mean_by_call, mean_by_refusal
from sim.results.display.headline import run_headline
from sim.results.display.limited import limits_of
from sim.results.display.means import mean_by_attempt, mean_by_code, mean_by_cohort, mean_time_spent

if TYPE_CHECKING:
    from sim.results.run_data import RunData


def summary_dict(result: RunData) -> dict[str, Any]:
    """Return the summary of a result as plain data.

    Tasks are those of the first replication; everything else is a mean over the replications.
    """
    return {
        "scenario": result.scenario.name,
        "seed": result.seed,
        "replications": len(result.runs),
        "digest": result.digest,
        "headline": run_headline(result),
        "limited_by": [
            {**limit._asdict(), "fields": list(limit.fields)}
            for limit in limits_of(result.scenario, result.runs)
        ],
        "metrics": {
            name: {"mean": e.mean, "low": e.low, "high": e.high, "values": list(e.values)}
            for name, e in result.estimates.items()
        },
        **({} if result.scenario.costs is None else {"currency": result.scenario.currency}),
        "by_cohort": mean_by_cohort(result.runs),
        "held_up": mean_time_spent(result.runs),
        "by_code": mean_by_code(result.runs),
        "by_attempt": mean_by_attempt(result.runs),
        "by_call": [row._asdict() for row in mean_by_call(result.runs)],
        "by_refusal": [row._asdict() for row in mean_by_refusal(result.runs)],
        "tasks": [
            {"task_id": task.task_id, "status": task.status, "progress": dict(task.progress)}
            for task in result.runs[0].tasks
        ],
        "what_if": list(result.what_if),
        "notes": list(result.notes),
        "expectations": [verdict._asdict() for verdict in result.expectations],
    }
