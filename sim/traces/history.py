"""What log and ledger say about single devices: their attempts, and their states between these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.campaign.layout.task_policy import retry_policy
from sim.errors import ModelError
from sim.fleet.model.retry import first_of_latest, waiting
from sim.fleet.reference.draws import Draws
from sim.fleet.reference.records import AUTO, MANUAL, LogRow
from sim.fleet.spec import NEVER, to_ticks
from sim.rules import Call, SubtaskState
from sim.traces.steps import Doing

if TYPE_CHECKING:
    from sim.campaign.record import CampaignRun, TaskRecord
    from sim.fleet.protocol import AttemptLog

# Sources of events at one tick, in their order: retries that are due come before calls.
_DUE: Final = 0
_CALL: Final = 1
# Places of task events among the calls of one tick.
_CREATED: Final = -2
_STARTED: Final = -1

_BEFORE: Final = {
    SubtaskState.FAIL_WAIT_RETRY: Doing.RETRY_WAIT,
    SubtaskState.FAIL: Doing.FAILED,
    SubtaskState.STOPPED: Doing.STOPPED,
}


_CallOn = tuple[int, int, int, Call]
"""Tick of a call that acted on a device, its number among all calls, the device's place in it, its name."""


class Order(NamedTuple):
    """When a subtask joined a queue, comparable with others of the same tick.

    Attributes:
        tick: When.
        source: Whether a retry was due or somebody called.
        i_call: Number of the call.
        place: Where the tasks, one after the other, or the call named the device; 0 for a retry that was due.
        device: Its index.
    """

    tick: int
    source: int
    i_call: int
    place: int
    device: int


class Stretch(NamedTuple):
    """A time between attempts in which a subtask keeps its state.

    Attributes:
        start: First tick.
        end: Tick at which it ends.
        doing: `NO_TASK`, `HELD`, `QUEUED`, `RETRY_WAIT`, `FAILED` or `STOPPED`.
        order: Its place among those who joined at the same tick.
    """

    start: int
    end: int
    doing: Doing
    order: Order


class Visit(NamedTuple):
    """One stay of a subtask in the queue and in the attempt that follows.

    Attributes:
        joined: When it joined the queue.
        dispatched: When the attempt began; NEVER if it didn't.
        left: When the attempt ended or the queue was left; NEVER if it wasn't.
    """

    joined: Order
    dispatched: int
    left: int


class Logbook:
    """Attempts and calls of some devices of a run."""

    def __init__(self, run: CampaignRun, devices: Sequence[int]) -> None:
        """Look the devices up.

        Args:
            run: A run that kept its attempts. Read only.
            devices: Device indices, each once.
        """
        assert run.attempts is not None, "the run kept no attempts"
        self._run = run
        self._policy = retry_policy(run.scenario.campaign)
        self._wait_ticks = waiting(Draws(run.spec).of_retry)
        self._refills = run.scenario.campaign.manual_retry_refills
        self.attempts = attempts_by_device(run.attempts, devices)
        self._calls: dict[int, list[_CallOn]] = {device: [] for device in devices}
        wanted = np.asarray(devices, np.int64)
        self._place: dict[int, int] = {}
        """By device: how many targets its task has before it, and how many all tasks before that one have."""
        task = run.records.task[wanted]
        before = np.cumsum([0, *map(len, run.orders)])
        for i_task in np.unique(task[task >= 0]).tolist():
            order = run.orders[i_task]
            places = np.flatnonzero(np.isin(order, wanted[task == i_task]))
            self._place.update(zip(order[places].tolist(), (before[i_task] + places).tolist(), strict=True))
        for i_call, call in enumerate(run.calls):
            if call.call in (Call.RETRY, Call.STOP, Call.CONFIRM) and len(call.accepted):
                called = (to_ticks(call.time_s), i_call)
                for place in np.flatnonzero(np.isin(call.accepted, wanted)).tolist():
                    self._calls[int(call.accepted[place])].append((*called, place, Call(call.call)))

    def stretches(self, device: int) -> list[list[Stretch]]:
        """Return the states before each attempt of a device, and those after the last one.

        Times of no length are left out, except in the queue: who joined when decides who is next. A
        subtask under way when the run ended looks as if it were still in the queue.
        """
        gaps: list[list[Stretch]] = []
        previous: LogRow | None = None
        calls = [call for call in self._calls[device] if call[3] is not Call.CONFIRM]
        for attempt in self.attempts[device]:
            n = _calls_before(attempt, calls)
            gaps.append(list(self._gap(device, previous, attempt.start, calls[:n])))
            previous, calls = attempt, calls[n:]
        gaps.append(list(self._gap(device, previous, to_ticks(self._run.end_s), calls)))
        return gaps

    def visits(self, device: int) -> list[Visit]:
        """Return the stays of a device in the queue, in order."""
        attempts = self.attempts[device]
        visits = []
        for k, gap in enumerate(self.stretches(device)):
            is_last = k == len(attempts)
            queued = [stretch for stretch in gap if stretch.doing is Doing.QUEUED]
            stopped = queued if is_last else queued[:-1]
            if not is_last:
                start, end = attempts[k].start, attempts[k].end
                dispatched = Visit(queued[-1].order, start, end)
            elif queued and gap[-1].doing is Doing.QUEUED:  # still there when the run ended, or under way
                stopped = queued[:-1]
                dispatched = Visit(queued[-1].order, NEVER, NEVER)
            else:
                dispatched = None
            visits += [Visit(stretch.order, NEVER, stretch.end) for stretch in stopped]
            visits += [] if dispatched is None else [dispatched]
        return visits

    def caller(self, device: int, call: Call, tick: int) -> str | None:
        """Return who last made a call at a tick that acted on a device; None if nobody did."""
        made = [i_call for at, i_call, _, what in self._calls[device] if what is call and at == tick]
        return self._run.calls[made[-1]].caller if made else None

    def calls_on(self, device: int) -> Iterator[tuple[int, int]]:
        """Yield the calls that acted on a device: tick and number among all calls, in order."""
        yield from ((tick, i_call) for tick, i_call, _, _ in self._calls[device])

    def released(self, device: int) -> Order:
        """Return when a subtask joined the queue with its task or a confirm call; at NEVER if it didn't."""
        i_task = int(self._run.records.task[device])
        started_s = None if i_task < 0 else self._run.tasks[i_task].started_s
        if started_s is None:
            return Order(NEVER, _CALL, _STARTED, 0, device)
        started = Order(to_ticks(started_s), _CALL, _STARTED, self._place[device], device)
        if not self._run.scenario.campaign.need_confirm:
            return started
        for tick, i_call, place, call in self._calls[device]:
            if call is Call.CONFIRM:
                return started if tick <= started.tick else Order(tick, _CALL, i_call, place, device)
        return started._replace(tick=NEVER)

    def _task(self, device: int) -> TaskRecord | None:
        """Return the device's task, None if it came into none."""
        i_task = int(self._run.records.task[device])
        return None if i_task < 0 else self._run.tasks[i_task]

    def _gap(
        self, device: int, previous: LogRow | None, end: int, calls: Sequence[_CallOn]
    ) -> Iterator[Stretch]:
        """Yield the states between two attempts, or before the first, or after the last."""
        begin = 0 if previous is None else previous.end
        doing = Doing.NO_TASK if previous is None else _BEFORE.get(SubtaskState(previous.status))
        if doing is None:  # Success is the end of the story
            return
        released = self.released(device) if previous is None else None
        since, order = begin, Order(begin, _CALL, _CREATED, 0, device)
        for event, then in self._events(device, previous, end, calls):
            if event.source == _DUE and doing is not Doing.RETRY_WAIT:
                continue  # a call came first
            if then is Doing.QUEUED and event == released and doing is not Doing.HELD:
                continue  # stopped, or retried, before its task started
            if event.tick > since or doing is Doing.QUEUED:
                yield Stretch(since, event.tick, doing, order)
            doing, since, order = then, event.tick, event
        if end > since or doing is Doing.QUEUED:
            yield Stretch(since, end, doing, order)

    def _events(
        self, device: int, previous: LogRow | None, end: int, calls: Sequence[_CallOn]
    ) -> list[tuple[Order, Doing]]:
        """Return what changes the state of a subtask between two attempts, in order."""
        events = [
            (Order(tick, _CALL, i_call, place, device), Doing.QUEUED if call is Call.RETRY else Doing.STOPPED)
            for tick, i_call, place, call in calls
        ]
        if previous is None:
            task = self._task(device)
            if task is not None:
                created = Order(to_ticks(task.created_s), _CALL, _CREATED, 0, device)
                events += [(created, Doing.HELD), (self.released(device), Doing.QUEUED)]
        elif previous.status == SubtaskState.FAIL_WAIT_RETRY:
            events.append((Order(self._due(device, previous), _DUE, 0, 0, device), Doing.QUEUED))
        return sorted((event for event in events if event[0].tick <= end), key=lambda event: event[0])

    def _due(self, device: int, failed: LogRow) -> int:
        """Return when the automatic retry after a failed attempt is due."""
        refills = [
            tick
            for tick, _, _, call in self._calls[device]
            if call is Call.RETRY and self._refills and tick <= failed.end
        ]
        since = max(refills, default=-1)
        used = sum(
            row.trigger == AUTO and row.start >= since for row in self.attempts[device][: failed.attempt]
        )
        failures = [
            row.end
            for row in self.attempts[device][: failed.attempt]
            if row.status in (SubtaskState.FAIL, SubtaskState.FAIL_WAIT_RETRY)
        ]
        first = first_of_latest(failures, self._policy.penalty_failures)
        return failed.end + self._wait_ticks(self._policy, None, None, device, used, first, failed.end)


def _calls_before(attempt: LogRow, calls: Sequence[_CallOn]) -> int:
    """Return how many of the calls not told yet came before an attempt.

    Calls of a tick come before its dispatches. But an attempt that has no length may have ended before
    later calls of its tick; then one retry call is all that it needed.
    """
    n = sum(tick < attempt.start for tick, *_ in calls)
    at_once = [call for tick, _, _, call in calls if tick == attempt.start]
    if attempt.start < attempt.end:
        return n + len(at_once)
    if attempt.trigger == MANUAL and Call.RETRY in at_once:
        return n + at_once.index(Call.RETRY) + 1
    return n


def attempts_by_device(log: AttemptLog, devices: Sequence[int]) -> dict[int, list[LogRow]]:
    """Return the ended attempts of some devices, each device's in order.

    Raises:
        ModelError: The log misses an attempt before one that it has.
    """
    rows = np.flatnonzero(np.isin(log.device, np.asarray(devices)))
    columns = [getattr(log, name)[rows].tolist() for name in LogRow._fields]
    found: dict[int, list[LogRow]] = {device: [] for device in devices}
    ended = (LogRow(*values) for values in zip(*columns, strict=True))
    for row in sorted(ended, key=lambda row: (row.device, row.attempt)):
        found[row.device].append(row)
        if row.attempt != len(found[row.device]):
            raise ModelError(f"the log has attempt {row.attempt} of device {row.device}, but not all before")
    return found
