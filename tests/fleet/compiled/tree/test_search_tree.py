"""Levels in a search tree: they are found, and the egress is split as if the tree had been made anew."""

import math

import pytest
from fleet.make_spec import make_spec
from hypothesis import given
from hypothesis import strategies as st

from sim.fleet.compiled.memory.tree import new_tree
from sim.fleet.compiled.tree.search_tree import (
    count_node,
    find_node,
    first_above,
    insert_node,
    remove_node,
    split_egress,
)
from sim.fleet.reference.network.egress import split_egress as split_anew

NOBODY = -1
THETAS = [0.0, 0.1, 0.3, 1.0, 1.1, 1e3 / 7, 1e3 / 3, 1e5, 1e5 + 1e-9, 7e9, math.inf]

# (which theta, how many downloads, none to take it out)
steps = st.lists(st.tuples(st.integers(0, len(THETAS) - 1), st.integers(0, 5)), max_size=60)


def tree_of(n_levels):
    """Return a tree with room for so many levels."""
    return new_tree(make_spec([{"devices": n_levels, "site_devices": 1, "uplink": 1e3}], bandwidth=1.0))[1]


def depth_of(tree, at):
    """Return how many nodes lie on the longest path down from one, and assert that links agree."""
    if at == NOBODY:
        return 0
    node, depth = tree.nodes[at], 0
    for below in (int(node.left), int(node.right)):
        if below != NOBODY:
            assert tree.nodes[below].above == at
            assert tree.nodes[below].priority < node.priority
        depth = max(depth, depth_of(tree, below))
    return depth + 1


@given(steps, st.sampled_from([0.0, 0.2, 5.0, 777.7, 3e5, 1e12, math.inf]))
def test_egress__is_split_alike_whatever_came_and_went_before(script, bandwidth):
    """Levels come, change and go; sums are those of a new tree, to the last bit."""
    tree = tree_of(len(THETAS))
    active: dict[float, int] = {}
    for number, n in script:
        theta = THETAS[number]
        if n == 0:
            if active.pop(theta, 0):
                remove_node(tree, number)
        else:
            if theta not in active:
                insert_node(tree, number, theta)
            count_node(tree, number, n)
            active[theta] = n
        depth_of(tree, tree.top)
        order = sorted(active)
        assert [theta for theta in THETAS if find_node(tree, theta) != NOBODY] == order
        for theta in THETAS:
            above = min((other for other in order if other > theta), default=None)
            assert first_above(tree, theta) == (NOBODY if above is None else THETAS.index(above))
        cut, n_limited, load, rate = split_egress(tree, bandwidth)
        assert (cut, rate, load + rate * n_limited) == split_anew(
            bandwidth, order, [active[t] for t in order]
        )
        assert n_limited == sum(active[theta] for theta in order if theta > cut)


@pytest.mark.parametrize("theta_of", [float, lambda k: 1.25e6 / k, lambda k: 1e5 + k * 1e-6])
def test_paths__are_short_in_a_tree_of_very_many_levels(theta_of):
    """Whole numbers, what a line leaves to its downloads, neighbours: priorities seem drawn at random."""
    n = 2_000
    tree = tree_of(n)
    for k in range(1, n + 1):
        insert_node(tree, k, theta_of(k))
    assert depth_of(tree, tree.top) <= 4 * math.log(n)
