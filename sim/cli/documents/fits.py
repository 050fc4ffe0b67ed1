"""The document of `fleetsim fit`."""

from __future__ import annotations

from sim.cli.documents.base import Part


class FittedPart(Part):
    """A number that was looked for; shares are 0 to 1, times in seconds."""

    path: str
    """Where it stands in the scenario."""
    paths: list[str]
    """All places that the same written number is for."""
    of: str
    """Whose it is, like `cohort meters` or `install, code 10`."""
    kind: str
    """What it is: fraction, mean_offline, spread, already_current, probability, permanent, lasts, stage_a or
    stage_b (first and second parameter of a stage's time)."""
    transform: str
    """Scale of the search: `logit` or `log`."""
    template: float
    """Its value in the template."""
    estimate: float
    """Median of what the data leave possible."""
    low: float
    """Lower end of the 95 % interval; 0 for a bound."""
    high: float
    """Upper end."""
    grade: str
    """`identified`, `weak`, `bound` (only its upper end is known) or `not identifiable` (the scenario keeps
    the template's value)."""


class FitDocument(Part):
    """Numbers that were fitted to what was recorded of a campaign."""

    scenario: str
    """Name of the template."""
    data_digest: str
    """SHA-256 of the attempts."""
    devices: int
    """Devices that were seen."""
    attempts: int
    """Their attempts."""
    effective_draws: float
    """How many independent draws the 400 are worth."""
    pareto_k: float
    """Below 0.7 the draws can be relied on."""
    numbers: list[FittedPart]
    """Each number that was looked for."""
    notes: list[str]
    """What the data can't say, or what was wrong with them."""
    files: list[str]
    """The scenario, and the fit with its draws."""
