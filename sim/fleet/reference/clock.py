"""The readable plane's clock: a SimPy environment whose time is ticks and whose ties have an order.

SimPy orders events of one time by priority, then by when they were made. The planes' order is by kind,
then by device index, so an event of a kind carries both in its priority. SimPy's own events (a process
that begins, an interrupt, `succeed`, a plain `timeout`) have smaller priorities still: what follows at
once is worked off before the next event of a kind.
"""

from __future__ import annotations

from enum import IntEnum, unique
from heapq import heappop, heappush
from typing import Any, Final

import simpy

from sim.errors import ModelError
from sim.fleet.spec import NEVER

_DEVICES: Final = 2**40  # more than a device index can be


@unique
class Kind(IntEnum):
    """What happens at a tick, in the order in which it is worked off."""

    PLACE = -1  # a download place falls to the next in the queue
    OVER = 0  # a download has all its bytes, or those after which it breaks
    END = 1  # a device reports, or a download breaks by the clock
    ENTRY = 2  # an attempt comes to its download
    LINK = 3  # a link goes up or down under a download
    TIMER = 4  # a timer of the platform runs out
    RETRY = 5  # an automatic retry is due
    EPOCH = 6  # the network changes


BEFORE_ALL: Final = -1
"""Stands for the device of an event that comes before those of its kind."""


class Appointment(simpy.Event):
    """An event of a kind, at an absolute tick.

    Attributes:
        kind: First order among equal ticks.
        device: Second order; a device index or `BEFORE_ALL`.
    """

    def __init__(self, clock: Clock, tick: int, kind: Kind, device: int) -> None:
        """Schedule it; `Clock.at` makes them."""
        self.env = clock
        self.callbacks = []
        self.kind = kind
        self.device = device
        self._ok = True
        self._value = None
        clock.enter(self, tick)

    def bring_forward(self, kind: Kind) -> None:
        """Let it happen at this tick, as another kind, instead of at its time."""
        self.kind = kind
        clock: Clock = self.env  # type: ignore[assignment]  # no other makes appointments
        clock.enter(self, clock.tick)

    def cancel(self) -> None:
        """Let it never happen."""
        self.callbacks = None  # type: ignore[assignment]  # what SimPy does when an event is processed


class Clock(simpy.Environment):
    """A SimPy environment that starts at tick 0 and is only ever given whole ticks.

    Python's integers are exact, so that SimPy's relative delays are as good as absolute times.
    """

    _now: int

    def __init__(self) -> None:
        """Begin at tick 0."""
        super().__init__()
        # Looser than SimPy's hints: times are whole here, and an event that has happened has no callbacks.
        self._entries: list[tuple[int, int, int, Any]] = self._queue  # type: ignore[assignment]

    @property
    def tick(self) -> int:
        """The present tick."""
        return self._now

    def at(self, tick: int, kind: Kind, device: int) -> Appointment:
        """Return an event of a kind at an absolute tick.

        Args:
            tick: When, not in the past.
            kind: First order among equal ticks.
            device: Second order; a device index or `BEFORE_ALL`.

        Raises:
            ModelError: `tick` is in the past.
        """
        return Appointment(self, tick, kind, device)

    def enter(self, event: Appointment, tick: int) -> None:
        """Schedule an appointment; if it is scheduled already, what comes first counts."""
        if tick < self._now:
            what = f"{event.kind.name} of device {event.device}"
            raise ModelError(f"{what} at {tick}, which is before {self._now}")
        # What `schedule` does, but for an absolute time.
        order = (event.kind + 1) * _DEVICES + event.device
        heappush(self._entries, (tick, order, next(self._eid), event))

    def peek(self) -> int:
        """Return the tick of the next event, `NEVER` if there is none."""
        queue = self._entries
        while queue and queue[0][3].callbacks is None:  # cancelled, or happened already
            heappop(queue)
        return queue[0][0] if queue else NEVER

    def step(self) -> None:
        """Let the next event happen."""
        self._now, _, _, event = heappop(self._entries)
        callbacks, event.callbacks = event.callbacks, None
        if callbacks is None:  # cancelled, or happened already
            return
        for callback in callbacks:
            callback(event)
        if not event._ok and not event.defused:
            raise event.value

    def settle(self) -> None:
        """Work off what follows at once, but no event of a kind."""
        while self.peek() == self._now and self._entries[0][1] < _DEVICES:
            self.step()

    def work_off(self) -> None:
        """Work off everything of this tick, also what it makes at this tick."""
        step, queue, now = self.step, self._entries, self._now
        while queue and queue[0][0] == now:
            step()

    def move_to(self, tick: int) -> None:
        """Let time pass up to the beginning of a later tick; no event may lie before it."""
        if self._entries and self._entries[0][0] < tick and self.peek() < tick:
            raise ModelError(f"an event at {self.peek()} would be skipped on the way to {tick}")
        self._now = tick
