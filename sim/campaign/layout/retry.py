"""Retry policies of a scenario as the device plane reads them, what-if extensions included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from sim.campaign.service.lifecycle import plane_policy
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
_MINUTE_S: Final = 60


def vendor_policy(campaign: Campaign) -> TaskPolicy:
    """Return the task policy without any extension, as a request to the service holds it."""
    policy = campaign.task_policy
    interval_s = policy.retry_interval
    return TaskPolicy(policy.retry_count, None if interval_s is None else round(interval_s / _MINUTE_S))


def extended_policy(campaign: Campaign) -> RetryPolicy:
    """Return the retry policy with the extensions that are switched on."""
    what_if = campaign.what_if
    policy = plane_policy(vendor_policy(campaign))
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
    reasons = np.unique(np.array(what_if.retry_only_codes or (), np.int16))
    return policy._replace(jitter=_JITTERS[what_if.jitter], only_reasons=reasons)
