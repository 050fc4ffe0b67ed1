"""Tests of what is said about the order of devices: only where something binds, and found out by trying."""

import pytest

from sim import run
from sim.results.display.order import order_notes, order_sentence, what_binds
from sim.scenario import make_scenario

QUICK = {"name": "quick", "devices": 120, "stages": {"install": {"constant": "5 min"}}}
SLOW = {"name": "slow", "devices": 5, "stages": {"install": {"constant": "1 h"}}}
TEN_PLACES = {"max_processing": 10}
NOBODY = {"peak_processing": 0, "peak_downloads": 0}


def scenario_of(*cohorts, platform=None, **campaign):
    """Return a scenario of two cohorts, the quick one first, unless others are given."""
    package = {"version": "2.0", "size": "1 MiB"}
    return make_scenario(
        {
            "name": "ordered",
            "fleet": {"cohorts": list(cohorts or (QUICK, SLOW))},
            "platform": platform or {},
            "campaign": {"package": package, **campaign},
        }
    )


@pytest.mark.parametrize(
    ("platform", "peaks", "words"),
    [
        ({}, {}, ""),
        (TEN_PLACES, {"peak_processing": 9}, ""),
        (TEN_PLACES, {"peak_processing": 10}, "places bind (10 of 10 in Processing)"),
        (
            {**TEN_PLACES, "max_downloads": 3, "dispatch_rate": "1 /s"},
            {"peak_processing": 10, "peak_downloads": 3},
            "places bind (10 of 10 in Processing, 3 of 3 downloads)",
        ),
        ({"dispatch_rate": "0.5 /s"}, {}, "the dispatch rate binds (30 /min)"),
    ],
)
def test_binds__places_that_were_all_taken_or_a_dispatch_rate(platform, peaks, words):
    """Nothing is said unless somebody may have waited for somebody else."""
    assert what_binds(scenario_of(platform=platform), NOBODY | peaks) == words


def test_binds__a_ramp_and_cells_that_hold_more_than_their_places():
    """A growing rate makes devices wait; a cell does so if it has more of them than places."""
    ramp = {"dispatch_ramp": {"base_rate": "1 /s", "increment_factor": 2, "every": 10}}
    cells = [
        {"name": "cells", "protocol": "lwm2m", "devices": 60, "cell": {"devices": size}} for size in (1, 30)
    ]

    assert what_binds(scenario_of(what_if=ramp), NOBODY) == "the dispatch ramp binds"
    assert what_binds(scenario_of(QUICK, cells[0]), NOBODY) == ""
    assert what_binds(scenario_of(QUICK, cells[1]), NOBODY) == "places bind (those of radio cells)"


@pytest.mark.parametrize(("at_a_time", "words"), [(29, "places bind (those of sites)"), (30, "")])
def test_binds__sites_that_hold_more_than_take_their_turn(at_a_time, words):
    """Devices of a site wait for one another if not all of them are upgraded at a time."""
    shop = {"name": "shop", "devices": 60, "site": {"devices": 30, "at_a_time": at_a_time}}
    line = {"name": "line", "devices": 60, "site": {"devices": 30, "uplink": "1 Mbit/s"}}

    assert what_binds(scenario_of(QUICK, shop, line), NOBODY) == words


def test_binds__one_cohort_has_no_order_to_speak_of():
    """Among devices that are alike it doesn't matter who comes first."""
    assert what_binds(scenario_of(QUICK, platform=TEN_PLACES), {"peak_processing": 10}) == ""


def test_sentence__names_the_metric_that_differs_most():
    """Five per cent make the difference; a time that never comes is as different as can be."""
    mine = {"makespan": 3600.0, "time_to_success.p50": 1800.0, "time_to_success.p95": None}

    def said(**other):
        return order_sentence("places bind", "file", mine, mine | other)

    assert said(makespan=3780.0) == (
        "places bind, but another order of the devices ('file') makes hardly a difference"
    )
    assert said(makespan=5400.0) == (
        "order matters here: places bind; with order 'file' the makespan is 1 h 30 min instead of 1 h"
    )
    reached = said(**{"time_to_success.p95": 3600.0})
    assert reached.endswith("with order 'file' 95 % of the fleet have succeeded after 1 h instead of never")


@pytest.mark.parametrize("plane", ["simpy", "compiled"])
def test_notes__places_that_are_held_for_long_from_the_middle_on_delay_the_others(plane):
    """120 quick ones through ten places take 60 min; with slow ones among them longer: both planes say so."""
    (note,) = order_notes(run(scenario_of(platform=TEN_PLACES, order="file"), plane=plane))

    assert note.startswith("order matters here: places bind (10 of 10 in Processing); with order 'shuffled' ")
    assert "95 % of the fleet have succeeded after 1 h " in note
    assert note.endswith("instead of 1 h")


def test_notes__equal_cohorts_make_no_difference():
    """Two names for the same devices: the comparison finds nothing."""
    twins = [{**QUICK, "name": name} for name in "ab"]
    (note,) = order_notes(run(scenario_of(*twins, platform=TEN_PLACES)))

    assert note.endswith("but another order of the devices ('file') makes hardly a difference")


def test_notes__nothing_is_run_where_nothing_binds(monkeypatch):
    """A fleet without limits is run as often as was asked for."""
    result = run(scenario_of())
    monkeypatch.setattr("sim.results.display.order.run_campaign", None)

    assert order_notes(result) == []


def test_notes__a_long_run_is_not_doubled(monkeypatch):
    """A large fleet that was run once is not run again unasked, and the note says so; beside ten it is."""
    monkeypatch.setattr("sim.results.display.order._FEW_DEVICES", {"compiled": 100, "simpy": 100})
    scenario = scenario_of(platform=TEN_PLACES)
    (note,) = order_notes(run(scenario))
    (compared,) = order_notes(run(scenario, replications=10))

    assert "whether the order of the devices matters was not compared" in note
    assert "not compared" not in compared
