"""What limited a campaign: read off the accounts of its own run, without running it again.

Decision: what is told is what devices waited for and for what share of their time, not which change would
help: that takes runs (`fleetsim explain SCENARIO`), and a summary must cost nothing. What no device's
account holds, since it was never released, comes first: a gate that stopped the campaign, the end of the run,
the soak between waves.
"""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Final, NamedTuple

from sim.results.display.format import counted, format_count, format_share
from sim.results.display.limiting_waits import WORK, Shown, wait_of
from sim.results.statistics import estimate, may_stop
from sim.scenario.metrics import HELD_UP
from sim.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sim.results.replication import Replication
    from sim.results.statistics import Metric
    from sim.scenario import Scenario

_WORDS: Final = {"verify": "verification", "query": "version query", "coverage": "coverage check"}
_LEAST: Final = 0.05
"""Smaller shares limit nothing."""
_MOSTLY: Final = 0.5
_MOST_TOLD: Final = 3
_WHOLE: Final = {
    "device_time": " of device time",
    "devices": " of the fleet",
    "campaign_time": " of the campaign's time",
}


class _Stop(NamedTuple):
    """A stop of one run: in which wave, when, and how many devices it left unfinished and never reached."""

    wave: str
    time_s: float
    counts: tuple[float, float]


class Limit(NamedTuple):
    """One thing that limited a campaign.

    Attributes:
        name: Of `HELD_UP`; or `work`, `gate`, `end_of_run`, `soak` or `task_start`.
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
    waits = frozenset(name for run in runs for name, of in run.by_cohort.items() if of["held_up.place_queue"])
    shown = Shown(fmean(run.time_spent.fleet.device_time_s for run in runs), waits)
    timed = _with_tasks(_task_starts(scenario, runs), _time(scenario, metrics, shown))
    return _few_last([*_gates(scenario, runs), *ends, *_soak(runs), *timed])


def limits_by_metrics(scenario: Scenario, metrics: Mapping[str, Metric]) -> list[Limit]:
    """Return what limited a campaign of which only the metrics are known, the most important first.

    Args:
        scenario: What was run.
        metrics: Those of a run, or their means over some.
    """
    devices, pending = metrics["devices"] or 0, metrics["pending"] or 0
    return _few_last([*_end_of_run(scenario, devices, pending, None), *_time(scenario, metrics, None)])


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
    return f"{'Hardly anything held it up' if is_work(limits) else 'What limited it'}: {'; '.join(told)}"


def is_work(limits: Sequence[Limit]) -> bool:
    """Tell whether most of the time went to the work itself, so that hardly anything limited a campaign.

    Args:
        limits: The most important first.
    """
    return bool(limits) and limits[0].name == "work" and limits[0].share >= _MOSTLY


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


def _soak(runs: Sequence[Replication]) -> list[Limit]:
    """Return the time in which no wave ran yet or any more, if it is a noticeable part of the campaign."""
    first, later = (fmean(shares) for shares in zip(*map(_wave_waits, runs), strict=True))
    if first + later < _LEAST:
        return []
    when = "before the first wave" if later < _LEAST else "before and between waves"
    text = f"the wait {'between waves' if first < _LEAST else when}"
    return [Limit("soak", text, first + later, "campaign_time", ("campaign.waves",))]


def _wave_waits(run: Replication) -> tuple[float, float]:
    """Return the shares of a campaign's time before its first wave, and between that and later ones."""
    covered_s, waits = 0.0, []
    is_ended = _is_stopped(run) or any(task.status == "Stopped" for task in run.tasks)
    for wave in sorted(run.waves, key=lambda wave: _or_end(wave.started_s, run)):
        if wave.started_s is None and is_ended:
            break  # none was to begin any more
        waits.append(max(_or_end(wave.started_s, run) - covered_s, 0.0))
        covered_s = max(covered_s, _or_end(wave.settled_s, run))
    whole = run.metrics["makespan"] or run.end_s
    return (waits[0] / whole, sum(waits[1:]) / whole) if waits and whole else (0.0, 0.0)


def _or_end(time_s: float | None, run: Replication) -> float:
    """Return a time, or the end of the run for what did not happen, seconds."""
    return run.end_s if time_s is None else time_s


def _task_starts(scenario: Scenario, runs: Sequence[Replication]) -> list[Limit]:
    """Return for how long devices waited on average until their task began; no account holds it."""
    share = fmean(map(_task_wait, runs))
    if share < _LEAST:
        return []
    campaign = scenario.campaign
    ahead, most = campaign.task_policy.schedule_time, campaign.limits.tasks_in_progress
    parts, fields = [], []
    if ahead:
        parts.append(f"scheduled {format_duration(ahead)} ahead")
        fields.append("campaign.task_policy.schedule_time")
    if campaign.need_confirm:
        parts.append("until a call confirms them")
        fields.append("campaign.need_confirm")
    if any(len(run.tasks) > most for run in runs):
        parts.append(f"at most {format_count(most)} in progress")
        fields.append("campaign.limits.tasks_in_progress")
    told = f" ({', '.join(parts)})" if parts else ""
    text = f"tasks that waited to begin{told}"
    return [Limit("task_start", text, share, "campaign_time", tuple(fields))]


def _task_wait(run: Replication) -> float:
    """Return the share of a campaign's time for which devices waited for their task to begin, on average."""
    targets, whole = sum(task.n_targets for task in run.tasks), run.metrics["makespan"] or run.end_s
    if not targets or not whole:
        return 0.0
    begun = ((task, task.settled_s if task.started_s is None else task.started_s) for task in run.tasks)
    waited = (task.n_targets * (_or_end(begun_s, run) - task.created_s) for task, begun_s in begun)
    return sum(waited) / targets / whole


def _with_tasks(tasks: list[Limit], timed: list[Limit]) -> list[Limit]:
    """Return what time went to with waits of tasks before work and smaller waits."""
    share = tasks[0].share if tasks else 0.0
    at = next((i for i, one in enumerate(timed) if one.name == "work" or one.share < share), len(timed))
    return [*timed[:at], *tasks, *timed[at:]][:_MOST_TOLD]


def _time(scenario: Scenario, metrics: Mapping[str, Metric], shown: Shown | None) -> list[Limit]:
    """Return what the time of devices went to, the largest shares first; work counts as one thing."""
    known = {name: metrics[f"held_up.{name}"] or 0.0 for name in HELD_UP}
    told = [
        Limit(name, wait.text, share, "device_time", wait.fields)
        for name, share in known.items()
        if name not in WORK and share >= _LEAST and (wait := wait_of(scenario, metrics, name, shown))
    ]
    work = sum(known[name] for name in WORK)
    if work >= _LEAST:
        parts = sorted((name for name in WORK if known[name] >= _LEAST), key=lambda name: -known[name])
        named = ", ".join(f"{_WORDS.get(name, name)} {_rounded(known[name])}" for name in parts)
        told.append(Limit("work", f"the work itself{f' ({named})' if named else ''}", work, "device_time"))
    return sorted(told, key=lambda limit: -limit.share)[:_MOST_TOLD]
