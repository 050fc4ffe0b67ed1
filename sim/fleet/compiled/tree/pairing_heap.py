"""Pairing heaps whose links lie in the records themselves: any number of heaps in one array.

Records have fields `key`, `child`, `next` and `prev`. A heap is the number of its root, -1 when it is empty;
`next` of a child is its next sibling, `prev` the sibling before it, or its parent if it is the first.

Source:
    Fredman, Sedgewick, Sleator and Tarjan, "The pairing heap: a new form of self-adjusting heap",
    Algorithmica 1 (1986). The pairs are melded in two passes.
"""

from __future__ import annotations

from sim.fleet.compiled.memory.state import NOBODY
from sim.fleet.compiled.memory.tables import Records
from sim.fleet.jit import called, inlined, natural


@inlined
def meld(rows: Records, one: int, other: int) -> int:
    """Make one heap of two; return its root."""
    if one == NOBODY:
        return other
    if other == NOBODY:
        return one
    if rows[natural(other)].key < rows[natural(one)].key:
        one, other = other, one
    upper, lower = natural(one), natural(other)
    first = rows[upper].child
    rows[lower].prev = upper
    rows[lower].next = first
    if first != NOBODY:
        rows[natural(first)].prev = lower
    rows[upper].child = lower
    return one


@called
def _paired(rows: Records, first: int) -> int:
    """Make one heap of siblings, `first` and those behind it; return its root."""
    pairs = NOBODY
    while first != NOBODY:
        one = natural(first)
        second = rows[one].next
        rows[one].next = NOBODY
        rows[one].prev = NOBODY
        first = NOBODY
        if second != NOBODY:
            other = natural(second)
            first = rows[other].next
            rows[other].next = NOBODY
            rows[other].prev = NOBODY
        pair = meld(rows, one, second)
        rows[natural(pair)].next = pairs
        pairs = pair
    root = NOBODY
    while pairs != NOBODY:
        pair = natural(pairs)
        pairs = rows[pair].next
        rows[pair].next = NOBODY
        root = meld(rows, root, pair)
    return root


@inlined
def without(rows: Records, root: int, entry: int) -> int:
    """Take an entry out of a heap; return the new root."""
    entry = natural(entry)
    below = _paired(rows, rows[entry].child) if rows[entry].child != NOBODY else NOBODY
    rows[entry].child = NOBODY
    if root == entry:
        return below
    _cut(rows, entry)
    return meld(rows, root, below)


@inlined
def _cut(rows: Records, entry: int) -> None:
    """Take an entry that is not the root away from its siblings, with what is below it."""
    before, after = natural(rows[entry].prev), rows[entry].next
    if rows[before].child == entry:
        rows[before].child = after
    else:
        rows[before].next = after
    if after != NOBODY:
        rows[natural(after)].prev = before
    rows[entry].next = NOBODY
    rows[entry].prev = NOBODY


@inlined
def brought_forward(rows: Records, root: int, entry: int) -> int:
    """Put an entry in its place whose key has become less; return the new root."""
    entry = natural(entry)
    if root == entry:
        return root
    _cut(rows, entry)
    return meld(rows, root, entry)
