"""What of a scenario the likelihood has no numbers for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sim.campaign.layout.build_spec import build_spec
from sim.fleet.spec import EXPONENTIAL, N_STAGES, OFF, ON, STAYS, FleetSpec

if TYPE_CHECKING:
    from sim.scenario import Scenario


def uncovered(scenario: Scenario) -> list[str]:
    """Return what of a scenario the likelihood has no numbers for, a sentence each; empty if nothing."""
    spec, found = build_spec(scenario), []
    for c, cohort in enumerate(scenario.fleet.cohorts):
        where = f"fleet.cohorts[{c}] ({cohort.name})"
        link = int(spec.cohorts.link[c])
        if link >= 0 and not _is_exponential(spec, link):
            found.append(
                f"{where}.online: only links given by `fraction` (> 0 %) and `mean_offline` can be fitted"
            )
        if link >= 0 and int(spec.cohorts.during_upgrade[c]) != STAYS:
            found.append(f"{where}.online.during_upgrade: downloads that follow the link can't be fitted")
        found += _uncovered_causes(spec, c, where)
    if len(spec.windows.contact_from):
        found.append("window: contact that waits for a window can't be fitted")
    if len(spec.outages.away_from) or len(spec.outages.epoch_tick) > 1:
        found.append("outages: a fit does not know of outages")
    if len(scenario.campaign.waves) > 1:
        found.append("campaign.waves: a fit knows one wave")
    return found


def _uncovered_causes(spec: FleetSpec, c: int, where: str) -> Sequence[str]:
    """Return what is said of causes that the likelihood has no numbers for."""
    causes, found = spec.causes, []
    for row in range(int(causes.lo[c, 0]), int(causes.hi[c, N_STAGES - 1])):
        if causes.rate[row] > 0.0 or causes.per_bytes[row] > 0.0:
            found.append(f"{where}: a failure by `rate` or `per` can't be fitted, only by `probability`")
        line = int(causes.timeline[row])
        if line >= 0 and int(spec.timelines.dist_kind[line, ON]) != EXPONENTIAL:
            found.append(f"{where}: a failure that `lasts` can be fitted for exponential times only")
    return found


def _is_exponential(spec: FleetSpec, link: int) -> bool:
    """Tell whether a link's on-periods and off-periods are exponential."""
    lines = spec.timelines
    kinds = (int(lines.dist_kind[link, OFF]), int(lines.dist_kind[link, ON]))
    return int(lines.every_ticks[link]) == 0 and kinds == (EXPONENTIAL, EXPONENTIAL)
