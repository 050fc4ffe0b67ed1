"""How the compiled plane's cost a device grows, measured and drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sim.campaign import run_campaign
from sim.results.figures.canvas import blank_figure
from sim.results.figures.colours import BLUE, VERMILION
from sim.study.bench.speed import fleet_of, run_seconds, seconds

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLACES: Final = (100, 300, 1000, 3000, 10_000, 30_000, 100_000)
"""Numbers of devices that are active at a time."""

COHORTS: Final = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True)
class Scaling:
    """Costs of a device on a shared network, ns.

    Attributes:
        devices: Devices of each fleet.
        by_places: By Processing places, two cohorts.
        by_cohorts: By number of cohorts, 4,000 places.
    """

    devices: int
    by_places: dict[int, float]
    by_cohorts: dict[int, float]


def measure_scaling(devices: int, *, repeats: int = 3) -> Scaling:
    """Measure the costs.

    Args:
        devices: Devices of each fleet.
        repeats: Repetitions, of which the best counts.
    """

    def cost_ns(places: int, n_cohorts: int) -> float:
        scenario = fleet_of(devices, "shared network", places=places, n_cohorts=n_cohorts)
        return seconds(lambda: run_campaign(scenario), 1) / devices * 1e9

    run_seconds(20_000, "shared network", repeats=1)  # compiles, or reads the cache
    by_places = dict.fromkeys(PLACES, math.inf)
    by_cohorts = dict.fromkeys(COHORTS, math.inf)
    for _ in range(repeats):  # rounds, so that a slow minute of the machine hits all alike
        for places in PLACES:
            by_places[places] = min(by_places[places], cost_ns(places, 2))
        for n_cohorts in COHORTS:
            by_cohorts[n_cohorts] = min(by_cohorts[n_cohorts], cost_ns(4000, n_cohorts))
    return Scaling(devices, by_places, by_cohorts)


def scaling_figure(scaling: Scaling) -> Figure:
    """Draw the costs: over the number of active devices, and over the number of cohorts."""
    figure = blank_figure(9, 3.4)
    left, right = figure.subplots(1, 2, sharey=True)
    left.plot(list(scaling.by_places), list(scaling.by_places.values()), "o-", color=BLUE)
    left.set(xscale="log", xlabel="devices in Processing at a time", ylabel="ns a device")
    right.plot(list(scaling.by_cohorts), list(scaling.by_cohorts.values()), "o-", color=VERMILION)
    right.set(xlabel="cohorts on the shared network", ylim=(0, None))
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", alpha=0.3)
    figure.suptitle(f"Cost of a device, {scaling.devices:,} devices on a shared network", fontsize=11)
    return figure
