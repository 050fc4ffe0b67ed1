"""The readable plane's device: one attempt as a SimPy process that can be read from top to bottom.

Each stage is a generator of its own, and so is each way to end; all of them may be overridden (see
`sim.fleet.reference`). Whatever a device draws is keyed by (device, attempt, purpose), so that nothing
here depends on what other devices do.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import Any, Final, TypeVar

import simpy

from sim.fleet.model import purposes
from sim.fleet.reference.clock import Appointment, Clock, Kind
from sim.fleet.reference.cohorts import cohorts_of
from sim.fleet.reference.draws import Draws
from sim.fleet.reference.network import Network, Transfer
from sim.fleet.reference.queues import DownloadPlaces
from sim.fleet.reference.sampling import Cause, normal_quantile, ticks_of
from sim.fleet.spec import (
    T_COVERAGE,
    T_DOWNLOAD,
    T_EXECUTE,
    T_ONLINE,
    T_UPGRADE,
    T_VERSION,
    FleetSpec,
    is_instant,
)
from sim.rules import Reason, Stage
from sim.rules.stages import EXECUTION

_T = TypeVar("_T")
Steps = Generator[simpy.Event, Any, _T]
"""A part of a SimPy process: it yields events and returns a `_T`."""

# A member of an enumeration is a slow key, so this is no dictionary.
_PURPOSES: Final = tuple(purposes.STAGE_PURPOSES[stage] for stage in Stage)


class Failed(Exception):  # noqa: N818 - what happens to a device, not an error of the program
    """Ends an attempt from within any of its stages."""

    def __init__(self, reason: int) -> None:
        """Say why.

        Args:
            reason: A `sim.rules.Reason`.
        """
        self.reason = reason
        super().__init__(reason)


class Surroundings:
    """What all attempts have around them.

    Attributes:
        spec: The fleet.
        clock: The SimPy environment.
        network: What carries downloads.
        places: Who may download.
        draws: All luck.
        cohorts: What devices have in common, by cohort.
        is_instant: By cohort, whether its downloads take no time.
    """

    def __init__(self, spec: FleetSpec, clock: Clock, network: Network, places: DownloadPlaces) -> None:
        """Put it together."""
        self.spec = spec
        self.clock = clock
        self.network = network
        self.places = places
        self.draws = Draws(spec)
        self.cohorts = cohorts_of(spec)
        self.is_instant: list[bool] = is_instant(spec).tolist()


class Attempt:
    """One attempt of one device, from the dispatch on.

    Attributes:
        env: The SimPy environment; `env.now` and all delays are in ticks (microseconds).
        spec: The fleet.
        device: Device index.
        cohort: Its cohort.
        number: Number of the attempt, from 1, those in the device's earlier tasks included.
        start: Tick of the dispatch.
        entered: Tick at which it reached the download stage, -1 before.
        download_start: Tick at which bytes began to flow, -1 before.
    """

    def __init__(self, around: Surroundings, device: int, number: int) -> None:
        """Begin now.

        Args:
            around: What is around it.
            device: Device index.
            number: Number of the attempt, from 1, those in the device's earlier tasks included.
        """
        self.env = around.clock
        self.spec = around.spec
        self.device = device
        self.cohort = int(around.spec.cohort[device])
        self.number = number
        self.start = self.env.tick
        self.entered = -1
        self.download_start = -1
        self._around = around
        self._transfer: Transfer | None = None
        self._instant_bytes = 0
        self._turn: tuple[int, Kind | None] = (-1, None)  # what the last wait for stages was for
        self._common = around.cohorts[self.cohort]
        self._draws = around.draws.of_attempt(device, number)
        self._draws_once = around.draws.of_device(device)
        self._mark = self._common.mark_of(self._draws_once)
        spread = self._common.spread
        # What the device's tendency to fail, the same at all stages, does to the odds of a failure.
        self._lift = 1.0
        if spread > 0.0:
            self._lift = math.exp(spread * normal_quantile(self._draws_once[purposes.D_SPREAD]))

    @property
    def received_bytes(self) -> int:
        """Bytes received so far."""
        return self._transfer.received if self._transfer is not None else self._instant_bytes

    @property
    def download_end(self) -> int:
        """Tick at which bytes ceased to flow, -1 before."""
        return self._transfer.end if self._transfer is not None else self.download_start

    def run(self) -> Steps[int]:
        """Go through all stages.

        Returns:
            Why it failed, a `sim.rules.Reason`; `NONE` when it succeeded.
        """
        try:
            yield from self.contact()
            yield from self.query()
            if not self.is_current():
                if not self._common.is_mqtt:
                    yield from self.coverage()
                deadline = yield from self.download()
                yield from self.execute(deadline)
            if self._turn != (self.env.tick, Kind.END):
                yield self.appointment(self.env.tick, Kind.END)
        except Failed as failed:
            return failed.reason
        return Reason.NONE

    # --- stages, in their order -------------------------------------------------------------------

    def contact(self) -> Steps[None]:
        """Wait until the device comes online, its window is open and no outage holds it."""
        deadline = self.env.tick + self.timer_ticks(T_ONLINE)
        if self.cause(Stage.CONTACT) is not None:
            yield from self.time_out(deadline, Reason.ONLINE_TIMEOUT)
        reached = self._common.reached_tick(self.online_tick())
        if reached > deadline:
            yield from self.time_out(deadline, Reason.ONLINE_TIMEOUT)
        if reached > self.env.tick:
            yield self.env.timeout(reached - self.env.tick)

    def query(self) -> Steps[None]:
        """Let the device report its version."""
        deadline = self.env.tick + self.timer_ticks(T_VERSION)
        yield from self.work(Stage.QUERY, deadline, Reason.VERSION_TIMEOUT)

    def coverage(self) -> Steps[None]:
        """Let the device report its radio coverage (LwM2M only)."""
        deadline = self.env.tick + self.timer_ticks(T_COVERAGE)
        yield from self.work(Stage.COVERAGE, deadline, Reason.COVERAGE_TIMEOUT)

    def download(self) -> Steps[int]:
        """Wait for a place and take in the package.

        Returns:
            Tick by which the device must have reported its result.
        """
        if self._turn != (self.env.tick, Kind.ENTRY):
            yield self.appointment(self.env.tick, Kind.ENTRY)
        self.entered = self.env.tick
        is_mqtt = self._common.is_mqtt
        deadline = self.entered + self.timer_ticks(T_UPGRADE if is_mqtt else T_DOWNLOAD)
        if self._around.is_instant[self.cohort]:
            cause = self.cause(Stage.DOWNLOAD)
            self._instant_bytes = self.wanted_bytes(cause)
            self.download_start = self.env.tick
        else:
            cause = yield from self.transfer(deadline)
        if cause is not None:
            yield from self.break_down(cause, self.env.tick, deadline, Reason.DOWNLOAD_TIMEOUT_PLATFORM)
        return deadline if is_mqtt else self.env.tick + self.timer_ticks(T_EXECUTE)

    def transfer(self, deadline: int) -> Steps[Cause | None]:
        """Hold a place and let bytes flow until all are there, the download breaks or the timer ends it.

        Args:
            deadline: Tick at which the platform's timer runs out; an end at this very tick is in time.

        Returns:
            Why it broke, None if it did not.
        """
        with self._around.places.request(self.device, deadline) as claim:
            if claim.turn is not None:
                yield claim.turn
            if not claim.is_granted:
                raise Failed(Reason.DOWNLOAD_START_TIMEOUT)
            cause = self.cause(Stage.DOWNLOAD)
            wanted = self.wanted_bytes(cause)
            with self._around.network.begin(self.device, self.cohort, wanted, deadline) as self._transfer:
                self.download_start = self.env.tick
                yield self._transfer.over
                if not self._transfer.is_complete:
                    raise Failed(Reason.DOWNLOAD_TIMEOUT_PLATFORM)
        return cause

    def execute(self, deadline: int) -> Steps[None]:
        """Verify the package, install it and reboot.

        Args:
            deadline: Tick by which all must be done.
        """
        yield from self.work_through(EXECUTION, deadline, Reason.RESULT_TIMEOUT)

    def work(self, stage: Stage, deadline: int, timeout: Reason) -> Steps[None]:
        """Let a stage take its time, and perhaps fail on the way.

        Args:
            stage: One that takes time only.
            deadline: Tick at which the platform's timer runs out; an end at this very tick is in time.
            timeout: Why the attempt fails then.
        """
        yield from self.work_through((stage,), deadline, timeout)

    def work_through(self, stages: tuple[Stage, ...], deadline: int, timeout: Reason) -> Steps[None]:
        """Let stages follow each other; nobody else notices when one begins, so they are one wait.

        Args:
            stages: Such that take time only.
            deadline: Tick at which the platform's timer runs out; an end at this very tick is in time.
            timeout: Why the attempt fails then.
        """
        tick = self.env.tick
        for stage in stages:
            duration = self.duration_ticks(stage)
            cause = self.cause(stage)
            if cause is not None:
                breaks = tick + round(self.uniform(purposes.P_FRACTION) * duration)
                yield from self.break_down(cause, breaks, deadline, timeout)
            tick += duration
            if tick > deadline:
                yield from self.time_out(deadline, timeout)
        kind = self._kind_after(stages[-1])
        self._turn = tick, kind
        yield self.env.timeout(tick - self.env.tick) if kind is None else self.appointment(tick, kind)

    def _kind_after(self, stage: Stage) -> Kind | None:
        """Return what follows a stage at the same tick, so that the wait for both is one; None if nothing."""
        if stage is Stage.REBOOT or (stage is Stage.QUERY and self.is_current()):
            return Kind.END
        if stage is Stage.COVERAGE or (stage is Stage.QUERY and self._common.is_mqtt):
            return Kind.ENTRY
        return None

    # --- ways to fail -----------------------------------------------------------------------------

    def break_down(self, cause: Cause, tick: int, deadline: int, timeout: Reason) -> Steps[None]:
        """Fail at a tick by a cause, or by the timer when nothing is heard from the device in time."""
        if cause.silent or tick > deadline:
            yield from self.time_out(deadline, timeout)
        yield self.appointment(tick, Kind.END)
        raise Failed(cause.reason)

    def time_out(self, deadline: int, reason: Reason) -> Steps[None]:
        """Wait for a timer of the platform and fail by it."""
        # A stage that was overridden may have outlasted its deadline: then the timer ends it now.
        yield self.appointment(max(deadline, self.env.tick), Kind.TIMER)
        raise Failed(reason)

    # --- what is drawn, what is looked up ---------------------------------------------------------

    def online_tick(self) -> int:
        """Return when the device comes online by itself, window and outages aside."""
        if self.uniform(purposes.P_ONLINE) < self._common.online_fraction:
            return self.env.tick
        mean_s = self._common.mean_offline_s
        return self.env.tick + ticks_of(-mean_s * math.log(self.uniform(purposes.P_OFFLINE_TIME)))

    def is_current(self) -> bool:
        """Tell whether the device has just reported that it runs the version already."""
        return self._draws_once[purposes.D_CURRENT] < self._common.p_already_current

    def duration_ticks(self, stage: Stage) -> int:
        """Return the time that a stage takes in this attempt; not for contact and download."""
        purpose = _PURPOSES[stage].time
        assert purpose is not None, f"{stage.label} has no drawn time"
        return self._common.times[stage].ticks(self.uniform(purpose))

    def wanted_bytes(self, cause: Cause | None) -> int:
        """Return the bytes that come before the download is over, or breaks by `cause`."""
        whole = self.spec.platform.package_bytes
        return whole if cause is None else int(self.uniform(purposes.P_FRACTION) * whole)

    def cause(self, stage: Stage) -> Cause | None:
        """Return why a stage fails in this attempt, None if it does not.

        Asked when the stage begins; for verify, install and reboot when the first of them does.
        """
        if self._mark is not None and self._mark.stage is stage:
            return self._mark.cause
        possible = self._common.causes[stage]
        cause = possible.pick(self.uniform(_PURPOSES[stage].cause), self._lift) if possible else None
        if cause is None and stage is Stage.DOWNLOAD:
            return self.outage_cause()
        return cause

    def outage_cause(self) -> Cause | None:
        """Return the outage by which a download that begins now fails, None if none does."""
        risk = self._common.risk_at(self.env.tick)
        return risk.cause if risk is not None and self.uniform(purposes.P_OUTAGE_RISK) < risk.p else None

    def uniform(self, purpose: int) -> float:
        """Return the uniform in (0, 1) that belongs to a purpose (`sim.fleet.model.purposes.P_*`)."""
        return self._draws[purpose]

    def timer_ticks(self, timer: int) -> int:
        """Return the length of a timer of the platform (`sim.fleet.spec.T_*`)."""
        return self._common.timers[timer]

    def appointment(self, tick: int, kind: Kind) -> Appointment:
        """Return an event of this device at an absolute tick."""
        return self.env.at(tick, kind, self.device)
