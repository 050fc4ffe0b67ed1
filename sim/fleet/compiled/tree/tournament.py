"""A tournament of ticks, or of marks: which of many is the least is known at once, and soon after a change.

Node i has the least of nodes 8 i to 8 i + 7, and node 1 the least of all; leaf k is node `width` + k, where
`width` is a power of eight. Decision: eight at each node, instead of two: they share a cache line, and most
changes are over after one node, since the leaf was not the least of its eight and isn't now.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim.fleet.compiled.memory.tree import Tree
from sim.fleet.jit import called, inlined, natural
from sim.fleet.spec import NEVER, Floats, Int64s

_SHIFT: Final = 3  # of eight children


@inlined
def _least_of_children(least_of: Int64s | Floats, node: int) -> float:
    """Return the least of a node's eight children; in pairs, so that no comparison waits for all others."""
    at = natural(node << _SHIFT)
    a, b = min(least_of[at], least_of[at + 1]), min(least_of[at + 2], least_of[at + 3])
    c, d = min(least_of[at + 4], least_of[at + 5]), min(least_of[at + 6], least_of[at + 7])
    return min(min(a, b), min(c, d))


@inlined
def _enter(least_of: Int64s | Floats, i: int, value: float) -> None:
    """Write down a value at a leaf, and above it."""
    i = natural(i)
    before = least_of[i]
    least_of[i] = value
    while i > 1:
        i = natural(i >> _SHIFT)
        least = least_of[i]
        if value >= least:
            if before != least:
                return
            value = _least_of_children(least_of, i)
            if value == least:
                return
        before = least
        least_of[i] = value


@inlined
def _first(least_of: Int64s | Floats, width: int) -> int:
    """Return the leaf with the least value."""
    least, i = least_of[1], 1
    while i < width:
        i = natural(i << _SHIFT)
        while least_of[i] != least:
            i += 1
    return i - width


@inlined
def enter_tick(tree: Tree, leaf: int, tick: int) -> None:
    """Write down a leaf's tick."""
    _enter(tree.soonest, tree.width + leaf, np.int64(tick))


@inlined
def enter_mark(tree: Tree, leaf: int, mark: float) -> None:
    """Write down a leaf's mark."""
    _enter(tree.marks, tree.width + leaf, mark)


@inlined
def first_leaf(tree: Tree) -> int:
    """Return the leaf with the least tick."""
    return _first(tree.soonest, tree.width)


@inlined
def first_mark(tree: Tree) -> int:
    """Return the leaf with the least mark."""
    return _first(tree.marks, tree.width)


@called
def _widen(least_of: Int64s | Floats, width: int, nothing: float) -> None:
    """Make room for eight times as many leaves, with nothing at the new ones."""
    wide = width << _SHIFT
    for i in range(width - 1, -1, -1):  # the leaves' new places lie behind all they are copied from
        least_of[wide + i] = least_of[width + i]
    for i in range(wide + width, 2 * wide):
        least_of[i] = nothing
    while wide > 1:
        wide >>= _SHIFT
        for i in range(wide, 2 * wide):
            least_of[i] = _least_of_children(least_of, i)


@called
def widen(tree: Tree) -> None:
    """Make room for eight times as many leaves."""
    _widen(tree.soonest, tree.width, np.int64(NEVER))
    _widen(tree.marks, tree.width, np.inf)
    tree.width <<= _SHIFT
