"""The readable plane's queues: first come, first served, and leaving from the middle costs nothing."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from types import TracebackType
from typing import NamedTuple

import numpy as np

from sim.fleet.held_up import Hold
from sim.fleet.model.purposes import D_COVERAGE
from sim.fleet.reference.accounts import ONLY, Accounts
from sim.fleet.reference.clock import Appointment, Clock, Kind
from sim.fleet.reference.draws import Draws
from sim.fleet.spec import NEVER, FleetSpec


class Line(OrderedDict[int, None]):
    """A queue of devices, each at most once."""

    def join(self, device: int) -> None:
        """Put a device at the tail."""
        self[device] = None

    def leave(self, device: int) -> None:
        """Take a device out, wherever it stands."""
        del self[device]

    def take_first(self) -> int:
        """Take out the first."""
        return self.popitem(last=False)[0]


class Claim:
    """One device's claim on a download place.

    Use it as a context manager: at the end of the block the place is given back, or the queue is left.

    Attributes:
        is_granted: Whether the place is its own.
        turn: Happens when the place falls to it or at its deadline; None if it never had to wait.
    """

    def __init__(self, places: DownloadPlaces, device: int, turn: Appointment | None) -> None:
        """Describe a claim; `DownloadPlaces.request` makes them."""
        self.is_granted = turn is None
        self.turn = turn
        self._places = places
        self._device = device

    def grant(self) -> None:
        """Let a claim that waits have its place now."""
        assert self.turn is not None
        self.is_granted = True
        self.turn.bring_forward(Kind.PLACE)

    def __enter__(self) -> Claim:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.turn is not None:
            self.turn.cancel()
        self._places.drop(self._device)


class DownloadPlaces:
    """The platform's download places.

    A place given back goes at once to the first in the queue. `simpy.Resource` would do the same, but
    leaving its queue takes a search through all of it.
    """

    def __init__(self, clock: Clock, capacity: int) -> None:
        """Begin with all places free.

        Args:
            clock: Where events happen.
            capacity: Places, >= 1.
        """
        self.clock = clock
        self._free = capacity
        self._waiting: OrderedDict[int, Claim] = OrderedDict()

    def request(self, device: int, deadline: int) -> Claim:
        """Return a claim that has a place already, or stands at the tail of the queue.

        Args:
            device: Who asks.
            deadline: Tick at which the platform's timer ends the wait.
        """
        if self._free > 0:
            self._free -= 1
            return Claim(self, device, None)
        claim = Claim(self, device, self.clock.at(deadline, Kind.TIMER, device))
        self._waiting[device] = claim
        return claim

    def drop(self, device: int) -> None:
        """End a device's claim; its place, if it had one, goes to the first that waits."""
        if device in self._waiting:
            del self._waiting[device]
        elif self._waiting:
            self._waiting.popitem(last=False)[1].grant()
        else:
            self._free += 1


class PlaceGroup(NamedTuple):
    """Devices that share upgrade places: those of one coverage level in a radio cell, or those at a site.

    Attributes:
        places: How many of them are upgraded at a time.
        site: Which site; -1 for a cell.
        cohort: Cohort of the cell, likewise.
        cell: Its number in the cohort.
        level: Coverage level.
    """

    places: int
    site: int = -1
    cohort: int = -1
    cell: int = -1
    level: int = -1


class ReadyQueue(Line):
    """Subtasks ready for dispatch, behind the queues of their radio cells and sites.

    A device in a cell, or at a site that limits it, holds one of its group's places from joining the ready
    queue to the end of the attempt; without a free one it waits in the group's own queue.
    """

    def __init__(self, spec: FleetSpec, draws: Draws, accounts: Accounts) -> None:
        """Begin with empty queues.

        Args:
            spec: The fleet.
            draws: Where coverage levels come from.
            accounts: Where it is noted who waits for what.
        """
        super().__init__()
        self._accounts = accounts
        self._spec = spec
        self._draws = draws
        self._waiting: defaultdict[PlaceGroup, Line] = defaultdict(Line)
        self._held: defaultdict[PlaceGroup, int] = defaultdict(int)
        self._places_at: list[int] = spec.sites.at_a_time.tolist()
        self._cell_of: dict[int, int] = {}  # only devices in cells
        for c, devices_per_cell in enumerate(spec.cohorts.cell_devices.tolist()):
            if devices_per_cell > 0:
                members = np.flatnonzero(spec.cohort == c).tolist()
                self._cell_of |= {device: i // devices_per_cell for i, device in enumerate(members)}

    def join(self, device: int) -> None:
        """Queue a device: for its group's place, if it needs one and none is free, else as ready."""
        group = self._group(device)
        if group is not None:
            if self._held[group] >= group.places:
                self._waiting[group].join(device)
                self._accounts.of(device).enter(ONLY[Hold.PLACE_QUEUE])
                return
            self._held[group] += 1
        self._join_ready(device)

    def leave(self, device: int) -> None:
        """Take a queued device out, wherever it stands."""
        group = self._group(device)
        if group is not None and device in self._waiting[group]:
            self._waiting[group].leave(device)
        else:
            super().leave(device)
            self.free_place(device)

    def free_place(self, device: int) -> None:
        """Give back a device's place in its cell or at its site; the group's first takes it, and is ready."""
        group = self._group(device)
        if group is None:
            return
        if self._waiting[group]:
            self._join_ready(self._waiting[group].take_first())
        else:
            self._held[group] -= 1

    def _join_ready(self, device: int) -> None:
        """Put a device at the tail of those that wait for dispatch alone."""
        super().join(device)
        self._accounts.of(device).enter(self._accounts.ready)

    def _group(self, device: int) -> PlaceGroup | None:
        """Return whom the device shares places with; None if it needs none."""
        spec, cell = self._spec, self._cell_of.get(device)
        if cell is not None:
            cohort = int(spec.cohort[device])
            level = coverage_level(spec, cohort, self._draws.of_device(device))
            places = int(spec.platform.cell_places[level])
            return PlaceGroup(places, cohort=cohort, cell=cell, level=level)
        site = int(spec.sites.of[device]) if self._places_at else -1
        if site < 0 or self._places_at[site] >= NEVER:
            return None
        return PlaceGroup(self._places_at[site], site=site)


def coverage_level(spec: FleetSpec, cohort: int, draws: list[float]) -> int:
    """Return a device's radio coverage level, 0 (good) to 2 (poor).

    Args:
        cohort: The device's cohort.
        draws: What is drawn once a device.
    """
    good, fair, _ = spec.cohorts.coverage_share[cohort].tolist()
    u = draws[D_COVERAGE]
    return 0 if u < good else 1 if u < good + fair else 2
