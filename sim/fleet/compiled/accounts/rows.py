"""The books of the compiled plane as arrays."""

from __future__ import annotations

import numpy as np

from sim.fleet.arrays import Int32s, Int64s
from sim.fleet.compiled.memory.state import State
from sim.fleet.compiled.memory.tables import HOLD_ORDER, Records
from sim.fleet.held_up import N_HOLDS


def ticks_of(rows: Records) -> Int64s:
    """Return rows of HELD as (rows, N_HOLDS) int64, columns in their order; the same memory."""
    ticks: Int64s = rows.view(np.ndarray).view(np.int64).reshape(len(rows), N_HOLDS)
    return ticks


def by_hold(ticks: Int64s) -> Int64s:
    """Return such rows with their columns by `Hold`."""
    columns: Int64s = np.take(ticks, np.argsort(HOLD_ORDER), axis=1)
    return columns


def kept_rows(st: State, devices: Int32s) -> Int64s:
    """Return the rows of `State.held_up` of those of some devices that have one of their own."""
    cuts = st.given.cuts
    rows: Int64s = devices[devices % cuts.kept_every == 0].astype(np.int64) // cuts.kept_every
    return rows + len(cuts.instant)
