"""What must hold in every run, whatever was run (design M14): cheap, one pass over the devices.

Each check returns what is wrong, or None. A breach is a fault of the model, never of its user.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.campaign.scans import scans_for
from sim.cpus import each_block, usable_cpus
from sim.errors import ModelError
from sim.fleet.held_up import whole_numbers
from sim.fleet.protocol import TargetRecords
from sim.rules import IS_LIVE, SubtaskState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.campaign.record import CallRecord
    from sim.campaign.service.service import BatchTaskService
    from sim.campaign.service.tasks import BatchTask
    from sim.fleet.protocol import AttemptLog, Fleet
    from sim.fleet.spec import Int64s

_N_STATES: Final = len(SubtaskState)
_WAITTING: Final = int(SubtaskState.WAITTING)
_STOPPED: Final = int(SubtaskState.STOPPED)


def check_invariants(fleet: Fleet, service: BatchTaskService, log: AttemptLog | None = None) -> None:
    """Check the state of a run, at any control event or at its end.

    Args:
        log: All attempts that have ended, if a log was kept.

    Raises:
        ModelError: Names the first invariant that is broken.
    """
    records = fleet.records()
    # Refilling isn't looked at: each retry call could have filled the budget again.
    budget = max((task.request.task_policy.retry_count for task in service.tasks), default=0)
    seen = _look_at_all(fleet, budget)
    # A device that goes to a second task begins a new record; sums over the whole run keep the old one.
    joined = sum(len(fleet.task_devices(part)) for task in service.tasks for part in task.parts)
    is_first = joined == seen.states.sum()
    checks: list[Callable[[], str | None]] = [
        lambda: _statuses(fleet, records, seen.states),
        lambda: _record(records, seen.breach, budget) if seen.breach >= 0 else None,
        lambda: _bytes(fleet, seen.bytes) if is_first else None,
        lambda: _tasks(service.tasks),
        lambda: _ledger(service.calls, seen.manual_retries),
        lambda: _log(log, records) if log is not None and is_first else None,
        lambda: _held_up(fleet, records) if is_first else None,
    ]
    for check in checks:
        problem = check()
        if problem is not None:
            raise ModelError(f"invariant broken: {problem}")


class _Seen(NamedTuple):
    """What one pass over the records shows.

    Attributes:
        breach: First device whose record contradicts itself, -1 for none.
        states: (7,) int64, devices of tasks by state.
        bytes: Received by all devices.
        manual_retries: Of all devices.
    """

    breach: int
    states: Int64s
    bytes: int
    manual_retries: int


def _look_at_all(fleet: Fleet, budget: int) -> _Seen:
    """Look at every record, on all processors; `budget` is that of `kernels.first_breach`."""
    records, scans = fleet.records(), scans_for(fleet)
    breaches: list[int] = []
    counts: list[Int64s] = []

    def look(lo: int, hi: int) -> None:
        of_block = np.zeros(_N_STATES + 2, np.int64)
        block = TargetRecords._make(column[lo:hi] for column in records)
        states, sums = of_block[:_N_STATES], of_block[_N_STATES:]
        breach = int(scans.first_breach(block, IS_LIVE, budget, states, sums))
        if breach >= 0:
            breaches.append(lo + breach)
        counts.append(of_block)

    each_block(len(records.status), usable_cpus(), look)
    sums: Int64s = np.sum(counts, axis=0, dtype=np.int64)
    n_bytes, n_manual = sums[_N_STATES:].tolist()
    return _Seen(min(breaches, default=-1), sums[:_N_STATES], n_bytes, n_manual)


def _record(records: TargetRecords, i: int, budget: int) -> str:
    """Say what is wrong with a device's record."""
    status, start, end = int(records.status[i]), int(records.first_start[i]), int(records.end[i])
    attempts = int(records.attempts[i])
    manual = int(records.manual_retries[i])
    least = int(start >= 0) + manual
    most = least + budget * (1 + manual) if start >= 0 else 0
    is_final = not IS_LIVE[status] and records.task[i] >= 0
    if not least <= attempts <= most:
        causes = f"{least}" if least >= most else f"{least} to {most}"
        return f"device {i} has {attempts} attempts, but {causes} by their causes"
    if start < 0 and status not in (_WAITTING, _STOPPED):
        return f"device {i} is in state {status} without an attempt"
    if is_final != (end >= 0):
        return f"device {i} is in state {status} and has end {end}"
    if records.bytes[i] < 0:
        return f"device {i} received a negative number of bytes"
    return f"device {i} ends before its first attempt begins"


def _statuses(fleet: Fleet, records: TargetRecords, counted: Int64s) -> str | None:
    """Statuses sum to the fleet."""
    said = fleet.counts()
    idle = len(records.status) - int(counted.sum())
    others = said - counted
    if others[_WAITTING] not in (0, idle) or others[1:].any():  # idle ones may count as Waitting
        return f"devices by state are {counted.tolist()}, the plane counts {said.tolist()}"
    return None


def _bytes(fleet: Fleet, received: int) -> str | None:
    """No more bytes are wasted than received."""
    wasted = int(fleet.totals().bytes_wasted.sum())
    return f"{wasted} bytes wasted of {received} received" if wasted > received else None


def _tasks(tasks: Sequence[BatchTask]) -> str | None:
    """A task's progress is the count of its subtasks; it is over exactly when none of them is live.

    A stop call may have taken the last live one within this very instant, before anybody was told.
    """
    for task in tasks:
        counted = task.counted()
        counts = counted.tolist()
        progress = list(task.progress().values())[1:]
        if progress != counts:
            return f"task {task.task_id} says {progress}, its subtasks are {counts}"
        if counted[IS_LIVE].any() and task.state.is_terminal:
            return f"task {task.task_id} is {task.state.value} with live subtasks"
    return None


def _ledger(calls: Sequence[CallRecord], made: int) -> str | None:
    """No more manual retries were made than retry calls accepted."""
    accepted = sum(len(call.accepted) for call in calls if call.call == "retry")
    return f"{made} manual retries, {accepted} accepted by calls" if made > accepted else None


def _held_up(fleet: Fleet, records: TargetRecords) -> str | None:
    """What a device's time went to lasts from its release to its end; cohorts have the sums of their devices.

    When a device was released is not known here: not after its first attempt began.
    """
    held = fleet.held_up()
    sums = np.zeros((2, *held.by_cohort.shape), np.int64)
    row = int(
        scans_for(fleet).first_false_time(
            records, fleet.spec.cohort, fleet.now_ticks, held.devices, held.by_device, sums
        )
    )
    if row >= 0:
        device, ticks = int(held.devices[row]), int(held.by_device[row].sum())
        last = int(records.end[device]) if records.end[device] >= 0 else fleet.now_ticks
        times = f"first began at {records.first_start[device]} and stands at {last}"
        return f"the time of device {device}, {ticks} ticks, can't be: it {times}"
    rest = held.by_cohort - whole_numbers(sums)
    if (rest < 0).any() or (len(held.devices) == len(records.end) and rest.any()):
        return "the times of a cohort are not the sums of its devices'"
    return None


def _log(log: AttemptLog, records: TargetRecords) -> str | None:
    """Attempts in the log are those of the devices, less the ones under way."""
    logged = np.bincount(log.device, minlength=len(records.attempts))
    ended = records.attempts - (records.status == SubtaskState.PROCESSING)
    wrong = logged != ended
    if wrong.any():
        i = int(np.argmax(wrong))
        return f"device {i} has {ended[i]} ended attempts, {logged[i]} in the log"
    return None
