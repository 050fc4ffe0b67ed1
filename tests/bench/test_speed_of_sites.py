"""What lines of sites may cost: ratios to the same fleet on one shared network, measured in one run."""

import statistics
import time

import numpy as np
import pytest
from fleet.make_spec import make_spec

from sim.fleet import spec as fs
from sim.fleet.compiled import CompiledFleet
from sim.rules import Stage

pytestmark = pytest.mark.bench

DEVICES_A_SITE = 50
UPLINK = 1.25e6
STAGES = {
    Stage.QUERY: (fs.LOGNORMAL, 2.0, 0.5),
    Stage.VERIFY: (fs.EXPONENTIAL, 10.0),
    Stage.INSTALL: 60.0,
    Stage.REBOOT: (fs.UNIFORM, 20.0, 60.0),
}
FAILURES = [{"stage": Stage.DOWNLOAD, "p": 0.03}]


def fleet_of(n_sites, *, uplink, bandwidth, spread=0.0):
    """Return a fleet of one cohort, all of it at once; without sites if there is no uplink.

    Uplinks differ by up to `spread` of theirs, upwards and downwards, each from all others.
    """
    cohort = {"devices": n_sites * DEVICES_A_SITE, "link_rate": 2e6, "stages": STAGES}
    if uplink is not None:
        cohort |= {"site_devices": DEVICES_A_SITE, "uplink": uplink}
    spec = make_spec([cohort], FAILURES, bandwidth=bandwidth, package_bytes=12_000_000, resolution_s=3_600.0)
    if spread:
        drawn = np.random.default_rng(1).uniform(1.0 - spread, 1.0 + spread, n_sites)
        spec.sites.uplink[:] = uplink * drawn
    return spec


def cpu_seconds(spec):
    """Return the processor's time of a run, from the fleet's layout to its end."""
    start = time.thread_time()
    fleet = CompiledFleet(spec)
    devices = np.arange(len(spec.cohort), dtype=np.int32)
    fleet.add_task(devices, fs.RetryPolicy(2, fs.to_ticks(300)))
    fleet.release(devices)
    fleet.advance(fs.to_ticks(3 * 86_400))
    return time.thread_time() - start


def ratio(spec, other, rounds):
    """Return how many times as long a run takes as another one: the median of pairs in turn."""
    cpu_seconds(spec), cpu_seconds(other)  # compiles, or reads the cache
    return statistics.median(cpu_seconds(spec) / cpu_seconds(other) for _ in range(rounds))


@pytest.mark.parametrize(
    ("egress_a_site", "limit"), [(float("inf"), 1.7), (0.8e6, 2.5)], ids=["lines alone", "egress binds"]
)
def test_sites__of_a_million_devices_cost_little_more_than_one_network(egress_a_site, limit):
    """20,000 sites of 50 devices, against the same devices that share what all lines carry together."""
    n_sites = 20_000
    sites = fleet_of(n_sites, uplink=UPLINK, bandwidth=n_sites * egress_a_site)
    shared = fleet_of(n_sites, uplink=None, bandwidth=n_sites * min(UPLINK, egress_a_site))
    measured = ratio(sites, shared, 5)
    print(f"20,000 sites / one network, {egress_a_site:g} bytes/s a site: {measured:.2f}")
    assert measured <= limit


@pytest.mark.parametrize(("spread", "limit"), [(0.0, 2.0), (0.8, 3.0)], ids=["equal lines", "all differ"])
def test_sites__cost_of_an_event_hardly_grows_with_their_number(spread, limit):
    """With a platform's limit that binds, ten times as many sites cost each device little more."""
    few, many = (fleet_of(n, uplink=UPLINK, bandwidth=n * 0.8e6, spread=spread) for n in (1_000, 10_000))
    measured = ratio(many, few, 5) / 10
    print(f"10,000 sites / 1,000 sites, a device, uplinks within {spread:.0%}: {measured:.2f}")
    assert measured <= limit
