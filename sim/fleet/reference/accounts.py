"""The readable plane's accounts of time: what each device does or waits for, tick by tick.

An account is told what the device does from now on: one thing, or several one after the other if their ends
are known. What comes next, whenever it comes, closes that entry, so every tick from the release to the end is
booked once, whatever ends a wait before its time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Final

import numpy as np

from sim.fleet.held_up import N_HOLDS, HeldUp, Hold, add_up, kept_devices, whole_numbers
from sim.fleet.reference.clock import Clock
from sim.fleet.spec import FleetSpec, is_network_free
from sim.fleet.whereabouts import HELD_BY_WINDOW


class Phases:
    """Things that a device does one after the other, and one after them for as long as it takes."""

    __slots__ = ("_ends", "_holds", "_last")

    def __init__(self, last: Hold) -> None:
        """Begin with the last.

        Args:
            last: What comes after all others.
        """
        self._ends: list[int] = []
        self._holds: list[Hold] = []
        self._last = last

    def add(self, hold: Hold, end: int) -> None:
        """Let one thing more follow, before the last.

        Args:
            hold: What.
            end: Tick up to which it takes, not before the end of the one before.
        """
        self._holds.append(hold)
        self._ends.append(end)

    def book(self, ticks: list[int], begin: int, end: int) -> None:
        """Add the time between two ticks to what it went to.

        Args:
            ticks: By `Hold`; mutated.
            begin: Tick.
            end: Tick, not before `begin`.
        """
        ends = self._ends
        if ends:
            for i in range(bisect_right(ends, begin), len(ends)):
                if ends[i] >= end:
                    ticks[self._holds[i]] += end - begin
                    return
                ticks[self._holds[i]] += ends[i] - begin
                begin = ends[i]
        ticks[self._last] += end - begin


ONLY: Final = tuple(Phases(hold) for hold in Hold)
"""By `Hold`: that and nothing else."""


class Account:
    """Where the time of one device goes."""

    __slots__ = ("_clock", "_own_ticks", "_phases", "_shared_before", "_since", "_ticks")

    def __init__(self, clock: Clock) -> None:
        """Begin with a device that waits for nothing yet.

        Args:
            clock: What tells the time.
        """
        self._clock = clock
        self._ticks = [0] * N_HOLDS
        self._since = 0
        self._phases: Phases | None = None
        self._shared_before = 0
        self._own_ticks: Callable[[], int] | None = None

    def enter(self, phases: Phases | None) -> None:
        """Begin something else now.

        Args:
            phases: What; None if the device's time counts no more.
        """
        now = self._clock.tick
        if self._phases is not None and now != self._since:
            self._phases.book(self._ticks, self._since, now)
        self._phases, self._since = phases, now

    def plan(self) -> Phases:
        """Begin what is told to the returned phases; silence until a timer runs out comes after it."""
        phases = Phases(Hold.TIMER)
        self.enter(phases)
        return phases

    def enter_earlier(self, phases: Phases, since: int) -> None:
        """Let something have begun at a past tick, for a device whose time did not count since."""
        self._phases, self._since = phases, since

    def begin_download(self, own_ticks: Callable[[], int]) -> None:
        """Let ticks that are booked as those of a shared link be the download's from now on.

        Args:
            own_ticks: Returns how many ticks the bytes that have come need at the speed of the device's own
                link; that many count as its download, the others as lost to the shared link.
        """
        self._shared_before = self._ticks[Hold.SHARED_LINK]
        self._own_ticks = own_ticks

    def end_download(self) -> None:
        """Let the bytes have ceased to flow now."""
        self.enter(ONLY[Hold.TIMER])
        self._split(self._ticks)
        self._own_ticks = None

    def ticks(self) -> list[int]:
        """Return the ticks up to now, by `Hold`."""
        ticks = self._ticks.copy()
        if self._phases is not None:
            self._phases.book(ticks, self._since, self._clock.tick)
        self._split(ticks)
        return ticks

    def _split(self, ticks: list[int]) -> None:
        """Split the ticks in which bytes of a download flowed, if there is one; mutates them."""
        flowed = ticks[Hold.SHARED_LINK] - self._shared_before
        if self._own_ticks is not None and flowed > 0:
            own = min(self._own_ticks(), flowed)
            ticks[Hold.SHARED_LINK] -= own
            ticks[Hold.DOWNLOAD] += own


class Accounts:
    """The accounts of all devices.

    Attributes:
        ready: What those do that are ready for dispatch.
        flowing: What those do whose links are up in a download, by cohort.
    """

    def __init__(self, spec: FleetSpec, clock: Clock) -> None:
        """Begin with devices that wait for nothing yet.

        Args:
            spec: The fleet.
            clock: What tells the time.
        """
        self.ready = _ready(spec)
        n_cohorts = len(spec.cohorts.link_rate)
        self.flowing = (
            [ONLY[Hold.DOWNLOAD]] * n_cohorts
            if is_network_free(spec)
            else [_flowing(spec, cohort) for cohort in range(n_cohorts)]
        )
        self._spec = spec
        self._clock = clock
        self._of: dict[int, Account] = {}

    def of(self, device: int) -> Account:
        """Return the account of a device."""
        account = self._of.get(device)
        if account is None:
            account = self._of[device] = Account(self._clock)
        return account

    def held_up(self) -> HeldUp:
        """Return where the time up to now has gone."""
        devices = kept_devices(len(self._spec.cohort))
        sums = np.zeros((2, len(self.flowing), N_HOLDS), np.int64)
        by_device = np.zeros((len(devices), N_HOLDS), np.int64)
        step = int(devices[1]) if len(devices) > 1 else 1
        known = np.fromiter(self._of, np.int64, len(self._of))
        rows = np.array([account.ticks() for account in self._of.values()], np.int64)
        ticks = rows.reshape(len(known), N_HOLDS)
        add_up(ticks, self._spec.cohort[known], sums)
        kept = known % step == 0
        by_device[known[kept] // step] = ticks[kept]
        return HeldUp(by_cohort=whole_numbers(sums), devices=devices, by_device=by_device)


def _ready(spec: FleetSpec) -> Phases:
    """Return what holds those that are ready for dispatch, from tick 0 on."""
    phases = Phases(Hold.READY_QUEUE)
    freezes = zip(spec.outages.freeze_from.tolist(), spec.outages.freeze_to.tolist(), strict=True)
    for begin, end in freezes:
        phases.add(Hold.READY_QUEUE, begin)
        phases.add(Hold.OUTAGE, end)
    return phases


def _flowing(spec: FleetSpec, cohort: int) -> Phases:
    """Return what becomes of the time in which a cohort's downloads could flow, from tick 0 on."""
    outages = spec.outages
    flows = (outages.epoch_bandwidth > 0.0) & (outages.epoch_cap[:, cohort] > 0.0)
    is_closed = outages.epoch_held[:, cohort] == HELD_BY_WINDOW
    holds = [
        Hold.SHARED_LINK if flow else Hold.WINDOW if closed else Hold.OUTAGE
        for flow, closed in zip(flows.tolist(), is_closed.tolist(), strict=True)
    ]
    phases = Phases(holds[-1])
    for hold, end in zip(holds, outages.epoch_tick[1:].tolist(), strict=False):
        phases.add(hold, end)
    return phases
