"""The readable plane's device: one attempt as a SimPy process that can be read from top to bottom.

Each stage is a generator of its own, and so is each way to end; all of them may be overridden (see
`sim.fleet.reference`). Whatever a device draws is keyed by (device, attempt, purpose), so that nothing
here depends on what other devices do. What an attempt meets of the ones before is in the device's memory.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final, TypeVar

import simpy

from sim.fleet.held_up import Hold
from sim.fleet.model import purposes
from sim.fleet.protocol import PackageRef
from sim.fleet.reference.accounts import ONLY, Phases
from sim.fleet.reference.clock import Appointment, Kind
from sim.fleet.reference.fate import Fate
from sim.fleet.reference.network import Transfer
from sim.fleet.reference.rates import finish_tick
from sim.fleet.reference.sampling import Cause
from sim.fleet.reference.surroundings import Surroundings
from sim.fleet.reference.weather.timelines import Timeline
from sim.fleet.spec import (
    BREAKS,
    LEAVES_DEAD,
    LEAVES_NEW,
    NEVER,
    STAYS,
    T_COVERAGE,
    T_DOWNLOAD,
    T_EXECUTE,
    T_ONLINE,
    T_UPGRADE,
    T_VERSION,
)
from sim.rules import Reason, Stage
from sim.rules.stages import EXECUTION

_T = TypeVar("_T")
Steps = Generator[simpy.Event, Any, _T]
"""A part of a SimPy process: it yields events and returns a `_T`."""

_WORK: Final = {
    Stage.QUERY: Hold.QUERY,
    Stage.COVERAGE: Hold.COVERAGE,
    Stage.VERIFY: Hold.VERIFY,
    Stage.INSTALL: Hold.INSTALL,
    Stage.REBOOT: Hold.REBOOT,
}


class Failed(Exception):  # noqa: N818 - what happens to a device, not an error of the program
    """Ends an attempt from within any of its stages."""

    def __init__(self, reason: int) -> None:
        """Say why.

        Args:
            reason: A `sim.rules.Reason`.
        """
        self.reason = reason
        super().__init__(reason)


class Attempt(Fate):
    """One attempt of one device, from the dispatch on.

    Attributes:
        held: Bytes of the package that the device held when the attempt began.
        entered: Tick at which it reached the download stage, -1 before.
        download_start: Tick at which the download began, -1 before.
    """

    def __init__(
        self, around: Surroundings, device: int, number: int, package: PackageRef | None = None
    ) -> None:
        """Begin now; see `Fate`."""
        super().__init__(around, device, number, package)
        self.held = self.memory.held
        self.entered = -1
        self.download_start = -1
        self._transfer: Transfer | None = None
        self._instant_bytes = 0
        self._turn: tuple[int, Kind | None] = (-1, None)  # what the last wait for stages was for
        self.account.enter(ONLY[Hold.TIMER])

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
        self.memory.install(self.package)
        return Reason.NONE

    # --- stages, in their order -------------------------------------------------------------------

    def contact(self) -> Steps[None]:
        """Wait until the device's link is up, its window is open and no outage holds it."""
        deadline = self.env.tick + self.timer_ticks(T_ONLINE)
        if self.memory.is_dead or self.cause(Stage.CONTACT, self.env.tick) is not None:
            yield from self.time_out(deadline, Reason.ONLINE_TIMEOUT)
        reached, plan = self.env.tick, None
        for hold, reached in self.obstacles(deadline):
            plan = plan or self.account.plan()
            plan.add(hold, reached)
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
        cause = None
        if self.memory.held == self.package.bytes:
            pass  # nothing is left to load
        elif self._around.is_instant[self.device]:
            self.download_start = self.env.tick
            self._instant_bytes, cause = self.bytes_to_come()
            self.hold_received()
        else:
            cause = yield from self.transfer(deadline)
        if cause is not None:
            timeout = Reason.DOWNLOAD_TIMEOUT_PLATFORM
            yield from self.break_down(Stage.DOWNLOAD, cause, self.env.tick, deadline, timeout)
        return deadline if is_mqtt else self.env.tick + self.timer_ticks(T_EXECUTE)

    def transfer(self, deadline: int) -> Steps[Cause | None]:
        """Hold a place until all bytes are there, the download breaks or the timer ends it.

        Args:
            deadline: Tick at which the platform's timer runs out; an end at this very tick is in time.

        Returns:
            Why it broke, None if it did not.
        """
        with self._around.places.request(self.device, deadline) as claim:
            if claim.turn is not None:
                self.account.enter(ONLY[Hold.DOWNLOAD_PLACE])
                yield claim.turn
            if not claim.is_granted:
                raise Failed(Reason.DOWNLOAD_START_TIMEOUT)
            self.download_start = self.env.tick
            wanted, cause = self.bytes_to_come()
            link = self.link_of_download()
            flows = link is None or link.is_on(self.env.tick)
            begin = self._around.network.begin
            try:
                with begin(self.device, self.cohort, wanted, deadline, flows=flows) as self._transfer:
                    self.account.begin_download(self.own_ticks)
                    self.account.enter(self._flowing if flows else ONLY[Hold.OFFLINE])
                    if link is not None or self._common.breaks[Stage.DOWNLOAD]:
                        cause = (yield from self.flow(self._transfer, link)) or cause
                    else:
                        yield self._transfer.over
                    if self._transfer.over.processed and not self._transfer.is_complete:
                        raise Failed(Reason.DOWNLOAD_TIMEOUT_PLATFORM)
            finally:
                self.account.end_download()
                self.hold_received()
        return cause

    def flow(self, transfer: Transfer, link: Timeline | None) -> Steps[Cause | None]:
        """Let bytes flow until it is over, unless a clock or the link breaks it before.

        Args:
            transfer: The bytes on their way.
            link: What decides when they flow; None if the device is always in reach.

        Returns:
            The silent cause that broke it, None if nothing did.
        """
        left, cause = self.break_clock(Stage.DOWNLOAD)
        while True:
            tick = self.env.tick
            is_up = link is None or link.is_on(tick)
            if is_up != transfer.is_flowing:
                transfer.set_flowing(is_up)
                self.account.enter(self._flowing if is_up else ONLY[Hold.OFFLINE])
            turn, kind, broken_by = (NEVER if link is None else link.end_of(tick)), Kind.LINK, None
            if is_up and self._common.during_upgrade == BREAKS and link is not None:
                kind, broken_by = Kind.END, self._common.link_loss
            if is_up and cause is not None:
                strikes = transfer.flowing_until(left)
                if strikes <= turn:
                    turn, kind, broken_by = strikes, Kind.END, cause
            happens = self.appointment(turn, kind)
            yield transfer.over | happens
            if transfer.over.processed:
                happens.cancel()
                return None
            if broken_by is not None and broken_by.silent:
                return broken_by
            if broken_by is not None:
                raise Failed(broken_by.reason)
            if is_up:
                left -= transfer.flowed_ticks(tick)

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
        tick, plan = self.env.tick, self.account.plan()
        for stage in stages:
            if stage is Stage.INSTALL and (opens := self.install_opens(tick)) > tick:
                tick = opens
                plan.add(Hold.WINDOW, tick)
                if tick > deadline:
                    yield from self.time_out(deadline, timeout)
            duration = self.duration_ticks(stage)
            cause = self.cause(stage, tick)
            if cause is not None:
                duration = round(self.uniform(purposes.P_FRACTION) * duration)
            if self._common.breaks[stage]:
                works_for, breaks = self.break_clock(stage)
                if works_for < duration:
                    duration, cause = works_for, breaks
            tick += duration
            plan.add(_WORK[stage], tick)
            if cause is not None:
                yield from self.break_down(stage, cause, tick, deadline, timeout)
            if tick > deadline:
                yield from self.time_out(deadline, timeout)
        kind = self._kind_after(stages[-1])
        self._turn = tick, kind
        yield self.env.timeout(tick - self.env.tick) if kind is None else self.appointment(tick, kind)

    def install_opens(self, tick: int) -> int:
        """Return when install may begin that is due at a tick: as soon as the window for it is open."""
        return self._common.install.next_open(tick)

    def _kind_after(self, stage: Stage) -> Kind | None:
        """Return what follows a stage at the same tick, so that the wait for both is one; None if nothing."""
        if stage is Stage.REBOOT or (stage is Stage.QUERY and self.is_current()):
            return Kind.END
        if stage is Stage.COVERAGE or (stage is Stage.QUERY and self._common.is_mqtt):
            return Kind.ENTRY
        return None

    # --- ways to fail -----------------------------------------------------------------------------

    def break_down(
        self, stage: Stage, cause: Cause, tick: int, deadline: int, timeout: Reason
    ) -> Steps[None]:
        """Fail at a tick by a cause, or by the timer when nothing is heard from the device in time."""
        if tick > deadline:
            yield from self.time_out(deadline, timeout)
        yield self.env.timeout(tick - self.env.tick) if cause.silent else self.appointment(tick, Kind.END)
        self.strike(stage, cause)
        if cause.silent:
            yield from self.time_out(deadline, timeout)
        raise Failed(cause.reason)

    def strike(self, stage: Stage, cause: Cause) -> None:
        """Leave the device as a cause does that strikes now."""
        if stage is Stage.VERIFY:
            self.memory.held = 0
        if cause.leaves == LEAVES_NEW:
            self.memory.install(self.package)
        elif cause.leaves == LEAVES_DEAD:
            self.memory.is_dead = True

    def time_out(self, deadline: int, reason: Reason) -> Steps[None]:
        """Wait for a timer of the platform and fail by it."""
        # A stage that was overridden may have outlasted its deadline: then the timer ends it now.
        yield self.appointment(max(deadline, self.env.tick), Kind.TIMER)
        raise Failed(reason)

    # --- small things ---------------------------------------------------------------------------------

    def link_of_download(self) -> Timeline | None:
        """Return the link that bytes need to flow; None if the device keeps awake for them."""
        return None if self._common.during_upgrade == STAYS else self.memory.link

    @property
    def _flowing(self) -> Phases:
        """What becomes of the time in which the device's link is up in a download."""
        return self._around.accounts.flowing[self.cohort]

    def own_ticks(self) -> int:
        """Return the ticks that the bytes received so far need at the speed of the device's own link."""
        return finish_tick(0, 0.0, float(self.spec.cohorts.link_rate[self.cohort]), self.received_bytes)

    def hold_received(self) -> None:
        """Keep what has come for the next attempt, if the device can."""
        if self._common.resumes:
            self.memory.held += self.received_bytes

    def appointment(self, tick: int, kind: Kind) -> Appointment:
        """Return an event of this device at an absolute tick."""
        return self.env.at(tick, kind, self.device)
