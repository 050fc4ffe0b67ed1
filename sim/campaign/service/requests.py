"""What is done to a request before the rules judge it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.rules import UPGRADE_TYPES, Limits, TaskType, codes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.campaign.device_names import Targets
    from sim.campaign.service.tasks import TaskRequest
    from sim.fleet.spec import Int32s

TASK_NAME_CHARACTER: Final = "[A-Za-z0-9_\u4e00-\u9fa5]"
"""What a task's name is made of; a regular expression."""

_TASK_NAME: Final = re.compile(f"{TASK_NAME_CHARACTER}+")


def check_request(request: TaskRequest, n_targets: int, now_s: float, limits: Limits) -> None:
    """Refuse a request that the service would refuse.

    Args:
        request: Everything but the targets.
        n_targets: How many targets it names, repeated ones included.
        now_s: Time of the call, seconds since the start of the run.

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
    check_type(request.task_type)
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


def check_type(task_type: TaskType) -> None:
    """Refuse a type of tasks that is documented, but not simulated.

    Raises:
        ApiError: 501.
    """
    if task_type not in UPGRADE_TYPES:
        raise codes.NOT_IMPLEMENTED.api_error(f"task_type {task_type.value} is not simulated")


def each_once(targets: Targets) -> Targets:
    """Return named targets without those that were named before; in the given order."""
    if not isinstance(targets, np.ndarray):
        return list(dict.fromkeys(targets))
    if bool((targets[1:] > targets[:-1]).all()):
        return targets  # as our own operators name them
    return targets[np.sort(np.unique(targets, return_index=True)[1])]


def ascending(devices: NDArray[np.integer[Any]]) -> tuple[Int32s, Int32s | None]:
    """Return devices as a task keeps them.

    Args:
        devices: (k,) device indices, one or more, in any order. Read only, kept unless it can be written.

    Returns:
        (n,) int32, ascending, each once; and in the order of their first mention, None if that is the same.
        Read only.
    """
    order: Int32s | None = None
    if (devices[1:] <= devices[:-1]).any():
        in_order, named = np.sort(devices), devices
        if (in_order[1:] == in_order[:-1]).any():
            in_order, first = np.unique(devices, return_index=True)
            named = devices[np.sort(first)]
        devices, order = in_order, _read_only(named)
    return _read_only(devices), order


def _read_only(devices: NDArray[np.integer[Any]]) -> Int32s:
    """Return devices as int32 that nobody writes."""
    known: Int32s = devices.astype(np.int32, copy=devices.flags.writeable)
    known.flags.writeable = False
    return known
