"""Counts for tables and bars: failures by stage, code and cohort; attempts; calls and refusals; budget."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.results.breakdowns import code_label
from sim.rules import Call, Reason, Stage, SubtaskState, reason_code, reason_text
from sim.rules.stages import EXECUTION

if TYPE_CHECKING:
    import pyarrow as pa

    from sim.campaign.budget import ClientBudget
    from sim.results.files.read import StoredRun
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


_ROUND_S: Final = 60.0


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


class CallCount(NamedTuple):
    """Calls of one kind by one caller with one answer, in the first replication.

    Attributes:
        caller: Operator, wave or process.
        call: `create`, `retry`, `stop`, `confirm` or `delete`.
        http_status: Answer.
        error_code: Vendor's code if the whole call was refused, else None.
        error_msg: Its text, else None.
        calls: How many.
        accepted: Targets acted upon.
        refused: Targets that were not acted upon.
        first_s: Time of the first one, seconds.
        last_s: Time of the last one, seconds.
    """

    caller: str
    call: str
    http_status: int
    error_code: str | None
    error_msg: str | None
    calls: int
    accepted: int
    refused: int
    first_s: float
    last_s: float


class RefusalCount(NamedTuple):
    """Targets that calls of one kind refused for one reason, in the first replication."""

    call: str
    error_code: str
    error_msg: str
    targets: int


def failure_counts(fleet: FleetRecords, scenario: Scenario) -> list[FailureCount]:
    """Return the devices by cohort and last failure, the most frequent first.

    A device counts by its last ended attempt if that failed; one that succeeded later doesn't count.

    Args:
        fleet: What became of each device. Read only.
        scenario: Says at which stages a code comes about.
    """
    reason = fleet.records.reason
    failed = np.flatnonzero(reason != Reason.NONE)
    pairs, devices = np.unique(
        np.stack([fleet.cohort[failed], reason[failed]]).astype(np.int64), axis=1, return_counts=True
    )
    counts = []
    for c, cause, n in zip(pairs[0].tolist(), pairs[1].tolist(), devices.tolist(), strict=True):
        name = fleet.cohort_names[c]
        stages = stages_of(scenario, name, Reason(cause))
        counts.append(FailureCount(name, stages, code_label(cause), reason_text(cause), n))
    return sorted(counts, key=lambda count: -count.devices)


def stages_of(scenario: Scenario, cohort_name: str, reason: Reason) -> tuple[Stage, ...]:
    """Return the stages at which a failure can come about in a cohort.

    A platform's text names its stage, or that it came after the download. A result code is looked up among
    the scenario's causes and its outages, which add failures to downloads.

    Args:
        scenario: What was run.
        cohort_name: The cohort.
        reason: The failure.
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
    rows = np.stack([fleet.cohort, records.attempts, records.status]).astype(np.int64)
    base = int(rows[1].max(initial=0)) + 1
    keys, devices = np.unique((rows[0] * base + rows[1]) * len(SubtaskState) + rows[2], return_counts=True)
    counts = []
    for key, n in zip(keys.tolist(), devices.tolist(), strict=True):
        rest, state = divmod(key, len(SubtaskState))
        c, attempts = divmod(rest, base)
        counts.append(AttemptCount(fleet.cohort_names[c], attempts, SubtaskState(state), n))
    return counts


def call_counts(run: StoredRun) -> list[CallCount]:
    """Return the calls of the first replication by caller, call and answer, in order of the first.

    Args:
        run: The stored run.
    """
    table = run.needed_table("calls.parquet")
    groups: dict[tuple[str, str, int, str | None, str | None], CallCount] = {}
    for row in table.filter(_is_first(table)).to_pylist():
        key = (row["caller"], row["call"], row["http_status"], row["error_code"], row["error_msg"])
        before = groups.get(key) or CallCount(*key, 0, 0, 0, row["time_s"], row["time_s"])
        groups[key] = before._replace(
            calls=before.calls + 1,
            accepted=before.accepted + row["accepted"],
            refused=before.refused + row["refused"],
            last_s=row["time_s"],
        )
    return list(groups.values())


def retry_rounds(run: StoredRun) -> list[float]:
    """Return when retry calls were made in the first replication, seconds, ascending.

    Calls that follow each other within a minute are one round, which has the time of the first.

    Args:
        run: The stored run.
    """
    table = run.needed_table("calls.parquet", ["replication", "time_s", "call"])
    rows = table.filter(_is_first(table)).to_pylist()
    times = sorted(row["time_s"] for row in rows if row["call"] == Call.RETRY)
    before = [-_ROUND_S, *times]
    return [time_s for time_s, last_s in zip(times, before, strict=False) if time_s - last_s >= _ROUND_S]


def refusal_counts(run: StoredRun) -> list[RefusalCount]:
    """Return what targets were refused for in the first replication, the most frequent first.

    Args:
        run: The stored run.
    """
    answers = run.needed_table(
        "call_targets.parquet", ["replication", "call_id", "status", "error_code", "error_msg"]
    )
    calls = run.needed_table("calls.parquet", ["replication", "call_id", "call"])
    import pyarrow.compute as pc

    kind = {row["call_id"]: row["call"] for row in calls.filter(_is_first(calls)).to_pylist()}
    refused = answers.filter(_is_first(answers)).filter(pc.field("status") == "failure")
    groups = Counter(
        (kind[row["call_id"]], row["error_code"], row["error_msg"]) for row in refused.to_pylist()
    )
    return [RefusalCount(*key, targets) for key, targets in groups.most_common()]


def stored_budget(run: StoredRun) -> ClientBudget:
    """Return the calls that a client needs to create, read and retry this campaign's tasks once.

    Args:
        run: The stored run.
    """
    from sim.campaign.budget import client_budget
    from sim.campaign.run import service_limits

    progress = [task["progress"] for task in run.summary["tasks"]]
    return client_budget(
        [int(counts["total"]) for counts in progress],
        [int(counts["fail"]) for counts in progress],
        limits=service_limits(run.scenario),
        api_calls_per_s=run.scenario.campaign.limits.api_rate,
    )


def _is_first(table: pa.Table) -> pa.ChunkedArray:
    """Return which rows belong to the first replication."""
    import pyarrow.compute as pc

    return pc.equal(table["replication"], 0)
