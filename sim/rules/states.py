"""Names of tasks, subtasks and calls, in the vendor's spelling.

Only names and their numbers. What a call may do to a state is in `calls`.

Source:
    IoTDA API reference, "Create a Batch Task", "Query a Batch Task", "Query the Batch Task List";
    SDK model classes task, task_detail, task_progress. `Waitting` is the vendor's spelling.
"""

from enum import IntEnum, StrEnum, unique


@unique
class TaskState(StrEnum):
    """State of a whole batch task; the value is what goes over the wire."""

    INITIALIZING = "Initializing"
    WAITTING = "Waitting"
    PROCESSING = "Processing"
    SUCCESS = "Success"
    FAIL = "Fail"
    PARTIAL_SUCCESS = "PartialSuccess"
    STOPPING = "Stopping"
    STOPPED = "Stopped"

    @property
    def is_terminal(self) -> bool:
        """Whether the task is over. A retry call may still reopen `Fail` and `PartialSuccess`."""
        return self in _TERMINAL_TASK_STATES


_TERMINAL_TASK_STATES = frozenset(
    {TaskState.SUCCESS, TaskState.FAIL, TaskState.PARTIAL_SUCCESS, TaskState.STOPPED}
)


@unique
class SubtaskState(IntEnum):
    """State of one target in a task; the number is what int8 status arrays hold.

    `REMOVED` exists as a filter and a counter only: no page says how a subtask gets there.
    """

    WAITTING = 0
    PROCESSING = 1
    SUCCESS = 2
    FAIL = 3
    FAIL_WAIT_RETRY = 4
    STOPPED = 5
    REMOVED = 6

    @property
    def wire(self) -> str:
        """The vendor's name, like `FailWaitRetry`."""
        return _WIRE_NAMES[self]

    @property
    def progress_key(self) -> str:
        """The counter's name in `task_progress`, like `fail_wait_retry`."""
        return self.name.lower()

    @property
    def is_live(self) -> bool:
        """Whether something can still happen to the subtask without a call."""
        return self in _LIVE_SUBTASK_STATES

    @classmethod
    def from_wire(cls, name: str) -> "SubtaskState":
        """Return the state with the vendor's name.

        Args:
            name: Exact spelling, like `Waitting`.

        Returns:
            The state.

        Raises:
            ValueError: No state has that name.
        """
        for state in cls:
            if state.wire == name:
                return state
        allowed = ", ".join(state.wire for state in cls)
        raise ValueError(f"{name!r} is no subtask state; allowed: {allowed}")


_WIRE_NAMES = {
    SubtaskState.WAITTING: "Waitting",
    SubtaskState.PROCESSING: "Processing",
    SubtaskState.SUCCESS: "Success",
    SubtaskState.FAIL: "Fail",
    SubtaskState.FAIL_WAIT_RETRY: "FailWaitRetry",
    SubtaskState.STOPPED: "Stopped",
    SubtaskState.REMOVED: "Removed",
}

_LIVE_SUBTASK_STATES = frozenset(
    {SubtaskState.WAITTING, SubtaskState.PROCESSING, SubtaskState.FAIL_WAIT_RETRY}
)


@unique
class TaskType(StrEnum):
    """What a batch task does to its targets; the value is what goes over the wire.

    `moduleUpgrade` is in the SDK but not on the newest pages, `changeGateway` the other way round:
    both are kept, so that neither client meets an unknown type.
    """

    FIRMWARE_UPGRADE = "firmwareUpgrade"
    SOFTWARE_UPGRADE = "softwareUpgrade"
    MODULE_UPGRADE = "moduleUpgrade"
    CREATE_DEVICES = "createDevices"
    DELETE_DEVICES = "deleteDevices"
    FREEZE_DEVICES = "freezeDevices"
    UNFREEZE_DEVICES = "unfreezeDevices"
    CREATE_COMMANDS = "createCommands"
    CREATE_ASYNC_COMMANDS = "createAsyncCommands"
    CREATE_MESSAGES = "createMessages"
    UPDATE_DEVICE_SHADOWS = "updateDeviceShadows"
    UPDATE_DEVICES = "updateDevices"
    CHANGE_GATEWAY = "changeGateway"


UPGRADE_TYPES = frozenset({TaskType.FIRMWARE_UPGRADE, TaskType.SOFTWARE_UPGRADE})


@unique
class Call(StrEnum):
    """A call upon an existing task; the first three values are the last path segment on the wire."""

    RETRY = "retry"
    STOP = "stop"
    CONFIRM = "confirm"
    DELETE = "delete"
