"""What survives when something is killed: a Dask worker, and the whole study."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim.study import sweep
from sim.study.engine.kinds import SWEEP
from sim.study.engine.points import Point
from sim.study.engine.study import Study
from support.study_scenarios import files_in, scenario_of

VARY = {"platform.max_processing": "10..40:10"}

pytestmark = pytest.mark.slow


def test_cluster__gives_the_same_results_as_threads(tiny, tmp_path):
    """Two Dask workers on this machine: same digest, and the files that threads write."""
    pytest.importorskip("distributed")
    threads = sweep(tiny, VARY, replications=20, folder=tmp_path / "threads")

    cluster = sweep(tiny, VARY, replications=20, executor="local:2", folder=tmp_path / "cluster")

    assert cluster.digest == threads.digest
    for name in files_in(tmp_path / "threads"):
        ours, theirs = ((tmp_path / kind / "tasks" / name).read_bytes() for kind in ("threads", "cluster"))
        assert ours == theirs


def test_cluster__a_worker_that_is_killed_costs_nothing(tiny, tmp_path, monkeypatch):
    """SIGKILL of a Dask worker in the middle: the study finishes with the same digest."""
    pytest.importorskip("distributed")
    points = [Point(f"{tiny.digest}{i}", {"campaign.task_policy.retry_count": i}) for i in range(4)]
    with Study(tiny, {}, kind=SWEEP) as study:
        expected = study.runs(points, 100).digest
    pids: list[int] = []
    whole: dict[str, tuple[int, int]] = {}
    keep = Study._keep

    def kill_one(self, unit, outcome):
        keep(self, unit, outcome)
        if not pids:
            client = self._pool._executor._client
            pids.extend(client.run(os.getpid).values())
            os.kill(pids[0], signal.SIGKILL)
            whole.update(files_in(tmp_path / "study"))

    monkeypatch.setattr(Study, "_keep", kill_one)
    with Study(tiny, {"executor": "local:2", "folder": tmp_path / "study"}, kind=SWEEP) as study:
        assert study.runs(points, 100).digest == expected
    assert len(pids) == 2
    assert 0 < len(whole) < 4 * 10
    assert whole.items() <= files_in(tmp_path / "study").items()  # none of them was written again


@pytest.mark.parametrize("executor", ["threads", "processes", "local:2"])
def test_study__that_is_killed_goes_on_where_it_was(tmp_path, executor):
    """SIGKILL of the whole study: the same call finishes it, and computes nothing twice that was whole."""
    scenario = scenario_of(2000)
    if executor.startswith("local"):
        pytest.importorskip("distributed")
    expected = sweep(scenario, VARY, replications=100).digest
    folder = tmp_path / "study"
    script = tmp_path / "study.py"
    script.write_text(_SCRIPT, encoding="utf-8")
    given = {"paths": [p for p in sys.path if p], "folder": str(folder), "executor": executor, "vary": VARY}
    command = [sys.executable, str(script), json.dumps(given)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _wait_for_files(folder, 5, child)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()

    time.sleep(1.5)  # workers of a killed parent may still finish a file
    before = files_in(folder)
    assert 5 <= len(before) < 4 * 10
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    digest, reused = done.stdout.split()
    after = files_in(folder)
    assert digest == expected
    assert int(reused) == len(before) * 10
    assert {name: after[name] for name in before} == before
    assert len(after) == 4 * 10
    assert not list((folder / "tasks").glob(".*"))


def _wait_for_files(folder: Path, count: int, child: subprocess.Popen) -> None:
    """Wait until a study has written so many files."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and child.poll() is None:
        if (folder / "tasks").is_dir() and len(files_in(folder)) >= count:
            return
        time.sleep(0.002)
    raise AssertionError("the study wrote no files, or was too fast to be killed")


_SCRIPT = """
import json, sys
given = json.loads(sys.argv[1])
sys.path[:0] = given["paths"]
from sim.study import sweep
from support.study_scenarios import scenario_of

if __name__ == "__main__":
    found = sweep(
        scenario_of(2000), given["vary"], replications=100, folder=given["folder"],
        executor=given["executor"], workers=2,
    )
    print(found.digest, found.reused)
"""
