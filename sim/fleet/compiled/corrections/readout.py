"""The answer to where the time has gone, at any moment."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sim.fleet.arrays import Int32s, Int64s
from sim.fleet.compiled.accounts.rows import summed_rows, ticks_of
from sim.fleet.compiled.corrections.take_back import find_corrections
from sim.fleet.compiled.downloads import received_so_far
from sim.fleet.compiled.memory.cold import call_cold
from sim.fleet.compiled.memory.state import IDLE, LIVE, LOADING, PAUSED, State
from sim.fleet.compiled.memory.tables import HOLD_ORDER
from sim.fleet.compiled.stages.transfers import book_transfer
from sim.fleet.held_up import N_HOLDS, SUM_BITS, HeldUp, kept_devices, whole_numbers
from sim.fleet.jit import kernel, natural
from sim.fleet.spec import FleetSpec, Int16s

_LOWER: Final = (1 << SUM_BITS) - 1


@kernel
def _book_present(spec: FleetSpec, st: State) -> None:
    """Book all that is under way as if it was over now."""
    for device in range(len(st.work)):
        phase = st.work[device].phase
        if phase != IDLE:
            call_cold(st.given.until_now, st, np.int64(device), np.int64(0), np.int64(0))
        if LOADING <= phase <= PAUSED:
            c = natural(spec.cohort[device])
            book_transfer(st, np.int64(device), c, received_so_far(st, natural(device), c))


@kernel
def _add_up(
    cohort: Int16s, devices: Int32s, rows: Int64s, columns: Int64s, row: Int64s, sums: Int64s
) -> None:
    """Lay rows of the books out by `Hold` where they are, and add them up by cohort.

    Args:
        cohort: (n,) int16 of all devices.
        devices: (K,) int32, the device of each row, or any of its cohort.
        rows: (K, N_HOLDS) int64, mutated.
        columns: (N_HOLDS,) int64, where the rows have each `Hold`.
        row: (N_HOLDS,) int64, room for one.
        sums: (2, C, N_HOLDS) int64, that of `held_up.whole_numbers`; added to.
    """
    for k in range(len(devices)):
        c = natural(cohort[natural(devices[k])])
        for hold in range(N_HOLDS):
            ticks = rows[k, natural(columns[hold])]
            row[hold] = ticks
            sums[0, c, hold] += ticks >> SUM_BITS
            sums[1, c, hold] += ticks & _LOWER
        for hold in range(N_HOLDS):
            rows[k, hold] = row[hold]


def settle(spec: FleetSpec, st: State) -> HeldUp:
    """Return where the time up to now has gone, of a run that will not go on: its books become the answer."""
    if st.counts[LIVE].any():
        find_corrections(st)
        _book_present(spec, st)
    ticks, devices = ticks_of(st.held_up), kept_devices(len(spec.cohort))
    sums = np.zeros((2, len(st.flows), N_HOLDS), np.int64)
    columns, room = np.argsort(HOLD_ORDER), np.zeros(N_HOLDS, np.int64)
    rows, first = summed_rows(st)
    _add_up(spec.cohort, first, ticks[rows], columns, room, sums)
    by_device = ticks[st.given.cuts.kept_from :]
    _add_up(spec.cohort, devices, by_device, columns, room, sums)
    return HeldUp(by_cohort=whole_numbers(sums), devices=devices, by_device=by_device)


def held_up(spec: FleetSpec, st: State) -> HeldUp:
    """Return where the time up to now has gone.

    Args:
        spec: The fleet.
        st: Not changed: what is booked, and looked at, to find out is taken back.
    """
    changed: dict[str, Any] = {name: getattr(st, name).copy() for name in ("held_up", "breaks", "places")}
    answer = settle(spec, st)
    answer = answer._replace(by_device=answer.by_device.copy())
    for name, before in changed.items():
        getattr(st, name)[:] = before
    return answer
