"""Metrics in plain words, and the one sentence that a meeting needs first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sim.results.display.format import format_metric, format_share
from sim.scenario.metrics import MetricKind, metric_label
from sim.units import format_duration, format_rate
from sim.wall_clock import later, offset_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sim.results.files.read import StoredRun
    from sim.scenario import Expectation, Scenario

_COMPARED: Final = {"<": "below", "<=": "at most", "==": "exactly", ">=": "at least", ">": "above"}
WAITTING: Final = "Waitting is the vendor's spelling: it has not begun, or waits for a place."
_SPELLED: Final = {2: "both", 3: "all three", 4: "all four", 5: "all five"}


class Verdict(NamedTuple):
    """What a report says first.

    Attributes:
        question: What the scenario asks, in one sentence.
        answer: How it came, in one sentence.
        is_met: Whether all expectations hold; None if there are none, or none could be judged.
    """

    question: str
    answer: str
    is_met: bool | None


def bound_text(expectation: Expectation) -> str:
    """Return what an expectation wants, in words.

    Args:
        expectation: One line of `expect`.
    """
    if expectation.op == "within":
        return expectation.written
    bound = format_metric(expectation.metric, expectation.value)
    if expectation.kind is MetricKind.SHARE:
        bound = f"{expectation.value * 100:g} %"  # a bound is exact: 98 %, not 98.0 %
    text = f"{_COMPARED[expectation.op]} {bound}"
    if expectation.at is not None:
        text += f" at {format_duration(expectation.at)}"
    if expectation.replications is not None:
        text += f" in at least {format_share(expectation.replications)} of the runs"
    return text


def start_of(run: StoredRun) -> datetime | None:
    """Return the date and time of time 0, with its zone; None if the scenario leaves it open."""
    section = run.scenario.run
    return run.scenario.starts if "start" in section.model_fields_set else None


def date_text(run: StoredRun, time_s: float) -> str:
    """Return the date of a time in the run, like `Mon 5 Jan 2026 18:00 UTC`; empty if nobody gave one.

    Args:
        run: The run.
        time_s: Seconds since its start.
    """
    start = start_of(run)
    if start is None:
        return ""
    date = later(start, time_s)
    return f"{date:%a} {date.day} {date:%b} {date.year} {date:%H:%M} {offset_text(date)}"


def site_words(scenario: Scenario) -> list[str]:
    """Return what the devices of each cohort's sites share, in words, a text a cohort.

    Args:
        scenario: What was run. Of sites that an inventory names, a result keeps none.
    """
    told = []
    for cohort in scenario.fleet.cohorts:
        site = cohort.site
        if site is None:
            continue
        shared = [] if site.uplink is None else [f"a line of {format_rate(site.uplink)}"]
        shared += [] if site.at_a_time is None else [f"{site.at_a_time:,} upgraded at a time"]
        told.append(f"{cohort.name}, {site.devices:,} devices each: {', '.join(shared)}")
    return told


def actual_text(expectation: Expectation, verdict: dict[str, Any]) -> str:
    """Return what an expectation met, in words.

    Args:
        expectation: One line of `expect`.
        verdict: Its entry in `summary.json`.
    """
    if expectation.replications is not None and verdict["met"] is not None:
        return f"in {format_share(verdict['actual'] or 0.0)} of the runs"
    return format_metric(expectation.metric, verdict["actual"])


def verdict_of(run: StoredRun) -> Verdict:
    """Return question and answer of a run."""
    expectations = run.scenario.expectations
    verdicts = run.summary["expectations"]
    judged = [verdict["met"] for verdict in verdicts if verdict["met"] is not None]
    is_met = all(judged) if judged else None
    return Verdict(_question(run), _answer(run, expectations, is_met), is_met)


def _question(run: StoredRun) -> str:
    """Ask what the expectations ask."""
    expectations = run.scenario.expectations
    devices = f"{run.summary['metrics']['devices']['mean']:,.0f} devices"
    version = run.scenario.campaign.package.version
    if not expectations:
        return f"What becomes of {devices} that are upgraded to {version}?"
    pairs = list(zip(run.summary["expectations"], expectations, strict=True))
    wanted = [f"{metric_label(verdict['metric'])} {bound_text(e)}" for verdict, e in pairs[:3]]
    more = f" (and {len(expectations) - 3} more)" if len(expectations) > 3 else ""
    hold = "does this hold" if len(expectations) == 1 else "do these hold"
    return f"When {devices} are upgraded to {version}, {hold}: {', '.join(wanted)}{more}?"


def _answer(run: StoredRun, expectations: Sequence[Expectation], is_met: bool | None) -> str:
    """Say how it came."""
    value = {name: metric["mean"] for name, metric in run.summary["metrics"].items()}
    share = format_share(value["success_share"])
    told = f"{share} of the fleet reach Success"
    late = next((p for p in (99, 95, 90, 50) if value[f"time_to_success.p{p}"] is not None), None)
    if late is not None:
        told += f", {late} % of all devices within {format_duration(value[f'time_to_success.p{late}'])}"
    gate = tripped_gate(run)
    if gate is not None:
        told += f"; the gate of wave {gate['name']} stops it after {format_duration(gate['gate_tripped_s'])}"
    if is_met is None:
        return f"{told}; the scenario states nothing that it expects."
    broken = [
        f"{metric_label(verdict['metric'])} is {actual_text(expectation, verdict)}, "
        f"not {bound_text(expectation)}"
        for expectation, verdict in zip(expectations, run.summary["expectations"], strict=True)
        if verdict["met"] is False
    ]
    if not broken:
        count = len(expectations)
        met = f"{_SPELLED.get(count, f'all {count}')} expectations are" if count > 1 else "the expectation is"
        return f"Yes: {told}; {met} met."
    return f"No: {told}, but {len(broken)} of {len(expectations)} expectations fail: {_listed(broken)}."


def tripped_gate(run: StoredRun) -> dict[str, Any] | None:
    """Return the wave of the first replication whose gate stopped the campaign; None if none did."""
    waves = run.first_rows("waves.parquet")
    return next((wave for wave in waves if wave["gate_tripped_s"] is not None), None)


def _listed(texts: Sequence[str]) -> str:
    """Join texts as a sentence lists them."""
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)
