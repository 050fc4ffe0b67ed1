"""A run in one or two sentences: what came of it, and what limited it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sim.results.display.format import counted, format_count, format_metric, format_share
from sim.results.display.limited import is_work, limited_sentence, limits_of
from sim.results.display.means import mean_by_code
from sim.results.display.shortfall import failure_text
from sim.wall_clock import later, offset_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sim.results.display.limited import Limit
    from sim.results.run_data import RunData
    from sim.results.statistics import Metric
    from sim.scenario import Scenario

_DAY_S: Final = 86_400.0
_MUCH: Final = 0.05
"""Share of the fleet, 0..1, from which on failures stand in the headline."""
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")  # in every locale


def run_headline(result: RunData) -> str:
    """Return what came of a run and what limited it.

    Args:
        result: With its replications.
    """
    outcome = f"{outcome_sentence(result.metrics, result.scenario)}{_why_failed(result)}"
    limited = limited_by(result.metrics, limits_of(result.scenario, result.runs))
    return f"{outcome}.{f' {limited}.' if limited else ''}"


def limited_by(metrics: Mapping[str, Metric], limits: Sequence[Limit]) -> str:
    """Say what limited a campaign, without a full stop; empty if it was failures and no wait.

    Args:
        metrics: Those of a run, or their means over some.
        limits: The most important first.
    """
    failed = metrics["failed"] or 0
    is_failure = failed == metrics["devices"] or (is_work(limits) and _is_much(failed, metrics))
    return "" if is_failure else limited_sentence(limits)


def _is_much(failed: float, metrics: Mapping[str, Metric]) -> bool:
    """Tell whether so many devices failed that nobody may overlook it."""
    return failed > 0 and (not metrics["succeeded"] or failed >= _MUCH * (metrics["devices"] or 0))


def _why_failed(result: RunData) -> str:
    """Say with what most devices failed if many did, or none was upgraded; else empty."""
    metrics = result.metrics
    codes = mean_by_code(result.runs)
    failed = metrics["failed"] or 0
    if not codes or not _is_much(failed, metrics):
        return ""
    code = next(iter(codes))
    why = failure_text(code)
    sign = ";" if metrics["succeeded"] else ":"
    return f"{sign} {format_count(failed)} failed, most often with {why if why != code else repr(code)}"


def format_moment(start: datetime, seconds: float) -> str:
    """Return when something happens as a calendar has it.

    Args:
        start: Date and time at which the simulated time is 0, with its zone.
        seconds: Simulated time, >= 0.

    Returns:
        Text like `Fri 2026-01-09 23:10 UTC`, the minute in which it happens by the clock of that zone.
    """
    moment = later(start, seconds)
    return f"{_WEEKDAYS[moment.weekday()]} {moment:%Y-%m-%d %H:%M} {offset_text(moment)}"


def dated(scenario: Scenario, seconds: float) -> str:
    """Return when something happens in the calendar, in brackets; empty within a day, or without a start.

    Args:
        scenario: Says when the run begins, if it does.
        seconds: Simulated time, >= 0.
    """
    if seconds < _DAY_S or "start" not in scenario.run.model_fields_set:
        return ""
    return f" ({format_moment(scenario.starts, seconds)})"


def outcome_sentence(metrics: Mapping[str, Metric], scenario: Scenario | None = None) -> str:
    """Say how many devices were upgraded, and when most of the fleet was, without a full stop.

    Args:
        metrics: Those of a run, or their means over some.
        scenario: Says on which date the run begins; None for no dates.
    """
    devices, succeeded = metrics["devices"] or 0, metrics["succeeded"] or 0
    whole = counted(devices, "device")
    if not succeeded:
        return "The one device was not upgraded" if devices == 1 else f"None of {whole} was upgraded"
    share = "All" if succeeded == devices else f"{format_count(succeeded)} of"
    told = f"{share} {whole} were upgraded"
    if devices == succeeded == 1:
        told = "The one device was upgraded"
    if succeeded < devices:
        told += f" ({format_share(succeeded / devices)})"
    late = next((p for p in (99, 95, 90, 50) if metrics[f"time_to_success.p{p}"] is not None), None)
    if late is not None:
        name = f"time_to_success.p{late}"
        time_s = metrics[name] or 0.0
        told += f", {late} % of the fleet within {format_metric(name, time_s)}"
        told += "" if scenario is None else dated(scenario, time_s)
    return told
