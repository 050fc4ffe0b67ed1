"""What must hold in every run, whatever was run (design M14): cheap, whole arrays at a time.

Each check returns what is wrong, or None. A breach is a fault of the model, never of its user.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.errors import ModelError
from sim.rules import SubtaskState, TaskState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.campaign.record import CallRecord
    from sim.campaign.service import BatchTaskService
    from sim.campaign.tasks import BatchTask
    from sim.fleet.protocol import AttemptLog, Fleet, TargetRecords
    from sim.fleet.spec import Bools

_N_STATES: Final = len(SubtaskState)
_IS_LIVE: Final = np.array([state.is_live for state in SubtaskState])
_TASK_IS_LIVE: Final = {TaskState.INITIALIZING, TaskState.WAITTING, TaskState.PROCESSING, TaskState.STOPPING}


def check_invariants(fleet: Fleet, service: BatchTaskService, log: AttemptLog | None = None) -> None:
    """Check the state of a run, at any control event or at its end.

    Args:
        fleet: The plane.
        service: The tasks and the ledger.
        log: All attempts that have ended, if a log was kept.

    Raises:
        ModelError: Names the first invariant that is broken.
    """
    records = fleet.records()
    # A device that goes to a second task begins a new record; sums over the whole run keep the old one.
    joined = sum(len(fleet.task_devices(part)) for task in service.tasks for part in task.parts)
    is_first = joined == int((records.task >= 0).sum())
    checks: list[Callable[[], str | None]] = [
        lambda: _statuses(fleet, records),
        lambda: _attempts(records),
        lambda: _times(records),
        lambda: _bytes(fleet, records, is_first=is_first),
        lambda: _tasks(service.tasks, records),
        lambda: _ledger(service.calls, records),
        lambda: _log(log, records) if log is not None and is_first else None,
    ]
    for check in checks:
        problem = check()
        if problem is not None:
            raise ModelError(f"invariant broken: {problem}")


def _first(wrong: Bools) -> int:
    """Return the first device for which something is wrong."""
    return int(np.argmax(wrong))


def _statuses(fleet: Fleet, records: TargetRecords) -> str | None:
    """Statuses sum to the fleet."""
    assigned = records.task >= 0
    counted = np.bincount(records.status[assigned], minlength=_N_STATES)
    said = fleet.counts()
    idle = len(records.status) - int(assigned.sum())
    others = said - counted
    if others[SubtaskState.WAITTING] not in (0, idle) or others[1:].any():  # idle ones may count as Waitting
        return f"devices by state are {counted.tolist()}, the plane counts {said.tolist()}"
    return None


def _attempts(records: TargetRecords) -> str | None:
    """Attempts are first tries, automatic retries and manual retries."""
    began = records.first_start >= 0
    parts = began.astype(np.int64) + records.auto_retries + records.manual_retries
    wrong = records.attempts != parts
    if wrong.any():
        i = _first(wrong)
        return f"device {i} has {records.attempts[i]} attempts, but {parts[i]} by their causes"
    unbegun = (records.status != SubtaskState.WAITTING) & (records.status != SubtaskState.STOPPED) & ~began
    if unbegun.any():
        return f"device {_first(unbegun)} is in state {records.status[_first(unbegun)]} without an attempt"
    return None


def _times(records: TargetRecords) -> str | None:
    """A final subtask has an end, a pending one none; nothing ends before it begins."""
    final = ~_IS_LIVE[records.status] & (records.task >= 0)
    wrong = final != (records.end >= 0)
    if wrong.any():
        i = _first(wrong)
        return f"device {i} is in state {records.status[i]} and has end {records.end[i]}"
    early = final & (records.end < records.first_start)
    early |= (records.first_failure >= 0) & (records.first_failure < records.first_start)
    if early.any():
        return f"device {_first(early)} ends before its first attempt begins"
    return None


def _bytes(fleet: Fleet, records: TargetRecords, *, is_first: bool) -> str | None:
    """No device receives less than nothing; no more is wasted than received."""
    if (records.bytes < 0).any():
        return f"device {_first(records.bytes < 0)} received a negative number of bytes"
    wasted, received = int(fleet.totals().bytes_wasted.sum()), int(records.bytes.sum())
    return f"{wasted} bytes wasted of {received} received" if wasted > received and is_first else None


def _tasks(tasks: Sequence[BatchTask], records: TargetRecords) -> str | None:
    """A task's progress is the count of its subtasks; it is over exactly when none of them is live.

    A stop call may have taken the last live one within this very instant, before anybody was told.
    """
    for task in tasks:
        statuses = task.statuses()
        counts = np.bincount(statuses, minlength=_N_STATES)
        progress = list(task.progress().values())[1:]
        if progress != counts.tolist():
            return f"task {task.task_id} says {progress}, its subtasks are {counts.tolist()}"
        live = bool(counts[_IS_LIVE].any())
        if live and task.state not in _TASK_IS_LIVE:
            return f"task {task.task_id} is {task.state.value} with live subtasks"
    return None


def _ledger(calls: Sequence[CallRecord], records: TargetRecords) -> str | None:
    """No more manual retries were made than retry calls accepted."""
    accepted = sum(len(call.accepted) for call in calls if call.call == "retry")
    made = int(records.manual_retries.sum(dtype=np.int64))
    return f"{made} manual retries, {accepted} accepted by calls" if made > accepted else None


def _log(log: AttemptLog, records: TargetRecords) -> str | None:
    """Attempts in the log are those of the devices, less the ones under way."""
    logged = np.bincount(log.device, minlength=len(records.attempts))
    ended = records.attempts - (records.status == SubtaskState.PROCESSING)
    wrong = logged != ended
    if wrong.any():
        i = _first(wrong)
        return f"device {i} has {ended[i]} ended attempts, {logged[i]} in the log"
    return None
