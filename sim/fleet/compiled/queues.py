"""Queues of the compiled plane: linked lists through the device rows, and array heaps.

A device stands in one queue at most, so a pair of neighbours in its row serves all of them, and leaving a
queue from its middle costs as little as from its head. Heaps keep outdated entries; whoever pops
checks against the device's row.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim.fleet.compiled.memory.state import NOBODY, State
from sim.fleet.compiled.memory.tables import Records
from sim.fleet.jit import called, inlined, kernel, natural

KIND_SHIFT: Final = 40
DEVICE_MASK: Final = (1 << 40) - 1
_ARITY: Final = 4


@inlined
def append(rows: Records, queues: Records, queue: int, device: int) -> None:
    """Put a device at the end of a queue.

    Args:
        rows: Records with fields `next` and `prev`; mutated.
        queues: Records with fields `head` and `tail`; mutated.
        queue: Index of the queue.
        device: Device that stands in no queue of these rows.
    """
    device = natural(device)
    queue = natural(queue)
    last = np.int64(queues[queue].tail)
    rows[device].prev = last
    rows[device].next = NOBODY
    if last == NOBODY:
        queues[queue].head = device
    else:
        rows[natural(last)].next = device
    queues[queue].tail = device


@inlined
def insert_after(rows: Records, queues: Records, queue: int, device: int, before: int) -> None:
    """Put a device behind `before`, or at the head when `before` is NOBODY; arguments as in `append`."""
    device = natural(device)
    queue = natural(queue)
    after = np.int64(queues[queue].head) if before == NOBODY else np.int64(rows[natural(before)].next)
    rows[device].prev = before
    rows[device].next = after
    if before == NOBODY:
        queues[queue].head = device
    else:
        rows[natural(before)].next = device
    if after == NOBODY:
        queues[queue].tail = device
    else:
        rows[natural(after)].prev = device


@inlined
def remove(rows: Records, queues: Records, queue: int, device: int) -> None:
    """Take a device out of the queue it stands in; arguments as in `append`."""
    device = natural(device)
    queue = natural(queue)
    before = np.int64(rows[device].prev)
    after = np.int64(rows[device].next)
    if before == NOBODY:
        queues[queue].head = after
    else:
        rows[natural(before)].next = after
    if after == NOBODY:
        queues[queue].tail = before
    else:
        rows[natural(after)].prev = before


@inlined
def heap_push(st: State, tick: int, kind: int, device: int) -> None:
    """Schedule an event; the caller has made sure that there is room.

    Writes: reg.heap_n.
    """
    tag = (np.int64(kind) << KIND_SHIFT) | np.int64(device)
    heap = st.heap
    i = natural(st.reg.heap_n)
    st.reg.heap_n = i + 1
    while i > 0:
        parent = natural((i - 1) >> 2)
        if heap[parent].tick < tick or (heap[parent].tick == tick and heap[parent].tag < tag):
            break
        heap[i].tick = heap[parent].tick
        heap[i].tag = heap[parent].tag
        i = parent
    heap[i].tick = tick
    heap[i].tag = tag


@inlined
def _least_child(heap: Records, n: int, child: int) -> int:
    """Return the earliest of up to four siblings, the first of which is `child`.

    A full family is compared by ticks alone, without branches and without reading a tick twice, which is
    several times as fast as comparing pairs; tags are looked at only when ticks are equal.
    """
    least = child
    if child + 3 < n:
        t0, t1, t2, t3 = heap[child].tick, heap[child + 1].tick, heap[child + 2].tick, heap[child + 3].tick
        left = t1 if t1 < t0 else t0
        right = t3 if t3 < t2 else t2
        if t0 != t1 and t2 != t3 and left != right:
            return child + 2 + (t3 < t2) if right < left else child + (t1 < t0)
    for other in range(child, min(child + 4, n)):
        if heap[other].tick < heap[least].tick or (
            heap[other].tick == heap[least].tick and heap[other].tag < heap[least].tag
        ):
            least = other
    return least


@called
def _heap_settle(heap: Records, n: int, i: int, tick: int, tag: int) -> None:
    """Let the entry (tick, tag) sink from position i of a heap of n entries."""
    while True:
        child = natural(i * _ARITY + 1)
        if child >= n:
            break
        least = natural(_least_child(heap, n, child))
        if tick < heap[least].tick or (tick == heap[least].tick and tag < heap[least].tag):
            break
        heap[i].tick = heap[least].tick
        heap[i].tag = heap[least].tag
        i = least
    heap[i].tick = tick
    heap[i].tag = tag


@inlined
def heap_pop(st: State) -> None:
    """Drop the earliest event.

    Writes: reg.heap_n.
    """
    n = natural(st.reg.heap_n - 1)
    st.reg.heap_n = n
    if n > 0:
        _heap_settle(st.heap, n, 0, st.heap[n].tick, st.heap[n].tag)


@kernel
def heapify(heap: Records, n: int) -> None:
    """Make a heap of the first n entries."""
    for i in range((n - 2) // _ARITY, -1, -1):
        _heap_settle(heap, n, i, heap[i].tick, heap[i].tag)


@inlined
def mark_push(heap: Records, n: int, mark: float, device: int) -> None:
    """Add to a heap of n finish marks; ties by device."""
    i = n
    while i > 0:
        parent = (i - 1) >> 1
        if heap[parent].mark < mark or (heap[parent].mark == mark and heap[parent].target < device):
            break
        heap[i].mark = heap[parent].mark
        heap[i].target = heap[parent].target
        i = parent
    heap[i].mark = mark
    heap[i].target = device


@called
def mark_pop(heap: Records, n: int) -> None:
    """Drop the least of n finish marks; n - 1 are left."""
    n -= 1
    mark = heap[n].mark
    device = heap[n].target
    i = 0
    while True:
        child = 2 * i + 1
        if child >= n:
            break
        if child + 1 < n and (
            heap[child + 1].mark < heap[child].mark
            or (heap[child + 1].mark == heap[child].mark and heap[child + 1].target < heap[child].target)
        ):
            child += 1
        if mark < heap[child].mark or (mark == heap[child].mark and device < heap[child].target):
            break
        heap[i].mark = heap[child].mark
        heap[i].target = heap[child].target
        i = child
    heap[i].mark = mark
    heap[i].target = device
