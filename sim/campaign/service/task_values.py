"""The service's tasks as plain values, and back; only between two instants, when nothing waits for a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.campaign.service.lifecycle import Holds
from sim.campaign.service.requests import ascending
from sim.campaign.service.tasks import BatchTask, TaskRequest
from sim.rules import TaskState

if TYPE_CHECKING:
    from sim.campaign.service.service import BatchTaskService

_PLAIN: Final = (
    "created_s",
    "started_s",
    "settled_s",
    "is_stopped_whole",
    "is_deleted",
    "is_queued",
    "parts",
)


def saved_service(service: BatchTaskService) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return all that a service knows of its tasks: plain JSON values, and arrays by name.

    What tasks were asked for is not in it: whoever created them knows that.
    """
    life = service._life
    tasks = [
        {name: getattr(task, name) for name in _PLAIN}
        | {
            "state": task.state.value,
            "watches": [[part, event.watch] for part, event in task.watches.items()],
            "has_confirmed": task.confirmed is not None,
            "keeps_any": task.keeps_any,
        }
        for task in service.tasks
    ]
    values = {
        "tasks": tasks,
        "owner": [task.number for task in life._owner],
        "due": {app_id: [task.number for task in queue] for app_id, queue in life._due.items()},
        "running": {app_id: sorted(numbers) for app_id, numbers in life._running.items()},
        "unsettled": sorted(life._unsettled),
        "holds": list(life.holds),
    }
    kept = [task for task in service.tasks if task.keeps_any]
    arrays = {
        "tasks.sizes": np.array([len(task) for task in service.tasks], np.int64),
        "tasks.order": _joined([task.order for task in service.tasks], np.int32),
        "tasks.confirmed": _joined([task.confirmed for task in service.tasks], np.bool_),
        "tasks.kept_status": _joined([task._kept_status for task in kept], np.int8),
        "tasks.kept_reason": _joined([task._kept_reason for task in kept], np.int16),
    }
    return values, arrays


def restore_service(
    service: BatchTaskService,
    values: dict[str, Any],
    arrays: dict[str, NDArray[Any]],
    requests: Sequence[TaskRequest],
) -> None:
    """Give a new service the tasks of another one.

    Args:
        service: Without a task; its plane is where the other one's was.
        values: What `saved_service` returned first.
        arrays: And second. Read only, kept.
        requests: What each task was created from, in order.
    """
    life = service._life
    sizes = arrays["tasks.sizes"]
    orders = np.split(arrays["tasks.order"], np.cumsum(sizes)[:-1])
    confirmed = _Reader(arrays["tasks.confirmed"])
    status, reason = _Reader(arrays["tasks.kept_status"]), _Reader(arrays["tasks.kept_reason"])
    for number, (row, request) in enumerate(zip(values["tasks"], requests, strict=True), 1):
        own, package = ascending(orders[number - 1]), service.package_of(request)
        task = BatchTask(service.env, service.env.fleet, number, request, *own, package)
        for name in _PLAIN:
            setattr(task, name, row[name])
        task.state = TaskState(row["state"])
        if task.state.is_terminal:
            task._settled = None
        task.confirmed = confirmed.next(len(task)) if row["has_confirmed"] else None
        if row["keeps_any"]:
            task._kept_status, task._kept_reason = status.next(len(task)), reason.next(len(task))
        for part, watch in row["watches"]:
            event = service.env.when(watch)
            event.callbacks.append(partial(life._part_settled, task, part))
            task.watches[part] = event
        service.tasks.append(task)
        if not task.is_deleted:
            service._by_id[task.task_id] = task
    by_number = dict(enumerate(service.tasks, 1))
    life._owner = [by_number[number] for number in values["owner"]]
    life._due = {
        app_id: deque(by_number[number] for number in queue) for app_id, queue in values["due"].items()
    }
    life._running = {app_id: set(numbers) for app_id, numbers in values["running"].items()}
    life._unsettled = set(values["unsettled"])
    life.holds = Holds(*values["holds"])


def _joined(parts: Sequence[NDArray[Any] | None], dtype: type) -> NDArray[Any]:
    """Return arrays one after the other; those that are None are left out."""
    return np.concatenate([np.empty(0, dtype), *(part for part in parts if part is not None)])


class _Reader:
    """Hands out an array piece by piece."""

    def __init__(self, array: NDArray[Any]) -> None:
        self._array = array
        self._at = 0

    def next(self, size: int) -> NDArray[Any]:
        """Return a copy of the next entries."""
        self._at += size
        return self._array[self._at - size : self._at].copy()
