"""What one run of a campaign leaves behind: plain data, frozen, picklable.

Results are computed from these records and from nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from sim.campaign.device_names import DeviceNames
    from sim.fleet.held_up import HeldUp
    from sim.fleet.protocol import AttemptLog, Curves, TargetRecords, Totals
    from sim.fleet.spec import FleetSpec, Int32s
    from sim.rules import TargetResult
    from sim.scenario import Scenario

Plane = Literal["compiled", "simpy"]
BodyForm = Literal["{}", "targets"]
"""`{}`: everything that the call may act upon. `targets`: the call named devices."""


@dataclass(frozen=True, eq=False)
class CallRecord:
    """One call to the service, and its answer.

    Attributes:
        time_s: When the service answered it, seconds since the start of the run.
        caller: Label of the operator, name of the wave or of the process that made it.
        call: `create`, `retry`, `stop`, `confirm` or `delete`.
        task_id: The task; that of the new task for `create`, empty if none was created.
        body: What the call named.
        http_status: 200-599. 200 also when each single target was refused.
        error_code: Vendor's code if the whole call was refused, else None.
        error_msg: Its text, else None.
        accepted: (k,) int32, indices of the devices acted upon, in the order in which the call named them, or
            the task for `{}`. Empty for `create`: the new task has them.
        refused: The answers for targets that were not acted upon.
    """

    time_s: float
    caller: str
    call: str
    task_id: str
    body: BodyForm
    http_status: int
    error_code: str | None
    error_msg: str | None
    accepted: Int32s
    refused: tuple[TargetResult, ...]


@dataclass(frozen=True)
class TaskRecord:
    """One batch task as it stood at the end of the run.

    Attributes:
        task_id: 24 hexadecimal digits; newer ones are larger.
        name: `task_name`.
        task_type: `firmwareUpgrade` or `softwareUpgrade`.
        status: `sim.rules.TaskState` in the vendor's spelling.
        progress: `task_progress` with the vendor's keys.
        wave: Name of the wave that it belongs to; None for a task that a process created.
        n_targets: Subtasks.
        created_s: When it was created, seconds since the start of the run.
        started_s: When it left `Waitting` the first time, None if it never did.
        settled_s: When it reached its present end state, None if it has none.
    """

    task_id: str
    name: str
    task_type: str
    status: str
    progress: dict[str, int]
    wave: str | None
    n_targets: int
    created_s: float
    started_s: float | None
    settled_s: float | None


@dataclass(frozen=True)
class WaveRecord:
    """One wave of the rollout.

    Attributes:
        name: Its name.
        share: Share of the fleet reached once the wave is in, 0..1.
        n_devices: Devices of this wave alone.
        started_s: When its tasks were created, None if it never came to that.
        settled_s: When its last task had settled, None if it didn't.
        gate_tripped_s: When its gate tripped, None if it didn't.
        gate_reason: Why, in words; None likewise.
        exposed: Devices of this wave that were dispatched at least once.
        failed: Devices of this wave that were `Fail` when the run ended.
    """

    name: str
    share: float
    n_devices: int
    started_s: float | None
    settled_s: float | None
    gate_tripped_s: float | None
    gate_reason: str | None
    exposed: int
    failed: int


@dataclass(frozen=True, eq=False)
class CampaignRun:
    """One replication of a campaign.

    Attributes:
        scenario: What was run.
        seed: Key of all draws.
        replication: Second word of that key.
        plane: `compiled` or `simpy`.
        spec: The fleet as arrays.
        names: Device ids.
        records: What became of each device.
        curves: State of the fleet on the time grid.
        totals: Peaks and sums.
        held_up: Where the time of the devices has gone.
        attempts: Log of attempts, None if none was kept.
        calls: All calls, in the order in which they were answered.
        tasks: All tasks, oldest first; deleted ones too.
        orders: The targets of each task, device indices in the order in which they were named.
        waves: All waves, in order.
        what_if: Names of the extensions beyond the vendor's rules that were in force.
        notes: Sentences that belong into the summary.
        end_s: When the run ended, seconds since its start.
    """

    scenario: Scenario
    seed: int
    replication: int
    plane: Plane
    spec: FleetSpec
    names: DeviceNames
    records: TargetRecords
    curves: Curves
    totals: Totals
    held_up: HeldUp
    attempts: AttemptLog | None
    calls: tuple[CallRecord, ...]
    tasks: tuple[TaskRecord, ...]
    orders: tuple[Int32s, ...]
    waves: tuple[WaveRecord, ...]
    what_if: tuple[str, ...]
    notes: tuple[str, ...]
    end_s: float

    def device_id(self, index: int) -> str:
        """Return the id of the device with that index."""
        return self.names.id_of(index)

    def device_ids(self) -> list[str]:
        """Return the ids of all devices, by index."""
        return self.names.all_ids()
