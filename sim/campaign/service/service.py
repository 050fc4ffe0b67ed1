"""The batch-task service: the calls that the vendor's SDK has, judged by `sim.rules`.

Nothing here knows HTTP or wall time: the simulated campaign and the HTTP API call the same methods, and
the only clock is the environment's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.campaign.device_names import Targets
from sim.campaign.record import BodyForm, CallRecord
from sim.campaign.service.answers import CallAnswer, Named, TaskPage, TaskView, results_of
from sim.campaign.service.lifecycle import Holds, Lifecycle
from sim.campaign.service.queries import Paging, page_of_tasks, view_of_task
from sim.campaign.service.requests import ascending, check_request, check_type, each_once
from sim.campaign.service.tasks import BatchTask, TaskRequest
from sim.errors import ApiError
from sim.rules import (
    Call,
    Limits,
    SubtaskState,
    TargetResult,
    TaskState,
    TaskType,
    codes,
    decide,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.campaign.device_names import DeviceNames
    from sim.campaign.environment import FleetEnvironment
    from sim.campaign.service.versions import Versions
    from sim.fleet.protocol import PackageRef, TargetRecords
    from sim.fleet.spec import Int32s, Int64s

_NO_DEVICES: Final[Int32s] = np.empty(0, np.int32)
_NO_DEVICES.flags.writeable = False
_CREATED: Final = 201
_DONE: Final = {Call.RETRY: 200, Call.STOP: 200, Call.CONFIRM: 200, Call.DELETE: 204}


class BatchTaskService:
    """Creates, shows, retries, stops, confirms and deletes batch tasks.

    Retry, stop, confirm and delete always answer; a refusal is part of the answer. Create, list and show
    have nothing to hand out when they are refused, so they raise `ApiError`.

    Attributes:
        env: Clock and device plane.
        names: Device ids.
        limits: What the service allows.
        calls: Every call that changes something, in the order of the answers.
        tasks: Every task, oldest first, deleted ones too.
    """

    def __init__(
        self,
        env: FleetEnvironment,
        names: DeviceNames,
        *,
        limits: Limits | None = None,
        manual_retry_refills: bool = False,
        group: int = 0,
        versions: Versions | None = None,
    ) -> None:
        """Open the service, without any task.

        Args:
            limits: What the service allows; the vendor's if None.
            manual_retry_refills: Whether a retry call gives its targets their automatic retries again.
            group: Watch group of the plane for tasks that name none.
            versions: Of what tasks install; if None, all of them install the fleet's own package.
        """
        self.env = env
        self.names = names
        self.limits = limits or Limits()
        self.calls: list[CallRecord] = []
        self.tasks: list[BatchTask] = []
        self._by_id: dict[str, BatchTask] = {}
        self._fleet = env.fleet
        self._life = Lifecycle(env, self.limits, group=group)
        self._refills = manual_retry_refills
        self._versions = versions
        env.attach(self)

    def is_live(self) -> bool:
        """Tell whether a task is not over, so that something can still happen to it."""
        return self._life.is_live()

    def subscribe(self, observer: Callable[[BatchTask], None]) -> Callable[[], None]:
        """Call an observer from now on with each task that is new, changes its state, or has targets stopped.

        Args:
            observer: It must not call the service, but may trigger an event.

        Returns:
            What ends the subscription; to be called once.
        """
        return self._life.subscribe(observer)

    @property
    def holds(self) -> Holds:
        """How long tasks stay `Initializing` and `Stopping`."""
        return self._life.holds

    def hold(self, holds: Holds) -> None:
        """Make tasks stay `Initializing` and `Stopping` for a while, those that enter the state from now on.

        Args:
            holds: For how long.
        """
        self._life.holds = holds

    # --- create, show, list ---------------------------------------------------------------------

    def records(self) -> TargetRecords:
        """Return the plane's records, with tasks numbered by their position in `tasks`."""
        records = self._fleet.records()
        return records._replace(task=self._life.owners(records.task, self.tasks))

    def create_batch_task(
        self, request: TaskRequest, targets: Targets, *, caller: str | None = None
    ) -> BatchTask:
        """Create a task; it starts within the same instant if nothing holds it.

        A target whose device is pending in another task becomes a failed subtask (`Task Conflict`).

        Args:
            request: Everything but the targets.
            targets: Device ids or device indices, at least one, in the order in which they are to be
                dispatched; repeated ones count once.
            caller: Who calls; the name of the running process if None.

        Returns:
            The task.

        Raises:
            ApiError: The task is refused.
        """
        try:
            check_request(request, len(targets), self.env.now_s, self.limits)
            devices, order = self._known_devices(targets)
        except ApiError as error:
            self.record_failure("create", "", "targets", error, caller=caller)
            raise
        package = self.package_of(request)
        number = len(self.tasks) + 1
        task = BatchTask(self.env, self._fleet, number, request, devices, order, package)
        self.tasks.append(task)
        self._by_id[task.task_id] = task
        self._life.begin(task)
        self._record("create", task.task_id, "targets", _CREATED, _NO_DEVICES, (), caller)
        return task

    def package_of(self, request: TaskRequest) -> PackageRef | None:
        """Return what a task installs; None for the fleet's own package."""
        return None if self._versions is None else self._versions.package_of(request)

    def task(self, task_id: str) -> BatchTask:
        """Return a task by its id.

        Raises:
            ApiError: There is no such task, or not any more.
        """
        task = self._by_id.get(task_id)
        if task is None:
            raise codes.TASK_NOT_FOUND.api_error()
        return task

    def list_batch_tasks(
        self,
        *,
        app_id: str | None = None,
        task_type: TaskType | None = None,
        status: TaskState | None = None,
        paging: Paging | None = None,
    ) -> TaskPage:
        """Return one page of the tasks, newest first.

        Args:
            app_id: Only this resource space; None for all.
            task_type: Only this type; None for all.
            status: Only this state; None for all.
            paging: Which page; the first one if None.

        Raises:
            ApiError: Paging is out of bounds, or no task of the type is simulated.
        """
        if task_type is not None:
            check_type(task_type)
        return page_of_tasks(
            self._by_id.values(),
            paging or Paging(),
            self.limits,
            app_id=app_id,
            task_type=task_type,
            status=status,
        )

    def show_batch_task(
        self,
        task_id: str,
        *,
        task_detail_status: SubtaskState | None = None,
        target: str | None = None,
        paging: Paging | None = None,
    ) -> TaskView:
        """Return a task with one page of its subtasks, newest record first.

        Args:
            task_id: The task.
            task_detail_status: Only subtasks in this state; None for all.
            target: Only this device; None for all.
            paging: Which page of the subtasks; the first one if None.

        Raises:
            ApiError: There is no such task, or paging is out of bounds.
        """
        task = self.task(task_id)
        return view_of_task(
            task, self.names, paging or Paging(), self.limits, status=task_detail_status, target=target
        )

    # --- calls upon a task ----------------------------------------------------------------------

    def retry_batch_task(
        self, task_id: str, targets: Targets | None = None, *, caller: str | None = None
    ) -> CallAnswer:
        """Re-execute subtasks in Fail, FailWaitRetry or Stopped; see `call`."""
        return self.call(Call.RETRY, task_id, targets, caller=caller)

    def stop_batch_task(
        self, task_id: str, targets: Targets | None = None, *, caller: str | None = None
    ) -> CallAnswer:
        """Stop subtasks in Waitting, Processing or FailWaitRetry; with `{}` the whole task; see `call`."""
        return self.call(Call.STOP, task_id, targets, caller=caller)

    def confirm_batch_task(
        self, task_id: str, targets: Targets | None = None, *, caller: str | None = None
    ) -> CallAnswer:
        """Let `Waitting` subtasks of a task start that was created with `need_confirm`; see `call`."""
        return self.call(Call.CONFIRM, task_id, targets, caller=caller)

    def delete_batch_task(self, task_id: str, *, caller: str | None = None) -> CallAnswer:
        """Delete a task that is over; what its devices have become stays; see `call`."""
        return self.call(Call.DELETE, task_id, caller=caller)

    def call(
        self, call: Call, task_id: str, targets: Targets | None = None, *, caller: str | None = None
    ) -> CallAnswer:
        """Judge a call upon a task, carry it out, write it down, answer it.

        Args:
            task_id: The task.
            targets: Device ids or indices, at most `limits.targets_per_call`, of which repeated ones count
                once; None for the body `{}`. Delete has no targets.
            caller: Who calls; the name of the running process if None.
        """
        task = self._by_id.get(task_id)
        body: BodyForm = "{}" if targets is None else "targets"
        if task is None:
            too_many = targets is not None and len(targets) > self.limits.targets_per_call
            row = codes.TOO_MANY_TARGETS if too_many else codes.TASK_NOT_FOUND
            return self._refuse(call, task_id, body, row.api_error(), caller)
        named = None if targets is None else self._named(task, each_once(targets))
        decision = decide(
            call,
            task_type=task.task_type,
            task_state=task.state,
            status=task.statuses() if named is None else named.status,
            n_named=None if targets is None else len(targets),
            limits=self.limits,
        )
        if decision.refusal is not None:
            return self._refuse(call, task_id, body, decision.refusal.api_error(), caller)
        taken = decision.taken
        accepted = task.in_order(np.flatnonzero(taken)) if named is None else named.positions[taken]
        conflict = accepted[:0]
        if call is Call.RETRY:
            accepted, conflict = self._without_conflicts(task, accepted)
        devices = task.devices[accepted]

        def answer_all() -> list[TargetResult]:
            return results_of(decision, named, self.names, devices, task.devices[conflict])

        self._act(call, task, accepted, devices, whole=targets is None)
        refused: tuple[TargetResult, ...] = ()
        if len(conflict) or not (named is None or taken.all()):
            refused = tuple(result for result in answer_all() if result.status == "failure")
        status = _DONE[call]
        self._record(call.value, task_id, body, status, devices, refused, caller)
        return CallAnswer(call, task_id, status, None, devices, refused, answer_all)

    def record_failure(
        self, call: str, task_id: str, body: BodyForm, error: ApiError, *, caller: str | None = None
    ) -> None:
        """Put a call into the ledger that failed on its way, before any rule was asked.

        Args:
            call: Name of the call.
            task_id: The task; empty for `create`.
            body: What it named.
            error: The answer.
            caller: Who called; the name of the running process if None.
        """
        self._record(call, task_id, body, error.status, _NO_DEVICES, (), caller, error)

    # --- how a call is judged and carried out ---------------------------------------------------

    def _named(self, task: BatchTask, targets: Targets) -> Named:
        """Return how targets that are named once each stand in a task."""
        positions = task.positions_of(self._indices(targets))
        return Named(targets, positions, task.statuses_at(positions))

    def _without_conflicts(self, task: BatchTask, accepted: Int64s) -> tuple[Int64s, Int64s]:
        """Split positions into those that can be retried and those whose device is busy elsewhere."""
        if not task.keeps_any:
            return accepted, accepted[:0]
        conflict = task.is_kept(accepted) & self._life.is_pending(task.devices[accepted], len(accepted))
        return accepted[~conflict], accepted[conflict]

    def _act(self, call: Call, task: BatchTask, accepted: Int64s, devices: Int32s, *, whole: bool) -> None:
        """Do what the rules allow."""
        if call is Call.RETRY and len(accepted):
            self._retry(task, accepted, devices)
        elif call is Call.STOP:
            self._life.stop(task, devices, whole=whole)
        elif call is Call.CONFIRM:
            self._life.confirm(task, accepted)
        elif call is Call.DELETE:
            task.is_deleted = True
            del self._by_id[task.task_id]

    def _retry(self, task: BatchTask, accepted: Int64s, devices: Int32s) -> None:
        """Re-execute subtasks; those that the plane doesn't have join it."""
        if task.keeps_any:
            kept = task.is_kept(accepted)
            self._life.join(task, np.sort(accepted[kept]))
            self._fleet.release(devices[kept])
            devices = devices[~kept]
        if self._refills:
            self._fleet.refill_budget(devices)
        self._fleet.retry(devices)
        if task.confirmed is not None:
            task.confirmed[accepted] = True
        if task.state.is_terminal:
            self._life.reopen(task)
        self._life.watch(task)

    # --- small parts ----------------------------------------------------------------------------

    def _known_devices(self, targets: Targets) -> tuple[Int32s, Int32s | None]:
        """Return the devices of a new task, see `ascending`; refuse unknown ones."""
        devices, order = ascending(self._indices(targets))
        if devices[0] < 0 or devices[-1] >= len(self.names):
            raise codes.DEVICE_NOT_FOUND.api_error()
        return devices, order

    def _indices(self, targets: Targets) -> NDArray[np.integer[Any]]:
        """Return device indices, -1 for an unknown id."""
        if isinstance(targets, np.ndarray):
            return targets if targets.dtype == np.int32 else targets.astype(np.int64)
        return self.names.indices_of(targets)

    def _refuse(
        self, call: Call, task_id: str, body: BodyForm, error: ApiError, caller: str | None
    ) -> CallAnswer:
        """Write down and answer that the whole call is refused."""
        self._record(call.value, task_id, body, error.status, _NO_DEVICES, (), caller, error)
        nobody: Callable[[], list[TargetResult]] = list
        return CallAnswer(call, task_id, error.status, error, _NO_DEVICES, (), nobody)

    def _record(
        self,
        call: str,
        task_id: str,
        body: BodyForm,
        status: int,
        accepted: Int32s,
        refused: tuple[TargetResult, ...],
        caller: str | None,
        error: ApiError | None = None,
    ) -> None:
        """Write a call into the ledger."""
        if caller is None:
            process = self.env.active_process
            caller = "api" if process is None else process.name
        code, message = (None, None) if error is None else (error.code, error.message)
        self.calls.append(
            CallRecord(self.env.now_s, caller, call, task_id, body, status, code, message, accepted, refused)
        )
