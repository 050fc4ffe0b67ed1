"""How long an attempt works until it ends in each way, on a grid: sums of stages, parts of a stage, timers.

A time is an offset, exact, and masses at the points 0, h, 2h, … behind it. Constants (downloads, timers) go
into the offset, so a grid holds what is drawn only. Masses of stages lie between the middles of grid points,
which is exact to the second order of h.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve
from scipy.special import ndtr

from sim.calibration.cohort_model import StageNumbers
from sim.fleet.spec import CONSTANT, EMPIRICAL, EXPONENTIAL, LOGNORMAL, UNIFORM

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = NDArray[np.float64]

_POINTS: Final = 1024
"""Grid points that the longest sum of stages needs about."""
_RARE_LOG: Final = 16.0
"""Logarithm of how rare a time is that is cut off: about one in ten million."""


class Span(NamedTuple):
    """A time with its distribution.

    Attributes:
        offset_s: What is certain of it, s.
        mass: Probability at offset + 0, h, 2h, …; may add up to less than 1 when timers have cut it.
    """

    offset_s: float
    mass: Floats

    @property
    def total(self) -> float:
        """Return the probability that it comes to this end at all."""
        return float(self.mass.sum())


NOTHING: Final = Span(0.0, np.ones(1))


def longest_s(time: StageNumbers) -> float:
    """Return a time that a stage hardly ever passes, s."""
    if time.kind == EXPONENTIAL:
        return time.a * _RARE_LOG
    if time.kind == LOGNORMAL:
        return time.a * math.exp(5.2 * time.b)
    if time.kind == UNIFORM:
        return time.b
    if time.kind == EMPIRICAL:
        return time.quantiles[-1][1]
    if time.kind == CONSTANT:
        return time.a
    return time.b * float(_RARE_LOG ** (1.0 / time.a))


def grid_step_s(times: Sequence[StageNumbers]) -> float:
    """Return a step for the sums of stages: a power of two, so that it doesn't move with every number."""
    drawn = sum(longest_s(time) for time in times if time.kind != CONSTANT)
    return float(2.0 ** math.ceil(math.log2(max(drawn / _POINTS, 1 / 16))))


def _cumulative(time: StageNumbers, x: Floats) -> Floats:
    """Return the probability that a stage takes no longer than x s."""
    x = np.maximum(x, 0.0)
    if time.kind == EXPONENTIAL:
        return np.asarray(-np.expm1(-x / time.a))
    if time.kind == LOGNORMAL:
        with np.errstate(divide="ignore"):
            return np.asarray(ndtr(np.log(x / time.a) / time.b))
    if time.kind == UNIFORM:
        return np.asarray(np.clip((x - time.a) / (time.b - time.a), 0.0, 1.0))
    if time.kind == EMPIRICAL:
        p, s = np.array(time.quantiles).T
        return np.asarray(np.interp(x, s, p, left=0.0, right=1.0))
    return np.asarray(-np.expm1(-((x / time.b) ** time.a)))


def stage_span(time: StageNumbers, h: float) -> Span:
    """Return the time of a whole stage."""
    if time.kind == CONSTANT:
        return Span(time.a, NOTHING.mass)
    n = int(longest_s(time) / h) + 2
    edges = np.concatenate([[0.0], (np.arange(n) + 0.5) * h])
    mass = np.diff(_cumulative(time, edges))
    return Span(0.0, mass / mass.sum())


def part_span(whole: Span, h: float) -> Span:
    """Return the time after which a stage fails: a uniform part of its own time."""
    t = np.arange(len(whole.mass)) * h + whole.offset_s
    n = int(t[-1] / h) + 2
    edges = np.concatenate([[0.0], (np.arange(n) + 0.5) * h])
    with np.errstate(divide="ignore", invalid="ignore"):
        per_t = np.where(t > 0, whole.mass / np.maximum(t, 1e-12), 0.0)
    # The part lies below x: surely if the whole does, else with probability x / whole.
    below = np.concatenate([[0.0], np.cumsum(whole.mass)])
    beyond = np.concatenate([np.cumsum(per_t[::-1])[::-1], [0.0]])
    k = np.searchsorted(t, edges, "right")
    cumulative = np.minimum(below[k] + edges * beyond[k], whole.total)
    cumulative[0] = 0.0
    mass = np.diff(cumulative)
    last = int(np.flatnonzero(mass > 0)[-1]) if (mass > 0).any() else 0
    return Span(0.0, mass[: last + 1]) if t[-1] > 0 else NOTHING


def then(first: Span, second: Span) -> Span:
    """Return the time of one after the other."""
    offset = first.offset_s + second.offset_s
    if len(first.mass) == 1 or len(second.mass) == 1:
        return Span(offset, np.convolve(first.mass, second.mass))
    return Span(offset, np.maximum(fftconvolve(first.mass, second.mass), 0.0))


def cut_at(span: Span, timer_s: float, h: float) -> tuple[Span, float]:
    """Return what of a time is over when a timer runs out, and the probability that it is not."""
    if math.isinf(timer_s):
        return span, 0.0
    kept = math.floor((timer_s - span.offset_s) / h + 1e-9) + 1
    if kept >= len(span.mass):
        return span, 0.0
    mass = span.mass[: max(kept, 0)]
    late = span.total - float(mass.sum())
    return Span(span.offset_s, mass if len(mass) else np.zeros(1)), late
