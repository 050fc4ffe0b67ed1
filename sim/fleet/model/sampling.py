"""From uniforms to what they decide: durations, failure causes, marks drawn once a device.

Scalar functions that the compiled plane is made of; the readable one has its own
(`sim.fleet.reference.sampling`). Everything is by inverse transform: one uniform, one answer, no rejection.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from sim.fleet.jit import called, inlined
from sim.fleet.model.draws import two_blocks, word_of
from sim.fleet.model.purposes import D_PERMANENT
from sim.fleet.model.wichura import CENTRE_A, CENTRE_B, SHOULDER_C, SHOULDER_D, TAIL_E, TAIL_F
from sim.fleet.spec import (
    CONSTANT,
    EMPIRICAL,
    EXPONENTIAL,
    LOGNORMAL,
    N_STAGES,
    NEVER,
    UNIFORM,
    CauseTable,
    CohortTable,
    FleetSpec,
    Floats,
    Int64s,
)
from sim.fleet.whereabouts import OutageTable

NO_CAUSE: Final = -1
_MAX_TICKS: Final = 2.0**60
_TICKS: Final = 1e6


@inlined
def _ratio(above: tuple[float, ...], below: tuple[float, ...], x: float) -> float:
    """Return the quotient of two polynomials of degree 7, by Horner's rule."""
    top = above[7]
    bottom = below[7]
    for i in range(6, -1, -1):
        top = top * x + above[i]
        bottom = bottom * x + below[i]
    return top / bottom


@called
def normal_quantile(u: float) -> float:
    """Return the standard normal quantile of u in (0, 1)."""
    q = u - 0.5
    if abs(q) <= 0.425:
        return q * _ratio(CENTRE_A, CENTRE_B, 0.180625 - q * q)
    tail = u if q < 0.0 else 1.0 - u
    r = math.sqrt(-math.log(tail))
    if r <= 5.0:
        z = _ratio(SHOULDER_C, SHOULDER_D, r - 1.6)
    else:
        z = _ratio(TAIL_E, TAIL_F, r - 5.0)
    return -z if q < 0.0 else z


@inlined
def ticks_of(seconds: float) -> int:
    """Return the tick nearest to a drawn time, bounded so that sums can't overflow."""
    ticks = seconds * _TICKS
    if ticks >= _MAX_TICKS:
        return np.int64(_MAX_TICKS)
    return np.int64(np.rint(ticks))


@inlined
def segment_of(ascending: Floats, lo: int, hi: int, x: float) -> int:
    """Return the row among lo..hi - 2 whose value and the next one's enclose x."""
    below = lo
    above = hi - 1
    while above - below > 1:
        middle = (below + above) >> 1
        if ascending[middle] <= x:
            below = middle
        else:
            above = middle
    return below


@inlined
def empirical_s(quantile_p: Floats, quantile_s: Floats, lo: int, hi: int, u: float) -> float:
    """Interpolate an empirical quantile function, rows lo..hi of its table, at u."""
    i = segment_of(quantile_p, lo, hi, u)
    p0 = quantile_p[i]
    p1 = quantile_p[i + 1]
    s0 = quantile_s[i]
    s1 = quantile_s[i + 1]
    return s0 + (s1 - s0) * (u - p0) / (p1 - p0)


@called
def drawn_s(kind: int, a: float, b: float, u: float) -> float:
    """Return the quantile at u of a time with two parameters, in seconds; neither constant nor empirical."""
    if kind == EXPONENTIAL:
        return -a * math.log(u)
    if kind == LOGNORMAL:
        return a * math.exp(b * normal_quantile(u))
    if kind == UNIFORM:
        return a + (b - a) * u
    return b * (-math.log(u)) ** (1.0 / a)  # Weibull


@inlined
def duration_ticks(cohorts: CohortTable, c: int, s: int, u: float) -> int:
    """Return the drawn time of stage s in cohort c, in ticks, >= 0."""
    kind = cohorts.dist_kind[c, s]
    a = cohorts.dist_a[c, s]
    if kind == CONSTANT:
        return ticks_of(a)
    if kind == EMPIRICAL:
        lo, hi = cohorts.quantile_lo[c, s], cohorts.quantile_hi[c, s]
        return ticks_of(empirical_s(cohorts.quantile_p, cohorts.quantile_s, lo, hi, u))
    return ticks_of(drawn_s(kind, a, cohorts.dist_b[c, s], u))


@inlined
def fraction_ticks(fraction: float, ticks: int) -> int:
    """Return the part of a stage's time after which it fails, to the nearest tick."""
    return np.int64(np.rint(fraction * ticks))


@inlined
def choose_cause(causes: CauseTable, lo: int, hi: int, total: float, lift: float, u: float) -> int:
    """Return the row among lo..hi of the cause by which an attempt fails, or NO_CAUSE.

    Args:
        lo: First row of the stage.
        hi: One past its last.
        total: Their probabilities together.
        lift: Factor on the odds of a failure, > 0; 1 for the median device.
        u: Uniform in (0, 1).

    Source:
        Design M5: total probability p becomes logistic(logit p + sigma * z), causes keep their
        proportions. That is what the lift exp(sigma * z) on the odds does.
    """
    if total <= 0.0:
        return NO_CAUSE
    share = u
    if lift != 1.0 and total < 1.0:
        odds = total / (1.0 - total) * lift
        share = u * (total * (1.0 + odds) / odds)
    if share >= total and total < 1.0:
        return NO_CAUSE
    for row in range(lo, hi - 1):
        share -= causes.p[row]
        if share < 0.0:
            return row
    return hi - 1


@inlined
def permanent_causes(spec: FleetSpec, one: int, other: int, c: int) -> tuple[int, int]:
    """Return for two devices of a cohort the row of the mark that stops it in every attempt, or NO_CAUSE.

    Only the earliest stage with a mark matters, since no attempt gets past it; of several marks of one
    stage the first in the list acts. Each cause has a draw of its own.
    """
    causes, seed, replication = spec.causes, spec.platform.seed, spec.platform.replication
    first = causes.lo[c, 0]
    mark_of_one = mark_of_other = np.int64(NO_CAUSE)
    block = np.int64(-1)
    u = v = (0.5, 0.5, 0.5, 0.5)
    for s in range(N_STAGES):
        for row in range(causes.lo[c, s], causes.hi[c, s]):
            p = causes.p_permanent[row]
            if p <= 0.0:
                continue
            purpose = np.int64(D_PERMANENT + row - first)
            if purpose >> 2 != block:
                block = purpose >> 2
                u, v = two_blocks(seed, replication, (one, 0, block), (other, 0, block))
            if mark_of_one == NO_CAUSE and word_of(u, purpose) < p:
                mark_of_one = np.int64(row)
            if mark_of_other == NO_CAUSE and word_of(v, purpose) < p:
                mark_of_other = np.int64(row)
    return mark_of_one, mark_of_other


@inlined
def level_of(cohorts: CohortTable, c: int, u: float) -> int:
    """Return the radio coverage level that a draw stands for, 0 (good) to 2 (poor)."""
    if u < cohorts.coverage_share[c, 0]:
        return 0
    if u < cohorts.coverage_share[c, 0] + cohorts.coverage_share[c, 1]:
        return 1
    return 2


@inlined
def outage_risk(outages: OutageTable, c: int, tick: int) -> int:
    """Return the row of the outage that adds a failure probability at `tick`, or NO_CAUSE."""
    for row in range(outages.risk_lo[c], outages.risk_lo[c + 1]):
        if outages.risk_from[row] <= tick < outages.risk_to[row]:
            return row
    return NO_CAUSE


@called
def interval_behind(ends: Int64s, lo: int, hi: int, tick: int) -> int:
    """Return the first of ascending half-open intervals lo..hi - 1 that is not over at a tick; hi if none."""
    low, high = np.int64(lo), np.int64(hi)
    while low < high:
        middle = (low + high) >> 1
        if ends[middle] <= tick:
            low = middle + 1
        else:
            high = middle
    return low


@called
def opening_tick(begins: Int64s, ends: Int64s, lo: int, hi: int, tick: int) -> int:
    """Return the first tick, not before `tick`, in one of the half-open intervals lo..hi - 1.

    They are disjoint and ascending; NEVER if none of them is left.
    """
    row = interval_behind(ends, lo, hi, tick)
    if row == hi:
        return np.int64(NEVER)
    if tick < begins[row]:
        return np.int64(begins[row])
    return np.int64(tick)


@inlined
def reached_tick(spec: FleetSpec, c: int, tick: int) -> int:
    """Return the first tick, not before `tick`, at which cohort c can be contacted.

    That is when its window is open and no outage holds it, both at once; NEVER when no window opens any more.
    """
    windows, outages = spec.windows, spec.outages
    first, last = windows.contact_lo[c], windows.contact_lo[c + 1]
    row = np.int64(outages.away_lo[c])
    end = np.int64(outages.away_lo[c + 1])
    while True:
        if first < last:
            tick = opening_tick(windows.contact_from, windows.contact_to, first, last, tick)
        if row < end:
            row = interval_behind(outages.away_to, row, end, tick)
        if row == end or tick < outages.away_from[row]:
            return tick
        tick = outages.away_to[row]
