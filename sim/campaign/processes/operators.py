"""Operators of a scenario: who calls retry, stop, confirm or delete, when, and for which targets.

An operator reads a task's details for free: what it costs to poll them is counted apart, in
`sim.campaign.budget`. Every loop here is bounded, and says so when it ends at its bound.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import simpy

from sim.campaign.processes.members import cut
from sim.errors import Problem, ScenarioError
from sim.fleet.spec import NEVER, TICKS_PER_S, to_ticks
from sim.rules import IS_ELIGIBLE, REFUSED_TASK_STATES, Call, SubtaskState, TaskState

if TYPE_CHECKING:
    from sim.campaign.environment import FleetEnvironment
    from sim.campaign.processes.client import ApiClient
    from sim.campaign.service.service import BatchTaskService
    from sim.campaign.service.tasks import BatchTask
    from sim.fleet.spec import Bools, FleetSpec, Int32s
    from sim.scenario import Operator, Scenario, When

ROUNDS_MAX: Final = 1_000_000
"""Rounds of one operator in a run."""

Waiting = Generator[simpy.Event, Any, None]

_FINAL: Final = {
    state
    for state in TaskState
    if state.is_terminal and all(state in REFUSED_TASK_STATES[call] for call in Call if call != Call.DELETE)
}
"""States that no call changes any more, except that the task may be deleted."""


class OperatorProcess:
    """One operator at work."""

    def __init__(
        self,
        number: int,
        scenario: Scenario,
        spec: FleetSpec,
        service: BatchTaskService,
        client: ApiClient,
        *,
        is_stopped: Callable[[], bool],
        is_over: Callable[[], bool],
    ) -> None:
        """Read the operator's part of the scenario.

        Args:
            number: Which of the scenario's operators, from 0.
            is_stopped: Tells whether the campaign was stopped; then people look first, and no script calls.
            is_over: Tells whether nobody else will create a task or call any more.
        """
        self._number = number
        self._operator: Operator = scenario.operators[number]
        self._call = Call(self._operator.call)
        self._env: FleetEnvironment = service.env
        self._service = service
        self._client = client
        self._is_stopped = is_stopped
        self._is_over = is_over
        self._given_up: set[int] = set()
        only = self._operator.only
        self._tasks = None if only is None or only.tasks is None else frozenset(only.tasks)
        self._codes = None if only is None or only.codes is None else np.array(only.codes, np.int16)
        self._in_cohorts: Bools | None = None
        if only is not None and only.cohorts is not None:
            self._in_cohorts = np.isin(np.array(scenario.cohort_names), np.array(only.cohorts))
        self._cohort = spec.cohort

    def run(self) -> Waiting:
        """Call whenever it is time to; a SimPy process."""
        when = self._operator.when
        if when is None:
            yield from self._run_timed()
        elif when.settled:
            yield from self._run_when_settled()
        elif when.failed_share_above is not None:
            yield from self._run_when_failing(when)
        elif when.stalled_for is not None:
            yield from self._run_when_stalled(when.stalled_for)

    # --- triggers -------------------------------------------------------------------------------

    def _run_timed(self) -> Waiting:
        """Call at a time, or again and again."""
        operator, env = self._operator, self._env
        every_s = operator.every or 0.0
        due_s = every_s if operator.at is None else operator.at
        rounds = operator.times or (1 if operator.every is None else ROUNDS_MAX)
        for _ in range(rounds):
            yield env.timeout(max(0.0, due_s - env.now_s))
            if self._is_stopped():
                return
            yield from self._round()
            if not self._may_change_something():
                return
            due_s += every_s
        if operator.times is None and operator.every is not None:
            self._stop_at_bound("'every' is so short that")

    def _run_when_settled(self) -> Waiting:
        """Call for each task when it settles, at most so many times a task."""
        inbox: simpy.Store = simpy.Store(self._env)

        def tell(task: BatchTask) -> None:
            if task.state.is_terminal:
                inbox.put(task)

        self._service.subscribe(tell)
        times = self._operator.times or 1
        rounds: Counter[int] = Counter()
        for _ in range(ROUNDS_MAX):
            task: BatchTask = yield inbox.get()
            if self._is_stopped():
                return
            if rounds[task.number] < times and (bodies := self._useful_bodies(task)):
                rounds[task.number] += 1
                yield from self._make_calls(task, bodies)
        self._stop_at_bound("tasks settle so often that")

    def _run_when_failing(self, when: When) -> Waiting:
        """Call when the failed share of the fleet passes a threshold; again once more have ended."""
        env, fleet = self._env, self._env.fleet
        share = 1.0 if when.failed_share_above is None else when.failed_share_above
        least = when.of_at_least or 1
        for _ in range(self._operator.times or 1):
            watch = fleet.watch_failures(-1, share=share, count=NEVER, of_at_least=least)
            yield env.when(watch)
            yield from self._round()
            counts = fleet.counts()
            ended = int(counts[SubtaskState.SUCCESS] + counts[SubtaskState.FAIL])
            least = max(least, ended + 1)

    def _run_when_stalled(self, stalled_s: float) -> Waiting:
        """Call when no subtask has ended for so long although some are pending."""
        env = self._env
        times, n_rounds, last_s = self._operator.times or 1, 0, 0.0
        for _ in range(ROUNDS_MAX):
            yield env.timeout(max(0.0, last_s + stalled_s - env.now_s))
            last_s = max(last_s, float(env.fleet.records().end.max()) / TICKS_PER_S)
            if self._is_stopped() or (self._is_over() and not self._is_pending()):
                return
            if to_ticks(last_s + stalled_s) > to_ticks(env.now_s):
                continue
            if self._is_pending():
                n_rounds += 1
                yield from self._round()
                if n_rounds == times:
                    return
            last_s = env.now_s
        self._stop_at_bound("'stalled_for' is so short that")

    def _stop_at_bound(self, why: str) -> None:
        """Refuse to go on for ever."""
        message = f"{why} it would go on beyond {ROUNDS_MAX:,} rounds (bound ROUNDS_MAX); give 'times'"
        raise ScenarioError([Problem(f"operators[{self._number}]", message)])

    # --- rounds ---------------------------------------------------------------------------------

    def _round(self) -> Waiting:
        """Call for every selected task there is.

        Without `only.codes` and `only.cohorts` it doesn't look first: a task that refuses is called in
        vain, and left alone afterwards if it will refuse for ever.
        """
        for task in [task for task in self._service.tasks if self._is_selected(task)]:
            if self._is_stopped():
                return
            if task.number in self._given_up:
                continue
            if task.state in _FINAL and self._call is not Call.DELETE:
                self._given_up.add(task.number)
            yield from self._make_calls(task, self._bodies(task))

    def _make_calls(self, task: BatchTask, bodies: Sequence[Int32s | None]) -> Waiting:
        """Make all calls for one task."""
        for targets in bodies:
            if self._is_stopped():
                return
            yield from self._client.call(self._call, task.task_id, targets)

    def _bodies(self, task: BatchTask) -> Sequence[Int32s | None]:
        """Return what each call for a task names, as things stand; None for the body `{}`."""
        operator = self._operator
        chooses = self._codes is not None or self._in_cohorts is not None
        if self._call is Call.DELETE or (not chooses and operator.batch is None):
            return [None]
        return cut(self._chosen(task), operator.batch or self._service.limits.targets_per_call)

    def _useful_bodies(self, task: BatchTask) -> Sequence[Int32s | None]:
        """Return the same, but nothing if it is not this operator's task, or calls would do nothing now."""
        if not self._is_selected(task) or task.state in REFUSED_TASK_STATES[self._call]:
            return []
        if self._call is not Call.DELETE and not task.counts()[IS_ELIGIBLE[self._call]].any():
            return []
        return self._bodies(task)

    def _chosen(self, task: BatchTask) -> Int32s:
        """Return the devices that the call is for and may act on, in the task's order; (k,) int32."""
        at = task.positions_in(IS_ELIGIBLE[self._call])
        if self._codes is not None and len(at):
            at = at[np.isin(task.reasons_at(at), self._codes)]
        if self._in_cohorts is not None:
            at = at[self._in_cohorts[self._cohort[task.devices[at]]]]
        devices: Int32s = task.devices[task.in_order(at)]
        return devices

    # --- what there is to do --------------------------------------------------------------------

    def _is_selected(self, task: BatchTask) -> bool:
        """Tell whether the operator is concerned with a task."""
        return not task.is_deleted and (self._tasks is None or task.number in self._tasks)

    def _is_pending(self) -> bool:
        """Tell whether a selected task is not over."""
        return any(self._is_selected(task) and not task.state.is_terminal for task in self._service.tasks)

    def _may_change_something(self) -> bool:
        """Tell whether a later round could still do anything."""
        if not self._is_over() or self._is_pending():
            return True
        return any(self._useful_bodies(task) for task in self._service.tasks)
