"""Looks at what lasts: a device's link and its conditions, at a tick.

Who looks remembers the place (`sim.fleet.model.timelines`), so that the next look goes on from there. Looks
at one timeline of a device never go back: an attempt looks at ticks not before its dispatch and not beyond
the deadline in force, so none of them lies beyond its end. Only a call that stops an attempt ends it
earlier, or play that is taken back; then places are forgotten.
"""

from __future__ import annotations

import math

import numpy as np

from sim.fleet.compiled.memory.tables import Record, Records
from sim.fleet.jit import inlined, kernel, local, natural
from sim.fleet.model.draws import uniform
from sim.fleet.model.purposes import D_SPREAD
from sim.fleet.model.sampling import NO_CAUSE, normal_quantile
from sim.fleet.model.timelines import Timeline, advance, first_place, is_on, next_on
from sim.fleet.spec import N_STAGES, FleetSpec

_LINK = 0  # number and slot of a link


# `spec` is `State.given.spec` in all of this.


@inlined
def link_of(spec: FleetSpec, device: int, c: int) -> Timeline:
    """Return the link of a device whose cohort has one."""
    platform = spec.platform
    row, number = np.int64(spec.cohorts.link[c]), np.int64(_LINK)
    return Timeline(row, number, np.int64(device), 1.0, platform.seed, platform.replication)


@inlined
def condition_of(spec: FleetSpec, device: int, c: int, row: int, lift: float) -> Timeline:
    """Return the timeline of a condition, a row of the causes, of a device."""
    platform = spec.platform
    number = np.int64(1) + np.int64(row) - np.int64(spec.causes.lo[c, 0])
    timeline = np.int64(spec.causes.timeline[row])
    return Timeline(timeline, number, np.int64(device), lift, platform.seed, platform.replication)


@inlined
def link_next_on(spec: FleetSpec, places: Records, device: int, c: int, tick: int) -> int:
    """Return the first tick, not before `tick`, at which a device's link is up; its cohort has one.

    Args:
        places: That of `State`; the link's is moved on.
        device: Device index.
        c: Its cohort.
        tick: Not before the look before.
    """
    place = places[natural(device * spec.n_timelines + _LINK)]
    line = link_of(spec, device, c)
    period, end, on = next_on(spec.timelines, line, np.int64(place.period), np.int64(place.end), tick)
    place.period = period
    place.end = end
    return on


@inlined
def link_at(spec: FleetSpec, places: Records, device: int, c: int, tick: int) -> tuple[bool, int]:
    """Tell whether a device's link is up at a tick, and when that period ends; its cohort has a link.

    Args:
        places: That of `State`; the link's is moved on.
        device: Device index.
        c: Its cohort.
        tick: Not before the look before.
    """
    place = places[natural(device * spec.n_timelines + _LINK)]
    line = link_of(spec, device, c)
    period, end = advance(spec.timelines, line, np.int64(place.period), np.int64(place.end), tick)
    place.period = period
    place.end = end
    return is_on(period), end


@inlined
def lift_of(spec: FleetSpec, device: int, c: int) -> float:
    """Return the factor on the odds of a device's failures and conditions."""
    sigma = spec.cohorts.spread[c]
    if sigma <= 0.0:
        return 1.0
    platform = spec.platform
    return math.exp(
        sigma * normal_quantile(uniform(platform.seed, platform.replication, device, 0, D_SPREAD))
    )


@inlined
def condition_at(spec: FleetSpec, places: Records, device: int, c: int, s: int, tick: int) -> int:
    """Return the cause row of the first condition of a stage that a device is in at a tick, or NO_CAUSE.

    Args:
        places: That of `State`; those of conditions that are looked at are moved on.
        device: Device index.
        c: Its cohort.
        s: Stage. `Shortcuts.has_condition` tells whether it has any.
        tick: Not before the look before.
    """
    causes = spec.causes
    for row in range(causes.lo[c, s], causes.hi[c, s]):
        if causes.timeline[row] < 0:
            continue
        place = places[natural(device * spec.n_timelines + causes.slot[row])]
        if place.end <= max(tick, 0):
            line = condition_of(spec, device, c, row, lift_of(spec, device, c))
            period, end = advance(spec.timelines, line, np.int64(place.period), np.int64(place.end), tick)
            place.period = period
            place.end = end
        if is_on(place.period):
            return np.int64(row)
    return NO_CAUSE


@inlined
def is_calm(spec: FleetSpec, places: Records, device: int, c: int, s: int, since: int, until: int) -> bool:
    """Tell whether a device is in none of a stage's conditions from a tick on, up to and including another.

    Args:
        places: That of `State`; those of conditions that are looked at are moved on.
        device: Device index.
        c: Its cohort.
        s: Stage.
        since: Tick. Not before the look before.
        until: Tick.
    """
    if condition_at(spec, places, device, c, s, since) != NO_CAUSE:
        return False
    causes = spec.causes
    for row in range(causes.lo[c, s], causes.hi[c, s]):
        if causes.timeline[row] < 0:
            continue
        if places[natural(device * spec.n_timelines + causes.slot[row])].end <= until:
            return False
    return True


@inlined
def _draw_first(spec: FleetSpec, place: Record, line: Timeline) -> None:
    """Write down the first period of a timeline; periodic ones need no memory."""
    if spec.timelines.every_ticks[line.row] == 0:
        period, end = first_place(spec.timelines, line)
        place.period = period
        place.end = end


@kernel
def draw_first_places(spec: FleetSpec, places: Records, lo: int, hi: int) -> None:
    """Draw the first periods of all timelines of devices lo..hi, which nobody has looked at yet.

    The first look would do so as well. In a loop of its own it costs a third.
    """
    spec = local(spec)
    causes = spec.causes
    for device in range(lo, hi):
        c = natural(spec.cohort[device])
        if spec.cohorts.link[c] >= 0:
            _draw_first(spec, places[natural(device * spec.n_timelines + _LINK)], link_of(spec, device, c))
        for row in range(causes.lo[c, 0], causes.hi[c, N_STAGES - 1]):
            if causes.timeline[row] >= 0:
                place = places[natural(device * spec.n_timelines + causes.slot[row])]
                _draw_first(spec, place, condition_of(spec, device, c, row, lift_of(spec, device, c)))


@inlined
def forget_places(n_timelines: int, places: Records, device: int) -> None:
    """Let a device's timelines be looked at from their beginning on."""
    for slot in range(n_timelines):
        place = places[natural(device * n_timelines + slot)]
        place.period = 0
        place.end = 0
