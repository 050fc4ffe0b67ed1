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
    before = np.int64(st.deadlines[c].tail)
    entered = st.work[device].entered
    while before != NOBODY and before > device and st.work[natural(before)].entered == entered:
        before = np.int64(st.net[natural(before)].prev)
    insert_after(st.net, st.deadlines, c, device, before)
    if before == NOBODY:
        st.reg.queue_known = 0


@inlined
def leave_deadlines(st: State, device: int, c: int) -> None:
    """Take a device out of its cohort's queue of download deadlines.

    Writes: reg.queue_known.
    """
    if st.deadlines[c].head == device:
        st.reg.queue_known = 0
        behind = np.int64(st.net[device].next)
        if behind != NOBODY:
            fetch_row(st.work[natural(behind)])  # its deadline will be looked up
    remove(st.net, st.deadlines, c, device)


@inlined
def begin_download(spec: FleetSpec, st: State) -> None:
    """Give a download place to the first that waits for one.

    Writes: flows.active, flows.n_broken, flows.touched, net.begun, net.finish, net.flow, reg.downloads,
        reg.net_changed, reg.stale, work.phase, work.verdict, work.wanted.
    """
    now = st.reg.now
    device = natural(st.queues[PLACES_QUEUE].head)
    remove(st.work, st.queues, PLACES_QUEUE, device)
    c = natural(spec.cohort[device])
    row = st.work[device]
    number = draw_number(st, device)
    wanted, verdict = play.download_plan(spec, device, c, number, np.int64(row.verdict), now)
    flow = st.flows[c]
    begun = clock_at(flow.clock, flow.rate, now - flow.set_at)
    finish = begun + np.float64(wanted)
    row.wanted = wanted
    row.verdict = verdict
    row.phase = LOADING
    net = st.net[device]
    net.begun = begun
    net.finish = finish
    net.flow = now
    flow.active += 1
    flow.touched = 1
    st.reg.downloads += 1
    st.reg.net_changed = 1
    if verdict == 0:
        append(st.work, st.queues, LOADING_QUEUES + c, device)
    else:
        mark_push(st.broken[c], flow.n_broken, finish, device)
        flow.n_broken += 1
    # One that ends later is looked up when the rates are worked out anew, before this tick is over.
    if finishes_by(now, flow.set_at, flow.clock, flow.rate, finish):
        st.reg.stale = c


@inlined
def end_flow(st: State, device: int, c: int) -> None:
    """Give back the place and the bandwidth of an active download.

    Writes: flows.active, flows.touched, reg.downloads, reg.net_changed, work.flow_end.
    """
    row = st.work[device]
    if row.verdict == 0:
        remove(st.work, st.queues, LOADING_QUEUES + c, device)
    st.flows[c].active -= 1
    st.flows[c].touched = 1
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
    flow = st.flows[c]
    row.wanted = bytes_received(net.begun, clock_at(flow.clock, flow.rate, now - flow.set_at), row.wanted)
    end_flow(st, device, c)


@inlined
def note_span(st: State, device: int, c: int) -> None:
    """Note the last download of a device of a free network, which is about to begin another attempt.

    Writes: reg.span_n, spans.cohort, spans.end, spans.start.
    """
    row = st.work[device]
    if row.entered >= 0 and row.flow_end > row.entered:
        n = natural(st.reg.span_n)
        span = st.spans[n]
        span.start = row.entered
        span.end = row.flow_end
        span.cohort = c
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
