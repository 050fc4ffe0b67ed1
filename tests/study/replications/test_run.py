"""Replications: numbers, precision, bands, and whether intervals tell the truth."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, binomtest

import sim
from sim.errors import ScenarioError
from sim.results.statistics import estimate
from sim.study import replicate
from sim.study.goals import read_precisions
from support.study_scenarios import files_in, scenario_of


def coin(devices: int = 200, **sections):
    """Return devices each of which succeeds with 70 %, independently: no retries, nothing shared."""
    campaign = {"package": {"version": "2.0", "size": "1 MB"}}
    return scenario_of(devices, name="coin", campaign=campaign, **sections)


def canary():
    """Return 200 devices of which 10 % fail, all at one instant, and a canary of 50 that may have 8 failures.

    With more the gate trips, as it does in 5.8 % of campaigns, and nobody else is upgraded.
    """
    waves = [
        {"name": "canary", "share": "25 %", "gate": {"failed_count_max": 8}},
        {"name": "rest", "share": "100 %"},
    ]
    return scenario_of(
        200,
        stages={"verify": {"constant": "60 s"}},
        failures=[{"stage": "verify", "code": 8, "probability": "10 %"}],
        campaign={"package": {"version": "2.0", "size": "1 B"}, "waves": waves},
    )


CANARY_MEAN = (45 + binom.cdf(8, 50, 0.1) * 135) / 200
"""Mean share of successes: 45 of the canary, and 135 of the others if at most 8 of the canary fail."""


def test_replicate__says_what_a_run_with_as_many_replications_says(tiny):
    """The same seed gives the same numbers and the same records, by either way."""
    found = replicate(tiny, replications=6)
    result = sim.run(tiny, replications=6, all_targets=True)

    assert found.estimates == result.estimates
    assert found.runs.digests[0] == tuple(run.digest for run in result.runs)
    assert found.frame["success_share"].tolist() == [run.metrics["success_share"] for run in result.runs]


def test_replicate__without_a_number_takes_the_scenarios(in_folder):
    """A file may say how many; a path will do for it."""
    (in_folder / "tiny.yaml").write_text(
        "name: tiny\nfleet: {cohorts: [{name: a, devices: 5}]}\n"
        "campaign: {package: {version: '1', size: 1 kB}}\nrun: {replications: 4}\n",
        encoding="utf-8",
    )

    assert replicate("tiny.yaml").replications == 4


def test_replicate__the_seed_is_the_scenarios_unless_given(tiny):
    """Another seed is other draws, the scenario's own is none."""
    assert replicate(tiny, replications=2).digest == replicate(tiny, replications=2, seed=3).digest
    assert replicate(tiny, replications=2).digest != replicate(tiny, replications=2, seed=4).digest


def test_replicate__stops_at_the_first_look_that_is_precise_enough():
    """The number of replications is one of the fixed looks, and the sentence says so."""
    (precision,) = read_precisions("success_share ± 1 %")

    found = replicate(coin(), precision="success_share ± 1 %")

    looks = found.looked.looks
    assert looks == [10, 20, 30, 40, 60, 80, 120][: len(looks)]
    assert found.replications == looks[-1]
    assert found.looked.is_met
    assert (
        found.estimates["success_share"] == sim.run(coin(), replications=looks[-1]).estimates["success_share"]
    )
    shares = found.runs.of("success_share")[0]
    for look in looks:
        assert precision.is_met(estimate("success_share", shares[:look].tolist())) == (look == looks[-1])
    assert "reached after" in str(found)
    assert "looked at 10" in str(found)


def test_replicate__a_gate_asks_for_replications_that_may_trip_it():
    """Ten campaigns of which none was stopped are not enough where one in 17 is; it is said why."""
    found = replicate(canary(), precision="success_share ± 6 %")

    share = found.estimates["success_share"]
    assert found.looked.looks[:3] == [10, 20, 30]
    assert found.replications >= 60
    assert share == found.looked.judged["success_share"][0]
    assert share.low <= CANARY_MEAN <= share.high
    assert (share.high - share.low) / 2 <= 0.06
    assert "these 95 % intervals hold whatever it does to success_share" in str(found)
    row = found.summary.loc["success_share"]
    assert (row["low"], row["high"]) == (share.low, share.high)


def test_replicate__a_gate_leaves_attempts_without_bound():
    """No interval holds for attempts that a gate may cut off: they are judged late, and it is said why."""
    found = replicate(canary(), precision="attempts ± 20 %")

    assert found.looked.is_met
    assert 120 <= found.replications <= 320
    rarest = found.replications // 3
    assert f"what happens in fewer than 1 of {rarest} campaigns may be missing" in str(found)


def test_replicate__a_count_that_was_never_seen_is_not_known_to_be_zero():
    """One device in 50 campaigns fails: the interval of ten without any reaches up to three tenths."""
    rare = coin(20, failures=[{"stage": "install", "code": 10, "probability": "0.1 %"}])
    found = replicate(rare, precision="failed ± 0.02")
    first = replicate(rare, replications=10).estimates["failed"]

    assert set(first.values) == {0.0}
    assert (first.low, first.high) == (0.0, pytest.approx(0.29957, abs=1e-5))
    assert found.replications > 150
    assert found.estimates["failed"].low <= 0.02 <= found.estimates["failed"].high


def test_replicate__a_campaign_without_luck_is_known_after_the_first_look():
    """All runs have the same digest: nothing varies, and nothing is left to be seen."""
    fixed = coin(20, stages={"install": {"constant": "60 s"}}, failures=[])

    found = replicate(fixed, precision=["makespan ± 1 s", "success_share ± 0.01 %", "failed ± 0.1"])

    assert found.replications == 10
    assert found.looked.is_met


def test_replicate__all_precisions_must_be_met():
    """The one that needs most replications decides."""
    loose = replicate(coin(), precision="success_share ± 3 %").replications
    both = replicate(coin(), precision=["success_share ± 3 %", "success_share ± 0.8 %"]).replications

    assert both > loose


def test_replicate__gives_up_at_the_most():
    """A precision that is not reached is said not to be."""
    found = replicate(coin(), precision="success_share ± 0.001 %", replications=25)

    assert found.looked.looks == [10, 20, 25]
    assert not found.looked.is_met
    assert "NOT reached after 25 replications" in str(found)


def test_replicate__all_problems_are_named_at_once(tiny):
    """A bad precision, a bad number and a bad place to run are three problems."""
    with pytest.raises(ScenarioError) as caught:
        replicate(tiny, precision="nonsense", replications=0, executor="moon")

    assert [problem.path.split()[0] for problem in caught.value.problems] == [
        "precision",
        "replications",
        "cluster",
    ]


def test_summary__has_intervals_and_quantiles(tiny):
    """A row a metric: the mean's interval, and where single runs lie."""
    found = replicate(tiny, replications=20)
    row = found.summary.loc["failed"]
    values = found.frame["failed"]

    assert row["mean"] == pytest.approx(values.mean())
    assert row["low"] < row["mean"] < row["high"]
    assert (row["q05"], row["q50"], row["q95"]) == pytest.approx(tuple(values.quantile([0.05, 0.5, 0.95])))


def test_bands__hold_the_curves_of_the_runs():
    """At any time the mean is that of the runs, and the band holds most of them."""
    scenario = coin(500)
    found = replicate(scenario, replications=40)
    band = found.bands.query("curve == 'completion'")
    result = sim.run(scenario, replications=40, all_targets=True)
    ends = [
        np.sort(part["end_s"][part["status"] == "Success"])
        for _, part in result.targets.groupby("replication")
    ]

    for row in band[:: len(band) // 9].itertuples():
        shares = np.array([np.searchsorted(end, row.time_s, side="right") / 500 for end in ends])
        assert row.mean == pytest.approx(shares.mean(), abs=0.004)
        assert row.low == pytest.approx(np.quantile(shares, 0.05), abs=0.006)
        assert row.high == pytest.approx(np.quantile(shares, 0.95), abs=0.006)


def test_bands__a_fleet_in_which_nothing_fails_has_no_recovery():
    """Nothing to recover from: no rows, and a figure that says so."""
    found = replicate(scenario_of(20, failures=[]), replications=2)

    assert set(found.bands["curve"]) == {"completion"}
    assert found.bands["mean"].iloc[-1] == 1.0


def test_folder__holds_frames_and_figure_and_is_gone_on_from(tiny, tmp_path):
    """The second time nothing is computed."""
    first = replicate(tiny, replications=10, folder=tmp_path / "study")
    before = files_in(tmp_path / "study")
    again = replicate(tiny, replications=10, folder=tmp_path / "study")

    assert {entry.name for entry in (tmp_path / "study").iterdir()} == {
        "bands.parquet", "replications.json", "replications.parquet", "replications.png",
        "study.json", "summary.parquet", "tasks",
    }  # fmt: skip
    assert files_in(tmp_path / "study") == before
    assert (first.reused, again.reused) == (0, 10)
    assert again.digest == first.digest
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "study" / "replications.parquet"), first.frame)
    assert "10 runs were there already" in str(again)


@pytest.mark.statistical
def test_intervals__cover_the_truth_in_95_per_cent_of_studies():
    """Over 400 studies the 95 % interval of a mean holds the known answer in 92 to 98 % of them."""
    covered = 0
    for seed in range(400):
        share = replicate(coin(), replications=15, seed=seed, executor="threads").estimates["success_share"]
        covered += share.low <= 0.7 <= share.high

    assert 0.92 <= covered / 400 <= 0.98


@pytest.mark.statistical
def test_intervals__cover_the_truth_after_sequential_stopping_too():
    """Looking at few fixed numbers costs about one per cent of coverage, not more."""
    covered, numbers = 0, set()
    for seed in range(400):
        found = replicate(coin(), precision="success_share ± 1.3 %", seed=seed)
        share = found.estimates["success_share"]
        covered += share.low <= 0.7 <= share.high
        numbers.add(found.replications)

    assert 0.92 <= covered / 400 <= 0.98
    assert len(numbers) > 2


def could_be(covered, studies, promised):
    """Tell whether so few, or fewer, come up in one of a hundred cases at least if each is as likely."""
    return bool(binomtest(covered, studies, promised, alternative="less").pvalue > 0.01)


@pytest.mark.statistical
@pytest.mark.parametrize(("width", "studies"), [("4 %", 60), ("10 %", 100)])
def test_intervals__cover_the_truth_where_a_gate_makes_two_humps(width, studies):
    """A gate that trips in 5.8 % of campaigns: intervals that stop a study cover the mean in 94 %."""
    covered = 0
    for seed in range(studies):
        found = replicate(canary(), precision=f"success_share ± {width}", seed=seed)
        share = found.estimates["success_share"]
        covered += share.low <= CANARY_MEAN <= share.high

    assert could_be(covered, studies, 0.94)


@pytest.mark.statistical
def test_intervals__cover_the_mean_of_rare_events():
    """One failure in five campaigns: the intervals that stop a study cover the mean in 94 % too."""
    rare = coin(20, failures=[{"stage": "install", "code": 10, "probability": "1 %"}])
    covered = 0
    for seed in range(100):
        failed = replicate(rare, precision="failed ± 0.15", seed=seed).estimates["failed"]
        covered += failed.low <= 0.2 <= failed.high

    assert could_be(covered, 100, 0.94)
