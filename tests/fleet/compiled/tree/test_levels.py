"""Levels are found by what they get, and a tournament knows which is over first."""

import numpy as np
from fleet.make_spec import make_spec
from hypothesis import given
from hypothesis import strategies as st

from sim.fleet.compiled.memory.tree import EGRESS, IDLE, new_tree
from sim.fleet.compiled.tree.levels import drop_level, level_of
from sim.fleet.compiled.tree.tournament import enter_tick, first_leaf
from sim.fleet.spec import NEVER


def tree_of(n_lines):
    """Return a tree of so many lines, each at a site of its own."""
    return new_tree(make_spec([{"devices": n_lines, "site_devices": 1, "uplink": 1e3}], bandwidth=1.0))[1]


# (what to do, theta or which level, tick)
steps = st.lists(
    st.tuples(st.sampled_from(["find", "find", "tick", "drop"]), st.integers(0, 15), st.integers(0, 99)),
    max_size=80,
)


@given(steps)
def test_levels__are_found_again_and_the_first_is_known(script):
    """Levels come, are found again, are dropped and have new ticks, in any order."""
    tree = tree_of(10)
    ticks: dict[float, int] = {}
    number: dict[float, int] = {}
    for what, k, tick in script:
        if what == "find" and (len(number) < 16 or float(k) in number):
            found = level_of(tree, float(k), 0)
            assert number.setdefault(float(k), found) == found
            if float(k) not in ticks:
                ticks[float(k)] = int(NEVER)
                enter_tick(tree, found, NEVER)
        elif number:
            theta = sorted(number)[k % len(number)]
            if what == "tick":
                ticks[theta] = tick
                enter_tick(tree, number[theta], tick)
            elif what == "drop":
                enter_tick(tree, number[theta], NEVER)
                drop_level(tree, number.pop(theta))
                del ticks[theta]
        assert not {IDLE, EGRESS}.intersection(number.values())
        assert tree.levels["theta"][list(number.values())].tolist() == list(number)
        first = min(ticks.values(), default=int(NEVER))
        assert tree.soonest[1] == first
        if first < NEVER:
            assert ticks[float(tree.levels["theta"][first_leaf(tree)])] == first


def test_lines__are_one_for_each_cohort_at_each_site():
    """Lines of a site lie together, in the order of cohorts; devices elsewhere come last, by cohort."""
    spec = make_spec(
        [{"devices": 4}, {"devices": 4}], site_of=[1, 0, -1, 0, 0, 1, -1, 1], sites=[(5.0, 1)] * 3
    )
    line, tree = new_tree(spec)
    assert line.tolist() == [2, 0, 4, 0, 1, 3, 5, 3]
    assert tree.uplinks["n"].tolist() == [2, 2, 1, 1]
    assert tree.uplinks["rate"].tolist() == [5.0, 5.0, np.inf, np.inf]
    assert tree.lines["uplink"].tolist() == [0, 0, 1, 1, 2, 3]


def test_lines__are_none_where_no_line_is_limited():
    """Sites that only limit upgrades, or that nobody is at, leave a fleet without a tree."""
    unlimited = make_spec([{"devices": 2}], site_of=[0, 0], sites=[(np.inf, 1), (5.0, 1)])
    assert [len(of) for of in (*new_tree(unlimited)[:1], new_tree(unlimited)[1].levels)] == [0, 0]
