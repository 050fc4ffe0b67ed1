"""The best point of a sweep, and which field made the difference."""

import numpy as np
import pytest

from sim.study import sweep
from sim.study.ranges.vary import Axis
from sim.study.sweeps.best import best_by, main_effects
from support.study_scenarios import scenario_of

PLACES, RETRIES = "platform.max_processing", "campaign.task_policy.retry_count"


@pytest.fixture
def places():
    """Return 100 devices that take 60 s each in one of `max_processing` places."""
    return scenario_of(100, name="places", stages={"install": {"constant": "60 s"}}, failures=[])


def test_main_effects__are_shares_of_the_variance():
    """A field that does all of it has all of the variance, and two that add up share it."""
    assert main_effects(np.array([[1.0, 1.0], [3.0, 3.0]])) == pytest.approx((1.0, 0.0))
    assert main_effects(np.array([[0.0, 1.0], [2.0, 3.0]])) == pytest.approx((0.8, 0.2))
    assert main_effects(np.array([[1.0, 0.0], [0.0, 1.0]])) == pytest.approx((0.0, 0.0))
    assert main_effects(np.ones((2, 2))) == (0.0, 0.0)


def test_headline__names_the_best_point_and_the_field_that_did_it(places):
    """Not the corners of the grid, but where it is best, what is as good, and what made the difference."""
    found = sweep(places, {PLACES: [10, 100, 50], RETRIES: [1, 2]}, replications=2)

    best = best_by(found, "makespan")

    assert best is not None
    assert (best.point, best.equals) == (2, (3,))
    assert found.headline.endswith(
        "Of the differences, each alone makes: max_processing 100 %, retry_count 0 %."
    )
    assert "is best with max_processing 100, retry_count 1: " in found.headline
    assert found.headline.split(". ")[0] in " ".join(str(found).split())
    assert found.as_dict()["headline"] == found.headline


def test_headline__equal_points_are_said_to_be_equal_and_why(places):
    """Where nothing differs, no point is best."""
    alike = places.with_values({PLACES: 2, "run.until": "10 min"})

    found = sweep(alike, {RETRIES: [1, 2]}, replications=2)

    assert found.headline.startswith("The 2 points can't be told apart: success_share is ")
    assert (
        "never got a place before the run ended; raise platform.max_processing or run.until first."
        in found.headline
    )


def test_headline__recommends_nothing_if_no_device_was_upgraded():
    """To fail sooner with fewer retries is not better."""
    none = scenario_of(failures=[{"stage": "install", "code": 10, "permanent": "100 %"}])

    found = sweep(none, {RETRIES: [1, 2]}, replications=2)

    assert found.headline.startswith("No device is upgraded at any of the 2 points, so that none is best.")
    assert "code 10" in found.headline


def test_headline__of_points_that_are_all_upgraded_gives_no_reason(places):
    """There is nothing to explain where all devices are upgraded at every point."""
    found = sweep(places, {RETRIES: [1, 2]}, replications=2)

    assert found.why == ""
    assert found.headline.startswith("The 2 points can't be told apart: success_share is 100 %")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("platform.max_processing", "max_processing"),
        ("fleet.cohorts.meters.link_rate", "cohorts[meters].link_rate"),
        ("fleet.cohorts[meters].site.uplink", "cohorts[meters].site.uplink"),
        ("failures[0].probability", "failures[0].probability"),
        ("campaign.waves[canary].soak", "waves[canary].soak"),
    ],
)
def test_axis__name_keeps_whose_field_it_is(path, name):
    """Two columns of two cohorts have different heads."""
    assert Axis(path, (1, 2), None).name == name
