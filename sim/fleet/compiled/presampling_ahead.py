"""Drawing plans for the ready queue on a second thread, while the event loop works on the first.

Events have to happen one after the other, draws don't: a plan depends on nothing but its device and the
attempt. So the loop takes plans from one list while the next list is being drawn. Which plans are drawn
ahead, and whether any are, shows in nothing but the time a run takes.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import numpy as np

from sim.fleet.compiled.memory.atomics import take
from sim.fleet.compiled.memory.registers import Registers
from sim.fleet.compiled.memory.shortcuts import Shortcuts
from sim.fleet.compiled.memory.state import (
    N_PLANS,
    NOBODY,
    READY_QUEUE,
    State,
    new_uniforms,
)
from sim.fleet.compiled.memory.tables import PLAN, Records, records
from sim.fleet.compiled.presampling import ask_for_plan, draw_plans
from sim.fleet.jit import kernel, local, natural
from sim.fleet.spec import FleetSpec, Floats, Int32s, Int64s

_MOST: Final = 16_384  # plans drawn at a time: few enough to stay in the cache
_FEWEST: Final = 1024  # plans that are worth going to another thread
_HEAD_START: Final = 512  # devices that the event loop plans for itself while the first list is drawn


@kernel
def walk_queue(work: Records, first: int, devices: Int32s) -> None:
    """Write down who stands in a queue from `first` on; there are enough of them.

    Others may be removed before `first` and added at the queue's end meanwhile.
    """
    device = natural(first)
    for i in range(len(devices)):
        devices[i] = device
        device = natural(work[device].next)


@kernel
def plan_devices(
    spec: FleetSpec,
    cuts: Shortcuts,
    work: Records,
    attempts: Int32s,
    earlier: Int32s,
    devices: Int32s,
    plans: Records,
    uniforms: Floats,
    taken: Int64s,
) -> None:
    """Plan the next attempts of devices, one plan each; on two threads each of them plans for some.

    Args:
        work: Rows of all devices.
        attempts: Attempts of all devices.
        earlier: As in `State`.
        devices: For whom to plan.
        plans: As many plans or more. Written.
        uniforms: What plans are drawn with, of this thread alone.
        taken: (1,) how many devices are planned for, or just being planned for. Counted up.
    """
    spec, cuts = local(spec), local(cuts)
    while True:
        lo = natural(take(taken, N_PLANS))
        if lo >= len(devices):
            return
        some = plans[lo : lo + N_PLANS]
        n = min(N_PLANS, len(devices) - lo)
        for i in range(n):
            ask_for_plan(spec, work, attempts, earlier, some, i, natural(devices[lo + i]))
        draw_plans(spec, cuts, some, uniforms, n)


class PlansAhead:
    """The lists of plans for one fleet's ready queue.

    The first list is short, and the event loop plans some devices before it by itself, so that it need not
    wait; each list after it is twice as long, since that many plans can be drawn meanwhile.
    """

    def __init__(self, spec: FleetSpec, cuts: Shortcuts, reg: Registers, *, threads: int) -> None:
        """Begin without any; have the event loop ask for them whenever enough subtasks are ready.

        Args:
            reg: `State.reg`, which says when to ask.
            threads: Threads that may be used; with one, nothing is drawn ahead.
        """
        self._pool = ThreadPoolExecutor(1) if threads > 1 else None
        if self._pool is not None:
            reg.plans_least = _HEAD_START + _FEWEST
        self._spec = spec
        self._cuts = cuts
        self._uniforms = new_uniforms()
        self._spare = records(0, PLAN)
        self._coming: Future[Int32s] | None = None
        self._draw: Callable[[Floats], None] | None = None  # plans for devices of the coming list

    def close(self) -> None:
        """Give the thread and the lists free; nothing is drawn ahead any more."""
        self._drawn()
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        self._spare = records(0, PLAN)

    def drop(self, st: State) -> None:
        """Forget all plans: the queue's order is about to change other than at its ends."""
        self._drawn()
        st.reg.plan_at = st.reg.plan_n = 0
        st.reg.plans_next = NOBODY

    def next_list(self, st: State) -> None:
        """Answer the event loop, which has no plan for the head of the ready queue.

        Args:
            st: Gets the list that begins there, if it has been begun.
        """
        ready = int(st.reg.ready_n)
        if self._coming is None:
            before = np.empty(_HEAD_START + 1, np.int32)
            walk_queue(st.work, int(st.queues[READY_QUEUE].head), before)
            self._start(st, int(before[-1]), min(_FEWEST, ready - _HEAD_START))
            return
        if self._draw is not None and not self._coming.done():
            self._draw(st.uniforms)  # rather than wait, do a part
        devices = self._drawn()
        used_up = st.plans if len(st.plans) == _MOST else records(_MOST, PLAN)
        st.plans, self._spare = self._spare, used_up
        st.reg.plan_at, st.reg.plan_n, st.reg.plans_next = 0, len(devices), NOBODY
        length = min(2 * len(devices), ready - len(devices), _MOST)
        if length >= _FEWEST:
            self._start(st, int(st.work["next"][devices[-1]]), length)

    def _drawn(self) -> Int32s:
        """Wait for the list that is being drawn, if any; return its devices."""
        coming, self._coming, self._draw = self._coming, None, None
        return np.empty(0, np.int32) if coming is None else coming.result()

    def _start(self, st: State, first: int, length: int) -> None:
        """Begin to plan for so many who stand in the queue from `first` on."""
        assert self._pool is not None, "the event loop asks only if there is a thread"
        if not len(self._spare):
            self._spare = records(_MOST, PLAN)
        st.reg.plans_next = first
        spare, work, attempts, earlier = self._spare, st.work, st.out.attempts, st.earlier
        devices: Int32s = np.empty(length, np.int32)
        taken: Int64s = np.array([length])  # nobody can be planned for yet

        def draw(uniforms: Floats) -> None:
            plan_devices(self._spec, self._cuts, work, attempts, earlier, devices, spare, uniforms, taken)

        def walk_and_draw() -> Int32s:
            walk_queue(work, first, devices)
            taken[0] = 0
            draw(self._uniforms)
            return devices

        self._draw = draw
        self._coming = self._pool.submit(walk_and_draw)
