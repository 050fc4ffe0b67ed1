"""Tidy tables with the columns of the result files, as Arrow tables.

Strings that repeat are dictionaries (categories in pandas). A time that never came is null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from sim.fleet.spec import TICKS_PER_S
from sim.results.files.arrow import category, listed, numbers, table, texts, words
from sim.results.files.columns import BITS
from sim.rules import Reason, SubtaskState, reason_code, reason_text
from sim.scenario.metrics import HELD_UP

if TYPE_CHECKING:
    from sim.campaign.device_names import DeviceNames
    from sim.campaign.record import CampaignRun
    from sim.campaign.tally.time_spent import Spent
    from sim.fleet.spec import Int16s, Int32s, Int64s
    from sim.results.replication import Replication
    from sim.results.run_data import RunData

_ROW_GROUP: Final = 2**18
_TRIGGERS = ("first", "auto", "manual")
_REASONS = tuple(Reason)
_CODES = np.array([reason_code(reason) or 0 for reason in _REASONS], np.int16)
_TEXTS = tuple(reason_text(reason) for reason in _REASONS)
_STATES = tuple(state.wire for state in SubtaskState)
_CURVES = tuple(state for state in SubtaskState if state is not SubtaskState.REMOVED)


def targets_table(run: CampaignRun, low: int = 0, high: int | None = None) -> pa.Table:
    """Return what became of each device, a row a device.

    Args:
        low: First device.
        high: One past the last device; None for all.
    """
    part = slice(low, len(run.spec.cohort) if high is None else high)
    records = run.records
    devices = np.arange(part.start, part.stop, dtype=np.int64)
    reason = records.reason[part]
    return table(
        {
            "replication": _constant(run.replication, len(devices)),
            "device_id": _ids(run.names, devices),
            "cohort": category(run.spec.cohort[part], run.names.cohort_names),
            "task_id": category(records.task[part], [task.task_id for task in run.tasks]),
            "status": category(records.status[part], _STATES),
            "error_code": _error_code(reason),
            "error_msg": _error_msg(reason),
            "attempts": records.attempts[part].astype(np.int32),
            "auto_retries": records.auto_retries[part].astype(np.int32),
            "manual_retries": records.manual_retries[part].astype(np.int32),
            "first_start_s": _seconds(records.first_start[part]),
            "first_failure_s": _seconds(records.first_failure[part]),
            "end_s": _seconds(records.end[part]),
            "bytes": records.bytes[part],
        }
    )


def target_parts(result: RunData) -> Iterator[pa.Table]:
    """Yield the targets in parts, so that a large fleet is never in memory as text at once."""
    for run in result.kept:
        n = len(run.spec.cohort)
        for low in range(0, n, _ROW_GROUP):
            yield targets_table(run, low, min(low + _ROW_GROUP, n))


def attempts_table(run: CampaignRun) -> pa.Table:
    """Return the attempts that ended, a row an attempt, in order of their ends.

    Args:
        run: A run that kept its attempts, or else the table is empty. Read only.
    """
    log = run.attempts
    if log is None:
        return attempts_schema().empty_table()
    columns = {
        "replication": _constant(run.replication, len(log.device)),
        "device_id": _ids(run.names, log.device),
        "attempt": log.attempt.astype(np.int32),
        "trigger": category(log.trigger, _TRIGGERS),
        "start_s": _seconds(log.start),
        "entered_s": _seconds(log.entered),
        "download_start_s": _seconds(log.download_start),
        "download_end_s": _seconds(log.download_end),
        "end_s": _seconds(log.end),
        "status": category(log.status, _STATES),
        "error_code": _error_code(log.reason),
        "error_msg": _error_msg(log.reason),
        "held_bytes": log.held,
        "bytes": log.bytes,
    }
    return table(columns)


def curves_table(replications: Sequence[Replication]) -> pa.Table:
    """Return the state of the fleet on the time grid, a row a time."""
    curves = [replication.curves for replication in replications]
    status = np.concatenate([curve.status for curve in curves])
    bandwidth = np.concatenate([curve.bandwidth for curve in curves])
    return table(
        {
            "replication": _replication_column(replications, [len(curve.tick) for curve in curves]),
            "time_s": _seconds(np.concatenate([curve.tick for curve in curves])),
            **{state.progress_key: status[:, state] for state in _CURVES},
            "downloads": np.concatenate([curve.downloads for curve in curves]),
            "bandwidth": bandwidth,
            "bandwidth_bps": bandwidth * BITS,
        }
    )


def steps_table(replications: Sequence[Replication]) -> pa.Table:
    """Return the fleet by status where something happens, a row a time; of runs that keep it."""
    kept = [(run, run.steps) for run in replications if run.steps is not None]
    status = np.concatenate([np.zeros((0, len(SubtaskState)), np.int64), *(s.status for _, s in kept)])
    ticks = np.concatenate([np.zeros(0, np.int64), *(s.tick for _, s in kept)])
    return table(
        {
            "replication": _replication_column([run for run, _ in kept], [len(s.tick) for _, s in kept]),
            "time_s": _seconds(ticks),
            **{state.progress_key: status[:, state] for state in _CURVES},
        }
    )


def recovery_table(replications: Sequence[Replication]) -> pa.Table:
    """Return the recovery curves, a row a step; none for a replication in which nothing failed."""
    curves = [replication.recovery for replication in replications]
    return table(
        {
            "replication": _replication_column(replications, [len(curve.tick) for curve in curves]),
            "time_s": _seconds(np.concatenate([curve.tick for curve in curves])),
            "recovered": np.concatenate([curve.recovered for curve in curves]),
            "competing": np.concatenate([curve.competing for curve in curves]),
            "at_risk": np.concatenate([curve.at_risk for curve in curves]),
        }
    )


def calls_table(replications: Sequence[Replication]) -> pa.Table:
    """Return the calls to the service, a row a call, in the order in which they were answered.

    `call_id` numbers the calls of a replication from 0; the table of targets refers to it.
    """
    calls = [call for replication in replications for call in replication.calls]
    counts = [len(replication.calls) for replication in replications]
    return table(
        {
            "replication": _replication_column(replications, counts),
            "call_id": _numbered(counts),
            "time_s": listed([call.time_s for call in calls], np.float64),
            "caller": words([call.caller for call in calls]),
            "call": words([call.call for call in calls]),
            "task_id": words([call.task_id or None for call in calls]),
            "body": words([call.body for call in calls]),
            "http_status": listed([call.http_status for call in calls], np.int32),
            "error_code": words([call.error_code for call in calls]),
            "error_msg": words([call.error_msg for call in calls]),
            "accepted": listed([len(call.accepted) for call in calls], np.int32),
            "refused": listed([len(call.refused) for call in calls], np.int32),
        }
    )


def call_targets_table(replications: Sequence[Replication], names: DeviceNames) -> pa.Table:
    """Return the answers per target, a row a target: of each call first those acted upon."""
    targets: list[str] = []
    status: list[str] = []
    codes: list[str | None] = []
    messages: list[str | None] = []
    call_ids: list[int] = []
    counts = []
    for replication in replications:
        before = len(targets)
        for call_id, call in enumerate(replication.calls):
            n_accepted = len(call.accepted)
            targets += names.ids_of(call.accepted)
            targets += [refusal.target for refusal in call.refused]
            status += ["success"] * n_accepted + ["failure"] * len(call.refused)
            codes += [None] * n_accepted + [refusal.error_code for refusal in call.refused]
            messages += [None] * n_accepted + [refusal.error_msg for refusal in call.refused]
            call_ids += [call_id] * (n_accepted + len(call.refused))
        counts.append(len(targets) - before)
    return table(
        {
            "replication": _replication_column(replications, counts),
            "call_id": listed(call_ids, np.int32),
            "target": texts(targets),
            "status": words(status),
            "error_code": words(codes),
            "error_msg": words(messages),
        }
    )


def tasks_table(replications: Sequence[Replication]) -> pa.Table:
    """Return the batch tasks as they stood at the end, a row a task."""
    rows = [
        {
            "replication": replication.index,
            "task_id": task.task_id,
            "name": task.name,
            "status": task.status,
            "wave": task.wave,
            "targets": task.n_targets,
            "created_s": task.created_s,
            "started_s": task.started_s,
            "settled_s": task.settled_s,
            **{state.progress_key: task.progress.get(state.progress_key, 0) for state in SubtaskState},
        }
        for replication in replications
        for task in replication.tasks
    ]
    text_columns = {"task_id", "name", "status", "wave"}
    times = {"created_s", "started_s", "settled_s"}
    names = ["replication", "task_id", "name", "status", "wave", "targets", "created_s", "started_s"]
    names += ["settled_s", *(state.progress_key for state in SubtaskState)]
    return _rows_table(rows, names, text_columns=text_columns, float_columns=times)


def waves_table(replications: Sequence[Replication]) -> pa.Table:
    """Return the waves of the rollout, a row a wave."""
    names = ["replication", "name", "share", "devices", "exposed", "failed", "started_s", "settled_s"]
    names += ["gate_tripped_s", "gate_reason"]
    rows = [
        {"replication": replication.index, "devices": wave.n_devices}
        | {name: getattr(wave, name) for name in names if hasattr(wave, name)}
        for replication in replications
        for wave in replication.waves
    ]
    floats = {"share", "started_s", "settled_s", "gate_tripped_s"}
    return _rows_table(rows, names, text_columns={"name", "gate_reason"}, float_columns=floats)


def held_up_table(replications: Sequence[Replication]) -> pa.Table:
    """Return where the time of devices went: of each replication the fleet, its cohorts and the slowest.

    The cohort is null where a row is about several of them.
    """
    parts = [
        (replication.index, part, cohort, spent)
        for replication in replications
        for part, cohort, spent in _parts(replication)
    ]
    n = len(HELD_UP)
    return table(
        {
            "replication": np.repeat(np.array([index for index, _, _, _ in parts], np.int32), n),
            "part": words([part for _, part, _, _ in parts for _ in HELD_UP]),
            "cohort": words([cohort for _, _, cohort, _ in parts for _ in HELD_UP]),
            "devices": np.repeat(np.array([spent.devices for _, _, _, spent in parts], np.int64), n),
            "what": words([name for _ in parts for name in HELD_UP]),
            "device_time_s": listed([s for *_, spent in parts for s in spent.seconds.values()], np.float64),
            "share": listed([share for *_, spent in parts for share in spent.shares.values()], np.float64),
        }
    )


def _parts(replication: Replication) -> Iterator[tuple[str, str | None, Spent]]:
    """Yield the parts of a fleet whose time is told: kind, cohort, time."""
    spent = replication.time_spent
    yield "fleet", None, spent.fleet
    for name, of_cohort in zip(replication.by_cohort, spent.cohorts, strict=True):
        yield "cohort", name, of_cohort
    yield "slowest_1_percent", None, spent.slowest


TABLES: Final[dict[str, Callable[[RunData], list[pa.Table]]]] = {
    "targets": lambda result: [targets_table(run) for run in result.kept],
    "attempts": lambda result: [attempts_table(run) for run in result.kept],
    "curves": lambda result: [curves_table(result.runs)],
    "steps": lambda result: [steps_table(result.runs)],
    "recovery": lambda result: [recovery_table(result.runs)],
    "calls": lambda result: [calls_table(result.runs)],
    "call_targets": lambda result: [call_targets_table(result.runs, result.kept[0].names)],
    "tasks": lambda result: [tasks_table(result.runs)],
    "waves": lambda result: [waves_table(result.runs)],
    "held_up": lambda result: [held_up_table(result.runs)],
}
"""Every table of a result by its name, in parts that have the same columns."""


def _rows_table(
    rows: Sequence[dict[str, Any]], names: Sequence[str], *, text_columns: set[str], float_columns: set[str]
) -> pa.Table:
    """Return a table of rows: columns of texts, of floats and, for the rest, of whole numbers."""
    columns = {}
    for name in names:
        values = [row[name] for row in rows]
        kind = np.float64 if name in float_columns else np.int64
        columns[name] = texts(values) if name in text_columns else listed(values, kind)
    return table(columns)


def attempts_schema() -> pa.Schema:
    """Return the columns of the attempt log."""
    word = pa.dictionary(pa.int16(), pa.string())
    times = ["start_s", "entered_s", "download_start_s", "download_end_s", "end_s"]
    return pa.schema(
        [
            ("replication", pa.int32()),
            ("device_id", pa.string()),
            ("attempt", pa.int32()),
            ("trigger", word),
            *((name, pa.float64()) for name in times),
            ("status", word),
            ("error_code", pa.int16()),
            ("error_msg", word),
            ("held_bytes", pa.int64()),
            ("bytes", pa.int64()),
        ]
    )


def _constant(value: int, n: int) -> Int32s:
    """Return a column that holds one number."""
    return np.full(n, value, np.int32)


def _replication_column(replications: Sequence[Replication], counts: Sequence[int]) -> Int32s:
    """Return the number of the replication, repeated for its rows."""
    return np.repeat(np.array([r.index for r in replications], np.int32), counts)


def _numbered(counts: Sequence[int]) -> Int32s:
    """Return 0, 1, 2, ... for each replication's rows."""
    return np.concatenate([np.empty(0, np.int32), *(np.arange(n, dtype=np.int32) for n in counts)])


def _ids(names: DeviceNames, devices: Int32s | Int64s) -> pa.Array:
    """Return device ids."""
    return texts(names.ids_of(devices))


def _seconds(tick: Int64s) -> pa.Array:
    """Return ticks as seconds; negative ones stand for a time that never came."""
    return numbers(tick / TICKS_PER_S, tick < 0)


def _error_code(reason: Int16s) -> pa.Array:
    """Return the device's result code, null where it reported none."""
    codes = _CODES[_reason_index(reason)]
    return numbers(codes, codes == 0)


def _error_msg(reason: Int16s) -> pa.Array:
    """Return the failure's text, null where nothing failed."""
    return category(_reason_index(reason).astype(np.int16), _TEXTS, reason == Reason.NONE)


def _reason_index(reason: Int16s) -> Int64s:
    """Return the position of each reason in the table of reasons."""
    found: Int64s = np.searchsorted(np.array(_REASONS, np.int16), reason)
    return found
