"""What a scenario holds that changed nothing in a run: outages, windows, waves, operators and conditions.

Most often it was meant to: an outage of Tuesday after everybody was done on Monday, a condition of a cohort
whose devices never fail. Only what certainly touched nobody is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sim.fleet.held_up import Hold
from sim.fleet.spec import NEVER, TICKS_PER_S
from sim.rules import IS_LIVE
from sim.scenario.short.dates import has_date
from sim.units import format_duration
from sim.wall_clock import later, offset_text

if TYPE_CHECKING:
    from sim.campaign.record import CallRecord, CampaignRun
    from sim.fleet.spec import Int64s
    from sim.scenario import Cause, Scenario


def idle_sentences(run: CampaignRun) -> tuple[str, ...]:
    """Return a sentence for each part of the scenario that touched nobody.

    Args:
        run: A run. Read only.
    """
    return (*_waves(run), *_windows(run), *_outages(run), *_operators(run), *_conditions(run))


def _waves(run: CampaignRun) -> Iterator[str]:
    """Yield waves without devices; of those that never began, only what stopped no campaign."""
    for wave in run.waves:
        if wave.started_s is not None and wave.n_devices == 0:
            yield f"wave {wave.name} touched nobody: the waves before it have all of its devices"
        elif wave.started_s is not None and wave.exposed == 0:
            yield f"wave {wave.name} touched nobody: none of its devices was dispatched before the run ended"
    is_stopped = any(wave.gate_reason is not None for wave in run.waves)
    is_cut = any(task.status in ("Stopping", "Stopped") for task in run.tasks)
    waiting = [wave.name for wave in run.waves if wave.started_s is None]
    if waiting and not is_stopped and not is_cut:
        named = "wave" if len(waiting) == 1 else "waves"
        yield f"{named} {', '.join(waiting)} touched nobody: the run ended before"


def _windows(run: CampaignRun) -> Iterator[str]:
    """Yield windows that nobody waited for."""
    waited = run.held_up.by_cohort[:, Hold.WINDOW]
    for number, cohort in enumerate(run.scenario.fleet.cohorts):
        if cohort.windows and waited[number] == 0:
            several = "window" if len(cohort.windows) == 1 else "windows"
            yield f"the {several} of {cohort.name} touched nobody: no device waited for an opening"


def _outages(run: CampaignRun) -> Iterator[str]:
    """Yield outages in which no device of theirs was between its first dispatch and its end.

    And those that can only make devices wait, where none of their cohorts waited for the end of any.
    """
    scenario = run.scenario
    if not scenario.outages:
        return
    first, last = _active_ticks(run)
    for i_outage, outage in enumerate(scenario.outages):
        chosen = [
            number
            for number, name in enumerate(scenario.cohort_names)
            if outage.cohorts is None or name in outage.cohorts
        ]
        begins = outage.at * TICKS_PER_S
        ends = begins + outage.lasts * TICKS_PER_S
        # A freeze holds up who waits for his dispatch.
        since = np.zeros(len(chosen)) if outage.effect.freeze else first[chosen]
        whose = "no device" if outage.cohorts is None else f"no device of {', '.join(outage.cohorts)}"
        when = " to ".join(_moment(scenario, i_outage, at) for at in (outage.at, outage.at + outage.lasts))
        when = f"from {when}"
        only_holds = outage.effect.bandwidth == 0 or outage.effect.unreachable or outage.effect.freeze
        if not bool(((since < ends) & (last[chosen] > begins)).any()):
            yield f"outages[{i_outage}] ({when}) touched nobody: {whose} was being upgraded then"
        elif only_holds and not run.held_up.by_cohort[chosen, Hold.OUTAGE].any():
            yield f"outages[{i_outage}] ({when}) touched nobody: {whose} waited for its end"


def _moment(scenario: Scenario, i_outage: int, at_s: float) -> str:
    """Return a time of an outage as the file counts: since the start of the run, or by the calendar."""
    given = scenario.source.data["outages"][i_outage]
    if not any(has_date(given.get(key)) for key in ("at", "from", "until")):
        return format_duration(at_s)
    moment = later(scenario.starts, at_s)
    return f"{moment:%Y-%m-%d %H:%M} {offset_text(moment)}"


def _active_ticks(run: CampaignRun) -> tuple[Int64s, Int64s]:
    """Return the first dispatch and the last end of each cohort; (C,) int64 each.

    A device that is pending ends never; in a cohort without any dispatch the first one is never, too.
    """
    records, cohort = run.records, run.spec.cohort
    started = records.first_start >= 0
    ends = np.where(IS_LIVE[records.status] & (records.task >= 0), NEVER, records.end)
    n_cohorts = len(run.scenario.cohort_names)
    first, last = np.full(n_cohorts, NEVER, np.int64), np.full(n_cohorts, -1, np.int64)
    np.minimum.at(first, cohort[started], records.first_start[started])
    np.maximum.at(last, cohort, ends)
    return first, last


def _operators(run: CampaignRun) -> Iterator[str]:
    """Yield operators none of whose calls did anything."""
    for i_operator, operator in enumerate(run.scenario.operators):
        label = f"operators[{i_operator}]"
        calls = [call for call in run.calls if call.caller == label]
        if not calls:
            yield f"{label} ({operator.call}) never called"
        elif not any(_has_acted(call) for call in calls):
            several = "its call" if len(calls) == 1 else f"none of its {len(calls):,} calls"
            yield f"{label} ({operator.call}) touched nobody: {several} found {_a_target(len(calls))}"


def _has_acted(call: CallRecord) -> bool:
    return call.http_status < 300 and (call.call == "delete" or len(call.accepted) > 0)


def _a_target(n_calls: int) -> str:
    return "no target" if n_calls == 1 else "a target"


def _conditions(run: CampaignRun) -> Iterator[str]:
    """Yield conditions of devices that never failed, nor may still be silent when the run ended."""
    scenario, records = run.scenario, run.records
    lists: list[tuple[str, Sequence[Cause]]] = [("failures", scenario.failures)]
    lists += [(f"fleet.cohorts.{one.name}.failures", one.failures) for one in scenario.fleet.cohorts]
    if not any(cause.is_condition for _, causes in lists for cause in causes):
        return
    has_failed = (records.first_failure >= 0) | (IS_LIVE[records.status] & (records.task >= 0))
    failed = {scenario.cohort_names[number] for number in np.unique(run.spec.cohort[has_failed]).tolist()}
    for path, causes in lists:
        for i_cause, cause in enumerate(causes):
            met = [one.name for one in scenario.fleet.cohorts if cause in scenario.failures_of(one)]
            if cause.is_condition and not failed & set(met):
                what = "silent" if cause.silent else f"code {cause.code}"
                yield f"{path}[{i_cause}] ({what} at {cause.stage}) touched nobody: no attempt failed"
