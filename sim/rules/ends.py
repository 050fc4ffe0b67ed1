"""Counts of subtasks, and the state in which a task ends.

Source:
    SDK model task_progress (the counters' names). How the end state follows from a mix of subtasks
    is not documented: all Success is `Success`, some is `PartialSuccess`, none is `Fail`, and a stop
    of the whole task is `Stopped`, as the names suggest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from sim.errors import ModelError
from sim.rules.states import SubtaskState, TaskState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

IS_LIVE: Final[NDArray[np.bool_]] = np.array([state.is_live for state in SubtaskState])
"""Whether something can still happen to a subtask without a call; (7,) bool by state, read only."""

IS_LIVE.flags.writeable = False

_LIVE_KEYS = tuple(state.progress_key for state in SubtaskState if state.is_live)


def progress_of(counts: Sequence[int]) -> dict[str, int]:
    """Name the counts of a task's subtasks.

    Args:
        counts: Subtasks in each state, indexed by `SubtaskState`; 7 integers >= 0.

    Returns:
        `task_progress` as it goes over the wire: `total`, which is the sum of the others, and one counter
        per state. Whether the vendor counts `removed` into `total` is not documented; here it is.
    """
    named = {state.progress_key: int(counts[state]) for state in SubtaskState}
    return {"total": sum(named.values()), **named}


def is_settled(counts: Mapping[str, int]) -> bool:
    """Say whether nothing can happen to a task any more without a call.

    Args:
        counts: What `progress_of` returned.

    Returns:
        True if no subtask is Waitting, Processing or FailWaitRetry.
    """
    return not any(counts[key] for key in _LIVE_KEYS)


def end_state(counts: Mapping[str, int], whole_stop: bool) -> TaskState:
    """Return the state in which a settled task ends.

    A stop call that names targets is no whole-task stop, even if it names every one of them.

    Args:
        counts: What `progress_of` returned. Removed subtasks don't matter.
        whole_stop: Whether the task was stopped as a whole (body `{}`).

    Returns:
        `STOPPED` after a whole-task stop whatever had succeeded before; else `SUCCESS` if all
        subtasks succeeded, `PARTIAL_SUCCESS` if some did, `FAIL` if none did.

    Raises:
        ModelError: The task is not settled.
    """
    if not is_settled(counts):
        raise ModelError(f"a task that is not settled has no end state: {dict(counts)}")
    if whole_stop:
        return TaskState.STOPPED
    success = counts["success"]
    if success == 0:
        return TaskState.FAIL
    return TaskState.SUCCESS if success == counts["total"] - counts["removed"] else TaskState.PARTIAL_SUCCESS
