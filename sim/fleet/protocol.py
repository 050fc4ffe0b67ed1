"""What the campaign may ask of a device plane, and the records it gets back.

Two classes implement `Fleet`: `CompiledFleet` and `SimpyFleet`. Both obey one order of events:

At one tick, by kind: 0 finished downloads, 1 ends of attempts and downloads that break by the clock or with
their link, 2 entries into download, 3 links that go up or down under a download, 4 timers, 5 retries due;
within a kind by device index; an event made at the same tick joins its kind. When none
is left, watches are looked at (a tripped one hands control to the campaign), then the control plane has
its turn (operators), then outages change the network, then dispatch takes all it may. If that made
events at the same tick, the round repeats. When the tick is left, the network's rates are recomputed
once; a download that ends at that very tick repeats the round.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple, Protocol

import numpy as np

from sim.fleet.held_up import HeldUp
from sim.fleet.spec import FleetSpec, Floats, Int8s, Int16s, Int32s, Int64s, RetryPolicy

N_COMPONENTS: Final = 2
"""What a device runs in versions of its own: firmware and software, whichever the campaign's task is about
first."""


BY_COHORT: Final = -1
"""Size of a package that says its cohort for each device: `CohortTable.package_bytes`."""


class PackageRef(NamedTuple):
    """What a task installs.

    Attributes:
        version: Number of the version, >= 0, the same for equal ones; 0 is the campaign's own, which devices
            that are current at the start run already.
        bytes: Size, > 0, or `BY_COHORT`.
        component: What it is a version of, 0..N_COMPONENTS - 1; 0 is what the campaign's own is one of.
    """

    version: int
    bytes: int
    component: int = 0


OWN_PACKAGE: Final = PackageRef(0, BY_COHORT)
"""The campaign's own."""


class TargetRecords(NamedTuple):
    """What became of each device's subtask; arrays of shape (n,), a device a row.

    A tuple, so that compiled code takes it as it is: the compiled plane writes its results right into one.

    Attributes:
        task: int32, index of the task the device belongs to, -1 if none yet. A plane counts its own
            tasks, a finished campaign those of the service.
        status: int8, `sim.rules.SubtaskState`.
        reason: int16, why the last ended attempt failed (`sim.rules.Reason`); 0 if it didn't.
        attempts: int32, attempts begun.
        manual_retries: int32, of these, begun by a retry call.
        first_start: int64 tick of the first dispatch, -1 if none.
        first_failure: int64 tick at which the first attempt failed, -1 if it didn't.
        end: int64 tick at which the subtask took its present final state, -1 while pending.
        bytes: int64, bytes received in all attempts.
    """

    task: Int32s
    status: Int8s
    reason: Int16s
    attempts: Int32s
    manual_retries: Int32s
    first_start: Int64s
    first_failure: Int64s
    end: Int64s
    bytes: Int64s

    @property
    def auto_retries(self) -> Int32s:
        """(n,) int32, attempts begun by automatic retry: all but the first and those of retry calls."""
        automatic: Int32s = np.maximum(self.attempts - 1, 0) - self.manual_retries
        return automatic


@dataclass(frozen=True)
class Curves:
    """State of the fleet on the time grid 0, resolution, 2 * resolution, ... up to the end of the run.

    A row holds the state after everything that happened up to and including its tick.

    Attributes:
        tick: (G,) int64.
        status: (G, 7) int64, devices by `sim.rules.SubtaskState`; in no task yet counts as Waitting.
        downloads: (G,) int64, downloads in progress.
        bandwidth: (G,) float64, bytes/s leaving the platform.
    """

    tick: Int64s
    status: Int64s
    downloads: Int64s
    bandwidth: Floats


@dataclass(frozen=True)
class Totals:
    """Exact peaks and sums of one run.

    Attributes:
        peak_processing: Most subtasks in `Processing`, at any instant.
        peak_downloads: Most downloads in progress between two ticks, or after all of the present one.
        peak_bandwidth: Most bytes/s between two ticks, or after all of the present one.
        bytes_wasted: (C,) int64, bytes of failed attempts by cohort.
        last_end: Tick of the last end of a subtask, -1 if none.
    """

    peak_processing: int
    peak_downloads: int
    peak_bandwidth: float
    bytes_wasted: Int64s
    last_end: int


@dataclass(frozen=True)
class AttemptLog:
    """One row an attempt that has ended, in order of (end, device, attempt).

    Attributes:
        device: int32.
        attempt: int32, from 1.
        trigger: int8, 0 first try, 1 automatic retry, 2 manual retry.
        start: int64 tick of the dispatch.
        entered: int64 tick at which the attempt reached the download stage, -1 if it did not.
        held: int64, bytes of the package that the device held as it began.
        download_start: int64 tick at which the download began: bytes flow if link and network let them; -1
            if it never did.
        download_end: int64 tick at which they ceased: done, broken, silent or cut off; -1 likewise.
        end: int64 tick.
        status: int8: Success, Fail, FailWaitRetry or Stopped, as the subtask became.
        reason: int16.
        bytes: int64 received in this attempt.
    """

    device: Int32s
    attempt: Int32s
    trigger: Int8s
    start: Int64s
    entered: Int64s
    held: Int64s
    download_start: Int64s
    download_end: Int64s
    end: Int64s
    status: Int8s
    reason: Int16s
    bytes: Int64s


class Fleet(Protocol):
    """A device plane: holds every device's subtask and lets simulated time pass.

    Attributes:
        is_compiled: Whether it is made of compiled code, so that the compiler is there for others too.
        spec: The fleet; read only.
    """

    is_compiled: ClassVar[bool]
    spec: FleetSpec

    @property
    def now_ticks(self) -> int:
        """Tick up to which the plane has run."""

    def add_task(
        self,
        devices: Int32s,
        policy: RetryPolicy,
        *,
        group: int = 0,
        package: PackageRef | None = None,
    ) -> int:
        """Register a task; its subtasks are `Waitting`, not yet released.

        Args:
            devices: Device indices, ascending. A device of an earlier task must be final there; its record
                begins anew, and its draws go on with attempt numbers that were not used yet.
            policy: Automatic retries of this task.
            group: Watch group (a wave) the task counts for, 0..n_groups - 1.
            package: What it installs; by default the campaign's own, `OWN_PACKAGE`.

        Returns:
            The task's index, counted from 0.

        Raises:
            ModelError: Devices are not ascending, out of range or live in another task, or the group is.
        """

    # The three calls below pass over devices whose subtasks are in another state.

    def release(self, devices: Int32s) -> None:
        """Let `Waitting` subtasks that were not released yet queue for dispatch, in the given order."""

    def retry(self, devices: Int32s) -> None:
        """Queue subtasks in Fail, FailWaitRetry or Stopped again, in the given order; takes no budget.

        They become `Waitting`; a wait for an automatic retry is cancelled.
        """

    def stop(self, devices: Int32s) -> None:
        """Turn subtasks in Waitting, Processing or FailWaitRetry into `Stopped` at once.

        Places, bandwidth and timers are given back; what has been received counts in `bytes`.
        """

    def refill_budget(self, devices: Int32s) -> None:
        """Give subtasks their whole automatic retry budget again."""

    def set_dispatch_gap(self, gap_ticks: int) -> None:
        """Change the least time between two dispatches; the last dispatch still counts."""

    def advance(self, until_ticks: int) -> bool:
        """Run all events up to and including `until_ticks`, without the dispatches at that tick.

        Stops early at the tick at which a watch trips (after kinds 0 to 4 of that tick).

        Returns:
            True when at least one watch tripped; `now_ticks` is then the time, `tripped()` names them.
        """

    def finish_tick(self) -> bool:
        """Let happen what is still due at the present tick: what comes after the control plane's turn.

        These are changes of the network, dispatches, and what they lead to at the same tick. Calls that
        come at this tick all the same find it done. Once no call has come in between, a second time
        changes nothing.

        Returns:
            True when a watch tripped, as for `advance`; call again then.
        """

    def watch_settled(self, task: int) -> int:
        """Watch for a task having no subtask in Waitting, Processing or FailWaitRetry; return the watch's id.

        A watch trips once. One whose condition already holds trips at the next `advance`, at `now_ticks`.
        """

    def watch_failures(
        self, group: int, *, share: float, count: int, of_at_least: int, first_attempts: bool = False
    ) -> int:
        """Watch what ended well or badly in a group; return the watch's id.

        That are its subtasks in Success or Fail, or the first attempts of its subtasks. The watch trips when
        at least `of_at_least` of them have ended and either the failed share is above `share` or the failed
        count is above `count`.

        Args:
            group: Watch group, or -1 for all devices.
            share: 0..1; 1 or more never trips.
            count: >= 0; NEVER to never trip.
            of_at_least: Least number ended, >= 1 for the share to be looked at.
            first_attempts: Whether each subtask counts by its first attempt, from the tick at which that is
                over, whatever comes after; one that a stop call ends never counts.
        """

    def unwatch(self, watch: int) -> None:
        """Drop a watch; unknown or tripped ones are ignored."""

    def tripped(self) -> list[int]:
        """Return the ids of watches that tripped since the last call, ascending."""

    def task_devices(self, task: int) -> Int32s:
        """Return the devices of a task, ascending; read only."""

    def task_counts(self, task: int) -> Int64s:
        """Return (7,) int64, the task's subtasks by state."""

    def counts(self) -> Int64s:
        """Return (7,) int64, all devices by state; one that is in no task yet counts as Waitting."""

    def n_ended(self) -> int:
        """Return how many subtasks are in Success, Fail or Stopped; may be asked again and again."""

    def records(self) -> TargetRecords:
        """Return the records as they stand; views, valid until the plane moves on."""

    def totals(self) -> Totals:
        """Return peaks and sums up to now, bytes under way included in no one's waste."""

    def held_up(self) -> HeldUp:
        """Return where the time of devices has gone up to now; asked at any time, it changes nothing.

        Of each device that is the time from the release of its subtask to its end, if it has ended, in all
        tasks together. A device that was stopped before its release counts from the stop, once it is retried.
        """

    def curves(self) -> Curves:
        """Return the curves from 0 to now."""

    def attempt_log(self) -> AttemptLog:
        """Return the attempts that have ended; empty unless the plane was made with `log_attempts=True`."""

    def close(self) -> None:
        """End the run: count bytes under way into the records; nothing but results may be asked for then."""
