"""The books of the compiled plane as arrays."""

from __future__ import annotations

import numpy as np

from sim.fleet.arrays import Int32s, Int64s
from sim.fleet.compiled.memory.shortcuts import SUMMED_BITS
from sim.fleet.compiled.memory.state import State
from sim.fleet.compiled.memory.tables import Records
from sim.fleet.held_up import N_HOLDS


def ticks_of(rows: Records) -> Int64s:
    """Return rows of HELD as (rows, N_HOLDS) int64, columns in their order; the same memory."""
    ticks: Int64s = rows.view(np.ndarray).view(np.int64).reshape(len(rows), N_HOLDS)
    return ticks


def kept_rows(st: State, devices: Int32s) -> Int64s:
    """Return the rows of `State.held_up` of those of some devices that have one of their own."""
    cuts = st.given.cuts
    rows: Int64s = devices[devices % cuts.kept_every == 0].astype(np.int64) // cuts.kept_every
    return rows + cuts.kept_from


def summed_rows(st: State) -> tuple[Int64s, Int32s]:
    """Return the rows of `State.held_up` that hold sums, and the first device of each."""
    cohort = st.given.spec.cohort
    cohorts = np.arange(len(st.flows))
    first = np.searchsorted(cohort, cohorts)
    first = first[first < len(cohort)]
    first = first[cohort[first] == cohorts[: len(first)]]  # others have no devices
    if len(cohort) > 1 << SUMMED_BITS:
        first = np.union1d(first, np.arange(0, len(cohort), 1 << SUMMED_BITS))
    first = first.astype(np.int32)
    return cohort[first] + (first >> SUMMED_BITS).astype(np.int64), first
