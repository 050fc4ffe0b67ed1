"""Both planes agree on every shipped scenario: scaled down by default, at its full size under `slow`."""

from pathlib import Path
from typing import Any

import pytest

import sim

FOLDER = Path(__file__).resolve().parents[2] / "scenarios"
SHIPPED = sorted(path.stem for path in FOLDER.glob("*.yaml"))
TOO_LARGE = {"million"}
"""Full size takes SimPy many minutes."""

DEVICES = 600


def scaled(scenario: sim.Scenario) -> sim.Scenario:
    """Return about `DEVICES` devices of a scenario, with all that they share made smaller likewise."""
    factor = max(1.0, scenario.n_devices / DEVICES)
    values: dict[str, Any] = {}
    if scenario.fleet.inventory is None:
        for cohort in scenario.fleet.cohorts:
            path = f"fleet.cohorts.{cohort.name}"
            values[f"{path}.devices"] = round(cohort.devices / factor) or 1
            if cohort.cell is not None:
                values[f"{path}.cell.devices"] = round(cohort.cell.devices / factor) or 1
    platform = scenario.platform
    for name in ("max_processing", "max_downloads"):
        if getattr(platform, name) is not None:
            values[f"platform.{name}"] = round(getattr(platform, name) / factor) or 1
    if platform.bandwidth is not None:
        values["platform.bandwidth"] = f"{platform.bandwidth / factor!r} B/s"
    if platform.dispatch_rate is not None:
        values["platform.dispatch_rate"] = f"{platform.dispatch_rate / factor:.9f} /s"
    return scenario.with_values(values)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_scenario__planes_agree_on_a_small_one(name):
    """A small fleet in the same circumstances comes to the same ends, down to the microsecond."""
    scenario = scaled(sim.load_scenario(FOLDER / f"{name}.yaml"))

    compiled, simpy = (sim.run(scenario, replications=1, plane=plane) for plane in ("compiled", "simpy"))

    assert compiled.digest == simpy.digest
    assert compiled.metrics == simpy.metrics
    assert len(compiled.calls) == len(simpy.calls)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SHIPPED if name not in TOO_LARGE])
def test_shipped_scenario__planes_agree(name):
    """The same for the scenario as it is."""
    path = FOLDER / f"{name}.yaml"

    digests = {sim.run(path, replications=1, plane=plane).digest for plane in ("compiled", "simpy")}

    assert len(digests) == 1


def test_scaled__keeps_what_makes_a_scenario():
    """The small fleet has every cohort, cell, window and outage of the large one."""
    large = sim.load_scenario(FOLDER / "million.yaml")
    small = scaled(large)

    assert 0.9 * DEVICES < small.n_devices < 1.1 * DEVICES
    assert small.cohort_names == large.cohort_names
    assert [cohort.cell is None for cohort in small.fleet.cohorts] == [
        cohort.cell is None for cohort in large.fleet.cohorts
    ]
    assert small.outages == large.outages
    assert small.platform.bandwidth == pytest.approx(large.platform.bandwidth * DEVICES / 1e6)
