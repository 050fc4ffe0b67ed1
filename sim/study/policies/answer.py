"""The answer of a policy search: the front, and how the console's advice compares with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.results.frames.bit_rates import with_bps
from sim.rules.policy import TaskPolicy
from sim.scenario.metrics import METRICS, MetricKind
from sim.study.display.answer import RunsAnswer
from sim.study.point_statistics import Means, differences, means
from sim.study.policies.front import ADVICE, NONE, best_of, classes_of, dominating, leader, on_front

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from sim.fleet.spec import Bools, Floats, Int64s
    from sim.scenario import Scenario
    from sim.study.engine.study import Runs

OBJECTIVES: Final = ("time", "not_upgraded", "extra_attempts", "bytes_wasted", "peak")
"""Columns of the objectives, all the better the less; `COST` comes last if the scenario has costs."""

COST: Final = "cost"
"""The objective of scenarios with costs."""

TIMES: Final = ("time_to_success.p99", "time_to_success.p95", "time_to_success.p90", "time_to_success.p50")
"""What may be the objective of time, by preference: the first one that is reached in every replication."""

_PRIORITIES: Final = ("not_upgraded", "time", "extra_attempts", "bytes_wasted", "peak")
"""What counts first if nobody says what does."""


@dataclass(frozen=True, eq=False)
class RatedPolicies:
    """Policies and their objectives.

    Attributes:
        policies: The policies.
        objectives: (P, K) float64 by `PolicyAnswer.objectives`; inf for a time that was never reached.
        tolerance: Values that differ by less count as equal.
    """

    policies: tuple[TaskPolicy, ...]
    objectives: Floats
    tolerance: float

    @cached_property
    def classes(self) -> Int64s:
        """(P, K) int64, classes of equal values."""
        return classes_of(self.objectives, self.tolerance)

    @cached_property
    def front(self) -> Bools:
        """(P,) bool, which policies no other one beats; of equal ones only the simplest."""
        order = np.array(sorted(range(len(self.policies)), key=lambda i: self.policies[i]))
        mask = np.zeros(len(order), np.bool_)
        mask[order] = on_front(self.classes[order])
        return mask

    @property
    def on_front(self) -> list[TaskPolicy]:
        """Those policies."""
        return [policy for policy, kept in zip(self.policies, self.front, strict=True) if kept]

    def index(self, policy: TaskPolicy) -> int:
        """Return where a policy stands."""
        return self.policies.index(policy)

    def leaders(self, column: int, priorities: Sequence[int]) -> list[TaskPolicy]:
        """Return for each number of retries the policy with the least of one objective, see `leader`.

        Args:
            column: The objective.
            priorities: Columns of what counts if several have as little, the most important first.
        """
        order = sorted(range(len(self.policies)), key=lambda i: self.policies[i])
        rows: dict[int, list[int]] = {}
        for i in order:
            rows.setdefault(self.policies[i].retry_count, []).append(i)
        values, classes = self.objectives[:, column], self.classes
        return [
            self.policies[each[leader(values[each], classes[each], priorities)]] for each in rows.values()
        ]


def objective_names(scenario: Scenario) -> tuple[str, ...]:
    """Return the names of the objectives of a scenario."""
    return OBJECTIVES if scenario.costs is None else (*OBJECTIVES, COST)


def priorities_of(names: Sequence[str], objective: str | None) -> tuple[int, ...]:
    """Return the columns of objectives, what counts most first.

    Args:
        names: The objectives, in the order of the columns.
        objective: What counts most; None for devices upgraded, then the time.
    """
    first = () if objective is None else (objective,)
    return tuple(names.index(name) for name in dict.fromkeys([*first, *_PRIORITIES, *names]))


def objective_values(runs: Runs, objective: str, metric: str) -> Floats:
    """Return an objective in each run, (P, R) float64; NaN for a time that was never reached.

    Args:
        runs: Runs of the policies.
        objective: One of `objective_names`.
        metric: Its metric, see `metric_of`.
    """
    if objective == "not_upgraded":  # pending ones too: waiting is no success
        return runs.of("devices") - runs.of("succeeded")
    if objective == "extra_attempts":
        return runs.of("auto_retries") + runs.of("manual_retries")
    return runs.of(metric)


def metric_of(objective: str, time: str, peak: str) -> str:
    """Return the metric whose name and unit describe an objective.

    Args:
        objective: One of `objective_names`.
        time: The metric that is the objective of time.
        peak: The metric that is the objective of load.
    """
    names = {"time": time, "peak": peak, "not_upgraded": "failed", "extra_attempts": "attempts"}
    return names.get(objective, objective)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PolicyAnswer(RunsAnswer):
    """What a policy search found; its runs are those of the finalists.

    Attributes:
        exhaustive: Whether all policies were looked at.
        screen: Replications of each policy in the first look.
        tolerance: Values that differ by less count as equal.
        time: The metric that is the objective of time.
        peak: The metric that is the objective of load.
        screened: All policies that were looked at.
        finalists: None, the advice, the front of the first look, and for each number of retries what has
            the least of the objective there if one was named; over all replications.
        objective: What counts most; None for devices upgraded, then the time.
        why: What keeps devices from being upgraded without any retry, in a sentence; empty if all are.
    """

    exhaustive: bool
    screen: int
    tolerance: float
    time: str
    peak: str
    screened: RatedPolicies
    finalists: RatedPolicies
    why: str
    objective: str | None = None

    @property
    def objectives(self) -> tuple[str, ...]:
        """Names of the objectives."""
        return objective_names(self.scenario)

    @property
    def _priorities(self) -> tuple[int, ...]:
        """Columns of the objectives, what counts most first."""
        return priorities_of(self.objectives, self.objective)

    @cached_property
    def is_indistinct(self) -> bool:
        """Whether nothing tells policies apart: all are equal, or none reaches any of the times.

        In the latter case devices not upgraded must differ by less than the tolerance of the fleet.
        """
        if all((rated.classes == rated.classes[0]).all() for rated in (self.screened, self.finalists)):
            return True
        rated = [self.screened.objectives, self.finalists.objectives]
        left = self.finalists.objectives[:, OBJECTIVES.index("not_upgraded")]
        devices = float(self.runs.of("devices")[0, 0])
        is_reached = any(np.isfinite(objectives[:, OBJECTIVES.index("time")]).any() for objectives in rated)
        return not is_reached and float(np.ptp(left)) <= self.tolerance * devices

    @property
    def best(self) -> TaskPolicy | None:
        """The best policy by the objective; else that with most devices upgraded, of those the fastest.

        The tolerance does not count for the objective: who names one wants the least of it. None if nothing
        tells policies apart.
        """
        if self.is_indistinct:
            return None
        classes, priorities = self.finalists.classes, self._priorities
        if self.objective is None:
            return self.finalists.policies[best_of(classes, priorities)]
        return self.finalists.policies[leader(self._of_objective, classes, priorities)]

    @property
    def _of_objective(self) -> Floats:
        """(P,) float64, the objective of the finalists."""
        column: Floats = self.finalists.objectives[:, self._priorities[0]]
        return column

    @property
    def neighbour(self) -> TaskPolicy | None:
        """The simplest policy on the front whose objective is the best one's but for the tolerance.

        None without an objective, or if none is simpler than the best one and so near to it.
        """
        best, finalists = self.best, self.finalists
        if best is None or self.objective is None:
            return None
        values = self._of_objective
        near = finalists.front & (values <= values[finalists.index(best)] * (1 + self.tolerance))
        known = zip(finalists.policies, near, strict=True)
        return min((policy for policy, is_near in known if is_near and policy < best), default=None)

    @property
    def best_interval(self) -> TaskPolicy:
        """With as many retries as the advice: the policy with most devices upgraded, then the fastest."""
        screened = self.screened
        rows = [i for i, p in enumerate(screened.policies) if p.retry_count == ADVICE.retry_count]
        return screened.policies[rows[best_of(screened.classes[rows], self._priorities)]]

    @property
    def beats_advice(self) -> list[TaskPolicy]:
        """Policies that are as good as the advice in everything, and better in something."""
        at = self.finalists.index(ADVICE)
        return [self.finalists.policies[i] for i in dominating(self.finalists.classes, at)]

    @property
    def same_as_advice(self) -> TaskPolicy:
        """The simplest policy whose objectives are all equal to the advice's; perhaps the advice itself."""
        classes = self.finalists.classes
        equal = (classes == classes[self.finalists.index(ADVICE)]).all(axis=1)
        return min(p for p, same in zip(self.finalists.policies, equal, strict=True) if same)

    def values(self, policy: TaskPolicy, objective: str) -> Floats:
        """Return an objective of a finalist in each replication, (R,) float64; NaN for a time never reached.

        Args:
            policy: One of the finalists.
            objective: One of `objective_names`.
        """
        values: Floats = self._all(objective)[self.finalists.index(policy)]
        return values

    def _all(self, objective: str) -> Floats:
        """Return an objective of all finalists, (P, R) float64."""
        return objective_values(self.runs, objective, self.metric(objective))

    def metric(self, objective: str) -> str:
        """Return the metric whose name and unit describe an objective."""
        return metric_of(objective, self.time, self.peak)

    def difference(self, policy: TaskPolicy, base: TaskPolicy, objective: str) -> Means:
        """Return the mean paired difference of two finalists, with its 95 % interval.

        Args:
            policy: One finalist.
            base: What it is compared with.
            objective: One of `objective_names`.
        """
        values = self.values(policy, objective)[None, :]
        return differences(self.metric(objective), values, self.values(base, objective))

    def as_dict(self) -> dict[str, Any]:
        """Return the content of `policy.json`."""
        best = self.best
        return {
            **super().as_dict(),
            "best": None
            if best is None
            else {"retry_count": best.retry_count, "retry_interval_min": best.retry_interval_min},
            "why": self.why or None,
        }

    @cached_property
    def frame(self) -> pd.DataFrame:
        """A row a policy that was looked at, the simplest first: its objectives, and the front."""
        frame = self._with_bps(_frame(self.screened, self.objectives))
        return frame.sort_values(["retry_count", "retry_interval_min"], ignore_index=True)

    @cached_property
    def front(self) -> pd.DataFrame:
        """A row a finalist: objectives with intervals, and paired differences from the advice and none."""
        frame = _frame(self.finalists, self.objectives)
        for objective in self.objectives:
            values = self._all(objective)
            metric = self.metric(objective)
            _, frame[f"{objective}_low"], frame[f"{objective}_high"] = means(metric, values)
            for name, base in (("advice", ADVICE), ("none", NONE)):
                change = differences(metric, values, self.values(base, objective))
                column = f"{objective}_vs_{name}"
                frame[column], frame[f"{column}_low"], frame[f"{column}_high"] = change
        return self._with_bps(frame).sort_values(["time", "extra_attempts"], ignore_index=True)

    def _with_bps(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a frame with peaks in bits a second as well, if they are of a bandwidth."""
        if METRICS[self.peak].kind is not MetricKind.RATE:
            return frame
        return with_bps(frame, rates=[name for name in map(str, frame) if name.split("_")[0] == "peak"])


def _frame(compared: RatedPolicies, objectives: tuple[str, ...]) -> pd.DataFrame:
    """Return policies and objectives as a frame."""
    import pandas as pd

    policies = compared.policies
    frame = pd.DataFrame({"retry_count": [policy.retry_count for policy in policies]})
    frame["retry_interval_min"] = [policy.retry_interval_min or 0 for policy in policies]
    for i, objective in enumerate(objectives):
        column = compared.objectives[:, i]
        frame[objective] = np.where(np.isinf(column), np.nan, column)
    frame["on_front"] = compared.front
    return frame
