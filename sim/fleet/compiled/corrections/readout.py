"""The answer to where the time has gone, at any moment."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.fleet.arrays import Int32s, Int64s
from sim.fleet.compiled.accounts.rows import by_hold, ticks_of
from sim.fleet.compiled.corrections.take_back import find_corrections
from sim.fleet.compiled.downloads import received_so_far
from sim.fleet.compiled.memory.cold import call_cold
from sim.fleet.compiled.memory.state import IDLE, LIVE, LOADING, PAUSED, State
from sim.fleet.compiled.stages.transfers import book_transfer
from sim.fleet.held_up import HeldUp, kept_devices
from sim.fleet.jit import kernel, natural
from sim.fleet.spec import FleetSpec, Int16s


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
def _add_up(cohort: Int16s, devices: Int32s, by_device: Int64s, by_cohort: Int64s) -> None:
    """Add to the sums by cohort what some devices went through."""
    for k in range(len(devices)):
        c = cohort[devices[k]]
        for hold in range(by_cohort.shape[1]):
            by_cohort[c, hold] += by_device[k, hold]


def settle(spec: FleetSpec, st: State) -> None:
    """Let the books say what has come about up to now, of a run that will not go on."""
    if st.counts[LIVE].any():
        find_corrections(st)
        _book_present(spec, st)


def held_up(spec: FleetSpec, st: State, *, is_settled: bool) -> HeldUp:
    """Return where the time up to now has gone.

    Args:
        spec: The fleet.
        st: Not changed: what is booked, and looked at, to find out is taken back.
        is_settled: Whether `settle` has been called.
    """
    names = [] if is_settled else ["held_up", "breaks", "places"]
    changed: dict[str, Any] = {name: getattr(st, name).copy() for name in names}
    if not is_settled:
        settle(spec, st)
    ticks = by_hold(ticks_of(st.held_up))
    for name, before in changed.items():
        getattr(st, name)[:] = before
    devices = kept_devices(len(spec.cohort))
    by_cohort, by_device = np.split(ticks, [len(spec.cohorts.protocol)])
    _add_up(spec.cohort, devices, by_device, by_cohort)
    return HeldUp(by_cohort=by_cohort, devices=devices, by_device=by_device)
