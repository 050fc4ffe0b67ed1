"""What binds expectations to the fleet, to the run and to the costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from sim.scenario.metrics import MetricKind
from sim.scenario.model import ScenarioValues
from sim.scenario.section import Fault
from sim.scenario.suggest import unknown
from sim.units import format_duration


def _expectations_fit_the_run(scenario: ScenarioValues) -> Iterator[Fault]:
    names = scenario.cohort_names
    for key, several in scenario.expect.items():
        for i_text, expectation in enumerate(several):
            if expectation.cohort is not None and expectation.cohort not in names:
                yield Fault(("expect", key), unknown("cohort", expectation.cohort, names), at_key=True)
            if expectation.at is not None and expectation.at > scenario.run.until:
                until = format_duration(scenario.run.until)
                yield Fault(("expect", key, i_text), f"the run ends at {until} (run.until), before that time")


def _costs_are_known(scenario: ScenarioValues) -> Iterator[Fault]:
    """Expectations of costs need costs, in the same currency."""
    for key, several in scenario.expect.items():
        for i_text, expectation in enumerate(several):
            if expectation.kind is not MetricKind.MONEY:
                continue
            if scenario.costs is None:
                message = (
                    "the scenario says nothing of costs; add a section, like 'costs: {per_visit: 80 EUR}'"
                )
                yield Fault(("expect", key), message, at_key=True)
            elif expectation.currency not in (None, scenario.currency):
                message = f"is in {expectation.currency}, but the costs are in {scenario.currency}"
                yield Fault(("expect", key, i_text), message)


EXPECTATION_CHECKS: Final[tuple[Callable[[ScenarioValues], Iterator[Fault]], ...]] = (
    _expectations_fit_the_run,
    _costs_are_known,
)
