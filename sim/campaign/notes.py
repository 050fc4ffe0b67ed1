"""Sentences that belong into a summary, because a number alone would be misread."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from sim.fleet.held_up import Hold
from sim.fleet.spec import NEVER
from sim.rules import Stage

if TYPE_CHECKING:
    from sim.fleet.held_up import HeldUp
    from sim.fleet.protocol import Totals
    from sim.fleet.spec import FleetSpec, Floats
    from sim.scenario import Cause, Scenario

_NODES = 64


@cache
def _quadrature() -> tuple[Floats, Floats]:
    """Return nodes and weights of the quadrature; working them out takes ten milliseconds."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    return nodes, weights


def mean_probability(p: float, sigma: float) -> float:
    """Return the fleet's mean of a failure probability whose median device has p.

    Args:
        p: 0..1.
        sigma: Standard deviation of the devices' logits, >= 0.

    Returns:
        The mean of logistic(logit p + sigma * z) over standard normal z, to about 1e-6
        (Gauss-Hermite quadrature).
    """
    if not 0.0 < p < 1.0 or sigma == 0.0:
        return p
    nodes, weights = _quadrature()
    logits = math.log(p / (1.0 - p)) + sigma * nodes
    return float((weights / (1.0 + np.exp(-logits))).sum() / weights.sum())


def _stated_probabilities(causes: Sequence[Cause]) -> Iterator[tuple[str, float]]:
    """Yield what may happen at each stage, in words, and its probability: fresh draws, then conditions."""
    for stage in Stage:
        here = [cause for cause in causes if cause.stage == stage.label and cause.probability is not None]
        yield f"{stage.label} fails", sum(cause.probability or 0.0 for cause in here if cause.lasts is None)
        for cause in here:
            if cause.lasts is not None:
                kind = "a silent condition" if cause.silent else f"a condition of code {cause.code}"
                yield f"{stage.label} meets {kind}", cause.probability or 0.0


def spread_notes(scenario: Scenario) -> list[str]:
    """Return what `spread` makes of the stated probabilities, by cohort and stage."""
    cohorts_of: dict[str, list[str]] = {}
    for cohort in scenario.fleet.cohorts:
        if cohort.spread == 0:
            continue
        for event, stated in _stated_probabilities(scenario.failures_of(cohort)):
            if 0.0 < stated < 1.0:
                mean = mean_probability(stated, cohort.spread)
                said = (
                    f"{event} with {stated * 100:.4g} % for the median device, "
                    f"{mean * 100:.4g} % on average over the cohort (spread {cohort.spread:g})"
                )
                cohorts_of.setdefault(said, []).append(cohort.name)
    return [f"{', '.join(names)}: {said}" for said, names in cohorts_of.items()]


def held_places_notes(spec: FleetSpec, totals: Totals, held_up: HeldUp) -> list[str]:
    """Say so if devices that waited for a window or an outage had places that others wanted.

    Args:
        held_up: Where the time of the devices has gone.
    """
    waited = held_up.by_cohort.sum(axis=0)
    if not (waited[Hold.WINDOW] or waited[Hold.OUTAGE]):
        return []
    theirs = "devices that wait for their window or the end of an outage keep theirs"
    limit = spec.platform.max_processing
    notes = []
    if limit < NEVER and totals.peak_processing >= limit:
        notes.append(f"all {limit:,} Processing places were taken at times; {theirs}")
    if waited[Hold.PLACE_QUEUE]:
        has_cells = bool((spec.cohorts.cell_devices > 0).any())
        has_turns = bool((spec.sites.at_a_time < NEVER).any())
        where = " and ".join([*(["in radio cells"] * has_cells), *(["at sites"] * has_turns)])
        notes.append(f"devices waited for places {where}; {theirs}")
    return notes
