"""Where a device's time goes: every microsecond from its release to its end is one of these."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from sim.fleet.arrays import Int32s, Int64s


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


class HeldUp(NamedTuple):
    """Where the time of a fleet has gone.

    Attributes:
        by_cohort: (C, N_HOLDS) int64 ticks of all devices of each cohort.
        devices: (K,) int32, devices whose time is known one by one, ascending: all, or some of a large fleet.
        by_device: (K, N_HOLDS) int64 ticks of each of those.
    """

    by_cohort: Int64s
    devices: Int32s
    by_device: Int64s
