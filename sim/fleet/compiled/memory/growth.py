"""Growing the compiled plane's arrays: kernels can't, so they ask for it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.fleet.compiled.memory.state import State
from sim.fleet.compiled.memory.tables import Records, new_heap

MARGIN = 4
"""Entries that one step of a kernel may add to any growable array, at the most."""

_SPARE = 1024  # entries beyond those asked for, so that kernels rarely have to ask


def _grown(array: NDArray[Any], size: int, axis: int = 0) -> NDArray[Any]:
    """Return the array with at least `size` entries along an axis; the new ones are zero."""
    if array.shape[axis] >= size:
        return array
    shape = list(array.shape)
    shape[axis] = size
    grown = np.zeros(shape, array.dtype)
    grown[tuple(slice(0, k) for k in array.shape)] = array
    return grown.view(type(array))


def _grown_heap(heap: Records, size: int) -> Records:
    """Return the event heap with room for at least `size` events."""
    if len(heap) >= size:
        return heap
    grown = new_heap(size)
    grown[: len(heap)] = heap
    return grown


def _fits(st: State, heap: int, ended: int) -> bool:
    """Tell whether so many entries fit into every array without growing it."""
    return (
        int(st.reg.heap_n) + heap <= len(st.heap)
        and (len(st.net) > 0 or int(st.reg.span_n) + ended <= len(st.spans))
        and (len(st.trail) == 0 or int(st.reg.log_n) + ended <= len(st.log))
        and (len(st.net) == 0 or int(st.flows["n_broken"].max()) + ended <= st.broken.shape[1])
        and (len(st.line) == 0 or int(st.tree.n_waits) + ended <= len(st.tree.waits))
    )


def make_room(st: State, *, heap: int = 0, ended: int = 0, double: bool = False, grid: int = 0) -> None:
    """Give the state larger arrays where needed.

    Args:
        st: Mutated.
        heap: Events that must fit beyond those in the heap.
        ended: Attempts that may end at once, each with its entries in what records attempts.
        double: Whether to double what is nearly full.
        grid: Least number of curve rows.
    """
    if grid <= len(st.grid) and not double and _fits(st, heap + MARGIN, ended + MARGIN):
        return

    def size_for(used: int, size: int, more: int) -> int:
        if used + more + _SPARE <= size:
            return size
        return max(2 * size, used + more + _SPARE) if double or more else size

    events = size_for(int(st.reg.heap_n), len(st.heap), heap)
    broken = size_for(int(st.flows["n_broken"].max(initial=0)), st.broken.shape[1], ended)
    st.heap = _grown_heap(st.heap, events)
    st.broken = _grown(st.broken, broken, axis=1)
    st.grid = _grown(st.grid, grid)
    if len(st.line):
        waits = size_for(int(st.tree.n_waits), len(st.tree.waits), ended)
        st.tree.waits = _grown(st.tree.waits, waits)
    if len(st.net) == 0:
        st.spans = _grown(st.spans, size_for(int(st.reg.span_n), len(st.spans), ended))
    if len(st.trail) > 0:
        st.log = _grown(st.log, size_for(int(st.reg.log_n), len(st.log), ended))
