"""A scenario without something: every word takes away what it says, and nothing else."""

from typing import Any

import pytest

from sim.errors import ScenarioError
from sim.scenario import make_scenario
from sim.study.pairs.without import PARTS, lacking

FULL: dict[str, Any] = {
    "name": "full",
    "fleet": {
        "cohorts": [
            {
                "name": "meter",
                "devices": 10,
                "protocol": "lwm2m",
                "window": {"opens": "22:00", "closes": "06:00"},
                "failures": [{"stage": "install", "code": 10, "probability": "2 %"}],
                "site": {"devices": 5, "at_a_time": 1},
            },
            {"name": "gateway", "devices": 10},
        ]
    },
    "platform": {"max_processing": 4},
    "failures": [{"stage": "verify", "code": 7, "probability": "1 %"}],
    "campaign": {
        "package": {"version": "2", "size": "1 MB"},
        "task_policy": {"retry_count": 1, "retry_interval": "5 min"},
        "waves": [
            {"name": "canary", "share": "10 %", "gate": {"failed_share_max": "5 %"}},
            {"name": "everyone", "share": "100 %"},
        ],
    },
    "operators": [{"call": "retry", "at": "6 h"}, {"call": "stop", "at": "9 h"}],
    "outages": [
        {"at": "3 h", "lasts": "1 h", "effect": "unreachable"},
        {"at": "5 h", "lasts": "1 h", "effect": "freeze"},
    ],
}


def left(*parts: str) -> Any:
    """Return what the full scenario says without some parts."""
    return lacking(make_scenario(FULL), parts).source.data


@pytest.mark.parametrize("part", sorted(PARTS))
def test_lacking__every_word_takes_something_away_once(part):
    """Each word changes the scenario, and finds nothing to take away the second time."""
    once = lacking(make_scenario(FULL), [part])

    assert once.digest != make_scenario(FULL).digest
    with pytest.raises(ScenarioError, match=f"without: the scenario has no {part}, so there is nothing"):
        lacking(once, [part])


def test_lacking__what_is_said_in_cohorts_goes_too():
    """Failures, windows and sites of single cohorts are theirs, and go with the word."""
    data = left("failures", "windows", "sites")

    assert "failures" not in data
    assert data["fleet"]["cohorts"][0] == {"name": "meter", "devices": 10, "protocol": "lwm2m"}


def test_lacking__gates_go_and_waves_stay():
    """Without gates the waves are what they were."""
    assert [wave["name"] for wave in left("gates")["campaign"]["waves"]] == ["canary", "everyone"]
    assert all("gate" not in wave for wave in left("gates")["campaign"]["waves"])


def test_lacking__one_item_of_a_list_by_number_or_name():
    """A single item goes, the others stay; the last one takes its list along."""
    assert [outage["at"] for outage in left("outages[0]")["outages"]] == ["5 h"]
    assert [wave["name"] for wave in left("waves[canary]")["campaign"]["waves"]] == ["everyone"]
    assert "outages" not in lacking(lacking(make_scenario(FULL), ["outages[1]"]), ["outages[0]"]).source.data


def test_lacking__any_value_by_its_path():
    """A path takes a value away, so that it has its default."""
    assert "task_policy" not in left("campaign.task_policy")["campaign"]
    assert "protocol" not in left("fleet.cohorts.meter.protocol", "windows")["fleet"]["cohorts"][0]


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("outage", "unknown part 'outage'; did you mean 'outages'? allowed: outages, operators, failures"),
        ("outages[2]", "there is no outages[2]; the scenario has 2, counted from 0"),
        ("waves[late]", "there is no waves[late]; the scenario has 2, counted from 0"),
        ("campaign.what_if", "the scenario has no campaign.what_if, so there is nothing to compare"),
        ("fleet.cohorts", "fleet.cohorts: is required"),
    ],
)
def test_lacking__what_can_not_be_taken_away_is_refused(part, message):
    """A word that nobody knows, an item that is not there, a value that must be given."""
    with pytest.raises(ScenarioError) as refused:
        left(part)

    assert message in str(refused.value)


def test_lacking__everything_wrong_is_said_at_once():
    """Two wrong parts are two problems."""
    with pytest.raises(ScenarioError) as refused:
        left("outage", "outages[7]")

    assert len(refused.value.problems) == 2
