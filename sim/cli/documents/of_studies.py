"""What a study found, as a program reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.results.files.columns import BPS
from sim.study.plans.answer import PlanAnswer
from sim.study.policies.answer import OBJECTIVES, PolicyAnswer
from sim.study.policies.front import ADVICE
from sim.study.replications.answer import ReplicationsAnswer
from sim.study.sobol.answer import SensitivityAnswer
from sim.study.sweeps.answer import SweepAnswer

if TYPE_CHECKING:
    import pandas as pd

    from sim.rules.policy import TaskPolicy
    from sim.study.display.answer import StudyAnswer
    from sim.study.sobol.answer import Indices

_DIFFERENCE = ("difference", "difference_low", "difference_high")


def study_document(answer: StudyAnswer) -> dict[str, Any]:
    """Return what a study found: its own JSON where it writes such a file, with its tables."""
    document = answer.as_dict()
    match answer:
        case SweepAnswer():
            document |= _sweep(answer)
        case PolicyAnswer():
            document |= _policy(answer)
        case SensitivityAnswer():
            document |= _sensitivity(answer)
        case ReplicationsAnswer():
            document |= _replications(answer)
        case PlanAnswer():
            document |= {"seen": [_values_seen(answer, row) for row in _rows(answer.frame)]}
    return {**document, "reused": answer.reused}


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _values_seen(plan: PlanAnswer, row: dict[str, Any]) -> dict[str, Any]:
    """Return a value that a plan looked at."""
    fields = [axis.path for axis in (plan.second, plan.axis) if axis is not None]
    known = ("replications", "held", "share", "share_low", "share_high", "is_good", "is_answer")
    others = {*fields, *known}
    return {
        "values": {path: row[path] for path in fields},
        **{name: row[name] for name in known},
        "metrics": {
            name: value for name, value in row.items() if name not in others and not name.endswith(BPS)
        },
    }


def _sweep(sweep: SweepAnswer) -> dict[str, Any]:
    """Return every metric at every point, with paired differences from the first one."""
    points: list[dict[str, Any]] = [
        {"values": dict(point.values), "metrics": {}} for point in sweep.runs.points
    ]
    rows = sweep.summary[sweep.summary["metric"].isin(sweep.scenario.metric_names)]
    for row in _rows(rows):
        names = ("mean", "low", "high", *_DIFFERENCE)
        points[row["point"]]["metrics"][row["metric"]] = {name: row[name] for name in names}
    return {
        "fields": [axis.path for axis in sweep.axes],
        "precision": str(sweep.looked) or None,
        "points": points,
    }


def _policy(search: PolicyAnswer) -> dict[str, Any]:
    """Return the finalists of a search, and how the console's advice fares."""
    finalists = []
    for row in _rows(search.front):
        objectives = {}
        for name in OBJECTIVES:
            against = {f"vs_{base}": _ends(row, f"{name}_vs_{base}") for base in ("advice", "none")}
            objectives[name] = {**_ends(row, name), **against}
        finalists.append(
            {
                "retry_count": row["retry_count"],
                "retry_interval_min": row["retry_interval_min"] or None,
                "on_front": row["on_front"],
                "objectives": objectives,
            }
        )
    return {
        "looked_at": len(search.screened.policies),
        "exhaustive": search.exhaustive,
        "screen": search.screen,
        "tolerance": search.tolerance,
        "metrics": {name: search.metric(name) for name in OBJECTIVES},
        "advice": _written(ADVICE),
        "beats_advice": [_written(policy) for policy in search.beats_advice],
        "finalists": finalists,
    }


def _ends(row: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a mean of a table's row with its interval."""
    return {"mean": row[name], "low": row[f"{name}_low"], "high": row[f"{name}_high"]}


def _written(policy: TaskPolicy) -> dict[str, Any]:
    """Return a retry policy."""
    return {"retry_count": policy.retry_count, "retry_interval_min": policy.retry_interval_min}


def _sensitivity(result: SensitivityAnswer) -> dict[str, Any]:
    """Return the indices by metric and field."""
    fields = [vary.path for vary in result.varied]
    return {
        "samples": result.samples,
        "fields": fields,
        "metrics": {
            name: None if found is None else _indices(fields, found) for name, found in result.indices.items()
        },
    }


def _indices(fields: list[str], found: Indices) -> dict[str, Any]:
    """Return the indices of one metric."""
    return {
        "fields": {
            path: {
                "first": found.first[i],
                "first_low": found.first_bounds[0, i],
                "first_high": found.first_bounds[1, i],
                "total": found.total[i],
                "total_low": found.total_bounds[0, i],
                "total_high": found.total_bounds[1, i],
            }
            for i, path in enumerate(fields)
        },
        "together": found.together,
        "together_low": found.together_bounds[0],
        "together_high": found.together_bounds[1],
    }


def _replications(result: ReplicationsAnswer) -> dict[str, Any]:
    """Return every metric's mean and quantiles."""
    rows = result.summary.loc[list(result.scenario.metric_names)].reset_index()
    return {
        "precision": str(result.looked) or None,
        "metrics": {row.pop("metric"): row for row in _rows(rows)},
    }
