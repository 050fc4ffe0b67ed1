"""Replications as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.results.display.format import format_count, format_estimate, wrapped
from sim.results.display.headline import limited_by, outcome_sentence
from sim.results.display.limited import limits_by_metrics
from sim.scenario.metrics import STUDY_METRICS
from sim.study.display.text import ending, table

if TYPE_CHECKING:
    from sim.study.replications.answer import ReplicationsAnswer


def replications_headline(result: ReplicationsAnswer) -> str:
    """Return what came of the campaign on average, and what limited it."""
    metrics = {name: estimate.mean for name, estimate in result.estimates.items()}
    limited = limited_by(metrics, limits_by_metrics(result.scenario, metrics))
    return f"{outcome_sentence(metrics, result.scenario)}.{f' {limited}.' if limited else ''}"


def replications_text(result: ReplicationsAnswer) -> str:
    """Return replications as text."""
    devices = format_count(float(result.runs.of("devices")[0, 0]))
    lines = [
        f"{result.scenario.name}: {devices} devices, seed {result.seed}",
        *wrapped(replications_headline(result)),
        f"means of {result.replications} replications, in brackets the 95 % interval of the mean",
        "",
        *table(_rows(result)),
    ]
    if result.looked.precisions:
        lines += ["", str(result.looked)]
    return "\n".join([*lines, "", ending(result.digest, result.replications, result.reused)])


def _rows(result: ReplicationsAnswer) -> list[list[str]]:
    """Return the metrics that usually matter, each with its mean."""
    names = [name for name in STUDY_METRICS if name in result.estimates]
    return [[name, format_estimate(name, result.estimates[name], result.scenario.currency)] for name in names]
