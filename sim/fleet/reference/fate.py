"""What luck, its cohort and its memory have in store for a device in one attempt.

Nothing here lets time pass; `sim.fleet.reference.attempt` does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from sim.fleet.held_up import Hold
from sim.fleet.model import purposes
from sim.fleet.protocol import BY_COHORT, PackageRef
from sim.fleet.reference.sampling import Cause, ticks_of
from sim.fleet.reference.surroundings import Surroundings
from sim.fleet.spec import NEVER
from sim.rules import Stage

# A member of an enumeration is a slow key, so this is no dictionary.
_PURPOSES: Final = tuple(purposes.STAGE_PURPOSES[stage] for stage in Stage)


class Fate:
    """What is drawn for one attempt of one device, and what is looked up.

    Attributes:
        env: The SimPy environment; `env.now` and all delays are in ticks (microseconds).
        spec: The fleet.
        device: Device index.
        cohort: Its cohort.
        number: Number of the attempt, from 1, those in the device's earlier tasks included.
        package: What it is to install.
        memory: What lasts of the device.
        account: Where its time goes.
        start: Tick of the dispatch.
    """

    def __init__(
        self, around: Surroundings, device: int, number: int, package: PackageRef | None = None
    ) -> None:
        """Begin now.

        Args:
            around: What is around it.
            device: Device index.
            number: Number of the attempt, from 1, those in the device's earlier tasks included.
            package: What it is to install; by default the campaign's own.
        """
        self.env = around.clock
        self.spec = around.spec
        self.device = device
        self.cohort = int(around.spec.cohort[device])
        self.number = number
        self.memory = around.memory_of(device)
        self.account = around.accounts.of(device)
        self.start = self.env.tick
        self._around = around
        self._common = around.cohorts[self.cohort]
        self.package = package or around.package
        if self.package.bytes == BY_COHORT:
            self.package = self.package._replace(bytes=self._common.package_bytes)
        self._draws = around.draws.of_attempt(device, number)

    def obstacles(self, deadline: int) -> Iterator[tuple[Hold, int]]:
        """Yield what keeps the device out of reach from now on, one after the other: what, and its end.

        Args:
            deadline: What comes after that is not looked for.
        """
        tick = self.env.tick
        while True:
            online = self.next_online(tick)
            if online > tick:
                yield Hold.OFFLINE, online
            tick = online
            if online <= deadline:
                for hold, tick in self._common.obstacles(online):
                    yield hold, tick
            if tick == online or tick > deadline:
                return

    def next_online(self, tick: int) -> int:
        """Return the first tick, not before `tick`, at which the link is up, window and outages aside."""
        return tick if self.memory.link is None else self.memory.link.next_on(tick)

    def is_current(self) -> bool:
        """Tell whether the device has just reported that it runs the version already."""
        return self.memory.runs(self.package)

    def duration_ticks(self, stage: Stage) -> int:
        """Return the time that a stage takes in this attempt; not for contact and download."""
        purpose = _PURPOSES[stage].time
        assert purpose is not None, f"{stage.label} has no drawn time"
        return self._common.times[stage].ticks(self.uniform(purpose))

    def bytes_to_come(self) -> tuple[int, Cause | None]:
        """Return the bytes that come until a download that begins now is over, and why if it breaks then."""
        cause = self.cause(Stage.DOWNLOAD, self.env.tick)
        wanted = self.package.bytes - self.memory.held
        if cause is not None:
            wanted = int(self.uniform(purposes.P_FRACTION) * wanted)
        for breaks in self._common.breaks[Stage.DOWNLOAD]:
            if breaks.per_bytes > 0.0:
                breaks_after = -breaks.per_bytes * math.log(self.uniform(breaks.purpose))
                if breaks_after < wanted:
                    wanted, cause = int(breaks_after), breaks.cause
        return wanted, cause

    def break_clock(self, stage: Stage) -> tuple[int, Cause | None]:
        """Return after how many ticks of work a stage breaks, and why; never if nothing breaks it by time."""
        first: tuple[int, Cause | None] = NEVER, None
        for breaks in self._common.breaks[stage]:
            if breaks.rate > 0.0:
                ticks = ticks_of(-math.log(self.uniform(breaks.purpose)) / breaks.rate)
                if ticks < first[0]:
                    first = ticks, breaks.cause
        return first

    def cause(self, stage: Stage, tick: int) -> Cause | None:
        """Return why a stage fails in this attempt, None if it does not; breaks aside.

        Args:
            stage: Which.
            tick: When it begins. Not before now: verify, install and reboot are looked at when the first of
                them begins.
        """
        memory = self.memory
        if memory.mark is not None and memory.mark.stage is stage:
            return memory.mark.cause
        for condition in self._common.conditions[stage]:
            if memory.is_in(condition, tick):
                return condition.cause
        possible = self._common.causes[stage]
        cause = possible.pick(self.uniform(_PURPOSES[stage].cause), memory.lift) if possible else None
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
