"""Arithmetic of a network: max-min fair rates, virtual clocks, finish ticks, and when it stands still."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from sim.fleet.spec import NEVER, FleetSpec


def fair_shares(bandwidth: float, caps: Sequence[float], active: Sequence[int]) -> list[float]:
    """Share a bandwidth max-min fair among active downloads.

    Args:
        bandwidth: Platform egress, bytes/s, >= 0; inf when unlimited.
        caps: What one download of each cohort can take, bytes/s; 0 while paused.
        active: Active downloads of each cohort.

    Returns:
        Bytes/s of one download of each cohort; 0 where nothing is active.

    Source:
        Water-filling: Bertsekas and Gallager, "Data Networks", 2nd ed., 6.5.2.
    """
    rates = [0.0] * len(caps)
    hungry = [c for c, cap in enumerate(caps) if active[c] > 0 and cap > 0.0]
    demand = 0.0
    for c in hungry:
        demand += caps[c] * active[c]
    if demand <= bandwidth:
        for c in hungry:
            rates[c] = caps[c]
        return rates
    left, n_left = bandwidth, sum(active[c] for c in hungry)
    hungry.sort(key=lambda c: caps[c])  # equal ones stay in order
    while hungry:
        lowest, fair = hungry[0], left / n_left
        if caps[lowest] > fair:  # so are all others'
            for c in hungry:
                rates[c] = max(fair, 0.0)
            break
        rates[lowest] = caps[lowest]
        left -= caps[lowest] * active[lowest]
        n_left -= active[lowest]
        del hungry[0]
    return rates


def clock_at(clock: float, rate: float, since_ticks: int) -> float:
    """Return a virtual clock `since_ticks` after it was last set; an idle or paused one stands still."""
    if since_ticks == 0 or rate == 0.0:
        return clock
    return clock + rate * (since_ticks * 1e-6)


def finish_tick(set_at: int, clock: float, rate: float, finish: float) -> int:
    """Return the tick at which a virtual clock, set at `set_at`, reaches `finish`; NEVER at rate 0.

    Rounded up, less a hundredth of a tick for float noise; not before `set_at`.
    """
    left = finish - clock
    if left <= 0.0:
        return set_at
    if rate <= 0.0:
        return NEVER
    ticks = left / rate * 1e6 - 0.01
    return NEVER if ticks >= 4.0e18 else set_at + max(math.ceil(ticks), 0)


def bytes_received(begun: float, clock: float, wanted: int) -> int:
    """Return the whole bytes a download has received, 0..wanted, when it is cut off."""
    return int(min(max(clock - begun + 1e-6, 0.0), wanted))


class Epochs:
    """What a network lets through, from one change to the next.

    Attributes:
        starts: Ticks at which anything changes, ascending from 0.
        bandwidths: By epoch, the platform's egress, bytes/s.
        caps: By epoch and cohort, what one download can take, bytes/s; 0 while paused.
    """

    def __init__(self, spec: FleetSpec) -> None:
        """Take them from a fleet."""
        self.starts: list[int] = spec.outages.epoch_tick.tolist()
        self.bandwidths: list[float] = spec.outages.epoch_bandwidth.tolist()
        self.caps: list[list[float]] = spec.outages.epoch_cap.tolist()

    def at(self, tick: int) -> int:
        """Return the epoch that a tick is in."""
        return bisect_right(self.starts, tick) - 1

    def flowing_until(self, cohort: int, start: int, ticks: int) -> int:
        """Return the first tick by which bytes of an undisturbed download have flowed for so long.

        Args:
            cohort: Whose.
            start: From when on.
            ticks: How long; what flows slowly counts as what flows fast, what stands does not.
        """
        if ticks == 0:
            return start
        for begin, end in self._intervals(cohort, start):
            if ticks <= end - begin:
                return begin + ticks
            ticks -= end - begin
        return NEVER

    def flowing_ticks(self, cohort: int, start: int, end: int) -> int:
        """Return for how long, between two ticks, bytes of an undisturbed download flow."""
        ticks = 0
        for begin, stands in self._intervals(cohort, start):
            if begin >= end:
                break
            ticks += min(stands, end) - begin
        return ticks

    def _intervals(self, cohort: int, start: int) -> Iterator[tuple[int, int]]:
        """Yield the intervals from a tick on, one after the other, in which the network lets bytes flow."""
        for epoch in range(self.at(start), len(self.starts)):
            if self.bandwidths[epoch] > 0.0 and self.caps[epoch][cohort] > 0.0:
                end = self.starts[epoch + 1] if epoch + 1 < len(self.starts) else NEVER
                yield max(self.starts[epoch], start), end
