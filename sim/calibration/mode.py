"""The most probable numbers, and how sharply the data say so.

Decision: a quasi-Newton search with differences for a gradient, since the likelihood keeps what a change of
one number leaves alone; derivatives written out would be a second model to keep true.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_STEP: Final = 2e-3
"""Step of differences, on the scale of the search: a thousandth of a share or a time."""
_ROUNDS: Final = 60
_FLAT: Final = 0.05
"""Slope, in log-likelihood a unit, below which the search is over."""


class Mode(NamedTuple):
    """Where the posterior is highest.

    Attributes:
        at: (k,) numbers on the scale of the search.
        height: Logarithm of the posterior there, up to a constant.
        curvature: (k, k) minus the second derivatives of the log-likelihood, without the prior.
        has_converged: Whether the slope is as good as 0 there.
    """

    at: Floats
    height: float
    curvature: Floats
    has_converged: bool


def find_mode(
    log_likelihood: Callable[[Floats], float],
    start: Floats,
    means: Floats,
    sds: Floats,
    *,
    progress: Callable[[float], None] | None = None,
) -> Mode:
    """Search for the mode of likelihood times prior.

    Args:
        log_likelihood: Of numbers on the scale of the search; -inf where they are not allowed.
        start: (k,) where to begin.
        means: (k,) of the prior.
        sds: (k,) of the prior, > 0.
        progress: Called with the share of the rounds that have passed.
    """
    from scipy import optimize  # half a second to import

    minimize: Any = optimize.minimize  # its type hints know no start of the Hessian

    rounds = 0

    def cost(x: Floats) -> float:
        value = log_likelihood(x)
        return float(0.5 * np.sum(((x - means) / sds) ** 2) - value) if np.isfinite(value) else 1e12

    def slope(x: Floats) -> Floats:
        return np.array([(cost(x + step) - cost(x - step)) / (2 * _STEP) for step in steps])

    def after_round(_: Floats) -> None:
        nonlocal rounds
        rounds += 1
        if progress is not None:
            progress(min(rounds / _ROUNDS, 1.0))

    steps = np.eye(len(start)) * _STEP
    first = _curvature(lambda x: -cost(x), start)
    found = minimize(
        cost,
        start,
        jac=slope,
        method="BFGS",
        callback=after_round,
        options={"maxiter": _ROUNDS, "gtol": _FLAT, "hess_inv0": _inverse(first, sds)},
    )
    at = np.asarray(found.x, np.float64)
    steep = float(np.abs(slope(at) * np.minimum(sds, 1.0)).max(initial=0.0))
    return Mode(at, -float(found.fun), _curvature(log_likelihood, at), steep < 20 * _FLAT)


def _inverse(curvature: Floats, sds: Floats) -> Floats:
    """Return a positive definite inverse of a curvature to begin the search with."""
    scaled = curvature * sds * sds[:, None]
    values, vectors = np.linalg.eigh((scaled + scaled.T) / 2)
    inverse = (vectors / np.maximum(np.abs(values), 1.0)) @ vectors.T
    inverse = inverse * sds * sds[:, None]
    return np.asarray((inverse + inverse.T) / 2)


def _curvature(function: Callable[[Floats], float], at: Floats) -> Floats:
    """Return minus the second derivatives by central differences."""
    k, h = len(at), 10 * _STEP
    unit = np.eye(k) * h
    middle = function(at)
    ahead = [function(at + unit[i]) for i in range(k)]
    back = [function(at - unit[i]) for i in range(k)]
    found = np.zeros((k, k))
    for i in range(k):
        found[i, i] = ahead[i] - 2 * middle + back[i]
        for j in range(i):
            both = function(at + unit[i] + unit[j]) + function(at - unit[i] - unit[j])
            found[i, j] = found[j, i] = (both - ahead[i] - ahead[j] - back[i] - back[j] + 2 * middle) / 2
    return -found / h**2
