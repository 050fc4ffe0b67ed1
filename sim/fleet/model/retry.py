"""When a failed subtask is tried again by itself: the one place that states the rule.

Scalar functions, used by both planes as an attempt fails and by whoever tells afterwards when a retry
was due. They read a policy by the names of `sim.fleet.spec.RetryPolicy`, whose rows in the compiled plane
have the same, and leave it to the caller how it draws and how it remembers failures: the compiled plane
compiles them (`sim.fleet.compiled.retry`), the readable one calls them as they stand.

Decision: this is the device plane's rule and no vendor rule of `sim.rules`, since back-off, jitter, chosen
reasons and rests are what-if extensions; without them it is the vendor's: a number of retries at one
interval, whatever the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sim.fleet.model.purposes import P_JITTER
from sim.fleet.spec import JITTER_DECORRELATED, JITTER_FULL, JITTER_NONE, NEVER, Int16s, RetryPolicy

Uniform = Callable[[Any, Any, int, int, int], float]
WaitTicks = Callable[[RetryPolicy, Any, Any, int, int, int, int], int]


def is_retried(policy: RetryPolicy, used: int, only: Int16s, lo: int, hi: int, reason: int) -> bool:
    """Tell whether a failure is followed by an automatic retry.

    Args:
        policy: The task's policy.
        used: Automatic retries that the subtask has had since its budget was last filled, >= 0.
        only: Holds the reasons that the policy retries. Read only.
        lo: First of them.
        hi: One past the last; none at all means that every reason is retried.
        reason: Why the attempt failed, a `sim.rules.Reason`.
    """
    if used >= policy.retry_count:
        return False
    if lo == hi:
        return True
    for i in range(lo, hi):
        if only[i] == reason:
            return True
    return False


def waits_vary(policy: RetryPolicy) -> bool:
    """Tell whether automatic retries of one task may wait for other times than the interval.

    Where they may not, those who fail first are retried first, and a queue can take the place of a heap.
    """
    return policy.jitter != JITTER_NONE or policy.backoff_factor > 1 or policy.penalty_failures > 0


def waiting(uniform: Uniform) -> WaitTicks:
    """Return the function that says how long a failed subtask waits, with the caller's way to draw.

    Args:
        uniform: Called with (seed, replication, device, retry, purpose); answers a number in (0, 1) that
            depends on nothing else, such as `sim.fleet.model.draws.uniform`.
    """

    def wait_ticks(
        policy: RetryPolicy, seed: Any, replication: Any, device: int, used: int, first: int, now: int
    ) -> int:
        """Return the ticks from a failure now to the automatic retry after it, >= 1.

        Back-off and jitter follow the forms of Brooker, "Exponential Backoff And Jitter" (AWS Architecture
        Blog, 2015): full is uniform in (0, wait), equal half of it plus as much at random, decorrelated
        uniform between the interval and three times the wait before. The draw of retry r is keyed
        (device, r), so a manual retry doesn't move it.

        Args:
            policy: The task's policy.
            seed: First word of the key of all draws.
            replication: Second word of the key.
            device: Device.
            used: Automatic retries that the subtask has had since its budget was last filled, >= 0.
            first: Tick of the first of its latest `penalty_failures` failures, this one the last of them;
                -NEVER if there were not so many.
            now: Tick of the failure.
        """
        retry = used + 1
        interval = policy.retry_interval_ticks
        wait = np.float64(interval)
        top = np.float64(policy.max_interval_ticks)
        if policy.jitter == JITTER_DECORRELATED:
            for r in range(1, retry + 1):
                u = uniform(seed, replication, device, r, P_JITTER)
                wait = min(top, interval + u * (3.0 * wait - interval))
        else:
            for _ in range(1, retry):
                wait = min(top, wait * policy.backoff_factor)
            wait = min(top, wait)
            if policy.jitter != JITTER_NONE:
                u = uniform(seed, replication, device, retry, P_JITTER)
                wait = wait * u if policy.jitter == JITTER_FULL else wait * (0.5 + 0.5 * u)
        ticks = int(np.rint(max(wait, 1.0)))
        if policy.penalty_failures > 0 and first >= now - policy.penalty_within_ticks:
            return max(ticks, policy.penalty_rest_ticks)
        return ticks

    return wait_ticks


def first_of_latest(failures: Sequence[int], n: int) -> int:
    """Return the first of the latest n ticks, -NEVER if there are fewer or n is 0.

    Args:
        failures: Ticks at which a device failed, ascending.
        n: How many count, >= 0.
    """
    return failures[-n] if 0 < n <= len(failures) else -NEVER
