"""Means, differences and shares for many points at once."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest, ttest_rel

from sim.results.statistics import estimate
from sim.study.display.text import change_text
from sim.study.point_statistics import differences, loss_probability, means, wilson

VALUES = np.array(
    [
        [1.0, 2.0, 4.0, 7.0],
        [1.0, np.nan, 4.0, 7.0],
        [np.nan, np.nan, np.nan, np.nan],
        [3.0, np.nan, np.nan, np.nan],
        [3.0, 3.0, 3.0, 3.0],
    ]
)


@pytest.mark.parametrize("name", ["failed", "makespan", "time_to_success.p95", "recovered_share"])
def test_means__are_what_a_summary_says_of_one_point(name):
    """Many points at once, and one at a time as `sim.run` has it, are the same numbers."""
    found = means(name, VALUES)

    for row, *ours in zip(VALUES, *found, strict=True):
        theirs = estimate(name, [None if np.isnan(value) else value for value in row])
        expected = [np.nan if part is None else part for part in theirs[:3]]
        if (~np.isnan(row)).sum() == 1:
            expected[1:] = [np.nan, np.nan]
        assert ours == pytest.approx(expected, nan_ok=True)


def test_differences__are_paired():
    """The interval is that of the differences, as the paired t test has it."""
    generator = np.random.default_rng(5)
    base = generator.normal(10, 5, 20)
    after = base + generator.normal(1, 0.5, 20)

    found = differences("failed", after[None, :], base)

    interval = ttest_rel(after, base).confidence_interval()
    assert found.mean[0] == pytest.approx((after - base).mean())
    assert (found.low[0], found.high[0]) == pytest.approx((interval.low, interval.high))
    assert found.high[0] - found.low[0] < 1  # unpaired it would be about 6


@pytest.mark.parametrize(
    ("after", "base"),
    [
        ([0.1 + 0.2, 0.7, 1e9 * (0.1 + 0.2)], [0.3, 0.7, 1e9 * 0.3]),  # equal but for the order of additions
        ([1.1, 1.2, 0.7], [1.0, 1.0, 1.0]),  # they cancel each other
    ],
)
def test_differences__of_nothing_are_not_noise(after, base):
    """What differs by no more than floats are rounded by is said to be no difference."""
    found = differences("attempts_per_device", np.array([after]), np.array(base))

    assert np.array(after).sum() - np.array(base).sum() != 0 or np.any(np.subtract(after, base) != 0)
    assert found.mean[0] == 0
    assert change_text("attempts_per_device", found).startswith("±0")


def test_differences__of_a_microsecond_are_kept():
    """The smallest step of the clock is a difference, in a run of a hundred days as well."""
    time_s = np.array([8.64e6, 8.64e6])
    found = differences("makespan", (time_s + 2e-6)[None, :], time_s)

    assert found.mean[0] == pytest.approx(2e-6, rel=1e-2)


def test_differences__a_time_that_was_never_reached_has_none():
    """Never minus something is nothing."""
    assert np.isnan(differences("makespan", VALUES[1:2], VALUES[0]).mean[0])


@pytest.mark.parametrize(("held", "n"), [(0, 10), (28, 30), (30, 30), (1, 1), (500, 1000)])
def test_wilson__is_the_interval_of_scipy(held, n):
    """The formula agrees with a library that is slow to import."""
    interval = binomtest(held, n).proportion_ci(0.95, method="wilson")

    assert wilson(held, n) == pytest.approx((interval.low, interval.high), abs=1e-12)


@pytest.mark.parametrize(("lost", "gained", "same"), [(0, 0, 5), (3, 0, 5), (5, 1, 0), (1, 5, 2), (4, 4, 4)])
def test_loss__is_a_one_sided_sign_test(lost, gained, same):
    """Replications in which nothing changed don't count."""
    before = np.array([True] * lost + [False] * gained + [True] * same)
    after = np.array([False] * lost + [True] * gained + [True] * same)

    expected = binom.sf(lost - 1, lost + gained, 0.5) if lost else 1.0
    assert loss_probability(before, after) == pytest.approx(expected)
