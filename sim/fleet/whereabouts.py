"""Where devices are and what time it is there: outages, the calendar, and sites that share a line.

Tables of `sim.fleet.spec`, by its conventions: times are ticks, `c` is a cohort.
"""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np

from sim.fleet.arrays import Bools, Floats, Int8s, Int16s, Int32s, Int64s
from sim.fleet.table import Table

# Values of `OutageTable.epoch_held`.
HELD_BY_NOTHING: Final = 0
HELD_BY_WINDOW: Final = 1
HELD_BY_OUTAGE: Final = 2


class OutageTable(Table):
    """What goes wrong outside, laid out by cohort. Intervals are half-open, in ticks.

    Attributes:
        away_lo: (C + 1,) int32, rows of cohort c are away_lo[c]..away_lo[c + 1].
        away_from: (A,) int64, start of an unreachable interval; disjoint and ascending in a cohort.
        away_to: (A,) int64, its end.
        risk_lo: (C + 1,) int32, rows of added failure probability.
        risk_from: (K,) int64.
        risk_to: (K,) int64.
        risk_p: (K,) float64, probability that a download begun in the interval fails, 0..1.
        risk_reason: (K,) int16, result code, 0 when silent.
        risk_silent: (K,) bool.
        epoch_tick: (E,) int64, ascending from 0: when a rate of the network changes.
        epoch_bandwidth: (E,) float64, platform egress, bytes/s, inf when unlimited.
        epoch_cap: (E, C) float64, what one download of the cohort can take, bytes/s; 0 while paused.
        epoch_held: (E, C) int8, why no bytes flow to the cohort then: `HELD_*`.
        freeze_from: (F,) int64, start of an interval in which nothing is dispatched; disjoint and ascending.
        freeze_to: (F,) int64, its end.
    """

    away_lo: Int32s
    away_from: Int64s
    away_to: Int64s
    risk_lo: Int32s
    risk_from: Int64s
    risk_to: Int64s
    risk_p: Floats
    risk_reason: Int16s
    risk_silent: Bools
    epoch_tick: Int64s
    epoch_bandwidth: Floats
    epoch_cap: Annotated[Floats, 2]
    epoch_held: Annotated[Int8s, 2]
    freeze_from: Int64s
    freeze_to: Int64s


class WindowTable(Table):
    """When devices may be contacted and when they may begin to install, laid out by cohort.

    Intervals are half-open, in ticks, disjoint and ascending in a cohort. Without a row a cohort is always
    open; with rows it is closed outside of them, so after the last one for ever.

    Attributes:
        contact_lo: (C + 1,) int32, rows of cohort c are contact_lo[c]..contact_lo[c + 1].
        contact_from: (W,) int64, when a window opens.
        contact_to: (W,) int64, when it closes.
        install_lo: (C + 1,) int32, likewise for the beginning of install.
        install_from: (V,) int64.
        install_to: (V,) int64.
    """

    contact_lo: Int32s
    contact_from: Int64s
    contact_to: Int64s
    install_lo: Int32s
    install_from: Int64s
    install_to: Int64s


class SiteTable(Table):
    """Sites: devices at one share its line to the platform, and perhaps places for upgrades.

    Attributes:
        of: (n,) int32, site of each device, -1 for none; (0,) when no device is at a site.
        uplink: (S,) float64, bytes/s of all downloads of the site together, > 0; inf when unlimited.
        at_a_time: (S,) int64, devices of the site that are upgraded at once, >= 1; NEVER when unlimited.
            A device holds its place from joining the ready queue to the end of the attempt.
    """

    of: Int32s
    uplink: Floats
    at_a_time: Int64s


def no_windows(n_cohorts: int) -> WindowTable:
    """Return the table of cohorts that are always open."""
    lo, none = np.zeros(n_cohorts + 1, np.int32), np.zeros(0, np.int64)
    return WindowTable(
        contact_lo=lo, contact_from=none, contact_to=none, install_lo=lo, install_from=none, install_to=none
    )


def no_sites() -> SiteTable:
    """Return the table of a fleet without sites."""
    return SiteTable(of=np.zeros(0, np.int32), uplink=np.zeros(0), at_a_time=np.zeros(0, np.int64))
