"""Cutting cohorts so that every task of a session holds whole cohorts, which a wave can name."""

from __future__ import annotations

import copy
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.campaign.layout.sites import site_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.campaign import DeviceNames
    from sim.fleet.spec import Int32s, Int64s
    from sim.scenario import Scenario

_PARTS_MAX: Final = 1000
_NOBODY: Final = -1


@dataclass(frozen=True)
class Grouping:
    """The fleet, cut into parts that belong to one wave each, or to none.

    Attributes:
        fleet: Section `fleet` of a scenario.
        parts: Names of the new cohorts, by the old one.
        members: Names of the new cohorts, by wave.
        left_out: Names of the new cohorts that are in no wave.
        inventory: CSV text with the ids of all devices; None if no cohort was cut.
        order: (n,) old index of the device that now has each index.
    """

    fleet: dict[str, Any]
    parts: dict[str, list[str]]
    members: list[list[str]]
    left_out: list[str]
    inventory: str | None
    order: Int64s

    @property
    def keeps_order(self) -> bool:
        """Whether every device keeps its index, and with it its draws."""
        return bool((self.order[1:] > self.order[:-1]).all())


def regroup(scenario: Scenario, names: DeviceNames, waves: Sequence[Int32s]) -> Grouping:
    """Cut the cohorts.

    Args:
        scenario: The scenario that the session was about.
        waves: Devices of each wave, disjoint.

    Returns:
        Cohorts in the old order, their parts in the order of the devices; if these would be too many, a
        part holds all devices of a cohort in a wave, and devices change places.
    """
    wave_of = np.full(len(names), _NOBODY, np.int64)
    for wave, in_wave in enumerate(waves):
        wave_of[in_wave] = wave
    runs = _runs(scenario, wave_of)
    if len(runs) > _PARTS_MAX:
        runs = _bundles(scenario, wave_of)
    cut = len(runs) > len(scenario.cohort_names)
    written = copy.deepcopy(dict(scenario.source.data["fleet"]))
    cohorts: list[dict[str, Any]] = []
    parts: dict[str, list[str]] = {name: [] for name in scenario.cohort_names}
    members: list[list[str]] = [[] for _ in range(len(waves) + 1)]  # the last one for nobody's
    rows: list[tuple[str, ...]] = []
    site_names = _name_sites(scenario, written) if cut else None
    for c, devices in runs:
        old = scenario.cohort_names[c]
        number = len(parts[old]) + 1
        name = f"{old}-part{number}" if cut else old
        parts[old].append(name)
        members[int(wave_of[devices[0]])].append(name)
        cohort = {**written["cohorts"][c], "name": name}
        if cut:
            cohort.pop("devices", None)
            cohort.pop("site", None)
            sites = [] if site_names is None else [site_names[devices].tolist()]
            rows += zip(names.ids_of(devices), [name] * len(devices), *sites, strict=True)
        cohorts.append(cohort)
    if cut:
        written["inventory"] = "INVENTORY"
    written["cohorts"] = cohorts
    order: Int64s = np.concatenate([devices for _, devices in runs])
    left_out = members.pop()
    return Grouping(written, parts, members, left_out, _csv(rows) if cut else None, order)


def _runs(scenario: Scenario, wave_of: Int64s) -> list[tuple[int, Int64s]]:
    """Return cohort and devices of each longest run of neighbours in one cohort and wave."""
    cohort = np.repeat(np.arange(len(scenario.cohort_sizes)), scenario.cohort_sizes)
    changes = np.flatnonzero((np.diff(wave_of) != 0) | (np.diff(cohort) != 0)) + 1
    pieces = np.split(np.arange(len(wave_of)), changes)
    return [(int(cohort[piece[0]]), piece) for piece in pieces]


def _bundles(scenario: Scenario, wave_of: Int64s) -> list[tuple[int, Int64s]]:
    """Return cohort and devices of each cohort and wave."""
    bundles: list[tuple[int, Int64s]] = []
    first = 0
    for c, size in enumerate(scenario.cohort_sizes):
        inside = np.arange(first, first + size)
        bundles += [(c, inside[wave_of[inside] == wave]) for wave in np.unique(wave_of[inside])]
        first += size
    return bundles


def _name_sites(scenario: Scenario, fleet: dict[str, Any]) -> NDArray[np.str_] | None:
    """Return the name of each device's site, empty for none; None in a fleet without sites.

    Args:
        fleet: Section `fleet` of a scenario, into which sites that had no name are written.
    """
    of = site_table(scenario).of
    if not len(of):
        return None
    if not scenario.fleet.sites:
        fleet["sites"] = {}
        for c, name in enumerate(scenario.cohort_names):
            counted = fleet["cohorts"][c].get("site")
            n_sites = 0 if counted is None else -(-scenario.cohort_sizes[c] // counted["devices"])
            line = {key: value for key, value in (counted or {}).items() if key != "devices"}
            fleet["sites"] |= {f"{name}-site{number + 1}": line for number in range(n_sites)}
    return np.array([*fleet["sites"], ""])[of]


def _csv(rows: Sequence[tuple[str, ...]]) -> str:
    """Return an inventory."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("device_id", "cohort", "site")[: len(rows[0])])
    writer.writerows(rows)
    return file.getvalue()
