"""What it costs that devices remember, by pairs of runs in turn."""

import statistics
import time

import numpy as np
import pytest
from fleet.make_spec import make_spec

from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.rules import Stage

N = 200_000
PAIRS = 7
COHORT = {
    "devices": N,
    "link_rate": 1e6,
    "stages": dict.fromkeys((Stage.QUERY, Stage.VERIFY, Stage.INSTALL), (fs.LOGNORMAL, 20.0, 0.5)),
}
LINK = {"off": (fs.EXPONENTIAL, 7_200.0), "on": (fs.EXPONENTIAL, 28_800.0)}
FRESH = {"stage": Stage.QUERY, "p": 0.1}
CONDITION = {**FRESH, "lasts": (fs.EXPONENTIAL, 28_800.0)}
PLATFORMS = {
    "nothing shared": {},
    "places": {"max_processing": 4000},
    "shared network": {"max_processing": 4000, "max_downloads": 1500, "bandwidth": 1e9},
}


def played(spec):
    """Return a fleet that has run through, and the seconds that it took."""
    begun = time.perf_counter()
    fleet = CompiledFleet(spec)
    devices = np.arange(N, dtype=np.int32)
    fleet.add_task(devices, fs.RetryPolicy(2, fs.to_ticks(300)))
    fleet.release(devices)
    fleet.advance(fs.NEVER)
    return fleet, time.perf_counter() - begun


@pytest.mark.bench
@pytest.mark.parametrize("platform", PLATFORMS.values(), ids=PLATFORMS)
def test_speed__a_link_and_a_condition_on_every_device_cost_half_as_much_again(platform):
    """Than a fleet whose queries fail as often, but anew each time; a device has at most 24 bytes more."""
    more = {"package_bytes": 10**7, "resolution_s": 300.0, **platform}
    plain = make_spec([COHORT], [FRESH], **more)
    remembering = make_spec([{**COHORT, "link": LINK}], [CONDITION], **more)
    played(plain), played(remembering)
    ratios = []
    for _ in range(PAIRS):
        _, without = played(plain)
        fleet, with_memory = played(remembering)
        ratios.append(with_memory / without)
    assert statistics.median(ratios) <= 1.5
    assert fleet._st.places.nbytes <= 24 * N
