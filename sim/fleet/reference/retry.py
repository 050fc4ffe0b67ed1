"""When a subtask of the readable plane is tried again by itself."""

from __future__ import annotations

from collections.abc import Sequence

from sim.fleet.model.purposes import P_JITTER
from sim.fleet.reference.draws import Draws
from sim.fleet.spec import JITTER_DECORRELATED, JITTER_FULL, JITTER_NONE, RetryPolicy


def retry_wait(
    policy: RetryPolicy, draws: Draws, device: int, *, used: int, reason: int, failures: Sequence[int]
) -> int | None:
    """Return the ticks between a failure and its automatic retry, >= 1; None if there is no retry.

    Args:
        policy: The task's policy.
        draws: All luck.
        device: Device index.
        used: Automatic retries taken from the present budget.
        reason: Why the attempt failed.
        failures: Ticks at which the device failed in its present task, this failure the last.
    """
    if used >= policy.retry_count or (len(policy.only_reasons) and reason not in policy.only_reasons):
        return None
    wait = max(round(_wait(policy, draws, device, used + 1)), 1)
    latest = failures[-policy.penalty_failures :]
    if len(latest) < policy.penalty_failures or policy.penalty_failures == 0:
        return wait
    has_to_rest = latest[-1] - latest[0] <= policy.penalty_within_ticks
    return max(wait, policy.penalty_rest_ticks) if has_to_rest else wait


def _wait(policy: RetryPolicy, draws: Draws, device: int, retry: int) -> float:
    """Return the ticks before automatic retry number `retry` (from 1), rests aside.

    Back-off and jitter follow the forms of Brooker, "Exponential Backoff And Jitter" (AWS Architecture
    Blog, 2015). The draw of retry r is keyed (device, r), so a manual retry doesn't move it.
    """
    interval, longest = policy.retry_interval_ticks, float(policy.max_interval_ticks)
    wait = float(interval)
    if policy.jitter == JITTER_DECORRELATED:
        for r in range(1, retry + 1):
            u = draws.of_attempt(device, r)[P_JITTER]
            wait = min(longest, interval + u * (3.0 * wait - interval))
        return wait
    for _ in range(1, retry):
        wait = min(longest, wait * policy.backoff_factor)
    wait = min(longest, wait)
    if policy.jitter == JITTER_NONE:
        return wait
    u = draws.of_attempt(device, retry)[P_JITTER]
    return wait * u if policy.jitter == JITTER_FULL else wait * (0.5 + 0.5 * u)
