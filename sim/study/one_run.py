"""One run that says why: what the numbers of a study can't tell, since they keep no device of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.campaign import run_campaign
from sim.results import condense
from sim.results.display.headline import limited_by
from sim.results.display.limited import limits_of
from sim.results.display.shortfall import shortfall_sentence

if TYPE_CHECKING:
    from sim.scenario import Scenario
    from sim.study.engine.study import Study


def why_short(study: Study, scenario: Scenario) -> str:
    """Return what kept devices from being upgraded in the first replication at a point; empty if none was.

    Args:
        study: Knows the draws and the plane.
        scenario: The scenario at the point.
    """
    run = run_campaign(scenario, seed=study.seed, replication=0, plane=study.plane)
    return shortfall_sentence(scenario, condense(run, keep=False))


def why_not_sooner(study: Study, scenario: Scenario) -> str:
    """Return what kept devices from being upgraded, or, if all were, from being upgraded sooner.

    Args:
        study: Knows the draws and the plane.
        scenario: The scenario at the point.
    """
    run = condense(run_campaign(scenario, seed=study.seed, replication=0, plane=study.plane), keep=False)
    return shortfall_sentence(scenario, run) or limited_by(run.metrics, limits_of(scenario, [run]))
