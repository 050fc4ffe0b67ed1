"""What the event loop itself does about lines; the rest is called by its address (`moves`)."""

from __future__ import annotations

from typing import Final

import numpy as np

from sim.fleet.compiled.downloads import leave_place
from sim.fleet.compiled.memory.cold import call_cold
from sim.fleet.compiled.memory.prefetch import fetch_row
from sim.fleet.compiled.memory.state import State
from sim.fleet.compiled.memory.tree import DEVICE_BITS
from sim.fleet.jit import inlined, natural

_DEVICE: Final = (1 << DEVICE_BITS) - 1


@inlined
def end_first_on_lines(st: State) -> tuple[int, int, int]:
    """Give back the place and the bandwidth of the download that is over first on a tree of lines.

    Returns:
        (device, its cohort, ticks that what follows will take).
    """
    taken = call_cold(st.given.take, st, np.int64(0), np.int64(0), np.int64(0))
    device, c = natural(taken & _DEVICE), natural(taken >> DEVICE_BITS)
    rest = st.work[device].flow_end
    leave_place(st, device, c)
    return device, c, rest


@inlined
def fetch_line(st: State, device: int) -> None:
    """Ask for the line that a device's download will be on."""
    line = natural(np.int64(st.line[device]))
    fetch_row(st.tree.lines[line])
    if len(st.tree.clocks) > 0:
        fetch_row(st.tree.clocks[line])
