"""From IoTDA's run log to the table of attempts, with the borders of stages in milliseconds.

A log tells when the platform asked a device for its version (it was reached), when the device answered,
reports of a failure, and the end of each subtask. It does not tell when an attempt began to wait for its
device, nor of devices that were never reached: the first follows from the task and its policy, the second
from a list of devices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sim.errors import Problem, ScenarioError
from sim.recording.attempts import (
    NEVER,
    UNKNOWN_REASON,
    UNKNOWN_TIME,
    Attempt,
    AttemptResult,
    Attempts,
    StartKind,
    table_of,
)
from sim.recording.readers.causes import is_conflict, is_current_already, reason_of
from sim.recording.readers.device_history import CONFLICTS, CURRENT
from sim.recording.readers.remarks import Remarks
from sim.recording.readers.run_log_records import LogEvent, LogRecord, read_run_log
from sim.rules.policy import TaskPolicy
from sim.rules.reasons import Reason

NO_END: Final = (
    "attempts whose end is not in the log, since the device was asked again: failures of unknown cause"
)
NO_LIST: Final = (
    "a run log lacks devices that were never reached and have no result: they are missing without a list"
)
NOT_SEEN: Final = "subtasks stopped or removed of which no attempt is in the log, left out"

_SOON_MS: Final = 60_000
"""Where no policy is known: a subtask that ends so soon after a device's report ended by it."""

_ENDS: Final = {
    "Success": AttemptResult.SUCCESS,
    "Fail": AttemptResult.FAILED,
    "Stopped": AttemptResult.STOPPED,
    "Removed": AttemptResult.STOPPED,
}


def from_run_log(
    path: Path,
    remarks: Remarks,
    *,
    task: str | None = None,
    begins_ms: int | None = None,
    policy: TaskPolicy | None = None,
    rename: Callable[[str], str] = str,
    devices: Iterable[str] = (),
    cohort_of: Callable[[str], str] = lambda _: "",
) -> Attempts:
    """Read a run log.

    Args:
        path: JSON lines.
        remarks: Takes down lines that can't be read, and what was guessed.
        task: Id of the batch task; None if the log has only one.
        begins_ms: When the task began, ms since the Unix epoch; None for the first question for a version.
        policy: The task's retry policy; None if it is not known.
        rename: From a device's id to its name in the table.
        devices: Names of all devices of the task; those without a record wait to be reached.
        cohort_of: Cohort of a device by its name.

    Raises:
        ScenarioError: The file can't be read, has no upgrade, or has several and none is named.
    """
    records = list(read_run_log(path, remarks))
    chosen = _chosen(path, records, task, remarks)
    asked = [record.at_ms for record in records if record.event is LogEvent.VERSION_ASKED]
    if begins_ms is None:
        remarks.say(
            "when the task began is not in a run log: taken for the first time that a device was asked"
        )
        begins_ms = min(asked, default=min(record.at_ms for record in records))
    of_device: dict[str, list[LogRecord]] = {}
    for record in sorted(records, key=lambda record: record.at_ms):
        if record.task_id in ("", chosen):
            of_device.setdefault(rename(record.device), []).append(record)
    facts = _facts(begins_ms, policy, max(record.at_ms for record in records))
    rows: list[Attempt] = []
    for device, found in of_device.items():
        log = _DeviceLog(device, facts, remarks)
        for record in found:
            log.take(record)
        rows += log.finished()
    listed = list(devices)
    rows += [facts.waiting(device) for device in listed if device not in of_device]
    if not listed:
        remarks.say(NO_LIST)
    return table_of(
        rows,
        devices=[*of_device, *listed],
        cohort_of=cohort_of,
        origin_ms=begins_ms,
        retry_interval_ms=facts.interval_ms,
        retry_count=facts.retry_count,
        notes=remarks.lines(),
        task_id=chosen,
    )


def _chosen(path: Path, records: list[LogRecord], task: str | None, remarks: Remarks) -> str:
    """Return the id of the task that is meant; empty if no subtask has ended."""
    known = list(dict.fromkeys(record.task_id for record in records if record.task_id))
    if not records:
        said = "; ".join(remarks.left_out) or "it has no record of an upgrade"
        raise ScenarioError([Problem("", f"no attempt can be read: {said}", file=str(path))])
    if task is None and len(known) > 1:
        message = f"has {len(known)} tasks, and one is read at a time; name one of {', '.join(known)}"
        raise ScenarioError([Problem("task", message, file=str(path))])
    if task is not None and known and task not in known:
        message = f"'{task}' is no task of this log; it has {', '.join(known)}"
        raise ScenarioError([Problem("task", message, file=str(path), given=task)])
    chosen = task or next(iter(known), "")
    n_others = sum(record.task_id not in ("", chosen) for record in records)
    if n_others:
        remarks.count("records of another task, left out", n=n_others, left_out=True)
    return chosen


@dataclass(frozen=True)
class _LoggedTask:
    """What all devices of a log share; times in ms since the Unix epoch."""

    begins_ms: int
    interval_ms: int | None
    retry_count: int | None
    latest_ms: int

    def waiting(self, device: str) -> Attempt:
        """Return the attempt of a device that has not been reached."""
        begin = self.begins_ms
        return Attempt(device, begin, begin, StartKind.FIRST, max(begin, self.latest_ms))


def _facts(begins_ms: int, policy: TaskPolicy | None, latest_ms: int) -> _LoggedTask:
    """Return what all devices share."""
    interval_s = None if policy is None else policy.retry_interval_s
    interval_ms = None if interval_s is None else round(interval_s * 1000)
    return _LoggedTask(begins_ms, interval_ms, None if policy is None else policy.retry_count, latest_ms)


class _DeviceLog:
    """The attempts of one device so far."""

    def __init__(self, device: str, task: _LoggedTask, remarks: Remarks) -> None:
        self._device = device
        self._task = task
        self._remarks = remarks
        self._rows: list[Attempt] = []
        self._open: Attempt | None = None
        self._last_ms = task.begins_ms
        self._is_done = False
        """Whether the attempt under way has reported that it is through."""
        self._is_final = False
        """Whether the last failure was the end of the subtask, so that only a call goes on."""
        self._used = 0
        """Automatic retries since the budget was last full."""

    def take(self, record: LogRecord) -> None:
        """Go on with the next record."""
        at = record.at_ms
        if record.event is LogEvent.VERSION_ASKED:
            if self._open is not None and not self._is_done:
                self._lose_end(self._open, at)
            if self._open is None:
                self._open = self._begin(at)
                self._open.contact_ms = at
        elif record.event is LogEvent.SUBTASK_OVER:
            self._over(record)
        elif self._open is not None:
            if record.event is LogEvent.VERSION_TOLD and self._open.version_ms == UNKNOWN_TIME:
                self._open.version_ms = at
            elif record.event is LogEvent.PROGRESS_TOLD:
                if record.code not in (None, "0"):
                    self._fail(record)
                else:
                    self._is_done |= record.status == "done"
        self._last_ms = at

    def finished(self) -> list[Attempt]:
        """Return all attempts; the last one runs if nothing ended it."""
        latest = self._task.latest_ms
        if self._open is not None:
            self._open.end_from, self._open.end_to = max(latest, self._open.start_to), NEVER
            self._rows.append(self._open)
        elif not self._rows:
            self._rows.append(self._task.waiting(self._device))
        else:
            last, interval, count = self._rows[-1], self._task.interval_ms, self._task.retry_count
            waits = last.result is AttemptResult.FAILED and not self._is_final
            if waits and interval and count and self._used < count and last.end_to + interval <= latest:
                low, high = last.end_from + interval, last.end_to + interval
                self._rows.append(Attempt(self._device, low, high, StartKind.AUTO, latest))
        for number, row in enumerate(self._rows, 1):
            row.number = number
        return self._rows

    def _begin(self, seen: int) -> Attempt:
        """Return an attempt that began at the latest when something was seen of it."""
        self._is_done = False
        if not self._rows:
            begin = min(self._task.begins_ms, seen)
            return Attempt(self._device, begin, begin, StartKind.FIRST)
        last, interval = self._rows[-1], self._task.interval_ms
        if self._is_final or last.result is not AttemptResult.FAILED:
            self._is_final, self._used = False, 0
            return Attempt(self._device, last.end_from, seen, StartKind.CALL)
        if interval is None:
            return Attempt(self._device, last.end_from, seen, StartKind.UNKNOWN)
        low, high = last.end_from + interval, min(last.end_to + interval, seen)
        if low > high:  # earlier than any automatic retry
            self._used = 0
            return Attempt(self._device, last.end_from, seen, StartKind.CALL)
        self._used += 1
        return Attempt(self._device, low, high, StartKind.AUTO)

    def _fail(self, record: LogRecord) -> None:
        reason = reason_of(record.code, record.text, self._remarks, record.place)
        self._close(record.at_ms, AttemptResult.FAILED, reason)

    def _close(self, at: int, result: AttemptResult, reason: int) -> None:
        row = self._open or self._begin(at)
        row.end_from = row.end_to = max(at, row.start_to)
        row.result, row.reason = result, reason
        self._rows.append(row)
        self._open = None

    def _lose_end(self, row: Attempt, asked: int) -> None:
        """The device is asked again: its attempt failed in between, nobody says of what."""
        self._remarks.count(NO_END, self._device)
        row.end_from = max(self._last_ms, row.start_to)
        row.end_to = max(row.end_from, asked - (self._task.interval_ms or 0))
        row.result, row.reason = AttemptResult.FAILED, UNKNOWN_REASON
        self._rows.append(row)
        self._open = None

    def _over(self, record: LogRecord) -> None:
        """The subtask has ended."""
        result = _ENDS.get(record.status)
        if result is None:
            kind = f"subtasks that ended in '{record.status}', which is no known state, left out"
            self._remarks.count(kind, record.place, left_out=True)
            return
        is_told = self._open is None and bool(self._rows)  # the device has reported the failure itself
        if result is AttemptResult.FAILED:
            if is_conflict(record.code, record.text):
                self._remarks.count(CONFLICTS, record.place)
                return
            reports_again = is_told and not self._is_final and self._is_soon(record.at_ms)
            if reports_again:
                if self._rows[-1].reason == UNKNOWN_REASON:
                    self._rows[-1].reason = reason_of(record.code, record.text, self._remarks, record.place)
            else:
                self._fail(record)
            self._is_final = True
        elif result is AttemptResult.STOPPED:
            if self._open is None:
                self._remarks.count(NOT_SEEN, record.place)
            else:
                self._close(record.at_ms, result, 0)
        else:
            is_current = is_current_already(record.code, record.text)
            if is_current:
                self._remarks.count(CURRENT)
            self._close(record.at_ms, result, int(Reason.NO_NEED) if is_current else 0)

    def _is_soon(self, at: int) -> bool:
        """Tell whether no retry can have begun since the last attempt ended."""
        interval, last = self._task.interval_ms, self._rows[-1]
        count = self._task.retry_count
        if interval is None or count is None:
            return at - last.end_to < _SOON_MS
        return self._used >= count or at < last.end_to + interval
