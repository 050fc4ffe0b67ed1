"""Counters of a trace: exact between the lines of the grid, and closed when the campaign is over."""

import numpy as np
import pytest
from explain.explained import campaigns, scenario_of
from hypothesis import given, settings

from sim.campaign import run_campaign
from sim.rules import SubtaskState
from sim.traces.counter_tracks import counters


def counted(run):
    """Return times and values (K, columns) of each counter, by its name."""
    return {one.name: one for one in counters(run, run.attempts)}


def at(counter, ticks):
    """Return the values of a counter at some times, (K, columns)."""
    return counter.values[np.searchsorted(counter.tick, ticks, side="right") - 1]


def loaded(resolution, until="2 d", **cohort):
    """Return a run in which 60 devices share a narrow line, and some are tried again."""
    return run_campaign(
        scenario_of(
            {"devices": 60, "link_rate": "20 kB/s"} | cohort,
            failures=[{"stage": "install", "code": 10, "probability": "40 %"}],
            platform={"max_processing": 20, "max_downloads": 8, "bandwidth": "100 kB/s"},
            campaign={"task_policy": {"retry_count": 2, "retry_interval": "10 min"}},
            run={"until": until, "resolution": resolution, "seed": 3},
        ),
        log_attempts=True,
    )


@settings(max_examples=20)
@given(campaigns())
def test_counters__are_the_curves_on_the_grid(scenario):
    """In whatever campaign, on the lines of the grid as many devices are counted as its curves have."""
    run = run_campaign(scenario, log_attempts=True)
    found, curves = counted(run), run.curves
    ended = curves.status[:, [SubtaskState.SUCCESS, SubtaskState.FAIL]]

    np.testing.assert_array_equal(at(found["places"], curves.tick)[:, 0], curves.status[:, 1])
    np.testing.assert_array_equal(at(found["downloads"], curves.tick)[:, 0], curves.downloads)
    np.testing.assert_array_equal(at(found["devices"], curves.tick), ended)
    assert found["places"].values.max() <= run.totals.peak_processing
    assert found["downloads"].values.max() <= run.totals.peak_downloads
    assert found["bandwidth"].values.max() <= np.rint(run.totals.peak_bandwidth * 8)
    for counter in found.values():
        assert (np.diff(counter.tick) > 0).all()
        assert (counter.values >= 0).all()
        assert (counter.tick[0], counter.tick[-1]) == (0, round(run.end_s * 1e6))


@pytest.mark.parametrize("resolution", ["1 d", "30 min"])
def test_counters__of_a_coarse_grid_are_those_of_a_fine_one(resolution):
    """Between two lines far apart, places, downloads and ends are where a line each second has them."""
    coarse, fine = counted(loaded(resolution)), loaded("1 s").curves
    ended = fine.status[:, [SubtaskState.SUCCESS, SubtaskState.FAIL]]

    np.testing.assert_array_equal(at(coarse["places"], fine.tick)[:, 0], fine.status[:, 1])
    np.testing.assert_array_equal(at(coarse["downloads"], fine.tick)[:, 0], fine.downloads)
    np.testing.assert_array_equal(at(coarse["devices"], fine.tick), ended)
    assert 2 < len(np.unique(coarse["devices"].values[:, 0]))  # they don't all succeed at one line


@pytest.mark.parametrize("resolution", ["1 d", "1 s"])
def test_bandwidth__over_time_is_what_was_sent(resolution):
    """However coarse the grid, as much is sent as the devices received, and never too fast."""
    run = loaded(resolution)
    bandwidth, downloads = counted(run)["bandwidth"], counted(run)["downloads"]
    sent = (bandwidth.values[:-1, 0] * np.diff(bandwidth.tick)).sum() / 8e6

    assert sent == pytest.approx(run.records.bytes.sum(), rel=0.05)
    assert 0 < bandwidth.values.max() <= 800_000
    assert not bandwidth.values[downloads.values == 0].any()


@pytest.mark.parametrize("resolution", ["1 d", "1 min", "1 s"])
def test_counters__are_closed_when_the_campaign_is_over(resolution):
    """At the end of a campaign nothing is in progress, and all devices are counted."""
    run = loaded(resolution)
    last = {name: one.values[-1].tolist() for name, one in counted(run).items()}
    final = np.bincount(run.records.status, minlength=4)

    assert (last["places"], last["downloads"], last["bandwidth"]) == ([0], [0], [0])
    assert last["devices"] == [final[SubtaskState.SUCCESS], final[SubtaskState.FAIL]]
    assert sum(last["devices"]) == 60


def test_counters__of_a_run_that_is_cut_off_have_what_is_under_way():
    """Attempts that the log does not have are counted: those in progress when the run ended."""
    run = loaded("1 h", until="1 h", link_rate="1 kB/s", online={"fraction": 0.5, "mean_offline": "1 h"})
    found = counted(run)

    n = int((run.records.status == SubtaskState.PROCESSING).sum())
    assert found["places"].values[-1, 0] == n > 0
    assert found["downloads"].values[-1, 0] == run.curves.downloads[-1] > 0
    assert found["bandwidth"].values[-1, 0] == round(run.curves.bandwidth[-1] * 8)
