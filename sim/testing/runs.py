"""Running a scenario for a test, and what is kept of it: values, digests, one curve."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.campaign import run_campaign
from sim.cpus import as_one_of, usable_cpus
from sim.fleet.spec import TICKS_PER_S
from sim.planes.choice import choose_plane
from sim.results import condense, run
from sim.results.curves import Curve
from sim.results.expectations import expectation_key, judge, value_in
from sim.rules import SubtaskState

if TYPE_CHECKING:
    from sim.fleet.spec import Floats
    from sim.results import Replication
    from sim.results.expectations import Verdict
    from sim.results.replication import Outcome
    from sim.results.statistics import Metric
    from sim.scenario import Expectation, Scenario

_CURVE_POINTS: Final = 100
"""Points of a stored curve on a linear, and as many on a logarithmic time axis."""

DIGEST_DIGITS: Final = 16
"""Of a replication's digest, in hex: enough to tell runs apart."""


class Samples(NamedTuple):
    """Values of replications 0, 1, ...

    Attributes:
        metrics: One value a replication, by metric.
        lines: The same by the place of an expectation that compares with the baseline, see `place_of`.
        digests: First digits of each replication's digest.
    """

    metrics: dict[str, tuple[Metric, ...]]
    lines: dict[str, tuple[Metric, ...]]
    digests: tuple[str, ...]

    @property
    def replications(self) -> int:
        """How many there are."""
        return len(self.digests)

    def first(self, n: int) -> Samples:
        """Return the first `n` replications."""
        return Samples(
            {name: values[:n] for name, values in self.metrics.items()},
            {place: values[:n] for place, values in self.lines.items()},
            self.digests[:n],
        )

    def with_more(self, more: Samples) -> Samples:
        """Return these replications, and those that follow them."""
        return Samples(
            {name: (*values, *more.metrics[name]) for name, values in self.metrics.items()},
            {place: (*values, *more.lines[place]) for place, values in self.lines.items()},
            (*self.digests, *more.digests),
        )


class Trial(NamedTuple):
    """The replications that the scenario asks for.

    Attributes:
        seed: Key of all draws.
        digest: Digest of them all, as `fleetsim run` prints it.
        samples: Their values.
        verdicts: What became of each line of `expect`, in order.
        values: The values that each line is about, one a replication.
        curve: Their mean completion.
    """

    seed: int
    digest: str
    samples: Samples
    verdicts: tuple[Verdict, ...]
    values: tuple[tuple[Metric, ...], ...]
    curve: Curve


def place_of(expectation: Expectation) -> str:
    """Return what an expectation is about: METRIC or by_cohort.NAME.METRIC, and the time if it has one."""
    key = expectation_key(expectation)
    return key if expectation.at is None else f"{key} at {expectation.at:g} s"


def make_trial(scenario: Scenario) -> Trial:
    """Run the replications that a scenario asks for.

    Raises:
        ScenarioError: It can't be run.
        ModelError: An invariant of the model broke.
    """
    result = run(scenario)
    expectations = scenario.expectations
    return Trial(
        seed=result.seed,
        digest=result.digest,
        samples=_samples(result.runs, expectations),
        verdicts=tuple(judge(expectations, result.runs)),
        values=tuple(tuple(value_in(one, line) for one in result.runs) for line in expectations),
        curve=curve_of(result.runs, scenario.run.resolution),
    )


def more_samples(scenario: Scenario, first: int, stop: int) -> Samples:
    """Run further replications.

    Args:
        first: Number of the first one.
        stop: One past the last one, > `first`.

    Raises:
        ScenarioError: It can't be run.
        ModelError: An invariant of the model broke.
    """
    plane = choose_plane("auto", scenario, runs=stop - first)

    def one(replication: int) -> Samples:
        done = condense(run_campaign(scenario, replication=replication, plane=plane), keep=False)
        return _samples([done], scenario.expectations)

    workers = min(stop - first, usable_cpus()) if plane == "compiled" else 1
    pool = ThreadPoolExecutor(workers, thread_name_prefix="replication")
    try:
        parts = list(pool.map(partial(as_one_of, workers, one), range(first, stop)))
    finally:
        pool.shutdown(cancel_futures=True)
    samples, *others = parts
    for other in others:
        samples = samples.with_more(other)
    return samples


def curve_of(runs: Sequence[Outcome], step_s: float) -> Curve:
    """Return the mean completion, at times that a linear and a logarithmic axis can show.

    Args:
        runs: Replications, at least one.
        step_s: Spacing of their time grid, seconds.
    """
    last_s = max(_last_change_s(one) for one in runs)
    high_s = max(last_s, step_s)
    times = np.concatenate(
        [np.linspace(0.0, high_s, _CURVE_POINTS), np.geomspace(min(step_s, high_s), high_s, _CURVE_POINTS)]
    )
    # Between two grid lines nothing is known; the last change is known exactly.
    time_s = np.unique(np.append(np.floor(times / step_s) * step_s, high_s))
    shares = np.mean([_shares_at(one, time_s) for one in runs], axis=0)
    success, failed = (
        tuple(round(float(share), 6) for share in shares[:, state])
        for state in (SubtaskState.SUCCESS, SubtaskState.FAIL)
    )
    return Curve(tuple(round(float(time), 3) for time in time_s), success, failed)


def _samples(runs: Sequence[Replication], expectations: Sequence[Expectation]) -> Samples:
    """Return the values of runs."""
    lines = {place_of(line): line for line in expectations if line.op == "within"}
    return Samples(
        {name: tuple(one.metrics[name] for one in runs) for name in runs[0].metrics},
        {place: tuple(value_in(one, line) for one in runs) for place, line in lines.items()},
        tuple(one.digest[:DIGEST_DIGITS] for one in runs),
    )


def _last_change_s(one: Outcome) -> float:
    """Return when the last device changed its state, to the grid; the end of the run at most."""
    changed = np.flatnonzero((one.curves.status != one.final).any(axis=1))
    if not len(changed):
        return 0.0
    after = int(changed[-1]) + 1
    tick = one.curves.tick
    return float(tick[after]) / TICKS_PER_S if after < len(tick) else one.end_s


def _shares_at(one: Outcome, time_s: Floats) -> Floats:
    """Return shares of the fleet by status at given times, (T, 7) float64."""
    rows = np.searchsorted(one.curves.tick, np.rint(time_s * TICKS_PER_S), side="right") - 1
    counts = np.where((time_s < one.end_s)[:, None], one.curves.status[rows], one.final[None, :])
    shares: Floats = counts / (one.metrics["devices"] or 1)
    return shares
