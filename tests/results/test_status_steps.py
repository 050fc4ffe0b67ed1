"""Steps of the fleet by status follow a campaign that is over between two lines of its grid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from sim.results.curves import load_curves, shown, status_paths
from sim.results.replication import fleet_records
from sim.results.status_steps import ROWS_MIN, grid_steps
from sim.rules import SubtaskState
from sim.scenario import make_scenario

DEVICES = 1_200
KNOWN = (SubtaskState.SUCCESS, SubtaskState.PROCESSING, SubtaskState.FAIL_WAIT_RETRY, SubtaskState.WAITTING)


def minutes(resolution: str, **changes: object):
    """Return the result of a campaign that takes some minutes, on a grid of that spacing."""
    values = {
        "name": "minutes",
        "fleet": {"cohorts": [{"name": "a", "devices": DEVICES, "link_rate": "10 Mbit/s"}]},
        "stages": {"query": {"exponential": {"mean": "5 s"}}},
        "failures": [{"stage": "verify", "code": 7, "probability": "10 %"}],
        "platform": {"max_processing": 400},
        "campaign": {
            "package": {"version": "2", "size": "10 MiB"},
            "task_policy": {"retry_count": 1, "retry_interval": "1 min"},
        },
        "run": {"until": "1 h", "resolution": resolution, "seed": 4},
    }
    return sim.run(make_scenario(values | changes), plane="simpy")


def test_status_steps__are_those_of_a_grid_that_is_fine_enough():
    """Between two lines five minutes apart, devices are where a run with a line a second has them."""
    coarse, fine = minutes("5 min").runs[0].steps, minutes("1 s").runs[0].curves
    rows = np.searchsorted(coarse.tick, fine.tick, side="right") - 1
    apart = np.abs(coarse.status[rows] - fine.status)[:, KNOWN]

    assert (coarse.status.sum(axis=1) == DEVICES).all()
    assert (coarse.status >= 0).all()
    assert apart.max() <= 0.03 * DEVICES  # a second is longer than one of 400 parts of the campaign
    assert apart.mean() <= 0.005 * DEVICES


def test_status_steps__have_two_hundred_rows_between_first_event_and_end():
    """However coarse the grid, a campaign of many devices is told in at least two hundred rows."""
    steps = minutes("30 min").runs[0].steps
    changed = np.flatnonzero((np.diff(steps.status, axis=0) != 0).any(axis=1))

    assert len(steps.tick[changed[0] : changed[-1] + 2]) >= ROWS_MIN
    assert (np.diff(steps.tick) > 0).all()


def test_status_steps__all_at_one_instant_are_one_step():
    """Where all devices end at the same microsecond, none is in Success before: no ramp."""
    result = minutes("5 min", stages={}, failures=[], platform={})
    run = result.runs[0]
    end = int(result.kept[0].records.end.max())
    success = run.steps.status[:, SubtaskState.SUCCESS]

    assert set(success[run.steps.tick < end]) == {0}
    assert success[run.steps.tick == end] == DEVICES
    time_s, paths = status_paths([run])
    assert time_s[-1] > end / 1e6  # what happened last is seen
    assert paths[0, -1, SubtaskState.SUCCESS] == 1.0


@settings(max_examples=12)
@given(
    places=st.integers(3, 60),
    failing=st.integers(10, 70),
    retries=st.integers(0, 3),
    interval=st.sampled_from(["2 min", "20 min", "1 h"]),
    resolution=st.sampled_from(["10 min", "3 h", "1 d"]),
    seed=st.integers(0, 99),
)
def test_status_steps__never_have_more_in_processing_than_there_were(
    places, failing, retries, interval, resolution, seed
):
    """Whoever waits for a place again after a failure is not taken to have one, and nobody is lost."""
    result = minutes(
        resolution,
        fleet={"cohorts": [{"name": name, "devices": 60} for name in "ab"]},
        stages={"install": {"exponential": {"mean": "10 min"}}},
        failures=[{"stage": "install", "code": 10, "probability": f"{failing} %"}],
        platform={"max_processing": places},
        campaign={
            "package": {"version": "2", "size": "1 MB"},
            "task_policy": {"retry_count": retries, "retry_interval": interval} if retries else {},
        },
        run={"until": "20 d", "resolution": resolution, "seed": seed},
    )
    status = result.runs[0].steps.status

    assert status[:, SubtaskState.PROCESSING].max() <= result.metrics["peak_processing"] <= places
    assert (status.sum(axis=1) == 120).all()
    assert (status >= 0).all()


def test_status_steps__of_retries_in_the_queue_are_those_of_a_fine_grid():
    """Where retries are due and all places are taken, as many wait as in a run with a line each 10 s."""
    changes = {
        "fleet": {"cohorts": [{"name": name, "devices": 300} for name in "ab"]},
        "stages": {"install": {"exponential": {"mean": "10 min"}}},
        "failures": [{"stage": "install", "code": 10, "probability": "40 %"}],
        "platform": {"max_processing": 40},
        "campaign": {
            "package": {"version": "2", "size": "1 MB"},
            "task_policy": {"retry_count": 2, "retry_interval": "1 h"},
        },
    }
    at = 7_276_000_000
    rows = []
    for resolution in ("1 d", "10 s"):
        run = minutes(resolution, **changes, run={"until": "20 d", "resolution": resolution, "seed": 5}).runs[
            0
        ]
        rows.append(run.steps.status[np.searchsorted(run.steps.tick, at, side="right") - 1])

    assert rows[0][SubtaskState.PROCESSING] == rows[1][SubtaskState.PROCESSING] == 40
    assert abs(int(rows[0][SubtaskState.WAITTING]) - int(rows[1][SubtaskState.WAITTING])) <= 6


def test_status_steps__are_the_grid_if_it_is_close():
    """A grid that follows the campaign is not made finer."""
    run = minutes("200 ms").runs[0]
    expected = grid_steps(run.curves, run.final, round(run.end_s * 1e6))

    np.testing.assert_array_equal(run.steps.tick, expected.tick)


def test_shown__of_several_short_runs_has_bands_between_the_lines():
    """Bands of campaigns that are over within a step of the grid have two hundred points and are ordered."""
    scenario = minutes("30 min").scenario
    result = sim.run(scenario, replications=3, plane="simpy")
    curves = shown(result.runs, fleet_records(result.kept[0]))
    success = curves.status.success

    assert len(curves.status.time_s) >= ROWS_MIN
    assert (success.low <= success.mean + 1e-12).all()
    assert (np.diff(success.mean) >= 0).all()
    assert 0 < success.mean[len(success.mean) // 2] < 1


def test_load_curves__have_a_mean_where_the_grid_says_nothing():
    """Downloads between two lines of the grid are told as their mean, and bytes over time are bandwidth."""
    result = minutes("30 min")
    curves = load_curves(result.runs)
    time_s, values = curves.bandwidth
    sent = float((values.mean[:-1] * np.diff(time_s)).sum())

    assert curves.is_mean
    assert sent == pytest.approx(result.metrics["bytes_downloaded"], rel=0.02)
    assert 0 < curves.downloads[1].mean.max() <= result.metrics["peak_downloads"]
    assert curves.processing[1].mean.max() == result.metrics["peak_processing"]
    assert not load_curves(minutes("1 s").runs).is_mean
