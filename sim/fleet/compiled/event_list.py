"""What comes next in the compiled plane: the earliest of events in the heap, in queues, in the network.

Most steps leave most of these alone, so what was looked up is kept in registers until it changes.
"""

from __future__ import annotations

import numpy as np

from sim.fleet.compiled.memory.state import LOADING_QUEUES, NOBODY, READY_QUEUE, State
from sim.fleet.compiled.queues import DEVICE_MASK, KIND_SHIFT, heap_pop
from sim.fleet.compiled.stages import attempt as play
from sim.fleet.compiled.stages.attempt import K_RETRY, K_TIMER
from sim.fleet.jit import inlined, natural
from sim.fleet.spec import NEVER, FleetSpec
from sim.fleet.whereabouts import OutageTable


@inlined
def _drop_stale_events(st: State) -> None:
    """Take events that were called off away from the top of the heap.

    Without any, no device's row is looked at before its event is worked off.

    Writes: reg.heap_stale.
    """
    while st.reg.heap_stale > 0 and st.reg.heap_n > 0:
        tag = st.heap[0].tag
        row = st.work[tag & DEVICE_MASK]
        if row.due == st.heap[0].tick and row.kind == tag >> KIND_SHIFT:
            break
        heap_pop(st)
        st.reg.heap_stale -= 1


@inlined
def _look_up_queues(spec: FleetSpec, st: State) -> None:
    """Find the next event that stands in a queue: a download's deadline or an automatic retry.

    Writes: reg.queue_device, reg.queue_kind, reg.queue_known, reg.queue_number, reg.queue_tick.
    """
    tick = np.int64(NEVER)
    kind = np.int64(K_RETRY)
    device = np.int64(NOBODY)
    number = np.int64(-1)
    if len(st.net) > 0:
        for c in range(len(st.deadlines)):
            head = np.int64(st.deadlines[c].head)
            if head != NOBODY:
                due = play.download_deadline(spec, c, st.work[natural(head)].entered)
                if due < tick or (due == tick and head < device):
                    tick, kind, device, number = due, np.int64(K_TIMER), head, np.int64(c)
    first = LOADING_QUEUES + len(st.deadlines)
    for q in range(first, first + st.reg.n_retry_used):
        head = np.int64(st.queues[q].head)
        if head != NOBODY:
            due = st.work[natural(head)].due
            if due < tick or (due == tick and kind == K_RETRY and head < device):
                tick, kind, device, number = due, np.int64(K_RETRY), head, np.int64(q)
    st.reg.queue_tick = tick
    st.reg.queue_kind = kind
    st.reg.queue_device = device
    st.reg.queue_number = number
    st.reg.queue_known = 1


@inlined
def next_event(spec: FleetSpec, st: State) -> tuple[int, int, int, int]:
    """Find the next event of kinds 1 to 5.

    Returns:
        (tick, kind, device, queue): queue is the cohort of a download's deadline, the queue of a retry,
        or -1 when the event is the heap's top.
    """
    if st.reg.queue_known == 0:
        _look_up_queues(spec, st)
    _drop_stale_events(st)
    tick = st.reg.queue_tick
    kind = st.reg.queue_kind
    device = st.reg.queue_device
    queue = st.reg.queue_number
    if st.reg.heap_n > 0 and st.heap[0].tick <= tick:
        tag = st.heap[0].tag
        if st.heap[0].tick < tick or tag < (kind << KIND_SHIFT) | device:
            tick, kind, device, queue = st.heap[0].tick, tag >> KIND_SHIFT, tag & DEVICE_MASK, np.int64(-1)
    return tick, kind, device, queue


@inlined
def next_finished(st: State) -> tuple[int, int]:
    """Return (tick, cohort) of the next finished download; (NEVER, -1) if there is none.

    On a tree of lines the cohort is 0: whose it is will be asked when it is over.
    """
    tick = np.int64(NEVER)
    cohort = np.int64(-1)
    if len(st.line) > 0:
        tick, cohort = st.tree.soonest[1], np.int64(0)
    elif len(st.net) > 0:
        for c in range(len(st.flows)):
            if st.flows[c].next_tick < tick:
                tick, cohort = st.flows[c].next_tick, np.int64(c)
    return tick, cohort


@inlined
def _meet_freezes(outages: OutageTable, st: State) -> None:
    """Take note of the freezes that have begun by now.

    Writes: reg.freeze, reg.freeze_at, reg.thaw.
    """
    n, row = len(outages.freeze_from), st.reg.freeze
    while row < n and outages.freeze_from[row] <= st.reg.now:
        st.reg.thaw = outages.freeze_to[row]
        row += 1
    st.reg.freeze = row
    st.reg.freeze_at = outages.freeze_from[row] if row < n else np.int64(NEVER)


@inlined
def may_dispatch(spec: FleetSpec, st: State) -> bool:
    """Tell whether a subtask is ready, has a place, is not too early, and no freeze is on."""
    if st.reg.freeze_at <= st.reg.now:
        _meet_freezes(spec.outages, st)
    return (
        st.queues[READY_QUEUE].head != NOBODY
        and st.reg.processing < spec.platform.max_processing
        and max(st.reg.next_dispatch, st.reg.thaw) <= st.reg.now
    )
