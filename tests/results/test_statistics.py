"""Means, intervals and bands over replications."""

import numpy as np
import pytest
import scipy.stats

from sim.results.statistics import Unseen, band, estimate, may_fork, t_interval, unseen_of
from sim.scenario import make_scenario

GATE = {"waves": [{"name": "all", "share": "100 %", "gate": {"failed_count_max": 8}}]}
ABORT = {"dispatch_ramp": {"base_rate": "1 /s", "increment_factor": 2, "every": 9}}


def scenario(campaign=None, **sections):
    """Return a scenario of 50 devices."""
    package = {"version": "2", "size": "1 kB"}
    fleet = {"cohorts": [{"name": "a", "devices": 50}]}
    return make_scenario(
        {"name": "x", "fleet": fleet, "campaign": {"package": package, **(campaign or {})}, **sections}
    )


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
@pytest.mark.parametrize("n", [2, 3, 30])
def test_t_interval__agrees_with_scipy_stats(n, level):
    """The interval is Student's, as SciPy computes it."""
    sample = np.random.default_rng(n).normal(10, 3, n)
    expected = scipy.stats.t.interval(level, n - 1, loc=sample.mean(), scale=scipy.stats.sem(sample))

    mean, low, high = t_interval(sample.tolist(), level)

    assert mean == pytest.approx(sample.mean(), rel=1e-14)
    assert (low, high) == pytest.approx(expected, rel=1e-10)


@pytest.mark.statistical
def test_t_interval__holds_the_mean_in_95_of_100_studies():
    """Over 4,000 studies the share of intervals that hold the mean is 95 % within 4 standard errors."""
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(4_000):
        _, low, high = t_interval(rng.normal(1, 2, 8).tolist())
        hits += low <= 1 <= high

    assert abs(hits / 4_000 - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 4_000)


def test_estimate__one_replication_has_no_interval_and_keeps_its_type():
    """One value is its own mean; a count stays a whole number."""
    value = estimate("devices", [7])

    assert value == (7, None, None, (7,))
    assert isinstance(value.mean, int)


def test_estimate__equal_values_dont_tell_how_they_would_vary():
    """There is no interval of them unless a bound is known for what was not seen, by the rule of three."""
    assert estimate("makespan", [5, 5, 5])[:3] == (5.0, None, None)
    assert estimate("devices", [5, 5, 5], Unseen(0, 5))[:3] == (5.0, 5.0, 5.0)
    assert estimate("failed", [0] * 10, Unseen(1, 200))[:3] == (0.0, 0.0, pytest.approx(-np.log(0.05) / 10))
    assert estimate("success_share", [1.0] * 2, Unseen(1, 1))[:3] == (1.0, 0.0, 1.0)
    assert estimate("failed", [0, 1, 0], Unseen(1, 200)) == estimate("failed", [0, 1, 0])


@pytest.mark.parametrize("name", ["time_to_success.p95", "time_to_recovery.p50", "makespan"])
def test_estimate__a_time_that_was_once_never_reached_has_no_mean(name):
    """A mean over the lucky replications would flatter, so there is none."""
    assert estimate(name, [60.0, None, 70.0]) == (None, None, None, (60.0, None, 70.0))


def test_estimate__a_share_of_nothing_is_left_out():
    """A replication without failures says nothing about recovery; the others do."""
    assert estimate("recovered_share", [None, 0.5, 0.7]).mean == pytest.approx(0.6)
    assert estimate("recovered_share", [None, 0.5])[:3] == (0.5, None, None)
    assert estimate("recovered_share", [None, None]).mean is None


def test_band__mean_and_quantiles_pointwise():
    """Each column is averaged and ranked alone."""
    mean, low, high = band(np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 4.0]]))

    assert mean.tolist() == [1.0, 2.0]
    assert low == pytest.approx([0.1, 1.0])
    assert high == pytest.approx([1.9, 3.7])


def test_band__of_one_curve_is_that_curve():
    """Without other replications there is nothing between which it could lie."""
    curve = np.array([0.1, 0.3, 1.0 / 3.0])

    assert all((part == curve).all() for part in band(curve[None, :]))


@pytest.mark.parametrize(
    ("campaign", "sections", "forks"),
    [
        ({}, {}, False),
        (GATE, {}, True),
        ({"what_if": ABORT}, {}, False),
        (
            {"what_if": {"dispatch_ramp": {**ABORT["dispatch_ramp"], "abort": [{"failed_share_max": 0.1}]}}},
            {},
            True,
        ),
        ({}, {"operators": [{"call": "retry", "when": "settled"}]}, False),
        ({}, {"operators": [{"call": "stop", "when": {"stalled_for": "4 h"}}]}, True),
        ({}, {"operators": [{"call": "stop", "when": {"failed_share_above": "5 %"}}]}, True),
    ],
)
def test_fork__is_a_condition_that_luck_may_meet(campaign, sections, forks):
    """Gates, aborts and operators that wait for something may take a campaign elsewhere as a whole."""
    assert may_fork(scenario(campaign, **sections)) is forks


@pytest.mark.parametrize(
    ("name", "calm", "forking"),
    [
        ("devices", Unseen(0, 50), Unseen(0, 50)),
        ("failed", Unseen(1, 50), Unseen(50, 50)),
        ("success_share", Unseen(0.02, 1), Unseen(1, 1)),
        ("recovered_share", Unseen(1, 1), Unseen(1, 1)),
        ("makespan", None, None),
        ("attempts", None, None),
    ],
)
def test_unseen__is_a_device_or_the_whole_fleet(name, calm, forking):
    """One event moves a count by one device, or by all where a campaign may stop; times have no bound."""
    assert (unseen_of(name, 50, forks=False), unseen_of(name, 50, forks=True)) == (calm, forking)
