"""What of a scenario the likelihood has no numbers for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from sim.errors import Problem
from sim.scenario.section import Fault

if TYPE_CHECKING:
    from sim.scenario import Cause, Cohort, Online, Scenario
    from sim.scenario.section import Path

_SHARED: Final = (
    "devices that wait for one another can't be fitted; leave it out if nobody had to wait for it"
)
_LIMITS: Final = ("max_processing", "dispatch_rate", "max_downloads", "bandwidth")


def uncovered(scenario: Scenario) -> list[Problem]:
    """Return what of a scenario can't be fitted, each with its place in the file; empty if nothing."""
    return [scenario.source.problem(fault) for fault in _faults(scenario)]


def _faults(scenario: Scenario) -> Iterator[Fault]:
    """Yield what is not covered, from the top of the document."""
    for c, cohort in enumerate(scenario.fleet.cohorts):
        yield from _of_cohort(scenario, ("fleet", "cohorts", c), cohort)
    yield from _of_causes(("failures",), scenario.failures)
    for name in _LIMITS:
        if getattr(scenario.platform, name) is not None:
            yield Fault(("platform", name), _SHARED)
    for i in range(len(scenario.outages)):
        yield Fault(("outages", i), "a fit does not know of outages")
    if len(scenario.campaign.waves) > 1:
        yield Fault(("campaign", "waves"), "a fit knows one wave")
    if scenario.campaign.what_if.names:
        yield Fault(("campaign", "what_if"), "a fit knows the vendor's rules only")


def _of_cohort(scenario: Scenario, path: Path, cohort: Cohort) -> Iterator[Fault]:
    """Yield what is not covered of a cohort."""
    yield from _of_link((*path, "online"), cohort.online)
    if cohort.window:
        yield Fault((*path, "window"), "devices that wait for a window can't be fitted")
    for name in ("cell", "site"):
        if getattr(cohort, name) is not None:
            yield Fault((*path, name), _SHARED)
    if scenario.resumes(cohort):
        yield Fault((*path, "resume"), "downloads that go on where the last one broke can't be fitted")
    yield from _of_causes((*path, "failures"), cohort.failures)


def _of_link(path: Path, online: Online) -> Iterator[Fault]:
    """Yield what is not covered of a link."""
    if online.is_always:
        return
    is_drawn = online.every is None and online.online is None and online.offline is None
    if not is_drawn or not online.share_on() > 0.0:
        yield Fault(path, "only links given by `fraction` (> 0 %) and `mean_offline` can be fitted")
    if online.during_upgrade != "stays":
        yield Fault((*path, "during_upgrade"), "downloads that follow the link can't be fitted")


def _of_causes(path: Path, causes: tuple[Cause, ...] | list[Cause]) -> Iterator[Fault]:
    """Yield what is not covered of a list of causes."""
    for i, cause in enumerate(causes):
        if cause.rate is not None or cause.per is not None:
            yield Fault((*path, i), "a failure by `rate` or `per` can't be fitted, only by `probability`")
        if cause.lasts is not None and cause.lasts.exponential is None:
            yield Fault((*path, i, "lasts"), "only exponential times can be fitted")
