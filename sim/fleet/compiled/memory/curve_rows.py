"""The curve's rows: one a grid tick, written as time passes; Python sees to it that there is room."""

from __future__ import annotations

from typing import Final

import numpy as np

from sim.fleet.compiled.memory.growth import make_room
from sim.fleet.compiled.memory.state import State
from sim.fleet.jit import inlined, kernel

_MOST_AT_ONCE: Final = 65_536


@inlined
def row_from(tick: int, resolution: int) -> np.int64:
    """Return the first row at or after `tick`; unsigned division is the faster one."""
    return np.int64((np.uint64(tick) + np.uint64(resolution) - np.uint64(1)) // np.uint64(resolution))


@inlined
def write_rows(st: State, resolution: int, before: int) -> None:
    """Write the rows for grid ticks before `before`: nothing changes until then.

    Writes: grid.downloads, grid.load, grid.status, reg.grid_n, reg.grid_tick.
    """
    row = st.reg.grid_n
    while row * resolution < before:
        entry = st.grid[row]
        for s in range(len(st.counts)):
            entry.status[s] = st.counts[s]
        entry.downloads = st.reg.downloads
        entry.load = st.reg.load
        row += 1
    st.reg.grid_n = row
    st.reg.grid_tick = row * resolution


@kernel
def _write_due(st: State, resolution: int) -> None:
    """Write the rows for grid ticks before now."""
    write_rows(st, resolution, st.reg.now)


def catch_up(st: State, resolution: int, until_ticks: int = 0) -> int:
    """Make room for rows up to a tick, within reason, and write those that are due.

    Args:
        st: Mutated.
        resolution: Ticks between rows.
        until_ticks: Tick.

    Returns:
        The last tick that there is room for.
    """
    now = int(st.reg.now)
    written = now // resolution + 3
    wanted = min(until_ticks // resolution + 3, 2 * written + _MOST_AT_ONCE)
    if max(written, wanted) > len(st.grid):
        make_room(st, grid=max(written, wanted))
    if now > st.reg.grid_tick:
        _write_due(st, resolution)
    return (len(st.grid) - 2) * resolution
