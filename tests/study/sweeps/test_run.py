"""Sweeps: points, paired differences, frames and files."""

import numpy as np
import pandas as pd
import pytest

import sim
from sim.errors import ScenarioError
from sim.study import sweep
from sim.study.engine import dispatch
from support.study_scenarios import files_in

VARY = {"platform.max_processing": "10..30:10", "campaign.task_policy.retry_count": [0, 2]}


@pytest.fixture(scope="module")
def swept():
    """Return a sweep of two fields with five replications."""
    from support.study_scenarios import scenario_of

    return sweep(scenario_of(), VARY, replications=5)


def test_sweep__has_a_point_for_each_combination(swept):
    """The last field varies fastest."""
    frame = swept.frame.drop_duplicates("point")

    assert frame["platform.max_processing"].tolist() == [10, 10, 20, 20, 30, 30]
    assert frame["campaign.task_policy.retry_count"].tolist() == [0, 2] * 3
    assert len(swept.frame) == 6 * 5
    assert swept.shape == (3, 2)


def test_sweep__each_row_is_a_run_that_can_be_had_alone(swept):
    """A row names what `sim.run` needs to make that run again, and its digest."""
    row = swept.frame.iloc[3 * 5 + 4]
    scenario = swept.scenario.with_values(
        {
            "platform.max_processing": int(row["platform.max_processing"]),
            "campaign.task_policy.retry_count": int(row["campaign.task_policy.retry_count"]),
        }
    )
    result = sim.run(scenario, replications=5, all_targets=True)

    assert result.runs[int(row["replication"])].digest == row["digest"]
    assert result.runs[4].metrics["makespan"] == row["makespan"]


def test_sweep__differences_are_from_the_first_point_and_paired(swept):
    """The difference of a point is the mean of its replications' differences."""
    summary = swept.summary.set_index(["metric", "point"])
    makespan = swept.frame.pivot(index="point", columns="replication", values="makespan")
    differences = makespan - makespan.loc[0]

    found = summary.loc["makespan"]["difference"]
    assert found.tolist() == pytest.approx(differences.mean(axis=1).tolist())
    assert summary.loc[("makespan", 0), "difference_high"] == 0
    assert len(swept.summary) == 6 * len(sim.run(swept.scenario, replications=1).summary)


def test_sweep__by_default_it_shows_what_differs(swept, slots):
    """A metric that is the same at every point is nothing to look at."""
    assert swept.default_metrics() == ("success_share", "time_to_success.p99") or "success_share" in (
        swept.default_metrics()
    )
    same_share = sweep(slots, {"platform.max_processing": [10, 20]}, replications=2)
    assert "success_share" not in same_share.default_metrics()
    assert "makespan" in same_share.default_metrics() or "time_to_success.p95" in same_share.default_metrics()


def test_sweep__takes_at_least_ten_replications(slots):
    """One run a point has no interval; the scenario's own number counts if it is larger."""
    assert sweep(slots, {"platform.max_processing": [10, 20]}).replications == 10
    more = slots.with_values({"run.replications": 12})
    assert sweep(more, {"platform.max_processing": [10, 20]}).replications == 12


def test_sweep__a_precision_is_met_at_every_point(tiny):
    """All points get the number of the one that needs most, or they would not share their luck."""
    found = sweep(
        tiny, {"failures[0].probability": ["1 %", "50 %"]}, precision="success_share ± 2 %", replications=200
    )

    half = found.summary.query("metric == 'success_share'")
    assert found.looked.is_met
    assert ((half["high"] - half["low"]) / 2 <= 0.02).all()
    assert found.replications in (10, 20, 30, 40, 60, 80, 120, 160, 200)
    assert "Precision success_share ± 2 %: reached" in str(found)


def test_sweep__all_problems_are_named_before_anything_runs(tiny, monkeypatch):
    """Fields, metrics, precision, numbers and places are looked at together."""
    monkeypatch.setattr(dispatch, "perform_packed", None)
    with pytest.raises(ScenarioError) as caught:
        sweep(
            tiny,
            {"platform.max_procesing": "1..3"},
            metrics=["sucess_share"],
            precision="x",
            replications=-1,
            workers=0,
        )

    text = str(caught.value)
    for part in ("max_procesing", "did you mean 'success_share'", "no precision", "-1 is not", "workers: 0"):
        assert part in text


@pytest.mark.parametrize(
    ("vary", "part"),
    [
        ({"no.such.field": [1, 2]}, "no"),
        ({"fleet.cohorts.boat.devices": [1, 2]}, "unknown item 'boat'"),
        ({"platform.max_processing": "9..1"}, "is reversed"),
        ({"platform.max_processing": []}, "has no values"),
        ({"platform.max_processing": "0..3"}, "0 is not allowed"),
        ({"platform.max_processing": [1, 1]}, "means the same scenario"),
        ({"costs.per_gb": "1 EUR, 2 USD"}, "costs: are in USD, and elsewhere in EUR; all points need one"),
        ({}, "nothing varies"),
    ],
)
def test_sweep__a_field_that_can_not_vary_so_is_named(tiny, vary, part):
    """Unknown paths, empty and reversed ranges, values that the field does not take."""
    with pytest.raises(ScenarioError) as caught:
        sweep(tiny, vary)

    assert part in str(caught.value)


def test_sweep__categories_and_structures_have_columns(tiny):
    """Whatever a field takes may vary; what is no number or text is written out."""
    found = sweep(
        tiny,
        {
            "stages.install": [{"constant": "60 s"}, {"exponential": {"mean": "60 s"}}],
            "campaign.need_confirm": [False],
        },
        replications=2,
    )

    assert found.frame["stages.install"].iloc[0] == "{'constant': '60 s'}"
    assert found.frame["campaign.need_confirm"].tolist() == [False] * 4


def test_folder__holds_tidy_frames_and_goes_on(tiny, tmp_path):
    """More values later cost only those values; the files are those of one go."""
    folder = tmp_path / "study"
    sweep(tiny, {"platform.max_processing": [10, 20]}, replications=3, folder=folder)
    before = files_in(folder)

    found = sweep(tiny, {"platform.max_processing": [10, 20, 30]}, replications=3, folder=folder)

    after = files_in(folder)
    assert found.reused == 6
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) + 1
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "sweep.parquet"), found.frame)
    summary = pd.read_parquet(folder / "summary.parquet")
    assert set(summary.columns) >= {"metric", "mean", "low", "high", "difference", "difference_low"}
    assert np.isfinite(summary.query("metric == 'success_share'")["mean"]).all()
    assert (folder / "sweep.png").read_bytes().startswith(b"\x89PNG")


def test_text__has_a_line_a_point_and_the_digest(swept):
    """What the command prints names fields, means, differences and the digest."""
    text = str(swept)

    assert "6 points of platform.max_processing, campaign.task_policy.retry_count" in text
    assert swept.digest[:16] in text
    assert text.count("\n  30") >= 2
