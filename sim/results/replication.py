"""One replication: condensed to what summaries and figures need, or with an entry a device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sim.campaign.idle import idle_sentences
from sim.campaign.tally import tally_of
from sim.campaign.tally.time_spent import TimeSpent, time_spent
from sim.cpus import beside
from sim.fleet.spec import TICKS_PER_S, to_ticks
from sim.results.breakdowns import AttemptRow, by_attempt, by_code, by_cohort
from sim.results.digest import records_digest
from sim.results.metrics import run_metrics
from sim.results.recovery import RecoveryCurve, recovery_curve, thinned
from sim.results.status_steps import status_steps
from sim.rules import SubtaskState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sim.campaign.record import CallRecord, CampaignRun, TaskRecord, WaveRecord
    from sim.fleet.protocol import Curves, TargetRecords
    from sim.fleet.spec import Int16s, Int64s
    from sim.results.statistics import Metric
    from sim.results.status_steps import StatusSteps


class Outcome(Protocol):
    """One replication as curves and metrics need it; `Replication` is one too."""

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Every metric by name."""

    @property
    def curves(self) -> Curves:
        """State of the fleet on the time grid."""

    @property
    def final(self) -> Int64s:
        """(7,) int64, devices by state when the run ended."""

    @property
    def recovery(self) -> RecoveryCurve:
        """Recovery curve."""

    @property
    def steps(self) -> StatusSteps | None:
        """The fleet by status where something happens; None if only the grid is known."""

    @property
    def end_s(self) -> float:
        """When the run ended, seconds."""


class MarkedCall(Protocol):
    """A call as a figure marks it."""

    @property
    def call(self) -> str:
        """`create`, `retry`, `stop`, `confirm` or `delete`."""

    @property
    def time_s(self) -> float:
        """When it was answered, seconds."""


class DrawnRun(Outcome, Protocol):
    """One replication as the figure of a run needs it."""

    @property
    def calls(self) -> Sequence[MarkedCall]:
        """Calls in the order in which they were answered; of the first replication at least."""


@dataclass(frozen=True, eq=False)
class Replication:
    """One run, condensed.

    Attributes:
        index: Number of the replication, from 0.
        digest: Digest of the per-target records.
        metrics: Every metric by name.
        by_cohort: Metrics of each cohort.
        by_code: Devices by their last failure.
        by_attempt: Devices by attempt.
        curves: State of the fleet on the time grid.
        final: (7,) int64, devices by `sim.rules.SubtaskState` when the run ended.
        unstarted: Devices that were pending when the run ended, and had begun no attempt.
        recovery: Recovery curve, thinned to what a figure can show.
        steps: The fleet by status where something happens; None if nobody is to see it.
        time_spent: Where the time of the devices has gone.
        calls: Calls in the order in which they were answered.
        tasks: Tasks, oldest first.
        waves: Waves in order.
        what_if: Extensions in force.
        notes: Sentences for the summary.
        idle: Sentences about what touched nobody.
        end_s: When the run ended, seconds.
        run: The whole run if it was to be kept, else None.
    """

    index: int
    digest: str
    metrics: dict[str, Metric]
    by_cohort: dict[str, dict[str, Metric]]
    by_code: dict[str, int]
    by_attempt: list[AttemptRow]
    curves: Curves
    final: Int64s
    unstarted: int
    recovery: RecoveryCurve
    steps: StatusSteps | None
    time_spent: TimeSpent
    calls: tuple[CallRecord, ...]
    tasks: tuple[TaskRecord, ...]
    waves: tuple[WaveRecord, ...]
    what_if: tuple[str, ...]
    notes: tuple[str, ...]
    idle: tuple[str, ...]
    end_s: float
    run: CampaignRun | None


@dataclass(frozen=True, eq=False)
class FleetRecords:
    """What became of each device of one replication.

    Attributes:
        records: A device a row.
        cohort: (n,) int16, cohort of each device.
        cohort_names: Names by cohort index.
        end_s: When the run ended, seconds.
    """

    records: TargetRecords
    cohort: Int16s
    cohort_names: tuple[str, ...]
    end_s: float


def condense(run: CampaignRun, *, keep: bool, is_shown: bool = False) -> Replication:
    """Compute what a result keeps of a run.

    Args:
        run: A run.
        keep: Whether to keep the run itself, with its entries by device.
        is_shown: Whether figures will be made of it.
    """
    end_tick = round(run.end_s * TICKS_PER_S)
    with beside(records_digest, run.records) as digest:
        tally = tally_of(run)
        recovery = thinned(recovery_curve(run.records, end_tick))
        final = tally.counts.states[-1]
        steps = _steps(run, final, end_tick) if is_shown else None
    return Replication(
        index=run.replication,
        digest=digest(),
        metrics=run_metrics(run, tally),
        by_cohort=by_cohort(run, tally),
        by_code=by_code(tally),
        by_attempt=by_attempt(tally),
        curves=run.curves,
        final=final,
        unstarted=_unstarted(run, final),
        recovery=recovery,
        steps=steps,
        time_spent=time_spent(run),
        calls=run.calls,
        tasks=run.tasks,
        waves=run.waves,
        what_if=run.what_if,
        notes=run.notes,
        idle=idle_sentences(run),
        end_s=run.end_s,
        run=run if keep else None,
    )


def _unstarted(run: CampaignRun, final: Int64s) -> int:
    """Return how many devices were pending when the run ended, and had begun no attempt."""
    if not final[SubtaskState.WAITTING]:
        return 0
    is_waiting = run.records.status == SubtaskState.WAITTING
    return int(np.count_nonzero(is_waiting & (run.records.attempts == 0)))


def _steps(run: CampaignRun, final: Int64s, end_tick: int) -> StatusSteps:
    """Return the fleet by status where something happens."""
    policy = run.scenario.campaign.task_policy
    retry_ticks = to_ticks(policy.retry_interval or 0.0) if policy.retry_count else 0
    return status_steps(
        run.records,
        run.curves,
        final,
        end_tick=end_tick,
        peak_processing=run.totals.peak_processing,
        retry_ticks=retry_ticks,
    )


def fleet_records(run: CampaignRun) -> FleetRecords:
    """Return the devices of a run in memory."""
    return FleetRecords(run.records, run.spec.cohort, run.names.cohort_names, run.end_s)
