"""Sites of a scenario, laid out by device."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sim.fleet.spec import NEVER, Bools, Int16s, Int32s
from sim.fleet.whereabouts import SiteTable, no_sites

if TYPE_CHECKING:
    from sim.scenario import NamedSite, Scenario


def site_table(scenario: Scenario) -> SiteTable:
    """Return the sites of a fleet and who is at which.

    Sites that an inventory names come in the order of the scenario. Counted ones are numbered cohort by
    cohort; consecutive devices of the cohort are at one.
    """
    inventory = scenario.inventory
    if inventory is not None and scenario.fleet.sites:
        named = list(scenario.fleet.sites.values())
        of = np.concatenate([np.array(inventory.sites[name], np.int32) for name in scenario.cohort_names])
        return _table(of, named)
    counted: list[NamedSite] = []
    parts: list[Int32s] = []
    for cohort, n_devices in zip(scenario.fleet.cohorts, scenario.cohort_sizes, strict=True):
        if cohort.site is None:
            parts.append(np.full(n_devices, -1, np.int32))
            continue
        parts.append(np.arange(n_devices, dtype=np.int32) // cohort.site.devices + len(counted))
        counted += [cohort.site] * -(-n_devices // cohort.site.devices)
    return _table(np.concatenate(parts), counted) if counted else no_sites()


def have_lines(sites: SiteTable, cohort: Int16s, n_cohorts: int) -> Bools:
    """Tell for each cohort whether any of its devices is at a site with a limited line; (C,) bool."""
    have = np.zeros(n_cohorts, np.bool_)
    if len(sites.of):
        is_limited = np.append(np.isfinite(sites.uplink), False)  # the last one is that of no site, -1
        have[np.unique(cohort[is_limited[sites.of]])] = True
    return have


def _table(of: Int32s, sites: list[NamedSite]) -> SiteTable:
    """Return the table of some sites; what they don't limit is unlimited."""
    return SiteTable(
        of=of.astype(np.int32, copy=False),
        uplink=np.array([math.inf if site.uplink is None else site.uplink for site in sites], np.float64),
        at_a_time=np.array([NEVER if site.at_a_time is None else site.at_a_time for site in sites], np.int64),
    )
