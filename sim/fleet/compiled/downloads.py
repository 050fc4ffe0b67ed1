"""Downloads of the compiled plane: how one begins, ends and is cut off, and the timers over it."""

from __future__ import annotations

import numpy as np

from sim.fleet.compiled import attempt as play
from sim.fleet.compiled.memory.prefetch import fetch_row
from sim.fleet.compiled.memory.state import (
    LOADING,
    LOADING_QUEUES,
    NOBODY,
    PLACES_QUEUE,
    State,
)
from sim.fleet.compiled.queues import append, insert_after, mark_push, remove
from sim.fleet.jit import inlined, natural
from sim.fleet.model.network import bytes_received, clock_at, finishes_by
from sim.fleet.spec import FleetSpec


@inlined
def draw_number(st: State, device: int) -> int:
    """Return the number that the draws of the device's present attempt go by.

    Attempts of earlier tasks of the same device count as well, so that no draw is used twice.
    """
    number = np.int64(st.out.attempts[device])
    return number + np.int64(st.earlier[device]) if len(st.earlier) > 0 else number


@inlined
def join_deadlines(st: State, device: int, c: int) -> None:
    """Put a device into its cohort's queue of download deadlines, ordered by (entry, device).

    Writes: reg.queue_known.
    """
    before = np.int64(st.deadline_tail[c])
    entered = st.work[device].entered
    while before != NOBODY and before > device and st.work[natural(before)].entered == entered:
        before = np.int64(st.net[natural(before)].prev)
    insert_after(st.net, st.deadline_head, st.deadline_tail, c, device, before)
    if before == NOBODY:
        st.reg.queue_known = 0


@inlined
def leave_deadlines(st: State, device: int, c: int) -> None:
    """Take a device out of its cohort's queue of download deadlines.

    Writes: reg.queue_known.
    """
    if st.deadline_head[c] == device:
        st.reg.queue_known = 0
        behind = np.int64(st.net[device].next)
        if behind != NOBODY:
            fetch_row(st.work[natural(behind)])  # its deadline will be looked up
    remove(st.net, st.deadline_head, st.deadline_tail, c, device)


@inlined
def begin_download(spec: FleetSpec, st: State) -> None:
    """Give a download place to the first that waits for one.

    Writes: active, broken_n, net.begun, net.finish, net.flow, reg.downloads, reg.net_changed, reg.stale,
        touched, work.phase, work.verdict, work.wanted.
    """
    now = st.reg.now
    device = natural(st.queue_head[PLACES_QUEUE])
    remove(st.work, st.queue_head, st.queue_tail, PLACES_QUEUE, device)
    c = natural(spec.cohort[device])
    row = st.work[device]
    number = draw_number(st, device)
    wanted, verdict = play.download_plan(spec, device, c, number, np.int64(row.verdict), now)
    begun = clock_at(st.clock[c], st.rates[c], now - st.set_at[c])
    finish = begun + np.float64(wanted)
    row.wanted = wanted
    row.verdict = verdict
    row.phase = LOADING
    net = st.net[device]
    net.begun = begun
    net.finish = finish
    net.flow = now
    st.active[c] += 1
    st.touched[c] = 1
    st.reg.downloads += 1
    st.reg.net_changed = 1
    if verdict == 0:
        append(st.work, st.queue_head, st.queue_tail, LOADING_QUEUES + c, device)
    else:
        mark_push(st.broken_mark[c], st.broken_device[c], st.broken_n[c], finish, device)
        st.broken_n[c] += 1
    # One that ends later is looked up when the rates are worked out anew, before this tick is over.
    if finishes_by(now, st.set_at[c], st.clock[c], st.rates[c], finish):
        st.reg.stale = c


@inlined
def end_flow(st: State, device: int, c: int) -> None:
    """Give back the place and the bandwidth of an active download.

    Writes: active, reg.downloads, reg.net_changed, touched, work.flow_end.
    """
    row = st.work[device]
    if row.verdict == 0:
        remove(st.work, st.queue_head, st.queue_tail, LOADING_QUEUES + c, device)
    st.active[c] -= 1
    st.touched[c] = 1
    st.reg.downloads -= 1
    st.reg.net_changed = 1
    row.flow_end = st.reg.now


@inlined
def cut_flow(st: State, device: int, c: int) -> None:
    """End an active download before its time; what it has received stays in `wanted`.

    Writes: work.wanted.
    """
    now = st.reg.now
    row = st.work[device]
    net = st.net[device]
    row.wanted = bytes_received(net.begun, clock_at(st.clock[c], st.rates[c], now - st.set_at[c]), row.wanted)
    end_flow(st, device, c)


@inlined
def note_span(st: State, device: int, c: int) -> None:
    """Note the last download of a device of a free network, which is about to begin another attempt.

    Writes: reg.span_n, span_cohort, span_end, span_start.
    """
    row = st.work[device]
    if row.entered >= 0 and row.flow_end > row.entered:
        n = natural(st.reg.span_n)
        st.span_start[n] = row.entered
        st.span_end[n] = row.flow_end
        st.span_cohort[n] = c
        st.reg.span_n = n + 1


@inlined
def cut_free_download(spec: FleetSpec, st: State, device: int, c: int) -> None:
    """Cut a download of a free network short at the present tick.

    Writes: trail.flow, work.entered, work.flow_end, work.wanted.
    """
    now = st.reg.now
    row = st.work[device]
    if row.entered > now:
        row.entered = -1
        if len(st.trail) > 0:
            st.trail[device].flow = -1
        return
    rate = spec.cohorts.link_rate[c]
    row.wanted = bytes_received(0.0, clock_at(0.0, rate, now - row.entered), row.wanted)
    row.flow_end = now
