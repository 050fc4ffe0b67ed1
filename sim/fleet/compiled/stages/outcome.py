"""What comes of one stage: what breaks it, and after how long."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from sim.fleet.compiled.memory.shortcuts import Shortcuts
from sim.fleet.compiled.memory.state import State
from sim.fleet.jit import called, inlined
from sim.fleet.model.draws import uniform
from sim.fleet.model.purposes import P_BREAK, P_FRACTION, STAGE_PURPOSES
from sim.fleet.model.sampling import NO_CAUSE, choose_cause, duration_ticks, fraction_ticks, ticks_of
from sim.fleet.spec import LEAVES_OLD, NEVER, FleetSpec, Floats
from sim.rules.stages import Stage

SILENT: Final = -1
"""Verdict of a device that never reports; others are 0 for success, else a `sim.rules.Reason`."""

# What a failure after the download does to the device, `Plan.does`: `LEAVES_*`, or this one.
SPOILS: Final = 3  # what it holds of the package is thrown away

_VERIFY: Final = int(Stage.VERIFY)
_TIMES: Final = tuple(STAGE_PURPOSES[stage].time or 0 for stage in Stage)


@inlined
def note_strike(st: State, device: int, does: int, tick: int) -> None:
    """Write down what the failure of a device's present attempt does to it, and when; NEVER if not yet known.

    Writes: struck.does, struck.tick.
    """
    if len(st.struck) > 0:
        st.struck[device].tick = tick
        st.struck[device].does = does


@inlined
def cause_of(spec: FleetSpec, cuts: Shortcuts, c: int, s: int, mark: int, lift: float, u: float) -> int:
    """Return the cause row that breaks stage s: the device's permanent mark there, else a drawn one."""
    lo = np.int64(spec.causes.lo[c, s])
    hi = np.int64(spec.causes.hi[c, s])
    if lo <= mark < hi:
        return mark
    return choose_cause(spec.causes, lo, hi, cuts.p_total[c, s], lift, u)


@inlined
def verdict_of(spec: FleetSpec, row: int) -> int:
    """Return what comes of a cause: SILENT, or the device's reason; 0 without a cause."""
    if row == NO_CAUSE:
        return np.int64(0)
    return SILENT if spec.causes.silent[row] else np.int64(spec.causes.reason[row])


@inlined
def does_of(spec: FleetSpec, s: int, row: int) -> int:
    """Return what a cause of a stage after the download does to the device."""
    if row == NO_CAUSE:
        return np.int64(LEAVES_OLD)
    return np.int64(SPOILS) if s == _VERIFY else np.int64(spec.causes.leaves[row])


@called
def first_breaks(
    per_bytes: Floats,
    rate: Floats,
    rows: tuple[int, int, int],
    attempt: tuple[np.uint64, np.uint64, int, int],
    wanted: int,
) -> tuple[int, int, int, int]:
    """Draw when a stage breaks by time, and when by bytes if it is the download.

    Args:
        per_bytes: That of the causes.
        rate: That of the causes.
        rows: First row of the stage's causes, one past the last, first row of the cohort's causes.
        attempt: Both words of the key, device, number that the attempt's draws go by.
        wanted: Bytes after which it is over otherwise.

    Returns:
        Bytes after which it is over, and the row that breaks it there; ticks of work, or of flow, after which
        it breaks, and that row. Without a break of a kind the row is NO_CAUSE, and the ticks are NEVER.
    """
    lo, hi, first = rows
    seed, replication, device, number = attempt
    by_bytes = by_time = np.int64(NO_CAUSE)
    ticks = np.int64(NEVER)
    for row in range(lo, hi):
        if rate[row] <= 0.0 and per_bytes[row] <= 0.0:
            continue
        u = uniform(seed, replication, device, number, P_BREAK + row - first)
        if rate[row] > 0.0:
            drawn = ticks_of(-math.log(u) / rate[row])
            if drawn < ticks:
                ticks, by_time = drawn, np.int64(row)
        else:
            # Compared before it becomes an integer, which would overflow.
            received = np.floor(-per_bytes[row] * math.log(u))
            if received < wanted:
                wanted, by_bytes = np.int64(received), np.int64(row)
    return wanted, by_bytes, ticks, by_time


@inlined
def outcome(
    spec: FleetSpec, cuts: Shortcuts, c: int, s: int, device: int, number: int, ticks: int, row: int
) -> tuple[int, int]:
    """Tell how long a stage goes on that would take so many ticks, and by which cause it ends then.

    Args:
        c: Cohort.
        s: Stage.
        device: Device index.
        number: Number that the attempt's draws go by.
        ticks: What it would take.
        row: The cause that breaks it at a part of its work, or NO_CAUSE.

    Returns:
        (ticks, row), `NO_CAUSE` when it is done.
    """
    seed, replication = spec.platform.seed, spec.platform.replication
    if row != NO_CAUSE:
        ticks = fraction_ticks(uniform(seed, replication, device, number, P_FRACTION), ticks)
    if cuts.has_break[c, s]:
        causes = spec.causes
        rows = causes.lo[c, s], causes.hi[c, s], causes.lo[c, 0]
        attempt = seed, replication, device, number
        _, _, after, by = first_breaks(causes.per_bytes, causes.rate, rows, attempt, np.int64(0))
        if after < ticks:
            ticks, row = after, by
    return ticks, row


@called
def struck(
    spec: FleetSpec, cuts: Shortcuts, c: int, s: int, device: int, number: int, row: int
) -> tuple[int, int]:
    """Tell how long a stage goes on that begins in a condition, and by which cause it ends then.

    Args:
        c: Cohort.
        s: Stage.
        device: Device index.
        number: Number that the attempt's draws go by.
        row: The condition.

    Returns:
        (ticks, row).
    """
    u = uniform(spec.platform.seed, spec.platform.replication, device, number, _TIMES[s])
    ticks = np.int64(duration_ticks(spec.cohorts, c, s, u))
    return outcome(spec, cuts, c, s, device, number, ticks, np.int64(row))
