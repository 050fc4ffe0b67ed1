"""What lasts of devices, in words."""

import pytest

from sim.campaign.remembered import condition_words, lasting_obstacles, lasting_words, link_words
from sim.scenario import make_scenario


def scenario_of(*cohorts, **sections):
    """Return a scenario of cohorts of ten devices."""
    named = [{"name": f"c{i}", "devices": 10, **cohort} for i, cohort in enumerate(cohorts)]
    return make_scenario(
        {
            "name": "s",
            "fleet": {"cohorts": named},
            "campaign": {"package": {"version": "2", "size": "1 kB"}},
            **sections,
        }
    )


def flat(mean, stage="query"):
    """Return a condition of one device in ten."""
    return {"stage": stage, "code": 4, "probability": "10 %", "lasts": {"exponential": {"mean": mean}}}


@pytest.mark.parametrize(
    ("cohorts", "obstacles"),
    [
        ([{}], []),
        ([{"failures": [{"stage": "query", "code": 4, "probability": "10 %"}]}], []),
        ([{"failures": [flat("8 h")]}], ["conditions last 8 h on average"]),
        (
            [{"failures": [flat("8 h")]}, {"failures": [flat("2 d")]}],
            ["conditions last 8 h to 2 d on average"],
        ),
        ([{"online": {"fraction": "80 %", "mean_offline": "4 h"}}], []),  # the platform waits for it
        ([{"online": {"fraction": "80 %", "mean_offline": "2 d"}}], ["devices are away for 2 d on average"]),
        ([{"online": {"every": "150 min", "for": "3 min"}}], []),
    ],
)
def test_obstacles__are_what_a_retry_may_meet_again(cohorts, obstacles):
    """Conditions are; a link is if contacts outlast the online timer, since shorter absences fail nothing."""
    assert lasting_obstacles(scenario_of(*cohorts)) == obstacles


@pytest.mark.parametrize(
    ("online", "words"),
    [
        ({}, ""),
        ({"fraction": "80 %", "mean_offline": "4 h"}, "80 %, away for 4 h"),
        (
            {"online": {"constant": "1 h"}, "offline": {"constant": "3 h"}, "during_upgrade": "pauses"},
            "25 %, away for 3 h, pauses",
        ),
        ({"every": "150 min", "for": "3 min", "during_upgrade": "breaks"}, "3 min every 2 h 30 min, breaks"),
    ],
)
def test_link__in_words(online, words):
    """How much of the time, or how often; how long away; and what that does to a download."""
    assert link_words(scenario_of({"online": online}).fleet.cohorts[0]) == words


def test_conditions__in_words():
    """Stage, share of time and length of each condition; other causes are none."""
    scenario = scenario_of(
        {"failures": [flat("8 h"), flat("30 min", "install")]},
        failures=[
            {"stage": "verify", "code": 7, "probability": "1 %"},
        ],
    )

    words = condition_words(scenario.failures_of(scenario.fleet.cohorts[0]))
    assert words == "query 10 %, 8 h each; install 10 %, 30 min each"
    assert condition_words(scenario.failures) == ""


def test_words__name_everything_that_is_kept():
    """Links, conditions, bytes, and what a failure left; nothing for a fleet that keeps its version only."""
    dead = {"stage": "reboot", "silent": True, "probability": "1 %", "leaves": "dead"}
    online = {"every": "150 min", "for": "3 min"}

    assert lasting_words(scenario_of({})) == ""
    assert lasting_words(scenario_of({"online": online, "resume": True}, failures=[flat("8 h"), dead])) == (
        "links that go up and down by themselves, conditions that last 8 h on average, "
        "bytes of downloads that broke off, what a failed attempt has left of them"
    )
