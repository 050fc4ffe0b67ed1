"""Counts of devices for tables and bars: by failure, stage and cohort; by attempts and status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from sim.results.breakdowns import code_label
from sim.rules import Reason, Stage, SubtaskState, reason_code, reason_text
from sim.rules.stages import EXECUTION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sim.results.replication import FleetRecords
    from sim.scenario import Scenario

_STAGES_OF_TIMEOUT: Final = {
    Reason.ONLINE_TIMEOUT: (Stage.CONTACT,),
    Reason.VERSION_TIMEOUT: (Stage.QUERY,),
    Reason.COVERAGE_TIMEOUT: (Stage.COVERAGE,),
    Reason.DOWNLOAD_START_TIMEOUT: (Stage.DOWNLOAD,),
    Reason.DOWNLOAD_TIMEOUT_PLATFORM: (Stage.DOWNLOAD,),
    Reason.RESULT_TIMEOUT: EXECUTION,
}


ATTEMPTS_SHOWN: Final = 12
"""Figures show so many attempts and more in one bar."""


class FailureCount(NamedTuple):
    """Devices of one cohort that stand at one failure.

    Attributes:
        cohort: Its name.
        stages: Stages at which this failure comes about in this cohort; several if the scenario has it at
            several, since neither a code nor a platform's text says at which.
        label: Result code, or the platform's text where there is none.
        text: Meaning of the code, or the platform's text.
        devices: How many.
    """

    cohort: str
    stages: tuple[Stage, ...]
    label: str
    text: str
    devices: int

    @property
    def stage_text(self) -> str:
        """The stages in words."""
        return " or ".join(stage.label for stage in self.stages) or "unknown"


class AttemptCount(NamedTuple):
    """Devices of one cohort that made so many attempts and stand at one status.

    Attributes:
        cohort: Its name.
        attempts: How many attempts each has made.
        state: Where they stand.
        devices: How many devices.
    """

    cohort: str
    attempts: int
    state: SubtaskState
    devices: int


def failure_counts(fleet: FleetRecords, scenario: Scenario) -> list[FailureCount]:
    """Return the devices by cohort and last failure, the most frequent first.

    A device counts by its last ended attempt if that failed; one that succeeded later doesn't count.

    Args:
        fleet: What became of each device. Read only.
        scenario: Says at which stages a code comes about.
    """
    reasons = fleet.records.reason
    failed = np.flatnonzero(reasons != Reason.NONE)
    counts = []
    for (c, reason), n in _combinations(fleet.cohort[failed], reasons[failed]):
        name = fleet.cohort_names[c]
        stages = stages_of(scenario, name, Reason(reason))
        counts.append(FailureCount(name, stages, code_label(reason), reason_text(reason), n))
    return sorted(counts, key=lambda count: -count.devices)


def stages_of(scenario: Scenario, cohort_name: str, reason: Reason) -> tuple[Stage, ...]:
    """Return the stages at which a failure can come about in a cohort.

    A platform's text names its stage, or that it came after the download. A result code is looked up among
    the scenario's causes and its outages, which add failures to downloads.
    """
    cohort = next(cohort for cohort in scenario.fleet.cohorts if cohort.name == cohort_name)
    if reason in _STAGES_OF_TIMEOUT:
        return tuple(stage for stage in _STAGES_OF_TIMEOUT[reason] if scenario.has_stage(cohort, stage.label))
    code = reason_code(reason)
    labels: set[str] = {cause.stage for cause in scenario.failures_of(cohort) if cause.code == code}
    for outage in scenario.outages:
        hits = outage.cohorts is None or cohort_name in outage.cohorts
        if hits and outage.effect.failure is not None and outage.effect.failure.code == code:
            labels.add(Stage.DOWNLOAD.label)
    return tuple(stage for stage in Stage if stage.label in labels)


def attempt_counts(fleet: FleetRecords) -> list[AttemptCount]:
    """Return the devices by cohort, number of attempts and status, in that order.

    Args:
        fleet: What became of each device. Read only.
    """
    records = fleet.records
    return [
        AttemptCount(fleet.cohort_names[c], attempts, SubtaskState(state), n)
        for (c, attempts, state), n in _combinations(fleet.cohort, records.attempts, records.status)
    ]


def _combinations(*columns: NDArray[np.integer[Any]]) -> Iterator[tuple[tuple[int, ...], int]]:
    """Yield the combinations of values that occur, ascending, each with the number of its devices."""
    sizes = [int(column.max(initial=0)) + 1 for column in columns]
    keys, devices = np.unique(np.ravel_multi_index(columns, sizes), return_counts=True)
    values = (column.tolist() for column in np.unravel_index(keys, sizes))
    return zip(zip(*values, strict=True), devices.tolist(), strict=True)
