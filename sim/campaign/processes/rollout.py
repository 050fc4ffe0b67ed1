"""The rollout: wave after wave of tasks, each with its beginning, its soak time and its gate."""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import simpy

from sim.campaign.layout.task_policy import extensions, vendor_policy
from sim.campaign.processes.members import Ranks, cut, in_order, wave_members
from sim.campaign.record import WaveRecord
from sim.campaign.scans import scans_for
from sim.campaign.service.tasks import BatchTask, TaskRequest
from sim.errors import Problem, ScenarioError
from sim.fleet.spec import NEVER, shares_nothing
from sim.rules import Call, SubtaskState, TaskState, TaskType, allowed_count, exact_share, needed_count
from sim.units import format_duration

if TYPE_CHECKING:
    from sim.campaign.environment import FleetEnvironment, WatchEvent
    from sim.campaign.processes.client import ApiClient
    from sim.campaign.service.service import BatchTaskService
    from sim.fleet.protocol import Fleet, TargetRecords
    from sim.fleet.spec import FleetSpec, Int32s, Int64s
    from sim.scenario import Begin, Gate, Scenario

ONLY_WAVE: Final = "all"
"""Name of the one wave of a campaign without waves."""

CREATE_TRIES: Final = 1000
"""Tries of one create call against an API that answers 429 or 5xx."""

_COUNTED: Final = {"ended": "", "first_attempts": " first attempts"}

Waiting = Generator[simpy.Event, Any, None]


@dataclass
class _Wave:
    """A wave and how far it has come."""

    name: str
    devices: Int32s
    group: int
    reached: float
    soak_s: float = 0.0
    gate: Gate | None = None
    begin: Begin | None = None
    tasks: list[BatchTask] = field(default_factory=list)
    started_s: float | None = None
    tripped_s: float | None = None
    reason: str | None = None

    def settled_s(self) -> float | None:
        """Return when the last task settled; None while one has not, or none was created."""
        ends = [task.settled_s for task in self.tasks]
        known = [end for end in ends if end is not None]
        if self.started_s is None or len(known) < len(ends):
            return None
        return max(known, default=self.started_s)


class Rollout:
    """Creates the campaign's tasks, wave by wave, until all are in or a gate trips.

    A wave begins when the one before it has settled and soaked, or as its `begin` says: then the one before
    may still be under way. Its gate is watched from its beginning until the next wave begins. A tripped gate
    stops every task that isn't over, whatever its wave, and the campaign. No further wave begins after a task
    that was stopped as a whole by someone else: nobody rolls on over that.

    Attributes:
        is_over: No further wave will begin.
        is_stopped: It is over because a gate tripped or the campaign was aborted.
        notes: Sentences for the summary.
    """

    def __init__(
        self, service: BatchTaskService, client: ApiClient, scenario: Scenario, spec: FleetSpec
    ) -> None:
        """Plan the waves."""
        self._env: FleetEnvironment = service.env
        self._service = service
        self._client = client
        self._scenario = scenario
        self._waves = _plan(scenario, spec)
        self._policy = vendor_policy(scenario.campaign)
        self._what_if = extensions(scenario.campaign)
        self._aborted = simpy.Event(self._env)
        self.is_over = False
        self.is_stopped = False
        self.notes: list[str] = []

    def abort(self, reason: str) -> None:
        """Stop the campaign as a tripped gate would; once over, it is left as it is.

        Args:
            reason: Why, in words.
        """
        if not self.is_over and not self._aborted.triggered:
            self._aborted.succeed(reason)

    def run(self) -> Waiting:
        """Roll out; a SimPy process."""
        yield from self._roll_out()
        self.is_over = True

    def _roll_out(self) -> Waiting:
        """Begin wave after wave."""
        first, *later = self._waves
        if first.begin is not None and first.begin.at:
            yield self._first_of(self._env.timeout(first.begin.at), [])
            if self._has_tripped(first, []):
                yield from self._stop_everything(first)
                return
        for wave, following in zip(self._waves, (*later, None), strict=True):
            alarms = self._arm(wave)
            yield from self._create(wave)
            yield from self._until_next(wave, following, alarms)
            for alarm in alarms:
                self._env.forget(alarm)
            if self._has_tripped(wave, alarms):
                yield from self._stop_everything(wave)
                break
            stopped = [of.name for of in self._waves for task in of.tasks if task.state is TaskState.STOPPED]
            if following is not None and stopped:
                self.notes.append(f"a task of wave {stopped[0]} was stopped, so no further wave began")
                break

    def records(self, records: TargetRecords) -> tuple[WaveRecord, ...]:
        """Return what became of the waves."""
        scans = scans_for(self._env.fleet)
        waves = []
        for wave in self._waves:
            states: Int64s = np.zeros(len(SubtaskState), np.int64)
            if wave.started_s is not None:
                scans.count_states(records.status, wave.devices, states)
            waves.append(
                WaveRecord(
                    name=wave.name,
                    share=wave.reached,
                    n_devices=len(wave.devices),
                    started_s=wave.started_s,
                    settled_s=wave.settled_s(),
                    gate_tripped_s=wave.tripped_s,
                    gate_reason=wave.reason,
                    exposed=int(scans.count_started(records.first_start, wave.devices)),
                    failed=int(states[SubtaskState.FAIL]),
                )
            )
        return tuple(waves)

    # --- one wave -------------------------------------------------------------------------------

    def _create(self, wave: _Wave) -> Waiting:
        """Create the wave's tasks, one call each."""
        wave.started_s = self._env.now_s
        for i_task, devices in enumerate(cut(wave.devices, self._service.limits.targets_per_task)):

            def create(number: int = i_task + 1, devices: Int32s = devices) -> BatchTask:
                request = self._request(wave, number)
                return self._service.create_batch_task(request, devices, caller=self._client.label)

            task = yield from self._client.send(create, name="create", task_id="", body="targets")
            if task is None:
                message = f"no create call got through in {CREATE_TRIES} tries (bound CREATE_TRIES)"
                raise ScenarioError([Problem("platform.api", message)])
            wave.tasks.append(task)

    def _request(self, wave: _Wave, number: int) -> TaskRequest:
        """Return the request for a task of a wave, made now."""
        campaign = self._scenario.campaign
        delay_s = campaign.task_policy.schedule_time
        suffix = f"_{number}"
        name = re.sub("[^A-Za-z0-9_]", "_", f"{self._scenario.name}_{wave.name}")
        return TaskRequest(
            task_name=name[: self._service.limits.task_name_length_max - len(suffix)] + suffix,
            task_type=TaskType(campaign.task_type),
            task_policy=self._policy,
            start_s=None if delay_s is None else self._env.now_s + delay_s,
            need_confirm=campaign.need_confirm,
            what_if=self._what_if,
            wave=wave.name,
            group=wave.group,
        )

    def _until_next(self, wave: _Wave, following: _Wave | None, alarms: list[WatchEvent]) -> Waiting:
        """Wait until the next wave is to begin, or the last one has settled, or an alarm goes off."""
        begin = None if following is None else following.begin
        if following is None:
            yield from self._settle_with_those_under_way(wave, alarms)
        elif begin is None:
            yield from self._settle_and_soak(wave, alarms)
        elif begin.at is not None:
            yield self._first_of(self._env.timeout(max(0.0, begin.at - self._env.now_s)), alarms)
        elif begin.ended is not None:
            yield from self._until_ended(wave, begin.ended, alarms)

    def _settle_with_those_under_way(self, wave: _Wave, alarms: list[WatchEvent]) -> Waiting:
        """Wait until the last wave has settled, and those that the one after them may have overtaken."""
        overtaken = [one for one, after in pairwise(self._waves) if after.begin is not None]
        for one in (wave, *overtaken):
            yield self._first_of(self._all_settled(one), alarms)
            if self._has_tripped(wave, alarms):
                return

    def _settle_and_soak(self, wave: _Wave, alarms: list[WatchEvent]) -> Waiting:
        """Wait until the wave has settled and soaked, or an alarm goes off."""
        env = self._env
        yield self._first_of(self._all_settled(wave), alarms)
        if self._has_tripped(wave, alarms):
            return
        if wave.soak_s > 0:
            yield self._first_of(env.timeout(wave.soak_s), alarms)
        # A retry call may have reopened a task meanwhile. Each turn waits for another end of a task.
        while not self._has_tripped(wave, alarms) and any(not task.state.is_terminal for task in wave.tasks):
            yield self._first_of(self._all_settled(wave), alarms)

    def _until_ended(self, wave: _Wave, share: float, alarms: list[WatchEvent]) -> Waiting:
        """Wait until a share of the wave is in Success, Fail or Stopped, or an alarm goes off.

        The plane watches for those that end by themselves. Who is stopped ends by a call, of which the
        service tells; then fewer of the others are needed.
        """
        env, needed = self._env, needed_count(exact_share(share), len(wave.devices))
        while not self._has_tripped(wave, alarms):
            stopped = sum(int(task.counts()[SubtaskState.STOPPED]) for task in wave.tasks)
            if _outcome(wave)[1] + stopped >= needed:
                return
            # Every share is above a negative one: the watch trips as soon as so many have ended.
            enough = env.when(
                env.fleet.watch_failures(wave.group, share=-1.0, count=NEVER, of_at_least=needed - stopped)
            )
            called = simpy.Event(env)
            unsubscribe = self._service.subscribe(partial(_trigger, called))
            yield self._first_of(called, [enough, *alarms])
            unsubscribe()
            env.forget(enough)
            if enough.triggered:
                return

    def _all_settled(self, wave: _Wave) -> simpy.events.AllOf:
        """Return an event for the end of all tasks of the wave."""
        return self._env.all_of([task.settled for task in wave.tasks])

    def _first_of(self, event: simpy.Event, alarms: list[WatchEvent]) -> simpy.events.AnyOf:
        """Return an event for the first of another one and the alarms.

        One condition, not one within another: SimPy's never lets go of itself unless it comes true, and
        with it of the fleet.
        """
        return self._env.any_of([event, self._aborted, *alarms])

    # --- gates ----------------------------------------------------------------------------------

    def _arm(self, wave: _Wave) -> list[WatchEvent]:
        """Watch what the gate is about.

        Without a minimum the share counts once the whole wave has ended. More failures than that share
        of the whole wave settle the matter earlier, so that many are watched for.
        """
        gate = wave.gate
        if gate is None:
            return []
        watch = partial(
            self._env.fleet.watch_failures, wave.group, first_attempts=gate.of == "first_attempts"
        )
        watches = []
        if gate.failed_count_max is not None:
            watches.append(watch(share=1.0, count=gate.failed_count_max, of_at_least=1))
        share, least = gate.failed_share_max, gate.of_at_least
        if share is not None and least is not None:
            watches.append(watch(share=share, count=NEVER, of_at_least=least))
        elif share is not None:
            count = allowed_count(exact_share(share), len(wave.devices))
            watches.append(watch(share=1.0, count=count, of_at_least=1))
        return [self._env.when(watch) for watch in watches]

    def _has_tripped(self, wave: _Wave, alarms: list[WatchEvent]) -> bool:
        """Tell whether the campaign must stop because of this wave; note why and when."""
        if wave.reason is not None:
            return True
        reason: str | None = None
        if self._aborted.triggered:
            reason = str(self._aborted.value)
        elif wave.gate is not None:
            by_first = wave.gate.of == "first_attempts"
            failed, ended = _first_outcome(self._env.fleet, wave) if by_first else _outcome(wave)
            reason = _breach(wave.gate, failed, ended, has_settled=wave.settled_s() is not None)
            if reason is None and any(alarm.triggered for alarm in alarms):
                what = _COUNTED[wave.gate.of]
                reason = (
                    f"{failed:,}{what} failed of {len(wave.devices):,} devices, too many for the whole wave"
                )
        if reason is not None:
            wave.reason, wave.tripped_s = reason, self._env.now_s
        return reason is not None

    def _stop_everything(self, wave: _Wave) -> Waiting:
        """Stop every task of the campaign that is not over."""
        self.is_stopped = True
        when = format_duration(self._env.now_s)
        self.notes.append(f"wave {wave.name} stopped the campaign at {when}: {wave.reason}")
        for other in self._waves:
            for task in other.tasks:
                if not task.state.is_terminal:
                    yield from self._client.call(Call.STOP, task.task_id)


def _plan(scenario: Scenario, spec: FleetSpec) -> list[_Wave]:
    """Return the waves with their members, in the order in which these are cut into tasks."""
    ranks = Ranks(spec)
    members = wave_members(scenario, spec, ranks)
    if not _is_order_hidden(scenario, spec, max(map(len, members))):
        members = [in_order(scenario, spec, wave, ranks) for wave in members]
    planned = scenario.campaign.waves
    if not planned:
        return [_Wave(ONLY_WAVE, members[0], 0, 1.0)]
    waves, n_reached = [], 0
    for group, (wave, devices) in enumerate(zip(planned, members, strict=True)):
        n_reached += len(devices)
        reached = n_reached / len(spec.cohort)
        waves.append(_Wave(wave.name, devices, group, reached, wave.soak, wave.gate, wave.begin))
    return waves


def _is_order_hidden(scenario: Scenario, spec: FleetSpec, n_largest: int) -> bool:
    """Tell whether no result can depend on the order of devices: none waits for another, or is called alone.

    Args:
        n_largest: Devices of the largest wave.
    """
    what_if, limits = scenario.campaign.what_if, scenario.campaign.limits
    is_one_task = n_largest <= limits.targets_per_task
    names_targets = any(operator.batch is not None or operator.only for operator in scenario.operators)
    return shares_nothing(spec) and is_one_task and not names_targets and what_if.dispatch_ramp is None


def _trigger(event: simpy.Event, _: BatchTask) -> None:
    """Let an event happen, once, when the service tells of a task."""
    if not event.triggered:
        event.succeed()


def _outcome(wave: _Wave) -> tuple[int, int]:
    """Return how many of the wave's subtasks are failed, and how many have ended by themselves."""
    failed = sum(int(task.counts()[SubtaskState.FAIL]) for task in wave.tasks)
    succeeded = sum(int(task.counts()[SubtaskState.SUCCESS]) for task in wave.tasks)
    return failed, failed + succeeded


def _first_outcome(fleet: Fleet, wave: _Wave) -> tuple[int, int]:
    """Return how many first attempts of the wave's devices failed, and how many ended by themselves.

    Whoever succeeded at first has made one attempt; one that a call stopped has neither failed nor succeeded.
    """
    records, devices = fleet.records(), wave.devices
    failed = int(np.count_nonzero(records.first_failure[devices] >= 0))
    succeeded = (records.status[devices] == SubtaskState.SUCCESS) & (records.attempts[devices] == 1)
    return failed, failed + int(np.count_nonzero(succeeded))


def _breach(gate: Gate, failed: int, ended: int, *, has_settled: bool) -> str | None:
    """Return in words which threshold of a gate is exceeded, or None."""
    what = _COUNTED[gate.of]
    if gate.failed_count_max is not None and failed > gate.failed_count_max:
        return f"{failed:,}{what} failed, more than {gate.failed_count_max:,}"
    share, least = gate.failed_share_max, gate.of_at_least
    counts = has_settled if least is None else ended >= least
    if share is not None and counts and failed > allowed_count(exact_share(share), ended):
        among = (
            f"{failed:,} of {ended:,}{what} failed" if what else f"{failed:,} failed of {ended:,} that ended"
        )
        return f"{among}, more than {share * 100:.4g} %"
    return None
