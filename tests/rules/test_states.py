"""Names in the vendor's spelling, and numbers that arrays rely on."""

import pytest

from sim.rules.stages import Protocol, Stage
from sim.rules.states import UPGRADE_TYPES, Call, SubtaskState, TaskState, TaskType


def test_task_state__wire_spelling():
    """Task states are written as the vendor writes them, double t included."""
    assert [state.value for state in TaskState] == [
        "Initializing",
        "Waitting",
        "Processing",
        "Success",
        "Fail",
        "PartialSuccess",
        "Stopping",
        "Stopped",
    ]


def test_task_state__terminal():
    """A task is over in the four states in which the vendor lets it be deleted."""
    over = {state.value for state in TaskState if state.is_terminal}
    assert over == {"Success", "Fail", "PartialSuccess", "Stopped"}


@pytest.mark.parametrize(
    ("number", "wire", "progress_key", "is_live"),
    [
        (0, "Waitting", "waitting", True),
        (1, "Processing", "processing", True),
        (2, "Success", "success", False),
        (3, "Fail", "fail", False),
        (4, "FailWaitRetry", "fail_wait_retry", True),
        (5, "Stopped", "stopped", False),
        (6, "Removed", "removed", False),
    ],
)
def test_subtask_state__numbers_and_names(number, wire, progress_key, is_live):
    """Each number in a status array stands for one state with its two wire names."""
    state = SubtaskState(number)
    assert (state.wire, state.progress_key, state.is_live) == (wire, progress_key, is_live)
    assert SubtaskState.from_wire(wire) is state


def test_subtask_state__seven():
    """The table above leaves no state out."""
    assert [int(state) for state in SubtaskState] == list(range(7))


def test_subtask_state__unknown_name():
    """A wrong name is answered with the allowed ones."""
    with pytest.raises(ValueError, match="'Waiting' is no subtask state; allowed: Waitting, Processing"):
        SubtaskState.from_wire("Waiting")


def test_task_type__upgrades():
    """Retry and stop work on exactly the two upgrade types that the vendor names."""
    assert {str(kind) for kind in UPGRADE_TYPES} == {"firmwareUpgrade", "softwareUpgrade"}
    assert UPGRADE_TYPES < set(TaskType)


def test_call__path_segments():
    """Calls are named like the last segment of their path."""
    assert [str(call) for call in Call] == ["retry", "stop", "confirm", "delete"]


def test_stage__order_and_labels():
    """Stages are numbered in the order in which an attempt goes through them."""
    assert [stage.label for stage in sorted(Stage)] == [
        "contact",
        "query",
        "coverage",
        "download",
        "verify",
        "install",
        "reboot",
    ]
    assert [int(stage) for stage in Stage] == list(range(7))


def test_protocol__numbers_and_labels():
    """Protocols keep their numbers and are written in lower case."""
    assert {protocol.label: int(protocol) for protocol in Protocol} == {"mqtt": 0, "lwm2m": 1}
