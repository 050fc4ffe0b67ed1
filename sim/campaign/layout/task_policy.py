"""Retry policies of a scenario as the device plane reads them, what-if extensions included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from sim.fleet.spec import (
    JITTER_DECORRELATED,
    JITTER_EQUAL,
    JITTER_FULL,
    JITTER_NONE,
    NEVER,
    RetryPolicy,
    to_ticks,
)
from sim.rules import TaskPolicy

if TYPE_CHECKING:
    from sim.scenario import Campaign

_JITTERS: Final = {
    None: JITTER_NONE,
    "full": JITTER_FULL,
    "equal": JITTER_EQUAL,
    "decorrelated": JITTER_DECORRELATED,
}


def vendor_policy(campaign: Campaign) -> TaskPolicy:
    """Return the task policy without any extension, as a request to the service holds it."""
    return TaskPolicy(campaign.task_policy.retry_count, campaign.task_policy.retry_interval)


def extensions(campaign: Campaign) -> RetryPolicy:
    """Return the what-if extensions that are switched on, of a policy that retries nothing by itself."""
    what_if = campaign.what_if
    reasons = np.unique(np.array(what_if.retry_only_codes or (), np.int16))
    policy = RetryPolicy(jitter=_JITTERS[what_if.jitter], only_reasons=reasons)
    if what_if.back_off is not None:
        longest_s = what_if.back_off.max
        policy = policy._replace(
            backoff_factor=what_if.back_off.factor,
            max_interval_ticks=NEVER if longest_s is None else to_ticks(longest_s),
        )
    if what_if.penalty_box is not None:
        policy = policy._replace(
            penalty_failures=what_if.penalty_box.failures,
            penalty_within_ticks=to_ticks(what_if.penalty_box.within),
            penalty_rest_ticks=to_ticks(what_if.penalty_box.rest),
        )
    return policy


def plane_policy(policy: TaskPolicy, what_if: RetryPolicy) -> RetryPolicy:
    """Return how the device plane retries.

    Args:
        policy: Number of retries and interval.
        what_if: Extensions; its own number and interval don't count.
    """
    if policy.retry_count == 0 or policy.retry_interval_s is None:
        return what_if._replace(retry_count=0, retry_interval_ticks=0)
    return what_if._replace(
        retry_count=policy.retry_count, retry_interval_ticks=to_ticks(policy.retry_interval_s)
    )


def retry_policy(campaign: Campaign) -> RetryPolicy:
    """Return how the device plane retries in a campaign."""
    return plane_policy(vendor_policy(campaign), extensions(campaign))
