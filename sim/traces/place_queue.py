"""When each subtask got its place in its cell or at its site: first come, first served, played again."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.errors import ModelError
from sim.fleet.reference.draws import Draws
from sim.fleet.reference.queues import coverage_level
from sim.fleet.spec import NEVER
from sim.traces.steps import Doing

if TYPE_CHECKING:
    from sim.fleet.spec import FleetSpec, Int64s
    from sim.traces.history import Visit


class Mates(NamedTuple):
    """Who shares upgrade places with a device.

    Attributes:
        devices: Device indices, itself included, ascending; only itself if it needs no place.
        places: How many of them are upgraded at a time.
        wait: What a wait for a place is.
        level: Radio coverage level, -1 if the device is in no cell.
    """

    devices: list[int]
    places: int
    wait: Doing
    level: int = -1

    @property
    def note(self) -> str:
        """How many places there are, in words."""
        where = f" at coverage level {self.level}" if self.level >= 0 else ""
        return f"{self.places:,} at a time{where}"


def mates_of(spec: FleetSpec, device: int) -> Mates:
    """Return who shares upgrade places with a device."""
    cohort = int(spec.cohort[device])
    size = int(spec.cohorts.cell_devices[cohort])
    if size == 0:
        return _mates_at_site(spec, device)
    members = np.flatnonzero(spec.cohort == cohort)
    first = int(np.searchsorted(members, device)) // size * size
    draws = Draws(spec)
    levels = {
        mate: coverage_level(spec, cohort, draws.of_device(mate))
        for mate in members[first : first + size].tolist()
    }
    own = levels[device]
    mates = [mate for mate, level in levels.items() if level == own]
    return Mates(mates, int(spec.platform.cell_places[own]), Doing.CELL, own)


def _mates_at_site(spec: FleetSpec, device: int) -> Mates:
    """Return who shares the upgrade places of a site with a device that is in no cell."""
    sites = spec.sites
    site = int(sites.of[device]) if len(sites.of) else -1
    if site < 0 or sites.at_a_time[site] >= NEVER:
        return Mates([device], NEVER, Doing.SITE)
    return Mates(np.flatnonzero(sites.of == site).tolist(), int(sites.at_a_time[site]), Doing.SITE)


def mates_at_most(spec: FleetSpec, devices: Int64s) -> Int64s:
    """Return with how many each of some devices shares upgrade places, at most; 0 if it needs none.

    Args:
        spec: The fleet.
        devices: (k,) device indices.

    Returns:
        (k,) int64.
    """
    found = spec.cohorts.cell_devices[spec.cohort[devices]].astype(np.int64)
    sites = spec.sites
    if len(sites.of):
        sizes = np.bincount(sites.of[sites.of >= 0], minlength=len(sites.at_a_time))
        at = np.maximum(sites.of[devices], 0)
        waits = (found == 0) & (sites.of[devices] >= 0) & (sites.at_a_time[at] < NEVER)
        found = np.where(waits, sizes[at], found)
    return found


def place_ticks(visits: Iterable[Visit], places: int) -> dict[Visit, int]:
    """Return when each visit got a place.

    At one tick all arrivals stand in the queue before a place is given away: whatever the order of
    arrivals and departures within a tick, the same ones have a place when it is over.

    Args:
        visits: Of all who share the places, each once.
        places: How many places they share, >= 1.

    Returns:
        Ticks by visit, without those that never got one.

    Raises:
        ModelError: An attempt began without a place.
    """
    arrivals: defaultdict[int, list[Visit]] = defaultdict(list)
    departures: defaultdict[int, list[Visit]] = defaultdict(list)
    for visit in sorted(visits):
        arrivals[visit.joined.tick].append(visit)
        departures[visit.left].append(visit)
    waiting: OrderedDict[Visit, None] = OrderedDict()
    holding: set[Visit] = set()
    got: dict[Visit, int] = {}
    for tick in sorted(arrivals.keys() | departures.keys() - {NEVER}):
        waiting.update(dict.fromkeys(arrivals[tick]))
        leaving = departures[tick]
        while True:
            while waiting and len(holding) < places:
                visit, _ = waiting.popitem(last=False)
                holding.add(visit)
                got[visit] = tick
            gone = [visit for visit in leaving if visit in holding]
            if not gone:
                break
            holding.difference_update(gone)
            leaving = [visit for visit in leaving if visit not in gone]
        for visit in leaving:  # they gave up waiting
            del waiting[visit]
    for visit in got.keys() | waiting.keys():
        if got.get(visit, NEVER) > visit.dispatched:
            who = f"device {visit.joined.device}"
            raise ModelError(f"{who} was dispatched without a place in its cell or at its site")
    return got
