"""What is left of a period that somebody looks at, in plain Python.

Formulas and sources: `sim.fleet.model.residuals`. Written a second time, with the same operations on doubles
in the same order, for the reason that `sim.fleet.reference.sampling` gives.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import Final

from sim.fleet.reference.sampling import StageTime, normal_quantile
from sim.fleet.spec import CONSTANT, EMPIRICAL, EXPONENTIAL, LOGNORMAL, UNIFORM

_EPSILON: Final = 1e-15
_MOST_TERMS: Final = 10_000
_MOST_STEPS: Final = 100
_HALF_LOG_TWO_PI: Final = 0.5 * math.log(2.0 * math.pi)


def residual_s(time: StageTime, u: float, v: float) -> float:
    """Return what is left of a period that is under way, in seconds.

    Args:
        time: Distribution of such periods.
        u: Uniform in (0, 1) that decides how long the whole period is.
        v: Uniform in (0, 1), which part of it is left.

    Raises:
        OverflowError: More than a double holds.
    """
    kind, a, b = time.kind, time.a, time.b
    if kind == CONSTANT:
        return a * v
    if kind == EXPONENTIAL:
        return -a * math.log(u)
    if kind == LOGNORMAL:
        return a * math.exp(b * (b + normal_quantile(u))) * v
    if kind == UNIFORM:
        return _between_s(a, b, u) * v
    if kind == EMPIRICAL:
        i = bisect_right(time.weight, u, 1, len(time.weight) - 1) - 1
        within = (u - time.weight[i]) / (time.weight[i + 1] - time.weight[i])
        return _between_s(time.s[i], time.s[i + 1], within) * v
    length: float = b * _gamma_quantile(1.0 + 1.0 / a, u) ** (1.0 / a)  # Weibull
    return length * v


def _between_s(low: float, high: float, u: float) -> float:
    """Return the quantile at u of the length-biased uniform distribution between two times."""
    return math.sqrt(low * low + (high - low) * (high + low) * u)


def _log_gamma(x: float) -> float:
    """Return the logarithm of the gamma function at x >= 1, by Stirling's series."""
    below = 1.0
    while x < 10.0:
        below *= x
        x += 1.0
    y = 1.0 / (x * x)
    series = 1.0 / 1188.0 - y * (691.0 / 360360.0)
    series = 1.0 / 12.0 - y * (1.0 / 360.0 - y * (1.0 / 1260.0 - y * (1.0 / 1680.0 - y * series)))
    return (x - 0.5) * math.log(x) - x + _HALF_LOG_TWO_PI + series / x - math.log(below)


def _gamma_quantile(shape: float, u: float) -> float:
    """Return the quantile at u of the gamma distribution of a shape >= 1, by Halley's method in bounds."""
    log_gamma = _log_gamma(shape)
    spread = 1.0 / (9.0 * shape)
    root = 1.0 - spread + normal_quantile(u) * math.sqrt(spread)
    x = shape * (root * root * root)
    if root <= 0.3:
        x = math.exp((math.log(u) + math.log(shape) + log_gamma) / shape)
    low, high = 0.0, math.inf
    for _ in range(_MOST_STEPS):
        excess = _gamma_excess(shape, x, u)
        low, high = (low, x) if excess > 0.0 else (x, high)
        step = excess * math.exp(x - (shape - 1.0) * math.log(x) + log_gamma)
        step /= 1.0 - 0.5 * min(1.0, step * ((shape - 1.0) / x - 1.0))
        after = x - step
        if abs(step) <= 1e-6 * x:
            return after
        if not low < after < high:
            after = 2.0 * x if high == math.inf else (low + high) / 2.0
        x = after
    return x


def _gamma_excess(shape: float, x: float, u: float) -> float:
    """Return by how much the distribution function of a gamma distribution exceeds u at x."""
    if x <= 0.0:
        return -u
    front = math.exp(shape * math.log(x) - x - _log_gamma(shape))
    if x < shape + 1.0:
        return front * _series(shape, x) - u
    return (1.0 - u) - front * _fraction(shape, x)


def _series(shape: float, x: float) -> float:
    """Return the lower incomplete gamma function without its front factor; good below the mean."""
    term = total = 1.0 / shape
    above = shape
    for _ in range(_MOST_TERMS):
        above += 1.0
        term *= x / above
        total += term
        if term < total * _EPSILON:
            break
    return total


def _fraction(shape: float, x: float) -> float:
    """Return the upper incomplete gamma function without its front factor; good above the mean."""
    b = x + 1.0 - shape
    c = 1e300
    fraction = d = 1.0 / b
    for i in range(1, _MOST_TERMS):
        a = -i * (i - shape)
        b += 2.0
        d = 1.0 / (a * d + b)
        c = b + a / c
        factor = d * c
        fraction *= factor
        if abs(factor - 1.0) < _EPSILON:
            break
    return fraction
