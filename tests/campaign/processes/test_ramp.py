"""Tests of the dispatch ramp."""

import numpy as np
import pytest

from sim.campaign.processes.ramp import ramp_rate

TIMES = {"verify": {"constant": "30 s"}}


@pytest.mark.parametrize(
    ("n_steps", "highest", "rate"),
    [(0, None, 2.0), (3, None, 54.0), (3, 20.0, 20.0), (5000, None, np.inf), (5000, 9.0, 9.0)],
)
def test_rate__grows_by_the_factor_at_each_step(n_steps, highest, rate):
    """Each step multiplies the rate, up to the highest one."""
    assert ramp_rate(2.0, 3.0, n_steps, highest) == rate


def test_ramp__starts_slowly_and_doubles(run_of):
    """Dispatches come at the base rate, and faster from the minute on in which enough have started."""
    ramp = {"base_rate": "1 /s", "increment_factor": 2, "every": 100}
    run = run_of(500, stages=TIMES, campaign={"what_if": {"dispatch_ramp": ramp}})
    starts_s = np.sort(run.records.first_start) / 1e6
    by_minute = np.bincount((starts_s // 60).astype(int))

    # Minute 0 and 1 at 1/s; 120 have started after two: 2/s; 240: 4/s; then 480 reach the rest of 500.
    assert by_minute.tolist()[:3] == [60, 60, 120]
    assert by_minute.sum() == 500
    assert np.diff(starts_s)[:100].tolist() == pytest.approx([1.0] * 100)
    assert run.what_if == ("dispatch_ramp",)


def test_ramp__counting_successes_waits_for_them(run_of):
    """A ramp that counts successes stays slow while nothing succeeds."""
    ramp = {"base_rate": "1 /s", "increment_factor": 10, "every": 50, "counting": "succeeded"}
    run = run_of(
        200,
        stages={"verify": {"constant": "10 min"}},
        campaign={"what_if": {"dispatch_ramp": ramp}},
    )

    assert np.diff(np.sort(run.records.first_start)).tolist() == [1_000_000] * 199


def test_ramp__never_exceeds_the_platforms_rate(run_of):
    """The platform's own dispatch rate stays the upper bound."""
    ramp = {"base_rate": "1 /s", "increment_factor": 100, "every": 10}
    run = run_of(
        300,
        stages=TIMES,
        platform={"dispatch_rate": "2 /s"},
        campaign={"what_if": {"dispatch_ramp": ramp}},
    )
    gaps = np.diff(np.sort(run.records.first_start))

    assert gaps[:59].tolist() == [1_000_000] * 59
    assert gaps[60:].tolist() == [500_000] * 239


def test_abort__stops_the_campaign(run_of):
    """Too large a failed share aborts: everything is stopped, and the wave says why."""
    ramp = {
        "base_rate": "1 /s",
        "increment_factor": 2,
        "every": 100,
        "abort": [{"failed_share_max": "20 %", "of_at_least": 50}],
    }
    run = run_of(
        1000,
        stages=TIMES,
        failures=[{"stage": "verify", "code": 10, "permanent": "50 %"}],
        campaign={"what_if": {"dispatch_ramp": ramp}},
    )
    (wave,) = run.waves

    assert wave.gate_reason.startswith("dispatch ramp: ")
    assert wave.gate_reason.endswith(" of 50 that ended, more than 20 %")
    assert run.tasks[0].status == "Stopped"
    assert 50 <= wave.exposed < 150
    assert run.end_s < 200


@pytest.mark.parametrize("plane", ["simpy", "compiled"])
@pytest.mark.parametrize(("share", "aborts"), [("29 %", False), ("28.9999 %", True)])
def test_abort__exactly_the_allowed_share_is_allowed(run_of, share_of_29, plane, share, aborts):
    """29 failures among 100 don't abort at 29 %; one digit less, and they do."""
    abort = {"failed_share_max": share, "of_at_least": 100}
    ramp = {"base_rate": "100 /s", "increment_factor": 2, "every": 100, "abort": [abort]}
    run = run_of(100, plane=plane, campaign={"what_if": {"dispatch_ramp": ramp}}, **share_of_29)

    assert (run.waves[0].gate_tripped_s is not None) is aborts


def test_abort__a_healthy_campaign_is_left_alone(run_of):
    """Below the threshold nothing is aborted, and the ramp doesn't keep the run alive."""
    ramp = {
        "base_rate": "1 /s",
        "increment_factor": 2,
        "every": 10**6,
        "abort": [{"failed_share_max": "20 %"}],
    }
    run = run_of(100, stages=TIMES, campaign={"what_if": {"dispatch_ramp": ramp}})

    assert run.tasks[0].status == "Success"
    assert run.waves[0].gate_tripped_s is None
    assert run.end_s <= 99 + 30 + 60
