"""What no replication has shown yet."""

import pytest

from sim.results.unseen import Unseen, may_fork, unseen_of
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
