"""Rates stand in frames in bits a second too, which is how figures and texts say them."""

import numpy as np
import pandas as pd
import pytest

import sim
from sim.results.frames.bit_rates import with_bps, with_bps_rows
from support.small_scenario import scenario_text


@pytest.fixture(scope="module")
def scenario(tmp_path_factory) -> sim.Scenario:
    """Return a small scenario."""
    path = tmp_path_factory.mktemp("small") / "tiny.yaml"
    path.write_text(scenario_text(replications=2), encoding="utf-8")
    return sim.load_scenario(path)


def test_columns__stand_behind_the_one_they_were_made_of():
    """The frame that was given stays as it was; one without rates is the same."""
    frame = pd.DataFrame({"peak_bandwidth": [1.0, np.nan], "attempts": [3.0, 4.0]})

    both = with_bps(frame)

    assert list(both) == ["peak_bandwidth", "peak_bandwidth_bps", "attempts"]
    assert both["peak_bandwidth_bps"].fillna(-1).tolist() == [8.0, -1.0]
    assert list(frame) == ["peak_bandwidth", "attempts"]
    assert with_bps(frame[["attempts"]]).equals(frame[["attempts"]])


def test_rows__are_in_bits_but_counts_of_runs_are_not():
    """Means and intervals are eight times those in bytes; the number of replications stays."""
    frame = pd.DataFrame({"metric": ["peak_bandwidth", "attempts"], "mean": [2.0, 5.0], "n": [4, 4]})

    both = with_bps_rows(frame.set_index("metric"))

    assert both.index.tolist() == ["peak_bandwidth", "peak_bandwidth_bps", "attempts"]
    assert both.loc["peak_bandwidth_bps"].tolist() == [16.0, 4.0]
    assert with_bps_rows(frame)["metric"].tolist() == both.index.tolist()


def test_result__says_bandwidth_in_both_units(scenario: sim.Scenario):
    """Summary, curves and curves at even times; metrics, by which baselines are kept, have one name."""
    result = sim.run(scenario)

    curves, even, summary = result.curves, result.curves_at("5 min"), result.summary
    assert curves["bandwidth"].max() > 0
    assert (curves["bandwidth_bps"] == 8 * curves["bandwidth"]).all()
    assert (even["bandwidth_bps"] == 8 * even["bandwidth"]).all()
    assert summary.loc["peak_bandwidth_bps", "mean"] == 8 * result.metrics["peak_bandwidth"]
    assert set(summary.index) - set(result.metrics) == {"peak_bandwidth_bps"}
    assert "bandwidth_bps" in result.frame("curves")


def test_studies__say_bandwidth_in_both_units(scenario: sim.Scenario):
    """Frames of replications, sweeps and comparisons, in columns or in rows; documents have metrics only."""
    runs = sim.replicate(scenario, replications=2)
    grid = sim.sweep(scenario, {"platform.bandwidth": ["50 Mbit/s", "100 Mbit/s"]}, replications=2)
    compared = sim.compare(runs, runs)

    for frame in (runs.frame, grid.frame):
        assert (frame["peak_bandwidth_bps"] == 8 * frame["peak_bandwidth"]).all()
    assert "peak_bandwidth_bps" in runs.summary.index
    assert set(grid.summary["metric"]) - set(runs.estimates) == {"peak_bandwidth_bps"}
    means = compared.frame["first"]
    assert means["peak_bandwidth_bps"] == 8 * means["peak_bandwidth"]
    assert "peak_bandwidth_bps" not in compared.as_dict()["metrics"]
