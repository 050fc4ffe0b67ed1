"""Where units run: bad places, and workers that die."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from sim.cpus import usable_cpus
from sim.errors import ScenarioError
from sim.study.engine import pools
from sim.study.engine.dispatch import hand_out
from sim.study.engine.kinds import SWEEP
from sim.study.engine.points import Point
from sim.study.engine.pools import Pool, check_place, open_pool, worker_versions
from sim.study.engine.unit import Job, Unit
from support.study_scenarios import files_in, scenario_of

UNITS = [Unit((Point(f"unit {i}", {"number": i}),), 0, 1) for i in range(12)]


@pytest.mark.parametrize("where", [None, "threads", "processes", "local:2", "tcp://host:8786", "tls://h:1"])
def test_place__good_ones_are_taken(where):
    """Names of executors, addresses of schedulers."""
    check_place(where, None)


@pytest.mark.parametrize("where", ["", "tcp://host", "host:8786", "local", "local:", "local:x", "http://h:1"])
def test_place__others_are_refused(where):
    """What is no place is named, with what would be one."""
    with pytest.raises(ScenarioError, match="is no place to run; allowed: threads"):
        check_place(where, None)


def test_place__numbers_are_checked():
    """No workers are too few."""
    with pytest.raises(ScenarioError, match="local:0' has no workers"):
        check_place("local:0", None)
    with pytest.raises(ScenarioError, match="workers: 0 is not allowed"):
        check_place(None, 0)


def test_cluster__one_that_is_not_there_is_named(monkeypatch):
    """An address where nobody listens is an error of a second, not of an hour."""
    pytest.importorskip("distributed")
    monkeypatch.setattr(pools, "_CONNECT_S", 0.3)

    with pytest.raises(ScenarioError, match=r"cluster: can't be reached at tcp://127\.0\.0\.1:9"):
        open_pool("tcp://127.0.0.1:9", plane="compiled", workers=None)


def test_cluster__without_the_package_the_extra_is_named(monkeypatch):
    """Whoever has not installed it learns how."""
    monkeypatch.setitem(sys.modules, "distributed", None)

    with pytest.raises(ScenarioError, match=r"fleet-upgrade-sim\[cluster\]"):
        open_pool("local:1", plane="compiled", workers=None)


class Remote:
    """A client of a cluster that answers as a test says."""

    def __init__(self, answers, threads=None):
        """Keep what to answer."""
        self._answers = answers
        self._threads = {"w1": 2, "w2": 2} if threads is None else threads

    def wait_for_workers(self, n, timeout):
        """Return at once, or complain that there are none."""
        if len(self._threads) < n:
            raise TimeoutError

    def nthreads(self):
        """Return threads by worker."""
        return self._threads

    def run(self, function):
        """Return an answer a worker, or fail."""
        if isinstance(self._answers, Exception):
            raise self._answers
        return dict(zip(self._threads, self._answers, strict=True))


def test_cluster__workers_are_counted_if_they_are_alike():
    """Each thread of each worker does one unit at a time."""
    mine = worker_versions()

    assert pools._checked_workers(Remote([mine, mine]), "tcp://x:1") == 4


@pytest.mark.parametrize(
    ("remote", "part"),
    [
        (Remote([worker_versions(), "fleetsim 0.0.1"]), "worker w2 has fleetsim 0.0.1; this is fleetsim"),
        (Remote(ModuleNotFoundError("No module named 'sim'")), "can't import this package"),
        (Remote([], {}), "tcp://x:1 has no workers"),
    ],
)
def test_cluster__workers_that_are_not_are_refused(remote, part):
    """Another version computes other numbers; it is named before it computes any."""
    with pytest.raises(ScenarioError) as caught:
        pools._checked_workers(remote, "tcp://x:1")

    assert part in str(caught.value)


def test_threads__are_as_many_as_fit_into_memory(monkeypatch):
    """Ten runs of a fleet that fits once would not fit."""
    memory = 3.5 * 200 * 60
    monkeypatch.setattr(os, "sysconf", lambda name: memory if name == "SC_PHYS_PAGES" else 1)
    monkeypatch.setattr(pools, "usable_cpus", lambda: 64)

    pool = open_pool(None, plane="compiled", workers=None, scenario=scenario_of(60))

    assert pool.workers == 3
    pool.close()


def test_pool__planes_choose_their_executor():
    """Kernels leave the interpreter to others, SimPy doesn't."""
    compiled = open_pool(None, plane="compiled", workers=1)
    simpy = open_pool(None, plane="simpy", workers=1)

    assert (compiled.name, simpy.name) == ("threads", "processes")
    assert not compiled.can_renew
    assert simpy.can_renew
    compiled.close()
    simpy.close(hurry=True)


def test_pool__an_executor_of_the_caller_is_left_alone():
    """Who brings an executor keeps it."""
    with ThreadPoolExecutor(3) as executor:
        pool = open_pool(executor, plane="compiled", workers=None)
        assert pool.workers == 3
        pool.close()
        assert executor.submit(int, "5").result() == 5
    assert usable_cpus() >= 1


def test_submit__gives_each_call_its_share_of_the_processors(monkeypatch):
    """Two workers of four processors have two each, and a lone one has all."""
    monkeypatch.setattr("sim.cpus.os.sched_getaffinity", lambda _: set(range(4)), raising=False)
    for workers, share in ((1, 4), (2, 2), (8, 1)):
        pool = open_pool("threads", plane="compiled", workers=workers)
        assert pool.submit(usable_cpus).result() == share
        pool.close()


class Mortal(Executor):
    """An executor all of whose workers die of certain units."""

    def __init__(self, deadly, seen):
        """Keep which units are deadly, and where to note what was handed out."""
        self._deadly = deadly
        self._seen = seen
        self._is_broken = False

    def submit(self, function, *arguments):
        """Answer at once; after a death nothing is taken any more."""
        unit = arguments[-1]
        if self._is_broken:
            raise BrokenExecutor("dead")
        self._seen.append(unit)
        future: Future = Future()
        if self._deadly(unit):
            self._is_broken = True
            future.set_exception(BrokenExecutor("died"))
        else:
            future.set_result(unit.points[0].values["number"])
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        """Do nothing."""


def mortal_pool(deadly, seen):
    """Return a pool of mortal executors."""
    return Pool(lambda: Mortal(deadly, seen), name="mortals", workers=2, can_renew=True)


def test_hand_out__what_a_dead_worker_lost_is_done_again():
    """One death costs time, not results."""
    times: dict[int, int] = {}

    def dies_once(unit):
        number = unit.points[0].values["number"]
        times[number] = times.get(number, 0) + 1
        return number in (3, 7) and times[number] == 1

    kept = {}
    hand_out(None, UNITS, mortal_pool(dies_once, []), lambda unit, outcome: kept.update({unit: outcome}))

    assert [kept[unit] for unit in UNITS] == list(range(12))


def test_hand_out__the_unit_that_kills_them_all_is_named():
    """The others are done, the culprit is given up after four deaths."""
    seen: list[Unit] = []
    kept = []
    pool = mortal_pool(lambda unit: unit.points[0].values["number"] == 5, seen)

    with pytest.raises(ScenarioError) as caught:
        hand_out(None, UNITS, pool, lambda unit, outcome: kept.append(outcome))

    assert "{'number': 5}" in str(caught.value)
    assert "died 4 times" in str(caught.value)
    assert seen.count(UNITS[5]) == 4


def test_hand_out__a_broken_pool_that_can_not_be_renewed_is_the_end():
    """An executor of the caller's is not ours to replace."""
    pool = Pool(lambda: Mortal(lambda unit: True, []), name="theirs", workers=1)

    with pytest.raises(ScenarioError, match="theirs"):
        hand_out(None, UNITS, pool, lambda unit, outcome: None)


class KilledWorker(Exception):  # noqa: N818  # Dask's name
    """Looks like Dask's."""


@pytest.mark.parametrize(
    ("result", "part"), [(KilledWorker(), "died 4 times"), ("cancelled", "dropped the work")]
)
def test_hand_out__what_a_cluster_says_is_translated(result, part):
    """A worker that is out of memory and a scheduler that went away are told in plain words."""

    class Cluster(Executor):
        def submit(self, function, *arguments):
            future: Future = Future()
            if result == "cancelled":
                future.cancel()
                future.set_running_or_notify_cancel()
            else:
                future.set_exception(result)
            return future

    with pytest.raises(ScenarioError, match=part):
        hand_out(None, UNITS, Pool(Cluster, name="c", workers=1), lambda unit, outcome: None)


@pytest.mark.slow
def test_processes__a_worker_that_is_killed_costs_nothing(tiny, tmp_path, monkeypatch):
    """SIGKILL of a worker process in the middle: the study finishes with the same digest."""
    from sim.study.engine.study import Study

    points = [Point(tiny.digest, {})]
    with Study(tiny, {}, kind=SWEEP) as study:
        expected = study.runs(points, 60).digest
    killed: list[int] = []
    whole: dict[str, tuple[int, int]] = {}
    keep = Study._keep

    def kill_one(self, unit, outcome):
        keep(self, unit, outcome)
        if not killed:
            victim = next(iter(self._pool._executor._processes))
            os.kill(victim, signal.SIGKILL)
            killed.append(victim)
            whole.update(files_in(tmp_path / "study"))

    monkeypatch.setattr(Study, "_keep", kill_one)
    options = {"executor": "processes", "workers": 2, "folder": tmp_path / "study"}
    with Study(tiny, options, kind=SWEEP) as study:
        assert study.runs(points, 60).digest == expected
    assert killed
    assert 0 < len(whole) < 6
    assert whole.items() <= files_in(tmp_path / "study").items()  # none of them was written again


@pytest.mark.slow
def test_processes__workers_follow_a_parent_that_is_killed(tmp_path):
    """SIGKILL of the study leaves no processes behind."""
    script = tmp_path / "study.py"
    script.write_text(_PARENT, encoding="utf-8")
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()

    deadline = time.monotonic() + 20
    while _is_alive(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_alive(worker)


def _is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


_PARENT = f"""
import os, sys, time
sys.path[:0] = {[path for path in sys.path if path]!r}
from sim.study.engine.pools import open_pool

if __name__ == "__main__":
    pool = open_pool("processes", plane="compiled", workers=1)
    print(pool.submit(os.getpid).result(), flush=True)
    pool.submit(time.sleep, 60)
    time.sleep(60)
"""


def test_hand_out__works_on_units_of_a_real_job(tiny):
    """The loop hands out what a worker can do."""
    kept = []
    pool = open_pool("threads", plane="compiled", workers=2)
    hand_out(Job(tiny, 3), [Unit((Point("k", {}),), 0, 2)], pool, lambda unit, outcome: kept.append(outcome))
    pool.close()

    assert kept[0].metrics.shape[:2] == (1, 2)
