"""Entering a new task into the compiled plane's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.errors import ModelError
from sim.fleet.compiled.memory.state import (
    FAIL,
    FAIL_WAIT_RETRY,
    N_STATUS,
    RUNNING,
    SUCCESS,
    WAITTING,
    State,
)
from sim.fleet.compiled.memory.tables import TASK
from sim.fleet.compiled.watches import first_attempts
from sim.fleet.jit import kernel
from sim.fleet.protocol import N_COMPONENTS, PackageRef
from sim.fleet.spec import NEVER, Int8s, Int32s, Int64s, RetryPolicy

if TYPE_CHECKING:
    from numpy.typing import NDArray


@kernel
def _look_over(task: Int32s, status: Int8s, devices: Int32s) -> tuple[bool, int, int]:
    """Look at the devices of a new task, once.

    Returns:
        Whether they ascend within the fleet; how many were in a task before; how many of those are live.
    """
    last = np.int64(-1)
    n_again = n_live = 0
    for device in devices:
        if device <= last or device >= len(task):
            return False, n_again, n_live
        last = np.int64(device)
        if task[device] >= 0:
            n_again += 1
            n_live += status[device] in (WAITTING, RUNNING, FAIL_WAIT_RETRY)
    return True, n_again, n_live


@kernel
def _assign(task: Int32s, devices: Int32s, number: int) -> None:
    """Write down whose task the devices belong to now."""
    for device in devices:
        task[device] = number


def as_list(devices: Int32s) -> Int32s:
    """Return devices as kernels take them: read only, since those that can be written are another type."""
    devices = np.ascontiguousarray(devices, np.int32).view()
    devices.flags.writeable = False
    return devices


def checked_devices(st: State, devices: Int32s, group: int) -> tuple[Int32s, Int32s]:
    """Return the devices of a new task as the plane keeps them, and those that were in one before.

    They are read only: int32 ones are not copied.

    Raises:
        ModelError: See `Fleet.add_task`.
    """
    devices = as_list(devices)
    n, n_groups = len(st.work), len(st.group_ended) - 1
    ascend, n_again, n_live = _look_over(st.out.task, st.out.status, devices)
    if not ascend:
        raise ModelError(f"devices of a task must ascend within 0..{n - 1}")
    if n_live:
        raise ModelError("a device has a live subtask in another task")
    if not 0 <= group < n_groups:
        raise ModelError(f"watch group {group} is not in 0..{n_groups - 1}")
    return devices, devices[st.out.task[devices] >= 0] if n_again else devices[:0]


def enrol(
    st: State,
    devices: Int32s,
    policy: RetryPolicy,
    package: PackageRef,
    *,
    again: Int32s,
    group: int,
    queue: int,
) -> None:
    """Enter a task whose subtasks are all `Waitting`.

    Args:
        st: Gets one more task, the last.
        devices: Checked devices.
        policy: Automatic retries.
        package: What it installs.
        again: Those of the devices that were in a task before.
        group: Watch group.
        queue: Retry queue of the policy's interval, -1 for the heap.
    """
    _take_versions(st, devices, again, package)
    _forget_earlier_task(st, again)
    number = len(st.tasks)
    row = _task_row(policy, package, group=group, queue=queue, first_reason=len(st.reasons))
    st.tasks = np.concatenate([st.tasks, row]).view(np.recarray)
    st.reasons = np.concatenate([st.reasons, policy.only_reasons]).astype(np.int16)
    st.task_counts = np.concatenate([st.task_counts, np.zeros((1, N_STATUS), np.int64)])
    st.failed_at = _with_failures(st, policy.penalty_failures)
    st.task_counts[number, WAITTING] = len(devices)
    _assign(st.out.task, devices, number)


def _take_versions(st: State, devices: Int32s, again: Int32s, package: PackageRef) -> None:
    """Find out who runs already what a new task installs; bytes of another package are of no use any more.

    Of each device it is known whether it runs what its present task installs. That is written down before
    another task takes its place.
    """
    tasks, current = st.tasks.view(np.ndarray), st.work.view(np.ndarray)["current"]
    before = tasks[st.out.task[again]]
    if len(st.held):
        is_other = np.zeros(len(again), np.bool_)
        for name, value in package._asdict().items():
            is_other |= before[name] != value
        st.held[again[is_other]] = 0
    if not len(st.runs):
        if (package.version, package.component) == (0, 0):
            return
        st.runs = np.full((N_COMPONENTS, len(st.work)), -1, np.int32)
        st.runs[0, current] = 0
    has = current[again]
    st.runs[before["component"][has], again[has]] = before["version"][has]
    current[devices] = st.runs[package.component, devices] == package.version


def _task_row(
    policy: RetryPolicy, package: PackageRef, *, group: int, queue: int, first_reason: int
) -> NDArray[np.void]:
    """Return a task's row; (1,) TASK. Its reasons are listed from `first_reason` on."""
    row = np.zeros(1, TASK)
    fields = policy._asdict() | package._asdict()
    del fields["only_reasons"]
    fields |= {
        "group": group,
        "queue": queue,
        "reasons_lo": first_reason,
        "reasons_hi": first_reason + len(policy.only_reasons),
    }
    for name, value in fields.items():
        row[name] = value
    return row


def _with_failures(st: State, n_failures: int) -> Int64s:
    """Return the memory of failures, at least `n_failures` deep; what is forgotten lies in the far past."""
    depth = st.failed_at.shape[1]
    if n_failures <= depth:
        return st.failed_at
    deeper = np.full((len(st.work), n_failures), -NEVER, np.int64)
    if depth:
        deeper[:, -depth:] = st.failed_at
    return deeper


def _forget_earlier_task(st: State, again: Int32s) -> None:
    """Let devices whose subtasks are final begin anew; their draws go on where they were."""
    work, out, counts = st.work, st.out, st.counts
    if len(again) == 0:
        return
    states = np.bincount(out.status[again], minlength=N_STATUS)
    counts -= states
    counts[WAITTING] += len(again)
    st.group_ended[-1] -= states[[SUCCESS, FAIL]]
    st.reg.ended = 1  # those who are left may be what somebody watches for
    firsts = first_attempts(st, again)
    st.earlier_first += firsts
    st.group_first[-1] -= firsts.sum(axis=0)
    if not len(st.earlier):
        st.earlier = np.zeros(len(work), np.int32)
    st.earlier[again] += out.attempts[again]
    work["used"][again] = 0
    if len(st.failed_at):
        st.failed_at[again] = -NEVER
    for name in ("status", "reason", "attempts", "manual_retries", "bytes"):
        getattr(out, name)[again] = 0
    for name in ("first_start", "first_failure", "end"):
        getattr(out, name)[again] = -1
