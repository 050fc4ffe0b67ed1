"""Why goals are out of reach: which of them, by how much, and what kept the campaign from it.

What kept devices from being upgraded explains a goal that wants them upgraded, or soon. It is beside the
point for any other, like a makespan that shall be at least so long: of those it is told what came instead.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from sim.results.display.format import counted, format_metric
from sim.results.expectations import expectation_key
from sim.study.goals import goal_text
from sim.study.one_run import why_not_sooner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.scenario import Expectation, Scenario
    from sim.study.engine.study import Study
    from sim.study.plans.answer import Seen

_MORE: Final = ("success_share", "succeeded")
_LESS: Final = ("failed", "failed_share", "stopped", "pending", "makespan")
_TOLD: Final = 2


def why_missed(
    study: Study, scenario: Scenario, goals: Sequence[Expectation], seen: Seen, needed: int
) -> str:
    """Return why goals are missed at a value, without a full stop.

    Args:
        study: Knows the draws and the plane.
        scenario: The scenario at the value.
        goals: The inequalities that were looked at, in the order of `seen.goals_met`.
        seen: What was seen at the value.
        needed: Replications in which all goals must hold.
    """
    held = seen.goals_met.sum(axis=0).tolist()
    missed = [goal for goal, n in zip(goals, held, strict=True) if n < needed]
    if not missed:
        n = counted(len(seen.met), "replication")
        parts = ", ".join(f"{goal_text(goal)} in {k}" for goal, k in zip(goals, held, strict=True))
        return f"each goal alone holds often enough, but all together do not: of {n}, {parts}"
    others = [goal for goal in missed if not _wants_upgrades(goal)]
    told = [_instead(goal, seen, scenario.currency) for goal in others[:_TOLD]]
    if len(others) < len(missed):
        told.append(why_not_sooner(study, scenario))
    return "; ".join(text for text in told if text)


def _wants_upgrades(goal: Expectation) -> bool:
    """Tell whether a goal wants devices upgraded, or sooner."""
    more, less = goal.op in (">", ">=", "=="), goal.op in ("<", "<=", "==")
    if goal.metric in _MORE:
        return more
    return less and (goal.metric in _LESS or goal.metric.startswith("time_to_success."))


def _instead(goal: Expectation, seen: Seen, currency: str) -> str:
    """Say what a metric is where a goal wants another value."""
    wanted = f"the goal wants {goal.op} {format_metric(goal.metric, goal.value, currency)}"
    if goal.cohort is not None or goal.at is not None or goal.metric not in seen.means:
        return f"{expectation_key(goal)} is not as wanted there: {wanted}"
    mean = seen.means[goal.metric]
    if math.isnan(mean):
        return f"{goal.metric} has no mean there, since some replication has no value; {wanted}"
    return f"on average {goal.metric} is {format_metric(goal.metric, mean, currency)} there, and {wanted}"
