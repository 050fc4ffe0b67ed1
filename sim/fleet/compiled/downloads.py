"""Downloads of the compiled plane: how one begins, ends and is cut off, and the timers over it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sim.fleet.compiled.memory.cold import call_cold, cold, state_at
from sim.fleet.compiled.memory.prefetch import fetch_row
from sim.fleet.compiled.memory.shortcuts import Shortcuts
from sim.fleet.compiled.memory.state import (
    LOADING,
    LOADING_BY_MARK,
    LOADING_QUEUES,
    NOBODY,
    PAUSED,
    PLACE_QUEUE,
    PLACES_QUEUE,
    QUIET,
    State,
)
from sim.fleet.compiled.queues import append, heap_push, insert_after, mark_push, remove
from sim.fleet.compiled.stages.attempt import K_ENDED, K_LINK, download_deadline
from sim.fleet.compiled.stages.conditions import link_at
from sim.fleet.compiled.stages.download import download_plan
from sim.fleet.compiled.stages.outcome import SILENT
from sim.fleet.compiled.stages.transfers import book_stretch, book_transfer
from sim.fleet.jit import called, inlined, natural
from sim.fleet.model.network import bytes_received, clock_at, finishes_by, flowing_until
from sim.fleet.protocol import BY_COHORT
from sim.fleet.spec import BREAKS, NEVER, FleetSpec
from sim.rules.reasons import Reason

_START_TIMEOUT: Final = int(Reason.DOWNLOAD_START_TIMEOUT)
_DOWNLOAD_TIMEOUT: Final = int(Reason.DOWNLOAD_TIMEOUT_PLATFORM)


@inlined
def draw_number(st: State, device: int) -> int:
    """Return the number that the draws of the device's present attempt go by.

    Attempts of earlier tasks of the same device count as well, so that no draw is used twice.
    """
    number = np.int64(st.out.attempts[device])
    return number + np.int64(st.earlier[device]) if len(st.earlier) > 0 else number


@inlined
def bytes_to_come(spec: FleetSpec, st: State, device: int) -> int:
    """Return how many bytes of the package a device does not have yet."""
    whole = np.int64(st.tasks[natural(st.out.task[device])].bytes)
    if whole == BY_COHORT:
        whole = np.int64(spec.cohorts.package_bytes[natural(spec.cohort[device])])
    return whole - st.held[device] if len(st.held) > 0 else whole


@inlined
def is_alone(cuts: Shortcuts, st: State, device: int, c: int, rest: int) -> bool:
    """Tell whether nothing that others do can delay a download of so many bytes."""
    if cuts.network_free or rest == 0:
        return True
    if not cuts.instant[c] or len(st.line) == 0:
        return np.bool_(cuts.instant[c])
    line = st.tree.lines[natural(np.int64(st.line[device]))]
    return st.tree.uplinks[natural(np.int64(line.uplink))].rate == np.inf


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
def begin_download(spec: FleetSpec, cuts: Shortcuts, st: State) -> None:
    """Give a download place to the first that waits for one.

    Writes: breaks.left, breaks.remaining, breaks.strikes, net.flow, reg.downloads, work.phase, work.verdict,
        work.wanted.
    """
    now = st.reg.now
    device = natural(st.queues[PLACES_QUEUE].head)
    remove(st.work, st.queues, PLACES_QUEUE, device)
    c = natural(spec.cohort[device])
    row = st.work[device]
    number = draw_number(st, device)
    rest = bytes_to_come(spec, st, device)
    wanted, verdict, ticks, strikes = download_plan(
        spec, cuts, st, device, c, number, np.int64(row.mark), np.int64(row.verdict), now, rest
    )
    row.wanted = wanted
    row.verdict = verdict
    st.net[device].flow = now
    st.reg.downloads += 1
    is_up = True
    if len(st.breaks) > 0:
        limits = st.breaks[device]
        limits.left = ticks
        limits.strikes = strikes
        limits.remaining = np.float64(wanted)
        row.phase = PAUSED
        is_up = call_cold(st.given.follow, st, device, c, np.int64(0)) != 0
    if is_up:
        start_flow(spec, cuts, st, device, c, np.float64(wanted))


@inlined
def start_flow(spec: FleetSpec, cuts: Shortcuts, st: State, device: int, c: int, remaining: float) -> None:
    """Let bytes flow to a device that has a place, for the first time or again.

    On a tree of lines `remaining` is read from where it is kept.

    Writes: flows.active, flows.n_broken, flows.touched, net.begun, net.finish, reg.net_changed, reg.stale,
        work.phase.
    """
    if len(st.line) > 0:
        call_cold(st.given.join, st, device, c, np.int64(0))
        st.reg.stale = c
        return
    now = st.reg.now
    row = st.work[device]
    flow = st.flows[c]
    begun = clock_at(flow.clock, flow.rate, now - flow.set_at)
    finish = begun + remaining
    net = st.net[device]
    net.begun = begun
    net.finish = finish
    flow.active += 1
    flow.touched = 1
    st.reg.net_changed = 1
    # Who wants fewer bytes than the last in line, of a smaller package, would be over before him.
    last = np.int64(st.queues[LOADING_QUEUES + c].tail)
    is_last = last == NOBODY or st.net[natural(last)].finish < finish
    if not is_last and last < device:
        is_last = st.net[natural(last)].finish == finish
    if row.verdict == 0 and is_last and not cuts.by_mark[c]:
        row.phase = LOADING
        append(st.work, st.queues, LOADING_QUEUES + c, device)
    else:
        row.phase = LOADING_BY_MARK
        mark_push(st.broken[c], flow.n_broken, finish, device)
        flow.n_broken += 1
    # One that ends later is looked up when the rates are worked out anew, before this tick is over.
    if finishes_by(now, flow.set_at, flow.clock, flow.rate, finish):
        st.reg.stale = c


@called
def follow_link(st: State, device: int, c: int) -> bool:
    """Look at the link of a device that has a place, and schedule what it does next, if that comes in time.

    So does the clock that breaks a download: both begin with the flow of bytes.

    Args:
        st: Where it lies, and no copy of it.
        device: Device index.
        c: Its cohort.

    Returns:
        Whether bytes can flow.

    Writes: breaks.since, breaks.verdict, work.due, work.kind.
    """
    spec, now = st.given.spec, st.reg.now
    device, c = natural(device), natural(c)
    row = st.work[device]
    limits = st.breaks[device]
    tick, kind, is_up = np.int64(NEVER), np.int64(K_LINK), True
    if st.given.cuts.follows_link[c]:
        is_up, tick = link_at(spec, st.places, device, c, now)
    limits.since = now
    if is_up:
        if spec.cohorts.during_upgrade[c] == BREAKS:
            kind = np.int64(K_ENDED)
            limits.verdict = spec.cohorts.break_reason[c]
        if limits.strikes != 0:
            strikes = flowing_until(spec.outages, c, now, np.int64(limits.left))
            if strikes <= tick:
                tick, kind = strikes, np.int64(K_ENDED)
                limits.verdict = limits.strikes
    row.due = -1
    if tick < NEVER and tick <= download_deadline(spec, c, row.entered):
        row.due = tick
        row.kind = kind
        heap_push(st, tick, kind, device)
    return is_up


@cold
def begin_to_follow(state: Any, device: int, c: int, _: int) -> int:
    """Tell whether bytes can flow to a device that has just got a place; see `follow_link`."""
    return np.int64(follow_link(state_at(state), device, c))


@cold
def turn_link(state: Any, device: int, _: int, __: int) -> int:
    """Pause a download whose link has gone down, or let it go on if its link has come up.

    Args:
        state: Address of the state.
        device: Device index.

    Writes: breaks.remaining, flows.active, flows.touched, net.begun, net.finish,
        reg.net_changed, reg.stale, work.phase.
    """
    st = state_at(state)
    spec, cuts, now = st.given.spec, st.given.cuts, st.reg.now
    device = natural(device)
    c = natural(spec.cohort[device])
    row = st.work[device]
    limits = st.breaks[device]
    is_paused = row.phase == PAUSED
    book_stretch(st, device, c)
    is_up = follow_link(st, device, c)
    if is_paused == (not is_up):
        return np.int64(0)  # down and up again within this tick
    net = st.net[device]
    if is_up:
        start_flow(spec, cuts, st, device, c, limits.remaining)
        net.begun = net.finish - np.float64(row.wanted)  # as if it had begun so much earlier
        return np.int64(0)
    st.reg.stale = c
    if len(st.line) > 0:
        return np.int64(call_cold(st.given.pause, st, device, np.int64(0), np.int64(0)))
    flow = st.flows[c]
    limits.remaining = max(net.finish - clock_at(flow.clock, flow.rate, now - flow.set_at), 0.0)
    net.finish = np.inf  # its entry in the heap of marks is no longer true
    row.phase = PAUSED
    flow.active -= 1
    flow.touched = 1
    st.reg.net_changed = 1
    return np.int64(0)


@inlined
def end_flow(st: State, device: int, c: int) -> None:
    """Give back the place and the bandwidth of a download, and call off what would break or pause it.

    Writes: flows.active, flows.touched.
    """
    if len(st.line) > 0:
        call_cold(st.given.leave, st, device, np.int64(0), np.int64(0))
    else:
        row = st.work[device]
        if row.phase == LOADING:
            remove(st.work, st.queues, LOADING_QUEUES + c, device)
        flow = st.flows[c]
        if row.phase != PAUSED:
            flow.active -= 1
        flow.touched = 1  # even of a paused one: whoever calls has the next end looked up for this tick only
    leave_place(st, device, c)


@inlined
def leave_place(st: State, device: int, c: int) -> None:
    """Give back the place of a download that no bytes flow to any more.

    Writes: reg.downloads, reg.heap_stale, reg.net_changed, work.due, work.flow_end.
    """
    row = st.work[device]
    if len(st.breaks) > 0 and row.due >= 0:
        st.reg.heap_stale += 1
        row.due = -1
    st.reg.downloads -= 1
    st.reg.net_changed = 1
    row.flow_end = st.reg.now
    book_transfer(st, device, c, np.int64(row.wanted))


@inlined
def received_so_far(st: State, device: int, c: int) -> int:
    """Return the bytes that a download that has its place has received up to now."""
    row = st.work[device]
    wanted = np.int64(row.wanted)
    if row.phase == PAUSED:
        return bytes_received(st.breaks[device].remaining, np.float64(wanted), wanted)
    if len(st.line) > 0:
        return np.int64(call_cold(st.given.received, st, device, wanted, np.int64(0)))
    flow = st.flows[c]
    clock = clock_at(flow.clock, flow.rate, st.reg.now - flow.set_at)
    return bytes_received(st.net[device].begun, clock, wanted)


@inlined
def cut_flow(st: State, device: int, c: int) -> None:
    """End a download before its time; what it has received stays in `wanted`.

    Writes: work.wanted.
    """
    st.work[device].wanted = received_so_far(st, device, c)
    end_flow(st, device, c)


@cold
def cut_by_break(state: Any, device: int, c: int, _: int) -> int:
    """Let a download break that has taken too long; the verdict is put into the device's row.

    Args:
        state: Address of the state.
        device: Device index.
        c: Its cohort.

    Writes: reg.stale, work.due, work.phase, work.verdict.
    """
    st = state_at(state)
    c = natural(c)
    device = natural(device)
    row = st.work[device]
    row.due = -1
    cut_flow(st, device, c)
    st.reg.stale = c
    row.verdict = st.breaks[device].verdict
    if row.verdict == SILENT:
        row.phase = QUIET
    else:
        leave_deadlines(st, device, c)
    return np.int64(0)


@inlined
def expire_download(st: State, device: int, c: int) -> None:
    """Let the platform's timer end a download; the verdict is put into the device's row.

    Writes: reg.stale, work.verdict.
    """
    c = natural(c)
    device = natural(device)
    row = st.work[device]
    phase = row.phase
    if LOADING <= phase <= PAUSED:
        cut_flow(st, device, c)  # and books it
        st.reg.stale = c
    else:
        call_cold(st.given.until_now, st, device, np.int64(0), np.int64(0))
        if phase == PLACE_QUEUE:
            remove(st.work, st.queues, PLACES_QUEUE, device)
    leave_deadlines(st, device, c)
    row.verdict = _START_TIMEOUT if phase == PLACE_QUEUE else _DOWNLOAD_TIMEOUT


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
