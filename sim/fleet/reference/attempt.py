"""The readable plane's device: one attempt as a SimPy process that can be read from top to bottom.

Each stage is a generator of its own, and so is each way to end; all of them may be overridden (see
`sim.fleet.reference`). Whatever a device draws is keyed by (device, attempt, purpose), so that nothing
here depends on what other devices do.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import simpy

from sim.fleet.model import draws
from sim.fleet.model.network import partial_bytes
from sim.fleet.model.sampling import (
    NO_CAUSE,
    duration_ticks,
    fraction_ticks,
    is_current,
    outage_risk,
    permanent_cause,
    pick_cause,
    reached_tick,
    tendency,
    ticks_of,
)
from sim.fleet.reference.clock import Appointment, Clock, Kind
from sim.fleet.reference.network import Network, Transfer
from sim.fleet.reference.queues import DownloadPlaces
from sim.fleet.spec import (
    T_COVERAGE,
    T_DOWNLOAD,
    T_EXECUTE,
    T_ONLINE,
    T_UPGRADE,
    T_VERSION,
    Bools,
    FleetSpec,
)
from sim.rules import Protocol, Reason, Stage
from sim.rules.stages import EXECUTION

_T = TypeVar("_T")
Steps = Generator[simpy.Event, Any, _T]
"""A part of a SimPy process: it yields events and returns a `_T`."""


class Cause(NamedTuple):
    """Why a stage fails.

    Attributes:
        reason: The device's result code; of no use when silent.
        silent: The device never reports, so that only a timer of the platform ends the attempt.
    """

    reason: int
    silent: bool = False


class Failed(Exception):  # noqa: N818 - what happens to a device, not an error of the program
    """Ends an attempt from within any of its stages."""

    def __init__(self, reason: int) -> None:
        """Say why.

        Args:
            reason: A `sim.rules.Reason`.
        """
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True)
class World:
    """What all attempts have around them.

    Attributes:
        spec: The fleet.
        clock: The SimPy environment.
        network: What carries downloads.
        places: Who may download.
        instant: (C,) bool, cohorts whose downloads take no time.
    """

    spec: FleetSpec
    clock: Clock
    network: Network
    places: DownloadPlaces
    instant: Bools


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

    def __init__(self, world: World, device: int, number: int) -> None:
        """Begin now.

        Args:
            world: What is around it.
            device: Device index.
            number: Number of the attempt, from 1, those in the device's earlier tasks included.
        """
        self.env = world.clock
        self.spec = world.spec
        self.device = device
        self.cohort = int(world.spec.cohort[device])
        self.number = number
        self.start = self.env.tick
        self.entered = -1
        self.download_start = -1
        self._world = world
        self._transfer: Transfer | None = None
        self._instant_bytes = 0
        self._spread = float(world.spec.cohorts.spread[self.cohort])
        self._mark = permanent_cause(world.spec, device, self.cohort)
        self._tendency = tendency(world.spec, device) if self._spread > 0.0 else 0.0

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
                if self.spec.cohorts.protocol[self.cohort] == Protocol.LWM2M:
                    yield from self.coverage()
                deadline = yield from self.download()
                yield from self.execute(deadline)
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
        reached = int(reached_tick(self.spec, self.cohort, self.online_tick()))
        if reached > deadline:
            yield from self.time_out(deadline, Reason.ONLINE_TIMEOUT)
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
        yield self.appointment(self.env.tick, Kind.ENTRY)
        self.entered = self.env.tick
        is_mqtt = self.spec.cohorts.protocol[self.cohort] == Protocol.MQTT
        deadline = self.entered + self.timer_ticks(T_UPGRADE if is_mqtt else T_DOWNLOAD)
        if self._world.instant[self.cohort]:
            cause = self.cause(Stage.DOWNLOAD)
            self._instant_bytes = self.wanted_bytes(cause)
            self.download_start = self.env.tick
        else:
            cause = yield from self.transfer(self.appointment(deadline, Kind.TIMER))
        if cause is not None:
            yield from self.break_down(cause, self.env.tick, deadline, Reason.DOWNLOAD_TIMEOUT_PLATFORM)
        return deadline if is_mqtt else self.env.tick + self.timer_ticks(T_EXECUTE)

    def transfer(self, timer: simpy.Event) -> Steps[Cause | None]:
        """Hold a place and let bytes flow until all are there, the download breaks or the timer ends it.

        Returns:
            Why it broke, None if it did not.
        """
        with self._world.places.request(self.device) as place:
            if not place.triggered:
                yield place | timer
            if not place.triggered:
                raise Failed(Reason.DOWNLOAD_START_TIMEOUT)
            cause = self.cause(Stage.DOWNLOAD)
            wanted = self.wanted_bytes(cause)
            with self._world.network.begin(self.device, self.cohort, wanted) as self._transfer:
                self.download_start = self.env.tick
                yield self._transfer.over | timer
                if not self._transfer.over.processed:
                    raise Failed(Reason.DOWNLOAD_TIMEOUT_PLATFORM)
        return cause

    def execute(self, deadline: int) -> Steps[None]:
        """Verify the package, install it and reboot.

        Args:
            deadline: Tick by which all must be done.
        """
        for stage in EXECUTION:
            yield from self.work(stage, deadline, Reason.RESULT_TIMEOUT)

    def work(self, stage: Stage, deadline: int, timeout: Reason) -> Steps[None]:
        """Let a stage take its time, and perhaps fail on the way.

        Args:
            stage: One that takes time only.
            deadline: Tick at which the platform's timer runs out; an end at this very tick is in time.
            timeout: Why the attempt fails then.
        """
        duration = self.duration_ticks(stage)
        cause = self.cause(stage)
        if cause is not None:
            breaks = self.env.tick + int(fraction_ticks(self.uniform(draws.P_FRACTION), duration))
            yield from self.break_down(cause, breaks, deadline, timeout)
        if self.env.tick + duration > deadline:
            yield from self.time_out(deadline, timeout)
        yield self.env.timeout(duration)

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
        cohorts = self.spec.cohorts
        if self.uniform(draws.P_ONLINE) < cohorts.online_fraction[self.cohort]:
            return self.env.tick
        mean_s = float(cohorts.mean_offline_s[self.cohort])
        return self.env.tick + int(ticks_of(-mean_s * math.log(self.uniform(draws.P_OFFLINE_TIME))))

    def is_current(self) -> bool:
        """Tell whether the device has just reported that it runs the version already."""
        return bool(is_current(self.spec, self.device, self.cohort))

    def duration_ticks(self, stage: Stage) -> int:
        """Return the time that a stage takes in this attempt; not for contact and download."""
        purpose = draws.STAGE_PURPOSES[stage].time
        assert purpose is not None, f"{stage.label} has no drawn time"
        u = self.uniform(purpose)
        return int(duration_ticks(self.spec.cohorts, self.cohort, int(stage), u))

    def wanted_bytes(self, cause: Cause | None) -> int:
        """Return the bytes that come before the download is over, or breaks by `cause`."""
        whole = self.spec.platform.package_bytes
        return whole if cause is None else int(partial_bytes(self.uniform(draws.P_FRACTION), whole))

    def cause(self, stage: Stage) -> Cause | None:
        """Return why a stage fails in this attempt, None if it does not; asked when the stage begins."""
        causes = self.spec.causes
        row = self._mark
        if not causes.lo[self.cohort, stage] <= row < causes.hi[self.cohort, stage]:
            u = self.uniform(draws.STAGE_PURPOSES[stage].cause)
            row = pick_cause(causes, self.cohort, int(stage), self._tendency, self._spread, u)
        if row != NO_CAUSE:
            return Cause(int(causes.reason[row]), bool(causes.silent[row]))
        return self.outage_cause() if stage == Stage.DOWNLOAD else None

    def outage_cause(self) -> Cause | None:
        """Return the outage by which a download that begins now fails, None if none does."""
        outages = self.spec.outages
        row = outage_risk(outages, self.cohort, self.env.tick)
        if row == NO_CAUSE or self.uniform(draws.P_OUTAGE_RISK) >= outages.risk_p[row]:
            return None
        return Cause(int(outages.risk_reason[row]), bool(outages.risk_silent[row]))

    def uniform(self, purpose: int) -> float:
        """Return the uniform in (0, 1) that belongs to a purpose (`sim.fleet.model.draws.P_*`)."""
        platform = self.spec.platform
        return float(draws.uniform(platform.seed, platform.replication, self.device, self.number, purpose))

    def timer_ticks(self, timer: int) -> int:
        """Return the length of a timer of the platform (`sim.fleet.spec.T_*`)."""
        return int(self.spec.cohorts.timers_ticks[self.cohort, timer])

    def appointment(self, tick: int, kind: Kind) -> Appointment:
        """Return an event of this device at an absolute tick."""
        return self.env.at(tick, kind, self.device)
