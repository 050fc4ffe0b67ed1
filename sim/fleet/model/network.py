"""The shared network: max-min fair rates, virtual clocks and finish ticks.

Within a cohort all active downloads have the same cap, so they all get the same rate; a cohort's
*virtual clock* counts the bytes that one download of it has received since the start of the run. A
download that begins at clock v and needs b bytes ends when the clock shows v + b, whatever the rates
do meanwhile. A clock is set only when its cohort's rate changes: nobody else's coming or going then costs
that cohort anything. The readable plane does the same sums in the same order (`sim.fleet.reference.network`):
float noise would reorder ties.
"""

from __future__ import annotations

import math

import numpy as np

from sim.fleet.jit import called, inlined
from sim.fleet.model.sampling import interval_behind
from sim.fleet.spec import NEVER, Floats, Int64s
from sim.fleet.whereabouts import OutageTable


@inlined
def fair_shares(bandwidth: float, caps: Floats, active: Int64s, rates: Floats) -> None:
    """Share `bandwidth` max-min fair among the active downloads.

    Args:
        bandwidth: Platform egress, bytes/s, >= 0; inf when unlimited.
        caps: (C,) bytes/s, what one download of the cohort can take; 0 while paused.
        active: (C,) int64, active downloads by cohort.
        rates: (C,) bytes/s of one download. Written; 0 where nothing is active.

    Source:
        Water-filling: Bertsekas and Gallager, "Data Networks", 2nd ed., 6.5.2.
    """
    left = bandwidth
    demand = 0.0
    n_left = np.int64(0)
    for c in range(len(caps)):
        rates[c] = -1.0
        if active[c] > 0 and caps[c] > 0.0:
            n_left += active[c]
            demand += caps[c] * active[c]
    if demand <= bandwidth:  # everybody gets what the link can take
        n_left = np.int64(0)
        for c in range(len(caps)):
            if active[c] > 0:
                rates[c] = caps[c]
    while n_left > 0:
        fair = left / n_left
        lowest = -1
        for c in range(len(caps)):
            if rates[c] >= 0.0 or active[c] == 0 or caps[c] <= 0.0 or caps[c] > fair:
                continue
            if lowest < 0 or caps[c] < caps[lowest]:
                lowest = c
        if lowest < 0:
            for c in range(len(caps)):
                if rates[c] < 0.0 and active[c] > 0 and caps[c] > 0.0:
                    rates[c] = fair
            break
        rates[lowest] = caps[lowest]
        left -= caps[lowest] * active[lowest]
        n_left -= active[lowest]
    for c in range(len(caps)):
        rates[c] = max(rates[c], 0.0)


@inlined
def clock_at(clock: float, rate: float, since_ticks: int) -> float:
    """Return a virtual clock `since_ticks` after it was last set; an idle or paused one stands still."""
    if since_ticks == 0 or rate == 0.0:
        return clock
    return clock + rate * (since_ticks * 1e-6)


@inlined
def finish_tick(now: int, clock: float, rate: float, finish: float) -> int:
    """Return the tick at which a virtual clock reaches `finish`; NEVER while the rate is 0.

    Rounded up, less a hundredth of a tick for float noise; not before `now`.
    """
    left = finish - clock
    if left <= 0.0:
        return now
    if rate <= 0.0:
        return NEVER
    ticks = left / rate * 1e6 - 0.01
    if ticks >= 4.0e18:  # asked before it is rounded to an integer, which would overflow
        return NEVER
    return now + np.int64(max(math.ceil(ticks), 0.0))


@inlined
def finishes_by(now: int, set_at: int, clock: float, rate: float, finish: float) -> bool:
    """Tell whether `finish_tick(set_at, clock, rate, finish) <= now`, mostly without its division."""
    left = finish - clock
    if rate > 0.0 and left * 1e6 > (np.float64(now - set_at) + 1.0) * (1.0 + 1e-9) * rate:
        return False
    return finish_tick(set_at, clock, rate, finish) <= now


@inlined
def bytes_received(begun: float, clock: float, wanted: int) -> int:
    """Return the whole bytes a download has received, 0..wanted, when it is cut off."""
    # Bounded before it becomes an integer, which would overflow.
    return np.int64(min(max(clock - begun + 1e-6, 0.0), np.float64(wanted)))


@inlined
def partial_bytes(fraction: float, package_bytes: int) -> int:
    """Return the bytes after which a failing download breaks."""
    return np.int64(fraction * package_bytes)


@inlined
def epoch_at(outages: OutageTable, tick: int) -> int:
    """Return the epoch of the network that a tick is in."""
    return interval_behind(outages.epoch_tick, 0, len(outages.epoch_tick), tick) - 1


@called
def flowing_until(outages: OutageTable, c: int, begin: int, ticks: int) -> int:
    """Return the first tick by which bytes could flow to a cohort for so many ticks, NEVER if there is none.

    They can't while an outage holds its downloads, nor while nothing leaves the platform.
    """
    if ticks <= 0:
        return begin
    n = len(outages.epoch_tick)
    for epoch in range(epoch_at(outages, begin), n):
        end = outages.epoch_tick[epoch + 1] if epoch + 1 < n else np.int64(NEVER)
        if outages.epoch_cap[epoch, c] > 0.0 and outages.epoch_bandwidth[epoch] > 0.0:
            start = max(begin, outages.epoch_tick[epoch])
            if ticks <= end - start:
                return start + ticks
            ticks -= end - start
    return NEVER


@inlined
def network_load(rates: Floats, active: Int64s) -> float:
    """Return the bytes/s that leave the platform, summed in cohort order."""
    load = 0.0
    for c in range(len(rates)):
        if active[c] > 0:
            load += rates[c] * active[c]
    return load
