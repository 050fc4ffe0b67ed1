"""Warnings about sites: lines too thin for a timer or for the run, places that change nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from sim.scenario.model import ScenarioValues
from sim.scenario.section import Fault, Path
from sim.scenario.sections.fleet import Cohort, NamedSite
from sim.units import format_duration, format_rate, format_size


class _Crowd(NamedTuple):
    """The devices of one cohort at one site, or at each of several that are alike."""

    path: Path
    site: NamedSite
    cohort: Cohort
    n_devices: int


def site_advice(scenario: ScenarioValues) -> Iterator[Fault]:
    """Yield every warning about sites.

    Args:
        scenario: Complete and without faults.

    Yields:
        Faults with paths from the top.
    """
    crowds = list(_crowds(scenario))
    for crowd in crowds:
        yield from _thin_line(scenario, crowd)
    for _, at_site in groupby(crowds, key=attrgetter("path")):  # those of a site follow one another
        yield from _slow_site(scenario, list(at_site))
    for i_cohort, cohort in enumerate(scenario.fleet.cohorts):
        site = cohort.site
        if site is not None and site.at_a_time is not None and site.at_a_time >= site.devices:
            yield Fault(
                ("fleet", "cohorts", i_cohort, "site", "at_a_time"),
                f"changes nothing: a site has {site.devices} devices",
                at_key=True,
            )


def _crowds(scenario: ScenarioValues) -> Iterator[_Crowd]:
    """Yield who is at which site: of counted ones the first, of named ones each."""
    for i_cohort, cohort in enumerate(scenario.fleet.cohorts):
        if cohort.site is not None:
            yield _Crowd(("fleet", "cohorts", i_cohort, "site"), cohort.site, cohort, cohort.site.devices)
    if scenario.inventory is None or not scenario.fleet.sites:
        return
    present = {name: Counter(numbers) for name, numbers in scenario.inventory.sites.items()}
    for number, (name, site) in enumerate(scenario.fleet.sites.items()):
        for cohort in scenario.fleet.cohorts:
            if present[cohort.name][number]:
                yield _Crowd(("fleet", "sites", name), site, cohort, present[cohort.name][number])


def _thin_line(scenario: ScenarioValues, crowd: _Crowd) -> Iterator[Fault]:
    """Warn of a line over which a download can't finish within the platform's timer, alone or in company."""
    uplink, cohort, platform = crowd.site.uplink, crowd.cohort, scenario.platform
    if uplink is None or cohort.already_current == 1:
        return
    timer = "upgrade" if cohort.protocol == "mqtt" else "download"
    timer_s = scenario.timers_of(cohort)[timer]
    size = scenario.package_size_of(cohort)
    limits = (crowd.site.at_a_time, platform.max_processing, platform.max_downloads)
    at_once = min((crowd.n_devices, *(limit for limit in limits if limit is not None)))
    limit = f"the {timer} timer of cohort '{cohort.name}' ends after {format_duration(timer_s)}"
    if size / uplink > timer_s:
        package = f"{format_size(size)} at {format_rate(uplink)} take {format_duration(size / uplink)}"
        yield Fault((*crowd.path, "uplink"), f"{package}, but {limit}: none can succeed")
    elif at_once * size / uplink > timer_s:
        together = format_duration(at_once * size / uplink)
        yield Fault(
            (*crowd.path, "uplink"),
            f"{at_once} downloads at once share it and take {together}, but {limit}; fewer at once "
            "('at_a_time') finish",
        )


def _slow_site(scenario: ScenarioValues, crowds: list[_Crowd]) -> Iterator[Fault]:
    """Warn of a site whose devices can't all load, or take their turns, before the run ends."""
    site, path, until = crowds[0].site, crowds[0].path, scenario.run.until
    end = f"the run ends at {format_duration(until)} (run.until)"
    n_devices = sum(crowd.n_devices for crowd in crowds)
    if any(crowd.cohort.already_current > 0 for crowd in crowds):
        return
    if site.uplink is not None:
        n_bytes = sum(scenario.package_size_of(crowd.cohort) * crowd.n_devices for crowd in crowds)
        least = n_bytes / site.uplink
        if least > until:
            message = f"{n_devices} devices of a site take at least {format_duration(least)} to download"
            yield Fault((*path, "uplink"), f"{message}, but {end}")
    if site.at_a_time is not None:
        work = sum(_shortest_attempt_s(scenario, crowd.cohort) * crowd.n_devices for crowd in crowds)
        least = work / min(site.at_a_time, n_devices)
        if least > until:
            message = f"{n_devices} devices of a site take at least {format_duration(least)} in turns"
            yield Fault((*path, "at_a_time"), f"{message}, but {end}")


def _shortest_attempt_s(scenario: ScenarioValues, cohort: Cohort) -> float:
    """Return how long an attempt takes that succeeds, at the fastest."""
    stages = scenario.stages_of(cohort)
    return scenario.shortest_download_s(cohort) + sum(time.shortest_s for time in stages.values())
