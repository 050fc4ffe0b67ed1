"""The readable device plane: every device a SimPy process; slow, transparent, and open to changes.

`SimpyFleet` says what a subtask goes through between two calls of the campaign: ready queue, dispatch,
attempt, automatic retry. Around it, a module an idea: `attempt` is the attempt, stage by stage, `fate` what
it has to meet, `device_memory` what lasts of a device, `weather` its link and its conditions, `cohorts` what
devices have in common, `sampling` and `draws` their luck, `network` the download, `queues` who waits for
whom, `clock` the order of equal ticks, `watches` when the campaign is woken, `records` the books, `accounts`
where time goes.

It is the oracle of the compiled plane, so it shares no code with it: even draws and the arithmetic of
times and rates are written twice, here in plain Python and by NumPy's generator. And it is the plane to
use when a device should do what no scenario can say, or when waiting for the compiler doesn't pay.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
import simpy

from sim.errors import ModelError
from sim.fleet.held_up import HeldUp, Hold
from sim.fleet.model.retry import first_of_latest, is_retried, waiting
from sim.fleet.protocol import AttemptLog, Curves, Fleet, PackageRef, TargetRecords, Totals
from sim.fleet.reference.accounts import ONLY
from sim.fleet.reference.attempt import Attempt, Steps
from sim.fleet.reference.clock import Clock, Kind
from sim.fleet.reference.network import make_network
from sim.fleet.reference.queues import DownloadPlaces, ReadyQueue
from sim.fleet.reference.records import AUTO, FIRST, MANUAL, Ledger
from sim.fleet.reference.surroundings import Surroundings
from sim.fleet.reference.watches import Watches, is_failing, is_settled
from sim.fleet.spec import NEVER, FleetSpec, Int32s, Int64s, RetryPolicy
from sim.garbage import collections_paused
from sim.rules import Reason, SubtaskState, exact_share

_FINAL: Final = (SubtaskState.SUCCESS, SubtaskState.FAIL, SubtaskState.STOPPED)
_RETRIABLE: Final = (SubtaskState.FAIL, SubtaskState.FAIL_WAIT_RETRY, SubtaskState.STOPPED)


class SimpyFleet:
    """A device plane made of SimPy processes, one an attempt; implements `sim.fleet.protocol.Fleet`.

    To change what devices do, derive from `Attempt` and name the new class in `attempt_class`. Stages
    are generators that may yield any event of `self.env`; its time is in ticks (microseconds, whole
    numbers). Here every tenth device refuses its first attempt for want of power, and each reboots
    twice::

        class Moody(Attempt):
            def cause(self, stage, tick):
                if stage == Stage.QUERY and self.device % 10 == 0 and self.number == 1:
                    return Cause(Reason.LOW_POWER)
                return super().cause(stage, tick)

            def execute(self, deadline):
                yield from super().execute(deadline)
                yield from self.work(Stage.REBOOT, deadline, Reason.RESULT_TIMEOUT)

        class MoodyFleet(SimpyFleet):
            attempt_class = Moody

    Attributes:
        attempt_class: What is made at each dispatch.
        spec: The fleet; read only.
    """

    is_compiled: ClassVar[bool] = False
    attempt_class: ClassVar[type[Attempt]] = Attempt

    def __init__(self, spec: FleetSpec, *, log_attempts: bool = False, n_groups: int = 1) -> None:
        """Begin at tick 0 with no task.

        Args:
            spec: The fleet.
            log_attempts: Whether `attempt_log` is kept.
            n_groups: Watch groups, >= 1.
        """
        self.spec = spec
        self._clock = Clock()
        network = make_network(spec, self._clock)
        places = DownloadPlaces(self._clock, spec.platform.max_downloads)
        self._around = Surroundings(spec, self._clock, network, places)
        self._ready = ReadyQueue(spec, self._around.draws, self._around.accounts)
        self._ledger = Ledger(spec, network, n_groups=n_groups, log_attempts=log_attempts)
        self._watches = Watches()
        self._tasks: list[Int32s] = []
        self._wait_ticks = waiting(self._around.draws.of_retry)
        self._policies: list[RetryPolicy] = []
        self._packages: list[PackageRef] = []
        # By device: whether it was ever queued, and what its next attempt is due to.
        self._released = np.zeros(len(spec.cohort), np.bool_)
        self._trigger = np.full(len(spec.cohort), FIRST, np.int8)
        self._attempts: dict[int, Attempt] = {}  # those in Processing
        self._processes: dict[int, simpy.Process] = {}  # those in Processing or FailWaitRetry
        self._max_processing = spec.platform.max_processing
        self._dispatch_gap_ticks = spec.platform.dispatch_gap_ticks
        self._freezes = list(
            zip(spec.outages.freeze_from.tolist(), spec.outages.freeze_to.tolist(), strict=True)
        )
        self._last_dispatch = -NEVER
        self._closed = False
        self._held_up: HeldUp | None = None  # of a run that has ended

    # --- time -------------------------------------------------------------------------------------

    @property
    def now_ticks(self) -> int:
        """Tick up to which the plane has run."""
        return self._clock.tick

    def advance(self, until_ticks: int) -> bool:
        """Run all events up to and including `until_ticks`, without the dispatches at that tick.

        Raises:
            ModelError: `until_ticks` lies in the past.
        """
        if until_ticks < self._clock.tick:
            raise ModelError(f"cannot advance to {until_ticks}, the plane is at {self._clock.tick} already")
        with collections_paused():
            return self._advance(until_ticks, finishes=False)

    def finish_tick(self) -> bool:
        """Let happen what is still due at the present tick; see `Fleet.finish_tick`."""
        return self._advance(self._clock.tick, finishes=True)

    def _advance(self, until_ticks: int, *, finishes: bool) -> bool:
        """Run up to a tick, and finish it or leave it before its dispatches."""
        clock, ledger = self._clock, self._ledger
        while True:
            clock.work_off()
            if self._watches.look(ledger.n_ends):
                return True
            if clock.tick == until_ticks and not finishes:
                return False
            if self._ready and self._dispatch():
                continue  # those dispatched begin at this tick
            self._around.network.leave_tick()
            to = min(clock.peek(), until_ticks)
            if self._ready:
                to = min(to, self._next_dispatch())
            if to > clock.tick:
                ledger.leave_tick(to)
                clock.move_to(to)
            elif finishes and clock.peek() > clock.tick:
                return False

    # --- a subtask's life -------------------------------------------------------------------------

    def _queue(self, device: int, trigger: int) -> None:
        """Queue a `Waitting` subtask for its next attempt."""
        self._released[device] = True
        self._trigger[device] = trigger if self._ledger.target.attempts[device] > 0 else FIRST
        self._ready.join(device)

    def _next_dispatch(self) -> int:
        """Return the first tick, as things are, at which a subtask may be dispatched."""
        processing = self._ledger.counts[SubtaskState.PROCESSING]
        if not self._ready or processing >= self._max_processing:
            return NEVER
        tick = max(self._last_dispatch + self._dispatch_gap_ticks, self._clock.tick)
        for start, end in self._freezes:  # ascending, so one that ends where another starts hands over to it
            if start <= tick < end:
                tick = end
        return tick

    def _dispatch(self) -> bool:
        """Dispatch all that may be dispatched now; tell whether it was any."""
        tick, any_dispatched = self._clock.tick, False
        while self._next_dispatch() <= tick:
            device = self._ready.take_first()
            number = self._ledger.begin(device, tick, int(self._trigger[device]))
            package = self._packages[int(self._ledger.target.task[device])]
            attempt = self.attempt_class(self._around, device, number, package)
            self._attempts[device] = attempt
            self._processes[device] = self._clock.process(self._live(attempt))
            self._last_dispatch = tick
            any_dispatched = True
        return any_dispatched

    def _live(self, attempt: Attempt) -> Steps[None]:
        """Make an attempt and, if it fails and budget is left, wait for the next; the SimPy process."""
        device = attempt.device
        try:
            reason = yield from attempt.run()
            wait = self._conclude(attempt, reason)
            if wait is None:
                return
            yield self._clock.at(self._clock.tick + wait, Kind.RETRY, device)
            self._ledger.move(device, SubtaskState.WAITTING)
            self._queue(device, AUTO)
            del self._processes[device]
        except simpy.Interrupt:
            return  # a stop, or a retry call during the wait: who interrupts does the rest

    def _conclude(self, attempt: Attempt, reason: int) -> int | None:
        """Enter how an attempt ended.

        Returns:
            Ticks until the automatic retry, None if there is none.
        """
        device, tick, ledger = attempt.device, self._clock.tick, self._ledger
        wait = None
        ledger.count_bytes(attempt)
        if reason == Reason.NONE:
            ledger.succeed(attempt, tick)
        else:
            ledger.fail(attempt, tick, reason)
            policy = self._policies[int(ledger.target.task[device])]
            used, failures = int(ledger.used[device]), ledger.failed_at[device]
            only = policy.only_reasons
            if is_retried(policy, used, only, 0, len(only), reason):
                first = first_of_latest(failures, policy.penalty_failures)
                wait = self._wait_ticks(policy, None, None, device, used, first, tick)
                ledger.move(device, SubtaskState.FAIL_WAIT_RETRY)
            else:
                ledger.end(device, tick, SubtaskState.FAIL)
        attempt.account.enter(None if wait is None else ONLY[Hold.RETRY_WAIT])
        ledger.log(attempt, tick, int(self._trigger[device]), reason)
        del self._attempts[device]
        if wait is None:
            del self._processes[device]
        self._ready.free_place(device)
        return wait

    def _interrupt(self, device: int) -> None:
        """End a device's process; what it holds of the network is given back, and taken, at once."""
        self._processes.pop(device).interrupt()
        self._clock.settle()

    # --- calls ------------------------------------------------------------------------------------

    def add_task(
        self,
        devices: Int32s,
        policy: RetryPolicy,
        *,
        group: int = 0,
        package: PackageRef | None = None,
    ) -> int:
        """Register a task; its subtasks are `Waitting`, not yet released.

        Raises:
            ModelError: Devices are not ascending, out of range or live in another task, or the group is.
        """
        devices = np.array(devices, np.int32)
        devices.flags.writeable = False
        in_order = bool((np.diff(devices) > 0).all())
        if len(devices) and (not in_order or devices[0] < 0 or devices[-1] >= len(self.spec.cohort)):
            raise ModelError(f"devices of a task must ascend within 0..{len(self.spec.cohort) - 1}")
        earlier = devices[self._ledger.target.task[devices] >= 0]
        if not np.isin(self._ledger.target.status[earlier], _FINAL).all():
            raise ModelError("a device has a live subtask in another task")
        if not 0 <= group < len(self._ledger.group_counts):
            raise ModelError(f"watch group {group} is not in 0..{len(self._ledger.group_counts) - 1}")
        self._released[devices] = False
        self._tasks.append(devices)
        self._policies.append(policy)
        self._packages.append(package or self._around.package)
        for device in earlier.tolist():
            if self._packages[self._ledger.target.task[device]] != self._packages[-1]:
                self._around.memory_of(device).held = 0
        return self._ledger.add_task(devices, group)

    def release(self, devices: Int32s) -> None:
        """Let `Waitting` subtasks that were not released yet queue for dispatch, in the given order."""
        for device in self._members(devices):
            if self._ledger.state(device) == SubtaskState.WAITTING and not self._released[device]:
                self._queue(device, FIRST)

    def retry(self, devices: Int32s) -> None:
        """Queue subtasks in Fail, FailWaitRetry or Stopped again, in the given order; takes no budget."""
        for device in self._members(devices):
            state = self._ledger.state(device)
            if state not in _RETRIABLE:
                continue
            if state == SubtaskState.FAIL_WAIT_RETRY:
                self._interrupt(device)
            else:
                ended = int(self._ledger.target.end[device])
                self._around.accounts.of(device).enter_earlier(ONLY[Hold.CALL_WAIT], ended)
            self._ledger.target.end[device] = -1
            self._ledger.move(device, SubtaskState.WAITTING)
            self._queue(device, MANUAL)

    def stop(self, devices: Int32s) -> None:
        """Turn subtasks in Waitting, Processing or FailWaitRetry into `Stopped` at once."""
        for device in self._members(devices):
            state = self._ledger.state(device)
            if not state.is_live:
                continue
            self._ledger.end(device, self._clock.tick, SubtaskState.STOPPED)
            if state == SubtaskState.WAITTING and self._released[device]:
                self._ready.leave(device)
            elif state == SubtaskState.FAIL_WAIT_RETRY:
                self._interrupt(device)
            elif state == SubtaskState.PROCESSING:
                self._interrupt(device)
                attempt = self._attempts.pop(device)
                self._ledger.count_bytes(attempt)
                self._ledger.log(attempt, self._clock.tick, int(self._trigger[device]), Reason.NONE)
                self._ready.free_place(device)
            self._around.accounts.of(device).enter(None)

    def refill_budget(self, devices: Int32s) -> None:
        """Give subtasks their whole automatic retry budget again."""
        self._ledger.used[self._members(devices)] = 0

    def set_dispatch_gap(self, gap_ticks: int) -> None:
        """Change the least time between two dispatches; the last dispatch still counts."""
        self._dispatch_gap_ticks = gap_ticks

    def close(self) -> None:
        """End the run: count bytes under way into the records. A second call does nothing."""
        if not self._closed:
            self._held_up = self.held_up()
            for attempt in self._attempts.values():
                self._ledger.count_bytes(attempt)
        self._closed = True

    def _members(self, devices: Int32s) -> list[int]:
        """Return devices as plain numbers; all must be in a task."""
        indices = np.asarray(devices, np.int64)
        known = (indices >= 0) & (indices < len(self.spec.cohort))
        if not known.all() or (self._ledger.target.task[indices] < 0).any():
            raise ModelError("a device is in no task")
        return [int(device) for device in indices]

    # --- watches ----------------------------------------------------------------------------------

    def watch_settled(self, task: int) -> int:
        """Watch for a task having no subtask in Waitting, Processing or FailWaitRetry; return the id."""
        return self._watches.add(partial(is_settled, self._ledger.task_counts[task]))

    def watch_failures(
        self, group: int, *, share: float, count: int, of_at_least: int, first_attempts: bool = False
    ) -> int:
        """Watch what ended in a group (-1: all), subtasks or first attempts; return the id."""
        ledger = self._ledger
        of_groups = ledger.group_first if first_attempts else ledger.group_counts
        of_all = ledger.first if first_attempts else ledger.counts
        counts = of_all if group < 0 else of_groups[group]
        return self._watches.add(
            partial(is_failing, counts, share=exact_share(share), most=count, of_at_least=of_at_least)
        )

    def unwatch(self, watch: int) -> None:
        """Drop a watch; unknown or tripped ones are ignored."""
        self._watches.drop(watch)

    def tripped(self) -> list[int]:
        """Return the ids of watches that tripped since the last call, ascending."""
        return self._watches.take_tripped()

    # --- answers ----------------------------------------------------------------------------------

    def task_devices(self, task: int) -> Int32s:
        """Return the devices of a task, ascending; read only."""
        return self._tasks[task]

    def task_counts(self, task: int) -> Int64s:
        """Return (7,) int64, the task's subtasks by state."""
        return np.array(self._ledger.task_counts[task], np.int64)

    def counts(self) -> Int64s:
        """Return (7,) int64, all devices by state; one that is in no task yet counts as Waitting."""
        return np.array(self._ledger.counts, np.int64)

    def n_ended(self) -> int:
        """Return how many subtasks have ended; see `Fleet.n_ended`."""
        return sum(self._ledger.counts[state] for state in _FINAL)

    def records(self) -> TargetRecords:
        """Return the records as they stand; views, valid until the plane moves on."""
        return self._ledger.target

    def held_up(self) -> HeldUp:
        """Return where the time up to now has gone; see `sim.fleet.held_up`."""
        return self._held_up or self._around.accounts.held_up()

    def totals(self) -> Totals:
        """Return peaks and sums up to now."""
        return self._ledger.totals()

    def curves(self) -> Curves:
        """Return the curves from 0 to now."""
        return self._ledger.curves(self._clock.tick)

    def attempt_log(self) -> AttemptLog:
        """Return the attempts that have ended; empty unless made with `log_attempts=True`."""
        return self._ledger.attempt_log()


if TYPE_CHECKING:
    _: type[Fleet] = SimpyFleet  # the type checker compares every signature with the protocol
