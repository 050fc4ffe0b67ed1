"""Comparing two campaigns: the differences, what is refused, and how it is shown."""

import json
from typing import Any

import numpy as np
import pytest

import sim
from sim.scenario import Scenario
from sim.study.pairs.run import compare_without
from support.study_scenarios import scenario_of

BUSY: dict[str, Any] = {
    "operators": [{"call": "retry", "at": "2 h"}],
    "outages": [
        {"at": "0 s", "lasts": "30 min", "effect": "unreachable"},
        {"at": "40 min", "lasts": "10 min", "effect": "freeze"},
    ],
}


def slots_of(places: int, **sections: Any) -> Scenario:
    """Return 100 devices that take 60 s each in one of some places: ceil(100 / places) minutes."""
    platform = {"max_processing": places}
    stages = {"install": {"constant": "60 s"}}
    return scenario_of(100, name="slots", stages=stages, failures=[], platform=platform, **sections)


@pytest.fixture(scope="module")
def busy() -> sim.RunResult:
    """Return four replications of a campaign that begins with an outage."""
    return sim.run(scenario_of(80, name="busy", **BUSY), replications=4)


def test_compare__differences_are_those_of_pairs(busy):
    """The mean and the interval are those of second minus first, replication by replication."""
    other = sim.run(busy.scenario.with_values({"campaign.task_policy.retry_count": 0}), replications=4)

    found = sim.compare(busy, other)

    pairs = np.array(other.estimates["attempts"].values) - np.array(busy.estimates["attempts"].values)
    row = found.frame.loc["attempts"]
    assert row["difference"] == pytest.approx(pairs.mean())
    assert row["low"] < row["difference"] < row["high"] < 0
    assert row["second"] - row["first"] == pytest.approx(row["difference"])
    assert row["pairs"] == found.pairs == 4


def test_compare__a_known_difference_in_words():
    """Five times as many places: 10 minutes become 2."""
    found = sim.compare(slots_of(10), slots_of(50), names=("ten places", "fifty places"), replications=3)

    assert found.frame.loc["makespan", "difference"] == -480.0
    assert found.headline == "With fifty places p95 is 8 min earlier, compared with ten places."


def test_compare__the_same_campaign_has_no_difference():
    """A campaign beside itself: every difference is 0, and the sentence says so."""
    found = sim.compare(slots_of(10), slots_of(10))

    assert set(found.frame["difference"].dropna()) == {0.0}
    assert found.names == ("the first", "the second")
    assert "nothing changes: every metric is the same in every pair" in found.headline


def test_compare__scenarios_run_as_often_as_the_result_beside_them(busy):
    """A scenario beside a result gets the result's seed and number of replications."""
    found = sim.compare(busy, busy.scenario.with_values({"run.seed": 99}))

    assert found.pairs == 4
    assert set(found.frame["difference"].dropna()) == {0.0}


def test_compare__a_study_of_replications_is_a_side(busy):
    """Replications with metrics only have the same values as runs with everything."""
    found = sim.compare(busy, sim.replicate(busy.scenario, replications=6))

    assert found.pairs == 4
    assert set(found.frame["difference"].dropna()) == {0.0}
    assert "only the first 4 of 6 replications have a partner" in found.text()


def test_compare__other_fleets_are_refused(busy):
    """More devices, or other cohorts, have other draws: nothing would be paired."""
    larger = busy.scenario.with_values({"fleet.cohorts.gateway.devices": 81})
    renamed = busy.scenario.with_values({"fleet.cohorts.gateway.name": "meter"})

    with pytest.raises(
        sim.ScenarioError, match=r"comparing runs of different fleets: cohort 'gateway' has 80"
    ):
        sim.compare(busy, larger)
    with pytest.raises(sim.ScenarioError, match=r"1 cohort in the second one only \(meter\)"):
        sim.compare(busy, renamed)


def test_compare__the_same_cohorts_in_another_order_are_another_fleet():
    """Devices are numbered in the order of the cohorts, and draws by device."""
    cohorts = [{"name": name, "devices": 5} for name in ("a", "b")]
    first, second = (scenario_of(fleet={"cohorts": each}) for each in (cohorts, cohorts[::-1]))

    with pytest.raises(sim.ScenarioError, match="the cohorts stand in another order"):
        sim.compare(first, second)


def test_compare__other_seeds_are_refused(busy):
    """Runs with other draws are no pairs, and the refusal explains why that matters."""
    with pytest.raises(sim.ScenarioError, match=r"seed: 3 and 4: runs with other draws are no pairs"):
        sim.compare(busy, sim.run(busy.scenario, seed=4, replications=4))


def test_compare__scenarios_with_other_seeds_are_refused_unless_one_is_given():
    """Neither seed is dropped in silence: the caller says which one is meant."""
    first, second = slots_of(10), slots_of(10).with_values({"run.seed": 4})

    with pytest.raises(sim.ScenarioError, match=r"seed: 3 and 4: runs with .*; give one for both as seed="):
        sim.compare(first, second, replications=2)

    assert sim.compare(first, second, replications=2, seed=5).first.seed == 5


def test_compare__other_currencies_are_refused():
    """Euros and dollars have no difference; a campaign without costs has none to compare."""
    euros, dollars = (slots_of(10, costs={"per_gb": f"1 {word}"}) for word in ("EUR", "USD"))

    with pytest.raises(sim.ScenarioError, match="costs: are in EUR and USD; costs can be compared in one"):
        sim.compare(euros, dollars)
    assert sim.compare(euros, slots_of(10), replications=2).pairs == 2


@pytest.mark.parametrize(
    ("arguments", "path"),
    [({"names": ("a", "a")}, "names"), ({"names": "ab"}, "names"), ({"seed": "x"}, "seed")],
)
def test_compare__wrong_arguments_are_refused_by_name(busy, arguments, path):
    """What can't be meant is named before anything runs."""
    with pytest.raises(sim.ScenarioError) as refused:
        sim.compare(busy, busy, **arguments)

    assert [problem.path for problem in refused.value.problems] == [path]


def test_compare_without__says_what_an_outage_cost(busy):
    """The first half hour is lost to the outage, and the sentence begins with what was taken away."""
    found = compare_without(busy, ["outages"])

    p50 = found.frame.loc["time_to_success.p50"]
    assert -1900 < p50["difference"] < -1700
    assert found.headline.startswith("Without outages ")
    assert " earlier" in found.headline
    assert found.names == ("as it is", "without outages")


def test_comparison__one_pair_has_no_interval():
    """A single pair tells a difference and not how sure it is."""
    found = sim.compare(slots_of(10), slots_of(50), replications=1)

    assert found.frame[["low", "high"]].isna().all(axis=None)
    assert "1 pair of replications with the same draws, so there are no intervals" in found.text()


def test_comparison__as_plain_data_is_json(busy):
    """The dictionary has a row a metric, and nothing that JSON does not know."""
    found = compare_without(busy, ["outages", "operators"])

    data = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert data["without"] == "outages and operators"
    assert data["metrics"]["devices"] == {
        "first": 80.0,
        "second": 80.0,
        "difference": 0.0,
        "low": None,
        "high": None,
        "pairs": 4,
    }


def test_comparison__shows_itself(busy):
    """In a line, as text, in a notebook, as a figure of some metrics, and as one of them."""
    found = compare_without(busy, ["outages"])

    assert repr(found) == "<Comparison as it is and without outages: 4 pairs, seed 3>"
    assert str(found).startswith(found.headline)
    assert "<img alt='Without outages" in found._repr_html_()
    assert [axes.get_title().split("\n")[0] for axes in found.figure().axes][:2] == [
        "succeeded",
        "time_to_success.p90",
    ]
    assert found.plot("makespan").get_ylabel().startswith("makespan")
    with pytest.raises(sim.ScenarioError, match="did you mean 'makespan'"):
        found.plot("makespam")


def test_comparison__a_time_that_only_one_side_reaches():
    """Where 95 % are never upgraded on one side, the sentence says so instead of a difference of times."""
    stuck = slots_of(1, run={"until": "30 min", "seed": 3})

    found = sim.compare(stuck, stuck.with_values({"platform.max_processing": 100}), replications=2)

    assert "95 % of the fleet are upgraded in 2 of 2 runs instead of 0" in found.headline
    assert np.isnan(found.frame.loc["time_to_success.p95", "difference"])


def test_comparison__costs_are_shown_even_if_the_same():
    """Who gives prices is told the cost of both, with its currency, and p99 where it is defined."""
    priced = slots_of(10, costs={"per_visit": "80 EUR", "per_day": "144 EUR"})

    same = sim.compare(priced, priced, replications=1).text()
    other = sim.compare(priced, priced.with_values({"platform.max_processing": 50}), replications=1).text()

    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in same.splitlines() if "  " in line}
    assert rows["cost"] == "1.00 EUR 1.00 EUR no difference"
    assert rows["time_to_success.p99"] == "10 min 10 min no difference"
    assert " −0.80 EUR" in other
    cheap = sim.compare(
        *(priced.with_values({"costs.per_day": f"{price} EUR"}) for price in (144, 143.9)), replications=1
    )
    assert " ±0.00 EUR" in cheap.text()
    stuck = slots_of(1, run={"until": "30 min", "seed": 3})
    assert "p99" not in sim.compare(stuck, stuck, replications=1).text()
    assert "  cost " not in sim.compare(stuck, stuck, replications=1).text()


def _tail_of(minutes: int) -> Scenario:
    """Return 98 devices that take a minute, and two that take longer."""
    slow = {"install": {"constant": f"{minutes} min"}}
    cohorts = [{"name": "most", "devices": 98}, {"name": "slow", "devices": 2, "stages": slow}]
    return scenario_of(fleet={"cohorts": cohorts}, stages={"install": {"constant": "1 min"}}, failures=[])


def test_comparison__a_later_tail_is_not_as_early():
    """Where only the last hundredth takes longer, that is what is said."""
    found = sim.compare(_tail_of(10), _tail_of(20), replications=2)

    label = "time until 99 % of the fleet is in Success"
    assert found.headline.startswith(f"With the second as many devices are upgraded; {label}: +10 min")


def test_comparison__of_none_upgraded_says_nothing_of_how_early():
    """Where no device is upgraded there is no time of success; when all have failed differs."""
    failures = [{"stage": "install", "code": 10, "permanent": "100 %"}]
    first = scenario_of(failures=failures)
    second = first.with_values({"campaign.task_policy.retry_interval": "10 min"})

    found = sim.compare(first, second, replications=2)

    assert "as many devices are upgraded; time until the last device has settled: +5 min" in found.headline


def test_compare__cohort_by_cohort(busy, tmp_path):
    """Each cohort's metrics in pairs; from folders the means, without intervals; none of studies."""
    other = sim.run(busy.scenario.with_values({"campaign.task_policy.retry_count": 0}), replications=4)

    found = sim.compare(busy, other)

    [cohort] = busy.by_cohort.index
    rows = found.by_cohort.loc[cohort]
    assert rows.loc["attempts"].tolist() == found.frame.loc["attempts"].tolist()
    assert set(rows.index) == set(busy.by_cohort.columns)
    assert found.summary is found.frame
    for name, result in (("one", busy), ("two", other)):
        result.save(tmp_path / name)
    means = sim.compare(tmp_path / "one", tmp_path / "two").by_cohort.loc[cohort].loc["attempts"]
    assert means["difference"] == pytest.approx(rows.loc["attempts", "difference"])
    assert np.isnan(means["low"])
    assert means["pairs"] == 0
    study = sim.replicate(busy.scenario, replications=2)
    with pytest.raises(sim.ScenarioError, match="by_cohort: a study keeps no numbers of cohorts"):
        _ = sim.compare(busy, study).by_cohort
