"""The readable plane's clock: a SimPy environment whose time is ticks and whose ties have an order.

SimPy orders events of one time by priority, then by when they were made. The planes' order is by kind,
then by device index, so an event of a kind carries both in its priority. SimPy's own events (a process
that begins, an interrupt, `succeed`, a plain `timeout`) have smaller priorities still: what follows at
once is worked off before the next event of a kind.
"""

from __future__ import annotations

from enum import IntEnum, unique
from typing import Final

import simpy
from simpy.events import NORMAL, EventPriority

from sim.errors import ModelError

_DEVICES: Final = 2**40  # more than a device index can be


@unique
class Kind(IntEnum):
    """What happens at a tick, in the order in which it is worked off."""

    OVER = 0  # a download has all its bytes, or breaks
    END = 1  # a device reports
    ENTRY = 2  # an attempt comes to its download
    TIMER = 3  # a timer of the platform runs out
    RETRY = 4  # an automatic retry is due
    EPOCH = 5  # the network changes


BEFORE_ALL: Final = -1
"""Stands for the device of an event that comes before those of its kind."""


class Appointment(simpy.Event):
    """An event of a kind, at an absolute tick."""

    def __init__(self, clock: Clock, tick: int, kind: Kind, device: int) -> None:
        """Schedule it.

        Args:
            clock: Where.
            tick: When, not in the past.
            kind: First order among equal ticks.
            device: Second order; a device index or `BEFORE_ALL`.
        """
        if tick < clock.tick:
            raise ModelError(f"{kind.name} of device {device} at {tick}, which is before {clock.tick}")
        super().__init__(clock)
        self._ok = True
        self._value = None
        clock.schedule(self, EventPriority((kind + 1) * _DEVICES + device), tick - clock.tick)


class Clock(simpy.Environment):
    """A SimPy environment that starts at tick 0 and is only ever given whole ticks.

    Python's integers are exact, so that SimPy's relative delays are as good as absolute times.
    """

    @property
    def tick(self) -> int:
        """The present tick."""
        return int(self.now)

    def at(self, tick: int, kind: Kind, device: int) -> Appointment:
        """Return an event of a kind at an absolute tick, >= the present one."""
        return Appointment(self, tick, kind, device)

    def settle(self) -> None:
        """Work off what follows at once, but no event of a kind."""
        while self._queue and self._queue[0][:2] <= (self.tick, NORMAL):
            self.step()

    def work_off(self) -> None:
        """Work off everything of this tick, also what it makes at this tick."""
        while self.peek() == self.now:
            self.step()

    def move_to(self, tick: int) -> None:
        """Let time pass up to the beginning of a later tick; no event may lie before it."""
        if self.peek() < tick:
            raise ModelError(f"an event at {self.peek()} would be skipped on the way to {tick}")
        self.run(until=tick)
