"""The two sides of a comparison: what each of them is made from, and what keeps them from being compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.errors import Problem, ScenarioError
from sim.results.display.format import counted, some_of
from sim.results.run_data import RunData
from sim.scenario.metrics import METRICS
from sim.study.engine.kinds import REPLICATIONS

if TYPE_CHECKING:
    from sim.fleet.spec import Floats
    from sim.results.frames.loaded_result import LoadedResult
    from sim.results.statistics import Metric
    from sim.scenario import Scenario
    from sim.study.replications.answer import ReplicationsAnswer
    from sim.study.stored.stored_study import StoredStudy

FLEETS: Final = "comparing runs of different fleets"
_SHOWN: Final = 5


class Fleet(NamedTuple):
    """Which devices there are.

    Attributes:
        sizes: Devices of each cohort by its name, in the order in which they are numbered.
        ids: What an inventory calls them, by cohort in the same order; None without one, or if it is not
            known.
    """

    sizes: Mapping[str, int]
    ids: Mapping[str, Sequence[str]] | None


class Side(NamedTuple):
    """One of two campaigns.

    Attributes:
        scenario: What was run.
        seed: Key of all draws.
        values: (R,) float64 a metric, one value a replication, NaN where undefined.
        digest: Digest of the records of all replications.
        cohorts: Metrics of each cohort by its name: an entry a replication; a single one, of means, from a
            folder; none of a study.
    """

    scenario: Scenario
    seed: int
    values: Mapping[str, Floats]
    digest: str
    cohorts: Sequence[Mapping[str, Mapping[str, Metric]]] = ()

    @property
    def replications(self) -> int:
        """How many runs there are."""
        return len(next(iter(self.values.values())))


def side_of_run(result: RunData | LoadedResult) -> Side:
    """Return a side from replications that were run, now or before."""
    values = {
        name: np.array([np.nan if value is None else value for value in estimate.values], np.float64)
        for name, estimate in result.estimates.items()
        if name in METRICS  # a folder of a later version may have others
    }
    return Side(result.scenario, result.seed, values, result.digest, _cohorts_of(result))


def _cohorts_of(result: RunData | LoadedResult) -> Sequence[Mapping[str, Mapping[str, Metric]]]:
    """Return the metrics of each cohort, an entry a replication; of a folder their means."""
    if isinstance(result, RunData):
        return [run.by_cohort for run in result.runs]
    return [result.cohort_means()]


def side_of_study(result: ReplicationsAnswer) -> Side:
    """Return a side from a study of replications."""
    values = {name: result.runs.of(name)[0] for name in result.estimates}
    return Side(result.scenario, result.seed, values, result.digest)


def side_of_folder(study: StoredStudy) -> Side:
    """Return a side from a study of replications that was read back.

    Raises:
        ScenarioError: It is a study of another kind.
    """
    if study.kind != REPLICATIONS.name:
        message = f"is a study of kind '{study.kind}'; only results and replications can be compared"
        raise ScenarioError([Problem("", message, file=str(study.folder))])
    frame = study.frame
    values = {name: frame[name].to_numpy(np.float64) for name in METRICS if name in frame}
    return Side(study.scenario, study.seed, values, ",".join(frame["digest"]))


def check_pair(first: Side, second: Side) -> None:
    """Refuse two sides that have not the same devices, or not the same draws.

    Raises:
        ScenarioError: With everything that keeps them from being compared.
    """
    fleets = [_fleet_of(side.scenario) for side in (first, second)]
    problems = fleet_problems(*fleets)
    currencies = [side.scenario.currency for side in (first, second)]
    if all(currencies) and len(set(currencies)) > 1:
        message = f"are in {' and '.join(currencies)}; costs can be compared in one currency only"
        problems.append(Problem("costs", message))
    if first.seed != second.seed:
        problems.append(seeds_problem(first.seed, second.seed))
    if problems:
        raise ScenarioError(problems)


def seeds_problem(first: int, second: int, remedy: str = "run both with the same seed") -> Problem:
    """Say why runs with two seeds are not compared.

    Args:
        first: Key of all draws of one side.
        second: That of the other one.
        remedy: What to do about it.
    """
    why = "runs with other draws are no pairs, and their difference is chance as well"
    return Problem("seed", f"{first} and {second}: {why}; {remedy}")


def fleet_problems(first: Fleet, second: Fleet) -> list[Problem]:
    """Return what keeps two fleets from being paired, device by device; nothing if they are the same."""
    different = list(_fleet_differences(first, second))
    if not different:
        return []
    shown = "; ".join(different[:_SHOWN])
    return [Problem("fleet", f"{FLEETS}: {shown}. Only the same devices can be paired")]


def _fleet_of(scenario: Scenario) -> Fleet:
    """Return the devices of a scenario."""
    sizes = dict(zip(scenario.cohort_names, scenario.cohort_sizes, strict=True))
    return Fleet(sizes, None if scenario.inventory is None else scenario.inventory.ids)


def _fleet_differences(first: Fleet, second: Fleet) -> Iterator[str]:
    """Yield in what two fleets differ, as far as devices and their numbers go."""
    before, now = first.sizes, second.sizes
    for where, names in (
        ("first", [n for n in before if n not in now]),
        ("second", [n for n in now if n not in before]),
    ):
        if names:
            yield f"{counted(len(names), 'cohort')} in the {where} one only ({some_of(names)})"
    for name in before:
        if name in now and before[name] != now[name]:
            yield f"cohort '{name}' has {before[name]:,} devices, and {now[name]:,}"
    if before == now and list(before) != list(now):
        yield "the cohorts stand in another order, so that devices have other numbers and draws"
    listed = first.ids is not None and second.ids is not None
    if before == now and listed and first.ids != second.ids:
        yield "their inventories list other device ids"
