"""What a policy search says where nothing tells policies apart: so, why, and no advice."""

import pytest

from sim.study import policy
from support.study_scenarios import scenario_of

NOTHING_TO_RETRY = "This fleet can't tell policies apart: no attempt failed, so there was nothing to retry."
ALL_FAILED = (
    "This fleet can't tell policies apart: 60 of 60 devices failed, most often with code 10: Upgrade package "
    "installation failure (60). None brings 50 % of the fleet to Success."
)


def test_headline__nothing_reached_gives_the_reason_and_recommends_nothing():
    """Where most devices never got a place, retries are not what matters."""
    scenario = scenario_of(
        200,
        platform={"max_processing": 2},
        stages={"install": {"constant": "10 min"}},
        failures=[{"stage": "install", "code": 10, "probability": "5 %"}],
        run={"until": "2 h", "seed": 3},
    )

    found = policy(scenario, replications=2)

    assert found.is_indistinct
    assert found.best is None
    assert found.headline.startswith("This fleet can't tell policies apart: 17")
    assert "never got a place before the run ended" in found.headline
    assert found.headline.endswith(
        "raise platform.max_processing or run.until first. None brings 50 % of the fleet to Success."
    )
    text = str(found)
    assert "most upgraded" not in text
    assert "against" not in text
    assert found.as_dict()["best"] is None


@pytest.mark.parametrize(
    ("failures", "reason"),
    [
        ([], NOTHING_TO_RETRY),
        ([{"stage": "install", "code": 10, "permanent": "100 %"}], ALL_FAILED),
    ],
)
def test_headline__no_failures_and_nothing_but_failures(failures, reason):
    """Without a failure nothing is retried, and where all fail for good no retry helps."""
    found = policy(scenario_of(60, failures=failures), replications=2)

    assert found.headline == reason
    assert found.best is None


def test_headline__names_the_best_policy_where_there_is_one():
    """Failures that a retry makes good tell policies apart."""
    found = policy(scenario_of(100), replications=2)

    assert found.best is not None
    assert found.headline.startswith(f"{found.best} leaves the fewest devices behind, ")
    assert found.as_dict()["best"]["retry_count"] == found.best.retry_count
    assert " ".join(found.headline.split()[:6]) in " ".join(str(found).split())
