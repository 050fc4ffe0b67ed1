"""The batch-task rules of the service, pure: no clock, no events, no input or output.

Decisions:
    *One set of rules for the simulator and the HTTP API*, instead of one each: both ask `decide`, so
    an answer seen in a simulated campaign is the answer that a script gets.

    *Whole arrays of int8 states in, masks of the same length out*, instead of an object a subtask: a call
    with `{}` on 30,000 subtasks costs microseconds, and the device planes hold their states that way
    anyhow.

    *The rules judge and don't act*: they return what a call may do, instead of changing the task.
    Hence they need neither the time nor a lock, and a table can test all of them.

    *Gaps in the vendor's pages are filled here and nowhere else*, each named in a docstring's
    `Source`, and each error code carries how well it is known, instead of one plausible-looking list.

    *Names that need numpy load it when first used*: the check of a scenario file needs the bounds and
    the names of this package, but no array.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from sim.rules.codes import ERROR_CODES, ErrorCode, Grade
from sim.rules.limits import Limits, limit_source
from sim.rules.policy import (
    RETRY_COUNT_BOUNDS,
    RETRY_INTERVAL_MIN_BOUNDS,
    TaskPolicy,
    policy_problems,
)
from sim.rules.reasons import DEVICE_CODES, Reason, reason_code, reason_text
from sim.rules.shares import allowed_count, exact_share, needed_count
from sim.rules.stages import Protocol, Stage
from sim.rules.states import UPGRADE_TYPES, Call, SubtaskState, TaskState, TaskType
from sim.rules.timers import CELL_PLACES, DEFAULT_TIMERS_S

if TYPE_CHECKING:
    from sim.rules.calls import (
        ELIGIBLE,
        IS_ELIGIBLE,
        REFUSED_TASK_STATES,
        SUPPORTED_TYPES,
        Decision,
        TargetResult,
        decide,
        target_results,
    )
    from sim.rules.ends import IS_LIVE, end_state, is_settled, progress_of

__all__ = [
    "CELL_PLACES",
    "DEFAULT_TIMERS_S",
    "DEVICE_CODES",
    "ELIGIBLE",
    "ERROR_CODES",
    "IS_ELIGIBLE",
    "IS_LIVE",
    "REFUSED_TASK_STATES",
    "RETRY_COUNT_BOUNDS",
    "RETRY_INTERVAL_MIN_BOUNDS",
    "SUPPORTED_TYPES",
    "UPGRADE_TYPES",
    "Call",
    "Decision",
    "ErrorCode",
    "Grade",
    "Limits",
    "Protocol",
    "Reason",
    "Stage",
    "SubtaskState",
    "TargetResult",
    "TaskPolicy",
    "TaskState",
    "TaskType",
    "allowed_count",
    "decide",
    "end_state",
    "exact_share",
    "is_settled",
    "limit_source",
    "needed_count",
    "policy_problems",
    "progress_of",
    "reason_code",
    "reason_text",
    "target_results",
]

_HOME_OF = {
    "ELIGIBLE": "sim.rules.calls",
    "IS_ELIGIBLE": "sim.rules.calls",
    "IS_LIVE": "sim.rules.ends",
    "REFUSED_TASK_STATES": "sim.rules.calls",
    "SUPPORTED_TYPES": "sim.rules.calls",
    "Decision": "sim.rules.calls",
    "TargetResult": "sim.rules.calls",
    "decide": "sim.rules.calls",
    "end_state": "sim.rules.ends",
    "is_settled": "sim.rules.ends",
    "progress_of": "sim.rules.ends",
    "target_results": "sim.rules.calls",
}
"""Public name to the module that defines it, for the modules that need numpy."""


def __getattr__(name: str) -> object:
    """Import the module that defines a public name, at its first use."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value  # the next look-up doesn't come here
    return value


def __dir__() -> list[str]:
    """List the lazy names too, so that completion offers them."""
    return sorted({*globals(), *__all__})
