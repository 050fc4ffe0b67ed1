"""Conditions on the compiled plane that end an advance early."""

from __future__ import annotations

from typing import Final

from sim.fleet._jit import inlined, kernel
from sim.fleet.rows import Records
from sim.fleet.spec import Int64s
from sim.rules.states import SubtaskState

WAITTING: Final = int(SubtaskState.WAITTING)
PROCESSING: Final = int(SubtaskState.PROCESSING)
FAIL_WAIT_RETRY: Final = int(SubtaskState.FAIL_WAIT_RETRY)


@inlined
def is_settled(task_counts: Int64s, task: int) -> bool:
    """Tell whether none of a task's subtasks is live."""
    return (
        task_counts[task, WAITTING] == 0
        and task_counts[task, PROCESSING] == 0
        and task_counts[task, FAIL_WAIT_RETRY] == 0
    )


@kernel
def check_watches(watches: Records, task_counts: Int64s, group_ended: Int64s) -> bool:
    """Mark the watches whose condition holds as tripped; tell whether any did."""
    tripped = False
    for i in range(len(watches)):
        watch = watches[i]
        if watch.state != 1:
            continue
        if watch.settles:
            holds = is_settled(task_counts, watch.key)
        else:
            row = watch.key if watch.key >= 0 else len(group_ended) - 1
            failed = group_ended[row, 1]
            ended = failed + group_ended[row, 0]
            holds = ended >= watch.at_least and (
                (ended > 0 and failed / ended > watch.share) or failed > watch.count
            )
        if holds:
            watch.state = 2
            tripped = True
    return tripped
