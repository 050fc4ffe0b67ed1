"""How fast and how large: both planes, and the compiled one by size, measured in one run.

Numbers of one run on one machine can be compared with each other; so results are ratios and costs a
device, never bare seconds. Each is the best of a few repetitions, after one that warms the caches up.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sim.campaign import FleetEnvironment, build_spec, run_campaign
from sim.fleet.spec import RetryPolicy, to_ticks
from sim.scenario import Scenario, make_scenario

_STAGES = {
    "query": {"lognormal": {"median": "2 s", "sigma": 0.5}},
    "verify": {"exponential": {"mean": "10 s"}},
    "install": {"constant": "60 s"},
    "reboot": {"uniform": {"low": "20 s", "high": "60 s"}},
}
_FAILURES = [
    {"stage": "download", "code": 2, "probability": "3 %"},
    {"stage": "verify", "code": 7, "permanent": "0.2 %"},
]

KINDS = ("nothing shared", "places", "shared network")
"""What limits the fleet: nothing; 4,000 Processing places; and 1,500 downloads over 10 Gbit/s as well."""


@dataclass(frozen=True)
class Measurement:
    """One line of the table.

    Attributes:
        what: What was measured.
        value: The number.
        unit: Its unit; `x` for a ratio.
    """

    what: str
    value: float
    unit: str


def fleet_of(n_devices: int, kind: str, *, places: int = 4000, n_cohorts: int = 2) -> Scenario:
    """Return a scenario of the benchmark.

    Args:
        n_devices: Devices, evenly in cohorts with different links.
        kind: One of `KINDS`.
        places: Processing places, if they are limited.
        n_cohorts: Cohorts, of 16 Mbit/s, 4 Mbit/s and so on in turn.
    """
    cohorts = [
        {
            "name": f"cohort-{i}",
            "devices": (n_devices + n_cohorts - 1 - i) // n_cohorts,
            "link_rate": ("16 Mbit/s", "4 Mbit/s")[i % 2],
        }
        for i in range(n_cohorts)
    ]
    platform: dict[str, Any] = {}
    if kind != "nothing shared":
        platform["max_processing"] = places
    if kind == "shared network":
        platform |= {"max_downloads": 1500, "bandwidth": "10 Gbit/s"}
    return make_scenario(
        {
            "name": "bench",
            "fleet": {"cohorts": cohorts},
            "platform": platform,
            "stages": _STAGES,
            "failures": _FAILURES,
            "campaign": {
                "package": {"version": "1", "size": "12 MiB"},
                "task_policy": {"retry_count": 2, "retry_interval": "5 min"},
                "limits": {"targets_per_task": n_devices},
            },
        }
    )


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Return the least time that `work` takes, in seconds.

    Args:
        work: What is timed.
        repeats: How often, >= 1.
    """
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def run_seconds(n_devices: int, kind: str, *, plane: str = "compiled", repeats: int = 3) -> float:
    """Return the least time of a whole campaign, from its scenario to its records, in seconds."""
    scenario = fleet_of(n_devices, kind)
    return seconds(lambda: run_campaign(scenario, plane="simpy" if plane == "simpy" else "compiled"), repeats)


def bytes_a_device(n_devices: int, kind: str) -> float:
    """Return the most that the compiled plane holds at a time beyond inputs and results, bytes a device.

    Inputs are the population and the list of the task's devices, results the records and the curve.
    """
    import tracemalloc

    import numpy as np

    from sim.fleet.compiled import CompiledFleet  # loads the compiler

    run_seconds(n_devices // 10, kind, repeats=1)  # so that nothing is compiled while memory is watched
    spec, devices = build_spec(fleet_of(n_devices, kind)), np.arange(n_devices, dtype=np.int32)
    tracemalloc.start()
    try:
        fleet = CompiledFleet(spec)
        fleet.add_task(devices, RetryPolicy(2, to_ticks(300)))
        fleet.release(devices)
        FleetEnvironment(fleet, horizon_s=30 * 86_400).run()
        fleet.totals()
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return (most - fleet.result_bytes()) / n_devices


def measure(*, planes_devices: int, devices: int, repeats: int = 3) -> list[Measurement]:
    """Measure everything.

    Args:
        planes_devices: Devices on which both planes run; the SimPy plane takes about 0.3 ms each.
        devices: Devices on which the compiled plane's cost is measured.
        repeats: Repetitions of the compiled plane.

    Returns:
        The lines of the table, in order.
    """
    rows = []
    for kind, n in (("places", planes_devices), ("shared network", max(planes_devices // 5, 1))):
        run_seconds(1000, kind)  # compiles, or reads the cache
        fast = run_seconds(n, kind, repeats=repeats)
        slow = run_seconds(n, kind, plane="simpy", repeats=1)
        rows += [
            Measurement(f"compiled plane, {kind}, {n:,} devices", fast / n * 1e9, "ns a device"),
            Measurement(f"SimPy plane, {kind}, {n:,} devices", slow / n * 1e9, "ns a device"),
            Measurement(f"SimPy plane / compiled plane, {kind}", slow / fast, "x"),
        ]
    for kind in KINDS:
        run_seconds(1000, kind)
        small = run_seconds(max(devices // 10, 1), kind, repeats=repeats)
        large = run_seconds(devices, kind, repeats=repeats)
        rows += [
            Measurement(f"{kind}, {devices:,} devices", large / devices * 1e9, "ns a device"),
            Measurement(f"{kind}, time of {devices:,} / time of {devices // 10:,}", large / small, "x"),
            Measurement(
                f"{kind}, beyond inputs and results", bytes_a_device(devices, kind), "bytes a device"
            ),
        ]
    rows.append(Measurement("10,000 devices from Python", run_seconds(10_000, "places") * 1e3, "ms"))
    return rows
