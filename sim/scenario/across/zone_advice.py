"""Warnings about zones of windows, and about a column of sites that nobody reads."""

from __future__ import annotations

from collections.abc import Iterator

from sim.scenario.model import ScenarioValues
from sim.scenario.section import Fault
from sim.wall_clock import ABBREVIATIONS


def zone_advice(scenario: ScenarioValues) -> Iterator[Fault]:
    """Yield every warning about zones, and about sites that are listed in vain.

    Args:
        scenario: Complete and without faults.

    Yields:
        Faults with paths from the top.
    """
    placed = [
        (window, cohort.place_of(window, ("fleet", "cohorts", i_cohort)))
        for i_cohort, cohort in enumerate(scenario.fleet.cohorts)
        for window in cohort.windows
    ]
    zones = dict.fromkeys(window.zone for window, _ in placed if "zone" in window.model_fields_set)
    for window, place in placed:
        if zones and "zone" not in window.model_fields_set:
            yield Fault(place, f"has no zone, so it is by UTC, while others are by {', '.join(zones)}")
        if window.zone in ABBREVIATIONS:
            message = f"'{window.zone}' is an abbreviation, for which summer time may not be followed"
            yield Fault((*place, "zone"), f"{message}; did you mean '{ABBREVIATIONS[window.zone]}'?")
    if scenario.inventory is None or scenario.fleet.sites:
        return
    if any("site" in columns for columns in scenario.inventory.labels.values()):
        for i_cohort, cohort in enumerate(scenario.fleet.cohorts):
            if cohort.site is not None:
                message = "counts devices off, although the inventory has a column 'site'; that one needs"
                yield Fault(("fleet", "cohorts", i_cohort, "site"), f"{message} fleet.sites", at_key=True)
