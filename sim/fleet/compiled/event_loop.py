"""The compiled plane's event loop: which event is next, and what a tick does in which order.

The order is that of `sim.fleet.protocol`. Everything is inlined into one compiled function, so each
move has one place where it is called from; growing arrays is left to Python, which is told by a code.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim.fleet.compiled.accounts.books import PLAN_AGAIN, book_work, fetch_books, row_of, unpacked_work
from sim.fleet.compiled.downloads import (
    begin_download,
    end_flow,
    expire_download,
    join_deadlines,
    leave_deadlines,
)
from sim.fleet.compiled.event_list import may_dispatch, next_event, next_finished
from sim.fleet.compiled.memory.cold import call_cold
from sim.fleet.compiled.memory.curve_rows import write_rows
from sim.fleet.compiled.memory.growth import MARGIN
from sim.fleet.compiled.memory.prefetch import fetch, fetch_row
from sim.fleet.compiled.memory.shortcuts import Shortcuts
from sim.fleet.compiled.memory.state import (
    IN_FLIGHT,
    LOADING,
    LOADING_BY_MARK,
    LOADING_QUEUES,
    NOBODY,
    PLACE_QUEUE,
    PLACES_QUEUE,
    QUIET,
    READY_QUEUE,
    WAITTING,
    State,
)
from sim.fleet.compiled.presampling import wants_plans
from sim.fleet.compiled.queues import DEVICE_MASK, append, heap_pop, mark_pop, remove
from sim.fleet.compiled.stages import attempt as play
from sim.fleet.compiled.stages.attempt import K_ENDED, K_ENTRY, K_FINISHED, K_LINK, K_RETRY
from sim.fleet.compiled.stages.outcome import SILENT, note_strike
from sim.fleet.compiled.transitions import (
    dispatch,
    end_attempt,
    make_ready,
    schedule,
    set_status,
)
from sim.fleet.compiled.tree.kernel_side import end_first_on_lines, fetch_line
from sim.fleet.compiled.watches import check_watches
from sim.fleet.jit import inlined, kernel, local, natural
from sim.fleet.model.network import clock_at, fair_shares, finish_tick, finishes_by, network_load
from sim.fleet.spec import NEVER, FleetSpec

# What `run_events` answers.
REACHED: Final = 0
TRIPPED: Final = 1
GROW: Final = 2
PLAN: Final = 3

_STRIDE: Final = 16  # steps between two looks at the room that is left


@inlined
def has_room(st: State) -> bool:
    """Tell whether a stride of events fits into every growable array."""
    margin = MARGIN * _STRIDE
    if st.reg.heap_n + margin > len(st.heap):
        return False
    if len(st.net) == 0 and st.reg.span_n + margin > len(st.spans):
        return False
    if len(st.trail) > 0 and st.reg.log_n + margin > len(st.log):
        return False
    for c in range(len(st.flows)):
        if st.flows[c].n_broken + margin > st.broken.shape[1]:
            return False
    return len(st.line) == 0 or st.tree.n_waits + margin <= len(st.tree.waits)


@inlined
def _is_stale_mark(st: State, device: int, mark: float) -> bool:
    """Tell whether a heap entry belongs to a download that was cut off meanwhile."""
    return st.work[device].phase != LOADING_BY_MARK or st.net[device].finish != mark


@inlined
def look_up_finished(st: State, c: int, is_final: bool) -> None:
    """Find the cohort's next finished download.

    Args:
        st: Mutated.
        c: Cohort.
        is_final: Whether the rates are those until the next change; else they will be worked out anew
            before this tick is over, and all that matters is what finishes now.

    Writes: flows.n_broken, flows.next_device, flows.next_tick.
    """
    if len(st.line) > 0:
        return  # a tree of lines keeps it up to date
    mark = np.inf
    c = natural(c)
    device = np.int64(st.queues[LOADING_QUEUES + c].head)
    if device != NOBODY:
        mark = st.net[natural(device)].finish
        behind = np.int64(st.work[natural(device)].next)
        if behind != NOBODY:
            fetch_row(st.net[natural(behind)])  # it will be the next one to be looked up
            fetch_row(st.work[natural(behind)])
            fetch_books(st, natural(behind))
    flow = st.flows[c]
    while flow.n_broken > 0:
        first = st.broken[c, 0]
        top = natural(first.target)
        if not _is_stale_mark(st, top, first.mark):
            if first.mark < mark or (first.mark == mark and top < device):
                mark = first.mark
                device = top
            break
        mark_pop(st.broken[c], flow.n_broken)
        flow.n_broken -= 1
    tick: int = np.int64(NEVER)
    if device != NOBODY and (is_final or finishes_by(st.reg.now, flow.set_at, flow.clock, flow.rate, mark)):
        tick = finish_tick(flow.set_at, flow.clock, flow.rate, mark)
    flow.next_tick = max(tick, st.reg.now)
    flow.next_device = device


@inlined
def _finish_download(spec: FleetSpec, st: State, c: int) -> tuple[int, int, int]:
    """Take the next finished download of a cohort, or the first on a tree of lines, out of the network.

    Returns:
        (device, its cohort, ticks that what follows will take).

    Writes: flows.n_broken, reg.stale.
    """
    if len(st.line) > 0:
        device, c, rest = end_first_on_lines(st)
    else:
        c = natural(c)
        device = natural(st.flows[c].next_device)
        rest = st.work[device].flow_end
        end_flow(st, device, c)
        if st.work[device].phase == LOADING_BY_MARK:
            mark_pop(st.broken[c], st.flows[c].n_broken)
            st.flows[c].n_broken -= 1
    st.reg.stale = c
    return device, c, rest


@inlined
def _after_download(spec: FleetSpec, cuts: Shortcuts, st: State, device: int, c: int, rest: int) -> None:
    """Decide what follows a download that is over.

    Writes: struck.tick, work.phase.
    """
    c = natural(c)
    device = natural(device)
    now = st.reg.now
    row = st.work[device]
    verdict = np.int64(row.verdict)
    if verdict == SILENT:
        row.phase = QUIET
        return
    leave_deadlines(st, device, c)
    tick, kind = now, np.int64(K_ENDED)
    if verdict == 0:
        after, deadline = np.int64(row.after), play.result_deadline(spec, c, row.entered, now)
        is_again = False
        if cuts.looks_late[c]:
            is_again = call_cold(st.given.again, st, device, deadline, rest) != 0
        if is_again:
            plan = st.spare[0]
            rest, after = plan.rest, np.int64(plan.after)
            note_strike(st, device, plan.does, np.int64(NEVER))
        if len(st.struck) > 0 and now + rest <= deadline:
            st.struck[device].tick = now + rest
        tick, kind, verdict = play.way_from_download(deadline, now, rest, after)
        if is_again:
            pass
        elif row.since == PLAN_AGAIN:
            call_cold(st.given.work_again, st, device, tick - now, np.int64(0))
        else:
            book = st.held_up[row_of(cuts, device, c)]
            book_work(book, unpacked_work(np.int64(row.since)), rest, np.int64(0), tick - now)
    schedule(st, device, IN_FLIGHT, tick, kind, verdict)


@inlined
def _fetch_following(spec: FleetSpec, st: State) -> None:
    """Ask for what the heap's next event is about, while this one is worked off."""
    if st.reg.heap_n > 0:
        device = natural(st.heap[0].tag & DEVICE_MASK)
        fetch_row(st.work[device])
        fetch_books(st, device)
        fetch(st.out.bytes, device)
        fetch(st.out.end, device)
        fetch(spec.cohort, device)
        if len(st.cell) > 0:
            fetch(st.cell, device)
        if len(st.line) > 0:
            fetch(st.line, device)


@inlined
def _work_off(spec: FleetSpec, cuts: Shortcuts, st: State, kind: int, device: int, queue: int) -> None:
    """Work off one event of kinds 0 to 5.

    Writes: net.flow, reg.n_events, reg.queue_known, work.due, work.phase, work.since, work.wanted.
    """
    st.reg.n_events += 1
    if kind == K_FINISHED:
        device, queue, rest = _finish_download(spec, st, queue)
        _after_download(spec, cuts, st, device, queue, rest)
        return
    device = natural(device)
    if kind == K_RETRY:
        if queue >= 0:
            remove(st.work, st.queues, queue, device)
            st.reg.queue_known = 0
        else:
            heap_pop(st)
        st.work[device].due = -1
        set_status(st, device, WAITTING)
        make_ready(st, device)
        return
    if queue < 0:
        heap_pop(st)
        _fetch_following(spec, st)
    if kind == K_ENTRY:
        row = st.work[device]
        if row.phase == IN_FLIGHT:
            schedule(st, device, IN_FLIGHT, row.due, np.int64(K_ENDED), row.verdict)
            return
        if len(st.line) > 0:
            fetch_line(st, device)
        row.due = -1
        row.since, row.wanted = row.wanted, 0
        row.phase = PLACE_QUEUE
        st.net[device].flow = -1
        append(st.work, st.queues, PLACES_QUEUE, device)
        join_deadlines(st, device, np.int64(spec.cohort[device]))
        return
    if queue >= 0:
        expire_download(st, device, queue)
    elif kind == K_LINK:
        call_cold(st.given.turn, st, device, np.int64(0), np.int64(0))
        return
    elif len(st.breaks) > 0 and LOADING <= st.work[device].phase <= LOADING_BY_MARK:
        call_cold(st.given.cut, st, device, np.int64(spec.cohort[device]), np.int64(0))
        if st.work[device].phase == QUIET:
            return
    end_attempt(spec, st, device)


@inlined
def _present_epoch(spec: FleetSpec, st: State) -> int:
    """Return the network's epoch."""
    epoch = st.reg.epoch
    while epoch + 1 < len(spec.outages.epoch_tick) and spec.outages.epoch_tick[epoch + 1] <= st.reg.now:
        epoch += 1
    return epoch


@inlined
def _share_bandwidth(spec: FleetSpec, st: State) -> int:
    """Work out into `shares` what is fair now; return the network's epoch."""
    epoch = _present_epoch(spec, st)
    bandwidth, caps = spec.outages.epoch_bandwidth[epoch], spec.outages.epoch_cap[epoch]
    fair_shares(bandwidth, caps, st.flows["active"], st.flows["share"])
    return epoch


@inlined
def _recompute_network(spec: FleetSpec, st: State) -> None:
    """Set the rates to what is fair now, and the clocks of those cohorts whose rate changes.

    Writes: flows.clock, flows.rate, flows.set_at, flows.touched, reg.epoch, reg.load, reg.net_changed.
    """
    now = st.reg.now
    if len(st.line) > 0:
        call_cold(st.given.rates, st, _present_epoch(spec, st), np.int64(0), np.int64(0))
        return
    st.reg.epoch = _share_bandwidth(spec, st)
    for c in range(len(st.flows)):
        flow = st.flows[c]
        if flow.share != flow.rate:
            flow.clock = clock_at(flow.clock, flow.rate, now - flow.set_at)
            flow.set_at = now
            flow.rate = flow.share
            flow.touched = 1
        if flow.touched != 0:
            flow.touched = 0
            look_up_finished(st, c, True)
    st.reg.load = network_load(st.flows["rate"], st.flows["active"])
    st.reg.net_changed = 0


@kernel
def load_at_end_of_tick(spec: FleetSpec, st: State) -> float:
    """Return the bytes/s that leave the platform if nothing else happens at this tick.

    Rates are worked out anew only when a tick is left, which a run that ends at it doesn't do.
    """
    _share_bandwidth(spec, st)
    return network_load(st.flows["share"], st.flows["active"])


@inlined
def _leave_tick(spec: FleetSpec, st: State, event: int, until: int) -> None:
    """Move on to the next tick at which something happens, `until` at the latest.

    Writes: reg.net_changed, reg.next_event, reg.now, reg.peak_bandwidth, reg.peak_downloads.
    """
    if len(st.net) > 0:
        st.reg.peak_downloads = max(st.reg.peak_downloads, st.reg.downloads)
        st.reg.peak_bandwidth = max(st.reg.peak_bandwidth, st.reg.load)
    target = event
    if st.queues[READY_QUEUE].head != NOBODY and st.reg.processing < spec.platform.max_processing:
        target = min(target, max(st.reg.next_dispatch, st.reg.thaw))
    epoch = st.reg.epoch + 1
    begins = False
    if st.reg.downloads > 0 and epoch < len(spec.outages.epoch_tick):
        begins = spec.outages.epoch_tick[epoch] <= target
        target = min(target, spec.outages.epoch_tick[epoch])
    st.reg.next_event = target
    if target > until:
        target = until
        begins = False
    if target > st.reg.grid_tick:
        write_rows(st, spec.platform.resolution_ticks, target)
    st.reg.now = target
    if begins:
        st.reg.net_changed = 1


@kernel
def run_events(spec: FleetSpec, cuts: Shortcuts, st: State, until: int, finishes: bool) -> int:
    """Run all events up to and including `until`; if it `finishes` that tick, its dispatches as well.

    Returns:
        REACHED; TRIPPED by a watch, at the present tick; GROW: arrays are too small; PLAN: plans are wanted.

    Writes: reg.ended, reg.stale.
    """
    spec, cuts, st = local(spec), local(cuts), local(st)
    dispatching = known = network_known = False  # known: looked up, and nothing has changed since
    finished = cohort = tick = kind = device = queue = steps = np.int64(0)
    while True:
        if steps == 0:
            if not has_room(st):
                return GROW
            steps = _STRIDE
        steps -= 1
        if st.reg.stale >= 0:
            look_up_finished(st, st.reg.stale, False)
            st.reg.stale = -1
            network_known = False
        if st.queues[PLACES_QUEUE].head != NOBODY and st.reg.downloads < spec.platform.max_downloads:
            begin_download(spec, cuts, st)
            network_known = False
            continue
        now = st.reg.now
        if dispatching and may_dispatch(spec, st):
            if wants_plans(st):
                return PLAN
            dispatch(spec, cuts, st)
            continue
        dispatching = False
        if not network_known:
            finished, cohort = next_finished(st)
            network_known = True
        if not known:
            tick, kind, device, queue = next_event(spec, st)
        known = False
        if finished <= now:
            kind, queue = np.int64(K_FINISHED), cohort
        if min(finished, tick) <= now:
            _work_off(spec, cuts, st, kind, device, queue)
            continue
        if st.reg.ended != 0:
            st.reg.ended = 0
            if check_watches(st.watches, st.task_counts, st.group_ended, st.group_first):
                return TRIPPED
        if now >= until and not finishes:
            return REACHED
        dispatching = may_dispatch(spec, st)
        if not dispatching and st.reg.net_changed != 0:
            _recompute_network(spec, st)
            finished, cohort = next_finished(st)
        if dispatching or finished <= now:
            continue
        if now >= until:
            return REACHED
        _leave_tick(spec, st, min(finished, tick), until)
        known = True
