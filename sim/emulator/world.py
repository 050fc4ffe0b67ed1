"""Everything simulated behind the API, at one instant: fleet, tasks, packages.

A world is a pure function of its scenario, its seed and the commands it was given with their times.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.campaign import (
    BatchTask,
    BatchTaskService,
    TaskRequest,
    build_names,
    build_spec,
    service_limits,
    versions_of,
)
from sim.emulator.calendar import Calendar
from sim.emulator.deferred_fleet import compiled_fleet, deferred
from sim.emulator.devices.registry import DeviceRegistry
from sim.emulator.packages import PackageStore
from sim.emulator.schemas import CreateBatchTask, json_text
from sim.emulator.stepped_environment import SteppedEnvironment
from sim.fleet.digest_layout import columns_of
from sim.fleet.spec import NEVER, TICKS_PER_S
from sim.rules import (
    SubtaskState,
    TaskPolicy,
    TaskState,
    TaskType,
    codes,
    policy_problems,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.campaign.device_names import Targets
    from sim.fleet.protocol import Fleet
    from sim.fleet.spec import FleetSpec, Int16s, Int32s, Int64s
    from sim.scenario import Scenario

HORIZON_S: Final = 10 * 366 * 86_400
"""Where the simulated time ends; the curves' memory grows with it."""
HORIZON_TICKS: Final = HORIZON_S * TICKS_PER_S
LAST_TICK: Final = HORIZON_TICKS - 1

_KEPT_TEXT_BYTES: Final = 4096
_RESOLUTION_TICKS: Final = 6 * 3600 * TICKS_PER_S
_UNDER_WAY: Final = [SubtaskState.PROCESSING, SubtaskState.FAIL_WAIT_RETRY]
_IN_PROGRESS: Final = {TaskState.PROCESSING, TaskState.STOPPING}


class World:
    """The simulation that one server shows.

    Attributes:
        scenario: What it was made from. Its waves, operators and expectations play no part.
        seed: First word of the key of all draws.
        calendar: Dates.
        env: Clock and device plane.
        service: Tasks.
        packages: OTA packages.
        devices: The devices as the platform knows them; to be read only.
        bodies: What each task was created from, by task id; of deleted ones too.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        seed: int | None = None,
        make_fleet: Callable[[FleetSpec], Fleet] = compiled_fleet,
    ) -> None:
        """Build the fleet, with its clock at 0.

        Args:
            scenario: Fleet, platform, failures, outages, limits and the first package.
            seed: First word of the key of all draws; the scenario's own if None.
            make_fleet: Makes the device plane when the first question comes up; it may refuse to.
        """
        self.scenario = scenario
        self.seed = scenario.run.seed if seed is None else seed
        self.calendar = Calendar(scenario.run.start)
        spec = build_spec(scenario, seed=self.seed, horizon_s=HORIZON_S)
        # Nobody sees the curves, so their grid is as wide as it may be.
        platform = spec.platform._replace(resolution_ticks=_RESOLUTION_TICKS)
        self._spec: FleetSpec = spec._replace(platform=platform)
        self.fleet = deferred(lambda: make_fleet(self._spec))
        self.env = SteppedEnvironment(self.fleet, horizon_s=HORIZON_S)
        self.service = BatchTaskService(
            self.env,
            build_names(scenario, spec),
            limits=service_limits(scenario),
            manual_retry_refills=scenario.campaign.manual_retry_refills,
            versions=versions_of(scenario),
        )
        self.bodies: dict[str, CreateBatchTask] = {}
        self._asked: dict[str, bytes] = {}
        campaign = scenario.campaign
        self.packages = PackageStore(campaign.task_type, campaign.package.version)
        self.devices = DeviceRegistry(scenario, self._spec, self.env, self.service, self.calendar)

    # --- time -----------------------------------------------------------------------------------

    @property
    def now_ticks(self) -> int:
        """Ticks since the start of the run."""
        return self.env.now_ticks

    @property
    def now_s(self) -> float:
        """Seconds since the start of the run."""
        return self.env.now_s

    def advance_to(self, tick: int) -> None:
        """Let everything happen up to and including a tick.

        Args:
            tick: Not before now, at most `LAST_TICK`.
        """
        self.env.advance_to(tick)

    def finish_instant(self) -> None:
        """Let everything happen that is due now, dispatches of what was just called for included."""
        self.env.finish_instant()

    def run_until_settled(self, task_id: str, *, limit_ticks: int = LAST_TICK) -> bool:
        """Run until a task is over, as far as that is possible without a call.

        Args:
            task_id: The task.
            limit_ticks: Where to give up.

        Returns:
            Whether it is over.

        Raises:
            ApiError: There is no such task.
        """
        task = self.service.task(task_id)
        return self.env.run_until(
            lambda: task.state.is_terminal, limit_ticks=limit_ticks, can_change=self._can_change
        )

    def run_until_next_event(self, *, limit_ticks: int = LAST_TICK) -> bool:
        """Run until a task changes its state or a subtask ends in Success or Fail.

        Args:
            limit_ticks: Where to give up.

        Returns:
            Whether something happened.
        """
        counts = self.fleet.counts()
        ended = int(counts[SubtaskState.SUCCESS] + counts[SubtaskState.FAIL])
        # Every share is above a negative one: the watch trips with the next end, whatever it is.
        watch = self.env.when(self.fleet.watch_failures(-1, share=-1.0, count=NEVER, of_at_least=ended + 1))
        changed: list[BatchTask] = []
        unsubscribe = self.service.subscribe(changed.append)
        try:
            return self.env.run_until(
                lambda: watch.triggered or bool(changed),
                limit_ticks=limit_ticks,
                can_change=self._can_change,
            )
        finally:
            unsubscribe()
            self.env.forget(watch)

    def _can_change(self) -> bool:
        """Tell whether some subtask will do something without a call.

        An unconfirmed one won't; nor will one whose task waits for others that won't.
        """
        for task in self.service.tasks:
            if task.state not in _IN_PROGRESS:
                continue
            counts = task.counts()
            if counts[_UNDER_WAY].any() or task.confirmed is None:
                return True
            if (task.confirmed & (task.statuses() == SubtaskState.WAITTING)).any():
                return True
        return False

    # --- tasks ----------------------------------------------------------------------------------

    def create_task(self, body: CreateBatchTask) -> BatchTask:
        """Create a task as the API's body asks for.

        Args:
            body: The body, with the right types.

        Raises:
            ApiError: The service or the packages refuse it.
        """
        task_type = TaskType(body.task_type)
        if body.task_mode is not None:
            raise codes.NOT_IMPLEMENTED.api_error("task_mode: devices behind gateways are not simulated")
        if body.task_ext_info is not None:
            longest = self.service.limits.task_ext_info_length_max
            if len(json_text(body.task_ext_info)) > longest:
                raise codes.INVALID_INPUT.api_error(f"task_ext_info has more than {longest} characters")
        version = self.packages.version_in(task_type, body.document)
        request = self.request_of(body, version)
        targets = self._targets(body)
        self.fleet.counts()  # if there can't be a fleet yet, that is said before anything has changed
        task = self.service.create_batch_task(request, targets, caller="api")
        self.bodies[task.task_id] = body
        return task

    def request_of(self, body: CreateBatchTask, version: str | None) -> TaskRequest:
        """Return what the service is asked for by the API's body.

        Args:
            version: Version of the package that the body named when it came: later that may be gone.

        Raises:
            ApiError: Half of the policy is absent.
        """
        return TaskRequest(
            task_name=body.task_name,
            task_type=TaskType(body.task_type),
            task_policy=_policy(body),
            start_s=self._start_s(body),
            need_confirm=bool(body.need_confirm),
            app_id=body.app_id or "",
            version=version,
        )

    def _start_s(self, body: CreateBatchTask) -> float | None:
        """Return when the task is to start, seconds since the start of the run."""
        if body.task_policy is None or body.task_policy.schedule_time is None:
            return None
        return self.calendar.seconds(body.task_policy.schedule_time)

    def _targets(self, body: CreateBatchTask) -> Targets:
        """Return whom the task is for: `targets` wins over `targets_filter`, and that over a file."""
        if body.targets:
            return body.targets
        if body.targets_filter is not None:
            return self._members(body.targets_filter.group_ids)
        if body.document_source is not None:
            raise codes.INVALID_INPUT.api_error("document_source is not for upgrades")
        return []

    def _members(self, group_ids: list[str]) -> Int32s:
        """Return the devices of some cohorts, whose names are the group ids."""
        names = self.service.names.cohort_names
        unknown = [group for group in group_ids if group not in names]
        if unknown:
            raise codes.INVALID_INPUT.api_error("targets_filter.group_ids names a group that does not exist")
        numbers = [names.index(group) for group in group_ids]
        return np.flatnonzero(np.isin(self._spec.cohort, numbers)).astype(np.int32)

    # --- what there is --------------------------------------------------------------------------

    def digest(self) -> str:
        """Return SHA-256, in hex, of everything that a later answer can depend on."""
        digest = hashlib.sha256()
        records = self.fleet.records()
        digest.update(f"{self.now_ticks} {self.packages.state()}".encode())
        for _, _, column in columns_of(records):
            digest.update(column.data)
        if any(self.service.holds):
            digest.update(f"{self.service.holds}".encode())
        for task in self.service.tasks:
            about = (task.task_id, task.state, task.is_deleted, task.created_s, task.started_s)
            digest.update(f"{about} {task.settled_s} {task.is_queued} ".encode())
            digest.update(self._asked_for(task))
            if task.request.version not in (None, self.scenario.campaign.package.version):
                digest.update(f"{task.request.version} ".encode())
            digest.update(task.order.data)
            digest.update(np.ascontiguousarray(task.statuses(records)).data)
            digest.update(np.ascontiguousarray(task.reasons(records)).data)
            if task.confirmed is not None:
                digest.update(task.confirmed.data)
        return digest.hexdigest()

    def counts(self) -> Int64s:
        """Return (7,) int64, all devices by state; without any task the fleet need not exist for that."""
        if self.service.tasks:
            return self.fleet.counts()
        counts: Int64s = np.zeros(len(SubtaskState), np.int64)
        counts[SubtaskState.WAITTING] = len(self._spec.cohort)
        return counts

    def _asked_for(self, task: BatchTask) -> bytes:
        """Return what a task was created from; short texts are kept: writing them takes most of the time."""
        text = self._asked.get(task.task_id)
        if text is None:
            text = _asked_for(task, self.bodies[task.task_id]).encode()
            if len(text) <= _KEPT_TEXT_BYTES:
                self._asked[task.task_id] = text
        return text

    def cohorts_of(self, devices: Int32s) -> Int16s:
        """Return the number of each device's cohort.

        Args:
            devices: (k,) device indices. Read only.
        """
        return self._spec.cohort[devices]

    def counts_by_cohort(self) -> dict[str, list[int]]:
        """Return by cohort how many devices are in each state, indexed by `SubtaskState`, and in no task."""
        names = self.service.names.cohort_names
        n_columns = len(SubtaskState) + 1
        column = np.full(len(self._spec.cohort), len(SubtaskState))
        if self.service.tasks:  # without any, the fleet need not exist
            records = self.fleet.records()
            column = np.where(records.task >= 0, records.status, len(SubtaskState))
        cells = self._spec.cohort.astype(np.int64) * n_columns + column
        table = np.bincount(cells, minlength=len(names) * n_columns).reshape(len(names), n_columns)
        return {name: table[c].tolist() for c, name in enumerate(names)}


def _policy(body: CreateBatchTask) -> TaskPolicy:
    """Return the task's policy, whose bounds the service checks.

    Raises:
        ApiError: One of its two fields is absent, which a policy could not tell any more.
    """
    policy = body.task_policy
    if policy is None:
        return TaskPolicy()
    if (policy.retry_count is None) != (policy.retry_interval is None):
        problems = policy_problems(policy.retry_count, policy.retry_interval)
        raise codes.INVALID_INPUT.api_error("; ".join(problems))
    return TaskPolicy.of_minutes(policy.retry_count or 0, policy.retry_interval)


def _asked_for(task: BatchTask, body: CreateBatchTask) -> str:
    """Return what a task was created from, as text.

    Spelled out, instead of what a class shows of itself: a journal remembers the digest of its last state,
    which must not change when a class gets another field.
    """
    policy = body.task_policy
    count, minutes = (0, None) if policy is None else (policy.retry_count or 0, policy.retry_interval)
    document = {"body": body, "echo": body.echo}
    return (
        f"TaskRequest(task_name={body.task_name!r}, task_type={task.task_type!r}, "
        f"task_policy=TaskPolicy(retry_count={count}, retry_interval_min={minutes}), "
        f"start_s={task.request.start_s!r}, need_confirm={bool(body.need_confirm)}, "
        f"app_id={body.app_id or ''!r}, retry=None, wave=None, group=None, document={document})"
    )
