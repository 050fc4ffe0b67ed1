"""Single moves of the compiled plane: a subtask queues, is dispatched, begins a download, ends.

Each is one step of `sim.fleet.protocol`'s rules on one device; `event_loop` decides which comes next,
`calls` applies them to what an operator names.
"""

from __future__ import annotations

import numpy as np

from sim.fleet.compiled.accounts.books import (
    book_place_queue,
    book_ready,
    book_retry_wait,
    packed_work,
    row_of,
)
from sim.fleet.compiled.downloads import bytes_to_come, is_alone, note_span
from sim.fleet.compiled.memory.shortcuts import Shortcuts
from sim.fleet.compiled.memory.state import (
    APPROACHING,
    AUTO,
    DEAD,
    FAIL,
    FAIL_WAIT_RETRY,
    IDLE,
    IN_CELL_QUEUE,
    IN_FLIGHT,
    NOBODY,
    QUEUED,
    READY_QUEUE,
    RETRY_WAIT,
    RUNNING,
    STOPPED,
    SUCCESS,
    State,
)
from sim.fleet.compiled.presampling import fetch_for_dispatch, next_plan
from sim.fleet.compiled.queues import append, heap_push, insert_after, remove
from sim.fleet.compiled.retry import is_retried, wait_ticks
from sim.fleet.compiled.stages import attempt as play
from sim.fleet.compiled.stages.download import way_through_free_download
from sim.fleet.compiled.stages.outcome import SPOILS, note_strike
from sim.fleet.compiled.watches import is_settled
from sim.fleet.jit import inlined, natural
from sim.fleet.spec import LEAVES_DEAD, LEAVES_NEW, LEAVES_OLD, NEVER, FleetSpec


@inlined
def set_status(st: State, device: int, status: int) -> None:
    """Change a subtask's state and every count of it.

    Writes: counts, group_ended, out.status, reg.ended, reg.last_end, task_counts.
    """
    device = natural(device)
    before = natural(st.out.status[device])
    task = natural(st.out.task[device])
    status = natural(status)
    st.out.status[device] = status
    st.task_counts[task, before] -= 1
    st.task_counts[task, status] += 1
    st.counts[before] -= 1
    st.counts[status] += 1
    group = natural(st.tasks[task].group)
    everyone = natural(len(st.group_ended) - 1)
    if before == SUCCESS or before == FAIL:
        st.group_ended[group, before - SUCCESS] -= 1
        st.group_ended[everyone, before - SUCCESS] -= 1
    if status == SUCCESS or status == FAIL:
        st.group_ended[group, status - SUCCESS] += 1
        st.group_ended[everyone, status - SUCCESS] += 1
    if status == SUCCESS or status == FAIL or status == STOPPED:
        st.reg.last_end = st.reg.now
        if st.reg.failure_watches > 0 or is_settled(st.task_counts, task):
            st.reg.ended = 1


@inlined
def join_ready(st: State, device: int) -> None:
    """Put a `Waitting` subtask at the end of the ready queue.

    Writes: reg.ready_n, work.phase.
    """
    append(st.work, st.queues, READY_QUEUE, device)
    st.reg.ready_n += 1
    st.work[device].phase = QUEUED


@inlined
def leave_ready(st: State, device: int) -> None:
    """Take a subtask out of the ready queue.

    Writes: reg.ready_n.
    """
    remove(st.work, st.queues, READY_QUEUE, device)
    st.reg.ready_n -= 1


@inlined
def make_ready(st: State, device: int) -> None:
    """Queue a `Waitting` subtask for dispatch; without a free place in its group it waits for one.

    Writes: cells.used, work.phase, work.since.
    """
    st.work[device].since = st.reg.now
    if len(st.cell) > 0 and st.cell[device] >= 0:
        group = st.cell[device]
        if st.cells[group].used >= st.cells[group].places:
            append(st.work, st.cells, group, device)
            st.work[device].phase = IN_CELL_QUEUE
            return
        st.cells[group].used += 1
    join_ready(st, device)


@inlined
def leave_cell(st: State, device: int) -> None:
    """Give back a place in a radio cell or at a site; the first that waits for it joins the ready queue.

    Writes: cells.used.
    """
    if len(st.cell) == 0 or st.cell[device] < 0:
        return
    group = st.cell[device]
    first = st.cells[group].head
    if first == NOBODY:
        st.cells[group].used -= 1
        return
    remove(st.work, st.cells, group, first)
    if st.cells[group].head != NOBODY:
        fetch_for_dispatch(st, np.int64(st.cells[group].head))
    book_place_queue(st, first)
    join_ready(st, first)


@inlined
def count_attempt(st: State, device: int, now: int) -> None:
    """Begin an attempt in the books.

    Writes: out.attempts, out.first_start, out.manual_retries, work.trigger, work.used.
    """
    number = st.out.attempts[device] + 1
    st.out.attempts[device] = number
    if number == 1:
        st.out.first_start[device] = now
        st.work[device].trigger = 0
    elif st.work[device].trigger == AUTO:
        st.work[device].used += 1
    else:
        st.out.manual_retries[device] += 1


@inlined
def dispatch(spec: FleetSpec, cuts: Shortcuts, st: State) -> None:
    """Dispatch the first of the ready queue.

    Writes: net.flow, reg.next_dispatch, reg.peak_processing, reg.processing, struck.does, trail.flow,
        trail.start, work.after, work.entered, work.flow_end, work.since, work.wanted.
    """
    now = st.reg.now
    device = natural(st.queues[READY_QUEUE].head)
    plan = st.plans[next_plan(spec, cuts, st)]
    leave_ready(st, device)
    count_attempt(st, device, now)
    set_status(st, device, RUNNING)
    st.reg.processing += 1
    st.reg.peak_processing = max(st.reg.peak_processing, st.reg.processing)
    st.reg.next_dispatch = now + st.reg.gap
    if len(st.trail) > 0:
        st.trail[device].start = now
        st.trail[device].flow = -1
    c = natural(spec.cohort[device])
    row = st.work[device]
    if len(st.net) == 0:
        note_span(st, device, c)
    if len(st.struck) > 0:
        st.struck[device].does = LEAVES_OLD
    book = st.held_up[row_of(cuts, device, c)]
    book_ready(st, book, row.since, now)
    row.since = now
    tick, kind, verdict = play.way_to_download(spec, cuts, st, c, plan, now, book)
    entered = np.int64(-1)
    flow_end = np.int64(-1)
    wanted = np.int64(0)
    phase = IN_FLIGHT
    if kind == play.K_ENTRY:
        entered = tick
        rest = bytes_to_come(spec, st, device)
        if is_alone(cuts, st, device, c, rest):
            tick, kind, verdict, flow_end, wanted = way_through_free_download(
                spec, cuts, st, c, plan, entered, rest, book
            )
            if len(st.trail) > 0 and rest > 0:
                st.trail[device].flow = entered
            if rest == 0 and len(st.net) > 0:
                st.net[device].flow = -1
            if kind == play.K_ENDED and tick == entered:
                kind = np.int64(play.K_ENTRY)  # its end comes after others' of that tick, as its entry does
        else:
            phase = APPROACHING
            verdict = np.int64(plan.load)
            flow_end = plan.rest
            row.after = plan.after
            wanted = packed_work(plan)
            note_strike(st, device, plan.does, np.int64(NEVER))
    row.entered = entered
    row.flow_end = flow_end
    row.wanted = wanted
    schedule(st, device, phase, tick, kind, verdict)


@inlined
def leave_behind(st: State, device: int, got: int, now: int, succeeds: bool) -> None:
    """Let a device be what an attempt leaves that ends now, with those bytes received.

    Writes: held, struck.does, work.current, work.mark.
    """
    does = np.int64(LEAVES_NEW if succeeds else LEAVES_OLD)
    if len(st.struck) > 0:
        if not succeeds and st.struck[device].tick <= now:
            does = np.int64(st.struck[device].does)
        st.struck[device].does = LEAVES_OLD
    if does == LEAVES_NEW:
        st.work[device].current = True
    elif does == LEAVES_DEAD:
        st.work[device].mark = DEAD
    if len(st.held) > 0:
        if does == LEAVES_NEW or does == SPOILS:
            st.held[device] = 0
        elif st.given.spec.cohorts.resume[natural(st.given.spec.cohort[device])]:
            st.held[device] += got


@inlined
def schedule(st: State, device: int, phase: int, tick: int, kind: int, verdict: int) -> None:
    """Set the one event that is to come for a device.

    Writes: work.due, work.kind, work.phase, work.verdict.
    """
    row = st.work[device]
    row.phase = phase
    row.due = tick
    row.kind = kind
    row.verdict = verdict
    heap_push(st, tick, kind, device)


@inlined
def close_attempt(st: State, device: int) -> int:
    """Book the bytes of an attempt that ends now and give back its places; return the bytes.

    Writes: out.bytes, reg.processing.
    """
    row = st.work[device]
    got = np.int64(0)
    if row.entered >= 0:
        got = row.wanted
        st.out.bytes[device] += got
    st.reg.processing -= 1
    leave_cell(st, device)
    return got


@inlined
def log_attempt(st: State, device: int, status: int, reason: int, got: int) -> None:
    """Add the attempt that has just ended to the log, if there is one.

    Writes: log.attempt, log.bytes, log.device, log.end, log.entered, log.flow, log.flow_end, log.held,
        log.reason, log.start, log.status, log.trigger, reg.log_n.
    """
    if len(st.trail) == 0:
        return
    n = natural(st.reg.log_n)
    st.reg.log_n = n + 1
    entry = st.log[n]
    row = st.work[device]
    entry.device = device
    entry.attempt = st.out.attempts[device]
    entry.trigger = row.trigger
    entry.reason = reason
    entry.start = st.trail[device].start
    entry.entered = row.entered
    flow = st.trail[device].flow
    if len(st.net) > 0 and row.entered >= 0 and flow < 0:
        flow = st.net[device].flow
    entry.flow = flow
    entry.flow_end = row.flow_end if flow >= 0 else np.int64(-1)
    entry.end = st.reg.now
    entry.bytes = got
    entry.held = st.held[device] if len(st.held) > 0 else np.int64(0)
    entry.status = status


@inlined
def has_retry(st: State, device: int, reason: int) -> bool:
    """Tell whether the task's policy retries this failure and the subtask has budget left."""
    task = st.tasks[natural(st.out.task[device])]
    return is_retried(
        task, st.work[device].used, st.reasons, np.int64(task.reasons_lo), np.int64(task.reasons_hi), reason
    )


@inlined
def note_failure(st: State, device: int, now: int) -> None:
    """Remember when a device failed, if any task asks for it.

    Writes: failed_at.
    """
    last = st.failed_at.shape[1] - 1
    if last < 0:
        return
    for k in range(last):
        st.failed_at[device, k] = st.failed_at[device, k + 1]
    st.failed_at[device, last] = now


@inlined
def retry_wait(spec: FleetSpec, st: State, device: int, now: int) -> int:
    """Return the ticks from a failure now to its automatic retry."""
    task = st.tasks[natural(st.out.task[device])]
    first = np.int64(-NEVER)
    if task.penalty_failures > 0:
        first = st.failed_at[device, st.failed_at.shape[1] - task.penalty_failures]
    platform = spec.platform
    used = np.int64(st.work[device].used)
    return wait_ticks(task, platform.seed, platform.replication, device, used, first, now)


@inlined
def wait_for_retry(spec: FleetSpec, st: State, device: int) -> None:
    """Let a failed subtask wait for its automatic retry.

    Writes: reg.queue_known, work.due, work.kind, work.phase, work.trigger.
    """
    now = st.reg.now
    row = st.work[device]
    row.phase = RETRY_WAIT
    row.trigger = AUTO
    row.kind = play.K_RETRY
    row.due = now + retry_wait(spec, st, device, now)
    book_retry_wait(st, device, row.due - now)
    queue = st.tasks[natural(st.out.task[device])].queue
    if queue == NOBODY:
        heap_push(st, row.due, play.K_RETRY, device)
        return
    # All waits of this queue are equal, so its end is the place; only equal ticks are put in order.
    before = np.int64(st.queues[queue].tail)
    while before != NOBODY and before > device and st.work[before].due == row.due:
        before = np.int64(st.work[before].prev)
    insert_after(st.work, st.queues, queue, device, before)
    if before == NOBODY:
        st.reg.queue_known = 0


@inlined
def _count_first(st: State, device: int, reason: int) -> None:
    """Count a first attempt that ends now, and let the watches be looked at.

    Writes: group_first, reg.ended.
    """
    group = natural(st.tasks[natural(st.out.task[device])].group)
    everyone = natural(len(st.group_first) - 1)
    failed = natural(np.int64(reason != 0))
    st.group_first[group, failed] += 1
    st.group_first[everyone, failed] += 1
    st.reg.ended = 1


@inlined
def end_attempt(spec: FleetSpec, st: State, device: int) -> None:
    """End an attempt now with the verdict in the device's row: success, retry later, or failure.

    Writes: flows.wasted, out.end, out.first_failure, out.reason, work.due, work.phase.
    """
    now = st.reg.now
    c = natural(spec.cohort[device])
    row = st.work[device]
    reason = np.int64(row.verdict)
    got = close_attempt(st, device)
    row.due = -1
    st.out.reason[device] = reason
    if reason == 0:
        status = SUCCESS
    else:
        st.flows[c].wasted += got
        note_failure(st, device, now)
        if st.out.attempts[device] == 1:
            st.out.first_failure[device] = now
        status = FAIL_WAIT_RETRY if has_retry(st, device, reason) else FAIL
    if st.reg.first_watches > 0 and st.out.attempts[device] == 1:
        _count_first(st, device, reason)
    log_attempt(st, device, status, reason, got)
    leave_behind(st, device, got, now, reason == 0)
    set_status(st, device, status)
    if status == FAIL_WAIT_RETRY:
        wait_for_retry(spec, st, device)
    else:
        row.phase = IDLE
        st.out.end[device] = now
