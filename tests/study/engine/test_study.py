"""The middle of a study: the same results wherever, whenever and in whatever order they are computed."""

import pickle
import threading
from concurrent.futures import Executor, Future
from pathlib import Path

import pytest

from sim.errors import FleetError, ModelError, ScenarioError
from sim.study.engine import dispatch, points, study
from sim.study.engine.kinds import POLICY, SWEEP
from sim.study.engine.options import Complaints, check_options
from sim.study.engine.points import Point, points_at
from sim.study.engine.study import Study
from support.study_scenarios import files_in, scenario_of

VARIANTS = [{"campaign.task_policy.retry_count": count} for count in range(4)]


class Backwards(Executor):
    """Does the newest work first, all of it in the thread that waits."""

    def __init__(self) -> None:
        """Begin with nothing to do."""
        self.work: list[tuple[Future, tuple]] = []
        self.done = 0

    def submit(self, function, *arguments):
        """Keep the call; when four wait, or none comes any more, the newest is done first."""
        future: Future = Future()
        self.work.append((future, (function, *arguments)))
        threading.Timer(0.02, self._run).start()
        return future

    def _run(self) -> None:
        while self.work:
            future, (function, *arguments) = self.work.pop()
            self.done += 1
            future.set_result(function(*arguments))


def digest_of(scenario, replications: int = 7, **options) -> str:
    """Return the digest of a study of four points."""
    with Study(scenario, options, kind=SWEEP) as study:
        return study.runs(points_at(scenario, VARIANTS), replications).digest


def test_study__its_results_depend_on_nobody(tiny):
    """One thread, several, and an executor that turns the order round give the same digest."""
    digests = {digest_of(tiny, executor="threads", workers=n) for n in (1, 2, 5)}
    executor = Backwards()
    digests.add(digest_of(tiny, executor=executor, workers=3))

    assert len(digests) == 1
    assert executor.done


@pytest.mark.slow
@pytest.mark.parametrize(("plane", "n_compiled"), [("compiled", 1), ("simpy", 0)])
def test_study__compiles_before_there_are_workers(tiny, monkeypatch, plane, n_compiled):
    """Kernels are made once, in the open, and not by each worker; the other plane needs none."""
    calls = []
    monkeypatch.setattr(study, "compile_kernels", lambda: calls.append("compiled"))
    monkeypatch.setattr(study, "hand_out", lambda *_: calls.append("work"))
    with Study(tiny, {"plane": plane, "workers": 1}, kind=SWEEP) as begun, pytest.raises(KeyError):
        begun.runs(points_at(tiny, [{}]), 1)

    assert calls == ["compiled"] * n_compiled + ["work"]


def test_study__processes_give_the_same_results(tiny):
    """Spawned processes, and the SimPy plane in them, agree with threads to the last record."""
    threads = digest_of(tiny, executor="threads")

    assert digest_of(tiny, executor="processes", workers=2) == threads
    assert digest_of(tiny, plane="simpy", workers=2) == threads


def test_study__replication_and_point_have_their_place(tiny):
    """Asking for more replications, or for the points in another order, changes no run."""
    points = points_at(tiny, VARIANTS)
    with Study(tiny, {}, kind=SWEEP) as study:
        small = study.runs(points, 4)
        large = study.runs(points[::-1], 13)

    assert large.metrics[::-1, :4].tobytes() == small.metrics.tobytes()
    assert [digests[:4] for digests in large.digests[::-1]] == list(small.digests)


def test_study__luck_is_common(slots):
    """A point that means the same devices has the same draws: replication r differs by the change only."""
    points = points_at(slots, [{"platform.max_processing": n} for n in (10, 20)])
    with Study(slots, {}, kind=SWEEP) as study:
        attempts = study.runs(points, 3).of("attempts")

    assert attempts.tolist() == [[100.0] * 3] * 2


def test_study__grows_without_computing_anything_twice(tiny, tmp_path):
    """More replications and more points take what is there; nothing that is whole is written again."""
    options = {"folder": tmp_path / "study"}
    digest_of(tiny, 10, **options)
    before = files_in(tmp_path / "study")

    with Study(tiny, options, kind=SWEEP) as study:
        runs = study.runs(points_at(tiny, [*VARIANTS, {"campaign.task_policy.retry_count": 5}]), 20)
        reused = study.reused

    after = files_in(tmp_path / "study")
    assert reused == 4 * 10
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) + 4 + 2
    assert runs.digest == digest_of_more(tiny)


def digest_of_more(scenario) -> str:
    """Return the digest of five points and 20 replications, computed in one go."""
    with Study(scenario, {}, kind=SWEEP) as study:
        return study.runs(
            points_at(scenario, [*VARIANTS, {"campaign.task_policy.retry_count": 5}]), 20
        ).digest


def test_study__files_are_written_by_the_study_if_the_worker_sees_no_folder(tiny, tmp_path, monkeypatch):
    """On a cluster without a common disk the results come home and are kept there."""
    monkeypatch.setattr("sim.study.engine.unit.Job.sees_folder", lambda self: False)
    digest_of(tiny, folder=tmp_path / "study")

    monkeypatch.undo()
    monkeypatch.setattr("sim.study.engine.unit._compute", None)  # whoever computes something fails
    assert digest_of(tiny, folder=tmp_path / "study")


def test_study__several_points_share_a_unit_when_each_has_few_runs(tiny, tmp_path):
    """A file a run would be thousands of them for a search among policies."""
    points = [Point(f"point {i}", values) for i, values in enumerate(VARIANTS)]
    with Study(tiny, {"folder": tmp_path / "study"}, kind=POLICY, groups_points=True) as study:
        study.runs(points, 1)

    assert len(files_in(tmp_path / "study")) == 1


def test_study__an_error_of_a_run_comes_through_with_its_place(tiny, monkeypatch):
    """Who reads the traceback learns which point it was."""

    def broken(job, unit):
        raise ZeroDivisionError("by chance")

    monkeypatch.setattr(dispatch, "perform_packed", broken)
    with pytest.raises(ZeroDivisionError) as caught:
        digest_of(tiny)
    assert "retry_count" in caught.value.__notes__[0]


@pytest.mark.parametrize("error", [ModelError("an invariant"), OSError(28, "No space left on device")])
def test_study__other_errors_keep_their_kind(tiny, monkeypatch, error):
    """The command line tells faults of ours from faults of the disk."""

    def broken(job, unit):
        raise error

    monkeypatch.setattr(dispatch, "perform_packed", broken)
    with pytest.raises(type(error)):
        digest_of(tiny)


def test_study__an_interrupt_leaves_whole_files(tiny, tmp_path, monkeypatch):
    """After Ctrl-C there are whole files or none, and the study goes on from them."""
    done = []

    def interrupted(self, unit, outcome):
        done.append(unit)
        keep(self, unit, outcome)
        if len(done) == 2:
            raise KeyboardInterrupt

    keep = Study._keep
    monkeypatch.setattr(Study, "_keep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        digest_of(tiny, 40, folder=tmp_path / "study", workers=1)
    monkeypatch.undo()

    assert not list((tmp_path / "study" / "tasks").glob(".*"))
    before = files_in(tmp_path / "study")
    assert 2 <= len(before) < 16
    assert digest_of(tiny, 40, folder=tmp_path / "study") == digest_of(tiny, 40)
    after = files_in(tmp_path / "study")
    assert {name: after[name] for name in before} == before


def test_points__everything_wrong_is_named_at_once_and_once(tiny):
    """Each problem comes once, however many points have it."""
    variants = [
        {"platform.max_procesing": n, "campaign.task_policy.retry_count": count}
        for n in (1, 2)
        for count in (5, 6, 7)
    ]
    with pytest.raises(ScenarioError) as caught:
        points_at(tiny, variants)

    texts = [str(problem) for problem in caught.value.problems]
    assert len(texts) == 3
    assert "did you mean 'max_processing'" in texts[0]
    assert "6 is not allowed" in texts[1]


def test_points__a_flood_of_problems_is_cut_off(tiny):
    """Twenty of them are enough to see what is wrong."""
    with pytest.raises(ScenarioError) as caught:
        points_at(tiny, [{"campaign.task_policy.retry_count": n} for n in range(100, 150)])

    assert len(caught.value.problems) == 21
    assert "and 30 more problems" in str(caught.value)


def test_points__two_that_mean_the_same_are_refused(tiny):
    """A list that names a value twice was not meant so."""
    with pytest.raises(ScenarioError, match="means the same scenario"):
        points_at(tiny, [{"campaign.package.size": "1 MB"}, {"campaign.package.size": "1000 kB"}])


def test_points__a_fleet_that_does_not_fit_is_refused(tiny):
    """A point with more devices than memory holds is named before anything runs."""
    with pytest.raises(ScenarioError, match="of memory"):
        points_at(tiny, [{"fleet.cohorts.gateway.devices": 2**31 - 1}])


def test_options__all_problems_are_named_at_once():
    """Seed, plane, workers and cluster are checked together."""
    with pytest.raises(ScenarioError) as caught:
        check_options({"seed": -1, "plane": "warp", "executor": "moon", "workers": 0})

    assert [problem.path for problem in caught.value.problems] == ["workers", "cluster", "seed", "plane"]


def test_complaints__collect_and_raise_together():
    """What can be said at once is said at once; nothing wrong raises nothing."""
    complaints = Complaints()
    complaints.raise_any()
    complaints.of(lambda: check_options({"workers": 0}), None)
    assert complaints.of(lambda: 5, 0) == 5
    complaints.of(lambda: check_options({"seed": -1}), None)

    with pytest.raises(FleetError) as caught:
        complaints.raise_any()
    assert len(str(caught.value).splitlines()) == 2


def test_study__a_bad_folder_is_named_before_any_work(tiny, tmp_path, monkeypatch):
    """Nothing runs for a folder of another scenario."""
    digest_of(tiny, 1, folder=tmp_path / "study")
    monkeypatch.setattr(dispatch, "perform_packed", None)

    with pytest.raises(ScenarioError, match="changed since"):
        digest_of(scenario_of(61), 1, folder=Path(tmp_path / "study"))


def test_points__keep_their_scenario_in_this_process_only(tiny):
    """A variant is made once; another process gets key and values, and makes the same of them."""
    (point,) = points_at(tiny, [{"campaign.task_policy.retry_count": 3}])

    assert point.of(tiny) is point.scenario
    sent = pickle.loads(pickle.dumps(point))
    assert sent == point
    assert sent.scenario is None
    assert sent.of(tiny).digest == point.key


def test_points__of_very_many_only_the_first_keep_their_scenario(tiny, monkeypatch):
    """Memory does not grow with the number of points, and each still means what it means."""
    monkeypatch.setattr(points, "_KEPT_MAX", 2)

    found = points_at(tiny, VARIANTS)

    assert [point.scenario is not None for point in found] == [True, True, False, False]
    assert [point.of(tiny).digest for point in found] == [point.key for point in found]
