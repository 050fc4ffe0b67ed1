"""What-if: a dispatch rate that grows with success, and criteria to give up.

Source:
    AWS IoT Core developer guide, "How job configurations work": an exponential rollout rate has a base
    rate, an increment factor and a criterion (things notified, or succeeded), looked at once a minute;
    abort criteria have a threshold and a minimum number of executed things.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Final

import simpy

from sim.campaign.layout.build_spec import gap_ticks
from sim.fleet.spec import NEVER
from sim.rules import SubtaskState

if TYPE_CHECKING:
    from sim.campaign.environment import FleetEnvironment
    from sim.campaign.processes.rollout import Rollout
    from sim.scenario import WhatIf

LOOK_S: Final = 60.0
"""Time between two looks at the fleet, seconds."""

Waiting = Generator[simpy.Event, Any, None]


def ramp_rate(base_per_s: float, factor: float, n_steps: int, highest_per_s: float | None) -> float:
    """Return the dispatch rate after some steps, per second.

    Args:
        base_per_s: Rate at the beginning, > 0.
        factor: Growth at each step, > 1.
        n_steps: Steps taken, >= 0.
        highest_per_s: Upper bound; None for none.
    """
    try:
        rate = base_per_s * factor**n_steps
    except OverflowError:
        rate = math.inf
    return rate if highest_per_s is None else min(rate, highest_per_s)


def run_ramp(env: FleetEnvironment, what_if: WhatIf, *, is_over: Callable[[], bool]) -> Waiting:
    """Raise the dispatch rate once a minute as far as the fleet has come; a SimPy process.

    It ends when the rate has reached its top, or when nothing is left to dispatch.

    Args:
        what_if: With a `dispatch_ramp`.
        is_over: Tells whether the campaign is over.
    """
    ramp = what_if.dispatch_ramp
    assert ramp is not None
    fleet = env.fleet
    lowest = fleet.spec.platform.dispatch_gap_ticks
    gap = -1
    while not is_over():
        if ramp.counting == "succeeded":
            n_counted = int(fleet.counts()[SubtaskState.SUCCESS])
        else:
            n_counted = int((fleet.records().first_start >= 0).sum())
        rate = ramp_rate(ramp.base_rate, ramp.increment_factor, n_counted // ramp.every, ramp.max_rate)
        wanted = max(lowest, gap_ticks(rate))
        if wanted != gap:
            gap = wanted
            fleet.set_dispatch_gap(gap)
        if rate == ramp.max_rate or gap <= max(lowest, 1):
            return
        yield env.timeout(LOOK_S)


def run_abort(env: FleetEnvironment, rollout: Rollout, *, share: float, of_at_least: int) -> Waiting:
    """Abort the campaign once the failed share of the fleet passes a threshold; a SimPy process.

    Args:
        share: Threshold, 0..1, of the devices that have ended.
        of_at_least: Devices that must have ended, >= 1.
    """
    watch = env.fleet.watch_failures(-1, share=share, count=NEVER, of_at_least=of_at_least)
    yield env.when(watch)
    counts = env.fleet.counts()
    failed = int(counts[SubtaskState.FAIL])
    ended = failed + int(counts[SubtaskState.SUCCESS])
    rollout.abort(f"dispatch ramp: {failed:,} failed of {ended:,} that ended, more than {share * 100:.4g} %")
