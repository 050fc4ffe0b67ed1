"""Pages of tasks and of subtasks, cut as the service's queries cut them.

Source:
    SDK models list_batch_tasks_request and show_batch_task_request: newest first, `marker` keeps what
    has a smaller id, `offset` skips after it. Whether `count` is taken before the marker is not
    documented; it is here, because it is described as the total that matches. Nor is what a marker means
    that the task never gave out; it is refused as out of range, since the page would be some other one.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.campaign.device_names import DeviceNames
from sim.campaign.service.answers import TaskDetail, TaskPage, TaskView
from sim.campaign.service.tasks import TASK_CONFLICT, BatchTask
from sim.rules import Limits, SubtaskState, TaskState, TaskType, codes, reason_code, reason_text

if TYPE_CHECKING:
    from sim.fleet.spec import Int8s

_MARKER: Final = re.compile("[0-9a-f]{24}")
_NEWEST: Final = "f" * 24
_POSITION_BITS: Final = 48
_SHOWS_ERROR: Final = {SubtaskState.FAIL, SubtaskState.FAIL_WAIT_RETRY}


@dataclass(frozen=True)
class Paging:
    """Which page of an answer is wanted.

    Attributes:
        limit: Records on the page; None for the service's default.
        marker: Only records whose id is smaller; 24 hexadecimal digits, None for all.
        offset: How many of these to skip.
    """

    limit: int | None = None
    marker: str | None = None
    offset: int = 0

    def size(self, limits: Limits) -> int:
        """Return the number of records on the page.

        Raises:
            ApiError: A field is out of its bounds.
        """
        size = limits.page_size_default if self.limit is None else self.limit
        if not 1 <= size <= limits.page_size_max:
            raise codes.LIMIT_OUT_OF_RANGE.api_error()
        if self.marker is not None and _MARKER.fullmatch(self.marker) is None:
            raise codes.MARKER_OUT_OF_RANGE.api_error()
        if not 0 <= self.offset <= limits.page_offset_max:
            raise codes.OFFSET_OUT_OF_RANGE.api_error(f"offset must be 0 to {limits.page_offset_max}")
        return size


def page_of_tasks(
    tasks: Iterable[BatchTask],
    paging: Paging,
    limits: Limits,
    *,
    app_id: str | None,
    task_type: TaskType | None,
    status: TaskState | None,
) -> TaskPage:
    """Return one page of the tasks that match.

    Args:
        tasks: All tasks, oldest first.
        app_id: Only this resource space; None for all.
        task_type: Only this type; None for all.
        status: Only this state; None for all.

    Raises:
        ApiError: Paging is out of bounds.
    """
    size = paging.size(limits)
    matching = [
        task
        for task in tasks
        if (app_id is None or task.request.app_id == app_id)
        and (task_type is None or task.task_type is task_type)
        and (status is None or task.state is status)
    ]
    older = len(matching)
    if paging.marker is not None:  # ids are numbers, so that none has to be written down for the comparison
        older = bisect_left(matching, int(paging.marker, 16), key=lambda task: task.number)
    page = tuple(matching[:older][::-1][paging.offset : paging.offset + size])
    return TaskPage(page, len(matching), page[-1].task_id if page else None)


def view_of_task(
    task: BatchTask,
    names: DeviceNames,
    paging: Paging,
    limits: Limits,
    *,
    status: SubtaskState | None,
    target: str | None,
) -> TaskView:
    """Return the task with one page of the subtasks that match.

    Args:
        status: Only subtasks in this state; None for all.
        target: Only this device; None for all.

    Raises:
        ApiError: Paging is out of bounds, or the marker is none of this task's.
    """
    size = paging.size(limits)
    before = _position_of(paging.marker, task)
    statuses = task.statuses()
    matches = np.ones(len(task), np.bool_) if status is None else statuses == status
    if target is not None:
        position = task.positions_of(np.array([names.index_of(target)], np.int64))[0]
        matches &= np.arange(len(task)) == position
    positions = np.flatnonzero(matches)[::-1]  # ids of records grow with the position
    count = len(positions)
    if before is not None:
        positions = positions[positions < before]
    positions = positions[paging.offset : paging.offset + size]
    details = _details(task, names, positions.tolist(), statuses)
    marker = f"{(task.number << _POSITION_BITS) + int(positions[-1]):024x}" if len(positions) else None
    return TaskView(task, details, count, marker)


def _position_of(marker: str | None, task: BatchTask) -> int | None:
    """Return the position of the subtask that a marker stands for; None if it is the newest's."""
    if marker is None or marker == _NEWEST:
        return None
    position = int(marker, 16) - (task.number << _POSITION_BITS)
    if not 0 <= position < len(task):
        raise codes.MARKER_OUT_OF_RANGE.api_error("It is none of this task's subtasks")
    return position


def _details(
    task: BatchTask, names: DeviceNames, positions: list[int], statuses: Int8s
) -> tuple[TaskDetail, ...]:
    """Return the subtasks at some positions, at most a page of them."""
    reasons = task.reasons()
    return tuple(
        _detail(
            names.id_of(int(task.devices[position])),
            SubtaskState(int(statuses[position])),
            int(reasons[position]),
        )
        for position in positions
    )


def _detail(target: str, status: SubtaskState, reason: int) -> TaskDetail:
    """Return one subtask; a reason is shown while it is the subtask's present trouble."""
    if status not in _SHOWS_ERROR:
        return TaskDetail(target, status.wire, None, None)
    if reason == TASK_CONFLICT:
        error = codes.TARGET_BUSY_ELSEWHERE
        return TaskDetail(target, status.wire, error.code, error.message)
    code = reason_code(reason)
    return TaskDetail(target, status.wire, None if code is None else str(code), reason_text(reason))
