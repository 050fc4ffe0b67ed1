"""What is left of a period under way, against SciPy and the integral that defines it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special, stats

from sim.fleet import spec as fs
from sim.fleet.model.residuals import (
    gamma_excess,
    gamma_quantile,
    residual_empirical_s,
    residual_s,
)

N = 4000
FAMILIES = {
    "constant": ((fs.CONSTANT, 7.0, 0.0), None),
    "exponential": ((fs.EXPONENTIAL, 10.0, 0.0), stats.expon(scale=10.0)),
    "lognormal": ((fs.LOGNORMAL, 2.0, 0.8), stats.lognorm(0.8, scale=2.0)),
    "uniform": ((fs.UNIFORM, 20.0, 60.0), stats.uniform(20.0, 40.0)),
    "weibull, long tail": ((fs.WEIBULL, 0.6, 30.0), stats.weibull_min(0.6, scale=30.0)),
    "weibull, short tail": ((fs.WEIBULL, 3.0, 30.0), stats.weibull_min(3.0, scale=30.0)),
}
POINTS_P = np.array([0.0, 0.0, 0.25, 0.5, 0.9, 1.0])[1:]
POINTS_S = np.array([0.0, 10.0, 10.0, 40.0, 400.0])


def uniforms(seed: int) -> np.ndarray:
    """Return pairs of uniforms, evenly spread over the unit square; (N, 2)."""
    return stats.qmc.Sobol(2, seed=seed).random(4096)[:N] * (1.0 - 2e-16) + 1e-16


def equilibrium_cdf(survival, mean: float, grid: np.ndarray) -> np.ndarray:
    """Return the distribution function (1/mean) * integral of the survival function, on a grid from 0."""
    return integrate.cumulative_trapezoid(survival(grid), grid, initial=0.0) / mean


@pytest.mark.parametrize("name", FAMILIES)
def test_residual_s__has_the_equilibrium_distribution(name):
    """Shares below any time are the integral of 1 - F over the mean, to one in a thousand."""
    (kind, a, b), frozen = FAMILIES[name]
    left = np.sort([residual_s(kind, a, b, u, v) for u, v in uniforms(1)])
    if frozen is None:
        assert stats.kstest(left, stats.uniform(0.0, a).cdf).statistic < 2e-3
        return
    grid = np.linspace(0.0, frozen.ppf(1 - 1e-9), 400_001)
    expected = equilibrium_cdf(frozen.sf, frozen.mean(), grid)
    got = np.searchsorted(left, grid, side="right") / N
    assert np.abs(got - expected).max() < 6e-3


@pytest.mark.parametrize("name", [name for name in FAMILIES if FAMILIES[name][1] is not None])
def test_residual_s__has_mean_of_squares_over_twice_the_mean(name):
    """The mean of what is left is E[X**2] / (2 E[X]), by integration over both uniforms."""
    (kind, a, b), frozen = FAMILIES[name]
    # The lengths alone decide with the mean of v, 1/2; an exponential's first uniform is all there is.
    v = 1.0 if kind == fs.EXPONENTIAL else 0.5
    mean, _ = integrate.quad(lambda u: residual_s(kind, a, b, u, v), 0.0, 1.0, limit=400)
    assert mean == pytest.approx(frozen.moment(2) / (2.0 * frozen.mean()), rel=1e-4)


def test_residual_empirical_s__has_the_equilibrium_distribution():
    """An empirical distribution with a jump and a long last piece: the mean left is E[X**2] / (2 E[X])."""
    weights = fs.weights_of(POINTS_P, POINTS_S)
    low, high, part = POINTS_S[:-1], POINTS_S[1:], np.diff(POINTS_P)
    mean = (part * (low + high) / 2).sum()
    square = (part * (low**2 + low * high + high**2) / 3).sum()
    left = np.array([residual_empirical_s(POINTS_S, weights, 0, len(POINTS_S), u, v) for u, v in uniforms(2)])
    assert left.mean() == pytest.approx(square / (2 * mean), rel=2e-3)

    def survival(x):
        return 1.0 - np.interp(x, POINTS_S, POINTS_P)

    grid = np.linspace(0.0, 400.0, 40_001)
    # np.interp takes the upper value at the jump, which is a single point of the integral.
    got = np.searchsorted(np.sort(left), grid, side="right") / N
    assert np.abs(got - equilibrium_cdf(survival, mean, grid)).max() < 6e-3


def test_weights_of__are_parts_of_the_mean():
    """Two equal halves at 1 s and 3 s carry a quarter and three quarters of the mean."""
    weights = fs.weights_of(np.array([0.0, 0.499999, 0.500001, 1.0]), np.array([1.0, 1.0, 3.0, 3.0]))
    assert weights == pytest.approx([0.0, 0.25, 0.25, 1.0], abs=1e-5)
    assert weights[-1] == 1.0


@given(shape=st.floats(1.0, 171.0), x=st.floats(1e-6, 400.0))
def test_gamma_excess__equals_scipy(shape, x):
    """The distribution function is SciPy's to 12 digits."""
    assert gamma_excess(shape, x, 0.0) == pytest.approx(special.gammainc(shape, x), rel=1e-11, abs=1e-13)


@given(shape=st.floats(1.0, 171.0), u=st.floats(1e-12, 1.0 - 1e-12))
def test_gamma_quantile__equals_scipy(shape, u):
    """The quantile is SciPy's, also where hardly anything lies beyond it."""
    expected = special.gammaincinv(shape, u) if u < 0.5 else special.gammainccinv(shape, 1.0 - u)
    assert gamma_quantile(shape, u) == pytest.approx(expected, rel=1e-10)


def test_residual_s__weibull_of_shape_one_is_exponential():
    """Weibull with shape 1 is the exponential, whose rest is exponential again."""
    left = [residual_s(fs.WEIBULL, 1.0, 5.0, u, v) for u, v in uniforms(3)]
    assert stats.kstest(left, stats.expon(scale=5.0).cdf).statistic < 6e-3
    assert np.mean(left) == pytest.approx(5.0, rel=2e-3)
