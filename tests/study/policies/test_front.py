"""Pareto fronts with a tolerance, and the walk from coarse to fine."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.rules.policy import TaskPolicy
from sim.study.policies.front import (
    ADVICE,
    NONE,
    all_policies,
    best_of,
    classes_of,
    coarse_policies,
    dominating,
    finer_policies,
    leader,
    on_front,
)

of = TaskPolicy.of_minutes
tables = st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=40)


@given(tables)
def test_front__is_what_comparing_all_pairs_gives(rows):
    """A policy is on the front unless another one is better, or an equal one came before it."""
    classes = np.array(rows, np.int64)

    found = on_front(classes)

    for i, row in enumerate(rows):
        beaten = any(all(a <= b for a, b in zip(o, row, strict=True)) and o != row for o in rows)
        assert found[i] == (not beaten and row not in rows[:i])


@given(tables)
def test_dominating__is_empty_exactly_on_the_front(rows):
    """What nobody beats is on the front, or equal to something on it."""
    classes = np.array(rows, np.int64)
    kept = {rows[i] for i in np.flatnonzero(on_front(classes))}

    for i, row in enumerate(rows):
        assert (not dominating(classes, i)) == (row in kept)


def test_classes__differ_by_the_tolerance():
    """Less than the tolerance apart is equal or next to it; nothing and never stand apart."""
    values = np.array([[0.0], [100.0], [100.4], [101.5], [103.0], [1e9], [np.inf]])

    classes = classes_of(values, 0.01)[:, 0].tolist()

    assert classes == sorted(classes)
    assert classes[2] - classes[1] <= 1
    assert 1 <= classes[3] - classes[1] <= 2
    assert classes[4] - classes[1] == 3
    assert classes[0] < classes[1] - 1000
    assert classes[6] > classes[5] + 1000


def test_policies__are_all_that_the_vendor_allows():
    """Five counts of 1,440 intervals, and none; the simplest first."""
    policies = all_policies()

    assert len(policies) == len(set(policies)) == 7_201
    assert policies[:3] == [NONE, of(1, 1), of(1, 2)]
    assert policies[-1] == of(5, 1440)
    assert policies == sorted(policies)
    assert {NONE, ADVICE, of(5, 1440)} <= set(coarse_policies()) <= set(policies)
    assert (str(NONE), str(ADVICE)) == ("none", "2 × 5 min")


def test_finer__goes_halfway_to_the_neighbours_and_to_other_counts():
    """A policy on the front is surrounded until nothing is left to look at."""
    known = [
        NONE,
        of(2, 10),
        of(2, 40),
        of(2, 160),
        of(3, 40),
    ]

    assert finer_policies([of(2, 40)], known) == [
        of(1, 40),
        of(2, 20),
        of(2, 80),
    ]
    assert finer_policies([NONE], known) == []


@pytest.mark.parametrize("target", [1, 7, 631, 1022, 1440])
def test_finer__arrives_at_any_interval(target):
    """Walking towards one best interval ends there, or within one per cent of it, after few looks."""
    known = coarse_policies()
    for _ in range(30):
        front = [min((p for p in known if p != NONE), key=lambda p: (abs(p.retry_interval_min - target), p))]
        new = finer_policies(front, known)
        if not new:
            break
        known += new

    assert not new
    assert abs(front[0].retry_interval_min - target) <= max(0, target // 100)
    assert len(known) < 250
    assert set(known) <= set(all_policies())


def test_best__takes_objectives_in_their_order():
    """The most important one decides, the next one among equals."""
    classes = np.array([[1, 9], [0, 5], [0, 4], [2, 0]])

    assert best_of(classes, (0, 1)) == 2
    assert best_of(classes, (1, 0)) == 3


def test_leader__has_the_least_whatever_the_tolerance():
    """What is better by less than the tolerance leads; what no text shows is left to the other objectives."""
    cost = np.array([49_546.0, 49_306.397_656, 49_306.397_665, np.inf])
    classes = np.array([[0, 1], [0, 9], [0, 3], [5, 0]])

    assert leader(cost, classes, (0, 1)) == 2
    assert leader(cost[[0, 3]], classes[[0, 3]], (0, 1)) == 0
    assert leader(np.array([np.inf, np.inf]), classes[:2], (1, 0)) == 0
