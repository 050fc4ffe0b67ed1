"""What a campaign took: load while it ran, what its waves exposed, and the calls a client needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.campaign.budget import ClientBudget, client_budget, service_limits
from sim.rules import SubtaskState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sim.fleet.protocol import Curves
    from sim.results.replication import Replication
    from sim.scenario import Scenario
    from sim.scenario.sections.platform import Platform

LIMITS: Final[Mapping[str, Callable[[Platform], float | None]]] = {
    "peak_processing": lambda platform: platform.max_processing,
    "peak_downloads": lambda platform: platform.max_downloads,
    "peak_bandwidth": lambda platform: platform.bandwidth,
}
"""What bounds each peak of the load; None for nothing."""

_NEAR: Final = 4.0


class MeanLoad(NamedTuple):
    """Averages over the time in which something was in progress.

    Attributes:
        processing: Subtasks in `Processing`.
        downloads: Downloads in progress.
        bandwidth: Bytes/s.
    """

    processing: float
    downloads: float
    bandwidth: float


def is_limit_near(limit: float, peak: float) -> bool:
    """Tell whether a limit fits into the figure of a load: the load would be flat beside a far one."""
    return limit <= _NEAR * peak


def mean_load(curves: Curves) -> MeanLoad:
    """Average the load over the rows of the time grid at which a subtask was in `Processing`.

    Args:
        curves: The curves of a run. Read only.
    """
    processing = curves.status[:, SubtaskState.PROCESSING]
    busy = processing > 0
    if not busy.any():
        return MeanLoad(0.0, 0.0, 0.0)
    columns = (processing, curves.downloads, curves.bandwidth)
    return MeanLoad(*(float(column[busy].mean()) for column in columns))


def mean_load_of(runs: Sequence[Replication]) -> MeanLoad:
    """Average the load over replications as well."""
    return MeanLoad(*np.mean([mean_load(run.curves) for run in runs], axis=0).tolist())


def client_budget_of(scenario: Scenario, progress: Sequence[Mapping[str, int]]) -> ClientBudget:
    """Return the calls that a client needs for a run's tasks: create, look once, retry by name once.

    Args:
        scenario: Gives the limits and the rate of calls.
        progress: `task_progress` of each task at the end, with the vendor's keys.
    """
    return client_budget(
        [counts["total"] for counts in progress],
        [counts["fail"] for counts in progress],
        limits=service_limits(scenario),
        api_calls_per_s=scenario.campaign.limits.api_rate,
    )
