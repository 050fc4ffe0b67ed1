"""A tournament knows the least of its ticks after every change."""

from fleet.make_spec import make_spec
from hypothesis import given
from hypothesis import strategies as st

from sim.fleet.compiled.memory.tree import new_tree
from sim.fleet.compiled.tree.tournament import (
    enter_mark,
    enter_tick,
    first_leaf,
    first_mark,
    widen,
)
from sim.fleet.spec import NEVER


def tree_of(n_lines, **platform):
    """Return a tree of so many lines, each at a site of its own."""
    return new_tree(make_spec([{"devices": n_lines, "site_devices": 1, "uplink": 1e3}], **platform))[1]


def assert_least_is_known(tree, ticks):
    """Assert that the tournament's first node and its first leaf say what all ticks do."""
    assert tree.soonest[1] == min(ticks)
    if min(ticks) < NEVER:
        assert ticks[first_leaf(tree)] == min(ticks)


@given(st.lists(st.tuples(st.integers(0, 69), st.integers(0, 20)), max_size=120))
def test_tournament__of_lines_knows_the_first_after_every_change(changes):
    """Ticks become earlier, later, NEVER (20) and equal to others, on three tiers of nodes."""
    tree = tree_of(70)
    assert (tree.width, len(tree.levels), len(tree.clocks)) == (512, 0, 70)
    ticks = [int(NEVER)] * 70
    for line, tick in changes:
        ticks[line] = tick if tick < 20 else int(NEVER)
        enter_tick(tree, line, ticks[line])
        assert_least_is_known(tree, ticks)


def test_tournament__keeps_its_ticks_when_it_is_widened():
    """Eight times as many leaves begin without ticks; the marks of levels are widened with them."""
    tree = tree_of(70, bandwidth=1.0)
    assert (tree.width, len(tree.levels), len(tree.clocks)) == (8, 142, 0)
    ticks = [9, 3, int(NEVER), 7, 3, 8, 5, 6]
    for leaf, tick in enumerate(ticks):
        enter_tick(tree, leaf, tick)
        enter_mark(tree, leaf, 0.5 - tick)
    widen(tree)
    assert tree.width == 64
    ticks += [int(NEVER)] * 56
    assert_least_is_known(tree, ticks)
    assert (first_mark(tree), tree.marks[1]) == (2, 0.5 - NEVER)
    enter_mark(tree, 2, float("inf"))
    enter_mark(tree, 60, -9.5)
    assert (first_mark(tree), tree.marks[1]) == (60, -9.5)
