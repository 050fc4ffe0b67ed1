"""When a failed subtask is retried by itself, and how long it waits."""

import numpy as np
import pytest
from fleet.make_spec import make_spec
from scipy import stats

from sim.fleet import spec as fs
from sim.fleet.model.draws import uniform
from sim.fleet.model.purposes import P_JITTER
from sim.fleet.model.retry import first_of_latest, is_retried, waiting, waits_vary

wait_ticks = waiting(uniform)
MINUTE = 60 * fs.TICKS_PER_S
NOW = 1_000 * MINUTE
PLATFORM = make_spec().platform
POLICY = fs.RetryPolicy(5, 5 * MINUTE)


def wait(retry: int, device: int = 5, first: int = -fs.NEVER, **changes) -> int:
    """Return the wait before a device's retry, of 5 minutes unless changed."""
    policy = POLICY._replace(**changes)
    return wait_ticks(policy, PLATFORM.seed, PLATFORM.replication, device, retry - 1, first, NOW)


@pytest.mark.parametrize("retry_count", range(6))
def test_is_retried__attempts_are_one_more_than_retries(retry_count):
    """A subtask that always fails is tried `retry_count` + 1 times, whatever the reason."""
    policy = fs.RetryPolicy(retry_count, MINUTE)
    used = 0
    while is_retried(policy, used, policy.only_reasons, 0, 0, 2 + used):
        used += 1
    assert used == retry_count


def test_is_retried__only_for_the_reasons_listed():
    """With reasons listed, others are final, though budget is left; listed ones still need budget."""
    only = np.array([99, 2, 7], np.int16)
    assert [is_retried(POLICY, 0, only, 1, 3, reason) for reason in (2, 7, 99, 3)] == [
        True,
        True,
        False,
        False,
    ]
    assert not is_retried(POLICY, 5, only, 1, 3, 2)


def test_wait_ticks__plain_policy_is_the_interval():
    """The vendor's policy waits the same before every retry."""
    assert {wait(retry) for retry in range(1, 6)} == {5 * MINUTE}


def test_wait_ticks__backs_off_up_to_its_bound():
    """The wait of retry k is interval * factor**(k - 1), no longer than the bound."""
    waits = [wait(retry, backoff_factor=2.0, max_interval_ticks=30 * MINUTE) for retry in range(1, 6)]
    assert waits == [5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 30 * MINUTE, 30 * MINUTE]


@pytest.mark.parametrize(("jitter", "low"), [(fs.JITTER_FULL, 0.0), (fs.JITTER_EQUAL, 0.5)])
def test_wait_ticks__jitter_is_uniform_between_its_bounds(jitter, low):
    """Full jitter is uniform in (0, wait), equal jitter in (wait / 2, wait), around the backed-off wait."""
    waits = [wait(2, device, backoff_factor=3.0, jitter=jitter) / (15 * MINUTE) for device in range(2000)]
    assert stats.kstest(waits, "uniform", args=(low, 1.0 - low)).pvalue > 1e-3


def test_wait_ticks__decorrelated_jitter_follows_its_recursion():
    """Each wait lies between the interval and three times the one before, cut at the bound."""
    interval, longest = 5 * MINUTE, 60 * MINUTE
    for device in range(200):
        before = float(interval)
        for retry in range(1, 6):
            u = uniform(PLATFORM.seed, PLATFORM.replication, device, retry, P_JITTER)
            before = min(longest, interval + u * (3 * before - interval))
            options = {"max_interval_ticks": longest, "jitter": fs.JITTER_DECORRELATED}
            assert wait(retry, device, **options) == pytest.approx(before, abs=0.51)


def test_wait_ticks__is_never_nothing():
    """Even a jittered wait takes a tick, so that a failure and its retry are two moments."""
    jittered = {"retry_interval_ticks": 1, "jitter": fs.JITTER_FULL}
    assert min(wait(1, device, **jittered) for device in range(50)) == 1


def test_wait_ticks__rests_after_too_many_failures_too_fast():
    """The rest is a least wait, due while the first failure that counts is recent; the bound counts."""
    box = {"penalty_failures": 3, "penalty_within_ticks": 9 * MINUTE, "penalty_rest_ticks": 60 * MINUTE}
    assert wait(1, first=NOW - 9 * MINUTE, **box) == 60 * MINUTE
    assert wait(1, first=NOW - 9 * MINUTE - 1, **box) == 5 * MINUTE
    assert wait(1, **box) == 5 * MINUTE
    assert wait(1, first=NOW, **{**box, "penalty_rest_ticks": MINUTE}) == 5 * MINUTE


OTHER_VALUES = {
    "retry_count": 3,
    "retry_interval_ticks": MINUTE,
    "backoff_factor": 2.0,
    "max_interval_ticks": 30 * MINUTE,
    "jitter": fs.JITTER_FULL,
    "only_reasons": np.array([2], np.int16),
    "penalty_failures": 1,
    "penalty_within_ticks": MINUTE,
    "penalty_rest_ticks": 60 * MINUTE,
}
REST = {"penalty_within_ticks": MINUTE, "penalty_rest_ticks": 60 * MINUTE}


@pytest.mark.parametrize("name", fs.RetryPolicy._fields)
def test_waits_vary__wherever_a_wait_is_not_the_interval(name):
    """A policy that is said not to vary waits the interval; each field is tried, with a rest to be had."""
    changes = {**REST, name: OTHER_VALUES[name]}
    policy = POLICY._replace(**changes)
    waits = {wait(retry, first=NOW, **changes) for retry in range(1, 6)}
    assert waits_vary(policy) == (waits != {policy.retry_interval_ticks})


def test_first_of_latest__wants_that_many():
    """Fewer failures than count, or none that count, are as good as one in the far past."""
    assert first_of_latest([3, 5, 8], 2) == 5
    assert first_of_latest([3, 5, 8], 3) == 3
    assert first_of_latest([3, 5, 8], 4) == first_of_latest([3, 5, 8], 0) == -fs.NEVER
