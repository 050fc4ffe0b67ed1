"""Entering a new task into the compiled plane's memory."""

from __future__ import annotations

import numpy as np

from sim.errors import ModelError
from sim.fleet.rows import TASK, records
from sim.fleet.spec import NEVER, Int32s, Int64s, RetryPolicy, rows_of
from sim.fleet.state import FAIL, LIVE, N_STATUS, N_TASKS, SUCCESS, WAITTING, State


def checked_devices(st: State, devices: Int32s, group: int) -> tuple[Int32s, Int32s]:
    """Return the devices of a new task as the plane keeps them, and those that were in one before.

    They are read only: int32 ones are not copied.

    Raises:
        ModelError: See `Fleet.add_task`.
    """
    devices = np.asarray(devices, np.int32).view()
    devices.flags.writeable = False
    n, n_groups = len(st.work), len(st.group_ended) - 1
    in_order = bool((devices[1:] > devices[:-1]).all())
    if len(devices) and (not in_order or devices[0] < 0 or devices[-1] >= n):
        raise ModelError(f"devices of a task must ascend within 0..{n - 1}")
    again = devices[:0]
    if len(st.tasks):
        again = devices[st.out.task[rows_of(devices)] >= 0]
    if np.isin(st.out.status[again], LIVE).any():
        raise ModelError("a device has a live subtask in another task")
    if not 0 <= group < n_groups:
        raise ModelError(f"watch group {group} is not in 0..{n_groups - 1}")
    return devices, again


def enrol(st: State, devices: Int32s, policy: RetryPolicy, *, again: Int32s, group: int, queue: int) -> State:
    """Enter a task whose subtasks are all `Waitting`.

    Args:
        st: The state.
        devices: Checked devices.
        policy: Automatic retries.
        again: Those of the devices that were in a task before.
        group: Watch group.
        queue: Retry queue of the policy's interval, -1 for the heap.

    Returns:
        The state with one more task, the last.
    """
    _forget_earlier_task(st, again)
    rows = records(1, TASK)
    row = rows[0]
    row.retry_count = policy.retry_count
    row.interval = policy.retry_interval_ticks
    row.factor = policy.backoff_factor
    row.longest = policy.max_interval_ticks
    row.jitter = policy.jitter
    row.penalty_failures = policy.penalty_failures
    row.penalty_within = policy.penalty_within_ticks
    row.penalty_rest = policy.penalty_rest_ticks
    row.group = group
    row.queue = queue
    row.reasons_lo = len(st.reasons)
    row.reasons_hi = len(st.reasons) + len(policy.only_reasons)
    task = len(st.tasks)
    st = st._replace(
        tasks=np.concatenate([st.tasks, rows]).view(np.recarray),
        reasons=np.concatenate([st.reasons, policy.only_reasons]).astype(np.int16),
        task_counts=np.concatenate([st.task_counts, np.zeros((1, N_STATUS), np.int64)]),
        failed_at=_with_failures(st, policy.penalty_failures),
    )
    st.task_counts[task, WAITTING] = len(devices)
    st.out.task[rows_of(devices)] = task
    st.reg[N_TASKS] = task + 1
    return st


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
    work["earlier"][again] += out.attempts[again]
    work["used"][again] = 0
    if len(st.failed_at):
        st.failed_at[again] = -NEVER
    for name in ("status", "reason", "attempts", "auto_retries", "manual_retries", "bytes"):
        getattr(out, name)[again] = 0
    for name in ("first_start", "first_failure", "end"):
        getattr(out, name)[again] = -1
