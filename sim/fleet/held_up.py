"""Where a device's time goes: every microsecond from its release to its end is one of these."""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.fleet.arrays import Int16s, Int32s, Int64s


class Hold(IntEnum):
    """What a device is doing, or waits for; the columns of `HeldUp`."""

    READY_QUEUE = 0
    """`Waitting`: nothing is missing but a place in Processing, or its turn at the dispatch rate."""
    PLACE_QUEUE = 1
    """`Waitting` for a place in its radio cell or at its site."""
    OFFLINE = 2
    """Its link is down, before the contact or while bytes should flow."""
    WINDOW = 3
    """Its window is closed, for contact, download or install."""
    OUTAGE = 4
    """An outage holds it, or a freeze the dispatch."""
    QUERY = 5
    COVERAGE = 6
    DOWNLOAD_PLACE = 7
    """Waits for a download place."""
    DOWNLOAD = 8
    """Bytes flow: the time they need at its own link's rate."""
    SHARED_LINK = 9
    """Bytes flow: what they need more, since others share the line."""
    VERIFY = 10
    INSTALL = 11
    REBOOT = 12
    TIMER = 13
    """Silent: nothing happens until a timer of the platform runs out."""
    RETRY_WAIT = 14
    """`FailWaitRetry`."""
    CALL_WAIT = 15
    """Fail or Stopped, until a call retries it."""


N_HOLDS = len(Hold)

MOST_KEPT: Final = 32_768
"""Most devices whose time is known one by one."""

_FEW: Final = 6_144
"""So many are known one by one in any fleet that has them. Their rows, of two cache lines each, have room
beside all else near the processor; those of all of 24,000 devices don't: a tenth of the time of their run."""

_DEVICES_A_ROW: Final = 16
"""In a large fleet one of so many at most has a row: 8 bytes a device."""

SUM_BITS: Final = 32
"""Sums of ticks are kept in two words, so many bits in the lower: one is too short for a month's waits of 3.5
million devices."""


WholeNumbers = NDArray[Any]
"""Of any size: int64 or object."""


class HeldUp(NamedTuple):
    """Where the time of a fleet has gone.

    Attributes:
        by_cohort: (C, N_HOLDS) ticks of all devices of each cohort; int64, or Python's whole numbers if the
            sum of all of them does not fit into one word.
        devices: (K,) int32, devices whose time is known one by one, ascending: all, or some of a large fleet.
        by_device: (K, N_HOLDS) int64 ticks of each of those.
    """

    by_cohort: WholeNumbers
    devices: Int32s
    by_device: Int64s


def most_kept(n: int) -> int:
    """Return how many of the n devices of a fleet are known one by one at most, 6,144 to `MOST_KEPT`."""
    return min(max(_FEW, n // _DEVICES_A_ROW), MOST_KEPT)


def kept_devices(n: int) -> Int32s:
    """Return the devices whose time is known one by one, ascending: all, or every k-th of a large fleet.

    k is the least odd prime that leaves at most `most_kept` of them: the sizes of cells and sites are round
    numbers, so that no place in them is met more often than another.

    Args:
        n: Devices of the fleet.
    """
    step = max(1, -(-n // most_kept(n)))
    while step == 2 or any(step % divisor == 0 for divisor in range(2, math.isqrt(step) + 1)):
        step += 1
    return np.arange(0, n, step, dtype=np.int32)


def add_up(ticks: Int64s, cohort: Int16s, sums: Int64s) -> None:
    """Add times to sums by cohort.

    Args:
        ticks: (K, N_HOLDS) int64.
        cohort: (K,) int16, of each row.
        sums: That of `whole_numbers`; mutated.
    """
    np.add.at(sums[0], cohort, ticks >> SUM_BITS)
    np.add.at(sums[1], cohort, ticks & ((1 << SUM_BITS) - 1))


def whole_numbers(sums: Int64s) -> WholeNumbers:
    """Return sums of ticks that are kept in two words.

    Args:
        sums: (2, C, N_HOLDS) int64, what is above `SUM_BITS` and what is below, each added up by itself.

    Returns:
        (C, N_HOLDS); see `HeldUp.by_cohort`.
    """
    high, low = sums
    if (int(high.sum()) << SUM_BITS) + int(low.sum()) <= np.iinfo(np.int64).max:
        small: Int64s = (high << SUM_BITS) + low
        return small
    exact: WholeNumbers = high.astype(object) * 2**SUM_BITS + low.astype(object)
    return exact
