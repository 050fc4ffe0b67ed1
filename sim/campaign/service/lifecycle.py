"""How a task gets from `Initializing` to its end state, and which one may start when.

Source:
    SDK model task: the states. Product description, Limitations: tasks in progress at once. Not
    documented, hence our choice: a task beyond that number stays `Waitting` and starts in the order in
    which it became due; a task that a retry call reopens goes on at once, whatever else runs; a task is
    `Initializing` and `Stopping` for an instant only, unless `Holds` says otherwise.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import simpy

from sim.campaign.layout.task_policy import plane_policy
from sim.campaign.scans import scans_for
from sim.campaign.service.tasks import TASK_CONFLICT, BatchTask
from sim.errors import ModelError
from sim.fleet.spec import rows_of, to_ticks
from sim.rules import IS_LIVE, Limits, SubtaskState, TaskState, end_state

if TYPE_CHECKING:
    from sim.campaign.environment import FleetEnvironment
    from sim.fleet.spec import Bools, Int32s, Int64s

_WAITTING: Final = int(SubtaskState.WAITTING)


class Holds(NamedTuple):
    """How long tasks stay in states that are over within an instant otherwise; seconds.

    Attributes:
        initializing_s: A new task is `Initializing` for so long.
        stopping_s: A task that is stopped as a whole is `Stopping` for so long.
    """

    initializing_s: float = 0.0
    stopping_s: float = 0.0


NO_HOLDS: Final = Holds()


class Lifecycle:
    """Moves tasks from state to state; knows nothing of calls, ids or answers."""

    def __init__(self, env: FleetEnvironment, limits: Limits, *, group: int) -> None:
        """Start with no task.

        Args:
            limits: `tasks_in_progress` counts.
            group: Watch group of tasks that name none.
        """
        self._group = group
        self._env = env
        self._fleet = env.fleet
        self._limits = limits
        self._owner: list[BatchTask] = []
        self._due: dict[str, deque[BatchTask]] = {}
        self._running: dict[str, set[int]] = {}
        self._unsettled: set[int] = set()
        self._observers: list[Callable[[BatchTask], None]] = []
        self._being_stopped: set[int] = set()
        self.holds = NO_HOLDS

    def is_live(self) -> bool:
        """Tell whether a task is not over."""
        return bool(self._unsettled)

    def subscribe(self, observer: Callable[[BatchTask], None]) -> Callable[[], None]:
        """Call an observer from now on; return what ends that. See `BatchTaskService.subscribe`."""
        self._observers.append(observer)
        return lambda: self._observers.remove(observer)

    def begin(self, task: BatchTask) -> None:
        """Hand a new task's targets to the plane; it starts within the same instant if it may.

        A target whose device is pending in another task fails with `Task Conflict`.
        """
        self._unsettled.add(task.number)
        if not self._are_known(task.devices):
            self._add_part(task, task.devices)
        elif (busy := self.is_pending(rows_of(task.devices), len(task))).any():
            task.keep(np.flatnonzero(busy), int(SubtaskState.FAIL), TASK_CONFLICT)
            self.join(task, np.flatnonzero(~busy))
        else:
            self.join(task)
        self._tell(task)
        if self.holds.initializing_s > 0:
            timer = self._env.timeout(self.holds.initializing_s)
            timer.callbacks.append(lambda _: self._initialized(task))
        else:
            self._env.soon(lambda: self._initialized(task))

    def _are_known(self, devices: Int32s) -> bool:
        """Tell whether any of the devices is or was in a task of the plane."""
        if not self._owner:
            return False
        return bool(scans_for(self._fleet).any_joined(self._fleet.records().task, devices))

    def is_pending(self, rows: slice | Int32s, n: int) -> Bools:
        """Tell of each of n devices whether its present subtask can still change without a call.

        Args:
            rows: What picks them out of arrays by device.
            n: How many they are.

        Returns:
            (n,) bool.
        """
        if not self._owner:
            return np.zeros(n, np.bool_)
        records = self._fleet.records()
        pending: Bools = records.task[rows] >= 0
        if pending.any():
            pending &= IS_LIVE[records.status[rows]]
        return pending

    def join(self, task: BatchTask, positions: Int64s | None = None) -> None:
        """Give subtasks that the plane doesn't have to the plane.

        Args:
            positions: (k,) positions in it, ascending, None for all; their devices are pending nowhere.
        """
        devices = task.devices if positions is None else task.devices[positions]
        if not len(devices):
            return
        self._leave_older_tasks(devices)
        self._add_part(task, devices)
        if positions is not None:
            task.hand_to_plane(positions)

    def _add_part(self, task: BatchTask, devices: Int32s) -> None:
        """Make a task of the plane of devices that are in none, or in ended ones that have let them go."""
        policy = plane_policy(task.request.task_policy, task.request.what_if)
        group = self._group if task.request.group is None else task.request.group
        part = self._fleet.add_task(devices, policy, group=group, package=task.package)
        if part != len(self._owner):
            raise ModelError(f"the plane calls the task {part}, the service {len(self._owner)}")
        self._owner.append(task)
        task.parts.append(part)
        self.watch(task)

    def _leave_older_tasks(self, devices: Int32s) -> None:
        """Let the devices' former tasks remember how their subtasks stood."""
        records = self._fleet.records()
        owner = records.task[rows_of(devices)]
        for part in np.unique(owner[owner >= 0]).tolist():
            moved = devices[owner == part]
            older = self._owner[part]
            older.keep(older.positions_of(moved), records.status[moved], records.reason[moved])

    def owners(self, parts: Int32s, tasks: Sequence[BatchTask]) -> Int32s:
        """Return the position in `tasks` of each device's task; (n,) int32, -1 for none of them.

        Args:
            parts: (n,) the plane's number of it. A task is one part in the plane, more if devices joined
                later, none if it never had a free device.
            tasks: The tasks to number.
        """
        position = {task.number: i for i, task in enumerate(tasks)}
        of_part = np.array([*(position.get(task.number, -1) for task in self._owner), -1], np.int32)
        if np.array_equal(of_part[:-1], np.arange(len(self._owner))):
            return parts
        of_device: Int32s = of_part[parts]
        return of_device

    def watch(self, task: BatchTask) -> None:
        """Watch for the end of those parts of a task that are not watched."""
        for part in task.parts:
            if part not in task.watches:
                event = self._env.when(self._fleet.watch_settled(part))
                event.callbacks.append(partial(self._part_settled, task, part))
                task.watches[part] = event

    def _part_settled(self, task: BatchTask, part: int, _: simpy.Event) -> None:
        """Settle the task if its other parts have settled too."""
        del task.watches[part]
        counts = self._fleet.task_counts(part)
        if counts[IS_LIVE].any():  # a call came first
            self.watch(task)
        elif not task.state.is_terminal and task.is_settled_now():
            self._settle_if_due(task)

    def _settle_if_due(self, task: BatchTask) -> None:
        """Settle a task whose subtasks are over, unless it is made to be `Stopping` for longer."""
        if task.number not in self._being_stopped:
            self._settle(task)

    def _settle(self, task: BatchTask) -> None:
        """Enter the end state that the subtasks make; let the next task start."""
        task.end(end_state(task.progress(), task.is_stopped_whole))
        app_id = task.request.app_id
        self._unsettled.discard(task.number)
        self._running.get(app_id, set()).discard(task.number)
        self._tell(task)
        self._start_due(app_id)

    def _initialized(self, task: BatchTask) -> None:
        """Leave `Initializing`."""
        if task.state.is_terminal:  # stopped before
            return
        if task.is_settled_now():  # stopped in the same instant, or every device is busy elsewhere
            self._settle_if_due(task)
            return
        assert task.state is TaskState.INITIALIZING
        task.state = TaskState.WAITTING
        self._tell(task)
        start_s = task.request.start_s
        if start_s is not None and start_s > self._env.now:
            timer = self._env.timeout(start_s - self._env.now)
            timer.callbacks.append(lambda _: self.queue_if_due(task))
        else:
            self.queue_if_due(task)

    def queue_if_due(self, task: BatchTask) -> None:
        """Queue a `Waitting` task for its start once its time has come and a target is confirmed."""
        start_s = task.request.start_s
        early = start_s is not None and to_ticks(start_s) > to_ticks(self._env.now_s)
        unconfirmed = task.confirmed is not None and not task.confirmed.any()
        if task.state is not TaskState.WAITTING or task.is_queued or early or unconfirmed:
            return
        task.is_queued = True
        self._due.setdefault(task.request.app_id, deque()).append(task)
        self._start_due(task.request.app_id)

    def _start_due(self, app_id: str) -> None:
        """Start queued tasks of a resource space, as many as may be in progress."""
        queue = self._due.get(app_id, deque())
        running = self._running.setdefault(app_id, set())
        while queue and len(running) < self._limits.tasks_in_progress:
            task = queue.popleft()
            if task.state is TaskState.WAITTING:
                self._start(task)

    def _start(self, task: BatchTask) -> None:
        """Let the task's targets be dispatched."""
        task.state = TaskState.PROCESSING
        task.started_s = self._env.now_s
        self._running[task.request.app_id].add(task.number)
        devices = task.order
        if task.confirmed is not None or int(task.counts()[_WAITTING]) < len(task):
            waiting = task.statuses() == _WAITTING
            may_start = waiting if task.confirmed is None else waiting & task.confirmed
            devices = task.devices[task.in_order(np.flatnonzero(may_start))]
        self._fleet.release(devices)
        self._tell(task)

    def confirm(self, task: BatchTask, positions: Int64s) -> None:
        """Let `Waitting` targets start, in this order, that waited for a confirm call; leave the others."""
        if task.confirmed is None:
            return
        fresh = positions[~task.confirmed[positions]]
        task.confirmed[fresh] = True
        if task.state is TaskState.PROCESSING:
            self._fleet.release(task.devices[fresh])
        else:
            self.queue_if_due(task)

    def stop(self, task: BatchTask, devices: Int32s, *, whole: bool) -> None:
        """Stop some subtasks of a task at once, or mark it as stopped as a whole as well.

        Args:
            devices: Those of the subtasks.
            whole: Whether the call was for the whole task; it is `Stopped` once its subtasks are.
        """
        if whole:
            self._stop_whole(task)
        self._fleet.stop(devices)
        self._tell(task)

    def _stop_whole(self, task: BatchTask) -> None:
        """Enter `Stopping`."""
        task.is_stopped_whole = True
        task.state = TaskState.STOPPING
        if self.holds.stopping_s > 0:
            self._being_stopped.add(task.number)
            timer = self._env.timeout(self.holds.stopping_s)
            timer.callbacks.append(lambda _: self._stopped(task))

    def _stopped(self, task: BatchTask) -> None:
        """Leave `Stopping` after the time for which it was made to last."""
        self._being_stopped.discard(task.number)
        if not task.state.is_terminal and task.is_settled_now():
            self._settle(task)

    def reopen(self, task: BatchTask) -> None:
        """Bring a task that was over back to `Processing`."""
        task.reopen()
        self._unsettled.add(task.number)
        self._running.setdefault(task.request.app_id, set()).add(task.number)
        self._tell(task)

    def _tell(self, task: BatchTask) -> None:
        """Call the observers: the task is new, its state has changed, or a call has stopped some targets."""
        for observer in self._observers:
            observer(task)
