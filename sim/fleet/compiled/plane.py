"""The compiled device plane: NumPy arrays, advanced by kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from sim.cpus import each_block, usable_cpus
from sim.errors import ModelError
from sim.fleet.compiled import calls, event_loop
from sim.fleet.compiled import records as readout
from sim.fleet.compiled.add_task import as_list, checked_devices, enrol
from sim.fleet.compiled.attempt import shortcuts
from sim.fleet.compiled.memory.growth import make_room
from sim.fleet.compiled.memory.state import (
    FAIL_WAIT_RETRY,
    LIVE,
    LOADING_QUEUES,
    N_RETRY_QUEUES,
    RUNNING,
    WAITTING,
    new_state,
)
from sim.fleet.compiled.presampling_ahead import PlansAhead
from sim.fleet.compiled.uncoupled.load import FreeDownloads, FreeLoad
from sim.fleet.compiled.uncoupled.run import enter_queues, play_straight
from sim.fleet.compiled.watches import add_watch, check_watches, drop_watch, take_tripped
from sim.fleet.model.retry import waits_vary
from sim.fleet.protocol import AttemptLog, Curves, TargetRecords, Totals
from sim.fleet.spec import (
    NEVER,
    FleetSpec,
    Int32s,
    Int64s,
    RetryPolicy,
    first_cells,
    shares_nothing,
)

_GRID_ROWS: Final = 4096
_MOST_ROWS_AT_ONCE: Final = 65_536


class CompiledFleet:
    """A fleet as arrays, advanced by compiled kernels; implements `sim.fleet.protocol.Fleet`.

    Events run in order in one kernel. While nothing is shared and at most one task is live, devices are
    played straight through instead, on several threads.
    """

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
        n, n_cohorts = len(spec.cohort), len(spec.cohorts.protocol)
        cells = first_cells(spec)
        shared = not self._cuts.network_free
        self._st = new_state(
            n, n_cohorts, int(cells[-1]) * 3, n_groups, shared_network=shared, log=log_attempts
        )
        self._st.counts[WAITTING] = n
        self._st.reg.gap = spec.platform.dispatch_gap_ticks
        make_room(self._st, grid=_GRID_ROWS)
        self._retry_queues: dict[int, int] = {}
        self._tasks: list[Int32s] = []
        self._next_watch = 0
        self._closed = False
        self._downloads = FreeDownloads(
            np.where(self._cuts.instant, 0.0, spec.cohorts.link_rate), spec.platform.resolution_ticks
        )
        self._may_play_straight = shares_nothing(spec) and not log_attempts
        self._plays_straight = False
        self._released = as_list(np.empty(0, np.int32))
        self._ahead = PlansAhead(spec, self._cuts, self._st.reg, threads=self._threads)
        self._known_load: tuple[tuple[int, int], FreeLoad] | None = None
        self._each_block(lambda lo, hi: calls.draw_population(spec, self._st, lo, hi))
        if cells[-1]:
            calls.cell_groups(spec, self._st, cells[:-1], np.zeros(n_cohorts, np.int64))

    def _each_block(self, work: Callable[[int, int], None]) -> None:
        """Call `work(lo, hi)` for blocks that cover all devices."""
        each_block(len(self.spec.cohort), self._threads, work)

    @property
    def now_ticks(self) -> int:
        """Tick up to which the plane has run."""
        return int(self._st.reg.now)

    @property
    def last_end_ticks(self) -> int:
        """Tick of the last end of a subtask, -1 if none."""
        return int(self._st.reg.last_end)

    def add_task(self, devices: Int32s, policy: RetryPolicy, *, group: int = 0) -> int:
        """Register a task; see `Fleet.add_task`."""
        self._check_open()
        devices, again = checked_devices(self._st, devices, group)
        queue = self._retry_queue(policy)
        enrol(self._st, devices, policy, again=again, group=group, queue=queue)
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

    def release(self, devices: Int32s) -> None:
        """Let subtasks queue for dispatch; see `Fleet.release`."""
        self._prepare(begins=len(devices))
        devices = as_list(devices)
        if self._plays_straight and (devices[1:] > devices[:-1]).all():
            self._released = devices  # who stands ready can wait to be told so until the thread comes along
            self._st.reg.next_event = self._st.reg.now
        else:
            calls.release(self.spec.platform.cell_places, self._st, devices)

    def retry(self, devices: Int32s) -> None:
        """Queue subtasks again; see `Fleet.retry`."""
        self._prepare(begins=len(devices))
        calls.retry(self.spec.platform.cell_places, self._st, as_list(devices))

    def stop(self, devices: Int32s) -> None:
        """Stop subtasks; see `Fleet.stop`."""
        self._prepare(begins=0)
        self._known_load = None
        self._ahead.drop(self._st)
        make_room(self._st, ended=len(devices))
        calls.stop(self.spec, self._st, as_list(devices))

    def refill_budget(self, devices: Int32s) -> None:
        """Give subtasks their whole automatic retry budget again."""
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
            self._downloads.add(st.span_start[:n], st.span_end[:n], st.span_cohort[:n])
            self._downloads.settle(st.work, self.spec.cohort, before=self.now_ticks)
            st.reg.span_n = 0

    def _prepare(self, *, begins: int) -> None:
        """Choose how to go on after a call by which so many devices begin anew.

        Straight play needs that nothing else is live.
        """
        self._check_open()
        self._catch_up_grid()
        if self._plays_straight and self._anything_goes_on():
            self._enter_queues()
        elif begins and self._may_play_straight and not self._anything_goes_on():
            # Looking at every device is worth it only when many of them have something to do.
            self._plays_straight = 16 * begins >= len(self.spec.cohort)

    def _anything_goes_on(self) -> bool:
        """Tell whether something can happen to any subtask without a call, in a fleet without cells."""
        counts, ready = self._st.counts, int(self._st.reg.ready_n) + len(self._released)
        return bool(counts[RUNNING] + counts[FAIL_WAIT_RETRY] + ready > 0)

    def _enter_queues(self) -> None:
        """Go on with events in order."""
        if self._plays_straight:
            enter_queues(self._st)
            calls.release(self.spec.platform.cell_places, self._st, self._no_more_released())
            self._plays_straight = False

    def _no_more_released(self) -> Int32s:
        """Return the devices that have been released and not looked at since, and forget them."""
        released, self._released = self._released, self._released[:0]
        return released

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
        if self._plays_straight:
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
        while True:
            self._catch_up_grid(until_ticks)
            st = self._st
            if until_ticks == self.now_ticks:
                return self._check_watches()
            live = np.flatnonzero(st.task_counts[:, LIVE].sum(axis=1) > 0)
            if len(live) != 1:
                self._enter_queues()
                return self._advance_events(until_ticks)
            until = min(until_ticks, self._grid_limit())
            worked = play_straight(
                self.spec,
                self._cuts,
                st,
                task=int(live[0]),
                released=self._no_more_released(),
                until=until,
                each_block=self._each_block,
                downloads=self._downloads,
            )
            settled = st.reg.next_event >= NEVER
            if 64 * worked < len(self.spec.cohort) and not settled:
                self._enter_queues()  # looking at every device is no longer worth it
                return self._advance_events(until_ticks)
            if self._check_watches():
                return True
            if until == until_ticks or settled:
                if settled and until_ticks < NEVER:
                    st.reg.now = until_ticks
                return False

    def _check_watches(self) -> bool:
        """Look at the watches; tell whether any tripped."""
        self._st.reg.ended = 0
        return bool(check_watches(self._st.watches, self._st.task_counts, self._st.group_ended))

    def _advance_events(self, until_ticks: int, *, finishes: bool = False) -> bool:
        """Run the event kernel, growing arrays as it asks for."""
        while True:
            self._catch_up_grid(until_ticks)
            limit = min(until_ticks, self._grid_limit())
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
                self._st.reg.now = max(self.last_end_ticks, 0)
                return False

    def _grid_limit(self) -> int:
        """Return the last tick that the curve's rows suffice for."""
        return (len(self._st.grid_load) - 2) * self.spec.platform.resolution_ticks

    def _catch_up_grid(self, until_ticks: int = 0) -> None:
        """Make room for the curve up to `until_ticks`, within reason, and write rows that are due."""
        resolution = self.spec.platform.resolution_ticks
        written = self.now_ticks // resolution + 3
        wanted = min(until_ticks // resolution + 3, 2 * written + _MOST_ROWS_AT_ONCE)
        if max(written, wanted) > len(self._st.grid_load):
            make_room(self._st, grid=max(written, wanted))
        if self.now_ticks > self._st.reg.grid_tick:
            event_loop.write_grid(self._st, resolution, self.now_ticks)

    def watch_settled(self, task: int) -> int:
        """Watch for a task to settle; see `Fleet.watch_settled`."""
        add_watch(self._st, self._next_watch, key=task, settles=True)
        self._next_watch += 1
        return self._next_watch - 1

    def watch_failures(self, group: int, *, share: float, count: int, of_at_least: int) -> int:
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
        counts: Int64s = self._st.task_counts[task].copy()
        return counts

    def counts(self) -> Int64s:
        """Return (7,) int64, all devices by state."""
        return self._st.counts.copy()

    def records(self) -> TargetRecords:
        """Return the records as they stand."""
        return self._st.out

    def totals(self) -> Totals:
        """Return peaks and sums up to now."""
        return readout.totals(self._st, self._load_of_free_network())

    def curves(self) -> Curves:
        """Return the curves from 0 to now."""
        self._catch_up_grid()
        resolution = self.spec.platform.resolution_ticks
        load = self._load_of_free_network()
        present_load = event_loop.load_at_end_of_tick(self.spec, self._st) if load is None else 0.0
        return readout.curves(self._st, resolution, load, present_load=present_load)

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

    def attempt_log(self) -> AttemptLog:
        """Return the attempts that have ended; see `Fleet.attempt_log`."""
        return readout.attempt_log(self._st)

    def result_bytes(self) -> int:
        """Return the bytes of the records and of the curve's rows."""
        st = self._st
        arrays = (*st.out, st.grid_status, st.grid_downloads, st.grid_load)
        return sum(array.nbytes for array in arrays)

    def _check_open(self) -> None:
        """Refuse to go on with a run that is over: what it needs has been given free."""
        if self._closed:
            raise ModelError("the run has ended: its fleet can't go on")

    def close(self) -> None:
        """End the run: count bytes under way into the records, and keep only what results need."""
        if self._closed:
            return
        self._closed = True
        if self._st.counts[RUNNING]:
            calls.count_under_way(self.spec, self._st)
        self._load_of_free_network()
        self._ahead.close()
        readout.keep_results(self._st)
