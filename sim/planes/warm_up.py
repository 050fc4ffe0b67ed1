"""Tiny fleets that go through all that is compiled, so that nothing is left to be compiled afterwards.

Decision: what compiles a kernel is a run that needs it, instead of a list of signatures beside it. A
signature written down twice is one that can be wrong: the kernel would be compiled for types that no run
has, and the next run would compile it again. A test holds this against the list that the decorators keep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from sim.campaign import kernels
from sim.campaign.layout.build_spec import build_spec
from sim.campaign.run import run_campaign
from sim.campaign.tally import tally_of
from sim.fleet.compiled import CompiledFleet
from sim.fleet.spec import NEVER, RetryPolicy, to_ticks
from sim.rules import IS_LIVE, SubtaskState
from sim.scenario import parse_scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sim.scenario import Scenario

_T = TypeVar("_T", bound=np.generic)
_RETRY_TICKS: Final = to_ticks(300.0)
_FREE: Final = """
name: free
fleet:
  cohorts:
    - {name: slow, devices: 9000, link_rate: 100 kbit/s, online: {fraction: 80 %, mean_offline: 1 h}}
    - {name: fast, devices: 3000, link_rate: 1 Mbit/s, spread: 1}
stages:
  query: {lognormal: {median: 2 s, sigma: 0.5}}
  verify: {exponential: {mean: 10 s}}
failures:
  - {stage: query, code: 2, probability: 30 %}
  - {stage: download, code: 5, permanent: 1 %}
campaign:
  package: {version: "2", size: 1 MiB}
  task_policy: {retry_count: 1, retry_interval: 5 min}
operators:
  - {call: retry, at: 10 h}
run: {until: 1 d, resolution: 10 min}
"""
"""Nothing is shared: played straight through, and event by event after the retry call."""

_SHARED: Final = """
name: shared
fleet:
  cohorts:
    - {name: radio, devices: 100, protocol: lwm2m, link_rate: 100 kbit/s, cell: {devices: 10}}
    - {name: wire, devices: 3900, link_rate: 1 Mbit/s, window: {opens: "00:00", closes: "12:00"}}
platform: {max_processing: 500, max_downloads: 100, bandwidth: 50 Mbit/s, api: {error_share: 10 %}}
outages:
  - {at: 10 min, lasts: 10 min, effect: {bandwidth: 50 %}}
stages:
  install: {exponential: {mean: 1 min}}
failures:
  - {stage: install, code: 10, probability: 20 %}
campaign:
  package: {version: "2", size: 1 MiB}
  task_policy: {retry_count: 1, retry_interval: 5 min}
  waves:
    - {name: first, share: 50 %, gate: {failed_share_max: 90 %, of_at_least: 10}}
    - {name: rest, share: 100 %}
operators:
  - {call: stop, at: 20 min}
  - {call: retry, at: 2 h}
run: {until: 1 d, resolution: 10 min}
"""
"""Places, cells, a network with too little bandwidth, a window, an outage, waves, calls."""

_SITES: Final = """
name: sites
fleet:
  cohorts:
    - {name: shop, devices: 200, link_rate: 1 Mbit/s, site: {devices: 10, uplink: 2 Mbit/s, at_a_time: 4}}
    - {name: depot, devices: 100, link_rate: 1 Mbit/s, site: {devices: 50, uplink: 5 Mbit/s}}
platform: {bandwidth: 20 Mbit/s}
outages:
  - {at: 5 min, lasts: 5 min, effect: {bandwidth: 50 %}}
stages:
  install: {exponential: {mean: 1 min}}
failures:
  - {stage: install, code: 10, probability: 20 %}
campaign:
  package: {version: "2", size: 1 MiB}
  task_policy: {retry_count: 1, retry_interval: 5 min}
run: {until: 1 d, resolution: 10 min}
"""
"""Lines and places of sites, below an egress that binds."""

_HELD: Final = """
name: held
fleet:
  cohorts:
    - name: shop
      devices: 300
      link_rate: 1 Mbit/s
      site: {devices: 10, uplink: 2 Mbit/s}
      window: {opens: "00:00", closes: "20:00", for: install}
    - name: van
      devices: 300
      link_rate: 1 Mbit/s
      online: {fraction: 50 %, mean_offline: 5 min, during_upgrade: pauses}
platform: {dispatch_rate: 1 /s}
outages:
  - {at: 1 min, lasts: 2 min, effect: freeze}
  - {at: 4 min, lasts: 10 min, effect: unreachable}
stages:
  install: {exponential: {mean: 1 min}}
failures:
  - {stage: query, code: 2, probability: 30 %}
  - {stage: install, code: 1, probability: 20 %, lasts: {constant: 1 h}}
campaign:
  package: {version: "2", size: 16 MiB}
  task_policy: {retry_count: 1, retry_interval: 2 h}
operators:
  - {call: stop, at: 8 min, only: {cohorts: [van]}}
run: {until: 1 d, resolution: 10 min}
"""
"""Lines below no egress, a freeze, a window for install; links and an outage in which downloads stop."""


def scenarios() -> Iterator[Scenario]:
    """Yield the scenarios of the tiny fleets."""
    for text in (_FREE, _SHARED, _SITES, _HELD):
        yield parse_scenario(text, "<warm-up>")


def run_all_kernels() -> None:
    """Call every kernel at least once, with the types that all runs have."""
    for scenario in scenarios():
        run_campaign(scenario, plane="compiled", log_attempts=True)
        tally_of(run_campaign(scenario, plane="compiled"))
        _play(scenario)
    _look()


def _play(scenario: Scenario) -> None:
    """Play a fleet as no scenario does for certain: on two threads, stopped amid straight play."""
    fleet = CompiledFleet(build_spec(scenario), threads=2)
    everybody = np.arange(scenario.n_devices, dtype=np.int32)
    fleet.add_task(everybody, RetryPolicy(1, _RETRY_TICKS))
    fleet.release(everybody)
    fleet.advance(_RETRY_TICKS // 2)
    failed = fleet.records().first_failure
    fleet.advance(int(failed[failed >= 0].min()) + _RETRY_TICKS)  # someone stands ready at that very tick
    fleet.stop(everybody[::2])
    fleet.retry(everybody[:10])
    fleet.watch_failures(-1, share=0.5, count=NEVER, of_at_least=1)
    fleet.advance(to_ticks(900.0))
    fleet.curves()
    fleet.totals()
    fleet.close()


def _look() -> None:
    """Call what only some queries and rollouts call, with arrays that may be written and others."""
    status, counts = np.zeros(1, np.int8), np.zeros(len(SubtaskState), np.int64)
    records = CompiledFleet(build_spec(next(scenarios()))).records()
    kernels.first_breach(records, IS_LIVE, 0, counts, np.zeros(2, np.int64))
    for devices in _both(np.zeros(1, np.int32)):
        kernels.any_joined(np.zeros(1, np.int32), devices)
        kernels.count_started(np.zeros(1, np.int64), devices)
        kernels.count_states(status, devices, counts)
        for wanted in _both(np.ones(len(SubtaskState), np.bool_)):
            kernels.find_states(status, devices, wanted, np.zeros(1, np.int64))


def _both(array: NDArray[_T]) -> Iterator[NDArray[_T]]:
    """Yield an array that may be written, and one that may not: numba compiles for each of them."""
    yield array
    shut = array.copy()
    shut.flags.writeable = False
    yield shut
