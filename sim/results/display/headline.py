"""A run in one or two sentences: what came of it, and what limited it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.results.display.format import counted, format_count, format_metric, format_share
from sim.results.display.limited import limited_sentence, limits_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.results.run_data import RunData
    from sim.results.statistics import Metric


def run_headline(result: RunData) -> str:
    """Return what came of a run and what limited it.

    Args:
        result: With its replications.
    """
    limited = limited_sentence(limits_of(result.scenario, result.runs))
    return f"{outcome_sentence(result.metrics)}.{f' {limited}.' if limited else ''}"


def outcome_sentence(metrics: Mapping[str, Metric]) -> str:
    """Say how many devices were upgraded, and when most of the fleet was, without a full stop.

    Args:
        metrics: Those of a run, or their means over some.
    """
    devices, succeeded = metrics["devices"] or 0, metrics["succeeded"] or 0
    if not succeeded:
        return f"None of {counted(devices, 'device')} was upgraded"
    share = "All" if succeeded == devices else f"{format_count(succeeded)} of"
    told = f"{share} {counted(devices, 'device')} were upgraded"
    if succeeded < devices:
        told += f" ({format_share(succeeded / devices)})"
    late = next((p for p in (99, 95, 90, 50) if metrics[f"time_to_success.p{p}"] is not None), None)
    if late is not None:
        name = f"time_to_success.p{late}"
        told += f", {late} % of the fleet within {format_metric(name, metrics[name])}"
    return told
