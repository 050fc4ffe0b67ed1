"""What is left of a period that somebody looks at: the equilibrium distribution.

Who looks at a renewal process that has been running for ever meets a period of length L, not of the usual
length X: long periods cover more of the time, so L has the density x f(x) / E[X] (*length-biased*). Where
in it he looks is uniform. So what is left is R = L * V with V uniform in (0, 1), and has the density
(1 - F(r)) / E[X] and the mean E[X**2] / (2 E[X]).

Decision: L by inverse transform, one uniform, then times V. The distribution function of R itself has an
inverse only where X is uniform or exponential; that of L has one for each distribution but Weibull's:

- constant a: L = a.
- exponential: R is exponential with the same mean; one uniform, no L.
- lognormal (median m, sigma s): L is lognormal with median m exp(s**2).
- uniform on (low, high): F_L(x) = (x**2 - low**2) / (high**2 - low**2).
- Weibull (shape k, scale c): (L / c)**k has a gamma distribution of shape 1 + 1 / k.
- quantiles with straight lines between: a mixture of uniforms, the one between two points with the weight
  of its part of the mean; within it as for the uniform.

Source:
    Cox, "Renewal Theory" (1962), 5.4; Ross, "Stochastic Processes", 2nd ed., 3.4.
"""

from __future__ import annotations

import math
from typing import Final

from sim.fleet.jit import called, inlined
from sim.fleet.model.sampling import normal_quantile, segment_of
from sim.fleet.spec import CONSTANT, EXPONENTIAL, LOGNORMAL, UNIFORM, Floats

_EPSILON: Final = 1e-15
_MOST_TERMS: Final = 10_000
_MOST_STEPS: Final = 100
_LAST_STEP: Final = 1e-6
_STIRLING_FROM: Final = 10.0
_HALF_LOG_TWO_PI: Final = 0.5 * math.log(2.0 * math.pi)


@called
def log_gamma(x: float) -> float:
    """Return the logarithm of the gamma function at x >= 1.

    Not `math.lgamma`, which Python and the compiler's library round differently: multiplied by a large
    exponent that shows in the ticks.

    Source:
        Stirling's series, Abramowitz and Stegun, 6.1.41, from 10 on; the recurrence 6.1.15 below.
    """
    below = 1.0
    while x < _STIRLING_FROM:
        below *= x
        x += 1.0
    y = 1.0 / (x * x)
    series = 1.0 / 1188.0 - y * (691.0 / 360360.0)
    series = 1.0 / 12.0 - y * (1.0 / 360.0 - y * (1.0 / 1260.0 - y * (1.0 / 1680.0 - y * series)))
    return (x - 0.5) * math.log(x) - x + _HALF_LOG_TWO_PI + series / x - math.log(below)


@called
def gamma_excess(shape: float, x: float, u: float) -> float:
    """Return by how much the gamma distribution function of a shape, scale 1, exceeds u at x >= 0.

    Far above the mean the function's distance from 1 is what is known precisely, and u's as well.

    Source:
        Press et al., "Numerical Recipes", 3rd ed., 6.2: a series below the mean, else Lentz's continued
        fraction.
    """
    if x <= 0.0:
        return -u
    front = math.exp(shape * math.log(x) - x - log_gamma(shape))
    if x < shape + 1.0:
        term = total = 1.0 / shape
        above = shape
        for _ in range(_MOST_TERMS):
            above += 1.0
            term *= x / above
            total += term
            if term < total * _EPSILON:
                break
        return front * total - u
    b = x + 1.0 - shape
    c = 1e300
    d = 1.0 / b
    fraction = d
    for i in range(1, _MOST_TERMS):
        a = -i * (i - shape)
        b += 2.0
        d = 1.0 / (a * d + b)
        c = b + a / c
        factor = d * c
        fraction *= factor
        if abs(factor - 1.0) < _EPSILON:
            break
    return (1.0 - u) - front * fraction


@called
def gamma_quantile(shape: float, u: float) -> float:
    """Return the quantile at u in (0, 1) of the gamma distribution of a shape >= 1, scale 1.

    Halley's method, kept between bounds that close in, from Wilson and Hilferty's normal approximation. Its
    error after a step is of the order of the step's cube, so a step of a millionth is the last one.

    Source:
        Press et al., "Numerical Recipes", 3rd ed., 6.2.1.
    """
    log_of_gamma = log_gamma(shape)
    spread = 1.0 / (9.0 * shape)
    root = 1.0 - spread + normal_quantile(u) * math.sqrt(spread)
    x = shape * (root * root * root)
    if root <= 0.3:  # far below the mean: the series' first term alone
        x = math.exp((math.log(u) + math.log(shape) + log_of_gamma) / shape)
    low = 0.0
    high = math.inf
    for _ in range(_MOST_STEPS):
        excess = gamma_excess(shape, x, u)
        if excess > 0.0:
            high = x
        else:
            low = x
        step = excess * math.exp(x - (shape - 1.0) * math.log(x) + log_of_gamma)
        step /= 1.0 - 0.5 * min(1.0, step * ((shape - 1.0) / x - 1.0))
        after = x - step
        if abs(step) <= _LAST_STEP * x:
            return after
        if not low < after < high:  # also when the step is none of the numbers
            after = 2.0 * x if high == math.inf else (low + high) / 2.0
        x = after
    return x


@called
def residual_s(kind: int, a: float, b: float, u: float, v: float) -> float:
    """Return what is left of a period that is under way, in seconds; not for an empirical distribution.

    Args:
        kind: Distribution of such periods, one of `sim.fleet.spec`.
        a: Its first parameter.
        b: Its second.
        u: Uniform in (0, 1) that decides how long the whole period is.
        v: Uniform in (0, 1), which part of it is left.
    """
    if kind == CONSTANT:
        return a * v
    if kind == EXPONENTIAL:
        return -a * math.log(u)
    if kind == LOGNORMAL:
        return a * math.exp(b * (b + normal_quantile(u))) * v
    if kind == UNIFORM:
        return _between_s(a, b, u) * v
    length: float = b * gamma_quantile(1.0 + 1.0 / a, u) ** (1.0 / a)  # Weibull
    return length * v


@inlined
def residual_empirical_s(s: Floats, weight: Floats, lo: int, hi: int, u: float, v: float) -> float:
    """Return what is left of a period that is under way, in seconds, for an empirical distribution.

    Args:
        s: (Q,) seconds.
        weight: (Q,) of `sim.fleet.spec.weights_of`.
        lo: First row of the distribution.
        hi: One past its last.
        u: Uniform in (0, 1) that decides how long the whole period is.
        v: Uniform in (0, 1), which part of it is left.
    """
    i = segment_of(weight, lo, hi, u)
    within = (u - weight[i]) / (weight[i + 1] - weight[i])
    return _between_s(s[i], s[i + 1], within) * v


@inlined
def _between_s(low: float, high: float, u: float) -> float:
    """Return the quantile at u of the length-biased uniform distribution between two times."""
    return math.sqrt(low * low + (high - low) * (high + low) * u)
