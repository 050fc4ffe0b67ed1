"""What the batch-task service answers: typed, and free of HTTP beyond the status number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.rules import Call, Decision, TargetResult, codes, target_results

if TYPE_CHECKING:
    from sim.campaign.device_names import DeviceNames, Targets
    from sim.campaign.service.tasks import BatchTask
    from sim.errors import ApiError
    from sim.fleet.spec import Int8s, Int32s, Int64s


class Named(NamedTuple):
    """The targets that a call names, each once, as they stand when it is judged.

    Attributes:
        targets: Device ids or indices, in the call's order.
        positions: (k,) int64, position of each in the task, -1 if it is not in it.
        status: (k,) int8, state of each, -1 if it is not in the task.
    """

    targets: Targets
    positions: Int64s
    status: Int8s


@dataclass(frozen=True, eq=False)
class CallAnswer:
    """The answer to a call upon a task.

    A refusal is an answer, not an exception: a script that runs into one goes on, as it does with the
    real service. Who prefers an exception asks for it with `raise_for_refusal`.

    Attributes:
        call: The call.
        task_id: The task it named.
        http_status: 200, 204 or the refusal's status.
        error: Why the whole call is refused; None if it is not.
        accepted: (k,) int32, devices acted upon, in the order of `results`. Read only.
        refused: The answers for targets that are not acted upon.
        answer_all: Makes `results`.
    """

    call: Call
    task_id: str
    http_status: int
    error: ApiError | None
    accepted: Int32s
    refused: tuple[TargetResult, ...]
    answer_all: Callable[[], list[TargetResult]]

    @property
    def is_ok(self) -> bool:
        """Whether the call as a whole went through; single targets may have been refused."""
        return self.error is None

    @cached_property
    def results(self) -> list[TargetResult]:
        """The answer for every target, made when first read.

        In the order of the call's list; for `{}` every target acted upon, in the task's order.
        """
        return self.answer_all()

    def raise_for_refusal(self) -> CallAnswer:
        """Return the answer itself.

        Raises:
            ApiError: The whole call was refused.
        """
        if self.error is not None:
            raise self.error
        return self


@dataclass(frozen=True)
class TaskDetail:
    """One subtask, as a query shows it.

    Attributes:
        target: Device id.
        status: `sim.rules.SubtaskState` in the vendor's spelling.
        error_code: The device's result code as text, or the vendor's code; None if there is none.
        error_msg: Why the subtask failed; None unless it is `Fail` or `FailWaitRetry`.
    """

    target: str
    status: str
    error_code: str | None
    error_msg: str | None


@dataclass(frozen=True)
class TaskPage:
    """One page of the list of tasks, newest first.

    Attributes:
        tasks: The tasks on the page.
        count: How many match in all, whatever the page.
        marker: Id of the last one on the page, to ask for the next page with; None on an empty page.
    """

    tasks: tuple[BatchTask, ...]
    count: int
    marker: str | None


@dataclass(frozen=True)
class TaskView:
    """One task with one page of its subtasks, newest record first.

    Attributes:
        task: The task.
        details: The subtasks on the page.
        count: How many match in all, whatever the page.
        marker: Record id of the last one on the page; None on an empty page.
    """

    task: BatchTask
    details: tuple[TaskDetail, ...]
    count: int
    marker: str | None


def results_of(
    decision: Decision, named: Named | None, names: DeviceNames, accepted: Int32s, conflict: Int32s
) -> list[TargetResult]:
    """Return the answer for every target.

    Args:
        named: What the call named, as it stood; None for the body `{}`.
        accepted: (k,) devices acted upon.
        conflict: Devices that the rules let pass, but that are busy in another task.

    Returns:
        In the order of the call's list; for `{}` in the task's order, busy ones last. What `{}` answers is
        not documented; one item per affected target is our choice.
    """
    error = codes.TARGET_BUSY_ELSEWHERE
    busy = {name: TargetResult(name, "failure", error.code, error.message) for name in names.ids_of(conflict)}
    if named is None:
        taken = [TargetResult(name, "success") for name in names.ids_of(accepted)]
        return taken + list(busy.values())
    targets = named.targets
    ids = names.ids_of(targets) if isinstance(targets, np.ndarray) else targets
    results = target_results(ids, named.status, decision.taken)
    return [busy.get(result.target, result) for result in results]
