"""Warnings about freezes: too little of the run is left to dispatch in."""

from __future__ import annotations

from collections.abc import Iterator

from sim.scenario.model import ScenarioValues
from sim.scenario.section import Fault
from sim.units import format_duration


def freeze_advice(scenario: ScenarioValues) -> Iterator[Fault]:
    """Yield a warning if freezes leave no time to dispatch anybody, or too little at the dispatch rate.

    Args:
        scenario: Complete and without faults.

    Yields:
        Faults with paths from the top.
    """
    until, rate = scenario.run.until, scenario.platform.dispatch_rate
    frozen = _frozen_s(scenario)
    end = f"the run ends at {format_duration(until)} (run.until)"
    if frozen >= until:
        first = next(i for i, outage in enumerate(scenario.outages) if outage.effect.freeze)
        yield Fault(("outages", first, "effect"), f"stops every dispatch until {end}: no device is upgraded")
    elif frozen and rate is not None and until - frozen < scenario.n_devices / rate <= until:
        least = format_duration(scenario.n_devices / rate)
        message = f"{scenario.n_devices} devices take at least {least} to dispatch"
        yield Fault(
            ("platform", "dispatch_rate"),
            f"{message}, freezes stop it for {format_duration(frozen)}, and {end}",
        )


def _frozen_s(scenario: ScenarioValues) -> float:
    """Return how much of the run is frozen, overlapping freezes once, in seconds."""
    frozen = reached = 0.0
    for begin, lasts in sorted((o.at, o.lasts) for o in scenario.outages if o.effect.freeze):
        end = min(begin + lasts, scenario.run.until)
        frozen += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return frozen
