"""One batch task: its state, its targets, and what the device plane says about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import simpy

from sim.campaign.scans import scans_for
from sim.fleet.spec import RetryPolicy, rows_of
from sim.rules import IS_LIVE, SubtaskState, TaskPolicy, TaskState, TaskType, progress_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.campaign.environment import WatchEvent
    from sim.fleet.protocol import Fleet, PackageRef, TargetRecords
    from sim.fleet.spec import Bools, Int8s, Int16s, Int32s, Int64s

TASK_CONFLICT: Final = 2000
"""Reason of a subtask that never began because the device is in another task; no reason of a plane."""

_IN_PLANE: Final = -1


@dataclass(frozen=True)
class TaskRequest:
    """What a task is created from.

    Attributes:
        task_name: Its name.
        task_type: What it does.
        task_policy: Automatic retries, as the vendor knows them.
        start_s: When to start at the earliest, seconds since the start of the run; None for at once.
        need_confirm: Whether targets wait for a confirm call.
        app_id: Resource space; tasks of different spaces don't wait for each other.
        what_if: What-if extensions of `task_policy`, which alone says how often and how soon.
        wave: Name of the wave that the task belongs to, if any.
        group: Watch group of the plane that the task counts for; None for that of tasks without a wave.
        version: What it installs; None for the version of the scenario's package. A device that runs it is
            done after its version query.
    """

    task_name: str
    task_type: TaskType = TaskType.FIRMWARE_UPGRADE
    task_policy: TaskPolicy = field(default_factory=TaskPolicy)
    start_s: float | None = None
    need_confirm: bool = False
    app_id: str = ""
    what_if: RetryPolicy = field(default_factory=RetryPolicy)
    wave: str | None = None
    group: int | None = None
    version: str | None = None


class BatchTask:
    """A batch task, as its creator holds it.

    A process reads it and waits for `settled`; it acts upon it only through the service, which alone
    writes the attributes.

    A subtask usually lives in the plane. One whose device was busy in another task when this one was
    created, or whose device has gone to a newer task since, is kept here as it last stood.
    """

    def __init__(
        self,
        env: simpy.Environment,
        fleet: Fleet,
        number: int,
        request: TaskRequest,
        devices: Int32s,
        order: Int32s | None = None,
        package: PackageRef | None = None,
    ) -> None:
        """Create the task, `Initializing`.

        Args:
            env: For the event of its end.
            number: Counts the service's tasks, from 1; makes the id.
            devices: (n,) int32, device indices, ascending. Kept.
            order: (n,) int32, the same as they were named, which is how they are dispatched; None if that is
                ascending. Kept.
            package: What it installs; None for the fleet's own package.
        """
        self._fleet = fleet
        self._env = env
        self.number = number
        self.request = request
        self.devices = devices
        self.package = package
        self.order = devices if order is None else order
        self.state = TaskState.INITIALIZING
        self.created_s = float(env.now)
        self.started_s: float | None = None
        self.settled_s: float | None = None
        self.is_stopped_whole = False
        self.is_deleted = False
        self.is_queued = False
        self.parts: list[int] = []
        self.watches: dict[int, WatchEvent] = {}
        self.confirmed: Bools | None = None
        if request.need_confirm:
            self.confirmed = np.zeros(len(devices), np.bool_)
        self._kept_status: Int8s | None = None
        self._kept_reason: Int16s | None = None
        # None once the task is over: kept, it would hold the task that is its value, and so the fleet.
        self._settled: simpy.Event | None = simpy.Event(env)
        self._rows = rows_of(devices)

    def __repr__(self) -> str:
        """Name the task and say how it stands."""
        return f"<BatchTask {self.task_id} {self.request.task_name!r} {self.state.value}>"

    def __len__(self) -> int:
        """Return the number of subtasks."""
        return len(self.devices)

    @property
    def task_id(self) -> str:
        """24 hexadecimal digits; newer tasks have larger ids."""
        return f"{self.number:024x}"

    @property
    def task_name(self) -> str:
        """Its name."""
        return self.request.task_name

    @property
    def task_type(self) -> TaskType:
        """What it does."""
        return self.request.task_type

    @property
    def wave(self) -> str | None:
        """Name of the wave that it belongs to, if any."""
        return self.request.wave

    @property
    def status(self) -> TaskState:
        """State of the whole task."""
        return self.state

    @property
    def settled(self) -> simpy.Event:
        """Event of the task's end; has happened already if the task is over.

        A retry call that reopens the task makes a new one.
        """
        return simpy.Event(self._env).succeed(self) if self._settled is None else self._settled

    def counts(self) -> Int64s:
        """Return the number of subtasks in each state; (7,) int64, indexed by `SubtaskState`."""
        if self._kept_status is None:
            return self._fleet.task_counts(self.parts[0])
        return self.counted()

    def counted(self) -> Int64s:
        """Return the same as `counts`, counted one by one."""
        if self._kept_status is not None:
            return np.bincount(self.statuses(), minlength=len(SubtaskState)).astype(np.int64)
        counts: Int64s = np.zeros(len(SubtaskState), np.int64)
        scans_for(self._fleet).count_states(self._fleet.records().status, self.devices, counts)
        return counts

    def progress(self) -> dict[str, int]:
        """Return `task_progress` with the vendor's keys."""
        return progress_of(self.counts().tolist())

    def is_settled_now(self) -> bool:
        """Tell whether no subtask can change without a call."""
        return not self.counts()[IS_LIVE].any()

    def statuses(self, records: TargetRecords | None = None) -> Int8s:
        """Return the state of each subtask; (n,) int8, in the order of `devices`. Read only.

        Args:
            records: Those of the fleet as it is now, for who asks many tasks; None to look. Read only.
        """
        status: Int8s = (records or self._fleet.records()).status[self._rows]
        if self._kept_status is None:
            return status
        return np.where(self._kept_status == _IN_PLANE, status, self._kept_status)

    def positions_in(self, wanted: Bools) -> Int64s:
        """Return the positions of the subtasks in wanted states, ascending; (k,) int64.

        Args:
            wanted: (7,) bool, indexed by `SubtaskState`.
        """
        n_wanted = int(self.counts()[wanted].sum())
        if n_wanted == 0:
            return np.empty(0, np.int64)
        if self._kept_status is not None:
            return np.flatnonzero(wanted[self.statuses()])
        positions = np.empty(n_wanted, np.int64)
        scans_for(self._fleet).find_states(self._fleet.records().status, self.devices, wanted, positions)
        return positions

    def statuses_at(self, positions: Int64s) -> Int8s:
        """Return the state of the subtasks at some positions, -1 at position -1; (k,) int8."""
        status: Int8s = self._fleet.records().status[self.devices[positions]]
        if self._kept_status is not None:
            kept = self._kept_status[positions]
            status = np.where(kept == _IN_PLANE, status, kept)
        status[positions < 0] = -1
        return status

    def reasons(self, records: TargetRecords | None = None) -> Int16s:
        """Return why each subtask's last ended attempt failed; (n,) int16, 0 if it didn't. Read only.

        Args:
            records: See `statuses`.
        """
        reason: Int16s = (records or self._fleet.records()).reason[self._rows]
        if self._kept_status is None or self._kept_reason is None:
            return reason
        return np.where(self._kept_status == _IN_PLANE, reason, self._kept_reason)

    def reasons_at(self, positions: Int64s) -> Int16s:
        """Return why the last ended attempt of the subtasks at some positions failed; (k,) int16."""
        reason: Int16s = self._fleet.records().reason[self.devices[positions]]
        if self._kept_status is None or self._kept_reason is None:
            return reason
        return np.where(self._kept_status[positions] == _IN_PLANE, reason, self._kept_reason[positions])

    def positions_of(self, devices: NDArray[np.integer]) -> Int64s:
        """Return the position of each device in the task, -1 if it is not in it; (k,) int64."""
        if isinstance(self._rows, slice):
            first = int(self.devices[0])
            inside = (devices >= first) & (devices <= int(self.devices[-1]))
            return np.where(inside, devices - first, -1).astype(np.int64)
        at = np.searchsorted(self.devices, devices)
        at[at == len(self.devices)] = 0
        return np.where(self.devices[at] == devices, at, -1).astype(np.int64)

    def in_order(self, positions: Int64s) -> Int64s:
        """Return positions, each once, in the order in which their devices were named; (k,) int64."""
        if self.order is self.devices:
            return positions
        ordered: Int64s = positions[np.argsort(self._place[positions])]
        return ordered

    @cached_property
    def _place(self) -> Int64s:
        """Where the device at each position was named; (n,) int64."""
        return np.argsort(self.order)

    @property
    def keeps_any(self) -> bool:
        """Whether some subtask is, or once was, not in the plane."""
        return self._kept_status is not None

    def is_kept(self, positions: Int64s) -> Bools:
        """Tell of each position whether its subtask is not in the plane; (k,) bool.

        Only for a task that keeps any.
        """
        assert self._kept_status is not None
        kept: Bools = self._kept_status[positions] != _IN_PLANE
        return kept

    def keep(self, positions: Int64s, status: Int8s | int, reason: Int16s | int) -> None:
        """Hold subtasks here from now on, because the plane doesn't have them, or not any more."""
        if self._kept_status is None or self._kept_reason is None:
            self._kept_status = np.full(len(self.devices), _IN_PLANE, np.int8)
            self._kept_reason = np.zeros(len(self.devices), np.int16)
        self._kept_status[positions] = status
        self._kept_reason[positions] = reason

    def hand_to_plane(self, positions: Int64s) -> None:
        """Believe the plane again about these subtasks."""
        if self._kept_status is not None:
            self._kept_status[positions] = _IN_PLANE

    def end(self, state: TaskState) -> None:
        """Enter an end state and tell those who wait for it."""
        self.state = state
        self.settled_s = float(self._env.now)
        settled, self._settled = self.settled, None
        settled.succeed(self)

    def reopen(self) -> None:
        """Leave the end state again."""
        self.state = TaskState.PROCESSING
        self.settled_s = None
        self._settled = simpy.Event(self._env)
