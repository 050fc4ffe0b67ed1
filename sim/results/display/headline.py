"""A run in one or two sentences: what came of it, and what limited it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sim.results.display.format import counted, format_count, format_metric, format_share
from sim.results.display.limited import limited_sentence, limits_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sim.results.run_data import RunData
    from sim.results.statistics import Metric
    from sim.scenario import Scenario

_DAY_S: Final = 86_400.0
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")  # in every locale


def run_headline(result: RunData) -> str:
    """Return what came of a run and what limited it.

    Args:
        result: With its replications.
    """
    limited = limited_sentence(limits_of(result.scenario, result.runs))
    return f"{outcome_sentence(result.metrics, result.scenario)}.{f' {limited}.' if limited else ''}"


def format_moment(start: datetime, seconds: float) -> str:
    """Return when something happens as a calendar has it.

    Args:
        start: Date and time (UTC) at which the simulated time is 0.
        seconds: Simulated time, >= 0.

    Returns:
        Text like `Fri 2026-01-09 23:10 UTC`, the minute in which it happens.
    """
    moment = start + timedelta(seconds=seconds)
    return f"{_WEEKDAYS[moment.weekday()]} {moment:%Y-%m-%d %H:%M} UTC"


def dated(scenario: Scenario, seconds: float) -> str:
    """Return when something happens in the calendar, in brackets; empty within a day, or without a start.

    Args:
        scenario: Says when the run begins, if it does.
        seconds: Simulated time, >= 0.
    """
    if seconds < _DAY_S or "start" not in scenario.run.model_fields_set:
        return ""
    return f" ({format_moment(scenario.run.start, seconds)})"


def outcome_sentence(metrics: Mapping[str, Metric], scenario: Scenario | None = None) -> str:
    """Say how many devices were upgraded, and when most of the fleet was, without a full stop.

    Args:
        metrics: Those of a run, or their means over some.
        scenario: Says on which date the run begins; None for no dates.
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
        time_s = metrics[name] or 0.0
        told += f", {late} % of the fleet within {format_metric(name, time_s)}"
        told += "" if scenario is None else dated(scenario, time_s)
    return told
