"""Pairing heaps in records: whatever is done to them, the root is the least and nobody is lost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.fleet.compiled.memory.tables import records
from sim.fleet.compiled.memory.tree import WAIT
from sim.fleet.compiled.tree.pairing_heap import brought_forward, meld, without

NOBODY = -1


def alone(n):
    """Return n entries that are in no heap."""
    rows = records(n, WAIT)
    for name in ("child", "next", "prev"):
        rows[name] = NOBODY
    return rows


def check(rows, root):
    """Return the entries of a heap, and assert that links agree and no child comes before its parent."""
    found, waiting = [], [root] if root != NOBODY else []
    if root != NOBODY:
        assert (rows[root].next, rows[root].prev) == (NOBODY, NOBODY)
    while waiting:
        entry = waiting.pop()
        found.append(entry)
        before, child = entry, rows[entry].child
        while child != NOBODY:
            assert rows[child].prev == before
            assert rows[child].key >= rows[entry].key
            waiting.append(child)
            before, child = child, rows[child].next
    return sorted(int(entry) for entry in found)


# (what to do, which of those that are in the heap or out of it, new key)
steps = st.lists(
    st.tuples(
        st.sampled_from(["enter", "enter", "leave", "pop", "hurry"]), st.integers(0, 11), st.integers(0, 9)
    ),
    max_size=60,
)


@given(steps)
def test_heap__keeps_its_least_entry_on_top(script):
    """Entries enter, leave from anywhere, leave from the top and become less, in any order."""
    rows, root = alone(12), NOBODY
    inside: set[int] = set()
    for what, k, key in script:
        outside = sorted(set(range(12)) - inside)
        if what == "enter" and outside:
            entry = outside[k % len(outside)]
            rows[entry].key = key
            root = meld(rows, root, entry)
            inside.add(entry)
        elif what in ("leave", "hurry") and inside:
            entry = sorted(inside)[k % len(inside)]
            if what == "leave":
                root = without(rows, root, entry)
                inside.remove(entry)
            else:
                rows[entry].key = min(rows[entry].key, key)
                root = brought_forward(rows, root, entry)
        elif what == "pop" and inside:
            inside.remove(int(root))
            root = without(rows, root, root)
        assert check(rows, root) == sorted(inside)
        assert not inside or rows[root].key == min(rows[entry].key for entry in inside)


@pytest.mark.parametrize("n", [1, 2, 100])
def test_heap__gives_back_in_order_what_entered_in_any(n):
    """Whoever is popped has the least key of all that are left."""
    rows, root = alone(n), NOBODY
    rows["key"] = np.random.default_rng(n).permutation(n)
    for entry in range(n):
        root = meld(rows, root, entry)
    popped = []
    while root != NOBODY:
        popped.append(rows[root].key)
        root = without(rows, root, root)
    assert popped == list(range(n))
