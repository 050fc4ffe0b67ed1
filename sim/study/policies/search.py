"""The best automatic retry policy among all that the vendor allows.

All are compared with the same draws: attempt k of a device draws the same numbers under every policy. So
one replication is enough to tell policies apart that differ by per cents; those that are left, the
console's advice and no policy at all are then compared over several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Unpack

import numpy as np

from sim.errors import Problem, ScenarioError
from sim.results.figures.canvas import drawn
from sim.rules.policy import TaskPolicy
from sim.scenario import load_scenario
from sim.scenario.arguments import is_number, known_keywords
from sim.scenario.suggest import unknown
from sim.study.engine.kinds import POLICY
from sim.study.engine.options import OPTION_NAMES, Complaints, Options, check_count, check_options
from sim.study.engine.points import Point, points_at
from sim.study.engine.study import Runs, Study
from sim.study.one_run import why_short
from sim.study.point_statistics import means
from sim.study.policies.answer import (
    COST,
    TIMES,
    PolicyAnswer,
    RatedPolicies,
    metric_of,
    objective_names,
    objective_values,
    priorities_of,
)
from sim.study.policies.figure import draw_policies, policy_figure
from sim.study.policies.front import (
    ADVICE,
    NONE,
    PERSISTENT,
    all_policies,
    coarse_policies,
    finer_policies,
)
from sim.study.policies.text import policy_headline, policy_text
from sim.units import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.fleet.spec import Floats
    from sim.scenario import Scenario, ScenarioLike
    from sim.study.engine.folder import Content

REPLICATIONS_MIN: Final = 10
"""Replications of the last comparison if nobody says how many, unless the scenario has more."""

_of: Final = TaskPolicy.of_minutes

_COUNT: Final = "campaign.task_policy.retry_count"
_INTERVAL: Final = "campaign.task_policy.retry_interval"


class PolicySearch(PolicyAnswer):
    """What a policy search found, in numbers, words and figures."""

    @property
    def headline(self) -> str:
        """The answer in one or two sentences: what was found, or that nothing was, and why."""
        return policy_headline(self)

    def text(self) -> str:
        """Return the answer as the command prints it."""
        return policy_text(self)

    def figure(self) -> Figure:
        """Return the figure of everything that was looked at."""
        return policy_figure(self)

    @known_keywords()
    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw time against attempts beyond the first, with the front and the advice.

        Args:
            axes: Where; a new figure if None.
        """
        return drawn(axes, lambda axes: draw_policies(axes, self, "time", "extra_attempts"))

    def contents(self) -> Mapping[str, Content]:
        """Return what the study's folder gets, by the name of the file."""
        return {
            "policies.parquet": self.frame,
            "front.parquet": self.front,
            "policy.json": self.as_dict(),
            "policy.png": self.figure,
        }


@known_keywords(*OPTION_NAMES)
def policy(
    scenario: ScenarioLike,
    *,
    exhaustive: bool = False,
    replications: int | None = None,
    screen: int = 1,
    tolerance: float = 0.01,
    objective: str | None = None,
    **options: Unpack[Options],
) -> PolicySearch:
    """Find the automatic retry policies that no other one beats, and say how the console's advice fares.

    The objectives are the time until 99 % of the fleet succeeded (or a smaller share if no policy reaches
    that), devices not upgraded at the end, attempts beyond the first, bytes wasted, peak load, perhaps cost.

    Args:
        scenario: A scenario, the path of its file, or a mapping; its own policy doesn't matter.
        exhaustive: Look at all 7,201 policies instead of going from coarse to fine.
        replications: For the front, the advice and none; None for the scenario's own number, at least 10.
        screen: Replications for all others, >= 1.
        tolerance: Values that differ by less count as equal, 0.001..0.5.
        objective: What the best one is best in, see `objective_names`; None for devices upgraded.
        **options: See `Options`.

    Raises:
        ScenarioError: Something in the input is wrong; nothing was run then.

    Example:
        >>> sim.policy("scenarios/quickstart.yaml").best  # doctest: +SKIP
    """
    base = load_scenario(scenario)
    complaints = Complaints()
    n = complaints.of(lambda: check_count("replications", replications, _least(base)), 1)
    first = complaints.of(lambda: check_count("screen", screen, 1), 1)
    complaints.of(lambda: _check_choices(base, objective, tolerance), None)
    complaints.of(lambda: check_options(options), None)
    complaints.of(lambda: _check_extremes(base), None)
    complaints.raise_any()
    with Study(base, options, kind=POLICY, groups_points=True) as study:
        screening = _Screening(study, _reachable_time(study, n), first, tolerance)
        screening.go(exhaustive=exhaustive)
        runs, finalists = _finals(study, screening, n, objective)
        result = PolicySearch(
            scenario=base,
            seed=study.seed,
            exhaustive=exhaustive,
            screen=first,
            tolerance=tolerance,
            time=screening.time,
            peak=screening.peak,
            screened=screening.rated,
            finalists=finalists,
            objective=objective,
            runs=runs,
            why=why_short(study, base.with_values(policy_values(NONE))),
            reused=study.reused,
        )
        study.save(result.contents)
    return result


def _finals(
    study: Study, screening: _Screening, replications: int, objective: str | None
) -> tuple[Runs, RatedPolicies]:
    """Run the finalists over all replications, and rate them, see `PolicyAnswer`.

    What has the least of the objective need not be on the front of the first look: the tolerance leaves out
    what is better by less, and one look may not tell which number of retries is best.
    """
    leaders: list[TaskPolicy] = []
    if objective is not None:
        priorities = priorities_of(screening.names, objective)
        leaders = screening.rated.leaders(priorities[0], priorities)
    policies = sorted({NONE, ADVICE, *screening.rated.on_front, *leaders})
    runs = study.runs([point_of(policy) for policy in policies], replications)
    return runs, RatedPolicies(tuple(policies), screening.rate(runs), screening.rated.tolerance)


def _least(base: Scenario) -> int:
    """Return how many replications there are if nobody says so."""
    return max(base.run.replications, REPLICATIONS_MIN)


def _check_choices(base: Scenario, objective: str | None, tolerance: float) -> None:
    """Refuse what is no objective of a scenario, and a tolerance that tells nothing apart, or everything."""
    if not is_number(tolerance, 0.001, 0.5):
        raise ScenarioError([Problem("tolerance", f"{shown(tolerance)} is not allowed; 0.001 to 0.5")])
    if objective is None or objective in objective_names(base):
        return
    message = unknown("objective", objective, objective_names(base))
    if objective == COST:
        message = "the scenario says nothing of costs; add a section, like 'costs: {per_visit: 80 EUR}'"
    raise ScenarioError([Problem("objective", message)])


def policy_values(policy: TaskPolicy) -> dict[str, int | str | None]:
    """Return a policy as values of a scenario file."""
    if policy == NONE:
        return {_COUNT: None, _INTERVAL: None}
    return {_COUNT: policy.retry_count, _INTERVAL: f"{policy.retry_interval_min} min"}


def point_of(policy: TaskPolicy) -> Point:
    """Return the point of a policy, whose key the files of single runs hold."""
    return Point(f"policy {policy.retry_count} {policy.retry_interval_min or 0}", policy_values(policy))


def _check_extremes(base: Scenario) -> None:
    """Check that the scenario allows every policy: it can object to the extremes only."""
    extremes = [NONE, *(_of(count, minutes) for count in (1, 5) for minutes in (1, 1440))]
    points_at(base, [policy_values(extreme) for extreme in extremes])


def objectives_of(runs: Runs, names: Sequence[str], time: str, peak: str) -> Floats:
    """Return the mean of each objective, (P, K) float64, less is better; inf for a time never reached."""
    columns = []
    for objective in names:
        metric = metric_of(objective, time, peak)
        columns.append(means(metric, objective_values(runs, objective, metric)).mean)
    objectives = np.stack(columns, axis=1)
    return np.where(np.isnan(objectives), np.inf, objectives)


def _reachable_time(study: Study, replications: int) -> str:
    """Return the time of the largest share that one of the persistent policies reaches in every replication.

    They are asked one after the other, until one reaches the largest share of all.
    """
    place = len(TIMES) - 1
    for persistent in PERSISTENT:
        runs = study.runs([point_of(persistent)], replications)
        reached = (i for i, name in enumerate(TIMES[:place]) if not np.isnan(runs.of(name)).any())
        place = next(reached, place)
        if not place:
            break
    return TIMES[place]


class _Screening:
    """The look at many policies with few replications."""

    def __init__(self, study: Study, time: str, replications: int, tolerance: float) -> None:
        """Look at the coarse policies, and decide by them what the peak is."""
        self.time = time
        self.names = objective_names(study.scenario)
        self._study = study
        self._replications = replications
        policies = coarse_policies()
        runs = study.runs([point_of(p) for p in policies], replications)
        loads = runs.of("peak_bandwidth")
        self.peak = "peak_bandwidth" if np.nanmax(loads, initial=0.0) > 0 else "peak_processing"
        self.rated = RatedPolicies(tuple(policies), self.rate(runs), tolerance)

    def go(self, *, exhaustive: bool) -> None:
        """Look at all others, or at those near the front until there are none."""
        if exhaustive:
            known = set(self.rated.policies)
            self._look([p for p in all_policies() if p not in known])
            return
        while new := finer_policies(self.rated.on_front, self.rated.policies):
            self._look(new)

    def _look(self, new: list[TaskPolicy]) -> None:
        """Look at more policies."""
        runs = self._study.runs([point_of(p) for p in new], self._replications)
        objectives = np.concatenate([self.rated.objectives, self.rate(runs)])
        self.rated = RatedPolicies((*self.rated.policies, *new), objectives, self.rated.tolerance)

    def rate(self, runs: Runs) -> Floats:
        """Return the mean of each objective."""
        return objectives_of(runs, self.names, self.time, self.peak)
