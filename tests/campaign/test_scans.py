"""Tests that what NumPy does for the SimPy plane is what the kernels do for the compiled one."""

import subprocess
import sys

import numpy as np
import pytest
from fleet.make_spec import make_spec
from hypothesis import given
from hypothesis import strategies as st

from sim.campaign import kernels, uncompiled
from sim.campaign.scans import scans_for
from sim.fleet.compiled import CompiledFleet
from sim.fleet.protocol import TargetRecords
from sim.fleet.reference import SimpyFleet
from sim.rules import IS_LIVE, SubtaskState

N_STATES = len(SubtaskState)


@pytest.mark.parametrize(("plane", "module"), [(CompiledFleet, kernels), (SimpyFleet, uncompiled)])
def test_scans_for__the_plane(plane, module):
    """Compiled functions for the compiled plane, plain ones for the other."""
    assert scans_for(plane(make_spec())) is module


def test_simpy_run__loads_no_compiler():
    """A whole campaign, its checks and its tally run without the compiler."""
    program = """
import sys
from sim.campaign import run_campaign
from sim.campaign.tally import tally_of
from sim.scenario import make_scenario
fleet = {"cohorts": [{"name": "a", "devices": 50}]}
package = {"version": "2", "size": "1 MiB"}
scenario = make_scenario({"name": "small", "fleet": fleet, "campaign": {"package": package}})
run = run_campaign(scenario, plane="simpy")
print(tally_of(run).counts.states[-1].sum(), "numba" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["50", "False"]


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 30))
def test_uncompiled__is_what_the_kernels_do(seed, n):
    """Same counts, same positions, same answers, for any states of any devices."""
    luck = np.random.default_rng(seed)
    task = luck.integers(-1, 2, n).astype(np.int32)
    status = luck.integers(0, N_STATES, n).astype(np.int8)
    first_start = luck.integers(-1, 3, n).astype(np.int64)
    devices = np.sort(luck.permutation(n)[: luck.integers(1, n + 1)]).astype(np.int32)
    wanted = luck.random(N_STATES) < 0.5
    answers = []
    for module in (kernels, uncompiled):
        counts = np.zeros(N_STATES, np.int64)
        module.count_states(status, devices, counts)
        positions = np.full(min(3, int(counts[wanted].sum())), -1, np.int64)
        module.find_states(status, devices, wanted, positions)
        joined, started = module.any_joined(task, devices), module.count_started(first_start, devices)
        answers.append((counts.tolist(), positions.tolist(), bool(joined), int(started)))

    assert answers[0] == answers[1]


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 30))
def test_first_breach__is_the_same_device(seed, n):
    """Both find the same first contradiction in records, and the same sums."""
    luck = np.random.default_rng(seed)
    columns = {
        name: luck.integers(-1 if name in {"task", "first_start", "end", "first_failure"} else 0, 2, n)
        for name in TargetRecords._fields
    }
    columns["status"] = luck.integers(0, N_STATES, n)
    if luck.random() < 0.7:  # mostly sound ones, or the first device would nearly always be it
        columns["attempts"] = (
            (columns["first_start"] >= 0) + luck.integers(0, 2, n) + columns["manual_retries"]
        )
    like = _types()
    records = TargetRecords(**{name: column.astype(like[name]) for name, column in columns.items()})
    answers = []
    for module in (kernels, uncompiled):
        states, sums = np.zeros(N_STATES, np.int64), np.zeros(2, np.int64)
        answers.append((int(module.first_breach(records, IS_LIVE, 1, states, sums)), *states, *sums))

    assert answers[0] == answers[1]


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 30), step=st.integers(1, 3))
def test_first_false_time__is_the_same_row(seed, n, step):
    """Both find the same first device whose time can't be, and the same sums by cohort."""
    luck = np.random.default_rng(seed)
    columns = {name: np.zeros(n, kind) for name, kind in _types().items()}
    columns["first_start"] = luck.integers(-1, 3, n)
    columns["end"] = luck.integers(-1, 9, n)
    devices = np.arange(0, n, step, dtype=np.int32)
    by_device = luck.integers(0, 3, (len(devices), 4))
    by_device[luck.random(by_device.shape) < 0.02] = -1
    cohort = np.sort(luck.integers(0, 2, n)).astype(np.int16)
    answers = []
    for module in (kernels, uncompiled):
        sums = np.zeros((2, 2, 4), np.int64)
        of = TargetRecords(**columns)
        answers.append((int(module.first_false_time(of, cohort, 9, devices, by_device, sums)), sums.tolist()))

    assert answers[0] == answers[1]
    for k, device in enumerate(devices[: answers[0][0]] if answers[0][0] >= 0 else devices):
        last = columns["end"][device] if columns["end"][device] >= 0 else 9
        first = columns["first_start"][device]
        assert (by_device[k] >= 0).all()
        assert first < 0 or last - first <= by_device[k].sum() <= last


def _types():
    """Return the type of each column of records, by name."""
    records = CompiledFleet(make_spec([{"devices": 1}])).records()
    return {name: column.dtype for name, column in records._asdict().items()}
