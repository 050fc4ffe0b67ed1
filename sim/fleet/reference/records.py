"""The readable plane's books: records, counts, curves, peaks and the attempt log."""

from __future__ import annotations

from collections import defaultdict
from typing import Final, NamedTuple

import numpy as np

from sim.fleet.protocol import AttemptLog, Curves, TargetRecords, Totals
from sim.fleet.reference.attempt import Attempt
from sim.fleet.reference.network import Network
from sim.fleet.spec import FleetSpec, Int32s
from sim.rules import Reason, SubtaskState

N_STATES: Final = len(SubtaskState)
_STATES: Final = tuple(SubtaskState)

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
    held: int
    download_start: int
    download_end: int
    status: int
    reason: int
    bytes: int


class CurveRow(NamedTuple):
    """The same state at one or more grid ticks in a row."""

    times: int
    status: list[int]
    downloads: int
    bandwidth: float


class Ledger:
    """What became of every device, and how many are in which state.

    Attributes:
        target: The records, written here and nowhere else.
        used: (n,) int64, automatic retries taken from the present budget.
        counts: All devices by state; `Waitting` while in no task.
        task_counts: Devices by state, of each task.
        group_counts: Devices by state, of each watch group.
        first: First attempts of present subtasks that ended in `Success` or otherwise but by a stop call
            (`Fail`), placed as in `counts`.
        group_first: The same of each watch group, of all its subtasks.
        n_ends: How often a count changed that a watch may look at.
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
            attempts=np.zeros(n, np.int32),
            manual_retries=np.zeros(n, np.int32),
            first_start=np.full(n, -1, np.int64),
            first_failure=np.full(n, -1, np.int64),
            end=np.full(n, -1, np.int64),
            bytes=np.zeros(n, np.int64),
        )
        self.used = np.zeros(n, np.int64)
        self.base = np.zeros(n, np.int64)  # attempts in earlier tasks
        self.failed_at: defaultdict[int, list[int]] = defaultdict(list)  # by device, in its present task
        self.counts = [0] * N_STATES
        self.counts[SubtaskState.WAITTING] = n
        self.task_counts: list[list[int]] = []
        self.group_counts = [[0] * N_STATES for _ in range(n_groups)]
        self.first = [0] * N_STATES
        self.group_first = [[0] * N_STATES for _ in range(n_groups)]
        self.n_ends = 0
        self._group_of: list[int] = []
        self._network = network
        self._resolution = spec.platform.resolution_ticks
        self._rows: list[CurveRow] = []
        self._log: list[LogRow] | None = [] if log_attempts else None
        self._n_rows = 0  # of the curves, as grid ticks
        self._wasted = [0] * len(spec.cohorts.link_rate)
        self._peak_processing = 0
        self._peak_downloads = 0
        self._peak_bandwidth = 0.0
        self._last_end = -1
        self._n_seen = -1  # changes of the network after which its peaks were looked at

    # --- entries ----------------------------------------------------------------------------------

    def add_task(self, devices: Int32s, group: int) -> int:
        """Enter the subtasks of a new task as `Waitting`; return its index."""
        self._forget(devices[self.target.task[devices] >= 0])
        task = len(self.task_counts)
        self.task_counts.append([0] * N_STATES)
        self._group_of.append(group)
        self.target.task[devices] = task
        self.task_counts[task][SubtaskState.WAITTING] = len(devices)
        self.group_counts[group][SubtaskState.WAITTING] += len(devices)
        return task

    def _forget(self, devices: Int32s) -> None:
        """Blank the rows of devices that leave a task behind; only their attempts go on being counted."""
        for status in self.target.status[devices].tolist():
            self.counts[status] -= 1
        self.counts[SubtaskState.WAITTING] += len(devices)
        self.n_ends += len(devices)
        self.base[devices] += self.target.attempts[devices]
        self.used[devices] = 0
        for device in devices.tolist():
            self.failed_at.pop(device, None)
            if self.target.first_failure[device] >= 0:
                self.first[SubtaskState.FAIL] -= 1
            elif self.target.attempts[device] == 1 and self.state(device) is SubtaskState.SUCCESS:
                self.first[SubtaskState.SUCCESS] -= 1
        for name in ("status", "reason", "attempts", "manual_retries", "bytes"):
            getattr(self.target, name)[devices] = 0
        for name in ("first_start", "first_failure", "end"):
            getattr(self.target, name)[devices] = -1

    def state(self, device: int) -> SubtaskState:
        """Return the state of a device's subtask."""
        return _STATES[int(self.target.status[device])]

    def move(self, device: int, state: SubtaskState) -> None:
        """Turn a device's subtask into another state."""
        task, before = self.target.task[device], self.target.status[device]
        for counts in (self.counts, self.task_counts[task], self.group_counts[self._group_of[task]]):
            counts[before] -= 1
            counts[state] += 1
        self.target.status[device] = state

    def begin(self, device: int, tick: int, trigger: int) -> int:
        """Enter the dispatch of an attempt; return its number, those in earlier tasks included."""
        target = self.target
        attempts = int(target.attempts[device]) + 1
        target.attempts[device] = attempts
        if target.first_start[device] < 0:
            target.first_start[device] = tick
        if trigger == AUTO:
            self.used[device] += 1
        elif trigger == MANUAL:
            target.manual_retries[device] += 1
        self.move(device, SubtaskState.PROCESSING)
        self._peak_processing = max(self._peak_processing, self.counts[SubtaskState.PROCESSING])
        return attempts + int(self.base[device])

    def end(self, device: int, tick: int, state: SubtaskState) -> None:
        """Enter that a subtask took a final state."""
        self.move(device, state)
        self.target.end[device] = tick
        self._last_end = tick
        self.n_ends += 1

    def succeed(self, attempt: Attempt, tick: int) -> None:
        """Enter that an attempt succeeded."""
        device = attempt.device
        self.target.reason[device] = Reason.NONE
        if self.target.attempts[device] == 1:
            self._count_first(device, SubtaskState.SUCCESS)
        self.end(device, tick, SubtaskState.SUCCESS)

    def _count_first(self, device: int, state: SubtaskState) -> None:
        """Count a first attempt that has ended."""
        for counts in (self.first, self.group_first[self._group_of[self.target.task[device]]]):
            counts[state] += 1
        self.n_ends += 1

    def fail(self, attempt: Attempt, tick: int, reason: int) -> None:
        """Enter why an attempt failed, and that its bytes are wasted."""
        self.target.reason[attempt.device] = reason
        self.failed_at[attempt.device].append(tick)
        if self.target.attempts[attempt.device] == 1:
            self.target.first_failure[attempt.device] = tick
            self._count_first(attempt.device, SubtaskState.FAIL)
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
            held=attempt.held,
            download_start=attempt.download_start,
            download_end=attempt.download_end,
            status=self.state(attempt.device),
            reason=reason,
            bytes=attempt.received_bytes,
        )
        self._log.append(row)

    def leave_tick(self, to: int) -> None:
        """Enter the state that holds from the present tick up to a later one, the latter excluded."""
        network = self._network
        if network.n_changes != self._n_seen:
            self._n_seen = network.n_changes
            self._peak_downloads = max(self._peak_downloads, network.n_downloads)
            self._peak_bandwidth = max(self._peak_bandwidth, network.load)
        times = -(-to // self._resolution) - self._n_rows
        if times > 0:
            self._n_rows += times
            self._rows.append(self._row(times))

    # --- answers ----------------------------------------------------------------------------------

    def totals(self) -> Totals:
        """Return peaks and sums."""
        network = self._network
        return Totals(
            peak_processing=self._peak_processing,
            peak_downloads=max(self._peak_downloads, network.n_downloads),
            peak_bandwidth=max(self._peak_bandwidth, network.load_after_tick),
            bytes_wasted=np.array(self._wasted, np.int64),
            last_end=self._last_end,
        )

    def curves(self, tick: int) -> Curves:
        """Return the curves up to a tick, the one where the plane stands."""
        present = self._row(tick // self._resolution + 1 - self._n_rows)
        rows = [*self._rows, present._replace(bandwidth=self._network.load_after_tick)]
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
        wide = {"start", "entered", "held", "download_start", "download_end", "end", "bytes"}
        dtypes = {"device": np.int32, "attempt": np.int32, "trigger": np.int8, "status": np.int8}
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
        return CurveRow(times, self.counts.copy(), network.n_downloads, network.load)
