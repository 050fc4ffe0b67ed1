"""Groups of devices of which only so many are upgraded at a time: radio cells, then sites that limit it.

A device belongs to one group at most. Decision: one kind of group, whose limit lies with it, instead of two
mechanisms: a device waits for its place, holds it and gives it back in the same way wherever it is.
"""

from __future__ import annotations

import numpy as np

from sim.fleet.compiled.memory.tables import CELL, Records, records
from sim.fleet.jit import kernel
from sim.fleet.spec import NEVER, FleetSpec, Int8s, Int16s, Int32s, Int64s, first_cells

_LEVELS = 3  # coverage levels of a radio cell, each a group of its own


def new_groups(spec: FleetSpec) -> Records:
    """Return the groups, (groups,) CELL, before anybody holds a place or waits for one."""
    n_cells = int(first_cells(spec)[-1])
    limits = spec.sites.at_a_time
    limits = limits[limits < NEVER]
    groups = records(n_cells * _LEVELS + len(limits), CELL)
    groups["head"] = groups["tail"] = -1
    groups["places"] = np.concatenate([np.tile(spec.platform.cell_places, n_cells), limits])
    return groups


def enter_groups(spec: FleetSpec, cell: Int32s, levels: Int8s) -> None:
    """Write each device's group.

    Args:
        spec: The fleet.
        cell: (n,) int32, all -1. Written; (0,) if there are no groups.
        levels: (n,) int8, radio coverage level of each device.
    """
    if not len(cell):
        return
    cells = first_cells(spec)
    if cells[-1]:
        rank = np.zeros(len(cells) - 1, np.int64)
        _enter_cells(spec.cohort, spec.cohorts.cell_devices, levels, cells[:-1], rank, cell)
    limited = spec.sites.at_a_time < NEVER
    if limited.any():
        number = np.where(limited, cells[-1] * _LEVELS + np.cumsum(limited) - 1, -1)
        at_site = np.flatnonzero(spec.sites.of >= 0)
        of = number[spec.sites.of[at_site]]
        cell[at_site[of >= 0]] = of[of >= 0]


@kernel
def _enter_cells(
    cohort: Int16s, cell_devices: Int32s, levels: Int8s, first_cell: Int64s, rank: Int64s, cell: Int32s
) -> None:
    """Write the group of each device in a radio cell.

    Args:
        cohort: (n,) int16, cohort of each device.
        cell_devices: (C,) int32, devices in a cell.
        levels: (n,) int8, coverage level of each device.
        first_cell: (C,) int64, number of each cohort's first cell.
        rank: (C,) int64 zeros; counts the devices of each cohort.
        cell: Written.
    """
    for device in range(len(cell)):
        c = np.int64(cohort[device])
        size = cell_devices[c]
        if size > 0:
            cell[device] = (first_cell[c] + rank[c] // size) * _LEVELS + levels[device]
            rank[c] += 1
