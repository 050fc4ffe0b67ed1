"""Intervals that don't rest on normality, and what tells that Student's doesn't hold."""

import numpy as np
import pytest

from sim.study.bounded_mean import bounded_interval, is_too_skewed


def covered(draw, mean, n, studies=400):
    """Return in which share of studies of n values the interval holds the mean."""
    intervals = [bounded_interval(draw(n)) for _ in range(studies)]
    return np.mean([low <= mean <= high for low, high in intervals])


@pytest.mark.parametrize("n", [10, 60, 300])
@pytest.mark.parametrize("p", [0.003, 0.058, 0.5, 0.99])
def test_bounded__holds_the_mean_of_two_humps(n, p):
    """However rare the second hump, the interval covers the mean of both in 95 % of studies, but for 2 %."""
    rng = np.random.default_rng(n)

    def draw(count):
        return np.where(rng.random(count) < p, rng.normal(0.2, 0.02, count), rng.normal(0.9, 0.02, count))

    assert covered(draw, 0.2 * p + 0.9 * (1 - p), n) >= 0.93


def test_bounded__allows_for_what_was_not_seen():
    """Values that are all the same leave room for about four of n others, and the room shrinks as 1 / n."""
    low, high = bounded_interval(np.ones(100))

    assert high == 1.0
    assert 1 - 6 / 100 < low < 1 - 3 / 100
    assert (1 - bounded_interval(np.ones(1_000))[0]) == pytest.approx((1 - low) / 10, rel=0.2)


def test_bounded__both_sides_are_alike():
    """What holds for values holds for one less the values, from the other side."""
    values = np.random.default_rng(3).beta(2, 5, 80)
    low, high = bounded_interval(values)

    assert bounded_interval(1 - values) == pytest.approx((1 - high, 1 - low))
    assert low < values.mean() < high


def test_skewed__a_few_rare_events_are_and_many_are_not():
    """Two events in forty runs are too few for Student's interval, and 20 in 400 are enough."""
    few, many = np.zeros(40), np.zeros(400)
    few[:2] = many[:20] = 1

    assert is_too_skewed(few)
    assert not is_too_skewed(many)


def test_skewed__normal_values_seldom_are():
    """Ordinary metrics need no more replications: at the first look one study in ten goes on for it."""
    rng = np.random.default_rng(4)

    assert np.mean([is_too_skewed(rng.normal(0, 1, 10)) for _ in range(1_000)]) < 0.1
    assert not is_too_skewed(np.full(10, 3.0))
