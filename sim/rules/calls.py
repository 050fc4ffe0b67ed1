"""What retry, stop, confirm and delete may do to a task and to each of its subtasks.

`decide` only judges. Whoever owns the task carries the decision out: it re-executes, stops or
confirms the accepted subtasks and moves the task's own state.

Source:
    IoTDA API reference, "Re-Execute a Batch Task", "Stop a Batch Task", "Confirm a Batch Task",
    "Delete a Batch Task": task types, task states that refuse, subtasks that `{}` acts upon.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from sim.rules import codes
from sim.rules.codes import ErrorCode
from sim.rules.limits import Limits
from sim.rules.states import UPGRADE_TYPES, Call, SubtaskState, TaskState, TaskType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_COMPLETED = frozenset(state for state in TaskState if state.is_terminal)

SUPPORTED_TYPES: Final[dict[Call, frozenset[TaskType]]] = {
    Call.RETRY: UPGRADE_TYPES,
    Call.STOP: UPGRADE_TYPES,
    Call.CONFIRM: UPGRADE_TYPES | {TaskType.MODULE_UPGRADE},
    Call.DELETE: frozenset(TaskType),
}
"""Task types that each call works on; read only."""

REFUSED_TASK_STATES: Final[dict[Call, frozenset[TaskState]]] = {
    # The error table's text leaves out Initializing, the call's own page has it.
    Call.RETRY: frozenset(
        {
            TaskState.SUCCESS,
            TaskState.STOPPED,
            TaskState.STOPPING,
            TaskState.WAITTING,
            TaskState.INITIALIZING,
        }
    ),
    Call.STOP: _COMPLETED | {TaskState.STOPPING},
    Call.CONFIRM: _COMPLETED | {TaskState.STOPPING},
    Call.DELETE: frozenset(TaskState) - _COMPLETED,
}
"""Task states in which each call is refused as a whole; read only."""

ELIGIBLE: Final[dict[Call, frozenset[SubtaskState]]] = {
    Call.RETRY: frozenset({SubtaskState.FAIL, SubtaskState.FAIL_WAIT_RETRY, SubtaskState.STOPPED}),
    Call.STOP: frozenset({SubtaskState.PROCESSING, SubtaskState.WAITTING, SubtaskState.FAIL_WAIT_RETRY}),
    Call.CONFIRM: frozenset({SubtaskState.WAITTING}),
    Call.DELETE: frozenset(),
}
"""Subtask states that each call acts upon, named or with `{}`; read only."""

_STATE_REFUSALS: Final[dict[Call, ErrorCode]] = {
    Call.RETRY: codes.RETRY_REFUSED,
    Call.STOP: codes.STOP_REFUSED,
    Call.CONFIRM: codes.CONFIRM_REFUSED,
    Call.DELETE: codes.DELETE_REFUSED,
}

IS_ELIGIBLE: Final[dict[Call, NDArray[np.bool_]]] = {
    # One look-up per subtask, instead of a comparison per eligible state.
    call: np.array([state in ELIGIBLE[call] for state in SubtaskState])
    for call in Call
}
"""`ELIGIBLE` as (7,) bool by subtask state; read only."""

for _mask in IS_ELIGIBLE.values():
    _mask.flags.writeable = False


@dataclass(frozen=True, eq=False)
class Decision:
    """What a call does, subtask by subtask.

    Attributes:
        refusal: Why the whole call is refused, and then nothing changes; None if it is not.
        taken: Whether each subtask that was judged is acted upon; (k,) bool, all False if the call is
            refused.
    """

    refusal: ErrorCode | None
    taken: NDArray[np.bool_]


def decide(
    call: Call,
    *,
    task_type: TaskType,
    task_state: TaskState,
    status: NDArray[np.int8],
    n_named: int | None,
    limits: Limits,
) -> Decision:
    """Judge a call upon a task.

    The order of refusals follows the way of a request: its body is checked before the task is
    looked at, the task's type before its state.

    Args:
        task_type: The task's type.
        task_state: The task's state now.
        status: State of each target that the body names, each once, -1 for one that is not in the task;
            for the body `{}` of every subtask. (k,) int8 of `SubtaskState`. Read only.
        n_named: How many targets the body names, repeated ones included; None for the body `{}`: all
            eligible subtasks. A body that names nobody (`{"targets": []}`) is a call that acts on
            nothing. Delete ignores it.
        limits: How many targets a call may name.

    Returns:
        The refusal, or which subtasks are acted upon.

    Source:
        The module's pages. Not documented, hence our choice: the meaning of an empty list and of a
        repeated target, the error of a target in the wrong state, and that a Stopped task stays
        refused although Stopped subtasks are eligible (they come from stop calls that name targets).
    """
    refusal = _refusal(call, task_type, task_state, n_named, limits)
    if refusal is not None:
        return Decision(refusal, np.zeros(len(status), np.bool_))
    # -1 looks up the last state; whether that one is eligible or not, the target is not in the task.
    return Decision(None, IS_ELIGIBLE[call].take(status, mode="wrap") & (status >= 0))


def _refusal(
    call: Call, task_type: TaskType, task_state: TaskState, n_named: int | None, limits: Limits
) -> ErrorCode | None:
    """Return why the whole call is refused; None if it is not."""
    if call is not Call.DELETE and n_named is not None and n_named > limits.targets_per_call:
        return codes.TOO_MANY_TARGETS
    if task_type not in SUPPORTED_TYPES[call]:
        return codes.TYPE_NOT_SUPPORTED
    if task_state in REFUSED_TASK_STATES[call]:
        return _STATE_REFUSALS[call]
    return None


@dataclass(frozen=True)
class TargetResult:
    """The answer for one target, as it goes over the wire.

    Attributes:
        target: Device id.
        status: Whether the call acts on it.
        error_code: Vendor's code; None on success.
        error_msg: Vendor's text; None on success.
    """

    target: str
    status: Literal["success", "failure"]
    error_code: str | None = None
    error_msg: str | None = None

    def wire(self) -> dict[str, str]:
        """Return the JSON object; a success has no error fields."""
        item = {"target": self.target, "status": str(self.status)}
        if self.error_code is not None and self.error_msg is not None:
            item["error_code"] = self.error_code
            item["error_msg"] = self.error_msg
        return item


def target_results(
    names: Sequence[str], status: NDArray[np.int8], taken: NDArray[np.bool_]
) -> list[TargetResult]:
    """Return the answer for each target that a call names.

    Args:
        names: The targets, each once.
        status: State of each as it was judged, -1 for one that is not in the task; (k,) int8. Read only.
        taken: Whether each is acted upon; (k,) bool. Read only.

    Returns:
        One item a target, in the given order.

    Source:
        IoTDA API reference, "Re-Execute a Batch Task": BatchTargetResult.
    """
    answers = []
    for name, state, is_taken in zip(names, status.tolist(), taken.tolist(), strict=True):
        if is_taken:
            answers.append(TargetResult(name, "success"))
        else:
            error = codes.TARGET_NOT_IN_TASK if state < 0 else codes.TARGET_WRONG_STATE
            answers.append(TargetResult(name, "failure", error.code, error.message))
    return answers
