"""What a campaign took: load while it ran, what its waves exposed, and the calls a client needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.campaign.budget import ClientBudget, client_budget, service_limits
from sim.fleet.spec import TICKS_PER_S
from sim.rules import SubtaskState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sim.fleet.spec import Bools
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
        processing: Subtasks in `Processing`, at the rows of the time grid.
        downloads: Downloads in progress, likewise.
        bandwidth: Bytes/s: all that was sent over that time, so that no download is too short to count.
    """

    processing: float
    downloads: float
    bandwidth: float


def is_limit_near(limit: float, peak: float) -> bool:
    """Tell whether a limit fits into the figure of a load: the load would be flat beside a far one."""
    return limit <= _NEAR * peak


def mean_load(run: Replication) -> MeanLoad:
    """Average the load over the time in which a subtask was in `Processing`.

    Args:
        run: One replication.
    """
    processing = run.curves.status[:, SubtaskState.PROCESSING]
    busy = processing > 0
    busy_s, sent = _busy_s(run, busy), run.metrics["bytes_downloaded"] or 0
    bandwidth = sent / busy_s if busy_s else 0.0
    if not busy.any():
        return MeanLoad(0.0, 0.0, bandwidth)
    return MeanLoad(float(processing[busy].mean()), float(run.curves.downloads[busy].mean()), bandwidth)


def _busy_s(run: Replication, busy: Bools) -> float:
    """Return for how long something was in progress: while tasks ran, without the steps that were quiet.

    Args:
        run: One replication.
        busy: (G,) bool, whether something was in progress at each row of the time grid.
    """
    begun = [task for task in run.tasks if task.started_s is not None]
    if not begun:
        return 0.0
    start_s = min(task.started_s for task in begun if task.started_s is not None)
    end_s = max(run.end_s if task.settled_s is None else task.settled_s for task in begun)
    time_s = run.curves.tick / TICKS_PER_S
    is_quiet = ~busy & (time_s > start_s) & (time_s < end_s)
    steps_s = np.diff(time_s)[is_quiet[1:] & is_quiet[:-1]]
    return end_s - start_s - float(steps_s.sum())


def mean_load_of(runs: Sequence[Replication]) -> MeanLoad:
    """Average the load over replications as well."""
    return MeanLoad(*np.mean([mean_load(run) for run in runs], axis=0).tolist())


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
