"""The compiled device plane: NumPy arrays, advanced by kernels."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from sim.cpus import each_block, usable_cpus
from sim.errors import ModelError
from sim.fleet.compiled import calls, event_loop
from sim.fleet.compiled import records as readout
from sim.fleet.compiled.add_task import as_list, checked_devices, enrol
from sim.fleet.compiled.corrections import readout as corrections
from sim.fleet.compiled.corrections.take_back import find_corrections
from sim.fleet.compiled.memory.curve_rows import catch_up
from sim.fleet.compiled.memory.growth import make_room
from sim.fleet.compiled.memory.place_groups import enter_groups
from sim.fleet.compiled.memory.shortcuts import new_given, shortcuts
from sim.fleet.compiled.memory.state import (
    FAIL_WAIT_RETRY,
    LOADING_QUEUES,
    N_RETRY_QUEUES,
    RUNNING,
    WAITTING,
    new_state,
)
from sim.fleet.compiled.needed import find_functions
from sim.fleet.compiled.presampling_ahead import PlansAhead
from sim.fleet.compiled.stages.conditions import draw_first_places
from sim.fleet.compiled.tree.load import tree_load_at_end_of_tick
from sim.fleet.compiled.uncoupled.load import FreeDownloads, FreeLoad
from sim.fleet.compiled.uncoupled.run import StraightPlay
from sim.fleet.compiled.watches import add_watch, drop_watch, take_tripped
from sim.fleet.held_up import HeldUp
from sim.fleet.model.retry import waits_vary
from sim.fleet.protocol import OWN_PACKAGE, AttemptLog, Curves, PackageRef, TargetRecords, Totals
from sim.fleet.spec import NEVER, FleetSpec, Int32s, Int64s, RetryPolicy, shares_nothing

_GRID_ROWS: Final = 4096


class CompiledFleet:
    """A fleet as arrays, advanced by compiled kernels; implements `sim.fleet.protocol.Fleet`.

    Events run in order in one kernel. While nothing is shared, devices are played straight through instead,
    task by task, on several threads.
    """

    is_compiled: ClassVar[bool] = True

    def __init__(
        self, spec: FleetSpec, *, log_attempts: bool = False, n_groups: int = 1, threads: int | None = None
    ) -> None:
        """Lay out the fleet.

        Args:
            log_attempts: Keep a row an attempt.
            n_groups: Watch groups.
            threads: Threads to use; all usable processors by default.
        """
        self.spec = spec
        self._cuts = shortcuts(spec)
        self._threads = threads or usable_cpus()
        n = len(spec.cohort)
        self._st = new_state(new_given(spec, self._cuts), n_groups, log=log_attempts)
        find_functions(self._st)
        self._st.counts[WAITTING] = n
        self._st.reg.gap = spec.platform.dispatch_gap_ticks
        self._st.reg.freeze_at = int(spec.outages.freeze_from[0]) if len(spec.outages.freeze_from) else NEVER
        make_room(self._st, grid=_GRID_ROWS)
        self._retry_queues: dict[int, int] = {}
        self._tasks: list[Int32s] = []
        self._next_watch = 0
        self._closed, self._last_load = False, 0.0
        self._held_up: HeldUp | None = None  # of a run that has ended
        self._downloads = FreeDownloads(
            np.where(self._cuts.instant, 0.0, spec.cohorts.link_rate), spec.platform.resolution_ticks
        )
        self._may_play_straight = shares_nothing(spec) and not log_attempts
        self._straight = StraightPlay(spec, self._cuts, self._st, self._downloads, threads=self._threads)
        self._ahead = PlansAhead(spec, self._cuts, self._st.reg, threads=self._threads)
        self._known_load: tuple[tuple[int, int], FreeLoad] | None = None
        each_block(n, self._threads, lambda lo, hi: calls.draw_population(spec, self._st, lo, hi))
        if spec.n_timelines:
            each_block(n, self._threads, lambda lo, hi: draw_first_places(spec, self._st.places, lo, hi))
        enter_groups(spec, self._st.cell, self._st.work["level"])

    @property
    def now_ticks(self) -> int:
        """Tick up to which the plane has run."""
        return int(self._st.reg.now)

    def add_task(
        self, devices: Int32s, policy: RetryPolicy, *, group: int = 0, package: PackageRef | None = None
    ) -> int:
        """Register a task; see `Fleet.add_task`."""
        self._check_open()
        package = package or OWN_PACKAGE
        self._look_for_new_task(devices, policy, package)
        self._catch_up_rows()
        devices, again = checked_devices(self._st, devices, group)
        queue = self._retry_queue(policy)
        enrol(self._st, devices, policy, package, again=again, group=group, queue=queue)
        self._tasks.append(devices)
        return len(self._tasks) - 1

    def _retry_queue(self, policy: RetryPolicy) -> int:
        """Return the first-in-first-out queue of a constant interval, -1 when the heap has to do."""
        interval = policy.retry_interval_ticks
        if policy.retry_count == 0 or waits_vary(policy):
            return -1
        if interval not in self._retry_queues and len(self._retry_queues) < N_RETRY_QUEUES:
            first = LOADING_QUEUES + len(self.spec.cohorts.protocol)
            self._retry_queues[interval] = first + len(self._retry_queues)
            self._st.reg.n_retry_used = len(self._retry_queues)
        return self._retry_queues.get(interval, -1)

    def _look_for_new_task(self, devices: Int32s, policy: RetryPolicy, package: PackageRef) -> None:
        """See to it that what a new task changes of the devices' rows is known as it is now."""
        if not self._straight.is_on:
            return
        remembers_more = policy.penalty_failures > self._st.failed_at.shape[1]
        learns_versions = not len(self._st.runs) and (package.version, package.component) != (0, 0)
        if remembers_more or learns_versions or (self._st.out.task[devices] >= 0).any():
            self._look()
            self._straight.forget()
            self._straight.let_go(devices)

    def release(self, devices: Int32s) -> None:
        """Let subtasks queue for dispatch; see `Fleet.release`."""
        devices = as_list(devices)
        if self._begins_straight(devices):
            self._straight.release(devices)
        else:
            self._enter_queues()
            calls.release(self._st, devices)

    def retry(self, devices: Int32s) -> None:
        """Queue subtasks again; see `Fleet.retry`."""
        devices = as_list(devices)
        begins_straight = self._begins_straight(devices) and not self._straight.is_ahead
        if not begins_straight:
            self._enter_queues()
        calls.retry(self._st, devices)
        if begins_straight:
            self._straight.take_ready(devices)

    def stop(self, devices: Int32s) -> None:
        """Stop subtasks; see `Fleet.stop`."""
        self._check_open()
        self._catch_up_rows()
        self._enter_queues()
        self._known_load = None
        self._ahead.drop(self._st)
        find_corrections(self._st)
        make_room(self._st, heap=len(devices) if len(self._st.breaks) else 0, ended=len(devices))
        calls.stop(self.spec, self._cuts, self._st, as_list(devices))

    def refill_budget(self, devices: Int32s) -> None:
        """Give subtasks their whole automatic retry budget again."""
        self._look()
        self._straight.forget()
        self._st.work["used"][devices] = 0

    def set_dispatch_gap(self, gap_ticks: int) -> None:
        """Change the least time between two dispatches; see `Fleet.set_dispatch_gap`."""
        self._run_events_only()
        reg = self._st.reg
        if reg.next_dispatch > 0:
            reg.next_dispatch += gap_ticks - reg.gap
        reg.gap = gap_ticks
        reg.next_event = reg.now

    def _hand_over_spans(self) -> None:
        """Make room for more downloads of a free network."""
        st = self._st
        n = int(st.reg.span_n)
        if n:
            self._downloads.add(st.spans[:n])
            if self._downloads.settle(st.work, self.spec.cohort, before=self.now_ticks):
                self._straight.forget()
            st.reg.span_n = 0

    def _begins_straight(self, devices: Int32s) -> bool:
        """Tell whether devices that begin now are played straight through."""
        self._check_open()
        self._catch_up_rows()
        straight, counts = self._straight, self._st.counts
        if not straight.is_on and self._may_play_straight:
            straight.is_on = not counts[RUNNING] + counts[FAIL_WAIT_RETRY] + int(self._st.reg.ready_n)
        return straight.is_on and len(devices) > 0 and straight.admits(devices)

    def _enter_queues(self) -> None:
        """Go on with events in order."""
        if self._straight.is_on:
            self._known_load = None
            self._straight.leave()

    def _look(self) -> None:
        """Let all memory be as it is now; who looked once while tasks lie ahead will do so again."""
        if self._straight.is_ahead:
            self._enter_queues()

    def _run_events_only(self) -> None:
        """Give up playing devices straight through for good."""
        self._enter_queues()
        self._may_play_straight = False

    def advance(self, until_ticks: int) -> bool:
        """Run all events up to `until_ticks`; see `Fleet.advance`."""
        self._check_open()
        reg = self._st.reg
        if until_ticks < reg.now:
            raise ModelError(f"cannot advance to {until_ticks}, the plane is at {reg.now} already")
        if until_ticks < reg.next_event and not reg.ended and not reg.net_changed:
            if until_ticks < NEVER:
                reg.now = until_ticks
            return False
        if self._straight.is_on:
            return self._advance_straight(until_ticks)
        return self._advance_events(until_ticks)

    def finish_tick(self) -> bool:
        """Let happen what is due at the present tick; see `Fleet.finish_tick`."""
        self._check_open()
        reg = self._st.reg
        if reg.next_event > reg.now and not reg.ended and not reg.net_changed:
            return False
        self._enter_queues()
        return self._advance_events(self.now_ticks, finishes=True)

    def _advance_straight(self, until_ticks: int) -> bool:
        """Play devices straight through, in steps that the curve's rows suffice for."""
        straight = self._straight
        if self._st.reg.ended and straight.check_watches():
            return True
        while self.now_ticks < until_ticks and straight.goes_on:
            limit = min(until_ticks, self._catch_up_rows(until_ticks))
            if not straight.play(limit):
                break
            while (tick := straight.next_settled(limit)) is not None:
                straight.move_to(tick)
                if straight.check_watches():
                    return True
            if straight.goes_on:
                straight.move_to(limit)
                if not straight.pays:
                    break
        if straight.goes_on and (self.now_ticks < until_ticks or not straight.pays):
            self._enter_queues()
            return self._advance_events(until_ticks)
        if until_ticks < NEVER:
            self._st.reg.now = until_ticks
        return False

    def _advance_events(self, until_ticks: int, *, finishes: bool = False) -> bool:
        """Run the event kernel, growing arrays as it asks for."""
        while True:
            limit = min(until_ticks, self._catch_up_rows(until_ticks))
            code = event_loop.run_events(self.spec, self._cuts, self._st, limit, finishes)
            if code == event_loop.TRIPPED:
                return True
            if code == event_loop.PLAN:
                self._ahead.next_list(self._st)
            elif code == event_loop.GROW:
                self._hand_over_spans()
                make_room(self._st, double=True)
            elif limit == until_ticks:
                return False
            elif self._st.reg.next_event >= NEVER and until_ticks >= NEVER:
                self._st.reg.now = max(int(self._st.reg.last_end), 0)
                return False

    def _catch_up_rows(self, until_ticks: int = 0) -> int:
        """Write the curve's rows that are due; return the last tick that rows suffice for, see `catch_up`."""
        return catch_up(self._st, self.spec.platform.resolution_ticks, until_ticks)

    def watch_settled(self, task: int) -> int:
        """Watch for a task to settle; see `Fleet.watch_settled`."""
        add_watch(self._st, self._next_watch, key=task, settles=True)
        self._next_watch += 1
        return self._next_watch - 1

    def watch_failures(
        self, group: int, *, share: float, count: int, of_at_least: int, first_attempts: bool = False
    ) -> int:
        """Watch for failures; see `Fleet.watch_failures`."""
        self._run_events_only()
        add_watch(
            self._st,
            self._next_watch,
            key=group,
            settles=False,
            share=share,
            count=count,
            at_least=of_at_least,
            firsts=first_attempts,
        )
        self._next_watch += 1
        return self._next_watch - 1

    def unwatch(self, watch: int) -> None:
        """Drop a watch; unknown or tripped ones are ignored."""
        drop_watch(self._st, watch)

    def tripped(self) -> list[int]:
        """Return the ids of watches that tripped since the last call, ascending."""
        return take_tripped(self._st)

    def task_devices(self, task: int) -> Int32s:
        """Return the devices of a task, ascending."""
        return self._tasks[task]

    def task_counts(self, task: int) -> Int64s:
        """Return (7,) int64, the task's subtasks by state."""
        if not self._straight.knows(task):
            self._look()
        counts: Int64s = self._st.task_counts[task].copy()
        return counts

    def counts(self) -> Int64s:
        """Return (7,) int64, all devices by state."""
        self._look()
        return self._st.counts.copy()

    def n_ended(self) -> int:
        """Return how many subtasks have ended; see `Fleet.n_ended`."""
        return self._straight.n_ended()

    def records(self) -> TargetRecords:
        """Return the records as they stand."""
        self._look()
        return self._st.out

    def totals(self) -> Totals:
        """Return peaks and sums up to now."""
        self._look()
        load = self._load_of_free_network()
        return readout.totals(self._st, load, present_load=self._present_load(load))

    def curves(self) -> Curves:
        """Return the curves from 0 to now."""
        self._look()
        self._catch_up_rows()
        resolution = self.spec.platform.resolution_ticks
        load = self._load_of_free_network()
        return readout.curves(self._st, resolution, load, present_load=self._present_load(load))

    def _present_load(self, load: FreeLoad | None) -> float:
        """Return the bytes/s of a shared network after all of this tick."""
        if load is not None or self._closed:
            return self._last_load
        if len(self._st.line):
            return tree_load_at_end_of_tick(self.spec, self._st)
        return event_loop.load_at_end_of_tick(self.spec, self._st)

    def _load_of_free_network(self) -> FreeLoad | None:
        """Return peaks and curve columns of downloads that are not events; None if they are."""
        if not self._cuts.network_free:
            return None
        known = (int(self._st.reg.now), int(self._st.reg.n_events))
        if self._known_load is None or self._known_load[0] != known:
            self._hand_over_spans()
            load = self._downloads.load(self._st.work, self.spec.cohort, now=self.now_ticks)
            self._known_load = known, load
        return self._known_load[1]

    def held_up(self) -> HeldUp:
        """Return where the time has gone up to now; see `Fleet.held_up`."""
        if self._held_up is None:
            self._look()
        return self._held_up or corrections.held_up(self.spec, self._st)

    def attempt_log(self) -> AttemptLog:
        """Return the attempts that have ended; see `Fleet.attempt_log`."""
        return readout.attempt_log(self._st)

    def result_bytes(self) -> int:
        """Return the bytes of the records and of the curve's rows."""
        st = self._st
        return sum(array.nbytes for array in (*st.out, st.grid))

    def _check_open(self) -> None:
        """Refuse to go on with a run that is over: what it needs has been given free."""
        if self._closed:
            raise ModelError("the run has ended: its fleet can't go on")

    def close(self) -> None:
        """End the run: count bytes under way into the records, and keep only what results need."""
        if self._closed:
            return
        self._look()
        self._held_up = corrections.settle(self.spec, self._st)
        if self._st.counts[RUNNING]:
            calls.count_under_way(self.spec, self._st)
        self._last_load = self._present_load(self._load_of_free_network())
        self._closed = True
        self._ahead.close()
        readout.keep_results(self._st)
