"""The bridge between SimPy's clock and the device plane.

Between two control events the plane runs alone, in one go. Nothing here knows tasks or devices: only
that the plane can run up to a tick, and that it may stop earlier because a watched condition came true.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

import simpy
from simpy.core import EmptySchedule
from simpy.events import URGENT

from sim.errors import Problem, ScenarioError
from sim.fleet.protocol import Fleet
from sim.fleet.spec import TICKS_PER_S, to_ticks
from sim.rules import IS_LIVE

EVENTS_AT_ONCE_MAX: Final = 1_000_000
"""Control events at one instant; more mean that some process never lets time pass."""

_SLICE_GROWTH: Final = 150  # each slice is longer than the one before by this part of it


class Service(Protocol):
    """What knows the tasks better than the plane's counts."""

    def is_live(self) -> bool:
        """Tell whether something can still happen to a task without a call."""


class Slices(NamedTuple):
    """How to run the plane piece by piece; changes no result.

    Attributes:
        first_s: The plane first runs at most so long in one go, then a little longer each time, since most
            happens early; seconds, > 0.
        after: Called whenever the plane has run, for instance to move a progress bar.
    """

    first_s: float
    after: Callable[[], None]


class UrgentEvent(simpy.Event):
    """An event that comes before every other event of the instant at which it fires."""

    def fire(self, value: object = None) -> None:
        """Trigger the event, now."""
        self._ok = True
        self._value = value
        self.env.schedule(self, URGENT)


class WatchEvent(UrgentEvent):
    """An event that fires when the plane meets a watched condition, at exactly that time."""

    def __init__(self, env: simpy.Environment, watch: int) -> None:
        """Create the event.

        Args:
            env: Where it will fire.
            watch: The plane's number of the watch.
        """
        super().__init__(env)
        self.watch = watch


class FleetEnvironment(simpy.Environment):
    """A SimPy environment in which devices live too.

    A process sees nothing special: `yield env.timeout(3600)` lets an hour pass, for the devices as well.
    `run(until=...)` means what it means in SimPy. `run()` ends when nothing can happen any more, neither
    by a process nor by a device, or at the horizon.

    Attributes:
        fleet: The device plane.
        horizon_s: Control events at or after this time are not processed, seconds.
    """

    def __init__(self, fleet: Fleet, *, horizon_s: float, slices: Slices | None = None) -> None:
        """Set the clock to 0.

        Args:
            fleet: The device plane, at tick 0.
            horizon_s: Control events at or after this time are not processed, seconds, > 0, finite.
            slices: How to run the plane piece by piece; None to let it run as far as it may.
        """
        super().__init__()
        self.fleet = fleet
        self.horizon_s = horizon_s
        self._slice_ticks = None if slices is None else to_ticks(slices.first_s)
        self._after_slice = None if slices is None else slices.after
        self._tick = 0
        self._events: dict[int, WatchEvent] = {}
        self._service: Service | None = None
        self._is_closed = False
        self._busy_since = -1.0
        self._n_at_once = 0

    @property
    def now_s(self) -> float:
        """Seconds since the start of the run."""
        return float(self._now)

    def attach(self, service: Service) -> None:
        """Let a service say from now on whether something can still happen without a call."""
        self._service = service

    def is_live(self) -> bool:
        """Tell whether the devices can still do something without a call."""
        if self._service is not None:
            return self._service.is_live()
        return not self._is_closed and bool(self.fleet.counts()[IS_LIVE].any())

    def when(self, watch: int) -> WatchEvent:
        """Return an event that fires when a watch trips.

        Args:
            watch: Number that the plane gave to the watch.
        """
        event = WatchEvent(self, watch)
        self._events[watch] = event
        return event

    def forget(self, event: WatchEvent) -> None:
        """Drop a watch and its event; one that has fired already is left as it is."""
        if self._events.pop(event.watch, None) is not None:
            self.fleet.unwatch(event.watch)

    def soon(self, action: Callable[[], None]) -> None:
        """Call `action` within this instant, before any process has its turn."""
        event = UrgentEvent(self)
        event.callbacks.append(lambda _: action())
        event.fire()

    def close(self) -> None:
        """Let go of all who wait: nothing will happen any more, and nothing keeps the fleet in memory."""
        self._queue.clear()
        self._events.clear()
        self._service = None
        self._is_closed = True

    def step(self) -> None:
        """Let the plane run up to the next control event, then process that event.

        Raises:
            EmptySchedule: Nothing is left to happen before the horizon.
            ScenarioError: Too many control events happen at one instant.
        """
        next_s = float(self.peek())
        if next_s >= self.horizon_s:
            self._run_out(is_last=math.isinf(next_s))
        else:
            tick = to_ticks(next_s)
            if tick > self._tick:
                self._run_plane(tick, next_s)
        super().step()
        self._count()

    def _run_out(self, *, is_last: bool) -> None:
        """Let the plane run to the horizon, or to a watch that somebody waits for.

        Args:
            is_last: No control event waits beyond the horizon either.

        Raises:
            EmptySchedule: Nothing is left to happen.
        """
        if is_last and not self.is_live():
            # A condition may hold already because of what the last control event changed.
            if not self._run_plane(self._tick, self.now_s):
                raise EmptySchedule
        elif not self._run_plane(to_ticks(self.horizon_s), self.horizon_s):
            self._now = self.horizon_s
            raise EmptySchedule

    def _run_plane(self, tick: int, next_s: float) -> bool:
        """Let the plane run up to a tick; return True if it stopped early for a watch that is waited for.

        Args:
            tick: Where to stop at the latest.
            next_s: Time of the control event that waits there, seconds.
        """
        fleet = self.fleet
        while True:
            stop = tick
            if self._slice_ticks is not None:
                stop = min(tick, self._tick + self._slice_ticks)
                self._slice_ticks += self._slice_ticks // _SLICE_GROWTH
            before = self._tick
            tripped = fleet.advance(stop)
            self._tick = fleet.now_ticks if tripped else stop
            if self._after_slice is not None:
                self._after_slice()
            if tripped and self._fire(next_s if self._tick > before else self.now_s):
                return True
            if not tripped and stop == tick:
                return False

    def _fire(self, next_s: float) -> bool:
        """Fire the events of the watches that tripped; return True if somebody waits for one."""
        events = [self._events.pop(watch, None) for watch in self.fleet.tripped()]
        waited_for = [event for event in events if event is not None]
        if waited_for:
            # Control time is float: never go back, never past the event that waits.
            self._now = max(self._now, min(self._tick / TICKS_PER_S, next_s))
        for event in waited_for:
            event.fire(event.watch)
        return bool(waited_for)

    def _count(self) -> None:
        """Count the control events of this instant and refuse an endless number of them."""
        if self._now != self._busy_since:
            self._busy_since = self._now
            self._n_at_once = 0
        self._n_at_once += 1
        if self._n_at_once > EVENTS_AT_ONCE_MAX:
            message = (
                f"more than {EVENTS_AT_ONCE_MAX:,} control events at {self._now:g} s "
                "(bound EVENTS_AT_ONCE_MAX): some process never lets time pass"
            )
            raise ScenarioError([Problem("processes", message)])
