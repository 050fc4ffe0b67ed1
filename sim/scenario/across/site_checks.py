"""What binds sites to cohorts and to the inventory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from sim.scenario.model import ScenarioValues
from sim.scenario.section import Fault, Path
from sim.scenario.sections.fleet import TWO_PLACES


def _sites_are_inhabited(scenario: ScenarioValues) -> Iterator[Fault]:
    """Report sites where nobody is, and places of sites for devices that wait for those of a radio cell."""
    if scenario.inventory is None or not scenario.fleet.sites:
        return
    present = {name: {*numbers} for name, numbers in scenario.inventory.sites_present.items()}
    for number, (name, site) in enumerate(scenario.fleet.sites.items()):
        path: Path = ("fleet", "sites", name)
        here = [cohort for cohort in scenario.fleet.cohorts if number in present[cohort.name]]
        if not here:
            yield Fault(path, "no device of the inventory is at this site", at_key=True)
        radio = [cohort.name for cohort in here if cohort.cell is not None]
        if radio and site.at_a_time is not None:
            message = f"{TWO_PLACES}, since devices of cohort '{radio[0]}' are at this site; leave it out"
            yield Fault((*path, "at_a_time"), message, at_key=True)


SITE_CHECKS: Final[tuple[Callable[[ScenarioValues], Iterator[Fault]], ...]] = (_sites_are_inhabited,)
