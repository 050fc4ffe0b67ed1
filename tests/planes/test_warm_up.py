"""Tests that what the tiny fleets go through is all that is compiled."""

from pathlib import Path

import pytest

import sim
from sim.fleet import jit, kernel_files
from sim.planes.compilation import _listener, _numba_event
from sim.planes.warm_up import run_all_kernels, scenarios

pytestmark = pytest.mark.skipif(not jit.JIT_ENABLED, reason="nothing is compiled")


def test_warm_up__reaches_every_kernel():
    """No kernel is without code in the cache, not even one that is called in a rare case only."""
    run_all_kernels()
    ours = [kernel for kernel in jit.KERNELS if kernel.py_func.__module__.startswith("sim.")]

    kept = {path.name.partition("-")[0] for path in kernel_files._files() if path.suffix == ".nbc"}

    assert len(ours) > 20
    assert {kernel.py_func.__name__ for kernel in ours} - {name.rpartition(".")[2] for name in kept} == set()


def test_warm_up__leaves_nothing_for_the_shipped_scenarios(repository):
    """After it, no shipped scenario compiles anything, with one device cohort or several."""
    run_all_kernels()
    compiled: list[str] = []
    listener = _listener(compiled.append, lambda name: None)
    _numba_event().register("numba:compile", listener)
    try:
        for path in sorted(Path(repository, "scenarios").glob("*.yaml")):
            sim.run(path, replications=1, plane="compiled")
    finally:
        _numba_event().unregister("numba:compile", listener)

    assert compiled == []


def test_scenarios__are_without_warnings():
    """The tiny fleets are what they seem to be."""
    assert [scenario.warnings() for scenario in scenarios()] == [[], [], [], []]
