"""Whether the order of the devices mattered: said wherever something makes them wait for one another.

The vendor documents no order in which a task's targets are dispatched, so an answer that hangs on it should
not look as if it didn't. It is found out by trying: the same devices with the same draws, in another order.
One order is compared, not all: a difference proves that order matters, none only that it hardly does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from sim.campaign import run_campaign
from sim.results.display.format import format_count, format_metric
from sim.results.metrics import run_metrics
from sim.units import format_frequency

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.campaign.record import Plane
    from sim.results.run_data import RunData
    from sim.results.statistics import Metric
    from sim.scenario import Scenario

ORDER: Final = "campaign.order"
"""The field that is changed to compare."""

MATTERS: Final = 0.05
"""Relative difference of one of the compared metrics from which on order matters."""

_COMPARED: Final = {
    "makespan": "the makespan is",
    "time_to_success.p50": "half of the fleet has succeeded after",
    "time_to_success.p95": "95 % of the fleet have succeeded after",
}
# Another run is cheap beside ten, and takes a moment if devices are few.
_MANY_RUNS: Final = 10
_FEW_DEVICES: Final = {"compiled": 100_000, "simpy": 2_000}


def what_binds(scenario: Scenario, metrics: Mapping[str, Metric]) -> str:
    """Return in words what makes devices of several cohorts wait for one another; empty for nothing.

    Args:
        metrics: Those of a run, or their means over some.
    """
    campaign, platform = scenario.campaign, scenario.platform
    if len(scenario.cohort_names) < 2:
        return ""
    places = [
        f"{format_count(limit)} of {format_count(limit)} {what}"
        for limit, peak, what in (
            (platform.max_processing, "peak_processing", "in Processing"),
            (platform.max_downloads, "peak_downloads", "downloads"),
        )
        if limit is not None and (metrics[peak] or 0) >= limit
    ]
    if any(c.cell is not None and c.cell.devices > min(platform.cell_places) for c in scenario.fleet.cohorts):
        places.append("those of radio cells")
    if any(
        cohort.site is not None and cohort.site.devices > (cohort.site.at_a_time or math.inf)
        for cohort in scenario.fleet.cohorts
    ) or any(site.at_a_time is not None for site in (scenario.fleet.sites or {}).values()):
        places.append("those of sites")
    if places:
        return f"places bind ({', '.join(places)})"
    if platform.dispatch_rate is not None:
        return f"the dispatch rate binds ({format_frequency(platform.dispatch_rate)})"
    return "the dispatch ramp binds" if campaign.what_if.dispatch_ramp is not None else ""


def other_order(scenario: Scenario) -> str:
    """Return the order that a scenario's own is compared with."""
    return "shuffled" if scenario.campaign.order == "file" else "file"


def order_sentence(binds: str, other: str, mine: Mapping[str, Metric], theirs: Mapping[str, Metric]) -> str:
    """Say whether order matters, by the metric that differs most.

    Args:
        binds: What makes devices wait.
        other: The other order.
        mine: Metrics under the scenario's own order.
        theirs: The same under the other one.
    """
    most = max(_COMPARED, key=lambda name: _difference(mine[name], theirs[name]))
    if _difference(mine[most], theirs[most]) <= MATTERS:
        return f"{binds}, but another order of the devices ('{other}') makes hardly a difference"
    now, then = format_metric(most, mine[most]), format_metric(most, theirs[most])
    return f"order matters here: {binds}; with order '{other}' {_COMPARED[most]} {then} instead of {now}"


def order_notes(result: RunData) -> list[str]:
    """Return what is to be said about the order of a result's devices.

    The first replication is run once more in the other order, unless that would take long beside the rest.

    Args:
        result: With its first replication.
    """
    scenario, first = result.scenario, result.runs[0]
    binds = what_binds(scenario, first.metrics)
    if not binds:
        return []
    other = other_order(scenario)
    if len(result.runs) < _MANY_RUNS and scenario.n_devices > _FEW_DEVICES[result.plane]:
        return [f"{binds}; whether the order of the devices matters was not compared: see '{ORDER}: {other}'"]
    reordered = scenario.with_values({ORDER: other})
    plane: Plane = "simpy" if result.plane == "simpy" else "compiled"
    run = run_campaign(reordered, seed=result.seed, replication=first.index, plane=plane)
    return [order_sentence(binds, other, first.metrics, run_metrics(run))]


def _difference(one: Metric, other: Metric) -> float:
    """Return the relative difference of two times; all of it if only one of them ever comes."""
    if one is None or other is None:
        return 0.0 if one is other else 1.0
    return abs(one - other) / max(one, other, 1e-9)
