"""Timelines: on/off processes of devices that exist whether or not anybody looks.

A link that is up or down and a condition that a device is in for a while are the same process: periods
whose lengths are drawn, or the beat of a clock. It is stationary: at t = 0 it is on with its share of time,
and the period under way then has what is left of it (`residuals`). Word 0 of a timeline's draws decides
whether it is on at t = 0, words 1 and 2 what is left of that period, word k + 2 how long period k is. So
the draws depend on nothing but the device and the timeline: neither policy nor capacity moves them.

Periods are counted so that even ones are on: the first is number 0 if it is on, else number 1. So a
number and the tick at which that period ends, its *place*, are all there is to remember, and (0, 0) stands
for a timeline that nobody has looked at yet. A look at a later tick goes on from the place. A look at an
earlier one has to begin anew, at (0, 0): who forgets a place loses time only.

Intervals are half-open: at its last tick a period is over. Only an on-period of no length is an instant at
which the device can be met.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from sim.fleet.jit import called, inlined
from sim.fleet.model.draws import timeline_uniforms, word_of
from sim.fleet.model.residuals import residual_empirical_s, residual_s
from sim.fleet.model.sampling import drawn_s, empirical_s, ticks_of
from sim.fleet.spec import CONSTANT, EMPIRICAL, OFF, ON, TimelineTable

_IS_ON: Final = 0  # words of block 0; word 3 is period 1's, and so on
_LENGTH: Final = 1
_PART: Final = 2
_FIRST_PERIOD: Final = 2

Place = tuple[int, int]
"""Number of a period, even when on, and the tick at which it ends."""


class Timeline(NamedTuple):
    """One timeline of one device.

    Attributes:
        row: Row of the table.
        number: Number among the device's timelines, which its draws go by.
        device: Device index.
        lift: Factor on the odds of being on, > 0; off-periods are that much shorter. 1 for the median device.
        seed: First word of the key.
        replication: Second word of the key.
    """

    row: int
    number: int
    device: int
    lift: float
    seed: np.uint64
    replication: np.uint64


@inlined
def is_on(period: int) -> bool:
    """Tell whether a period is an on-period."""
    return period & 1 == 0


@inlined
def share_on(share: float, lift: float) -> float:
    """Return the share of time that a device is on whose off-periods are shorter by a factor."""
    return share * lift / (1.0 - share + share * lift)


@inlined
def period_ticks(table: TimelineTable, row: int, state: int, lift: float, u: float) -> int:
    """Return the length of a period, not of the first one, drawn with a uniform in (0, 1).

    Args:
        table: The table.
        row: Its row.
        state: `OFF` or `ON`.
        lift: As in `Timeline`.
        u: The uniform.
    """
    kind = table.dist_kind[row, state]
    a = table.dist_a[row, state]
    if kind == CONSTANT:
        seconds = a
    elif kind == EMPIRICAL:
        lo, hi = table.quantile_lo[row, state], table.quantile_hi[row, state]
        seconds = empirical_s(table.quantile_p, table.quantile_s, lo, hi, u)
    else:
        seconds = drawn_s(kind, a, table.dist_b[row, state], u)
    return ticks_of(seconds / lift if state == OFF else seconds)


@inlined
def first_place(table: TimelineTable, line: Timeline) -> Place:
    """Return the period at t = 0 of a timeline whose periods are drawn, and its end."""
    row, lift = line.row, line.lift
    u = timeline_uniforms(line.seed, line.replication, line.device, line.number, 0)
    state = ON if u[_IS_ON] < share_on(table.share[row], lift) else OFF
    kind = table.dist_kind[row, state]
    if kind == EMPIRICAL:
        lo, hi = table.quantile_lo[row, state], table.quantile_hi[row, state]
        seconds = residual_empirical_s(table.quantile_s, table.quantile_weight, lo, hi, u[_LENGTH], u[_PART])
    else:
        a, b = table.dist_a[row, state], table.dist_b[row, state]
        seconds = residual_s(kind, a, b, u[_LENGTH], u[_PART])
    if state == OFF:
        return 1, ticks_of(seconds / lift)
    return 0, ticks_of(seconds)


@inlined
def _periodic_place(table: TimelineTable, line: Timeline, tick: int) -> Place:
    """Return the period of a periodic timeline that a tick lies in, and its end; nothing to remember."""
    row = line.row
    every, on = table.every_ticks[row], table.for_ticks[row]
    phase = table.phase_ticks[row]
    since = every - phase  # time since the last start of an on-period, at t = 0
    if phase < 0:
        u = timeline_uniforms(line.seed, line.replication, line.device, line.number, 0)
        since = np.int64(u[_PART] * every)
    cycle = (tick + since) // every
    begun = cycle * every - since
    if tick < begun + on:
        return 2 * cycle, begun + on
    return 2 * cycle + 1, begun + every


@called
def _moved(table: TimelineTable, line: Timeline, period: int, end: int, tick: int) -> Place:
    """Return the place that `advance` is to return when it is not the one given."""
    if table.every_ticks[line.row] > 0:
        return _periodic_place(table, line, max(tick, 0))
    if end == 0:
        period, end = first_place(table, line)
    block = -1
    u = (0.5, 0.5, 0.5, 0.5)
    while end <= tick:
        period += 1
        word = period + _FIRST_PERIOD
        if word >> 2 != block:
            block = word >> 2
            u = timeline_uniforms(line.seed, line.replication, line.device, line.number, block)
        state = ON if is_on(period) else OFF
        end += period_ticks(table, line.row, state, line.lift, word_of(u, word))
    return period, end


@inlined
def advance(table: TimelineTable, line: Timeline, period: int, end: int, tick: int) -> Place:
    """Return the first place, from a known one on, whose period ends after a tick.

    Most looks find the period of the look before; only the others are worth a call, for the many words that
    the table is passed as.

    Args:
        table: The table.
        line: The timeline.
        period: Place of an earlier look, at a tick that was not later, or 0.
        end: Likewise.
        tick: Where to look; -1 for the first period of all, even if it has no length.

    Returns:
        The place: the period that the tick lies in, unless the place given was ahead already.
    """
    if end > max(tick, 0):
        return period, end
    return _moved(table, line, period, end, tick)


@inlined
def next_on(table: TimelineTable, line: Timeline, period: int, end: int, tick: int) -> tuple[int, int, int]:
    """Find the first tick, not before `tick`, at which a timeline is on.

    Args:
        table: The table.
        line: The timeline.
        period: Place of an earlier look, or 0.
        end: Likewise.
        tick: From when on.

    Returns:
        The place to remember, never later than that tick, then the tick.
    """
    if table.every_ticks[line.row] > 0:
        period, end = advance(table, line, period, end, tick)
        return period, end, tick if is_on(period) else end
    # An off-period that ends at this very tick may be followed by an instant, which is not to be passed by.
    period, end = advance(table, line, period, end, tick - 1)
    if is_on(period) and end == tick:
        period, end = advance(table, line, period, end, tick)
    return period, end, tick if is_on(period) else end
