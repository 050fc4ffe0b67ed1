"""A unit of work: what it computes, and its file."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import sim
from sim.study.engine.points import Point
from sim.study.engine.unit import (
    LEVELS,
    MARKER,
    METRIC_NAMES,
    TASKS,
    Job,
    Unit,
    _unpacked,
    perform,
    perform_packed,
    read_result,
    write_result,
)
from sim.study.goals import read_goals
from support.study_scenarios import scenario_of

UNIT = Unit((Point("here", {}), Point("there", {"campaign.task_policy.retry_count": 0})), 2, 3)


@pytest.fixture
def job(tiny, tmp_path: Path) -> Job:
    """Return a job whose folder is here."""
    (tmp_path / MARKER).write_text('{"who": "us"}', encoding="utf-8")
    (tmp_path / TASKS).mkdir()
    return Job(tiny, 3, folder=str(tmp_path), identity='"who": "us"')


def test_perform__gives_what_a_run_of_that_point_gives(tiny):
    """Every number of a study can be had again with `sim.run`, digest included."""
    outcome = perform(Job(tiny, 3), UNIT)

    result = sim.run(
        tiny.with_values({"campaign.task_policy.retry_count": 0}), replications=5, all_targets=True
    )
    for i_run, run in enumerate(result.runs[2:]):
        metrics = [run.metrics.get(name) for name in METRIC_NAMES]  # no costs, no metrics of them
        expected = [np.nan if value is None else value for value in metrics]
        assert outcome.metrics[1, i_run].tolist() == pytest.approx(expected, nan_ok=True, rel=0)
        assert outcome.digests[3 + i_run] == run.digest


def test_perform__judges_goals_as_expectations_are_judged(tiny):
    """Each goal of each replication has a verdict of its own."""
    goals = read_goals(tiny, ["success_share >= 90 %", "makespan <= 30 min"])

    outcome = perform(Job(tiny, 3, goals=goals), UNIT)

    share = outcome.metrics[:, :, METRIC_NAMES.index("success_share")]
    makespan = outcome.metrics[:, :, METRIC_NAMES.index("makespan")]
    assert outcome.goals_met.tolist() == np.stack([share >= 0.9, makespan <= 1800], axis=2).tolist()
    assert outcome.goals_met.any()
    assert not outcome.goals_met.all()


def test_perform__keeps_curves_exact_at_their_levels(tiny):
    """The time of each level is that of the device that reached it."""
    outcome = perform(Job(tiny, 3, keeps_curves=True), Unit((Point("k", {}),), 0, 1))

    result = sim.run(tiny, replications=1)
    end = np.sort(result.targets.query("status == 'Success'")["end_s"])
    completion, recovery = outcome.curves[0, 0]
    assert completion[0] == end[0]
    assert completion[-1] == end[-1]
    half = int(np.flatnonzero(np.isclose(LEVELS, 0.5))[0])
    assert completion[1 + half] == end[29]
    assert np.isnan(completion[-2])  # 100 % is never reached
    steps = result.recovery[result.recovery["recovered"].diff() > 0]
    assert recovery[0] == steps["time_s"].iloc[0]


def test_perform__writes_a_file_and_finds_it(job, tmp_path):
    """A unit that was done anywhere is not done again."""
    first = perform(job, UNIT)
    (file,) = (tmp_path / TASKS).iterdir()
    before = file.stat().st_mtime_ns

    again = perform(job, UNIT)

    assert file.stat().st_mtime_ns == before
    assert again.metrics.tobytes() == first.metrics.tobytes()
    assert again.digests == first.digests


def test_perform__half_a_file_counts_as_none(job, tmp_path):
    """What is not whole is computed again, and replaced."""
    perform(job, UNIT)
    (file,) = (tmp_path / TASKS).iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])

    perform(job, UNIT)

    assert file.read_bytes() == whole


def test_perform__without_the_folder_in_sight_nothing_is_written(tiny, tmp_path):
    """A worker on another machine leaves no folder of its own there."""
    elsewhere = tmp_path / "elsewhere"
    perform(Job(tiny, 3, folder=str(elsewhere), identity="x"), UNIT)
    assert not elsewhere.exists()

    (tmp_path / MARKER).write_text("{}", encoding="utf-8")
    perform(Job(tiny, 3, folder=str(tmp_path), identity='"who": "us"'), UNIT)
    assert not (tmp_path / TASKS).exists()


def test_file_name__says_what_is_in_it_and_nothing_else(tiny):
    """Other points, replications or questions have other files; the order of a study has no part in it."""
    names = {
        UNIT.file_name(""),
        Unit(UNIT.points[::-1], 2, 3).file_name(""),
        Unit(UNIT.points, 0, 3).file_name(""),
        UNIT.file_name(Job(tiny, 3, goals=read_goals(tiny, ["failed <= 1"])).asks),
        UNIT.file_name(Job(tiny, 3, goals=read_goals(tiny, ["failed <= 2"])).asks),
        UNIT.file_name(Job(tiny, 3, keeps_curves=True).asks),
    }

    assert len(names) == 6
    assert UNIT.file_name("").endswith("-r00002-00004.json")


def test_outcome__reads_back_exactly(tiny, tmp_path):
    """Numbers survive the file to the last bit, undefined ones included."""
    goals = read_goals(tiny, ["success_share >= 90 %", "makespan <= 30 min"])
    done = perform(Job(tiny, 3, goals=goals, keeps_curves=True), UNIT)
    path = tmp_path / "unit.json"
    write_result(path, UNIT, done)

    again = read_result(path, UNIT)

    assert again is not None
    assert again.metrics.tobytes() == done.metrics.tobytes()
    assert again.curves.tobytes() == done.curves.tobytes()
    assert again.goals_met.tolist() == done.goals_met.tolist()
    assert "NaN" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content | {"format": 0},
        lambda content: content | {"keys": ["others"]},
        lambda content: content | {"metrics": content["metrics"][:1]},
        lambda content: {},
        lambda content: [],
    ],
)
def test_outcome__a_file_of_something_else_counts_as_none(tiny, tmp_path, change):
    """What does not fit is as if it were not there."""
    path = tmp_path / "unit.json"
    write_result(path, UNIT, perform(Job(tiny, 3), UNIT))
    path.write_text(json.dumps(change(json.loads(path.read_text(encoding="utf-8")))), encoding="utf-8")

    assert read_result(path, UNIT) is None


def test_packed__a_job_is_unpickled_once(tiny):
    """The units of a job share one copy of it, and it brings the same results."""
    packed = pickle.dumps(Job(tiny, 3))

    first = perform_packed(packed, UNIT)

    assert first.digests == perform(Job(tiny, 3), UNIT).digests
    assert _unpacked(bytes(bytearray(packed))) is _unpacked(packed)


def test_job__travels_to_other_processes():
    """A job with goals and a scenario is the same after it was pickled."""
    scenario = scenario_of(20)
    job = Job(scenario, 5, goals=read_goals(scenario, ["failed <= 3"]))

    again = pickle.loads(pickle.dumps(job))

    unit = Unit((Point("k", {}),), 0, 2)
    assert perform(again, unit).digests == perform(job, unit).digests
