"""Runs made by hand: records as a test states them, around them as little as possible."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sim.campaign.device_names import DeviceNames
from sim.campaign.record import CallRecord, CampaignRun, TaskRecord
from sim.fleet.held_up import HeldUp, Hold
from sim.fleet.protocol import AttemptLog, Curves, TargetRecords, Totals
from sim.fleet.spec import (
    N_STAGES,
    NEVER,
    CauseTable,
    CohortTable,
    FleetSpec,
    Platform,
    no_timelines,
)
from sim.fleet.whereabouts import OutageTable, no_sites, no_windows
from sim.results import RunResult, condense
from sim.rules import Reason, SubtaskState, TargetResult
from sim.scenario import Scenario, make_scenario

S = 1_000_000
"""Ticks of a second."""


def scenario_of(sizes: dict[str, int], **sections: Any) -> Scenario:
    """Return a scenario with cohorts of given sizes."""
    cohorts = [{"name": name, "devices": size, "protocol": "mqtt"} for name, size in sizes.items()]
    values = {
        "name": "by-hand",
        "fleet": {"cohorts": cohorts},
        "campaign": {"package": {"version": "1.0", "size": "1 kB"}},
        "run": {"until": "1 d", "resolution": "1 min"},
    }
    return make_scenario({**values, **sections})


def spec_of(cohort: np.ndarray, n_cohorts: int, *, p_download: float = 0.0, spread: float = 0.0) -> FleetSpec:
    """Return a fleet of MQTT devices with one cause of failure at the download."""
    zeros, stages = np.zeros(n_cohorts), np.zeros((n_cohorts, N_STAGES))
    at = np.zeros((n_cohorts, N_STAGES), np.int32)
    lo, hi = at.copy(), at.copy()
    lo[:, 4:] = 1
    hi[:, 3:] = 1
    cohorts = CohortTable(
        protocol=zeros.astype(np.int8),
        link_rate=np.full(n_cohorts, np.inf),
        package_bytes=np.full(n_cohorts, 1_000, np.int64),
        p_already_current=zeros,
        spread=np.full(n_cohorts, spread),
        timers_ticks=np.full((n_cohorts, 6), NEVER, np.int64),
        dist_kind=stages.astype(np.int8),
        dist_a=stages,
        dist_b=stages,
        quantile_lo=at,
        quantile_hi=at,
        quantile_p=np.empty(0),
        quantile_s=np.empty(0),
        cell_devices=zeros.astype(np.int32),
        coverage_share=np.tile([1.0, 0.0, 0.0], (n_cohorts, 1)),
        link=np.full(n_cohorts, -1, np.int32),
        during_upgrade=np.zeros(n_cohorts, np.int8),
        break_reason=np.zeros(n_cohorts, np.int16),
        resume=np.zeros(n_cohorts, np.bool_),
    )
    causes = CauseTable(
        lo=lo,
        hi=hi,
        p=np.array([p_download]),
        p_permanent=np.zeros(1),
        reason=np.array([Reason.SIGNAL_BAD], np.int16),
        silent=np.zeros(1, np.bool_),
        timeline=np.full(1, -1, np.int32),
        slot=np.full(1, -1, np.int16),
        rate=np.zeros(1),
        per_bytes=np.zeros(1),
        leaves=np.zeros(1, np.int8),
    )
    nothing, none = np.empty(0, np.int64), np.zeros(n_cohorts + 1, np.int32)
    outages = OutageTable(
        away_lo=none,
        away_from=nothing,
        away_to=nothing,
        risk_lo=none,
        risk_from=nothing,
        risk_to=nothing,
        risk_p=np.empty(0),
        risk_reason=np.empty(0, np.int16),
        risk_silent=np.empty(0, np.bool_),
        epoch_tick=np.zeros(1, np.int64),
        epoch_bandwidth=np.full(1, np.inf),
        epoch_cap=np.full((1, n_cohorts), np.inf),
        epoch_held=np.zeros((1, n_cohorts), np.int8),
        freeze_from=nothing,
        freeze_to=nothing,
    )
    platform = Platform(
        max_processing=NEVER,
        dispatch_gap_ticks=0,
        max_downloads=NEVER,
        cell_places=np.array([50, 10, 1], np.int64),
        resolution_ticks=60 * S,
        seed=np.uint64(0),
        replication=np.uint64(0),
    )
    return FleetSpec(
        cohort=cohort,
        cohorts=cohorts,
        causes=causes,
        outages=outages,
        windows=no_windows(n_cohorts),
        sites=no_sites(),
        platform=platform,
        timelines=no_timelines(),
        n_timelines=0,
    )


def curves_of(records: TargetRecords, end_tick: int) -> Curves:
    """Return curves a minute apart of devices that are Processing until they end."""
    tick = np.arange(0, end_tick + 1, 60 * S, dtype=np.int64)
    status = np.zeros((len(tick), len(SubtaskState)), np.int64)
    begun = np.sort(np.where(records.first_start < 0, NEVER, records.first_start))
    status[:, SubtaskState.PROCESSING] = np.searchsorted(begun, tick, side="right")
    status[:, SubtaskState.WAITTING] = len(begun) - status[:, SubtaskState.PROCESSING]
    for state in (SubtaskState.SUCCESS, SubtaskState.FAIL, SubtaskState.STOPPED):
        ended = np.sort(records.end[records.status == state])
        status[:, state] = np.searchsorted(ended, tick, side="right")
        status[:, SubtaskState.PROCESSING] -= status[:, state]
    return Curves(tick, status, status[:, SubtaskState.PROCESSING], status[:, SubtaskState.PROCESSING] * 10.0)


def held_up_of(held_s: Sequence[Mapping[Hold, float]], cohort: np.ndarray) -> HeldUp:
    """Return where the time of devices went, from seconds of each."""
    by_device = np.array([[of.get(hold, 0.0) for hold in Hold] for of in held_s]) * S
    ticks = np.rint(by_device).astype(np.int64)
    by_cohort = np.zeros((int(cohort.max()) + 1, len(Hold)), np.int64)
    np.add.at(by_cohort, cohort, ticks)
    return HeldUp(by_cohort, np.arange(len(cohort), dtype=np.int32), ticks)


def run_of(
    status: Sequence[SubtaskState],
    *,
    sizes: dict[str, int] | None = None,
    end_s: Sequence[float] | None = None,
    first_failure_s: Sequence[float] | None = None,
    attempts: Sequence[int] | None = None,
    auto_retries: Sequence[int] | None = None,
    reason: Sequence[int] | None = None,
    size_bytes: Sequence[int] | None = None,
    wasted: Sequence[int] | None = None,
    calls: Sequence[CallRecord] = (),
    attempt_log: AttemptLog | None = None,
    run_end_s: float = 3_600.0,
    replication: int = 0,
    p_download: float = 0.0,
    spread: float = 0.0,
    held_s: Sequence[Mapping[Hold, float]] | None = None,
    notes: Sequence[str] = (),
    what_if: Sequence[str] = (),
    **sections: Any,
) -> CampaignRun:
    """Return a run in which devices fared as told; by default each began at 0 and took one attempt.

    Args:
        status: State of each device at the end.
        sizes: Cohorts; one with all devices if None.
        end_s: When it got there; -1 while pending. 60 s if None.
        first_failure_s: When its first attempt failed, -1 if it didn't.
        attempts: Attempts begun.
        auto_retries: Of these by automatic retry; all but the first if None.
        reason: Last failure.
        size_bytes: Bytes received.
        wasted: Wasted bytes by cohort.
        calls: Calls to the service.
        attempt_log: Log of attempts.
        run_end_s: When the run ended.
        replication: Its number.
        p_download: Stated probability of a failure at the download.
        spread: Of all cohorts.
        held_s: Where the time of each device went, seconds; all of it went to installs if None.
        notes: Notes of the run.
        what_if: Extensions in force.
        sections: Sections of the scenario.
    """
    n = len(status)
    sizes = sizes or {"all": n}
    states = np.array(status, np.int8)
    pending = np.isin(states, [state for state in SubtaskState if state.is_live])

    def ticks(values: Sequence[float] | None, default: float) -> np.ndarray:
        given = np.full(n, default) if values is None else np.array(values, float)
        return np.where(given < 0, -1, np.rint(given * S)).astype(np.int64)

    made = np.ones(n, np.int32) if attempts is None else np.array(attempts, np.int32)
    auto = np.maximum(made - 1, 0) if auto_retries is None else np.array(auto_retries)
    records = TargetRecords(
        task=np.zeros(n, np.int32),
        status=states,
        reason=np.zeros(n, np.int16) if reason is None else np.array(reason, np.int16),
        attempts=made,
        manual_retries=(np.maximum(made - 1, 0) - auto).astype(np.int32),
        first_start=np.where(made > 0, 0, -1).astype(np.int64),
        first_failure=ticks(first_failure_s, -1),
        end=np.where(pending, -1, ticks(end_s, 60.0)),
        bytes=np.zeros(n, np.int64) if size_bytes is None else np.array(size_bytes, np.int64),
    )
    cohort = np.repeat(np.arange(len(sizes), dtype=np.int16), list(sizes.values()))
    time = held_s or [{Hold.INSTALL: run_end_s if end < 0 else end / S} for end in records.end.tolist()]
    progress = {state.progress_key: int(np.sum(states == state)) for state in SubtaskState}
    task = TaskRecord(
        task_id=f"{1:024x}",
        name="upgrade",
        task_type="firmwareUpgrade",
        status="PartialSuccess",
        progress={"total": n, **progress},
        wave=None,
        n_targets=n,
        created_s=0.0,
        started_s=0.0,
        settled_s=None,
    )
    return CampaignRun(
        scenario=scenario_of(sizes, **sections),
        seed=5,
        replication=replication,
        plane="compiled",
        spec=spec_of(cohort, len(sizes), p_download=p_download, spread=spread),
        names=DeviceNames(list(sizes), cohort),
        records=records,
        curves=curves_of(records, round(run_end_s * S)),
        totals=Totals(
            peak_processing=n,
            peak_downloads=n,
            peak_bandwidth=n * 10.0,
            bytes_wasted=np.zeros(len(sizes), np.int64) if wasted is None else np.array(wasted, np.int64),
            last_end=int(records.end.max(initial=-1)),
        ),
        held_up=held_up_of(time, cohort),
        attempts=attempt_log,
        calls=tuple(calls),
        tasks=(task,),
        orders=(np.arange(n, dtype=np.int32),),
        waves=(),
        what_if=tuple(what_if),
        notes=tuple(notes),
        end_s=run_end_s,
    )


def call_of(
    call: str,
    *,
    accepted: Sequence[int] = (),
    refused: Sequence[str] = (),
    time_s: float = 600.0,
    body: str = "{}",
    http_status: int = 200,
) -> CallRecord:
    """Return a call and its answer; refused targets are in the wrong state."""
    failed = http_status >= 400
    return CallRecord(
        time_s=time_s,
        caller="operator",
        call=call,
        task_id=f"{1:024x}",
        body=body,
        http_status=http_status,
        error_code="IOTDA.014218" if failed else None,
        error_msg="refused" if failed else None,
        accepted=np.array(accepted, np.int32),
        refused=tuple(TargetResult(target, "failure", "IOTDA.014220", "wrong state") for target in refused),
    )


def result_of(*runs: CampaignRun, keep_all: bool = False) -> RunResult:
    """Return the result of runs made by hand."""
    condensed = [condense(run, keep=keep_all or i_run == 0) for i_run, run in enumerate(runs)]
    return RunResult(runs[0].scenario, seed=5, plane="compiled", runs=condensed, wall_s=0.5)
