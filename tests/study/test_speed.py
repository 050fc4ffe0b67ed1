"""What studies cost, on scenarios of 10,000 devices. Run alone: `pytest -m bench -s tests/study`."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim.cpus import usable_cpus
from sim.scenario import Scenario, load_scenario
from sim.study import policy, replicate
from sim.study.engine import dispatch
from sim.study.engine.dispatch import hand_out
from sim.study.engine.points import Point
from sim.study.engine.pools import open_pool
from sim.study.engine.unit import Unit
from support.study_scenarios import nothing

pytestmark = pytest.mark.bench


@pytest.fixture
def quickstart(repository: Path) -> Scenario:
    """Return the shipped scenario of 10,000 devices, its kernels compiled."""
    scenario = load_scenario(repository / "scenarios" / "quickstart.yaml")
    replicate(scenario, replications=2)
    return scenario


def seconds(action) -> float:
    """Return how long something takes."""
    start_s = time.perf_counter()
    action()
    return time.perf_counter() - start_s


def test_speed__200_replications_of_10_000_devices(quickstart):
    """At most 3 s on two processors."""
    took_s = seconds(lambda: replicate(quickstart, replications=200))

    print(f"\n200 replications of 10,000 devices: {took_s:.2f} s")
    assert took_s <= 3.0


def on_one_processor(action):
    """Do something with all threads on one processor, where a run alone does without others."""
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})
    try:
        return action()
    finally:
        os.sched_setaffinity(0, processors)


@pytest.mark.skipif(
    usable_cpus() < 2 or not hasattr(os, "sched_setaffinity"), reason="needs two processors, and to leave one"
)
def test_speed__two_threads_against_one(repository):
    """Kernels leave the interpreter to others: two threads are at least 1.8 times as fast as one."""
    scenario = load_scenario(repository / "scenarios" / "silent-devices.yaml").with_values(
        {"fleet.cohorts.gateway.devices": 100_000, "platform.bandwidth": "5 Gbit/s"}
    )
    replicate(scenario, replications=1)

    def study_s(workers):
        return seconds(lambda: replicate(scenario, replications=24, workers=workers))

    # By turns, and the best of five: what else the machine does hits both alike, or neither.
    rounds = [(on_one_processor(lambda: study_s(1)), study_s(2)) for _ in range(5)]
    one_s, two_s = (min(times) for times in zip(*rounds, strict=True))

    print(f"\n24 replications of 100,000 devices: one thread {one_s:.2f} s, two {two_s:.2f} s")
    assert one_s / two_s >= 1.8


def test_speed__all_7201_policies(quickstart):
    """At most three minutes at 10,000 devices."""
    took_s = seconds(lambda: policy(quickstart, exhaustive=True, replications=1))

    print(f"\n7,201 policies at 10,000 devices: {took_s:.1f} s")
    assert took_s <= 180


@pytest.mark.parametrize("where", ["threads", "processes"])
def test_speed__handing_out_a_unit(monkeypatch, quickstart, where):
    """At most 2 ms a unit on this machine."""
    monkeypatch.setattr(dispatch, "perform_packed", nothing)
    units = [Unit((Point(f"unit {i}", {}),), 0, 1) for i in range(1000)]
    pool = open_pool(where, plane="compiled", workers=2)
    hand_out(quickstart, units[:20], pool, lambda unit, outcome: None)

    took_s = seconds(lambda: hand_out(quickstart, units, pool, lambda unit, outcome: None))

    pool.close()
    print(f"\nhanding out a unit to {where}: {took_s:.3f} ms")
    assert took_s / 1000 <= 0.002


_SWEEP = """
import re, sys, tempfile
from pathlib import Path
sys.path[:0] = {paths!r}
from sim.study import sweep

vary = {{"platform.max_processing": "1001..{last}"}}
found = sweep({file!r}, vary, replications=1, folder=tempfile.mkdtemp())
assert len(found.summary) == ({last} - 1000) * len(found.runs.metrics[0, 0])
print(re.search(r"VmHWM:\\s*([0-9]+) kB", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs the peak that Linux tells")
def test_memory__a_sweep_of_1000_points(repository):
    """At most 500 MB, frames and figure included, once its kernels are compiled.

    `getrusage` won't do: its peak is that of the parent if that one was larger when it started the child.
    """
    given = {
        "paths": [path for path in sys.path if path],
        "file": str(repository / "scenarios/quickstart.yaml"),
    }

    def peak_bytes(last: int) -> int:
        code = _SWEEP.format(last=last, **given)
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        return int(done.stdout) * 1024

    peak_bytes(1002)
    found = peak_bytes(2000)

    print(f"\na sweep of 1,000 points: {found / 1e6:.0f} MB")
    assert found <= 500e6
