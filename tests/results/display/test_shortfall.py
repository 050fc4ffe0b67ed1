"""Why a campaign fell short, and what to raise first."""

import sim
from sim.results.display.shortfall import shortfall_sentence
from support.study_scenarios import scenario_of

BUSY = {"install": {"constant": "10 min"}}


def why(scenario):
    """Return why a scenario's first run fell short."""
    return shortfall_sentence(scenario, sim.run(scenario).runs[0])


def test_shortfall__places_that_nobody_left_in_time():
    """Who never got a place is counted, and the field of the places named before the run's end."""
    scenario = scenario_of(
        100, platform={"max_processing": 5}, stages=BUSY, failures=[], run={"until": "1 h", "seed": 3}
    )

    text = why(scenario)

    assert text.endswith(
        "of 100 devices never got a place before the run ended; "
        "raise platform.max_processing or run.until first"
    )


def test_shortfall__pending_devices_that_all_began():
    """Where every device had begun, the wait is named instead."""
    scenario = scenario_of(
        50, stages={"install": {"constant": "2 h"}}, failures=[], run={"until": "1 h", "seed": 3}
    )

    assert why(scenario) == (
        "50 of 50 devices were still pending when the run ended (most of the time went to the work itself "
        "(install 100 %)); raise run.until first"
    )


def test_shortfall__failures_have_their_most_frequent_reason():
    """Devices that failed for good are told by what they stand at, and no limit is to be raised."""
    scenario = scenario_of(failures=[{"stage": "install", "code": 10, "permanent": "100 %"}])

    assert why(scenario) == (
        "60 of 60 devices failed, most often with code 10: Upgrade package installation failure (60)"
    )


def test_shortfall__of_a_fleet_that_is_upgraded_is_none():
    """There is nothing to say where all devices succeeded."""
    assert why(scenario_of(failures=[])) == ""
