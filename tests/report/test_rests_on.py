"""What a run rests on is listed: clocks, places, waves, conditions and outages, of shipped scenarios."""

import pytest

import sim
from sim.report.rests_on import assumptions
from sim.results.files.read import read_run
from sim.scenario import make_scenario

LISTED = {
    "store-nights": [
        (
            "Window of eastern: download from 22:00 to 06:00 (America/New_York); "
            "install from 03:00 to 05:00 (America/New_York)."
        ),
        "The run begins on Fri 6 Mar 2026 12:00 UTC.",
        "Policy: 5 automatic retries, 1 h after a failure.",
    ],
    "thin-sites": ["Sites of machine, 50 devices each: a line of 10 Mbit/s."],
    "phases-and-freeze": [
        "Wave canary: pilot, 1 % of the others reached with it.",
        "Wave third: 30 % of the fleet reached with it, begins after 12 h.",
        "Freeze from 1 d 12 h to 3 d 12 h: nothing is dispatched, what is under way goes on.",
        "Policy: 1 automatic retry, 1 h after a failure.",
    ],
    "canary-gate": [
        (
            "Wave early: 10 % of the fleet reached with it, begins once the wave before has settled, soaks "
            "for 1 d, a gate stops it when more than 5 % of the devices that ended fail, of 200 at least."
        ),
        "In reach, all cohorts: 90 %, away for 2 h.",
    ],
    "night-meters": [
        "Window of meter: contact from 22:00 to 06:00 (UTC).",
        "Cells of meter: 1,000 devices each.",
    ],
    "flat-batteries": ["Conditions of"],
    "regional-outage": ["Outage from", "can't be reached"],
}


@pytest.mark.parametrize("name", LISTED)
def test_assumptions__list_what_the_scenario_has(name, repository, tmp_path):
    """Windows, sites, waves, conditions and freezes stand there in words, dates beside them if there are."""
    sim.run(repository / "scenarios" / f"{name}.yaml").save(tmp_path)

    told = "\n".join(assumptions(read_run(tmp_path)).points)
    for words in LISTED[name]:
        assert words in told


def test_assumptions__say_once_what_many_cohorts_have(tmp_path):
    """Two hundred cohorts with one window are a line, with the first names and the number of the others."""
    window = {"opens": "22:00", "closes": "06:00", "days": ["mon", "tue"]}
    cohorts = [{"name": f"c{i}", "devices": 1, "window": window} for i in range(200)]
    cohorts.append({"name": "always", "devices": 1})
    values = {
        "name": "many",
        "fleet": {"cohorts": cohorts},
        "campaign": {"package": {"version": "2", "size": "1 kB"}},
    }
    sim.run(make_scenario(values), plane="simpy").save(tmp_path)

    (told,) = [point for point in assumptions(read_run(tmp_path)).points if point.startswith("Window")]
    assert "more: contact from 22:00 to 06:00 on mon, tue (UTC)." in told
    assert len(told) < 120
