"""Sequential stopping: so many replications that means are precise enough.

Decision: three ways to judge a mean, by what is known of the metric, instead of Student's interval for all.
    *A campaign that may take another course as a whole* (a gate, an abort, an operator's condition) has
    metrics of two humps, and ten replications of the one look precise. Where the metric is bounded, it is
    judged by an interval that holds for any values between the bounds; that takes about twice as many.

    *Where it is not bounded* no interval holds. It is judged by Student's after at least `FORK_LOOK`
    replications, and the text says what may be missing.

    *All other metrics* are sums over many devices, and are judged by Student's, but not while the values are
    too skewed for their number, or all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.results.statistics import Estimate, Unseen, estimate, may_fork, unseen_of
from sim.study.bounded_mean import bounded_interval, is_too_skewed
from sim.study.engine.points import Point
from sim.study.engine.study import Runs, Study
from sim.study.goals import Precision, looks

if TYPE_CHECKING:
    from sim.fleet.spec import Floats
    from sim.scenario import Scenario

MOST: Final = 1_000
"""Replications at most while a precision is not reached."""

FORK_LOOK: Final = 100
"""Replications before a metric without bounds is judged, where a campaign may take another course, or where
its values are all the same."""


@dataclass(frozen=True)
class Looked:
    """How a precision was reached, or wasn't.

    Attributes:
        precisions: What was asked for; empty if a number of replications was.
        looks: Numbers of replications at which it was looked at, up to the last one.
        is_met: Whether all were precise enough then.
        judged: For each metric with a precision its mean at each point, with the interval that was judged.
        forks: Whether chance may take a campaign elsewhere as a whole.
        bounded: Metrics among them that have bounds whatever a campaign does.
    """

    precisions: tuple[Precision, ...]
    looks: list[int]
    is_met: bool
    judged: dict[str, list[Estimate]] = field(default_factory=dict)
    forks: bool = False
    bounded: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the sentence that belongs beside a result of sequential stopping; empty without."""
        if not self.precisions:
            return ""
        asked = ", ".join(precision.text for precision in self.precisions)
        looked = ", ".join(map(str, self.looks))
        met = "reached" if self.is_met else "NOT reached"
        return (
            f"Precision {asked}: {met} after {self.looks[-1]} replications; looked at {looked} ({self._sure})"
        )

    @property
    def _sure(self) -> str:
        """What the intervals are worth."""
        if not self.forks:
            return "sequential: such a 95 % interval covers about 94 %"
        rare = f"what happens in fewer than 1 of {self.looks[-1] // 3} campaigns may be missing"
        if not self.bounded:
            return f"a gate or condition may stop a campaign, and nothing bounds such a mean: {rare}"
        bound = "a gate or condition may stop a campaign: these 95 % intervals hold whatever it does to "
        if len(self.bounded) == len(self.judged):
            return bound + ", ".join(self.bounded)
        return f"{bound}{', '.join(self.bounded)}; nothing bounds the other means: {rare}"


def until_precise(
    study: Study, points: list[Point], precisions: tuple[Precision, ...], most: int
) -> tuple[Runs, Looked]:
    """Run so many replications at all points that each mean is precise enough at each point.

    All points get the same number: with different ones they would not have the same draws.

    Args:
        study: Where to run.
        points: Where to look.
        precisions: What is asked for; with none exactly `most` replications are run.
        most: Replications at most.
    """
    seen: list[int] = []
    runs: Runs | None = None
    is_met = False
    judged: dict[str, list[Estimate]] = {}
    variants = [point.of(study.scenario) for point in points] if precisions else []
    for look in looks(most) if precisions else [most]:
        runs = study.runs(points, look)
        seen.append(look)
        judged = {p.metric: _judged(p.metric, runs, variants) for p in precisions}
        is_met = all(p.is_met(estimate) for p in precisions for estimate in judged[p.metric])
        if is_met and precisions:
            break
    assert runs is not None
    forks = any(map(may_fork, variants))
    bounded = tuple(name for name in judged if _unseen_in(name, variants[0]) is not None)
    return runs, Looked(precisions, seen, is_met, judged, forks, bounded)


def estimate_at(name: str, values: Floats, scenario: Scenario) -> Estimate:
    """Return the mean of one metric at one point, with Student's interval.

    Args:
        name: The metric.
        values: (R,) float64, NaN where undefined. Read only.
        scenario: What was run there.
    """
    plain = [None if np.isnan(value) else float(value) for value in values]
    return estimate(name, plain, _unseen_in(name, scenario))


def _unseen_in(name: str, scenario: Scenario) -> Unseen | None:
    """Return how a metric of a scenario may change by what was not seen; None if there is no bound."""
    return unseen_of(name, scenario.n_devices, forks=may_fork(scenario))


def _judged(name: str, runs: Runs, variants: list[Scenario]) -> list[Estimate]:
    """Return the mean of one metric at each point, with an interval to be relied on, if there is one."""
    return [
        _judged_at(name, values, scenario, is_fixed=len(set(digests)) == 1)
        for values, scenario, digests in zip(runs.of(name), variants, runs.digests, strict=True)
    ]


def _judged_at(name: str, values: Floats, scenario: Scenario, *, is_fixed: bool) -> Estimate:
    """Return the same at one point; `is_fixed` if all runs are the same, so that there is no luck in them."""
    found = estimate_at(name, values, scenario)
    if found.mean is None:
        return found
    known = values[~np.isnan(values)]
    is_flat = len(known) > 1 and known.min() == known.max()
    if is_flat and (is_fixed or (found.low is None and len(known) >= FORK_LOOK)):
        return found._replace(low=float(found.mean), high=float(found.mean))
    unseen = _unseen_in(name, scenario)
    if unseen is not None and unseen.step > 0 and may_fork(scenario):
        low, high = bounded_interval(known / unseen.top)
        return found._replace(low=low * unseen.top, high=high * unseen.top)
    too_few = unseen is None and may_fork(scenario) and len(known) < FORK_LOOK
    if too_few or is_too_skewed(known):
        return found._replace(low=None, high=None)
    return found
