"""Turnbull's estimator: against hand-made cases, exact times, another implementation and simulated truth."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

from sim.calibration.turnbull import turnbull
from sim.errors import ModelError
from sim.recording.attempts import NEVER


def test_exact_times_give_the_empirical_shares() -> None:
    """Without censoring every time has its own share, by cause."""
    at = np.array([10, 20, 20, 30], np.int64)
    first, second = turnbull(at, at, np.array([0, 0, 1, 0]), 2)
    assert first.by.tolist() == [10, 20, 30]
    assert first.mass == pytest.approx([0.25, 0.25, 0.25])
    assert second.by.tolist() == [20]
    assert second.mass == pytest.approx([0.25])


def test_mass_goes_into_innermost_intervals_only() -> None:
    """Of (0, 10], (5, 15] and (20, 30] only (5, 10] and (20, 30] can hold mass: two thirds and one third."""
    (found,) = turnbull(np.array([0, 5, 20]), np.array([10, 15, 30]), np.zeros(3, np.int64), 1)
    assert list(zip(found.after.tolist(), found.by.tolist(), strict=True)) == [(5, 10), (20, 30)]
    assert found.mass == pytest.approx([2 / 3, 1 / 3], abs=1e-6)


def test_right_censored_times_give_the_product_limit() -> None:
    """With exact times and right-censoring it is Kaplan and Meier's: 1/4, then 3/4 x 1/2."""
    after = np.array([10, 15, 20, 25], np.int64)
    by = np.array([10, NEVER, 20, NEVER], np.int64)
    (found,) = turnbull(after, by, np.zeros(4, np.int64), 1)
    assert found.mass == pytest.approx([1 / 4, 3 / 8], abs=1e-5)


def test_weights_stand_for_devices() -> None:
    """An observation of weight two is two observations."""
    after, by = np.array([0, 5, 5, 8]), np.array([10, 15, 15, NEVER])
    (plain,) = turnbull(after, by, np.zeros(4, np.int64), 1)
    keep = [0, 1, 3]
    (weighted,) = turnbull(after[keep], by[keep], np.zeros(3, np.int64), 1, np.array([1.0, 2.0, 1.0]))
    assert weighted.mass == pytest.approx(plain.mass)


def test_bounds_enclose_the_truth_of_simulated_polls() -> None:
    """Two exponential causes seen at irregular looks: shares by cause at each look are the true ones."""
    rng = np.random.default_rng(5)
    n = 8_000
    at = rng.exponential(40_000.0, n)
    cause = (rng.uniform(size=n) < 0.3).astype(np.int64)
    # When each device is looked at does not depend on it; looks of different devices lie apart.
    step, offset = 10_000, rng.integers(0, 5, n) * 2000
    after = ((np.floor((at - offset) / step) * step) + offset).clip(0).astype(np.int64)
    by = ((np.floor((at - offset) / step) + 1) * step + offset).astype(np.int64)
    gone = at > 120_000
    after[gone], by[gone] = 120_000, NEVER
    for c, found in enumerate(turnbull(after, by, cause, 2)):
        looks = np.array([20_000, 50_000, 100_000], np.int64)
        low, high = found.bounds(looks)
        truth = (0.7, 0.3)[c] * (1 - np.exp(-looks / 40_000.0))
        assert (low - 0.02 <= truth).all()
        assert (truth <= high + 0.02).all()


def test_it_agrees_with_another_implementation() -> None:
    """For one cause the survival at each end is that of an independent library."""
    surpyval = import_module("surpyval")  # takes seconds, so only here
    rng = np.random.default_rng(3)
    at = rng.weibull(1.4, 300) * 50_000
    after = (np.floor(at / 7000) * 7000 - rng.integers(0, 3000, 300)).clip(0).astype(np.int64)
    by = (np.ceil(at / 7000) * 7000 + rng.integers(1, 3000, 300)).astype(np.int64)
    (found,) = turnbull(after, by, np.zeros(300, np.int64), 1)
    other = surpyval.Turnbull.fit(xl=after.astype(float), xr=by.astype(float))
    looks = found.by[:-1]
    ours = np.cumsum(found.mass)[:-1]
    theirs = other.ff(looks.astype(float) + 0.5)
    assert ours == pytest.approx(theirs, abs=2e-3)


def test_what_it_refuses() -> None:
    """No observation, and an interval that ends before it begins."""
    none = np.zeros(0, np.int64)
    with pytest.raises(ModelError, match="no observations"):
        turnbull(none, none, none, 1)
    with pytest.raises(ModelError, match="before it begins"):
        turnbull(np.array([5]), np.array([4]), np.array([0]), 1)
