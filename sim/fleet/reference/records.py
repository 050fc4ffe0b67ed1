"""The readable plane's books: records, counts, curves, peaks and the attempt log."""

from __future__ import annotations

from collections import defaultdict
from typing import Final, NamedTuple

import numpy as np

from sim.fleet.protocol import AttemptLog, Curves, TargetRecords, Totals
from sim.fleet.reference.attempt import Attempt
from sim.fleet.reference.network import Network
from sim.fleet.spec import FleetSpec, Int32s, Int64s
from sim.rules import SubtaskState

N_STATES: Final = len(SubtaskState)

FIRST: Final = 0
AUTO: Final = 1
MANUAL: Final = 2
"""Triggers of an attempt, as the attempt log holds them."""


class LogRow(NamedTuple):
    """One ended attempt; the fields of `AttemptLog`."""

    end: int
    device: int
    attempt: int
    trigger: int
    start: int
    entered: int
    download_start: int
    download_end: int
    status: int
    reason: int
    bytes: int


class CurveRow(NamedTuple):
    """The same state at one or more grid ticks in a row."""

    times: int
    status: Int64s
    downloads: int
    bandwidth: float


class Ledger:
    """What became of every device, and how many are in which state.

    Attributes:
        target: The records, written here and nowhere else.
        used: (n,) int64, automatic retries taken from the present budget.
        counts: (7,) int64, all devices by state; `Waitting` while in no task.
        task_counts: (7,) int64 of each task.
        group_counts: (n_groups, 7) int64, by watch group.
    """

    def __init__(self, spec: FleetSpec, network: Network, *, n_groups: int, log_attempts: bool) -> None:
        """Begin with no subtask.

        Args:
            network: Whose downloads the curves count.
            n_groups: Watch groups.
            log_attempts: Whether to keep a row an attempt.
        """
        n = len(spec.cohort)
        self.target = TargetRecords(
            task=np.full(n, -1, np.int32),
            status=np.full(n, SubtaskState.WAITTING, np.int8),
            reason=np.zeros(n, np.int16),
            attempts=np.zeros(n, np.int16),
            auto_retries=np.zeros(n, np.int16),
            manual_retries=np.zeros(n, np.int16),
            first_start=np.full(n, -1, np.int64),
            first_failure=np.full(n, -1, np.int64),
            end=np.full(n, -1, np.int64),
            bytes=np.zeros(n, np.int64),
        )
        self.used = np.zeros(n, np.int64)
        self.base = np.zeros(n, np.int64)  # attempts in earlier tasks
        self.failed_at: defaultdict[int, list[int]] = defaultdict(list)  # by device, in its present task
        self.counts = np.zeros(N_STATES, np.int64)
        self.counts[SubtaskState.WAITTING] = n
        self.task_counts: list[Int64s] = []
        self.group_counts = np.zeros((n_groups, N_STATES), np.int64)
        self._group_of: list[int] = []
        self._network = network
        self._resolution = spec.platform.resolution_ticks
        self._rows: list[CurveRow] = []
        self._log: list[LogRow] | None = [] if log_attempts else None
        self._wasted = np.zeros(len(spec.cohorts.link_rate), np.int64)
        self._peak_processing = 0
        self._peak_downloads = 0
        self._peak_bandwidth = 0.0
        self._last_end = -1

    # --- entries ----------------------------------------------------------------------------------

    def add_task(self, devices: Int32s, group: int) -> int:
        """Enter the subtasks of a new task as `Waitting`; return its index."""
        self._forget(devices[self.target.task[devices] >= 0])
        task = len(self.task_counts)
        self.task_counts.append(np.zeros(N_STATES, np.int64))
        self._group_of.append(group)
        self.target.task[devices] = task
        self.task_counts[task][SubtaskState.WAITTING] = len(devices)
        self.group_counts[group, SubtaskState.WAITTING] += len(devices)
        return task

    def _forget(self, devices: Int32s) -> None:
        """Blank the rows of devices that leave a task behind; only their attempts go on being counted."""
        np.subtract.at(self.counts, self.target.status[devices], 1)
        self.counts[SubtaskState.WAITTING] += len(devices)
        self.base[devices] += self.target.attempts[devices]
        self.used[devices] = 0
        for device in devices:
            self.failed_at.pop(int(device), None)
        for name in ("status", "reason", "attempts", "auto_retries", "manual_retries", "bytes"):
            getattr(self.target, name)[devices] = 0
        for name in ("first_start", "first_failure", "end"):
            getattr(self.target, name)[devices] = -1

    def state(self, device: int) -> SubtaskState:
        """Return the state of a device's subtask."""
        return SubtaskState(self.target.status[device])

    def move(self, device: int, state: SubtaskState) -> None:
        """Turn a device's subtask into another state."""
        task = self.target.task[device]
        for counts in (self.counts, self.task_counts[task], self.group_counts[self._group_of[task]]):
            counts[self.target.status[device]] -= 1
            counts[state] += 1
        self.target.status[device] = state

    def begin(self, device: int, tick: int, trigger: int) -> None:
        """Enter the dispatch of an attempt."""
        target = self.target
        target.attempts[device] += 1
        if target.first_start[device] < 0:
            target.first_start[device] = tick
        if trigger == AUTO:
            target.auto_retries[device] += 1
            self.used[device] += 1
        elif trigger == MANUAL:
            target.manual_retries[device] += 1
        self.move(device, SubtaskState.PROCESSING)
        self._peak_processing = max(self._peak_processing, int(self.counts[SubtaskState.PROCESSING]))

    def end(self, device: int, tick: int, state: SubtaskState) -> None:
        """Enter that a subtask took a final state."""
        self.move(device, state)
        self.target.end[device] = tick
        self._last_end = tick

    def fail(self, attempt: Attempt, tick: int, reason: int) -> None:
        """Enter why an attempt failed, and that its bytes are wasted."""
        self.target.reason[attempt.device] = reason
        self.failed_at[attempt.device].append(tick)
        if self.target.attempts[attempt.device] == 1:
            self.target.first_failure[attempt.device] = tick
        self._wasted[attempt.cohort] += attempt.received_bytes

    def count_bytes(self, attempt: Attempt) -> None:
        """Enter the bytes that an attempt has received."""
        self.target.bytes[attempt.device] += attempt.received_bytes

    def log(self, attempt: Attempt, tick: int, trigger: int, reason: int) -> None:
        """Enter an ended attempt of a subtask that has its new state already."""
        if self._log is None:
            return
        row = LogRow(
            end=tick,
            device=attempt.device,
            attempt=int(self.target.attempts[attempt.device]),
            trigger=trigger,
            start=attempt.start,
            entered=attempt.entered,
            download_start=attempt.download_start,
            download_end=attempt.download_end,
            status=self.state(attempt.device),
            reason=reason,
            bytes=attempt.received_bytes,
        )
        self._log.append(row)

    def leave_tick(self, tick: int, to: int) -> None:
        """Enter the state that holds from a tick up to a later one, the latter excluded."""
        self._peak_downloads = max(self._peak_downloads, int(self._network.active.sum()))
        self._peak_bandwidth = max(self._peak_bandwidth, self._network.load)
        grid_ticks = -(-to // self._resolution) - -(-tick // self._resolution)
        if grid_ticks > 0:
            self._rows.append(self._row(grid_ticks))

    # --- answers ----------------------------------------------------------------------------------

    def totals(self) -> Totals:
        """Return peaks and sums."""
        return Totals(
            peak_processing=self._peak_processing,
            peak_downloads=self._peak_downloads,
            peak_bandwidth=self._peak_bandwidth,
            bytes_wasted=self._wasted.copy(),
            last_end=self._last_end,
        )

    def curves(self, tick: int) -> Curves:
        """Return the curves up to a tick, the one where the plane stands."""
        rows = [*self._rows, self._row(1 if tick % self._resolution == 0 else 0)]
        times = [row.times for row in rows]
        return Curves(
            tick=np.arange(sum(times), dtype=np.int64) * self._resolution,
            status=np.repeat(np.array([row.status for row in rows], np.int64), times, axis=0),
            downloads=np.repeat(np.array([row.downloads for row in rows], np.int64), times),
            bandwidth=np.repeat(np.array([row.bandwidth for row in rows], np.float64), times),
        )

    def attempt_log(self) -> AttemptLog:
        """Return the ended attempts, in order of end, device, attempt."""
        rows = sorted(self._log or [])  # the first fields are end, device, attempt
        wide = {"start", "entered", "download_start", "download_end", "end", "bytes"}
        dtypes = {"device": np.int32, "trigger": np.int8, "status": np.int8}
        columns = {
            name: np.array(
                [getattr(row, name) for row in rows], np.int64 if name in wide else dtypes.get(name, np.int16)
            )
            for name in LogRow._fields
        }
        return AttemptLog(**columns)

    def _row(self, times: int) -> CurveRow:
        """Return the present state as a row of the curves."""
        network = self._network
        return CurveRow(times, self.counts.copy(), int(network.active.sum()), network.load)
