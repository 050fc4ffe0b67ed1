"""What is done to a request before the rules judge it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.rules import UPGRADE_TYPES, Limits, codes

if TYPE_CHECKING:
    from sim.campaign.service.tasks import TaskRequest
    from sim.fleet.spec import Int64s

_TASK_NAME: Final = re.compile("[A-Za-z0-9_\u4e00-\u9fa5]+")


def check_request(request: TaskRequest, n_targets: int, now_s: float, limits: Limits) -> None:
    """Refuse a request that the service would refuse.

    Args:
        request: Everything but the targets.
        n_targets: How many targets it names, repeated ones included.
        now_s: Time of the call, seconds since the start of the run.
        limits: Bounds.

    Raises:
        ApiError: With the code and text of the first fault.

    Source:
        SDK models create_batch_task and task_policy: form of the name, bounds. A start in the past
        isn't mentioned; such a task starts at once. The simulator carries out upgrades only.
    """
    longest = limits.task_name_length_max
    if len(request.task_name) > longest or _TASK_NAME.fullmatch(request.task_name) is None:
        raise codes.INVALID_INPUT.api_error(
            f"task_name must be 1 to {longest} letters, digits, '_' or Chinese characters"
        )
    if request.task_type not in UPGRADE_TYPES:
        raise codes.NOT_IMPLEMENTED.api_error(f"task_type must be one of {', '.join(sorted(UPGRADE_TYPES))}")
    problems = request.task_policy.validate()
    if problems:
        raise codes.INVALID_INPUT.api_error("; ".join(problems))
    ahead_s = limits.schedule_ahead_s
    if request.start_s is not None and request.start_s > now_s + ahead_s:
        raise codes.INVALID_INPUT.api_error(f"schedule_time must be within the next {ahead_s:g} s")
    if n_targets == 0:
        raise codes.INVALID_INPUT.api_error("targets must name at least one device")
    if n_targets > limits.targets_per_task:
        raise codes.TOO_MANY_TARGETS.api_error(f"at most {limits.targets_per_task} targets")


def compact(positions: Int64s) -> tuple[Int64s, Int64s]:
    """Number named positions anew.

    Args:
        positions: (k,) positions in a task, -1 for a target that is not in it; in any order, repeated or
            not.

    Returns:
        The positions there are, ascending, each once; and for each of `positions` its place among them,
        -1 for -1.
    """
    if len(positions) and positions[0] >= 0 and bool((positions[1:] > positions[:-1]).all()):
        return positions, np.arange(len(positions))  # as our own operators name them
    members, places = np.unique(positions, return_inverse=True)
    if len(members) and members[0] < 0:
        members, places = members[1:], places - 1
    return members, places
