"""How many calls, and how long, a client needs to run a campaign at all.

Arithmetic only: what a script must send to create the tasks, to look at every target once, and to retry
the failed ones by name. The rate at which the API takes calls often decides how a campaign can be run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sim.rules import Limits

if TYPE_CHECKING:
    from sim.scenario import Scenario


@dataclass(frozen=True)
class ClientBudget:
    """Calls of one campaign.

    Attributes:
        create_calls: To create every task.
        poll_calls: To read the state of every target once, a page at a time.
        retry_calls: To name every failed target in a retry call once.
        api_calls_per_s: Rate at which the API takes them.
    """

    create_calls: int
    poll_calls: int
    retry_calls: int
    api_calls_per_s: float

    @property
    def duration_s(self) -> float:
        """Time to create, read once and retry once, seconds."""
        calls = self.create_calls + self.poll_calls + self.retry_calls
        return calls / self.api_calls_per_s


def client_budget(
    task_sizes: Sequence[int],
    failed_by_task: Sequence[int],
    *,
    limits: Limits | None = None,
    api_calls_per_s: float | None = None,
) -> ClientBudget:
    """Return the calls that a client needs for a campaign.

    Args:
        task_sizes: Targets of each task, >= 1.
        failed_by_task: Failed targets of each task, to be retried by name; as many as tasks.
        limits: Page size and targets a call; the vendor's if None.
        api_calls_per_s: Rate of calls, > 0; that of `limits` if None.

    Returns:
        The calls. Pages and calls never span two tasks.
    """
    limits = limits or Limits()
    return ClientBudget(
        create_calls=len(task_sizes),
        poll_calls=sum(_pages(size, limits.page_size_max) for size in task_sizes),
        retry_calls=sum(_pages(failed, limits.targets_per_call) for failed in failed_by_task),
        api_calls_per_s=float(limits.api_calls_per_s) if api_calls_per_s is None else api_calls_per_s,
    )


def sizes_of_tasks(n_devices: int, limits: Limits | None = None) -> list[int]:
    """Return the sizes of the fewest tasks that hold a fleet.

    Args:
        n_devices: Devices, >= 0.
        limits: Targets a task; the vendor's if None.
    """
    most = (limits or Limits()).targets_per_task
    full, rest = divmod(n_devices, most)
    return [most] * full + ([rest] if rest else [])


def _pages(n: int, size: int) -> int:
    """Return how many lists of at most `size` hold n things."""
    return -(-n // size)


def service_limits(scenario: Scenario) -> Limits:
    """Return the limits of the service that the scenario asks for."""
    limits = scenario.campaign.limits
    return replace(
        Limits(),
        targets_per_task=limits.targets_per_task,
        targets_per_call=limits.targets_per_call,
        tasks_in_progress=limits.tasks_in_progress,
        schedule_ahead_s=math.ceil(limits.schedule_ahead),
    )
