"""Bounds of the automatic retry."""

import pytest

from sim.rules.policy import TaskPolicy, policy_problems


@pytest.mark.parametrize("count", [0, 1, 5])
@pytest.mark.parametrize("interval", [1, 5, 1440])
def test_policy__inside_the_bounds(count, interval):
    """Both bounds belong to what is allowed."""
    assert TaskPolicy.of_minutes(count, interval).validate() == []
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
    assert TaskPolicy.of_minutes(count, interval).validate() == problems


def test_policy__interval_without_count():
    """An interval alone is refused, as the vendor refuses it."""
    assert policy_problems(None, 5) == ["retry_count is missing; it is required with retry_interval"]


def test_policy__count_of_zero_alone():
    """A written 0 without an interval is refused as written, while a policy that never retries is good."""
    assert policy_problems(0, None) == ["retry_interval is missing; it is required with retry_count"]
    assert TaskPolicy(0, None).validate() == []


def test_policy__minutes_are_the_wires():
    """An interval is seconds to us and whole minutes on the wire, back and forth."""
    policy = TaskPolicy.of_minutes(2, 5)
    assert policy == TaskPolicy(2, 300)
    assert policy.retry_interval_min == 5
    assert TaskPolicy.of_minutes(0, None) == TaskPolicy()
    assert TaskPolicy().retry_interval_min is None


def test_policy__part_of_a_minute():
    """The wire has no word for it, so the vendor can't allow it."""
    assert TaskPolicy(2, 90).validate() == ["retry_interval is 90 s; allowed: whole minutes"]
