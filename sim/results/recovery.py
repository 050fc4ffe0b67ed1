"""The recovery curve: how devices whose first attempt failed come back, by time since that failure.

Recovered devices and those that are given up on compete: a device that ended in Fail or Stopped will
not recover later, so counting it as censored (Kaplan-Meier) would promise too much. Devices that are
still pending when the run ends are censored: nobody knows yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.fleet.spec import TICKS_PER_S
from sim.rules import SubtaskState

if TYPE_CHECKING:
    from sim.fleet.protocol import TargetRecords
    from sim.fleet.spec import Bools, Floats, Int8s, Int64s

CENSORED = 0
RECOVERED = 1
COMPETING = 2


class RecoveryCurve(NamedTuple):
    """Two cumulative incidence functions, as steps: a row holds from its time to the next row's.

    The first row is at time 0. There is no row at all if no first attempt failed.

    Attributes:
        tick: (K,) int64, time since the first failure, strictly ascending.
        recovered: (K,) float64, 0..1, share that has reached Success.
        competing: (K,) float64, 0..1, share that has ended in Fail or Stopped for good.
        at_risk: (K,) int64, devices that were neither, nor censored, just before the time.
    """

    tick: Int64s
    recovered: Floats
    competing: Floats
    at_risk: Int64s

    def at(self, values: Floats, time_s: Floats) -> Floats:
        """Return one of the functions at given times; 0 before the first row.

        Args:
            values: `recovered` or `competing`.
            time_s: (G,) float64, seconds since the first failure.
        """
        row = np.searchsorted(self.tick, np.rint(time_s * TICKS_PER_S), side="right") - 1
        return np.where(row < 0, 0.0, values[row])


def aalen_johansen(tick: Int64s, outcome: Int8s) -> RecoveryCurve:
    """Return the cumulative incidence of two competing outcomes under censoring.

    Events of one tick happen at once, before the censorings of that tick.

    Args:
        tick: (n,) int64, time of each device's outcome, >= 0. Read only.
        outcome: (n,) int8, `CENSORED`, `RECOVERED` or `COMPETING`. Read only.

    Returns:
        Rows at 0 and at every tick with an event.

    Source:
        Aalen and Johansen, "An empirical transition matrix for non-homogeneous Markov chains based on
        censored observations", Scand. J. Statist. 5 (1978): increments S(t-) d_k / n at each time.
    """
    n = len(tick)
    if n == 0:
        return RecoveryCurve(np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty(0, np.int64))
    key = np.sort(tick * 4 + outcome)  # one sort of integers instead of an argsort and two gathers
    at = key >> 2
    first = np.flatnonzero(np.diff(at, prepend=np.int64(-1)))
    kind = key & 3
    recovered = np.add.reduceat((kind == RECOVERED).astype(np.int64), first)
    competing = np.add.reduceat((kind == COMPETING).astype(np.int64), first)
    at_risk = n - first
    left = np.cumprod(1.0 - (recovered + competing) / at_risk)
    before = np.concatenate([[1.0], left[:-1]])
    at = at[first]
    rows = (recovered + competing > 0) | (at == 0)
    start = [] if at[0] == 0 else [0]
    return RecoveryCurve(
        np.concatenate([start, at[rows]]).astype(np.int64),
        np.concatenate([start, np.cumsum(before * recovered / at_risk)[rows]]),
        np.concatenate([start, np.cumsum(before * competing / at_risk)[rows]]),
        np.concatenate([[n] * len(start), at_risk[rows]]).astype(np.int64),
    )


def recovery_curve(records: TargetRecords, end_tick: int, among: Bools | None = None) -> RecoveryCurve:
    """Return the recovery curve of one run, or of a part of its fleet.

    Args:
        records: What became of each device. Read only.
        end_tick: When the run ended: pending devices are censored then.
        among: (n,) bool, which devices; None for all. Read only.
    """
    needed = records.first_failure >= 0
    members = np.flatnonzero(needed if among is None else needed & among)
    status = records.status[members]
    outcome = np.full(len(members), CENSORED, np.int8)
    outcome[status == SubtaskState.SUCCESS] = RECOVERED
    outcome[(status == SubtaskState.FAIL) | (status == SubtaskState.STOPPED)] = COMPETING
    end = np.where(outcome == CENSORED, end_tick, records.end[members])
    return aalen_johansen(np.maximum(end - records.first_failure[members], 0), outcome)


def thinned(curve: RecoveryCurve, rows: int = 2_000) -> RecoveryCurve:
    """Leave out steps that no figure could show; the rows that stay are exact.

    A row stays if since the last one kept the time, a share or the logarithm of the time has crossed
    a line of a grid of `rows` lines.

    Args:
        curve: Any curve.
        rows: Lines of the grid, > 0. At most about four times as many rows stay.
    """
    if len(curve.tick) <= rows:
        return curve
    late = np.log1p(curve.tick / 1e6)
    crossed = np.zeros(len(curve.tick), np.bool_)
    for values in (curve.tick, late, curve.recovered, curve.competing):
        top = float(values[-1])
        if top > 0:
            crossed |= np.diff(np.floor(values / top * rows), prepend=-1.0) > 0
    crossed[-1] = True
    return RecoveryCurve(
        curve.tick[crossed], curve.recovered[crossed], curve.competing[crossed], curve.at_risk[crossed]
    )
