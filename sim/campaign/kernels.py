"""What is compiled of the control plane; `sim.campaign.scans` says when it runs."""

from __future__ import annotations

from typing import Final

import numpy as np

from sim.fleet.held_up import SUM_BITS
from sim.fleet.jit import kernel, natural
from sim.fleet.protocol import TargetRecords
from sim.fleet.spec import Bools, Int8s, Int16s, Int32s, Int64s
from sim.rules.states import SubtaskState

_WAITTING: Final = int(SubtaskState.WAITTING)
_STOPPED: Final = int(SubtaskState.STOPPED)
_LOWER: Final = (1 << SUM_BITS) - 1


@kernel
def any_joined(task: Int32s, devices: Int32s) -> bool:
    """Tell whether any of the devices, (k,), is or was in a task, by the records' column, (n,)."""
    joined = False
    for device in devices:
        joined |= task[device] >= 0
    return joined


@kernel
def count_states(status: Int8s, devices: Int32s, states: Int64s) -> None:
    """Add the devices, (k,), by state to `states`, (7,), by the records' column, (n,)."""
    for device in devices:
        states[status[device]] += 1


@kernel
def find_states(status: Int8s, devices: Int32s, wanted: Bools, positions: Int64s) -> None:
    """Write down which of the devices, (k,), are in wanted states, (7,): as many as `positions` holds."""
    n = 0
    for i in range(len(devices)):
        if n == len(positions):
            return
        if wanted[status[devices[i]]]:
            positions[n] = i
            n += 1


@kernel
def count_started(first_start: Int64s, devices: Int32s) -> int:
    """Return how many of the devices, (k,), ever began an attempt, by the records' column, (n,)."""
    n = 0
    for device in devices:
        n += first_start[device] >= 0
    return n


@kernel
def first_breach(of: TargetRecords, is_live: Bools, budget: int, states: Int64s, sums: Int64s) -> int:
    """Look at every device's record; one pass instead of a dozen over whole arrays.

    Args:
        of: The records, (n,) each.
        is_live: (7,) bool, whether a state is live.
        budget: Most automatic retries that a task gives a device at once; a retry call may fill it again.
        states: (7,) int64 zeros; the devices of tasks are counted into it by state.
        sums: (2,) int64 zeros; bytes received and manual retries are added up in it.

    Returns:
        The first device whose record contradicts itself, -1 if there is none.
    """
    breach = -1
    n_bytes = n_manual = np.int64(0)
    for i in range(len(of.task)):
        status = of.status[i]
        start, failure, end = of.first_start[i], of.first_failure[i], of.end[i]
        manual = np.int64(of.manual_retries[i])
        is_in_task = of.task[i] >= 0
        is_final = is_in_task and not is_live[status]
        if is_in_task:
            states[status] += 1
        by_itself = np.int64(of.attempts[i]) - (start >= 0) - manual
        sound = (of.attempts[i] > 0) == (start >= 0)
        sound &= 0 <= by_itself <= budget * (1 + manual)
        sound &= start >= 0 or status in (_WAITTING, _STOPPED)
        sound &= is_final == (end >= 0)
        sound &= not is_final or end >= start
        sound &= failure < 0 or failure >= start
        sound &= of.bytes[i] >= 0
        n_bytes += of.bytes[i]
        n_manual += manual
        if not sound and breach < 0:
            breach = i
    sums[0] = n_bytes
    sums[1] = n_manual
    return breach


@kernel
def first_false_time(
    of: TargetRecords, cohort: Int16s, now: int, devices: Int32s, by_device: Int64s, sums: Int64s
) -> int:
    """Look at where the time of devices went, and add it up.

    Args:
        of: The records, (n,) each.
        cohort: (n,) int16.
        now: Tick up to which the time counts of those that have not ended.
        devices: (K,) int32, whose time it is.
        by_device: (K, H) int64 ticks by what they went to.
        sums: (2, C, H) int64 zeros; the times are added to it by cohort, `sim.fleet.held_up.whole_numbers`.

    Returns:
        The first row that can't be: it has a negative time, less in all than from its first start to its end,
        or more than from the beginning of the run; -1 if there is none.
    """
    false = -1
    for k in range(len(devices)):
        device = natural(devices[k])
        c = natural(cohort[device])
        whole = np.int64(0)
        sound = True
        for hold in range(by_device.shape[1]):
            ticks = by_device[k, hold]
            sound &= ticks >= 0
            whole += ticks
            sums[0, c, hold] += ticks >> SUM_BITS
            sums[1, c, hold] += ticks & _LOWER
        start, last = of.first_start[device], of.end[device] if of.end[device] >= 0 else now
        sound &= start < 0 or last - start <= whole <= last
        if not sound and false < 0:
            false = k
    return false
