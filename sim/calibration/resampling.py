"""Draws of the posterior: a wide proposal around the mode, weighted, and drawn from again.

The normal approximation at the mode is not enough for small shares, for the spread and for fits of the first
hours. Weights say how far off it is: their effective number, and the shape of their tail (Pareto's k).

Source:
    Gelman et al., "Bayesian Data Analysis", 3rd ed., 10.4; Vehtari et al., "Pareto smoothed importance
    sampling", JMLR 25 (2024): k above 0.7 means that the proposal misses a part.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DRAWS: Final = 400
_PROPOSED: Final = 400
_FREEDOM: Final = 8.0
_WIDER: Final = 1.1
_ENOUGH: Final = 100.0
_TAIL: Final = 0.2


class Draws(NamedTuple):
    """Draws of the posterior, on the scale of the search.

    Attributes:
        at: (400, k) float64, equally probable.
        effective: How many independent draws they are worth.
        pareto_k: Shape of the tail of the weights; below 0.7 they can be relied on.
    """

    at: Floats
    effective: float
    pareto_k: float


def resample(log_posterior: Callable[[Floats], float], mode: Floats, covariance: Floats, seed: int) -> Draws:
    """Draw from a posterior.

    Args:
        log_posterior: Up to a constant, of numbers on the scale of the search.
        mode: (k,) where it is highest.
        covariance: (k, k) of the normal distribution that fits there.
        seed: Key of the draws.
    """
    rng = np.random.Generator(np.random.Philox(key=seed))
    found = _weighted(log_posterior, mode, covariance * _WIDER**2, rng)
    if found.effective < _ENOUGH:
        # Once more around what the first round has found.
        middle = found.weights @ found.at
        off = found.at - middle
        wider = (off * found.weights[:, None]).T @ off
        mixed = 0.5 * (wider + covariance) * _WIDER**2
        again = _weighted(log_posterior, middle, mixed, rng)
        found = max(found, again, key=lambda one: one.effective)
    # Systematic: as often as the weight says, but for one.
    places = (np.arange(DRAWS) + rng.uniform()) / DRAWS
    rows = np.searchsorted(np.cumsum(found.weights), places).clip(max=len(found.at) - 1)
    return Draws(found.at[rng.permutation(rows)], found.effective, found.pareto_k)


class _Weighted(NamedTuple):
    at: Floats
    weights: Floats
    effective: float
    pareto_k: float


def _weighted(
    log_posterior: Callable[[Floats], float], middle: Floats, covariance: Floats, rng: np.random.Generator
) -> _Weighted:
    """Return draws of a multivariate t distribution with their weights."""
    k = len(middle)
    root = np.linalg.cholesky(covariance)
    normal = rng.standard_normal((_PROPOSED, k))
    scale = np.sqrt(_FREEDOM / rng.chisquare(_FREEDOM, _PROPOSED))
    t = normal * scale[:, None]
    at = middle + t @ root.T
    density = -0.5 * (_FREEDOM + k) * np.log1p(np.sum(t**2, axis=1) / _FREEDOM)
    log_weight = np.array([log_posterior(x) for x in at]) - density
    weights = np.exp(log_weight - log_weight.max())
    weights /= weights.sum()
    return _Weighted(at, weights, float(1.0 / np.sum(weights**2)), pareto_k(weights))


def pareto_k(weights: Floats) -> float:
    """Return the shape of the tail of weights, by Hill's estimator over its fifth; 0 for equal weights.

    Args:
        weights: (n,) float64 >= 0.
    """
    tail = np.sort(weights)[-max(int(len(weights) * _TAIL), 5) :]
    tail = tail[tail > 0]
    if len(tail) < 2 or tail[0] <= 0:
        return float("inf")
    return float(np.mean(np.log(tail[1:] / tail[0])))
