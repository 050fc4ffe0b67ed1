"""A tournament of ticks: which of many is the least is known at once, and after each change soon again.

Node i has the least of nodes 8 i to 8 i + 7, and node 1 the least of all; leaf k is node `width` + k, where
`width` is a power of eight. Decision: eight at each node, instead of two: they share a cache line, and most
changes are over after one node, since the leaf was not the least of its eight and isn't now.
"""

from __future__ import annotations

from typing import Final

from sim.fleet.compiled.memory.tree import Tree
from sim.fleet.jit import called, inlined, natural
from sim.fleet.spec import NEVER, Int64s

_SHIFT: Final = 3  # of eight children


@inlined
def _least_of_children(soonest: Int64s, node: int) -> int:
    """Return the least of a node's eight children; in pairs, so that no comparison waits for all others."""
    at = natural(node << _SHIFT)
    a, b = min(soonest[at], soonest[at + 1]), min(soonest[at + 2], soonest[at + 3])
    c, d = min(soonest[at + 4], soonest[at + 5]), min(soonest[at + 6], soonest[at + 7])
    return min(min(a, b), min(c, d))


@inlined
def enter_tick(tree: Tree, leaf: int, tick: int) -> None:
    """Write down a leaf's tick."""
    soonest = tree.soonest
    i = natural(tree.width + leaf)
    before = soonest[i]
    soonest[i] = tick
    while i > 1:
        i = natural(i >> _SHIFT)
        least = soonest[i]
        if tick >= least:
            if before != least:
                return
            tick = _least_of_children(soonest, i)
            if tick == least:
                return
        before = least
        soonest[i] = tick


@inlined
def first_leaf(tree: Tree) -> int:
    """Return the leaf with the least tick."""
    soonest = tree.soonest
    least, i = soonest[1], 1
    while i < tree.width:
        i = natural(i << _SHIFT)
        while soonest[i] != least:
            i += 1
    return i - tree.width


@called
def enter_all_ticks(tree: Tree) -> None:
    """Bring the inner nodes up to date when all leaves are."""
    first = tree.width
    while first > 1:
        first >>= _SHIFT
        for i in range(first, 2 * first):
            tree.soonest[i] = _least_of_children(tree.soonest, i)


@called
def widen(tree: Tree) -> None:
    """Make room for eight times as many leaves."""
    width, wide = tree.width, tree.width << _SHIFT
    soonest = tree.soonest
    for i in range(width - 1, -1, -1):  # the leaves' new places lie behind all they are copied from
        soonest[wide + i] = soonest[width + i]
    for i in range(wide + width, 2 * wide):
        soonest[i] = NEVER
    tree.width = wide
    enter_all_ticks(tree)
