"""What `sim.campaign.kernels` does, with NumPy: for runs without compiled code (`sim.campaign.scans`).

Several passes over whole arrays instead of one; a fleet that is run without compiled code is small.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim.fleet.held_up import add_up
from sim.fleet.protocol import TargetRecords
from sim.fleet.spec import Bools, Int8s, Int16s, Int32s, Int64s
from sim.rules.states import SubtaskState

_UNTRIED: Final = [int(SubtaskState.WAITTING), int(SubtaskState.STOPPED)]


def any_joined(task: Int32s, devices: Int32s) -> bool:
    """Tell whether any of the devices is or was in a task; see `kernels.any_joined`."""
    return bool((task[devices] >= 0).any())


def count_states(status: Int8s, devices: Int32s, states: Int64s) -> None:
    """Add the devices by state to `states`; see `kernels.count_states`."""
    states += np.bincount(status[devices], minlength=len(states))


def find_states(status: Int8s, devices: Int32s, wanted: Bools, positions: Int64s) -> None:
    """Write down which of the devices are in wanted states; see `kernels.find_states`."""
    found = np.flatnonzero(wanted[status[devices]])[: len(positions)]
    positions[: len(found)] = found


def count_started(first_start: Int64s, devices: Int32s) -> int:
    """Return how many of the devices ever began an attempt; see `kernels.count_started`."""
    return int(np.count_nonzero(first_start[devices] >= 0))


def first_breach(of: TargetRecords, is_live: Bools, budget: int, states: Int64s, sums: Int64s) -> int:
    """Return the first device whose record contradicts itself, -1 for none; see `kernels.first_breach`."""
    is_in_task = of.task >= 0
    is_final = is_in_task & ~is_live[of.status]
    manual = of.manual_retries.astype(np.int64)
    has_begun = of.first_start >= 0
    by_itself = of.attempts - has_begun - manual
    sound = ((of.attempts > 0) == has_begun) & (by_itself >= 0) & (by_itself <= budget * (1 + manual))
    sound &= (of.first_start >= 0) | np.isin(of.status, _UNTRIED)
    sound &= is_final == (of.end >= 0)
    sound &= ~is_final | (of.end >= of.first_start)
    sound &= (of.first_failure < 0) | (of.first_failure >= of.first_start)
    sound &= of.bytes >= 0
    states += np.bincount(of.status[is_in_task], minlength=len(states))
    sums[:] = of.bytes.sum(), manual.sum()
    return -1 if sound.all() else int(np.argmin(sound))


def first_false_time(
    of: TargetRecords, cohort: Int16s, now: int, devices: Int32s, by_device: Int64s, sums: Int64s
) -> int:
    """Look at where the time of devices went, and add it up; see `kernels.first_false_time`."""
    add_up(by_device, cohort[devices], sums)
    start, end = of.first_start[devices], of.end[devices]
    last = np.where(end < 0, now, end)
    whole = by_device.sum(axis=1)
    false = (by_device < 0).any(axis=1)
    false |= (start >= 0) & ((whole < last - start) | (whole > last))
    return int(np.argmax(false)) if false.any() else -1
