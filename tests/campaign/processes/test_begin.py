"""Tests of waves that begin by the clock, or once enough of the wave before have ended."""

import pytest

HOUR = 3600.0
TIMES = {"verify": {"constant": "10 min"}}
BAD = [{"stage": "verify", "code": 10, "permanent": "100 %"}]
PLANES = ["simpy", "compiled"]


def begun_by(*begins, **first):
    """Return waves of equal shares, each with its beginning; None for settled and soaked."""
    n = len(begins)
    waves = [{"name": f"w{i}", "share": (i + 1) / n} for i in range(n)]
    for wave, begin in zip(waves, begins, strict=True):
        wave.update({} if begin is None else {"begin": begin})
    waves[0].update(first)
    return {"waves": waves}


def test_begin__by_the_clock_although_the_wave_before_is_under_way(run_of):
    """A wave begins at its time, whatever is still to come of the ones before it."""
    run = run_of(
        30,
        stages={"verify": {"constant": "20 h"}},
        campaign=begun_by({"at": "30 min"}, {"at": "2 h"}, None, {"at": "3 h"}),
    )

    assert [wave.started_s for wave in run.waves] == [0.5 * HOUR, 2 * HOUR, 22 * HOUR, 22 * HOUR]
    settled_h = [wave.settled_s / HOUR for wave in run.waves]
    assert settled_h == pytest.approx([20.5, 22, 42, 42], abs=1e-3)


@pytest.mark.parametrize("plane", PLANES)
def test_begin__once_enough_have_ended(run_of, plane):
    """The tick at which the share of the wave before is reached, by failures as well as by successes."""
    run = run_of(
        100,
        plane=plane,
        platform={"dispatch_rate": "1 /min"},
        failures=[{"stage": "verify", "code": 10, "permanent": "50 %"}],
        stages={"verify": {"exponential": {"mean": "1 h"}}},
        campaign=begun_by(None, {"ended": "90 %"}),
    )
    first, second = run.waves
    ends = sorted(end for end in run.records.end[run.orders[0]] / 1e6)

    assert second.started_s == ends[44]  # 90 % of 50 devices
    assert first.settled_s == ends[49]


@pytest.mark.parametrize("plane", PLANES)
def test_begin__who_is_stopped_has_ended(run_of, plane):
    """Stop calls count at their instant, and fewer others are waited for."""
    run = run_of(
        fleet={"cohorts": [{"name": name, "devices": 10} for name in "abc"]},
        plane=plane,
        stages={"verify": {"constant": "6 h"}},
        campaign={
            "waves": [
                {"name": "x", "cohorts": ["a", "b"]},
                {"name": "y", "cohorts": ["c"], "begin": {"ended": "50 %"}},
            ]
        },
        operators=[{"call": "stop", "at": "1 h", "only": {"cohorts": ["b"]}}],
    )

    assert run.waves[1].started_s == pytest.approx(1 * HOUR, abs=0.1)


def test_begin__ended_of_a_wave_without_members_is_at_once(run_of):
    """Nobody has to end where nobody is."""
    run = run_of(
        fleet={"cohorts": [{"name": name, "devices": 20} for name in "ab"]},
        stages=TIMES,
        campaign={
            "waves": [
                {"name": "w", "share": "50 %"},
                {"name": "x", "cohorts": ["b"]},
                {"name": "y", "share": "60 %"},
                {"name": "z", "share": "100 %", "begin": {"ended": "100 %"}},
            ]
        },
    )

    assert run.waves[2].n_devices == 0
    assert run.waves[3].started_s == run.waves[2].started_s == run.waves[1].settled_s


def test_begin__the_gate_holds_until_the_next_wave_begins(run_of):
    """A gate that trips before the next wave's time stops it; what fails after that trips nothing."""
    gate = {"failed_count_max": 5}
    campaign = begun_by(None, {"at": "2 h"}, gate=gate)
    early = run_of(20, stages=TIMES, failures=BAD, campaign=campaign)
    late = run_of(20, stages={"verify": {"constant": "5 h"}}, failures=BAD, campaign=campaign)

    assert early.waves[0].gate_tripped_s < 600
    assert early.waves[1].started_s is None
    assert late.waves[1].started_s == 2 * HOUR
    assert late.waves[0].gate_tripped_s is None


def test_begin__a_gate_stops_waves_that_are_under_way(run_of):
    """The tasks of every wave are stopped, also of one that began earlier and is not over."""
    waves = begun_by(None, {"at": "1 h"}, {"at": "30 h"})["waves"]
    waves[1]["gate"] = {"failed_count_max": 0}
    run = run_of(
        fleet={"cohorts": [{"name": "a", "devices": 30}]},
        stages={"verify": {"constant": "10 h"}},
        failures=BAD,
        campaign={"waves": waves},
        platform={"dispatch_rate": "1 /h"},
    )

    assert run.waves[1].gate_tripped_s is not None
    assert [task.status for task in run.tasks] == ["Stopped", "Stopped"]
    assert run.waves[2].started_s is None


def test_begin__tasks_in_progress_hold_up_the_dispatch_not_the_wave(run_of):
    """A wave that begins beside as many tasks as may be in progress is created, and waits as a task."""
    run = run_of(
        20,
        stages={"verify": {"constant": "5 h"}},
        campaign={**begun_by(None, {"at": "1 h"}), "limits": {"tasks_in_progress": 1}},
    )

    assert run.waves[1].started_s == 1 * HOUR
    assert [task.started_s for task in run.tasks] == [0.0, 5 * HOUR]


def test_begin__nobody_rolls_on_over_a_stop_of_the_whole_task(run_of):
    """A wave stopped as a whole by an operator is the last, also if it is not the one before the next."""
    run = run_of(
        30,
        stages={"verify": {"constant": "5 h"}},
        campaign=begun_by(None, {"at": "1 h"}, {"at": "4 h"}),
        operators=[{"call": "stop", "at": "2 h", "only": {"tasks": [1]}}],
    )

    assert run.waves[2].started_s is None
    assert run.notes == ("a task of wave w0 was stopped, so no further wave began",)
