"""Bounds of the automatic retry, and when its budget is used up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.rules.policy import TaskPolicy, after_failure, after_failures, policy_problems
from sim.rules.states import SubtaskState


@pytest.mark.parametrize("count", [0, 1, 5])
@pytest.mark.parametrize("interval", [1, 5, 1440])
def test_policy__inside_the_bounds(count, interval):
    """Both bounds belong to what is allowed."""
    assert TaskPolicy(count, interval).validate() == []
    assert policy_problems(count, interval) == []


def test_policy__none():
    """No policy at all is good and means no retry."""
    assert TaskPolicy().validate() == []
    assert policy_problems(None, None) == []
    assert TaskPolicy().retry_interval_s is None


@pytest.mark.parametrize(
    ("count", "interval", "problems"),
    [
        (-1, 5, ["retry_count is -1; allowed: 0 to 5"]),
        (6, 5, ["retry_count is 6; allowed: 0 to 5"]),
        (2, 0, ["retry_interval is 0 minutes; allowed: 1 to 1440 minutes"]),
        (2, 1441, ["retry_interval is 1441 minutes; allowed: 1 to 1440 minutes"]),
        (2, None, ["retry_interval is missing; it is required with retry_count"]),
        (
            6,
            1441,
            [
                "retry_count is 6; allowed: 0 to 5",
                "retry_interval is 1441 minutes; allowed: 1 to 1440 minutes",
            ],
        ),
    ],
)
def test_policy__outside_the_bounds(count, interval, problems):
    """Each problem is named with what was given and what is allowed, all of them at once."""
    assert policy_problems(count, interval) == problems
    assert TaskPolicy(count, interval).validate() == problems


def test_policy__interval_without_count():
    """An interval alone is refused, as the vendor refuses it."""
    assert policy_problems(None, 5) == ["retry_count is missing; it is required with retry_interval"]


def test_policy__count_of_zero_alone():
    """A written 0 without an interval is refused as written, while a policy that never retries is good."""
    assert policy_problems(0, None) == ["retry_interval is missing; it is required with retry_count"]
    assert TaskPolicy(0, None).validate() == []


def test_policy__interval_in_seconds():
    """The interval is written in minutes and read in seconds."""
    assert TaskPolicy(2, 5).retry_interval_s == 300


@pytest.mark.parametrize("retry_count", range(6))
def test_after_failure__attempts_are_one_more_than_retries(retry_count):
    """A subtask that always fails is tried `retry_count` + 1 times, then is Fail."""
    policy = TaskPolicy(retry_count, 5)
    attempts = 1
    while after_failure(attempts - 1, policy) is SubtaskState.FAIL_WAIT_RETRY:
        attempts += 1
    assert attempts == retry_count + 1
    assert after_failure(attempts, policy) is SubtaskState.FAIL


@given(used=st.lists(st.integers(0, 10)), retry_count=st.integers(0, 5))
def test_after_failures__like_one_by_one(used, retry_count):
    """Whole arrays turn into the states that each subtask would turn into by itself."""
    policy = TaskPolicy(retry_count, 5)
    states = after_failures(np.array(used, dtype=np.uint8), policy)
    assert states.dtype == np.int8
    assert states.tolist() == [int(after_failure(n, policy)) for n in used]
