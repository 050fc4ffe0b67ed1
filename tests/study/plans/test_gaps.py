"""The search along one field, against looking everywhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.study.plans.gaps import LOOKS_MAX, directions, may_hold, search


def find(met, needed, probes=8):
    """Search in (P, R, G) bool; return the first good position, what was looked at, and if all is done."""
    looked = {}
    last = len(met) - 1
    done = search(
        sorted({round(last * k / (probes - 1)) for k in range(probes)}),
        lambda at: looked.update({p: met[p] for p in at}),
        looked,
        needed=needed,
        middle=lambda low, high: (low + high) // 2,
    )
    good = [p for p in sorted(looked) if looked[p].all(axis=1).sum() >= needed]
    return (good[0] if good else None), looked, done


def steps(comes, goes, n):
    """Return (n, R, 2) bool: one goal that comes at a position of each replication, one that goes."""
    at = np.arange(n)[:, None]
    return np.stack([at >= np.array(comes), at < np.array(goes)], axis=2)


@given(st.data())
def test_search__finds_what_looking_everywhere_finds(data):
    """Whatever the positions at which goals come and go, the answer is the first that is good enough."""
    n, r = data.draw(st.integers(2, 150)), data.draw(st.integers(1, 6))
    comes = data.draw(st.lists(st.integers(1, n - 1), min_size=r, max_size=r))
    goes = data.draw(st.lists(st.integers(1, n - 1), min_size=r, max_size=r))
    needed = data.draw(st.integers(1, r))
    met = steps(comes, goes, n)
    good = np.flatnonzero(met.all(axis=2).sum(axis=1) >= needed)

    found, looked, done = find(met, needed)

    assert done
    assert found == (good[0] if len(good) else None)
    if found is not None:
        end = next((p for p in sorted(looked) if p > found and p not in good), found + 1)
        assert {found - 1, end - 1} & set(range(n)) <= set(looked)


def test_search__of_goals_that_come_is_a_bisection():
    """A million positions take the probes and twenty more."""
    met = np.arange(1_000_000)[:, None, None] >= np.array([345_678]).reshape(1, 1, 1)

    found, looked, _ = find(met, 1)

    assert found == 345_678
    assert len(looked) <= 8 + 18


def test_search__ends_at_its_bound_and_says_so():
    """Where every gap may hold the answer it doesn't go on for ever."""
    n = 5_000  # 400 replications that each meet both goals at one position of their own
    at = np.linspace(1, n - 2, 400).astype(int)
    met = steps(at, at + 1, n)

    found, looked, done = find(met, 2)

    assert (found, done, len(looked)) == (None, False, LOOKS_MAX)


def test_directions__are_read_off_what_was_looked_at():
    """A goal comes, goes, does neither, or both."""
    at = np.arange(5)[:, None]
    met = np.stack([at >= 2, at < 3, at < 0, (at >= 2) & (at < 4)], axis=2)

    assert directions(dict(enumerate(met))).tolist() == [1, -1, 0, 0]


@pytest.mark.parametrize(("direction", "n"), [([1, -1], 1), ([-1, 1], 2), ([0, 0], 4)])
def test_may_hold__bounds_what_lies_between(direction, n):
    """A goal that comes must hold above, one that goes below, and any other one on either side."""
    low = np.array([[False, True], [True, False], [True, False], [False, False]])
    high = np.array([[True, False], [False, True], [True, True], [True, True]])

    assert may_hold(low, high, np.array(direction)) == n
