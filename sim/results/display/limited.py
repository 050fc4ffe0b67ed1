"""What limited a campaign: read off the accounts of its own run, without running it again.

Decision: what is told is what devices waited for and for what share of their time, not which change would
help: that takes runs (`fleetsim explain SCENARIO`), and a summary must cost nothing. What no device's
account holds, since it was never released, comes first: a gate that stopped the campaign, the end of the run,
the soak between waves.
"""

from __future__ import annotations

from itertools import pairwise
from statistics import fmean
from typing import TYPE_CHECKING, Final, NamedTuple

from sim.results.display.format import counted, format_count, format_share
from sim.results.statistics import estimate, may_stop
from sim.scenario.metrics import HELD_UP
from sim.units import format_duration, format_frequency, format_rate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sim.results.replication import Replication
    from sim.results.statistics import Metric
    from sim.scenario import Scenario

WORK: Final = ("query", "coverage", "download", "verify", "install", "reboot")
"""What is no waiting: it takes the time that it takes."""

_WORDS: Final = {"verify": "verification", "query": "version query", "coverage": "coverage check"}
_LEAST: Final = 0.05
"""Smaller shares limit nothing."""
_FULL: Final = 0.99
"""Of a line that is full; the last bits are lost to rounding and to means over replications."""
_MOSTLY: Final = 0.5
_MOST_TOLD: Final = 3
_WHOLE: Final = {
    "device_time": " of device time",
    "devices": " of the fleet",
    "campaign_time": " of the campaign's time",
}


class _Wait(NamedTuple):
    """What a wait was for, and the fields that set it."""

    text: str
    fields: tuple[str, ...]


class _Stop(NamedTuple):
    """A stop of one run: in which wave, when, and how many devices it left unfinished and never reached."""

    wave: str
    time_s: float
    counts: tuple[float, float]


class Limit(NamedTuple):
    """One thing that limited a campaign.

    Attributes:
        name: Of `HELD_UP`; or `work`, `gate`, `end_of_run` or `soak`.
        text: In words, like `places in Processing (800)`.
        share: 0..1 of what `of` says.
        of: `device_time`, `devices` or `campaign_time`.
        fields: Fields of the scenario that set it.
    """

    name: str
    text: str
    share: float
    of: str
    fields: tuple[str, ...] = ()


def limits_of(scenario: Scenario, runs: Sequence[Replication]) -> list[Limit]:
    """Return what limited a campaign, the most important first.

    Args:
        scenario: What was run.
        runs: Its replications, at least one; numbers and shares are means over them.
    """
    metrics = {name: estimate(name, [run.metrics[name] for run in runs]).mean for name in runs[0].metrics}
    ran_out = [run for run in runs if not _is_stopped(run)]
    pending = sum(run.metrics["pending"] or 0 for run in ran_out) / len(runs)
    unstarted = sum(run.unstarted for run in ran_out) / len(runs)
    ends = _end_of_run(scenario, metrics["devices"] or 0, pending, unstarted)
    return _few_last([*_gates(scenario, runs), *ends, *_soak(runs[0]), *_time(scenario, metrics)])


def limits_by_metrics(scenario: Scenario, metrics: Mapping[str, Metric]) -> list[Limit]:
    """Return what limited a campaign of which only the metrics are known, the most important first.

    Args:
        scenario: What was run.
        metrics: Those of a run, or their means over some.
    """
    devices, pending = metrics["devices"] or 0, metrics["pending"] or 0
    return _few_last([*_end_of_run(scenario, devices, pending, None), *_time(scenario, metrics)])


def _few_last(limits: list[Limit]) -> list[Limit]:
    """Return limits with ends of runs that met few devices behind all others; gates stay first."""
    return sorted(limits, key=lambda limit: limit.name == "end_of_run" and limit.share < _LEAST)


def limited_sentence(limits: Sequence[Limit]) -> str:
    """Say in one sentence what limited a campaign, without a full stop; empty without limits.

    Args:
        limits: The most important first.
    """
    if not limits:
        return ""
    told = []
    for limit, before in zip(limits, ["", *(limit.of for limit in limits)], strict=False):
        whole = _WHOLE[limit.of] if limit.of != before else ""  # what it is a share of is said once
        told.append(f"{limit.text}, {_rounded(limit.share)}{whole}")
    is_work = limits[0].name == "work" and limits[0].share >= _MOSTLY
    return f"{'Hardly anything held it up' if is_work else 'What limited it'}: {'; '.join(told)}"


def _rounded(share: float) -> str:
    """Return a share in whole percent; never 0 or 100 % of what is neither nothing nor all."""
    return f"{share * 100:.0f} %" if 0.005 <= share < 0.995 else format_share(share)


def _is_stopped(run: Replication) -> bool:
    """Tell whether a gate stopped the campaign."""
    return any(wave.gate_tripped_s is not None for wave in run.waves)


def _gates(scenario: Scenario, runs: Sequence[Replication]) -> list[Limit]:
    """Return the gates that stopped the campaign, each with the share of the fleet left unfinished."""
    stopped: dict[str, list[_Stop]] = {}
    for run in runs:
        stop = _stop_of(run)
        if stop is not None:
            stopped.setdefault(stop.wave, []).append(stop)
    devices = runs[0].metrics["devices"] or 1
    limits = []
    for wave, stops in stopped.items():
        unfinished, never = (fmean(counts) for counts in zip(*(stop.counts for stop in stops), strict=True))
        if unfinished:
            text = _stops_text(_who_stops(scenario, wave), stops, unfinished, never, len(runs))
            share = unfinished * len(stops) / len(runs) / devices
            limits.append(Limit("gate", text, share, "devices", ("campaign.waves",)))
    return sorted(limits, key=lambda limit: -limit.share)


def _stop_of(run: Replication) -> _Stop | None:
    """Return what the stop of a campaign left; None if nothing stopped it."""
    wave = next((wave for wave in run.waves if wave.gate_tripped_s is not None), None)
    if wave is None:
        return None
    unfinished = (run.metrics["stopped"] or 0) + (run.metrics["pending"] or 0)
    never = (run.metrics["devices"] or 0) - sum(one.exposed for one in run.waves)
    return _Stop(wave.name, wave.gate_tripped_s or 0.0, (unfinished, min(never, unfinished)))


def _who_stops(scenario: Scenario, wave: str) -> str:
    """Return what stopped a campaign in a wave: its gate, or without one the dispatch ramp."""
    is_gated = any(plan.name == wave and plan.gate is not None for plan in scenario.campaign.waves)
    return f"the gate of wave {wave}" if is_gated else "the abort of the dispatch ramp"


def _stops_text(who: str, stops: list[_Stop], unfinished: float, never: float, n_runs: int) -> str:
    """Say what stopped a campaign, when or how often, and how many devices that left."""
    if n_runs == 1:
        when = f"which stopped it after {format_duration(round(stops[0].time_s))}"
    else:
        when = f"which stopped {format_count(len(stops))} of {counted(n_runs, 'run')}"
    if never == unfinished:
        left = f"{format_count(never)} never reached"
    else:
        left = f"{format_count(unfinished)} unfinished"
        left += f", {format_count(never)} of them never reached" if never else ""
    mean = "on average " if len(stops) > 1 else ""
    return f"{who}, {when} ({mean}{left})"


def _end_of_run(scenario: Scenario, devices: float, pending: float, unstarted: float | None) -> list[Limit]:
    """Return the end of the run if devices were still pending then.

    Args:
        scenario: Says how long the run lasts.
        devices: All devices.
        pending: Those that were pending at the end.
        unstarted: Of these, those that had begun no attempt; None if that is not known.
    """
    if not pending:
        return []
    when = format_duration(scenario.run.until)
    gates = "a gate or " if unstarted is None and may_stop(scenario) else ""
    text = f"{gates}the end of the run after {when} ({counted(pending, 'device')} still pending"
    if unstarted:
        text += f", {format_count(unstarted)} of them before their first attempt"
    return [Limit("end_of_run", f"{text})", pending / devices, "devices", ("run.until",))]


def _soak(run: Replication) -> list[Limit]:
    """Return the time between waves in which nothing ran, if it is a noticeable part of the campaign."""
    waited = sum(
        max(after.started_s - before.settled_s, 0.0)
        for before, after in pairwise(run.waves)
        if before.settled_s is not None and after.started_s is not None
    )
    whole = run.metrics["makespan"] or run.end_s
    share = waited / whole if whole else 0.0
    if share < _LEAST:
        return []
    return [Limit("soak", "the wait between waves", share, "campaign_time", ("campaign.waves",))]


def _time(scenario: Scenario, metrics: Mapping[str, Metric]) -> list[Limit]:
    """Return what the time of devices went to, the largest shares first; work counts as one thing."""
    known = {name: metrics[f"held_up.{name}"] or 0.0 for name in HELD_UP}
    told = [
        _limit(name, share, _wait(scenario, metrics, name))
        for name, share in known.items()
        if name not in WORK and share >= _LEAST
    ]
    work = sum(known[name] for name in WORK)
    if work >= _LEAST:
        parts = sorted((name for name in WORK if known[name] >= _LEAST), key=lambda name: -known[name])
        named = ", ".join(f"{_WORDS.get(name, name)} {_rounded(known[name])}" for name in parts)
        told.append(Limit("work", f"the work itself{f' ({named})' if named else ''}", work, "device_time"))
    return sorted(told, key=lambda limit: -limit.share)[:_MOST_TOLD]


def _limit(name: str, share: float, wait: _Wait) -> Limit:
    """Return a wait as what limited a campaign."""
    return Limit(name, wait.text, share, "device_time", wait.fields)


def _wait(scenario: Scenario, metrics: Mapping[str, Metric], name: str) -> _Wait:
    """Return what a wait of `HELD_UP` was for, and the fields that set it."""
    if name == "ready_queue":
        return _ready(scenario, metrics)
    if name == "shared_link":
        return _shared_link(scenario, metrics)
    platform, policy, cohorts = scenario.platform, scenario.campaign.task_policy, scenario.fleet.cohorts
    has_cells = any(cohort.cell is not None for cohort in cohorts)
    place = (
        ("places in radio cells", "platform.cell_places")
        if has_cells
        else ("turns at sites", "site.at_a_time")
    )
    waits: dict[str, tuple[str, ...]] = {
        "place_queue": place,
        "offline": ("devices offline", "run.until"),
        "window": ("closed windows", "windows"),
        "outage": (_outage_text(scenario), "outages"),
        "download_place": (
            f"download places ({format_count(platform.max_downloads or 0)})",
            "platform.max_downloads",
        ),
        "timer": ("silence until a timer of the platform ran out", "platform.timers"),
        "retry_wait": (
            f"the retry interval ({format_duration(policy.retry_interval or 0)})",
            "campaign.task_policy.retry_interval",
        ),
        "call_wait": ("failed or stopped devices that waited for a retry call", "operators"),
    }
    text, *fields = waits.get(name, (HELD_UP[name],))
    return _Wait(text, tuple(fields))


def _ready(scenario: Scenario, metrics: Mapping[str, Metric]) -> _Wait:
    """Return what devices in the ready queue waited for: a place, or their turn."""
    platform = scenario.platform
    parts, fields = [], []
    if platform.max_processing is not None and (metrics["peak_processing"] or 0) >= platform.max_processing:
        parts.append(f"places in Processing ({format_count(platform.max_processing)})")
        fields.append("platform.max_processing")
    if platform.dispatch_rate is not None:
        parts.append(f"the dispatch rate ({format_frequency(platform.dispatch_rate)})")
        fields.append("platform.dispatch_rate")
    if scenario.campaign.what_if.dispatch_ramp is not None:
        parts.append("the dispatch ramp")
        fields.append("campaign.what_if.dispatch_ramp")
    return _Wait(" and ".join(parts) or "the ready queue", tuple(fields))


def _shared_link(scenario: Scenario, metrics: Mapping[str, Metric]) -> _Wait:
    """Return which lines devices share; the platform's one is not told beside others if it was never full."""
    parts, fields = [], []
    rates = [cohort.site.uplink for cohort in scenario.fleet.cohorts if cohort.site is not None]
    rates += [site.uplink for site in (scenario.fleet.sites or {}).values()]
    known = [rate for rate in rates if rate is not None]
    bandwidth, peak = scenario.platform.bandwidth, metrics["peak_bandwidth"]
    is_cut = any(outage.effect.bandwidth is not None for outage in scenario.outages)
    if bandwidth is not None and (not known or is_cut or peak is None or peak >= _FULL * bandwidth):
        parts.append(f"the shared bandwidth ({format_rate(bandwidth)})")
        fields.append("platform.bandwidth")
    if known:
        lowest, highest = format_rate(min(known)), format_rate(max(known))
        parts.append(f"lines of sites ({lowest if lowest == highest else f'{lowest} to {highest}'})")
        fields.append("site.uplink")
    return _Wait(" and ".join(parts) or "shared links", tuple(fields))


def _outage_text(scenario: Scenario) -> str:
    """Return whether it was outages that held devices, freezes, or both."""
    freezes = [bool(outage.effect.freeze) for outage in scenario.outages]
    return "freezes" if all(freezes) else "outages and freezes" if any(freezes) else "outages"
