"""What the control plane does to the compiled plane between two advances, on lists of devices."""

from __future__ import annotations

import numpy as np

from sim.fleet.compiled.accounts.books import book_call
from sim.fleet.compiled.downloads import (
    begin_download,
    cut_flow,
    cut_free_download,
    leave_deadlines,
    received_so_far,
)
from sim.fleet.compiled.event_loop import look_up_finished
from sim.fleet.compiled.memory.cold import call_cold
from sim.fleet.compiled.memory.shortcuts import Shortcuts
from sim.fleet.compiled.memory.state import (
    APPROACHING,
    FAIL,
    FAIL_WAIT_RETRY,
    IDLE,
    IN_CELL_QUEUE,
    IN_FLIGHT,
    LOADING,
    MANUAL,
    NOBODY,
    PAUSED,
    PLACE_QUEUE,
    PLACES_QUEUE,
    QUEUED,
    QUIET,
    RETRY_WAIT,
    STOPPED,
    SUCCESS,
    WAITTING,
    State,
)
from sim.fleet.compiled.memory.tables import Records
from sim.fleet.compiled.queues import KIND_SHIFT, append, heapify, remove
from sim.fleet.compiled.stages.conditions import forget_places
from sim.fleet.compiled.transitions import (
    close_attempt,
    join_ready,
    leave_behind,
    leave_cell,
    leave_ready,
    log_attempt,
    make_ready,
    set_status,
)
from sim.fleet.jit import inlined, kernel, local, natural
from sim.fleet.model.draws import two_blocks, word_of
from sim.fleet.model.network import bytes_received, clock_at
from sim.fleet.model.purposes import D_COVERAGE, D_CURRENT
from sim.fleet.model.sampling import level_of, permanent_causes
from sim.fleet.spec import FleetSpec, Int8s, Int32s


@kernel
def release(st: State, devices: Int32s) -> None:
    """Let `Waitting` subtasks queue for dispatch, in the given order.

    Writes: reg.next_event.
    """
    for device in devices:
        if st.out.status[device] == WAITTING and st.work[device].phase == IDLE:
            make_ready(st, np.int64(device))
    st.reg.next_event = st.reg.now


@kernel
def mark_ready(status: Int8s, attempts: Int32s, work: Records, devices: Int32s) -> int:
    """Let `Waitting` subtasks be ready without a queue: straight play needs none.

    Returns:
        How many of them belong to devices that never began an attempt.
    """
    n_new = np.int64(0)
    for device in devices:
        if status[device] == WAITTING and work[device].phase == IDLE:
            work[device].phase = QUEUED
            if attempts[device] == 0 and work[device].entered < 0:
                n_new += 1
    return n_new


@inlined
def _stop_subtask(spec: FleetSpec, st: State, device: int) -> None:
    """Turn a live subtask into `Stopped` and give back all it holds.

    Writes: out.end, reg.heap_stale, work.due, work.entered, work.phase.
    """
    now = st.reg.now
    c = natural(spec.cohort[device])
    row = st.work[device]
    phase = row.phase
    if phase != IDLE:
        call_cold(st.given.until_now, st, device, np.int64(0), np.int64(0))
    if phase == QUEUED:
        leave_ready(st, device)
        leave_cell(st, device)
    elif phase == IN_CELL_QUEUE:
        remove(st.work, st.cells, st.cell[device], device)
    elif phase == RETRY_WAIT:
        _cancel_retry(st, device)
    elif phase != IDLE:
        if phase == IN_FLIGHT or phase == APPROACHING:
            st.reg.heap_stale += 1
        if phase == IN_FLIGHT and row.entered >= 0 and row.flow_end > now:
            cut_free_download(spec, st, device, c)
        elif LOADING <= phase <= PAUSED:
            cut_flow(st, device, c)
        elif phase == PLACE_QUEUE:
            remove(st.work, st.queues, PLACES_QUEUE, device)
        elif phase == APPROACHING:
            row.entered = -1
        if PLACE_QUEUE <= phase <= QUIET:
            leave_deadlines(st, device, c)
        forget_places(spec.n_timelines, st.places, device)  # its conditions were looked at ahead of now
        got = close_attempt(st, device)
        log_attempt(st, device, STOPPED, np.int64(0), got)
        leave_behind(st, device, got, now, False)
    row.phase = IDLE
    row.due = -1
    st.out.end[device] = now
    set_status(st, device, STOPPED)


@inlined
def _cancel_retry(st: State, device: int) -> None:
    """Drop the wait for an automatic retry; its event stays in the heap, called off.

    Writes: reg.heap_stale, reg.queue_known, work.due, work.phase.
    """
    row = st.work[device]
    queue = st.tasks[natural(st.out.task[device])].queue
    if queue == NOBODY:
        st.reg.heap_stale += 1
    else:
        remove(st.work, st.queues, queue, device)
        st.reg.queue_known = 0
    row.phase = IDLE
    row.due = -1


@inlined
def _retry_subtask(st: State, device: int) -> None:
    """Queue a subtask in Fail, FailWaitRetry or Stopped again by an operator's call.

    Writes: out.end, work.trigger.
    """
    book_call(st, device)
    if st.work[device].phase == RETRY_WAIT:
        _cancel_retry(st, device)
    st.work[device].trigger = MANUAL
    st.out.end[device] = -1
    set_status(st, device, WAITTING)
    make_ready(st, device)


@kernel
def retry(st: State, devices: Int32s) -> None:
    """Queue ended or waiting subtasks again, in the given order; see `release`.

    Writes: reg.next_event.
    """
    for device in devices:
        status = st.out.status[device]
        if status == FAIL or status == FAIL_WAIT_RETRY or status == STOPPED:
            _retry_subtask(st, np.int64(device))
    st.reg.next_event = st.reg.now


@kernel
def stop(spec: FleetSpec, cuts: Shortcuts, st: State, devices: Int32s) -> None:
    """Stop live subtasks at once; a freed download place is taken before the next one is stopped.

    Writes: reg.next_event.
    """
    for device in devices:
        status = st.out.status[device]
        if status == SUCCESS or status == FAIL or status == STOPPED:
            continue
        _stop_subtask(spec, st, np.int64(device))
        while st.queues[PLACES_QUEUE].head != NOBODY and st.reg.downloads < spec.platform.max_downloads:
            begin_download(spec, cuts, st)
    if len(st.net) > 0:
        for c in range(len(st.flows)):
            look_up_finished(st, c, True)
    st.reg.next_event = st.reg.now


@inlined
def _draw_once(spec: FleetSpec, st: State, one: int, other: int, c: int) -> None:
    """Draw what is drawn once a device, for two devices of a cohort; they may be the same one.

    Writes: work.current, work.level, work.mark.
    """
    mark_of_one, mark_of_other = permanent_causes(spec, one, other, c)
    first = spec.causes.lo[c, 0]  # of all cohorts' causes there may be more than a row can number
    st.work[one].mark = mark_of_one - first if mark_of_one >= 0 else mark_of_one
    st.work[other].mark = mark_of_other - first if mark_of_other >= 0 else mark_of_other
    p_current = spec.cohorts.p_already_current[c]
    in_cells = spec.cohorts.cell_devices[c] > 0
    if p_current > 0.0 or in_cells:
        u, v = two_blocks(spec.platform.seed, spec.platform.replication, (one, 0, 0), (other, 0, 0))
        st.work[one].current = word_of(u, D_CURRENT) < p_current
        st.work[other].current = word_of(v, D_CURRENT) < p_current
        if in_cells:
            st.work[one].level = level_of(spec.cohorts, c, word_of(u, D_COVERAGE))
            st.work[other].level = level_of(spec.cohorts, c, word_of(v, D_COVERAGE))


@kernel
def draw_population(spec: FleetSpec, st: State, lo: int, hi: int) -> None:
    """Lay out devices lo..hi, in no task yet, and draw what is drawn once a device.

    Writes: out.end, out.first_failure, out.first_start, out.task, work.due, work.entered.
    """
    spec, st = local(spec), local(st)
    for device in range(lo, hi):
        st.out.task[device] = -1
        st.out.first_start[device] = -1
        st.out.first_failure[device] = -1
        st.out.end[device] = -1
        row = st.work[device]
        row.due = -1
        row.entered = -1
        if (device - lo) & 1 == 1 or device == hi - 1:
            one = natural(max(device - 1, lo))
            other = natural(device)
            c = natural(spec.cohort[one])
            if spec.cohort[other] == c:
                _draw_once(spec, st, one, other, c)
            else:
                _draw_once(spec, st, one, one, c)
                _draw_once(spec, st, other, other, natural(spec.cohort[other]))


@kernel
def count_under_way(spec: FleetSpec, st: State) -> None:
    """Add to the records what downloads under way have received so far.

    Writes: out.bytes.
    """
    now = st.reg.now
    for device in range(len(st.work)):
        row = st.work[device]
        c = np.int64(spec.cohort[device])
        got = np.int64(0)
        if row.phase == IN_FLIGHT and 0 <= row.entered <= now:
            got = row.wanted
            if len(st.net) == 0 and row.flow_end > now:
                flowed = clock_at(0.0, spec.cohorts.link_rate[c], now - row.entered)
                got = bytes_received(0.0, flowed, row.wanted)
        elif LOADING <= row.phase <= PAUSED:
            got = received_so_far(st, device, c)
        elif row.phase == QUIET:
            got = row.wanted
        st.out.bytes[device] += got


@inlined
def _enter(st: State, device: int, n: int) -> None:
    """Write the one event that is to come for a device behind the first n, in no order.

    Writes: heap.tag, heap.tick.
    """
    row = st.work[device]
    st.heap[n].tick = row.due
    st.heap[n].tag = (np.int64(row.kind) << KIND_SHIFT) | np.int64(device)


@kernel
def rebuild_queues(st: State, waiting: Int32s, flying: Int32s) -> None:
    """Enter devices that were played straight through into the event queues.

    Args:
        st: Mutated; its heap has room for all of them.
        waiting: Devices in RETRY_WAIT, in order of (due, device).
        flying: Devices IN_FLIGHT, any order.

    Writes: reg.heap_n, reg.heap_stale, reg.queue_known.
    """
    n = np.int64(0)
    for device in flying:
        _enter(st, device, n)
        n += 1
    for device in waiting:
        queue = st.tasks[st.out.task[device]].queue
        if queue == NOBODY:
            _enter(st, device, n)
            n += 1
        else:
            append(st.work, st.queues, queue, np.int64(device))
    st.reg.heap_n = n
    st.reg.heap_stale = 0
    st.reg.queue_known = 0
    heapify(st.heap, n)


@kernel
def queue_ready(st: State, devices: Int32s) -> None:
    """Queue subtasks for dispatch that straight play has left ready, in the given order."""
    for device in devices:
        join_ready(st, np.int64(device))
