"""Counts, and the state in which a task ends, for every mixture of subtasks."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import ModelError
from sim.rules.ends import end_state, is_settled, progress_of
from sim.rules.states import SubtaskState

COUNTERS = ["total", "processing", "success", "fail", "waitting", "fail_wait_retry", "stopped", "removed"]
LIVE = {"Waitting", "Processing", "FailWaitRetry"}


def progress(states):
    """Return the counts of a list of states."""
    return progress_of(np.bincount(np.array(states, np.int8), minlength=len(SubtaskState)))


def expected_end(names, whole_stop):
    """Return the end state by the rule in words, one subtask at a time; None if not settled."""
    if any(name in LIVE for name in names):
        return None
    if whole_stop:
        return "Stopped"
    present = [name for name in names if name != "Removed"]
    if not any(name == "Success" for name in present):
        return "Fail"
    return "Success" if all(name == "Success" for name in present) else "PartialSuccess"


@given(st.lists(st.sampled_from(SubtaskState)))
def test_progress__counts(states):
    """Each counter is the number of subtasks in its state, and the total is their sum."""
    counts = progress(states)
    assert sorted(counts) == sorted(COUNTERS)
    for state in SubtaskState:
        assert counts[state.progress_key] == states.count(state)
    assert counts["total"] == len(states)
    assert all(type(count) is int for count in counts.values())


@pytest.mark.parametrize("whole_stop", [False, True])
def test_end_state__every_mixture(whole_stop):
    """Each mixture of none, one or two subtasks a state ends as the rule says, or has not ended."""
    n_settled = 0
    for present in product([0, 1, 2], repeat=len(SubtaskState)):
        names = [s.wire for s, n in zip(SubtaskState, present, strict=True) for _ in range(n)]
        counts = progress_of(present)
        expected = expected_end(names, whole_stop)
        assert is_settled(counts) == (expected is not None), names
        if expected is not None:
            n_settled += 1
            assert end_state(counts, whole_stop) == expected, names
    assert n_settled == 3 ** (len(SubtaskState) - len(LIVE))


@pytest.mark.parametrize(
    "live", [SubtaskState.WAITTING, SubtaskState.PROCESSING, SubtaskState.FAIL_WAIT_RETRY]
)
@pytest.mark.parametrize("whole_stop", [False, True])
def test_end_state__not_settled(live, whole_stop):
    """Asking for the end of a task in which something can still happen is a fault of the caller."""
    counts = progress([SubtaskState.SUCCESS, live])
    with pytest.raises(ModelError, match="not settled"):
        end_state(counts, whole_stop)


@given(
    states=st.lists(
        st.sampled_from([SubtaskState.SUCCESS, SubtaskState.FAIL, SubtaskState.STOPPED, SubtaskState.REMOVED])
    ),
    whole_stop=st.booleans(),
)
def test_end_state__settled_lists(states, whole_stop):
    """Any settled task has exactly the end that its subtasks give it one by one."""
    counts = progress(states)
    assert is_settled(counts)
    assert end_state(counts, whole_stop) == expected_end([s.wire for s in states], whole_stop)


@pytest.mark.parametrize(
    ("states", "whole_stop", "end"),
    [
        ([2, 2], False, "Success"),
        ([2, 3], False, "PartialSuccess"),
        ([2, 5], False, "PartialSuccess"),
        ([3, 3], False, "Fail"),
        ([3, 5], False, "Fail"),
        ([5, 5], False, "Fail"),
        ([5, 5], True, "Stopped"),
        ([2, 5], True, "Stopped"),
        ([2, 6], False, "Success"),
    ],
)
def test_end_state__examples(states, whole_stop, end):
    """The mixtures that the documentation leaves open end as this package has settled."""
    assert end_state(progress(states), whole_stop) == end
