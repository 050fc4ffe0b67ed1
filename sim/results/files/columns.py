"""What the columns of result files mean, and in which unit: it stands in the files, a note a column.

Decision: notes are metadata of the Parquet fields (`unit`, `description`), instead of words in a manual only:
a file that is opened years later, by whatever reads Parquet, still says what it holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from sim.rules import SubtaskState
from sim.scenario.metrics import METRICS, MetricKind

if TYPE_CHECKING:
    import pyarrow as pa

_UNITS: Final = {MetricKind.TIME: "s", MetricKind.SIZE: "bytes", MetricKind.RATE: "bytes/s"}
_OF_METRIC: Final = "that of the metric"
BITS: Final = 8
"""Bits of a byte."""

BPS: Final = "_bps"
"""Ending of a rate in bits a second, which stands beside the one in bytes a second."""

_INTERVAL: Final = {"low": "lower end of the 95 % interval", "high": "upper end of the 95 % interval"}


class Note(NamedTuple):
    """What a column means.

    Attributes:
        description: In a sentence without a full stop.
        unit: `s`, `bytes`, `bytes/s`, `bit/s`, `1` for counts and shares; None for what is no number.
    """

    description: str
    unit: str | None = None


_SINCE: Final = "seconds since the start of the run"

_NOTES: Final[Mapping[str, Note]] = {
    "replication": Note("number of the replication, from 0", "1"),
    "device_id": Note("id of the device"),
    "cohort": Note("cohort of the device"),
    "task_id": Note("id of the batch task"),
    "status": Note("state of the subtask when the run ended, in the vendor's spelling"),
    "error_code": Note("result code that the device reported; null if it reported none", "1"),
    "error_msg": Note("text of the failure; null where nothing failed"),
    "attempts": Note("attempts that began", "1"),
    "auto_retries": Note("automatic retries by the platform", "1"),
    "manual_retries": Note("retries by a call to the service", "1"),
    "first_start_s": Note(f"when the first attempt began, {_SINCE}", "s"),
    "first_failure_s": Note(f"when the first attempt failed, {_SINCE}; null if it did not", "s"),
    "end_s": Note(f"when the last attempt ended, {_SINCE}; null if it did not", "s"),
    "bytes": Note("bytes sent to the device", "bytes"),
    "attempt": Note("number of the attempt of the device, from 1", "1"),
    "trigger": Note("what began the attempt: first, auto or manual"),
    "start_s": Note(f"when the attempt began, {_SINCE}", "s"),
    "entered_s": Note(f"when it got its place in Processing, {_SINCE}", "s"),
    "download_start_s": Note(f"when its download began, {_SINCE}; null if it did not", "s"),
    "download_end_s": Note(f"when its download ended, {_SINCE}; null if it did not", "s"),
    "held_bytes": Note("bytes that the device held from earlier attempts", "bytes"),
    "time_s": Note(_SINCE, "s"),
    "downloads": Note("downloads in progress", "1"),
    "bandwidth": Note("what leaves the platform a second", "bytes/s"),
    "recovered": Note("share of devices that are in Success after a failed first attempt", "1"),
    "competing": Note("share of them that has ended in Fail or Stopped", "1"),
    "at_risk": Note("devices that were neither just before", "1"),
    "call_id": Note("number of the call in its replication, from 0", "1"),
    "caller": Note("operator, wave or process that made the call"),
    "call": Note("create, retry, stop, confirm or delete"),
    "body": Note("what the call named: {} for everything, or targets"),
    "http_status": Note("status of the answer", "1"),
    "accepted": Note("targets acted upon", "1"),
    "refused": Note("targets refused one by one", "1"),
    "target": Note("id of the device that the call named"),
    "name": Note("name of the task or wave"),
    "wave": Note("wave that the task belongs to; null for a task of a process"),
    "targets": Note("subtasks", "1"),
    "created_s": Note(f"when the task was created, {_SINCE}", "s"),
    "started_s": Note(f"when it began, {_SINCE}; null if it did not", "s"),
    "settled_s": Note(f"when it settled, {_SINCE}; null if it did not", "s"),
    "share": Note("share of the whole, 0 to 1", "1"),
    "devices": Note("devices", "1"),
    "exposed": Note("devices that were dispatched at least once", "1"),
    "failed": Note("devices in Fail when the run ended", "1"),
    "gate_tripped_s": Note(f"when the gate stopped the wave, {_SINCE}; null if it did not", "s"),
    "gate_reason": Note("why the gate stopped the wave"),
    "part": Note("part of the fleet: fleet, cohort or slowest_1_percent"),
    "what": Note("what the time went to"),
    "device_time_s": Note("time of all devices of the part together", "s"),
    **{state.progress_key: Note(f"devices in {state.wire}", "1") for state in SubtaskState},
    "digest": Note("SHA-256 over the records of the run: equal digests mean equal runs"),
    "metric": Note("name of the metric"),
    "mean": Note("mean over the replications", _OF_METRIC),
    "difference": Note("mean difference from the first point, replication by replication", _OF_METRIC),
    "n": Note("replications in which the metric is defined", "1"),
    "curve": Note("completion or recovery"),
    "point": Note("number of the point, from 0", "1"),
    "value": Note("value of the field, as a scenario file writes it"),
    "held": Note("replications in which all goals held", "1"),
    "replications": Note("runs of the value", "1"),
    "is_answer": Note("whether the value is the answer"),
    "is_good": Note("whether that is often enough"),
    "is_monotonic": Note("whether nothing that was seen contradicts that more is better"),
    "retry_count": Note("automatic retries at most", "1"),
    "retry_interval_min": Note("minutes between them", "min"),
    "time": Note("time until most of the fleet is in Success; null if never", "s"),
    "not_upgraded": Note("devices that are not in Success at the end", "1"),
    "extra_attempts": Note("attempts beyond the first", "1"),
    "peak": Note("peak load: bandwidth in bytes/s, or devices in Processing"),
    "on_front": Note("whether no other policy is better in everything"),
    "field": Note("field that varies"),
    "first": Note("first-order index: share of the variance that this field explains alone", "1"),
    "total": Note("total index: share that is left if all other fields are known", "1"),
    "q05": Note("5 % quantile of single runs", _OF_METRIC),
    "q50": Note("median of single runs", _OF_METRIC),
    "q95": Note("95 % quantile of single runs", _OF_METRIC),
}

_IN_TABLE: Final[Mapping[tuple[str, str], Note]] = {
    ("recovery", "time_s"): Note("seconds since the first failure of a device", "s"),
    ("tasks", "status"): Note("state of the task when the run ended, in the vendor's spelling"),
    ("call_targets", "status"): Note("success or failure"),
    ("calls", "error_code"): Note("the vendor's code if the whole call was refused"),
    ("call_targets", "error_code"): Note("the vendor's code if the target was refused"),
    ("calls", "error_msg"): Note("text of the refusal"),
    ("call_targets", "error_msg"): Note("text of the refusal"),
    ("held_up", "cohort"): Note("the cohort; null where a row is about several"),
    ("plan", "share"): Note("share of replications in which all goals held", "1"),
    ("bands", "mean"): Note("mean share over the replications", "1"),
    ("bands", "low"): Note("below it lie 5 % of the runs", "1"),
    ("bands", "high"): Note("below it lie 95 % of the runs", "1"),
}
"""Columns that mean something else in one of the tables."""

_ENDED: Final = re.compile(r"(.*?)_?(?:vs_(advice|none))?_?(low|high)?")


def note_of(table: str, column: str) -> Note | None:
    """Return what a column of a table means; None if nobody has said.

    Args:
        table: Name of the file without its ending.
        column: Name of the column.
    """
    own = _IN_TABLE.get((table, column)) or _NOTES.get(column)
    if own is not None:
        return own
    if column in METRICS:
        return Note(METRICS[column].label, _UNITS.get(METRICS[column].kind, "1"))
    if column.endswith(BPS):
        whole = note_of(table, column.removesuffix(BPS))
        return None if whole is None else Note(f"{whole.description}, as figures show it", "bit/s")
    match = _ENDED.fullmatch(column)
    if match is not None and (match[2] or match[3]):
        whole = note_of(table, match[1]) if match[1] else Note("the mean", _OF_METRIC)
        if whole is not None:
            against = f", difference from the {match[2]}" if match[2] else ""
            end = f"{_INTERVAL[match[3]]} of: " if match[3] else ""
            return Note(f"{end}{whole.description}{against}", whole.unit)
    return None


def described(schema: pa.Schema, table: str) -> pa.Schema:
    """Return a schema whose fields say what they mean and in which unit.

    Args:
        schema: Any; columns that nobody knows are taken for fields of a scenario.
        table: Name of the file without its ending.
    """
    import pyarrow as pa

    fields = []
    for field in schema:
        note = note_of(table, field.name) or Note("value of this field, as a scenario file writes it")
        words = {"description": note.description} | ({} if note.unit is None else {"unit": note.unit})
        fields.append(field.with_metadata(words))
    return pa.schema(fields, metadata=schema.metadata)
