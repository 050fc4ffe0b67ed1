"""Tests of the sentences that go with a summary."""

import numpy as np
import pytest

from sim.campaign.notes import mean_probability, spread_notes
from sim.scenario import make_scenario

WINDOW = {"opens": "22:00", "closes": "06:00"}
DAYTIME = {"opens": "06:00", "closes": "22:00"}


def cohort(**fields):
    """Return the fleet section of one cohort `a` of twenty devices."""
    return {"cohorts": [{"name": "a", "devices": 20, **fields}]}


@pytest.mark.parametrize(("p", "sigma"), [(0.1, 1.2), (0.03, 0.4), (0.5, 2.0), (0.9, 1.0)])
def test_mean__is_that_of_many_devices(p, sigma):
    """The quadrature agrees with the mean over two million evenly spaced normal quantiles."""
    from scipy.special import ndtri

    z = ndtri((np.arange(2_000_000) + 0.5) / 2_000_000)
    odds = p / (1 - p) * np.exp(sigma * z)

    assert mean_probability(p, sigma) == pytest.approx(float((odds / (1 + odds)).mean()), abs=1e-6)


def test_mean__of_the_documented_example():
    """10 % for the median device at a spread of 1.2 is 14.7 % on average."""
    assert mean_probability(0.1, 1.2) == pytest.approx(0.147, abs=5e-4)


@pytest.mark.parametrize(("p", "sigma"), [(0.0, 1.0), (1.0, 1.0), (0.3, 0.0)])
def test_mean__certainty_and_equality_are_kept(p, sigma):
    """What never or always fails does so in every device, and equal devices have their mean."""
    assert mean_probability(p, sigma) == p


def test_spread__is_explained_where_it_acts(run_of):
    """A cohort with spread gets a sentence per stage with a probability; permanent causes have none."""
    run = run_of(
        fleet=cohort(spread=1.2),
        failures=[
            {"stage": "download", "code": 2, "probability": "10 %"},
            {"stage": "verify", "code": 7, "permanent": "10 %"},
        ],
    )

    (note,) = run.notes
    assert note.startswith("a: download fails with 10 % for the median device, 14.69 % on average")


def test_spread__acts_on_the_share_of_time_of_a_condition():
    """A condition is met independently of fresh draws, so it has a sentence of its own."""
    lasting = {"probability": "10 %", "lasts": {"constant": "8 h"}}
    scenario = make_scenario(
        {
            "fleet": cohort(spread=1.2),
            "campaign": {"package": {"version": "1", "size": "1 MiB"}},
            "failures": [
                {"stage": "query", "code": 4, **lasting},
                {"stage": "query", "silent": True, **lasting},
                {"stage": "query", "code": 2, "probability": "3 %"},
            ],
        }
    )

    assert [note.split(" for ")[0] for note in spread_notes(scenario)] == [
        "a: query fails with 3 %",
        "a: query meets a condition of code 4 with 10 %",
        "a: query meets a silent condition with 10 %",
    ]


@pytest.mark.parametrize(
    ("places", "fields", "is_said"),
    [
        (5, {"window": DAYTIME}, True),
        (20, {"window": DAYTIME}, True),
        (5, {}, False),
        (5, {"window": WINDOW}, False),
        (None, {"window": DAYTIME}, False),
    ],
)
def test_places__held_by_waiting_devices_are_mentioned(run_of, places, fields, is_said):
    """If devices waited for a window with a full platform, the summary says so; else it doesn't."""
    platform = {} if places is None else {"max_processing": places}
    run = run_of(fleet=cohort(**fields), platform=platform, stages={"verify": {"constant": "1 h"}})

    assert any("Processing places were taken" in note for note in run.notes) is is_said


@pytest.mark.parametrize(
    ("place", "where"),
    [
        ({"site": {"devices": 5, "at_a_time": 1}}, "at sites"),
        ({"protocol": "lwm2m", "cell": {"devices": 10, "coverage": [0, 0, 1]}}, "in radio cells"),
    ],
)
def test_places__of_cells_and_sites_held_by_waiting_devices_are_mentioned(run_of, place, where):
    """Whoever waits for a window keeps its cell's or site's place, and those behind it wait too."""
    said = (
        f"devices waited for places {where}; devices that wait for their window or the end of an outage keep"
    )
    runs = [run_of(fleet=cohort(**place, **window)) for window in ({}, {"window": DAYTIME})]

    assert [any(note.startswith(said) for note in run.notes) for run in runs] == [False, True]
