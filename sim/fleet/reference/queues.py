"""The readable plane's queues: first come, first served, and leaving from the middle costs nothing."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from types import TracebackType
from typing import NamedTuple

import numpy as np
import simpy

from sim.fleet.model.sampling import coverage_level
from sim.fleet.reference.clock import Clock
from sim.fleet.spec import FleetSpec


class Line:
    """A queue of devices, each at most once."""

    def __init__(self) -> None:
        """Begin empty."""
        self._devices: OrderedDict[int, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._devices)

    def __contains__(self, device: int) -> bool:
        return device in self._devices

    def join(self, device: int) -> None:
        """Put a device at the tail."""
        self._devices[device] = None

    def leave(self, device: int) -> None:
        """Take a device out, wherever it stands."""
        del self._devices[device]

    def pop(self) -> int:
        """Take out the first."""
        return self._devices.popitem(last=False)[0]


class PlaceRequest(simpy.Event):
    """One device's claim on a download place; happens when the place is its own.

    Use it as a context manager: at the end of the block the place is given back, or the queue is left.
    """

    def __init__(self, places: DownloadPlaces, device: int) -> None:
        """Make the claim.

        Args:
            places: Whose places.
            device: Who asks.
        """
        super().__init__(places.clock)
        self._places = places
        self._device = device

    def __enter__(self) -> PlaceRequest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
        self._waiting: OrderedDict[int, PlaceRequest] = OrderedDict()

    def request(self, device: int) -> PlaceRequest:
        """Return a claim that has a place already, or stands at the tail of the queue."""
        request = PlaceRequest(self, device)
        if self._free > 0:
            self._free -= 1
            request.succeed()
        else:
            self._waiting[device] = request
        return request

    def drop(self, device: int) -> None:
        """End a device's claim; its place, if it had one, goes to the first that waits."""
        if device in self._waiting:
            del self._waiting[device]
        elif self._waiting:
            _, first = self._waiting.popitem(last=False)
            first.succeed()
        else:
            self._free += 1


class CellGroup(NamedTuple):
    """Devices that share the upgrade places of one radio cell: those of one coverage level."""

    cohort: int
    cell: int
    level: int


class ReadyQueue:
    """Subtasks ready for dispatch, behind the queues of their radio cells.

    A device in a cell holds one of its group's places from joining the ready queue to the end of the
    attempt; without a free one it waits in the group's own queue.

    Source:
        Design M7, `cell`.
    """

    def __init__(self, spec: FleetSpec) -> None:
        """Begin with empty queues."""
        self._spec = spec
        self._ready = Line()
        self._waiting: defaultdict[CellGroup, Line] = defaultdict(Line)
        self._held: defaultdict[CellGroup, int] = defaultdict(int)
        self._cell = np.full(len(spec.cohort), -1, np.int64)
        for c, devices_per_cell in enumerate(spec.cohorts.cell_devices):
            members = np.flatnonzero(spec.cohort == c)
            if devices_per_cell > 0:
                self._cell[members] = np.arange(len(members)) // devices_per_cell

    def __len__(self) -> int:
        """Return how many could be dispatched now, as far as their cells go."""
        return len(self._ready)

    def pop(self) -> int:
        """Take the first ready device out; it keeps its cell's place."""
        return self._ready.pop()

    def join(self, device: int) -> None:
        """Queue a device: for its cell's place, if it needs one and none is free, else as ready."""
        group = self._group(device)
        if group is not None:
            if self._held[group] >= self._spec.platform.cell_places[group.level]:
                self._waiting[group].join(device)
                return
            self._held[group] += 1
        self._ready.join(device)

    def leave(self, device: int) -> None:
        """Take a queued device out, wherever it stands."""
        group = self._group(device)
        if group is not None and device in self._waiting[group]:
            self._waiting[group].leave(device)
        else:
            self._ready.leave(device)
            self.free_cell(device)

    def free_cell(self, device: int) -> None:
        """Give back a device's place in its cell; the group's first takes it and becomes ready."""
        group = self._group(device)
        if group is None:
            return
        if len(self._waiting[group]) > 0:
            self._ready.join(self._waiting[group].pop())
        else:
            self._held[group] -= 1

    def _group(self, device: int) -> CellGroup | None:
        """Return whom the device shares places with; None if it is in no cell."""
        if self._cell[device] < 0:
            return None
        cohort = int(self._spec.cohort[device])
        return CellGroup(cohort, int(self._cell[device]), int(coverage_level(self._spec, device, cohort)))
