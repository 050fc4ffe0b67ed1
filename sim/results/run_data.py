"""The numbers of some replications of one scenario: what every text, figure and file is made from."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from sim.results.digest import combined_digest
from sim.results.expectations import Verdict, judge
from sim.results.statistics import Estimate, Metric, estimate, may_fork, unseen_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sim.campaign.record import CampaignRun
    from sim.results.replication import DrawnRun, Replication
    from sim.scenario import Scenario


class ResultNumbers(Protocol):
    """What pictures and notebooks need of a result, in memory or read back."""

    @property
    def scenario(self) -> Scenario:
        """What was run."""

    @property
    def seed(self) -> int:
        """Key of all draws."""

    @property
    def runs(self) -> Sequence[DrawnRun]:
        """The replications, in order; at least one."""

    @property
    def estimates(self) -> Mapping[str, Estimate]:
        """Every metric by name."""

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Means of every metric by name."""

    @property
    def expectations(self) -> Sequence[Verdict]:
        """What the scenario expects, and whether it came so."""

    @property
    def what_if(self) -> Sequence[str]:
        """Extensions beyond the vendor's rules that were in force."""

    @property
    def notes(self) -> Sequence[str]:
        """Sentences that belong beside the numbers."""


class RunData:
    """What happened in the replications of one scenario, as numbers.

    Whatever shows a run takes this and not `RunResult`, which knows how to show itself.

    Attributes:
        scenario: What was run.
        seed: Key of all draws.
        plane: `compiled` or `simpy`.
        runs: The replications, condensed, in order; at least one.
        wall_s: How long it took, seconds of real time.
        remarks: Sentences about all of it that whoever ran it adds.
        values: Other values than the scenario's of each replication, by path; empty if it has none.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        seed: int,
        plane: str,
        runs: Sequence[Replication],
        wall_s: float,
        values: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Collect replications.

        Args:
            seed: Key of all draws.
            plane: `compiled` or `simpy`.
            runs: The replications in order; the first one with its run, which has the device ids.
            wall_s: How long it took, seconds of real time, >= 0.
            values: Other values than the scenario's, for each replication; or none.
        """
        assert runs, "a result has at least one replication"
        self.scenario = scenario
        self.seed = seed
        self.plane = plane
        self.runs: tuple[Replication, ...] = tuple(runs)
        self.wall_s = wall_s
        self.remarks: Sequence[str] = ()
        self.values = values

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all per-target records; equal digests mean equal runs."""
        return combined_digest([run.digest for run in self.runs])

    @cached_property
    def estimates(self) -> dict[str, Estimate]:
        """Every metric by name: mean, 95 % interval of the mean, one value a replication."""
        devices, forks = self.scenario.n_devices, may_fork(self.scenario)
        return {
            name: estimate(
                name, [run.metrics[name] for run in self.runs], unseen_of(name, devices, forks=forks)
            )
            for name in self.runs[0].metrics
        }

    @property
    def metrics(self) -> dict[str, Metric]:
        """Every metric by name, as its mean over the replications; None where it is not defined."""
        return {name: value.mean for name, value in self.estimates.items()}

    @cached_property
    def expectations(self) -> list[Verdict]:
        """What the scenario expects, and whether it came so."""
        return judge(self.scenario.expectations, self.runs)

    @property
    def what_if(self) -> tuple[str, ...]:
        """Extensions beyond the vendor's rules that were in force."""
        return tuple(dict.fromkeys(name for run in self.runs for name in run.what_if))

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that belong beside the numbers; what touched nobody is said if it did so in no run."""
        of_runs = (note for run in self.runs for note in run.notes)
        idle = [note for note in self.runs[0].idle if all(note in run.idle for run in self.runs)]
        return tuple(dict.fromkeys([*of_runs, *idle, *self.remarks]))

    @property
    def kept(self) -> list[CampaignRun]:
        """The runs whose entries by device were kept: the first one, or all if that was asked for."""
        return [run.run for run in self.runs if run.run is not None]
