"""The search for a retry policy."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sim.errors import ScenarioError
from sim.scenario import load_scenario
from sim.study import policy
from sim.study.engine import dispatch
from sim.study.engine.study import Study
from sim.study.policies.answer import OBJECTIVES
from sim.study.policies.front import ADVICE, NONE
from sim.study.policies.search import policy_values
from support.study_scenarios import files_in, scenario_of

LINK = {"fraction": "80 %", "mean_offline": "2 h"}


def flaky(devices: int = 120, **sections):
    """Return devices that fail one attempt in three, and one in twenty always."""
    failures = [
        {"stage": "install", "code": 10, "probability": "30 %"},
        {"stage": "verify", "code": 8, "permanent": "5 %"},
    ]
    return scenario_of(devices, name="flaky", failures=failures, **sections)


@pytest.fixture(scope="module")
def search():
    """Return a search on a fleet in which nothing is shared."""
    return policy(flaky(), replications=6)


def test_policy__without_sharing_short_intervals_are_on_the_front(search):
    """Nothing speaks for waiting when devices don't disturb each other: one policy a count is left."""
    front = search.front[search.front["on_front"]]

    assert front["retry_interval_min"].max() <= 2
    assert set(front["retry_count"]) >= {0, 1, 2, 3}
    assert front["retry_count"].is_unique


def test_policy__more_retries_upgrade_more_and_cost_more(search):
    """Along the front every advantage has its price."""
    front = search.front[search.front["on_front"]].sort_values("retry_count")

    assert front["not_upgraded"].is_monotonic_decreasing
    assert front["extra_attempts"].is_monotonic_increasing


def test_policy__objectives_are_those_of_runs(search):
    """Each number can be had again with `sim.run` and the policy in the scenario."""
    import sim

    result = sim.run(search.scenario.with_values(policy_values(ADVICE)), replications=6)
    means = result.metrics
    row = search.front.query("retry_count == 2 and retry_interval_min == 5").iloc[0]

    assert row["not_upgraded"] == pytest.approx(means["devices"] - means["succeeded"])
    assert row["extra_attempts"] == pytest.approx(means["auto_retries"] + means["manual_retries"])
    assert row["bytes_wasted"] == pytest.approx(means["bytes_wasted"])
    assert row["time"] == pytest.approx(means[search.time])


def test_policy__the_time_is_one_that_is_reached(search):
    """99 % is out of reach where one device in twenty always fails; the next smaller share is taken."""
    assert search.time == "time_to_success.p90"
    assert "time to 90 %" in str(search)
    assert "5 retries, 1, 30, 240, 720 or 1440 min apart, do not upgrade 95 %" in str(search)


def test_policy__the_advice_is_compared_replication_by_replication(search):
    """The difference is the mean of the replications' differences, with its interval."""
    pairs = search.values(ADVICE, "not_upgraded") - search.values(NONE, "not_upgraded")
    change = search.difference(ADVICE, NONE, "not_upgraded")

    assert change.mean[0] == pytest.approx(pairs.mean())
    assert change.low[0] < change.mean[0] < change.high[0] < 0
    text = str(search)
    assert "The console's advice, 2 × 5 min, against no automatic retry (paired, 95 % intervals)" in text
    assert f"against {search.best}" in text


def test_policy__the_best_upgrades_most(search):
    """Whoever wants one answer gets the policy with most devices upgraded, then the fastest."""
    frame = search.front.set_index(["retry_count", "retry_interval_min"])

    best = search.best.retry_count, search.best.retry_interval_min
    assert frame.loc[best, "not_upgraded"] == frame["not_upgraded"].min()


def conditioned(until: str):
    """Return devices of which one in ten is in a condition of eight hours, in a run of some length."""
    flat = {"stage": "query", "code": 4, "probability": "10 %", "lasts": {"exponential": {"mean": "8 h"}}}
    return scenario_of(2000, name="flat", failures=[flat], run={"until": until, "seed": 3})


@pytest.mark.parametrize(("until", "percent"), [("7 d", 99), ("2 h", 90), ("1 d", 95)])
def test_policy__within_reach_is_what_patience_or_haste_brings_home(until, percent):
    """99 % recover if the run leaves time for waits of a day; in a short run the short waits decide."""
    assert policy(conditioned(until), replications=8).time == f"time_to_success.p{percent}"


def test_policy__asks_no_further_once_the_most_patient_reaches_all(monkeypatch):
    """One persistent policy is run in every replication where it upgrades 99 %, five where none does."""
    asked = []
    runs = Study.runs

    def counted(study, points, replications):
        asked.append((len(points), replications))
        return runs(study, points, replications)

    monkeypatch.setattr(Study, "runs", counted)
    policy(conditioned("7 d"), replications=4)
    assert asked[0] == (1, 4)
    assert asked[1][1] == 1  # the screening

    asked.clear()
    policy(flaky(), replications=4)
    assert asked[:5] == [(1, 4)] * 5
    assert asked[5][1] == 1


def test_policy__against_what_lasts_prefers_hours_and_says_so(repository):
    """A battery that is flat for 8 h is not charged after minutes, and the text says what that costs."""
    shipped = load_scenario(repository / "scenarios" / "flat-batteries.yaml")
    found = policy(shipped.with_values({"fleet.cohorts.handset.devices": 3000}), replications=2)
    best = found.best_interval

    assert best.retry_count == ADVICE.retry_count
    assert best.retry_interval_min >= 120
    assert found.best.retry_interval_min >= 120
    left = found.frame.set_index(["retry_count", "retry_interval_min"])["not_upgraded"]
    least, advised = left[best.retry_count, best.retry_interval_min], left[2, 5]
    assert least < advised / 4
    assert (
        f"Devices remember here (conditions last 8 h on average): {best} leaves {least:,.0f} behind, "
        f"2 × 5 min {advised:,.0f} (one run of each)"
    ) in " ".join(str(found).split())


def test_policy__without_memory_says_nothing_of_it(search):
    """Where each attempt has draws of its own, or the platform waits for a link, no interval is praised."""
    assert "remember" not in str(search)

    waited_for = flaky(fleet={"cohorts": [{"name": "a", "devices": 60, "online": LINK}]})
    assert "remember" not in str(policy(waited_for, replications=2))


def test_policy__pending_devices_are_not_upgraded():
    """An interval so long that the run ends before is no way to have no failures."""
    found = policy(flaky(run={"until": "2 h", "seed": 3}), replications=2)

    frame = found.frame.set_index(["retry_count", "retry_interval_min"])["not_upgraded"]
    assert frame.loc[(5, 1440)] == frame.loc[(0, 0)]
    assert frame.loc[(5, 1)] < frame.loc[(0, 0)]


def test_policy_values__keep_the_rest_of_the_policy():
    """A schedule is no part of what is searched."""
    scenario = scenario_of(
        campaign={
            "package": {"version": "1", "size": "1 kB"},
            "task_policy": {"retry_count": 1, "retry_interval": "5 min", "schedule_time": "2 h"},
        }
    )

    assert scenario.with_values(policy_values(ADVICE)).campaign.task_policy.schedule_time == 7200


def test_policy__all_problems_are_named_before_anything_runs(tiny, monkeypatch):
    """Numbers, tolerance and places are looked at together."""
    monkeypatch.setattr(dispatch, "perform_packed", None)
    with pytest.raises(ScenarioError) as caught:
        policy(tiny, replications=0, screen=0, tolerance=2.0, workers=0)

    assert {problem.path for problem in caught.value.problems} == {
        "replications", "screen", "tolerance", "workers",
    }  # fmt: skip


def test_policy__a_scenario_that_forbids_a_policy_is_named():
    """A back-off whose bound is below the longest interval contradicts some policies."""
    campaign = {
        "package": {"version": "1", "size": "1 kB"},
        "task_policy": {"retry_count": 1, "retry_interval": "5 min"},
        "what_if": {"back_off": {"factor": 2, "max": "1 h"}},
    }
    with pytest.raises(ScenarioError, match="less than retry_interval"):
        policy(scenario_of(campaign=campaign))


def test_folder__holds_frames_and_figure_and_is_gone_on_from(tmp_path):
    """A second search in the same folder computes nothing."""
    first = policy(flaky(), replications=4, folder=tmp_path / "study")
    before = files_in(tmp_path / "study")
    again = policy(flaky(), replications=4, folder=tmp_path / "study")

    assert files_in(tmp_path / "study") == before
    assert again.digest == first.digest
    policies = pd.read_parquet(tmp_path / "study" / "policies.parquet")
    assert list(policies.columns) == ["retry_count", "retry_interval_min", *OBJECTIVES, "on_front"]
    assert policies["on_front"].any()
    front = pd.read_parquet(tmp_path / "study" / "front.parquet")
    assert {"time_vs_advice", "time_vs_advice_low", "not_upgraded_vs_none_high"} <= set(front.columns)
    assert (tmp_path / "study" / "policy.png").read_bytes().startswith(b"\x89PNG")


def covers(ours, theirs, tolerance: float) -> bool:
    """Tell whether each of their policies has one of ours that is no worse anywhere by the tolerance."""
    objectives = ours.objectives[ours.front]
    for other in theirs.objectives[theirs.front]:
        with np.errstate(invalid="ignore"):
            fine = (objectives <= other * (1 + tolerance)) | (objectives == other)
        if not fine.all(axis=1).any():
            return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("name", ["quickstart", "silent-devices", "night-meters"])
def test_policy__coarse_to_fine_finds_the_front_of_all_7201(repository: Path, name):
    """On shipped fleets, a tenth as large, both fronts stand for each other within the tolerance."""
    scenario = load_scenario(repository / "scenarios" / f"{name}.yaml")
    smaller = {f"fleet.cohorts[{i}].devices": max(n // 10, 1) for i, n in enumerate(scenario.cohort_sizes)}
    if scenario.platform.max_processing is not None:
        smaller["platform.max_processing"] = scenario.platform.max_processing // 10
    scenario = scenario.with_values(smaller)

    coarse = policy(scenario, replications=1)
    everywhere = policy(scenario, replications=1, exhaustive=True)

    assert len(everywhere.screened.policies) == 7_201
    assert len(coarse.screened.policies) < 400
    assert covers(coarse.screened, everywhere.screened, 0.011)
    assert covers(everywhere.screened, coarse.screened, 0.011)


def test_policy__costs_are_an_objective():
    """With costs the front has a column of them, and the best policy may be the cheapest."""
    costs = {"per_attempt": "1 EUR", "per_visit": "3 EUR"}
    search = policy(flaky(60, costs=costs), replications=2, objective="cost")
    values = [search.values(one, "cost").mean() for one in search.finalists.policies]

    assert search.objectives == (*OBJECTIVES, "cost")
    assert search.values(search.best, "cost").mean() <= min(values) * (1 + search.tolerance)
    assert {"cost", "cost_vs_advice"} <= {*search.front.columns}
    assert "best in cost" in search.text()
    assert " EUR" in search.text()


@pytest.mark.parametrize(
    ("objective", "part"), [("cost", "says nothing of costs"), ("spike", "allowed: time")]
)
def test_policy__refuses_an_objective(objective, part):
    """Costs are an objective of scenarios with costs; other words are no objective."""
    with pytest.raises(ScenarioError, match=rf"objective: .*{part}"):
        policy(flaky(), objective=objective)


def test_policy__the_objective_is_not_rounded_by_the_tolerance():
    """What is cheaper by less than the tolerance is the best in cost, and its neighbour is named."""
    failures = [
        {"stage": "install", "code": 10, "probability": "10 %"},
        {"stage": "verify", "code": 8, "permanent": "20 %"},
    ]
    costs = {"per_visit": "80 EUR", "per_gb": "0.05 EUR"}
    scenario = scenario_of(3000, failures=failures, costs=costs)
    found = policy(scenario, replications=2, objective="cost", tolerance=0.1)
    cost = {one: found.values(one, "cost").mean() for one in found.finalists.policies}
    near = found.neighbour

    assert cost[found.best] <= min(cost.values()) * (1 + 1e-5)
    assert found.best not in found.finalists.on_front
    assert near in found.finalists.on_front
    assert cost[found.best] < cost[near] <= cost[found.best] * 1.1
    assert f"{found.best} is best in cost (" in found.headline
    assert f" EUR; {near} has less than 10 % more, " in found.headline
    assert near < found.best
    assert "best in cost, not on the front" in found.text()
    assert {policy.retry_count for policy in found.finalists.policies} == set(range(6))
