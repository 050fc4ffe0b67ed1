"""Drawing plans for the ready queue on a second thread, while the event loop works on the first.

Events have to happen one after the other, draws don't: a plan depends on nothing but its device and the
attempt. So the loop takes plans from one list while the next list is being drawn. Which plans are drawn
ahead, and whether any are, shows in nothing but the time a run takes.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import numpy as np

from sim.fleet._jit import kernel, natural
from sim.fleet.attempt import Shortcuts
from sim.fleet.moves import WAITTING
from sim.fleet.plans import ask_for_plan, draw_plans
from sim.fleet.rows import PLAN, Records, records
from sim.fleet.spec import FleetSpec, Floats, Int16s, Int32s
from sim.fleet.state import (
    N_EVENTS,
    N_PLANS,
    NOBODY,
    PLAN_AT,
    PLAN_N,
    PLANS_AHEAD,
    READY_QUEUE,
    State,
    new_uniforms,
)

_BATCH: Final = 16_384  # plans drawn at a time: few enough to stay in the cache
_WORTH_IT: Final = 2 * _BATCH  # ready devices below which the event loop plans by itself


@kernel
def walk_queue(work: Records, first: int, last: int, devices: Int32s) -> int:
    """Write down who stands in a queue from `first` to `last`, as many as fit; return how many they are.

    Others may be removed before `first` and added behind `last` meanwhile.
    """
    n = 0
    device = first
    while device != NOBODY and n < len(devices):
        devices[n] = device
        n += 1
        if device == last:
            break
        device = int(work[natural(device)].next)
    return n


@kernel
def plan_devices(
    spec: FleetSpec,
    cuts: Shortcuts,
    work: Records,
    attempts: Int16s,
    devices: Int32s,
    plans: Records,
    uniforms: Floats,
) -> None:
    """Plan the next attempts of devices, one plan each."""
    for lo in range(0, len(devices), N_PLANS):
        some = plans[lo : lo + N_PLANS]
        n = min(N_PLANS, len(devices) - lo)
        for i in range(n):
            ask_for_plan(spec, work, attempts, some, i, natural(devices[lo + i]))
        draw_plans(spec, cuts, some, uniforms, n)


class PlansAhead:
    """The lists of plans for one fleet's ready queue."""

    def __init__(self, spec: FleetSpec, cuts: Shortcuts, *, threads: int) -> None:
        """Begin without any.

        Args:
            spec: The fleet.
            cuts: Its shortcuts.
            threads: Threads that may be used; with one, nothing is drawn ahead.
        """
        self._pool = ThreadPoolExecutor(1) if threads > 1 else None
        self._spec = spec
        self._cuts = cuts
        self._uniforms = new_uniforms()
        self._spare = records(0, PLAN)
        self._coming: Future[Int32s] | None = None
        self._not_before = 0

    def begin(self, st: State) -> None:
        """Have the event loop ask for plans, if so many devices may be ready that it is worth it."""
        may = self._pool is not None and st.reg[N_EVENTS] >= self._not_before
        if may and st.counts[WAITTING] >= _WORTH_IT:
            st.reg[PLANS_AHEAD] = 1

    def close(self) -> None:
        """Give the thread and the lists free; nothing is drawn ahead any more."""
        self._drawn()
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        self._spare = records(0, PLAN)

    def drop(self, st: State) -> None:
        """Forget all plans: the queue's order has changed other than at its ends."""
        self._drawn()
        st.reg[PLAN_AT] = st.reg[PLAN_N] = 0

    def next_list(self, st: State) -> State:
        """Return the state with plans for the head of the ready queue, and begin the list after it."""
        head = int(st.queue_head[READY_QUEUE])
        devices = self._drawn()
        if not len(devices) or devices[0] != head:
            self._start(st, head)
            devices = self._drawn()
        if not len(devices):
            st.reg[PLANS_AHEAD] = 0
            self._not_before = int(st.reg[N_EVENTS]) + _WORTH_IT
            return st
        used_up = st.plans if len(st.plans) == _BATCH else records(_BATCH, PLAN)
        st, self._spare = st._replace(plans=self._spare), used_up
        st.reg[PLAN_AT], st.reg[PLAN_N] = 0, len(devices)
        self._start(st, int(st.work["next"][devices[-1]]))
        return st

    def _drawn(self) -> Int32s:
        """Wait for the list that is being drawn; return its devices, none if there are too few for a list."""
        coming, self._coming = self._coming, None
        return np.empty(0, np.int32) if coming is None else coming.result()

    def _start(self, st: State, first: int) -> None:
        """Begin to plan for those who stand in the queue from `first` on, if they are many."""
        if self._pool is None:
            return
        if not len(self._spare):
            self._spare = records(_BATCH, PLAN)
        spare, last = self._spare, int(st.queue_tail[READY_QUEUE])

        def draw() -> Int32s:
            devices = np.empty(_BATCH, np.int32)
            if walk_queue(st.work, first, last, devices) < _BATCH:
                return devices[:0]
            plan_devices(self._spec, self._cuts, st.work, st.out.attempts, devices, spare, self._uniforms)
            return devices

        self._coming = self._pool.submit(draw)
