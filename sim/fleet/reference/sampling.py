"""From uniforms to times and causes, in plain Python.

Decision: written a second time instead of called from `sim.fleet.model`, so that comparing the planes
finds mistakes on either side. Everything is by inverse transform, with the same operations on doubles in
the same order as there: ticks must be equal, not close.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

from sim.fleet.model import wichura
from sim.fleet.spec import CONSTANT, EMPIRICAL, EXPONENTIAL, LEAVES_OLD, LOGNORMAL, UNIFORM

MOST_TICKS: Final = 2**60
"""The longest time there is: sums of a few can't overflow the records."""


def ticks_of(seconds: float) -> int:
    """Return the tick nearest to a drawn time, bounded."""
    ticks = seconds * 1e6
    return MOST_TICKS if ticks >= MOST_TICKS else round(ticks)


def normal_quantile(u: float) -> float:
    """Return the standard normal quantile of u in (0, 1)."""
    q = u - 0.5
    if abs(q) <= 0.425:
        return q * _ratio(wichura.CENTRE_A, wichura.CENTRE_B, 0.180625 - q * q)
    r = math.sqrt(-math.log(u if q < 0.0 else 1.0 - u))
    if r <= 5.0:
        z = _ratio(wichura.SHOULDER_C, wichura.SHOULDER_D, r - 1.6)
    else:
        z = _ratio(wichura.TAIL_E, wichura.TAIL_F, r - 5.0)
    return -z if q < 0.0 else z


def _ratio(above: tuple[float, ...], below: tuple[float, ...], x: float) -> float:
    """Return the quotient of two polynomials of degree 7, by Horner's rule."""
    a0, a1, a2, a3, a4, a5, a6, a7 = above
    b0, b1, b2, b3, b4, b5, b6, b7 = below
    top = ((((((a7 * x + a6) * x + a5) * x + a4) * x + a3) * x + a2) * x + a1) * x + a0
    return top / (((((((b7 * x + b6) * x + b5) * x + b4) * x + b3) * x + b2) * x + b1) * x + b0)


class StageTime(NamedTuple):
    """How long a stage takes.

    Attributes:
        kind: A distribution, `sim.fleet.spec.CONSTANT` to `EMPIRICAL`.
        a: Its first parameter.
        b: Its second.
        p: Probabilities of an empirical one, ascending from 0 to 1.
        s: Seconds at these.
        weight: Part of the mean below them; only where one asks what is left of a time.
    """

    kind: int
    a: float
    b: float
    p: Sequence[float] = ()
    s: Sequence[float] = ()
    weight: Sequence[float] = ()

    def ticks(self, u: float, shorter: float = 1.0) -> int:
        """Return the time that a uniform in (0, 1) stands for, in ticks, >= 0.

        Args:
            u: The uniform.
            shorter: What it is divided by, > 0.
        """
        try:
            return ticks_of(self._seconds(u) / shorter)
        except OverflowError:  # where IEEE arithmetic says infinity
            return MOST_TICKS

    def _seconds(self, u: float) -> float:
        """Return the quantile at u."""
        if self.kind == CONSTANT:
            return self.a
        if self.kind == EXPONENTIAL:
            return -self.a * math.log(u)
        if self.kind == LOGNORMAL:
            return self.a * math.exp(self.b * normal_quantile(u))
        if self.kind == UNIFORM:
            return self.a + (self.b - self.a) * u
        if self.kind == EMPIRICAL:
            return self._interpolated_s(u)
        weibull: float = self.b * (-math.log(u)) ** (1.0 / self.a)
        return weibull

    def _interpolated_s(self, u: float) -> float:
        """Return the quantile at u between two points of an empirical distribution."""
        i = bisect_right(self.p, u, 1, len(self.p) - 1)
        p0, p1, s0, s1 = self.p[i - 1], self.p[i], self.s[i - 1], self.s[i]
        return s0 + (s1 - s0) * (u - p0) / (p1 - p0)


class Cause(NamedTuple):
    """Why a stage fails.

    Attributes:
        reason: The device's result code; of no use when silent.
        silent: The device never reports, so that only a timer of the platform ends the attempt.
        leaves: What runs on the device then, `sim.fleet.spec.LEAVES_*`.
    """

    reason: int
    silent: bool = False
    leaves: int = LEAVES_OLD


class PossibleCauses:
    """What may make an attempt fail at one stage, causes in the order in which they are looked at."""

    def __init__(self, causes: Sequence[Cause], p: Sequence[float]) -> None:
        """Take the causes.

        Args:
            causes: Each cause.
            p: Its probability an attempt, median device, 0..1.
        """
        self._causes = tuple(causes)
        self._p = tuple(p)
        self._total = 0.0
        for each in p:  # not `sum`, which rounds in another way
            self._total += each

    def __bool__(self) -> bool:
        """Tell whether an attempt can fail by any of them."""
        return self._total > 0.0

    def pick(self, u: float, lift: float) -> Cause | None:
        """Return the cause by which an attempt fails, None if it doesn't.

        Args:
            u: Uniform in (0, 1).
            lift: Factor on the odds of a failure, > 0; 1 for the median device.

        Source:
            Design M5: total probability p becomes logistic(logit p + sigma * z), causes keep their
            proportions. That is what the lift exp(sigma * z) on the odds does.
        """
        total = self._total
        if total <= 0.0:
            return None
        left = u
        if lift != 1.0 and total < 1.0:
            odds = total / (1.0 - total) * lift
            left = u * (total * (1.0 + odds) / odds)
        if left >= total and total < 1.0:
            return None
        for cause, p in zip(self._causes[:-1], self._p, strict=False):
            left -= p
            if left < 0.0:
                return cause
        return self._causes[-1]
