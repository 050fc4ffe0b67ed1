"""Tests that nothing is compiled twice: a kernel's types depend on no value of a fleet."""

import sys

import numpy as np
import pytest
from fleet.make_spec import make_spec, start

from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.fleet.jit import JIT_ENABLED
from sim.rules import Protocol, Stage

PLATFORMS = (
    {},
    {"max_processing": 3},
    {"max_processing": 3, "bandwidth": 5e6, "max_downloads": 2},
)
STAGES = {Stage.QUERY: (fs.LOGNORMAL, 2.0, 0.5), Stage.INSTALL: (fs.EXPONENTIAL, 30.0)}


def played(n_cohorts, *, cells, log, **platform):
    """Return a fleet that went through everything that kernels are called for."""
    cell = {"protocol": Protocol.LWM2M, "cell_devices": 2} if cells else {}
    spec = make_spec(
        [{"devices": 20, "link_rate": 1e6, "stages": STAGES, **cell}] * n_cohorts,
        [{"stage": Stage.INSTALL, "p": 0.3}],
        **platform,
    )
    fleet = CompiledFleet(spec, log_attempts=log)
    everybody = np.arange(20 * n_cohorts, dtype=np.int32)
    start(fleet, fs.RetryPolicy(1, fs.to_ticks(60)))
    fleet.advance(fs.to_ticks(20))
    fleet.stop(everybody[:5])
    everybody.flags.writeable = False
    fleet.stop(everybody[5:7])
    fleet.retry(everybody[:5])
    fleet.advance(fs.to_ticks(40))
    fleet.curves()
    fleet.watch_failures(0, share=1.0, count=fs.NEVER, of_at_least=0)
    fleet.advance(fs.to_ticks(90))
    fleet.close()
    return fleet


def kernels():
    """Return everything that Python calls compiled, by name."""
    modules = [module for name, module in sys.modules.items() if name.startswith("sim.fleet.compiled")]
    return {
        f"{module.__name__}.{name}": value
        for module in modules
        for name, value in vars(module).items()
        if hasattr(value, "signatures")
    }


@pytest.mark.skipif(not JIT_ENABLED, reason="nothing is compiled")
def test_kernels__have_one_signature():
    """Fleets of one cohort or several, with and without cells, log and network, run the same code.

    So do lists of devices that can be written and those that can not.
    """
    states = {
        played(n_cohorts, cells=cells, log=log, **platform)._st._numba_type_
        for n_cohorts in (1, 2, 3)
        for cells in (False, True)
        for log in (False, True)
        for platform in PLATFORMS
    }
    used = {name: len(kernel.signatures) for name, kernel in kernels().items() if kernel.signatures}

    assert len(states) == 1
    assert {
        "sim.fleet.compiled.event_loop.run_events",
        "sim.fleet.compiled.uncoupled.play.play_block",
    } <= set(used)
    assert {name: n for name, n in used.items() if n > 1} == {}
