"""What retry, stop, confirm and delete may do to a task and to each of its subtasks.

`decide` only judges. Whoever owns the task carries the decision out: it re-executes, stops or
confirms the accepted subtasks and moves the task's own state.

Source:
    IoTDA API reference, "Re-Execute a Batch Task", "Stop a Batch Task", "Confirm a Batch Task",
    "Delete a Batch Task": task types, task states that refuse, subtasks that `{}` acts upon.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from sim.errors import ModelError
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

# By call and subtask state: one look-up per subtask, instead of a comparison per eligible state.
_TAKES: Final[dict[Call, NDArray[np.bool_]]] = {
    call: np.array([state in ELIGIBLE[call] for state in SubtaskState]) for call in Call
}

_NO_POSITIONS: Final[NDArray[np.int64]] = np.empty(0, dtype=np.int64)
_NO_POSITIONS.flags.writeable = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """The call as a whole is refused; nothing changes.

    Attributes:
        error: What to answer.
    """

    error: ErrorCode


@dataclass(frozen=True, eq=False)
class Decision:
    """What a call does, subtask by subtask.

    Attributes:
        refusal: Why the whole call is refused; None if it is not.
        accepted: Positions in the task's status array that are acted upon, ascending, each once;
            (k,) int64. Read only.
        asked: Positions that the call named, in its order, each once, -1 for a target that is not in
            the task; (m,) int64. None if the call named none (`{}`) or is refused. Read only.
        asked_index: Where each of `asked` stands in the call's list; (m,) int64. None like `asked`.
        asked_taken: Whether each of `asked` is acted upon; (m,) bool. None like `asked`.
    """

    refusal: Refusal | None
    accepted: NDArray[np.int64]
    asked: NDArray[np.int64] | None = None
    asked_index: NDArray[np.int64] | None = None
    asked_taken: NDArray[np.bool_] | None = None

    @cached_property
    def results(self) -> list[tuple[int, ErrorCode | None]]:
        """Position (-1 if not in the task) and error (None if taken) of every answered target.

        Named targets come in the call's order. `{}` is answered with every subtask acted upon, in
        the task's order; a refused call answers for no target. Made when first read.
        """
        if self.asked is None or self.asked_taken is None:
            return [(position, None) for position in self.accepted.tolist()]
        return [
            (position, _target_error(position, taken=taken))
            for position, taken in zip(self.asked.tolist(), self.asked_taken.tolist(), strict=True)
        ]


def _target_error(position: int, *, taken: bool) -> ErrorCode | None:
    """Return why a named target is not acted upon; None if it is."""
    if taken:
        return None
    return codes.TARGET_NOT_IN_TASK if position < 0 else codes.TARGET_WRONG_STATE


def decide(
    call: Call,
    *,
    task_type: TaskType,
    task_state: TaskState,
    status: NDArray[np.int8],
    positions: NDArray[np.int64] | None,
    limits: Limits,
) -> Decision:
    """Judge a call upon a task.

    The order of refusals follows the way of a request: its body is checked before the task is
    looked at, the task's type before its state.

    Args:
        call: The call.
        task_type: The task's type.
        task_state: The task's state now.
        status: State of every subtask; (n,) int8 of `SubtaskState`. Read only.
        positions: Position in `status` of each target that the body names, in its order, -1 for one
            that is not in the task; (k,) int64. None for the body `{}`: all eligible subtasks. An
            empty array (`{"targets": []}`) names nobody: the call acts on nothing and its answer is
            empty. A position named again is left out. Unknown names can't be told apart here, so
            every -1 stays; `target_results` leaves out the repeated ones. Delete ignores it.
        limits: How many targets a call may name, repeated ones included.

    Returns:
        The refusal, or what is acted upon and the answer for each target.

    Raises:
        ModelError: A position is outside the task.

    Source:
        The module's pages. Not documented, hence our choice: the meaning of an empty list and of a
        repeated target, the error of a target in the wrong state, and that a Stopped task stays
        refused although Stopped subtasks are eligible (they come from stop calls that name targets).
    """
    refusal = _refusal(call, task_type, task_state, positions, limits)
    if refusal is not None:
        return Decision(refusal, _NO_POSITIONS)
    takes = _TAKES[call]
    if positions is None or call is Call.DELETE:
        return Decision(None, np.flatnonzero(takes.take(status)))
    return _decide_named(takes, status, positions)


def _refusal(
    call: Call,
    task_type: TaskType,
    task_state: TaskState,
    positions: NDArray[np.int64] | None,
    limits: Limits,
) -> Refusal | None:
    """Return why the whole call is refused; None if it is not."""
    n_named = 0 if call is Call.DELETE or positions is None else len(positions)
    if n_named > limits.targets_per_call:
        return Refusal(codes.TOO_MANY_TARGETS)
    if task_type not in SUPPORTED_TYPES[call]:
        return Refusal(codes.TYPE_NOT_SUPPORTED)
    if task_state in REFUSED_TASK_STATES[call]:
        return Refusal(_STATE_REFUSALS[call])
    return None


def _decide_named(
    takes: NDArray[np.bool_], status: NDArray[np.int8], positions: NDArray[np.int64]
) -> Decision:
    """Judge each named target; `takes` says which subtask states are eligible, (7,) bool."""
    if len(positions) and not (positions.min() >= -1 and positions.max() < len(status)):
        raise ModelError(f"a position is outside the task's {len(status)} subtasks: {positions}")
    unknown = positions < 0
    first = unknown.copy()
    first[np.unique(positions, return_index=True)[1]] = True
    asked_index = np.flatnonzero(first)
    asked = positions[asked_index]
    inside = ~unknown[asked_index]
    taken = np.zeros(len(asked), dtype=np.bool_)
    taken[inside] = takes[status[asked[inside]]]
    return Decision(None, np.sort(asked[taken]), asked, asked_index, taken)


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


def target_results(decision: Decision, names: Sequence[str]) -> list[TargetResult]:
    """Return the answer for each target by name.

    Args:
        decision: What `decide` said.
        names: Of a call that named targets, the names as it gave them, as many and in the same order
            as the `positions` given to `decide`. Of a call with `{}`, the names of all targets of
            the task by position.

    Returns:
        One item per answered target, in the order of `Decision.results`; a name that was repeated is
        answered once. Empty if the call is refused.

    Source:
        IoTDA API reference, "Re-Execute a Batch Task": BatchTargetResult. What `{}` answers is not
        documented; one item per affected target is our choice.
    """
    if decision.asked_index is None:
        return [TargetResult(names[position], "success") for position in decision.accepted.tolist()]
    answers = []
    unknown = set()
    for index, (position, error) in zip(decision.asked_index.tolist(), decision.results, strict=True):
        name = names[index]
        if position < 0:
            if name in unknown:
                continue
            unknown.add(name)
        answers.append(
            TargetResult(name, "success")
            if error is None
            else TargetResult(name, "failure", error.code, error.message)
        )
    return answers
