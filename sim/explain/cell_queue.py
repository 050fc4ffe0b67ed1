"""When each subtask got its place in its radio cell: first come, first served, played again."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.errors import ModelError
from sim.fleet.reference.draws import Draws
from sim.fleet.reference.queues import coverage_level
from sim.fleet.spec import NEVER

if TYPE_CHECKING:
    from sim.explain.history import Visit
    from sim.fleet.spec import FleetSpec

NO_LEVEL: Final = -1


def cell_mates(spec: FleetSpec, device: int) -> tuple[list[int], int]:
    """Return who shares upgrade places with a device, itself included, and their coverage level.

    Returns:
        Device indices, ascending; empty, with `NO_LEVEL`, if the device is in no radio cell.
    """
    cohort = int(spec.cohort[device])
    size = int(spec.cohorts.cell_devices[cohort])
    if size == 0:
        return [], NO_LEVEL
    members = np.flatnonzero(spec.cohort == cohort)
    first = int(np.searchsorted(members, device)) // size * size
    draws = Draws(spec)
    levels = {
        mate: coverage_level(spec, cohort, draws.of_device(mate))
        for mate in members[first : first + size].tolist()
    }
    return [mate for mate, level in levels.items() if level == levels[device]], levels[device]


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
            raise ModelError(f"device {visit.joined.device} was dispatched without a place in its cell")
    return got
